//! What can be seen of a run from outside: what was scraped, asked and answered, and when. The judge gets nothing else.

use std::time::Duration;

use exposition::model::{Family, Value};
use jiff::Timestamp;

use domain::range::CivilRange;

use crate::body::Meaning;
use crate::history::Life;
use crate::truth::{Form, SentRow};

/// `at` is the true time, `host` what the host's clock says then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct When {
    pub at: Timestamp,
    pub host: Timestamp,
}

#[derive(Debug)]
pub enum Event<'a> {
    LifeBegan {
        life: &'a Life,
    },
    Scraped(Scrape),
    Asked {
        range: CivilRange,
        token: usize,
    },
    Answered(Box<Told>),
    /// From here on all is well.
    CalmBegan,
    LifeEnded,
    HistoryEnded,
}

/// A call to the API that ended.
#[derive(Debug, Clone)]
pub struct Told {
    pub asked: CivilRange,
    pub from: When,
    pub to: When,
    /// When what it says was so: earlier than it was asked for, if a cache made it.
    pub made: Timestamp,
    pub token: usize,
    pub meaning: Meaning,
    pub rows: Vec<SentRow>,
    /// Rows that were announced and not delivered; and of these the calls that other answers deliver.
    pub short: u64,
    pub held_back: Vec<usize>,
    pub retry_after: Option<Duration>,
    pub head: Head,
    /// Whether its time is the true one, as near as it can be known.
    pub time_is_right: bool,
}

/// What the head says of the time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Head {
    pub date: Option<Timestamp>,
    pub age: Duration,
}

impl Told {
    pub fn is_whole(&self) -> bool {
        self.short == 0
    }
}

#[derive(Debug, Clone)]
pub struct Scrape(pub Vec<Family>);

impl Scrape {
    pub fn family(&self, name: &str) -> Result<&Family, String> {
        self.0.iter().find(|family| family.name == name).ok_or_else(|| format!("{name} is not there"))
    }

    /// The value of a family with one series or none.
    pub fn gauge(&self, name: &str) -> Result<Option<f64>, String> {
        Ok(self.family(name)?.series.first().map(|series| number(&series.value)))
    }

    pub fn count(&self, name: &str) -> Result<u64, String> {
        self.gauge(name)?.map(|value| value as u64).ok_or_else(|| format!("{name} has no series"))
    }

    /// A family's values, each with that of its last label.
    pub fn by_label(&self, name: &str) -> Result<Vec<(String, u64)>, String> {
        let value = |series: &exposition::model::Series| {
            let label = series.labels.last().map_or(String::new(), |(_, value)| value.to_string());
            (label, number(&series.value) as u64)
        };
        Ok(self.family(name)?.series.iter().map(value).collect())
    }
}

pub fn number(value: &Value) -> f64 {
    match value {
        Value::Counter(value) | Value::Gauge(value) => *value,
        Value::Histogram(_) => f64::NAN,
    }
}

/// An event in one line, for whoever looks for what went wrong.
pub fn line(now: When, event: &Event<'_>) -> String {
    let what = match event {
        Event::LifeBegan { life } => format!("a life of {} s begins: {:?}", life.seconds, life.settings),
        Event::Scraped(scrape) => {
            let told = |name| scrape.by_label(name).unwrap_or_default();
            let only = |name| told(name).into_iter().filter(|(_, count)| *count > 0).collect::<Vec<_>>();
            format!(
                "scraped: complete until {:?}, polls {:?}, rows {:?}, windows {:?}, skipped {:?}, missing {:?}, catching_up {:?}",
                told("wolkvox_complete_until_timestamp_seconds")
                    .first()
                    .map(|(_, at)| Timestamp::from_second(*at as i64)),
                only("wolkvox_polls_total"),
                only("wolkvox_rows_total"),
                scrape.gauge("wolkvox_windows_total"),
                scrape.gauge("wolkvox_skipped_seconds_total"),
                scrape.gauge("wolkvox_rows_missing_total"),
                scrape.gauge("wolkvox_catching_up"),
            )
        }
        Event::Asked { range, token } => format!("asked for {range} with token {token}"),
        Event::Answered(told) => format!(
            "answered after {} s: {:?}, rows {:?}, {} short, {:?}, made at {}{}",
            told.to.at.duration_since(told.from.at).as_secs(),
            told.meaning,
            told.rows.iter().map(row).collect::<Vec<_>>(),
            told.short,
            told.head,
            told.made,
            told.retry_after.map_or(String::new(), |wish| format!(", to be left alone for {wish:?}")),
        ),
        other => format!("{other:?}"),
    };
    let host = now.host.duration_since(now.at).as_secs();
    format!("{} (host {host:+} s) {what}", now.at)
}

fn row(row: &SentRow) -> String {
    let form = match &row.form {
        Form::Readable { abandoned, twin, .. } => match (abandoned, twin) {
            (true, false) => "abandoned",
            (false, false) => "answered",
            (true, true) => "abandoned twin",
            (false, true) => "answered twin",
        },
        Form::Spoilt(_) => "spoilt",
    };
    format!("{} {form}", row.call)
}

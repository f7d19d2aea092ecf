//! What can be seen of a run from outside: what was scraped, asked and answered, and when. The judge gets nothing else.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use exposition::model::{Family, Series, Value};
use jiff::Timestamp;
use jiff::civil::Date;

use domain::range::CivilRange;

use crate::body::Meaning;
use crate::history::{Kind, Life};
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
    Scraped(Scraped),
    Asked {
        kind: Kind,
        range: CivilRange,
        token: usize,
    },
    Answered(Box<Told>),
    /// From here on all is well.
    CalmBegan,
    /// The polls have ended; of a call that was being made nothing comes.
    PollsEnded,
    LifeEnded,
    HistoryEnded,
}

/// A call to the API that ended.
#[derive(Debug, Clone)]
pub struct Told {
    pub kind: Kind,
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

/// What there is to see at one moment.
#[derive(Debug)]
pub struct Scraped {
    /// What is stored, as families: what the exporter would begin with, were it killed now.
    pub families: Arc<Vec<Family>>,
    /// What a scrape is shown, where that is not the same.
    pub shown: Option<Vec<Family>>,
    /// What is stored of the days, by report.
    pub days: Vec<Arc<Days>>,
}

/// What a report's account says of single days.
#[derive(Debug, Default)]
pub struct Days {
    /// From here on they are kept.
    pub from: Timestamp,
    pub calls: BTreeMap<(Date, Key), OfDay>,
    /// Calls by quarter of an hour.
    pub quarters: BTreeMap<i64, u64>,
    /// What was never read, in seconds.
    pub unread: Vec<(i64, i64)>,
}

/// Skill and type of interaction.
pub type Key = (String, String);

#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct OfDay {
    pub calls: u64,
    /// Those of them that have a time, and the sum of their times.
    pub timed: u64,
    pub seconds: f64,
}

/// What there is to see of one report.
#[derive(Debug, Clone, Copy)]
pub struct Scrape<'a> {
    pub kind: Kind,
    pub families: &'a [Family],
}

impl Scraped {
    pub fn of(&self, kind: Kind) -> Scrape<'_> {
        Scrape { kind, families: &self.families }
    }
}

impl Scrape<'_> {
    pub fn family(&self, name: &str) -> Result<&Family, String> {
        self.families.iter().find(|family| family.name == name).ok_or_else(|| format!("{name} is not there"))
    }

    /// The series of a family that are of this report, or of none.
    fn series(&self, name: &str) -> Result<impl Iterator<Item = &Series>, String> {
        let is_own = |series: &&Series| {
            series.labels.iter().all(|(label, value)| label != "report" || **value == *self.kind.name())
        };
        Ok(self.family(name)?.series.iter().filter(is_own))
    }

    /// The value of a family with one series or none.
    pub fn gauge(&self, name: &str) -> Result<Option<f64>, String> {
        Ok(self.series(name)?.next().map(|series| number(&series.value)))
    }

    pub fn count(&self, name: &str) -> Result<u64, String> {
        self.gauge(name)?.map(|value| value as u64).ok_or_else(|| format!("{name} has no series"))
    }

    /// A family's values, each with that of its last label.
    pub fn by_label(&self, name: &str) -> Result<Vec<(String, u64)>, String> {
        let value = |series: &Series| {
            let label = series.labels.last().map_or(String::new(), |(_, value)| value.to_string());
            (label, number(&series.value) as u64)
        };
        Ok(self.series(name)?.map(value).collect())
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
        Event::Scraped(scraped) => {
            let kinds = Kind::ALL.into_iter().take(scraped.days.len());
            let all: Vec<_> = kinds.map(|kind| told_of(&scraped.of(kind))).collect();
            let shown = if scraped.shown.is_some() { ", of which not all is shown" } else { "" };
            format!("scraped: {}{shown}", all.join("; "))
        }
        Event::Asked { kind, range, token } => format!("asked for {} of {range} with token {token}", kind.name()),
        Event::Answered(told) => format!(
            "{} answered after {} s: {:?}, rows {:?}, {} short, {:?}, made at {}{}",
            told.kind.name(),
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

fn told_of(scrape: &Scrape<'_>) -> String {
    let told = |name| scrape.by_label(name).unwrap_or_default();
    let only = |name| told(name).into_iter().filter(|(_, count)| *count > 0).collect::<Vec<_>>();
    let single = |name| scrape.gauge(name).ok().flatten();
    format!(
        "{} complete until {:?}, polls {:?}, rows {:?}, windows {:?}, skipped {:?}, missing {:?}, catching_up {:?}",
        scrape.kind.name(),
        single("wolkvox_complete_until_timestamp_seconds").map(|at| Timestamp::from_second(at as i64)),
        only("wolkvox_polls_total"),
        only("wolkvox_rows_total"),
        single("wolkvox_windows_total"),
        single("wolkvox_skipped_seconds_total"),
        single("wolkvox_rows_missing_total"),
        single("wolkvox_catching_up"),
    )
}

fn row(row: &SentRow) -> String {
    let form = match &row.form {
        Form::Readable { counts, twin, .. } => match (counts, twin) {
            (true, false) => "counts",
            (false, false) => "other",
            (true, true) => "twin counts",
            (false, true) => "other twin",
        },
        Form::Spoilt(_) => "spoilt",
    };
    format!("{} {form}", row.call)
}

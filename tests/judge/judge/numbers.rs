use std::collections::{BTreeMap, HashMap};

use exposition::model::{Family, Kind, Value};
use jiff::Timestamp;

use super::names;
use crate::trace::Scrape;

/// What a scrape says beside the label sets.
#[derive(Debug, Clone, PartialEq)]
pub struct Numbers {
    pub polls: BTreeMap<String, u64>,
    pub rows: BTreeMap<String, u64>,
    pub rejected: BTreeMap<String, u64>,
    pub missing: u64,
    pub unreadable: u64,
    pub late: u64,
    pub skipped: u64,
    pub overflow: u64,
    pub windows: u64,
    pub complete: Timestamp,
    pub keys: u64,
}

impl Numbers {
    pub fn of(scrape: &Scrape<'_>) -> Result<Self, String> {
        let map = |name| Ok::<_, String>(scrape.by_label(name)?.into_iter().collect());
        let complete = scrape.gauge("wolkvox_complete_until_timestamp_seconds")?.ok_or("no complete_until")?;
        Ok(Self {
            polls: map("wolkvox_polls_total")?,
            rows: map("wolkvox_rows_total")?,
            rejected: map("wolkvox_rows_rejected_total")?,
            missing: scrape.count("wolkvox_rows_missing_total")?,
            unreadable: scrape.count(names(scrape.kind).unreadable)?,
            late: scrape.count("wolkvox_late_rows_total")?,
            skipped: scrape.count("wolkvox_skipped_seconds_total")?,
            overflow: scrape.count("wolkvox_series_overflow_total")?,
            windows: scrape.count("wolkvox_windows_total")?,
            complete: Timestamp::from_second(complete as i64).map_err(|error| error.to_string())?,
            keys: scrape.count("wolkvox_ledger_keys")?,
        })
    }

    pub fn all_rows(&self) -> u64 {
        self.rows.values().sum()
    }
}

/// The highest value seen of everything that never falls, by a name that a renamed skill keeps. A bucket that the
/// configuration removed is not there, and may come back.
#[derive(Default)]
pub struct Floor {
    values: HashMap<String, f64>,
    last: Vec<Family>,
}

impl Floor {
    pub fn nothing_falls(&mut self, families: &[Family]) -> Result<(), String> {
        let lasting = |family: &&Family| {
            family.kind != Kind::Gauge && family.name.starts_with("wolkvox_") && !PER_PROCESS.contains(&&*family.name)
        };
        for family in families.iter().filter(lasting) {
            match self.last.iter_mut().find(|last| last.name == family.name) {
                // Most are what they were.
                Some(last) if last == family => continue,
                Some(last) => *last = family.clone(),
                None => self.last.push(family.clone()),
            }
            self.compare(family)?;
        }
        Ok(())
    }

    fn compare(&mut self, family: &Family) -> Result<(), String> {
        for series in &family.series {
            let labels = series.labels.iter().filter(|(name, _)| name != "skill_name");
            let identity = labels.fold(family.name.to_string(), |all, (_, value)| all + "/" + value);
            let mut check = |part: String, value: f64| {
                let floor = self.values.entry(part).or_insert(value);
                let fell = value < *floor;
                *floor = value;
                if fell { Err(format!("{identity} fell to {value}")) } else { Ok(()) }
            };
            match &series.value {
                Value::Counter(value) | Value::Gauge(value) => check(identity.clone(), *value)?,
                Value::Histogram(histogram) => {
                    check(format!("{identity} count"), histogram.count as f64)?;
                    check(format!("{identity} sum"), histogram.sum)?;
                    for (bound, count) in &histogram.buckets {
                        check(format!("{identity} le {bound}"), *count as f64)?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// These begin with the process.
const PER_PROCESS: [&str; 3] =
    ["wolkvox_poll_duration_seconds", "wolkvox_ledger_commit_errors_total", "wolkvox_log_lines_dropped_total"];

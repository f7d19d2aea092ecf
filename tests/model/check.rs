//! The promises, checked at every scrape, at the end of every life and at the end of the history.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use wolkvox_exporter::board::Board;
use wolkvox_exporter::config::Operation;
use wolkvox_exporter::domain::account::Account;
use wolkvox_exporter::domain::series::OTHER;
use wolkvox_exporter::domain::totals::Total;
use wolkvox_exporter::exposition::model::{Family, Kind, Value};

use crate::history::{Life, Settings};
use crate::reference::Reference;
use crate::world::World;

pub struct Checker {
    world: World,
    reference: Reference,
    /// How many of the world's answers the reference has taken over.
    taken: usize,
    start: Timestamp,
    /// The highest value seen of everything that never falls.
    floor: HashMap<String, f64>,
    /// When each series was first seen in this life, and what it showed.
    births: HashMap<String, (Timestamp, f64)>,
    known: HashSet<String>,
    settings: Option<Settings>,
    zone: TimeZone,
    steady: bool,
    /// Instants covered by used answers, as far as the API could know them.
    covered: Vec<(i64, i64)>,
    zones_were_right: bool,
    last: Option<Account>,
}

impl Checker {
    pub fn new(world: World) -> Self {
        Self {
            world,
            reference: Reference::default(),
            taken: 0,
            start: Timestamp::MIN,
            floor: HashMap::new(),
            births: HashMap::new(),
            known: HashSet::new(),
            settings: None,
            zone: TimeZone::UTC,
            steady: true,
            covered: Vec::new(),
            zones_were_right: true,
            last: None,
        }
    }

    pub fn life_began(&mut self, life: &Life, operation: &Operation, account: &Account) {
        if self.settings.is_none() {
            self.start = account.marks.start;
        }
        self.settings = Some(life.settings.clone());
        self.zone = operation.timezone.clone();
        self.steady &= life.clock_error == 0;
        self.zones_were_right &= life.settings.wrong_zone.is_none();
        self.births.clear();
    }

    pub fn scrape(&mut self, board: &Board, account: &Account, now: Timestamp) -> Result<(), String> {
        self.take_answers(account)?;
        let (calls, others) = board.exposition(now);
        let calls = calls.families();
        let hold = Duration::from_secs(self.settings.as_ref().unwrap().hold);
        let mut names: HashMap<&str, &str> = HashMap::new();
        for family in calls.iter().chain(&others) {
            for (identity, value) in cumulative_values(family) {
                let floor = self.floor.entry(identity.clone()).or_insert(value);
                if value < *floor {
                    return Err(format!("{identity} fell from {floor} to {value}"));
                }
                *floor = value;
            }
        }
        for series in &calls[0].series {
            let label = |name: &str| series.labels.iter().find(|(label, _)| label == name).map(|(_, value)| &**value);
            let (id, name) = (label("skill_id").unwrap(), label("skill_name").unwrap());
            if *names.entry(id).or_insert(name) != name {
                return Err(format!("one scrape shows two names of skill {id}"));
            }
            let Value::Counter(value) = series.value else { return Err("no counter".to_owned()) };
            let identity = format!("{id}/{}", label("type_interaction").unwrap());
            let is_new = self.known.insert(identity.clone());
            let (born, first) = *self.births.entry(identity.clone()).or_insert((now, value));
            if is_new && value != 0.0 && !hold.is_zero() {
                return Err(format!("{identity} appeared with {value}"));
            }
            // The first scrape may come up to a scrape interval after the series was first exposed.
            if value != first && first == 0.0 && now - crate::run::SCRAPE > born + hold {
                continue;
            }
        }
        if self.steady && account.marks.complete_until > self.world.clock.true_time() {
            return Err(format!("complete until {}, which is yet to come", account.marks.complete_until));
        }
        self.last = Some(account.clone());
        Ok(())
    }

    /// Takes over the answers since the last time. Those in between are used: the poller counts an answer in the very
    /// instant in which it comes, and no scrape falls on such an instant.
    fn take_answers(&mut self, account: &Account) -> Result<(), String> {
        let told = self.world.shared().told.lock().unwrap();
        let settings = self.settings.clone().unwrap();
        for told in &told[self.taken..] {
            // An answer about the future is refused.
            let refused =
                self.zone.to_ambiguous_timestamp(told.asked.end).earlier().unwrap() > told.at + Duration::from_secs(5);
            if refused && !account.marks.read_before {
                self.start = account.marks.start;
            }
            if told.short {
                self.reference.uncertain = true;
            }
            if refused || told.short {
                continue;
            }
            self.reference.take(self.world.shared(), told, &self.zone, self.start, &settings);
            let from = self.zone.to_ambiguous_timestamp(told.asked.ini).earlier().unwrap();
            let to = self.zone.to_ambiguous_timestamp(told.asked.end).later().unwrap().min(told.at);
            self.covered.push((from.as_second(), to.as_second() + 1));
        }
        self.taken = told.len();
        Ok(())
    }

    pub fn life_ended(&mut self, account: &Account) -> Result<(), String> {
        self.last = Some(account.clone());
        if self.reference.uncertain {
            return Ok(());
        }
        let totals = &account.totals;
        let counted: u64 = self.reference.counted.values().map(|counted| counted.calls).sum();
        let in_ledger: u64 = account.series.values().map(|series| series.counts.calls).sum();
        equal("calls", in_ledger, counted)?;
        equal("rows", totals_of_rows(account), self.reference.rows)?;
        equal("rows counted", totals.rows("counted"), counted)?;
        equal("calls without a time", totals.get(Total::AbandonTimeUnreadable), self.reference.unreadable)?;
        self.each_series(account)
    }

    /// Calls, sums and buckets of each series; those that went to `__other__` only in sum.
    fn each_series(&self, account: &Account) -> Result<(), String> {
        let mut expected = self.reference.counted.clone();
        let overflowed = account.series.keys().any(|key| &*key.skill_id == OTHER);
        for (key, series) in account.series.iter().filter(|(key, _)| &*key.skill_id != OTHER) {
            let name = format!("series {}/{}", key.skill_id, key.type_interaction);
            let counted =
                expected.remove(&(key.skill_id.to_string(), key.type_interaction.to_string())).unwrap_or_default();
            if overflowed {
                if series.counts.calls > counted.calls {
                    return Err(format!("{name} has {} calls instead of {}", series.counts.calls, counted.calls));
                }
                continue;
            }
            equal(&name, series.counts.calls, counted.calls)?;
            equal(&name, series.counts.times.count(), counted.times.len() as u64)?;
            let sum: u64 = counted.times.iter().map(|&time| u64::from(time)).sum();
            equal(&name, series.counts.times.sum() as u64, sum)?;
            for bound in [5u32, 10, 30, 60, 120, 300, 600] {
                let below = counted.times.iter().filter(|&&time| u32::from(time) <= bound).count() as u64;
                equal(&name, series.counts.times.cumulative(&[bound])[0], below)?;
            }
        }
        if overflowed { Ok(()) } else { equal("series without calls", expected.len() as u64, 0) }
    }

    pub fn history_ended(&mut self) -> Result<(), String> {
        let account = self.last.clone().ok_or("no scrape")?;
        self.outcomes_are_counted(&account)?;
        if self.reference.uncertain || !self.zones_were_right {
            return Ok(());
        }
        // Nothing is claimed that was not read: each second from the start on was asked for after it had passed, or
        // was skipped. A repeated hour is asked for as one, so what seems covered may be more than was.
        let until = account.marks.complete_until.as_second();
        let uncovered = uncovered(&mut self.covered, self.start.as_second(), until);
        let skipped = account.totals.get(Total::SkippedSeconds) as i64;
        if uncovered > skipped {
            return Err(format!("{uncovered} s were never read, and {skipped} s are said to be skipped"));
        }
        if self.steady && skipped > uncovered + 3_600 {
            return Err(format!("{skipped} s are said to be skipped, and only {uncovered} s were never read"));
        }
        Ok(())
    }

    /// Every call that ended is counted under its outcome; one whose life ended with it may be missing.
    fn outcomes_are_counted(&self, account: &Account) -> Result<(), String> {
        let told = self.world.shared().outcomes.lock().unwrap();
        let made: u64 = told.values().sum();
        let counted: u64 = wolkvox_exporter::domain::outcome::Outcome::ALL
            .iter()
            .map(|&outcome| account.totals.get(Total::Polls(outcome)))
            .sum();
        if counted > made {
            return Err(format!("{counted} calls are counted and {made} were made"));
        }
        Ok(())
    }
}

fn totals_of_rows(account: &Account) -> u64 {
    ["counted", "duplicate", "other_result", "before_start", "not_selected", "rejected"]
        .iter()
        .map(|label| account.totals.rows(label))
        .sum()
}

fn equal(what: &str, is: u64, should: u64) -> Result<(), String> {
    if is == should { Ok(()) } else { Err(format!("{what}: {is} instead of {should}")) }
}

/// The seconds of [`from`, `until`) that no interval covers.
fn uncovered(intervals: &mut [(i64, i64)], from: i64, until: i64) -> i64 {
    intervals.sort_unstable();
    let (mut reached, mut missing) = (from, 0);
    for &(begin, end) in intervals.iter() {
        missing += (begin.min(until) - reached).max(0);
        reached = reached.max(end);
    }
    missing + (until - reached).max(0)
}

/// Everything in a family that must never fall, by a name that a renamed skill keeps. A bucket that the configuration
/// removed is not there, and may come back.
fn cumulative_values(family: &Family) -> Vec<(String, f64)> {
    let mut values = Vec::new();
    if family.kind == Kind::Gauge || family.name == "wolkvox_poll_duration_seconds" {
        return values;
    }
    for series in &family.series {
        let labels: BTreeMap<&str, &str> = series
            .labels
            .iter()
            .filter(|(name, _)| name != "skill_name")
            .map(|(name, value)| (&**name, &**value))
            .collect();
        let identity = format!("{} {labels:?}", family.name);
        match &series.value {
            Value::Counter(value) => values.push((identity, *value)),
            Value::Histogram(histogram) => {
                values.push((format!("{identity} count"), histogram.count as f64));
                values.push((format!("{identity} sum"), histogram.sum));
                let buckets = histogram.buckets.iter();
                values.extend(buckets.map(|(bound, count)| (format!("{identity} le {bound}"), *count as f64)));
            }
            Value::Gauge(_) => {}
        }
    }
    values
}

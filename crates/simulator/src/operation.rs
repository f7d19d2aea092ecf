use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::call::{Call, Injected};
use super::faults::Fault;
use super::options::OperationOptions;
use super::quirks::Quirks;
use super::report::{self, Entry, Question, Report, Setting};
use super::traffic::{self, Incident, Traffic};

/// Calls kept so that they need not be made again for the next question; about 300 bytes each.
const MOST_CACHED: usize = 200_000;

/// One operation as it runs: what it has to tell, and who may ask.
#[derive(Debug)]
pub struct Operation {
    pub name: String,
    simultaneous: u32,
    quota: Option<u32>,
    zone: TimeZone,
    /// `None` once revoked.
    token: Mutex<Option<String>>,
    quirks: Mutex<Quirks>,
    story: Mutex<Story>,
    in_flight: Arc<AtomicU32>,
    /// Calls made on a local day.
    used: Mutex<(Date, u32)>,
}

#[derive(Debug)]
struct Story {
    traffic: Traffic,
    /// Shared with the answers that are being written.
    injected: Arc<Vec<Injected>>,
    hours: HashMap<i64, Arc<Vec<Call>>>,
}

/// A call that is being answered; the token is busy until it is dropped.
#[derive(Debug)]
pub struct Turn(Arc<AtomicU32>);

impl Operation {
    pub fn new(options: OperationOptions) -> Self {
        let token = options.token();
        Self {
            name: options.name,
            simultaneous: options.simultaneous,
            quota: options.quota,
            zone: options.zone.clone(),
            token: Mutex::new(Some(token)),
            quirks: Mutex::new(options.quirks),
            story: Mutex::new(Story {
                traffic: Traffic {
                    seed: options.seed,
                    zone: options.zone,
                    skills: options.skills,
                    rate: options.rate,
                    redials: options.redials,
                    answered_share: options.answered_share,
                    lateness: options.lateness,
                    incidents: options.incidents,
                },
                injected: Arc::default(),
                hours: HashMap::new(),
            }),
            in_flight: Arc::default(),
            used: Mutex::default(),
        }
    }

    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The calls that ended in [`from`, `to`), visible or not, in the order of their end. Raw rows are not calls.
    pub fn truth(&self, from: Timestamp, to: Timestamp) -> Vec<Call> {
        let (hours, injected) = self.told(from, to);
        let generated = hours.iter().flat_map(|hour| hour.iter());
        let added = injected.iter().filter_map(|injected| match injected {
            Injected::Call(call) => Some(call),
            Injected::Raw(_) => None,
        });
        let mut calls: Vec<Call> =
            generated.chain(added).filter(|call| from <= call.at && call.at < to).cloned().collect();
        calls.sort_by_key(|call| call.at);
        calls
    }

    /// The answer to a question at `now`. Takes up to some tenths of a second for a full answer.
    pub fn answer(&self, question: &Question, now: Timestamp, faults: &[Fault]) -> Report {
        let wrong_zone = faults.iter().find_map(|fault| match fault {
            Fault::WrongZone { zone } => TimeZone::get(zone).ok(),
            _ => None,
        });
        let zone = wrong_zone.as_ref().unwrap_or(&self.zone);
        let (from, to) = question.reach(zone);
        // Nothing is visible before it has happened.
        let to = to.min(now.saturating_add(jiff::SignedDuration::from_secs(1)).unwrap_or(now));
        let (hours, injected) = self.told(from, to);
        let generated = hours.iter().flat_map(|hour| hour.iter()).map(Entry::Call);
        let added = injected.iter().map(|injected| match injected {
            Injected::Call(call) => Entry::Call(call),
            Injected::Raw(row) => Entry::Raw(row),
        });
        let quirks = self.quirks();
        report::report(generated.chain(added), question, Setting { zone, now, quirks: &quirks, faults })
    }

    fn told(&self, from: Timestamp, to: Timestamp) -> (Vec<Arc<Vec<Call>>>, Arc<Vec<Injected>>) {
        let mut story = lock(&self.story);
        let hours =
            if from < to { traffic::hours(from, to).map(|hour| story.hour(hour)).collect() } else { Vec::new() };
        (hours, story.injected.clone())
    }

    pub fn inject(&self, injected: impl IntoIterator<Item = Injected>) {
        Arc::make_mut(&mut lock(&self.story).injected).extend(injected);
    }

    /// From now on the traffic has been so; calls that were told already stay if the incident begins after them.
    pub fn add_incident(&self, incident: Incident) {
        let mut story = lock(&self.story);
        story.hours.clear();
        story.traffic.incidents.push(incident);
    }

    pub fn quirks(&self) -> Quirks {
        lock(&self.quirks).clone()
    }

    pub fn set_quirks(&self, quirks: Quirks) {
        *lock(&self.quirks) = quirks;
    }

    /// The valid token; `None` once revoked.
    pub fn token(&self) -> Option<String> {
        lock(&self.token).clone()
    }

    pub fn set_token(&self, token: Option<String>) {
        *lock(&self.token) = token;
    }

    /// Takes a turn, and says whether the token was in use by as many calls as are allowed.
    pub fn begin(&self) -> (Turn, bool) {
        let others = self.in_flight.fetch_add(1, Ordering::SeqCst);
        (Turn(self.in_flight.clone()), others >= self.simultaneous)
    }

    /// Counts a call against the day's quota; `false` once that is used up.
    pub fn spend(&self, now: Timestamp) -> bool {
        let today = self.zone.to_datetime(now).date();
        let mut used = lock(&self.used);
        if used.0 != today {
            *used = (today, 0);
        }
        used.1 = used.1.saturating_add(1);
        self.quota.is_none_or(|quota| used.1 <= quota)
    }
}

impl Story {
    fn hour(&mut self, hour: i64) -> Arc<Vec<Call>> {
        if let Some(calls) = self.hours.get(&hour) {
            return calls.clone();
        }
        let calls = Arc::new(self.traffic.hour(hour));
        if self.hours.values().map(|calls| calls.len() + 1).sum::<usize>() > MOST_CACHED {
            self.hours.clear();
        }
        self.hours.insert(hour, calls.clone());
        calls
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// What is behind these locks is whole at every moment, so that a panic elsewhere leaves nothing to mend.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        // What is answered is what a look at every call of the hours around finds, also where a clock is put back or
        // forward inside the range, at its ends, or just beside it.
        #[test]
        fn an_answer_has_the_rows_whose_local_date_is_in_the_range(
            (zone, around) in prop::sample::select(vec![
                ("America/Bogota", 1_768_900_000i64),
                ("America/Santiago", 1_775_358_000),
                ("Europe/Madrid", 1_774_746_000),
                ("Europe/Madrid", 1_792_830_000),
                ("Australia/Lord_Howe", 1_775_314_800),
            ]),
            offset in -9_000i64..9_000,
            length in 0i64..9_000,
            seen_after in 0i64..20_000,
        ) {
            let zone = TimeZone::get(zone).unwrap();
            let second = |second| Timestamp::from_second(second).unwrap();
            let options = OperationOptions { rate: 20.0, ..OperationOptions::new("x", zone.clone(), 3, 3) };
            let operation = Operation::new(options);
            let ini = zone.to_datetime(second(around + offset));
            let end = ini + jiff::SignedDuration::from_secs(length);
            let now = second(around + offset + seen_after);
            let answer = operation.answer(&Question { skill: None, ini, end }, now, &[]);
            let expected = operation
                .truth(second(around - 30_000), second(around + 30_000))
                .into_iter()
                .filter(|call| call.visible_at <= now)
                .filter(|call| (ini..=end).contains(&zone.to_datetime(call.at)))
                .count();
            prop_assert_eq!(answer.rows, expected);
        }
    }
}

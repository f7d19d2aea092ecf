use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::answer::{self, Answer, Entry, Setting};
use super::call::{Call, Injected, Skill};
use super::faults::Fault;
use super::options::OperationOptions;
use super::quirks::Quirks;
use super::report::{Question, Report};
use super::traffic::{Incident, SkillDay, Traffic};

/// Calls kept so that their days need not be played again for the next question; 40 bytes each.
const MOST_CACHED: usize = 1_000_000;
/// What a day of a skill without calls counts as.
const SMALLEST_DAY: usize = 300;

/// One operation as it runs: what it has to tell, and who may ask.
#[derive(Debug)]
pub struct Operation {
    pub name: String,
    simultaneous: u32,
    quota: Option<u32>,
    zone: TimeZone,
    skills: Vec<Skill>,
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
    /// By the day's number and the skill's place.
    days: HashMap<(i64, usize), Arc<SkillDay>>,
    /// What they count as.
    cached: usize,
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
            skills: options.skills.clone(),
            token: Mutex::new(Some(token)),
            quirks: Mutex::new(options.quirks),
            story: Mutex::new(Story {
                traffic: Traffic {
                    seed: options.seed,
                    zone: options.zone,
                    skills: options.skills,
                    rate: options.rate,
                    week: options.week,
                    patience: options.patience,
                    redials: options.redials,
                    strays: options.strays,
                    lateness: options.lateness,
                    answered_rows: options.answered_rows,
                    long_chats: options.long_chats,
                    incidents: options.incidents,
                    incidents_per_week: options.incidents_per_week,
                },
                injected: Arc::default(),
                days: HashMap::new(),
                cached: 0,
            }),
            in_flight: Arc::default(),
            used: Mutex::default(),
        }
    }

    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    pub fn skills(&self) -> &[Skill] {
        &self.skills
    }

    /// The calls that ended in [`from`, `to`), visible or not, in the order of their end. Raw rows are not calls.
    pub fn truth(&self, from: Timestamp, to: Timestamp) -> Vec<Call> {
        let mut calls = self.generated(from, to, None, |_| true);
        calls.extend(self.injected_calls().filter(|call| from <= call.at && call.at < to));
        calls.sort_by(|a, b| (a.at, &a.skill_id, &a.conn_id).cmp(&(b.at, &b.skill_id, &b.conn_id)));
        calls
    }

    /// The incidents that touch [`from`, `to`), given ones and those that the seed placed.
    pub fn incidents(&self, from: Timestamp, to: Timestamp) -> Vec<Incident> {
        lock(&self.story).traffic.incidents_within(from, to)
    }

    /// The answer to a question at `now`. Takes up to some tenths of a second for a full answer.
    pub fn answer(&self, question: &Question, now: Timestamp, faults: &[Fault]) -> Answer {
        let wrong_zone = faults.iter().find_map(|fault| match fault {
            Fault::WrongZone { zone } => TimeZone::get(zone).ok(),
            _ => None,
        });
        let zone = wrong_zone.as_ref().unwrap_or(&self.zone);
        let (from, to) = question.reach(zone);
        // Nothing is visible before it has happened.
        let to = to.min(now.saturating_add(jiff::SignedDuration::from_secs(1)).unwrap_or(now));
        let calls = self.generated(from, to, question.skill.as_deref(), |call| match question.report {
            Report::Abandoned => call.in_abandoned,
            Report::Answered => call.in_answered,
            _ => true,
        });
        let injected = lock(&self.story).injected.clone();
        let added = injected.iter().map(|injected| match injected {
            Injected::Call(call) => Entry::Call(call),
            Injected::Raw(row) => Entry::Raw(row),
        });
        let quirks = self.quirks();
        let entries = calls.iter().map(Entry::Call).chain(added);
        answer::answer(entries, question, Setting { zone, now, quirks: &quirks, faults })
    }

    /// The calls of the traffic that ended in [`from`, `to`), of one skill or of all.
    fn generated(
        &self,
        from: Timestamp,
        to: Timestamp,
        skill: Option<&str>,
        wanted: impl Fn(&Call) -> bool,
    ) -> Vec<Call> {
        let (begin, end) = (up(from), up(to));
        let mut calls = Vec::new();
        for index in 0..self.skills.len() {
            if skill.is_some_and(|id| id != &*self.skills[index].id) {
                continue;
            }
            self.skill_days(from, to, index, |day| {
                let story = lock(&self.story);
                let told = day.between(begin, end).iter().map(|outcome| outcome.call(&story.traffic, index));
                calls.extend(told.filter(|call| wanted(call)));
            });
        }
        calls
    }

    /// Looks at the days of a skill whose calls can have ended in [`from`, `to`).
    pub(super) fn skill_days(&self, from: Timestamp, to: Timestamp, skill: usize, mut look: impl FnMut(&SkillDay)) {
        if to <= from {
            return;
        }
        let days = lock(&self.story).traffic.days(from, to);
        for number in days {
            let day = lock(&self.story).day(number, skill);
            look(&day);
        }
    }

    pub(super) fn injected_calls(&self) -> impl Iterator<Item = Call> + use<> {
        let injected = lock(&self.story).injected.clone();
        (0..injected.len()).filter_map(move |index| match &injected[index] {
            Injected::Call(call) => Some(call.clone()),
            Injected::Raw(_) => None,
        })
    }

    pub fn inject(&self, injected: impl IntoIterator<Item = Injected>) {
        Arc::make_mut(&mut lock(&self.story).injected).extend(injected);
    }

    /// From now on the traffic has been so; calls that were told already stay if the incident begins after them.
    pub fn add_incident(&self, incident: Incident) {
        let mut story = lock(&self.story);
        story.days.clear();
        story.cached = 0;
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

    /// Whether that is the valid token.
    pub fn takes(&self, token: &str) -> bool {
        lock(&self.token).as_deref() == Some(token)
    }

    pub fn set_token(&self, token: Option<String>) {
        *lock(&self.token) = token;
    }

    /// Takes a turn, and says whether the token was in use by as many calls as are allowed.
    pub fn begin(&self) -> (Turn, bool) {
        let others = self.in_flight.fetch_add(1, Ordering::SeqCst);
        (Turn(self.in_flight.clone()), others >= self.simultaneous)
    }

    /// Calls per local day; `None`: as many as one likes.
    pub fn quota(&self) -> Option<u32> {
        self.quota
    }

    /// Calls made on the local day of `now`.
    pub fn used(&self, now: Timestamp) -> u32 {
        let used = lock(&self.used);
        if used.0 == self.zone.to_datetime(now).date() { used.1 } else { 0 }
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
    fn day(&mut self, number: i64, skill: usize) -> Arc<SkillDay> {
        if let Some(day) = self.days.get(&(number, skill)) {
            return day.clone();
        }
        let day = Arc::new(SkillDay::new(&self.traffic, number, skill));
        let size = day.outcomes.len() + SMALLEST_DAY;
        if self.cached + size > MOST_CACHED {
            self.days.clear();
            self.cached = 0;
        }
        self.cached += size;
        self.days.insert((number, skill), day.clone());
        day
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The first whole second that is not before an instant.
fn up(at: Timestamp) -> i64 {
    at.as_second() + i64::from(at.subsec_nanosecond() > 0)
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
            let calls: Vec<Call> = operation
                .truth(second(around - 30_000), second(around + 30_000))
                .into_iter()
                .filter(|call| call.visible_at <= now)
                .filter(|call| (ini..=end).contains(&zone.to_datetime(call.at)))
                .collect();
            let rows = |report| {
                operation.answer(&Question { report, skill: None, ini, end, services_time: None }, now, &[]).rows
            };
            prop_assert_eq!(rows(Report::Abandoned), calls.iter().filter(|call| call.in_abandoned).count());
            prop_assert_eq!(rows(Report::Answered), calls.iter().filter(|call| call.in_answered).count());
            let skills: std::collections::BTreeSet<_> = calls.iter().map(|call| &call.skill_id).collect();
            prop_assert_eq!(rows(Report::Totals), skills.len());
        }
    }
}

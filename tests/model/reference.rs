//! The plain reference: what every scrape must show, given what the API told and which answers were used. It knows
//! nothing of transactions, pruning, restarts or cursors, and remembers every row for ever.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use domain::account::Account;
use domain::series::OTHER;

use crate::history::Settings;
use crate::world::{Shared, Told, ToldRow};

/// Skill and type of interaction.
pub type Key = (String, String);

#[derive(Debug, Clone, PartialEq)]
enum Seen {
    Outside,
    BeforeStart(BTreeSet<String>),
    Passed(BTreeSet<String>),
    Counted,
}

/// What has been counted in a series.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Counted {
    pub calls: u64,
    /// In the order of counting, so that a prefix is what was counted earlier.
    pub times: Vec<u16>,
    pub held: Option<Held>,
}

/// A series that shows its first `calls` calls and `times` times only.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    pub calls: u64,
    pub times: usize,
    /// By the host's clock.
    pub since: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum CatchUp {
    None,
    Behind,
    Done(Timestamp),
}

#[derive(Debug)]
pub struct Reference {
    /// With the date until which the row must be known.
    seen: HashMap<String, (Seen, DateTime)>,
    pub series: BTreeMap<Key, Counted>,
    names: BTreeMap<String, (DateTime, String)>,
    /// The calls of each day, by the date of the row.
    pub days: BTreeMap<Date, BTreeMap<Key, u64>>,
    /// Rows by disposition.
    pub rows: HashMap<&'static str, u64>,
    pub unreadable: u64,
    pub late: u64,
    pub overflow: u64,
    pub windows: u64,
    pub skipped: u64,
    pub start: Timestamp,
    /// Windows are completed up to here.
    pub complete: Timestamp,
    /// Whole counts of single windows are known from here on.
    pub known_from: Timestamp,
    /// Calls that were counted when their window was not yet complete.
    on_time: Vec<(Timestamp, Key)>,
    pub catch_up: CatchUp,
    /// The cursor at the beginning of the present poll.
    poll_cursor: Timestamp,
}

impl Reference {
    pub fn new(start: Timestamp) -> Self {
        Self {
            seen: HashMap::new(),
            series: BTreeMap::new(),
            names: BTreeMap::new(),
            days: BTreeMap::new(),
            rows: HashMap::new(),
            unreadable: 0,
            late: 0,
            overflow: 0,
            windows: 0,
            skipped: 0,
            start,
            complete: start,
            known_from: start,
            on_time: Vec::new(),
            catch_up: CatchUp::None,
            poll_cursor: start,
        }
    }

    /// A ledger that has not read anything begins anew, for its first clock was wrong.
    pub fn begins_anew(&mut self, start: Timestamp) {
        (self.start, self.complete, self.known_from) = (start, start, start);
    }

    /// A new zone has given up what the old one may have hidden before `to`.
    pub fn given_up_for_the_zone(&mut self, to: Timestamp, skipped: u64) {
        self.skipped = skipped;
        self.complete = self.complete.max(to);
        self.known_from = self.known_from.max(to);
    }

    /// Takes notice of a call, used or not.
    pub fn call_ended(&mut self, told: &Told) {
        if told.first_of_poll {
            self.poll_cursor = told.before.marks.complete_until;
        }
    }

    /// Takes over an answer that was used in a life with these settings.
    pub fn take(&mut self, world: &Shared, told: &Told, after: &Account, zone: &TimeZone, settings: &Settings) {
        self.end_holds(told.host_at, settings.hold);
        let known: Vec<Key> = self.series.keys().cloned().collect();
        let shown: Vec<(u64, usize)> = self.series.values().map(Counted::shown).collect();
        let mut names: BTreeMap<String, (DateTime, String)> = BTreeMap::new();
        let mut identities: Vec<(String, Vec<&ToldRow>)> = Vec::new();
        for row in &told.rows {
            let identity = world.identity(row);
            match identities.iter_mut().find(|(known, _)| *known == identity) {
                Some((_, rows)) => rows.push(row),
                None => identities.push((identity, vec![row])),
            }
        }
        for (identity, rows) in identities {
            let disposition = self.rows_of_one(world, told, identity, &rows, zone, settings);
            *self.rows.entry(disposition).or_default() += 1;
            *self.rows.entry("duplicate").or_default() += rows.len() as u64 - 1;
        }
        for row in &told.rows {
            let call = &world.calls[row.call];
            if told.asked.ini <= call.date && call.date <= told.asked.end {
                let said = (call.date, row.name.clone());
                let latest = names.entry(call.skill_id.clone()).or_insert_with(|| said.clone());
                *latest = said.max(latest.clone());
            }
        }
        for (skill, said) in names {
            if !self.series.keys().any(|(id, _)| *id == skill)
                || self.names.get(&skill).is_some_and(|old| old.0 >= said.0)
            {
                continue;
            }
            if self.names.get(&skill).map_or(&skill, |old| &old.1) != &said.1 {
                for (key, &(calls, times)) in known.iter().zip(&shown).filter(|(key, _)| key.0 == skill) {
                    let series = self.series.get_mut(key).expect("no series goes");
                    series.held = Some(Held { calls, times, since: told.host_at });
                }
            }
            self.names.insert(skill, said);
        }
        self.move_on(told, after, settings);
    }

    /// The disposition of the rows of one identity in one answer, which are one row.
    fn rows_of_one(
        &mut self,
        world: &Shared,
        told: &Told,
        identity: String,
        rows: &[&ToldRow],
        zone: &TimeZone,
        settings: &Settings,
    ) -> &'static str {
        let call = &world.calls[rows[0].call];
        let inside = told.asked.ini <= call.date && call.date <= told.asked.end;
        let at = placed(zone, call.date, call.began);
        let before = match self.seen.get(&identity).map(|(seen, _)| seen) {
            Some(Seen::Counted) => return "duplicate",
            Some(_) if !inside => return "duplicate",
            Some(Seen::Passed(before)) => before.clone(),
            Some(Seen::BeforeStart(before)) if at < self.start => before.clone(),
            _ => BTreeSet::new(),
        };
        let new: Vec<_> = rows.iter().filter(|row| !before.contains(&world.content(row))).collect();
        if new.is_empty() {
            return "duplicate";
        }
        let content: BTreeSet<String> = before.into_iter().chain(rows.iter().map(|row| world.content(row))).collect();
        // Which of several is counted is open; a history in which they differ is not one for exact sums.
        let row = new.iter().find(|row| row.abandoned).unwrap_or(&new[0]);
        let call = &world.calls[row.call];
        let selected = settings.skills_below.is_none_or(|below| call.skill < below);
        let (seen, disposition) = match () {
            () if !inside => (Seen::Outside, "rejected"),
            () if at < self.start => (Seen::BeforeStart(content), "before_start"),
            () if !selected => (Seen::Passed(content), "not_selected"),
            () if !row.abandoned => (Seen::Passed(content), "other_result"),
            () => (Seen::Counted, "counted"),
        };
        self.seen.insert(identity, (seen, call.date.clamp(told.asked.ini, told.asked.end)));
        if disposition == "counted" {
            let mut key = (call.skill_id.clone(), call.type_interaction.to_owned());
            let others = usize::from(self.series.keys().any(|key| key.0 == OTHER));
            if !self.series.contains_key(&key) && self.series.len() - others >= settings.max_series {
                self.overflow += 1;
                key = (OTHER.to_owned(), OTHER.to_owned());
            }
            let new = Counted { held: Some(Held { calls: 0, times: 0, since: told.host_at }), ..Counted::default() };
            let series = self.series.entry(key.clone()).or_insert(new);
            series.calls += 1;
            *self.days.entry(call.date.date()).or_default().entry(key.clone()).or_default() += 1;
            match call.waited {
                Some(waited) => series.times.push(waited),
                None => self.unreadable += 1,
            }
            if start_of(at, settings.interval) + Duration::from_secs(settings.interval) <= self.complete {
                self.late += 1;
            } else {
                self.on_time.push((at, key));
            }
        }
        disposition
    }

    /// The windows that the answer completed, the stretch that was given up, the catching up.
    fn move_on(&mut self, told: &Told, after: &Account, settings: &Settings) {
        let interval = Duration::from_secs(settings.interval);
        if let Some(floor) = after.marks.floor
            && told.before.marks.floor != Some(floor)
        {
            self.skipped += (floor.as_second() - told.before.marks.complete_until.as_second()) as u64;
            self.complete = self.complete.max(floor);
            self.known_from = self.known_from.max(floor);
        }
        let complete = self.complete.max(after.marks.complete_until);
        let number = |at: Timestamp| at.as_second().div_euclid(settings.interval as i64);
        self.windows += (number(complete) - number(self.complete)) as u64;
        self.complete = complete;
        self.known_from = self.known_from.max(start_of(complete, settings.interval) - interval);

        let due = start_of(told.poll_began - Duration::from_secs(settings.settle), settings.interval);
        let oldest = start_of(due - Duration::from_secs(settings.max_catch_up), settings.interval);
        let several = number(due) - number(self.poll_cursor.max(oldest)) > 1;
        if several || self.catch_up == CatchUp::Behind {
            let current = after.marks.complete_until >= due;
            self.catch_up = if current { CatchUp::Done(told.host_at) } else { CatchUp::Behind };
        }
    }

    /// The window that the gauges must show, if it is known whole.
    pub fn last_window(&self, settings: &Settings) -> Option<HashMap<Key, u64>> {
        let to = start_of(self.complete, settings.interval);
        let from = to - Duration::from_secs(settings.interval);
        let mut calls = HashMap::new();
        for (_, key) in self.on_time.iter().filter(|(at, _)| from <= *at && *at < to) {
            *calls.entry(key.clone()).or_default() += 1;
        }
        (from >= self.known_from).then_some(calls)
    }

    /// Ends the holds that have lasted by `now`.
    pub fn end_holds(&mut self, now: Timestamp, hold: u64) {
        for series in self.series.values_mut() {
            if series.held.as_ref().is_some_and(|held| held.since + Duration::from_secs(hold) <= now) {
                series.held = None;
            }
        }
    }

    /// A restart begins the holds again.
    pub fn restart_holds(&mut self, now: Timestamp) {
        for series in self.series.values_mut() {
            if let Some(held) = &mut series.held {
                held.since = now;
            }
        }
    }

    pub fn name<'a>(&'a self, skill: &'a str) -> &'a str {
        self.names.get(skill).map_or(skill, |(_, name)| name)
    }

    /// How many rows were seen that are dated from `date` on.
    pub fn seen_from(&self, date: DateTime) -> u64 {
        self.seen.values().filter(|(_, dated)| *dated >= date).count() as u64
    }

    /// Whether a call was counted, in whatever row.
    pub fn has_counted(&self, world: &Shared, call: usize) -> bool {
        [true, false].iter().any(|&abandoned| {
            let row = ToldRow { call, abandoned, name: String::new() };
            self.seen.get(&world.identity(&row)).is_some_and(|(seen, _)| *seen == Seen::Counted)
        })
    }
}

impl Counted {
    /// Calls and times that are shown.
    pub fn shown(&self) -> (u64, usize) {
        self.held.as_ref().map_or((self.calls, self.times.len()), |held| (held.calls, held.times))
    }
}

fn start_of(at: Timestamp, interval: u64) -> Timestamp {
    Timestamp::from_second(at.as_second() - at.as_second().rem_euclid(interval as i64)).unwrap()
}

/// The instant of a date: the first one that reads so, unless the call began after it.
pub fn placed(zone: &TimeZone, date: DateTime, began: Option<Timestamp>) -> Timestamp {
    let first = zone.to_ambiguous_timestamp(date).earlier().unwrap();
    let second = zone.to_ambiguous_timestamp(date).later().unwrap();
    let is_twice = zone.to_datetime(first) == date && zone.to_datetime(second) == date;
    match began {
        Some(began) if is_twice && began > first => second,
        _ if is_twice => first,
        _ => zone.to_ambiguous_timestamp(date).compatible().unwrap(),
    }
}

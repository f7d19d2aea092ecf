//! What must have been counted, given which answers were used: the contract's rules for rows, written down a second time.
//! It knows nothing of transactions, pruning, restarts or cursors, and remembers every row for ever.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use domain::range::CivilRange;

use crate::history::{Settings, Spoilt};
use crate::trace::{Key, OfDay, Told};
use crate::truth::{Form, SentRow, Truth, counts};

/// Where the calls beyond `max_series` go.
const OTHER: &str = "__other__";

/// A quarter of an hour, in seconds.
const QUARTER: i64 = 900;

/// What the rows of one identity said when they were last seen.
type Contents = BTreeSet<String>;

#[derive(Debug, Clone, PartialEq)]
enum Seen {
    Rejected,
    Outside,
    BeforeStart(Contents),
    Passed(Contents),
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
    /// That clock was put back meanwhile, or the time was too close to tell: the hold may have ended. What the next scrape
    /// shows decides.
    pub may_have_ended: bool,
}

#[derive(Debug, Default)]
pub struct Counts {
    /// With the date until which the row must be known.
    seen: HashMap<String, (Seen, DateTime)>,
    pub series: BTreeMap<Key, Counted>,
    names: BTreeMap<String, (DateTime, String)>,
    /// Rows by disposition.
    pub rows: HashMap<&'static str, u64>,
    /// Rejected rows by reason.
    pub rejected: HashMap<&'static str, u64>,
    pub unreadable: u64,
    late: u64,
    /// So many more, if windows were completed that may have been.
    perhaps_late: u64,
    pub overflow: u64,
    /// What was counted, by the rows' own dates, and by quarter of an hour.
    pub days: BTreeMap<(Date, Key), OfDay>,
    pub quarters: BTreeMap<i64, u64>,
    /// Calls that were counted when their window was not yet complete.
    on_time: Vec<(Timestamp, Key)>,
}

/// Under what an answer is counted.
pub struct Under<'a> {
    pub truth: &'a Truth,
    pub zone: &'a TimeZone,
    pub settings: &'a Settings,
    pub start: Timestamp,
    /// Windows have been completed up to the first, and perhaps to the second.
    pub complete: [Timestamp; 2],
}

impl Counts {
    /// Takes over an answer that was used.
    pub fn take(&mut self, told: &Told, under: &Under<'_>) {
        let (truth, now) = (under.truth, told.to.host);
        self.end_holds(now, under.settings.hold);
        let known: Vec<Key> = self.series.keys().cloned().collect();
        let shown: Vec<(u64, usize)> = self.series.values().map(Counted::shown).collect();
        let mut identities: Vec<(String, Vec<&SentRow>)> = Vec::new();
        for row in &told.rows {
            let identity = truth.identity(row);
            match identities.iter_mut().find(|(known, _)| *known == identity) {
                Some((_, rows)) => rows.push(row),
                None => identities.push((identity, vec![row])),
            }
        }
        for (identity, rows) in identities {
            let disposition = self.rows_of_one(identity, &rows, told, under);
            *self.rows.entry(disposition).or_default() += 1;
            *self.rows.entry("duplicate").or_default() += rows.len() as u64 - 1;
        }
        for (skill, said) in names(told, truth) {
            if !self.series.keys().any(|(id, _)| *id == skill)
                || self.names.get(&skill).is_some_and(|old| old.0 >= said.0)
            {
                continue;
            }
            if self.names.get(&skill).map_or(&skill, |old| &old.1) != &said.1 {
                for (key, &(calls, times)) in known.iter().zip(&shown).filter(|(key, _)| key.0 == skill) {
                    let series = self.series.get_mut(key).expect("no series goes");
                    series.held = Some(Held { calls, times, since: now, may_have_ended: false });
                }
            }
            self.names.insert(skill, said);
        }
    }

    /// The disposition of the rows of one identity in one answer, which are one row.
    fn rows_of_one(&mut self, identity: String, rows: &[&SentRow], told: &Told, under: &Under<'_>) -> &'static str {
        let call = &under.truth.calls[rows[0].call];
        if let Form::Spoilt(spoilt) = rows[0].form {
            // It is dated within the first range that brought it, so no later one says more.
            if self.seen.contains_key(&identity) {
                return "duplicate";
            }
            self.seen.insert(identity, (Seen::Rejected, told.asked.end));
            return self.rejected(if spoilt == Spoilt::Date { "date" } else { "shape" });
        }
        let contents: Contents = rows.iter().map(|row| under.truth.content(row)).collect();
        let inside = contains(told.asked, call.date);
        let at = placed(under.zone, call.date, call.began);
        // A row that says something new is looked at anew, where it is asked for.
        let (again, before) = match self.seen.get(&identity).map(|(seen, _)| seen) {
            None => (false, Contents::default()),
            Some(_) if !inside => (true, Contents::default()),
            Some(Seen::Counted | Seen::Rejected) => (true, Contents::default()),
            Some(Seen::Passed(before)) => (contents.is_subset(before), before.clone()),
            Some(Seen::BeforeStart(before)) if at < under.start => (contents.is_subset(before), before.clone()),
            // By another zone it was before the start, and nobody has looked at what it said.
            Some(Seen::BeforeStart(_) | Seen::Outside) => (false, Contents::default()),
        };
        if again {
            return "duplicate";
        }
        let contents = contents.union(&before).cloned().collect();
        let selected = under.settings.skills_below.is_none_or(|below| call.skill < below);
        // What was said before, of a skill that was not selected then, is no call now.
        let is_call = rows.iter().any(|row| counts(row) && !before.contains(&under.truth.content(row)));
        let (seen, disposition) = match () {
            () if !inside => (Seen::Outside, self.rejected("range")),
            () if at < under.start => (Seen::BeforeStart(contents), "before_start"),
            () if !selected => (Seen::Passed(contents), "not_selected"),
            () if !is_call => (Seen::Passed(contents), "other_result"),
            () => (Seen::Counted, "counted"),
        };
        self.seen.insert(identity, (seen, call.date.clamp(told.asked.ini, told.asked.end)));
        if disposition == "counted" {
            self.count(rows[0].call, at, told, under);
        }
        disposition
    }

    /// Label sets and names are the operation's: takes over what another report has just found.
    pub fn share_label_sets_of(&mut self, other: &Self, hold: u64) {
        if self.series.len() == other.series.len() && self.names == other.names {
            return;
        }
        for (skill, said) in &other.names {
            if self.names.get(skill).is_none_or(|known| known.1 == said.1) {
                continue;
            }
            let of_skill = |(key, _): &(&Key, &Counted)| key.0 == *skill;
            let Some(held) = other.series.iter().filter(of_skill).find_map(|(_, theirs)| theirs.held.as_ref()) else {
                continue;
            };
            self.end_holds(held.since, hold);
            for (_, series) in self.series.iter_mut().filter(|(key, _)| key.0 == *skill) {
                let (calls, times) = series.shown();
                series.held = Some(Held { calls, times, ..held.clone() });
            }
        }
        self.names.clone_from(&other.names);
        for (key, theirs) in &other.series {
            let held = theirs.held.as_ref().map(|held| Held { calls: 0, times: 0, ..held.clone() });
            self.series.entry(key.clone()).or_insert_with(|| Counted { held, ..Counted::default() });
        }
    }

    fn rejected(&mut self, reason: &'static str) -> &'static str {
        *self.rejected.entry(reason).or_default() += 1;
        "rejected"
    }

    fn count(&mut self, call: usize, at: Timestamp, told: &Told, under: &Under<'_>) {
        let call = &under.truth.calls[call];
        let mut key = (call.skill_id.clone(), call.type_interaction.to_owned());
        let others = usize::from(self.series.keys().any(|key| key.0 == OTHER));
        if !self.series.contains_key(&key) && self.series.len() - others >= under.settings.max_series {
            self.overflow += 1;
            key = (OTHER.to_owned(), OTHER.to_owned());
        }
        let new = Counted {
            held: Some(Held { calls: 0, times: 0, since: told.to.host, may_have_ended: false }),
            ..Counted::default()
        };
        let of_day = self.days.entry((call.date.date(), key.clone())).or_default();
        of_day.calls += 1;
        of_day.timed += u64::from(call.waited.is_some());
        of_day.seconds += call.waited.map_or(0.0, f64::from);
        *self.quarters.entry(at.as_second() - at.as_second().rem_euclid(QUARTER)).or_default() += 1;
        let series = self.series.entry(key.clone()).or_insert(new);
        series.calls += 1;
        match call.waited {
            Some(waited) => series.times.push(waited),
            None => self.unreadable += 1,
        }
        let window_ends = window_of(at, under.settings) + Duration::from_secs(under.settings.interval);
        let [complete, perhaps] = under.complete;
        self.late += u64::from(window_ends <= complete);
        self.perhaps_late += u64::from(complete < window_ends && window_ends <= perhaps);
        if window_ends > complete {
            self.on_time.push((at, key));
        }
    }

    /// Compares the late rows, of which it may not be known whether they were.
    pub fn late_were(&mut self, late: u64) -> Result<(), String> {
        let perhaps = std::mem::take(&mut self.perhaps_late);
        if !(self.late..=self.late + perhaps).contains(&late) {
            return Err(format!("late rows: {late} instead of {}, or up to {perhaps} more", self.late));
        }
        self.late = late;
        Ok(())
    }

    /// The calls of [`from`, `to`) that were counted on time, by series.
    pub fn window(&self, from: Timestamp, to: Timestamp) -> HashMap<Key, u64> {
        let mut calls = HashMap::new();
        for (_, key) in self.on_time.iter().filter(|(at, _)| from <= *at && *at < to) {
            *calls.entry(key.clone()).or_default() += 1;
        }
        calls
    }

    /// Ends the holds that have lasted by `now`.
    pub fn end_holds(&mut self, now: Timestamp, hold: u64) {
        for series in self.series.values_mut() {
            if series.held.as_ref().is_some_and(|held| held.since + Duration::from_secs(hold) <= now) {
                series.held = None;
            }
        }
    }

    /// A process has ended whose clock was set.
    pub fn doubt_holds(&mut self) {
        for held in self.series.values_mut().filter_map(|series| series.held.as_mut()) {
            held.may_have_ended = true;
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
    pub fn has_counted(&self, truth: &Truth, call: usize) -> bool {
        truth
            .identities(call)
            .iter()
            .any(|identity| self.seen.get(identity).is_some_and(|(seen, _)| *seen == Seen::Counted))
    }
}

/// The most recent name of each skill in the range of an answer.
fn names(told: &Told, truth: &Truth) -> BTreeMap<String, (DateTime, String)> {
    let mut names: BTreeMap<String, (DateTime, String)> = BTreeMap::new();
    for row in &told.rows {
        let call = &truth.calls[row.call];
        if let Form::Readable { name, .. } = &row.form
            && contains(told.asked, call.date)
        {
            let said = (call.date, name.clone());
            let latest = names.entry(call.skill_id.clone()).or_insert_with(|| said.clone());
            *latest = said.max(latest.clone());
        }
    }
    names
}

fn contains(asked: CivilRange, date: DateTime) -> bool {
    asked.ini <= date && date <= asked.end
}

impl Counted {
    /// Calls and times that are shown.
    pub fn shown(&self) -> (u64, usize) {
        self.held.as_ref().map_or((self.calls, self.times.len()), |held| (held.calls, held.times))
    }
}

/// The beginning of the window that `at` is in.
pub fn window_of(at: Timestamp, settings: &Settings) -> Timestamp {
    Timestamp::from_second(at.as_second() - at.as_second().rem_euclid(settings.interval as i64)).unwrap()
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

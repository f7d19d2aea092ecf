//! What is asked, and when.

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use domain::range::CivilRange;

use super::counts::window_of;
use super::numbers::Numbers;
use super::{AT_ONCE, CLOCKS_MAY_DIFFER, Judge, holds};
use crate::body::Meaning;
use crate::history::Settings;
use crate::trace::{Told, When};

/// The API's limit on a range.
const LONGEST_RANGE: SignedDuration = SignedDuration::from_hours(31 * 24);

/// The pauses before the retries of a poll are at most this long.
const LONGEST_RETRY_PAUSE: Duration = Duration::from_secs(5);

/// A changed token is tried within this time, and a bit.
const TOKEN_IS_TRIED: Duration = Duration::from_secs(11);

/// A wait may be this much longer than to the next window.
const GRACE: Duration = Duration::from_secs(60);

/// What can't be mended soon is not tried soon; the longest pause, in intervals.
const LONGEST_PAUSE: u64 = 12;

#[derive(Default)]
pub struct Cadence {
    /// The calls of this life, and how each was counted.
    calls: Vec<(Told, Option<String>)>,
    poll: Option<Poll>,
    polls: u64,
    life_began: Option<When>,
    /// Since when a call is being made.
    in_flight: Option<Timestamp>,
    /// For how long others have used the token since this report's last call, and when they did last.
    waited: SignedDuration,
    waited_last: Option<(Timestamp, Timestamp)>,
    /// Between these moments a poll ended without a call, for another report had been refused.
    not_asked: Option<(Timestamp, Timestamp)>,
}

/// A poll, as far as it can be told from outside where it began.
struct Poll {
    began: Timestamp,
    /// Whether that is certain.
    is_certain: bool,
    asked: CivilRange,
    cursor: Timestamp,
    calls: u32,
    failures: u32,
}

impl Cadence {
    pub fn life_began(&mut self, now: When) {
        *self = Self { life_began: Some(now), ..Self::default() };
    }

    pub fn answered(&mut self, told: &Told) {
        self.in_flight = None;
        (self.waited, self.waited_last) = (SignedDuration::ZERO, None);
        self.calls.push((told.clone(), None));
    }

    pub fn counted(&mut self, outcome: &str) {
        if let Some((_, counted)) = self.calls.last_mut() {
            *counted = Some(outcome.to_owned());
        }
    }

    /// Whether the answer is to a poll's first question.
    pub fn is_whole_poll(&self, told: &Told) -> bool {
        self.poll.as_ref().is_some_and(|poll| poll.asked == told.asked)
    }

    pub fn poll_began(&self) -> Timestamp {
        self.poll.as_ref().map_or(Timestamp::MIN, |poll| poll.began)
    }

    /// Whether a cache answered in this poll, or in the one before it of the same window.
    pub fn a_cache_answered(&self, interval: u64) -> bool {
        let since = self.poll_began().saturating_sub(Duration::from_secs(interval)).unwrap_or(Timestamp::MIN);
        self.calls
            .iter()
            .rev()
            .take_while(|(told, _)| told.to.at >= since)
            .any(|(told, _)| told.head.age > Duration::ZERO)
    }

    /// Whether the last answer had no row that can be used. Where all is well, that is what the report has.
    pub fn last_was_unusable(&self) -> bool {
        self.calls.last().is_some_and(|(told, _)| told.meaning == Meaning::Outcome("malformed"))
    }

    /// Whether several windows were due when the poll began, and up to where; `None` where that can't be told.
    pub fn windows_due(&self, settings: &Settings) -> Option<(bool, Timestamp)> {
        let poll = self.poll.as_ref().filter(|poll| poll.is_certain)?;
        let due = window_of(poll.began - Duration::from_secs(settings.settle), settings);
        let oldest = window_of(due - Duration::from_secs(settings.max_catch_up), settings);
        let number = |at: Timestamp| at.as_second().div_euclid(settings.interval as i64);
        Some((number(due) - number(poll.cursor.max(oldest)) > 1, due))
    }
}

impl Judge {
    pub(super) fn asked(&mut self, now: When, asked: CivilRange, token: usize) -> Result<(), String> {
        if let Some(told) = &self.pending {
            return Err(format!("a call was made, and the one before it ({}) shows in no counter", told.asked));
        }
        self.asked_rightly(now, asked)?;
        self.followed_in_time(now)?;
        self.pauses_are_kept(now, asked, token)?;
        self.belongs_to_a_poll(now, asked, token)?;
        self.cadence.in_flight = Some(now.at);
        self.cadence.not_asked = None;
        Ok(())
    }

    /// What is asked is within the API's limits, and about nothing that is given up or yet to come.
    fn asked_rightly(&self, now: When, asked: CivilRange) -> Result<(), String> {
        holds(asked.ini <= asked.end, || format!("{asked} ends before it begins"))?;
        holds(asked.end.duration_since(asked.ini) < LONGEST_RANGE, || format!("{asked} is longer than 31 days"))?;
        let life = self.life();
        let from = life.zone.to_ambiguous_timestamp(asked.ini).later().unwrap();
        if let Some(floor) = self.cursor.floor {
            holds(from >= floor || self.cursor.may_be_ahead, || {
                format!("{asked} reaches below {floor}, which was given up")
            })?;
        }
        // While two clocks differ, ranges may reach to the later one.
        if life.host_is_right && life.lies == 0 {
            let settle = Duration::from_secs(life.settings.settle);
            let due = window_of(now.host - settle, &life.settings).max(self.cursor.start());
            // The second after a repeated hour may be asked for, so that the hour's last one comes.
            let before_end = life.zone.to_ambiguous_timestamp(asked.end - SignedDuration::from_secs(1));
            let end = before_end.earlier().unwrap() + Duration::from_secs(u64::from(!before_end.is_ambiguous()));
            holds(end < due.max(self.claimed()) || self.cursor.may_be_ahead, || {
                format!("{asked} was asked for at {}, before it was due", now.host)
            })?;
        }
        Ok(())
    }

    /// What the last scrape said to be complete.
    fn claimed(&self) -> Timestamp {
        self.last.as_ref().map_or(Timestamp::MIN, |last| last.complete)
    }

    /// Whatever the clocks say: a call is followed by the next one.
    pub(super) fn followed_in_time(&self, now: When) -> Result<(), String> {
        let life = self.life();
        let (since, pause) = match self.cadence.calls.last() {
            // Before the first answer there is the host's clock only.
            None if life.host_is_set => return Ok(()),
            None => (life.began.at, 1),
            Some((told, outcome)) => (told.to.at, self.windows_to_wait(told, outcome.as_deref())),
        };
        let (since, pause) = self.cadence.not_asked.map_or((since, pause), |(_, at)| (at, LONGEST_PAUSE + 1));
        // A cursor that is a bit ahead of a clock has no window due for a while.
        let pause = pause + u64::from(self.cursor.may_be_ahead || self.in_doubt());
        let longest = pause * life.interval().as_secs() + life.settings.settle + GRACE.as_secs();
        let longest = self.cadence.waited + SignedDuration::from_secs(longest as i64);
        holds(now.at.duration_since(since) <= longest, || format!("nothing was asked from {since} to {}", now.at))?;
        self.changed_token_is_tried(now)
    }

    fn windows_to_wait(&self, told: &Told, outcome: Option<&str>) -> u64 {
        let pauses = matches!(outcome, None | Some("unauthorized" | "bad_request" | "quota_exceeded"));
        if pauses || told.retry_after.is_some() { LONGEST_PAUSE + 1 } else { 1 }
    }

    fn changed_token_is_tried(&self, now: When) -> Result<(), String> {
        let Some((told, Some(outcome))) = self.cadence.calls.last() else { return Ok(()) };
        if outcome != "unauthorized" || self.cadence.not_asked.is_some() {
            return Ok(());
        }
        match self.truth.token_changes(told.token, told.to.at) {
            Some(changed) if now.at > changed + TOKEN_IS_TRIED + self.cadence.waited => {
                Err(format!("the token changed at {changed}, and was not tried until {}", now.at))
            }
            _ => Ok(()),
        }
    }

    /// What a retry can't mend, and what the server wants to be left alone for, is not tried again before its time.
    fn pauses_are_kept(&mut self, now: When, asked: CivilRange, token: usize) -> Result<(), String> {
        let Some((last, Some(outcome))) = self.cadence.calls.last() else { return Ok(()) };
        let life = self.life();
        if self.in_doubt()
            || self.truth.token_changes(last.token, last.from.at).is_some_and(|at| at <= now.at)
            || last.token != token
        {
            return Ok(());
        }
        let interval = life.settings.interval as i64;
        let gap = now.at.duration_since(last.to.at).as_secs();
        let least = self.least_pause(last, outcome);
        let wished = last.retry_after.map_or(0, |wish| (wish.as_secs() as i64).min(12 * interval));
        holds(gap >= least.max(wished), || format!("{outcome} was followed by a call after {gap} s"))?;
        // A window's time brings a poll; before that an answer like this brings none.
        let unmendable = is_refusal(outcome) || outcome == "quota_exceeded" || last.retry_after.is_some();
        let settle = Duration::from_secs(life.settings.settle);
        let due = window_of(now.at - settle, &life.settings) + settle;
        holds(!unmendable || last.to.at < due + CLOCKS_MAY_DIFFER, || format!("{outcome} was tried again at once"))?;
        let failed = !matches!(outcome.as_str(), "ok" | "empty" | "incomplete");
        holds(!failed || asked == last.asked || due > last.from.at, || {
            format!("after {outcome} for {} {asked} was asked for", last.asked)
        })
    }

    /// So many seconds a last call that ended so is not followed by another one.
    fn least_pause(&self, last: &Told, outcome: &str) -> i64 {
        let (life, interval) = (self.life(), self.life().settings.interval as i64);
        match outcome {
            outcome if is_refusal(outcome) => {
                let calls = self.cadence.calls.iter().rev();
                let same = |(told, outcome): &&(Told, Option<String>)| {
                    told.token == last.token && outcome.as_deref().is_some_and(is_refusal)
                };
                let refusals = calls.take_while(same).count();
                (interval << refusals.saturating_sub(1).min(4)).min(LONGEST_PAUSE as i64 * interval) - interval
            }
            "quota_exceeded" => (11 * interval).min(until_midnight(&life.zone, last.to.at)),
            _ => 0,
        }
    }

    /// A token that another report was refused, or whose calls are used up, pauses this one too: it doesn't ask before the
    /// other one does.
    pub(super) fn another_was_not_refused(&self, now: When, token: usize, other: &Self) -> Result<(), String> {
        let Some((last, Some(outcome))) = other.cadence.calls.last() else { return Ok(()) };
        let is_changed = self.truth.token_changes(last.token, last.from.at).is_some_and(|at| at <= now.at);
        if !concerns_all(outcome) || last.token != token || is_changed || self.in_doubt() || other.in_doubt() {
            return Ok(());
        }
        let settings = &self.life().settings;
        let settle = Duration::from_secs(settings.settle);
        let due = window_of(now.at - settle, settings) + settle;
        // Until half an interval before the other one asks again.
        let least = SignedDuration::from_secs(other.least_pause(last, outcome) - settings.interval as i64);
        let gap = now.at.duration_since(last.to.at);
        holds(due > last.to.at && gap >= least, || {
            let (one, two) = (self.truth.kind.name(), other.truth.kind.name());
            format!("{two} was told {outcome} at {}, and {one} was asked for at {}", last.to.at, now.at)
        })
    }

    pub(super) fn another_was_answered(&mut self, told: &Told) {
        self.cadence.waited += told.to.at.duration_since(told.from.at);
        self.cadence.waited_last = Some((told.from.at, told.to.at));
        match told.meaning {
            Meaning::Outcome(outcome) if concerns_all(outcome) => self.another_was_refused = Some(outcome),
            // A failure of another kind says nothing about the token.
            Meaning::Outcome("ok" | "empty" | "incomplete") | Meaning::EmptyIfKnown => self.another_was_refused = None,
            _ => {}
        }
    }

    /// `old`, with the polls that ended by what another report had been told of the token: without a call.
    pub(super) fn polls_without_a_call(&mut self, now: Timestamp, old: &Numbers, new: &Numbers) -> Numbers {
        let mut old = old.clone();
        if let Some(outcome) = self.another_was_refused
            && let (Some(before), Some(&after)) = (old.polls.get_mut(outcome), new.polls.get(outcome))
            && *before < after
        {
            *before = after;
            self.cadence.not_asked = Some((self.scraped_at.map_or(now, |before| before.at), now));
        }
        old
    }

    pub(super) fn is_in_flight(&self) -> bool {
        self.cadence.in_flight.is_some()
    }

    pub(super) fn asked_since(&self) -> Option<Timestamp> {
        self.cadence.in_flight
    }

    /// From when to when the last call lasted.
    pub(super) fn last_call(&self) -> Option<[Timestamp; 2]> {
        self.cadence.calls.last().map(|(told, _)| [told.from.at, told.to.at])
    }

    /// Never more calls than one per interval, two retries and the parts.
    fn belongs_to_a_poll(&mut self, now: When, asked: CivilRange, token: usize) -> Result<(), String> {
        let cursor = self.claimed();
        let (in_doubt, zone_changes_soon) = (self.in_doubt(), self.all.zone_changes_soon);
        let settings = self.life().settings.clone();
        let settle = Duration::from_secs(settings.settle);
        let due = window_of(now.at - settle, &settings) + settle;
        let cadence = &mut self.cadence;
        let begins = match (&cadence.poll, cadence.calls.last()) {
            (Some(poll), Some((last, Some(outcome)))) => {
                let gap = now.at.duration_since(last.to.at).unsigned_abs();
                let gap = gap.saturating_sub(cadence.waited.unsigned_abs());
                let window_fell_due = due > poll.began;
                let failed = !matches!(outcome.as_str(), "ok" | "empty" | "incomplete");
                let parts_are_left = asked.end <= poll.asked.end && asked != poll.asked;
                match () {
                    // A refusal ends a poll, and another token begins the next one at once.
                    () if token != last.token && is_refusal(outcome) || cadence.not_asked.is_some() => Some(true),
                    () if gap > LONGEST_RETRY_PAUSE || poll.calls >= 16 || failed && poll.failures > 2 => Some(true),
                    () if !window_fell_due => None,
                    // A part of a local time that occurs twice can look like the whole.
                    () if failed || parts_are_left || zone_changes_soon => Some(false),
                    () => Some(true),
                }
            }
            _ => Some(true),
        };
        match (begins, &mut cadence.poll) {
            (None, Some(poll)) => poll.calls += 1,
            (begins, poll) => {
                // A window may have fallen due while it waited for the token.
                let waited = cadence.waited_last.filter(|(_, to)| now.at.duration_since(*to) < AT_ONCE);
                let is_certain = begins == Some(true) && waited.is_none_or(|(from, _)| from >= due);
                cadence.polls += u64::from(is_certain);
                // A window that fell due meanwhile, or while the first poll waited, may still bring a poll of its own.
                let since = waited.map_or(now.at, |(from, _)| from);
                let began = poll.as_ref().map_or(since, |poll| poll.began);
                let began = if is_certain { now.at } else { began };
                // What may be a part is held against the whole.
                let whole = poll.as_ref().filter(|_| !is_certain).map_or(asked, |poll| CivilRange {
                    ini: poll.asked.ini.min(asked.ini),
                    end: poll.asked.end.max(asked.end),
                });
                *poll = Some(Poll { began, is_certain, asked: whole, cursor, calls: 1, failures: 0 });
            }
        }
        let poll = cadence.poll.as_mut().expect("set above");
        if let Some((_, Some(outcome))) = cadence.calls.last()
            && poll.calls > 1
        {
            let failed = !matches!(outcome.as_str(), "ok" | "empty" | "incomplete");
            poll.failures += u32::from(failed);
        }
        if in_doubt {
            return Ok(());
        }
        holds(poll.calls <= 16, || format!("a poll of {} calls", poll.calls))?;
        holds(poll.failures <= 2, || format!("a poll that was tried {} times", poll.failures + 1))?;
        let lasted = cadence.life_began.map_or(0, |began| now.at.duration_since(began.at).as_secs());
        let tokens = 8;
        let most = lasted / settings.interval as i64 + 2 + tokens;
        holds(cadence.polls as i64 <= most, || format!("{} polls in {lasted} s", cadence.polls))
    }
}

/// Whether no retry within a poll mends it.
fn is_refusal(outcome: &str) -> bool {
    matches!(outcome, "unauthorized" | "bad_request")
}

/// Whether it is the token's matter, not the report's.
fn concerns_all(outcome: &str) -> bool {
    matches!(outcome, "unauthorized" | "quota_exceeded")
}

/// Seconds until the next local midnight, when a quota begins anew.
fn until_midnight(zone: &TimeZone, at: Timestamp) -> i64 {
    let tomorrow = zone.to_datetime(at).date().tomorrow().unwrap();
    let midnight = zone.to_ambiguous_timestamp(tomorrow.at(0, 0, 0, 0)).compatible().unwrap();
    midnight.duration_since(at).as_secs()
}

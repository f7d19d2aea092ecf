//! What is asked, and when.

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use domain::range::CivilRange;

use super::counts::window_of;
use super::{CLOCKS_MAY_DIFFER, Judge, holds};
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
    in_flight: bool,
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
        self.in_flight = false;
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
        self.cadence.in_flight = true;
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
    fn followed_in_time(&self, now: When) -> Result<(), String> {
        let life = self.life();
        let (since, pause) = match self.cadence.calls.last() {
            // Before the first answer there is the host's clock only.
            None if life.host_is_set => return Ok(()),
            None => (life.began.at, 1),
            Some((told, outcome)) => (told.to.at, self.windows_to_wait(told, outcome.as_deref())),
        };
        // A cursor that is a bit ahead of a clock has no window due for a while.
        let pause = pause + u64::from(self.cursor.may_be_ahead || self.in_doubt());
        let longest = pause * life.interval().as_secs() + life.settings.settle + GRACE.as_secs();
        holds(now.at.duration_since(since) <= SignedDuration::from_secs(longest as i64), || {
            format!("nothing was asked from {since} to {}", now.at)
        })?;
        self.changed_token_is_tried(now)
    }

    fn windows_to_wait(&self, told: &Told, outcome: Option<&str>) -> u64 {
        let pauses = matches!(outcome, None | Some("unauthorized" | "bad_request" | "quota_exceeded"));
        if pauses || told.retry_after.is_some() { LONGEST_PAUSE + 1 } else { 1 }
    }

    fn changed_token_is_tried(&self, now: When) -> Result<(), String> {
        let Some((told, Some(outcome))) = self.cadence.calls.last() else { return Ok(()) };
        if outcome != "unauthorized" {
            return Ok(());
        }
        match self.truth.token_changes(told.token, told.to.at) {
            Some(changed) if now.at > changed + TOKEN_IS_TRIED => {
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
        let least = match outcome.as_str() {
            outcome if is_refused(outcome) => {
                let calls = self.cadence.calls.iter().rev();
                let same = |(told, outcome): &&(Told, Option<String>)| {
                    told.token == last.token && outcome.as_deref().is_some_and(is_refused)
                };
                let refusals = calls.take_while(same).count();
                (interval << (refusals - 1).min(4)).min(LONGEST_PAUSE as i64 * interval) - interval
            }
            "quota_exceeded" => (11 * interval).min(until_midnight(&life.zone, last.to.at)),
            _ => 0,
        };
        let wished = last.retry_after.map_or(0, |wish| (wish.as_secs() as i64).min(12 * interval));
        holds(gap >= least.max(wished), || format!("{outcome} was followed by a call after {gap} s"))?;
        // A window's time brings a poll; before that an answer like this brings none.
        let unmendable = is_refused(outcome) || outcome == "quota_exceeded" || last.retry_after.is_some();
        let settle = Duration::from_secs(life.settings.settle);
        let due = window_of(now.at - settle, &life.settings) + settle;
        holds(!unmendable || last.to.at < due + CLOCKS_MAY_DIFFER, || format!("{outcome} was tried again at once"))?;
        let failed = !matches!(outcome.as_str(), "ok" | "empty" | "incomplete");
        holds(!failed || asked == last.asked || due > last.from.at, || {
            format!("after {outcome} for {} {asked} was asked for", last.asked)
        })
    }

    /// Never more calls than one per interval, two retries and the parts.
    fn belongs_to_a_poll(&mut self, now: When, asked: CivilRange, token: usize) -> Result<(), String> {
        let cursor = self.claimed();
        let in_doubt = self.in_doubt();
        let settings = self.life().settings.clone();
        let settle = Duration::from_secs(settings.settle);
        let due = window_of(now.at - settle, &settings) + settle;
        let cadence = &mut self.cadence;
        let begins = match (&cadence.poll, cadence.calls.last()) {
            (Some(poll), Some((last, Some(outcome)))) => {
                let gap = now.at.duration_since(last.to.at).unsigned_abs();
                let window_fell_due = due > poll.began;
                let failed = !matches!(outcome.as_str(), "ok" | "empty" | "incomplete");
                let parts_are_left = asked.end <= poll.asked.end && asked != poll.asked;
                match () {
                    // A refusal ends a poll, and another token begins the next one at once.
                    () if token != last.token && is_refused(outcome) => Some(true),
                    () if gap > LONGEST_RETRY_PAUSE || poll.calls >= 16 || failed && poll.failures > 2 => Some(true),
                    () if !window_fell_due => None,
                    () if failed || parts_are_left => Some(false),
                    () => Some(true),
                }
            }
            _ => Some(true),
        };
        match (begins, &mut cadence.poll) {
            (None, Some(poll)) => poll.calls += 1,
            (begins, poll) => {
                let is_certain = begins == Some(true);
                cadence.polls += u64::from(is_certain);
                // A window that fell due meanwhile may still bring a poll of its own.
                let began = poll.as_ref().filter(|_| !is_certain).map_or(now.at, |poll| poll.began);
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

    pub(super) fn polls_go_on(&self, now: When) -> Result<(), String> {
        if self.cadence.in_flight { Ok(()) } else { self.followed_in_time(now) }
    }
}

/// Whether no retry within a poll mends it.
fn is_refused(outcome: &str) -> bool {
    matches!(outcome, "unauthorized" | "bad_request")
}

/// Seconds until the next local midnight, when a quota begins anew.
fn until_midnight(zone: &TimeZone, at: Timestamp) -> i64 {
    let tomorrow = zone.to_datetime(at).date().tomorrow().unwrap();
    let midnight = zone.to_ambiguous_timestamp(tomorrow.at(0, 0, 0, 0)).compatible().unwrap();
    midnight.duration_since(at).as_secs()
}

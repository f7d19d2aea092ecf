//! What must be true when the faults, a life or the history are over.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::counts::{placed, window_of};
use super::{ANSWERS_TO_BELIEVE, Judge, holds};
use crate::history::Settings;
use crate::trace::When;
use crate::truth::TrueCall;

/// Identities are kept for this much longer than the overlap: the widest change between two zones.
const KEPT_LONGER_HOURS: i64 = 26;

/// And perhaps for this much: by the step in which they are forgotten.
const KEPT_LONGER_AT_MOST: SignedDuration = SignedDuration::from_hours(KEPT_LONGER_HOURS + 2);

/// How long before the cursor identities are kept at the least.
pub(super) fn kept(settings: &Settings) -> SignedDuration {
    SignedDuration::from_secs(settings.overlap as i64) + SignedDuration::from_hours(KEPT_LONGER_HOURS)
}

/// A row that is announced and never comes is looked for during so many polls more.
const POLLS_TO_BELIEVE: u64 = 3;

/// A refusal, and a server that wants to be left alone, is waited for up to so many intervals.
const LONGEST_PAUSE: u64 = 12;

/// The time for a poll and its retries.
const POLL: u64 = 60;

impl Judge {
    /// After the last fault the data are current within two windows.
    pub(super) fn is_current(&self, now: When) -> Result<(), String> {
        let Some(calm_since) = self.calm_since else { return Ok(()) };
        let settings = &self.life().settings;
        let lag = settings.settle + POLL + (2 + self.polls_to_search()) * settings.interval;
        let given = settings.settle + POLL + self.windows_to_recover() * settings.interval;
        let at = |seconds: u64| SignedDuration::from_secs(seconds as i64);
        if now.at.duration_since(calm_since) <= at(given) || self.cadence.last_was_unusable() {
            return Ok(());
        }
        let complete = self.last.as_ref().map_or(Timestamp::MIN, |last| last.complete);
        holds(now.at.duration_since(complete) <= at(lag), || {
            format!("complete until {complete} only at {}, all being well since {calm_since}", now.at)
        })
    }

    /// Each row is looked for by itself, and one that is brought nearer by each poll takes more of them.
    fn polls_to_search(&self) -> u64 {
        let rows = self.truth.phantoms.len() + usize::from(!self.held_back.is_empty());
        if rows == 0 { 0 } else { POLLS_TO_BELIEVE + rows as u64 }
    }

    fn windows_to_recover(&self) -> u64 {
        let began_with_calm = self.calm_since == Some(self.life().began.at);
        2 + self.polls_to_search() + if began_with_calm { 0 } else { LONGEST_PAUSE }
    }

    /// `is_in_flight`: whether there is a call, of whatever report.
    pub(super) fn life_ended(&mut self, now: When, is_in_flight: bool) -> Result<(), String> {
        if !is_in_flight {
            self.followed_in_time(now)?;
        }
        let hold = self.life().settings.hold;
        if self.life().host_is_set {
            self.counts.doubt_holds();
        } else {
            self.counts.end_holds(now.host, hold);
        }
        Ok(())
    }

    /// How many identities there are to be kept at least, and at most, where that is known.
    pub(super) fn identities_to_keep(&self) -> Option<(u64, Option<u64>)> {
        let last = self.last.as_ref().filter(|_| self.pending.is_none())?;
        let used = self.life().used?;
        if self.cursor.may_be_ahead {
            return None;
        }
        // They are kept from where the cursor is proven, and while clocks are in doubt, or rows seem to contradict them,
        // that is behind it. Where answers tell no time, a process proves nothing before `settle` has passed and some have
        // come.
        let settled = self.life().began.at + Duration::from_secs(self.life().settings.settle);
        let time_is_told = self.all.heads_told || used >= settled && self.life().answers_used > ANSWERS_TO_BELIEVE;
        let is_proven = !self.in_doubt() && self.all.zones_were_right && time_is_told;
        let reach = last.complete - Duration::from_secs(self.life().settings.overlap);
        let date = |at| self.life().zone.to_datetime(at);
        // A cursor that was taken back reaches no further than the identities that were kept where it had been.
        let least = self.counts.seen_from(date(reach.max(self.forgotten_before.unwrap_or(reach))));
        let most = self.counts.seen_from(date(reach - KEPT_LONGER_AT_MOST));
        Some((least, is_proven.then_some(most)))
    }

    pub(super) fn history_ended(&mut self, now: When) -> Result<(), String> {
        let last = self.last.clone().ok_or("nothing was scraped")?;
        self.seen.calls = self.counts.series.values().map(|series| series.calls).sum();
        self.seen.skipped_seconds = last.skipped;
        self.seen.missing = last.missing;
        let settings = &self.life().settings;
        let due = now.at - Duration::from_secs(settings.settle + POLL + self.polls_to_search() * settings.interval);
        holds(last.complete >= window_of(due, settings) || self.cadence.last_was_unusable(), || {
            format!("complete until {} only, at {}", last.complete, now.at)
        })?;
        if !self.all.one_was_right {
            // What both clocks passed too early, nothing brings back.
            return Ok(());
        }
        self.all_calls_are_counted(last.complete)?;
        self.all_missing_rows_are_counted(last.complete, last.missing)?;
        if !self.all.zones_were_right {
            return Ok(());
        }
        // Nothing is claimed that was not read: each second from the start on was asked for after it had passed, or
        // was skipped.
        let start = self.cursor.start();
        let unproven = self.cursor.unproven(start, last.complete);
        holds(unproven == 0, || format!("{unproven} s of {start} to {} were never read", last.complete))?;
        self.days_are_covered(last.complete)?;
        let [never_read, at_most] = self.cursor.never_read(start, last.complete);
        // A repeated hour is asked for as one, so what seems covered may be more than was.
        let more = if self.all.zone_changes_soon { 7_200 } else { 0 };
        // What was read by one clock alone is given up as if it had not been.
        let may_be_more = self.may_be_unproven() || last.skipped <= at_most + more;
        holds(last.skipped >= never_read && may_be_more, || {
            format!("{never_read} s were never read, and {} s are said to be skipped", last.skipped)
        })
    }

    /// By the truth alone: a call from after the start that the report showed within the overlap is counted, unless its
    /// time was given up.
    fn all_calls_are_counted(&self, complete: Timestamp) -> Result<(), String> {
        if !self.all.all_selected {
            return Ok(());
        }
        for (number, call) in self.truth.calls.iter().enumerate() {
            let held_back = self.held_back.contains(&number);
            if !held_back && self.must_be_counted(call, complete) && !self.counts.has_counted(&self.truth, number) {
                return Err(format!("a call of {} ({}) is not counted", call.at, call.date));
            }
        }
        Ok(())
    }

    fn must_be_counted(&self, call: &TrueCall, complete: Timestamp) -> bool {
        let Some(last_read) = self.cursor.last_whole_read else { return false };
        let start = self.cursor.start();
        let at = placed(&self.life().zone, call.date, call.began);
        let reach = call.at + Duration::from_secs(self.all.overlap.saturating_sub(1));
        let shown_in_time = call.visible_at.max(call.counts_at).max(call.readable_at) <= reach.min(last_read);
        // A repeated hour begins at its first pass.
        let first = at.min(call.at);
        let lost = self.cursor.given_up.contain(first) || self.cursor.floor.is_some_and(|floor| first < floor);
        let read = at.max(call.at) < complete - SignedDuration::from_secs(1);
        first >= start && !lost && read && shown_in_time
    }

    /// A row that is announced in each answer that asks for its second is counted as missing once.
    fn all_missing_rows_are_counted(&self, complete: Timestamp, missing: u64) -> Result<(), String> {
        let is_simple = self.held_back.is_empty()
            && !self.all.zone_changes_soon
            && self.all.zones_were_right
            && self.cursor.floor.is_none();
        // Found in one poll or two, and then believed at the third.
        let search = (POLLS_TO_BELIEVE as u32 + 2) * self.life().interval();
        let read = |from: Timestamp| from >= self.cursor.start() && from < complete - search;
        let least = self.truth.phantoms.iter().filter(|&&(_, from)| read(from)).count() as u64;
        holds(!is_simple || missing >= least, || format!("{missing} rows are missing instead of {least}"))
    }
}

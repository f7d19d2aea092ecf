//! What one answer led to: the difference between the scrape before it and the one after it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::counts::{Under, window_of};
use super::numbers::Numbers;
use super::{CLOCKS_MAY_DIFFER, CatchUp, Judge, equal, holds};
use crate::body::Meaning;
use crate::trace::{Told, When};
use crate::truth::{Form, SentRow};

/// Outcomes of an answer that the report itself gave.
const ANSWERS: [&str; 3] = ["ok", "empty", "incomplete"];

/// What one clock alone has passed is asked for again as far back as this, and so a cursor goes back no further.
const MOST_UNPROVEN: SignedDuration = SignedDuration::from_hours(24);

impl Judge {
    pub(super) fn settle(&mut self, now: When, new: &Numbers) -> Result<(), String> {
        let Some(old) = self.last.clone() else {
            return self.first_sight(now, new);
        };
        let is_new = std::mem::take(&mut self.life.as_mut().expect("a life has begun").is_new);
        if is_new && self.life().zone_is_new {
            self.zone_changed(&old, new)?;
            // What the call in flight had led to can't be told from what the change did; its counters can.
            let old = Numbers { skipped: new.skipped, complete: new.complete, ..old };
            return self.settle_call(now.at, &old, new, is_new);
        }
        self.settle_call(now.at, &old, new, is_new)
    }

    /// The first scrape of all: nothing has been counted, and the beginning is the configured one.
    fn first_sight(&mut self, now: When, new: &Numbers) -> Result<(), String> {
        self.life.as_mut().expect("a life has begun").is_new = false;
        equal("rows before any call", new.all_rows(), 0)?;
        let start = self.configured_start(now.host);
        holds(start == new.complete, || format!("begins at {} instead of {start}", new.complete))?;
        self.cursor.begins_at(new.complete);
        Ok(())
    }

    /// Where a ledger begins whose first process started at `now`.
    fn configured_start(&self, now: Timestamp) -> Timestamp {
        let settings = &self.life().settings;
        let history = self.start_history.min(settings.max_catch_up);
        window_of(now - Duration::from_secs(history), settings)
    }

    /// A change of zone takes the cursor back, or gives up what can't be told apart any more.
    fn zone_changed(&mut self, old: &Numbers, new: &Numbers) -> Result<(), String> {
        if new.skipped > old.skipped {
            let seconds = SignedDuration::from_secs((new.skipped - old.skipped) as i64);
            self.cursor.give_up(new.complete - seconds, new.complete, new.complete);
        } else {
            holds(new.complete <= old.complete, || format!("a change of zone moved the cursor to {}", new.complete))?;
        }
        Ok(())
    }

    fn settle_call(&mut self, now: Timestamp, old: &Numbers, new: &Numbers, is_new_life: bool) -> Result<(), String> {
        let polls: u64 = new.polls.values().sum::<u64>() - old.polls.values().sum::<u64>();
        let Some(told) = self.pending.take_if(|_| polls > 0 || is_new_life) else {
            let old = &self.polls_without_a_call(now, old, new);
            // Nothing changes without a call, but for a cursor that is taken back.
            let same = Numbers { complete: new.complete, keys: new.keys, ..old.clone() };
            holds(same == *new, || format!("without a call {old:?} became {new:?}"))?;
            return self.cursor_without_an_answer(now, old, new);
        };
        if polls == 0 {
            // The process died before it had counted.
            let same = Numbers { complete: new.complete, keys: new.keys, ..old.clone() };
            holds(same == *new, || format!("{old:?} became {new:?} by a call that was not counted"))?;
            return self.cursor_without_an_answer(now, old, new);
        }
        if polls > 1 && self.another_was_refused.is_some() {
            // Beside its call there was a poll without one: another token was refused meanwhile.
            let old = self.polls_without_a_call(now, old, new);
            self.another_was_refused = None;
            self.pending = Some(told);
            return self.settle_call(now, &old, new, is_new_life);
        }
        equal("polls counted for one call", polls, 1)?;
        let outcome =
            new.polls.iter().find(|(outcome, polls)| old.polls.get(*outcome) != Some(*polls)).expect("one grew").0;
        self.outcome_is_right(&told, outcome)?;
        self.cadence.counted(outcome);
        let is_answer = ANSWERS.contains(&outcome.as_str());
        let rows = new.all_rows() - old.all_rows();
        let told = Told { rows: self.within_what_is_completed(&told, self.was_complete(old, new), rows), ..told };
        let sent = told.rows.len() as u64;
        let moved = new.complete > old.complete
            || new.windows > old.windows
            || new.skipped > old.skipped
            || new.missing > old.missing;
        let fell = new.complete < old.complete;
        let is_used = is_answer && if sent > 0 { rows > 0 } else { moved || told.is_whole() && !fell };
        equal("rows counted of an answer", rows, if is_used { sent } else { 0 })?;
        holds(is_used || !is_answer || !told.is_whole() || self.may_be_partly_used(&told), || {
            format!("a whole answer about {} was not used", told.asked)
        })?;
        if is_answer && told.meaning != Meaning::EmptyIfKnown {
            // That the report is there is known of an answer that is not used, too, where it was looked at.
            self.may_be_known = true;
            self.is_known |= is_used;
        }
        if !is_used {
            let polls = new.polls.clone();
            let same = Numbers { complete: new.complete, keys: new.keys, polls, ..old.clone() };
            holds(same == *new, || format!("an answer that is not used made {old:?} into {new:?}"))?;
            if is_answer && sent == 0 && told.held_back.is_empty() {
                // It had all there is, and may have been used, and the cursor taken back at once, or already there.
                self.catch_up = CatchUp::Unknown;
                self.prove(&told, old, new, false);
            }
            return self.cursor_without_an_answer(now, old, new);
        }
        let may_begin_again = self.may_have_begun_again(told.to.at, new.complete) && self.was_in_doubt();
        // With a window, or where it began before: a part of a range may end elsewhere. By a clock in doubt, or where it was to
        // begin in the future.
        let may_be_late = self.in_doubt() || self.cursor.start() > told.to.at;
        let is_start = [window_of(new.complete, &self.life().settings), self.cursor.start()].contains(&new.complete);
        let is_begun = may_be_late && new.complete != old.complete && is_start;
        let nothing_else = rows == 0 && new.windows == old.windows && new.skipped == old.skipped;
        if may_begin_again && is_begun && nothing_else {
            self.begun_again(new.complete, told.made);
            return Ok(());
        }
        self.used(&told, old, new)?;
        if may_begin_again && new.complete < self.cursor.start() {
            self.begun_again(new.complete, told.made);
        }
        Ok(())
    }

    /// Whether an answer may be used in part or not at all: its head, or that of one to the same poll, says that it was made
    /// before the range had ended, or a clock is in doubt.
    fn may_be_partly_used(&self, told: &Told) -> bool {
        let is_held_back = self.cadence.a_cache_answered(self.life().settings.interval);
        self.in_doubt() || told.head.age > Duration::ZERO || is_held_back || self.cursor.may_be_ahead
    }

    /// How far an answer completed the report, at most and at least: what a clock that is believed took back at once shows
    /// in the windows only.
    fn was_complete(&self, old: &Numbers, new: &Numbers) -> [Timestamp; 2] {
        let least = new.complete.max(old.complete);
        if !self.claims_may_be_wrong() {
            return [least; 2];
        }
        // Those that had been completed before are not counted again, nor is what is given up.
        let more = new.windows.saturating_sub(old.windows);
        let given_up = old.complete.as_second() + (new.skipped - old.skipped) as i64;
        let from = self.cursor.windows_until_at_most.max(given_up);
        let most = Timestamp::from_second(self.later_by(from, more)).unwrap();
        [least.max(most), least]
    }

    /// The end, in seconds, of so many windows more than end with `until`.
    fn later_by(&self, until: i64, more: u64) -> i64 {
        let interval = self.life().settings.interval as i64;
        (until.div_euclid(interval) + more as i64) * interval
    }

    /// The rows of an answer that are looked at: those beyond what it completes are left for the next one, for no scrape
    /// sees half a window. Whether a local time that occurs twice was asked for as of its first pass can't be seen, nor
    /// always what was complete, `most` or `least`: as many are looked at as were `counted`, if that is so many by the end of
    /// a window.
    fn within_what_is_completed(&self, told: &Told, [most, least]: [Timestamp; 2], counted: u64) -> Vec<SentRow> {
        if !self.may_be_partly_used(told) {
            return told.rows.clone();
        }
        let zone = &self.life().zone;
        let asked = zone.to_ambiguous_timestamp(told.asked.ini);
        let within = |from: Timestamp, complete: Timestamp| {
            let last = last_second_of(zone, from, complete);
            let is_left = |row: &&SentRow| {
                let date = self.truth.calls[row.call].date;
                matches!(row.form, Form::Readable { .. }) && date > last && date <= told.asked.end
            };
            told.rows.iter().filter(|row| !is_left(row)).cloned().collect::<Vec<_>>()
        };
        let passes = [asked.earlier().unwrap(), asked.later().unwrap()];
        let windows = told.rows.iter().map(|row| window_of(self.truth.calls[row.call].at, &self.life().settings));
        let ends = [most, least].into_iter().chain(windows.filter(|start| (least..most).contains(start)));
        let mut all: Vec<_> = ends.flat_map(|to| passes.map(|from| within(from, to))).collect();
        let place = all.iter().position(|rows| rows.len() as u64 == counted).unwrap_or(0);
        all.swap_remove(place)
    }

    fn outcome_is_right(&self, told: &Told, outcome: &str) -> Result<(), String> {
        let right = match told.meaning {
            // Of an answer that is not used for what a clock says it is known that it could be read.
            Meaning::Outcome("empty") if self.in_doubt() => matches!(outcome, "empty" | "ok"),
            Meaning::Outcome(right) => outcome == right,
            Meaning::EmptyIfKnown => match outcome {
                "empty" => self.may_be_known,
                "malformed" => !self.is_known,
                _ => false,
            },
        };
        holds(right, || format!("{outcome} for an answer that means {:?} ({told:?})", told.meaning))
    }

    /// Whether an account, which now is complete until `complete`, has read nothing, or has counted nothing and begins in the
    /// future: by the true time or, where that shows, by a clock that may be believed.
    fn may_have_begun_again(&self, now: Timestamp, complete: Timestamp) -> bool {
        let start = self.cursor.start();
        let waits = complete < start && (start > now || self.claims_may_be_wrong());
        !self.cursor.read_before || waits && !self.counts.rows.contains_key("counted")
    }

    /// An account that had read nothing was begun again by a clock that is believed; if that lies, it begins ahead.
    fn begun_again(&mut self, start: Timestamp, now: Timestamp) {
        self.cursor.begins_at(start);
        self.cursor.read_before = false;
        self.cursor.may_be_ahead |= start > now && self.a_lie_may_be_believed();
    }

    /// Without an answer nothing is claimed; what was claimed by a wrong clock is taken back.
    fn cursor_without_an_answer(&mut self, now: Timestamp, old: &Numbers, new: &Numbers) -> Result<(), String> {
        if new.complete == old.complete {
            return Ok(());
        }
        if self.may_have_begun_again(now, new.complete) {
            self.begun_again(new.complete, now);
            return Ok(());
        }
        holds(new.complete < old.complete && self.may_be_taken_back(now, old, new), || {
            format!("the cursor went from {} to {} without an answer", old.complete, new.complete)
        })
    }

    fn may_be_taken_back(&self, now: Timestamp, old: &Numbers, new: &Numbers) -> bool {
        // With a longer `settle` a cursor may be ahead of what has settled, which shows once a clock is believed: it then
        // goes back to where it was proven.
        let settled = now - Duration::from_secs(self.life().settings.settle + self.life().settings.interval);
        let has_not_settled = self.in_doubt() && old.complete > settled && new.complete >= old.complete - MOST_UNPROVEN;
        self.cursor.may_be_ahead || self.a_lie_may_be_believed() || has_not_settled
    }

    fn used(&mut self, told: &Told, old: &Numbers, new: &Numbers) -> Result<(), String> {
        // Whether an answer without rows was used can't be seen.
        self.cursor.read_before |=
            !told.rows.is_empty() || new.complete > old.complete || !self.may_be_partly_used(told);
        let truth = self.truth.clone();
        let life = self.life.as_ref().expect("a life has begun");
        let (zone, settings) = (life.zone.clone(), life.settings.clone());
        // What is given up was not completed by a read.
        let complete = [self.cursor.windows_until, self.cursor.windows_until_at_most]
            .map(|at| Timestamp::from_second(at).unwrap());
        if new.skipped > old.skipped {
            let seconds = SignedDuration::from_secs((new.skipped - old.skipped) as i64);
            let mut to = old.complete + seconds;
            let mut least = to;
            if self.may_be_unproven() {
                // What a clock passed alone is given up with what follows; how much that is shows in the windows only, and
                // not even there if some of them were taken back, at once or earlier. What is asked for begins behind it.
                let windows = (new.windows - old.windows) as i64;
                let seen = (self.life().number_of(new.complete) - windows) * settings.interval as i64;
                least = to.min(Timestamp::from_second(seen).unwrap());
                let asked = zone.to_ambiguous_timestamp(told.asked.ini);
                if self.cursor.windows_until_at_most > old.complete.as_second() && !asked.is_ambiguous() {
                    least = least.min(asked.compatible().unwrap().max(old.complete));
                }
                if self.claims_may_be_wrong() {
                    self.cursor.may_be_ahead |= least < to;
                } else {
                    to = least;
                }
            }
            self.given_up_rightly(told, least)?;
            self.cursor.give_up(least - seconds, least, to);
        }
        let under = Under { truth: &truth, zone: &zone, settings: &settings, start: self.cursor.start(), complete };
        self.counts.take(told, &under);
        for (disposition, &rows) in &new.rows {
            equal(disposition, rows, self.counts.rows.get(disposition.as_str()).copied().unwrap_or(0))?;
        }
        for (reason, &rows) in &new.rejected {
            equal(
                format_args!("rejected/{reason}"),
                rows,
                self.counts.rejected.get(reason.as_str()).copied().unwrap_or(0),
            )?;
        }
        self.counts.late_were(new.late)?;
        equal("calls without a time", new.unreadable, self.counts.unreadable)?;
        equal("overflow", new.overflow, self.counts.overflow)?;
        self.reaches_back(told, old, new)?;
        self.claims(told, old, new)?;
        self.windows(told, old, new)?;
        self.missing(told, new)
    }

    fn given_up_rightly(&self, told: &Told, to: Timestamp) -> Result<(), String> {
        let settings = &self.life().settings;
        let oldest = told.to.at + CLOCKS_MAY_DIFFER - Duration::from_secs(settings.settle + settings.max_catch_up);
        holds(to <= oldest || !self.all.one_was_right, || {
            format!("{to} was given up at {}, which is within max_catch_up", told.to.at)
        })
    }

    /// A poll asks for the overlap again, except for what was given up.
    fn reaches_back(&self, told: &Told, old: &Numbers, new: &Numbers) -> Result<(), String> {
        let (settings, all) = (&self.life().settings, &self.all);
        let is_known = self.cadence.is_whole_poll(told) && self.cadence.windows_due(settings).is_some();
        if new.complete == old.complete
            || !is_known
            || self.was_in_doubt()
            || all.overlap_grew
            || all.zone_changes_soon
            || !all.zones_were_right
        {
            return Ok(());
        }
        let from = self.life().zone.to_timestamp(told.asked.ini).map_err(|error| error.to_string())?;
        let least = old.complete - Duration::from_secs(settings.overlap);
        holds(from <= least.max(self.cursor.floor.unwrap_or(least)), || {
            format!("{} was asked for, and not from {least} on, with an overlap of {} s", told.asked, settings.overlap)
        })
    }

    /// A whole answer covers what it was asked for, as far as that was over when it was made.
    fn prove(&mut self, told: &Told, old: &Numbers, new: &Numbers, was_used: bool) {
        let zone = &self.life().zone;
        let from = zone.to_ambiguous_timestamp(told.asked.ini).earlier().unwrap();
        let to = zone.to_ambiguous_timestamp(told.asked.end).later().unwrap() + SignedDuration::from_secs(1);
        let made = told.made + CLOCKS_MAY_DIFFER;
        // What is beyond the part that was used is asked for again, or is given up before it can be.
        let used = if self.may_be_partly_used(told) { new.complete.max(old.complete) } else { to };
        self.cursor.prove(from, to.min(made).min(used), was_used);
    }

    /// The cursor passes a second only with a whole answer that covers it and was made after it.
    fn claims(&mut self, told: &Told, old: &Numbers, new: &Numbers) -> Result<(), String> {
        self.prove(told, old, new, true);
        let life = self.life.as_mut().expect("a life has begun");
        // What a cache had kept proves nothing that was not proven before.
        if told.head.age == Duration::ZERO {
            life.used = Some(told.from.at);
        }
        life.answers_used += 1;
        let claimed_from = self.cursor.floor.map_or(old.complete, |floor| floor.max(old.complete));
        if self.cadence.is_whole_poll(told) {
            self.cursor.last_whole_read = Some(told.made);
        } else if new.complete > old.complete {
            self.cursor.last_whole_read = Some(self.cadence.poll_began());
        }
        if new.complete < old.complete {
            return holds(self.may_be_taken_back(told.to.at, old, new), || {
                format!("the cursor fell from {} to {}", old.complete, new.complete)
            });
        }
        if new.complete <= claimed_from {
            return Ok(());
        }
        if self.claims_may_be_wrong() {
            self.cursor.may_be_ahead |= new.complete > told.made;
            return Ok(());
        }
        let settled = told.made + CLOCKS_MAY_DIFFER - Duration::from_secs(self.life().settings.settle);
        holds(new.complete <= settled.max(self.cursor.start()), || {
            format!("complete until {} by an answer of {}, when that had not settled", new.complete, told.made)
        })?;
        let unproven = self.cursor.unproven(claimed_from, new.complete);
        holds(unproven == 0 || !self.all.zones_were_right || self.cursor.may_be_ahead, || {
            format!("of {claimed_from} to {} {unproven} s were never read", new.complete)
        })
    }

    /// Each window is completed once.
    fn windows(&mut self, told: &Told, old: &Numbers, new: &Numbers) -> Result<(), String> {
        let life = self.life.as_ref().expect("a life has begun");
        let interval = life.settings.interval as i64;
        let from = [self.cursor.windows_until, self.cursor.windows_until_at_most];
        let [most, least] = from.map(|from| (life.number_of(new.complete) - from.div_euclid(interval)).max(0) as u64);
        let more = new.windows - old.windows;
        // What was completed and taken back at once shows in the windows only, whether the cursor then stands where it
        // was, or before, or behind. Rows that come late seem to contradict a server's clock that is ahead of the host's.
        let may_be_refuted = !told.rows.is_empty() && told.to.host + CLOCKS_MAY_DIFFER < told.to.at;
        let may_be_wrong = self.claims_may_be_wrong() || may_be_refuted;
        let is_taken_back = new.complete < old.complete || (more > most && may_be_wrong);
        holds((least..=most).contains(&more) || is_taken_back, || {
            format!("windows completed: {more} instead of {most}, or {least}")
        })?;
        // So too where it is not known how much was given up before: a later begin, and some of it taken back.
        let may_be_taken_back = is_taken_back || (more > least && may_be_wrong);
        let is_known = !may_be_taken_back && more > 0;
        let until = |from: i64, is_taken_back: bool| match is_taken_back {
            _ if is_known => new.complete.as_second(),
            true => self.later_by(from, more).max(new.complete.as_second()).max(from),
            false => new.complete.as_second().max(from),
        };
        let (complete, at_most) = (until(from[0], is_taken_back), until(from[1], may_be_taken_back));
        self.cursor.completed_windows(complete, at_most);
        let may_be_unused = told.rows.is_empty() && new.complete == old.complete && self.may_be_partly_used(told);
        if !may_be_unused {
            let last_begins = |until: i64| until - until.rem_euclid(interval) - interval;
            self.cursor.forgets_before(last_begins(complete), last_begins(at_most));
        }
        // In a local time that occurs twice, a part of the range can look like the whole; and between parts a window may
        // fall due.
        let is_whole = self.cadence.is_whole_poll(told) && !self.all.zone_changes_soon;
        let behind = self.cadence.windows_due(&life.settings).filter(|_| is_whole);
        let Some((several, due)) = behind.filter(|_| !may_be_unused) else {
            self.catch_up = CatchUp::Unknown;
            return Ok(());
        };
        if several || matches!(self.catch_up, CatchUp::Behind | CatchUp::Unknown) {
            self.catch_up = match (new.complete >= due, several, self.catch_up) {
                (_, false, CatchUp::Unknown) => CatchUp::Unknown,
                (true, ..) => CatchUp::Done(told.to.host),
                (false, ..) => CatchUp::Behind,
            };
        }
        Ok(())
    }

    /// Only what an answer has announced and not delivered can be missing, each row once.
    fn missing(&mut self, told: &Told, new: &Numbers) -> Result<(), String> {
        self.held_back.extend(&told.held_back);
        let phantoms = self.truth.phantoms.iter().filter(|(_, from)| *from <= told.to.at).count();
        // A call may have three rows.
        let most = phantoms + 3 * self.held_back.len();
        let countable = !self.all.zone_changes_soon && self.all.zones_were_right && !self.all.overlap_grew;
        holds(new.missing <= most as u64 || !countable, || format!("{} rows are missing of {most}", new.missing))
    }
}

/// The latest local second from `from` to `end`: where the clock was put back meanwhile, the one after its last before.
fn last_second_of(zone: &TimeZone, from: Timestamp, end: Timestamp) -> DateTime {
    let second = SignedDuration::from_secs(1);
    let changes = zone.following(from).map(|change| change.timestamp()).take_while(|&change| change < end);
    let before = changes.map(|change| zone.to_datetime(change - second) + second);
    before.chain([zone.to_datetime(end - second)]).max().expect("the end is one")
}

mod doubts;

use alloc::collections::BTreeSet;
use alloc::vec;
use alloc::vec::Vec;
use core::num::NonZero;
use core::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, civil::DateTime};

use super::account::Account;
use super::cadence::retry_pause;
use super::gaps::{Findings, Gaps};
use super::outcome::Outcome;
use super::plan::Plan;
use super::range::{CivilRange, Stretch};
use super::rules::Rules;
use super::shortfall::POLLS_TO_BELIEVE;
use super::window::Windows;
use super::zone::{civil_range, reads_from};
pub use doubts::Doubts;
use doubts::Suspect;

/// Calls in one poll: enough to find the place of a gap in a window, few enough to keep the token for its other users.
pub const CALLS_PER_POLL: u32 = 16;

/// The API's limit is 60,000 rows; what it does above is unknown. Careful clients take an answer near it for cut off.
pub const FULL_ANSWER_ROWS: u64 = 59_000;

/// Parts between unreadable seconds that a poll reads again: each costs a call, and the new window must have some.
const MOST_READ_AGAIN: usize = 7;

const SECOND: SignedDuration = SignedDuration::from_secs(1);

/// The reading of one stretch: the question that comes next, and what is to be done with each answer.
///
/// The stretch is asked for whole. An answer that may lack rows, or that can't be read to its end, is not used: its range
/// is asked for in halves, the oldest first, one after another. Each part whose answer is used is counted and moves the
/// cursor, so that progress is never lost.
#[derive(Debug)]
pub struct Reading {
    plan: Plan,
    zone: TimeZone,
    windows: Windows,
    /// The first date that is asked for.
    reach: DateTime,
    /// What is still to be read, the oldest part last.
    parts: Vec<Stretch>,
    calls: u32,
    retries: u32,
    /// Whether no answer has been judged yet, but for those about places that the stretch begins within.
    is_first: bool,
    /// Whether the next part ends with such a place.
    is_straddled: bool,
    /// As they were when the poll began, and what its answers have told since.
    gaps: Gaps,
    /// Rows believed to be missing, and seconds given up, since the last answer that was stored.
    missing: u64,
    given_up: u64,
    /// Seconds that could not be read in this poll.
    set_aside: BTreeSet<DateTime>,
    /// What came of the last answer, if it was not used.
    divided: Option<Counts>,
    doubts: Doubts,
}

/// What is to be done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Ask(Question),
    End(ReadingEnd),
}

/// One call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question {
    /// What is read by it.
    pub stretch: Stretch,
    /// What is asked for: from the second before on, if that may be asked for.
    pub asked: CivilRange,
}

/// What an answer looks like from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Rows that came.
    pub delivered: u64,
    /// Rows that the answer says it has; `None` where it has no number.
    pub announced: Option<u64>,
    /// Whether the body began as a report, and has a place after which no row can be found.
    pub broken: bool,
    /// Whether a cache had kept it from before the end of what it is about: then it says nothing of what is missing there.
    pub is_early: bool,
}

/// How many rows an answer has, and how many it announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    pub delivered: u64,
    pub announced: Option<u64>,
}

/// What is to be done with an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// Count its rows, and store this with them.
    Use(Findings),
    /// Not used: its parts are asked for.
    Divided,
    /// Not used: a second that can't be read, and so not be asked for in parts. What follows it is asked for.
    SetAside,
}

/// How a reading ended whose calls have all been answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadingEnd {
    /// All of the stretch has been read.
    Whole,
    /// The calls were used up in the search for rows that the last answer lacks, or for what can't be read in it.
    Incomplete(Counts),
    /// The calls were used up before all parts had been asked for; the last answer was whole.
    TooManyParts,
    /// All has been read but for this second (the first of its kind), which may be readable at the next poll.
    Unreadable(DateTime),
}

impl ReadingEnd {
    /// Whether all that was due has been read.
    pub const fn is_success(self) -> bool {
        matches!(self, Self::Whole)
    }
}

impl Shape {
    /// Rows that were announced and have not come.
    pub fn shortfall(self) -> u64 {
        self.announced.unwrap_or(0).saturating_sub(self.delivered)
    }

    /// Whether there are so many rows that the API may have stopped there.
    pub fn may_be_cut(self) -> bool {
        self.delivered >= FULL_ANSWER_ROWS
    }
}

impl Reading {
    /// Begins to read what `plan` says. `doubts` are those of the poll before.
    pub fn new(plan: Plan, account: &Account, rules: &Rules, doubts: Doubts) -> Self {
        Self::of(plan, account, (rules.zone.clone(), rules.windows), doubts)
    }

    fn of(plan: Plan, account: &Account, (zone, windows): (TimeZone, Windows), mut doubts: Doubts) -> Self {
        let reach = civil_range(&zone, plan.stretch).ini;
        doubts.unreadable = doubts.unreadable.split_off(&reach);
        doubts.unreadable.retain(|second, _| !account.gaps.unreadable.contains(second));
        let mut reading = Self {
            reach,
            parts: Vec::new(),
            calls: 0,
            retries: 0,
            is_first: true,
            is_straddled: false,
            gaps: account.gaps.clone(),
            missing: 0,
            given_up: 0,
            set_aside: BTreeSet::new(),
            divided: None,
            doubts,
            windows,
            plan,
            zone,
        };
        reading.give_up_unreadable();
        reading.parts = reading.around_unreadable(account.marks.complete_until);
        reading
    }

    /// The next question, or the end.
    pub fn step(&mut self) -> Step {
        let Some(stretch) = self.parts.pop() else { return Step::End(self.end_of_parts()) };
        if self.calls >= CALLS_PER_POLL {
            self.parts.push(stretch);
            return Step::End(self.divided.map_or(ReadingEnd::TooManyParts, ReadingEnd::Incomplete));
        }
        self.calls += 1;
        let asked = civil_range(&self.zone, self.with_the_second_before(stretch));
        Step::Ask(Question { stretch, asked })
    }

    /// Judges the answer to `question`.
    pub fn answered(&mut self, question: Question, shape: Shape) -> Judgement {
        let is_straddled = core::mem::take(&mut self.is_straddled);
        let is_first = !is_straddled && core::mem::take(&mut self.is_first);
        let Question { stretch, asked } = question;
        let halves = stretch.halves();
        if shape.broken {
            return match halves {
                Some(halves) => self.divide(stretch, halves, shape, 0),
                None => self.set_aside(stretch),
            };
        }
        if !shape.is_early {
            self.doubts.unreadable.retain(|second, _| !asked.contains(*second));
        }
        let short = shape.shortfall();
        let expected = self.gaps.shortfalls.expected(asked);
        let beyond = short.saturating_sub(*expected.end());
        // What is known of a place that the range begins within may excuse what goes missing behind it.
        let is_excused = expected.contains(&short) && short > *expected.start();
        let behind = if is_excused { self.behind_straddled(question) } else { None };
        let known = &mut self.gaps.shortfalls;
        match halves {
            Some(halves) if shape.may_be_cut() || (shape.is_early && beyond > 0) => {
                return self.divide(stretch, halves, shape, beyond);
            }
            Some(_) if let Some(behind) = behind => {
                (self.is_straddled, self.is_first) = (true, is_first);
                self.parts.extend([Stretch { from: behind, ..stretch }, Stretch { to: behind, ..stretch }]);
                return self.divided_by(shape);
            }
            _ if shape.is_early => return self.use_it(),
            None => {
                let place = CivilRange { ini: asked.ini.max(before(asked.end)), ..asked };
                self.doubts.explain(stretch, known.look(place, asked, short));
            }
            Some(_) if expected.contains(&short) => {
                known.narrow(asked, short);
                known.confirm(asked);
            }
            Some(_) if short == 0 => known.clear(asked),
            // The search gets no closer: they are somewhere in what was asked for. The part where it came last may have
            // lacked others, that have come since. A place that reaches to what is yet to come, by a clock that is in doubt,
            // would excuse what goes missing there.
            Some(_) if is_first && stretch.to <= self.plan.due_end && self.doubts.see(beyond) => {
                known.believe(asked, beyond)
            }
            Some(halves) => return self.divide(stretch, halves, shape, beyond),
        }
        if is_first {
            self.doubts.unexplained = None;
        }
        // The oldest part comes first: what ends here has been searched.
        self.doubts.suspect = self.doubts.suspect.filter(|suspect| suspect.part.to > stretch.to);
        self.use_it()
    }

    /// The findings of the last answer have been stored with its rows. Until then they are told again.
    pub fn stored(&mut self) {
        (self.missing, self.given_up) = (0, 0);
    }

    /// An answer was used in part, or not at all, for what it says of the time: what follows it would be counted behind a
    /// hole, and is left for the next poll.
    pub fn leave_the_rest(&mut self) {
        self.parts.clear();
    }

    /// Begins again with another plan: what was answered so far is not used, and the calls have been made.
    pub fn begin_again(&mut self, plan: Plan, account: &Account) {
        let doubts = core::mem::take(&mut self.doubts);
        let rules = (self.zone.clone(), self.windows);
        *self = Self { calls: self.calls, retries: self.retries, ..Self::of(plan, account, rules, doubts) };
    }

    /// The pause before `question` is asked again, after a call that gave no answer; `None` where the poll ends with it.
    pub fn failed(
        &mut self,
        question: Question,
        outcome: Outcome,
        retry_after: Option<Duration>,
        elapsed: Duration,
    ) -> Option<Duration> {
        self.parts.push(question.stretch);
        let pause = retry_pause(outcome, self.retries, retry_after, &self.windows, elapsed)?;
        self.retries += 1;
        (self.calls < CALLS_PER_POLL).then_some(pause)
    }

    /// Calls made.
    pub fn calls(&self) -> u32 {
        self.calls
    }

    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// What the next poll must know of this one.
    pub fn into_doubts(self) -> Doubts {
        self.doubts
    }

    fn end_of_parts(&self) -> ReadingEnd {
        let unread = self.set_aside.iter().find(|second| !self.gaps.unreadable.contains(*second));
        unread.map_or(ReadingEnd::Whole, |second| ReadingEnd::Unreadable(*second))
    }

    /// A part as it is asked for: if the API leaves `date_end` out, the last second of the part before has yet to come,
    /// and no overlap of a later read may reach back to it. And with the whole of a place of missing rows that it would
    /// come upon: these would excuse as many others, if it were not known whether they are in the answer.
    fn with_the_second_before(&self, part: Stretch) -> Stretch {
        let mut part = part;
        loop {
            let from = second(part.from.as_second().saturating_sub(1)).max(self.plan.stretch.from);
            let date = self.zone.to_datetime(from);
            if from == part.from || self.gaps.unreadable.contains(&date) || self.set_aside.contains(&date) {
                return part;
            }
            part.from = from;
            let place = CivilRange { ini: before(date), end: date };
            if !self.gaps.shortfalls.lack_at(place) {
                return part;
            }
        }
    }

    /// An answer is used, with all that has been found since the last one that was stored.
    fn use_it(&mut self) -> Judgement {
        self.divided = None;
        self.missing = self.missing.saturating_add(self.gaps.shortfalls.settle(self.reach));
        let (missing, unreadable_seconds) = (self.missing, self.given_up);
        Judgement::Use(Findings { gaps: self.gaps.clone(), missing, unreadable_seconds })
    }

    /// Sets the parts of `stretch` to be read, which lacks `rows` beyond what is known: its halves, or what the last poll's
    /// search had come to.
    fn divide(&mut self, stretch: Stretch, (older, newer): (Stretch, Stretch), shape: Shape, rows: u64) -> Judgement {
        let suspect = self.doubts.suspect.replace(Suspect { part: stretch, rows }).map(|suspect| suspect.part);
        match suspect.filter(|part| stretch.covers(*part) && *part != stretch) {
            Some(part) => {
                let (before, after) = (Stretch { to: part.from, ..stretch }, Stretch { from: part.to, ..stretch });
                let within = part.halves().map_or(vec![part], |(older, newer)| vec![newer, older]);
                let parts = [vec![after], within, vec![before]].into_iter().flatten();
                self.parts.extend(parts.filter(|part| part.seconds() > 0));
            }
            None => self.parts.extend([newer, older]),
        }
        self.divided_by(shape)
    }

    fn divided_by(&mut self, shape: Shape) -> Judgement {
        self.divided = Some(Counts { delivered: shape.delivered, announced: shape.announced });
        Judgement::Divided
    }

    /// Where the first place of missing rows ends that the range begins within, if there is more behind it. The second behind
    /// is asked for on either side: the API may leave `date_end` out.
    fn behind_straddled(&self, Question { stretch, asked }: Question) -> Option<Timestamp> {
        let end = self.gaps.shortfalls.first_end_of_straddled(asked)?;
        let behind = reads_from(&self.zone, end.checked_add(2 * SECOND).ok()?)?;
        (stretch.from < behind && behind < stretch.to).then_some(behind)
    }

    /// Notes a second that can't be read.
    fn set_aside(&mut self, stretch: Stretch) -> Judgement {
        let date = self.zone.to_datetime(stretch.from);
        self.set_aside.insert(date);
        self.divided = None;
        let polls = self.doubts.unreadable.entry(date).or_default();
        *polls = polls.saturating_add(1);
        self.give_up_unreadable();
        Judgement::SetAside
    }

    /// Gives up the seconds that could not be read in so many polls.
    fn give_up_unreadable(&mut self) {
        for (second, _) in self.doubts.unreadable.iter().filter(|(_, polls)| **polls >= POLLS_TO_BELIEVE) {
            self.given_up += u64::from(self.gaps.note_unreadable(*second));
        }
    }

    /// The stretch without its unreadable seconds, in parts, the oldest last. Where too many parts are before `cursor`, the
    /// polls of one window after the other ask for some of them in turn: each is looked at again while late rows may come.
    fn around_unreadable(&self, cursor: Timestamp) -> Vec<Stretch> {
        let Stretch { from, to } = self.plan.stretch;
        let passes = self.gaps.unreadable.iter().flat_map(|&date| {
            let instants = self.zone.to_ambiguous_timestamp(date);
            [instants.earlier(), instants.later()].into_iter().flatten()
        });
        let holes: BTreeSet<Timestamp> = passes.filter(|at| from <= *at && *at < to).collect();
        let mut parts = Vec::new();
        let mut from = from;
        for hole in holes {
            parts.push(Stretch { from, to: hole });
            from = second(hole.as_second().saturating_add(1));
        }
        parts.push(Stretch { from, to });
        parts.retain(|part| part.seconds() > 0);
        let read_before = parts.iter().filter(|part| part.to <= cursor).count();
        if let Some(too_many) = NonZero::new(read_before).filter(|parts| parts.get() > MOST_READ_AGAIN) {
            let window = self.windows.ends_within(Timestamp::UNIX_EPOCH, self.plan.due_end) as usize;
            let first = window.wrapping_mul(MOST_READ_AGAIN) % too_many;
            let mut numbers = 0..;
            parts.retain(|part| {
                let place = numbers.next().map_or(0, |number: usize| number + too_many.get() - first) % too_many;
                part.to > cursor || place < MOST_READ_AGAIN
            });
        }
        parts.reverse();
        parts
    }
}

/// The second before a date; the same at the end of the calendar.
fn before(date: DateTime) -> DateTime {
    date.saturating_sub(SECOND)
}

/// An instant in whole seconds; the end of the calendar where there is none.
fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap_or(if second < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

#[cfg(test)]
mod tests;

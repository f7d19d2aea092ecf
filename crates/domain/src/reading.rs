mod doubts;
mod parts;
mod shape;

use alloc::collections::BTreeSet;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::account::Account;
use super::cadence::retry_pause;
use super::gaps::{Findings, Gaps};
use super::outcome::Outcome;
use super::plan::Plan;
use super::range::{CivilRange, Stretch};
use super::rules::Rules;
use super::shortfall::POLLS_TO_BELIEVE;
use super::window::Windows;
use super::zone::civil_range;
pub use doubts::Doubts;
use doubts::Suspect;
use parts::before;
pub use shape::{FULL_ANSWER_ROWS, Shape};

/// Calls in one poll: enough to find the place of a gap in a window, few enough to keep the token for its other users.
pub const CALLS_PER_POLL: u32 = 16;

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
    /// The last answer of which parts were asked for, or that was of a second that can't be read.
    divided: Option<Shape>,
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
    /// The calls were used up in the search for rows that an answer lacks.
    Incomplete(Shape),
    /// The calls were used up in the search for what can't be read.
    Broken,
    /// The calls were used up before all parts had been asked for: there are too many rows, or seconds to be read around.
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
            return Step::End(self.calls_used_up());
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
                None => self.set_aside(stretch, shape),
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

    fn calls_used_up(&self) -> ReadingEnd {
        match self.divided {
            Some(shape) if shape.broken => ReadingEnd::Broken,
            Some(shape) if shape.shortfall() > 0 => ReadingEnd::Incomplete(shape),
            _ => ReadingEnd::TooManyParts,
        }
    }

    fn end_of_parts(&self) -> ReadingEnd {
        let unread = self.set_aside.iter().find(|second| !self.gaps.unreadable.contains(*second));
        unread.map_or(ReadingEnd::Whole, |second| ReadingEnd::Unreadable(*second))
    }

    /// An answer is used, with all that has been found since the last one that was stored.
    fn use_it(&mut self) -> Judgement {
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
        self.divided = Some(shape);
        Judgement::Divided
    }

    /// Notes a second that can't be read.
    fn set_aside(&mut self, stretch: Stretch, shape: Shape) -> Judgement {
        let date = self.zone.to_datetime(stretch.from);
        self.set_aside.insert(date);
        self.divided = Some(shape);
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
}

#[cfg(test)]
mod tests;

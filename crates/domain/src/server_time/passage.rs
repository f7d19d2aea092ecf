use core::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Moment, Testimony};
use crate::instant::{earlier, shifted, signed};
use crate::window::Windows;

/// Objecting polls in a row after which an answer's clock is no longer heard: as many intervals as the longest pause.
const OBJECTIONS_HEARD: u32 = 12;

/// Answers in a row without a credible clock after which the host's clock and the planning one prove what is over: the
/// server has none to tell, or rows contradict it. Fewer may be odd ones among others that object.
const SILENT_ANSWERS: u32 = 3;

/// How far an answer is used. Rows beyond are left for the next: no scrape sees half a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passage {
    /// Up to here: the end of the stretch that was read, or before it.
    pub to: Timestamp,
    /// Up to here both clocks said, each by itself, that it is over and has settled; never after `to`.
    pub proven: Timestamp,
    /// Whether it is no longer heard what the answer's clock says: it has objected for too long.
    pub is_overruled: bool,
    /// When the answer was made, this one or another of the same poll, for which it is used no further.
    pub held_back_by: Option<Timestamp>,
}

/// An answer that is about to be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question {
    /// The end of the stretch that was asked for.
    pub to: Timestamp,
    /// The end of the last window that was due by the clock that windows are planned by, when the poll began.
    pub due_end: Timestamp,
    /// When it was asked, and when the answer had come.
    pub asked: Moment,
    pub answered: Moment,
}

/// Decides which windows an answer completes.
///
/// - A window that is not over by the answer's own clock is not completed by the first poll, whatever other clocks say.
/// - From the next poll on it is, in spite of that clock, if it is proven by the monotonic one: where both clocks once
///   agreed that a time was over, what is as much later is over after as long. So a `Date` that is stale once, or always
///   wrong in another way, costs one interval; and a host's clock that is days ahead does not complete windows to come.
/// - A row dated at a time proves that this has come: a host's clock that is behind, and known to be, proves no less.
/// - Where there is no such proof (the first polls after an outage of the exporter itself), the answer's clock is heard
///   for twelve polls. In three of them it is believed if it is consistent, and then it plans the windows.
/// - What a cache made before the end of a window completes it never: it is no news, however long the server sends it. Its
///   age holds by each clock: what that of the host proves is as much earlier.
/// - What one answer of a poll does not complete, no other of that poll does: the next read would begin behind rows that have
///   come since, in the part that was answered for so early. A cache that keeps the answer about one part for ever is heard
///   for twelve polls, too.
/// - An answer without a credible clock is no objection. Three in a row leave the planning clock as the only one.
#[derive(Debug)]
pub struct Passages {
    /// Over by both clocks, and when they said so.
    proof: (Timestamp, Duration),
    objections: Objections,
    held_back: Option<HeldBack>,
    /// The last answers in a row without a credible clock.
    silent: u32,
}

/// Polls in a row whose windows were not over by the clock of an answer.
#[derive(Debug, Default)]
struct Objections {
    polls: u32,
    /// The end of the last window that was due by the last one of them, and by the one before.
    due_end: Option<Timestamp>,
    due_end_before: Option<Timestamp>,
}

impl Objections {
    /// Takes in one to windows up to `due_end`, and tells where those of the poll before end.
    fn note(&mut self, due_end: Timestamp) -> Timestamp {
        if self.due_end.is_none_or(|known| known < due_end) {
            self.due_end_before = self.due_end.replace(due_end);
            self.polls = self.polls.saturating_add(1);
        }
        self.due_end_before.unwrap_or(Timestamp::MIN)
    }

    fn are_heard(&self) -> bool {
        self.polls <= OBJECTIONS_HEARD
    }
}

/// How far the answers to one poll are used, where one of them was made before its last window was over.
#[derive(Debug, Clone, Copy)]
struct HeldBack {
    /// The end of the last window that was due by that poll.
    due_end: Timestamp,
    to: Timestamp,
    /// When that answer was made.
    by: Timestamp,
    /// Polls in a row with such an answer.
    polls: u32,
}

impl Passages {
    /// The proof of an earlier process is one of this moment.
    pub fn new(proven: Timestamp, now: Duration) -> Self {
        Self { proof: (proven, now), objections: Objections::default(), held_back: None, silent: 0 }
    }

    /// `newest` is the instant of the newest row in the answer: that time has come, whatever a clock says.
    pub fn pass(
        &mut self,
        windows: &Windows,
        question: Question,
        testimony: Testimony,
        newest: Option<Timestamp>,
    ) -> Passage {
        let Question { to, due_end, asked, answered } = question;
        let limit = testimony.completes(windows);
        let is_silent = matches!(testimony, Testimony::None | Testimony::Kept { .. });
        self.silent = if is_silent { self.silent.saturating_add(1) } else { 0 };
        // The host's clock too was behind by the age of the answer when that was made.
        let by_the_host = windows.last_due_end(earlier(asked.host, testimony.age())).min(limit.unwrap_or(due_end));
        let over = if is_silent {
            (self.silent >= SILENT_ANSWERS).then_some(by_the_host.min(due_end))
        } else {
            Some(by_the_host)
        };
        let over = over.max(newest.map(|newest| windows.last_due_end(newest).min(limit.unwrap_or(due_end))));
        if let Some(over) = over
            && over > self.proven(windows, asked.monotonic)
        {
            // Its clock may have said so at the end of a long call.
            self.proof = (over, answered.monotonic);
        }
        let is_held_back = self.held_back.is_some_and(|held| held.due_end == due_end);
        let passed = match limit {
            Some(limit) if testimony.is_kept() => limit,
            Some(limit) if limit < due_end => limit.max(self.object(windows, due_end, asked.monotonic)),
            _ if is_held_back => due_end,
            _ => {
                self.objections = Objections::default();
                due_end
            }
        };
        let held_back = self.hold_back(due_end, passed, testimony.made());
        let asked_to = to.min(due_end);
        let to = held_back.map_or(passed, |held| held.to).min(asked_to);
        let held_back_by = held_back.filter(|_| to < asked_to).map(|held| held.by);
        let is_overruled = !self.objections.are_heard();
        let made = signed(asked.monotonic).saturating_sub(signed(testimony.age()));
        let proven = self.proven_at(windows, made).max(over.unwrap_or(Timestamp::MIN));
        Passage { to, proven: proven.min(to), is_overruled, held_back_by }
    }

    /// Takes in that an answer which was `made` then completes all before `passed`, and tells what the poll's answers are held
    /// back by.
    fn hold_back(&mut self, due_end: Timestamp, passed: Timestamp, made: Option<Timestamp>) -> Option<HeldBack> {
        let same = self.held_back.filter(|held| held.due_end == due_end);
        self.held_back = match (made.filter(|_| passed < due_end), same) {
            (None, same) => same,
            (Some(_), Some(held)) if held.to <= passed => same,
            (Some(by), Some(held)) => Some(HeldBack { to: passed, by, ..held }),
            (Some(by), None) => {
                let polls = self.held_back.map_or(0, |held| held.polls).saturating_add(1);
                Some(HeldBack { due_end, to: passed, by, polls })
            }
        };
        self.held_back.filter(|held| held.polls <= OBJECTIONS_HEARD)
    }

    /// Notes an objection to windows up to `due_end`. Up to the answer, windows are completed in spite of it.
    fn object(&mut self, windows: &Windows, due_end: Timestamp, now: Duration) -> Timestamp {
        let before = self.objections.note(due_end);
        if self.objections.are_heard() { before.min(self.proven(windows, now)) } else { before }
    }

    /// Up to here all is over by now: what was proven, and as much as has passed since.
    fn proven(&self, windows: &Windows, now: Duration) -> Timestamp {
        self.proven_at(windows, signed(now.max(self.proof.1)))
    }

    /// Up to here all was over when the monotonic clock was at `moment`, which may be before the proof, and before its
    /// origin.
    fn proven_at(&self, windows: &Windows, moment: SignedDuration) -> Timestamp {
        let (until, at) = self.proof;
        windows.start_of(shifted(until, moment.saturating_sub(signed(at))))
    }
}

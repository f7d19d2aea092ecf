//! The server's clock, which dates the rows: how it is told, and how far it is believed.
//!
//! Three clocks meet. The **server's** is told by each answer's [`Stamp`], and anything may stand there. The **host's**
//! wall clock may be wrong, and may be set. The host's **monotonic** clock only says how much time has passed; it carries
//! on what one of the others once said. No answer alone decides anything: see [`ServerTime`] for what is believed,
//! [`Passages`] for which windows an answer completes, and [`FirstStart`] for where a new account begins.

mod first_start;
mod passage;
mod run;
mod stamp;
mod testimony;

use core::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::instant::{earlier, later, of, signed};
use crate::window::Windows;
pub use first_start::FirstStart;
pub use passage::{Passage, Passages, Question};
pub use run::Look;
use run::{Reading, Run};
pub use stamp::Stamp;
pub use testimony::Testimony;

/// Clocks that are kept by NTP differ by less, and so do readings of one clock; the overlap covers what is read this much
/// too early.
pub const CLOCKS_MAY_DIFFER: SignedDuration = SignedDuration::from_secs(5);

/// No further apart from the clock that windows are planned by does a range reach for the sake of another: enough to see
/// by the rows which is right, little enough for one answer.
const FURTHEST: Duration = Duration::from_secs(24 * 3_600);

/// `Date` and `Age` are in whole seconds.
const SECOND: Duration = Duration::from_secs(1);

/// The host's clock is taken for no further from 1970 than this: 7,000 years on either side, so that no sum with it comes
/// near an end of the calendar.
const HOST_SECONDS: i64 = 7_000 * 365 * 86_400;

/// One moment by the two clocks of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// By its wall clock, which may be wrong, and may be set.
    pub host: Timestamp,
    /// By its monotonic clock: the time since some origin, which stays the same for a [`ServerTime`].
    pub monotonic: Duration,
}

impl Moment {
    pub fn new(host: Timestamp, monotonic: Duration) -> Self {
        let end = SignedDuration::from_secs(HOST_SECONDS);
        Self { host: host.clamp(of(-end), of(end)), monotonic }
    }
}

/// An answer, as far as it tells the time.
#[derive(Debug, Clone, Copy)]
pub struct Heard {
    pub stamp: Option<Stamp>,
    pub asked: Moment,
    /// When it had come whole.
    pub at: Moment,
    /// What its rows show. `None` for a call that brought none to look at, and while the configured zone is known to be
    /// wrong: instants of rows then say nothing.
    pub look: Option<Look>,
}

/// The clocks that a range is planned by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clocks {
    /// Windows are planned by this one.
    pub now: Timestamp,
    /// While it is not settled which clock is right, the earliest and the latest of them, at most a day from `now`: ranges
    /// reach from the one to the other, so that no row is left out whichever is right, and the rows show which. Else as
    /// `now`.
    pub earliest: Timestamp,
    pub latest: Timestamp,
    /// The earliest of them, however far from `now`: nothing is given up that one of them calls recent.
    pub least: Timestamp,
}

impl Clocks {
    /// One clock that is right.
    pub fn agreed(now: Timestamp) -> Self {
        Self { now, earliest: now, latest: now, least: now }
    }
}

/// What is known of the server's clock, for one operation.
///
/// It is believed once three answers in a row, over 30 seconds or more, agree with each other and no row contradicts
/// them. Until then, and while the two differ by no more than 5 seconds, the host's clock is the time. A believed clock
/// that differs is carried on by the monotonic one, whatever happens to the host's. A single answer changes nothing of
/// that, unless it agrees with the host's clock: two clocks that agree need no third. (So a machine that was suspended,
/// whose monotonic clock stood still, is right with the first answer.)
///
/// Rows contradict a clock that is behind by being dated later than it says it is; one that is ahead by appearing where
/// it says that all has settled, again and again, while none appears beyond the host's time.
///
/// Where a believed clock was put back, rows are dated again as others have been. How long it takes to know is no matter: all
/// is read again from where that clock was put back to, which was after the last answer that agreed with it as it had been.
#[derive(Debug)]
pub struct ServerTime {
    /// When this process began.
    began: Moment,
    run: Option<Run>,
    /// The server's clock less the monotonic one, counted from 1970.
    believed: Option<SignedDuration>,
    /// The last answer with rows, and when it was asked for.
    looked: Option<(Moment, Look)>,
    /// The newest row so far.
    newest: Option<Timestamp>,
    passages: Passages,
    /// The last `Date` that no clock can have said, if the last answer had one.
    odd: Option<Timestamp>,
    /// When the last answer was asked for that agreed with the believed clock, by the monotonic one.
    agreed: Duration,
    /// To where that clock was put back, by what is believed now: from there on rows may be dated that no read has asked for.
    put_back_to: Option<Timestamp>,
}

impl ServerTime {
    /// Nothing is known but that all until `proven` is over: [`crate::account::Marks::proven_until`]. An earlier process
    /// may have said so that waited for less to settle, so no more is over before `settle` has passed.
    pub fn new(proven: Timestamp, settle: Duration, now: Moment) -> Self {
        let passages = Passages::new(proven, now.monotonic.saturating_add(settle));
        let agreed = now.monotonic;
        Self {
            began: now,
            run: None,
            believed: None,
            looked: None,
            newest: None,
            passages,
            odd: None,
            agreed,
            put_back_to: None,
        }
    }

    /// The time that windows are planned by.
    pub fn now(&self, at: Moment) -> Timestamp {
        match self.believed {
            Some(difference) if !close(difference, host(at)) => time(difference, at),
            _ => at.host,
        }
    }

    /// The server's clock less the host's, as believed: `wolkvox_api_clock_difference_seconds`. `None` until known.
    pub fn difference(&self, at: Moment) -> Option<SignedDuration> {
        self.believed.map(|believed| believed.saturating_sub(host(at)))
    }

    /// The same as the last answers told it, believed or not. `None` if none has, or rows have refuted it.
    pub fn told_difference(&self, at: Moment) -> Option<SignedDuration> {
        Some(self.told(at)?.duration_since(at.host))
    }

    /// Whether the host's clock is wrong, as far as is believed.
    pub fn differs(&self, at: Moment) -> bool {
        self.now(at) != at.host
    }

    /// The last answer's `Date`, where no clock can have said so: to be shown.
    pub fn odd(&self) -> Option<Timestamp> {
        self.odd
    }

    pub fn clocks(&self, at: Moment) -> Clocks {
        let now = self.now(at);
        let is_settled = self.run.is_some_and(|run| run.is_corroborated) && self.differs(at);
        let mut clocks = Clocks::agreed(now);
        for other in [(!is_settled).then_some(at.host), self.told(at)].into_iter().flatten() {
            if other.duration_since(now).abs() > CLOCKS_MAY_DIFFER {
                clocks.least = clocks.least.min(other);
                clocks.earliest = clocks.least.max(earlier(now, FURTHEST));
                clocks.latest = clocks.latest.max(other).min(later(now, FURTHEST));
            }
        }
        clocks
    }

    /// Takes in what an answer says, and tells how late it is by it.
    pub fn heard(&mut self, heard: &Heard, windows: &Windows) -> Testimony {
        let Heard { stamp, asked, at, look } = *heard;
        let (looked, planned) = (self.looked, self.now(asked));
        // A cache has kept none of the rows that have come since.
        let is_cached = stamp.is_some_and(Stamp::is_cached);
        let seen = look.map(|look| Look { whole: look.whole.filter(|_| !is_cached), ..look });
        self.looked = seen.map(|look| (asked, look)).or(looked);
        let Some((stamp, server_time)) = stamp.and_then(|stamp| Some((stamp, stamp.server_time()?))) else {
            self.odd = stamp.and_then(Stamp::date);
            return self.without_a_clock(stamp, asked);
        };
        self.odd = None;
        let took = at.monotonic.saturating_sub(asked.monotonic);
        let resolution = if stamp.is_cached() { 2 * SECOND } else { SECOND };
        let reading = Reading::new(server_time, took.saturating_add(resolution), at.monotonic);
        let newest = look.and_then(|look| look.newest);
        let made_at = stamp.made_at().unwrap_or(server_time);
        let could_know = later(made_at, took.saturating_add(SECOND));
        // A row that was there before may have been dated by a clock that was right then, and was put back.
        let may_be_put_back = newest <= self.newest && (self.believed.is_some() || reading.fits(host(at)));
        self.newest = self.newest.max(newest);
        if !may_be_put_back && newest.is_some_and(|newest| newest.duration_since(could_know) > CLOCKS_MAY_DIFFER) {
            self.contradicted(reading);
            return self.without_a_clock(Some(stamp), asked);
        }
        let new = Run::new(reading, at.monotonic, host(at));
        let mut run = self.run.map_or(new, |run| run.and(reading, at.monotonic, host(at)));
        if let Some(newest) = newest {
            run.weigh(newest, at, looked, windows.settle());
        }
        self.run = Some(run);
        let before = self.believed.filter(|believed| !run.reading.fits(*believed)).map(|believed| time(believed, at));
        if run.is_believable(host(at)) {
            self.believed = Some(run.reading.likely(host(at)));
        } else if let Some(believed) = self.believed {
            let agrees = run.reading.fits(believed);
            // Refuted, or two clocks that agree.
            if (run.is_refuted() && agrees) || (!agrees && run.reading.fits(host(at))) {
                self.believed = None;
            }
        }
        if before.is_some_and(|before| before.duration_since(self.now(at)) > CLOCKS_MAY_DIFFER) {
            let to = earlier(self.now(at), at.monotonic.saturating_sub(self.agreed));
            self.put_back_to = Some(self.put_back_to.map_or(to, |known| known.min(to)));
        }
        if self.believed.is_some_and(|believed| run.reading.fits(believed)) {
            self.agreed = asked.monotonic;
        }
        if !stamp.is_cached() {
            return Testimony::Server(one_of(made_at, planned));
        }
        // It is as old as each of the two says.
        let made = made_at.min(earlier(self.now(at), stamp.age()));
        let made = one_of(made, earlier(planned, stamp.age()));
        Testimony::Cache { made, age: age_when_asked(made_at, stamp.age(), asked, took) }
    }

    /// What an answer testifies whose `Date` is of no clock: if a cache kept it, it is as old as that says.
    fn without_a_clock(&self, stamp: Option<Stamp>, asked: Moment) -> Testimony {
        match stamp {
            Some(stamp) if stamp.is_cached() => {
                Testimony::Kept { made: earlier(self.now(asked), stamp.age()), age: stamp.age() }
            }
            _ => Testimony::None,
        }
    }

    /// Rows are dated later than what this says: the server's clock is not what it says it is.
    fn contradicted(&mut self, reading: Reading) {
        self.run = self.run.filter(|run| !run.agrees(&reading));
        self.believed = self.believed.filter(|&believed| !reading.fits(believed));
    }

    /// Which windows an answer completes that gave this testimony. Of those that are due by a clock more than a day ahead of
    /// the host's, which no row has shown to be right, none is that the host's has not come to: a server that is years ahead
    /// would complete thousands of windows, and nothing takes back what a counter has counted. The poll may have been
    /// planned by a clock that has been refuted since.
    pub fn passage(&mut self, windows: &Windows, question: Question, testimony: Testimony) -> Passage {
        let Question { asked, due_end, .. } = question;
        let is_far = due_end.duration_since(asked.host) > signed(FURTHEST);
        let is_shown = self.run.is_some_and(|run| run.is_corroborated);
        let due_end = if is_far && !is_shown { due_end.min(windows.last_due_end(asked.host)) } else { due_end };
        let newest = self.looked.filter(|(when, _)| *when == asked).and_then(|(_, look)| look.newest);
        self.passages.pass(windows, Question { due_end, ..question }, testimony, newest)
    }

    /// Begins to prove anew what is over, from `until` on: where a cursor was taken back, or an account begun again.
    pub fn prove_from(&mut self, until: Timestamp, at: Moment) {
        self.passages = Passages::new(until, at.monotonic);
        self.put_back_to = None;
    }

    /// The cursor is where [`Self::back_to`] asked for it to be, or as near to it as rows can be told from those that are known.
    pub fn is_back(&mut self) {
        self.put_back_to = None;
    }

    /// Where a cursor must go back to that is ahead of the time, or further from where a clock was put back to than the
    /// `overlap` reaches, if that is known: to where it was `proven`, or to the first date that rows may have again.
    pub fn back_to(
        &mut self,
        windows: &Windows,
        (cursor, proven): (Timestamp, Timestamp),
        overlap: Duration,
        at: Moment,
    ) -> Option<Timestamp> {
        let put_back_to = self.put_back_to.take();
        let is_known = put_back_to.is_some() || self.believed.is_some() || self.run.is_some_and(|run| run.is_refuted());
        let due = windows.last_due_end(later(self.now(at), CLOCKS_MAY_DIFFER.unsigned_abs()));
        let is_ahead = cursor > due || put_back_to.is_some_and(|to| earlier(cursor, overlap) > to);
        if !is_known || !is_ahead {
            return None;
        }
        // Until the cursor has been taken back.
        self.put_back_to = put_back_to;
        Some(put_back_to.map_or(due, |to| windows.start_of(to).min(due)).min(proven))
    }

    /// The time by the server's clock as the last answers told it, believed or not; `None` if rows have refuted it.
    fn told(&self, at: Moment) -> Option<Timestamp> {
        let run = self.run.filter(|run| !run.is_refuted())?;
        Some(time(run.reading.likely(host(at)), at))
    }

    fn is_believed(&self) -> bool {
        self.believed.is_some()
    }
}

/// The host's clock less the monotonic one, counted from 1970.
fn host(at: Moment) -> SignedDuration {
    at.host.as_duration().saturating_sub(signed(at.monotonic))
}

/// How old an answer was at the most when it was asked for. Its `age` is of some moment of the call, which took `took`:
/// where the host's clock agrees with when it says that it was made, that tells which.
fn age_when_asked(made_at: Timestamp, age: Duration, asked: Moment, took: Duration) -> Duration {
    let old = asked.host.duration_since(made_at);
    let (most, least) = (signed(age), signed(age).saturating_sub(signed(took)));
    let agrees = old.saturating_sub(most) <= CLOCKS_MAY_DIFFER && least.saturating_sub(old) <= CLOCKS_MAY_DIFFER;
    if agrees { old.clamp(SignedDuration::ZERO, most).unsigned_abs() } else { age }
}

/// What a clock says, or the one that windows are planned by, where that is hardly ahead: these two agree.
fn one_of(said: Timestamp, planned: Timestamp) -> Timestamp {
    if planned.duration_since(said) <= CLOCKS_MAY_DIFFER { said.max(planned) } else { said }
}

/// The time of a clock that differs by so much from the monotonic one.
fn time(difference: SignedDuration, at: Moment) -> Timestamp {
    of(difference.saturating_add(signed(at.monotonic)))
}

fn close(one: SignedDuration, other: SignedDuration) -> bool {
    one.saturating_sub(other).abs() <= CLOCKS_MAY_DIFFER
}

#[cfg(test)]
mod tests;

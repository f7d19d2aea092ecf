use core::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{CLOCKS_MAY_DIFFER, Moment};
use crate::instant::{of, signed};
use crate::range::Stretch;

/// Fewer answers than this may share one mistake: an old page of a cache, a server that is just being started.
const ANSWERS_TO_BELIEVE: u32 = 3;

/// Between the first and the last of them: a clock that stands still, or is being set, agrees with itself for less.
pub const SPREAD_TO_BELIEVE: Duration = Duration::from_secs(30);

/// So many answers in a row whose rows only the host's clock explains refute a clock that is ahead of it; one row may
/// have come late.
const ANSWERS_TO_REFUTE: u32 = 3;

/// What an answer says of the server's clock: by how much that was ahead of the monotonic clock's origin, counted from
/// 1970. While both clocks run this stays the same. A `Date` has no parts of a second and is of some moment between
/// question and answer, so it is known only within bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    pub least: SignedDuration,
    pub most: SignedDuration,
}

impl Reading {
    /// Of a `server_time` with whole seconds, `unsure` of which it may have been later.
    pub fn new(server_time: Timestamp, unsure: Duration, monotonic: Duration) -> Self {
        let least = server_time.as_duration().saturating_sub(signed(monotonic));
        Self { least, most: least.saturating_add(signed(unsure)) }
    }

    /// Whether a clock that differs by this much from the monotonic one can have been read so.
    pub fn fits(&self, difference: SignedDuration) -> bool {
        self.nearest(difference).saturating_sub(difference).abs() <= CLOCKS_MAY_DIFFER
    }

    /// What it most likely is: `guess`, as far as that can be right, and else the least. A `Date` is made near the end of a
    /// call, and a window that is read too late is whole.
    pub fn likely(&self, guess: SignedDuration) -> SignedDuration {
        if self.fits(guess) { self.nearest(guess) } else { self.least }
    }

    /// What is nearest to `difference` within the bounds.
    fn nearest(&self, difference: SignedDuration) -> SignedDuration {
        // Readings that agree only within what clocks may differ have crossed bounds.
        difference.clamp(self.least.min(self.most), self.least.max(self.most))
    }

    fn agrees(&self, other: &Self) -> bool {
        self.least.saturating_sub(other.most) <= CLOCKS_MAY_DIFFER
            && other.least.saturating_sub(self.most) <= CLOCKS_MAY_DIFFER
    }
}

/// Answers that agree with each other, one after another. Any that does not agree begins a new run, so that a server that
/// tells now this and now that is never believed.
#[derive(Debug, Clone, Copy)]
pub struct Run {
    pub reading: Reading,
    answers: u32,
    /// Those that the host's clock does not explain as well: a long call says little, and fits many a clock.
    strange: u32,
    since: Duration,
    last: Duration,
    /// The last answers in a row that speak against a clock ahead of the host's.
    against: u32,
    /// Whether a row was dated at a time that the host's clock had not come to.
    pub is_corroborated: bool,
}

impl Run {
    /// Of one answer; `host` is the host's clock less the monotonic one.
    pub fn new(reading: Reading, at: Duration, host: SignedDuration) -> Self {
        let strange = u32::from(!reading.fits(host));
        Self { reading, answers: 1, strange, since: at, last: at, against: 0, is_corroborated: false }
    }

    /// The run with one more answer; a new one, if that does not agree with all before.
    pub fn and(self, reading: Reading, at: Duration, host: SignedDuration) -> Self {
        if !self.reading.agrees(&reading) {
            return Self::new(reading, at, host);
        }
        let strange = self.strange.saturating_add(u32::from(!reading.fits(host)));
        let reading =
            Reading { least: self.reading.least.max(reading.least), most: self.reading.most.min(reading.most) };
        Self { reading, answers: self.answers.saturating_add(1), strange, last: at, ..self }
    }

    pub fn agrees(&self, reading: &Reading) -> bool {
        self.reading.agrees(reading)
    }

    /// Whether it is believed; against the `host` only if so many answers speak against that.
    pub fn is_believable(&self, host: SignedDuration) -> bool {
        let agreeing = if self.reading.fits(host) { self.answers } else { self.strange };
        agreeing >= ANSWERS_TO_BELIEVE
            && self.last.saturating_sub(self.since) >= SPREAD_TO_BELIEVE
            && !self.is_refuted()
    }

    /// Whether rows show that this clock is ahead of the one that dates them.
    pub fn is_refuted(&self) -> bool {
        self.against >= ANSWERS_TO_REFUTE
    }

    /// Weighs the newest row of an answer whose clock is ahead of the host's.
    ///
    /// For it speaks a row that is dated at a time the host's clock has not come to. Against it speaks a newest row that
    /// was not there when its time was asked for before, although it was over and had settled by this clock, and that
    /// was yet to come by the host's.
    pub fn weigh(&mut self, newest: Timestamp, now: Moment, before: Option<(Moment, Look)>, settle: Duration) {
        let grace = signed(settle).saturating_add(CLOCKS_MAY_DIFFER);
        if newest.duration_since(now.host) > CLOCKS_MAY_DIFFER {
            self.is_corroborated = true;
            self.against = 0;
        } else if let Some((asked, before)) = before
            && before.newest.is_none_or(|before| before < newest)
            && before.whole.is_some_and(|whole| (whole.from..whole.to).contains(&newest))
            && self.time(asked.monotonic).duration_since(newest) > grace
            && asked.host.duration_since(newest) <= grace
        {
            self.against = self.against.saturating_add(1);
        }
    }

    /// The time by this clock, at the least.
    fn time(&self, monotonic: Duration) -> Timestamp {
        of(self.reading.least.saturating_add(signed(monotonic)))
    }
}

/// What an answer has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Of this stretch the answer has all rows that there were: that one is not among them is evidence too. `None` where
    /// some may lack.
    pub whole: Option<Stretch>,
    /// The instant of the newest row within what was asked for.
    pub newest: Option<Timestamp>,
}

use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::num::NonZero;

use jiff::{SignedDuration, Timestamp, civil::DateTime};

use super::{Question, Reading};
use crate::range::{CivilRange, Stretch};
use crate::zone::reads_from;

/// Parts between unreadable seconds that a poll reads again: each costs a call, and the new window must have some.
pub(super) const MOST_READ_AGAIN: usize = 7;

const SECOND: SignedDuration = SignedDuration::from_secs(1);

impl Reading {
    /// The stretch without its unreadable seconds, in parts, the oldest last. Where too many parts are before `cursor`, the
    /// polls of one window after the other ask for some of them in turn: each is looked at again while late rows may come.
    pub(super) fn around_unreadable(&self, cursor: Timestamp) -> Vec<Stretch> {
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

    /// A part as it is asked for: if the API leaves `date_end` out, the last second of the part before has yet to come,
    /// and no overlap of a later read may reach back to it. And with the whole of a place of missing rows that it would
    /// come upon: these would excuse as many others, if it were not known whether they are in the answer.
    pub(super) fn with_the_second_before(&self, part: Stretch) -> Stretch {
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

    /// Where the first place of missing rows ends that the range begins within, if there is more behind it. The second behind
    /// is asked for on either side: the API may leave `date_end` out.
    pub(super) fn behind_straddled(&self, Question { stretch, asked }: Question) -> Option<Timestamp> {
        let end = self.gaps.shortfalls.first_end_of_straddled(asked)?;
        let behind = reads_from(&self.zone, end.checked_add(2 * SECOND).ok()?)?;
        (stretch.from < behind && behind < stretch.to).then_some(behind)
    }
}

/// An instant in whole seconds; the end of the calendar where there is none.
fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap_or(if second < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

/// The second before a date; the same at the end of the calendar.
pub(super) fn before(date: DateTime) -> DateTime {
    date.saturating_sub(SECOND)
}

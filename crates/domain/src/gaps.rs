use alloc::collections::BTreeSet;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, civil::DateTime};

use super::shortfall::Shortfalls;

/// Unreadable seconds that are remembered. Each takes three polls to be believed, so a day has no more.
const MOST_UNREADABLE: usize = 1_000;

const SECOND: SignedDuration = SignedDuration::from_secs(1);

/// What the report is known not to deliver, with its place. Places are dates as the report has them, so that a corrected
/// zone leaves them right; they are forgotten once no read can reach them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gaps {
    /// Rows that are announced and don't come.
    pub shortfalls: Shortfalls,
    /// Seconds whose rows can't be read, nor what follows them: they are asked around.
    pub unreadable: BTreeSet<DateTime>,
}

/// What an answer that is used told of the gaps, to be stored with its rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// All that is known now.
    pub gaps: Gaps,
    /// Rows that are believed never to come from now on.
    pub missing: u64,
    /// Seconds that are given up from now on, for they can't be read.
    pub unreadable_seconds: u64,
}

impl Gaps {
    /// Forgets what no read can reach: the places before `date`.
    pub fn forget_before(&mut self, date: DateTime) {
        self.shortfalls.forget_before(date);
        self.unreadable = self.unreadable.split_off(&date);
    }

    /// The first instant from `at` on whose second is not known to be unreadable: as far as a cursor at `at` gets by
    /// itself.
    pub fn passed(&self, zone: &TimeZone, at: Timestamp) -> Timestamp {
        let mut at = at;
        while self.unreadable.contains(&zone.to_datetime(at)) {
            let Ok(next) = at.checked_add(SECOND) else { break };
            at = next;
        }
        at
    }

    /// Notes a second that can't be read; false where that was known. The oldest one makes room.
    pub fn note_unreadable(&mut self, second: DateTime) -> bool {
        let is_new = self.unreadable.insert(second);
        if self.unreadable.len() > MOST_UNREADABLE {
            self.unreadable.pop_first();
        }
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::range::CivilRange;

    fn date(second: i8) -> DateTime {
        jiff::civil::date(2026, 3, 2).at(7, 0, second, 0)
    }

    #[test]
    fn what_no_read_can_reach_is_forgotten() {
        let mut gaps = Gaps::default();
        for second in [1, 5, 9] {
            assert!(gaps.note_unreadable(date(second)));
            assert!(!gaps.note_unreadable(date(second)), "once");
            let place = CivilRange { ini: date(second - 1), end: date(second) };
            gaps.shortfalls.look(place, place, 1);
        }
        let all = gaps.clone();
        gaps.forget_before(date(5));
        assert_eq!(gaps.shortfalls, all.shortfalls, "none of them has been counted");
        gaps.shortfalls.settle(date(59));
        gaps.forget_before(date(5));
        assert_eq!(gaps.unreadable, BTreeSet::from([5, 9].map(date)));
        assert_eq!(gaps.shortfalls.iter().map(|(place, _)| place.end).min(), Some(date(5)));
        gaps.forget_before(date(6));
        assert_eq!(gaps.unreadable, BTreeSet::from([date(9)]));
        assert_eq!(gaps.shortfalls.iter().count(), 1);
    }

    #[test]
    fn no_more_are_remembered_than_there_is_room_for() {
        let mut gaps = Gaps::default();
        let second = |number: i64| date(0) + jiff::SignedDuration::from_secs(number);
        for number in 0..MOST_UNREADABLE as i64 + 3 {
            gaps.note_unreadable(second(number));
        }
        assert_eq!(gaps.unreadable.len(), MOST_UNREADABLE);
        assert_eq!(gaps.unreadable.first(), Some(&second(3)), "the oldest ones go");
    }
}

use core::fmt;
use core::time::Duration;

use jiff::{Timestamp, civil::DateTime};

/// The longest range that the API answers, in local time.
pub const LONGEST_RANGE: Duration = Duration::from_secs(31 * 86_400);

/// A stretch of time to be read: half-open, in whole seconds of UTC.
///
/// Half-open, for a call at a boundary belongs to exactly one of the two stretches that meet there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    pub from: Timestamp,
    /// Not included; after `from`.
    pub to: Timestamp,
}

impl Stretch {
    pub fn seconds(&self) -> i64 {
        self.to.as_second().saturating_sub(self.from.as_second())
    }

    /// Whether all of `part` is within.
    pub fn covers(&self, part: Self) -> bool {
        self.from <= part.from && part.to <= self.to
    }

    /// The two halves, the older one first; `None` for a single second, which the API can't be asked for in parts.
    pub fn halves(&self) -> Option<(Self, Self)> {
        if self.seconds() < 2 {
            return None;
        }
        let middle = self.from.as_second().saturating_add(self.seconds() / 2);
        let middle = Timestamp::from_second(middle).ok()?;
        Some((Self { from: self.from, to: middle }, Self { from: middle, to: self.to }))
    }
}

/// A stretch of local time as the API is asked for it: `date_ini` and `date_end`, both to the second, both included.
///
/// Whether the API includes `date_end` is unknown. Both readings are harmless: a row of that very second which is not
/// delivered now is within the overlap of the next read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CivilRange {
    pub ini: DateTime,
    pub end: DateTime,
}

impl CivilRange {
    pub fn contains(&self, date: DateTime) -> bool {
        self.ini <= date && date <= self.end
    }

    /// Whether a date is in both.
    pub fn meets(&self, other: Self) -> bool {
        self.ini <= other.end && other.ini <= self.end
    }
}

/// As people read it in a log or on the page: `2026-01-18 19:30:00 to 2026-01-18 19:34:59`.
impl fmt::Display for CivilRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const FORM: &str = "%Y-%m-%d %H:%M:%S";
        write!(f, "{} to {}", self.ini.strftime(FORM), self.end.strftime(FORM))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stretch(from: i64, to: i64) -> Stretch {
        let at = |second| Timestamp::from_second(1_800_000_000 + second).unwrap();
        Stretch { from: at(from), to: at(to) }
    }

    proptest! {
        #[test]
        fn halves_meet_and_make_up_the_whole(from in -1_000_000i64..1_000_000, seconds in 2i64..3_000_000) {
            let whole = stretch(from, from + seconds);
            let (older, newer) = whole.halves().expect("two seconds at least");
            prop_assert_eq!((older.from, older.to, newer.to), (whole.from, newer.from, whole.to));
            prop_assert!(older.seconds() == seconds / 2 && newer.seconds() == seconds - seconds / 2);
        }
    }

    #[test]
    fn a_second_has_no_halves() {
        assert_eq!(stretch(7, 8).halves(), None);
        assert_eq!(stretch(7, 9).halves(), Some((stretch(7, 8), stretch(8, 9))));
    }

    #[test]
    fn a_range_contains_both_its_ends() {
        let at = |second| jiff::civil::date(2026, 1, 18).at(19, 34, second, 0);
        let range = CivilRange { ini: at(10), end: at(20) };
        assert_eq!([9, 10, 15, 20, 21].map(|second| range.contains(at(second))), [false, true, true, true, false]);
    }
}

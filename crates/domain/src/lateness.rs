use alloc::collections::BTreeMap;
use core::time::Duration;

use jiff::Timestamp;

/// What is remembered: a day, so that the hours of every shift are in it.
const HOURS: i64 = 24;

const HOUR: i64 = 3_600;

/// How long after its date the latest row of the last 24 hours was first seen: what `overlap` must be longer than. Exact to
/// the resolution of the polls, and the day to the hour.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lateness {
    /// The latest row of each hour in which one was seen.
    hours: BTreeMap<i64, Duration>,
}

impl Lateness {
    /// Notes the lateness of a row that was first seen at `now`.
    pub fn note(&mut self, now: Timestamp, lateness: Duration) {
        let hour = hour(now);
        // Of two clocks that disagree the present one is right: what is yet to come was noted by the other.
        self.hours.retain(|&noted, _| hour.saturating_sub(HOURS) < noted && noted <= hour);
        let latest = self.hours.entry(hour).or_default();
        *latest = lateness.max(*latest);
    }

    /// `None` where no row was seen in the 24 hours before `now`.
    pub fn latest(&self, now: Timestamp) -> Option<Duration> {
        let hour = hour(now);
        self.hours.range(hour.saturating_sub(HOURS) + 1..=hour).map(|(_, lateness)| *lateness).max()
    }
}

fn hour(at: Timestamp) -> i64 {
    at.as_second().div_euclid(HOUR)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    #[test]
    fn the_latest_row_of_a_day_is_told_and_then_forgotten() {
        let mut lateness = Lateness::default();
        assert_eq!(lateness.latest(at(0)), None);
        lateness.note(at(0), Duration::from_secs(3_000));
        lateness.note(at(60), Duration::from_secs(360));
        lateness.note(at(7_200), Duration::from_secs(400));
        assert_eq!(lateness.latest(at(23 * HOUR)), Some(Duration::from_secs(3_000)));
        assert_eq!(lateness.latest(at(25 * HOUR)), Some(Duration::from_secs(400)));
        assert_eq!(lateness.latest(at(27 * HOUR)), None);
        assert_eq!(lateness.latest(Timestamp::MIN), None);
        assert_eq!(lateness.latest(Timestamp::MAX), None);
    }

    proptest! {
        // Whatever the clock does, a day is all that is kept, and the last one noted is told.
        #[test]
        fn no_more_than_a_day_is_kept(noted in prop::collection::vec((-400_000i64..400_000, 0u64..90_000), 1..200)) {
            let mut lateness = Lateness::default();
            for (second, late) in noted {
                lateness.note(at(second), Duration::from_secs(late));
                prop_assert!(lateness.hours.len() <= HOURS as usize);
                prop_assert!(lateness.latest(at(second)) >= Some(Duration::from_secs(late)));
            }
        }
    }
}

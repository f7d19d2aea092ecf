use core::time::Duration;

use jiff::Timestamp;

/// No answer was made before: this is older than any release of this program. In seconds since 1970, 1 January 2026.
const EARLIEST_SECOND: i64 = 1_767_225_600;

/// No answer will be made after: no clock that is right comes here while this program is in use, and the ends of the
/// calendar, where sums of instants fail, are far. 1 January 2100.
const LATEST_SECOND: i64 = 4_102_444_800;

/// When an answer was made, as its head says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// `Date`: when the answer was made, to the second. Without one, or with several, only the age is known.
    date: Option<Timestamp>,
    /// `Age`: how long a cache has kept it since; zero from the server itself.
    age: Duration,
}

impl Stamp {
    /// The stamp of an answer with this `Date` and this `Age`.
    pub fn new(date: impl Into<Option<Timestamp>>, age: Duration) -> Self {
        Self { date: date.into(), age }
    }

    /// The server's time when it answered, `Date` and `Age`; `None` where no clock can have said so.
    pub fn server_time(self) -> Option<Timestamp> {
        let seconds = i64::try_from(self.age.as_secs()).ok()?;
        let date = credible(self.date?)?;
        credible(Timestamp::from_second(date.as_second().checked_add(seconds)?).ok()?)
    }

    /// When the answer was made, by the server's clock: it can know of nothing later. `None` as above.
    pub fn made_at(self) -> Option<Timestamp> {
        self.server_time().and(self.date)
    }

    /// Whether a cache has kept the answer for a while.
    pub fn is_cached(self) -> bool {
        self.age > Duration::ZERO
    }

    /// How long a cache has kept it.
    pub fn age(self) -> Duration {
        self.age
    }

    /// `Date`, believable or not: to be shown.
    pub fn date(self) -> Option<Timestamp> {
        self.date
    }
}

fn credible(time: Timestamp) -> Option<Timestamp> {
    (EARLIEST_SECOND..LATEST_SECOND).contains(&time.as_second()).then_some(time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn the_servers_time_is_date_and_age() {
        let stamp = |age| Stamp::new(at("2026-11-28T05:00:00Z"), Duration::from_secs(age));
        assert_eq!(stamp(0).server_time(), Some(at("2026-11-28T05:00:00Z")));
        assert_eq!(stamp(900).server_time(), Some(at("2026-11-28T05:15:00Z")));
        assert_eq!(stamp(900).made_at(), Some(at("2026-11-28T05:00:00Z")));
        assert!(stamp(900).is_cached() && !stamp(0).is_cached());
    }

    #[test]
    fn what_no_clock_can_have_said_is_no_time() {
        for date in ["9999-12-30T21:59:57Z", "1970-01-01T00:00:00Z", "2025-12-31T23:59:59Z", "2100-01-01T00:00:00Z"] {
            assert_eq!(Stamp::new(at(date), Duration::ZERO).server_time(), None, "{date}");
        }
        for age in [u64::MAX, i64::MAX as u64, 80 * 365 * 86_400] {
            let stamp = Stamp::new(at("2026-11-28T05:00:00Z"), Duration::from_secs(age));
            assert_eq!((stamp.server_time(), stamp.made_at()), (None, None), "{age}");
        }
    }

    proptest! {
        #[test]
        fn any_head_is_read(second in -377_705_023_201i64..=253_402_207_200, age: u64) {
            let stamp = Stamp::new(Timestamp::from_second(second).unwrap(), Duration::from_secs(age));
            prop_assert_eq!(stamp.server_time().is_some(), stamp.made_at().is_some());
        }
    }
}

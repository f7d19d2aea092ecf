//! Sums of instants that can't fail: what would lie beyond the calendar's ends is the end itself.

use core::time::Duration;

use jiff::{SignedDuration, Timestamp};

pub fn later(at: Timestamp, by: Duration) -> Timestamp {
    shifted(at, signed(by))
}

pub fn earlier(at: Timestamp, by: Duration) -> Timestamp {
    shifted(at, -signed(by))
}

pub fn shifted(at: Timestamp, by: SignedDuration) -> Timestamp {
    of(at.as_duration().saturating_add(by))
}

/// The instant that is `since_1970`.
pub fn of(since_1970: SignedDuration) -> Timestamp {
    let end = if since_1970.is_negative() { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_duration(since_1970).unwrap_or(end)
}

/// The longest there is, where it is longer.
pub fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn sums_end_with_the_calendar(second in -377_705_023_201i64..=253_402_207_200, by: Duration, back: i64) {
            let at = Timestamp::from_second(second).unwrap();
            prop_assert!(later(at, by) >= at && earlier(at, by) <= at);
            let shifted = shifted(at, SignedDuration::from_secs(back));
            prop_assert_eq!(shifted >= at, back >= 0 || at == Timestamp::MIN);
            if let Ok(exact) = at.checked_add(SignedDuration::from_secs(back)) {
                prop_assert_eq!(shifted, exact);
            }
        }
    }

    #[test]
    fn the_ends_are_the_ends() {
        assert_eq!(later(Timestamp::MAX, Duration::MAX), Timestamp::MAX);
        assert_eq!(earlier(Timestamp::MIN, Duration::MAX), Timestamp::MIN);
        assert_eq!(later(Timestamp::UNIX_EPOCH, Duration::MAX), Timestamp::MAX);
    }
}

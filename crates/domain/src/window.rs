use core::time::Duration;

use jiff::Timestamp;

use super::instant::{earlier, later};

/// The grid of windows: half-open, aligned to multiples of `interval` in UTC. The zone has no part in it, so that a
/// change of daylight saving time neither repeats nor skips a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windows {
    /// Whole seconds, at least 1.
    interval: i64,
    settle: Duration,
}

impl Windows {
    /// `interval` is in whole seconds and at least one (the configuration sees to that).
    pub fn new(interval: Duration, settle: Duration) -> Self {
        Self { interval: (interval.as_secs() as i64).max(1), settle }
    }

    pub fn interval(&self) -> Duration {
        Duration::from_secs(self.interval as u64)
    }

    pub fn settle(&self) -> Duration {
        self.settle
    }

    /// The beginning of the window that `at` is in; a boundary begins its own window.
    pub fn start_of(&self, at: Timestamp) -> Timestamp {
        let second = at.as_second();
        // `as_second` rounds towards zero; before 1970 that is up, and no call is that old.
        Timestamp::from_second(second.saturating_sub(second.rem_euclid(self.interval))).unwrap_or(Timestamp::MIN)
    }

    /// The end of the window that `at` is in.
    pub fn end_of(&self, at: Timestamp) -> Timestamp {
        later(self.start_of(at), self.interval())
    }

    /// The end of the last window that is due at `now`: ended, and settled.
    pub fn last_due_end(&self, now: Timestamp) -> Timestamp {
        self.start_of(earlier(now, self.settle))
    }

    /// When the next window after `now` falls due. Always after `now`.
    pub fn next_due(&self, now: Timestamp) -> Timestamp {
        later(later(self.last_due_end(now), self.interval()), self.settle)
    }

    /// How many windows end in the half-open stretch (`after`, `until`].
    pub fn ends_within(&self, after: Timestamp, until: Timestamp) -> u64 {
        let index = |at: Timestamp| at.as_second().div_euclid(self.interval);
        (index(until) - index(after)).max(0) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use proptest::prelude::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_boundary_begins_its_own_window() {
        let windows = Windows::new(Duration::from_secs(300), Duration::from_secs(60));
        assert_eq!(windows.start_of(at("2026-01-18T19:35:00Z")), at("2026-01-18T19:35:00Z"));
        assert_eq!(windows.start_of(at("2026-01-18T19:34:59.999Z")), at("2026-01-18T19:30:00Z"));
    }

    #[test]
    fn a_window_is_due_when_it_has_settled() {
        let windows = Windows::new(Duration::from_secs(300), Duration::from_secs(60));
        assert_eq!(windows.last_due_end(at("2026-01-18T19:35:59.999Z")), at("2026-01-18T19:30:00Z"));
        assert_eq!(windows.last_due_end(at("2026-01-18T19:36:00Z")), at("2026-01-18T19:35:00Z"));
        assert_eq!(windows.next_due(at("2026-01-18T19:36:00Z")), at("2026-01-18T19:41:00Z"));
    }

    proptest! {
        // Every instant is in exactly one window, and following `next_due` visits every window end once.
        #[test]
        fn windows_tile_time(
            interval in prop::sample::select(vec![1u64, 2, 5, 60, 300, 900, 3600]),
            settle in 0u64..7200,
            second in 1_500_000_000i64..2_500_000_000,
            nanos in 0i32..1_000_000_000,
        ) {
            let windows = Windows::new(Duration::from_secs(interval), Duration::from_secs(settle));
            let now = Timestamp::new(second, nanos).unwrap();
            prop_assert!(windows.start_of(now) <= now && now < windows.end_of(now));
            prop_assert_eq!(windows.start_of(windows.end_of(now)), windows.end_of(now));
            prop_assert_eq!(windows.ends_within(windows.start_of(now), windows.end_of(now)), 1);
            let due = windows.next_due(now);
            prop_assert!(due > now);
            prop_assert_eq!(windows.last_due_end(due), windows.last_due_end(now) + windows.interval());
            prop_assert_eq!(windows.last_due_end(due - Duration::from_nanos(1)), windows.last_due_end(now));
        }
    }
}

use core::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::instant::later;
use super::outcome::Outcome;
use super::window::Windows;

/// No pause is longer, in intervals: an hour at the default, so that a mended API is noticed within it.
const LONGEST_PAUSE: u32 = 12;

/// Retries inside one poll.
pub const RETRIES: u32 = 2;

/// The pauses before them, for an interval that has room; a simultaneous use of the token or a restart of the server is
/// over by then.
const RETRY_PAUSES: [Duration; RETRIES as usize] = [Duration::from_secs(1), Duration::from_secs(4)];

/// When to ask again: at the next window's time, or after a pause where asking sooner can't help.
#[derive(Debug, Default)]
pub struct Cadence {
    /// Refusals (`unauthorized`, `bad_request`) in a row.
    refusals: u32,
    /// No poll before this.
    pause: Option<Pause>,
}

/// A pause between polls that is longer than to the next window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pause {
    /// Its end by the clock of the time when it began: to be shown.
    pub until: Timestamp,
    pub outcome: Outcome,
    /// Its end by the monotonic clock, which is the one that ends it: a wall clock may be set meanwhile.
    ends: Duration,
}

impl Cadence {
    /// When the next poll is due, by the monotonic clock, which says `monotonic` at `now`: at the first window's time after
    /// `after`. That is never more than an interval away, whatever clocks say, unless there is a pause.
    ///
    /// `now` may be set, so ask again every half a minute.
    pub fn next_poll(&self, windows: &Windows, after: Timestamp, now: Timestamp, monotonic: Duration) -> Duration {
        let until = |due: Timestamp| Duration::try_from(due.duration_since(now)).unwrap_or_default();
        let next = until(windows.next_due(after)).min(windows.interval());
        let left = self.pause.map_or(Duration::ZERO, |pause| pause.ends.saturating_sub(monotonic));
        let wait = if left > next {
            until(windows.next_due(later(now, left.saturating_sub(Duration::from_nanos(1)))))
        } else {
            next
        };
        monotonic.saturating_add(wait)
    }

    pub fn pause(&self) -> Option<Pause> {
        self.pause
    }

    /// Ends a pause, because what it waited for has changed.
    pub fn resume(&mut self) {
        *self = Self::default();
    }

    /// Notes how a poll ended, at `now`. `retry_after` is the server's wish, from then on.
    pub fn poll_ended(
        &mut self,
        outcome: Outcome,
        retry_after: Option<Duration>,
        windows: &Windows,
        zone: &TimeZone,
        now: Timestamp,
        monotonic: Duration,
    ) {
        let longest = windows.interval() * LONGEST_PAUSE;
        let refused = matches!(outcome, Outcome::Unauthorized | Outcome::BadRequest);
        self.refusals = if refused { self.refusals.saturating_add(1) } else { 0 };
        let windows_left_out = match outcome {
            // 1, 2, 4, 8, 12 intervals from poll to poll.
            Outcome::Unauthorized | Outcome::BadRequest => {
                1u32.checked_shl(self.refusals - 1).unwrap_or(LONGEST_PAUSE).min(LONGEST_PAUSE) - 1
            }
            Outcome::QuotaExceeded => LONGEST_PAUSE - 1,
            _ => 0,
        };
        let next = windows.next_due(now);
        let mut until = later(next, windows.interval() * windows_left_out);
        if outcome == Outcome::QuotaExceeded {
            until = until.min(next_midnight(zone, now).unwrap_or(until));
        }
        if let Some(retry_after) = retry_after {
            until = until.max(later(now, retry_after.min(longest)));
        }
        self.pause_until(until, outcome, windows, now, monotonic);
    }

    /// Notes that a poll ended without a call, for a report with the same token was refused and asks again in `left`: this
    /// one does so then, however often either was refused.
    pub fn poll_not_made(
        &mut self,
        outcome: Outcome,
        left: Duration,
        windows: &Windows,
        now: Timestamp,
        monotonic: Duration,
    ) {
        self.pause_until(windows.next_due(later(now, left)), outcome, windows, now, monotonic);
    }

    fn pause_until(
        &mut self,
        until: Timestamp,
        outcome: Outcome,
        windows: &Windows,
        now: Timestamp,
        monotonic: Duration,
    ) {
        let lasts = Duration::try_from(until.duration_since(now)).unwrap_or_default();
        let ends = monotonic.saturating_add(lasts);
        self.pause = (until > windows.next_due(now)).then_some(Pause { until, outcome, ends });
    }
}

/// The pause before retry number `retry` (from 0) of a poll that has lasted for `elapsed`, `None` where there is to be
/// none: what a retry can't mend, what the server wants to be left alone for, and what no longer fits into the interval.
pub fn retry_pause(
    outcome: Outcome,
    retry: u32,
    retry_after: Option<Duration>,
    windows: &Windows,
    elapsed: Duration,
) -> Option<Duration> {
    let mendable = matches!(
        outcome,
        Outcome::Busy
            | Outcome::Maintenance
            | Outcome::ServerError
            | Outcome::Timeout
            | Outcome::Connect
            | Outcome::Malformed
    );
    let pause = (*RETRY_PAUSES.get(retry as usize)?).min(windows.interval() / 8);
    let fits = elapsed + pause < windows.interval();
    (mendable && fits && retry_after.is_none()).then_some(pause)
}

/// The next local midnight, when the day's quota begins anew.
fn next_midnight(zone: &TimeZone, now: Timestamp) -> Option<Timestamp> {
    let tomorrow = zone.to_datetime(now).date().tomorrow().ok()?;
    zone.to_ambiguous_timestamp(tomorrow.at(0, 0, 0, 0)).compatible().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::{String, ToString as _};
    use alloc::vec::Vec;

    fn windows() -> Windows {
        Windows::new(Duration::from_secs(300), Duration::from_secs(60))
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// A cadence whose poll ended at `now`, and the monotonic clock with it.
    fn ended(outcome: Outcome, retry_after: Option<u64>, now: &str) -> Cadence {
        let mut cadence = Cadence::default();
        end(&mut cadence, outcome, retry_after, at(now));
        cadence
    }

    fn end(cadence: &mut Cadence, outcome: Outcome, retry_after: Option<u64>, now: Timestamp) {
        let zone = TimeZone::get("America/Bogota").unwrap();
        cadence.poll_ended(outcome, retry_after.map(Duration::from_secs), &windows(), &zone, now, monotonic(now));
    }

    /// The monotonic clock, where the wall clock was never set.
    fn monotonic(now: Timestamp) -> Duration {
        Duration::try_from(now.duration_since(at("2026-01-18T00:00:00Z"))).unwrap()
    }

    /// When the next poll is, where the wall clock was never set.
    fn next(cadence: &Cadence, now: Timestamp) -> Timestamp {
        at("2026-01-18T00:00:00Z") + cadence.next_poll(&windows(), now, now, monotonic(now))
    }

    /// The times of the polls when each ends as `outcome`, from 12:01 on.
    fn polls(outcome: Outcome, retry_after: Option<u64>, count: usize) -> Vec<String> {
        let mut cadence = Cadence::default();
        let mut now = at("2026-01-18T12:01:02Z");
        (0..count)
            .map(|_| {
                end(&mut cadence, outcome, retry_after, now);
                now = next(&cadence, now);
                now.strftime("%H:%M:%S").to_string()
            })
            .collect()
    }

    #[test]
    fn a_poll_follows_each_window() {
        for outcome in [Outcome::Ok, Outcome::Empty, Outcome::ServerError, Outcome::Connect, Outcome::Incomplete] {
            assert_eq!(polls(outcome, None, 3), ["12:06:00", "12:11:00", "12:16:00"]);
        }
    }

    #[test]
    fn refusals_double_the_pause_up_to_twelve_intervals() {
        for outcome in [Outcome::Unauthorized, Outcome::BadRequest] {
            assert_eq!(
                polls(outcome, None, 7),
                ["12:06:00", "12:16:00", "12:36:00", "13:16:00", "14:16:00", "15:16:00", "16:16:00"]
            );
        }
    }

    #[test]
    fn an_exceeded_quota_is_tried_once_in_twelve_intervals_until_local_midnight() {
        assert_eq!(polls(Outcome::QuotaExceeded, None, 2), ["13:01:00", "14:01:00"]);
        let now = "2026-01-18T04:31:02Z"; // 23:31:02 in Bogota
        let cadence = ended(Outcome::QuotaExceeded, None, now);
        assert_eq!(next(&cadence, at(now)), at("2026-01-18T05:01:00Z"));
    }

    /// A report that had let some windows pass heard of the quota late, and waited for an hour from then.
    #[test]
    fn what_another_report_was_told_pauses_for_as_long_as_that_one() {
        let now = at("2026-01-18T12:41:02Z");
        for outcome in [Outcome::QuotaExceeded, Outcome::Unauthorized] {
            for (left, asks) in [(0, "12:46:00"), (148, "12:46:00"), (1_048, "13:01:00"), (3_448, "13:41:00")] {
                let mut cadence = ended(Outcome::Unauthorized, None, "2026-01-18T12:01:02Z");
                cadence.poll_not_made(outcome, Duration::from_secs(left), &windows(), now, monotonic(now));
                let next = next(&cadence, now).strftime("%H:%M:%S").to_string();
                assert_eq!(next, asks);
                assert_eq!(cadence.pause().is_some(), asks != "12:46:00");
            }
        }
    }

    #[test]
    fn retry_after_is_kept_up_to_twelve_intervals() {
        assert_eq!(polls(Outcome::Busy, Some(30), 1), ["12:06:00"]);
        assert_eq!(polls(Outcome::Busy, Some(600), 1), ["12:16:00"]);
        assert_eq!(polls(Outcome::ServerError, Some(u64::MAX), 1), ["13:06:00"]);
    }

    #[test]
    fn a_pause_is_told_and_ends_when_what_it_waited_for_has_changed() {
        let now = at("2026-01-18T12:01:02Z");
        let mut cadence = ended(Outcome::Unauthorized, None, "2026-01-18T12:01:02Z");
        assert_eq!(cadence.pause(), None, "the first refusal waits for the next window");
        end(&mut cadence, Outcome::Unauthorized, None, now);
        let pause = cadence.pause().map(|pause| (pause.until, pause.outcome));
        assert_eq!(pause, Some((at("2026-01-18T12:11:00Z"), Outcome::Unauthorized)));
        cadence.resume();
        assert_eq!(cadence.pause(), None);
        assert_eq!(next(&cadence, now), at("2026-01-18T12:06:00Z"));
    }

    // A pause of an hour, of which 10 minutes have passed while the wall clock went to `now`.
    #[test]
    fn a_wall_clock_that_is_set_neither_ends_nor_prolongs_a_pause() {
        let begin = "2026-01-18T12:01:02Z";
        let cadence = ended(Outcome::Busy, Some(3_600), begin);
        let monotonic = monotonic(at(begin)) + Duration::from_secs(600);
        for now in ["2026-01-18T12:11:02Z", "2026-01-18T17:11:02Z", "2026-01-15T12:11:02Z", "9999-12-30T00:00:02Z"] {
            let wait = cadence.next_poll(&windows(), at(now), at(now), monotonic) - monotonic;
            assert!((3_000..3_300).contains(&wait.as_secs()), "{now}: {wait:?}");
        }
    }

    #[test]
    fn no_clock_makes_a_poll_wait_for_longer_than_an_interval() {
        let cadence = Cadence::default();
        let monotonic = Duration::from_secs(77);
        for (after, now) in [
            ("2026-01-18T12:01:02Z", "2026-01-18T12:01:02Z"),
            ("2026-01-18T15:01:02Z", "2026-01-18T12:01:02Z"),
            ("2026-01-18T09:01:02Z", "2026-01-18T12:01:02Z"),
            ("9999-12-30T22:00:00Z", "2026-01-18T12:01:02Z"),
            ("-009999-01-02T01:59:59Z", "9999-12-30T22:00:00Z"),
        ] {
            let wait = cadence.next_poll(&windows(), at(after), at(now), monotonic) - monotonic;
            assert!(wait <= windows().interval(), "{after}, {now}: {wait:?}");
        }
    }

    #[test]
    fn a_poll_retries_twice_what_a_retry_can_mend() {
        let pause =
            |outcome, retry, seconds| retry_pause(outcome, retry, None, &windows(), Duration::from_secs(seconds));
        assert_eq!(pause(Outcome::Timeout, 0, 75), Some(Duration::from_secs(1)));
        assert_eq!(pause(Outcome::Timeout, 1, 151), Some(Duration::from_secs(4)));
        assert_eq!(pause(Outcome::Timeout, 2, 230), None, "two retries are all");
        assert_eq!(pause(Outcome::Timeout, 1, 295), Some(Duration::from_secs(4)));
        assert_eq!(pause(Outcome::Timeout, 1, 296), None, "no room in this interval");
        let short = Windows::new(Duration::from_secs(4), Duration::ZERO);
        let pause_of_short = retry_pause(Outcome::Timeout, 0, None, &short, Duration::ZERO);
        assert_eq!(pause_of_short, Some(Duration::from_millis(500)), "an eighth of the interval");
        for outcome in [Outcome::Unauthorized, Outcome::BadRequest, Outcome::QuotaExceeded, Outcome::Incomplete] {
            assert_eq!(pause(outcome, 0, 1), None);
        }
    }
}

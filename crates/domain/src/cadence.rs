use core::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

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
    pub until: Timestamp,
    pub outcome: Outcome,
}

impl Cadence {
    /// When the next poll is due, at a window's time, given that one ended (or the process began) at `now`.
    pub fn next_poll(&self, windows: &Windows, now: Timestamp) -> Timestamp {
        let next = windows.next_due(now);
        // A pause that seems longer than any was made before the host's clock was put back.
        let longest = next + windows.interval() * LONGEST_PAUSE;
        match self.pause {
            Some(pause) if pause.until > next && pause.until <= longest => {
                windows.next_due(pause.until - Duration::from_nanos(1))
            }
            _ => next,
        }
    }

    pub fn pause(&self) -> Option<Pause> {
        self.pause
    }

    /// Ends a pause, because what it waited for has changed.
    pub fn resume(&mut self) {
        *self = Self::default();
    }

    /// Notes how a poll ended. `retry_after` is the server's wish, from `now`.
    pub fn poll_ended(
        &mut self,
        outcome: Outcome,
        retry_after: Option<Duration>,
        windows: &Windows,
        zone: &TimeZone,
        now: Timestamp,
    ) {
        let longest = windows.interval() * LONGEST_PAUSE;
        let refused = matches!(outcome, Outcome::Unauthorized | Outcome::BadRequest);
        self.refusals = if refused { self.refusals + 1 } else { 0 };
        let windows_left_out = match outcome {
            // 1, 2, 4, 8, 12 intervals from poll to poll.
            Outcome::Unauthorized | Outcome::BadRequest => {
                1u32.checked_shl(self.refusals - 1).unwrap_or(LONGEST_PAUSE).min(LONGEST_PAUSE) - 1
            }
            Outcome::QuotaExceeded => LONGEST_PAUSE - 1,
            _ => 0,
        };
        let mut until = windows.next_due(now) + windows.interval() * windows_left_out;
        if outcome == Outcome::QuotaExceeded {
            until = until.min(next_midnight(zone, now).unwrap_or(until));
        }
        if let Some(retry_after) = retry_after {
            until = until.max(now + retry_after.min(longest));
        }
        self.pause = (until > windows.next_due(now)).then_some(Pause { until, outcome });
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

    /// The times of the polls when each ends as `outcome`, from 12:01 on.
    fn polls(outcome: Outcome, retry_after: Option<u64>, count: usize) -> Vec<String> {
        let zone = TimeZone::get("America/Bogota").unwrap();
        let mut cadence = Cadence::default();
        let mut now = at("2026-01-18T12:01:02Z");
        (0..count)
            .map(|_| {
                cadence.poll_ended(outcome, retry_after.map(Duration::from_secs), &windows(), &zone, now);
                now = cadence.next_poll(&windows(), now);
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
        let zone = TimeZone::get("America/Bogota").unwrap();
        let now = at("2026-01-18T04:31:02Z"); // 23:31:02 in Bogota
        let mut cadence = Cadence::default();
        cadence.poll_ended(Outcome::QuotaExceeded, None, &windows(), &zone, now);
        assert_eq!(cadence.next_poll(&windows(), now), at("2026-01-18T05:01:00Z"));
    }

    #[test]
    fn retry_after_is_kept_up_to_twelve_intervals() {
        assert_eq!(polls(Outcome::Busy, Some(30), 1), ["12:06:00"]);
        assert_eq!(polls(Outcome::Busy, Some(600), 1), ["12:16:00"]);
        assert_eq!(polls(Outcome::ServerError, Some(1_000_000), 1), ["13:06:00"]);
    }

    #[test]
    fn a_pause_is_told_and_ends_when_what_it_waited_for_has_changed() {
        let zone = TimeZone::get("America/Bogota").unwrap();
        let now = at("2026-01-18T12:01:02Z");
        let mut cadence = Cadence::default();
        cadence.poll_ended(Outcome::Unauthorized, None, &windows(), &zone, now);
        assert_eq!(cadence.pause(), None, "the first refusal waits for the next window");
        cadence.poll_ended(Outcome::Unauthorized, None, &windows(), &zone, now);
        let pause = Pause { until: at("2026-01-18T12:11:00Z"), outcome: Outcome::Unauthorized };
        assert_eq!(cadence.pause(), Some(pause));
        cadence.resume();
        assert_eq!(cadence.pause(), None);
        assert_eq!(cadence.next_poll(&windows(), now), at("2026-01-18T12:06:00Z"));
    }

    #[test]
    fn no_pause_outlasts_itself_when_the_clock_is_put_back() {
        let zone = TimeZone::get("America/Bogota").unwrap();
        let now = at("2026-01-18T12:01:02Z");
        let mut cadence = Cadence::default();
        cadence.poll_ended(Outcome::Busy, Some(Duration::from_secs(1_000_000)), &windows(), &zone, now);
        let next = |now| cadence.next_poll(&windows(), at(now)).strftime("%H:%M:%S").to_string();
        assert_eq!(next("2026-01-18T12:01:02Z"), "13:06:00");
        assert_eq!(next("2026-01-18T12:00:59Z"), "12:01:00", "longer than any");
        assert_eq!(next("2026-01-18T13:01:02Z"), "13:06:00");
        assert_eq!(next("2026-01-18T13:11:02Z"), "13:16:00", "over");
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

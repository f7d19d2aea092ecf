use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// Clocks that are kept by NTP differ by less; the overlap covers what is read this much too early.
pub const CLOCKS_MAY_DIFFER: Duration = Duration::from_secs(5);

/// The wall clock. A trait so that the poller can be driven through years of history in paused time.
pub trait Clock: Clone + Send + Sync + 'static {
    fn now(&self) -> Timestamp;
}

#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "this is the clock")]
        Timestamp::now()
    }
}

/// The time by a server, whose clock writes the dates of the rows: the host's time, unless the two differ by more than
/// clocks may.
///
/// Each answer tells the server's time, and the host's monotonic clock carries it on until the next one. So a host's
/// clock that is wrong, or is set meanwhile, moves no window.
#[derive(Debug, Default)]
pub struct ServerClock {
    /// The server's time at an instant of the monotonic clock.
    told: Mutex<Option<(Instant, Timestamp)>>,
}

impl ServerClock {
    /// The server's time when the host's clock says `host`.
    pub fn now(&self, host: Timestamp) -> Timestamp {
        let Some((at, time)) = *self.told() else { return host };
        let server = time + at.elapsed();
        if differ(host, server) { server } else { host }
    }

    /// How far the host's clock, which says `host`, is ahead of the server's; zero within what clocks may differ.
    pub fn ahead(&self, host: Timestamp) -> SignedDuration {
        host.duration_since(self.now(host))
    }

    /// Takes over what an answer says, that took `took` and ends when the host's clock says `host`. When in that time the
    /// server looked at its clock is unknown, so the host is believed as far as it can be right.
    pub fn answered(&self, server_time: Timestamp, took: Duration, host: Timestamp) {
        let time = host.clamp(server_time, server_time + took);
        *self.told() = Some((Instant::now(), time));
    }

    /// Notes that the server's clock has been at `time`. If the host's is before that, the time goes on from there.
    pub fn has_been(&self, time: Timestamp, host: Timestamp) {
        if time > host + CLOCKS_MAY_DIFFER {
            *self.told() = Some((Instant::now(), time));
        }
    }

    /// An answer came that doesn't tell the time: the host's clock is all there is.
    pub fn forget(&self) {
        *self.told() = None;
    }

    fn told(&self) -> MutexGuard<'_, Option<(Instant, Timestamp)>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn differ(one: Timestamp, other: Timestamp) -> bool {
    one.duration_since(other).unsigned_abs() > CLOCKS_MAY_DIFFER
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn the_host_is_believed_while_the_clocks_agree() {
        let clock = ServerClock::default();
        assert_eq!(clock.now(at(0)), at(0), "before any answer");
        clock.answered(at(4), SECOND, at(0));
        assert_eq!(clock.now(at(0)), at(0));
        assert_eq!(clock.ahead(at(0)), SignedDuration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_that_is_wrong_or_set_meanwhile_moves_no_time() {
        for wrong_by in [-20_000, -6, 6, 20_000] {
            let clock = ServerClock::default();
            clock.answered(at(0), Duration::ZERO, at(wrong_by));
            tokio::time::advance(90 * SECOND).await;
            assert_eq!(clock.now(at(90 + wrong_by)), at(90));
            assert_eq!(clock.ahead(at(90 + wrong_by)), SignedDuration::from_secs(wrong_by));
            assert_eq!(clock.now(at(91)), at(91), "set right");
            assert_eq!(clock.now(at(-8_000_000)), at(90), "set wrong again");
        }
    }

    // Its Date is of some moment between the question and the end of the answer.
    #[tokio::test(start_paused = true)]
    async fn a_long_answer_makes_no_right_clock_wrong() {
        for date in [0, 40, 70] {
            let clock = ServerClock::default();
            clock.answered(at(date), 70 * SECOND, at(70));
            assert_eq!(clock.now(at(70)), at(70));
        }
        let clock = ServerClock::default();
        clock.answered(at(0), 70 * SECOND, at(100));
        assert_eq!(clock.now(at(100)), at(70), "ahead for certain");
    }

    #[tokio::test(start_paused = true)]
    async fn what_has_been_is_over() {
        let clock = ServerClock::default();
        clock.has_been(at(1_000), at(0));
        tokio::time::advance(10 * SECOND).await;
        assert_eq!(clock.now(at(10)), at(1_010));
        clock.forget();
        assert_eq!(clock.now(at(10)), at(10));
        clock.has_been(at(9), at(10));
        assert_eq!(clock.now(at(-100)), at(-100), "the host knew that");
    }
}

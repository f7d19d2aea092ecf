use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::server_time::{Moment, ServerTime};
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

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

/// What is known of the server's clock, for the poller, which hears the answers, and for whoever shows the time.
#[derive(Debug)]
pub struct ServerClock {
    time: Mutex<ServerTime>,
    /// Of the monotonic clock.
    origin: Instant,
}

impl ServerClock {
    /// See [`ServerTime::new`].
    pub fn new(proven: Timestamp, settle: Duration, host: Timestamp) -> Self {
        let time = ServerTime::new(proven, settle, Moment::new(host, Duration::ZERO));
        Self { time: Mutex::new(time), origin: Instant::now() }
    }

    /// Now, when the host's clock says `host`.
    pub fn moment(&self, host: Timestamp) -> Moment {
        Moment::new(host, self.origin.elapsed())
    }

    /// Held for a moment only.
    pub fn time(&self) -> MutexGuard<'_, ServerTime> {
        self.time.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time that windows are planned by, when the host's clock says `host`.
    pub fn now(&self, host: Timestamp) -> Timestamp {
        self.time().now(self.moment(host))
    }

    /// The server's clock less the host's, which says `host`; `None` until known.
    pub fn difference(&self, host: Timestamp) -> Option<SignedDuration> {
        self.time().difference(self.moment(host))
    }

    /// How far the host's clock, which says `host`, is ahead of the time; zero while it is the time.
    pub fn ahead(&self, host: Timestamp) -> SignedDuration {
        host.duration_since(self.now(host))
    }
}

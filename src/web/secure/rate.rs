use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use crate::config::show_duration;
use crate::config::web_file::RateLimit;

/// Counts requests against a limit: a token bucket, as one instant.
#[derive(Debug)]
pub struct Rate {
    limit: RateLimit,
    /// When the bucket will be full again.
    full_at: Mutex<Option<Instant>>,
}

impl Rate {
    pub fn new(limit: RateLimit) -> Self {
        Self { limit, full_at: Mutex::default() }
    }

    /// For people.
    pub fn describe(&self) -> String {
        format!("a request every {}, {} at once", show_duration(self.limit.interval), self.limit.burst)
    }

    /// Whether one more request is within the limit; it is counted then.
    pub fn admits(&self, now: Instant) -> bool {
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let from = full_at.map_or(now, |full_at| full_at.max(now));
        let others = self.limit.interval.saturating_mul(self.limit.burst.get() - 1);
        if from.saturating_duration_since(now) > others {
            return false;
        }
        *full_at = from.checked_add(self.limit.interval);
        true
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn so_many_at_once_and_one_more_for_each_interval() {
        for burst in [1, 2, 20] {
            let interval = Duration::from_secs(1);
            let rate = Rate::new(RateLimit { interval, burst: NonZeroU32::new(burst).unwrap() });
            let admitted = |now| (0..100).filter(|_| rate.admits(now)).count();
            let now = Instant::now();
            assert_eq!(admitted(now), burst as usize);
            assert_eq!(admitted(now + interval / 2), 0);
            assert_eq!(admitted(now + interval), 1);
            assert_eq!(admitted(now + interval * 1_000), burst as usize, "no more than the bucket holds");
        }
    }
}

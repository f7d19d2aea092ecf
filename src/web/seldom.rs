use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Says yes once in a while: a stranger must not fill the log.
#[derive(Debug, Default)]
pub(super) struct Seldom(Mutex<Option<Instant>>);

impl Seldom {
    pub fn now(&self) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_time = last.is_none_or(|last| last.elapsed() >= LOG_INTERVAL);
        if is_time {
            *last = Some(Instant::now());
        }
        is_time
    }
}

/// In a crowd room is made many times a second, and who guesses passwords guesses many; once in this time is enough to say so.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

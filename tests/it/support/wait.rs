use std::thread::sleep;
use std::time::{Duration, Instant};

/// Long enough for a busy machine; no test waits for it unless it fails.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// Between two looks.
const LOOK: Duration = Duration::from_millis(40);

/// Looks until there is something to see. Panics with the last thing seen instead when `within` is over.
pub fn wait_for<T>(what: &str, within: Duration, mut look: impl FnMut() -> Result<T, String>) -> T {
    let began = Instant::now();
    loop {
        match look() {
            Ok(seen) => return seen,
            Err(instead) if began.elapsed() > within => panic!("waited {within:?} for {what}; instead: {instead}"),
            Err(_) => sleep(LOOK),
        }
    }
}

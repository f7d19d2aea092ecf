use std::net::{SocketAddr, TcpListener};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Long enough for a busy machine; no test waits for it unless it fails.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// Between two looks, at least and at most.
const LOOK: Duration = Duration::from_millis(40);
const LONGEST_LOOK: Duration = Duration::from_millis(200);

/// Looks until there is something to see. Panics with the last thing seen instead when `within` is over.
pub fn wait_for<T>(what: &str, within: Duration, mut look: impl FnMut() -> Result<T, String>) -> T {
    let began = Instant::now();
    loop {
        let looked = Instant::now();
        match look() {
            Ok(seen) => return seen,
            Err(instead) if began.elapsed() > within => panic!("waited {within:?} for {what}; instead: {instead}"),
            // Most of the time is for those that are waited for, also where a look is dear.
            Err(_) => sleep((3 * looked.elapsed()).clamp(LOOK, LONGEST_LOOK)),
        }
    }
}

/// Tries all cases at once, each on a thread of its own: what waits for real time waits together. Panics if one does.
pub fn at_once<T: Send>(cases: impl IntoIterator<Item = T>, test: impl Fn(T) + Sync) {
    let test = &test;
    std::thread::scope(|scope| {
        for case in cases {
            scope.spawn(move || test(case));
        }
    });
}

/// For those that can't say which port they got for 0: one that was free a moment ago is the next best.
pub fn free_address() -> SocketAddr {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    free.expect("a free port of loopback")
}

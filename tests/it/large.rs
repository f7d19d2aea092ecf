//! The largest answers that the API gives: 60,000 rows, 18 MB.
//!
//! Here it is only seen that they are counted. Time and memory are a matter of the release binary:
//!
//!     cargo build --release
//!     tools/measure-large-answer target/release/wolkvox-exporter
//!
//! prints how long the exporter took to read and count 58,999 rows, its peak memory, and its memory when idle.

use std::time::Duration;

use jiff::Timestamp;
use wolkvox_exporter::simulator::call::Injected;

use crate::support::sim::{quiet, stream_of_calls};
use crate::support::truth::{Cadence, wait_until_exact};
use crate::support::{Folder, Sim};

/// From this on an answer may have been cut off.
const SUSPICIOUS: usize = 59_000;

#[test]
fn the_largest_answer_is_counted_in_one_call() {
    let (sim, outcomes) = count(SUSPICIOUS - 1);
    assert_eq!(outcomes, (1.0, 0.0), "ok, incomplete");
    assert_eq!(sim.requests()[0].rows, SUSPICIOUS - 1);
}

#[test]
fn an_answer_that_may_be_cut_is_counted_in_parts() {
    // The API cuts it off at 60,000.
    let (sim, outcomes) = count(65_000);
    assert_eq!(outcomes, (2.0, 1.0), "ok, incomplete");
    let requests = sim.requests();
    assert_eq!(requests[0].rows, 60_000);
    assert_eq!(requests[1].rows + requests[2].rows, 65_000);
}

/// Reads a history with so many calls in it at the start. Returns the calls that were `ok` and `incomplete`.
fn count(calls: usize) -> (Sim, (f64, f64)) {
    const CADENCE: Cadence = Cadence { interval: 3_600.0, settle: 0.0 };
    let sim = Sim::start(vec![quiet("ventas")]);
    let hour = Timestamp::from_second(Timestamp::now().as_second() / 3_600 * 3_600).expect("this century");
    // Six hours of calls, up to the last window's end.
    let every = Duration::from_secs(6 * 3_600 - 60) / calls as u32;
    let history = stream_of_calls(hour - Duration::from_secs(6 * 3_600 - 30), every, calls);
    sim.inject(history.into_iter().map(Injected::from));
    let defaults = ["interval: 1h", "settle: 0s", "start: 6h", "hold: 0s"];
    let folder = Folder::new(&sim, &defaults, |_| vec![]);
    let exporter = folder.serve();
    wait_until_exact(&exporter, &sim, "ventas", CADENCE, hour);
    let scrape = exporter.scrape();
    assert_eq!(scrape.sum("wolkvox_abandoned_calls_total", &[]), calls as f64);
    let outcome = |outcome| scrape.value("wolkvox_polls_total", &[("operation", "ventas"), ("outcome", outcome)]);
    (sim, (outcome("ok"), outcome("incomplete")))
}

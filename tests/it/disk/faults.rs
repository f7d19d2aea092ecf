//! A disk that fails: reads, writes and syncs with an error, writes that are torn, or a device that is gone. Nothing that
//! was shown is lost, nothing is counted twice, no counter falls; and when the disk is well again, so is the exporter.
//!
//! `WOLKVOX_DISK_FAULTS=100 cargo test --test it failing_disk` goes through all kinds as often.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use simulator::call::Injected;

use super::Shim;
use crate::support::sim::{quiet, stream_of_calls};
use crate::support::truth::{Cadence, wait_until_exact};
use crate::support::{Folder, Sim};

const CADENCE: Cadence = Cadence { interval: 1.0, settle: 1.0 };
const DEFAULTS: [&str; 5] = ["interval: 1s", "settle: 1s", "overlap: 1m", "hold: 0s", "start_hold: 0s"];

const EIO: i32 = 5;
const ENODEV: i32 = 19;
const ENOSPC: i32 = 28;
const EROFS: i32 = 30;

/// As [`Shim::fail`] takes them.
const KINDS: [(i32, u32, u32, u32); 8] = [
    (EIO, 50, 0, 0),
    (EIO, 0, 30, 30),
    (EIO, 5, 0, 0),
    (EIO, 0, 0, 100),
    (EIO, 0, 100, 0),
    (ENOSPC, 50, 20, 0),
    (EROFS, 100, 0, 0),
    (ENODEV, 100, 0, 0),
];

#[test]
fn failing_disk_loses_nothing_that_was_shown() {
    let rounds = std::env::var("WOLKVOX_DISK_FAULTS").ok().map(|rounds| rounds.parse::<usize>().expect("a number"));
    // In a run of every test only the worst two.
    let kinds: Vec<_> = KINDS.iter().cycle().take(rounds.map_or(2, |rounds| rounds * KINDS.len())).collect();
    let sim = Sim::start(vec![quiet("ventas")]);
    let count = (kinds.len() * 12 + 120) * 20;
    let calls = stream_of_calls(Timestamp::now(), Duration::from_millis(50), count);
    sim.inject(calls.into_iter().map(Injected::from));
    let folder = Folder::new(&sim, &DEFAULTS, |_| vec![]);
    let shim = Shim::compiled(folder.path());
    shim.fail(0, 0, 0, 0);
    let mut exporter = shim.with_faults(&folder);
    wait_until_exact(&exporter, &sim, "ventas", CADENCE, Timestamp::now());

    let mut before = BTreeMap::new();
    for (number, &&(error, failing, torn, unsynced)) in kinds.iter().enumerate() {
        let errors = exporter.scrape().value("wolkvox_ledger_commit_errors_total", &[]);
        shim.fail(error, failing, torn, unsynced);
        // With few faults there may be none for long.
        let enough = if failing == 5 { errors + 1.0 } else { errors + 2.0 };
        exporter.wait_for("commits that fail", |scrape| {
            assert_none_fell(&before, &scrape.ledger_counters());
            before = scrape.ledger_counters();
            match scrape.value("wolkvox_ledger_commit_errors_total", &[]) {
                now if now >= enough => Ok(()),
                now => Err(format!("{now} of {enough} errors of {:?}", kinds[number])),
            }
        });
        // What was shown has been stored, whatever the disk said since: half of them are killed with the disk as it is.
        if number % 2 == 1 {
            before = exporter.scrape().ledger_counters();
            exporter.kill();
            shim.fail(0, 0, 0, 0);
            exporter = shim.with_faults(&folder);
        }
        shim.fail(0, 0, 0, 0);
        assert_none_fell(&before, &exporter.scrape().ledger_counters());
        wait_until_exact(&exporter, &sim, "ventas", CADENCE, Timestamp::now());
        before = exporter.scrape().ledger_counters();
    }
    println!("{} times", kinds.len());
    let (status, _, said) = exporter.terminate();
    assert_eq!(status.code(), Some(0), "{said}");
    let again = folder.serve();
    assert_none_fell(&before, &again.scrape().ledger_counters());
}

fn assert_none_fell(before: &BTreeMap<String, f64>, after: &BTreeMap<String, f64>) {
    for (series, value) in before {
        let now = after.get(series).unwrap_or_else(|| panic!("{series} is gone"));
        assert!(now >= value, "{series} fell from {value} to {now}");
    }
}

//! The power is cut at many points between what the process tells the disk, with unsynced writes lost, torn and in any order:
//! what the next start finds is a state that was committed, and not older than what was shown.
//!
//! `WOLKVOX_POWER_CUTS=10000 cargo test --test it power` cuts as often, in a longer record.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use simulator::call::Injected;
use wolkvox_exporter::ledger::Ledger;

use super::Shim;
use super::record::{Disk, Operation, Survives, read};
use crate::support::sim::{quiet, stream_of_calls};
use crate::support::truth::{self, Cadence, Reach, wait_until_exact, windows_of};
use crate::support::{Child, Folder, PATIENCE, Sim};

const CADENCE: Cadence = Cadence { interval: 1.0, settle: 1.0 };
const DEFAULTS: [&str; 5] = ["interval: 1s", "settle: 1s", "overlap: 5s", "hold: 0s", "start_hold: 0s"];
const SURVIVES: [Survives; 4] = [Survives::Nothing, Survives::All, Survives::Writes, Survives::Sectors];

#[test]
fn power_cut_anywhere_nothing_that_was_shown_is_lost() {
    let cuts: usize = std::env::var("WOLKVOX_POWER_CUTS").map_or(200, |cuts| cuts.parse().expect("a number of cuts"));
    // Long enough for checkpoints among many cuts: they come with a thousand pages.
    let lives = [3, 2 + cuts as u64 / 60];
    let sim = Sim::start(vec![quiet("ventas")]);
    let count = (lives.iter().sum::<u64>() + 60) * 20;
    let calls = stream_of_calls(Timestamp::now(), Duration::from_millis(50), count as usize);
    sim.inject(calls.into_iter().map(Injected::from));
    let folder = Folder::new(&sim, &DEFAULTS, |_| vec![]);
    let first = folder.serve();
    wait_until_exact(&first, &sim, "ventas", CADENCE, Timestamp::now());
    assert_eq!(first.terminate().0.code(), Some(0));
    let base = Disk::with(fs::read(folder.ledger()).expect("the ledger"));

    // One life ends by a kill, and the other begins with what is left, and ends in order.
    let shim = Shim::compiled(folder.path());
    let mut shown = Vec::new();
    for (number, seconds) in lives.into_iter().enumerate() {
        let exporter = shim.record(&folder);
        watch(&exporter, Duration::from_secs(seconds), &mut shown);
        if number == 0 { _ = exporter.kill() } else { _ = exporter.terminate() }
    }
    let operations = read(&shim.log);
    println!("{} operations, {} scrapes", operations.len(), shown.len());
    assert!(operations.len() > 20 && shown.len() > 10);

    let seed = Timestamp::now().as_second() as u64;
    println!("seed {seed}");
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut places: Vec<_> = (0..cuts).map(|_| random.random_range(0..=operations.len())).collect();
    places.sort_unstable();
    let mut disk = base.clone();
    let mut done = 0;
    for (number, place) in places.into_iter().enumerate() {
        operations[done..place].iter().for_each(|operation| disk.apply(operation));
        done = place;
        let survives = SURVIVES[number % SURVIVES.len()];
        let found = found(&disk, survives, &mut random);
        let found = found.unwrap_or_else(|refused| panic!("cut {number} at {place}, {survives:?}: {refused}"));
        let context = || format!("cut {number} at {place} of {}, {survives:?}: {found:?}", operations.len());
        assert!(found.complete_until >= shown_before(&operations, place, &shown), "{} is older than shown", context());
        let reach = Reach { start: found.start, complete_until: found.complete_until };
        let (certain, possible) = windows_of(&truth::ABANDONED, &sim, "ventas", reach, CADENCE.settle);
        let calls = |totals: &crate::support::truth::Totals| totals.values().map(|of| of.calls).sum::<u64>();
        assert!((calls(&certain)..=calls(&possible)).contains(&found.calls), "{}, a wrong total", context());
    }

    // A disk that takes every sync for done, and has done nothing, is noticed: so would be a commit that syncs nothing.
    let mut disk = base;
    operations.iter().filter(|operation| !operation.is_sync()).for_each(|operation| disk.apply(operation));
    let lost = found(&disk, Survives::Nothing, &mut random).map(|found| found.complete_until);
    assert!(lost.is_err() || lost.is_ok_and(|until| until < shown_before(&operations, operations.len(), &shown)));
}

/// When a scrape had come whole, since 1970, and the cursor that it showed.
type Shown = (Duration, Timestamp);

/// Scrapes until what is shown is complete for so long from now on.
fn watch(exporter: &Child, time: Duration, shown: &mut Vec<Shown>) {
    let until = Timestamp::now() + time;
    exporter.wait_at_most(PATIENCE + time, "what is shown to come so far", |scrape| {
        let cursor = scrape.value("wolkvox_complete_until_timestamp_seconds", &[("operation", "ventas")]);
        let cursor = Timestamp::from_second(cursor as i64).expect("this century");
        shown.push((SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970"), cursor));
        if cursor >= until { Ok(()) } else { Err(format!("{cursor}")) }
    });
}

/// What was shown before the operation at `place` was begun.
fn shown_before(operations: &[Operation], place: usize, shown: &[Shown]) -> Timestamp {
    let next = operations.get(place).map_or(Duration::MAX, |operation| operation.at);
    let cursors = shown.iter().filter(|(at, _)| *at < next).map(|(_, cursor)| *cursor);
    cursors.max().unwrap_or(Timestamp::MIN)
}

#[derive(Debug)]
struct Found {
    start: Timestamp,
    complete_until: Timestamp,
    calls: u64,
}

/// What the next start finds, or why it refuses.
fn found(disk: &Disk, survives: Survives, random: &mut ChaCha8Rng) -> Result<Found, String> {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    let folder = folder.expect("a temporary folder");
    let files = disk.cut(survives, random);
    for (file, suffix) in files.into_iter().zip(["", "-wal", "-journal"]) {
        if let Some(bytes) = file {
            fs::write(folder.path().join(format!("ledger.db{suffix}")), bytes).expect("space");
        }
    }
    let ledger = Ledger::open(&folder.path().join("ledger.db"), Timestamp::now()).map_err(|error| error.to_string())?;
    let begin = || panic!("a silent restart from zero");
    let opened = ledger.account("ventas", truth::ABANDONED.name, "America/Bogota", Timestamp::now(), begin);
    let account = opened.map_err(|error| error.to_string())?.account;
    let calls = account.series.values().map(|series| series.counts.calls).sum();
    Ok(Found { start: account.marks.start, complete_until: account.marks.complete_until, calls })
}

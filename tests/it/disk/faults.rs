//! A disk that fails: reads, writes and syncs with an error, writes that are torn, or a device that is gone. Nothing that
//! was shown is lost, nothing is counted twice, no counter falls; and when the disk is well again, so is the exporter.
//!
//! `WOLKVOX_DISK_FAULTS=100 cargo test --test it failing_disk` goes through all kinds as often.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use jiff::Timestamp;
use simulator::call::Injected;

use super::Shim;
use crate::support::sim::{quiet, stream_of_calls};
use crate::support::truth::{Cadence, reach, wait_until_exact};
use crate::support::{Folder, Sim, http, run};

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

/// What a reload needs of a ledger that can't give it is told, and made good when the disk is well again.
#[test]
fn a_reload_on_a_failing_disk_is_told_and_made_good() {
    let names = ["ventas", "soporte"];
    let sim = Sim::start(names.map(quiet).into());
    let now = Timestamp::now();
    for name in names {
        let calls = stream_of_calls(now, Duration::from_millis(200), 600);
        sim.operation(name).expect("simulated").inject(calls.into_iter().map(Injected::from));
    }
    let folder = Folder::new(&sim, &DEFAULTS, |_| vec![]);
    let both = fs::read_to_string(folder.config()).expect("just written");
    let (ventas, _) = both.split_once("  - name: \"soporte\"").expect("two operations");
    folder.write_config(ventas);
    let shim = Shim::compiled(folder.path());
    shim.fail(0, 0, 0, 0);
    let exporter = shim.with_faults(&folder);
    wait_until_exact(&exporter, &sim, "ventas", CADENCE, Timestamp::now());
    let before = exporter.scrape().ledger_counters();

    // One is added, one is added and the other changed, one is changed.
    let slower = |text: &str| text.replacen("    timezone:", "    interval: 2s\n    timezone:", 1);
    shim.fail(EROFS, 100, 0, 0);
    for (what, text, failed) in [
        ("added", both.clone(), &["soporte"][..]),
        ("added and changed", slower(&both), &["ventas", "soporte"]),
        ("changed", slower(ventas), &["ventas"]),
    ] {
        folder.write_config(&text);
        let answer = http::post(exporter.address(), "/-/reload").expect("an answer");
        let said = answer.text();
        let told: Vec<_> = said.lines().filter(|line| line.contains("until the ledger gives its account")).collect();
        let names: Vec<_> = told.iter().filter_map(|line| Some(line.split_once(':')?.0)).collect();
        assert_eq!((answer.status, &names[..]), (500, failed), "{what}: {said}");
        let scrape = exporter.scrape();
        assert_eq!(scrape.value("wolkvox_exporter_config_last_reload_successful", &[]), 0.0, "{what}");
        assert_none_fell(&before, &scrape.ledger_counters());
        assert!(exporter.get("/?lang=es", &[]).text().contains("La configuración se leyó de nuevo"), "{what}");
    }
    folder.write_config(&slower(&both));
    assert_eq!(http::post(exporter.address(), "/-/reload").expect("an answer").status, 500);
    shim.fail(0, 0, 0, 0);
    exporter.wait_for("the configuration to be in force", |scrape| {
        match scrape.value("wolkvox_exporter_config_last_reload_successful", &[]) {
            1.0 => Ok(()),
            _ => Err(exporter.said()),
        }
    });
    assert_none_fell(&before, &exporter.scrape().ledger_counters());
    let slow = Cadence { interval: 2.0, ..CADENCE };
    for (name, cadence) in [("ventas", slow), ("soporte", CADENCE)] {
        let until = Timestamp::now();
        exporter.wait_for(&format!("{name} to be read on"), |scrape| {
            let reach = reach(scrape, name, cadence.interval).ok_or("no account yet")?;
            if reach.complete_until >= until { Ok(()) } else { Err(format!("{reach:?}")) }
        });
    }
    let (status, _, said) = exporter.terminate();
    assert_eq!(status.code(), Some(0), "{said}");
}

/// SQLite takes what the disk doesn't let it read for damage. What is on it may be whole, and is left in its place.
#[test]
fn failing_disk_at_the_start_sets_no_ledger_aside() {
    let sim = Sim::start(vec![quiet("ventas")]);
    // Of each second, so that the ledger has some dozens of pages: hardly a start fails to read none of them.
    let calls = stream_of_calls(Timestamp::now() - Duration::from_secs(1_500), Duration::from_secs(1), 1_500);
    sim.inject(calls.into_iter().map(Injected::from));
    let folder = Folder::new(&sim, &[&DEFAULTS[..], &["start: 30m"]].concat(), |_| vec![]);
    let exporter = folder.serve();
    wait_until_exact(&exporter, &sim, "ventas", CADENCE, Timestamp::now());
    let before = exporter.scrape().ledger_counters();
    assert_eq!(exporter.terminate().0.code(), Some(0));
    let whole = fs::read(folder.ledger()).expect("the ledger");
    let shim = Shim::compiled(folder.path());
    for percent in [30, 30, 40, 50, 70, 100] {
        shim.fail(EIO, percent, 0, 0);
        let output = run(shim.command(&folder, "DISK_FAULTS", &shim.faults));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let last = said.lines().last().unwrap_or_default();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(last.contains("disk") && last.contains("the system's log") && !last.contains("set aside"), "{last}");
        assert_eq!(fs::read(folder.ledger()).expect("in its place"), whole);
    }
    assert_none_fell(&before, &folder.serve().scrape().ledger_counters());
}

fn assert_none_fell(before: &BTreeMap<String, f64>, after: &BTreeMap<String, f64>) {
    for (series, value) in before {
        let now = after.get(series).unwrap_or_else(|| panic!("{series} is gone"));
        assert!(now >= value, "{series} fell from {value} to {now}");
    }
}

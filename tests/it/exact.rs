//! Short windows, overlapping reads, duplicates and late rows, and a process that is killed at any instant: the totals
//! are the truth.
//!
//! `WOLKVOX_KILLS=60 cargo test --test it exact` kills sixty times instead of a dozen.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::outcome::Outcome;
use domain::totals::Total;
use jiff::Timestamp;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use simulator::call::{Call, Injected};
use simulator::faults::Fault;
use simulator::traffic::Lateness;
use wolkvox_exporter::ledger::Ledger;

use crate::support::page::wait_until_day_is_exact;
use crate::support::sim::{busy, quiet};
use crate::support::truth::{ABANDONED, Cadence, wait_until_exact};
use crate::support::{Folder, PATIENCE, Sim, wait_for};

const CADENCE: Cadence = Cadence { interval: 2.0, settle: 1.0 };

/// Every third call is late, by up to ten seconds: the overlap of the reads reaches it.
const LATENESS: Lateness =
    Lateness { usual: Duration::from_millis(800), late_share: 0.3, late: Duration::from_secs(10) };

/// The configuration of the operations here. A new series shows its value at once, so that each scrape says all.
const DEFAULTS: [&str; 5] = ["interval: 2s", "settle: 1s", "overlap: 40s", "hold: 0s", "max_catch_up: 10m"];

#[test]
fn overlap_duplicates_and_late_rows_count_once() {
    let rush = Duration::from_secs(12);
    let sim = Sim::start(vec![busy("ventas", 7, LATENESS, rush)]);
    sim.set_fault(Fault::DuplicateRows, None);
    let now = Timestamp::now();
    sim.inject(awkward_calls(now));
    let folder = Folder::new(&sim, &DEFAULTS, |_| vec![]);
    let exporter = folder.serve();

    let until = now + rush + LATENESS.late + Duration::from_secs(4);
    let reach = wait_until_exact(&exporter, &sim, "ventas", CADENCE, until);
    let scrape = exporter.scrape();
    let labels = [("operation", "ventas")];
    assert!(scrape.sum("wolkvox_abandoned_calls_total", &labels) >= 30.0, "hardly any calls since {}", reach.start);
    assert!(scrape.value("wolkvox_late_rows_total", &labels) >= 3.0, "no late rows");
    assert!(scrape.value("wolkvox_rows_total", &[("operation", "ventas"), ("disposition", "duplicate")]) > 100.0);
    assert_eq!(scrape.value("wolkvox_rows_missing_total", &labels), 0.0);
    assert!(!sim.requests().iter().any(|request| request.overlapping));
    let (status, _, said) = exporter.terminate();
    assert_eq!(status.code(), Some(0), "{said}");
}

#[test]
fn killed_at_any_instant_nothing_is_lost_or_counted_twice() {
    let kills: u32 = std::env::var("WOLKVOX_KILLS").map_or(12, |kills| kills.parse().expect("a number of kills"));
    // Beyond the kills of a CI run the rush goes on for longer, a second or two for each.
    let rush = Duration::from_secs(u64::from(kills) * 2);
    let seed = Timestamp::now().as_second() as u64;
    println!("seed {seed}");
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    // The second operation has no overlap to speak of: there a cursor that moved too early loses calls for good.
    let in_time = Lateness { late_share: 0.0, ..LATENESS };
    let sim = Sim::start(vec![busy("ventas", seed, LATENESS, rush), busy("soporte", seed + 1, in_time, rush)]);
    sim.set_fault(Fault::DuplicateRows, None);
    sim.inject(awkward_calls(Timestamp::now()));
    let overlap = |name: &str| if name == "soporte" { vec!["overlap: 1s".to_owned()] } else { vec![] };
    let folder = Folder::new(&sim, &DEFAULTS, overlap);

    let mut before = BTreeMap::new();
    let mut unseen = 0;
    for kill in 0..kills {
        let exporter = folder.serve();
        let counters = exporter.scrape().ledger_counters();
        assert_none_fell(&before, &counters);
        match kill % 4 {
            // In the middle of an answer.
            0 => {
                sim.set_fault(Fault::SlowBody { seconds: 1 }, Some(2));
                wait_for_next_request(&sim);
                std::thread::sleep(Duration::from_millis(random.random_range(0..1_000)));
            }
            // Just after an answer: while it is decoded, counted and committed.
            1 | 2 => {
                wait_for_next_request(&sim);
                std::thread::sleep(Duration::from_micros(random.random_range(0..60_000)));
            }
            // Whenever it may be.
            _ => std::thread::sleep(Duration::from_millis(random.random_range(0..2_500))),
        }
        before = exporter.scrape().ledger_counters();
        assert_none_fell(&counters, &before);
        exporter.kill();
        unseen += calls_unseen(&before, &folder);
    }
    println!("{kills} kills; {unseen} times a call to the API had been stored that no scrape had seen");

    sim.clear_faults();
    let exporter = folder.serve();
    let until = Timestamp::now() + LATENESS.late + Duration::from_secs(4);
    assert_none_fell(&before, &exporter.scrape().ledger_counters());
    for name in ["ventas", "soporte"] {
        let reach = wait_until_exact(&exporter, &sim, name, CADENCE, until);
        wait_until_day_is_exact(&exporter, &sim, name, reach.start);
        let calls = exporter.scrape().sum("wolkvox_abandoned_calls_total", &[("operation", name)]);
        assert!(calls >= 30.0, "hardly any calls of {name}: {calls}");
    }
}

/// SIGTERM ends the process well before a supervisor loses patience, also while a call hangs, and counts nothing of it.
#[test]
fn sigterm_ends_it_in_the_middle_of_a_call() {
    let sim = Sim::start(vec![quiet("ventas")]);
    sim.set_fault(Fault::Hang, None);
    let folder = Folder::new(&sim, &DEFAULTS, |_| vec![]);
    let exporter = folder.serve();
    wait_for("the first call", PATIENCE, || if sim.requests().is_empty() { Err("none".to_owned()) } else { Ok(()) });
    assert_eq!(exporter.get("/-/healthy", &[]).status, 200);
    let (status, took, said) = exporter.terminate();
    assert_eq!(status.code(), Some(0), "{said}");
    assert!(took < Duration::from_secs(10), "SIGTERM took {took:?}:\n{said}");

    sim.clear_faults();
    let exporter = folder.serve();
    let scrape = exporter.scrape();
    assert_eq!(scrape.sum("wolkvox_polls_total", &[("outcome", "timeout")]), 0.0, "half a call was counted");
}

/// The simulator has been asked since this was called.
fn wait_for_next_request(sim: &Sim) {
    let before = sim.requests().len();
    wait_for("the next request", PATIENCE, || match sim.requests().len() {
        now if now > before => Ok(()),
        now => Err(format!("{now} requests")),
    });
}

fn assert_none_fell(before: &BTreeMap<String, f64>, after: &BTreeMap<String, f64>) {
    for (series, value) in before {
        let now = after.get(series).unwrap_or_else(|| panic!("{series} is gone"));
        assert!(now >= value, "{series} fell from {value} to {now}");
    }
}

/// How many operations have stored a call to the API that the last scrape before the kill has not seen: one call each at most,
/// for the kill follows the scrape. That much, and no more, a Prometheus can miss that knows the next process by another
/// `instance`.
fn calls_unseen(seen: &BTreeMap<String, f64>, folder: &Folder) -> usize {
    let copy = tempfile::tempdir().expect("a temporary folder");
    for name in ["ledger.db", "ledger.db-wal"] {
        std::fs::copy(folder.path().join(name), copy.path().join(name)).expect("what the kill has left");
    }
    let now = Timestamp::now();
    let ledger = Ledger::open(&copy.path().join("ledger.db"), now).expect("a whole ledger");
    let unseen = ["ventas", "soporte"].map(|operation| {
        let begin = || panic!("{operation} is lost");
        let opened = ledger.account(operation, ABANDONED.name, "UTC", now, begin).expect("it was loaded");
        let stored: u64 = Outcome::ALL.map(|outcome| opened.account.totals.get(Total::Polls(outcome))).iter().sum();
        let of_operation = |name: &str| name.starts_with("wolkvox_polls_total") && name.contains(operation);
        let seen: f64 = seen.iter().filter(|(name, _)| of_operation(name)).map(|(_, calls)| calls).sum();
        stored as f64 - seen
    });
    assert!(unseen.iter().all(|calls| (0.0..=1.0).contains(calls)), "{unseen:?}");
    unseen.iter().filter(|calls| **calls > 0.0).count()
}

/// Calls that a careless reader counts twice or not at all. Their skills are none of the traffic's, which have names.
fn awkward_calls(now: Timestamp) -> Vec<Injected> {
    let at = |seconds: u64| {
        let second = (now + Duration::from_secs(seconds)).as_second();
        Timestamp::from_second(second).expect("this century")
    };
    let one_conn_id = format!("6736.4628.1040.{}.77", now.as_second());
    let mut calls = vec![
        // One call that gave up in two queues in one second, and in one of them once more.
        Call::abandoned(at(4), "9173", &one_conn_id, 3.0),
        Call::abandoned(at(4), "9174", &one_conn_id, 3.0),
        Call::abandoned(at(6), "9174", &one_conn_id, 5.0),
        // Two without an identity that differ in the caller only.
        Call { ani: "3001234567".into(), ..Call::abandoned(at(5), "9175", "", 8.0) },
        Call { ani: "3007654321".into(), ..Call::abandoned(at(5), "9175", "", 8.0) },
        // Without a time.
        Call { waited: None, ..Call::abandoned(at(5), "9176", "123456", 0.0) },
    ];
    // On each of several seconds, so that every boundary of a window has one.
    calls.extend((3..12).map(|second| Call::abandoned(at(second), "9177", &format!("99{second}"), 12.0)));
    // An answered call that turns out, seconds later, to have been abandoned.
    let corrected = Call::abandoned(at(5), "9178", "424242", 60.0);
    calls.push(Call { corrected_at: Some(at(10)), ..corrected });
    calls.into_iter().map(Injected::from).collect()
}

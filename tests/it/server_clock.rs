//! What an answer's head says about the time may be anything. No answer stops the polls, ends the process or makes calls
//! disappear.

use std::time::Duration;

use jiff::Timestamp;
use simulator::call::Injected;
use simulator::faults::Fault;

use crate::support::sim::{quiet, stream_of_calls};
use crate::support::truth::{Cadence, wait_until_exact};
use crate::support::{Child, Folder, Sim, at_once};

const CADENCE: Cadence = Cadence { interval: 1.0, settle: 1.0 };
const DEFAULTS: [&str; 4] = ["interval: 1s", "settle: 1s", "overlap: 5s", "hold: 0s"];
const VENTAS: [(&str, &str); 1] = [("operation", "ventas")];

/// How long it must go on well: several windows.
const WHILE: Duration = Duration::from_secs(4);

/// A fault that leaves the answer as it is but for what these say.
fn head(date: Option<&str>, date_by: Option<i64>, age: Option<&str>) -> Fault {
    let text = |text: &str| text.to_owned();
    Fault::Head { date: date.map(text), date_by, age: age.map(text), retry_after: None, retry_at: None }
}

/// An operation with a call each half a second, and an exporter that has read some of them.
fn reading() -> (Sim, Folder, Child) {
    let sim = Sim::start(vec![quiet("ventas")]);
    sim.inject(stream_of_calls(Timestamp::now(), Duration::from_millis(500), 400).into_iter().map(Injected::from));
    let folder = Folder::new(&sim, &DEFAULTS, |_| vec![]);
    let exporter = folder.serve();
    goes_on(&exporter, &sim);
    (sim, folder, exporter)
}

/// Waits until all calls up to some windows from now are counted.
fn goes_on(exporter: &Child, sim: &Sim) {
    wait_until_exact(exporter, sim, "ventas", CADENCE, Timestamp::now() + WHILE);
    exporter.wait_for("no time given up", |scrape| {
        let skipped = scrape.value("wolkvox_skipped_seconds_total", &VENTAS);
        if skipped == 0.0 { Ok(()) } else { Err(format!("{skipped} s skipped")) }
    });
}

#[test]
fn a_date_that_no_clock_can_have_said_neither_ends_the_process_nor_stops_it() {
    let dates = [
        "Thu, 30 Dec 9999 21:59:57 GMT",
        "Thu, 01 Jan 1970 00:00:00 GMT",
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "Sun, 31 Dec 2017 23:59:60 GMT",
    ];
    at_once(dates.chunks(2), |dates| {
        let (sim, folder, mut exporter) = reading();
        for date in dates {
            sim.clear_faults();
            sim.set_fault(head(Some(date), None, None), None);
            goes_on(&exporter, &sim);
            assert!(exporter.is_running(), "{date}: {}", exporter.said());
            exporter.kill();
            // With such an answer from the first poll on.
            exporter = folder.serve();
            goes_on(&exporter, &sim);
        }
    });
}

#[test]
fn one_answer_with_another_time_stops_nothing() {
    let faults = [
        // Kept by a cache.
        head(None, Some(-900), Some("900")),
        head(None, Some(-90_000), Some("90000")),
        // An old page, and a server whose clock is being set.
        head(None, Some(-900), None),
        head(None, Some(-7_200), None),
        head(None, Some(120), None),
        head(None, Some(7_200), None),
        // An age that is none.
        head(None, None, Some("99999999999999999999")),
        head(None, None, Some("86400")),
    ];
    at_once(faults.chunks(2), |faults| {
        let (sim, _folder, exporter) = reading();
        for fault in faults {
            sim.set_fault(fault.clone(), Some(1));
            goes_on(&exporter, &sim);
        }
    });
}

#[test]
fn an_empty_answer_with_another_time_stops_nothing() {
    let sim = Sim::start(vec![quiet("ventas")]);
    let folder = Folder::new(&sim, &DEFAULTS, |_| vec![]);
    let exporter = folder.serve();
    goes_on(&exporter, &sim);
    for fault in [
        head(Some("Thu, 01 Jan 1970 00:00:00 GMT"), None, None),
        head(None, Some(-86_400), None),
        head(None, Some(86_400), None),
    ] {
        sim.set_fault(fault, Some(1));
        goes_on(&exporter, &sim);
    }
}

#[test]
fn a_few_answers_from_the_future_hide_no_call() {
    let (sim, _folder, exporter) = reading();
    for ahead in [20, 120, 7_200] {
        sim.set_fault(head(None, Some(ahead), None), Some(3));
        goes_on(&exporter, &sim);
    }
}

#[test]
fn answers_that_never_agree_are_not_believed() {
    let (sim, _folder, exporter) = reading();
    for round in 0..10 {
        for by in [-900, 40_000, -86_400 * round, 700] {
            sim.set_fault(head(None, Some(by), None), Some(1));
        }
    }
    goes_on(&exporter, &sim);
    sim.clear_faults();
    goes_on(&exporter, &sim);
}

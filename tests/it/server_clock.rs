//! What an answer's head says about the time may be anything. No answer stops the polls, ends the process or makes calls
//! disappear.

use std::time::Duration;

use jiff::Timestamp;
use simulator::call::{Call, Injected};
use simulator::faults::Fault;

use crate::support::scrape::Scrape;
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

// The server's clock dates the rows, too.
#[test]
fn a_clock_that_is_put_back_after_it_was_believed_hides_no_call() {
    at_once([30, 600, 7_200], |ahead| {
        let sim = Sim::start(vec![quiet("ventas")]);
        let folder = Folder::new(&sim, &DEFAULTS, |_| vec![]);
        let exporter = folder.serve();
        let mut calls = 0;
        let mut ring = |ahead: i64| {
            let now = Timestamp::now();
            let dated = Timestamp::from_second(now.as_second() + ahead).expect("this century");
            calls += 1;
            let call = Call::abandoned(dated, "4173", &format!("call {calls}"), 7.0);
            sim.inject([Injected::from(Call { visible_at: now, ..call })]);
            calls
        };
        let counted = |scrape: &Scrape| scrape.sum("wolkvox_abandoned_calls_total", &VENTAS);
        // Some while the clock is right, as many as it takes until another is believed, and some when it is right again.
        let mut ring_until_counted = |ahead, more: f64| {
            let until = counted(&exporter.scrape()) + more;
            exporter.wait_for("more calls", |scrape| {
                let calls = ring(ahead);
                if counted(scrape) >= until { Ok(()) } else { Err(format!("{} of {calls}", counted(scrape))) }
            });
        };
        ring_until_counted(0, 20.0);
        sim.set_fault(head(None, Some(ahead), None), None);
        exporter.wait_for("another clock", |_| {
            ring_until_counted(ahead, 1.0);
            if exporter.lines_with(&["is behind that of the server"]).is_empty() { Err(String::new()) } else { Ok(()) }
        });
        ring_until_counted(ahead, 20.0);
        sim.clear_faults();
        ring_until_counted(0, 20.0);
        let calls = ring(0);
        exporter.wait_for("all calls", |scrape| {
            let given_up = scrape.value("wolkvox_skipped_seconds_total", &VENTAS);
            let until = scrape.value("wolkvox_complete_until_timestamp_seconds", &VENTAS);
            let is_exact = counted(scrape) == f64::from(calls) && given_up == 0.0;
            // The page and the alerts go by it.
            if is_exact && until <= Timestamp::now().as_second() as f64 {
                Ok(())
            } else {
                Err(format!(
                    "{} of {calls}, {ahead} s ahead; complete until {until}, {given_up} s given up",
                    counted(scrape)
                ))
            }
        });
    });
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

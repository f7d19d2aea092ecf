//! Polls that fail for reasons that are not the API's alone: page, log and metrics say the same, and what ends the trouble
//! is noticed.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use simulator::call::Injected;
use simulator::faults::Fault;

use crate::support::sim::{quiet, stream_of_calls};
use crate::support::{Child, Folder, Sim, at_once, child};

/// The promise of the contract, and what a busy machine may take besides.
const TOKEN_NOTICED_WITHIN: Duration = Duration::from_secs(13);

/// A window of an hour: whoever waits for the next one waits for too long.
const HOURLY: [&str; 3] = ["interval: 1h", "settle: 1s", "hold: 0s"];

const VENTAS: [(&str, &str); 1] = [("operation", "ventas")];

/// What the first call is refused for, and how it comes about.
type Refused = (&'static str, fn(&Folder));

#[test]
fn the_first_refusal_is_ended_by_another_token_within_ten_seconds() {
    let cases: [Refused; 4] = [
        ("another token", |folder| folder.write_token("ventas", "wrong")),
        ("an empty file", |folder| folder.write_token("ventas", "")),
        ("no file", |folder| std::fs::remove_file(folder.token_file("ventas")).expect("it was written")),
        ("two words", |folder| folder.write_token("ventas", "two words")),
    ];
    at_once(cases, |(what, spoil)| {
        let sim = Sim::start(vec![quiet("ventas")]);
        let folder = Folder::new(&sim, &HOURLY, |_| Vec::new());
        spoil(&folder);
        let exporter = folder.serve();
        exporter.wait_for(&format!("{what} to be refused"), |scrape| match scrape.get("wolkvox_up", &VENTAS) {
            Some(0.0) => Ok(()),
            other => Err(format!("up {other:?}")),
        });
        let refused = [("operation", "ventas"), ("outcome", "unauthorized")];
        let before = exporter.scrape();
        let since = Instant::now();
        folder.write_token("ventas", &sim.token());
        exporter.wait_for(&format!("the right token after {what}"), |scrape| match scrape.get("wolkvox_up", &VENTAS) {
            Some(1.0) => Ok(()),
            other => Err(format!("up {other:?}")),
        });
        assert!(since.elapsed() < TOKEN_NOTICED_WITHIN, "{what}: {:?}", since.elapsed());
        let last_call = [before, exporter.scrape()].map(|scrape| scrape.value("wolkvox_last_poll_outcome", &refused));
        assert_eq!(last_call, [1.0, 0.0], "{what}");
    });
}

#[test]
fn rows_that_could_not_be_stored_are_no_success_anywhere() {
    let sim = Sim::start(vec![quiet("ventas")]);
    let folder = Folder::new(&sim, &["interval: 1s", "settle: 0s", "hold: 0s"], |_| Vec::new());
    // A disk that takes no more: room for a ledger, and not for what is read.
    let exporter = Child::start(child::limited(&folder.command(), "ulimit -f 400"));
    exporter.wait_for("a first poll", |scrape| scrape.get("wolkvox_up", &VENTAS).ok_or("none".to_owned()));
    let calls = stream_of_calls(Timestamp::now(), Duration::from_millis(1), 3_000);
    sim.operation("ventas").expect("simulated").inject(calls.into_iter().map(Injected::from));
    let scrape = exporter.wait_for("the ledger to be full", |scrape| {
        let failed = scrape.value("wolkvox_ledger_commit_errors_total", &[]) > 0.0;
        if failed && scrape.get("wolkvox_up", &VENTAS) == Some(0.0) {
            Ok(scrape.clone())
        } else {
            Err("none".to_owned())
        }
    });
    for (lang, untrue, told) in [
        ("en", [">Nothing.<", "nothing to do"], "could not be stored in the ledger"),
        ("es", [">Nada.<", "nada que hacer"], "no se pudo guardar en el registro"),
    ] {
        let page = exporter.get(&format!("/?lang={lang}"), &[]).text();
        assert!(!untrue.iter().any(|untrue| page.contains(untrue)), "{page}");
        assert!(page.contains(told), "{page}");
    }
    let failed = exporter.wait_for_lines(1, &["the poll failed"]);
    assert!(failed.iter().all(|line| line.contains("cause=ledger")), "{failed:?}");
    let last = |outcome| scrape.value("wolkvox_last_poll_outcome", &[("operation", "ventas"), ("outcome", outcome)]);
    assert_eq!(last("ok") + last("empty"), 1.0, "the call itself succeeded");
}

#[test]
fn two_processes_take_turns_on_one_token() {
    let sim = Sim::start(vec![quiet("ventas")]);
    sim.set_fault(Fault::SlowBody { seconds: 1 }, None);
    let settings = ["interval: 1s", "settle: 0s", "hold: 0s", "timeout: 30s"];
    let folder = Folder::new(&sim, &settings, |_| Vec::new());
    let one = folder.serve();
    let mut command = folder.command();
    command.arg("--ledger").arg(folder.path().join("other.db"));
    let other = Child::start(command);
    for exporter in [&one, &other] {
        exporter.wait_for("five polls", |scrape| match scrape.sum("wolkvox_polls_total", &VENTAS) {
            polls if polls >= 5.0 => Ok(()),
            polls => Err(format!("{polls}")),
        });
    }
    let requests = sim.requests();
    let overlapping = requests.iter().filter(|request| request.overlapping).count();
    assert_eq!(overlapping, 0, "of {} calls", requests.len());
}

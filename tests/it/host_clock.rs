//! A host whose clock is hours off, and is set while the exporter runs: the windows are read by the server's clock, and
//! each call is counted in its own.

use std::time::Duration;

use jiff::Timestamp;
use simulator::call::Injected;
use simulator::faults::Fault;

use crate::support::host_clock::HostClock;
use crate::support::page::wait_for_badge;
use crate::support::sim::{quiet, stream_of_calls};
use crate::support::truth::{Cadence, wait_until_exact};
use crate::support::{Child, Folder, PATIENCE, Sim, at_once, wait_for};

const CADENCE: Cadence = Cadence { interval: 1.0, settle: 1.0 };
const VENTAS: [(&str, &str); 1] = [("operation", "ventas")];

/// How long the clock stays as it is set: several windows.
const WHILE: Duration = Duration::from_secs(4);

#[test]
fn a_clock_that_is_hours_off_and_set_stops_nothing() {
    let sim = Sim::start(vec![quiet("ventas")]);
    sim.inject(stream_of_calls(Timestamp::now(), Duration::from_millis(500), 400).into_iter().map(Injected::from));
    let folder = Folder::new(&sim, &["interval: 1s", "settle: 1s", "overlap: 5s", "hold: 0s"], |_| vec![]);
    let clock = HostClock::new(&folder, "-3h");
    let exporter = Child::start(clock.of(folder.command()));
    let (behind, ahead) = (["clock behind", "reloj atrasado"], ["clock ahead", "reloj adelantado"]);
    for (wrong_by, is_behind, is_ahead) in
        [("-3h", true, false), ("+5h", false, true), ("-30h", true, false), ("+0", false, false)]
    {
        clock.set(wrong_by);
        let until = Timestamp::now() + WHILE;
        wait_until_exact(&exporter, &sim, "ventas", CADENCE, until);
        wait_for_badge(&exporter, "ventas", behind, is_behind);
        wait_for_badge(&exporter, "ventas", ahead, is_ahead);
        exporter.wait_for("the gauge of the last window", |scrape| {
            assert_eq!(scrape.value("wolkvox_skipped_seconds_total", &VENTAS), 0.0, "{wrong_by}");
            let gauges = scrape.all("wolkvox_window_abandoned_calls", &VENTAS).count();
            if gauges > 0 { Ok(()) } else { Err(format!("none while the clock is wrong by {wrong_by}")) }
        });
    }
    for told in ["the clock of this host is behind that of the server", "is as that of the server again"] {
        assert_eq!(exporter.wait_for_lines(1, &[told]).len(), 1, "told once: {}", exporter.said());
    }
}

/// What a host whose clock is wrong counts at its first start: nothing dated before it, and all that comes.
#[test]
fn a_first_start_is_where_the_process_began_whatever_the_hosts_clock_says() {
    at_once(["-3d", "-2h", "+2h", "+3d"], |wrong_by| {
        let sim = Sim::start(vec![quiet("ventas")]);
        let now = Timestamp::now();
        let calls = [72, 48, 2, 1].map(|hours| now - Duration::from_secs(hours * 3_600) - Duration::from_secs(30));
        let past = calls.into_iter().flat_map(|from| stream_of_calls(from, Duration::from_secs(1), 60));
        sim.inject(past.map(Injected::from));
        sim.inject(stream_of_calls(now, Duration::from_millis(500), 400).into_iter().map(Injected::from));
        let folder = Folder::new(&sim, &["interval: 1s", "settle: 1s", "overlap: 5s", "hold: 0s"], |_| vec![]);
        let clock = HostClock::new(&folder, wrong_by);
        let began = Timestamp::now();
        let exporter = Child::start(clock.of(folder.command()));
        exporter.wait_for("the first windows", |scrape| {
            let windows = scrape.value("wolkvox_windows_total", &VENTAS);
            if windows > 0.0 { Ok(()) } else { Err("none".to_owned()) }
        });
        let reach = wait_until_exact(&exporter, &sim, "ventas", CADENCE, began + Duration::from_secs(40));
        let late = reach.start.duration_since(began).as_secs_f64();
        assert!((-2.0..20.0).contains(&late), "{wrong_by}: counts from {} on: {}", reach.start, exporter.said());
    });
}

/// The server wants to be left alone until a time by its own clock.
#[test]
fn a_retry_after_that_is_a_date_is_kept_by_any_host() {
    at_once(["+3h", "-3h", "+0"], |wrong_by| {
        let sim = Sim::start(vec![quiet("ventas")]);
        let folder = Folder::new(&sim, &["interval: 1s", "settle: 1s", "overlap: 5s", "hold: 0s"], |_| vec![]);
        let clock = HostClock::new(&folder, wrong_by);
        let refusal =
            |status| Fault::Status { status, body: String::new(), content_type: String::new(), retry_after: None };
        let head = Fault::Head { date: None, date_by: None, age: None, retry_after: None, retry_at: Some(10) };
        sim.set_fault(head, Some(1));
        sim.set_fault(refusal(503), Some(1));
        let exporter = Child::start(clock.of(folder.command()));
        let requests = wait_for("the request after the pause", PATIENCE, || {
            let requests = sim.requests();
            if requests.len() > 1 { Ok(requests) } else { Err(format!("{requests:?}: {}", exporter.said())) }
        });
        let pause = requests[1].at.duration_since(requests[0].at).as_secs_f64();
        assert!((8.5..14.0).contains(&pause), "{wrong_by}: {pause} s: {}", exporter.said());
    });
}

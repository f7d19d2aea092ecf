//! Hours of outage, in windows that pass in seconds: caught up in a call or two, without a hole in the
//! ranges asked for; and what is older than `max_catch_up` is counted as given up.

use std::time::Duration;

use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp};
use simulator::call::Injected;
use simulator::world::Request;

use crate::support::sim::{quiet, stream_of_calls};
use crate::support::truth::{Cadence, wait_until_exact};
use crate::support::{Child, Folder, Sim};

/// With these an hour of five-minute windows passes in twelve seconds.
const CADENCE: Cadence = Cadence { interval: 1.0, settle: 1.0 };
const VENTAS: [(&str, &str); 1] = [("operation", "ventas")];

/// Windows without the API: an hour and a half of them at the default interval.
const OUTAGE: Duration = Duration::from_secs(18);

#[test]
fn an_outage_is_made_good_without_a_hole() {
    let (sim, began) = sim();
    let folder = Folder::new(&sim, &["interval: 1s", "settle: 1s", "overlap: 5s", "hold: 2s"], |_| vec![]);
    let exporter = folder.serve();
    let windows = wait_for_windows(&exporter, 3.0);

    let before = sim.requests().len();
    sim.refuse_connections(OUTAGE);
    // While nothing is read the gauge of the last window goes: it does not stand for "now" any more.
    exporter.wait_for("the window gauge to go, and polls to fail", |scrape| {
        let gauge = scrape.all("wolkvox_window_abandoned_calls", &VENTAS).count();
        let failed = scrape.value("wolkvox_polls_total", &[VENTAS[0], ("outcome", "connect")]);
        assert_eq!(scrape.value("wolkvox_catching_up", &VENTAS), 0.0, "the outage has not ended");
        if gauge == 0 && failed >= 3.0 { Ok(()) } else { Err(format!("{gauge} gauges, {failed} failed")) }
    });
    exporter.wait_for("the catch-up to show", |scrape| match scrape.value("wolkvox_catching_up", &VENTAS) {
        1.0 => Ok(()),
        other => Err(format!("{other}")),
    });
    exporter.wait_for("the catch-up to be over", |scrape| match scrape.value("wolkvox_catching_up", &VENTAS) {
        0.0 => Ok(()),
        other => Err(format!("{other}")),
    });
    let reach = wait_until_exact(&exporter, &sim, "ventas", CADENCE, began + Duration::from_secs(20));
    let scrape = exporter.scrape();
    assert!(scrape.all("wolkvox_window_abandoned_calls", &VENTAS).count() > 0, "the gauge is not back");
    assert_eq!(scrape.value("wolkvox_skipped_seconds_total", &VENTAS), 0.0);
    assert!(scrape.value("wolkvox_windows_total", &VENTAS) >= windows + OUTAGE.as_secs_f64());

    let requests = sim.requests();
    let longest = requests[before..].iter().map(length).max().expect("requests after the outage");
    assert!(longest.as_secs() >= OUTAGE.as_secs() as i64 - 2, "no call covers the outage: the longest asks {longest}");
    assert_no_hole(&requests, reach.start);
    assert_eq!(exporter.wait_for_lines(1, &["the poll succeeded again"]).len(), 1, "{}", exporter.said());
}

#[test]
fn what_is_too_old_is_given_up_and_counted() {
    let (sim, _) = sim();
    let defaults = ["interval: 1s", "settle: 1s", "overlap: 2s", "hold: 0s", "max_catch_up: 8s"];
    let folder = Folder::new(&sim, &defaults, |_| vec![]);
    let exporter = folder.serve();
    wait_for_windows(&exporter, 3.0);
    let complete = |exporter: &Child| exporter.scrape().value("wolkvox_complete_until_timestamp_seconds", &VENTAS);
    sim.refuse_connections(OUTAGE);
    let stands_at = exporter.wait_for("a failed poll", |scrape| {
        match scrape.value("wolkvox_polls_total", &[VENTAS[0], ("outcome", "connect")]) {
            0.0 => Err("none".to_owned()),
            _ => Ok(complete(&exporter)),
        }
    });
    let scrape = exporter.wait_for("a stretch that is given up", |scrape| {
        match scrape.value("wolkvox_skipped_seconds_total", &VENTAS) {
            0.0 => Err(format!("complete until {}", complete(&exporter))),
            _ => Ok(scrape.clone()),
        }
    });
    let skipped = scrape.value("wolkvox_skipped_seconds_total", &VENTAS);
    // All but the eight seconds that may be made good.
    assert!((OUTAGE.as_secs_f64() - 14.0..OUTAGE.as_secs_f64() + 6.0).contains(&skipped), "skipped {skipped} s");

    // The calls of the skipped stretch, and no others, are missing.
    let gap = second(stands_at)..second(stands_at + skipped);
    let page = exporter.get("/?lang=en", &[]).text();
    let zone = jiff::tz::TimeZone::get("America/Bogota").expect("a zone that exists");
    let is_today = zone.to_datetime(gap.start).date() == zone.to_datetime(Timestamp::now()).date();
    assert!(!is_today || page.contains("of today were never read"), "the page takes the day for whole: {page}");
    exporter.wait_for("the truth but for what was given up", |scrape| {
        let complete_until = second(scrape.value("wolkvox_complete_until_timestamp_seconds", &VENTAS));
        let windows = scrape.value("wolkvox_windows_total", &VENTAS);
        let start = second(complete_until.as_second() as f64 - windows - skipped);
        let calls = sim.truth(start, complete_until);
        let expected = calls.iter().filter(|call| !gap.contains(&call.at)).count() as f64;
        let shown = scrape.sum("wolkvox_abandoned_calls_total", &VENTAS);
        assert!(shown <= expected, "{shown} shown, {expected} were in what was read");
        if shown == expected && complete_until > gap.end { Ok(()) } else { Err(format!("{shown} of {expected}")) }
    });
}

/// A simulator with two calls a second for more than the test lasts.
fn sim() -> (Sim, Timestamp) {
    let sim = Sim::start(vec![quiet("ventas")]);
    let now = Timestamp::now();
    sim.inject(stream_of_calls(now, Duration::from_millis(500), 400).into_iter().map(Injected::from));
    (sim, now)
}

fn wait_for_windows(exporter: &Child, least: f64) -> f64 {
    exporter.wait_for("some windows with calls", |scrape| {
        let windows = scrape.get("wolkvox_windows_total", &VENTAS).unwrap_or_default();
        let calls = scrape.sum("wolkvox_abandoned_calls_total", &VENTAS);
        if windows >= least && calls > 0.0 { Ok(windows) } else { Err(format!("{windows} windows, {calls} calls")) }
    })
}

fn second(second: f64) -> Timestamp {
    Timestamp::from_second(second as i64).expect("this century")
}

/// The ranges of the answers, laid side by side in their order, leave no second out from `start` on.
fn assert_no_hole(requests: &[Request], start: Timestamp) {
    let zone = jiff::tz::TimeZone::get("America/Bogota").expect("a zone that exists");
    let answered = requests.iter().filter(|request| matches!(request.status, Some(200 | 404)));
    let mut read_to = zone.to_datetime(start);
    for request in answered {
        let (ini, end) = range(request);
        assert!(ini <= read_to, "from {read_to} to {ini} nobody asked");
        // Asked to the last second, which is included.
        read_to = read_to.max(end + SignedDuration::from_secs(1));
    }
}

fn range(request: &Request) -> (DateTime, DateTime) {
    let read = |text: &Option<String>| {
        let text = text.as_deref().expect("both dates are asked with");
        DateTime::strptime("%Y%m%d%H%M%S", text).expect("a date")
    };
    (read(&request.date_ini), read(&request.date_end))
}

fn length(request: &Request) -> SignedDuration {
    let (ini, end) = range(request);
    end.duration_since(ini)
}

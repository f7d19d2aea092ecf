//! A new user's first command: within a minute `/metrics` shows the simulator's truth.

use std::net::TcpListener;
use std::time::Duration;

use reqwest::Url;
use simulator::call::Call;

use crate::support::scrape::{Scrape, check_with_promtool};
use crate::support::{Child, child, http, truth};

/// As the README promises.
const MINUTE: Duration = Duration::from_secs(60);

/// The default interval of `demo`, in seconds.
const INTERVAL: f64 = 300.0;

#[test]
fn demo_shows_the_truth_within_a_minute() {
    // Calls are in the report before their window is read, so that the truth of a window is one number.
    let demo = Child::start(child::command(&["demo", "--web.listen-address", "127.0.0.1:0", "--lateness", "30s"]));
    let scrape = demo.wait_at_most(MINUTE, "the truth of six hours", |scrape| {
        let Some(reach) = truth::reach(scrape, "simulated", INTERVAL) else { return Err("no account yet".into()) };
        let shown = truth::shown(scrape, "simulated");
        let calls = told(&demo, reach);
        let expected = truth::of_calls(&calls);
        truth::assert_nothing_twice(&shown, &expected);
        if shown.is_empty() || shown != expected {
            return Err(format!("{} of {} series are right", shown.len(), expected.len()));
        }
        for report in [truth::ABANDONED, truth::ANSWERED] {
            let up = scrape.get("wolkvox_up", &[("operation", "simulated"), ("report", report.name)]);
            if up != Some(1.0) {
                return Err(format!("{}: up {up:?}", report.name));
            }
        }
        Ok(scrape.clone())
    });
    let shown = truth::shown(&scrape, "simulated");
    let skills: std::collections::BTreeSet<_> = shown.keys().map(|(skill, _)| skill).collect();
    assert!(skills.len() >= 5, "only {skills:?}");
    // Six hours are 72 windows, of which the last one has settled unless the minute after its end is not over.
    let reach = truth::reach(&scrape, "simulated", INTERVAL).expect("an account");
    let windows = (reach.complete_until.as_second() - reach.start.as_second()) as f64 / INTERVAL;
    assert!((71.0..=73.0).contains(&windows), "{windows} windows");
    assert_eq!(scrape.value("wolkvox_windows_total", &[("operation", "simulated"), ("report", "abandoned")]), windows);
    check_with_promtool(&scrape.text);

    let (status, took, said) = demo.terminate();
    assert_eq!(status.code(), Some(0), "{said}");
    assert!(took < Duration::from_secs(10), "SIGTERM took {took:?}");
}

#[test]
fn the_numbers_are_there_when_the_addresses_are_printed() {
    // A machine may have no IPv6.
    let addresses = ["127.0.0.1:0", "[::1]:0"].into_iter().filter(|address| TcpListener::bind(address).is_ok());
    let started = addresses.map(|address| Child::start(child::command(&["demo", "--web.listen-address", address])));
    for demo in started.collect::<Vec<_>>() {
        let line = demo.wait_for_lines(1, &["metrics:", "http://"]).remove(0);
        // As the README's `curl` would, at the address that is printed.
        let printed = Url::parse(line.trim_start_matches("metrics:").trim()).expect("a URL");
        let address = printed.socket_addrs(|| None).expect("an address")[0];
        assert_eq!(address, demo.address());
        let scrape = http::get(address, printed.path(), &[]).expect("numbers").text();
        let scrape = Scrape::parse(scrape);
        for metric in ["wolkvox_abandoned_calls_total", "wolkvox_answered_calls_total"] {
            let calls = scrape.sum(metric, &[("operation", "simulated")]);
            assert!(calls > 0.0, "{metric}: {calls} calls");
        }
    }
}

/// The true calls, from the control endpoint that `demo` prints.
fn told(demo: &Child, reach: truth::Reach) -> Vec<Call> {
    let line = demo.wait_for_lines(1, &["simulator:", "http://"]).remove(0);
    let address = line.split("http://").nth(1).and_then(|rest| rest.split('/').next()).expect("an address");
    let (from, to) = (reach.start.as_second(), reach.complete_until.as_second());
    let path = format!("/control/truth?from={from}&to={to}");
    let response = http::get(address.parse().expect("an address"), &path, &[]).expect("the simulator answers");
    let calls: Vec<serde_json::Value> = serde_json::from_slice(&response.body).expect("a list of calls");
    calls.iter().map(read).collect()
}

fn read(call: &serde_json::Value) -> Call {
    let text = |name: &str| call[name].as_str().expect("a text").to_owned();
    let at = text("at").parse().expect("an instant");
    let mut read = Call::abandoned(at, &text("skill_id"), &text("conn_id"), 0.0);
    read.waited = call["waited"].as_f64();
    read.type_interaction = text("type_interaction").into();
    read.result = text("result").into();
    read
}

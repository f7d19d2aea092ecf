//! A real Prometheus sees the first step of a series: `increase()` over the birth of each is the number of its calls.
//!
//! Needs `prometheus` on the path (Debian's package prometheus, 2.42).

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use simulator::call::{Call, Injected};

use crate::support::prometheus::{Options, Prometheus};
use crate::support::sim::{of_skill, quiet, stream_of_calls};
use crate::support::{Folder, PATIENCE, Sim, wait_for};

/// Longer than two scrapes of a second, on a busy machine too.
const DEFAULTS: [&str; 4] = ["interval: 2s", "settle: 1s", "overlap: 1m", "hold: 5s"];

#[test]
fn prometheus_sees_the_first_call_of_every_series() {
    let sim = Sim::start(vec![quiet("ventas")]);
    let folder = Folder::new(&sim, &DEFAULTS, |_| vec![]);
    let exporter = folder.serve();
    let prometheus = Prometheus::start(&folder.path().join("prometheus"), exporter.address(), &Options::default());
    wait_for("Prometheus to scrape", PATIENCE, || {
        let up = prometheus.query("up == 1", None);
        if up.is_empty() { Err(prometheus.said()) } else { Ok(()) }
    });
    // What is born before it scrapes is nothing that it could see grow.
    let calls = births(Timestamp::now());
    sim.inject(calls.iter().cloned().map(Injected::from));
    let mut truth = BTreeMap::new();
    for call in &calls {
        *truth.entry(call.skill_id.to_string()).or_insert(0.0) += 1.0;
    }

    let metrics = ["wolkvox_abandoned_calls_total", "wolkvox_abandon_time_seconds_count"];
    for metric in metrics {
        wait_for("every step to be seen", PATIENCE, || {
            // At the moment of the last sample there is nothing to extrapolate, and a series that begins with 0 is not
            // extrapolated backwards: what increase() says is what it saw.
            let last = prometheus.query(&format!("max(timestamp({metric}))"), None);
            let at = last.first().map(|(_, at)| *at).ok_or("no sample yet")?;
            let seen = prometheus.query(&format!("sum by (skill_id) (increase({metric}[5m]))"), Some(at));
            let seen: BTreeMap<String, f64> =
                seen.into_iter().map(|(skill, value)| (skill, (value * 1e6).round() / 1e6)).collect();
            if let Some((skill, value)) = seen.iter().find(|(skill, value)| **value > truth[*skill]) {
                panic!("increase() of {skill} is {value}, and there were {} calls", truth[skill]);
            }
            if seen == truth { Ok(()) } else { Err(format!("{seen:?} of {truth:?}")) }
        });
    }
    assert_eq!(prometheus.refused(), 0.0, "a scrape failed:\n{}", prometheus.said());
}

/// Skills whose first calls come one after the other, some with a burst in their first window, some with more later.
fn births(now: Timestamp) -> Vec<Call> {
    let mut calls = Vec::new();
    for skill in 0..8u64 {
        let first = now + Duration::from_secs(1 + 2 * skill);
        let burst = stream_of_calls(first, Duration::from_millis(100), 1 + skill as usize % 4 * 3);
        let later = stream_of_calls(first + Duration::from_secs(7), Duration::from_secs(2), skill as usize % 3);
        calls.extend(of_skill(6_000 + skill, burst.into_iter().chain(later)));
    }
    calls
}

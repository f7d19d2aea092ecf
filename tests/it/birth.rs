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
    let now = Timestamp::now();
    let calls = births(now);
    sim.inject(calls.iter().cloned().map(Injected::from));
    let folder = Folder::new(&sim, &DEFAULTS, |_| vec![]);
    let exporter = folder.serve();
    let prometheus = Prometheus::start(&folder.path().join("prometheus"), exporter.address(), &Options::default());
    // The first windows may be over before Prometheus scrapes: only what is born later is compared.
    let begins = wait_for("Prometheus to scrape", PATIENCE, || {
        let found = prometheus.query("min_over_time(timestamp(up == 1)[5m:1s])", None);
        found.first().map(|(_, value)| *value).ok_or("no scrape yet".to_owned())
    });
    let mut truth = BTreeMap::new();
    let mut early = Vec::new();
    for call in &calls {
        let skill = call.skill_id.to_string();
        if (call.at.as_second() as f64) < begins + 1.0 {
            early.push(skill.clone());
        }
        *truth.entry(skill).or_insert(0.0) += 1.0;
    }
    truth.retain(|skill, _| !early.contains(skill));
    assert!(truth.len() >= 3, "Prometheus was too slow to see anything be born: {early:?}");

    let metrics = ["wolkvox_abandoned_calls_total", "wolkvox_abandon_time_seconds_count"];
    for metric in metrics {
        wait_for("every step to be seen", PATIENCE, || {
            // At the moment of the last sample there is nothing to extrapolate, and a series that begins with 0 is not
            // extrapolated backwards: what increase() says is what it saw.
            let last = prometheus.query(&format!("max(timestamp({metric}))"), None);
            let at = last.first().map(|(_, at)| *at).ok_or("no sample yet")?;
            let seen = prometheus.query(&format!("sum by (skill_id) (increase({metric}[5m]))"), Some(at));
            let seen: BTreeMap<String, f64> = seen
                .into_iter()
                .filter(|(skill, _)| truth.contains_key(skill))
                .map(|(skill, value)| (skill, (value * 1e6).round() / 1e6))
                .collect();
            if let Some((skill, value)) = seen.iter().find(|(skill, value)| **value > truth[*skill]) {
                panic!("increase() of {skill} is {value}, and there were {} calls", truth[skill]);
            }
            if seen == truth { Ok(()) } else { Err(format!("{seen:?} of {truth:?}")) }
        });
    }
    // Nothing of a scrape was refused.
    for (_, count) in prometheus.query("sum_over_time(scrape_samples_scraped[5m])", None) {
        assert!(count > 0.0);
    }
    assert_eq!(prometheus.query("min_over_time(up[5m])", None).first().map(|(_, up)| *up), Some(1.0));
}

/// Skills whose first calls come one after the other, some with a burst in their first window, some with more later.
fn births(now: Timestamp) -> Vec<Call> {
    let mut calls = Vec::new();
    for skill in 0..8u64 {
        let first = now + Duration::from_secs(4 + 2 * skill);
        let burst = stream_of_calls(first, Duration::from_millis(100), 1 + skill as usize % 4 * 3);
        let later = stream_of_calls(first + Duration::from_secs(7), Duration::from_secs(2), skill as usize % 3);
        calls.extend(of_skill(6_000 + skill, burst.into_iter().chain(later)));
    }
    calls
}

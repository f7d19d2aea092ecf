//! A real Prometheus sees the first step of a series: `increase()` over the birth of each is the number of its calls.
//!
//! Needs `prometheus` on the path (Debian's package prometheus, 2.42).

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use wolkvox_exporter::simulator::call::{Call, Injected};

use crate::support::sim::{quiet, stream_of_calls};
use crate::support::{Folder, PATIENCE, Sim, http, wait_for};

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
    let prometheus = Prometheus::start(folder.path(), exporter.address());
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
    assert!(truth.len() >= 5, "Prometheus was too slow to see anything be born: {early:?}");

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
    for skill in 0..12u64 {
        let first = now + Duration::from_secs(4 + 2 * skill);
        let burst = stream_of_calls(first, Duration::from_millis(100), 1 + skill as usize % 4 * 3);
        let later = stream_of_calls(first + Duration::from_secs(9), Duration::from_secs(2), skill as usize % 3);
        for (index, call) in burst.into_iter().chain(later).enumerate() {
            let id = (6_000 + skill).to_string();
            calls.push(Call {
                skill_id: id.as_str().into(),
                skill_name: id.into(),
                conn_id: format!("{skill}77{index}"),
                ..call
            });
        }
    }
    calls
}

/// A Prometheus that scrapes one exporter every second. Killed when it is dropped.
struct Prometheus {
    process: std::process::Child,
    address: SocketAddr,
}

impl Prometheus {
    fn start(folder: &Path, target: SocketAddr) -> Self {
        let config = folder.join("prometheus.yml");
        let text = format!(
            "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\n\
             scrape_configs: [{{job_name: wolkvox, static_configs: [{{targets: [\"{target}\"]}}]}}]\n"
        );
        std::fs::write(&config, text).expect("a folder of this test");
        // Prometheus can't say which port it got for 0; one that was free a moment ago is the next best.
        let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let address = free.expect("a free port of loopback");
        let log = std::fs::File::create(folder.join("prometheus.log")).expect("a folder of this test");
        let process = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("prometheus").display()))
            .arg(format!("--web.listen-address={address}"))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("prometheus is needed: install Debian's package prometheus");
        let mut prometheus = Self { process, address };
        wait_for("Prometheus to be ready", PATIENCE, || {
            let log = || std::fs::read_to_string(folder.join("prometheus.log")).unwrap_or_default();
            if let Ok(Some(status)) = prometheus.process.try_wait() {
                panic!("Prometheus has ended with {status}:\n{}", log());
            }
            match http::get(address, "/-/ready", &[]) {
                Ok(response) if response.status == 200 => Ok(()),
                _ => Err(log()),
            }
        });
        prometheus
    }

    /// The result of an instant query at a second since 1970 or now: `skill_id`, empty where there is none, and value.
    fn query(&self, query: &str, at: Option<f64>) -> Vec<(String, f64)> {
        let mut path = "/api/v1/query?query=".to_owned();
        for byte in query.bytes() {
            path.push_str(&format!("%{byte:02x}"));
        }
        if let Some(at) = at {
            path.push_str(&format!("&time={at:.3}"));
        }
        let response = http::get(self.address, &path, &[]).expect("Prometheus answers");
        let answer: Value = serde_json::from_slice(&response.body).expect("JSON");
        assert_eq!(answer["status"], "success", "{query}: {answer}");
        let results = answer["data"]["result"].as_array().expect("a vector");
        results
            .iter()
            .map(|result| {
                let value = result["value"][1].as_str().and_then(|value| value.parse().ok()).expect("a number");
                (result["metric"]["skill_id"].as_str().unwrap_or_default().to_owned(), value)
            })
            .collect()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

//! Prometheus 2.42 and a 3.x scrape one exporter at the same time, each protocol once, and what they store is the truth:
//! totals, `increase()` over births, classic and native quantiles. A second Prometheus changes nothing.
//!
//! Needs `prometheus` on the path, and what `tests/tools/prometheus3` needs to bring a later one.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use jiff::Timestamp;
use simulator::call::{Call, Injected};

use crate::support::prometheus::{Options, Prometheus};
use crate::support::sim::{of_skill, quiet, stream_of_calls};
use crate::support::{Folder, PATIENCE, Sim, wait_for};

/// The overlap is longer than the test: every call is within reach of every read.
const DEFAULTS: [&str; 4] = ["interval: 2s", "settle: 1s", "overlap: 10m", "hold: 5s"];

/// A scraper, and which histograms it stores.
struct Scraper {
    name: &'static str,
    options: Options,
    classic: bool,
    native: bool,
}

#[test]
fn what_prometheus_stores_is_the_truth_in_every_protocol() {
    let sim = Sim::start(vec![quiet("ventas")]);
    let folder = Folder::new(&sim, &DEFAULTS, |_| vec![]);
    let exporter = folder.serve();
    let scrapers: Vec<_> = scrapers()
        .into_iter()
        .map(|scraper| {
            let prometheus = Prometheus::start(&folder.path().join(scraper.name), exporter.address(), &scraper.options);
            (scraper, prometheus)
        })
        .collect();
    for (scraper, prometheus) in &scrapers {
        let name = scraper.name;
        wait_for("a scrape before the first call", PATIENCE, || {
            let up = prometheus.query("up == 1", None);
            if up.is_empty() { Err(format!("{name}: {}", prometheus.said())) } else { Ok(()) }
        });
    }
    // What is born before a Prometheus scrapes is nothing that it could see grow.
    let calls = births(Timestamp::now());
    sim.inject(calls.iter().cloned().map(Injected::from));

    let mut truth: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for call in &calls {
        truth.entry(call.skill_id.to_string()).or_default().extend(call.waited);
    }
    let count: BTreeMap<_, _> = truth.iter().map(|(skill, times)| (skill.clone(), times.len() as f64)).collect();
    for (scraper, prometheus) in &scrapers {
        let name = scraper.name;
        let is = |query: &str, at| prometheus.query(query, at).into_iter().collect::<BTreeMap<_, _>>();
        wait_for("the totals to be the truth", PATIENCE, || {
            let stored = is("sum by (skill_id) (wolkvox_abandoned_calls_total)", None);
            if stored == count { Ok(()) } else { Err(format!("{name}: {stored:?} instead of {count:?}")) }
        });
        // At the moment of the last sample nothing is extrapolated; what increase() says is what it saw.
        let last = prometheus.query("max(timestamp(wolkvox_abandoned_calls_total))", None)[0].1;
        let seen = is("round(sum by (skill_id) (increase(wolkvox_abandoned_calls_total[5m])), 0.001)", Some(last));
        assert_eq!(seen, count, "{name}: increase() over the births");
        if scraper.classic {
            let stored = is("sum by (skill_id) (wolkvox_abandon_time_seconds_count)", None);
            assert_eq!(stored, count, "{name}: the histogram's count");
            let below = is("sum by (skill_id) (wolkvox_abandon_time_seconds_bucket{le=\"60.0\"})", None);
            let expected: BTreeMap<_, _> = truth
                .iter()
                .map(|(skill, times)| (skill.clone(), times.iter().filter(|&&time| time <= 60.0).count() as f64))
                .collect();
            assert_eq!(below, expected, "{name}: the bucket of 60 s");
        }
        if scraper.native {
            let stored = is("sum by (skill_id) (histogram_count(wolkvox_abandon_time_seconds))", None);
            assert_eq!(stored, count, "{name}: the native histogram's count");
            native_quantiles(name, prometheus, &truth);
        }
        let duplicates = ["duplicate", "out of order", "out-of-order", "Error on ingesting", "append failed"];
        let said = prometheus.said();
        let bad: Vec<_> = said.lines().filter(|line| duplicates.iter().any(|word| line.contains(word))).collect();
        assert!(bad.is_empty(), "{name}: {bad:?}");
        assert_eq!(prometheus.refused(), 0.0, "{name}: a scrape failed:\n{said}");
    }
}

/// A quantile of the native histogram is off by less than the growth of its buckets.
fn native_quantiles(name: &str, prometheus: &Prometheus, truth: &BTreeMap<String, Vec<f64>>) {
    for quantile in [0.5, 0.9] {
        let query = format!("histogram_quantile({quantile}, sum by (skill_id) (wolkvox_abandon_time_seconds))");
        for (skill, value) in prometheus.query(&query, None) {
            let mut times = truth[&skill].clone();
            times.sort_by(f64::total_cmp);
            // The quantile lies within the bucket of the observation at its rank.
            let rank = (quantile * times.len() as f64).ceil() as usize;
            let exact = times[rank.max(1) - 1];
            assert!(
                (value / exact).ln().abs() <= 1.0905f64.ln(),
                "{name}: {quantile} of {skill}: {value}, not {exact}"
            );
        }
    }
}

fn scrapers() -> Vec<Scraper> {
    let three = Command::new("tests/tools/prometheus3").current_dir(env!("CARGO_MANIFEST_DIR")).output();
    let three = three.expect("tests/tools/prometheus3 can be run");
    assert!(three.status.success(), "no Prometheus 3: {}", String::from_utf8_lossy(&three.stderr));
    let three = format!("{}/prometheus", String::from_utf8_lossy(&three.stdout).trim());
    let of_three = |flags, scrape| Options { program: three.clone().into(), flags, scrape, ..Options::default() };
    let of_two = |flags| Options { flags, ..Options::default() };
    vec![
        Scraper { name: "2-openmetrics", options: of_two(vec![]), classic: true, native: false },
        Scraper {
            name: "2-protobuf",
            options: of_two(vec!["--enable-feature=native-histograms"]),
            classic: false,
            native: true,
        },
        Scraper {
            name: "3-text",
            options: of_three(vec![], vec!["scrape_protocols: [PrometheusText0.0.4]"]),
            classic: true,
            native: false,
        },
        Scraper {
            name: "3-openmetrics",
            options: of_three(vec![], vec!["scrape_protocols: [OpenMetricsText1.0.0]"]),
            classic: true,
            native: false,
        },
        Scraper {
            name: "3-protobuf",
            options: of_three(
                vec!["--enable-feature=native-histograms,created-timestamp-zero-ingestion"],
                vec!["scrape_protocols: [PrometheusProto]", "always_scrape_classic_histograms: true"],
            ),
            classic: true,
            native: true,
        },
    ]
}

/// Twelve skills, born one after the other, each with calls in several windows.
fn births(first: Timestamp) -> Vec<Call> {
    let mut calls = Vec::new();
    for skill in 0..12u64 {
        let from = first + Duration::from_secs(skill);
        let burst = stream_of_calls(from, Duration::from_millis(100), 5 + skill as usize % 4 * 7);
        let later = stream_of_calls(from + Duration::from_secs(9), Duration::from_secs(1), 4);
        calls.extend(of_skill(6_000 + skill, burst.into_iter().chain(later)));
    }
    calls
}

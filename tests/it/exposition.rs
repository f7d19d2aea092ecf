//! Programs that other people wrote read our expositions: the strict OpenMetrics parser of Python's prometheus_client, its
//! parser of the text format, and promtool.
//!
//! They need `python3` with prometheus_client (`python3 -m venv .venv && .venv/bin/pip install prometheus_client`, then
//! `PYTHON=.venv/bin/python`; without `PYTHON` it is the `python3` on the path) and `promtool` (Debian's package
//! `prometheus`).

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::{Command, Stdio};

use exposition::model::{Family, Histogram, Kind, Series, Value};
use exposition::{check, openmetrics, text};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// A sample's name, its labels, and the bits of its value.
type Sample = (String, BTreeMap<String, String>, u64);

/// A call of Python takes long, so that each reads many families.
const ROUNDS: u32 = 8;
const FAMILIES: usize = 60;

#[test]
fn the_strict_openmetrics_parser_reads_what_was_meant() {
    agree(&[], |families| {
        let mut out = Vec::new();
        openmetrics::encode(families, true, &mut out);
        out.extend_from_slice(openmetrics::EOF);
        out
    });
}

#[test]
fn the_text_parser_reads_what_was_meant() {
    agree(&["text"], |families| {
        let mut out = Vec::new();
        text::encode(families, &mut out);
        out
    });
}

#[test]
fn promtool_has_no_complaint() {
    let mut runner = TestRunner::new(Config { cases: ROUNDS, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&prop::collection::vec(family(), FAMILIES), |families| {
        let families = distinct(families);
        let mut out = Vec::new();
        text::encode(&families, &mut out);
        let mut promtool = Command::new("promtool");
        let (succeeded, stdout, stderr) =
            piped(promtool.args(["check", "metrics"]), &out, "Debian's package prometheus");
        prop_assert!(succeeded, "{stdout}{stderr}");
        prop_assert_eq!(stdout + &stderr, "");
        Ok(())
    });
    outcome.unwrap();
}

fn agree(arguments: &[&str], encode: impl Fn(&[Family]) -> Vec<u8>) {
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oracles/openmetrics.py");
    let mut runner = TestRunner::new(Config { cases: ROUNDS, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&prop::collection::vec(family(), FAMILIES), |families| {
        let families = distinct(families);
        prop_assert_eq!(check::check(&families), []);
        let exposition = encode(&families);
        let mut command = Command::new(&python);
        let (succeeded, stdout, stderr) =
            piped(command.arg(script).args(arguments), &exposition, "python3 -m pip install prometheus_client");
        prop_assert!(succeeded, "{stderr}\n(needs python3 -m pip install prometheus_client)");
        let read: Vec<Sample> = stdout.lines().map(sample).collect();
        let meant: Vec<Sample> = families.iter().flat_map(|family| samples(family, arguments.is_empty())).collect();
        prop_assert_eq!(without(&read, &meant), without(&meant, &read));
        prop_assert_eq!(read.len(), meant.len());
        Ok(())
    });
    outcome.unwrap();
}

fn without(some: &[Sample], others: &[Sample]) -> Vec<Sample> {
    let others: BTreeSet<&Sample> = others.iter().collect();
    some.iter().filter(|sample| !others.contains(sample)).cloned().collect()
}

/// Success, standard output and standard error of a command that reads `input`.
fn piped(command: &mut Command, input: &[u8], install: &str) -> (bool, String, String) {
    let started = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = started.unwrap_or_else(|error| panic!("{command:?} didn't start: {error} (needs {install})"));
    let mut stdin = child.stdin.take().unwrap();
    let output = std::thread::scope(|scope| {
        // Apart, for both pipes can fill up. A reader that gives up early is judged by what it says.
        scope.spawn(move || drop(stdin.write_all(input)));
        child.wait_with_output().unwrap()
    });
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.success(), text(output.stdout), text(output.stderr))
}

fn sample(line: &str) -> Sample {
    let (name, labels, value): (String, BTreeMap<String, String>, String) = serde_json::from_str(line).unwrap();
    (name, labels, canonical(value.parse().unwrap()))
}

fn canonical(value: f64) -> u64 {
    if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() }
}

/// The samples that a family stands for, by the formats' definitions.
fn samples(family: &Family, openmetrics: bool) -> Vec<Sample> {
    let mut samples = Vec::new();
    for series in &family.series {
        let labels = series.labels.iter().map(|(name, value)| (name.to_string(), value.replace('\0', "\u{fffd}")));
        let labels: BTreeMap<String, String> = labels.collect();
        let mut add = |suffix: &str, bound: Option<String>, value: f64| {
            let mut labels = labels.clone();
            labels.extend(bound.map(|bound| ("le".to_owned(), bound)));
            samples.push((format!("{}{suffix}", family.name), labels, canonical(value)));
        };
        match &series.value {
            Value::Counter(value) | Value::Gauge(value) => add("", None, *value),
            Value::Histogram(histogram) => {
                for (bound, count) in &histogram.buckets {
                    add("_bucket", Some(format!("{bound:?}")), *count as f64);
                }
                add("_bucket", Some("+Inf".to_owned()), histogram.count as f64);
                add("_sum", None, histogram.sum);
                add("_count", None, histogram.count as f64);
            }
        }
        if let (true, Some(created)) = (openmetrics, series.created) {
            let name = family.name.strip_suffix("_total").unwrap_or(&family.name);
            samples.push((format!("{name}_created"), labels, canonical(created)));
        }
    }
    samples
}

/// A family that promtool's linter has no objection to, with any text in labels and help.
fn family() -> impl Strategy<Value = Family> {
    let kind = prop_oneof![Just(Kind::Counter), Just(Kind::Gauge), Just(Kind::Histogram)];
    let ending = prop::sample::select(vec!["seconds", "bytes", "ratio"]);
    (kind, "[g-z]{6,9}", ending, awkward_text()).prop_flat_map(|(kind, name, unit, help)| {
        let labels = prop::collection::btree_map("[a-z]{3,6}", awkward_text(), 0..4);
        let created = prop::option::of((0u64..4_000_000_000_000).prop_map(|millis| millis as f64 / 1000.0));
        let series = prop::collection::btree_map(labels, (value(kind), created), 1..4);
        series.prop_map(move |series| {
            let total = if kind == Kind::Counter { "_total" } else { "" };
            let series = series.into_iter().map(|(labels, (value, created))| Series {
                labels: labels.into_iter().map(|(name, value)| (name.into(), value.into())).collect(),
                value,
                created: created.filter(|_| kind != Kind::Gauge),
            });
            Family {
                name: format!("x_{name}_{unit}{total}").into(),
                help: format!("Help: {help}.").into(),
                kind,
                series: series.collect(),
            }
        })
    })
}

/// Text of any kind, often with what must be escaped. A label that is empty is the same as none, so that none is.
fn awkward_text() -> impl Strategy<Value = String> {
    let awkward = prop::sample::select(vec!["\\", "\"", "\n", "\\n", "\r", "}", ",", "=", "#", " ", "ñ", "😀", "\0"]);
    let piece = prop_oneof![awkward.prop_map(str::to_owned), any::<String>()];
    prop::collection::vec(piece, 1..4).prop_map(|pieces| format!("a{}", pieces.concat()))
}

fn value(kind: Kind) -> BoxedStrategy<Value> {
    let positive = || prop_oneof![0.0..1e12, (0u32..1 << 30).prop_map(f64::from), Just(1e300), Just(5e-324)];
    let special = prop::sample::select(vec![-0.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, -1.5]);
    match kind {
        Kind::Counter => positive().prop_map(Value::Counter).boxed(),
        Kind::Gauge => prop_oneof![positive(), special].prop_map(Value::Gauge).boxed(),
        Kind::Histogram => (prop::collection::btree_map(1u32..10_000, 0u64..1 << 40, 0..6), positive(), 0u64..1 << 40)
            .prop_map(|(buckets, sum, beyond)| {
                let mut count = 0;
                let buckets = buckets.into_iter().map(|(bound, more)| {
                    count += more;
                    (f64::from(bound) / 8.0, count)
                });
                let buckets = buckets.collect();
                Value::Histogram(Histogram { count: count + beyond, sum, buckets, native: None })
            })
            .boxed(),
    }
}

/// The families without those whose name came before.
fn distinct(families: Vec<Family>) -> Vec<Family> {
    let mut kept: Vec<Family> = Vec::new();
    for family in families {
        let name = openmetrics::family_name(&family);
        if kept.iter().all(|present| openmetrics::family_name(present) != name) {
            kept.push(family);
        }
    }
    kept
}

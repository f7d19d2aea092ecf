//! Families for the encoders' tests, and readers that know nothing of how they are written.

use std::borrow::Cow;
use std::collections::BTreeMap;

use prometheus::proto;
use proptest::prelude::*;

use super::label::presentable;
use super::model::{Family, Histogram, Kind, NativeHistogram, Series, Value};

/// One small family of each kind, with a label that needs every escape.
pub(super) fn every_kind() -> Vec<Family> {
    let labels = vec![("skill".into(), "10".into()), ("name".into(), "Ventas \"A\" \\ ñ\n2".into())];
    let histogram = Histogram {
        count: 7,
        sum: 61.5,
        buckets: vec![(0.5, 1), (10.0, 4), (30.0, 7)],
        native: Some(NativeHistogram {
            schema: 3,
            zero_threshold: 0.001,
            zero_count: 1,
            positive: vec![(-3, 1), (-2, 2), (9, 3)],
        }),
    };
    vec![
        Family {
            name: "calls_total".into(),
            help: "Calls, \"abandoned\" \\ lost\nso far.".into(),
            kind: Kind::Counter,
            series: vec![Series { labels, value: Value::Counter(12.0), created: Some(1_764_055_200.25) }],
        },
        Family {
            name: "offset_seconds".into(),
            help: "Offset.".into(),
            kind: Kind::Gauge,
            series: vec![
                Series { labels: vec![("zone".into(), "a".into())], value: Value::Gauge(-18000.0), created: None },
                Series { labels: vec![("zone".into(), "b".into())], value: Value::Gauge(f64::INFINITY), created: None },
            ],
        },
        Family {
            name: "wait_seconds".into(),
            help: "Waits.".into(),
            kind: Kind::Histogram,
            series: vec![Series {
                labels: Vec::new(),
                value: Value::Histogram(histogram),
                created: Some(1_764_055_200.0),
            }],
        },
    ]
}

/// Any families that are in order: distinct names, distinct label sets, any text, any number.
pub(super) fn families() -> impl Strategy<Value = Vec<Family>> {
    let kind = prop_oneof![Just(Kind::Counter), Just(Kind::Gauge), Just(Kind::Histogram)];
    let family = (kind, "[a-z_:][a-zA-Z0-9_:]{0,8}", any::<String>(), any::<bool>()).prop_flat_map(
        |(kind, name, help, total)| {
            let labels = prop::collection::btree_map("[a-zA-Z][a-zA-Z0-9_]{0,5}", any::<String>(), 0..4);
            let series = prop::collection::btree_map(labels, (value(kind), created()), 0..4);
            (Just((kind, name, help, total)), series)
        },
    );
    prop::collection::vec(family, 0..4).prop_map(|families| families.into_iter().enumerate().map(build).collect())
}

type Drawn = ((Kind, String, String, bool), BTreeMap<BTreeMap<String, String>, (Value, Option<f64>)>);

fn build((place, ((kind, name, help, total), series)): (usize, Drawn)) -> Family {
    // The place keeps names apart, whatever was drawn; a letter after it keeps suffixes from meaning anything.
    let ending = if kind == Kind::Counter && total { "_total" } else { "" };
    let series = series.into_iter().map(|(labels, (value, created))| {
        let labels = labels.into_iter().filter(|(name, _)| name != "le");
        let labels = labels.map(|(name, value)| (Cow::Owned(name), value.into()));
        Series { labels: labels.collect(), value, created: created.filter(|_| kind != Kind::Gauge) }
    });
    Family { name: format!("{name}{place}x{ending}").into(), help: help.into(), kind, series: series.collect() }
}

fn created() -> impl Strategy<Value = Option<f64>> {
    // Whole milliseconds of the present: what a clock gives.
    prop::option::of((0u64..4_000_000_000_000).prop_map(|millis| millis as f64 / 1000.0))
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>(),
        any::<i32>().prop_map(f64::from),
        prop::sample::select(vec![0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 1e300, 5e-324, 9e15, 1e16]),
    ]
}

fn value(kind: Kind) -> BoxedStrategy<Value> {
    match kind {
        Kind::Counter => number().prop_map(Value::Counter).boxed(),
        Kind::Gauge => number().prop_map(Value::Gauge).boxed(),
        Kind::Histogram => {
            let bounds = prop::collection::vec((-1000i32..100_000, 0u64..1 << 40), 0..5);
            (bounds, number(), 0u64..1 << 40, prop::option::of(native()))
                .prop_map(|(mut buckets, sum, beyond, native)| {
                    buckets.sort_unstable();
                    buckets.dedup_by_key(|(bound, _)| *bound);
                    let mut count = 0;
                    let buckets = buckets.into_iter().map(|(bound, more)| {
                        count += more;
                        (f64::from(bound) / 8.0, count)
                    });
                    let buckets = buckets.collect();
                    Value::Histogram(Histogram { count: count + beyond, sum, buckets, native })
                })
                .boxed()
        }
    }
}

fn native() -> impl Strategy<Value = NativeHistogram> {
    let positive = prop::collection::btree_map(-200i32..200, 1u64..1 << 50, 0..20);
    let threshold = prop_oneof![Just(0.0), Just(0.001)];
    (-4i32..=8, threshold, 0u64..100, positive).prop_map(|(schema, zero_threshold, zero_count, positive)| {
        NativeHistogram { schema, zero_threshold, zero_count, positive: positive.into_iter().collect() }
    })
}

/// The families as the `prometheus` crate holds them.
pub(super) fn as_proto(families: &[Family]) -> Vec<proto::MetricFamily> {
    families.iter().map(family_as_proto).collect()
}

fn family_as_proto(family: &Family) -> proto::MetricFamily {
    let mut made = proto::MetricFamily::default();
    made.set_name(family.name.clone().into_owned());
    made.set_help(presentable(&family.help).into_owned());
    made.set_field_type(match family.kind {
        Kind::Counter => proto::MetricType::COUNTER,
        Kind::Gauge => proto::MetricType::GAUGE,
        Kind::Histogram => proto::MetricType::HISTOGRAM,
    });
    made.set_metric(family.series.iter().map(series_as_proto).collect());
    made
}

fn series_as_proto(series: &Series) -> proto::Metric {
    let labels = series.labels.iter().map(|(name, value)| {
        let mut pair = proto::LabelPair::default();
        pair.set_name(name.clone().into_owned());
        pair.set_value(presentable(value).into_owned());
        pair
    });
    let mut metric = proto::Metric::from_label(labels.collect());
    match &series.value {
        Value::Counter(value) => {
            let mut counter = proto::Counter::default();
            counter.set_value(*value);
            metric.set_counter(counter);
        }
        Value::Gauge(value) => {
            let mut gauge = proto::Gauge::default();
            gauge.set_value(*value);
            metric.set_gauge(gauge);
        }
        Value::Histogram(histogram) => metric.set_histogram(histogram_as_proto(histogram)),
    }
    metric
}

fn histogram_as_proto(histogram: &Histogram) -> proto::Histogram {
    let mut made = proto::Histogram::default();
    made.set_sample_count(histogram.count);
    made.set_sample_sum(histogram.sum);
    let buckets = histogram.buckets.iter().map(|(bound, count)| {
        let mut bucket = proto::Bucket::default();
        bucket.set_upper_bound(*bound);
        bucket.set_cumulative_count(*count);
        bucket
    });
    made.set_bucket(buckets.collect());
    made
}

/// An exposition in text 0.0.4, line by line: comments as they are, samples as name and labels (with the bound of a bucket
/// read as a number) and the value's bits.
pub(super) fn parsed_lines(exposition: &[u8]) -> Vec<(String, u64)> {
    let text = std::str::from_utf8(exposition).unwrap();
    // Not `lines`, which takes the carriage return that may end a help away.
    text.split('\n').filter(|line| !line.is_empty()).map(parsed_line).collect()
}

fn parsed_line(line: &str) -> (String, u64) {
    if line.starts_with('#') {
        return (line.to_owned(), 0);
    }
    let (key, value) = line.rsplit_once(' ').unwrap();
    let value: f64 = value.parse().unwrap();
    let bits = if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() };
    // A bound contains no quote, so the last `le="` is where it begins.
    match key.strip_suffix("\"}").and_then(|key| key.rsplit_once("le=\"")) {
        Some((rest, bound)) if rest.ends_with(['{', ',']) && rest.contains("_bucket{") => {
            (format!("{rest}{:?}", bound.parse::<f64>().unwrap()), bits)
        }
        _ => (key.to_owned(), bits),
    }
}

/// The family with its texts as they go out.
pub(super) fn as_presented(mut family: Family) -> Family {
    family.help = presentable(&family.help).into_owned().into();
    for (_, value) in family.series.iter_mut().flat_map(|series| &mut series.labels) {
        *value = presentable(value).into();
    }
    family
}

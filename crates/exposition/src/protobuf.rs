//! Prometheus's protobuf exposition: `io.prometheus.client.MetricFamily` messages, each with its length before it.
//!
//! The messages are those of `metrics.proto` in prometheus/client_model, cut down to the fields that are written here. Only
//! this format carries native histograms and start timestamps.

use prost::Message;
use prost::encoding;

use super::label::presentable;
use super::model::{self, Family, Kind, NativeHistogram, Series, Value};
use super::openmetrics;

/// Appends the families, each a message with its length as a varint before it. A family without series is left out.
pub fn encode(families: &[Family], out: &mut Vec<u8>) {
    let mut body = Vec::new();
    for family in families.iter().filter(|family| !family.series.is_empty()) {
        body.clear();
        series(family, &mut body);
        head(family, body.len(), out);
        out.extend_from_slice(&body);
    }
}

/// Appends what stands before a family's series, which have so many bytes.
pub fn head(family: &Family, series_bytes: usize, out: &mut Vec<u8>) {
    let head = message(family).encode_to_vec();
    encoding::encode_varint((head.len() + series_bytes) as u64, out);
    out.extend_from_slice(&head);
}

/// Appends a family's series. They may be appended in several goes, for the fields of a message may come in any order.
pub fn series(family: &Family, out: &mut Vec<u8>) {
    let mut metric = Metric::default();
    for series in &family.series {
        fill(&mut metric, series);
        // Written one by one instead of through the family's own field, so that only one of them is in memory.
        encoding::message::encode(METRIC_FIELD, &metric, out);
    }
}

/// The number of `metric` in [`MetricFamily`].
const METRIC_FIELD: u32 = 4;

/// The family without its series.
fn message(family: &Family) -> MetricFamily {
    MetricFamily {
        name: Some(family.name.clone().into_owned()),
        help: Some(presentable(&family.help).into_owned()),
        kind: Some(match family.kind {
            Kind::Counter => MetricType::Counter,
            Kind::Gauge => MetricType::Gauge,
            Kind::Histogram => MetricType::Histogram,
        } as i32),
        metric: Vec::new(),
        unit: openmetrics::unit(openmetrics::family_name(family)).map(str::to_owned),
    }
}

/// Makes `metric` say what `series` says; it takes the place of the series before, whose strings it uses again.
fn fill(metric: &mut Metric, series: &Series) {
    metric.label.resize_with(series.labels.len(), LabelPair::default);
    for (pair, (name, value)) in metric.label.iter_mut().zip(&series.labels) {
        refill(&mut pair.name, name);
        refill(&mut pair.value, &presentable(value));
    }
    let created = series.created.map(timestamp);
    (metric.counter, metric.gauge, metric.histogram) = (None, None, None);
    match &series.value {
        Value::Counter(value) => metric.counter = Some(Counter { value: Some(*value), created }),
        Value::Gauge(value) => metric.gauge = Some(Gauge { value: Some(*value) }),
        Value::Histogram(value) => metric.histogram = Some(histogram(value, created)),
    }
}

fn refill(field: &mut Option<String>, text: &str) {
    let field = field.get_or_insert_default();
    field.clear();
    field.push_str(text);
}

fn timestamp(seconds: f64) -> Timestamp {
    const NANOS_PER_SECOND: f64 = 1e9;
    let whole = seconds.floor();
    // Rounding can give a whole second, which the message forbids.
    let nanos = ((seconds - whole) * NANOS_PER_SECOND).round().min(NANOS_PER_SECOND - 1.0);
    Timestamp { seconds: whole as i64, nanos: nanos as i32 }
}

fn histogram(value: &model::Histogram, created: Option<Timestamp>) -> Histogram {
    // Without `+Inf`, which is the count: so client_golang writes it, and Prometheus adds the bucket.
    let bucket = |(bound, count): &(f64, u64)| Bucket { cumulative_count: Some(*count), upper_bound: Some(*bound) };
    let mut made = Histogram {
        sample_count: Some(value.count),
        sample_sum: Some(value.sum),
        bucket: value.buckets.iter().map(bucket).collect(),
        created,
        ..Histogram::default()
    };
    if let Some(native) = &value.native {
        add_native(&mut made, native);
    }
    made
}

fn add_native(made: &mut Histogram, native: &NativeHistogram) {
    made.schema = Some(native.schema);
    made.zero_threshold = Some(native.zero_threshold);
    made.zero_count = Some(native.zero_count);
    (made.positive_span, made.positive_delta) = spans(&native.positive);
    if made.positive_span.is_empty() && native.zero_threshold == 0.0 && native.zero_count == 0 {
        // Nothing else would tell an empty native histogram from a classic one ("no-op span" of metrics.proto).
        made.positive_span.push(BucketSpan { offset: Some(0), length: Some(0) });
    }
}

/// Sparse buckets as runs of neighbours, and the first count followed by differences.
///
/// A gap of up to two buckets is written as empty buckets, as client_golang does: cheaper than a new span.
fn spans(buckets: &[(i32, u64)]) -> (Vec<BucketSpan>, Vec<i64>) {
    const GAP_WORTH_A_SPAN: i64 = 2;
    let (mut spans, mut deltas): (Vec<BucketSpan>, Vec<i64>) = (Vec::new(), Vec::with_capacity(buckets.len()));
    let (mut next, mut before) = (0i64, 0i64);
    for &(index, count) in buckets {
        let gap = i64::from(index) - next;
        match spans.last_mut() {
            Some(span) if gap <= GAP_WORTH_A_SPAN => {
                for _ in 0..gap {
                    deltas.push(-before);
                    before = 0;
                }
                span.length = span.length.map(|length| length + gap as u32 + 1);
            }
            _ => spans.push(BucketSpan { offset: Some(gap as i32), length: Some(1) }),
        }
        deltas.push(count as i64 - before);
        before = count as i64;
        next = i64::from(index) + 1;
    }
    (spans, deltas)
}

/// All series of one name.
#[derive(Clone, PartialEq, Message)]
pub struct MetricFamily {
    #[prost(string, optional, tag = "1")]
    pub name: Option<String>,
    #[prost(string, optional, tag = "2")]
    pub help: Option<String>,
    #[prost(enumeration = "MetricType", optional, tag = "3")]
    pub kind: Option<i32>,
    #[prost(message, repeated, tag = "4")]
    pub metric: Vec<Metric>,
    #[prost(string, optional, tag = "5")]
    pub unit: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub enum MetricType {
    Counter = 0,
    Gauge = 1,
    Summary = 2,
    Untyped = 3,
    Histogram = 4,
    GaugeHistogram = 5,
}

#[derive(Clone, PartialEq, Message)]
pub struct Metric {
    #[prost(message, repeated, tag = "1")]
    pub label: Vec<LabelPair>,
    #[prost(message, optional, tag = "2")]
    pub gauge: Option<Gauge>,
    #[prost(message, optional, tag = "3")]
    pub counter: Option<Counter>,
    #[prost(message, optional, tag = "7")]
    pub histogram: Option<Histogram>,
}

#[derive(Clone, PartialEq, Message)]
pub struct LabelPair {
    #[prost(string, optional, tag = "1")]
    pub name: Option<String>,
    #[prost(string, optional, tag = "2")]
    pub value: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub struct Gauge {
    #[prost(double, optional, tag = "1")]
    pub value: Option<f64>,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub struct Counter {
    #[prost(double, optional, tag = "1")]
    pub value: Option<f64>,
    #[prost(message, optional, tag = "3")]
    pub created: Option<Timestamp>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Histogram {
    #[prost(uint64, optional, tag = "1")]
    pub sample_count: Option<u64>,
    #[prost(double, optional, tag = "2")]
    pub sample_sum: Option<f64>,
    #[prost(message, repeated, tag = "3")]
    pub bucket: Vec<Bucket>,
    #[prost(sint32, optional, tag = "5")]
    pub schema: Option<i32>,
    #[prost(double, optional, tag = "6")]
    pub zero_threshold: Option<f64>,
    #[prost(uint64, optional, tag = "7")]
    pub zero_count: Option<u64>,
    #[prost(message, repeated, tag = "12")]
    pub positive_span: Vec<BucketSpan>,
    #[prost(sint64, repeated, packed = "false", tag = "13")]
    pub positive_delta: Vec<i64>,
    #[prost(message, optional, tag = "15")]
    pub created: Option<Timestamp>,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub struct Bucket {
    #[prost(uint64, optional, tag = "1")]
    pub cumulative_count: Option<u64>,
    #[prost(double, optional, tag = "2")]
    pub upper_bound: Option<f64>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Message)]
pub struct BucketSpan {
    /// From the end of the span before; of the first one, the index of its first bucket.
    #[prost(sint32, optional, tag = "1")]
    pub offset: Option<i32>,
    #[prost(uint32, optional, tag = "2")]
    pub length: Option<u32>,
}

/// `google.protobuf.Timestamp`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Message)]
pub struct Timestamp {
    #[prost(int64, tag = "1")]
    pub seconds: i64,
    #[prost(int32, tag = "2")]
    pub nanos: i32,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::samples;

    fn decoded(families: &[Family]) -> Vec<MetricFamily> {
        let mut out = Vec::new();
        encode(families, &mut out);
        let mut rest = out.as_slice();
        let mut messages = Vec::new();
        while !rest.is_empty() {
            messages.push(MetricFamily::decode_length_delimited(&mut rest).unwrap());
        }
        messages
    }

    /// Back from the message to the model, by the words of metrics.proto and not by how it is written here.
    fn model_of(message: &MetricFamily) -> Family {
        let kind = match message.kind() {
            MetricType::Counter => Kind::Counter,
            MetricType::Gauge => Kind::Gauge,
            MetricType::Histogram => Kind::Histogram,
            other => panic!("{other:?}"),
        };
        Family {
            name: message.name().to_owned().into(),
            help: message.help().to_owned().into(),
            kind,
            series: message.metric.iter().map(series_of).collect(),
        }
    }

    fn series_of(metric: &Metric) -> Series {
        let labels = metric.label.iter().map(|pair| (pair.name().to_owned().into(), pair.value().into()));
        let (value, created) = match (metric.counter, metric.gauge, &metric.histogram) {
            (Some(counter), None, None) => (Value::Counter(counter.value()), counter.created),
            (None, Some(gauge), None) => (Value::Gauge(gauge.value()), None),
            (None, None, Some(histogram)) => (Value::Histogram(histogram_of(histogram)), histogram.created),
            other => panic!("{other:?}"),
        };
        let created = created.map(|created| created.seconds as f64 + f64::from(created.nanos) / 1e9);
        Series { labels: labels.collect(), value, created }
    }

    fn histogram_of(histogram: &Histogram) -> model::Histogram {
        let is_native =
            histogram.zero_threshold() > 0.0 || histogram.zero_count() > 0 || !histogram.positive_span.is_empty();
        assert_eq!(is_native, histogram.schema.is_some(), "Prometheus would take it for the other kind");
        let native = is_native.then(|| {
            let mut deltas = histogram.positive_delta.iter();
            let (mut index, mut count, mut positive) = (0i32, 0i64, Vec::new());
            for span in &histogram.positive_span {
                index += span.offset();
                for _ in 0..span.length() {
                    count += deltas.next().unwrap();
                    if count != 0 {
                        positive.push((index, count as u64));
                    }
                    index += 1;
                }
            }
            assert_eq!(deltas.next(), None);
            NativeHistogram {
                schema: histogram.schema(),
                zero_threshold: histogram.zero_threshold(),
                zero_count: histogram.zero_count(),
                positive,
            }
        });
        let buckets = histogram.bucket.iter().map(|bucket| (bucket.upper_bound(), bucket.cumulative_count()));
        model::Histogram {
            count: histogram.sample_count(),
            sum: histogram.sample_sum(),
            buckets: buckets.collect(),
            native,
        }
    }

    #[test]
    fn neighbours_share_a_span() {
        let (spans, deltas) = spans(&[(-3, 1), (-2, 2), (1, 5), (9, 3)]);
        let spans: Vec<(i32, u32)> = spans.iter().map(|span| (span.offset(), span.length())).collect();
        assert_eq!(spans, [(-3, 5), (7, 1)]);
        assert_eq!(deltas, [1, 1, -2, 0, 5, -2]);
    }

    #[test]
    fn an_empty_native_histogram_has_the_no_op_span() {
        let mut families = samples::every_kind();
        families.retain(|family| family.kind == Kind::Histogram);
        let empty = model::Histogram { native: Some(NativeHistogram::default()), ..model::Histogram::default() };
        families[0].series[0].value = Value::Histogram(empty);
        let messages = decoded(&families);
        let histogram = messages[0].metric[0].histogram.as_ref().unwrap();
        assert_eq!(histogram.positive_span, [BucketSpan { offset: Some(0), length: Some(0) }]);
        assert!(histogram.positive_delta.is_empty());
    }

    #[test]
    fn a_timestamp_is_in_bounds() {
        assert_eq!(timestamp(1.25), Timestamp { seconds: 1, nanos: 250_000_000 });
        assert_eq!(timestamp(-0.25), Timestamp { seconds: -1, nanos: 750_000_000 });
        assert_eq!(timestamp(0.999_999_999_9), Timestamp { seconds: 0, nanos: 999_999_999 });
    }

    proptest! {
        #[test]
        fn messages_decode_to_what_was_meant(families in samples::families()) {
            let meant: Vec<Family> = families
                .iter()
                .filter(|family| !family.series.is_empty())
                .cloned()
                .map(samples::as_presented)
                .collect();
            let read: Vec<Family> = decoded(&families).iter().map(model_of).collect();
            // As text, for a NaN isn't equal to itself.
            prop_assert_eq!(format!("{read:?}"), format!("{meant:?}"));
        }
    }
}

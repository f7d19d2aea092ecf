use std::borrow::Cow;
use std::sync::Arc;

/// A metric family: all series of one name.
#[derive(Debug, Clone, PartialEq)]
pub struct Family {
    /// As in text 0.0.4: a counter's name ends in `_total`, a histogram's has no suffix.
    pub name: Cow<'static, str>,
    pub help: Cow<'static, str>,
    pub kind: Kind,
    pub series: Vec<Series>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// One label set and its value, which is of the family's kind.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// In the order in which they are written.
    pub labels: Vec<(Cow<'static, str>, Arc<str>)>,
    pub value: Value,
    /// When the value was 0 (for counters and histograms), in seconds since the epoch, where that is known.
    pub created: Option<f64>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Counter(f64),
    Gauge(f64),
    Histogram(Histogram),
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Histogram {
    pub count: u64,
    pub sum: f64,
    /// Upper bounds, ascending, with the cumulative count up to each; without `+Inf`, which is `count`.
    pub buckets: Vec<(f64, u64)>,
    /// The same observations in exponential buckets; only protobuf can carry them.
    pub native: Option<NativeHistogram>,
}

/// A native histogram of values that are not negative.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NativeHistogram {
    /// A bucket's bound is the one below it times 2^(2^-schema).
    pub schema: i32,
    /// Observations up to this are in the zero bucket.
    pub zero_threshold: f64,
    pub zero_count: u64,
    /// Bucket index and count (not cumulative), ascending. Bucket i holds (base^(i-1), base^i].
    pub positive: Vec<(i32, u64)>,
}

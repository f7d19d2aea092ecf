//! Sample lines, which text 0.0.4 and OpenMetrics 1.0 share.

use super::label::write_escaped;
use super::model::{Histogram, Series, Value};
use super::number::{write_bound, write_integer, write_value};

/// Writes the sample lines of one family's series. It keeps what it can for the next series: the escaped labels' buffer and
/// the histogram's spelled bounds, which are nearly always those of the series before.
pub(super) struct Lines<'a> {
    name: &'a str,
    /// `skill="a",type="b"`: escaped once per series, copied into each of its lines.
    labels: Vec<u8>,
    bounds: Vec<f64>,
    /// `le="10.0"} ` for each of `bounds`.
    spelled: Vec<Vec<u8>>,
}

impl<'a> Lines<'a> {
    /// `name` is the family's name as in text 0.0.4.
    pub(super) fn new(name: &'a str) -> Self {
        Self { name, labels: Vec::new(), bounds: Vec::new(), spelled: Vec::new() }
    }

    /// Appends all lines of one series.
    pub(super) fn write(&mut self, out: &mut Vec<u8>, series: &Series) {
        self.take_labels(series);
        match &series.value {
            Value::Counter(value) | Value::Gauge(value) => self.sample(out, b"", |out| write_value(out, *value)),
            Value::Histogram(histogram) => self.histogram(out, histogram),
        }
    }

    /// Appends OpenMetrics' line that says when a counter or histogram was 0. `name` is without `_total`.
    pub(super) fn write_created(&mut self, out: &mut Vec<u8>, name: &'a str, series: &Series, created: f64) {
        self.take_labels(series);
        let whole = std::mem::replace(&mut self.name, name);
        self.sample(out, b"_created", |out| write_value(out, created));
        self.name = whole;
    }

    fn take_labels(&mut self, series: &Series) {
        self.labels.clear();
        for (name, value) in &series.labels {
            if !self.labels.is_empty() {
                self.labels.push(b',');
            }
            self.labels.extend_from_slice(name.as_bytes());
            self.labels.extend_from_slice(b"=\"");
            write_escaped(&mut self.labels, value);
            self.labels.push(b'"');
        }
    }

    fn sample(&self, out: &mut Vec<u8>, suffix: &[u8], value: impl FnOnce(&mut Vec<u8>)) {
        out.extend_from_slice(self.name.as_bytes());
        out.extend_from_slice(suffix);
        if !self.labels.is_empty() {
            out.push(b'{');
            out.extend_from_slice(&self.labels);
            out.push(b'}');
        }
        out.push(b' ');
        value(out);
        out.push(b'\n');
    }

    fn histogram(&mut self, out: &mut Vec<u8>, histogram: &Histogram) {
        self.spell_bounds(histogram);
        for (spelled, (_, count)) in self.spelled.iter().zip(&histogram.buckets) {
            self.bucket(out, spelled, *count);
        }
        self.bucket(out, br#"le="+Inf"} "#, histogram.count);
        self.sample(out, b"_sum", |out| write_value(out, histogram.sum));
        self.sample(out, b"_count", |out| write_integer(out, histogram.count));
    }

    fn spell_bounds(&mut self, histogram: &Histogram) {
        if self.bounds.iter().copied().eq(histogram.buckets.iter().map(|(bound, _)| *bound)) {
            return;
        }
        self.bounds = histogram.buckets.iter().map(|(bound, _)| *bound).collect();
        let spell = |bound: &f64| {
            let mut spelled = b"le=\"".to_vec();
            write_bound(&mut spelled, *bound);
            spelled.extend_from_slice(b"\"} ");
            spelled
        };
        self.spelled = self.bounds.iter().map(spell).collect();
    }

    fn bucket(&self, out: &mut Vec<u8>, spelled: &[u8], count: u64) {
        out.extend_from_slice(self.name.as_bytes());
        out.extend_from_slice(b"_bucket{");
        if !self.labels.is_empty() {
            out.extend_from_slice(&self.labels);
            out.push(b',');
        }
        out.extend_from_slice(spelled);
        write_integer(out, count);
        out.push(b'\n');
    }
}

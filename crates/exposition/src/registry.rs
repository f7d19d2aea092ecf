//! The `prometheus` crate's instruments (the process's own among them), brought into the model.

use std::borrow::Cow;
use std::sync::Arc;

use prometheus::Registry;
use prometheus::proto::{self, MetricType};

use super::model::{Family, Histogram, Kind, Series, Value};

/// Everything that the registry's instruments say now. Summaries and untyped values, which the model doesn't have, are
/// left out; the exporter registers none.
pub fn gather(registry: &Registry) -> Vec<Family> {
    registry.gather().iter().filter_map(family).collect()
}

fn family(from: &proto::MetricFamily) -> Option<Family> {
    let (kind, value): (Kind, fn(&proto::Metric) -> Value) = match from.get_field_type() {
        MetricType::COUNTER => (Kind::Counter, |metric| Value::Counter(metric.get_counter().get_value())),
        MetricType::GAUGE => (Kind::Gauge, |metric| Value::Gauge(metric.get_gauge().get_value())),
        MetricType::HISTOGRAM => (Kind::Histogram, |metric| Value::Histogram(histogram(metric.get_histogram()))),
        MetricType::SUMMARY | MetricType::UNTYPED => return None,
    };
    let series = from.get_metric().iter().map(|metric| Series {
        labels: metric.get_label().iter().map(label).collect(),
        value: value(metric),
        created: None,
    });
    Some(Family {
        name: from.name().to_owned().into(),
        help: from.help().to_owned().into(),
        kind,
        series: series.collect(),
    })
}

fn label(pair: &proto::LabelPair) -> (Cow<'static, str>, Arc<str>) {
    (pair.name().to_owned().into(), pair.value().into())
}

fn histogram(from: &proto::Histogram) -> Histogram {
    let buckets = from.get_bucket().iter().map(|bucket| (bucket.upper_bound(), bucket.cumulative_count()));
    Histogram {
        count: from.get_sample_count(),
        sum: from.get_sample_sum(),
        buckets: buckets.filter(|(bound, _)| bound.is_finite()).collect(),
        native: None,
    }
}

#[cfg(test)]
mod tests {
    use prometheus::{Encoder, HistogramOpts, HistogramVec, IntCounter, IntGaugeVec, Opts, TextEncoder};

    use super::*;
    use crate::{check, samples, text};

    fn registry() -> Registry {
        let registry = Registry::new();
        let counter = IntCounter::new("polls_total", "Polls.").unwrap();
        counter.inc_by(3);
        let gauge = IntGaugeVec::new(Opts::new("up", "Whether it is up."), &["operation"]).unwrap();
        gauge.with_label_values(&["a \"b\""]).set(-4);
        let buckets = vec![0.1, 1.0, 10.0, f64::INFINITY];
        let histogram =
            HistogramVec::new(HistogramOpts::new("poll_seconds", "Durations.").buckets(buckets), &["operation"])
                .unwrap();
        [0.05, 0.5, 50.0].iter().for_each(|time| histogram.with_label_values(&["a"]).observe(*time));
        registry.register(Box::new(counter)).unwrap();
        registry.register(Box::new(gauge)).unwrap();
        registry.register(Box::new(histogram)).unwrap();
        registry
    }

    #[test]
    fn instruments_say_what_the_crate_says_of_them() {
        let registry = registry();
        let families = gather(&registry);
        assert_eq!(check::check(&families), []);
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        text::encode(&families, &mut ours);
        TextEncoder::new().encode(&registry.gather(), &mut theirs).unwrap();
        assert_eq!(samples::parsed_lines(&ours), samples::parsed_lines(&theirs));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn process_metrics_are_in_order() {
        let registry = Registry::new();
        registry.register(Box::new(prometheus::process_collector::ProcessCollector::for_self())).unwrap();
        let families = gather(&registry);
        assert!(families.iter().any(|family| family.name == "process_resident_memory_bytes"));
        assert_eq!(check::check(&families), []);
    }
}

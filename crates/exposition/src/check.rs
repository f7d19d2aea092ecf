//! What is wrong with a set of families. The encoders write what they are given; tests (and debug builds) ask here whether
//! a reader will take it.

use std::collections::HashSet;
use std::fmt;

use super::label::{is_label_name, is_metric_name};
use super::model::{Family, Histogram, Kind, Series, Value};
use super::openmetrics;

/// Why Prometheus would refuse or misread an exposition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub family: String,
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "metric family {:?}: {}", self.family, self.what)
    }
}

/// Everything that is wrong with families that are to be exposed together; empty if they are in order.
pub fn check<'a>(families: impl IntoIterator<Item = &'a Family>) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut sample_names = HashSet::new();
    for family in families {
        let mut found = Vec::new();
        if !is_metric_name(&family.name) {
            found.push("its name is not legal".to_owned());
        }
        if family.kind == Kind::Counter && !family.name.ends_with("_total") {
            found.push("a counter's name ends in _total".to_owned());
        }
        for name in names(family) {
            if !sample_names.insert(name.clone()) {
                found.push(format!("the name {name:?} is taken by a family before it"));
            }
        }
        let mut label_sets = HashSet::new();
        for series in &family.series {
            check_series(family.kind, series, &mut found);
            if !label_sets.insert(label_set(series)) {
                found.push(format!("two series have the labels {:?}", label_set(series)));
            }
        }
        problems.extend(found.into_iter().map(|what| Problem { family: family.name.to_string(), what }));
    }
    problems
}

/// Names that stand in both.
pub fn shared_names(some: &[Family], others: &[Family]) -> Vec<String> {
    let taken: HashSet<String> = some.iter().flat_map(names).collect();
    others.iter().flat_map(names).filter(|name| taken.contains(name)).collect()
}

/// The family's name in both formats and the names of its samples: none may belong to another family.
fn names(family: &Family) -> Vec<String> {
    let name = openmetrics::family_name(family);
    let suffixes: &[&str] = match family.kind {
        Kind::Counter => &["", "_total", "_created"],
        Kind::Gauge => &[""],
        Kind::Histogram => &["", "_bucket", "_sum", "_count", "_created"],
    };
    suffixes.iter().map(|suffix| format!("{name}{suffix}")).collect()
}

/// Labels in the order of their names; an empty value is the same as no label.
fn label_set(series: &Series) -> Vec<(&str, &str)> {
    let labels = series.labels.iter().filter(|(_, value)| !value.is_empty());
    let mut set: Vec<(&str, &str)> = labels.map(|(name, value)| (name.as_ref(), value.as_ref())).collect();
    set.sort_unstable();
    set
}

fn check_series(kind: Kind, series: &Series, found: &mut Vec<String>) {
    let mut names = HashSet::new();
    for (name, _) in &series.labels {
        if !is_label_name(name) {
            found.push(format!("the label name {name:?} is not legal"));
        }
        if kind == Kind::Histogram && name == "le" {
            found.push("a histogram's own label can't be named \"le\"".to_owned());
        }
        if !names.insert(name) {
            found.push(format!("the label {name:?} stands twice in one series"));
        }
    }
    match (kind, &series.value) {
        (Kind::Counter, Value::Counter(value)) if value.is_nan() || *value < 0.0 => {
            found.push(format!("a counter can't be {value}"));
        }
        (Kind::Counter, Value::Counter(_)) | (Kind::Gauge, Value::Gauge(_)) => {}
        (Kind::Histogram, Value::Histogram(histogram)) => check_histogram(histogram, found),
        _ => found.push("a value is of another kind than the family".to_owned()),
    }
}

fn check_histogram(histogram: &Histogram, found: &mut Vec<String>) {
    if histogram.buckets.iter().any(|(bound, _)| !bound.is_finite()) {
        found.push("a bucket's bound is not finite".to_owned());
    }
    if histogram.buckets.windows(2).any(|pair| pair[0].0 >= pair[1].0) {
        found.push("the buckets' bounds don't ascend".to_owned());
    }
    let counts = histogram.buckets.iter().map(|(_, count)| *count).chain([histogram.count]);
    if !counts.is_sorted() {
        found.push("the buckets' counts fall".to_owned());
    }
    let Some(native) = &histogram.native else { return };
    if native.positive.windows(2).any(|pair| pair[0].0 >= pair[1].0) {
        found.push("the native buckets' indexes don't ascend".to_owned());
    }
    let counted: u64 = native.positive.iter().map(|(_, count)| *count).sum::<u64>() + native.zero_count;
    if counted != histogram.count {
        found.push(format!("the native buckets hold {counted} of {} observations", histogram.count));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    fn wrong_with(change: impl FnOnce(&mut Vec<Family>)) -> String {
        let mut families = samples::every_kind();
        change(&mut families);
        let problems: Vec<String> = check(&families).iter().map(Problem::to_string).collect();
        problems.join("; ")
    }

    fn histogram(families: &mut [Family]) -> &mut Histogram {
        match &mut families[2].series[0].value {
            Value::Histogram(histogram) => histogram,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn good_families_have_no_problem() {
        assert_eq!(wrong_with(|_| ()), "");
    }

    #[test]
    fn each_mistake_is_named() {
        let check = |change: fn(&mut Vec<Family>), expected: &str| {
            let found = wrong_with(change);
            assert!(found.contains(expected), "{found:?} should say {expected:?}");
        };
        check(|f| f[1].name = "a-b".into(), "its name is not legal");
        check(|f| f[0].name = "calls".into(), "ends in _total");
        check(|f| f[1].name = "calls_total".into(), "is taken");
        check(|f| f[1].name = "wait_seconds_count".into(), "is taken");
        check(|f| f[1].series[0].labels[0].0 = "a:b".into(), "not legal");
        check(|f| f[1].series[0].labels[0].1 = "b".into(), "two series");
        check(|f| f[0].series[0].labels[0].0 = "name".into(), "twice");
        check(|f| f[2].series[0].labels.push(("le".into(), "1".into())), "\"le\"");
        check(|f| f[0].series[0].value = Value::Counter(-1.0), "can't be -1");
        check(|f| f[0].series[0].value = Value::Counter(f64::NAN), "can't be NaN");
        check(|f| f[0].series[0].value = Value::Gauge(1.0), "another kind");
        check(|f| histogram(f).buckets[0].0 = 10.0, "bounds don't ascend");
        check(|f| histogram(f).buckets[0].1 = 5, "counts fall");
        check(|f| histogram(f).buckets[2].1 = 8, "counts fall");
        check(|f| histogram(f).buckets[2].0 = f64::INFINITY, "not finite");
        check(|f| histogram(f).native.as_mut().unwrap().zero_count = 2, "hold 8 of 7");
        check(|f| histogram(f).native.as_mut().unwrap().positive.reverse(), "indexes don't ascend");
    }
}

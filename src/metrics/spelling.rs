//! What all families are written with.

use std::borrow::Cow;
use std::sync::Arc;

use domain::report::ReportKind;
use domain::vendor_totals;
use exposition::model::{Family, Kind, Series};
use jiff::Timestamp;

/// In the order in which they are written.
pub type Labels = Vec<(Cow<'static, str>, Arc<str>)>;

pub fn family((name, help): (&'static str, &'static str), kind: Kind, series: Vec<Series>) -> Family {
    Family { name: name.into(), help: help.into(), kind, series }
}

/// Whose a series is that the exporter tells of itself.
pub fn report_labels(operation: &Arc<str>, kind: &ReportKind) -> Labels {
    vec![("operation".into(), operation.clone()), ("report".into(), kind.name.into())]
}

/// As [`report_labels`], of the vendor's totals.
pub fn totals_labels(operation: &Arc<str>) -> Labels {
    vec![("operation".into(), operation.clone()), ("report".into(), vendor_totals::NAME.into())]
}

pub fn boolean(value: bool) -> f64 {
    f64::from(u8::from(value))
}

pub fn seconds(at: Timestamp) -> f64 {
    at.as_millisecond() as f64 / 1_000.0
}

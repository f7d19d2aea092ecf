//! The metric families of operations: contract and code meet here, and nowhere else.

use std::sync::Arc;

use jiff::Timestamp;

use super::gauges::{Change, gauge_families};
use super::spelling::{Labels, boolean, family, report_labels, seconds, totals_labels};
use super::view::View;
use crate::ledger::LedgerFigures;
use crate::logging;
use crate::operation::pulse::Durations;
use domain::account::Account;
use domain::disposition::{Disposition, RejectReason};
use domain::histogram::{NATIVE_SCHEMA, Native, ZERO_THRESHOLD};
use domain::outcome::Outcome;
use domain::report::{REPORTS, ReportKind};
use domain::series::SeriesKey;
use domain::totals::{Total, Totals};
use exposition::model::{Family, Histogram, Kind, NativeHistogram, Series, Value};

/// The families with a series per label set, those of all reports. They change with a commit, not with a scrape, but for one
/// thing: the window gauges of an operation are absent when its last complete window is too old to stand for "now".
pub fn call_families(views: &[View]) -> Vec<Family> {
    REPORTS.into_iter().flat_map(|kind| report_families(kind, views)).collect()
}

fn report_families(kind: &ReportKind, views: &[View]) -> [Family; 3] {
    let mut calls = Vec::new();
    let mut times = Vec::new();
    let mut last_window = Vec::new();
    for view in views.iter().filter(|view| view.is_of(kind)) {
        let View { operation, buckets: bounds, account, .. } = view;
        let created = Some(account.marks.start.as_second() as f64);
        let window = view.has_window.then(|| account.last_window(&view.rules.windows));
        for (key, series) in &account.series {
            let labels = labels_of(operation, account, key);
            let shown = series.shown();
            if let Some(window) = &window {
                let value = Value::Gauge(window.get(&series.number).copied().unwrap_or(0) as f64);
                last_window.push(Series { labels: labels.clone(), value, created: None });
            }
            calls.push(Series { labels: labels.clone(), value: Value::Counter(shown.calls as f64), created });
            let buckets = shown.times.cumulative(bounds);
            let histogram = Histogram {
                count: shown.times.count(),
                sum: shown.times.sum(),
                buckets: bounds.iter().map(|&bound| f64::from(bound)).zip(buckets).collect(),
                native: Some(native(&shown.times.native())),
            };
            times.push(Series { labels, value: Value::Histogram(histogram), created });
        }
    }
    let names = &kind.metrics;
    [
        family(names.calls, Kind::Counter, calls),
        family(names.times, Kind::Histogram, times),
        family(names.last_window, Kind::Gauge, last_window),
    ]
}

fn labels_of(operation: &Arc<str>, account: &Account, key: &SeriesKey) -> Labels {
    let name = account.skills.get(&key.skill_id).map_or(&key.skill_id, |said| &said.name);
    vec![
        ("operation".into(), operation.clone()),
        ("skill_id".into(), key.skill_id.clone()),
        ("skill_name".into(), name.clone()),
        ("type_interaction".into(), key.type_interaction.clone()),
    ]
}

fn native(native: &Native) -> NativeHistogram {
    NativeHistogram {
        schema: NATIVE_SCHEMA,
        zero_threshold: ZERO_THRESHOLD,
        zero_count: native.zero,
        positive: native.positive.iter().map(|(&index, &count)| (index, count)).collect(),
    }
}

/// The families with a few series per operation and report that change with each poll.
pub fn poll_families(views: &[View], process_start: Timestamp) -> Vec<Family> {
    let outcomes = Outcome::ALL.map(|outcome| (outcome.as_str(), Total::Polls(outcome)));
    let dispositions = [
        Disposition::Counted,
        Disposition::Duplicate,
        Disposition::OtherResult,
        Disposition::BeforeStart,
        Disposition::NotSelected,
        // Any reason: the label is that of the disposition.
        Disposition::Rejected(RejectReason::Date),
    ]
    .map(|disposition| (disposition.as_str(), Total::Rows(disposition)));
    let windows = counter(
        views,
        (
            "wolkvox_windows_total",
            "Windows completed, those of a catch-up included: the divisor that makes rates exact.",
        ),
        "",
        &[("", Total::Windows)],
    );
    let mut polls =
        counter(views, ("wolkvox_polls_total", "Calls made to the API, by how they ended."), "outcome", &outcomes);
    let of_totals = views.iter().filter_map(|view| Some(polls_for_totals(&view.operation, view.totals()?)));
    polls.series.extend(of_totals.flatten());
    let rows = counter(
        views,
        ("wolkvox_rows_total", "Rows of the answers used, by what became of them."),
        "disposition",
        &dispositions,
    );
    let mut families = vec![windows, polls, rows, poll_durations(views, process_start)];
    families.extend(gauge_families(views, Change::Often));
    families
}

/// The others with a few series per operation and report.
pub fn state_families(views: &[View]) -> Vec<Family> {
    let reasons = RejectReason::ALL.map(|reason| (reason.as_str(), Total::RowsRejected(reason)));
    let mut families = vec![counter(
        views,
        ("wolkvox_rows_rejected_total", "Rows that could not be used, by reason."),
        "reason",
        &reasons,
    )];
    families.extend(SINGLE.into_iter().map(|(name, help, total)| counter(views, (name, help), "", &[("", total)])));
    families.extend(REPORTS.into_iter().map(|kind| {
        let of_kind = views.iter().filter(|view| view.is_of(kind));
        let series = of_kind.map(|View { operation, account, .. }| Series {
            labels: report_labels(operation, kind),
            value: Value::Counter(account.totals.get(Total::TimeUnreadable) as f64),
            created: Some(account.marks.start.as_second() as f64),
        });
        family(kind.metrics.times_unreadable, Kind::Counter, series.collect())
    }));
    families.push(last_poll_outcome(views));
    families.extend(gauge_families(views, Change::Seldom));
    families
}

/// Counters of [`state_families`] without a label of their own.
const SINGLE: [(&str, &str, Total); 4] = [
    ("wolkvox_rows_missing_total", "Rows that an answer announced and never delivered.", Total::RowsMissing),
    (
        "wolkvox_late_rows_total",
        "Calls that were counted in a window that an earlier read had completed.",
        Total::LateRows,
    ),
    (
        "wolkvox_skipped_seconds_total",
        "Time that was given up: older than max_catch_up, or hidden for too long by a wrong time zone.",
        Total::SkippedSeconds,
    ),
    (
        "wolkvox_series_overflow_total",
        "Calls that were counted under __other__, for max_series was reached.",
        Total::SeriesOverflow,
    ),
];

/// What [`state_families`] shows of an account's totals.
pub fn state_totals() -> impl Iterator<Item = Total> {
    let of_reasons = RejectReason::ALL.into_iter().map(Total::RowsRejected);
    of_reasons.chain(SINGLE.map(|(_, _, total)| total)).chain([Total::TimeUnreadable])
}

fn polls_for_totals(operation: &Arc<str>, totals: &Totals) -> impl Iterator<Item = Series> {
    let series = |outcome: Outcome| Series {
        labels: [totals_labels(operation), vec![("outcome".into(), outcome.as_str().into())]].concat(),
        value: Value::Counter(totals.get(Total::Polls(outcome)) as f64),
        created: None,
    };
    Outcome::ALL.map(series).into_iter()
}

/// A counter that lives in the ledger, with a series per report and value of `label`, or one where there is no such label.
fn counter(
    views: &[View],
    name_and_help: (&'static str, &'static str),
    label: &'static str,
    values: &[(&'static str, Total)],
) -> Family {
    let mut series = Vec::with_capacity(views.len() * values.len());
    for View { operation, kind, account, .. } in views {
        let created = Some(account.marks.start.as_second() as f64);
        for &(value, total) in values {
            let mut labels = report_labels(operation, kind);
            if !label.is_empty() {
                labels.push((label.into(), value.into()));
            }
            let value = match total {
                Total::Windows => account.shown_windows(),
                total => account.totals.get(total),
            };
            series.push(Series { labels, value: Value::Counter(value as f64), created });
        }
    }
    family(name_and_help, Kind::Counter, series)
}

/// All outcomes of a report once a call has ended, so that a rule can ask for any of them.
fn last_poll_outcome(views: &[View]) -> Family {
    let series = views.iter().flat_map(|View { operation, kind, last_call, .. }| {
        let of_outcome = move |last: Outcome, outcome: Outcome| Series {
            labels: [report_labels(operation, kind), vec![("outcome".into(), outcome.as_str().into())]].concat(),
            value: Value::Gauge(boolean(outcome == last)),
            created: None,
        };
        last_call.iter().flat_map(move |last| Outcome::ALL.map(|outcome| of_outcome(*last, outcome)))
    });
    Family {
        name: "wolkvox_last_poll_outcome".into(),
        help: "1 for the outcome of the last call, 0 for the others. Absent until a call has ended.".into(),
        kind: Kind::Gauge,
        series: series.collect(),
    }
}

/// What the ledger says of itself, over all operations. `started` is when its errors began to be counted.
pub fn ledger_families(figures: LedgerFigures, started: Timestamp) -> Vec<Family> {
    let family = |name: &'static str, help: &'static str, kind, value, created| Family {
        name: name.into(),
        help: help.into(),
        kind,
        series: vec![Series { labels: Vec::new(), value, created }],
    };
    vec![
        family(
            "wolkvox_ledger_commit_errors_total",
            "Transactions that the ledger could not store. What they would have counted is read again.",
            Kind::Counter,
            Value::Counter(figures.commit_errors as f64),
            Some(seconds(started)),
        ),
        family(
            "wolkvox_ledger_size_bytes",
            "Size of the ledger on disk.",
            Kind::Gauge,
            Value::Gauge(figures.size_bytes as f64),
            None,
        ),
        family(
            "wolkvox_ledger_keys",
            "Row identities kept to recognise rows that come again.",
            Kind::Gauge,
            Value::Gauge(figures.keys as f64),
            None,
        ),
    ]
}

/// What the log lost. `started` is when that began to be counted.
pub fn log_family(started: Timestamp) -> Family {
    let value = Value::Counter(logging::dropped_lines() as f64);
    Family {
        name: "wolkvox_log_lines_dropped_total".into(),
        help: "Lines of the log that were lost: it was not read in time, or could not be written.".into(),
        kind: Kind::Counter,
        series: vec![Series { labels: Vec::new(), value, created: Some(seconds(started)) }],
    }
}

/// The end of the certificate that is being served.
pub fn certificate_family(ends: Timestamp) -> Family {
    Family {
        name: "wolkvox_exporter_tls_certificate_expiry_timestamp_seconds".into(),
        help: "The end of the certificate that is being served.".into(),
        kind: Kind::Gauge,
        series: vec![Series { labels: Vec::new(), value: Value::Gauge(seconds(ends)), created: None }],
    }
}

fn poll_durations(views: &[View], process_start: Timestamp) -> Family {
    let histogram = |durations: &Durations| Histogram {
        count: durations.count,
        sum: durations.sum,
        buckets: durations.cumulative(),
        native: Some(native(&durations.native)),
    };
    let series = views.iter().map(|View { operation, kind, durations, .. }| Series {
        labels: report_labels(operation, kind),
        value: Value::Histogram(histogram(durations)),
        created: Some(seconds(process_start)),
    });
    Family {
        name: "wolkvox_poll_duration_seconds".into(),
        help: "Duration of one call to the API, request to last byte.".into(),
        kind: Kind::Histogram,
        series: series.collect(),
    }
}

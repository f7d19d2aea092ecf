//! The metric families of operations: contract and code meet here, and nowhere else.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::Timestamp;

use super::view::View;
use crate::ledger::LedgerFigures;
use crate::logging;
use crate::operation::Snapshot;
use crate::operation::comparisons::{Comparisons, ComparisonsPulse};
use crate::operation::pulse::{Durations, Pulse};
use crate::wolkvox::client::TokenUses;
use domain::account::Account;
use domain::disposition::{Disposition, RejectReason};
use domain::histogram::{NATIVE_SCHEMA, Native, ZERO_THRESHOLD};
use domain::outcome::Outcome;
use domain::report::{ABANDONED, REPORTS, ReportKind};
use domain::series::SeriesKey;
use domain::totals::{Total, Totals};
use domain::vendor_totals;
use domain::zone::day_stretch;
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
        let window = view.has_window.then(|| account.last_window(&view.windows));
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

fn family((name, help): (&'static str, &'static str), kind: Kind, series: Vec<Series>) -> Family {
    Family { name: name.into(), help: help.into(), kind, series }
}

fn labels_of(operation: &Arc<str>, account: &Account, key: &SeriesKey) -> Vec<(Cow<'static, str>, Arc<str>)> {
    let name = account.skills.get(&key.skill_id).map_or(&key.skill_id, |said| &said.name);
    vec![
        ("operation".into(), operation.clone()),
        ("skill_id".into(), key.skill_id.clone()),
        ("skill_name".into(), name.clone()),
        ("type_interaction".into(), key.type_interaction.clone()),
    ]
}

/// Whose a series is that the exporter tells of itself.
fn report_labels(operation: &Arc<str>, kind: &ReportKind) -> Vec<(Cow<'static, str>, Arc<str>)> {
    vec![("operation".into(), operation.clone()), ("report".into(), kind.name.into())]
}

fn native(native: &Native) -> NativeHistogram {
    NativeHistogram {
        schema: NATIVE_SCHEMA,
        zero_threshold: ZERO_THRESHOLD,
        zero_count: native.zero,
        positive: native.positive.iter().map(|(&index, &count)| (index, count)).collect(),
    }
}

/// The families with a few series per operation and report that change when a call to the API has ended.
pub fn count_families(views: &[View], process_start: Timestamp) -> Vec<Family> {
    let mut families = ledger_counters(views);
    for family in families.iter_mut().filter(|family| family.name == "wolkvox_polls_total") {
        let of_totals = views.iter().filter_map(|View { operation, totals, .. }| Some((operation, totals.as_ref()?)));
        family.series.extend(of_totals.flat_map(|(operation, totals)| polls_for_totals(operation, totals)));
    }
    families.push(last_poll_outcome(views));
    families.push(poll_durations(views, process_start));
    families
}

/// The families with a few series per operation and report that may change at any time.
pub fn operation_families(operations: &[Snapshot]) -> Vec<Family> {
    let mut families = gauges(operations);
    add_totals(&mut families, operations);
    families.extend(quota(operations));
    families.extend(reconciliation(operations));
    families
}

/// The comparisons of each operation that has them, with its name.
fn comparisons(operations: &[Snapshot]) -> impl Iterator<Item = (&Arc<str>, &Comparisons)> {
    // Each operation once, whatever reports it has.
    let of_operations = operations.iter().filter(|snapshot| snapshot.is_of(&ABANDONED));
    of_operations.filter_map(|Snapshot { operation, .. }| Some((&operation.name, operation.comparisons.as_deref()?)))
}

/// As [`report_labels`], of the vendor's totals.
fn totals_labels(operation: &Arc<str>) -> Vec<(Cow<'static, str>, Arc<str>)> {
    vec![("operation".into(), operation.clone()), ("report".into(), vendor_totals::NAME.into())]
}

/// Adds the series of the calls for totals to the families that they are in.
fn add_totals(families: &mut [Family], operations: &[Snapshot]) {
    type Gauge = fn(&ComparisonsPulse) -> Option<f64>;
    let gauges: [(&str, Gauge); 3] = [
        ("wolkvox_up", |pulse| pulse.up().map(boolean)),
        ("wolkvox_last_success_timestamp_seconds", |pulse| pulse.last_success.map(seconds)),
        ("wolkvox_last_poll_timestamp_seconds", |pulse| pulse.last_poll.map(seconds)),
    ];
    for family in families {
        let Some((_, gauge)) = gauges.iter().find(|(name, _)| *name == family.name) else { continue };
        family.series.extend(comparisons(operations).filter_map(|(operation, comparisons)| {
            let value = Value::Gauge(gauge(&comparisons.pulse())?);
            Some(Series { labels: totals_labels(operation), value, created: None })
        }));
    }
}

fn polls_for_totals(operation: &Arc<str>, totals: &Totals) -> impl Iterator<Item = Series> {
    let series = |outcome: Outcome| Series {
        labels: [totals_labels(operation), vec![("outcome".into(), outcome.as_str().into())]].concat(),
        value: Value::Counter(totals.get(Total::Polls(outcome)) as f64),
        created: None,
    };
    Outcome::ALL.map(series).into_iter()
}

/// What the vendor's totals of the last day that was compared said.
fn reconciliation(operations: &[Snapshot]) -> [Family; 3] {
    let (mut days, mut calls, mut differences) = (Vec::new(), Vec::new(), Vec::new());
    let gauge = |labels, value| Series { labels, value: Value::Gauge(value), created: None };
    for (snapshot, kept) in operations.iter().filter_map(|snapshot| Some((snapshot, snapshot.reconciliation()?))) {
        let Snapshot { operation, report, .. } = snapshot;
        let day =
            kept.day.and_then(|date| day_stretch(&report.rules.zone, date)).filter(|_| snapshot.is_of(&ABANDONED));
        days.extend(day.map(|day| gauge(vec![("operation".into(), operation.name.clone())], seconds(day.from))));
        let Some(of_report) = kept.reports.get(report.kind.name) else { continue };
        let Some(reconciled) = &of_report.reconciled else { continue };
        calls.push(gauge(report_labels(&operation.name, report.kind), reconciled.vendor_calls as f64));
        for (skill_id, name, difference) in reconciled.by(of_report.readings.shown()) {
            let skill = [("skill_id".into(), skill_id.clone()), ("skill_name".into(), name.clone())];
            differences
                .push(gauge([report_labels(&operation.name, report.kind), skill.into()].concat(), difference as f64));
        }
    }
    let family = |name: &'static str, help: &'static str, series| family((name, help), Kind::Gauge, series);
    [
        family(
            "wolkvox_reconciled_day_timestamp_seconds",
            "The beginning of the last local day that was compared with the vendor's own totals.",
            days,
        ),
        family(
            "wolkvox_reconciliation_vendor_calls",
            "The vendor's own total of that day, of the skills that were compared.",
            calls,
        ),
        family(
            "wolkvox_reconciliation_difference_calls",
            "The vendor's own total of that day less the calls that were counted of it. 0 is agreement.",
            differences,
        ),
    ]
}

/// The counters that live in the ledger.
fn ledger_counters(views: &[View]) -> Vec<Family> {
    let counter = |name: &'static str, help: &'static str, label: &'static str, values: &[(&'static str, Total)]| {
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
                let value = Value::Counter(value as f64);
                series.push(Series { labels, value, created });
            }
        }
        Family { name: name.into(), help: help.into(), kind: Kind::Counter, series }
    };
    let single = |name: &'static str, help: &'static str, total: Total| counter(name, help, "", &[("", total)]);
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
    let reasons = RejectReason::ALL.map(|reason| (reason.as_str(), Total::RowsRejected(reason)));
    let unreadable = REPORTS.into_iter().map(|kind| {
        let of_kind = views.iter().filter(|view| view.is_of(kind));
        let series = of_kind.map(|View { operation, account, .. }| Series {
            labels: report_labels(operation, kind),
            value: Value::Counter(account.totals.get(Total::TimeUnreadable) as f64),
            created: Some(account.marks.start.as_second() as f64),
        });
        family(kind.metrics.times_unreadable, Kind::Counter, series.collect())
    });
    let families = vec![
        single(
            "wolkvox_windows_total",
            "Windows completed, those of a catch-up included: the divisor that makes rates exact.",
            Total::Windows,
        ),
        counter("wolkvox_polls_total", "Calls made to the API, by how they ended.", "outcome", &outcomes),
        counter(
            "wolkvox_rows_total",
            "Rows of the answers used, by what became of them.",
            "disposition",
            &dispositions,
        ),
        counter("wolkvox_rows_rejected_total", "Rows that could not be used, by reason.", "reason", &reasons),
        single("wolkvox_rows_missing_total", "Rows that an answer announced and never delivered.", Total::RowsMissing),
        single(
            "wolkvox_late_rows_total",
            "Calls that were counted in a window that an earlier read had completed.",
            Total::LateRows,
        ),
        single(
            "wolkvox_skipped_seconds_total",
            "Time that was given up: older than max_catch_up, or hidden for too long by a wrong time zone.",
            Total::SkippedSeconds,
        ),
        single(
            "wolkvox_series_overflow_total",
            "Calls that were counted under __other__, for max_series was reached.",
            Total::SeriesOverflow,
        ),
    ];
    families.into_iter().chain(unreadable).collect()
}

fn gauges(operations: &[Snapshot]) -> Vec<Family> {
    let gauge = |name: &'static str, help: &'static str, value: &dyn Fn(&Snapshot, &Pulse) -> Option<f64>| {
        let series = operations.iter().filter_map(|snapshot| {
            let labels = report_labels(&snapshot.operation.name, snapshot.report.kind);
            let value = value(snapshot, &snapshot.report.pulse())?;
            Some(Series { labels, value: Value::Gauge(value), created: None })
        });
        Family { name: name.into(), help: help.into(), kind: Kind::Gauge, series: series.collect() }
    };
    vec![
        gauge("wolkvox_up", "Whether the last poll succeeded. An empty window is a success.", &|_, pulse| {
            pulse.up().map(boolean)
        }),
        // From the first scrape on, though nothing may have been read: where a first read covers hours, it must be seen to
        // move by as much as the calls do. Nothing is claimed by it, for nothing dated before the beginning is counted.
        gauge(
            "wolkvox_complete_until_timestamp_seconds",
            "The data are complete up to here; until something has been read, where counting begins.",
            &|snapshot, _| Some(snapshot.account.shown_complete_until().as_second() as f64),
        ),
        gauge("wolkvox_last_success_timestamp_seconds", "When the last poll that succeeded ended.", &|_, pulse| {
            pulse.last_success.map(seconds)
        }),
        gauge("wolkvox_last_poll_timestamp_seconds", "When the last poll ended.", &|_, pulse| {
            pulse.last_poll.map(seconds)
        }),
        gauge(
            "wolkvox_catching_up",
            "1 while an outage is being made good, and until the new series have shown their starting values.",
            &|snapshot, _| Some(boolean(snapshot.catching_up())),
        ),
        gauge(
            "wolkvox_api_clock_difference_seconds",
            "The server's clock less the host's, once several answers agree on it.",
            &|snapshot, _| snapshot.report.clock.difference(snapshot.now).map(|difference| difference.as_secs_f64()),
        ),
        gauge(
            "wolkvox_row_lateness_max_seconds",
            "How long after its date the latest row of the last 24 hours was first seen, to the resolution of the polls.",
            &|snapshot, pulse| pulse.lateness.latest(snapshot.now).map(|lateness| lateness.as_secs_f64()),
        ),
        gauge(
            "wolkvox_observed_utc_offset_seconds",
            "The offset of the report's dates from UTC, worked out from conn_id.",
            &|_, pulse| pulse.offset.map(|observed| observed.offset as f64),
        ),
        gauge(
            "wolkvox_timezone_mismatch",
            "Whether the observed offset contradicts the configured time zone.",
            &|_, pulse| Some(boolean(pulse.offset.is_some_and(|observed| observed.mismatch))),
        ),
    ]
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

/// What the API told of the tokens' calls, where it is asked.
fn quota(operations: &[Snapshot]) -> [Family; 3] {
    let gauge = |name: &'static str, help: &'static str, value: fn(TokenUses) -> Option<u64>| {
        // Each operation once, whatever reports it has.
        let of_operations = operations.iter().filter(|snapshot| snapshot.is_of(&ABANDONED));
        let series = of_operations.filter_map(|Snapshot { operation, .. }| {
            let value = Value::Gauge(operation.quota.told().and_then(value)? as f64);
            Some(Series { labels: vec![("operation".into(), operation.name.clone())], value, created: None })
        });
        Family { name: name.into(), help: help.into(), kind: Kind::Gauge, series: series.collect() }
    };
    [
        gauge(
            "wolkvox_token_uses_remaining",
            "Calls that the token has left today, as wolkvox told them last.",
            |uses| uses.remaining,
        ),
        gauge(
            "wolkvox_token_uses_today",
            "Calls that were made with the token today, as wolkvox told them last.",
            |uses| uses.today,
        ),
        gauge("wolkvox_token_limit", "Calls that may be made with the token in a day.", |uses| uses.limit),
    ]
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

fn boolean(value: bool) -> f64 {
    f64::from(u8::from(value))
}

fn seconds(at: Timestamp) -> f64 {
    at.as_millisecond() as f64 / 1_000.0
}

//! What is no count: how it stands with a report, and with its operation. Much of it depends on the time of the scrape, so
//! the values are looked up at each; their lines are kept as those of the counters, and written anew where one differs.

use domain::report::ABANDONED;
use domain::zone::day_stretch;
use exposition::model::{Family, Kind, Series, Value};
use jiff::SignedDuration;

use super::spelling::{Labels, boolean, family, report_labels, seconds, totals_labels};
use super::view::View;
use crate::operation::Snapshot;
use crate::operation::comparisons::ComparisonsPulse;
use crate::operation::pulse::Pulse;
use crate::wolkvox::client::TokenUses;

/// The values of a report's gauges at one moment, and of its operation's where it is the one to show them.
#[derive(Debug, Clone)]
pub struct Gauges {
    of_report: [Option<f64>; GAUGES.len()],
    /// Of the calls for the vendor's totals.
    of_totals: [Option<f64>; GAUGES.len()],
    of_token: [Option<f64>; TOKEN.len()],
}

/// What is written together, so that little is written anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// With each poll.
    Often,
    Seldom,
}

/// One with a series per report.
struct Gauge {
    change: Change,
    name: &'static str,
    help: &'static str,
    of_report: fn(&Snapshot, &Pulse) -> Option<f64>,
    of_totals: fn(&ComparisonsPulse) -> Option<f64>,
}

static GAUGES: [Gauge; 9] = [
    Gauge {
        change: Change::Seldom,
        name: "wolkvox_up",
        help: "Whether the last poll succeeded. An empty window is a success.",
        of_report: |_, pulse| pulse.up().map(boolean),
        of_totals: |pulse| pulse.up().map(boolean),
    },
    // From the first scrape on, though nothing may have been read: where a first read covers hours, it must be seen to
    // move by as much as the calls do. Nothing is claimed by it, for nothing dated before the beginning is counted.
    Gauge {
        change: Change::Often,
        name: "wolkvox_complete_until_timestamp_seconds",
        help: "The data are complete up to here; until something has been read, where counting begins.",
        of_report: |snapshot, _| Some(snapshot.account.shown_complete_until().as_second() as f64),
        of_totals: |_| None,
    },
    Gauge {
        change: Change::Often,
        name: "wolkvox_last_success_timestamp_seconds",
        help: "When the last poll that succeeded ended.",
        of_report: |_, pulse| pulse.last_success.map(seconds),
        of_totals: |pulse| pulse.last_success.map(seconds),
    },
    Gauge {
        change: Change::Often,
        name: "wolkvox_last_poll_timestamp_seconds",
        help: "When the last poll ended.",
        of_report: |_, pulse| pulse.last_poll.map(seconds),
        of_totals: |pulse| pulse.last_poll.map(seconds),
    },
    Gauge {
        change: Change::Seldom,
        name: "wolkvox_catching_up",
        help: "1 while an outage is being made good, and until the new series have shown their starting values.",
        of_report: |snapshot, _| Some(boolean(snapshot.catching_up())),
        of_totals: |_| None,
    },
    Gauge {
        change: Change::Seldom,
        name: "wolkvox_api_clock_difference_seconds",
        help: "The server's clock less the host's, once several answers agree on it.",
        of_report: |snapshot, _| snapshot.report.clock.difference(snapshot.now).map(tenths),
        of_totals: |_| None,
    },
    Gauge {
        change: Change::Seldom,
        name: "wolkvox_row_lateness_max_seconds",
        help: "How long after its date the latest row of the last 24 hours was first seen, to the resolution of the polls.",
        of_report: |snapshot, pulse| pulse.lateness.latest(snapshot.now).map(|lateness| lateness.as_secs_f64()),
        of_totals: |_| None,
    },
    Gauge {
        change: Change::Seldom,
        name: "wolkvox_observed_utc_offset_seconds",
        help: "The offset of the report's dates from UTC, worked out from conn_id.",
        of_report: |_, pulse| pulse.offset.map(|observed| observed.offset as f64),
        of_totals: |_| None,
    },
    Gauge {
        change: Change::Seldom,
        name: "wolkvox_timezone_mismatch",
        help: "Whether the observed offset contradicts the configured time zone.",
        of_report: |_, pulse| Some(boolean(pulse.offset.is_some_and(|observed| observed.mismatch))),
        of_totals: |_| None,
    },
];

/// What the API told of an operation's token, where it is asked.
type OfToken = (&'static str, &'static str, fn(TokenUses) -> Option<u64>);

static TOKEN: [OfToken; 3] = [
    ("wolkvox_token_uses_remaining", "Calls that the token has left today, as wolkvox told them last.", |uses| {
        uses.remaining
    }),
    ("wolkvox_token_uses_today", "Calls that were made with the token today, as wolkvox told them last.", |uses| {
        uses.today
    }),
    ("wolkvox_token_limit", "Calls that may be made with the token in a day.", |uses| uses.limit),
];

impl Gauges {
    pub fn of(snapshot: &Snapshot, pulse: &Pulse) -> Self {
        let operation = Some(&snapshot.operation).filter(|_| snapshot.is_of(&ABANDONED));
        let totals = operation.and_then(|operation| Some(operation.comparisons.as_ref()?.pulse().clone()));
        let token = operation.and_then(|operation| operation.quota.told());
        Self {
            of_report: GAUGES.each_ref().map(|gauge| (gauge.of_report)(snapshot, pulse)),
            of_totals: GAUGES.each_ref().map(|gauge| totals.as_ref().and_then(gauge.of_totals)),
            of_token: TOKEN.each_ref().map(|(_, _, value)| token.and_then(*value).map(|uses| uses as f64)),
        }
    }

    /// Whether those that [`gauge_families`] shows are the same.
    pub fn show_as(&self, other: &Self, change: Change) -> bool {
        let is_same = |place: usize| {
            self.of_report[place] == other.of_report[place] && self.of_totals[place] == other.of_totals[place]
        };
        places(change).all(is_same) && (change == Change::Often || self.of_token == other.of_token)
    }
}

/// The families of all gauges but those of the last window, which have a series per label set.
pub fn gauge_families(views: &[View], change: Change) -> Vec<Family> {
    let mut families: Vec<_> = places(change).map(|place| of_reports(views, place)).collect();
    if change == Change::Seldom {
        families.extend((0..TOKEN.len()).map(|place| of_tokens(views, place)));
        families.extend(reconciliation(views));
    }
    families
}

fn places(change: Change) -> impl Iterator<Item = usize> {
    (0..GAUGES.len()).filter(move |place| GAUGES[*place].change == change)
}

fn of_reports(views: &[View], place: usize) -> Family {
    let of = |view: &View| {
        let Gauges { of_report, of_totals, .. } = &view.gauges;
        let of_report = of_report[place].map(|value| series(report_labels(&view.operation, view.kind), value));
        of_report.into_iter().chain(of_totals[place].map(|value| series(totals_labels(&view.operation), value)))
    };
    let Gauge { name, help, .. } = &GAUGES[place];
    family((name, help), Kind::Gauge, views.iter().flat_map(of).collect())
}

fn of_tokens(views: &[View], place: usize) -> Family {
    let of = |view: &View| Some(series(operation_label(view), view.gauges.of_token[place]?));
    let (name, help, _) = TOKEN[place];
    family((name, help), Kind::Gauge, views.iter().filter_map(of).collect())
}

/// What the vendor's totals of the last day that was compared said.
fn reconciliation(views: &[View]) -> [Family; 3] {
    let (mut days, mut calls, mut differences) = (Vec::new(), Vec::new(), Vec::new());
    for (view, kept) in views.iter().filter_map(|view| Some((view, view.reconciliation.as_ref()?))) {
        let day = kept.day.and_then(|date| day_stretch(&view.rules.zone, date)).filter(|_| view.is_of(&ABANDONED));
        days.extend(day.map(|day| series(operation_label(view), seconds(day.from))));
        let Some(of_report) = kept.reports.get(view.kind.name) else { continue };
        let Some(reconciled) = &of_report.reconciled else { continue };
        let labels = report_labels(&view.operation, view.kind);
        calls.push(series(labels.clone(), reconciled.vendor_calls as f64));
        for (skill_id, name, difference) in reconciled.by(of_report.readings.shown()) {
            let skill = vec![("skill_id".into(), skill_id.clone()), ("skill_name".into(), name.clone())];
            differences.push(series([labels.clone(), skill].concat(), difference as f64));
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

fn series(labels: Labels, value: f64) -> Series {
    Series { labels, value: Value::Gauge(value), created: None }
}

fn operation_label(view: &View) -> Labels {
    vec![("operation".into(), view.operation.clone())]
}

/// Answers tell the time in whole seconds. What is finer differs at each look, for the host's two clocks are not looked at in
/// the same instant.
fn tenths(difference: SignedDuration) -> f64 {
    // The sum is never a negative zero, which would be written as such.
    (difference.as_secs_f64() * 10.0).round() / 10.0 + 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_that_are_microseconds_apart_tell_the_same_difference() {
        for (nanoseconds, told) in
            [(0, 0.0), (3_460_001_234, 3.5), (-3_460_001_234, -3.5), (86_400_000_000_001, 86_400.0)]
        {
            for apart in [0, 1_000, 900_000, -900_000] {
                assert_eq!(tenths(SignedDuration::from_nanos(nanoseconds + apart)).to_bits(), f64::to_bits(told));
            }
        }
    }
}

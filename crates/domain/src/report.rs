use super::result::CallResult;

/// A report that lists calls row by row, with all that sets it apart from the others: windows, cursor, identities and
/// counting are the same for each. Another one would be another value.
#[derive(Debug)]
pub struct ReportKind {
    /// The label `report`, and its name in the configuration and in the ledger.
    pub name: &'static str,
    /// What the API calls it.
    pub api: &'static str,
    /// The field with the time that a caller waited.
    pub time_field: &'static str,
    /// The field with the number of its calls in the vendor's own totals.
    pub total_field: &'static str,
    /// Whether a row with this result is one of its calls.
    pub counts: fn(&CallResult) -> bool,
    pub metrics: MetricNames,
}

/// The metrics that are a report's own, each with its help text.
#[derive(Debug)]
pub struct MetricNames {
    pub calls: (&'static str, &'static str),
    pub times: (&'static str, &'static str),
    pub last_window: (&'static str, &'static str),
    pub times_unreadable: (&'static str, &'static str),
}

/// "Detail of abandoned calls": each operation has it.
pub static ABANDONED: ReportKind = ReportKind {
    name: "abandoned",
    api: "skill_2",
    time_field: "abandon_time",
    total_field: "abandon_calls",
    counts: |result| *result == CallResult::Abandoned,
    metrics: MetricNames {
        calls: (
            "wolkvox_abandoned_calls_total",
            "Calls that were abandoned while queueing, each counted once, in the window that it was read with.",
        ),
        times: ("wolkvox_abandon_time_seconds", "Time waited before hanging up, of the abandoned calls that have one."),
        last_window: (
            "wolkvox_window_abandoned_calls",
            "Abandoned calls in the last complete window. Absent when that is not recent.",
        ),
        times_unreadable: (
            "wolkvox_abandon_time_unreadable_total",
            "Abandoned calls that were counted without a time, for theirs could not be read.",
        ),
    },
};

/// "Detail of answered calls". What its results look like has never been seen, so a row is a call unless it says otherwise.
pub static ANSWERED: ReportKind = ReportKind {
    name: "answered",
    api: "skill_10",
    time_field: "answer_time",
    total_field: "answer_calls",
    counts: |result| *result != CallResult::Abandoned,
    metrics: MetricNames {
        calls: (
            "wolkvox_answered_calls_total",
            "Calls that an agent answered, each counted once, in the window that it was read with.",
        ),
        times: (
            "wolkvox_answer_time_seconds",
            "Time waited until an agent answered, of the answered calls that have one.",
        ),
        last_window: (
            "wolkvox_window_answered_calls",
            "Answered calls in the last complete window. Absent when that is not recent.",
        ),
        times_unreadable: (
            "wolkvox_answer_time_unreadable_total",
            "Answered calls that were counted without a time, for theirs could not be read.",
        ),
    },
};

/// In the order in which they are asked for.
pub static REPORTS: [&ReportKind; 2] = [&ABANDONED, &ANSWERED];

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;

    #[test]
    fn no_two_reports_share_a_name() {
        let names: [fn(&ReportKind) -> &'static str; 7] = [
            |report| report.name,
            |report| report.api,
            |report| report.total_field,
            |report| report.metrics.calls.0,
            |report| report.metrics.times.0,
            |report| report.metrics.last_window.0,
            |report| report.metrics.times_unreadable.0,
        ];
        for name in names {
            let names: BTreeSet<_> = REPORTS.into_iter().map(name).collect();
            assert_eq!(names.len(), REPORTS.len());
        }
    }

    #[test]
    fn what_is_not_said_to_be_abandoned_is_an_answered_call() {
        let unknown = CallResult::Unknown("TRANSFER".into());
        let of = |report: &ReportKind| {
            [CallResult::Abandoned, CallResult::Answered, unknown.clone()].map(|result| (report.counts)(&result))
        };
        assert_eq!(of(&ABANDONED), [true, false, false]);
        assert_eq!(of(&ANSWERED), [false, true, true]);
    }
}

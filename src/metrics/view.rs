use std::sync::Arc;

use domain::account::Account;
use domain::outcome::Outcome;
use domain::report::{ABANDONED, ReportKind};
use domain::totals::Totals;
use domain::window::Windows;

use crate::operation::Snapshot;
use crate::operation::pulse::Durations;

/// What a report shows at one moment in the families that are kept. It holds no report: one that is read no more is not kept
/// for a scrape.
#[derive(Debug, Clone)]
pub struct View {
    pub operation: Arc<str>,
    pub kind: &'static ReportKind,
    pub buckets: Vec<u32>,
    pub windows: Windows,
    pub account: Arc<Account>,
    /// Whether its last window stands for "now".
    pub has_window: bool,
    pub last_call: Option<Outcome>,
    pub durations: Durations,
    /// Of its operation's calls for the vendor's totals, where it is the one to show them.
    pub totals: Option<Totals>,
}

impl View {
    pub fn new(snapshot: &Snapshot) -> Self {
        let Snapshot { operation, report, account, .. } = snapshot;
        let (last_call, durations) = {
            let pulse = report.pulse();
            (pulse.last_call, pulse.durations.clone())
        };
        let comparisons = operation.comparisons.as_ref().filter(|_| snapshot.is_of(&ABANDONED));
        Self {
            operation: operation.name.clone(),
            kind: report.kind,
            buckets: report.buckets.clone(),
            windows: report.rules.windows,
            account: account.clone(),
            has_window: snapshot.has_window(),
            last_call,
            durations,
            totals: comparisons.map(|comparisons| comparisons.kept().totals.clone()),
        }
    }

    pub fn is_of(&self, kind: &ReportKind) -> bool {
        self.kind.name == kind.name
    }

    /// Whether the call series look the same. A failed poll changes an account, and no series.
    pub fn shows_calls_as(&self, other: &Self) -> bool {
        let (one, two) = (&self.account, &other.account);
        let same_account = || {
            one.marks.start == two.marks.start
                && one.skills == two.skills
                && one.series.len() == two.series.len()
                && one.series.values().zip(two.series.values()).all(|(one, two)| Arc::ptr_eq(one, two))
                && (!self.has_window || one.last_window(&self.windows) == two.last_window(&self.windows))
        };
        self.is_of_same_report(other)
            && self.buckets == other.buckets
            && self.windows == other.windows
            && self.has_window == other.has_window
            && (Arc::ptr_eq(one, two) || same_account())
    }

    /// Whether the report's counters, and what is known of its calls to the API, look the same.
    pub fn shows_counts_as(&self, other: &Self) -> bool {
        let (one, two) = (&self.account, &other.account);
        let same_account = || {
            one.marks.start == two.marks.start && one.totals == two.totals && one.shown_windows() == two.shown_windows()
        };
        self.is_of_same_report(other)
            && self.last_call == other.last_call
            && self.durations.count == other.durations.count
            && self.totals == other.totals
            && (Arc::ptr_eq(one, two) || same_account())
    }

    fn is_of_same_report(&self, other: &Self) -> bool {
        self.operation == other.operation && self.is_of(other.kind)
    }
}

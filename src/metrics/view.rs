use std::sync::Arc;

use domain::account::Account;
use domain::outcome::Outcome;
use domain::reconciliation::Reconciliation;
use domain::report::{ABANDONED, ReportKind};
use domain::rules::Rules;
use domain::totals::Totals;

use super::families::state_totals;
use super::gauges::{Change, Gauges};
use crate::operation::Snapshot;
use crate::operation::pulse::Durations;

/// What a report shows at one moment in the families that are kept. It holds no report: one that is read no more is not kept
/// for a scrape.
#[derive(Debug, Clone)]
pub struct View {
    pub operation: Arc<str>,
    pub kind: &'static ReportKind,
    pub buckets: Arc<[u32]>,
    pub rules: Arc<Rules>,
    pub account: Arc<Account>,
    /// Whether its last window stands for "now".
    pub has_window: bool,
    pub last_call: Option<Outcome>,
    pub durations: Arc<Durations>,
    pub gauges: Gauges,
    /// The operation's comparisons with the vendor's totals, where they are switched on.
    pub reconciliation: Option<Arc<Reconciliation>>,
}

impl View {
    pub fn new(snapshot: &Snapshot) -> Self {
        let Snapshot { operation, report, account, .. } = snapshot;
        let pulse = report.pulse();
        Self {
            operation: operation.name.clone(),
            kind: report.kind,
            buckets: report.buckets.clone(),
            rules: report.rules.clone(),
            account: account.clone(),
            has_window: snapshot.has_window(),
            last_call: pulse.last_call,
            durations: pulse.durations.clone(),
            gauges: Gauges::of(snapshot, &pulse),
            reconciliation: snapshot.reconciliation(),
        }
    }

    pub fn is_of(&self, kind: &ReportKind) -> bool {
        self.kind.name == kind.name
    }

    /// Of its operation's calls for the vendor's totals, where it is the one to show them.
    pub fn totals(&self) -> Option<&Totals> {
        self.reconciliation.as_ref().filter(|_| self.is_of(&ABANDONED)).map(|kept| &kept.totals)
    }

    /// Whether the call series look the same. A failed poll changes an account, and no series.
    pub fn shows_calls_as(&self, other: &Self) -> bool {
        let (one, two) = (&self.account, &other.account);
        let (windows, other_windows) = (&self.rules.windows, &other.rules.windows);
        let same_account = || {
            one.marks.start == two.marks.start
                && one.skills == two.skills
                && one.series.len() == two.series.len()
                && one.series.values().zip(two.series.values()).all(|(one, two)| Arc::ptr_eq(one, two))
                && (!self.has_window || one.last_window(windows) == two.last_window(windows))
        };
        self.is_of_same_report(other)
            && is_same(&self.buckets, &other.buckets)
            && windows == other_windows
            && self.has_window == other.has_window
            && (Arc::ptr_eq(one, two) || same_account())
    }

    /// Whether what changes with each poll looks the same.
    pub fn shows_polls_as(&self, other: &Self) -> bool {
        let (one, two) = (&self.account, &other.account);
        let same_account = || {
            one.marks.start == two.marks.start && one.totals == two.totals && one.shown_windows() == two.shown_windows()
        };
        self.is_of_same_report(other)
            && self.durations.count == other.durations.count
            && self.totals() == other.totals()
            && self.gauges.show_as(&other.gauges, Change::Often)
            && (Arc::ptr_eq(one, two) || same_account())
    }

    /// Whether the rest looks the same.
    pub fn shows_state_as(&self, other: &Self) -> bool {
        let (one, two) = (&self.account, &other.account);
        let same_account = || {
            one.marks.start == two.marks.start
                && state_totals().all(|total| one.totals.get(total) == two.totals.get(total))
        };
        let same_reconciliation = || match (&self.reconciliation, &other.reconciliation) {
            (Some(one), Some(two)) => is_same(one, two) && self.rules.zone == other.rules.zone,
            (one, two) => one.is_none() && two.is_none(),
        };
        self.is_of_same_report(other)
            && self.last_call == other.last_call
            && self.gauges.show_as(&other.gauges, Change::Seldom)
            && same_reconciliation()
            && (Arc::ptr_eq(one, two) || same_account())
    }

    fn is_of_same_report(&self, other: &Self) -> bool {
        is_same(&self.operation, &other.operation) && self.is_of(other.kind)
    }
}

/// Mostly it is the very same, which needs no look at what is in it.
fn is_same<T: PartialEq + ?Sized>(one: &Arc<T>, other: &Arc<T>) -> bool {
    Arc::ptr_eq(one, other) || one == other
}

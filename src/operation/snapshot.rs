use std::sync::Arc;

use domain::account::{Account, CatchUp};
use domain::disposition::Disposition;
use domain::instant::{earlier, later};
use domain::offset::zones_that_fit;
use domain::reconciliation::Reconciliation;
use domain::report::{ABANDONED, ReportKind};
use jiff::Timestamp;

use super::comparisons::Comparisons;
use super::pulse::Pulse;
use super::status::{Concern, OperationStatus, State};
use super::today::Today;
use super::{Operation, Report};

/// From so many calls of another report on, one without any is suspicious.
const CALLS_TO_DOUBT: u64 = 20;

/// A report of an operation at one moment: whoever shows it twice in one answer shows the same account.
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub operation: Arc<Operation>,
    pub report: Arc<Report>,
    pub account: Arc<Account>,
    /// By the host's clock.
    pub now: Timestamp,
}

impl Snapshot {
    /// All reports of an operation, as of one commit.
    pub fn all(operation: &Arc<Operation>, now: Timestamp) -> Vec<Self> {
        let books = operation.accounts.shown();
        let of = |report: &Arc<Report>| Self {
            operation: operation.clone(),
            report: report.clone(),
            account: books[report.place].account.clone(),
            now,
        };
        operation.reports().map(of).collect()
    }

    /// The comparisons with the vendor's totals, where they are switched on.
    pub fn reconciliation(&self) -> Option<Arc<Reconciliation>> {
        Some(self.operation.comparisons.as_ref()?.kept())
    }

    pub fn is_of(&self, kind: &ReportKind) -> bool {
        self.report.kind.name == kind.name
    }

    /// Whether the last complete window stands for "now".
    pub fn has_window(&self) -> bool {
        let Self { report, account, now, .. } = self;
        account.last_window_is_current(&report.rules.windows, report.clock.now(*now))
    }

    pub fn catching_up(&self) -> bool {
        self.account.catching_up(self.report.rules.hold, self.now) || self.will_show_a_catch_up()
    }

    /// Whether the end of the start hold will show more than two windows at once, that were due or have been read.
    fn will_show_a_catch_up(&self) -> bool {
        let Self { report, account, now, .. } = self;
        let Some(shown) = &account.start_hold else { return false };
        let windows = &report.rules.windows;
        let due = windows.start_of(earlier(report.clock.now(*now), windows.settle()));
        let is_due = due > later(account.marks.complete_until, 2 * windows.interval());
        is_due || matches!(account.marks.catch_up, CatchUp::Done(at) if at >= shown.since)
    }

    /// What the status page tells.
    pub fn status(&self) -> OperationStatus {
        let Self { operation, report, account, .. } = self;
        let rules = &report.rules;
        // One pulse at a time is looked at: another page may look at them in another order.
        let calls_beside = self.calls_beside();
        let pulse = report.pulse();
        OperationStatus {
            name: operation.name.to_string(),
            report: report.kind,
            is_alone: operation.reports().count() == 1,
            server: operation.server.clone(),
            timezone: rules.zone.iana_name().unwrap_or("UTC").to_owned(),
            interval: rules.windows.interval(),
            state: self.state(&pulse),
            concerns: self.concerns(&pulse, calls_beside),
            since: account.marks.start,
            complete_until: account.marks.read_before.then_some(account.marks.complete_until),
            last_window_calls: self.has_window().then(|| account.last_window(&rules.windows).values().sum()),
            calls_total: account.series.values().map(|series| series.counts.calls).sum(),
            series: account.series.len(),
            series_on_hold: account.series.values().filter(|series| series.hold.is_some()).count(),
            today: self.today(),
            token_uses: operation.quota.told().filter(|_| self.is_of(&ABANDONED)),
            reconciliation: self.reconciliation(),
            next_poll: pulse.next_poll,
            last_polls: pulse.polls.iter().cloned().collect(),
        }
    }

    /// `None` until a read has been stored.
    fn today(&self) -> Option<Today> {
        let Self { report, account, now, .. } = self;
        account.marks.read_before.then(|| Today::new(account, &report.rules.zone, report.clock.now(*now)))?
    }

    fn state(&self, pulse: &Pulse) -> State {
        match (pulse.up(), pulse.trouble().cloned(), pulse.pause) {
            (None, ..) => State::Starting,
            (_, Some(trouble), Some(pause)) => State::Paused { trouble, until: pause.until },
            (_, Some(trouble), None) => State::Failing(trouble),
            (_, None, _) if self.catching_up() => State::CatchingUp,
            (_, None, _) => State::Current,
        }
    }

    /// Calls that the operation's other reports have brought lately, in windows that this one has read too.
    fn calls_beside(&self) -> u64 {
        let since = later(self.account.marks.start, self.report.rules.windows.interval());
        let others = self.operation.reports().filter(|other| other.place != self.report.place);
        let lately = |other: &Arc<Report>| -> u64 {
            let pulse = other.pulse();
            pulse.polls.iter().filter(|poll| poll.at > since).map(|poll| poll.counted).sum()
        };
        others.map(lately).sum()
    }

    fn concerns(&self, pulse: &Pulse, calls_beside: u64) -> Vec<Concern> {
        let zone = pulse.offset.filter(|observed| observed.mismatch).map(|observed| Concern::Zone {
            observed_offset: observed.offset,
            zones_that_fit: zones_that_fit(observed, self.now),
        });
        let ahead = self.report.clock.ahead(self.now);
        let clock = (!ahead.is_zero()).then_some(Concern::Clock { ahead });
        let Account { marks, totals, .. } = &*self.account;
        let no_row = Disposition::LABELS.iter().all(|label| totals.rows(label) == 0);
        let only_empty = (marks.read_before && no_row).then_some(match calls_beside {
            calls if calls >= CALLS_TO_DOUBT => Concern::OnlyEmptyBeside { calls },
            _ => Concern::OnlyEmpty,
        });
        let unknown =
            (!pulse.unknown_results.is_empty()).then(|| Concern::UnknownResults(pulse.unknown_results.clone()));
        let most_rejected = pulse
            .mostly_rejected
            .map(|summary| Concern::MostRejected { rows: summary.rows, rejected: summary.rejected });
        let totals = self.operation.comparisons.as_ref().map(|comparisons| self.totals_concerns(comparisons));
        let copy = marks.copied_at.map(|made| Concern::Copy { made });
        let start_hold = self.account.start_hold.as_ref().filter(|_| copy.is_none()).map(|_| Concern::StartHold);
        let [differ, unread] = totals.unwrap_or_default();
        [copy, most_rejected, differ, zone, clock, only_empty, unknown, unread, start_hold]
            .into_iter()
            .flatten()
            .collect()
    }

    /// What the vendor's totals contradict, and why nothing is known of them.
    fn totals_concerns(&self, comparisons: &Comparisons) -> [Option<Concern>; 2] {
        let kept = comparisons.kept();
        let of_report = kept.reports.get(self.report.kind.name).filter(|of| of.reconciled.is_some());
        let differ = kept.day.filter(|day| of_report.is_some_and(|of| of.readings.differs(*day)));
        let pulse = comparisons.pulse().clone();
        // Of the operation: told once.
        let unread = match (pulse.trouble, kept.told_nothing_of()) {
            _ if !self.is_of(&ABANDONED) => None,
            (Some(trouble), _) => Some(Concern::TotalsUnread { trouble, next: pulse.next }),
            (None, day) => day.map(|day| Concern::TotalsEmpty { day }),
        };
        [differ.map(|day| Concern::TotalsDiffer { day }), unread]
    }
}

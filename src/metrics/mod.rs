//! What a scrape shows: the metric families of operations and of the process itself. Contract and code meet in
//! [`families`], and nowhere else.

mod families;
mod instruments;

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use domain::account::Account;
use exposition::model::Family;
use exposition::prepared::{Prepared, Settings};
use jiff::Timestamp;
use tokio::sync::Mutex;

use crate::ledger::LedgerFigures;
use crate::operation::Snapshot;

pub use families::certificate_family;
use instruments::Instruments;

/// Makes the families, and keeps those of the call series until they change.
#[derive(Debug)]
pub struct Metrics {
    started: Timestamp,
    settings: Settings,
    instruments: Instruments,
    kept: ArcSwapOption<Kept>,
    /// Held by the scrape that makes the families of the call series anew; the others wait for it here, without a thread.
    making: Mutex<()>,
}

/// The families with a series per label set, and what they were made of.
struct Kept {
    basis: Vec<Basis>,
    calls: Arc<Prepared>,
}

struct Basis {
    account: Arc<Account>,
    last_window: Option<BTreeMap<u32, u64>>,
}

impl Metrics {
    /// # Errors
    /// None that a user can cause: the instruments have fixed names.
    pub fn new(settings: Settings, started: Timestamp) -> Result<Self, prometheus::Error> {
        let instruments = Instruments::new(started)?;
        Ok(Self { started, settings, instruments, kept: ArcSwapOption::empty(), making: Mutex::default() })
    }

    /// What a scrape shows: the families with a series per label set, and the others. Both are of the same moment.
    ///
    /// The former change with a read, not with a scrape: they are made again at the first scrape after a change, off the
    /// async threads, for that takes some milliseconds for a large centre.
    pub async fn families(
        self: &Arc<Self>,
        operations: Vec<Snapshot>,
        ledger: LedgerFigures,
    ) -> (Arc<Prepared>, Vec<Family>) {
        if let Some(calls) = self.kept_for(&operations) {
            return (calls, self.others(&operations, ledger));
        }
        let _making = self.making.lock().await;
        let operations = Arc::new(operations);
        let (this, snapshots) = (self.clone(), operations.clone());
        let made = tokio::task::spawn_blocking(move || this.families_now(&snapshots, ledger)).await;
        // While the runtime shuts down it takes no work: a last scrape does its own.
        made.unwrap_or_else(|_| self.families_now(&operations, ledger))
    }

    /// As [`Metrics::families`], on the calling thread.
    pub fn families_now(&self, operations: &[Snapshot], ledger: LedgerFigures) -> (Arc<Prepared>, Vec<Family>) {
        let calls = self.kept_for(operations).unwrap_or_else(|| self.make(operations));
        (calls, self.others(operations, ledger))
    }

    /// Whether the configuration in the files is the one in force, and since when that one is.
    pub fn set_loaded(&self, good: bool, at: Timestamp) {
        self.instruments.set_loaded(good, at);
    }

    /// All but the call series.
    fn others(&self, operations: &[Snapshot], ledger: LedgerFigures) -> Vec<Family> {
        let mut others = families::operation_families(operations, self.started);
        others.extend(families::ledger_families(ledger, self.started));
        others.push(families::log_family(self.started));
        others.extend(self.instruments.families());
        others
    }

    fn make(&self, operations: &[Snapshot]) -> Arc<Prepared> {
        let calls = Prepared::new(families::call_families(operations), self.settings);
        let basis =
            |snapshot: &Snapshot| Basis { account: snapshot.account.clone(), last_window: snapshot.last_window() };
        let basis = operations.iter().map(basis).collect();
        self.kept.store(Some(Arc::new(Kept { basis, calls: calls.clone() })));
        calls
    }

    fn kept_for(&self, operations: &[Snapshot]) -> Option<Arc<Prepared>> {
        let kept = self.kept.load();
        let kept = kept.as_ref()?;
        let same = kept.basis.len() == operations.len()
            && kept.basis.iter().zip(operations).all(|(basis, snapshot)| basis.shows_as(snapshot));
        same.then(|| kept.calls.clone())
    }
}

impl Basis {
    /// Whether the call series of `snapshot` look as they did. A failed poll changes an account, and no series.
    fn shows_as(&self, snapshot: &Snapshot) -> bool {
        let (one, other) = (&self.account, &snapshot.account);
        let same_series = || {
            one.marks.start == other.marks.start
                && one.skills == other.skills
                && one.series.len() == other.series.len()
                && one.series.values().zip(other.series.values()).all(|(one, other)| Arc::ptr_eq(one, other))
        };
        (Arc::ptr_eq(one, other) || same_series()) && self.last_window == snapshot.last_window()
    }
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kept").field("operations", &self.basis.len()).finish_non_exhaustive()
    }
}

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::reconciliation::{Book, Reconciliation};
use jiff::Timestamp;
use tokio::sync::oneshot;

use super::Operation;
use super::ended::Trouble;
use crate::ledger::{AccountId, CommitError, Ledger};

/// The comparisons of an operation with the vendor's own totals. Like an account they are in the ledger first.
#[derive(Debug)]
pub struct Comparisons {
    ledger: Arc<Ledger>,
    /// Of any account of the operation.
    id: AccountId,
    kept: Mutex<Arc<Reconciliation>>,
    /// Goes with a change until it is stored, whoever waits for it.
    committing: Arc<tokio::sync::Mutex<()>>,
    pulse: Mutex<ComparisonsPulse>,
}

/// What is known of the calls for totals since the process began.
#[derive(Debug, Clone, Default)]
pub struct ComparisonsPulse {
    pub last_poll: Option<Timestamp>,
    pub last_success: Option<Timestamp>,
    /// What was wrong with the last one.
    pub trouble: Option<Trouble>,
    /// When the next one is made, where a day is due.
    pub next: Option<Timestamp>,
}

impl Comparisons {
    /// Goes on with what is known of the calls where `before` has made some in this process. Blocks on the disk.
    pub(super) fn open(ledger: &Arc<Ledger>, id: AccountId, before: Option<&Self>) -> Result<Arc<Self>, CommitError> {
        let kept = Mutex::new(Arc::new(ledger.reconciliation(&id)?));
        let pulse = before.map(|before| ComparisonsPulse { next: None, ..before.pulse().clone() }).unwrap_or_default();
        let (ledger, committing, pulse) = (ledger.clone(), Arc::default(), Mutex::new(pulse));
        Ok(Arc::new(Self { ledger, id, kept, committing, pulse }))
    }

    /// Waits until no change is on its way.
    pub(super) async fn is_settled(&self) {
        drop(self.committing.lock().await);
    }

    /// As they were last stored.
    pub fn kept(&self) -> Arc<Reconciliation> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Held for a moment only.
    pub fn pulse(&self) -> MutexGuard<'_, ComparisonsPulse> {
        self.pulse.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stores what `change` makes of them, and shows it: on an error nothing. Only one task does so.
    pub async fn amend(self: &Arc<Self>, change: impl FnOnce(&mut Reconciliation)) -> Result<(), CommitError> {
        let turn = self.committing.clone().lock_owned().await;
        let old = self.kept();
        let mut new = Reconciliation::clone(&old);
        change(&mut new);
        let (tell, told) = oneshot::channel();
        let (this, new) = (self.clone(), Arc::new(new));
        let shown = new.clone();
        self.ledger.commit_reconciliation(&self.id, &old, &new, move |stored| {
            if stored.is_ok() {
                *this.kept.lock().unwrap_or_else(PoisonError::into_inner) = shown;
            }
            // First: whoever is told may be the last to hold the ledger, and close it.
            drop((turn, this));
            _ = tell.send(stored);
        });
        self.ledger.told(told).await
    }
}

impl ComparisonsPulse {
    /// Whether the last poll succeeded; `None` until one has ended.
    pub fn up(&self) -> Option<bool> {
        self.last_poll.map(|_| self.trouble.is_none())
    }
}

impl Operation {
    /// Has `look` look at what has been counted of each report, as of one commit.
    pub fn with_books<T>(&self, look: impl FnOnce(&[Book<'_>]) -> T) -> T {
        let stored = self.accounts.stored();
        let books = self.reports().map(|report| {
            let account = &stored[report.place].account;
            Book { kind: report.kind, account, rules: &report.rules }
        });
        look(&books.collect::<Vec<_>>())
    }
}

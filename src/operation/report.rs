use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::account::Account;
use domain::identity::RowHasher;
use tokio::sync::watch;

use super::pulse::Pulse;
use crate::ledger::{CommitError, Ledger, OperationId, SeenInLedger};

/// One report of an operation: what has been counted of it, and the pulse of its polls.
///
/// Every change of the account goes through [`Report::commit`], one at a time, off the async threads: it is in the ledger
/// first. What a scrape sees has been stored.
#[derive(Debug)]
pub struct Report {
    ledger: Arc<Ledger>,
    id: OperationId,
    /// What the ledger holds.
    account: watch::Sender<Arc<Account>>,
    /// Held by whoever changes the account, on a blocking thread.
    committing: Mutex<()>,
    pulse: Mutex<Pulse>,
}

impl Report {
    pub(super) fn new(ledger: Arc<Ledger>, id: OperationId, account: Account) -> Self {
        let (account, _) = watch::channel(Arc::new(account));
        Self { ledger, id, account, committing: Mutex::default(), pulse: Mutex::default() }
    }

    /// The account as it was last stored.
    pub fn account(&self) -> Arc<Account> {
        self.account.borrow().clone()
    }

    /// Follows the account.
    pub fn follow(&self) -> watch::Receiver<Arc<Account>> {
        self.account.subscribe()
    }

    /// Held for a moment only; a panic meanwhile leaves at worst a number of the old poll beside one of the new.
    pub fn pulse(&self) -> MutexGuard<'_, Pulse> {
        self.pulse.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hashes rows with the key of the ledger that keeps their identities.
    pub fn hasher(&self) -> RowHasher {
        self.ledger.hasher()
    }

    /// Runs `change` on a copy of the account, stores what came of it, and shows it: all of it, or on an error nothing.
    ///
    /// All of it happens on a blocking thread: whoever waits here may be stopped at any time, and the next commit must
    /// begin from what was stored meanwhile.
    pub async fn commit<T: Send + 'static>(
        self: &Arc<Self>,
        change: impl FnOnce(&mut Account, &mut SeenInLedger<'_>) -> Result<T, CommitError> + Send + 'static,
    ) -> Result<T, CommitError> {
        let report = self.clone();
        let stored = tokio::task::spawn_blocking(move || report.commit_now(change)).await;
        stored.unwrap_or_else(|stopped| Err(CommitError::Broken(stopped.to_string())))
    }

    /// As [`Report::commit`], for a change that reads no rows.
    pub async fn amend(
        self: &Arc<Self>,
        change: impl FnOnce(&mut Account) + Send + 'static,
    ) -> Result<(), CommitError> {
        self.commit(move |account, _| {
            change(account);
            Ok(())
        })
        .await
    }

    pub(super) fn commit_now<T>(
        &self,
        change: impl FnOnce(&mut Account, &mut SeenInLedger<'_>) -> Result<T, CommitError>,
    ) -> Result<T, CommitError> {
        // A panic meanwhile has rolled the transaction back and left the account as it was.
        let _committing = self.committing.lock().unwrap_or_else(PoisonError::into_inner);
        let (account, outcome) = self.ledger.commit(&self.id, &self.account(), change)?;
        self.account.send_replace(Arc::new(account));
        Ok(outcome)
    }
}

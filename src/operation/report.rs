use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::account::Account;
use domain::identity::RowHasher;
use tokio::sync::{oneshot, watch};

use super::pulse::Pulse;
use crate::ledger::{AccountId, CommitError, Ledger, Seen};

/// One report of an operation: what has been counted of it, and the pulse of its polls.
///
/// Every change of the account goes through [`Report::commit`], one at a time: it is in the ledger first. What a scrape
/// sees has been stored.
#[derive(Debug)]
pub struct Report {
    ledger: Arc<Ledger>,
    id: AccountId,
    /// What the ledger holds.
    account: watch::Sender<Arc<Account>>,
    /// Goes with each change until it is stored and shown, whoever waits for it.
    committing: Arc<tokio::sync::Mutex<()>>,
    pulse: Mutex<Pulse>,
}

impl Report {
    pub(super) fn new(ledger: Arc<Ledger>, id: AccountId, account: Account) -> Self {
        let (account, _) = watch::channel(Arc::new(account));
        Self { ledger, id, account, committing: Arc::default(), pulse: Mutex::default() }
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
    /// It happens on the ledger's thread: whoever waits here may be stopped at any time, and the next commit must begin
    /// from what was stored meanwhile.
    pub async fn commit<T: Send + 'static>(
        self: &Arc<Self>,
        change: impl FnOnce(&mut Account, &mut Seen<'_>) -> Result<T, CommitError> + Send + 'static,
    ) -> Result<T, CommitError> {
        let committing = self.committing.clone().lock_owned().await;
        let (tell, told) = oneshot::channel();
        let report = self.clone();
        self.ledger.commit(&self.id, self.account(), change, move |stored| {
            let stored = stored.map(|(account, outcome)| {
                report.account.send_replace(Arc::new(account));
                outcome
            });
            drop((committing, report));
            _ = tell.send(stored);
        });
        self.ledger.told(told).await
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

    /// As [`Report::commit`], before anybody else has the report. Blocks.
    pub(super) fn commit_now<T: Send + 'static>(
        &self,
        change: impl FnOnce(&AccountId, &mut Account, &mut Seen<'_>) -> T + Send + 'static,
    ) -> Result<T, CommitError> {
        let id = self.id.clone();
        let change = move |account: &mut Account, seen: &mut Seen<'_>| Ok(change(&id, account, seen));
        let (account, outcome) = self.ledger.commit_now(&self.id, self.account(), change)?;
        self.account.send_replace(Arc::new(account));
        Ok(outcome)
    }
}

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::account::Account;
use domain::identity::RowHasher;
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

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
    served: watch::Sender<Served>,
}

/// What scrapes have seen of a report in this process.
#[derive(Debug, Clone, Default)]
pub struct Served {
    /// When the first one was whole.
    pub since: Option<Instant>,
    /// The account of the last one.
    pub last: Option<Arc<Account>>,
}

impl Report {
    pub(super) fn new(ledger: Arc<Ledger>, id: AccountId, account: Account) -> Self {
        let (account, _) = watch::channel(Arc::new(account));
        Self { ledger, id, account, committing: Arc::default(), pulse: Mutex::default(), served: Default::default() }
    }

    /// The account as it was last stored.
    pub fn account(&self) -> Arc<Account> {
        self.account.borrow().clone()
    }

    /// Follows the account.
    pub fn follow(&self) -> watch::Receiver<Arc<Account>> {
        self.account.subscribe()
    }

    /// Notes that a scrape was served whole which saw `account`.
    pub fn was_served(&self, account: &Arc<Account>) {
        self.served.send_if_modified(|served| {
            let is_first = served.since.is_none();
            served.since.get_or_insert_with(Instant::now);
            served.last = Some(account.clone());
            // Nobody waits for the others.
            is_first
        });
    }

    /// Follows what is served: told of the first scrape.
    pub fn follow_served(&self) -> watch::Receiver<Served> {
        self.served.subscribe()
    }

    /// Stores what was served last, for the next process to begin with. To be called when nothing is served any more.
    pub async fn store_served(self: &Arc<Self>) -> Result<(), CommitError> {
        let served = self.served.borrow().last.clone();
        match served {
            Some(served) if !served.shows_as(&self.account()) => {
                self.amend(move |account| account.show_again(&served)).await
            }
            _ => Ok(()),
        }
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
        let old = self.account();
        let change = and_keep_shown(old.clone(), change);
        self.ledger.commit(&self.id, old, change, move |stored| {
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
        let old = self.account();
        let change = and_keep_shown(old.clone(), move |account, seen| Ok(change(&id, account, seen)));
        let (account, outcome) = self.ledger.commit_now(&self.id, old, change)?;
        self.account.send_replace(Arc::new(account));
        Ok(outcome)
    }
}

/// As `change`; during a start hold the account shows afterwards what it showed before, as `shown` did.
fn and_keep_shown<T>(
    shown: Arc<Account>,
    change: impl FnOnce(&mut Account, &mut Seen<'_>) -> Result<T, CommitError>,
) -> impl FnOnce(&mut Account, &mut Seen<'_>) -> Result<T, CommitError> {
    move |account, seen| {
        let outcome = change(account, seen)?;
        account.keep_shown(&shown);
        Ok(outcome)
    }
}

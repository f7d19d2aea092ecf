use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::account::Account;
use domain::identity::RowHasher;
use domain::report::ReportKind;
use domain::rules::Rules;
use jiff::Timestamp;
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

use super::accounts::{Accounts, Books, Polling};
use super::pulse::Pulse;
use super::refusal::Refusals;
use crate::clock::ServerClock;
use crate::ledger::{CommitError, Seen};

/// One report of an operation: what has been counted of it, and the pulse of its polls.
///
/// Every change of the account goes through [`Report::commit`], one at a time: it is in the ledger first. What a scrape
/// sees has been stored.
#[derive(Debug)]
pub struct Report {
    /// The `operation` label.
    pub operation: Arc<str>,
    pub kind: &'static ReportKind,
    pub rules: Arc<Rules>,
    /// The longest that a call may take.
    pub timeout: Duration,
    /// Bucket bounds in whole seconds.
    pub buckets: Arc<[u32]>,
    /// What is known of the server's clock: by this report's answers, for its own cursor.
    pub clock: ServerClock,
    /// Where an account would begin that this process begins, by the host's clock.
    pub first: Timestamp,
    /// Where the account began when this process took it over.
    pub start_at_open: Timestamp,
    /// Among the operation's reports: they are asked for in this order.
    pub place: usize,
    /// What all reports of the operation know of their token.
    pub refusals: Arc<Refusals>,
    pub(super) accounts: Arc<Accounts>,
    pub(super) pulse: Mutex<Pulse>,
    /// One for all that read this report in this process, one after the other.
    pub(super) served: Arc<watch::Sender<Served>>,
}

/// What scrapes have seen of a report in this process.
#[derive(Debug, Clone, Default)]
pub struct Served {
    /// When the first one was whole.
    pub since: Option<Instant>,
    /// The account of the last one.
    pub last: Option<Arc<Account>>,
}

/// Follows the account of one report.
#[derive(Debug)]
pub struct Followed {
    books: watch::Receiver<Books>,
    place: usize,
}

impl Report {
    /// The account as it was last stored.
    pub fn account(&self) -> Arc<Account> {
        self.accounts.book(self.place).account
    }

    /// Follows the account.
    pub fn follow(&self) -> Followed {
        Followed { books: self.accounts.follow(), place: self.place }
    }

    /// Notes that a poll goes on until this is dropped: what another report reads meanwhile may wait to be shown with it.
    pub fn polls(&self) -> Polling {
        self.accounts.polls(self.place)
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
        self.accounts.hasher()
    }

    /// Runs `change` on a copy of the account, stores what came of it, and shows it: all of it, or on an error nothing.
    ///
    /// It happens on the ledger's thread: whoever waits here may be stopped at any time, and the next commit must begin
    /// from what was stored meanwhile.
    pub async fn commit<T: Send + 'static>(
        self: &Arc<Self>,
        change: impl FnOnce(&mut Account, &mut Seen<'_>) -> Result<T, CommitError> + Send + 'static,
    ) -> Result<T, CommitError> {
        let turn = self.accounts.turn().await;
        let (tell, told) = oneshot::channel();
        let report = self.clone();
        let change = and_keep_shown(self.account(), change);
        self.accounts.commit(self.place, change, move |stored| {
            drop((turn, report));
            _ = tell.send(stored);
        });
        self.accounts.told(told).await
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
}

impl Followed {
    /// The account as it was last stored; [`Followed::changed`] waits for the next one.
    pub fn account(&mut self) -> Arc<Account> {
        self.books.borrow_and_update()[self.place].account.clone()
    }

    /// Waits until any account of the operation has changed; false when none ever will.
    pub async fn changed(&mut self) -> bool {
        self.books.changed().await.is_ok()
    }
}

/// As `change`; during a start hold the account shows afterwards what it showed before, as `shown` did.
pub(super) fn and_keep_shown<T>(
    shown: Arc<Account>,
    change: impl FnOnce(&mut Account, &mut Seen<'_>) -> Result<T, CommitError>,
) -> impl FnOnce(&mut Account, &mut Seen<'_>) -> Result<T, CommitError> {
    move |account, seen| {
        let outcome = change(account, seen)?;
        account.keep_shown(&shown);
        Ok(outcome)
    }
}

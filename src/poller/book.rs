use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use tokio::sync::watch;

use crate::board::Board;
use crate::ledger::{CommitError, Ledger, OperationId, SeenInLedger};
use domain::account::Account;
use domain::outcome::Outcome;
use domain::tally::{Read, tally};
use domain::totals::Total;

/// One operation's account: in the ledger first, then on the board.
///
/// Every change goes through [`Book::commit`], one at a time, off the async threads. What is published has been stored.
#[derive(Debug)]
pub struct Book {
    ledger: Arc<Ledger>,
    id: OperationId,
    board: Arc<Board>,
    /// The operation's place on the board.
    index: usize,
    /// What the ledger holds. Locked by whoever changes it, on a blocking thread.
    account: Mutex<Arc<Account>>,
    published: watch::Sender<Arc<Account>>,
}

impl Book {
    /// Publishes the account. Blocks for a moment.
    pub fn new(
        ledger: Arc<Ledger>,
        id: OperationId,
        account: Account,
        board: Arc<Board>,
        index: usize,
        now: Timestamp,
    ) -> Self {
        let account = Arc::new(account);
        board.publish(index, account.clone(), now);
        let (published, _) = watch::channel(account.clone());
        Self { ledger, id, board, index, account: Mutex::new(account), published }
    }

    pub fn board(&self) -> &Board {
        &self.board
    }

    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The account as it was last published.
    pub fn account(&self) -> Arc<Account> {
        self.published.borrow().clone()
    }

    /// Follows the account.
    pub fn follow(&self) -> watch::Receiver<Arc<Account>> {
        self.published.subscribe()
    }

    /// Counts the rows of an answer and its outcome. `missing_believed` rows of those within reach are believed never to
    /// come.
    pub async fn count(
        self: &Arc<Self>,
        read: Read,
        outcome: Outcome,
        missing_believed: u64,
    ) -> Result<Arc<Account>, CommitError> {
        let rules = self.board.operation(self.index).rules.clone();
        self.commit(read.now, move |account, seen| {
            account.totals.add(Total::Polls(outcome), 1);
            account.marks.missing_believed = missing_believed;
            tally(account, &rules, &read, seen).map_err(CommitError::from)
        })
        .await
    }

    /// Counts the outcome of a call whose answer, if there was one, is not used.
    pub async fn count_call(self: &Arc<Self>, outcome: Outcome, now: Timestamp) -> Result<Arc<Account>, CommitError> {
        self.commit(now, move |account, _| {
            account.totals.add(Total::Polls(outcome), 1);
            Ok(())
        })
        .await
    }

    /// Stores and publishes a change that reads no rows.
    pub async fn amend(
        self: &Arc<Self>,
        now: Timestamp,
        change: impl FnOnce(&mut Account) + Send + 'static,
    ) -> Result<Arc<Account>, CommitError> {
        self.commit(now, move |account, _| {
            change(account);
            Ok(())
        })
        .await
    }

    /// All of it happens on the blocking thread: whoever waits here may be stopped at any time, and the next commit
    /// must begin from what was stored meanwhile.
    async fn commit(
        self: &Arc<Self>,
        now: Timestamp,
        change: impl FnOnce(&mut Account, &mut SeenInLedger<'_>) -> Result<(), CommitError> + Send + 'static,
    ) -> Result<Arc<Account>, CommitError> {
        let book = self.clone();
        let stored = tokio::task::spawn_blocking(move || book.commit_now(now, change)).await;
        stored.unwrap_or_else(|stopped| Err(CommitError::Broken(stopped.to_string())))
    }

    fn commit_now(
        &self,
        now: Timestamp,
        change: impl FnOnce(&mut Account, &mut SeenInLedger<'_>) -> Result<(), CommitError>,
    ) -> Result<Arc<Account>, CommitError> {
        // A panic meanwhile has rolled the transaction back and left the account as it was.
        let mut current = self.account.lock().unwrap_or_else(PoisonError::into_inner);
        let committed = self.ledger.commit(&self.id, &current, change);
        self.board.ledger_committed(&self.ledger, committed.is_ok());
        let account = Arc::new(committed?);
        *current = account.clone();
        self.board.publish(self.index, account.clone(), now);
        self.published.send_replace(account.clone());
        Ok(account)
    }
}

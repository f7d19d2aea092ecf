//! The ledger: what has been counted, on disk. One transaction moves the cursor, the totals, the histogram cells and the
//! row identities of a read together, so that a crash at any instant leaves either all of it or nothing.
//!
//! A [`Change`] is what is to be stored, as a value: [`account`] makes it of two accounts, [`seen`] of what
//! was seen. [`writer`] is the one thread that hands changes to a [`Store`], several at once where several
//! have come. [`sqlite`] is the engine; [`mod@file`], [`open`] and [`keep`] see to its file, [`mod@copy`]
//! to copies of it.

mod account;
mod copy;
mod days;
mod error;
mod file;
mod keep;
#[cfg(test)]
mod memory;
mod open;
mod reconciliation;
mod row;
mod schema;
mod seen;
mod sqlite;
mod store;
#[cfg(test)]
mod tests;
mod writer;

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError, mpsc};

use jiff::Timestamp;
use tokio::sync::oneshot;

use domain::account::Account;
use domain::identity::RowHasher;
use domain::reconciliation::Reconciliation;

use account::{Loading, Scope, difference, own_difference};
use file::FolderLock;
use row::{Edit, Table};
use store::{Change, Store};
use writer::{Prepared, Shared, Writer};

pub use copy::{Copied, copy};
pub use error::{CommitError, CopyError, OpenError, Replaced};
pub use seen::Seen;

/// An open ledger, locked for this process.
#[derive(Debug)]
pub struct Ledger {
    /// First, so that all is stored before the folder is free.
    writer: Writer,
    shared: Arc<Shared>,
    known: Mutex<Known>,
    in_paused_time: bool,
    _folder: FolderLock,
}

/// The ids of what is in the ledger.
#[derive(Debug, Default)]
struct Known {
    operations: HashMap<String, i64>,
    /// By operation and report.
    accounts: HashMap<(i64, String), i64>,
}

/// What the ledger says of itself, as of its last commit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LedgerFigures {
    /// Transactions that could not be stored.
    pub commit_errors: u64,
    /// On disk, those of the write-ahead log included.
    pub size_bytes: u64,
    /// Row identities kept.
    pub keys: u64,
}

/// An account's place in the ledger: that of a report of an operation.
#[derive(Debug, Clone)]
pub struct AccountId {
    scope: Scope,
    report: &'static str,
}

/// What a commit has stored.
#[derive(Debug)]
pub struct Committed<T> {
    pub account: Arc<Account>,
    /// The operation's other accounts, in the order in which they were given.
    pub siblings: Vec<Arc<Account>>,
    /// Of the change.
    pub outcome: T,
}

/// An account as the ledger knew it when the process began.
#[derive(Debug)]
pub struct Opened {
    pub id: AccountId,
    pub account: Account,
    /// IANA name of the zone that the account was made in, where that is another one than now.
    pub other_zone: Option<String>,
}

impl Ledger {
    /// Opens the ledger at `path`, or makes a new one. A damaged one is set aside. Blocks on the disk.
    pub fn open(path: &Path, now: Timestamp) -> Result<Self, OpenError> {
        open::open(path, now)
    }

    /// For tests whose time is paused: it would run on while a task waits for the writer's thread, but stands still while
    /// one waits on a thread of tokio's own.
    pub fn in_paused_time(self) -> Self {
        Self { in_paused_time: true, ..self }
    }

    /// Hashes rows with this ledger's own key.
    pub fn hasher(&self) -> RowHasher {
        RowHasher::new(self.shared.key)
    }

    /// The account of an operation's report, or the one that `begin` makes for a new one. Holds begin at `now`. Blocks.
    pub fn account(
        &self,
        operation: &str,
        report: &'static str,
        zone: &str,
        now: Timestamp,
        begin: impl FnOnce() -> Account,
    ) -> Result<Opened, CommitError> {
        // Held until the new one is stored, so that there are no two.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let known_operation = known.operations.get(operation).copied();
        let found = known_operation.and_then(|id| Some((id, *known.accounts.get(&(id, report.to_owned()))?)));
        if let Some((operation, account)) = found {
            let scope = Scope { operation, account };
            let (account, old_zone) = self.now(move |store| {
                let (account, zone, edits) = load(store, scope, now)?;
                let settled = Change { edits, ..Change::new(scope) };
                Ok(((account, zone), Some(settled).filter(|change| !change.edits.is_empty())))
            })?;
            let other_zone = (*old_zone != *zone).then(|| old_zone.to_string());
            return Ok(Opened { id: AccountId { scope, report }, account, other_zone });
        }
        let new_id = || self.shared.next_id.fetch_add(1, Ordering::Relaxed);
        let scope = Scope { operation: known_operation.unwrap_or_else(new_id), account: new_id() };
        let id = AccountId { scope, report };
        let mut account = begin();
        let operation_row =
            known_operation.is_none().then(|| Table::Operation.row(scope.operation, [operation.into()]));
        let account_row = id.row(zone);
        let account = self.now(move |store| {
            let mut loading = Loading::default();
            store.rows_of(scope.operation, true, &mut |row| loading.add(row))?;
            loading.introduce(&mut account, now);
            let new = operation_row.into_iter().chain([account_row]);
            let mut edits: Vec<_> = new.map(|row| Edit { before: None, after: Some(row) }).collect();
            edits.extend(own_difference(scope, None, &account));
            Ok((account, Some(Change { edits, ..Change::new(scope) })))
        })?;
        known.operations.insert(operation.to_owned(), scope.operation);
        known.accounts.insert((scope.operation, report.to_owned()), scope.account);
        Ok(Opened { id, account, other_zone: None })
    }

    /// Runs `change` on a copy of `old` and on the seen rows, and stores what came of it: all of it, or on an error
    /// nothing. What it tells of the operation is given to `siblings`, its other accounts. `done` is told, on the writer's
    /// thread.
    ///
    /// No other change of the operation may be on its way.
    pub fn commit<T: Send + 'static>(
        &self,
        id: &AccountId,
        old: Arc<Account>,
        siblings: Vec<(AccountId, Arc<Account>)>,
        change: impl FnOnce(&mut Account, &mut Seen<'_>) -> Result<T, CommitError> + Send + 'static,
        done: impl FnOnce(Result<Committed<T>, CommitError>) + Send + 'static,
    ) {
        let scope = id.scope;
        self.writer.enqueue(Box::new(move |store| {
            let changed = store.and_then(|store| {
                let mut account = Account::clone(&old);
                let mut seen = Seen::new(store, scope);
                let outcome = change(&mut account, &mut seen)?;
                let mut change = seen.change;
                change.edits.extend(difference(scope, Some(&old), &account));
                let mut with_account = |(id, sibling): (AccountId, Arc<Account>)| {
                    let Some(new) = sibling.with_label_sets_of(&account) else { return sibling };
                    change.edits.extend(own_difference(id.scope, Some(&sibling), &new));
                    Arc::new(new)
                };
                let siblings = siblings.into_iter().map(&mut with_account).collect();
                Ok((change, Committed { account: Arc::new(account), siblings, outcome }))
            });
            match changed {
                Ok((change, committed)) => {
                    let done = move |stored: Result<(), CommitError>| done(stored.map(|()| committed));
                    Some(Prepared { change, done: Box::new(done) })
                }
                Err(error) => {
                    done(Err(error));
                    None
                }
            }
        }));
    }

    /// As [`Ledger::commit`], for a change that tells nothing of the operation, and blocks until it is stored.
    pub fn commit_now<T: Send + 'static>(
        &self,
        id: &AccountId,
        old: Arc<Account>,
        change: impl FnOnce(&mut Account, &mut Seen<'_>) -> Result<T, CommitError> + Send + 'static,
    ) -> Result<(Arc<Account>, T), CommitError> {
        let (tell, told) = mpsc::channel();
        self.commit(id, old, Vec::new(), change, move |stored| _ = tell.send(stored));
        let committed = told.recv().unwrap_or_else(|_| Err(CommitError::broken()))?;
        Ok((committed.account, committed.outcome))
    }

    /// What is kept of the comparisons of an account's operation. Blocks.
    pub fn reconciliation(&self, id: &AccountId) -> Result<Reconciliation, CommitError> {
        let operation = id.scope.operation;
        self.now(move |store| {
            let mut kept = Reconciliation::default();
            store.rows_of(operation, true, &mut |row| reconciliation::add(&mut kept, &row))?;
            Ok((kept, None))
        })
    }

    /// Stores that `new` follows `old`. `done` is told, on the writer's thread. No other change of them may be on its way.
    pub fn commit_reconciliation(
        &self,
        id: &AccountId,
        old: &Reconciliation,
        new: &Reconciliation,
        done: impl FnOnce(Result<(), CommitError>) + Send + 'static,
    ) {
        let edits = reconciliation::difference(id.scope.operation, old, new);
        let change = Change { edits, ..Change::new(id.scope) };
        self.writer.enqueue(Box::new(move |store| match store {
            Ok(_) => Some(Prepared { change, done: Box::new(done) }),
            Err(error) => {
                done(Err(error));
                None
            }
        }));
    }

    /// What a commit's `done` sends; an error where it never comes.
    pub async fn told<T: Send + 'static>(
        &self,
        told: oneshot::Receiver<Result<T, CommitError>>,
    ) -> Result<T, CommitError> {
        let told = if self.in_paused_time {
            tokio::task::spawn_blocking(move || told.blocking_recv()).await.ok().and_then(Result::ok)
        } else {
            told.await.ok()
        };
        told.unwrap_or_else(|| Err(CommitError::broken()))
    }

    /// Waits for nothing.
    pub fn figures(&self) -> LedgerFigures {
        LedgerFigures {
            commit_errors: self.shared.commit_errors.load(Ordering::Relaxed),
            size_bytes: self.shared.size_bytes.load(Ordering::Relaxed),
            keys: u64::try_from(self.shared.keys.load(Ordering::Relaxed)).unwrap_or(0),
        }
    }

    /// Whether it is missing from its place, and could not be written back so far.
    pub fn is_gone(&self) -> bool {
        self.shared.is_gone.load(Ordering::Relaxed)
    }

    /// How often the writer has begun anew: it stands still while a commit takes long, and else moves every second.
    pub fn turns(&self) -> u64 {
        self.shared.turns.load(Ordering::Relaxed)
    }

    /// Ends when something has been stored since it ended last. For one who waits.
    pub async fn stored_more(&self) {
        self.shared.stored.notified().await;
    }

    /// Ends when another file has taken the ledger's place.
    pub async fn replaced(&self) -> Replaced {
        let mut replaced = self.shared.replaced.subscribe();
        let found = replaced.wait_for(Option::is_some).await;
        match found.ok().and_then(|found| found.clone()) {
            Some(replaced) => replaced,
            None => std::future::pending().await,
        }
    }

    /// Has something done by the writer, and waits for it.
    fn now<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut dyn Store) -> Result<(T, Option<Change>), CommitError> + Send + 'static,
    ) -> Result<T, CommitError> {
        let (tell, told) = mpsc::channel();
        self.writer.enqueue(Box::new(move |store| match store.and_then(work) {
            Ok((outcome, Some(change))) => {
                let done = move |stored: Result<(), CommitError>| _ = tell.send(stored.map(|()| outcome));
                Some(Prepared { change, done: Box::new(done) })
            }
            Ok((outcome, None)) => {
                _ = tell.send(Ok(outcome));
                None
            }
            Err(error) => {
                _ = tell.send(Err(error));
                None
            }
        }));
        told.recv().unwrap_or_else(|_| Err(CommitError::broken()))
    }
}

impl AccountId {
    fn row(&self, zone: &str) -> row::Row {
        Table::Account.row(self.scope.account, [self.scope.operation.into(), self.report.into(), zone.into()])
    }

    /// What is to be stored where the account goes on in another zone.
    pub fn change_zone(&self, seen: &mut Seen<'_>, old: &str, new: &str) {
        seen.change.edits.push(Edit { before: Some(self.row(old)), after: Some(self.row(new)) });
    }
}

/// The account, its zone, and what is to be stored before it changes.
fn load(store: &mut dyn Store, scope: Scope, now: Timestamp) -> Result<(Account, Arc<str>, Vec<Edit>), CommitError> {
    let mut loading = Loading::default();
    let mut zone: Arc<str> = "".into();
    store.rows_of(scope.operation, true, &mut |row| loading.add(row))?;
    store.rows_of(scope.account, false, &mut |row| {
        if row.table == Table::Account {
            zone = row.text(2);
        }
        loading.add(row);
    })?;
    let (account, edits) = loading.account(scope, now);
    Ok((account, zone, edits))
}

//! The ledger: what has been counted, on disk. One transaction moves the cursor, the totals, the histogram cells and the
//! row identities of a read together, so that a crash at any instant leaves either all of it or nothing.

mod digest;
mod error;
mod file;
mod keep;
mod open;
mod schema;
mod seen;
mod store;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use rusqlite::{TransactionBehavior, params};
use tokio::sync::watch;

use domain::account::Account;
use domain::identity::RowHasher;

use file::FolderLock;
use keep::Disk;

pub use error::{CommitError, OpenError, Replaced};
pub use file::LOOK_EVERY;
pub use seen::SeenInLedger;

/// An open ledger, locked for this process. Its calls block on the disk: not for async threads.
#[derive(Debug)]
pub struct Ledger {
    /// Where it is, whatever links lead there.
    path: PathBuf,
    key: [u8; 16],
    disk: Mutex<Disk>,
    /// Set when another file has taken its place: nothing is stored any more.
    replaced: watch::Sender<Option<Replaced>>,
    /// Row identities of all operations.
    keys: AtomicI64,
    commit_errors: AtomicU64,
    /// Kept from the last commit: a scrape doesn't ask the disk.
    size_bytes: AtomicU64,
    _folder: FolderLock,
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

/// An operation's place in the ledger.
#[derive(Debug, Clone)]
pub struct OperationId {
    id: i64,
    name: String,
    zone: String,
}

/// An operation as the ledger knew it when the process began.
#[derive(Debug)]
pub struct Opened {
    pub id: OperationId,
    pub account: Account,
    /// IANA name of the zone that the account was made in, where that is another one than now.
    pub other_zone: Option<String>,
}

impl Ledger {
    /// Opens the ledger at `path`, or makes a new one. A damaged one is set aside.
    pub fn open(path: &Path, now: Timestamp) -> Result<Self, OpenError> {
        open::open(path, now)
    }

    /// Hashes rows with this ledger's own key.
    pub fn hasher(&self) -> RowHasher {
        RowHasher::new(self.key)
    }

    /// The account of an operation, or the one that `begin` makes for a new operation. Holds begin at `now`.
    pub fn operation(
        &self,
        name: &str,
        zone: &str,
        now: Timestamp,
        begin: impl FnOnce() -> Account,
    ) -> Result<Opened, CommitError> {
        let mut disk = self.disk();
        let connection = &mut disk.connection;
        if let Some(stored) = store::load(connection, name, now)? {
            let other_zone = (stored.zone != zone).then_some(stored.zone);
            let id = OperationId { id: stored.id, name: name.to_owned(), zone: zone.to_owned() };
            return Ok(Opened { id, account: stored.account, other_zone });
        }
        let account = begin();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let id = store::insert(&transaction, name, zone)?;
        let id = OperationId { id, name: name.to_owned(), zone: zone.to_owned() };
        // What has just begun has marks and nothing else.
        store::save(&transaction, id.id, &account, &account)?;
        self.seal(&transaction, &id, &account, 0, 0)?;
        transaction.commit()?;
        Ok(Opened { id, account, other_zone: None })
    }

    /// Runs `change` on a copy of `old` and on the seen rows, and stores what came of it: all of it, or on an error
    /// nothing. Returns the new account, and what `change` returned.
    pub fn commit<T, E: From<CommitError>>(
        &self,
        operation: &OperationId,
        old: &Account,
        change: impl FnOnce(&mut Account, &mut SeenInLedger<'_>) -> Result<T, E>,
    ) -> Result<(Account, T), E> {
        let committed = self.try_commit(operation, old, change);
        if committed.is_err() {
            self.commit_errors.fetch_add(1, Ordering::Relaxed);
        }
        self.size_bytes.store(self.size_on_disk(), Ordering::Relaxed);
        committed
    }

    fn try_commit<T, E: From<CommitError>>(
        &self,
        operation: &OperationId,
        old: &Account,
        change: impl FnOnce(&mut Account, &mut SeenInLedger<'_>) -> Result<T, E>,
    ) -> Result<(Account, T), E> {
        if let Some(replaced) = &*self.replaced.borrow() {
            return Err(CommitError::Replaced(replaced.clone()).into());
        }
        let mut disk = self.disk();
        // Before, for what has been stored counts as seen, also where nobody will find the file.
        self.keep(&mut disk)?;
        let transaction =
            disk.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(CommitError::from)?;
        let mut account = old.clone();
        let mut seen =
            SeenInLedger { transaction: &transaction, operation: operation.id, key: &self.key, digest: 0, count: 0 };
        let outcome = change(&mut account, &mut seen)?;
        let (seen_digest, seen_count) = (seen.digest, seen.count);
        store::save(&transaction, operation.id, old, &account)
            .and_then(|()| self.seal(&transaction, operation, &account, seen_digest, seen_count))
            .and_then(|()| transaction.commit())
            .map_err(CommitError::from)?;
        self.keys.fetch_add(seen_count, Ordering::Relaxed);
        Ok((account, outcome))
    }

    /// Waits for nothing.
    pub fn figures(&self) -> LedgerFigures {
        LedgerFigures {
            commit_errors: self.commit_errors.load(Ordering::Relaxed),
            size_bytes: self.size_bytes.load(Ordering::Relaxed),
            keys: u64::try_from(self.keys.load(Ordering::Relaxed)).unwrap_or(0),
        }
    }

    fn size_on_disk(&self) -> u64 {
        let size = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
        size(&self.path) + size(&file::beside(&self.path, "-wal"))
    }

    /// Stores the digests of what the transaction leaves behind.
    fn seal(
        &self,
        transaction: &rusqlite::Transaction<'_>,
        operation: &OperationId,
        account: &Account,
        seen_digest: i64,
        seen_count: i64,
    ) -> rusqlite::Result<()> {
        let digest = digest::of_account(&self.key, &operation.name, &operation.zone, account);
        transaction
            .prepare_cached(
                // SQLite has no exclusive or: (a | b) - (a & b).
                "UPDATE operation SET zone = ?2, account_digest = ?3,
                    seen_digest = (seen_digest | ?4) - (seen_digest & ?4), seen_count = seen_count + ?5 WHERE id = ?1",
            )?
            .execute(params![operation.id, operation.zone, digest, seen_digest, seen_count])?;
        Ok(())
    }

    /// A panic while the lock was held has rolled its transaction back; the connection is sound.
    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        self.look_after();
    }
}

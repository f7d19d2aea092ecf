//! What is published: per operation one immutable account, swapped whole when a read has been stored. A scrape reads it
//! without waiting for a poll or a commit.

mod families;
mod operation;
mod pulse;
pub mod status;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use jiff::Timestamp;

use crate::config::Operation;
use crate::domain::account::Account;
use crate::exposition::model::Family;
use crate::ledger::Ledger;

pub use operation::{BoardOperation, Shown, rules};
pub use pulse::Pulse;
use status::Status;

/// All that a scrape or the status page may see.
#[derive(Debug)]
pub struct Board {
    started: Timestamp,
    operations: Vec<BoardOperation>,
    published: ArcSwap<Published>,
    /// Taken by whoever replaces `published`.
    publishing: Mutex<()>,
    ledger: LedgerFigures,
}

/// The accounts of all operations at one moment; `None` before the ledger is loaded.
#[derive(Debug, Clone)]
pub struct Published {
    accounts: Vec<Option<Arc<Account>>>,
}

/// The ledger's figures after the last commit: a scrape doesn't ask the disk.
#[derive(Debug, Default)]
struct LedgerFigures {
    commit_errors: AtomicU64,
    size_bytes: AtomicU64,
    keys: AtomicU64,
}

impl Board {
    /// A board on which nothing is published yet.
    pub fn new(operations: &[Operation], started: Timestamp) -> Self {
        Self {
            started,
            operations: operations.iter().map(BoardOperation::new).collect(),
            published: ArcSwap::from_pointee(Published { accounts: vec![None; operations.len()] }),
            publishing: Mutex::default(),
            ledger: LedgerFigures::default(),
        }
    }

    pub fn operation(&self, index: usize) -> &BoardOperation {
        &self.operations[index]
    }

    /// Replaces an operation's account. A scrape sees the old one or the new one, whole.
    pub fn publish(&self, index: usize, account: Arc<Account>) {
        let _publishing = self.publishing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut accounts = self.published.load().accounts.clone();
        accounts[index] = Some(account);
        self.published.store(Arc::new(Published { accounts }));
    }

    /// Notes how a commit ended.
    pub fn ledger_committed(&self, ledger: &Ledger, ok: bool) {
        self.ledger.commit_errors.fetch_add(u64::from(!ok), Ordering::Relaxed);
        self.ledger.size_bytes.store(ledger.size_bytes(), Ordering::Relaxed);
        self.ledger.keys.store(ledger.keys(), Ordering::Relaxed);
    }

    /// Whether the ledger is open and every operation loaded.
    pub fn ready(&self) -> bool {
        self.published.load().accounts.iter().all(Option::is_some)
    }

    pub fn status(&self, now: Timestamp) -> Status {
        let published = self.published.load();
        Status {
            version: env!("CARGO_PKG_VERSION"),
            now,
            started: self.started,
            ready: self.ready(),
            operations: self.shown(&published).iter().map(|shown| shown.status(now)).collect(),
        }
    }

    fn shown<'a>(&'a self, published: &'a Published) -> Vec<Shown<'a>> {
        let both = self.operations.iter().zip(&published.accounts);
        both.filter_map(|(operation, account)| Some(Shown { operation, account: account.as_deref()? })).collect()
    }

    /// The families of all operations: those with a series per label set, and the few others.
    pub fn families(&self, now: Timestamp) -> (Vec<Family>, Vec<Family>) {
        let published = self.published.load();
        let shown = self.shown(&published);
        (families::call_families(&shown, now), families::operation_families(&shown, self.started, now))
    }
}

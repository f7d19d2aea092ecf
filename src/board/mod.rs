//! What is published: per operation one immutable account, swapped whole when a read has been stored. A scrape reads it
//! without waiting for a poll or a commit.

mod families;
mod instruments;
mod operation;
mod pulse;
mod site;
pub mod status;

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use jiff::Timestamp;

use crate::build_info;
use crate::config::OperationConfig;
use crate::ledger::Ledger;
use domain::account::Account;
use exposition::model::Family;
use exposition::prepared::{Prepared, Settings};

use instruments::Instruments;
pub use operation::{BoardOperation, Shown, rules};
pub use pulse::Pulse;
pub use site::Site;
use status::Status;

/// All that a scrape or the status page may see.
#[derive(Debug)]
pub struct Board {
    started: Timestamp,
    settings: Settings,
    operations: Vec<BoardOperation>,
    instruments: Instruments,
    published: ArcSwap<Published>,
    /// Held by whoever replaces `published`.
    publishing: Mutex<()>,
}

/// The accounts of all operations at one moment, and the families made of them.
struct Published {
    /// `None` before the ledger is loaded.
    accounts: Vec<Option<Arc<Account>>>,
    /// The families with a series per label set.
    calls: Arc<Prepared>,
    /// Whether the window gauges of each operation are among them.
    with_window: Vec<bool>,
}

impl Board {
    /// A board on which nothing is published yet.
    ///
    /// # Errors
    /// None that a user can cause: the instruments have fixed names.
    pub fn new(
        operations: &[OperationConfig],
        settings: Settings,
        started: Timestamp,
    ) -> Result<Self, prometheus::Error> {
        let operations: Vec<_> = operations.iter().map(BoardOperation::new).collect();
        let accounts = vec![None; operations.len()];
        let published = ArcSwap::from_pointee(Published::new(&operations, accounts, settings, started));
        let instruments = Instruments::new(started)?;
        Ok(Self { started, settings, operations, instruments, published, publishing: Mutex::default() })
    }

    pub fn operation(&self, index: usize) -> &BoardOperation {
        &self.operations[index]
    }

    /// Replaces an operation's account: a scrape sees the old one or the new one, whole. Makes the families of all call
    /// series, some milliseconds for a large centre: for a blocking thread.
    pub fn publish(&self, index: usize, account: Arc<Account>, now: Timestamp) {
        self.replace(now, |accounts| accounts[index] = Some(account));
    }

    fn replace(&self, now: Timestamp, change: impl FnOnce(&mut Vec<Option<Arc<Account>>>)) {
        let _publishing = self.publishing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut accounts = self.published.load().accounts.clone();
        change(&mut accounts);
        self.published.store(Arc::new(Published::new(&self.operations, accounts, self.settings, now)));
    }

    /// Notes how a commit ended.
    pub fn ledger_committed(&self, ledger: &Ledger, ok: bool) {
        self.instruments.ledger_committed(ledger, ok);
    }

    /// Whether the ledger is open and every operation loaded.
    pub fn ready(&self) -> bool {
        self.published.load().accounts.iter().all(Option::is_some)
    }

    pub fn status(&self, now: Timestamp) -> Status {
        let published = self.published.load();
        Status {
            version: build_info::VERSION,
            now,
            started: self.started,
            ready: self.ready(),
            operations: shown(&self.operations, &published.accounts).iter().map(|shown| shown.status(now)).collect(),
        }
    }

    /// What a scrape at `now` shows: the families with a series per label set, and the others. Both are of the same
    /// moment. Makes the former again when they are outdated: for a blocking thread, if [`Board::is_outdated`].
    pub fn exposition(&self, now: Timestamp) -> (Arc<Prepared>, Vec<Family>) {
        if self.is_outdated(now) {
            self.replace(now, |_| {});
        }
        let published = self.published.load();
        let shown = shown(&self.operations, &published.accounts);
        let mut others = families::operation_families(&shown, self.started, now);
        others.extend(self.instruments.families());
        (published.calls.clone(), others)
    }

    /// Whether window gauges have expired, or stand for "now" again since a clock was set.
    pub fn is_outdated(&self, now: Timestamp) -> bool {
        let published = self.published.load();
        with_window(&shown(&self.operations, &published.accounts), now) != published.with_window
    }
}

impl Published {
    fn new(
        operations: &[BoardOperation],
        accounts: Vec<Option<Arc<Account>>>,
        settings: Settings,
        now: Timestamp,
    ) -> Self {
        let shown = shown(operations, &accounts);
        let calls = Prepared::new(families::call_families(&shown, now), settings);
        let with_window = with_window(&shown, now);
        Self { accounts, calls, with_window }
    }
}

impl std::fmt::Debug for Published {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Published").field("accounts", &self.accounts.len()).finish_non_exhaustive()
    }
}

fn with_window(operations: &[Shown<'_>], now: Timestamp) -> Vec<bool> {
    operations.iter().map(|shown| shown.has_window(now)).collect()
}

fn shown<'a>(operations: &'a [BoardOperation], accounts: &'a [Option<Arc<Account>>]) -> Vec<Shown<'a>> {
    let both = operations.iter().zip(accounts);
    both.filter_map(|(operation, account)| Some(Shown { operation, account: account.as_deref()? })).collect()
}

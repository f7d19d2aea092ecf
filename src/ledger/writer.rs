//! The one thread that writes: it works through a queue, and what has come meanwhile is stored together.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};

use tokio::sync::{Notify, watch};

use super::error::{CommitError, Replaced};
use super::file::LOOK_EVERY;
use super::store::{Change, Store};

/// Jobs that are stored together: a scrape may wait for no commit, but a poll waits for all of these.
const MOST_AT_ONCE: usize = 256;

/// What is to be done with the store, or the reason why nothing can be: a change to be stored, if there is one.
pub type Job = Box<dyn FnOnce(Result<&mut dyn Store, CommitError>) -> Option<Prepared> + Send>;

/// A change, and whom to tell what became of it.
pub struct Prepared {
    pub change: Change,
    pub done: Box<dyn FnOnce(Result<(), CommitError>) + Send>,
}

/// What others may know at any time.
#[derive(Debug)]
pub struct Shared {
    pub key: [u8; 16],
    /// Row identities of all accounts.
    pub keys: AtomicI64,
    pub commit_errors: AtomicU64,
    /// Of the thread, at least one a second while no commit takes longer.
    pub turns: AtomicU64,
    /// Told when changes have been stored.
    pub stored: Notify,
    /// As of the last commit: a scrape doesn't ask the disk.
    pub size_bytes: AtomicU64,
    /// For the next operation or account.
    pub next_id: AtomicI64,
    /// Whether the last look found the ledger missing, and it could not be written back.
    pub is_gone: AtomicBool,
    /// Set when another file has taken the ledger's place: nothing is stored any more.
    pub replaced: watch::Sender<Option<Replaced>>,
}

/// The queue before the thread. It needs no bound of its own, for an account has one job in it at most. When it is dropped,
/// what is in it is still stored.
#[derive(Debug)]
pub struct Writer {
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub fn start(store: impl Store + 'static, shared: Arc<Shared>) -> std::io::Result<Self> {
        let (jobs, queue) = channel();
        let work = move || work(store, &queue, &shared);
        let thread = thread::Builder::new().name("ledger".to_owned()).spawn(work)?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// What is never done is dropped, and whoever waits for it is told so by that.
    pub fn enqueue(&self, job: Job) {
        if let Some(jobs) = &self.jobs {
            _ = jobs.send(job);
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        // The last one who has a ledger may be a job.
        if let Some(thread) = self.thread.take().filter(|writer| writer.thread().id() != thread::current().id()) {
            _ = thread.join();
        }
    }
}

fn work(mut store: impl Store, queue: &Receiver<Job>, shared: &Shared) {
    loop {
        shared.turns.fetch_add(1, Ordering::Relaxed);
        let first = match queue.recv_timeout(LOOK_EVERY) {
            Ok(job) => Some(job),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => break,
        };
        let kept = keep(&mut store, shared);
        let jobs: Vec<_> = first.into_iter().chain(queue.try_iter()).take(MOST_AT_ONCE).collect();
        if jobs.is_empty() {
            continue;
        }
        if kept.is_err() {
            shared.commit_errors.fetch_add(jobs.len() as u64, Ordering::Relaxed);
        }
        let prepared: Vec<_> = jobs.into_iter().filter_map(|job| prepare(job, &mut store, &kept)).collect();
        let changes: Vec<_> = prepared.iter().map(|prepared| &prepared.change).collect();
        let stored = if changes.is_empty() { Vec::new() } else { store.commit(&changes, &shared.key) };
        let keys: Vec<_> = changes.iter().map(|change| change.keys()).collect();
        shared.size_bytes.store(store.size(), Ordering::Relaxed);
        for ((Prepared { done, .. }, stored), keys) in prepared.into_iter().zip(stored).zip(keys) {
            match stored {
                Ok(()) => _ = shared.keys.fetch_add(keys, Ordering::Relaxed),
                Err(_) => _ = shared.commit_errors.fetch_add(1, Ordering::Relaxed),
            }
            // What shows an account may panic; the others are to be shown all the same.
            _ = catch_unwind(AssertUnwindSafe(|| done(stored.map_err(CommitError::Store))));
        }
        shared.stored.notify_one();
    }
    _ = keep(&mut store, shared);
}

/// A job that panics has changed nothing.
fn prepare(job: Job, store: &mut impl Store, kept: &Result<(), CommitError>) -> Option<Prepared> {
    let store = kept.clone().map(|()| store as &mut dyn Store);
    catch_unwind(AssertUnwindSafe(|| job(store))).ok().flatten()
}

/// Says once that the ledger is not in its place.
fn keep(store: &mut impl Store, shared: &Shared) -> Result<(), CommitError> {
    if let Some(replaced) = &*shared.replaced.borrow() {
        return Err(replaced.clone().into());
    }
    let kept = store.keep();
    let was_gone = shared.is_gone.swap(kept.is_err(), Ordering::Relaxed);
    match &kept {
        Ok(()) => {}
        Err(CommitError::Replaced(replaced)) => _ = shared.replaced.send_replace(Some(replaced.clone())),
        Err(error) if !was_gone => tracing::error!(%error, "the ledger is not in its place"),
        Err(_) => {}
    }
    kept
}

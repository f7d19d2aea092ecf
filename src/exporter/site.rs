use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use exposition::prepared::expose;
use jiff::Timestamp;

use super::reload::Reloads;
use super::systemd;
use crate::build_info;
use crate::clock::{Clock as _, SystemClock};
use crate::config::Links;
use crate::ledger::Ledger;
use crate::logging;
use crate::metrics::{self, Metrics};
use crate::operation::status::Status;
use crate::operation::{Operation, Snapshot};
use crate::web::secure::Secured;
use crate::web::{self, NotShown, Reloaded, Scrape};

/// Commits that come within this are packed together.
const PACK_PAUSE: Duration = Duration::from_millis(250);

/// What the HTTP server shows.
#[derive(Debug)]
pub struct Site {
    started: Timestamp,
    links: Links,
    secured: Arc<Secured>,
    metrics: Arc<Metrics>,
    /// Nothing before it is loaded.
    ledger: OnceLock<Arc<Ledger>>,
    /// As the configuration lists them.
    operations: ArcSwap<Vec<Arc<Operation>>>,
    /// A ledger that was a copy once has been read on to its first now.
    is_whole: OnceLock<()>,
    loaded: Mutex<LastLoad>,
    /// Where requests may ask for them.
    reloads: Option<Reloads>,
}

/// How it stands with the configuration's file.
#[derive(Debug)]
struct LastLoad {
    good_at: Timestamp,
    /// Why the last one is not in force.
    bad: Option<Vec<String>>,
}

/// The file of the configuration and that of TLS and passwords.
pub struct Files {
    /// What is wrong with each of them, where it is not in force.
    pub bad_config: Option<Vec<String>>,
    pub bad_web: Option<Vec<String>>,
    /// When all that is in them was last in force.
    pub good_at: Timestamp,
}

impl Site {
    pub fn new(metrics: Metrics, links: Links, secured: Arc<Secured>, started: Timestamp) -> Self {
        Self {
            started,
            links,
            secured,
            metrics: Arc::new(metrics),
            ledger: OnceLock::new(),
            operations: ArcSwap::default(),
            is_whole: OnceLock::new(),
            loaded: Mutex::new(LastLoad { good_at: started, bad: None }),
            reloads: None,
        }
    }

    /// The same, where requests may ask for a reload.
    pub fn with_reloads(self, reloads: Reloads) -> Self {
        Self { reloads: Some(reloads), ..self }
    }

    /// Shows these operations of an open ledger from now on. Done once.
    pub fn load(&self, ledger: Arc<Ledger>, operations: Vec<Arc<Operation>>) {
        self.show(operations);
        self.ledger.get_or_init(|| ledger);
    }

    /// Shows others from now on, all at once.
    pub fn show(&self, operations: Vec<Arc<Operation>>) {
        self.operations.store(Arc::new(operations));
    }

    pub fn operations(&self) -> Arc<Vec<Arc<Operation>>> {
        self.operations.load_full()
    }

    /// Tells that the configuration has been read again, or why it is not in force.
    pub fn loaded_again(&self, result: Result<(), Vec<String>>) {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        match result {
            Ok(()) => *loaded = LastLoad { good_at: SystemClock.now(), bad: None },
            Err(problems) => loaded.bad = Some(problems),
        }
    }

    /// Tells systemd again and again that what has been loaded does its work. Never ends.
    pub async fn feed_watchdog(&self, address: Option<SocketAddr>) {
        match self.ledger.get() {
            Some(ledger) => systemd::feed(address, ledger, || self.operations()).await,
            None => std::future::pending().await,
        }
    }

    /// Packs what commits have changed before scrapes ask for it, again and again. Never ends.
    pub async fn pack_ahead(&self) {
        let Some(ledger) = self.ledger.get() else { return std::future::pending().await };
        loop {
            ledger.stored_more().await;
            tokio::time::sleep(PACK_PAUSE).await;
            if let Ok(shown) = self.shown() {
                self.metrics.pack_ahead(shown).await;
            }
        }
    }

    /// What scrapes are shown.
    fn shown(&self) -> Result<Vec<Snapshot>, NotShown> {
        let mut snapshots = self.snapshots(SystemClock.now());
        let is_copy = |of: &Snapshot| of.account.marks.copied_at.is_some();
        if self.is_whole.get().is_none() {
            if snapshots.iter().any(is_copy) {
                return Err(NotShown::Copy);
            }
            self.is_whole.get_or_init(|| ());
        }
        // One that a reload has brought back from a copy waits for what it lacks, and keeps the others from nobody.
        snapshots.retain(|of| !is_copy(of));
        Ok(snapshots)
    }

    fn snapshots(&self, now: Timestamp) -> Vec<Snapshot> {
        self.operations.load().iter().flat_map(|operation| Snapshot::all(operation, now)).collect()
    }

    /// How it stands with the files of the configuration, which is noted where all are good: one of them is read by itself.
    pub fn look_at_files(&self) -> Files {
        let web = self.secured.state();
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if loaded.bad.is_none() && web.bad.is_none() {
            loaded.good_at = loaded.good_at.max(web.good_at.unwrap_or(self.started));
        }
        Files { bad_config: loaded.bad.clone(), bad_web: web.bad.map(|bad| bad.problems), good_at: loaded.good_at }
    }
}

impl web::Site for Site {
    async fn metrics(&self, accept: Option<&str>, accept_encoding: Option<&str>) -> Result<Scrape, NotShown> {
        let ledger = self.ledger.get().ok_or(NotShown::NotLoaded)?;
        let snapshots = self.shown()?;
        let shown: Vec<_> = snapshots.iter().map(|of| (of.report.clone(), of.account.clone())).collect();
        let files = self.look_at_files();
        self.metrics.set_loaded(files.bad_config.is_none() && files.bad_web.is_none(), files.good_at);
        let (calls, mut others) = self.metrics.families(snapshots, ledger.figures()).await;
        others.extend(self.secured.certificate_ends().map(metrics::certificate_family));
        let exposed = expose(&calls, &others, accept, accept_encoding).await;
        let served = move || shown.iter().for_each(|(report, account)| report.was_served(account));
        Ok(Scrape { exposed, served: Box::new(served) })
    }

    fn status(&self) -> Status {
        let now = SystemClock.now();
        let Files { bad_config, bad_web, .. } = self.look_at_files();
        Status {
            version: build_info::VERSION,
            now,
            started: self.started,
            ready: web::Site::ready(self),
            operations: self.snapshots(now).iter().map(Snapshot::status).collect(),
            links: self.links.clone(),
            ledger_is_gone: self.ledger.get().is_some_and(|ledger| ledger.is_gone()),
            log_lost: logging::lost(),
            bad_config,
            bad_web_file: bad_web,
        }
    }

    fn ready(&self) -> bool {
        self.ledger.get().is_some()
    }

    fn may_reload(&self) -> bool {
        self.reloads.is_some()
    }

    async fn reload(&self) -> Reloaded {
        match &self.reloads {
            Some(reloads) => reloads.done().await,
            None => Reloaded::Busy,
        }
    }
}

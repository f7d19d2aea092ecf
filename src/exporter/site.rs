use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use exposition::prepared::expose;
use jiff::Timestamp;

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
use crate::web::{self, NotShown, Scrape};

/// What the HTTP server shows.
#[derive(Debug)]
pub struct Site {
    started: Timestamp,
    links: Links,
    secured: Arc<Secured>,
    metrics: Arc<Metrics>,
    /// Nothing before the ledger is loaded.
    loaded: OnceLock<Loaded>,
}

/// The operations of an open ledger.
#[derive(Debug)]
pub struct Loaded {
    pub ledger: Arc<Ledger>,
    /// As the configuration lists them.
    pub operations: Vec<Arc<Operation>>,
}

impl Site {
    pub fn new(metrics: Metrics, links: Links, secured: Arc<Secured>, started: Timestamp) -> Self {
        Self { started, links, secured, metrics: Arc::new(metrics), loaded: OnceLock::new() }
    }

    /// Shows the operations from now on. Done once.
    pub fn show(&self, loaded: Loaded) -> &Loaded {
        self.loaded.get_or_init(|| loaded)
    }

    /// Tells systemd again and again that what has been loaded does its work. Never ends.
    pub async fn feed_watchdog(&self, address: Option<SocketAddr>) {
        match self.loaded.get() {
            Some(loaded) => systemd::feed(address, loaded).await,
            None => std::future::pending().await,
        }
    }

    fn snapshots(&self, now: Timestamp) -> Vec<Snapshot> {
        let operations = self.loaded.get().map_or(&[][..], |loaded| &loaded.operations);
        operations.iter().flat_map(|operation| Snapshot::all(operation, now)).collect()
    }
}

impl web::Site for Site {
    async fn metrics(&self, accept: Option<&str>, accept_encoding: Option<&str>) -> Result<Scrape, NotShown> {
        let loaded = self.loaded.get().ok_or(NotShown::NotLoaded)?;
        let snapshots = self.snapshots(SystemClock.now());
        if snapshots.iter().any(|of| of.account.marks.copied_at.is_some()) {
            return Err(NotShown::Copy);
        }
        let shown: Vec<_> = snapshots.iter().map(|of| (of.report.clone(), of.account.clone())).collect();
        let secured = self.secured.state();
        self.metrics.set_loaded(secured.bad.is_none(), secured.good_at.unwrap_or(self.started));
        let (calls, mut others) = self.metrics.families(snapshots, loaded.ledger.figures()).await;
        others.extend(self.secured.certificate_ends().map(metrics::certificate_family));
        let exposed = expose(&calls, &others, accept, accept_encoding).await;
        let served = move || shown.iter().for_each(|(report, account)| report.was_served(account));
        Ok(Scrape { exposed, served: Box::new(served) })
    }

    fn status(&self) -> Status {
        let now = SystemClock.now();
        Status {
            version: build_info::VERSION,
            now,
            started: self.started,
            ready: web::Site::ready(self),
            operations: self.snapshots(now).iter().map(Snapshot::status).collect(),
            links: self.links.clone(),
            ledger_is_gone: self.loaded.get().is_some_and(|loaded| loaded.ledger.is_gone()),
            log_lines_dropped: logging::dropped_lines(),
            bad_web_file: self.secured.state().bad.map(|bad| bad.problems),
        }
    }

    fn ready(&self) -> bool {
        self.loaded.get().is_some()
    }
}

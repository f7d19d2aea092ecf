//! The exporter put together: a server that answers from the first moment, and the operations that are read, once the
//! ledger is loaded.
//!
//! [`operations`] has the tasks of each, and changes them when the configuration is read again; [`reload`] is the wish for
//! that. `site` is what the server shows, and `systemd` what that is told.

mod hanging;
mod kept;
mod operations;
mod reload;
mod site;
mod systemd;
mod threads;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use exposition::prepared::Settings;
use procfs::process::{LimitValue, Process};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;

use crate::clock::{Clock as _, SystemClock};
use crate::config::Config;
use crate::ledger::Ledger;
use crate::metrics::Metrics;
use crate::operation::Operation;
use crate::shutdown::Shutdown;
use crate::web::listen::{Door, Listener};
use crate::web::secure::Secured;
use crate::web::server::Limits;
use crate::web::{listen, server};
use crate::wolkvox::client::Network;

use operations::{Operations, look_at_tokens};
use threads::ServerThreads;

pub use reload::{Read, Reloading, Reloads};
pub use site::Site;
pub use threads::giving_way;

/// A commit to a disk that hangs is not waited for longer: the process promises to end within ten seconds. The server
/// cuts its connections after five.
const TASKS_END_WITHIN: Duration = Duration::from_secs(6);

/// The exporter, listening and about to poll.
pub struct Exporter {
    config: Config,
    listeners: Vec<Listener>,
    secured: Arc<Secured>,
    site: Arc<Site>,
    reloading: Reloading,
}

impl Exporter {
    /// Binds the addresses. Nothing is polled yet.
    pub async fn start(config: Config, secured: Secured, reloading: Reloading) -> anyhow::Result<Self> {
        // Who reaches a limit on the size of files is to hear of it as of a full disk; unhandled, it ends the process.
        let _ = signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()))?;
        let mut listeners: Vec<Listener> =
            listen::bind(&config.web.listen_addresses).await?.into_iter().map(Listener::from).collect();
        if let Some(address) = config.web.probe_address {
            listeners.push(Listener { socket: listen::bind_probes(address).await?, door: Door::Probes });
        }
        let secured = Arc::new(secured);
        tracing::info!("serving {}", secured.terms().borrow().describe());
        let settings = Settings { created_lines: config.web.openmetrics_created };
        let started = SystemClock.now();
        let site = Site::new(Metrics::new(settings, started)?, config.web.links.clone(), secured.clone(), started);
        let site = if config.web.lifecycle { site.with_reloads(reloading.reloads()) } else { site };
        Ok(Self { config, listeners, secured, site: Arc::new(site), reloading })
    }

    /// The addresses that are bound for everything.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        let all = self.listeners.iter().filter(|listener| listener.door == Door::All);
        all.filter_map(|listener| listener.socket.local_addr().ok()).collect()
    }

    /// What it shows.
    pub fn site(&self) -> Arc<Site> {
        self.site.clone()
    }

    pub fn telemetry_path(&self) -> &str {
        &self.config.web.telemetry_path
    }

    /// Serves and polls until shutdown. The server answers from the first moment; it is ready when the ledger is loaded.
    ///
    /// # Errors
    /// When the ledger can't be opened, the environment names certificates or a proxy that can't be used, or a task ends that never should.
    pub async fn run(self, shutdown: Shutdown) -> anyhow::Result<()> {
        let Self { config, listeners, secured, site, reloading } = self;
        let mut tasks = JoinSet::new();
        let limits = Limits::within(open_files(), config.operations.len());
        let options =
            server::Options { telemetry_path: config.web.telemetry_path.clone(), limits, secured: secured.clone() };
        // That of the probes, if they have one.
        let asked_at = listeners.last().and_then(|listener| listener.socket.local_addr().ok());
        let (served, stop) = (site.clone(), shutdown.clone());
        let server_threads = ServerThreads::start().context("starting the server's threads")?;
        server_threads.spawn(&mut tasks, async move {
            server::run(listeners, served, options, async move { stop.requested().await }).await;
            "the HTTP server".to_owned()
        });
        let kept = secured.clone();
        let keep = async move { kept.keep().await };
        tasks.spawn(until_shutdown("the look at the web configuration", keep, shutdown.clone()));

        let opening = tokio::task::spawn_blocking(move || {
            let network = Network::from_environment(config.operations.iter().map(|operation| &operation.server))?;
            anyhow::Ok((open(&config)?, config, network))
        });
        let ((ledger, opened), config, network) = tokio::select! {
            () = shutdown.requested() => return Ok(()),
            opened = opening => opened.context("opening the ledger")??,
        };
        site.load(ledger.clone(), opened);
        look_at_tokens(config.operations.clone());
        let shown = (site.clone(), ledger.clone());
        let operations = Operations::new(config, &network, shown, secured, reloading.read, shutdown.clone())?;
        let fed = site.clone();
        let feed = async move { fed.feed_watchdog(asked_at).await };
        tasks.spawn(until_shutdown("the feeding of the watchdog", feed, shutdown.clone()));
        let packed = site.clone();
        let pack = async move { packed.pack_ahead().await };
        let pack = until_shutdown("the packing of what scrapes will ask for", pack, shutdown.clone());
        server_threads.spawn(&mut tasks, pack);
        tracing::info!("ready");
        systemd::ready();
        tasks.spawn(operations.run(reloading.asked));

        let first = tokio::select! {
            () = shutdown.requested() => None,
            replaced = ledger.replaced() => return Err(replaced.into()),
            ended = tasks.join_next() => ended,
        };
        if let Some(ended) = first
            && !shutdown.is_requested()
        {
            // A task that panicked has said so in the log. A supervisor's restart mends more than going on without it.
            let what = ended.map_or_else(|error| error.to_string(), |name| format!("{name} has ended"));
            return Err(anyhow!("{what}, which it never should; stopping"));
        }
        systemd::stopping();
        let all_ended = async {
            while tasks.join_next().await.is_some() {}
            let operations = site.operations();
            let reports =
                operations.iter().flat_map(|operation| operation.reports()).map(|report| report.store_served());
            for stored in futures_util::future::join_all(reports).await {
                if let Err(error) = stored {
                    tracing::warn!(%error, "what was served last could not be stored; the next start begins with what is");
                }
            }
        };
        if tokio::time::timeout(TASKS_END_WITHIN, all_ended).await.is_err() {
            tracing::warn!(
                "not everything could be ended in time; what was not stored is read again at the next start"
            );
        }
        Ok(())
    }
}

/// A task that would go on for ever, until shutdown. Returns its name.
async fn until_shutdown(name: &'static str, work: impl Future<Output = ()>, shutdown: Shutdown) -> String {
    tokio::select! {
        () = work => {}
        () = shutdown.requested() => {}
    }
    name.to_owned()
}

/// How many files the process may have open, or where that can't be learnt, the usual number.
fn open_files() -> u64 {
    const USUAL: u64 = 1_024;
    let limits = Process::myself().and_then(|process| process.limits());
    match limits.map(|limits| limits.max_open_files.soft_limit) {
        Ok(LimitValue::Value(files)) => files,
        Ok(LimitValue::Unlimited) => u64::MAX,
        Err(_) => USUAL,
    }
}

/// Opens the ledger and each operation in it. Blocks on the disk.
fn open(config: &Config) -> anyhow::Result<(Arc<Ledger>, Vec<Arc<Operation>>)> {
    let now = SystemClock.now();
    let ledger = Arc::new(Ledger::open(&config.ledger, now)?);
    let open = |config| Operation::open(&ledger, config, now);
    let operations = config.operations.iter().map(open).collect::<Result<_, _>>()?;
    Ok((ledger, operations))
}

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::board::{Board, Site};
use crate::clock::{Clock as _, SystemClock};
use crate::config::Config;
use crate::ledger::Ledger;
use crate::poller::{Book, Poller, Turns, end_holds, open_account};
use crate::shutdown::Shutdown;
use crate::web::server::Limits;
use crate::web::{listen, server};
use crate::wolkvox::client::Client;
use exposition::prepared::Settings;

/// A commit to a disk that hangs is not waited for longer: the process promises to end within ten seconds. The server
/// cuts its connections after five.
const TASKS_END_WITHIN: Duration = Duration::from_secs(6);

/// The exporter, listening and about to poll.
pub struct Exporter {
    config: Config,
    listeners: Vec<TcpListener>,
    board: Arc<Board>,
}

impl Exporter {
    /// Binds the addresses. Nothing is polled yet.
    pub async fn start(config: Config) -> anyhow::Result<Self> {
        let listeners = listen::bind(&config.web.listen_addresses).await?;
        let settings = Settings { created_lines: config.web.openmetrics_created };
        let board = Arc::new(Board::new(&config.operations, settings, SystemClock.now())?);
        Ok(Self { config, listeners, board })
    }

    /// The addresses that are bound.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect()
    }

    pub fn telemetry_path(&self) -> &str {
        &self.config.web.telemetry_path
    }

    /// Serves and polls until shutdown. The server answers from the first moment; it is ready when the ledger is loaded.
    ///
    /// # Errors
    /// When the ledger can't be opened, or a task ends that never should.
    pub async fn run(self, shutdown: Shutdown) -> anyhow::Result<()> {
        let mut tasks = JoinSet::new();
        let site = Arc::new(Site::new(self.board.clone()));
        let options =
            server::Options { telemetry_path: self.config.web.telemetry_path.clone(), limits: Limits::default() };
        let stop = shutdown.clone();
        tasks.spawn(async move {
            server::run(self.listeners, site, options, async move { stop.requested().await }).await;
            "the HTTP server"
        });

        let (config, board) = (self.config, self.board);
        let opening = tokio::task::spawn_blocking(move || open_books(config, board));
        let books = tokio::select! {
            () = shutdown.requested() => return Ok(()),
            opened = opening => opened.context("opening the ledger")??,
        };
        let turns = Turns::default();
        for (index, (operation, book)) in books.into_iter().enumerate() {
            let book = Arc::new(book);
            let client = Arc::new(Client::new(&operation)?);
            let poller = Poller::new(client, book.clone(), index, turns.clone(), SystemClock, shutdown.clone());
            tasks.spawn(async move {
                poller.run().await;
                "a poller"
            });
            let stop = shutdown.clone();
            tasks.spawn(async move {
                end_holds(book, operation.hold, SystemClock, stop).await;
                "the hold of new series"
            });
        }
        tracing::info!("ready");

        let first = tokio::select! {
            () = shutdown.requested() => None,
            ended = tasks.join_next() => ended,
        };
        if let Some(ended) = first
            && !shutdown.is_requested()
        {
            // A task that panicked has said so in the log. A supervisor's restart mends more than going on without it.
            let what = ended.map_or_else(|error| error.to_string(), |name| format!("{name} has ended"));
            return Err(anyhow!("{what}, which it never should; stopping"));
        }
        let all_ended = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(TASKS_END_WITHIN, all_ended).await.is_err() {
            tracing::warn!(
                "not everything could be ended in time; what was not stored is read again at the next start"
            );
        }
        Ok(())
    }
}

/// Opens the ledger and each operation's account, and publishes them.
fn open_books(config: Config, board: Arc<Board>) -> anyhow::Result<Vec<(crate::config::OperationConfig, Book)>> {
    let now = SystemClock.now();
    let ledger = Arc::new(Ledger::open(&config.ledger, now)?);
    let mut accounts = Vec::with_capacity(config.operations.len());
    for operation in &config.operations {
        accounts.push(open_account(&ledger, operation, now)?);
    }
    board.ledger_committed(&ledger, true);
    let books = accounts
        .into_iter()
        .enumerate()
        .map(|(index, (id, account))| Book::new(ledger.clone(), id, account, board.clone(), index, now));
    Ok(config.operations.into_iter().zip(books).collect())
}

//! The operations that are read: a few tasks for each, and how one is added, removed or changed while the others go on.
//!
//! A changed operation is started anew, by the way that a start of the process takes: its tasks end, its accounts are taken
//! from the ledger, and others begin by the new settings. Meanwhile scrapes see it as it was.

use std::collections::HashMap;
use std::future::poll_fn;
use std::path::PathBuf;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::mpsc;

use super::hanging::Hanging;
use super::kept::{Clients, Kept, Tasks, clients_of};
use super::reload::{Asked, Read};
use super::{Site, systemd};
use crate::clock::{Clock as _, SystemClock};
use crate::config::{Config, OperationConfig, differences};
use crate::ledger::{CommitError, Ledger};
use crate::operation::Operation;
use crate::poller::Turns;
use crate::shutdown::Shutdown;
use crate::web::Reloaded;
use crate::web::secure::Secured;
use crate::wolkvox::client::{Network, SetupError};
use crate::wolkvox::token;

/// How long until an account is tried to be taken again that the ledger could not give.
const LEDGER_PAUSE: Duration = Duration::from_secs(10);

const NO_FILE: &str = "there is no configuration file to read again: what flags and variables say takes a restart";

/// All operations, in the order of the configuration.
pub struct Operations {
    ledger: Arc<Ledger>,
    ledger_path: PathBuf,
    read: Option<Read>,
    secured: Arc<Secured>,
    site: Arc<Site>,
    turns: Turns,
    shutdown: Shutdown,
    all: Vec<Kept>,
    /// Whether the file that was read last is in force, or will be when the ledger allows it.
    file_is_good: bool,
    hanging: Hanging,
}

/// A configuration that has been checked against what runs, so that nothing in it can be refused any more: with clients
/// where an operation is new or another one than before.
type Plan = Vec<(OperationConfig, Option<Clients>)>;

impl Operations {
    /// Those that `site` shows, by the configuration that they were opened with. Nothing is asked yet.
    ///
    /// # Errors
    /// Where a client can't be made.
    pub fn new(
        config: Config,
        network: &Network,
        (site, ledger): (Arc<Site>, Arc<Ledger>),
        secured: Arc<Secured>,
        read: Option<Read>,
        shutdown: Shutdown,
    ) -> Result<Self, SetupError> {
        let operations = site.operations();
        let keep = |(config, operation): (OperationConfig, &Arc<Operation>)| {
            let clients = clients_of(&config, network)?;
            Ok::<_, SetupError>(Kept { config, clients, operation: Some(operation.clone()), tasks: None })
        };
        let all = config.operations.into_iter().zip(operations.iter()).map(keep).collect::<Result<_, _>>()?;
        let turns = Turns::beside(&config.ledger);
        let (ledger_path, file_is_good, hanging) = (config.ledger, true, Hanging::default());
        Ok(Self { ledger, ledger_path, read, secured, site, turns, shutdown, all, file_is_good, hanging })
    }

    /// Reads them until shutdown, and changes them when it is asked for. Says which task has ended, where one has that never
    /// should.
    pub async fn run(mut self, mut asked: mpsc::Receiver<Asked>) -> String {
        for kept in &mut self.all {
            kept.begin(&self.turns, &self.shutdown);
        }
        let shutdown = self.shutdown.clone();
        let ended = loop {
            let is_one_missing = self.all.iter().any(|kept| kept.tasks.is_none());
            tokio::select! {
                () = shutdown.requested() => break String::new(),
                ended = self.ended() => break ended,
                Some(waiting) = asked.recv() => {
                    let reloaded = self.reload().await;
                    // Who has asked may have gone.
                    _ = waiting.map(|waiting| waiting.send(reloaded));
                }
                () = tokio::time::sleep(LEDGER_PAUSE), if is_one_missing => {
                    if self.open_missing().await.is_empty() && self.file_is_good {
                        self.site.loaded_again(Ok(()));
                    }
                }
            }
        };
        if shutdown.is_requested() {
            // What comes now ends as soon as it begins.
            let tasks = self.all.iter_mut().filter_map(|kept| kept.tasks.as_mut());
            join_all(tasks.map(Tasks::have_ended)).await;
        }
        ended
    }

    /// The first task that ends.
    async fn ended(&mut self) -> String {
        poll_fn(|cx| {
            for tasks in self.all.iter_mut().filter_map(|kept| kept.tasks.as_mut()) {
                if let Poll::Ready(Some(ended)) = tasks.running.poll_join_next(cx) {
                    return Poll::Ready(ended.map_or_else(|error| error.to_string(), str::to_owned));
                }
            }
            Poll::Pending
        })
        .await
    }

    async fn reload(&mut self) -> Reloaded {
        systemd::reloading();
        let reloaded = self.load_again().await;
        systemd::reloaded(match &reloaded {
            Reloaded::Done(_) => "The configuration is that of its file.",
            Reloaded::Refused(_) | Reloaded::Busy => "The last reload was refused: see the log.",
        });
        reloaded
    }

    /// Reads all files again. What is wrong with one of them keeps all operations as they are.
    async fn load_again(&mut self) -> Reloaded {
        // As of before: what is found good now is no success where another file is bad.
        self.site.look_at_files();
        let (read, secured) = (self.read.clone(), self.secured.clone());
        let reading = move || (read.map(|read| read()), secured.read_again());
        let (config, web) = match self.hanging.in_time(&self.shutdown, "reading the configuration", reading).await {
            Ok(both) => both,
            Err(problem) => return self.refused(vec![problem]),
        };
        let (web, mut problems) = match web {
            Some(Err(problems)) => (None, problems),
            Some(Ok(described)) => (Some(described), Vec::new()),
            None => (None, Vec::new()),
        };
        let Some(config) = config else {
            // No file is bad, then.
            tracing::warn!("{NO_FILE}");
            problems.insert(0, NO_FILE.to_owned());
            return match web {
                Some(web) => Reloaded::Done(vec![web, NO_FILE.to_owned()]),
                None => Reloaded::Refused(problems),
            };
        };
        let plan = match config {
            Ok(config) => self.planned(config).await,
            Err(problems) => Err(problems.lines()),
        };
        match plan {
            Ok(plan) if problems.is_empty() => self.change(plan, web).await,
            Ok(_) => self.refused(problems),
            Err(others) => self.refused(others.into_iter().chain(problems).collect()),
        }
    }

    fn refused(&mut self, problems: Vec<String>) -> Reloaded {
        problems.iter().for_each(|problem| tracing::error!("{problem}"));
        tracing::error!("the configuration was to be read again and is not in force, see above; all goes on as before");
        self.file_is_good = false;
        self.site.loaded_again(Err(problems.clone()));
        Reloaded::Refused(problems)
    }

    /// Checks what a configuration asks for against what runs, or says all that can't be done.
    async fn planned(&mut self, config: Config) -> Result<Plan, Vec<String>> {
        let mut problems = Vec::new();
        if config.ledger != self.ledger_path {
            let (is, was) = (config.ledger.display(), self.ledger_path.display());
            problems.push(format!(
                "ledger is {is} (was {was}): the ledger can't change while the exporter runs, restart it"
            ));
        }
        let is_same = |new: &OperationConfig| {
            self.all.iter().any(|kept| kept.config.name == new.name && differences(&kept.config, new).is_empty())
        };
        let operations: Vec<_> = config.operations.into_iter().map(|new| (is_same(&new), new)).collect();
        // Certificates are files.
        let make = move || {
            if operations.iter().all(|(is_same, _)| *is_same) {
                return Ok(operations.into_iter().map(|(_, config)| (config, None)).collect());
            }
            let network = Network::from_environment(operations.iter().map(|(_, config)| &config.server));
            let network = network.map_err(|error| vec![error.to_string()])?;
            let mut problems = Vec::new();
            let mut made = Vec::new();
            for (is_same, config) in operations {
                let clients = if is_same { Ok(None) } else { clients_of(&config, &network).map(Some) };
                match clients {
                    Ok(clients) => made.push((config, clients)),
                    Err(error) => problems.push(format!("operation {}: {error:#}", config.name)),
                }
            }
            if problems.is_empty() { Ok(made) } else { Err(problems) }
        };
        match self
            .hanging
            .in_time(&self.shutdown, "making the clients", make)
            .await
            .unwrap_or_else(|problem| Err(vec![problem]))
        {
            Ok(plan) if problems.is_empty() => Ok(plan),
            Ok(_) => Err(problems),
            Err(others) => Err(problems.into_iter().chain(others).collect()),
        }
    }

    /// Does what a plan says: operations that it leaves as they are notice nothing.
    async fn change(&mut self, plan: Plan, web: Option<String>) -> Reloaded {
        let mut changes: Vec<String> = web.into_iter().collect();
        let mut others = std::mem::take(&mut self.all);
        let mut added = Vec::new();
        let mut stopped = Vec::new();
        for (config, clients) in plan {
            let known = others.iter().position(|kept| kept.config.name == config.name).map(|at| others.remove(at));
            match (known, clients) {
                (Some(kept), None) => self.all.push(kept),
                (Some(mut kept), Some(clients)) => {
                    stopped.extend(kept.stop());
                    changes.push(kept.becomes(config, clients));
                    self.all.push(kept);
                }
                (None, Some(clients)) => {
                    added.push(config.name.clone());
                    self.all.push(Kept { config, clients, operation: None, tasks: None });
                }
                // A plan has clients for what is new.
                (None, None) => {}
            }
        }
        stopped.extend(others.iter_mut().filter_map(Kept::stop));
        join_all(stopped).await;
        let new: Vec<_> = self.all.iter().filter(|kept| kept.tasks.is_none()).map(|kept| kept.config.clone()).collect();
        look_at_tokens(new);
        let failures = self.open_missing().await;
        changes.extend(others.iter().map(|kept| format!("{}: removed; its account is kept", kept.config.name)));
        let added = self.all.iter().filter(|kept| added.contains(&kept.config.name));
        changes.extend(added.map(|kept| kept.introduced(&others)));
        if changes.is_empty() {
            changes.push("nothing has changed".to_owned());
        }
        changes.iter().for_each(|change| tracing::info!("{change}"));
        failures.iter().for_each(|failure| tracing::error!("{failure}"));
        tracing::info!("the configuration has been read again");
        self.file_is_good = true;
        if failures.is_empty() {
            self.site.loaded_again(Ok(()));
            Reloaded::Done(changes)
        } else {
            self.site.loaded_again(Err(failures.clone()));
            Reloaded::Refused(failures)
        }
    }

    /// Takes the accounts of those operations from the ledger that nothing reads, begins to read them, and shows all. Says
    /// where the ledger could not give them: these are shown as they were, if they were.
    async fn open_missing(&mut self) -> Vec<String> {
        let missing = self.all.iter().filter(|kept| kept.tasks.is_none());
        let missing: Vec<_> = missing.map(|kept| (kept.config.clone(), kept.operation.clone())).collect();
        let ledger = self.ledger.clone();
        let opening = tokio::task::spawn_blocking(move || {
            let now = SystemClock.now();
            let open = |(config, before): &(OperationConfig, Option<Arc<Operation>>)| {
                (config.name.clone(), Operation::reopen(&ledger, config, now, before.as_deref()))
            };
            missing.iter().map(open).collect::<HashMap<_, _>>()
        });
        // What panicked has said so in the log.
        let mut opened = opening.await.unwrap_or_default();
        let mut failures = Vec::new();
        for kept in self.all.iter_mut().filter(|kept| kept.tasks.is_none()) {
            let name = &kept.config.name;
            match opened.remove(name).unwrap_or_else(|| Err(CommitError::broken())) {
                Ok(operation) => {
                    kept.operation = Some(operation);
                    kept.begin(&self.turns, &self.shutdown);
                }
                Err(error) => failures.push(format!(
                    "{name}: {error}; it is not read until the ledger gives its account, which is tried every \
                     {LEDGER_PAUSE:?}"
                )),
            }
        }
        self.site.show(self.all.iter().filter_map(|kept| kept.operation.clone()).collect());
        failures
    }
}

/// Says what is wrong with a token before the first poll needs it, which may be an hour away. It may still be mended: the
/// exporter goes on. The file may be on a network that hangs: nothing waits for it.
pub fn look_at_tokens(operations: Vec<OperationConfig>) {
    tokio::task::spawn_blocking(move || {
        for OperationConfig { name, token, .. } in &operations {
            match token::look(token) {
                Ok(remarks) => remarks.iter().for_each(|remark| tracing::warn!(operation = name, "{remark}")),
                Err(error) => {
                    tracing::warn!(
                        operation = name,
                        "{error}; it is read again for each call, so it can still be put there"
                    )
                }
            }
        }
    });
}

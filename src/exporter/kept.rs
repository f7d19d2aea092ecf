use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::clock::SystemClock;
use crate::config::{Difference, OperationConfig, differences};
use crate::operation::{Operation, Report, ReportSettings, report_settings};
use crate::poller::{Poller, Turns, end_holds, reconcile, watch_quota};
use crate::shutdown::{Shutdown, ShutdownTrigger};
use crate::wolkvox::client::{Client, Network, SetupError};

/// A call takes some seconds. One that takes longer is abandoned, as at the end of the process: nothing is counted of it, and
/// it is made again.
const CALL_ENDS_WITHIN: Duration = Duration::from_secs(10);

/// An operation that is to be read.
pub struct Kept {
    pub config: OperationConfig,
    pub clients: Clients,
    /// `None` until the ledger has given its accounts.
    pub operation: Option<Arc<Operation>>,
    /// `None` while it is changed.
    pub tasks: Option<Tasks>,
}

/// What reads an operation.
pub struct Tasks {
    trigger: ShutdownTrigger,
    /// Each ends with its name.
    pub running: JoinSet<&'static str>,
}

/// What asks the API for the reports of an operation. The first one asks for what is no list of calls too.
pub type Clients = Vec<Arc<Client>>;

impl Kept {
    /// Begins to read it, if it has been opened.
    pub fn begin(&mut self, turns: &Turns, shutdown: &Shutdown) {
        let Some(operation) = &self.operation else { return };
        let (trigger, shutdown) = shutdown.part();
        let mut running = JoinSet::new();
        let first = self.clients.first();
        if let Some(client) = first.filter(|_| !self.config.quota_interval.is_zero()) {
            let (client, every) = (client.clone(), self.config.quota_interval);
            let quota = watch_quota(client, operation.clone(), turns.clone(), SystemClock, every, shutdown.clone());
            running.spawn(async move {
                quota.await;
                "the watch of the quota"
            });
        }
        if let Some((client, comparisons)) = first.zip(operation.comparisons.clone()) {
            let (client, turns, shutdown) = (client.clone(), turns.clone(), shutdown.clone());
            let reconcile = reconcile(client, operation.clone(), comparisons, turns, SystemClock, shutdown);
            running.spawn(async move {
                reconcile.await;
                "the reconciliation"
            });
        }
        for client in &self.clients {
            // As many as the configuration names, like the reports that were opened by it.
            let is_its_own = |report: &&Arc<Report>| report.kind.name == client.report().name;
            let Some(report) = operation.reports().find(is_its_own) else { continue };
            let poller = Poller::new(client.clone(), report.clone(), turns.clone(), SystemClock, shutdown.clone());
            running.spawn(async move {
                poller.run().await;
                "a poller"
            });
            let holds = end_holds(report.clone(), SystemClock, shutdown.clone());
            running.spawn(async move {
                holds.await;
                "the hold of new series"
            });
        }
        self.tasks = Some(Tasks { trigger, running });
    }

    /// What ends when nothing reads it any more, and all that was read is stored; `None` where nothing does.
    pub fn stop(&mut self) -> Option<impl Future<Output = ()> + use<>> {
        let mut tasks = self.tasks.take()?;
        let operation = self.operation.clone()?;
        Some(async move {
            tasks.trigger.leave();
            if timeout(CALL_ENDS_WITHIN, tasks.have_ended()).await.is_err() {
                tracing::warn!(
                    operation = %operation.name,
                    "its call takes longer than {CALL_ENDS_WITHIN:?}; it is abandoned, and made again"
                );
                tasks.trigger.stop();
                tasks.have_ended().await;
            }
            operation.is_settled().await;
            operation.reports().for_each(|report| report.pulse().is_left());
        })
    }

    /// Takes other settings, and says which.
    pub fn becomes(&mut self, config: OperationConfig, clients: Clients) -> String {
        let differences = differences(&self.config, &config);
        if let Some(operation) = self.operation.as_ref().filter(|_| !same_token(&differences)) {
            // What was told is of another one.
            operation.quota.tell(None);
        }
        (self.config, self.clients) = (config, clients);
        let told: Vec<_> = differences.iter().map(Difference::to_string).collect();
        format!("{}: {}", self.config.name, told.join(", "))
    }

    /// What is said of one that is new, beside those that have been `removed`.
    pub fn introduced(&self, removed: &[Self]) -> String {
        let name = &self.config.name;
        let begins = match self.operation.as_ref().map(|operation| operation.abandoned.account()) {
            None => "is not read yet".to_owned(),
            Some(account) if account.marks.read_before => {
                format!("goes on from {}, where its account ended", account.marks.complete_until)
            }
            Some(account) => format!("counts from {}", account.marks.start),
        };
        let renamed = removed.iter().find(|other| same_token(&differences(&other.config, &self.config)));
        let renamed = renamed.map_or_else(String::new, |other| {
            format!(
                "; it has the server and the token of {old}, but an account is known by its name: nothing of {old} is \
                 carried over",
                old = other.config.name
            )
        });
        format!("{name}: added, {begins}{renamed}")
    }
}

impl Tasks {
    pub async fn have_ended(&mut self) {
        while self.running.join_next().await.is_some() {}
    }
}

pub fn clients_of(config: &OperationConfig, network: &Network) -> Result<Clients, SetupError> {
    let client = |report: &ReportSettings| Client::new(config, report.kind, network).map(Arc::new);
    report_settings(config).iter().map(client).collect()
}

/// Whether the same token is used with the same server.
fn same_token(differences: &[Difference]) -> bool {
    !differences.iter().any(|difference| ["server", "token_file", "token_env"].contains(&difference.key))
}

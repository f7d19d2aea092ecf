//! What systemd is told: that the exporter is ready, that it reloads or stops, and again and again that it does its work.
//!
//! Without systemd (`NOTIFY_SOCKET`) nobody is told anything.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use jiff::Timestamp;
use sd_notify::NotifyState;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::clock::{Clock as _, SystemClock};
use crate::ledger::Ledger;
use crate::operation::{Operation, Report};
use crate::paths::HEALTHY;
use crate::web::listen::reached_at;

/// The server answers a probe within milliseconds.
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);

/// A commit takes milliseconds, on a slow disk seconds. The thread that makes them turns once a second.
const COMMITS_WITHIN: Duration = Duration::from_secs(60);

/// A poller looks at its plan every half minute.
const POLLS_WITHIN: Duration = Duration::from_secs(120);

/// The ledger is loaded, and the pollers have begun.
pub fn ready() {
    tell(&[NotifyState::Ready]);
}

/// What is under way is brought to its end.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// The configuration is read again. [`reloaded`] follows.
pub fn reloading() {
    // From systemd 253 on it wants to know when, so that it doesn't take an earlier reload for this one.
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => tracing::warn!(%error, "systemd could not be told of a reload"),
    }
}

/// A reload has ended; `status` is what `systemctl status` shows.
pub fn reloaded(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!(%error, "systemd could not be told how the exporter is");
    }
}

/// Feeds the watchdog, where there is one, as long as the work is done. Never ends.
pub async fn feed(
    address: Option<SocketAddr>,
    ledger: &Arc<Ledger>,
    operations: impl Fn() -> Arc<Vec<Arc<Operation>>>,
) {
    let Some(period) = sd_notify::watchdog_enabled() else { return std::future::pending().await };
    let (address, turns) = (address.map(reached_at), Unchanged::new(ledger.turns()));
    let mut work = Work { address, ledger: ledger.clone(), turns, polls: Vec::new() };
    loop {
        work.is_of(&operations());
        match work.is_done().await {
            Ok(()) => tell(&[NotifyState::Watchdog]),
            Err(error) => tracing::error!("{error:#}; if that lasts, systemd starts the exporter anew"),
        }
        // One that is left out, as for a clock that was set, is no reason to start anew.
        tokio::time::sleep(period / 3).await;
    }
}

/// What must go on, whatever the API does.
struct Work {
    /// Where the server is to answer.
    address: Option<SocketAddr>,
    ledger: Arc<Ledger>,
    turns: Unchanged<u64>,
    polls: Vec<(Arc<Report>, Unchanged<Option<Timestamp>>)>,
}

impl Work {
    /// Looks at these operations from now on. A reload has others.
    fn is_of(&mut self, operations: &[Arc<Operation>]) {
        let mut known = std::mem::take(&mut self.polls);
        let reports = operations.iter().flat_map(|operation| operation.reports());
        let look = |report: &Arc<Report>| match known.iter().position(|(known, _)| Arc::ptr_eq(known, report)) {
            Some(at) => known.swap_remove(at),
            None => (report.clone(), Unchanged::new(None)),
        };
        self.polls = reports.map(look).collect();
    }

    async fn is_done(&mut self) -> anyhow::Result<()> {
        ensure!(
            self.turns.by(self.ledger.turns()) < COMMITS_WITHIN,
            "a commit to the ledger has taken longer than {COMMITS_WITHIN:?}"
        );
        self.polls_go_on()?;
        match self.address {
            Some(address) => timeout(ANSWERS_WITHIN, answers(address))
                .await
                .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
                .with_context(|| format!("the server does not answer itself at {address}")),
            None => Ok(()),
        }
    }

    /// Each report is polled when it is due, and each poll goes on.
    fn polls_go_on(&mut self) -> anyhow::Result<()> {
        let now = SystemClock.now();
        for (report, next_poll) in &mut self.polls {
            // While a poll is under way there is no next one, but each of its steps has an end.
            let (next, step_ends) = {
                let pulse = report.pulse();
                (pulse.next_poll, pulse.step_ends)
            };
            ensure!(
                step_ends.is_none_or(|ends| Instant::now() <= ends),
                "operation {}, report {}: the poll that is under way does not go on",
                report.operation,
                report.kind.name
            );
            // By both clocks, for the host's may be set; the poller then plans anew.
            let is_planned_for_long = next_poll.by(next) >= POLLS_WITHIN;
            let is_overdue =
                next.is_some_and(|next| now.duration_since(next).unsigned_abs() >= POLLS_WITHIN && next < now);
            ensure!(
                !(is_planned_for_long && is_overdue),
                "operation {}, report {}: the poll that was due has not begun",
                report.operation,
                report.kind.name
            );
        }
        Ok(())
    }
}

/// Whether the server answers: who asks in clear where there is TLS is answered too.
async fn answers(address: SocketAddr) -> io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {HEALTHY} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut version = [0; 5];
    stream.read_exact(&mut version).await?;
    if &version == b"HTTP/" { Ok(()) } else { Err(io::Error::other("it answers no HTTP")) }
}

/// A value, and since when it is what it is.
struct Unchanged<T> {
    value: T,
    since: Instant,
}

impl<T: PartialEq> Unchanged<T> {
    fn new(value: T) -> Self {
        Self { value, since: Instant::now() }
    }

    /// For how long it has been `value`.
    fn by(&mut self, value: T) -> Duration {
        if self.value != value {
            *self = Self::new(value);
        }
        self.since.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use domain::identity::RowHasher;
    use domain::outcome::Outcome;
    use domain::range::CivilRange;

    use super::*;
    use crate::config::{OperationConfig, Server, TokenSource};
    use crate::poller::{Poller, TokenInTurn, Turns};
    use crate::shutdown::Shutdown;
    use crate::wolkvox::{Call, CallsReport, Failure, Token};

    /// An API whose calls end after a while, without an answer, or never.
    struct Slow {
        after: Option<Duration>,
        asked: Arc<AtomicUsize>,
    }

    impl CallsReport for Slow {
        fn token(&self) -> Result<Token, Failure> {
            Ok(Token::new("any".into()))
        }

        async fn fetch(&self, _: CivilRange, _: &Token, _: &RowHasher) -> Call {
            self.asked.fetch_add(1, Ordering::Relaxed);
            match self.after {
                Some(after) => tokio::time::sleep(after).await,
                None => std::future::pending().await,
            }
            Call { took: self.after, ..Call::not_made(Failure::new(Outcome::Timeout, "slow")) }
        }
    }

    /// Whether a watchdog that looks again and again notices a poll within a quarter of an hour, and how many calls there were.
    async fn is_noticed(after: Option<Duration>, token_is_held: bool) -> (bool, usize) {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Arc::new(Ledger::open(&folder.path().join("ledger.db"), SystemClock.now()).unwrap());
        let server = Server { name: "wv0042".into(), base_url: "https://wv0042.wolkvox.com".into() };
        let config = OperationConfig::new("ventas".into(), server, TokenSource::Held("any".into()));
        let operation = Operation::open(&ledger, &config, SystemClock.now()).unwrap();
        let asked = Arc::<AtomicUsize>::default();
        let turns = Turns::default();
        let api = Arc::new(Slow { after, asked: asked.clone() });
        let mut other = TokenInTurn::new(api.clone(), turns.clone());
        let held = if token_is_held { Some(other.take().await.unwrap()) } else { None };
        let (_trigger, shutdown) = Shutdown::new();
        let poller = Poller::new(api, operation.abandoned.clone(), turns, SystemClock, shutdown);
        let polling = tokio::spawn(poller.run());
        let turns = Unchanged::new(ledger.turns());
        let mut work = Work { address: None, ledger, turns, polls: Vec::new() };
        work.is_of(std::slice::from_ref(&operation));
        let mut noticed = false;
        for _ in 0..180 {
            tokio::time::advance(Duration::from_secs(5)).await;
            // What has to be read or stored meanwhile is: this time is not the clock's.
            for _ in 0..10 {
                tokio::task::spawn_blocking(|| ()).await.unwrap();
                operation.is_settled().await;
            }
            noticed |= work.polls_go_on().is_err();
        }
        polling.abort();
        drop(held);
        (noticed, asked.load(Ordering::Relaxed))
    }

    #[tokio::test(start_paused = true)]
    async fn a_poll_that_does_not_go_on_is_noticed_and_one_that_has_to_wait_is_not() {
        let timeout = OperationConfig::new(
            String::new(),
            Server { name: String::new(), base_url: String::new() },
            TokenSource::Held(String::new().into()),
        )
        .timeout;
        assert_eq!(is_noticed(None, false).await, (true, 1), "a call that never ends");
        let (noticed, calls) = is_noticed(Some(timeout), false).await;
        assert!(!noticed && calls >= 3, "calls that take their whole time: {noticed}, {calls}");
        assert_eq!(is_noticed(None, true).await, (false, 0), "somebody else has the token");
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_begins_the_time_anew() {
        let mut turns = Unchanged::new(7);
        for (after, value, unchanged) in [(30, 7, 30), (31, 7, 61), (5, 8, 0), (60, 8, 60), (1, 7, 0)] {
            tokio::time::advance(Duration::from_secs(after)).await;
            assert_eq!(turns.by(value), Duration::from_secs(unchanged), "{value} after {after} s");
        }
    }
}

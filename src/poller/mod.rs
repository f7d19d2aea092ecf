//! The poller: one task per operation, which asks when a window is due and counts what comes.
//!
//! [`poll`] is one poll, from a plan to its end; [`turn`] the wait for the token before each call; [`holds`] ends what new
//! series show first.

mod holds;
mod poll;
mod turn;

use std::sync::Arc;
use std::time::Duration;

use domain::cadence::Cadence;
use domain::offset::{Observation, OffsetObserver, zones_that_fit};
use domain::outcome::Outcome;
use domain::plan::plan;
use domain::server_time::Clocks;
use domain::shortfall::Shortfall;
use jiff::{SignedDuration, Timestamp};

use crate::clock::Clock;
use crate::operation::Operation;
use crate::operation::ended::EndedPoll;
use crate::shutdown::Shutdown;
use crate::wolkvox::AbandonedCallsReport;

use holds::LONGEST_SLEEP;
pub use holds::end_holds;
use turn::TokenInTurn;
pub use turn::Turns;

/// How often a poller whose token was refused looks whether it has changed: the promise is ten seconds.
const TOKEN_LOOK: Duration = Duration::from_secs(5);

/// Polls one report of one operation.
#[derive(Debug)]
pub struct Poller<R, C> {
    operation: Arc<Operation>,
    token: TokenInTurn<R>,
    clock: C,
    shutdown: Shutdown,
    cadence: Cadence,
    shortfall: Shortfall,
    offsets: OffsetObserver,
    /// Whether the host's clock was found to be wrong by the last answer.
    clocks_differ: bool,
}

impl<R: AbandonedCallsReport, C: Clock> Poller<R, C> {
    pub fn new(api: Arc<R>, operation: Arc<Operation>, turns: Turns, clock: C, shutdown: Shutdown) -> Self {
        Self {
            operation,
            token: TokenInTurn::new(api, turns),
            clock,
            shutdown,
            cadence: Cadence::default(),
            shortfall: Shortfall::default(),
            offsets: OffsetObserver::default(),
            clocks_differ: false,
        }
    }

    /// Polls until shutdown. At the start all that is due is read at once; then each window at its time.
    pub async fn run(mut self) {
        // A host's clock that is behind what has been read would ask for nothing, and so never be found wrong. What has
        // not been read yet was begun by a host's clock, and shows nothing.
        let account = self.operation.abandoned.account();
        if account.marks.read_before {
            self.operation.clock.has_been(account.marks.complete_until, self.clock.now());
        }
        drop(account);
        loop {
            let mut polled_at = self.now();
            let clocks = Clocks::agreed(polled_at);
            if let Some(plan) = plan(&self.operation.abandoned.account(), &self.operation.rules, clocks) {
                let Some(ended) = self.poll(plan).await else { return };
                if ended.trouble.is_some() {
                    polled_at = self.now();
                }
                self.poll_ended(ended);
            }
            if self.wait_for_next_poll(polled_at).await.is_none() {
                return;
            }
        }
    }

    fn poll_ended(&mut self, ended: EndedPoll) {
        let now = self.now();
        let rules = &self.operation.rules;
        let retry_after = ended.trouble.as_ref().and_then(|trouble| trouble.retry_after());
        self.cadence.poll_ended(ended.outcome, retry_after, &rules.windows, &rules.zone, now);
        let next = self.cadence.next_poll(&rules.windows, now).strftime("%FT%TZ").to_string();
        let mut pulse = self.operation.abandoned.pulse();
        match &ended.trouble {
            Some(trouble) => tracing::warn!(
                operation = %self.operation.name, cause = trouble.name(), range = %ended.range, calls = ended.calls,
                error = %trouble, next, "the poll failed; the range will be read again"
            ),
            None => tracing::info!(
                operation = %self.operation.name, outcome = %ended.outcome, range = %ended.range, calls = ended.calls,
                rows = ended.rows, counted = ended.counted, next,
                "{}", if pulse.trouble().is_some() { "the poll succeeded again" } else { "the poll succeeded" }
            ),
        }
        pulse.pause = self.cadence.pause();
        pulse.poll_ended(ended, self.clock.now());
    }

    /// Sleeps until the first window's time after `polled_at` (at once, if a window fell due during a long poll that
    /// succeeded); `None` on shutdown. Follows the clock, which may be set meanwhile, and ends early when the token has
    /// changed that the last call was refused with.
    async fn wait_for_next_poll(&mut self, polled_at: Timestamp) -> Option<()> {
        let refused = self.operation.abandoned.pulse().last_call == Some(Outcome::Unauthorized);
        let mut next = self.cadence.next_poll(&self.operation.rules.windows, polled_at);
        loop {
            let now = self.now();
            next = next.min(self.cadence.next_poll(&self.operation.rules.windows, now));
            self.operation.abandoned.pulse().next_poll = Some(next);
            if next <= now {
                return Some(());
            }
            let left = Duration::try_from(next.duration_since(now)).unwrap_or_default();
            self.sleep(left.min(if refused { TOKEN_LOOK } else { LONGEST_SLEEP })).await?;
            if refused && self.token.has_changed().await {
                tracing::info!(operation = %self.operation.name, "the token has changed, trying it now");
                self.cadence.resume();
                return Some(());
            }
        }
    }

    /// Sleeps; `None` on shutdown.
    async fn sleep(&self, time: Duration) -> Option<()> {
        tokio::select! {
            () = self.shutdown.requested() => None,
            () = tokio::time::sleep(time) => Some(()),
        }
    }

    fn warn_of_zone(&self, observed: Observation) {
        let fits = zones_that_fit(observed, self.clock.now()).join(", ");
        let (sign, minutes) = (if observed.offset < 0 { '-' } else { '+' }, observed.offset.abs() / 60);
        tracing::warn!(
            operation = %self.operation.name, timezone = self.operation.rules.zone.iana_name(),
            observed_offset = format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60), zones_that_fit = fits,
            "the dates of the report are not in the configured time zone; set timezone to the operation's own, what was \
             read meanwhile is then read again"
        );
    }

    /// The time that windows are planned by: a window ends when the clock that dates its rows says so.
    fn now(&self) -> Timestamp {
        self.operation.clock.now(self.clock.now())
    }

    /// Compares the clocks after an answer that took `took`.
    fn note_server_time(&mut self, server_time: Timestamp, took: Duration) {
        let host = self.clock.now();
        let server_clock = &self.operation.clock;
        server_clock.answered(server_time, took, host);
        let ahead = server_clock.ahead(host);
        let differed = std::mem::replace(&mut self.clocks_differ, ahead != SignedDuration::ZERO);
        if self.clocks_differ && !differed {
            let (seconds, side) = (ahead.abs().as_secs(), if ahead.is_positive() { "ahead of" } else { "behind" });
            tracing::warn!(
                operation = %self.operation.name, seconds, server_time = %server_time,
                "the clock of this host is {side} that of the server; windows are read by that one, set this one right"
            );
        }
    }
}

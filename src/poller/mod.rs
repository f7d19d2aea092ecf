//! The poller: one task per operation, which asks when a window is due and counts what comes.

mod begin;
mod book;
mod holds;
mod poll;
mod turn;

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::board::BoardOperation;
use crate::clock::Clock;
use crate::shutdown::Shutdown;
use crate::wolkvox::{AbandonedCallsReport, Failure, Token};
use domain::cadence::Cadence;
use domain::offset::{Observation, OffsetObserver, zones_that_fit};
use domain::outcome::Outcome;
use domain::plan::plan;
use domain::rules::Rules;
use domain::shortfall::Shortfall;

pub use begin::open_account;
pub use book::Book;
use holds::LONGEST_SLEEP;
pub use holds::end_holds;
use poll::PollEnd;
pub use turn::Turns;

/// How often a paused poller looks whether its token has changed.
const TOKEN_LOOK: Duration = Duration::from_secs(5);

/// Polls one operation.
#[derive(Debug)]
pub struct Poller<R, C> {
    name: Arc<str>,
    index: usize,
    rules: Rules,
    report: Arc<R>,
    book: Arc<Book>,
    turns: Turns,
    clock: C,
    shutdown: Shutdown,
    cadence: Cadence,
    shortfall: Shortfall,
    offsets: OffsetObserver,
    /// The fingerprint of the token that the last call was made with; `None` where there was none to send.
    token_tried: Option<u64>,
    /// Whether the host's clock was found to be wrong by the last answer.
    clocks_differ: bool,
}

impl<R: AbandonedCallsReport, C: Clock> Poller<R, C> {
    /// A poller for the operation at `index` of the book's board.
    pub fn new(report: Arc<R>, book: Arc<Book>, index: usize, turns: Turns, clock: C, shutdown: Shutdown) -> Self {
        let operation = book.board().operation(index);
        Self {
            name: operation.name.clone(),
            index,
            rules: operation.rules.clone(),
            report,
            book,
            turns,
            clock,
            shutdown,
            cadence: Cadence::default(),
            shortfall: Shortfall::default(),
            offsets: OffsetObserver::default(),
            token_tried: None,
            clocks_differ: false,
        }
    }

    /// Polls until shutdown. At the start all that is due is read at once; then each window at its time.
    pub async fn run(mut self) {
        // A host's clock that is behind what has been read would ask for nothing, and so never be found wrong. What has
        // not been read yet was begun by a host's clock, and shows nothing.
        let marks = &self.book.account().marks;
        if marks.read_before {
            self.operation().server_clock.has_been(marks.complete_until, self.clock.now());
        }
        loop {
            let mut polled_at = self.now();
            if let Some(plan) = plan(&self.book.account(), &self.rules, polled_at) {
                let Some(end) = self.poll(plan).await else { return };
                if end.message.is_some() {
                    polled_at = self.now();
                }
                self.poll_ended(end);
            }
            if self.wait_for_next_poll(polled_at).await.is_none() {
                return;
            }
        }
    }

    fn poll_ended(&mut self, end: PollEnd) {
        let now = self.now();
        self.cadence.poll_ended(end.outcome, end.retry_after, &self.rules.windows, &self.rules.zone, now);
        let next = self.cadence.next_poll(&self.rules.windows, now);
        let failed_before = {
            let mut pulse = self.operation().pulse();
            let failed_before = pulse.failure.is_some();
            pulse.pause = self.cadence.pause();
            pulse.poll_ended(end.report.clone(), self.clock.now());
            failed_before
        };
        let next = next.strftime("%FT%TZ").to_string();
        let report = end.report;
        match end.message {
            Some(error) => tracing::warn!(
                operation = %self.name, outcome = %end.outcome, range = %report.range, calls = report.calls, %error,
                next, "the poll failed; the range will be read again"
            ),
            None => tracing::info!(
                operation = %self.name, outcome = %end.outcome, range = %report.range, calls = report.calls,
                rows = report.rows, counted = report.counted, next,
                "{}", if failed_before { "the poll succeeded again" } else { "the poll succeeded" }
            ),
        }
    }

    /// Sleeps until the first window's time after `polled_at` (at once, if a window fell due during a long poll that
    /// succeeded); `None` on shutdown. Follows the clock, which may be set meanwhile, and ends early when what a pause
    /// waits for has changed.
    async fn wait_for_next_poll(&mut self, polled_at: Timestamp) -> Option<()> {
        let waits_for_token = self.cadence.pause().is_some_and(|pause| pause.outcome == Outcome::Unauthorized);
        let mut next = self.cadence.next_poll(&self.rules.windows, polled_at);
        loop {
            let now = self.now();
            next = next.min(self.cadence.next_poll(&self.rules.windows, now));
            self.operation().pulse().next_poll = Some(next);
            if next <= now {
                return Some(());
            }
            let left = Duration::try_from(next.duration_since(now)).unwrap_or_default();
            self.sleep(left.min(if waits_for_token { TOKEN_LOOK } else { LONGEST_SLEEP })).await?;
            if waits_for_token && self.token().await.ok().map(|token| token.fingerprint) != self.token_tried {
                tracing::info!(operation = %self.name, "the token has changed, trying it now");
                self.cadence.resume();
                return Some(());
            }
        }
    }

    /// Sleeps; `None` on shutdown.
    async fn sleep(&mut self, time: Duration) -> Option<()> {
        tokio::select! {
            () = self.shutdown.requested() => None,
            () = tokio::time::sleep(time) => Some(()),
        }
    }

    fn warn_of_zone(&self, observed: Observation) {
        let fits = zones_that_fit(observed, self.clock.now()).join(", ");
        let (sign, minutes) = (if observed.offset < 0 { '-' } else { '+' }, observed.offset.abs() / 60);
        tracing::warn!(
            operation = %self.name, timezone = self.rules.zone.iana_name(),
            observed_offset = format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60), zones_that_fit = fits,
            "the dates of the report are not in the configured time zone; set timezone to the operation's own, what was \
             read meanwhile is then read again"
        );
    }

    /// The token, read afresh.
    async fn token(&self) -> Result<Token, Failure> {
        let report = self.report.clone();
        tokio::task::spawn_blocking(move || report.token()).await.unwrap_or_else(|stopped| {
            let message = format!("the token could not be read: {stopped}");
            Err(Failure { outcome: Outcome::Unauthorized, message, retry_after: None })
        })
    }

    /// The time that windows are planned by: a window ends when the clock that dates its rows says so.
    fn now(&self) -> Timestamp {
        self.operation().server_clock.now(self.clock.now())
    }

    /// Compares the clocks after an answer that took `took`.
    fn note_server_time(&mut self, server_time: Timestamp, took: Duration) {
        let host = self.clock.now();
        let server_clock = &self.operation().server_clock;
        server_clock.answered(server_time, took, host);
        let ahead = server_clock.ahead(host);
        let differed = std::mem::replace(&mut self.clocks_differ, ahead != SignedDuration::ZERO);
        if self.clocks_differ && !differed {
            let (seconds, side) = (ahead.abs().as_secs(), if ahead.is_positive() { "ahead of" } else { "behind" });
            tracing::warn!(
                operation = %self.name, seconds, server_time = %server_time,
                "the clock of this host is {side} that of the server; windows are read by that one, set this one right"
            );
        }
    }

    fn operation(&self) -> &BoardOperation {
        self.book.board().operation(self.index)
    }
}

//! The poller: one task per report of an operation, which asks when a window is due and counts what comes.
//!
//! [`poll`] is one poll, from a plan to its end; [`turn`] the wait for the token before each call; [`holds`] ends what new
//! series show first; [`quota`] asks now and then how many calls are left, and [`mod@reconcile`] once a day for the vendor's own
//! totals.

mod holds;
mod poll;
mod quota;
mod reconcile;
mod turn;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use domain::cadence::Cadence;
use domain::instant::{later, shifted};
use domain::offset::{Observation, OffsetObserver, zones_that_fit};
use domain::outcome::Outcome;
use domain::plan::{Plan, plan, read_now};
use domain::range::{CivilRange, Stretch};
use domain::reading::Doubts;
use domain::row::ReadRow;
use domain::server_time::{CLOCKS_MAY_DIFFER, Clocks, Heard, Look, Moment, Passage, Testimony};
use domain::zone::told_instant_of;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use crate::clock::Clock;
use crate::operation::ended::EndedPoll;
use crate::operation::{Polling, Report};
use crate::shutdown::Shutdown;
use crate::wolkvox::{CallsReport, redact::redacted};

use holds::LONGEST_SLEEP;
pub use holds::end_holds;
use poll::Called;
pub use quota::watch_quota;
pub use reconcile::reconcile;
pub use turn::{TokenInTurn, Turns};

/// How often a poller whose token was refused looks whether it has changed: the promise is ten seconds.
const TOKEN_LOOK: Duration = Duration::from_secs(5);

/// Reports that are due at the same time have all woken up after this; far less than the pause before a second try.
const BETWEEN_REPORTS: Duration = Duration::from_millis(50);

/// More results than a report can have are one odd value after another: the first few tell.
pub const MOST_UNKNOWN_RESULTS: usize = 8;

/// Polls one report of one operation.
#[derive(Debug)]
pub struct Poller<R, C> {
    report: Arc<Report>,
    token: TokenInTurn<R>,
    clock: C,
    shutdown: Shutdown,
    cadence: Cadence,
    doubts: Doubts,
    offsets: OffsetObserver,
    /// Whether the host's clock was known to be wrong after the last answer.
    clocks_differ: bool,
    /// Whether the last answer had a `Date` that no clock can have said.
    date_is_odd: bool,
    /// Whether the last poll completed less than was due, for when an answer to it was made.
    is_held_back: bool,
    /// While a poll goes on.
    polling: Option<Polling>,
    /// Results that have been said to be unknown.
    unknown_results: BTreeSet<Arc<str>>,
}

/// What a poller was waiting for.
#[derive(Debug, Clone, Copy)]
enum Wake {
    /// A window's time.
    Window,
    /// Another token than the one that was refused.
    Token,
}

impl<R: CallsReport, C: Clock> Poller<R, C> {
    pub fn new(api: Arc<R>, report: Arc<Report>, turns: Turns, clock: C, shutdown: Shutdown) -> Self {
        Self {
            report,
            token: TokenInTurn::new(api, turns),
            clock,
            shutdown,
            cadence: Cadence::default(),
            doubts: Doubts::default(),
            offsets: OffsetObserver::default(),
            clocks_differ: false,
            date_is_odd: false,
            is_held_back: false,
            polling: None,
            unknown_results: BTreeSet::new(),
        }
    }

    /// Polls until shutdown. At the start all that is due is read at once; then each window at its time.
    pub async fn run(mut self) {
        let mut wake = Wake::Window;
        loop {
            self.take_back().await;
            let mut polled_at = self.now();
            if let Some(plan) = self.plan(std::mem::replace(&mut wake, Wake::Window)) {
                if self.begin_after_others().await.is_none() {
                    return;
                }
                let Some(ended) = self.poll(plan).await else { return };
                self.polling = None;
                if ended.trouble.is_some() {
                    polled_at = self.now();
                }
                let is_answered = ended.trouble.is_none();
                self.poll_ended(ended);
                // What its answers told of the time: the right windows are due as soon as it is known.
                if is_answered && self.take_back().await {
                    continue;
                }
            }
            let Some(next) = self.wait_for_next_poll(polled_at).await else { return };
            wake = next;
        }
    }

    /// Begins a poll, and lets the operation's reports that come before this one, and are due as well, ask first. Their second
    /// tries come after this one's first, for it then stands in the token's queue. `None` on shutdown.
    async fn begin_after_others(&mut self) -> Option<()> {
        let polling = self.polling.insert(self.report.polls());
        if self.report.place == 0 {
            return Some(());
        }
        tokio::select! {
            () = self.shutdown.requested() => None,
            () = async {
                tokio::time::sleep(BETWEEN_REPORTS).await;
                polling.is_next().await;
            } => Some(()),
        }
    }

    /// What is to be read now, if anything is due or a token is to be tried.
    fn plan(&self, wake: Wake) -> Option<Plan> {
        let moment = self.moment();
        let clocks = self.report.clock.time().clocks(moment);
        let (account, rules) = (self.report.account(), &self.report.rules);
        match wake {
            Wake::Window => plan(&account, rules, clocks),
            Wake::Token => Some(read_now(&account, rules, clocks)),
        }
    }

    /// Takes the cursor back if it proves to be ahead of the time; whether it was.
    async fn take_back(&self) -> bool {
        let (moment, rules) = (self.moment(), self.report.rules.clone());
        let marks = &self.report.account().marks;
        let (cursor, proven) = (marks.complete_until, marks.proven_until);
        let back_to = self.report.clock.time().back_to(&rules.windows, (cursor, proven), rules.overlap, moment);
        let Some(to) = back_to else { return false };
        // What both clocks have yet to come to is no start.
        let latest = shifted(self.now().max(moment.host), CLOCKS_MAY_DIFFER);
        if self.report.account().waits_for_its_start(latest) {
            let late = self.report.clock.time().later(moment);
            self.begin_again(moment, late).await;
            return self.report.account().marks.complete_until < cursor;
        }
        match self.report.amend(move |account| account.take_back(to, &rules.zone)).await {
            Ok(()) => {
                self.report.clock.time().is_back();
                let marks = &self.report.account().marks;
                let (complete_until, proven_until) = (marks.complete_until, marks.proven_until);
                if complete_until < cursor {
                    self.report.clock.time().prove_from(proven_until, moment);
                    tracing::warn!(
                        operation = %self.report.operation, report = self.report.kind.name,
                        %complete_until, before = %cursor,
                        "windows were completed by a clock that was ahead; they are read again from complete_until, and \
                         what was counted is recognised"
                    );
                }
                complete_until < cursor
            }
            Err(error) => {
                tracing::error!(
                    operation = %self.report.operation, report = self.report.kind.name, %error,
                    "the cursor is ahead of the time and could not be taken back"
                );
                false
            }
        }
    }

    /// Begins the account again, which has counted nothing, for the process began `late` by the host's clock.
    async fn begin_again(&self, moment: Moment, late: SignedDuration) {
        let Report { operation, kind, rules, first, start_at_open, clock, .. } = &*self.report;
        let (windows, first, start_at_open) = (rules.windows, *first, *start_at_open);
        let begun = self.report.amend(move |account| account.begin_again(&windows, first, start_at_open, late)).await;
        let start = self.report.account().marks.start;
        match begun {
            Ok(()) => {
                tracing::info!(%operation, report = kind.name, %start, "by the time as it is known now counting begins at start");
            }
            Err(error) => {
                tracing::error!(%operation, report = kind.name, %error, "the account could not be begun");
            }
        }
        // It may begin at a time that the host's clock has not come to.
        clock.time().prove_from(start.min(windows.last_due_end(moment.host)), moment);
    }

    fn poll_ended(&mut self, ended: EndedPoll) {
        let (moment, now) = (self.moment(), self.now());
        let rules = &self.report.rules;
        let retry_after = ended.trouble.as_ref().and_then(|trouble| trouble.retry_after());
        match self.report.refusals.left(self.report.kind.name, ended.outcome) {
            Some(left) => self.cadence.poll_not_made(ended.outcome, left, &rules.windows, now, moment.monotonic),
            None => {
                self.cadence.poll_ended(ended.outcome, retry_after, &rules.windows, &rules.zone, now, moment.monotonic)
            }
        }
        let next = self.cadence.next_poll(&rules.windows, now, now, moment.monotonic);
        let wait = next.saturating_sub(moment.monotonic);
        let asks_again = Instant::now() + wait.saturating_sub(rules.windows.interval() / 2);
        self.report.refusals.poll_ended(self.report.kind.name, ended.outcome, asks_again);
        let next = later(moment.host, wait).strftime("%FT%TZ").to_string();
        let mut pulse = self.report.pulse();
        match &ended.trouble {
            Some(trouble) => tracing::warn!(
                operation = %self.report.operation, report = self.report.kind.name, cause = trouble.name(), range = %ended.range, calls = ended.calls,
                error = %trouble, next, "the poll failed; the range will be read again"
            ),
            None => tracing::info!(
                operation = %self.report.operation, report = self.report.kind.name, outcome = %ended.outcome, range = %ended.range, calls = ended.calls,
                rows = ended.rows, counted = ended.counted, next,
                "{}", if pulse.trouble().is_some() { "the poll succeeded again" } else { "the poll succeeded" }
            ),
        }
        // To people the time is what the host's clock shows.
        pulse.pause = self.cadence.pause().map(|mut pause| {
            pause.until = shifted(pause.until, moment.host.duration_since(now));
            pause
        });
        pulse.poll_ended(ended, self.clock.now());
    }

    /// Sleeps until the first window's time after `polled_at` (at once, if a window fell due during a long poll that
    /// succeeded); `None` on shutdown. Follows the clock, which may be set meanwhile, and ends early when the token has
    /// changed that the last call was refused with.
    async fn wait_for_next_poll(&mut self, polled_at: Timestamp) -> Option<Wake> {
        let refused = self.report.pulse().last_call == Some(Outcome::Unauthorized);
        let windows = self.report.rules.windows;
        let mut due = Duration::MAX;
        let mut after = polled_at;
        loop {
            let moment = self.moment();
            let Clocks { now, latest, .. } = self.report.clock.time().clocks(moment);
            due = due.min(self.cadence.next_poll(&windows, after, now, moment.monotonic));
            // A window may have ended by another clock, until it is settled which is right: its time brings a poll too.
            if latest > now {
                due = due.min(self.cadence.next_poll(&windows, latest, latest, moment.monotonic));
            }
            // A clock that was set meanwhile may bring the next window sooner.
            after = now;
            let left = due.saturating_sub(moment.monotonic);
            if left.is_zero() {
                self.report.pulse().next_poll = None;
                return Some(Wake::Window);
            }
            self.report.pulse().next_poll = Some(later(moment.host, left));
            self.sleep(left.min(if refused { TOKEN_LOOK } else { LONGEST_SLEEP })).await?;
            if refused && self.token.has_changed().await {
                tracing::info!(operation = %self.report.operation, report = self.report.kind.name, "the token has changed, trying it now");
                self.cadence.resume();
                return Some(Wake::Token);
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
            operation = %self.report.operation, report = self.report.kind.name, timezone = self.report.rules.zone.iana_name(),
            observed_offset = format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60), zones_that_fit = fits,
            "the dates of the report are not in the configured time zone; set timezone to the operation's own, what was \
             read meanwhile is then read again"
        );
    }

    /// The time that windows are planned by: a window ends when the clock that dates its rows says so.
    fn now(&self) -> Timestamp {
        self.report.clock.now(self.clock.now())
    }

    fn moment(&self) -> Moment {
        self.report.clock.moment(self.clock.now())
    }

    /// Hears what an answer says about the time; its rows, where they can be looked at.
    fn hear(&mut self, called: &Called, stretch: Stretch, range: CivilRange) -> Testimony {
        let Report { rules, clock, .. } = &*self.report;
        let zone_is_wrong = self.report.pulse().offset.is_some_and(|observed| observed.mismatch);
        let look = match &called.call.result {
            Ok(answer) if !answer.broken && !zone_is_wrong => {
                let within = answer.rows.iter().filter_map(|row| match row {
                    ReadRow::Row(row) if range.contains(row.date) => told_instant_of(&rules.zone, row.date, row.began),
                    _ => None,
                });
                let is_whole = answer.outcome() != Outcome::Incomplete;
                Some(Look { whole: is_whole.then_some(stretch), newest: within.max() })
            }
            _ => None,
        };
        let heard = Heard { stamp: called.call.stamp, asked: called.asked, at: called.at, look };
        let (testimony, odd, differs, difference) = {
            let mut time = clock.time();
            let testimony = time.heard(&heard, &rules.windows);
            (testimony, time.odd(), time.differs(called.at), time.difference(called.at))
        };
        self.tell_of_clocks(odd, difference.filter(|_| differs));
        testimony
    }

    /// Says once what is wrong with a clock, and once that it is right again.
    fn tell_of_clocks(&mut self, odd: Option<Timestamp>, difference: Option<SignedDuration>) {
        let (operation, report) = (&self.report.operation, self.report.kind.name);
        let differed = std::mem::replace(&mut self.clocks_differ, difference.is_some());
        match difference {
            Some(difference) if !differed => {
                let side = if difference.is_negative() { "ahead of" } else { "behind" };
                tracing::warn!(
                    %operation, report, seconds = difference.abs().as_secs(),
                    "the clock of this host is {side} that of the server; windows are read by that one, set this one right"
                );
            }
            None if differed => {
                tracing::info!(%operation, report, "the clock of this host is as that of the server again; windows are read by it");
            }
            _ => {}
        }
        let was_odd = std::mem::replace(&mut self.date_is_odd, odd.is_some());
        if let Some(date) = odd
            && !was_odd
        {
            tracing::warn!(%operation, report, %date, "the answer's Date is no time at all; the server's clock is left aside");
        }
    }

    /// Says once, of each `result` that nobody knows, that its rows are counted.
    fn tell_of_results(&mut self, rows: &[ReadRow]) {
        for result in rows.iter().filter_map(|row| row.row()?.unknown_result.as_ref()) {
            if self.unknown_results.len() < MOST_UNKNOWN_RESULTS && self.unknown_results.insert(result.clone()) {
                let result = redacted(result, self.token.last());
                tracing::warn!(
                    operation = %self.report.operation, report = self.report.kind.name, result,
                    "rows with this result are counted, for all that was not abandoned is taken for answered; if they are \
                     no answered calls, please report it"
                );
                self.report.pulse().unknown_results.push(result);
            }
        }
    }

    /// Says once that answers complete less than was due, because of when they say that they were made.
    fn tell_of_delay(&mut self, passage: Passage, due_end: Timestamp) {
        let Some(made) = passage.held_back_by else {
            // A part that is used whole says nothing of those that follow.
            self.is_held_back &= passage.to < due_end;
            return;
        };
        if !std::mem::replace(&mut self.is_held_back, true) {
            tracing::warn!(
                operation = %self.report.operation, report = self.report.kind.name, %made,
                "an answer was made before the range of its poll had ended, as its head says (an old page of a cache, or a \
                 clock that differs); the windows that had not ended are read again"
            );
        }
    }
}

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use domain::cadence::Pause;
use domain::histogram::Native;
use domain::lateness::Lateness;
use domain::offset::Observation;
use domain::outcome::Outcome;
use domain::summary::ReadSummary;
use jiff::Timestamp;
use tokio::time::Instant;

use super::ended::{EndedPoll, Trouble};

/// Polls shown on the status page: two hours at the default interval.
const POLLS_SHOWN: usize = 24;

/// What is known of the polls of one report since the process began, and is lost with it.
#[derive(Debug, Clone, Default)]
pub struct Pulse {
    pub last_poll: Option<Timestamp>,
    pub last_success: Option<Timestamp>,
    /// How the last call ended; `None` until one has.
    pub last_call: Option<Outcome>,
    pub durations: Arc<Durations>,
    pub lateness: Lateness,
    /// The last read, if most of its rows can't be used.
    pub mostly_rejected: Option<ReadSummary>,
    /// Results of rows that are counted though nobody knows them, fit to be shown.
    pub unknown_results: Vec<String>,
    /// The report's offset from UTC.
    pub offset: Option<Observation>,
    /// `None` while a poll is under way.
    pub next_poll: Option<Timestamp>,
    /// When the step of a poll that is under way has ended, whatever the API does; `None` where there is none, or it waits for
    /// others.
    pub step_ends: Option<Instant>,
    pub pause: Option<Pause>,
    /// Newest first.
    pub polls: VecDeque<EndedPoll>,
}

impl Pulse {
    /// Notes how long a call took.
    pub fn call_took(&mut self, took: Duration) {
        Arc::make_mut(&mut self.durations).record(took);
    }

    /// Notes a poll that ended at `now`.
    pub fn poll_ended(&mut self, poll: EndedPoll, now: Timestamp) {
        self.last_poll = Some(now);
        self.step_ends = None;
        if poll.trouble.is_none() {
            self.last_success = Some(now);
        }
        self.polls.push_front(poll);
        self.polls.truncate(POLLS_SHOWN);
    }

    /// For a poller that goes on where another one left off, by another configuration: it plans its polls itself, and looks
    /// anew what the dates say.
    pub fn resumed(&self) -> Self {
        Self { next_poll: None, step_ends: None, pause: None, offset: None, ..self.clone() }
    }

    /// Nobody polls any more: neither the page nor the watchdog is to wait for it.
    pub fn is_left(&mut self) {
        (self.next_poll, self.step_ends) = (None, None);
    }

    /// Whether the last poll succeeded; `None` until one has ended.
    pub fn up(&self) -> Option<bool> {
        self.polls.front().map(|poll| poll.trouble.is_none())
    }

    /// What was wrong with the last poll.
    pub fn trouble(&self) -> Option<&Trouble> {
        self.polls.front()?.trouble.as_ref()
    }
}

/// How long calls took, as a histogram.
#[derive(Debug, Default, Clone)]
pub struct Durations {
    /// Per bound, not cumulative.
    cells: [u64; Durations::BOUNDS.len()],
    pub count: u64,
    /// Seconds.
    pub sum: f64,
    pub native: Native,
}

impl Durations {
    /// Seconds. Loopback answers in milliseconds, wolkvox in seconds, and gives up a call after 60.
    pub const BOUNDS: [f64; 12] = [0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 75.0];

    fn record(&mut self, took: Duration) {
        let seconds = took.as_secs_f64();
        if let Some(cell) = Self::BOUNDS.iter().position(|&bound| seconds <= bound) {
            self.cells[cell] += 1;
        }
        self.count += 1;
        self.sum += seconds;
        self.native.add(seconds, 1);
    }

    /// Each bound with the count of all calls up to it.
    pub fn cumulative(&self) -> Vec<(f64, u64)> {
        let running = self.cells.iter().scan(0, |below, cell| {
            *below += cell;
            Some(*below)
        });
        Self::BOUNDS.into_iter().zip(running).collect()
    }
}

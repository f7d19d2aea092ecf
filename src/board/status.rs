use std::time::Duration;

use jiff::Timestamp;

use domain::outcome::Outcome;
use domain::range::CivilRange;

/// What the status page tells. Made afresh for each request; holds no secret and no personal data.
#[derive(Debug, Clone)]
pub struct Status {
    pub version: &'static str,
    pub now: Timestamp,
    pub started: Timestamp,
    pub ready: bool,
    pub operations: Vec<OperationStatus>,
}

#[derive(Debug, Clone)]
pub struct OperationStatus {
    pub name: String,
    /// `wv0042`.
    pub server: String,
    /// IANA name.
    pub timezone: String,
    pub interval: Duration,
    pub state: State,
    /// The data are complete up to here.
    pub complete_until: Timestamp,
    /// Abandoned calls in the last complete window; `None` while that window is stale.
    pub last_window_calls: Option<u64>,
    /// Abandoned calls counted since the ledger began.
    pub calls_total: u64,
    /// Label sets exposed, and how many of them are on hold.
    pub series: usize,
    pub series_on_hold: usize,
    pub next_poll: Option<Timestamp>,
    /// Newest first, a bounded number.
    pub last_polls: Vec<PollReport>,
}

/// An operation's state in one word; the page turns it into a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// No poll has ended yet.
    Starting,
    /// The data are complete up to the last window that is due.
    Current,
    /// The API answers again and the stretch that was missed is being read, or was read a moment ago.
    CatchingUp,
    /// The last poll failed; the next one comes at the next window's time.
    Failing { outcome: Outcome, message: String },
    /// The last poll failed in a way that a soon retry can't mend.
    Paused { outcome: Outcome, message: String, until: Timestamp },
}

/// One poll: a call, or several when an answer was retried or read in parts.
#[derive(Debug, Clone)]
pub struct PollReport {
    pub at: Timestamp,
    /// What was asked for, in local time.
    pub range: CivilRange,
    /// Of the last call.
    pub outcome: Outcome,
    pub calls: u32,
    pub rows: u64,
    pub counted: u64,
    pub took: Duration,
    /// In words, where the poll failed.
    pub message: Option<String>,
}

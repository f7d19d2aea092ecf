use std::sync::Arc;
use std::time::Duration;

use domain::reconciliation::Reconciliation;
use domain::report::ReportKind;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use super::ended::{EndedPoll, Trouble};
use super::today::Today;
use crate::config::Links;
use crate::logging::Lost;
use crate::wolkvox::client::TokenUses;

/// What the status page tells. Made afresh for each request; holds no secret and no personal data.
#[derive(Debug, Clone)]
pub struct Status {
    pub version: &'static str,
    pub now: Timestamp,
    pub started: Timestamp,
    /// Whether the ledger is open and loaded; no operation is known before.
    pub ready: bool,
    /// Those of one operation side by side.
    pub operations: Vec<OperationStatus>,
    pub links: Links,
    /// Whether the ledger is missing from its place, and could not be written back so far.
    pub ledger_is_gone: bool,
    /// What the log has lost, if anything.
    pub log_lost: Option<Lost>,
    /// Why the configuration that was to be loaded last is not in force.
    pub bad_config: Option<Vec<String>>,
    /// What is wrong with the file of TLS and passwords since it has been changed; what was read before is in force.
    pub bad_web_file: Option<Vec<String>>,
}

/// A report of an operation.
#[derive(Debug, Clone)]
pub struct OperationStatus {
    pub name: String,
    pub report: &'static ReportKind,
    /// Whether the operation has no other report.
    pub is_alone: bool,
    /// `wv0042`.
    pub server: String,
    /// IANA name.
    pub timezone: String,
    pub interval: Duration,
    pub state: State,
    pub concerns: Vec<Concern>,
    /// What is counted is dated from here on.
    pub since: Timestamp,
    /// The data are complete up to here; `None` until a read has been stored.
    pub complete_until: Option<Timestamp>,
    /// Calls in the last complete window; `None` while that window is stale.
    pub last_window_calls: Option<u64>,
    /// Calls counted since the ledger began.
    pub calls_total: u64,
    /// Label sets exposed, and how many of them are on hold.
    pub series: usize,
    pub series_on_hold: usize,
    /// `None` until a read has been stored.
    pub today: Option<Today>,
    /// What the API told of the token's calls, with the first report alone: it is the operation's. `None` where it isn't
    /// asked, or didn't say.
    pub token_uses: Option<TokenUses>,
    /// The comparisons with the vendor's totals, of all reports; `None` where they are switched off.
    pub reconciliation: Option<Arc<Reconciliation>>,
    pub next_poll: Option<Timestamp>,
    /// Newest first, a bounded number.
    pub last_polls: Vec<EndedPoll>,
}

/// An operation's state in one word; the page turns it into a sentence.
#[derive(Debug, Clone)]
pub enum State {
    /// No poll has ended yet.
    Starting,
    /// The data are complete up to the last window that is due.
    Current,
    /// The API answers again and the stretch that was missed is being read, or was read a moment ago.
    CatchingUp,
    /// The last poll failed; the next one comes at the next window's time.
    Failing(Trouble),
    /// The last poll failed in a way that a soon retry can't mend.
    Paused { trouble: Trouble, until: Timestamp },
}

impl State {
    /// What was wrong with the last poll.
    pub fn trouble(&self) -> Option<&Trouble> {
        match self {
            Self::Failing(trouble) | Self::Paused { trouble, .. } => Some(trouble),
            Self::Starting | Self::Current | Self::CatchingUp => None,
        }
    }
}

/// What is wrong, or not known to be right, though polls may succeed.
#[derive(Debug, Clone)]
pub enum Concern {
    /// Polls have succeeded, and no row has come since the ledger began: perhaps the server doesn't have the report.
    OnlyEmpty,
    /// The same, while this many calls came with the operation's other reports.
    OnlyEmptyBeside { calls: u64 },
    /// Rows are counted whose `result` nobody knows: these, fit to be shown.
    UnknownResults(Vec<String>),
    /// Most rows of the last read can't be used.
    MostRejected { rows: u64, rejected: u64 },
    /// The dates of the report contradict the configured zone.
    Zone {
        /// Seconds east of UTC.
        observed_offset: i64,
        /// IANA names.
        zones_that_fit: Vec<&'static str>,
    },
    /// The vendor's own totals of this day are not what was counted, by no reading or by another one than before.
    TotalsDiffer { day: Date },
    /// The vendor's totals of this day had nothing in them, where calls were counted or nothing shows that it has that report.
    TotalsEmpty { day: Date },
    /// The last call for the vendor's totals failed; the next one is made then.
    TotalsUnread { trouble: Trouble, next: Option<Timestamp> },
    /// The ledger is a copy that was made then, and is not shown to scrapes before what it lacks has been read.
    Copy { made: Timestamp },
    /// Scrapes see what an earlier process showed, for a while yet.
    StartHold,
    /// The host's clock is ahead of the server's by this, or behind where it is negative.
    Clock { ahead: SignedDuration },
}

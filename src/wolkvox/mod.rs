//! The wolkvox API: one call, one outcome.
//!
//! `client` makes the call with the token that `token` reads, `answer` decodes the body row by row, `verdict` says what
//! status, code and text mean together. What comes from outside and is shown goes through `redact`.

pub mod answer;
mod cause;
pub mod client;
pub mod http_time;
pub mod redact;
pub mod token;
pub mod verdict;

use std::future::Future;
use std::time::Duration;

use domain::evidence::Evidence;
use domain::identity::RowHasher;
use domain::outcome::Outcome;
use domain::range::CivilRange;
use domain::reading::Shape;
use domain::row::ReadRow;
use domain::server_time::Stamp;

pub use cause::Cause;
pub use token::Token;

/// A report that lists the calls of one operation.
///
/// A trait so that the poller can be driven by generated histories in paused time, where a real socket can't be used.
pub trait CallsReport: Send + Sync + 'static {
    /// Reads the token afresh. For a blocking thread: it may be a file, perhaps on a network.
    ///
    /// # Errors
    /// `unauthorized` where there is none to send, as with a missing or empty file.
    fn token(&self) -> Result<Token, Failure>;

    /// Asks once for the calls of `range`. Never retries, never waits for its turn: that is the poller's work.
    /// The future may be dropped at any time; nothing is counted then.
    fn fetch(&self, range: CivilRange, token: &Token, hasher: &RowHasher) -> impl Future<Output = Call> + Send;
}

/// One call made (or, for a missing token, not made).
#[derive(Debug)]
pub struct Call {
    /// Request to last byte; `None` when no request was sent, as with an empty token file.
    pub took: Option<Duration>,
    /// When the answer was made, as its head says; `None` where it doesn't, or more than once.
    pub stamp: Option<Stamp>,
    pub result: Result<Answer, Failure>,
}

impl Call {
    /// A call for which there was no token, or no turn.
    pub fn not_made(failure: Failure) -> Self {
        Self { took: None, stamp: None, result: Err(failure) }
    }

    /// As it counts for a report that has answered before, or has not: an answer that is no proof of itself is no answer
    /// where nothing else has shown that the report is there.
    pub fn judged_by(self, has_answered: bool) -> Self {
        Self { result: self.result.and_then(|answer| answer.judged_by(has_answered)), ..self }
    }

    pub fn outcome(&self) -> Outcome {
        match &self.result {
            Ok(answer) => answer.outcome(),
            Err(failure) => failure.outcome,
        }
    }
}

/// An answer of the report.
#[derive(Debug)]
pub struct Answer<R = ReadRow> {
    /// In the order of the answer. None of one that is [`broken`](Self::broken).
    pub rows: Vec<R>,
    /// How many rows `msg` announced; `None` where it has no count. 0 for an empty answer.
    pub announced: Option<u64>,
    /// What shows that the report itself has answered.
    pub evidence: Evidence,
    /// Whether a bad byte spoils it from some row on, so that the range is to be asked for in parts. An answer that was
    /// cut off is not broken: the next one may be whole.
    pub broken: bool,
}

impl<R> Answer<R> {
    /// See [`Call::judged_by`].
    pub fn judged_by(self, has_answered: bool) -> Result<Self, Failure> {
        if has_answered || self.evidence.is_proof() {
            return Ok(self);
        }
        let message = "a 404 with nothing in it: so an empty window may look, and so does a server without the report, which \
                       has given no other answer yet";
        Err(Failure::new(Outcome::Malformed, message))
    }

    /// What it looks like to whoever judges whether it is used.
    pub fn shape(&self) -> Shape {
        Shape { delivered: self.rows.len() as u64, announced: self.announced, broken: self.broken, is_early: false }
    }

    /// `Ok`, `Empty` or `Incomplete`, and `Malformed` of a broken one. Whether an empty one counts as such, where its
    /// evidence is no proof, is for whoever knows what the report has answered before.
    pub fn outcome(&self) -> Outcome {
        if self.broken {
            Outcome::Malformed
        } else if self.shape().shortfall() > 0 || self.shape().may_be_cut() {
            Outcome::Incomplete
        } else if self.rows.is_empty() {
            Outcome::Empty
        } else {
            Outcome::Ok
        }
    }
}

/// A call that gave no answer to count.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// Never `Ok`, `Empty` or `Incomplete`.
    pub outcome: Outcome,
    /// `None` where the outcome says it.
    pub cause: Option<Cause>,
    /// What happened, in words, for the log and the status page: a bounded text, no token, no personal data.
    pub message: String,
    /// The answer's `Retry-After`, as a delay from now.
    pub retry_after: Option<Duration>,
}

impl Failure {
    /// The bound on [`Failure::message`].
    pub const MAX_MESSAGE_CHARS: usize = 300;

    /// One of which the outcome says all but what happened.
    pub fn new(outcome: Outcome, message: impl Into<String>) -> Self {
        Self { outcome, cause: None, message: message.into(), retry_after: None }
    }

    pub fn because(self, cause: Cause) -> Self {
        Self { cause: Some(cause), ..self }
    }
}

use std::fmt;
use std::time::Duration;

use domain::outcome::Outcome;
use domain::range::CivilRange;
use jiff::{Timestamp, civil::DateTime};

use crate::wolkvox::Failure;

/// A poll that has ended: one call, or several when an answer was retried or read in parts. Log, page and metrics tell it
/// from here.
#[derive(Debug, Clone)]
pub struct EndedPoll {
    /// When it began.
    pub at: Timestamp,
    /// What was to be read, in local time.
    pub range: CivilRange,
    /// Of the last call.
    pub outcome: Outcome,
    pub calls: u32,
    pub rows: u64,
    pub counted: u64,
    pub took: Duration,
    /// Where the poll did not bring all that was due.
    pub trouble: Option<Trouble>,
}

/// Why a poll did not bring all that was due. Nothing is lost by any of them: the cursor stays where the last whole part
/// ended, and the next poll reads on from there.
#[derive(Debug, Clone)]
pub enum Trouble {
    /// A call gave no answer to count; what a retry within the poll can mend was tried.
    Call(Failure),
    /// An answer had fewer rows than it announced, and the poll's calls were used up in the search for them.
    Incomplete { delivered: u64, announced: Option<u64> },
    /// What can't be read had not been found when the poll's calls were used up.
    Broken { calls: u32 },
    /// The range had to be read in more parts than a poll has calls.
    TooManyParts { calls: u32 },
    /// All was read but for a second whose rows can't be read, so far.
    Unreadable { second: DateTime },
    /// The rows had come and could not be stored.
    Ledger(String),
}

impl Trouble {
    /// A word for logs: the outcome where a call failed.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Call(failure) => failure.outcome.as_str(),
            Self::Incomplete { .. } => Outcome::Incomplete.as_str(),
            Self::Broken { .. } => "broken",
            Self::TooManyParts { .. } => "too_many_parts",
            Self::Unreadable { .. } => "unreadable",
            Self::Ledger(_) => "ledger",
        }
    }

    /// How long the server wants to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Call(failure) => failure.retry_after,
            _ => None,
        }
    }
}

/// What happened, in technical terms.
impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(failure) => f.write_str(&failure.message),
            Self::Incomplete { delivered, announced } => {
                write!(f, "the answer is incomplete ({delivered} rows, ")?;
                match announced {
                    Some(rows) => write!(f, "{rows} announced")?,
                    None => f.write_str("no number announced")?,
                }
                f.write_str("); what was read in parts is counted, the rest follows with the next poll")
            }
            Self::Broken { calls } => write!(
                f,
                "the answer is broken, and {calls} calls were not enough to find where; what was read in parts is counted, \
                 the search goes on with the next poll"
            ),
            Self::TooManyParts { calls } => write!(f, "{calls} calls were not enough for this range; the rest follows"),
            Self::Unreadable { second } => write!(
                f,
                "the answer about {} is broken, and so is each smaller one; what surrounds that second is counted, and it \
                 is tried again with the next poll",
                second.strftime("%F %T")
            ),
            Self::Ledger(error) => f.write_str(error),
        }
    }
}

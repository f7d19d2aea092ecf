mod cursor;
mod gaps;
mod names;
mod rows;
mod sighting;

use alloc::vec::Vec;

use jiff::{Timestamp, civil::DateTime};

use super::account::Account;
use super::gaps::Findings;
use super::identity::RowId;
use super::range::{CivilRange, Stretch};
use super::row::ReadRow;
use super::rules::Rules;
use super::summary::ReadSummary;
use names::Names;
pub use sighting::{Change, Sighting, Sightings, Verdict};

/// A whole answer to be counted: every row of `stretch` that the API had at the time.
#[derive(Debug)]
pub struct Read {
    pub stretch: Stretch,
    /// `stretch` as it was asked for.
    pub asked: CivilRange,
    pub rows: Vec<ReadRow>,
    /// What the answer told of what the report doesn't deliver.
    pub findings: Findings,
    /// Up to here all is proven to be over: [`super::account::Marks::proven_until`].
    pub proven: Timestamp,
    /// Whether the poll found more than one window due.
    pub catch_up: bool,
    /// The end of the last window that was due when the poll began.
    pub due_end: Timestamp,
    /// The end of a stretch that is given up with this read, for being older than `max_catch_up`.
    pub skip_to: Option<Timestamp>,
    /// The time of the commit, by the host's clock.
    pub now: Timestamp,
    /// The same by the server's clock.
    pub server_now: Timestamp,
}

/// What counting a read leads to, beside the account. To be stored with it.
#[derive(Debug, PartialEq)]
pub struct Tallied {
    pub summary: ReadSummary,
    /// At most one for each identity.
    pub changes: Vec<Change>,
    /// Sightings with an earlier date are to be forgotten.
    pub forget_before: Option<DateTime>,
}

/// The identities in an answer, each once, in the order of the ledger.
pub fn identities(rows: &[ReadRow]) -> Vec<RowId> {
    let mut ids: Vec<_> = rows.iter().map(ReadRow::id).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// Counts a read into `account`: each row gets exactly one disposition, each call is counted once, the cursor
/// moves to the end of the stretch. `seen` is what is kept of [`identities`].
pub fn tally(account: &mut Account, rules: &Rules, read: &Read, seen: &Sightings) -> Tallied {
    let mut tally = Tally {
        before: account.clone(),
        account,
        rules,
        read,
        names: Names::default(),
        fresh: None,
        summary: ReadSummary::default(),
        changes: Vec::new(),
    };
    if let Some(to) = read.skip_to {
        tally.account.give_up(to);
    }
    tally.rows(seen);
    core::mem::take(&mut tally.names).rename_skills(tally.account, &tally.before, read.now);
    tally.note_gaps();
    tally.move_cursor();
    tally.end_copy();
    let forget_before = tally.forget();
    Tallied { summary: tally.summary, changes: tally.changes, forget_before }
}

struct Tally<'a> {
    account: &'a mut Account,
    /// The account as it was before this read.
    before: Account,
    rules: &'a Rules,
    read: &'a Read,
    /// What this answer calls the skills.
    names: Names,
    /// The newest row that came fresh.
    fresh: Option<Timestamp>,
    summary: ReadSummary,
    changes: Vec<Change>,
}

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::hash::Hasher as _;

use jiff::civil::DateTime;
use siphasher::sip::SipHasher24;

use domain::account::Account;
use domain::identity::{RowContent, RowId};
use domain::rules::Rules;
use domain::summary::ReadSummary;
use domain::tally::{self, Read, Sighting, Sightings, Verdict, identities};

use super::account::{Scope, civil, civil_seconds};
use super::error::CommitError;
use super::store::{Change, Store};

/// The row identities of one account, as a change finds them, and what it makes of them.
pub struct Seen<'a> {
    store: &'a mut dyn Store,
    pub(super) change: Change,
}

/// A row identity as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenRow {
    pub id: [u8; 16],
    pub date: i64,
    pub verdict: i64,
    /// Eight bytes each, in their order.
    pub contents: Vec<u8>,
}

impl<'a> Seen<'a> {
    pub(super) fn new(store: &'a mut dyn Store, scope: Scope) -> Self {
        Self { store, change: Change::new(scope) }
    }

    /// Counts a read into `account`, and keeps what was seen.
    pub fn tally(&mut self, account: &mut Account, rules: &Rules, read: &Read) -> Result<ReadSummary, CommitError> {
        let seen = self.sightings(&identities(&read.rows))?;
        let tallied = tally::tally(account, rules, read, &seen);
        self.keep(tallied.changes);
        if let Some(date) = tallied.forget_before {
            self.forget_before(date)?;
        }
        Ok(tallied.summary)
    }

    /// What is stored of those of `ids` that were seen. They ascend.
    pub(super) fn sightings(&mut self, ids: &[RowId]) -> Result<Sightings, CommitError> {
        Ok(self.store.sightings(self.change.scope.account, ids)?)
    }

    /// To be kept from now on.
    pub(super) fn keep(&mut self, changes: impl IntoIterator<Item = tally::Change>) {
        self.change.seen.extend(changes);
    }

    pub(super) fn forget_before(&mut self, date: DateTime) -> Result<(), CommitError> {
        let date = civil_seconds(date);
        let mut rows = self.store.seen_before(self.change.scope.account, date)?;
        // What this change has looked at anew is among its own.
        let anew: BTreeSet<_> = self.change.seen.iter().map(|change| change.id.0).collect();
        rows.retain(|row| !anew.contains(&row.id));
        self.change.forget_before = Some(date);
        self.change.forgotten = rows;
        Ok(())
    }
}

impl SeenRow {
    pub fn new(id: RowId, sighting: &Sighting) -> Self {
        let verdict = match sighting.verdict {
            Verdict::Counted => 0,
            Verdict::Passed => 1,
            Verdict::OutOfRange => 2,
            Verdict::BeforeStart => 3,
        };
        let contents = sighting.contents.iter().flat_map(|RowContent(content)| content.to_le_bytes()).collect();
        Self { id: id.0, date: civil_seconds(sighting.date), verdict, contents }
    }

    pub fn sighting(&self) -> Sighting {
        let verdict = match self.verdict {
            0 => Verdict::Counted,
            1 => Verdict::Passed,
            2 => Verdict::OutOfRange,
            _ => Verdict::BeforeStart,
        };
        let (contents, _) = self.contents.as_chunks();
        let contents = contents.iter().map(|bytes| RowContent(u64::from_le_bytes(*bytes))).collect();
        Sighting { date: civil(self.date), verdict, contents }
    }

    /// As [`super::row::Row::digest`].
    pub fn digest(&self, key: &[u8; 16], account: i64) -> i64 {
        let mut hasher = SipHasher24::new_with_key(key);
        hasher.write(&account.to_le_bytes());
        hasher.write(&self.id);
        hasher.write(&self.date.to_le_bytes());
        hasher.write(&self.verdict.to_le_bytes());
        hasher.write(&self.contents);
        hasher.finish() as i64
    }
}

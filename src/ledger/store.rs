use std::collections::BTreeMap;
use std::fmt;

use domain::identity::RowId;
use domain::tally::{self, Sightings};

use super::account::{Scope, civil_seconds};
use super::error::CommitError;
use super::row::{Edit, Row};
use super::seen::SeenRow;

/// What keeps ledgers: rows, row identities, and a digest for each operation. It knows nothing of what they mean.
///
/// One thread uses it. What is read is what was stored by the last [`Store::commit`].
pub trait Store: Send {
    /// Makes sure that what is stored will be found by the next start: before each commit, and every second.
    fn keep(&mut self) -> Result<(), CommitError>;

    /// Stores the changes, each whole or not at all, one that fails with no harm to the others; on the disk when this
    /// returns. At most one of them is of an account.
    fn commit(&mut self, changes: &[&Change], key: &[u8; 16]) -> Vec<Result<(), StoreError>>;

    /// All rows of an operation, or of an account.
    fn rows_of(&mut self, scope: i64, is_operation: bool, each: &mut dyn FnMut(Row)) -> Result<(), StoreError>;

    /// All rows.
    fn rows(&mut self, each: &mut dyn FnMut(Row)) -> Result<(), StoreError>;

    /// What is stored of those of `ids` that were seen. They ascend, each once.
    fn sightings(&mut self, account: i64, ids: &[RowId]) -> Result<Sightings, StoreError>;

    /// The identities with an earlier date.
    fn seen_before(&mut self, account: i64, date: i64) -> Result<Vec<SeenRow>, StoreError>;

    /// All identities, each with its account.
    fn seen(&mut self, each: &mut dyn FnMut(i64, SeenRow)) -> Result<(), StoreError>;

    /// By operation.
    fn digests(&mut self) -> Result<BTreeMap<i64, i64>, StoreError>;

    /// Bytes on the disk.
    fn size(&self) -> u64;
}

/// What is to be stored together: what becomes of the rows of an account and its operation, and of the identities.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    pub scope: Scope,
    pub edits: Vec<Edit>,
    pub seen: Vec<tally::Change>,
    /// Identities with an earlier date go.
    pub forget_before: Option<i64>,
    /// Those that were stored before, and are not in `seen`.
    pub forgotten: Vec<SeenRow>,
}

impl Change {
    pub fn new(scope: Scope) -> Self {
        Self { scope, edits: Vec::new(), seen: Vec::new(), forget_before: None, forgotten: Vec::new() }
    }

    /// What the digest of the operation is to be combined with.
    pub fn digest(&self, key: &[u8; 16]) -> i64 {
        let rows = self.edits.iter().flat_map(|edit| edit.before.iter().chain(&edit.after));
        let rows = rows.fold(0, |digest, row| digest ^ row.digest(key));
        self.identities().fold(rows, |digest, row| digest ^ row.digest(key, self.scope.account))
    }

    /// By how much the number of identities grows.
    pub fn keys(&self) -> i64 {
        let kept = self.seen.iter().filter(|change| self.keeps(civil_seconds(change.after.date))).count();
        let gone = self.seen.iter().filter(|change| change.before.is_some()).count() + self.forgotten.len();
        kept as i64 - gone as i64
    }

    fn keeps(&self, date: i64) -> bool {
        self.forget_before.is_none_or(|before| date >= before)
    }

    /// Each that goes and each that comes; one that changes does both.
    fn identities(&self) -> impl Iterator<Item = SeenRow> {
        let gone = self.forgotten.iter().cloned();
        let changed = self
            .seen
            .iter()
            .filter_map(|tally::Change { id, before, .. }| before.as_ref().map(|before| SeenRow::new(*id, before)));
        let kept = self.seen.iter().map(|tally::Change { id, after, .. }| SeenRow::new(*id, after));
        let kept = kept.filter(|row| self.keeps(row.date));
        gone.chain(changed).chain(kept)
    }
}

/// Why something could not be stored or read, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreError(pub String);

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

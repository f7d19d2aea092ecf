use alloc::collections::BTreeMap;

use jiff::civil::DateTime;

use crate::identity::{Contents, RowId};

/// What earlier reads saw in the rows of one identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// Kept until rows before a later date are forgotten.
    pub date: DateTime,
    pub verdict: Verdict,
    pub contents: Contents,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Counted,
    /// Looked at, and not a call to count.
    Passed,
    /// Outside the range asked for; to be looked at when a read asks for it.
    OutOfRange,
    /// Dated before the start; to be looked at again, for in a corrected zone it may not be.
    BeforeStart,
}

/// What is kept of rows, by identity.
pub type Sightings = BTreeMap<RowId, Sighting>;

/// What is kept of an identity from now on.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    pub id: RowId,
    pub before: Option<Sighting>,
    pub after: Sighting,
}

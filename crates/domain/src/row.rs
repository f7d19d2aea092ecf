use alloc::sync::Arc;

use jiff::{Timestamp, civil::DateTime};

use super::disposition::RejectReason;
use super::identity::{RowContent, RowId};

/// One row of the report, as far as counting needs it. No personal data: `ani` and `customer_id` are never kept, and
/// `conn_id` is in `id` as a hash only.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub id: RowId,
    pub content: RowContent,
    /// The moment of the hang-up, in the operation's local time.
    pub date: DateTime,
    /// When the call's leg began, from the epoch inside a voice call's `conn_id`.
    pub began: Option<Timestamp>,
    /// Clean label text; `unknown` for an empty marker.
    pub skill_id: Arc<str>,
    /// Clean label text; `None` where the API sent none.
    pub skill_name: Option<Arc<str>>,
    /// Clean label text; `unknown` for an empty marker.
    pub type_interaction: Arc<str>,
    /// Whether `result` says that the caller gave up.
    pub abandoned: bool,
    /// Seconds waited, finite and not negative; `None` where the value is empty or unreadable.
    pub abandon_time: Option<f64>,
}

/// A row as it was read from an answer. A bad row is kept as such: it is counted too, and the others stand.
#[derive(Debug, Clone, PartialEq)]
pub enum ReadRow {
    Row(Row),
    /// `id` is a hash of the row's whole text, for a bad row that comes again is a duplicate.
    Rejected {
        id: RowId,
        reason: RejectReason,
    },
}

impl ReadRow {
    pub fn id(&self) -> RowId {
        match self {
            Self::Row(row) => row.id,
            Self::Rejected { id, .. } => *id,
        }
    }

    /// The row, if it could be read.
    pub fn row(&self) -> Option<&Row> {
        match self {
            Self::Row(row) => Some(row),
            Self::Rejected { .. } => None,
        }
    }
}

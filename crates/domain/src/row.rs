use alloc::sync::Arc;

use jiff::{Timestamp, civil::DateTime};

use super::disposition::RejectReason;
use super::identity::{RowContent, RowId};

/// One row of a report, as far as counting needs it. No personal data: `ani`, `customer_id` and `agent_id` are never kept, and
/// `conn_id` is in `id` as a hash only.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub id: RowId,
    pub content: RowContent,
    /// The moment of the outcome, in the operation's local time.
    pub date: DateTime,
    /// When the call's leg began, from the epoch inside a voice call's `conn_id`; `None` too where that fits `date` in no zone.
    pub began: Option<Timestamp>,
    /// Clean label text; `unknown` for an empty marker.
    pub skill_id: Arc<str>,
    /// Clean label text; `None` where the API sent none.
    pub skill_name: Option<Arc<str>>,
    /// Clean label text; `unknown` for an empty marker.
    pub type_interaction: Arc<str>,
    /// Whether it is one of the calls that its report is about.
    pub counts: bool,
    /// What `result` says, where it counts although nobody knows what that means. From outside: not to be shown unless
    /// redacted.
    pub unknown_result: Option<Arc<str>>,
    /// Seconds waited, finite and not negative; `None` where the value is empty or unreadable.
    pub waited: Option<f64>,
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

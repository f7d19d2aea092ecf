use core::time::Duration;

use jiff::Timestamp;

/// Answers with fewer rows say nothing about the report: a handful of bad rows comes from anywhere.
const ENOUGH_ROWS: u64 = 5;

/// What a read brought, for those who tell people.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReadSummary {
    pub rows: u64,
    /// Calls counted, each once.
    pub counted: u64,
    /// Rows that can't be counted: without a readable date, misshapen, outside the range. Those that were seen in earlier
    /// reads are among them.
    pub rejected: u64,
    /// Calls counted in a window that had been read before.
    pub late: u64,
    /// Of the rows that no earlier read had seen, whatever became of them.
    pub newest: Option<Timestamp>,
    pub oldest: Option<Timestamp>,
    /// How long ago the oldest of them was dated. `None` where the read says nothing of that: the first one, those that
    /// catch up, and those that brought no new row.
    pub lateness: Option<Duration>,
}

impl ReadSummary {
    /// Whether most rows can't be counted: the report has another form than this exporter reads, and calls are lost.
    pub fn is_mostly_rejected(&self) -> bool {
        self.rows >= ENOUGH_ROWS && self.rejected > self.rows / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_half_of_five_rows_or_more_are_most() {
        let is_most = |rows, rejected| ReadSummary { rows, rejected, ..ReadSummary::default() }.is_mostly_rejected();
        assert!(is_most(5, 3) && is_most(6, 4) && is_most(7, 4) && is_most(60_000, 60_000));
        assert!(!is_most(4, 4) && !is_most(5, 2) && !is_most(6, 3) && !is_most(0, 0));
    }
}

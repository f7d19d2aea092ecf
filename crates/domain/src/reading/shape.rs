/// The API's limit is 60,000 rows; what it does above is unknown. Careful clients take an answer near it for cut off.
pub const FULL_ANSWER_ROWS: u64 = 59_000;

/// What an answer looks like from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Rows that came.
    pub delivered: u64,
    /// Rows that the answer says it has; `None` where it has no number.
    pub announced: Option<u64>,
    /// Whether the body began as a report, and has a place after which no row can be found.
    pub broken: bool,
    /// Whether a cache had kept it from before the end of what it is about: then it says nothing of what is missing there.
    pub is_early: bool,
}

impl Shape {
    /// Rows that were announced and have not come.
    pub fn shortfall(self) -> u64 {
        self.announced.unwrap_or(0).saturating_sub(self.delivered)
    }

    /// Whether there are so many rows that the API may have stopped there.
    pub fn may_be_cut(self) -> bool {
        self.delivered >= FULL_ANSWER_ROWS
    }
}

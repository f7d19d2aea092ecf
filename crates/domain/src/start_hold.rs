use jiff::Timestamp;

/// What a new process shows at first: what the one before it showed last. Prometheus may know the new one by another
/// `instance`, and could not see what was added between the last scrape of the one and the first of the other.
///
/// Meanwhile each series that changes is on hold, and these two stay as they were.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartHold {
    /// `wolkvox_windows_total`.
    pub windows: u64,
    /// `wolkvox_complete_until_timestamp_seconds`.
    pub complete_until: Timestamp,
    /// When this process began.
    pub since: Timestamp,
    /// Whether the ledger has it. A start stores nothing; the first change afterwards does.
    pub is_stored: bool,
}

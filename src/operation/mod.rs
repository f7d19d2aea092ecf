//! One operation, all that the process knows of it, in one place: per report its rules, its clock, an account and the pulse
//! of the polls. The poller writes here; the metrics and the status page read, without waiting for a poll or a
//! commit.
//!
//! - [`report`]: what has been counted of one report: in the ledger first, then here;
//! - `accounts`: those of all its reports, which share label sets and are shown together;
//! - `refusal`: what they know together of their token;
//! - [`ended`]: how a poll ended, and what was wrong if it failed;
//! - [`comparisons`]: what was counted beside the vendor's own totals;
//! - [`quota`]: the calls that its token has left;
//! - [`pulse`]: what is known of the polls since the process began;
//! - [`open`]: the way from a configuration and a ledger to an operation, at the start and at a reload;
//! - [`snapshot`]: an operation at one moment, and [`status`], what the page tells of it, [`today`] included.

mod accounts;
pub mod comparisons;
pub mod ended;
mod open;
pub mod pulse;
pub mod quota;
mod refusal;
pub mod report;
mod snapshot;
pub mod status;
pub mod today;

use std::sync::Arc;

use accounts::Accounts;
use comparisons::Comparisons;

pub use accounts::Polling;
pub use open::{ReportSettings, report_settings};
use quota::Quota;
pub use report::Report;
pub use snapshot::Snapshot;

/// An operation that is being read: wolkvox's word for a customer's contact centre on a server.
#[derive(Debug)]
pub struct Operation {
    /// The `operation` label.
    pub name: Arc<str>,
    /// `wv0042`.
    pub server: String,
    /// The report of abandoned calls, which each operation has.
    pub abandoned: Arc<Report>,
    pub quota: Quota,
    /// Where they are switched on.
    pub comparisons: Option<Arc<Comparisons>>,
    /// Those that are switched on besides.
    others: Vec<Arc<Report>>,
    accounts: Arc<Accounts>,
}

impl Operation {
    /// All that are switched on, in the order in which they are asked for.
    pub fn reports(&self) -> impl Iterator<Item = &Arc<Report>> {
        std::iter::once(&self.abandoned).chain(&self.others)
    }

    /// Waits until all changes that are on their way are stored. To be called when nobody begins any more.
    pub async fn is_settled(&self) {
        drop(self.accounts.turn().await);
        if let Some(comparisons) = &self.comparisons {
            comparisons.is_settled().await;
        }
    }
}

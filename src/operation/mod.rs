//! One operation, all that the process knows of it, in one place: its rules, its clock, and per report an account and the
//! pulse of the polls. The poller writes here; the metrics and the status page read, without waiting for a poll or a
//! commit.
//!
//! - [`report`]: what has been counted of one report: in the ledger first, then here;
//! - [`ended`]: how a poll ended, and what was wrong if it failed;
//! - [`pulse`]: what is known of the polls since the process began;
//! - [`open`]: the way from a configuration and a ledger to an operation;
//! - [`snapshot`]: an operation at one moment, and [`status`], what the page tells of it, [`today`] included.

pub mod ended;
mod open;
pub mod pulse;
pub mod report;
mod snapshot;
pub mod status;
pub mod today;

use std::sync::Arc;

use domain::rules::Rules;
use domain::window::Windows;
use jiff::Timestamp;

use crate::clock::ServerClock;
use crate::config::OperationConfig;

pub use report::Report;
pub use snapshot::Snapshot;

/// An operation that is being read: wolkvox's word for a customer's contact centre on a server.
#[derive(Debug)]
pub struct Operation {
    /// The `operation` label.
    pub name: Arc<str>,
    /// `wv0042`.
    pub server: String,
    pub rules: Arc<Rules>,
    /// Bucket bounds in whole seconds.
    pub buckets: Vec<u32>,
    pub clock: ServerClock,
    /// Where an account would begin that this process begins, by the host's clock.
    pub first: Timestamp,
    /// Where the account began when this process took it over.
    pub start_at_open: Timestamp,
    /// The report of abandoned calls, which each operation has. Another report would stand beside it, with an account and
    /// a pulse of its own.
    pub abandoned: Arc<Report>,
}

/// What the configuration says about reading and counting.
pub fn rules(config: &OperationConfig) -> Rules {
    Rules {
        zone: config.timezone.clone(),
        windows: Windows::new(config.interval, config.settle),
        overlap: config.overlap,
        max_catch_up: config.max_catch_up,
        hold: config.hold,
        start_hold: config.start_hold,
        max_series: config.max_series,
        skills: config.skills.clone(),
    }
}

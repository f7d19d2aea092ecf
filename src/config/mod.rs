//! The checked configuration. What is in these types has been validated; nothing behind them checks again.
//!
//! The way there: `load` takes the command line and the file, `tree` is the file as YAML with its places, `section` reads
//! one mapping by its known keys, `values` turns one value into its checked form, `settings` compares those that must fit
//! each other, `problem` collects all that is wrong, and `print` writes the result so that it loads again.

mod duration;
mod load;
mod print;
mod problem;
mod section;
mod settings;
#[cfg(test)]
mod tests;
mod tree;
mod values;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use jiff::tz::TimeZone;
use secrecy::SecretString;

pub use domain::rules::Skills;
pub use duration::show as show_duration;
pub(crate) use load::from_text;
pub use load::{load, web};
pub use print::effective;
pub use problem::Problems;

/// All that `serve` needs.
#[derive(Debug)]
pub struct Config {
    pub ledger: PathBuf,
    /// At least one; the names differ.
    pub operations: Vec<OperationConfig>,
    pub web: Web,
}

#[derive(Debug, Clone)]
pub struct Web {
    /// Empty: the default, `[::]:10119`, or `0.0.0.0:10119` where there is no IPv6.
    pub listen_addresses: Vec<SocketAddr>,
    /// Begins with `/`.
    pub telemetry_path: String,
    /// Whether OpenMetrics text has `_created` lines.
    pub openmetrics_created: bool,
}

/// One operation (wolkvox's word for a customer's contact centre on a server) and how it is read.
#[derive(Debug, Clone)]
pub struct OperationConfig {
    /// The `operation` label.
    pub name: String,
    pub server: Server,
    pub token: TokenSource,
    /// The zone of the report's dates; its IANA name is in `timezone.iana_name()`.
    pub timezone: TimeZone,
    /// The length of a window: whole seconds, a divisor of an hour.
    pub interval: Duration,
    /// How long after its end a window is read.
    pub settle: Duration,
    /// How far back each read reaches again for late rows.
    pub overlap: Duration,
    /// How far back an outage is made good.
    pub max_catch_up: Duration,
    pub start: Start,
    /// The bound on one call, and on its connection.
    pub timeout: Duration,
    pub connect_timeout: Duration,
    /// How long a new series shows its starting value first.
    pub hold: Duration,
    /// Label sets before `__other__`.
    pub max_series: usize,
    /// Ascending bucket bounds in whole seconds, see the ledger's distribution of times for what can be a bound.
    pub abandon_time_buckets: Vec<u32>,
    pub skills: Skills,
}

/// The server's base address: `https://wv0042.wolkvox.com`, or the loopback address of a simulator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Scheme, host and port, without a trailing slash.
    pub base_url: String,
    /// `wv0042`, or the host and port of an address: for people, and the default name of an operation.
    pub name: String,
}

/// Where the token comes from. A file is read afresh for each call.
#[derive(Debug, Clone)]
pub enum TokenSource {
    File(PathBuf),
    /// The name of an environment variable.
    Env(String),
    /// A token held by the process itself, as in `demo`.
    Held(SecretString),
}

/// Where a new ledger begins to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// With the window in progress.
    Now,
    /// This far back; at most `max_catch_up`.
    History(Duration),
}

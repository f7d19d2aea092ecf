//! The checked configuration. What is in these types has been validated; nothing behind them checks again.
//!
//! The way there: `load` takes the command line and the file; `tree` is the file as YAML with its places, `section` one
//! mapping of it by its known keys. `operation` describes each key of an operation once; `draft` lays the mappings over
//! each other and compares the values that must fit each other. `values` (and `server`, `duration`) turn one value into
//! its checked form, `problem` collects all that is wrong, `print` writes the result so that it loads again,
//! `exactness` says which of its settings lose or hide calls, and `difference` how one differs from another.
//! [`web_file`] is the other file, of TLS and passwords.

mod difference;
mod draft;
mod duration;
mod exactness;
mod load;
mod operation;
mod print;
mod problem;
mod section;
mod server;
#[cfg(test)]
mod tests;
mod tree;
mod values;
pub mod web_file;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

pub use difference::{Difference, differences};
pub use domain::rules::Skills;
pub use duration::show as show_duration;
pub use exactness::exactness;
pub use load::{ledger, load, web};
pub use operation::OperationConfig;
pub use print::effective;
pub use problem::{Origin, Problems};
pub use server::{Server, is_loopback};

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
    /// Where the probes alone are answered, in clear and without a password.
    pub probe_address: Option<SocketAddr>,
    /// Begins with `/`.
    pub telemetry_path: String,
    pub links: Links,
    /// Whether OpenMetrics text has `_created` lines.
    pub openmetrics_created: bool,
    /// Whether POST `/-/reload` has the configuration read again.
    pub lifecycle: bool,
}

/// What the status page links to: web addresses.
#[derive(Debug, Clone, Default)]
pub struct Links {
    pub dashboards: Option<String>,
    pub alerts: Option<String>,
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

/// The reports that are read: that of abandoned calls, and these.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reports {
    pub answered: bool,
    /// The vendor's own totals, once a day, to compare the others with.
    pub totals: bool,
}

/// Where a new ledger begins to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// With the window in progress.
    Now,
    /// This far back; at most `max_catch_up`.
    History(Duration),
}

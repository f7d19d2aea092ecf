//! Prometheus exporter for the wolkvox report "detail of abandoned calls": every call counted exactly once.
//!
//! The tour, in the order in which a call passes through:
//!
//! - [`poller`] has one task per operation. When a window is due it asks [`wolkvox`], one call with one outcome, and
//!   counts what comes. [`clock`] and the report are traits, so that a test plays years in seconds.
//! - [`domain`] is what is known about windows, zones, rows and counting: pure, with the time passed in. The promise is
//!   kept there, in [`domain::plan`] and [`domain::tally`].
//! - [`ledger`] stores a read in one transaction: the cursor, the totals and the row identities, or nothing.
//! - [`board`] publishes what has been stored, whole, as metric families and as a status; [`exposition`] writes the
//!   families in the format that a scrape asks for; [`web`] serves them.
//! - [`config`] turns flags ([`cli`]) and a file into checked types; [`commands`] runs what the command line asks for.
//! - [`simulator`] is a wolkvox server of one's own, for the demo and the tests. It shares no counting code with the rest.
//!
//! `ARCHITECTURE.md` has the invariants, what is deliberately absent, and the test behind each sentence of the promise.

pub mod build_info;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod config;
pub mod exporter;
#[doc(hidden)]
pub mod fuzz;
pub mod ledger;
pub mod logging;
pub mod metrics;
pub mod operation;
pub mod poller;
pub mod shutdown;
pub mod web;
pub mod wolkvox;

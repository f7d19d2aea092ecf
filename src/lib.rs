//! Prometheus exporter for wolkvox's reports of abandoned and answered calls: every call counted exactly once.
//!
//! The tour, in the order in which a call passes through:
//!
//! - [`poller`] has one task per report of an operation. When a window is due it asks [`wolkvox`], one call with one outcome,
//!   and counts what comes. [`clock`] and the API are traits, so that a test plays years in seconds.
//! - [`domain`] is what is known about windows, zones, rows and counting: pure, with the time passed in. The promise is
//!   kept there, in [`domain::plan`] and [`domain::tally`].
//! - [`operation`] is one operation in one place: per report its rules, what has been counted and how the polls go. Poller,
//!   metrics and page share it.
//! - [`ledger`] stores a read in one transaction: the cursor, the totals and the row identities, or nothing.
//! - [`metrics`] makes families of what has been stored, [`exposition`] writes them in the format that a scrape asks for,
//!   and [`web`] serves them beside the status page.
//! - [`config`] turns flags ([`cli`]) and a file into checked types; [`commands`] runs what the command line asks for;
//!   [`exporter`] puts it all together.
//! - [`simulator`] is a wolkvox server of one's own, for the demo and the tests. It shares no counting code with the rest.
//!
//! `ARCHITECTURE.md` has the invariants, what is deliberately absent, and the test behind each sentence of the promise.

pub mod build_info;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod config;
pub mod exporter;
pub mod lane;
pub mod ledger;
pub mod logging;
pub mod metrics;
pub mod operation;
pub mod paths;
pub mod poller;
pub mod shutdown;
pub mod web;
pub mod wolkvox;

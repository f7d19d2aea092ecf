//! What the tests on the real binary share: the binary as a child process, a simulator to ask, a reader of what
//! `/metrics` says, and the truth to compare it with.
//!
//! Nothing here sleeps to pass: every wait is for a condition, and fails with what was seen when its time is over.

pub mod child;
pub mod config;
pub mod host_clock;
pub mod http;
pub mod page;
pub mod prometheus;
pub mod scrape;
pub mod sim;
pub mod tls;
pub mod truth;
pub mod wait;

pub use child::{Child, run};
pub use config::Folder;
pub use sim::Sim;
pub use wait::{PATIENCE, at_once, wait_for};

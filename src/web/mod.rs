//! The HTTP server: /metrics, the status page, the two probes, and the wish for a reload.
//!
//! [`listen`] binds the addresses, [`server`] accepts and bounds connections, `places` says which makes room for
//! another by its `limits`, `guard` puts clocks on each of them (`frames` tells it of HTTP/2), `connection` speaks with its client, [`secure`] says how
//! and whether, `routes` finds the answer to a request, `page` writes the status page.

mod body;
mod connection;
mod frames;
mod guard;
mod limits;
pub mod listen;
pub mod page;
mod places;
mod routes;
pub mod secure;
mod seldom;
pub mod server;

use std::future::Future;

use exposition::prepared::Exposed;

use crate::operation::status::Status;

/// The answer to a scrape.
pub struct Scrape {
    pub exposed: Exposed,
    /// Told when all of it has been handed out.
    pub served: Box<dyn FnOnce() + Send>,
}

/// Why there is no answer to a scrape yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotShown {
    /// The ledger is not open and loaded.
    NotLoaded,
    /// The ledger is a copy, and what it lacks has not been read yet.
    Copy,
}

/// What came of the wish to have the configuration read again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reloaded {
    /// It is in force: what has changed, one a line.
    Done(Vec<String>),
    /// It is not: why, one a line.
    Refused(Vec<String>),
    /// As many wait as may.
    Busy,
}

/// What the server shows. It never calls wolkvox and never waits for the ledger.
pub trait Site: Send + Sync + 'static {
    /// The answer to a scrape with these request headers.
    fn metrics(
        &self,
        accept: Option<&str>,
        accept_encoding: Option<&str>,
    ) -> impl Future<Output = Result<Scrape, NotShown>> + Send;
    fn status(&self) -> Status;
    /// Whether the ledger is open and loaded.
    fn ready(&self) -> bool;
    /// Whether a request may have the configuration read again.
    fn may_reload(&self) -> bool {
        false
    }
    /// Has the configuration read again, after those that have asked before. Who stops waiting stops nothing.
    fn reload(&self) -> impl Future<Output = Reloaded> + Send {
        std::future::ready(Reloaded::Busy)
    }
}

//! A wolkvox server of one's own, for trials and tests.
//!
//! It shares no counting code with the exporter, for it is what the exporter is measured against.
//!
//! - `traffic` makes the calls, from a seed, with the shape that `profile` knows; `call` is one of them.
//! - `report` writes the answer to a question, with `quirks` where the API may be read in more than one way; `row` is
//!   one row of it, `refusal` an answer without data.
//! - `faults` is the list of what can go wrong.
//! - `operation` holds a token, its traffic and its quota; `world` all operations, the faults and the request log.
//! - `server` accepts connections, `api` answers the report's requests, `control` those of a person or a test.
//! - `handle` starts it all inside a process; `options` and `args` say how it is to be.

mod api;
pub mod args;
mod body;
pub mod call;
mod control;
pub mod faults;
pub mod handle;
pub mod operation;
pub mod options;
mod profile;
mod query;
pub mod quirks;
mod random;
pub mod refusal;
pub mod report;
mod row;
pub mod server;
pub mod traffic;
mod wire;
pub mod world;

pub use handle::{Handle, Simulator};
pub use options::{OperationOptions, Options};

#[cfg(test)]
mod tests;

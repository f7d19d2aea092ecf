//! A wolkvox server of one's own, for trials and tests.
//!
//! It shares no counting code with the exporter, for it is what the exporter is measured against.
//!
//! - `traffic` plays the queues of the skills, from a seed, with the shape that `profile` knows; `call` is one call.
//! - `windows` tells what the queues were like, window by window, and `print` prints it: what alerts are judged by.
//! - `report` is the list of what can be asked. `answer` writes the answer to a question, with `quirks` where the API may
//!   be read in more than one way; `row` is one row of a detailed report, `totals` the rows of the other, `refusal` an
//!   answer without data.
//! - `faults` is the list of what can go wrong.
//! - `operation` holds a token, its traffic and its quota; `world` all operations, the faults and the request log.
//! - `server` accepts connections, `api` answers requests for reports, `control` those of a person or a test.
//! - `handle` starts it all inside a process; `options` and `args` say how it is to be.
//!
//! Thirty days of truth for a replay, in a second or two:
//!
//! ```text
//! wolkvox-exporter simulate --seed 7 --skills 4 --print queue --from 2026-01-05T05:00:00Z --for 30d --window 5m > truth.csv
//! ```

pub mod answer;
mod api;
pub mod args;
mod body;
pub mod call;
mod control;
pub mod faults;
pub mod handle;
pub mod operation;
pub mod options;
pub mod print;
mod profile;
mod query;
pub mod quirks;
mod random;
pub mod refusal;
pub mod report;
mod row;
pub mod server;
mod totals;
pub mod traffic;
pub mod windows;
mod wire;
pub mod world;

pub use handle::{Handle, Simulator};
pub use options::{OperationOptions, Options};

#[cfg(test)]
mod tests;

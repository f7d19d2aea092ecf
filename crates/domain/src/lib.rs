//! What the exporter knows about calls, windows and counting. No I/O and no clock: instants are passed in, and without
//! the standard library there is nothing to take them from.
//!
//! A read goes through it in this order: [`plan`] says which stretch is due, [`zone`] writes it in local time, [`tally`]
//! counts the rows of the answer into the [`account`] of the operation, [`cadence`] says when to ask next.

#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod account;
pub mod cadence;
pub mod conn_id;
pub mod copy;
pub mod coverage;
pub mod days;
pub mod disposition;
pub mod distribution;
pub mod evidence;
pub mod gaps;
pub mod histogram;
pub mod identity;
pub mod instant;
pub mod label;
pub mod label_sets;
pub mod lateness;
pub mod offset;
pub mod outcome;
pub mod plan;
pub mod range;
pub mod reading;
pub mod reconciliation;
pub mod report;
pub mod result;
pub mod row;
pub mod row_parse;
pub mod rules;
pub mod series;
pub mod server_time;
pub mod shortfall;
pub mod shown;
pub mod start_hold;
pub mod summary;
pub mod tally;
pub mod token;
pub mod totals;
pub mod unread;
pub mod vendor_totals;
pub mod waited;
pub mod window;
pub mod zone;

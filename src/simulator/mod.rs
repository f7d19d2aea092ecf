//! A wolkvox server of one's own, for trials and tests.

pub mod call;
pub mod faults;
mod profile;
pub mod quirks;
mod random;
pub mod refusal;
pub mod report;
mod row;
pub mod traffic;

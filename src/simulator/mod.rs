//! A wolkvox server of one's own, for trials and tests.

pub mod call;
mod profile;
mod random;
pub mod traffic;

//! What the exporter knows about calls, windows and counting. No I/O and no clock: instants are passed in.

pub mod disposition;
pub mod identity;
pub mod outcome;
pub mod range;
pub mod row;
pub mod window;
pub mod zone;

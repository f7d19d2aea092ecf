//! What is published: per operation one immutable view, swapped whole when a read is committed.

pub mod status;

//! What Prometheus reads: a neutral model of metric families, and one encoder per format.
//!
//! - [`model`]: families, series and values, as every other module makes them;
//! - [`text`], [`openmetrics`], [`protobuf`]: the formats; the first two share [`lines`], and both write [`number`]s and
//!   [`label`] values the same way, so that a value is spelled identically in each;
//! - [`registry`]: the `prometheus` crate's instruments, brought into the model;
//! - [`negotiate`]: from a request's headers to format, content type and compression;
//! - [`prepared`]: families encoded and compressed once per change, joined with a small part written anew for each scrape;
//! - [`compress`]: compressed pieces that can be joined;
//! - [`check`]: what is wrong with a set of families, for tests.

pub mod check;
pub mod compress;
pub mod label;
mod lines;
pub mod model;
pub mod negotiate;
pub mod number;
pub mod openmetrics;
pub mod prepared;
pub mod protobuf;
pub mod registry;
#[cfg(test)]
mod samples;
pub mod text;

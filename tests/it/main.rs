//! All integration tests, one module per subject; helpers that several share are in `support`.

mod cli;
mod exposition;
mod web;

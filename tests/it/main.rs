//! All integration tests, one module per part; helpers that several share are in `support`.

mod cli;
mod web;

//! All integration tests, one module per subject; helpers that several share are in `support`.

mod cli;
mod demo;
mod exact;
mod exposition;
mod faults;
mod labels;
mod outage;
mod privacy;
mod support;
mod web;

//! All integration tests, one module per subject; helpers that several share are in `support`.

mod birth;
mod cli;
mod demo;
mod exact;
mod exposition;
mod faults;
mod labels;
mod large;
mod ledger_damage;
mod outage;
mod privacy;
mod protocols;
mod support;
mod web;

//! All integration tests, one module per subject; helpers that several share are in `support`.

// The real binary lives in real time, and a kill at a random instant waits for that instant.
#![allow(clippy::disallowed_methods)]

mod answered;
mod answers;
mod backup;
mod birth;
mod check_api;
mod cli;
mod corpus;
mod demo;
mod disk;
mod exact;
mod exposition;
mod faults;
mod host_clock;
mod hostile;
mod labels;
mod large;
mod ledger_damage;
mod ledger_file;
mod many;
mod mistakes;
mod network;
mod outage;
mod output;
mod privacy;
mod protocols;
mod quantiles;
mod quota;
mod reconciliation;
mod reload;
mod secure;
mod server_clock;
mod start_hold;
mod states;
mod support;
mod systemd;
mod trouble;
mod web;
mod web_config;
mod weeks;

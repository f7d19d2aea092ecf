//! Prometheus exporter for the wolkvox report "detail of abandoned calls".

pub mod board;
pub mod build_info;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod config;
pub mod domain;
pub mod exposition;
pub mod ledger;
pub mod logging;
pub mod poller;
pub mod shutdown;
pub mod simulator;
pub mod web;
pub mod wolkvox;

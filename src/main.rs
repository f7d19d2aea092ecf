//! Parse, log, run, exit: in this order, and nothing else.

use std::process::ExitCode;

use clap::Parser;
use wolkvox_exporter::cli::Cli;
use wolkvox_exporter::commands::{self, Failure};
use wolkvox_exporter::logging;

fn main() -> ExitCode {
    // Wrong usage ends here, with exit code 2.
    let cli = Cli::parse();
    let outcome = match logging::init(cli.log()) {
        Ok(()) => commands::run(cli),
        Err(error) => Err(Failure::Failed(error.into())),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Configuration(problems)) => {
            eprintln!("{problems}");
            ExitCode::from(2)
        }
        Err(Failure::Failed(error)) => {
            eprintln!("wolkvox-exporter: {error:#}");
            ExitCode::FAILURE
        }
    }
}

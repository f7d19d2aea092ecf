//! Parse, log, run, exit: in this order, and nothing else.

use std::process::ExitCode;

use wolkvox_exporter::cli::Cli;
use wolkvox_exporter::commands::{self, Failure};
use wolkvox_exporter::logging;

/// glibc's allocator keeps several times the memory of a large answer for good; jemalloc gives it back.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    // Wrong usage ends here, with exit code 2.
    let cli = Cli::read();
    let outcome = match logging::init(&cli.log().level, cli.log().format) {
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

//! Parse, log, run, exit: in this order, and nothing else.

use std::io::{self, Write as _};
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
    let log = cli.log();
    let log = match logging::init(&log.level, log.format) {
        Ok(log) => log,
        Err(error) => {
            // Who has closed standard error doesn't want to know.
            let _ = writeln!(io::stderr(), "wolkvox-exporter: {error:#}");
            return ExitCode::FAILURE;
        }
    };
    match commands::run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Configuration(problems)) => {
            log.say(&problems.to_string());
            ExitCode::from(2)
        }
        Err(Failure::Failed(error)) => {
            log.say(&format!("wolkvox-exporter: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

//! One function per subcommand: arguments in, how it ended out. `main` turns that into an exit code.

mod check_config;

use crate::cli::{Cli, Command, ServeArgs};
use crate::config::{Config, Problems};

/// Why a command ended without success.
#[derive(Debug)]
pub enum Failure {
    /// Wrong usage or configuration: exit code 2.
    Configuration(Problems),
    /// Everything else: exit code 1.
    Failed(anyhow::Error),
}

/// Runs what the command line asks for.
pub fn run(cli: Cli) -> Result<(), Failure> {
    match cli.command {
        None => serve(&cli.serve),
        Some(Command::Serve(args)) => serve(&args),
        Some(Command::CheckConfig(args)) => check_config::run(&args),
        // The simulator and the demo are wired here.
        Some(Command::Simulate(_)) => Err(Failure::Failed(anyhow::anyhow!("the simulator is not part of this build"))),
        Some(Command::Demo(_)) => Err(Failure::Failed(anyhow::anyhow!("the demo is not part of this build"))),
    }
}

fn serve(args: &ServeArgs) -> Result<(), Failure> {
    let config = load(args)?;
    // The exporter itself is wired here: `serve::run(config)`.
    let _: Config = config;
    Err(Failure::Failed(anyhow::anyhow!("serving is not part of this build")))
}

fn load(args: &ServeArgs) -> Result<Config, Failure> {
    crate::config::load(args, &|name| std::env::var(name).ok()).map_err(Failure::Configuration)
}

//! One function per subcommand: arguments in, how it ended out. `main` turns that into an exit code.

mod backup;
mod check_api;
mod check_config;
mod demo;
mod manual;
mod serve;
mod simulate;

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
        None => serve::run(load(&cli.serve)?),
        Some(Command::Serve(args)) => serve::run(load(&args)?),
        Some(Command::CheckConfig(args)) => check_config::run(&args),
        Some(Command::CheckApi(args)) => check_api::run(&args),
        Some(Command::Backup(args)) => backup::run(&args),
        Some(Command::Simulate(command)) => simulate::run(*command),
        Some(Command::Demo(command)) => demo::run(*command),
        Some(Command::Completions(command)) => manual::completions(command.shell),
        Some(Command::Man(command)) => manual::man(command.command.as_deref()),
    }
}

fn load(args: &ServeArgs) -> Result<Config, Failure> {
    crate::config::load(args, &|name| std::env::var(name).ok()).map_err(Failure::Configuration)
}

impl Failure {
    /// What was written on the command line can't be done.
    fn usage(error: impl std::fmt::Display) -> Self {
        Self::Configuration(Problems::elsewhere(error))
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

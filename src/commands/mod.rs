//! One function per subcommand: arguments in, how it ended out. `main` turns that into an exit code.

mod backup;
mod check_api;
mod check_config;
mod demo;
mod healthcheck;
mod manual;
mod serve;
mod simulate;
mod stray;

use std::path::Path;

use crate::cli::{Cli, Command, ServeArgs, WebArgs};
use crate::config::{Config, Problems};
use crate::web::secure::Secured;

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
        None => serve::run(&cli.serve),
        Some(Command::Serve(args)) => serve::run(&args),
        Some(Command::CheckConfig(args)) => check_config::run(&args),
        Some(Command::CheckApi(args)) => check_api::run(&args),
        Some(Command::Backup(args)) => backup::run(&args),
        Some(Command::Healthcheck(command)) => healthcheck::run(&command.web),
        Some(Command::Simulate(command)) => simulate::run(*command),
        Some(Command::Demo(command)) => demo::run(*command),
        Some(Command::Completions(command)) => manual::completions(command.shell),
        Some(Command::Man(command)) => manual::man(command.command.as_deref()),
    }
}

/// All that `serve` needs.
struct Loaded {
    config: Config,
    secured: Secured,
    /// What of the environment and the web configuration has no effect, or not the one that it seems to have.
    remarks: Problems,
}

fn load(args: &ServeArgs) -> Result<Config, Failure> {
    crate::config::load(args, &|name| std::env::var(name).ok()).map_err(Failure::Configuration)
}

/// The configuration and the file of TLS and passwords, or all that is wrong with both.
fn load_secured(args: &ServeArgs) -> Result<Loaded, Failure> {
    match (load(args), secured(&args.web)) {
        (Ok(config), Ok((secured, remarks))) => {
            let stray: Problems = stray::variables(std::env::vars_os()).into_iter().collect();
            Ok(Loaded { config, secured, remarks: stray.and(&remarks) })
        }
        (Err(Failure::Configuration(problems)), Err(others)) => Err(Failure::Configuration(problems.and(&others))),
        (Err(failure), _) => Err(failure),
        (Ok(_), Err(problems)) => Err(Failure::Configuration(problems)),
    }
}

/// Reads the file of TLS and passwords; an empty name is none.
fn secured(args: &WebArgs) -> Result<(Secured, Problems), Problems> {
    Secured::load(args.web_config_file.as_deref().filter(|name| !name.is_empty()).map(Path::new))
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

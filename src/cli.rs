//! The command line, as it is written. Nothing is checked here that `config` can check with all other problems.

// `clap` shows these comments as they are: brackets in them are not links, and can't be escaped.
#![allow(rustdoc::broken_intra_doc_links)]

use std::path::PathBuf;

use clap::builder::{FalseyValueParser, OsStringValueParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};

use crate::{build_info, logging};
use simulator::args::SimulateArgs;

#[derive(Debug, Parser)]
#[command(
    name = "wolkvox-exporter",
    version = build_info::VERSION_LINE,
    about = "Prometheus exporter for the wolkvox report of abandoned calls: every call counted exactly once.",
    after_help = AFTER_HELP,
    args_conflicts_with_subcommands = true
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Without a subcommand, `serve`.
    #[command(flatten)]
    pub serve: ServeArgs,
}

const AFTER_HELP: &str = "\
Every flag can be an environment variable: WOLKVOX_EXPORTER_ and the flag in capitals, with _ for dots and dashes.
A flag beats the environment, the environment beats the file, the file beats the default.
The token of an operation given by flags may be in WOLKVOX_TOKEN.
Exit codes: 0 fine, 1 failed, 2 wrong usage or configuration.";

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the exporter (the default)
    Serve(Box<ServeArgs>),
    /// Validate the configuration and print it with secrets masked; exit 0 or 2
    CheckConfig(Box<ServeArgs>),
    /// Run a wolkvox server of one's own, for trials and tests
    Simulate(Box<SimulateCommand>),
    /// Run the simulator and the exporter in one process: numbers on /metrics seconds after the start
    Demo(Box<DemoCommand>),
}

/// Takes an empty path as well, which `config` takes as none: container tools pass empty variables for unset ones.
fn path_or_empty() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}

/// What `serve` and `check-config` take.
#[derive(Debug, Clone, Default, Args)]
pub struct ServeArgs {
    /// The configuration file (YAML)
    #[arg(long = "config.file", env = "WOLKVOX_EXPORTER_CONFIG_FILE", value_name = "FILE", value_parser = path_or_empty(), hide_env_values = true)]
    pub config_file: Option<PathBuf>,
    #[command(flatten)]
    pub ledger: LedgerArgs,
    #[command(flatten)]
    pub wolkvox: WolkvoxArgs,
    #[command(flatten)]
    pub web: WebArgs,
    #[command(flatten)]
    pub log: LogArgs,
}

/// One operation, without a file.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "One operation without a file")]
pub struct WolkvoxArgs {
    /// The operation's server: 0042, wv0042 or https://host[:port]
    #[arg(
        long = "wolkvox.server",
        env = "WOLKVOX_EXPORTER_WOLKVOX_SERVER",
        value_name = "SERVER",
        hide_env_values = true
    )]
    pub server: Option<String>,
    /// The file with the token, read afresh for each call (or set WOLKVOX_TOKEN)
    #[arg(
        long = "wolkvox.token-file",
        env = "WOLKVOX_EXPORTER_WOLKVOX_TOKEN_FILE",
        value_name = "FILE", value_parser = path_or_empty(),
        hide_env_values = true
    )]
    pub token_file: Option<PathBuf>,
    /// The time zone of the report's dates, such as America/Bogota
    #[arg(
        long = "wolkvox.timezone",
        env = "WOLKVOX_EXPORTER_WOLKVOX_TIMEZONE",
        value_name = "ZONE",
        hide_env_values = true
    )]
    pub timezone: Option<String>,
    /// The `operation` label [default: the server, as wv0042]
    #[arg(
        long = "wolkvox.operation",
        env = "WOLKVOX_EXPORTER_WOLKVOX_OPERATION",
        value_name = "NAME",
        hide_env_values = true
    )]
    pub operation: Option<String>,
}

#[derive(Debug, Clone, Default, Args)]
pub struct LedgerArgs {
    /// The ledger's file, which keeps every total across restarts [default: wolkvox-exporter.db]
    #[arg(long = "ledger", env = "WOLKVOX_EXPORTER_LEDGER", value_name = "FILE", value_parser = path_or_empty(), hide_env_values = true)]
    pub ledger: Option<PathBuf>,
}

#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "HTTP server")]
pub struct WebArgs {
    /// Where to listen; repeatable [default: [::]:10119, or 0.0.0.0:10119 where there is no IPv6]
    #[arg(
        long = "web.listen-address",
        env = "WOLKVOX_EXPORTER_WEB_LISTEN_ADDRESS",
        value_name = "ADDRESS",
        value_delimiter = ',',
        hide_env_values = true
    )]
    pub listen_addresses: Vec<String>,
    /// The path of the metrics [default: /metrics]
    #[arg(
        long = "web.telemetry-path",
        env = "WOLKVOX_EXPORTER_WEB_TELEMETRY_PATH",
        value_name = "PATH",
        hide_env_values = true
    )]
    pub telemetry_path: Option<String>,
    /// Write `_created` lines into OpenMetrics text; they double the series, and protobuf has the same for nothing
    #[arg(
        long = "web.openmetrics-created",
        env = "WOLKVOX_EXPORTER_WEB_OPENMETRICS_CREATED",
        value_parser = FalseyValueParser::new(),
        hide_env_values = true
    )]
    pub openmetrics_created: bool,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Logging")]
pub struct LogArgs {
    /// off, error, warn, info, debug, trace, or directives such as info,wolkvox_exporter=debug
    #[arg(
        long = "log.level",
        env = "WOLKVOX_EXPORTER_LOG_LEVEL",
        value_name = "LEVEL",
        default_value = logging::DEFAULT_LEVEL,
        value_parser = logging::checked_level,
        hide_env_values = true
    )]
    pub level: String,
    /// The form of a log line: logfmt or json
    #[arg(
        long = "log.format",
        env = "WOLKVOX_EXPORTER_LOG_FORMAT",
        value_name = "FORMAT",
        default_value = logging::DEFAULT_FORMAT,
        value_parser = logging::checked_format,
        hide_env_values = true
    )]
    pub format: LogFormat,
}

impl Default for LogArgs {
    fn default() -> Self {
        Self { level: logging::DEFAULT_LEVEL.to_owned(), format: LogFormat::Logfmt }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Logfmt,
    Json,
}

#[derive(Debug, Clone, Args)]
pub struct SimulateCommand {
    #[command(flatten)]
    pub simulator: SimulateArgs,
    #[command(flatten)]
    pub log: LogArgs,
}

#[derive(Debug, Clone, Args)]
pub struct DemoCommand {
    #[command(flatten)]
    pub simulator: SimulateArgs,
    /// The ledger's file [default: one in a temporary folder, removed at the end]
    #[arg(long = "ledger", env = "WOLKVOX_EXPORTER_LEDGER", value_name = "FILE", value_parser = path_or_empty(), hide_env_values = true)]
    pub ledger: Option<PathBuf>,
    #[command(flatten)]
    pub web: WebArgs,
    #[command(flatten)]
    pub log: LogArgs,
}

impl Cli {
    /// How to log, whichever the subcommand.
    pub fn log(&self) -> &LogArgs {
        match &self.command {
            None => &self.serve.log,
            Some(Command::Serve(args) | Command::CheckConfig(args)) => &args.log,
            Some(Command::Simulate(args)) => &args.log,
            Some(Command::Demo(args)) => &args.log,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_flag_has_its_environment_variable() {
        let command = Cli::command();
        let mut commands: Vec<_> = command.get_subcommands().collect();
        commands.push(&command);
        let mut seen = 0;
        for arg in commands.iter().flat_map(|command| command.get_arguments()) {
            let Some(long) = arg.get_long().filter(|long| !matches!(*long, "help" | "version")) else { continue };
            let expected = format!("WOLKVOX_EXPORTER_{}", long.to_uppercase().replace(['.', '-'], "_"));
            assert_eq!(arg.get_env().and_then(|name| name.to_str()), Some(expected.as_str()), "--{long}");
            assert!(arg.is_hide_env_values_set(), "--{long} shows its environment value in --help");
            seen += 1;
        }
        assert!(seen >= 10, "only {seen} flags were looked at");
    }

    #[test]
    fn flags_after_the_subcommand_are_its_own() {
        let cli = Cli::try_parse_from(["wolkvox-exporter", "check-config", "--config.file", "a.yml"]).unwrap();
        let Some(Command::CheckConfig(args)) = cli.command else { panic!("check-config") };
        assert_eq!(args.config_file.as_deref(), Some(std::path::Path::new("a.yml")));
    }
}

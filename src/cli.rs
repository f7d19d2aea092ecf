//! The command line, as it is written. Nothing is checked here that `config` can check with all other problems.

// `clap` shows these comments as they are: brackets in them are not links, and can't be escaped.
#![allow(rustdoc::broken_intra_doc_links)]

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::builder::FalseyValueParser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgAction, Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::{build_info, logging};
use simulator::args::SimulateArgs;
use simulator::print::PrintArgs;

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
    /// Make one careful call per operation and report, and say in words what it shows; exit 0 if nothing is to be done
    CheckApi(Box<CheckApiArgs>),
    /// Copy the ledger into a new file, also while the exporter runs
    Backup(Box<BackupArgs>),
    /// Exit 0 if this machine's exporter is healthy, for container engines; give it the exporter's addresses
    Healthcheck(Box<HealthcheckCommand>),
    /// Run a wolkvox server of one's own, for trials and tests
    Simulate(Box<SimulateCommand>),
    /// Run the simulator and the exporter in one process: numbers on /metrics seconds after the start
    Demo(Box<DemoCommand>),
    /// Print what lets a shell complete commands and flags
    Completions(CompletionsCommand),
    /// Print the manual page, or that of a command
    Man(ManCommand),
}

#[derive(Debug, Clone, Args)]
pub struct CheckApiArgs {
    #[command(flatten)]
    pub serve: ServeArgs,
    /// Print a list of objects instead of text
    #[arg(long)]
    pub json: bool,
}

/// What `serve`, `check-config` and `check-api` take.
#[derive(Debug, Clone, Default, Args)]
pub struct ServeArgs {
    /// The configuration file (YAML)
    #[arg(long = "config.file", value_name = "FILE")]
    pub config_file: Option<String>,
    #[command(flatten)]
    pub ledger: LedgerArgs,
    #[command(flatten)]
    pub wolkvox: WolkvoxArgs,
    #[command(flatten)]
    pub web: WebArgs,
    #[command(flatten)]
    pub log: LogArgs,
}

/// The ledger is the one that `serve` would run on.
#[derive(Debug, Clone, Default, Args)]
pub struct BackupArgs {
    /// The copy; nothing may be there
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The configuration file (YAML), for its `ledger`
    #[arg(long = "config.file", value_name = "FILE")]
    pub config_file: Option<String>,
    #[command(flatten)]
    pub ledger: LedgerArgs,
    #[command(flatten)]
    pub log: LogArgs,
}

/// One operation, without a file.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "One operation without a file")]
pub struct WolkvoxArgs {
    /// The operation's server: 0042, wv0042 or https://host[:port]
    #[arg(long = "wolkvox.server", value_name = "SERVER")]
    pub server: Option<String>,
    /// The file with the token, read afresh for each call (or set WOLKVOX_TOKEN)
    #[arg(long = "wolkvox.token-file", value_name = "FILE")]
    pub token_file: Option<String>,
    /// The time zone of the report's dates, such as America/Bogota
    #[arg(long = "wolkvox.timezone", value_name = "ZONE")]
    pub timezone: Option<String>,
    /// The `operation` label [default: the server, as wv0042]
    #[arg(long = "wolkvox.operation", value_name = "NAME")]
    pub operation: Option<String>,
}

#[derive(Debug, Clone, Default, Args)]
pub struct LedgerArgs {
    /// The ledger's file, which keeps every total across restarts [default: wolkvox-exporter.db]
    #[arg(long = "ledger", value_name = "FILE")]
    pub ledger: Option<String>,
}

#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "HTTP server")]
pub struct WebArgs {
    /// Where to listen; repeatable [default: [::]:10119, or 0.0.0.0:10119 where there is no IPv6]
    #[arg(long = "web.listen-address", value_name = "ADDRESS", value_delimiter = ',')]
    pub listen_addresses: Vec<String>,
    /// TLS and basic auth, in the format of Prometheus' exporter-toolkit [default: in clear, without a password]
    #[arg(long = "web.config.file", value_name = "FILE")]
    pub web_config_file: Option<String>,
    /// Let POST /-/reload have the configuration read again, as SIGHUP always does
    #[arg(long = "web.enable-lifecycle")]
    pub enable_lifecycle: bool,
    /// Where the two probes alone are answered, in clear and without a password
    #[arg(long = "web.probe-address", value_name = "ADDRESS")]
    pub probe_address: Option<String>,
    /// The path of the metrics [default: /metrics]
    #[arg(long = "web.telemetry-path", value_name = "PATH")]
    pub telemetry_path: Option<String>,
    /// Where the dashboards are: the status page links to it
    #[arg(long = "web.dashboards-url", value_name = "URL")]
    pub dashboards_url: Option<String>,
    /// Where the alerts are: the status page links to it
    #[arg(long = "web.alerts-url", value_name = "URL")]
    pub alerts_url: Option<String>,
    /// Write `_created` lines into OpenMetrics text; they double the series, and protobuf has the same for nothing
    #[arg(long = "web.openmetrics-created")]
    pub openmetrics_created: bool,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Logging")]
pub struct LogArgs {
    /// off, error, warn, info, debug, trace, or directives such as info,wolkvox_exporter=debug
    #[arg(
        long = "log.level",
        value_name = "LEVEL",
        default_value = logging::DEFAULT_LEVEL,
        value_parser = logging::checked_level
    )]
    pub level: String,
    /// The form of a log line: logfmt or json
    #[arg(
        long = "log.format",
        value_name = "FORMAT",
        default_value = logging::DEFAULT_FORMAT
    )]
    pub format: logging::Format,
}

impl Default for LogArgs {
    fn default() -> Self {
        Self { level: logging::DEFAULT_LEVEL.to_owned(), format: logging::Format::Logfmt }
    }
}

#[derive(Debug, Clone, Args)]
pub struct HealthcheckCommand {
    #[command(flatten)]
    pub web: WebArgs,
    #[command(flatten)]
    pub log: LogArgs,
}

#[derive(Debug, Clone, Args)]
pub struct SimulateCommand {
    #[command(flatten)]
    pub simulator: SimulateArgs,
    #[command(flatten)]
    pub print: PrintArgs,
    #[command(flatten)]
    pub log: LogArgs,
}

#[derive(Debug, Clone, Args)]
pub struct DemoCommand {
    #[command(flatten)]
    pub simulator: SimulateArgs,
    /// The ledger's file [default: one in a temporary folder, removed at the end]
    #[arg(long = "ledger", value_name = "FILE")]
    pub ledger: Option<PathBuf>,
    #[command(flatten)]
    pub web: WebArgs,
    #[command(flatten)]
    pub log: LogArgs,
}

#[derive(Debug, Clone, Args)]
pub struct CompletionsCommand {
    /// The shell
    pub shell: clap_complete::Shell,
}

#[derive(Debug, Clone, Args)]
pub struct ManCommand {
    /// One of the commands
    pub command: Option<String>,
}

impl Cli {
    /// Reads the command line and the environment. Ends the process where they are wrong, and after `--help`.
    pub fn read() -> Self {
        let matches = Self::definition().try_get_matches().map_err(with_tip);
        matches.and_then(|matches| Self::from_arg_matches(&matches)).unwrap_or_else(|error| error.exit())
    }

    /// All commands and flags, each flag with its environment variable.
    pub fn definition() -> clap::Command {
        with_variables(Self::command())
    }

    /// The variables of all flags, of whatever command.
    pub fn variables() -> BTreeSet<String> {
        let command = Self::command();
        let all = command.get_subcommands().chain([&command]).flat_map(clap::Command::get_arguments);
        all.filter_map(|arg| arg.get_long().map(variable)).collect()
    }

    /// How to log, whichever the subcommand.
    pub fn log(&self) -> LogArgs {
        let log = match &self.command {
            None => &self.serve.log,
            Some(Command::Serve(args) | Command::CheckConfig(args)) => &args.log,
            Some(Command::CheckApi(args)) => &args.serve.log,
            Some(Command::Backup(args)) => &args.log,
            Some(Command::Healthcheck(args)) => &args.log,
            Some(Command::Simulate(args)) => &args.log,
            Some(Command::Demo(args)) => &args.log,
            // They log nothing.
            Some(Command::Completions(_) | Command::Man(_)) => return LogArgs::default(),
        };
        log.clone()
    }
}

/// Says what to do where clap says only what is wrong.
fn with_tip(mut error: clap::Error) -> clap::Error {
    let is_flag = |invalid: &ContextValue| matches!(invalid, ContextValue::String(text) if text.starts_with('-'));
    let tip = match error.kind() {
        ErrorKind::ArgumentConflict => "write flags after the command",
        ErrorKind::InvalidSubcommand => CONFIG_FILE,
        ErrorKind::UnknownArgument if !error.get(ContextKind::InvalidArg).is_some_and(is_flag) => CONFIG_FILE,
        _ => return error,
    };
    error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    error
}

const CONFIG_FILE: &str = "a configuration file is named with --config.file";

/// Gives each flag its variable. The value of a variable may be a secret: help never shows it.
fn with_variables(command: clap::Command) -> clap::Command {
    let with_variable = |arg: clap::Arg| {
        let Some(variable) = arg.get_long().map(variable) else { return arg };
        // Container tools pass empty variables for unset ones.
        if std::env::var_os(&variable).is_some_and(|value| value.is_empty()) {
            return arg;
        }
        let is_switch = matches!(arg.get_action(), ArgAction::SetTrue);
        let arg = arg.env(variable).hide_env_values(true);
        // `1` and `yes` are as good as `true`.
        if is_switch { arg.value_parser(FalseyValueParser::new()) } else { arg }
    };
    command.mut_args(with_variable).mut_subcommands(with_variables)
}

/// What the variable of each flag begins with.
pub const VARIABLES: &str = "WOLKVOX_EXPORTER_";

fn variable(flag: &str) -> String {
    format!("{VARIABLES}{}", flag.to_uppercase().replace(['.', '-'], "_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::definition().debug_assert();
    }

    // Dashboards, compose files and units have these names.
    #[test]
    fn variables_are_named_after_their_flags() {
        let definition = Cli::definition();
        let of = |command: Option<&str>, flag: &str| {
            let command = command.map_or(&definition, |name| definition.find_subcommand(name).unwrap());
            let arg = command.get_arguments().find(|arg| arg.get_long() == Some(flag)).unwrap();
            assert!(arg.is_hide_env_values_set(), "--{flag} shows the value of its variable in --help");
            arg.get_env().unwrap().to_str().unwrap().to_owned()
        };
        assert_eq!(of(None, "config.file"), "WOLKVOX_EXPORTER_CONFIG_FILE");
        assert_eq!(of(Some("serve"), "wolkvox.token-file"), "WOLKVOX_EXPORTER_WOLKVOX_TOKEN_FILE");
        assert_eq!(of(Some("check-config"), "log.level"), "WOLKVOX_EXPORTER_LOG_LEVEL");
        assert_eq!(of(Some("simulate"), "late-share"), "WOLKVOX_EXPORTER_LATE_SHARE");
        assert_eq!(of(Some("demo"), "web.openmetrics-created"), "WOLKVOX_EXPORTER_WEB_OPENMETRICS_CREATED");
    }

    #[test]
    fn flags_after_the_subcommand_are_its_own() {
        let cli = Cli::try_parse_from(["wolkvox-exporter", "check-config", "--config.file", "a.yml"]).unwrap();
        let Some(Command::CheckConfig(args)) = cli.command else { panic!("check-config") };
        assert_eq!(args.config_file.as_deref(), Some("a.yml"));
    }

    const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/command-line.md");

    const HEAD: &str = "\
# The command line

A test writes this page from the program's own description, which `--help`, `man` and `completions` show too.

Every flag can be an environment variable: `WOLKVOX_EXPORTER_` and the flag in capitals with `_` for dots and dashes, such as
`WOLKVOX_EXPORTER_WEB_LISTEN_ADDRESS`. A flag beats the environment, the environment the file, the file the default. The token of an
operation given by flags may be in `WOLKVOX_TOKEN`. Exit codes: 0 fine, 1 failed, 2 wrong usage or configuration.

| command | what it does |
|---|---|
";

    /// In a cell of a table.
    fn cell(text: &str) -> String {
        text.replace('|', "\\|")
    }

    /// The flags of a command, without those of `known`.
    fn flags(command: &clap::Command, known: &[clap::Id]) -> String {
        let mut table = String::new();
        for arg in command.get_arguments().filter(|arg| !known.contains(arg.get_id()) && arg.get_id() != "help") {
            let value = arg.get_value_names().filter(|_| arg.get_action().takes_values()).unwrap_or_default().join(" ");
            let name = match arg.get_long() {
                Some(long) if value.is_empty() => format!("--{long}"),
                Some(long) => format!("--{long} {value}"),
                None => value,
            };
            let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
            let defaults: Vec<_> = arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
            let (help, default) = match help.split_once(" [default: ") {
                Some((help, default)) => (help.to_owned(), default.trim_end_matches(']').to_owned()),
                None => (help, defaults.join(", ")),
            };
            table += &format!("| `{}` | {} | {} |\n", cell(&name), cell(&default), cell(&help));
        }
        if table.is_empty() { table } else { format!("| flag | default | meaning |\n|---|---|---|\n{table}") }
    }

    fn page() -> String {
        let definition = Cli::definition();
        let commands: Vec<_> = definition.get_subcommands().filter(|command| command.get_name() != "help").collect();
        let mut page = HEAD.to_owned();
        for command in &commands {
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            page += &format!("| `wolkvox-exporter {}` | {} |\n", command.get_name(), cell(&about));
        }
        let ids = |command: &clap::Command| command.get_arguments().map(|arg| arg.get_id().clone()).collect::<Vec<_>>();
        let serve = definition.find_subcommand("serve").unwrap();
        let simulate = definition.find_subcommand("simulate").unwrap();
        page += "\n## `serve`, `check-config` and `check-api`\n\n";
        page += &flags(serve, &[]);
        page += "\n`backup` and `healthcheck` take those of them that say where the ledger is or where the exporter listens, all but\n\
                 `man` and `completions` those of the log, and `demo` those of the HTTP server.\n";
        for command in commands {
            let known = match command.get_name() {
                "serve" | "check-config" => continue,
                "simulate" => ids(serve),
                "demo" => [ids(serve), ids(simulate)].concat(),
                _ => ids(serve),
            };
            let flags = flags(command, &known);
            if !flags.is_empty() {
                page += &format!("\n## `{}`\n\n{flags}", command.get_name());
            }
        }
        page + "\n`demo` takes the flags of `simulate` too, but for those that print; its ledger is in a temporary folder unless \
                `--ledger` says otherwise.\n"
    }

    /// `DOCUMENTS=overwrite cargo test --lib documented` writes it anew.
    #[test]
    fn all_commands_and_flags_are_documented_as_they_are() {
        let page = page();
        if std::env::var("DOCUMENTS").is_ok_and(|wish| wish == "overwrite") {
            std::fs::write(PAGE, &page).unwrap();
        }
        let told = std::fs::read_to_string(PAGE).unwrap_or_default();
        assert!(told == page, "docs/command-line.md is not the command line:\n{page}");
    }
}

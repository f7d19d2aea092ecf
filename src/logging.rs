//! Logs go to stderr, one line per event, so that stdout stays free for what a command prints.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

use crate::cli::{LogArgs, LogFormat};

pub const DEFAULT_LEVEL: &str = "info";
pub const DEFAULT_FORMAT: &str = "logfmt";

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// Installs the process's logger. Fails only when there is one already.
pub fn init(args: &LogArgs) -> Result<(), TryInitError> {
    // `level` has passed `checked_level`; the fallback is for arguments that were put together by hand.
    let filter = EnvFilter::try_new(&args.level).unwrap_or_else(|_| EnvFilter::new(DEFAULT_LEVEL));
    let registry = tracing_subscriber::registry().with(filter);
    match args.format {
        LogFormat::Logfmt => registry.with(tracing_logfmt::builder().layer().with_writer(std::io::stderr)).try_init(),
        LogFormat::Json => registry
            .with(tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(std::io::stderr))
            .try_init(),
    }
}

/// `--log.level`: a level, or directives of `EnvFilter`.
///
/// A word without `=` must be a level: `EnvFilter` takes any other for the name of a module, and `dbug` would silence
/// everything else without a word.
pub fn checked_level(text: &str) -> Result<String, String> {
    let directives = text.split(',').map(str::trim).filter(|directive| !directive.is_empty());
    for directive in directives {
        if !directive.contains('=') && !LEVELS.iter().any(|level| level.eq_ignore_ascii_case(directive)) {
            return Err(format!("`{directive}` is no level; write one of {}, or MODULE=LEVEL", LEVELS.join(", ")));
        }
    }
    match EnvFilter::try_new(text) {
        Ok(_) if text.trim().is_empty() => Ok(DEFAULT_LEVEL.to_owned()),
        Ok(_) => Ok(text.to_owned()),
        Err(reason) => Err(reason.to_string()),
    }
}

/// `--log.format`; an empty one, as container tools pass unset variables, is the default.
pub fn checked_format(text: &str) -> Result<LogFormat, String> {
    match text {
        DEFAULT_FORMAT | "" => Ok(LogFormat::Logfmt),
        "json" => Ok(LogFormat::Json),
        _ => Err("write logfmt or json".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats() {
        assert_eq!(checked_format("logfmt"), Ok(LogFormat::Logfmt));
        assert_eq!(checked_format(""), Ok(LogFormat::Logfmt));
        assert_eq!(checked_format("json"), Ok(LogFormat::Json));
        assert!(checked_format("xml").is_err());
    }

    #[test]
    fn levels_and_directives_are_taken() {
        for text in ["off", "INFO", "trace", "info,hyper=warn", "wolkvox_exporter::poller=debug"] {
            assert_eq!(checked_level(text).as_deref(), Ok(text));
        }
        assert_eq!(checked_level("").as_deref(), Ok("info"));
    }

    #[test]
    fn a_misspelt_level_is_refused() {
        let reason = checked_level("dbug").unwrap_err();
        assert!(reason.starts_with("`dbug` is no level; write one of off, error"), "{reason}");
        assert!(checked_level("wolkvox_exporter=loud").is_err());
    }
}

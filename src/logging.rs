//! Logs go to stderr, one line per event, so that stdout stays free for what a command prints.

use std::str::FromStr;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

pub const DEFAULT_LEVEL: &str = "info";
pub const DEFAULT_FORMAT: &str = "logfmt";

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// The form of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Logfmt,
    Json,
}

/// Installs the process's logger. Fails only when there is one already.
pub fn init(level: &str, format: Format) -> Result<(), TryInitError> {
    // `level` has passed `checked_level`; the fallback is for arguments that were put together by hand.
    let filter = EnvFilter::try_new(level).unwrap_or_else(|_| EnvFilter::new(DEFAULT_LEVEL));
    let registry = tracing_subscriber::registry().with(filter);
    match format {
        Format::Logfmt => registry.with(tracing_logfmt::builder().layer().with_writer(std::io::stderr)).try_init(),
        Format::Json => registry
            .with(tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(std::io::stderr))
            .try_init(),
    }
}

/// `--log.level`: a level, or directives of `EnvFilter`.
///
/// A word without `=` must be a level: `EnvFilter` takes any other for the name of a module, and `dbug` would silence
/// everything else without a word.
pub fn checked_level(text: &str) -> Result<String, String> {
    let directives = text.split(',').map(str::trim);
    for directive in directives {
        if !directive.contains('=') && !LEVELS.iter().any(|level| level.eq_ignore_ascii_case(directive)) {
            return Err(format!("`{directive}` is no level; write one of {}, or MODULE=LEVEL", LEVELS.join(", ")));
        }
    }
    EnvFilter::try_new(text).map(|_| text.to_owned()).map_err(|reason| reason.to_string())
}

impl FromStr for Format {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            DEFAULT_FORMAT => Ok(Self::Logfmt),
            "json" => Ok(Self::Json),
            _ => Err("write logfmt or json"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats() {
        assert_eq!("logfmt".parse(), Ok(Format::Logfmt));
        assert_eq!("json".parse(), Ok(Format::Json));
        assert!("xml".parse::<Format>().is_err());
    }

    #[test]
    fn levels_and_directives_are_taken() {
        for text in ["off", "INFO", "trace", "info,hyper=warn", "wolkvox_exporter::poller=debug"] {
            assert_eq!(checked_level(text).as_deref(), Ok(text));
        }
    }

    #[test]
    fn a_misspelt_level_is_refused() {
        let reason = checked_level("dbug").unwrap_err();
        assert!(reason.starts_with("`dbug` is no level; write one of off, error"), "{reason}");
        assert!(checked_level("wolkvox_exporter=loud").is_err());
        assert!(checked_level("").is_err());
    }
}

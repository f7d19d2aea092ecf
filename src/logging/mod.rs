//! Logs go to stderr, one line per event, so that stdout stays free for what a command prints. Nothing waits for whoever
//! reads them: `sink` has how.

mod escapes;
mod sink;

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io;
use std::panic::PanicHookInfo;
use std::str::FromStr;
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::Context as _;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use escapes::Escapes;
use sink::Sink;

pub use sink::Lost;

pub const DEFAULT_LEVEL: &str = "info";
pub const DEFAULT_FORMAT: &str = "logfmt";

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// The form of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Logfmt,
    Json,
}

/// Lines kept for a reader that is slow: some thousand of them.
const MOST_BYTES: usize = 256 << 10;

/// How long the end waits for the last lines to be read. With all else that the end waits for it is less than ten seconds.
const LAST_LINES: Duration = Duration::from_millis(500);

static STDERR: OnceLock<Sink> = OnceLock::new();

/// The process's log. Dropping it waits for the last lines to be read, and not for long.
#[derive(Debug)]
pub struct Log(Sink);

/// Installs the process's logger, once. A panic is a line of the log too, for its message would wait for the reader.
///
/// # Errors
/// When there is a logger already, or no thread to be had.
pub fn init(level: &str, format: Format) -> anyhow::Result<Log> {
    let sink = Sink::start(io::stderr(), MOST_BYTES, |lines| {
        tracing::warn!(
            lines,
            "lines of the log were dropped, for nobody read them in time or they could not be written; see \
             wolkvox_log_lines_dropped_total"
        );
    });
    let sink = sink.context("no thread to write the log")?;
    // `level` has passed `checked_level`; the fallback is for arguments that were put together by hand.
    let filter = EnvFilter::try_new(level).unwrap_or_else(|_| EnvFilter::new(DEFAULT_LEVEL));
    let registry = tracing_subscriber::registry().with(filter);
    let writing = sink.clone();
    match format {
        Format::Logfmt => {
            let writer = move || Escapes(writing.clone());
            registry.with(tracing_logfmt::builder().layer().with_writer(writer)).try_init()?;
        }
        Format::Json => {
            let writer = move || writing.clone();
            registry
                .with(tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(writer))
                .try_init()?;
        }
    }
    std::panic::set_hook(Box::new(log_panic));
    Ok(Log(STDERR.get_or_init(|| sink).clone()))
}

/// How many lines of the log were lost since the process began: they were not read in time, or could not be written.
pub fn dropped_lines() -> u64 {
    STDERR.get().map_or(0, Sink::dropped)
}

/// The same with the time of the last. `None` if there was none.
pub fn lost() -> Option<Lost> {
    STDERR.get().and_then(Sink::lost)
}

impl Log {
    /// Writes a text for people as it is, behind all lines so far.
    pub fn say(&self, text: &str) {
        self.0.take(format!("{text}\n").as_bytes());
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.0.drain(LAST_LINES);
    }
}

fn log_panic(panic: &PanicHookInfo<'_>) {
    let payload = panic.payload();
    let text = payload.downcast_ref::<&str>().copied();
    let what = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no text");
    let at = panic.location().map(ToString::to_string).unwrap_or_default();
    let backtrace = Backtrace::capture();
    match backtrace.status() {
        BacktraceStatus::Captured => tracing::error!(at, %backtrace, "a thread panicked, which is a defect: {what}"),
        _ => tracing::error!(at, "a thread panicked, which is a defect: {what}"),
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

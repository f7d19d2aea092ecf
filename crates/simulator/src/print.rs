use std::io::{self, Write};

use jiff::Timestamp;

use super::operation::Operation;
use super::options::Options;
use super::windows::{self, windows};
use super::wire::{TrueCall, TrueIncident, length, read_instant};

/// The flags with which `simulate` prints what is true, and ends.
#[derive(Debug, Clone, clap::Args)]
pub struct PrintArgs {
    /// Print what is true of a stretch of time, and end, instead of serving: queue as CSV, one line for each operation, skill
    /// and window; calls and incidents as lines of JSON. The columns of queue: callers who joined (arrived), calls by the
    /// dates of their rows (offered = answered + abandoned), callers waiting at the window's end, agents, load (the work
    /// that comes in against what the agents can do), busier (callers against the plan), usual_abandoned (expected of
    /// such an hour), usual_share (likewise, of the offered calls), and the factor of an incident or nothing
    #[arg(long, value_name = "WHAT")]
    pub print: Option<What>,

    /// Beginning of the stretch: 2026-01-18T19:34:31Z or seconds since 1970 [default: so that it ends now]
    #[arg(long, value_name = "INSTANT", requires = "print")]
    pub from: Option<String>,

    /// Length of the stretch
    #[arg(long = "for", value_name = "DURATION", requires = "print", default_value = "1d")]
    pub length: String,

    /// Length of a window of queue
    #[arg(long, value_name = "DURATION", requires = "print", default_value = "5m")]
    pub window: String,
}

/// What can be printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum What {
    Queue,
    Calls,
    Incidents,
}

/// Why something could not be printed.
#[derive(Debug, thiserror::Error)]
pub enum PrintError {
    #[error("{0}")]
    Usage(String),
    #[error(transparent)]
    Write(#[from] io::Error),
}

/// Prints `what` of all operations. What the queues were comes whole or not at all; a year of them has some hundred
/// megabytes.
pub fn print(options: Options, what: What, args: &PrintArgs, out: &mut impl Write) -> Result<(), PrintError> {
    let span = length(&args.length).map_err(PrintError::Usage)?;
    let window = length(&args.window).map_err(PrintError::Usage)?.as_secs();
    let from = match &args.from {
        Some(from) => read_instant(from).map_err(PrintError::Usage)?,
        None => options.clock.now() - span,
    };
    let to = from + span;
    if what == What::Queue {
        out.write_all(windows::HEADER.as_bytes())?;
    }
    for options in options.operations {
        let operation = Operation::new(options);
        match what {
            What::Queue => {
                let windows = windows(&operation, from, to, window).map_err(PrintError::Usage)?;
                out.write_all(windows::csv(&operation.name, &windows).as_bytes())?;
            }
            What::Calls => print_calls(&operation, from, to, out)?,
            What::Incidents => {
                for incident in operation.incidents(from, to) {
                    line(out, &operation.name, &TrueIncident::from(incident))?;
                }
            }
        }
    }
    out.flush()?;
    Ok(())
}

/// Hour by hour, for a call takes ten times the memory that it needs in its day.
fn print_calls(operation: &Operation, from: Timestamp, to: Timestamp, out: &mut impl Write) -> io::Result<()> {
    const HOUR: jiff::SignedDuration = jiff::SignedDuration::from_hours(1);
    let mut begin = from;
    while begin < to {
        let end = (begin + HOUR).min(to);
        for call in operation.truth(begin, end) {
            line(out, &operation.name, &TrueCall::new(&call, operation.zone()))?;
        }
        begin = end;
    }
    Ok(())
}

/// One line of JSON, with the operation in it.
fn line(out: &mut impl Write, operation: &str, what: &impl serde::Serialize) -> io::Result<()> {
    #[derive(serde::Serialize)]
    struct Line<'a, T> {
        operation: &'a str,
        #[serde(flatten)]
        what: T,
    }
    serde_json::to_writer(&mut *out, &Line { operation, what })?;
    out.write_all(b"\n")
}

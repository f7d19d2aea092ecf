use std::fmt::Write;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::operation::{OWN, OperationConfig, SHARED};
use super::{Config, Reports, Skills, Start, duration};
use domain::report::{ABANDONED, ANSWERED};
use domain::vendor_totals;

/// The effective configuration as a file that loads again: every default written out, of a token only where it is from.
///
/// The settings of the HTTP server are flags, so they are comments here.
pub fn effective(config: &Config) -> String {
    let mut out = String::new();
    // Writing into a String can't fail.
    let _ = write_config(&mut out, config);
    out
}

fn write_config(out: &mut String, config: &Config) -> std::fmt::Result {
    match config.web.listen_addresses.as_slice() {
        [] => writeln!(out, "# listening on [::]:10119 (0.0.0.0:10119 without IPv6)")?,
        addresses => {
            let list: Vec<String> = addresses.iter().map(ToString::to_string).collect();
            writeln!(out, "# listening on {}", list.join(", "))?;
        }
    }
    if let Some(address) = config.web.probe_address {
        writeln!(out, "# the two probes on {address} as well, in clear")?;
    }
    writeln!(out, "# metrics at {}", config.web.telemetry_path)?;
    let links = &config.web.links;
    for (what, url) in [("dashboards", &links.dashboards), ("alerts", &links.alerts)] {
        if let Some(url) = url {
            writeln!(out, "# the page links to the {what} at {}", text(url))?;
        }
    }
    if config.web.openmetrics_created {
        writeln!(out, "# with _created lines in OpenMetrics")?;
    }
    if config.web.lifecycle {
        writeln!(out, "# POST /-/reload has this file read again, as SIGHUP has")?;
    }
    writeln!(out, "ledger: {}", text(&config.ledger.to_string_lossy()))?;
    writeln!(out, "operations:")?;
    config.operations.iter().try_for_each(|operation| write_operation(out, operation))
}

fn write_operation(out: &mut String, operation: &OperationConfig) -> std::fmt::Result {
    let mut before = "  - ";
    for key in OWN.iter().chain(SHARED) {
        if let Some(value) = (key.show)(operation) {
            writeln!(out, "{before}{}: {value}", key.name)?;
            before = "    ";
        }
    }
    Ok(())
}

/// A value as YAML that reads as the same again.
pub trait Shown {
    fn shown(&self) -> String;
}

impl Shown for Duration {
    fn shown(&self) -> String {
        duration::show(*self)
    }
}

impl Shown for TimeZone {
    fn shown(&self) -> String {
        self.iana_name().unwrap_or("UTC").to_owned()
    }
}

impl Shown for Start {
    fn shown(&self) -> String {
        match self {
            Self::Now => "now".to_owned(),
            Self::History(history) => history.shown(),
        }
    }
}

impl Shown for Reports {
    fn shown(&self) -> String {
        let answered = self.answered.then_some(ANSWERED.name);
        let totals = self.totals.then_some(vendor_totals::NAME);
        let names: Vec<_> = std::iter::once(ABANDONED.name).chain(answered).chain(totals).collect();
        format!("[{}]", names.join(", "))
    }
}

impl Shown for usize {
    fn shown(&self) -> String {
        self.to_string()
    }
}

impl Shown for Vec<u32> {
    fn shown(&self) -> String {
        format!("{self:?}")
    }
}

impl Shown for Skills {
    fn shown(&self) -> String {
        match self {
            Self::All => "all".to_owned(),
            Self::Only(ids) => format!("[{}]", ids.iter().map(|id| text(id)).collect::<Vec<_>>().join(", ")),
        }
    }
}

/// A double-quoted scalar: `0042` or `no` stay text for every reader of YAML.
pub fn text(value: &str) -> String {
    let mut out = String::from("\"");
    for c in value.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            ' '..='~' => out.push(c),
            _ if c.is_alphanumeric() => out.push(c),
            _ => {
                let _ = write!(out, "\\U{:08X}", u32::from(c));
            }
        }
    }
    out.push('"');
    out
}

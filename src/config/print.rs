use std::fmt::Write;

use super::duration::show;
use super::{Config, OperationConfig, Server, Skills, Start, TokenSource};

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
    writeln!(out, "# metrics at {}", config.web.telemetry_path)?;
    if config.web.openmetrics_created {
        writeln!(out, "# with _created lines in OpenMetrics")?;
    }
    writeln!(out, "ledger: {}", text(&config.ledger.to_string_lossy()))?;
    writeln!(out, "operations:")?;
    config.operations.iter().try_for_each(|operation| write_operation(out, operation))
}

fn write_operation(out: &mut String, operation: &OperationConfig) -> std::fmt::Result {
    writeln!(out, "  - name: {}", text(&operation.name))?;
    writeln!(out, "    server: {}", text(server(&operation.server)))?;
    match &operation.token {
        TokenSource::File(path) => writeln!(out, "    token_file: {}", text(&path.to_string_lossy()))?,
        TokenSource::Env(name) => writeln!(out, "    token_env: {}", text(name))?,
        TokenSource::Held(_) => writeln!(out, "    # token: held by the process, not shown")?,
    }
    writeln!(out, "    timezone: {}", operation.timezone.iana_name().unwrap_or("UTC"))?;
    writeln!(out, "    interval: {}", show(operation.interval))?;
    writeln!(out, "    settle: {}", show(operation.settle))?;
    writeln!(out, "    overlap: {}", show(operation.overlap))?;
    writeln!(out, "    max_catch_up: {}", show(operation.max_catch_up))?;
    match operation.start {
        Start::Now => writeln!(out, "    start: now")?,
        Start::History(history) => writeln!(out, "    start: {}", show(history))?,
    }
    writeln!(out, "    timeout: {}", show(operation.timeout))?;
    writeln!(out, "    connect_timeout: {}", show(operation.connect_timeout))?;
    writeln!(out, "    hold: {}", show(operation.hold))?;
    writeln!(out, "    max_series: {}", operation.max_series)?;
    let buckets: Vec<String> = operation.abandon_time_buckets.iter().map(ToString::to_string).collect();
    writeln!(out, "    abandon_time_buckets: [{}]", buckets.join(", "))?;
    match &operation.skills {
        Skills::All => writeln!(out, "    skills: all"),
        Skills::Only(ids) => {
            let ids: Vec<String> = ids.iter().map(|id| text(id)).collect();
            writeln!(out, "    skills: [{}]", ids.join(", "))
        }
    }
}

/// A server of wolkvox by its name, any other by its address.
fn server(server: &Server) -> &str {
    let digits = server.name.strip_prefix("wv").unwrap_or_default();
    let of_wolkvox = digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if of_wolkvox && server.base_url == format!("https://{}.wolkvox.com", server.name) {
        &server.name
    } else {
        &server.base_url
    }
}

/// A double-quoted scalar: `0042` or `no` stay text for every reader of YAML.
fn text(value: &str) -> String {
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

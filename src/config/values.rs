//! One value each: text of the file or of a flag becomes a checked value, or the reason why not.

use std::collections::BTreeSet;
use std::net::{Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::time::Duration;

use jiff::tz::TimeZone;
use reqwest::Url;

use super::section::Refusal;
use super::tree::{Node, Value};
use super::{Reports, Skills, Start, duration};
use crate::paths::RESERVED;
use domain::distribution::{WHOLE_MINUTES_UNTIL, WHOLE_SECONDS_UNTIL, is_exact};
use domain::label::MAX_LABEL_CHARS;
use domain::report::{ABANDONED, ANSWERED, REPORTS};
use domain::vendor_totals;

/// Prometheus keeps longer labels, people don't read them.
const LONGEST_NAME: usize = 100;

/// A histogram is exposed per label set: each further bound is one more series for every one of them.
const MOST_BUCKETS: usize = 100;

/// A day: nobody waits longer, and times above it are kept to the hour only.
const LONGEST_BOUND: u32 = WHOLE_MINUTES_UNTIL;

pub fn operation_name(node: &Node) -> Result<String, String> {
    label_text(&node.text()?, LONGEST_NAME)
}

fn label_text(text: &str, longest: usize) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("write at least one character".to_owned());
    }
    if text.trim() != text {
        return Err("remove the blanks at its ends".to_owned());
    }
    if text.chars().any(char::is_control) {
        return Err("control characters can't be in a label".to_owned());
    }
    if text.chars().count() > longest {
        return Err(format!("write at most {longest} characters"));
    }
    Ok(text.to_owned())
}

/// A zone of the bundled database by its IANA name: a fixed offset or a POSIX rule has no name to be shown.
pub fn timezone(node: &Node) -> Result<TimeZone, String> {
    const FORM: &str = "write an IANA name such as America/Bogota, Europe/Madrid or UTC";
    let text = node.text()?;
    match TimeZone::get(text.trim()) {
        Ok(zone) if zone.iana_name().is_some() && !zone.is_unknown() => Ok(zone),
        _ => Err(format!("no such time zone; {FORM}")),
    }
}

/// A path; not empty.
pub fn path(node: &Node) -> Result<PathBuf, String> {
    let text = node.text()?;
    if text.trim().is_empty() {
        return Err("write a path".to_owned());
    }
    Ok(PathBuf::from(text))
}

/// The ledger's file. A later version may take addresses of databases; until then one would become an odd file name, as
/// would what SQLite has other uses for.
pub fn ledger(node: &Node) -> Result<PathBuf, String> {
    let text = node.text()?;
    if text.contains("://") || text.starts_with("file:") || text.trim() == ":memory:" {
        return Err("only a file is possible; write a path".to_owned());
    }
    path(node)
}

pub fn duration(node: &Node) -> Result<Duration, String> {
    match &node.value {
        Value::Text(text) => duration::parse(text),
        Value::Integer(0) => Ok(Duration::ZERO),
        Value::Integer(number) => duration::parse(&number.to_string()),
        _ => Err("write a duration such as 5m or 1h 30m".to_owned()),
    }
}

/// A duration within bounds, both included.
pub fn within(from: Duration, to: Duration) -> impl Fn(&Node) -> Result<Duration, String> {
    move |node| match duration(node)? {
        value if value < from || value > to => {
            Err(format!("it must be from {} to {}", duration::show(from), duration::show(to)))
        }
        value => Ok(value),
    }
}

/// The same in whole seconds.
pub fn whole_seconds(from: Duration, to: Duration) -> impl Fn(&Node) -> Result<Duration, String> {
    move |node| match duration(node)? {
        value if value.subsec_nanos() != 0 => Err("write whole seconds".to_owned()),
        _ => within(from, to)(node),
    }
}

/// How often the API is asked how many calls are left. Zero is never; more often than hourly would cost more calls than the
/// answer is worth, and the API counts by the day.
pub fn quota_interval(node: &Node) -> Result<Duration, String> {
    const HOUR: Duration = Duration::from_secs(3600);
    const DAY: Duration = Duration::from_secs(86_400);
    match duration(node)? {
        Duration::ZERO => Ok(Duration::ZERO),
        _ => whole_seconds(HOUR, DAY)(node).map_err(|reason| format!("{reason}, or 0s: never")),
    }
}

/// A window's length: windows are aligned to the hour, so that people and programs find the same ones.
pub fn interval(node: &Node) -> Result<Duration, String> {
    const HOUR: Duration = Duration::from_secs(3600);
    let value = whole_seconds(Duration::from_secs(1), HOUR)(node)?;
    if !HOUR.as_secs().is_multiple_of(value.as_secs()) {
        return Err("an hour must be a multiple of it, as of 1m, 2m, 5m, 10m, 15m".to_owned());
    }
    Ok(value)
}

pub fn start(node: &Node) -> Result<Start, String> {
    if matches!(&node.value, Value::Text(text) if text.trim() == "now") {
        return Ok(Start::Now);
    }
    let value = duration(node).map_err(|reason| format!("{reason}; or write `now`"))?;
    if value.is_zero() || value.subsec_nanos() != 0 {
        return Err("write `now`, or how much history in whole seconds, such as 6h".to_owned());
    }
    Ok(Start::History(value))
}

/// A whole number within bounds, both included.
pub fn count(from: usize, to: usize) -> impl Fn(&Node) -> Result<usize, String> {
    move |node| {
        match node.value {
            Value::Integer(number) => usize::try_from(number).ok().filter(|number| (from..=to).contains(number)),
            _ => None,
        }
        .ok_or_else(|| format!("write a whole number from {from} to {to}"))
    }
}

/// The bounds of a histogram.
pub fn buckets(node: &Node) -> Result<Vec<u32>, Refusal> {
    let Value::List(list) = &node.value else {
        return Err("write a list of seconds such as [10, 30, 60]".to_owned().into());
    };
    if list.is_empty() || list.len() > MOST_BUCKETS {
        return Err(format!("write from 1 to {MOST_BUCKETS} bounds; this has {}", list.len()).into());
    }
    let mut bounds: Vec<u32> = Vec::with_capacity(list.len());
    for element in list {
        let bound = bucket(element, bounds.last().copied())
            .map_err(|reason| Refusal { element: Some(element.origin), reason })?;
        bounds.push(bound);
    }
    Ok(bounds)
}

fn bucket(element: &Node, last: Option<u32>) -> Result<u32, String> {
    let bound = match element.value {
        Value::Integer(number) => number,
        // A cast from a float saturates, and is out of bounds then too.
        Value::Float(number) if number.fract() == 0.0 => number as i128,
        _ => return Err(format!("{} is no bound; write whole seconds", element.shown())),
    };
    let seconds = u32::try_from(bound).ok().filter(|seconds| (1..=LONGEST_BOUND).contains(seconds));
    let Some(seconds) = seconds else {
        return Err(format!("`{bound}` is no bound; write from 1 to {LONGEST_BOUND} seconds"));
    };
    if !is_exact(seconds) {
        return Err(format!(
            "`{seconds}` can't be a bound: the ledger keeps times above an hour to the minute, rounded up; \
             above {WHOLE_SECONDS_UNTIL} write multiples of 60"
        ));
    }
    match last {
        Some(last) if last >= seconds => {
            Err(format!("`{seconds}` comes after {last}; write ascending bounds, each once"))
        }
        _ => Ok(seconds),
    }
}

/// A list of reports with that of abandoned calls, which an operation can't be without.
pub fn reports(node: &Node) -> Result<Reports, Refusal> {
    const FORM: &str = "write [abandoned] or [abandoned, answered], and totals with either";
    let Value::List(list) = &node.value else { return Err(FORM.to_owned().into()) };
    let mut names = BTreeSet::new();
    for element in list {
        let refused = |reason: String| Refusal { element: Some(element.origin), reason };
        let name = element.text().unwrap_or_default();
        let known = REPORTS.map(|report| report.name).into_iter().chain([vendor_totals::NAME]);
        let Some(known) = known.into_iter().find(|known| *known == name.trim()) else {
            return Err(refused(format!("{} is no report; {FORM}", element.shown())));
        };
        if !names.insert(known) {
            return Err(refused(format!("{} stands here twice; keep one", element.shown())));
        }
    }
    if !names.contains(ABANDONED.name) {
        return Err(format!("`{}` is always read; {FORM}", ABANDONED.name).into());
    }
    Ok(Reports { answered: names.contains(ANSWERED.name), totals: names.contains(vendor_totals::NAME) })
}

/// `all`, or a list of ids.
pub fn skills(node: &Node) -> Result<Skills, Refusal> {
    const FORM: &str = "write `all`, or a list of ids such as [\"4173\", \"4174\"]";
    let list = match &node.value {
        Value::Text(text) if text.trim() == "all" => return Ok(Skills::All),
        Value::List(list) if list.is_empty() => return Err(format!("it is empty; {FORM}").into()),
        Value::List(list) => list,
        _ => return Err(FORM.to_owned().into()),
    };
    let mut ids = BTreeSet::new();
    for element in list {
        let refused = |reason: String| Refusal { element: Some(element.origin), reason };
        let id = element.text().map_err(|_| refused(format!("{} is no id; {FORM}", element.shown())))?;
        let id = label_text(&id, MAX_LABEL_CHARS).map_err(|why| refused(format!("{}: {why}", element.shown())))?;
        if !ids.insert(id) {
            return Err(refused(format!("{} stands here twice; keep one", element.shown())));
        }
    }
    Ok(Skills::Only(ids))
}

/// The name of an environment variable, as shells and containers can set it.
pub fn variable(node: &Node) -> Result<String, String> {
    let text = node.text()?;
    let begins_well = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if begins_well && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Ok(text);
    }
    Err("write the name of an environment variable, such as VENTAS_TOKEN (not the token itself)".to_owned())
}

/// `:10119`, `host:port` or `[::]:10119`. A name is looked up once, here; its first address counts.
pub fn listen_address(node: &Node) -> Result<SocketAddr, String> {
    const FORM: &str = "write :10119, 127.0.0.1:10119 or [::]:10119";
    let text = node.text()?;
    let text = text.trim();
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let (host, port) = text.rsplit_once(':').ok_or_else(|| FORM.to_owned())?;
    let port: u16 = port.parse().map_err(|_| format!("its port is no number from 0 to 65535; {FORM}"))?;
    match host {
        "" => Ok(SocketAddr::from((Ipv6Addr::UNSPECIFIED, port))),
        // The IPv4 one: with the IPv6 one `curl 127.0.0.1` would fail, with this one `curl localhost` works too.
        "localhost" => Ok(SocketAddr::from(([127, 0, 0, 1], port))),
        name => {
            let mut found = (name, port).to_socket_addrs().map_err(|_| format!("its host is unknown; {FORM}"))?;
            found.next().ok_or_else(|| format!("its host has no address; {FORM}"))
        }
    }
}

/// An address for the status page to link to.
pub fn link(node: &Node) -> Result<String, String> {
    const FORM: &str = "write a web address, such as https://grafana.example.com/dashboards";
    let text = node.text()?;
    let url = Url::parse(&text).map_err(|reason| format!("{reason}; {FORM}"))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(FORM.to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("remove the user and password: everybody who sees the page would see them".to_owned());
    }
    Ok(text)
}

pub fn telemetry_path(node: &Node) -> Result<String, String> {
    let text = node.text()?;
    if !text.starts_with('/') {
        return Err("write a path that begins with /, such as /metrics".to_owned());
    }
    if RESERVED.contains(&text.as_str()) {
        return Err("the exporter needs this path itself; write another, such as /metrics".to_owned());
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte);
    if !text.bytes().all(plain) {
        return Err("write letters, digits, and / - . _ ~ only".to_owned());
    }
    Ok(text)
}

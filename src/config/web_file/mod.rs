//! The file that `--web.config.file` names, in the format of Prometheus' exporter-toolkit: TLS, headers, users, rate.
//!
//! Here its text becomes checked values, and nothing is read from a disk. What a value that the toolkit takes becomes here
//! is `docs/web-config.md`, which a test makes.

mod tls;
mod users;

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::Path;
use std::time::Duration;

use hyper::header::{HeaderName, HeaderValue};

use super::problem::{Origin, Problems, quoted};
use super::section::{Called, Section};
use super::tree::{self, Node, Value};
use super::values;

pub use tls::{ClientCertificate, Pem, Tls};
pub use users::PasswordHash;

/// What the file says, checked as far as that goes without the files that it names.
#[derive(Debug)]
pub struct WebFile {
    /// Without it the server speaks in clear.
    pub tls: Option<Tls>,
    /// Whether HTTP/2 is offered, which needs TLS.
    pub http2: bool,
    /// Of every answer.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub rate_limit: Option<RateLimit>,
    /// By name. Nobody needs a password where there is none.
    pub users: BTreeMap<String, PasswordHash>,
}

/// So many requests at once, and one more for each interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// More than zero.
    pub interval: Duration,
    pub burst: NonZeroU32,
}

const TOP_KEYS: [&str; 4] = ["tls_server_config", "http_server_config", "basic_auth_users", "rate_limit"];

/// What may be set of the answers' headers, and to what: the toolkit's list. Empty: to anything.
const HEADERS: [(&str, &[&str]); 5] = [
    ("Content-Security-Policy", &[]),
    ("Strict-Transport-Security", &[]),
    ("X-Content-Type-Options", &["nosniff"]),
    ("X-Frame-Options", &["deny", "sameorigin"]),
    ("X-XSS-Protection", &[]),
];

/// Reads the text of the file `name`; paths in it are relative to its folder. Beside the values come remarks: what is
/// written and has no effect, or not the one that it seems to have.
///
/// # Errors
/// All that is wrong, with line and column. No secret is quoted.
pub fn read(name: &Path, text: &str) -> Result<(WebFile, Problems), Problems> {
    let shown = name.display().to_string();
    let (mut problems, mut remarks) = (Problems::new(Some(shown.clone())), Problems::new(Some(shown)));
    let folder = name.parent().unwrap_or(Path::new(""));
    let file = top(text, &mut problems).map(|root| from_tree(&root, folder, &mut problems, &mut remarks));
    problems.into_result()?;
    // Without a problem there is a tree.
    file.map(|file| (file, remarks)).ok_or_else(|| Problems::elsewhere("the file can't be read"))
}

fn top(text: &str, problems: &mut Problems) -> Option<Node> {
    let root = tree::parse(text, problems)?;
    if matches!(root.value, Value::Map(_) | Value::Null) {
        return Some(root);
    }
    // Not quoted: it may be the key itself.
    let message = format!("holds no keys and values: name a file with {} here, not a certificate", TOP_KEYS.join(", "));
    problems.push(Origin::WholeFile, message);
    None
}

fn from_tree(root: &Node, folder: &Path, problems: &mut Problems, remarks: &mut Problems) -> WebFile {
    let mut file =
        WebFile { tls: None, http2: true, headers: Vec::new(), rate_limit: None, users: BTreeMap::default() };
    let Some(top) = Section::open(root, Called::Top, &TOP_KEYS, problems) else { return file };
    if let Some(section) = open(&top, "tls_server_config", &tls::KEYS, problems) {
        file.tls = tls::read(&section, folder, problems, remarks);
    }
    if let Some(section) = open(&top, "http_server_config", &["http2", "headers"], problems) {
        let http2 = one(&section, "http2", problems, boolean);
        file.http2 = http2.unwrap_or(true);
        if http2 == Some(true) && top.value("tls_server_config").is_none() {
            let path = section.named("http2");
            remarks.push(
                section.origin,
                format!("{path}: without tls_server_config there is no HTTP/2; this has no effect"),
            );
        }
        if let Some(node) = section.value("headers") {
            file.headers = headers(node, &section.named("headers"), problems);
        }
    }
    if let Some(section) = open(&top, "rate_limit", &["interval", "burst"], problems) {
        file.rate_limit = rate_limit(&section, problems);
    }
    if let Some(node) = top.value("basic_auth_users") {
        file.users = users::read(node, problems, remarks);
        if file.tls.is_none() && top.value("tls_server_config").is_none() && !file.users.is_empty() {
            remarks.push(
                node.origin,
                "without tls_server_config the passwords of basic_auth_users cross the net in clear",
            );
        }
    }
    file
}

fn open<'a>(top: &Section<'a>, key: &str, known: &[&'static str], problems: &mut Problems) -> Option<Section<'a>> {
    Section::open(top.value(key)?, Called::In(key.to_owned()), known, problems)
}

/// The value of a key, if it is there and can be taken.
fn one<T, R: Into<super::section::Refusal>>(
    section: &Section<'_>,
    key: &str,
    problems: &mut Problems,
    read: impl FnOnce(&Node) -> Result<T, R>,
) -> Option<T> {
    let node = section.value(key)?;
    section.place(key, node).read(node, problems, read)
}

fn boolean(node: &Node) -> Result<bool, String> {
    match node.value {
        Value::Bool(value) => Ok(value),
        _ => Err("write true or false".to_owned()),
    }
}

fn headers(node: &Node, path: &str, problems: &mut Problems) -> Vec<(HeaderName, HeaderValue)> {
    let known = HEADERS.map(|(name, _)| name);
    let Some(section) = Section::open(node, Called::In(path.to_owned()), &known, problems) else { return Vec::new() };
    let mut headers = Vec::new();
    for (name, allowed) in HEADERS {
        let value = one(&section, name, problems, |node| header(node, allowed)).flatten();
        // The names of the list are names of headers.
        let name = HeaderName::from_bytes(name.as_bytes()).ok();
        headers.extend(name.zip(value));
    }
    headers
}

/// Nothing where it is blank.
fn header(node: &Node, allowed: &[&str]) -> Result<Option<HeaderValue>, String> {
    let text = match &node.value {
        Value::Text(text) => text.clone(),
        Value::Integer(number) => number.to_string(),
        _ => return Err("write text".to_owned()),
    };
    if text.is_empty() {
        return Ok(None);
    }
    if !allowed.is_empty() && !allowed.contains(&text.as_str()) {
        return Err(format!("write {}", allowed.join(" or ")));
    }
    HeaderValue::from_str(&text).map(Some).map_err(|_| "a header can't hold these characters".to_owned())
}

fn rate_limit(section: &Section<'_>, problems: &mut Problems) -> Option<RateLimit> {
    /// More at once is no limit.
    const LARGEST_BURST: usize = 1_000_000;
    let day = Duration::from_secs(86_400);
    let interval = one(section, "interval", problems, values::within(Duration::ZERO, day));
    let burst = one(section, "burst", problems, values::count(0, LARGEST_BURST));
    let interval = interval.filter(|interval| !interval.is_zero())?;
    match burst.or(section.value("burst").is_none().then_some(0)) {
        None => None,
        Some(burst) => match u32::try_from(burst).ok().and_then(NonZeroU32::new) {
            Some(burst) => Some(RateLimit { interval, burst }),
            None => {
                let message = format!("{} is 0 or missing: no request would ever be answered", section.named("burst"));
                problems.push(section.value("burst").map_or(section.origin, |node| node.origin), message);
                None
            }
        },
    }
}

/// A choice by its name.
fn choice<T: Copy>(node: &Node, choices: &[(&str, T)]) -> Result<T, String> {
    let found = match &node.value {
        Value::Text(text) => choices.iter().find(|(name, _)| name == text),
        _ => None,
    };
    let names = || choices.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    found.map(|(_, choice)| *choice).ok_or_else(|| format!("write one of {}", names()))
}

/// A list of texts, each read by itself; not empty.
fn list<T>(
    section: &Section<'_>,
    key: &str,
    problems: &mut Problems,
    mut read: impl FnMut(&str) -> Result<T, String>,
) -> Option<Vec<(T, Origin)>> {
    let node = section.value(key)?;
    let path = section.named(key);
    let Value::List(nodes) = &node.value else {
        problems.push(node.origin, format!("{path} is {}: write a list", node.shown()));
        return None;
    };
    let mut values = Vec::new();
    for node in nodes {
        match &node.value {
            Value::Text(text) => match read(text) {
                Ok(value) => values.push((value, node.origin)),
                Err(reason) => problems.push(node.origin, format!("{path}: {} {reason}", quoted(text))),
            },
            _ => problems.push(node.origin, format!("{path}: {} is no text", node.shown())),
        }
    }
    Some(values)
}

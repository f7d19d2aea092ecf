use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::draft::{Draft, Finished};
use super::operation::{OWN, OperationConfig, SHARED};
use super::problem::{Origin, Problems, quoted};
use super::section::{Called, Place, Section};
use super::tree::{self, Node, Value};
use super::{Config, Links, Web, values};
use crate::cli::{BackupArgs, ServeArgs, WebArgs, WolkvoxArgs};

/// In the working directory.
const DEFAULT_LEDGER: &str = "wolkvox-exporter.db";

const DEFAULT_TELEMETRY_PATH: &str = "/metrics";

/// The variable with the token of an operation that is given by flags.
pub const TOKEN_VARIABLE: &str = "WOLKVOX_TOKEN";

/// All operations fit; a larger file is some other file.
const LARGEST_FILE: u64 = 4 << 20;

/// How many operations one process takes: each is a task, a connection and its share of every scrape.
const MOST_OPERATIONS: usize = 5000;

const TOP_KEYS: [&str; 3] = ["ledger", "defaults", "operations"];

const NO_OPERATION: &str = "\
no operation to read. The shortest way to start:
    WOLKVOX_TOKEN=… wolkvox-exporter --wolkvox.server 0042 --wolkvox.timezone America/Bogota
or list operations in a file and name it with --config.file; or see it work without wolkvox: wolkvox-exporter demo";

const NO_OPERATION_IN_FILE: &str =
    "no operation to read: list one under `operations`, each with server and token_file or token_env";

const BOTH: &str = "the file has operations, and so have the --wolkvox flags (or WOLKVOX_EXPORTER_WOLKVOX_… variables); \
                    use either";

/// Reads an environment variable.
pub type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The checked configuration, or all that is wrong with it.
pub fn load(args: &ServeArgs, env: Env<'_>) -> Result<Config, Problems> {
    let Some(name) = args.config_file.as_deref() else { return from_text(None, args, env) };
    let mut problems = Problems::new(Some(name.to_owned()));
    if let Some(path) = from_flag("--config.file", name, &mut problems, values::path) {
        match read_file(&path) {
            Ok(text) => return from_text(Some((name, &text)), args, env),
            Err(reason) => problems.push(Origin::WholeFile, reason),
        }
    }
    // The flags are checked all the same; that there is no operation is no news then.
    let _ = web_into(&args.web, &mut problems);
    Err(problems)
}

/// The ledger alone: by its flag, else as the file has it. Whether the operations have what they need is no matter: who
/// copies the ledger may have none of their tokens.
pub fn ledger(args: &BackupArgs) -> Result<PathBuf, Problems> {
    let mut problems = Problems::new(args.config_file.clone());
    let flag = args.ledger.ledger.as_deref();
    let mut ledger = flag.and_then(|text| from_flag("--ledger", text, &mut problems, values::ledger));
    let file = args.config_file.as_deref().filter(|_| flag.is_none());
    if let Some(path) = file.and_then(|name| from_flag("--config.file", name, &mut problems, values::path)) {
        match read_file(&path) {
            Ok(text) => {
                let root = tree::parse(&text, &mut problems);
                let top = root.as_ref().and_then(|root| Section::open(root, Called::Top, &TOP_KEYS, &mut problems));
                ledger = top.and_then(|top| ledger_of(&top, &mut problems));
            }
            Err(reason) => problems.push(Origin::WholeFile, reason),
        }
    }
    problems.into_result()?;
    Ok(ledger.unwrap_or_else(|| PathBuf::from(DEFAULT_LEDGER)))
}

fn ledger_of(top: &Section<'_>, problems: &mut Problems) -> Option<PathBuf> {
    top.value("ledger").and_then(|node| top.place("ledger", node).read(node, problems, values::ledger))
}

/// The HTTP server's settings, which are flags only.
pub fn web(args: &WebArgs) -> Result<Web, Problems> {
    let mut problems = Problems::default();
    let web = web_into(args, &mut problems);
    problems.into_result()?;
    Ok(web)
}

/// As `load`, with the file's name and text.
pub(super) fn from_text(file: Option<(&str, &str)>, args: &ServeArgs, env: Env<'_>) -> Result<Config, Problems> {
    let mut problems = Problems::new(file.map(|(name, _)| name.to_owned()));
    let root = match file {
        // Nothing is a mapping without keys.
        None => Some(Node { value: Value::Null, origin: Origin::WholeFile }),
        Some((_, text)) => tree::parse(text, &mut problems),
    };
    let flags = mapping(&args.wolkvox, env);
    let top = root.as_ref().and_then(|root| Section::open(root, Called::Top, &TOP_KEYS, &mut problems));

    let mut ledger = None;
    let mut operations = Vec::new();
    if let Some(top) = &top {
        ledger = ledger_of(top, &mut problems);
        let mut defaults = Draft::new();
        if let Some(node) = top.value("defaults")
            && let Some(section) = Section::open(node, Called::In("defaults".into()), &names(SHARED), &mut problems)
        {
            defaults = defaults.overlay(&section, &mut problems);
        }
        match (top.value("operations").filter(|node| !node.is_empty()), &flags) {
            (Some(list), flags) => {
                if flags.is_some() {
                    problems.push(list.origin, BOTH);
                }
                operations = from_list(list, &defaults, env, &mut problems);
            }
            (None, Some(flags)) => {
                operations.extend(finished(flags, Called::Flags, &defaults, env, &mut problems).map(|it| it.operation));
            }
            (None, None) if file.is_some() => problems.push(Origin::WholeFile, NO_OPERATION_IN_FILE),
            (None, None) => problems.push(Origin::Elsewhere, NO_OPERATION),
        }
    }
    let web = web_into(&args.web, &mut problems);
    let flag = args.ledger.ledger.as_deref();
    let flag = flag.and_then(|text| from_flag("--ledger", text, &mut problems, values::ledger));
    problems.into_result()?;
    let ledger = flag.or(ledger).unwrap_or_else(|| PathBuf::from(DEFAULT_LEDGER));
    Ok(Config { ledger, operations, web })
}

fn read_file(path: &Path) -> Result<String, String> {
    let file = std::fs::File::open(path).map_err(|error| format!("can't be opened: {error}{}", remedy(&error)))?;
    let mut bytes = Vec::new();
    let read = file.take(LARGEST_FILE + 1).read_to_end(&mut bytes);
    read.map_err(|error| format!("can't be read: {error}{}", remedy(&error)))?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(format!("is larger than {LARGEST_FILE} bytes; is it the right file?"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let line = 1 + error.as_bytes()[..error.utf8_error().valid_up_to()].iter().filter(|b| **b == b'\n').count();
        format!("line {line} is not UTF-8 text; save the file as UTF-8")
    })
}

/// What to do about a file that can't be read, where the system's words don't say it.
fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => "; name the file that there is with --config.file",
        io::ErrorKind::PermissionDenied => "; let the exporter's user or group read it",
        io::ErrorKind::IsADirectory => "; name the file in it",
        _ => "",
    }
}

fn from_list(list: &Node, defaults: &Draft, env: Env<'_>, problems: &mut Problems) -> Vec<OperationConfig> {
    let nodes = match &list.value {
        Value::List(nodes) if (1..=MOST_OPERATIONS).contains(&nodes.len()) => nodes,
        _ => {
            let message = format!(
                "operations is {}; write a list of 1 to {MOST_OPERATIONS} mappings, each after `-`",
                list.shown()
            );
            problems.push(list.origin, message);
            return Vec::new();
        }
    };
    let mut operations = Vec::new();
    let mut names: Vec<(String, Origin)> = Vec::new();
    for (index, node) in nodes.iter().enumerate() {
        let path = format!("operations[{index}]");
        let called = Called::In(path.clone());
        let Some(Finished { operation, named_at }) = finished(node, called, defaults, env, problems) else { continue };
        if let Some(origin) = named_at {
            let name = &operation.name;
            match names.iter().find(|(known, _)| known == name) {
                Some((_, Origin::File { line, .. })) => {
                    let named = quoted(name);
                    let message =
                        format!("{path} is named {named} like that of line {line}; give it a `name` of its own");
                    problems.push(origin, message);
                }
                _ => names.push((name.clone(), origin)),
            }
        }
        operations.push(operation);
    }
    operations
}

/// One operation: a mapping over the defaults.
fn finished(node: &Node, called: Called, defaults: &Draft, env: Env<'_>, problems: &mut Problems) -> Option<Finished> {
    let section = Section::open(node, called, &names(OWN.iter().chain(SHARED)), problems)?;
    Some(defaults.clone().overlay(&section, problems).finish(&section, env, problems))
}

fn names(keys: impl IntoIterator<Item = &'static super::operation::Key>) -> Vec<&'static str> {
    keys.into_iter().map(|key| key.name).collect()
}

/// The flags of an operation as a mapping, so that they are read as one of the file is; `None` without any.
fn mapping(flags: &WolkvoxArgs, env: Env<'_>) -> Option<Node> {
    let WolkvoxArgs { server, token_file, timezone, operation } = flags;
    let flags = [("server", server), ("token_file", token_file), ("timezone", timezone), ("name", operation)];
    let mut given: Vec<_> = flags.into_iter().filter_map(|(key, text)| Some((key, text.as_deref()?))).collect();
    if given.is_empty() {
        return None;
    }
    if token_file.is_none() && env(TOKEN_VARIABLE).is_some_and(|value| !value.trim().is_empty()) {
        given.push(("token_env", TOKEN_VARIABLE));
    }
    let entries = given.into_iter().map(|(key, text)| (Node::from_flag(key), Node::from_flag(text))).collect();
    Some(Node { value: Value::Map(entries), origin: Origin::Elsewhere })
}

fn web_into(args: &WebArgs, problems: &mut Problems) -> Web {
    let mut listen_addresses = Vec::new();
    for text in &args.listen_addresses {
        let address = from_flag("--web.listen-address", text, problems, values::listen_address);
        if let Some(address) = address.filter(|address| !listen_addresses.contains(address)) {
            listen_addresses.push(address);
        }
    }
    let probe_address = args.probe_address.as_deref();
    let probe_address =
        probe_address.and_then(|text| from_flag("--web.probe-address", text, problems, values::listen_address));
    if let Some(address) = probe_address
        && address.port() != 0
        && listen_addresses.contains(&address)
    {
        let message = format!("--web.probe-address is {address} like --web.listen-address; give it a port of its own");
        problems.push(Origin::Elsewhere, message);
    }
    let path = args.telemetry_path.as_deref().unwrap_or(DEFAULT_TELEMETRY_PATH);
    let telemetry_path = from_flag("--web.telemetry-path", path, problems, values::telemetry_path).unwrap_or_default();
    let mut link =
        |flag, text: &Option<String>| text.as_deref().and_then(|text| from_flag(flag, text, problems, values::link));
    let links = Links {
        dashboards: link("--web.dashboards-url", &args.dashboards_url),
        alerts: link("--web.alerts-url", &args.alerts_url),
    };
    Web {
        listen_addresses,
        probe_address,
        telemetry_path,
        links,
        openmetrics_created: args.openmetrics_created,
        lifecycle: args.enable_lifecycle,
    }
}

fn from_flag<T>(
    flag: &str,
    text: &str,
    problems: &mut Problems,
    read: impl FnOnce(&Node) -> Result<T, String>,
) -> Option<T> {
    let node = Node::from_flag(text);
    Place { key: flag.to_owned(), origin: node.origin }.read(&node, problems, read)
}

use std::io::Read;
use std::path::{Path, PathBuf};

use super::problem::{Origin, Problems, quoted};
use super::section::{Field, Section};
use super::settings::{self, Identity, Settings};
use super::tree::{self, Node, Value};
use super::{Config, OperationConfig, Skills, TokenSource, Web, values};
use crate::cli::{ServeArgs, WebArgs, WolkvoxArgs};

/// In the working directory.
const DEFAULT_LEDGER: &str = "wolkvox-exporter.db";

const DEFAULT_TELEMETRY_PATH: &str = "/metrics";

/// The variable with the token of an operation that is given by flags.
const TOKEN_VARIABLE: &str = "WOLKVOX_TOKEN";

/// A thousand operations fit; a larger file is some other file.
const LARGEST_FILE: u64 = 1 << 20;

/// How many operations one process takes: each is a task, a connection and its share of every scrape.
const MOST_OPERATIONS: usize = 1000;

const TOP_KEYS: [&str; 3] = ["ledger", "defaults", "operations"];
const OWN_KEYS: [&str; 5] = ["name", "server", "token_file", "token_env", "skills"];

const NO_OPERATION: &str = "\
no operation to read. The shortest way to start:
    WOLKVOX_TOKEN=… wolkvox-exporter --wolkvox.server 0042 --wolkvox.timezone America/Bogota
or list operations in a file and name it with --config.file; or see it work without wolkvox: wolkvox-exporter demo";

const NO_OPERATION_IN_FILE: &str =
    "no operation to read: list one under `operations`, each with server, timezone and token_file or token_env";

const BOTH: &str = "the file has operations, and so have the --wolkvox flags (or WOLKVOX_EXPORTER_WOLKVOX_… variables); \
                    use either";

/// The checked configuration, or all that is wrong with it. `env` reads an environment variable.
pub fn load(args: &ServeArgs, env: &dyn Fn(&str) -> Option<String>) -> Result<Config, Problems> {
    let Some(path) = args.config_file.as_deref().filter(|path| !path.as_os_str().is_empty()) else {
        return from_text(None, args, env);
    };
    let name = path.display().to_string();
    match read_file(path) {
        Ok(text) => from_text(Some((&name, &text)), args, env),
        Err(reason) => {
            let mut problems = Problems::new(Some(name));
            problems.push(Origin::WholeFile, reason);
            // The flags are checked all the same; that there is no operation is no news then.
            let _ = web_into(&args.web, &mut problems);
            Err(problems)
        }
    }
}

/// The HTTP server's settings, which are flags only.
pub fn web(args: &WebArgs) -> Result<Web, Problems> {
    let mut problems = Problems::default();
    let web = web_into(args, &mut problems);
    problems.into_result()?;
    Ok(web)
}

/// As `load`, with the file's name and text.
pub(crate) fn from_text(
    file: Option<(&str, &str)>,
    args: &ServeArgs,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Config, Problems> {
    let mut problems = Problems::new(file.map(|(name, _)| name.to_owned()));
    let root = match file {
        // Nothing is a mapping without keys.
        None => Some(Node { value: Value::Null, origin: Origin::WholeFile }),
        Some((_, text)) => tree::parse(text, &mut problems),
    };
    let flags_given = given(&args.wolkvox);
    let top = root.as_ref().and_then(|root| Section::open(root, "", &TOP_KEYS, &mut problems));

    let mut ledger = Field::Absent;
    let mut operations = Vec::new();
    if let Some(top) = &top {
        ledger = top.read("ledger", &mut problems, values::ledger);
        let defaults = top
            .node("defaults")
            .and_then(|node| Section::open(node, "defaults", &settings::KEYS, &mut problems))
            .map_or_else(Settings::none, |section| Settings::read(&section, &mut problems));
        let listed = top.node("operations").filter(|node| !node.is_empty());
        match listed {
            Some(node) => {
                if flags_given {
                    problems.push(node.origin, BOTH);
                }
                operations = from_list(node, &defaults, env, &mut problems);
            }
            None if flags_given => operations.extend(from_flags(&args.wolkvox, &defaults, env, &mut problems)),
            None if file.is_some() => problems.push(Origin::WholeFile, NO_OPERATION_IN_FILE),
            None => problems.push(Origin::CommandLine, NO_OPERATION),
        }
    }
    let web = web_into(&args.web, &mut problems);
    let flag = args.ledger.ledger.clone().filter(|path| !path.as_os_str().is_empty());
    if let Some(text) = flag.as_deref().and_then(Path::to_str) {
        Field::from_flag(Some(text), "--ledger", &mut problems, values::ledger);
    }
    problems.into_result()?;
    let from_file = ledger.resolve(|| PathBuf::from(DEFAULT_LEDGER)).map(|(path, _)| path);
    let ledger = flag.or(from_file).unwrap_or_else(|| PathBuf::from(DEFAULT_LEDGER));
    Ok(Config { ledger, operations, web })
}

fn read_file(path: &Path) -> Result<String, String> {
    let file = std::fs::File::open(path).map_err(|error| format!("can't be opened: {error}"))?;
    let mut bytes = Vec::new();
    file.take(LARGEST_FILE + 1).read_to_end(&mut bytes).map_err(|error| format!("can't be read: {error}"))?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(format!("is larger than {LARGEST_FILE} bytes; is it the right file?"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let line = 1 + error.as_bytes()[..error.utf8_error().valid_up_to()].iter().filter(|b| **b == b'\n').count();
        format!("line {line} is not UTF-8 text; save the file as UTF-8")
    })
}

fn given(flags: &WolkvoxArgs) -> bool {
    let text = [&flags.server, &flags.timezone, &flags.operation];
    text.into_iter().flatten().any(|text| !text.is_empty())
        || flags.token_file.as_ref().is_some_and(|path| !path.as_os_str().is_empty())
}

fn from_list(
    node: &Node,
    defaults: &Settings,
    env: &dyn Fn(&str) -> Option<String>,
    problems: &mut Problems,
) -> Vec<OperationConfig> {
    let list = match &node.value {
        Value::List(list) if (1..=MOST_OPERATIONS).contains(&list.len()) => list,
        _ => {
            let message = format!(
                "operations is {}; write a list of 1 to {MOST_OPERATIONS} mappings, each after `-`",
                node.shown()
            );
            problems.push(node.origin, message);
            return Vec::new();
        }
    };
    let keys: Vec<&'static str> = OWN_KEYS.into_iter().chain(settings::KEYS).collect();
    let mut operations = Vec::new();
    let mut names: Vec<(String, Origin)> = Vec::new();
    for (index, node) in list.iter().enumerate() {
        let path = format!("operations[{index}]");
        let Some(section) = Section::open(node, &path, &keys, problems) else { continue };
        let server = section.read("server", problems, values::server);
        if server == Field::Absent {
            let message = "write the server's four digits (0042), wv0042 or https://host[:port]";
            problems.push(section.origin, format!("{} is missing: {message}", section.named("server")));
        }
        let name = section.read("name", problems, values::operation_name);
        let token = token(&section, env, problems);
        let skills = section.read("skills", problems, values::skills).resolve(|| Skills::All);
        let settings = Settings::read(&section, problems).or(defaults);

        let server = match server {
            Field::Good(server, place) => Some((server, place)),
            Field::Absent | Field::Bad => None,
        };
        let name = match (name, &server) {
            (Field::Good(name, place), _) => Some((name, place.origin)),
            (Field::Absent, Some((server, place))) => Some((server.name.clone(), place.origin)),
            _ => None,
        };
        if let Some((name, origin)) = &name {
            match names.iter().find(|(known, _)| known == name) {
                Some((_, Origin::File { line, .. })) => {
                    let message = format!(
                        "{path} is named {} like that of line {line}; give it a `name` of its own",
                        quoted(name)
                    );
                    problems.push(*origin, message);
                }
                _ => names.push((name.clone(), *origin)),
            }
        }
        let identity = match (name, server, token, skills) {
            (Some((name, _)), Some((server, _)), Some(token), Some((skills, _))) => {
                Some(Identity { name, server, token, skills })
            }
            _ => None,
        };
        operations.extend(settings.check(identity, problems));
    }
    operations
}

/// Exactly one of `token_file` and `token_env`. A file is not looked at: it is read afresh for each call, and may come
/// later; a variable that isn't set now never will be.
fn token(section: &Section<'_>, env: &dyn Fn(&str) -> Option<String>, problems: &mut Problems) -> Option<TokenSource> {
    let file = section.read("token_file", problems, values::path);
    let variable = section.read("token_env", problems, |node| {
        let name = values::variable(node)?;
        match env(&name) {
            Some(value) if !value.trim().is_empty() => Ok(name),
            _ => Err("this environment variable is not set, or empty".to_owned()),
        }
    });
    match (file, variable) {
        (Field::Absent, Field::Absent) => {
            let names = (section.named("token_file"), section.named("token_env"));
            problems.push(section.origin, format!("{} or {} is missing: say where the token is", names.0, names.1));
            None
        }
        (Field::Good(path, _), Field::Absent) => Some(TokenSource::File(path)),
        (Field::Absent, Field::Good(name, _)) => Some(TokenSource::Env(name)),
        (Field::Absent, Field::Bad) | (Field::Bad, Field::Absent) => None,
        (Field::Good(..) | Field::Bad, Field::Good(..) | Field::Bad) => {
            let origin = section.node("token_env").map_or(section.origin, |node| node.origin);
            problems.push(origin, format!("{} stands beside token_file; keep one", section.named("token_env")));
            None
        }
    }
}

fn from_flags(
    flags: &WolkvoxArgs,
    defaults: &Settings,
    env: &dyn Fn(&str) -> Option<String>,
    problems: &mut Problems,
) -> Option<OperationConfig> {
    let server = Field::from_flag(flags.server.as_deref(), "--wolkvox.server", problems, values::server);
    if server == Field::Absent {
        problems.push(Origin::CommandLine, "--wolkvox.server is missing: write 0042, wv0042 or https://host[:port]");
    }
    let name = Field::from_flag(flags.operation.as_deref(), "--wolkvox.operation", problems, values::operation_name);
    let timezone = Field::from_flag(flags.timezone.as_deref(), "--wolkvox.timezone", problems, values::timezone);
    let file = flags.token_file.clone().filter(|path| !path.as_os_str().is_empty());
    let token = match file {
        Some(path) => Some(TokenSource::File(path)),
        None if env(TOKEN_VARIABLE).is_some_and(|value| !value.trim().is_empty()) => {
            Some(TokenSource::Env(TOKEN_VARIABLE.to_owned()))
        }
        None => {
            let message = format!("no token: name its file with --wolkvox.token-file, or set {TOKEN_VARIABLE}");
            problems.push(Origin::CommandLine, message);
            None
        }
    };
    let identity = match (server, token) {
        (Field::Good(server, _), Some(token)) => {
            name.resolve(|| server.name.clone()).map(|(name, _)| Identity { name, server, token, skills: Skills::All })
        }
        _ => None,
    };
    let settings = Settings::of_zone(timezone).or(defaults);
    settings.check(identity, problems)
}

fn web_into(args: &WebArgs, problems: &mut Problems) -> Web {
    let mut listen_addresses = Vec::new();
    for text in &args.listen_addresses {
        let read = Field::from_flag(Some(text.as_str()), "--web.listen-address", problems, values::listen_address);
        if let Field::Good(address, _) = read
            && !listen_addresses.contains(&address)
        {
            listen_addresses.push(address);
        }
    }
    let path = args.telemetry_path.as_deref();
    let telemetry_path = Field::from_flag(path, "--web.telemetry-path", problems, values::telemetry_path)
        .resolve(|| DEFAULT_TELEMETRY_PATH.to_owned())
        .map_or_else(String::new, |(path, _)| path);
    Web { listen_addresses, telemetry_path, openmetrics_created: args.openmetrics_created }
}

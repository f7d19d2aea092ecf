//! The tables of `docs/` that people write, against the program: settings, metrics, paths and signs. (Those that a test
//! writes: `mistakes`, `check_api` and `web_config` here, `cargo test --lib documented` for the command line and the states.)

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use rustls::ALL_VERSIONS;
use simulator::call::Injected;

use crate::support::scrape::Scrape;
use crate::support::sim::{Sim, quiet, stream_of_calls};
use crate::support::tls::{self, Authority, put};
use crate::support::{Child, Folder, PATIENCE, child, run, wait_for};

/// Known only after three answers over half a minute, which is longer than a test waits. `server_clock` sees it.
const LATE: [&str; 1] = ["wolkvox_api_clock_difference_seconds"];

fn page(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The rows of every table that has this first and this second heading, without the marks of code.
fn table(page: &str, first: &str, second: &str) -> Vec<Vec<String>> {
    let cells = |line: &str| -> Vec<String> {
        let line = line.trim().trim_start_matches('|').trim_end_matches('|');
        line.split(" | ").map(|cell| cell.trim().trim_matches('|').trim().replace('`', "")).collect()
    };
    let mut rows = Vec::new();
    let mut inside = false;
    for line in page.lines() {
        let is_row = line.starts_with('|');
        inside &= is_row;
        if inside && !line.starts_with("|---") {
            rows.push(cells(line));
        }
        inside |= is_row && cells(line).get(..2).is_some_and(|head| head == [first, second]);
    }
    assert!(!rows.is_empty(), "no table {first} | {second}");
    rows
}

/// What `check-config` says of a file.
fn check(folder: &Path, text: &str) -> (Option<i32>, String) {
    fs::write(folder.join("config.yml"), text).expect("a folder of this test");
    let mut command = child::command(&["check-config", "--config.file", "config.yml"]);
    command.current_dir(folder);
    let output = run(command);
    let said = if output.status.success() { output.stdout } else { output.stderr };
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}

/// A duration of the tables, which have one unit each.
fn seconds(text: &str) -> Option<u64> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let factor = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    Some(number.parse::<u64>().ok()? * factor)
}

/// The value that is just beyond a bound, `up` or down.
fn beyond(bound: &str, up: bool) -> Option<String> {
    let moved = |number: u64, by: u64| if up { number.checked_add(by) } else { number.checked_sub(by) };
    if let Some(seconds) = seconds(bound) {
        return Some(format!("{}s", moved(seconds, 1)?));
    }
    let number = bound.trim_matches(['[', ']']).parse().ok()?;
    // Bounds of buckets are whole minutes up there.
    let moved = moved(number, if up && bound.starts_with('[') { 60 } else { 1 })?;
    Some(bound.replace(&number.to_string(), &moved.to_string()))
}

#[test]
fn the_settings_are_those_of_the_program() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    put(&folder.join("token"), "any");
    let own = "operations: [{server: \"0042\", token_file: token";
    let page = page("configuration.md");
    let settings = table(&page, "key", "default");
    let (own_keys, shared): (Vec<_>, Vec<_>) = settings.into_iter().partition(|row| row.len() == 3);

    // Keys that nobody knows are answered with those that there are.
    let known = |text: &str| -> BTreeSet<String> {
        let (code, said) = check(folder, text);
        assert_eq!(code, Some(2), "{said}");
        let list = said.lines().find_map(|line| line.split_once("the keys are ")).expect("a list of keys").1;
        list.split(", ").map(|key| key.trim().to_owned()).collect()
    };
    let documented = |rows: &[&Vec<String>]| rows.iter().map(|row| row[0].clone()).collect::<BTreeSet<_>>();
    let (of_file, of_operation) = own_keys.split_at(3);
    assert_eq!(known("qqqqqqqqqq: 1\n"), documented(&of_file.iter().collect::<Vec<_>>()));
    assert_eq!(
        known(&format!("{own}, qqqqqqqqqq: 1}}]\n")),
        documented(&of_operation.iter().chain(&shared).collect::<Vec<_>>())
    );
    assert_eq!(
        known(&format!("defaults: {{qqqqqqqqqq: 1}}\n{own}}}]\n")),
        documented(&shared.iter().collect::<Vec<_>>())
    );

    // Written out, the defaults change nothing.
    let (code, by_default) = check(folder, &format!("{own}}}]\n"));
    assert_eq!(code, Some(0), "{by_default}");
    let lines: String = shared.iter().map(|row| format!("  {}: {}\n", row[0], row[1])).collect();
    let ledger = format!("ledger: {}\n", own_keys[0][1]);
    let written = check(folder, &format!("{ledger}defaults:\n{lines}{own}, name: wv0042}}]\n"));
    assert_eq!(written, (Some(0), by_default));

    let mut bounds = 0;
    for row in &shared {
        for (bound, up) in [(&row[2], false), (&row[3], true)].into_iter().filter(|(bound, _)| !bound.is_empty()) {
            let with = |value: &str| check(folder, &format!("defaults: {{{}: {value}}}\n{own}}}]\n", row[0]));
            let (code, said) = with(bound);
            assert_eq!(code, Some(0), "{}: {bound}: {said}", row[0]);
            let Some(value) = beyond(bound, up) else { continue };
            let (code, said) = with(&value);
            assert_eq!(code, Some(2), "{}: {value} is taken: {said}", row[0]);
            bounds += 1;
        }
    }
    assert!(bounds > 15, "only {bounds} bounds");
}

/// An exporter that shows all that there is to show, over TLS.
struct Whole {
    exporter: Child,
    client: rustls::ClientConfig,
    _folder: Folder,
    _sim: Sim,
}

impl Whole {
    fn serve() -> Self {
        let sim = Sim::start(vec![quiet("ventas")]);
        let calls = stream_of_calls(Timestamp::now() - Duration::from_secs(7_200), Duration::from_secs(60), 60);
        sim.inject(calls.into_iter().map(Injected::from));
        let defaults = ["reports: [abandoned, answered]", "start: 6h", "quota_interval: 1h"];
        let folder = Folder::new(&sim, &defaults, |_| Vec::new());
        let ours = Authority::new("ours");
        ours.issue(&["127.0.0.1"], 2040).write(folder.path(), "web");
        put(&folder.path().join("web.yml"), "tls_server_config: {cert_file: web.crt, key_file: web.key}\n");
        let mut command = folder.command();
        command.args(["--web.probe-address", "127.0.0.1:0", "--web.config.file", "web.yml"]);
        let client = tls::client(&ours, None, ALL_VERSIONS);
        Self { exporter: Child::start(command), client, _folder: folder, _sim: sim }
    }

    fn get(&self, path: &str) -> crate::support::http::Response {
        tls::get(self.exporter.address(), &self.client, path, &[]).expect("an answer")
    }
}

/// Names with their types, and with their labels, as a scrape has them.
fn families(text: &str) -> BTreeMap<String, (String, BTreeSet<String>)> {
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let scrape = Scrape::parse(text.to_owned());
    let family = |(name, kind): (&str, &str)| {
        let sample = if kind == "histogram" { format!("{name}_count") } else { name.to_owned() };
        let labels = scrape.all(&sample, &[]).flat_map(|sample| sample.labels.keys().cloned()).collect();
        (name.to_owned(), (kind.to_owned(), labels))
    };
    types.map(family).collect()
}

fn values(text: &str, label: &str) -> BTreeSet<String> {
    let start = format!("{label}=\"");
    text.split(start.as_str()).skip(1).filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())).collect()
}

#[test]
fn metrics_and_paths_are_those_of_the_program() {
    let whole = Whole::serve();
    let metrics = page("metrics.md");
    let documented: BTreeMap<_, _> = table(&metrics, "metric", "type")
        .into_iter()
        .map(|row| {
            let labels = row[2].split(", ").filter(|label| !label.is_empty()).map(str::to_owned).collect();
            (row[0].clone(), (row[1].clone(), labels))
        })
        .collect();
    let text = wait_for("every metric that is documented", PATIENCE, || {
        let text = whole.get("/metrics").text();
        let shown = families(&text);
        let missing: Vec<_> =
            documented.keys().filter(|&name| !shown.contains_key(name) && !LATE.contains(&name.as_str())).collect();
        if missing.is_empty() { Ok(text) } else { Err(format!("{missing:?} are missing")) }
    });
    for (name, shown) in families(&text) {
        assert_eq!(documented.get(&name), Some(&shown), "{name} in docs/metrics.md");
    }

    let listed: Vec<_> = table(&metrics, "label", "value");
    for label in ["disposition", "reason"] {
        let told: BTreeSet<_> = listed.iter().filter(|row| row[0] == label).map(|row| row[1].clone()).collect();
        assert_eq!(values(&text, label), told, "values of {label} in docs/metrics.md");
    }
    let of_states = table(&page("states.md"), "outcome", "what happened, and what follows");
    let told = of_states.iter().filter_map(|row| Some(row[0].split_once(':')?.0.to_owned())).collect();
    assert_eq!(values(&text, "outcome"), told, "values of outcome in docs/states.md");

    let paths = table(&page("http.md"), "path", "status");
    assert!(paths.len() > 4, "{paths:?}");
    for row in paths {
        let answer = whole.get(&row[0]);
        assert_eq!(answer.status.to_string(), row[1], "{}", row[0]);
        let kind = format!("content-type: {}", row[2]);
        assert!(answer.head.to_lowercase().contains(&kind), "{}: {}", row[0], answer.head);
    }
}

/// What stands in quotes in the signs of trouble is what the program says: `…` is for what changes.
#[test]
fn quoted_signs_are_said_by_the_program() {
    let mut sources = String::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("sources").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                sources += &fs::read_to_string(&path).expect("a source");
            }
        }
    }
    // A long text of Rust is broken with a backslash.
    let sources = sources.split("\\\n").map(str::trim_start).collect::<String>();
    let mut quoted = 0;
    for row in table(&page("trouble.md"), "sign", "what to do") {
        for sign in row[0].split('"').skip(1).step_by(2) {
            for part in sign.split('…').map(str::trim).filter(|part| part.len() > 3) {
                assert!(sources.contains(part), "nothing says {part:?} ({sign:?} in docs/trouble.md)");
                quoted += 1;
            }
        }
    }
    assert!(quoted > 6, "only {quoted} quotes");
}

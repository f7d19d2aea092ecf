//! `check-api` on the real binary: against each fault of the simulator, whose sentences are the table of
//! `docs/check-api.md` (after a wanted change `CHECK_API=overwrite cargo test --test it check_api` writes it anew), and
//! beside a running exporter.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Command, Output};
use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;
use simulator::OperationOptions;
use simulator::call::{Call, RawRow};
use simulator::faults::{Armed, Fault};
use simulator::quirks::{EmptyForm, Quirks};
use simulator::report::Report;

use crate::support::config::Folder;
use crate::support::sim::{Sim, quiet, stream_of_calls};
use crate::support::tls::{self, Authority, Identity, put};
use crate::support::wait::free_address;
use crate::support::{child, run};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/check-api.md");

const HEAD: &str = "\
# What `check-api` says

Each of these was tried on the program, against the simulator (`wolkvox-exporter simulate --help` tells what each of its
faults does), with twelve abandoned calls of five skills in the last hours. A test makes this table, so it is what the
program says today. `ok` in `--json` is true where there is nothing to do, and false everywhere else.

| what is wrong | outcome | message | advice |
|---|---|---|---|
";

const HEAD_OF_TOTALS: &str = "
With `totals` among the `reports` wolkvox's own totals are asked for too. The same of them; nothing is compared here:

| what is wrong | outcome | message | advice |
|---|---|---|---|
";

/// What is personal in the calls of these tests, or looks like it.
const PERSONAL: [&str; 4] = ["3001234567", "1020304050", "ana@example.com", "6736.4628"];

/// Neither it nor Bogotá has daylight saving time: what is said of it is the same all year.
const OTHER_ZONE: &str = "America/Mexico_City";

/// Twelve calls, the last some minutes ago.
fn calls() -> Vec<Call> {
    let hour = Duration::from_secs(3_600);
    let calls = stream_of_calls(Timestamp::now() - 13 * hour, hour, 12);
    let personal = |call| Call { ani: PERSONAL[0].into(), customer_id: PERSONAL[1].into(), ..call };
    calls.into_iter().map(personal).collect()
}

/// One that is wrong in some way: `name` is the operation's, `lines` its configuration's.
struct Case {
    name: String,
    what: String,
    zone: &'static str,
    fault: Option<Fault>,
    quirks: Quirks,
    calls: Vec<Call>,
    raw: Vec<RawRow>,
    lines: Vec<&'static str>,
    token: Option<&'static str>,
}

fn case(name: &str, what: &str) -> Case {
    let (name, what) = (name.to_owned(), what.to_owned());
    let (zone, quirks) = ("America/Bogota", Quirks::default());
    Case { name, what, zone, fault: None, quirks, calls: calls(), raw: vec![], lines: vec![], token: None }
}

fn cases() -> Vec<Case> {
    let nobody = |name, what, quirks| Case { calls: Vec::new(), quirks, ..case(name, what) };
    let lines = |name, what, line| Case { lines: vec![line], ..case(name, what) };
    let mut cases = vec![
        case("nothing", "nothing"),
        nobody("no_calls", "no calls for seven days", Quirks::default()),
        nobody("bare_404", "the same, by a 404 with no body", Quirks { empty: EmptyForm::NoBody, ..Quirks::default() }),
        Case {
            token: Some("0123456789abcdef0123456789abcdef01234567"),
            ..case("token", "a token of another operation")
        },
        Case { token: Some(""), ..case("no_token", "an empty token file") },
        Case {
            zone: OTHER_ZONE,
            ..lines("zone", "another `timezone` than that of the reports", "timezone: America/Bogota")
        },
        lines("max_series", "more label sets than `max_series`", "max_series: 3"),
        lines("skills", "one of the `skills` has no calls", "skills: [\"4173\", \"4999\"]"),
        lines("no_skills", "none of the `skills` has calls", "skills: [\"4999\"]"),
    ];
    cases.extend(faults());
    cases
}

/// Each of the simulator's, by its own list.
fn faults() -> Vec<Case> {
    let mut cases = Vec::new();
    for fault in Fault::catalogue() {
        let help = Fault::help();
        let line = help.lines().find_map(|line| line.trim().strip_prefix(&format!("{} ", fault.name())));
        let what = format!("`{}`: {}", fault.name(), line.expect("each fault is explained").trim());
        let name = fault.name();
        let fault = match fault {
            // As little as is too much.
            Fault::Oversized { .. } => Fault::Oversized { bytes: (256 << 20) + 1 },
            Fault::Head { .. } => {
                Fault::Head { date: None, date_by: Some(3_630), age: None, retry_after: None, retry_at: None }
            }
            Fault::WrongZone { .. } => Fault::WrongZone { zone: OTHER_ZONE.into() },
            Fault::LeftOut { .. } => Fault::LeftOut { conn_id: calls()[3].conn_id.clone() },
            other => other,
        };
        let lines = match fault {
            Fault::Hang | Fault::SlowBody { .. } => vec!["timeout: 1s"],
            _ => vec![],
        };
        cases.push(Case { fault: Some(fault), lines, ..case(&name, &what) });
    }
    cases
}

/// What is wrong, is wrong with `report` alone.
fn simulated(cases: &[Case], report: Report) -> Sim {
    let zone = |case: &Case| TimeZone::get(case.zone).expect("a zone that exists");
    let options = |case: &Case| OperationOptions {
        zone: zone(case),
        quota: Some(1_000),
        quirks: case.quirks.clone(),
        ..quiet(&case.name)
    };
    let sim = Sim::start(cases.iter().map(options).collect());
    for case in cases {
        let operation = sim.operation(&case.name).expect("one for each case");
        operation.inject(case.calls.iter().cloned().map(Into::into));
        operation.inject(case.raw.iter().cloned().map(Into::into));
        if let Some(fault) = case.fault.clone() {
            let armed = Armed::new(fault, None);
            sim.world().set_fault(Armed { operation: Some(case.name.clone()), report: Some(report), ..armed });
        }
    }
    sim
}

/// What is on the way, or not: operations without a simulator, as name, meaning and server.
fn ways(ours: &Authority) -> Vec<(&'static str, &'static str, String)> {
    let serve = |identity: &Identity| format!("https://{}", tls::serve(identity));
    let stranger = serve(&Authority::new("theirs").issue(&["127.0.0.1"], 2099));
    let [ended, other] =
        [(&["127.0.0.1"], 2021), (&["127.0.0.2"], 2099)].map(|(names, until)| ours.issue(names, until));
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let plain = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = |listener: &TcpListener| format!("https://{}", listener.local_addr().expect("bound"));
    let (no_answer, no_tls) = (address(&silent), address(&plain));
    // Both for as long as this process lives.
    thread::spawn(move || silent.incoming().collect::<Vec<_>>());
    thread::spawn(move || answer(&plain, "HTTP/1.1 400 Bad Request\r\n\r\n"));
    vec![
        ("no_name", "a name that nobody knows", "https://wv0042.invalid".to_owned()),
        ("closed", "nothing listens there", format!("http://{}", free_address())),
        ("silent", "the server doesn't answer, as to an address that is not registered", no_answer),
        ("no_tls", "what answers speaks no TLS", no_tls),
        ("stranger", "a certificate by an authority that this machine doesn't trust", stranger),
        ("ended", "a certificate that has ended", serve(&ended)),
        ("other", "a certificate of another name", serve(&other)),
        ("proxy", "a proxy that wants a password", "0042".to_owned()),
    ]
}

fn answer(listener: &TcpListener, answer: &str) {
    for mut stream in listener.incoming().flatten() {
        let _ = stream.read(&mut [0; 1024]);
        let _ = stream.write_all(answer.as_bytes());
    }
}

fn check_api(folder: &Folder, flags: &[&str]) -> Command {
    let mut command = child::command(&["check-api", "--config.file"]);
    command.arg(folder.config()).args(flags).current_dir(folder.path());
    command
}

/// What the objects of `--json` say; the exit code agrees with them.
fn told(output: &Output) -> Vec<Value> {
    let all = format!("{output:?}");
    let told: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {all}"));
    let is_ok = |told: &Value| told["ok"].as_bool().expect("a truth value");
    assert_eq!(output.status.code(), Some(if told.iter().all(is_ok) { 0 } else { 1 }), "{all}");
    for object in &told {
        assert_eq!(is_ok(object), object["advice"].is_null(), "{object}");
        let names: Vec<_> = object.as_object().expect("an object").keys().map(String::as_str).collect();
        let mut schema = ["operation", "report", "ok", "outcome", "message", "advice", "rows", "skills", "types"];
        schema.sort_unstable();
        assert_eq!(names, schema);
    }
    told
}

/// Without the numbers of bytes, which depend on what comes together, and the system's words for a name that nobody knows.
fn stable(message: &str) -> String {
    const LOOKED_UP: &str = "failed to lookup address information: ";
    let message = match message.split_once(LOOKED_UP) {
        Some((before, after)) => &format!("{before}{LOOKED_UP}…{}", &after[after.find('.').unwrap_or(0)..]),
        None => message,
    };
    let mut parts = message.split(" bytes").peekable();
    let mut stable = String::new();
    while let Some(part) = parts.next() {
        let is_last = parts.peek().is_none();
        let kept = if is_last { part } else { part.trim_end_matches(|c: char| c.is_ascii_digit()) };
        stable += kept;
        stable += if is_last { "" } else { "… bytes" };
    }
    stable
}

#[test]
fn each_fault_has_its_sentence() {
    let cases = cases();
    let sim = simulated(&cases, Report::Abandoned);
    let folder = configured(&sim, &cases, &[]);
    let ours = Authority::new("ours");
    put(&folder.path().join("ours.pem"), &ours.pem());
    let ways = ways(&ours);
    let mut config = fs::read_to_string(folder.config())
        .expect("just written")
        .replace(&format!("timezone: {OTHER_ZONE}\n    timezone:"), "timezone:");
    for (name, _, server) in &ways {
        folder.write_token(name, "0123456789");
        let token = folder.token_file(name);
        config += &format!("  - {{name: {name}, server: {server:?}, token_file: {token:?}, connect_timeout: 1s}}\n");
    }
    folder.write_config(&config);
    let proxy = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let mut command = check_api(&folder, &["--json"]);
    command.env("HTTPS_PROXY", format!("http://{}", proxy.local_addr().expect("bound")));
    command.env("NO_PROXY", "127.0.0.1,.invalid").env("SSL_CERT_FILE", folder.path().join("ours.pem"));
    thread::spawn(move || answer(&proxy, "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"));
    let output = run(command);

    is_private(&output, &cases, &sim);
    let mut page = HEAD.to_owned();
    let whats = cases.iter().map(|case| case.what.as_str()).chain(ways.iter().map(|(_, what, _)| *what));
    page += &lines(&told(&output), whats, &folder);

    let totals =
        [case("nothing", "nothing"), Case { calls: Vec::new(), ..case("no_calls", "no calls for seven days") }];
    let cases_of_totals: Vec<_> = totals.into_iter().chain(faults()).collect();
    let sim = simulated(&cases_of_totals, Report::Totals);
    let folder_of_totals = configured(&sim, &cases_of_totals, &["reports: [abandoned, totals]"]);
    let output = run(check_api(&folder_of_totals, &["--json"]));
    is_private(&output, &cases_of_totals, &sim);
    let objects = told(&output);
    let (totals, others): (Vec<_>, Vec<_>) = objects.into_iter().partition(|object| object["report"] == "totals");
    let fine = |object: &&Value| object["ok"] == true;
    assert_eq!(others.iter().filter(fine).count(), cases_of_totals.len() - 1, "the other report is not concerned");
    page += HEAD_OF_TOTALS;
    page += &lines(&totals, cases_of_totals.iter().map(|case| case.what.as_str()), &folder_of_totals);

    if std::env::var("CHECK_API").is_ok_and(|wish| wish == "overwrite") {
        fs::write(PAGE, &page).expect("a file of the project");
    }
    let heads = HEAD.lines().count() + HEAD_OF_TOTALS.lines().count();
    assert_eq!(page.lines().count(), heads + cases.len() + ways.len() + cases_of_totals.len(), "{page}");
    assert!(fs::read_to_string(PAGE).is_ok_and(|told| told == page), "docs/check-api.md is not what is said:\n{page}");
}

/// With the lines and the token of each case.
fn configured(sim: &Sim, cases: &[Case], defaults: &[&str]) -> Folder {
    let folder = Folder::new(sim, defaults, |name| {
        let case = cases.iter().find(|case| case.name == name).expect("one for each operation");
        case.lines.iter().map(|&line| line.to_owned()).collect()
    });
    for case in cases {
        if let Some(token) = case.token {
            folder.write_token(&case.name, token);
        }
    }
    folder
}

/// Nothing of a call and no token is told, and no token was used twice at a time.
fn is_private(output: &Output, cases: &[Case], sim: &Sim) {
    let all = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let tokens = cases.iter().map(|case| sim.operation(&case.name).and_then(|operation| operation.token()));
    for secret in PERSONAL.into_iter().map(str::to_owned).chain(tokens.flatten()) {
        assert!(!all.contains(&secret), "{secret} is in\n{all}");
    }
    for request in sim.requests() {
        assert!(!request.overlapping, "{request:?}");
    }
}

/// The lines of the table: what is wrong, and what was said of it.
fn lines<'a>(objects: &[Value], whats: impl Iterator<Item = &'a str>, folder: &Folder) -> String {
    let line = |(object, what): (&Value, &str)| {
        let text = |name: &str| object[name].as_str().unwrap_or("").replace('|', "\\|");
        let message = stable(&text("message")).replace(&format!("{}/", folder.path().display()), "");
        format!("| {what} | {} | {message} | {} |\n", text("outcome"), text("advice"))
    };
    objects.iter().zip(whats).map(line).collect()
}

#[test]
fn skills_and_types_are_found_and_nothing_else_of_a_call_is_told() {
    let raw = RawRow {
        at: Timestamp::now() - Duration::from_secs(60),
        text: format!(
            "{{\"date\":\"never\",\"ani\":{:?},\"result\":{:?},\"conn_id\":\"{}.1\"}}",
            PERSONAL[0], PERSONAL[2], PERSONAL[3]
        ),
        ..RawRow::default()
    };
    let sim = simulated(&[Case { raw: vec![raw], ..case("ventas", "") }], Report::Abandoned);
    let folder = Folder::new(&sim, &[], |_| vec![]);
    let objects = told(&run(check_api(&folder, &["--json"])));
    let [object] = objects.as_slice() else { panic!("one report: {objects:?}") };
    assert_eq!((&object["operation"], &object["report"]), (&"ventas".into(), &"abandoned".into()));
    assert_eq!((&object["rows"], &object["ok"], &object["outcome"]), (&13.into(), &true.into(), &"ok".into()));
    let skill =
        |at: usize| (object["skills"][at]["skill_id"].as_str().unwrap(), object["skills"][at]["calls"].as_u64());
    assert_eq!((skill(0), skill(1), skill(4)), (("4173", Some(3)), ("4174", Some(3)), ("4177", Some(2))));
    assert_eq!(object["types"], serde_json::json!([{ "type_interaction": "inbound", "calls": 12 }]));

    let text = run(check_api(&folder, &[]));
    assert_eq!(text.status.code(), Some(0), "{text:?}");
    let text = String::from_utf8(text.stdout).expect("UTF-8");
    assert!(text.starts_with("ventas, abandoned: ok (ok)\n    13 rows in the last seven days"), "{text}");
    assert!(
        text.contains("\n    Skills: 4173 (3), 4174 (3), 4175 (2)") && text.contains("\n    Types: inbound (12)\n")
    );
    for personal in PERSONAL {
        assert!(!text.contains(personal), "{text}");
    }
    let asked = sim.requests();
    assert_eq!(asked.len(), 4, "one call for the report and one for the token, each time: {asked:?}");
    let left = fs::read_dir(folder.path()).expect("a folder").count();
    assert_eq!(left, 2, "the configuration and the token: nothing is left behind");
}

/// The exporter holds the token for most of the time.
#[test]
fn it_waits_for_its_turn_beside_a_running_exporter() {
    let slow = Case { fault: Some(Fault::SlowBody { seconds: 1 }), ..case("ventas", "") };
    let sim = simulated(&[slow], Report::Abandoned);
    let folder = Folder::new(&sim, &["interval: 1s", "settle: 0s"], |_| vec![]);
    let exporter = folder.serve();
    exporter.wait_for("a first poll", |scrape| {
        scrape.get("wolkvox_up", &[]).map(|_| ()).ok_or_else(|| "no poll has ended".to_owned())
    });
    let checks: Vec<_> = (0..3)
        .map(|_| {
            thread::spawn({
                let command = check_api(&folder, &["--json"]);
                move || told(&run(command))
            })
        })
        .collect();
    for check in checks {
        let objects = check.join().expect("no panic");
        assert_eq!(objects[0]["outcome"], "ok", "{objects:?}");
    }
    for request in sim.requests() {
        assert!(!request.overlapping, "{request:?}");
    }
    assert!(exporter.lines_with(&["level=warn", "lock"]).is_empty(), "{}", exporter.said());
}

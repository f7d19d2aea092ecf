//! The token and what belongs to callers are found nowhere: not in metrics, on the page, in logs at the most verbose
//! level, in the bytes of the ledger and of a copy of it, in what a reload answers, nor in what `check-config`, `check-api` and
//! `backup` print.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use simulator::call::{Call, Injected, RawRow};
use simulator::faults::{Armed, Fault};
use simulator::report::Report;

use crate::support::sim::{quiet, stream_of_calls};
use crate::support::{Child, Folder, Sim, child, http, run};

const DEFAULTS: [&str; 8] = [
    "reports: [abandoned, answered, totals]",
    "interval: 2s",
    "settle: 1s",
    "overlap: 2m",
    "answered_overlap: 2m",
    "hold: 0s",
    "max_catch_up: 74h",
    // Yesterday is known whole, so that its totals are asked for at once.
    "start: 73h",
];

/// No secret is shorter than this many bytes.
const BEGINNING: usize = 8;

/// Texts that look like nothing that a general rule would mask, so that only not writing them keeps them away.
const SKILL_OF_RAW_ROWS: &str = "4199";

#[test]
fn nothing_personal_and_no_token_leaves_the_process() {
    let sim = Sim::start(vec![quiet("ventas")]);
    let now = Timestamp::now();
    let calls: Vec<Call> = stream_of_calls(now - Duration::from_secs(20), Duration::from_millis(500), 200)
        .into_iter()
        .enumerate()
        .map(|(index, call)| Call {
            ani: format!("57300{:07}", 1_111_111 + index * 7_919),
            customer_id: format!("cc-{:06}-María", 100_003 + index * 6_151),
            ..call
        })
        .collect();
    sim.inject(calls.iter().cloned().map(Injected::from));
    // The same callers called again, and were answered, by an agent who has a number too.
    let answered = calls.iter().map(|call| Call {
        agent_id: format!("ag-{}", call.ani),
        conn_id: format!("{}7", call.conn_id),
        result: "CONTESTADA POR 573009998877".into(),
        in_abandoned: false,
        in_answered: true,
        ..call.clone()
    });
    sim.inject(answered.map(Injected::from));
    sim.inject(raw_rows(now).into_iter().map(Injected::from));
    let token = sim.token();
    let folder = Folder::new(&sim, &DEFAULTS, |_| vec![]);
    let mut texts = vec![("check-config".to_owned(), check_config(&folder))];

    let words = leaking_faults(&calls[0], &token).remove(0);
    sim.world().set_fault(Armed { report: Some(Report::Totals), ..Armed::new(words, Some(1)) });
    let mut command = folder.command();
    command.args(["--log.level", "trace", "--web.enable-lifecycle"]);
    let exporter = Child::start(command);
    // Messages with what a careless server might put into them, then what a good answer has, then an answer that breaks
    // off in the middle of a row.
    for fault in leaking_faults(&calls[0], &token) {
        for report in [Report::Abandoned, Report::Answered] {
            sim.world().set_fault(Armed { report: Some(report), ..Armed::new(fault.clone(), Some(1)) });
        }
    }
    exporter.wait_for("all faults to be over and calls to be counted", |scrape| {
        let left = sim.world().faults().len();
        let counted =
            ["wolkvox_abandoned_calls_total", "wolkvox_answered_calls_total"].map(|name| scrape.sum(name, &[]));
        let are_counted = counted.into_iter().all(|calls| calls >= 20.0);
        let totals = scrape.sum("wolkvox_polls_total", &[("report", "totals")]);
        if left == 0 && are_counted && totals > 0.0 {
            Ok(())
        } else {
            Err(format!("{left} faults left, {counted:?} calls, {totals} calls for totals"))
        }
    });
    texts.extend(answers(&exporter));
    texts.extend(reloads(&exporter, &folder, &token));
    texts.extend(answers(&exporter));
    texts.push(("backup".to_owned(), output_of(&folder, &["backup", "copy.db"])));
    texts.push(("the copy".to_owned(), read_bytes(&folder.path().join("copy.db"))));
    for fault in leaking_faults(&calls[0], &token) {
        sim.set_fault(fault.clone(), None);
        texts.push((format!("check-api --json and {fault:?}"), output_of(&folder, &["check-api", "--json"])));
        sim.clear_faults();
    }
    let checked = output_of(&folder, &["check-api"]);
    assert!(find(&checked, b"ventas, totals: ") && find(&checked, b"Types: "), "{}", String::from_utf8_lossy(&checked));
    texts.push(("check-api".to_owned(), checked));
    for file in ["ledger.db", "ledger.db-wal"] {
        texts.push((file.to_owned(), read_bytes(&folder.path().join(file))));
    }
    let (status, _, said) = exporter.terminate();
    assert_eq!(status.code(), Some(0), "{said}");
    assert!(said.contains("level=trace") || said.contains("level=debug"), "the log is not verbose:\n{said}");
    texts.push(("the log".to_owned(), said.into_bytes()));
    texts.push(("the closed ledger".to_owned(), read_bytes(&folder.ledger())));

    let sizes: Vec<_> = texts.iter().map(|(name, bytes)| (name, bytes.len())).collect();
    let ledger = &texts.iter().find(|(name, _)| name == "the closed ledger").expect("read just now").1;
    assert!(find(ledger, b"4173") && ledger.len() > 8_192, "the ledger has nothing in it: {sizes:?}");
    // By how they begin, so that one pass over a text looks for all of them.
    let secrets = secrets(&calls, &token);
    let mut beginning: HashMap<&[u8], Vec<&str>> = HashMap::new();
    for secret in &secrets {
        beginning.entry(&secret.as_bytes()[..BEGINNING]).or_default().push(secret);
    }
    for (place, bytes) in &texts {
        for (at, window) in bytes.windows(BEGINNING).enumerate() {
            for secret in beginning.get(window).into_iter().flatten() {
                let is_here = bytes[at..].starts_with(secret.as_bytes());
                assert!(!is_here, "{secret:?} is in {place}:\n{}", around(bytes, secret));
            }
        }
    }
}

/// The demo says its made-up token where it introduces itself, and nowhere else.
#[test]
fn the_demo_logs_no_token() {
    let demo = Child::start(child::command(&["demo", "--web.listen-address", "127.0.0.1:0", "--log.level", "trace"]));
    demo.wait_for("a poll", |scrape| match scrape.get("wolkvox_up", &[("report", "answered")]) {
        Some(1.0) => Ok(()),
        other => Err(format!("{other:?}")),
    });
    let mut bytes: Vec<u8> = answers(&demo).into_iter().flat_map(|(_, bytes)| bytes).collect();
    let (_, _, said) = demo.terminate();
    let introduction = said.lines().find(|line| line.starts_with("operation simulated (")).expect("it says its token");
    let token = introduction.rsplit(' ').next().expect("the last word").to_owned();
    assert_eq!(token.len(), 40, "{introduction}");
    bytes.extend(said.replacen(introduction, "", 1).into_bytes());
    assert!(!find(&bytes, token.as_bytes()), "{}", around(&bytes, &token));
}

/// Everything over HTTP, in every form and both languages.
fn answers(exporter: &Child) -> Vec<(String, Vec<u8>)> {
    const PROTOBUF: &str = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";
    let accepts = ["text/plain;version=0.0.4", "application/openmetrics-text;version=1.0.0", PROTOBUF];
    let mut texts = Vec::new();
    for accept in accepts {
        let response = exporter.get("/metrics", &[&format!("Accept: {accept}")]);
        assert_eq!(response.status, 200);
        let kind = accept.split(';').next().expect("a type");
        assert!(response.head.contains(kind), "asked for {kind}, got {}", response.head);
        assert!(!response.head.to_ascii_lowercase().contains("content-encoding"), "{}", response.head);
        texts.push((format!("/metrics as {kind}"), response.body));
        texts.push((format!("the head of /metrics as {kind}"), response.head.into_bytes()));
    }
    for language in ["es", "en"] {
        let response = exporter.get("/", &[&format!("Accept-Language: {language}")]);
        assert_eq!(response.status, 200);
        assert!(response.text().contains(&format!("lang=\"{language}\"")), "{}", response.text());
        texts.push((format!("the page in {language}"), response.body));
    }
    texts
}

/// Answers whose words have a caller's data and the token in them, as errors of a database or a proxy do.
fn leaking_faults(call: &Call, token: &str) -> Vec<Fault> {
    let words = format!(
        "no row for ani {} of customer {} ({}); token {token} seen, also {}",
        call.ani,
        call.customer_id.replace("-María", ""),
        call.conn_id,
        token.to_uppercase()
    );
    let status = |status, content_type: &str, body: String| Fault::Status {
        status,
        body,
        content_type: content_type.to_owned(),
        retry_after: None,
    };
    vec![
        Fault::Maintenance { msg: words.clone() },
        Fault::BodyCode { code: 500, msg: words.clone() },
        status(500, "text/plain", words.clone()),
        status(200, "text/plain", words.clone()),
        status(404, "text/html", format!("<html>{words}</html>")),
        Fault::Redirect { to: format!("https://example.com/?wolkvox-token={token}&ani={}", call.ani) },
        Fault::TruncatedJson,
        Fault::CutBody,
        Fault::BadRows,
    ]
}

/// Rows that can't be read, with data of callers where they are broken.
fn raw_rows(now: Timestamp) -> Vec<RawRow> {
    let date = |text: &str| {
        format!(
            "{{\"skill_name\":\"Ventas\",\"skill_id\":\"{SKILL_OF_RAW_ROWS}\",\"conn_id\":\"573009998877\",\
             \"date\":{text},\"result\":\"ABANDON\",\"ani\":\"573009998877\",\"customer_id\":\"cc-998877-María\"}}"
        )
    };
    let texts = [
        date("\"573009998877\""),
        date("[\"573009998877\"]"),
        "\"573009998877\"".to_owned(),
        "[573009998877,\"cc-998877-María\"]".to_owned(),
    ];
    let rows = texts.into_iter().flat_map(|text| {
        [Report::Abandoned, Report::Answered].map(|report| RawRow {
            report,
            at: now,
            text: text.clone(),
            visible_at: None,
        })
    });
    rows.collect()
}

fn secrets(calls: &[Call], token: &str) -> Vec<String> {
    let mut secrets = vec![token.to_owned(), token.to_uppercase(), "573009998877".into(), "cc-998877".into()];
    for call in calls {
        let customer = call.customer_id.replace("-María", "");
        secrets.extend([call.ani.clone(), customer, call.conn_id.clone()]);
    }
    secrets
}

/// What a reload answers: of a file that has the token where a file belongs, and of one that changes something.
fn reloads(exporter: &Child, folder: &Folder, token: &str) -> Vec<(String, Vec<u8>)> {
    let good = std::fs::read_to_string(folder.config()).expect("just written");
    let place = format!("token_file: {:?}", folder.token_file("ventas"));
    assert!(good.contains(&place), "{good}");
    let bad = good.replace(&place, &format!("token_file: {token:?}"));
    let changed = good.replace("hold: 0s", "hold: 1s");
    let reload = |(text, status)| {
        folder.write_config(text);
        let answer = http::post(exporter.address(), "/-/reload").expect("an answer");
        assert_eq!(answer.status, status, "{}", answer.text());
        (format!("the answer {status} of a reload"), answer.body)
    };
    [(bad.as_str(), 500), (changed.as_str(), 200)].map(reload).into()
}

fn check_config(folder: &Folder) -> Vec<u8> {
    output_of(folder, &["check-config"])
}

/// All that a command prints, at its most talkative.
fn output_of(folder: &Folder, command: &[&str]) -> Vec<u8> {
    let mut command = child::command(command);
    command.args(["--log.level", "trace", "--config.file"]).arg(folder.config()).current_dir(folder.path());
    let output = run(command);
    // 1 is for something to be done.
    assert!(matches!(output.status.code(), Some(0 | 1)), "{output:?}");
    [output.stdout, output.stderr].concat()
}

fn read_bytes(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn find(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// The line that has `part`, for the message of a failure.
fn around(bytes: &[u8], part: &str) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.lines().find(|line| line.contains(part)).unwrap_or_default().chars().take(500).collect()
}

//! Everything the API can do wrong: each fault has its outcome, each failed call its one line of log, and afterwards the
//! totals are the truth.

use std::time::Duration;

use jiff::Timestamp;
use simulator::OperationOptions;
use simulator::call::Injected;
use simulator::faults::{Armed, Fault};
use simulator::traffic::Lateness;

use crate::support::scrape::Scrape;
use crate::support::sim::{busy, quiet, stream_of_calls};
use crate::support::truth::{Cadence, wait_until_exact};
use crate::support::{Child, Folder, Sim, child, wait_for};

const CADENCE: Cadence = Cadence { interval: 2.0, settle: 1.0 };
const DEFAULTS: [&str; 5] = ["interval: 2s", "settle: 1s", "overlap: 2m", "hold: 0s", "max_catch_up: 10m"];

/// How many answers of an operation are spoilt. Three are one poll with its two retries; where no retry is made, each
/// is a poll of its own and followed by a pause.
fn spoilt(fault: &Fault, outcome: &str) -> u32 {
    match (fault, outcome) {
        (Fault::Oversized { .. }, _) | (_, "quota_exceeded") => 1,
        (_, "unauthorized" | "bad_request") => 2,
        _ => 3,
    }
}

/// A fault, and the outcome that its calls have.
fn table() -> Vec<(Fault, &'static str)> {
    let text = |text: &str| text.to_owned();
    let page = Fault::Status {
        status: 404,
        body: "<html>not here</html>".to_owned(),
        content_type: "text/html".to_owned(),
        retry_after: None,
    };
    let named = |name: &str| name.parse::<Armed>().expect("a fault").fault;
    vec![
        (named("status"), "server_error"),
        (page, "malformed"),
        (Fault::TokenMissing, "unauthorized"),
        (Fault::TokenRefused, "unauthorized"),
        (Fault::QuotaExceeded, "quota_exceeded"),
        (Fault::Busy, "busy"),
        (Fault::TooManyRequests { retry_after: 3 }, "busy"),
        (named("maintenance"), "maintenance"),
        (Fault::BadRequest, "bad_request"),
        (Fault::BodyCode { code: 500, msg: text("INTERNAL ERROR") }, "server_error"),
        (Fault::BodyCode { code: 403, msg: text("TOKEN LIMIT EXCEEDED") }, "quota_exceeded"),
        (Fault::Hang, "timeout"),
        (Fault::SlowBody { seconds: 20 }, "timeout"),
        (Fault::SlowBody { seconds: 1 }, "ok"),
        (Fault::Disconnect, "connect"),
        (Fault::CutBody, "malformed"),
        (Fault::TruncatedJson, "malformed"),
        (Fault::Html { status: 200 }, "malformed"),
        (Fault::Html { status: 502 }, "server_error"),
        (Fault::EmptyBody, "malformed"),
        (named("redirect"), "malformed"),
        (Fault::Oversized { bytes: 257 << 20 }, "malformed"),
        (Fault::Bom, "ok"),
        (Fault::PhpWarning, "ok"),
        (Fault::TrailingText, "ok"),
        (Fault::BadRows, "ok"),
        (Fault::DuplicateRows, "ok"),
        (Fault::MissingRows { rows: 1 }, "incomplete"),
        (Fault::OddTimes, "ok"),
        (Fault::OddNames, "ok"),
        (Fault::InvalidUtf8, "ok"),
    ]
}

/// An operation that has no calls at all, and one whose answers nobody spoils.
const NIGHT: &str = "night";

/// One operation for each fault, all at once, in one exporter.
#[test]
fn each_fault_has_its_outcome_and_leaves_no_trace_in_the_totals() {
    let cases: Vec<_> = table().into_iter().enumerate().map(|(at, case)| (format!("f{at:02}"), case)).collect();
    let names = cases.iter().map(|(name, _)| name.as_str()).chain([NIGHT]);
    let sim = Sim::start(names.map(quiet).collect());
    let inject = |count| {
        let calls = stream_of_calls(Timestamp::now(), Duration::from_millis(500), count);
        for (name, _) in &cases {
            let operation = sim.operation(name).expect("simulated");
            operation.inject(calls.iter().cloned().map(Injected::from));
        }
    };
    inject(20);
    let folder = Folder::new(&sim, &DEFAULTS, |name| {
        let fault = cases.iter().find(|case| case.0 == name).map(|(_, (fault, _))| fault);
        // Only where the API doesn't answer is the time-out short; elsewhere a busy machine must not run into it.
        let short = matches!(fault, Some(Fault::Hang | Fault::SlowBody { seconds: 20 }));
        vec![format!("timeout: {}", if short { "1s" } else { "75s" })]
    });
    let exporter = folder.serve();
    for (name, _) in &cases {
        exporter.wait_for(&format!("a first poll with rows of {name}"), |scrape| match polls(scrape, name, "ok") {
            0.0 => Err("none".to_owned()),
            _ => Ok(()),
        });
    }
    for (name, (fault, outcome)) in &cases {
        let answers = Some(spoilt(fault, outcome));
        sim.world().set_fault(Armed { operation: Some(name.clone()), ..Armed::new(fault.clone(), answers) });
    }
    // Those of before may all be counted by now; what is spoilt must be new to tell in the totals.
    inject(40);
    wait_for("all faults to be over", Duration::from_secs(150), || match sim.world().faults() {
        left if left.is_empty() => Ok(()),
        left => Err(format!("{left:?}")),
    });
    let healed = Timestamp::now();

    for (name, (fault, outcome)) in &cases {
        // The pause after a refusal, at most twelve windows, ends first.
        exporter.wait_for(&format!("{name} ({}) to be well again", fault.name()), |scrape| {
            let complete = scrape.value("wolkvox_complete_until_timestamp_seconds", &[("operation", name)]);
            let up = scrape.value("wolkvox_up", &[("operation", name)]);
            if up == 1.0 && complete >= healed.as_second() as f64 { Ok(()) } else { Err(format!("up {up}")) }
        });
        if !matches!(fault, Fault::OddTimes) {
            wait_until_exact(&exporter, &sim, name, CADENCE, healed);
        }
        check_outcomes(&exporter, name, fault, outcome);
    }
    let scrape = exporter.scrape();
    check_rows(&scrape, &cases);
    check_night(&exporter, &scrape);
    assert!(!exporter.said().contains("panicked"), "{}", exporter.said());
    let (status, _, said) = exporter.terminate();
    assert_eq!(status.code(), Some(0), "{said}");
}

/// The calls that a fault spoilt are under its outcome, no others failed, and each has a line of its own in the log.
fn check_outcomes(exporter: &Child, name: &str, fault: &Fault, outcome: &str) {
    let scrape = exporter.scrape();
    let what = fault.name();
    let spoilt = f64::from(spoilt(fault, outcome));
    let is_success = outcome == "ok";
    let mut failed = 0.0;
    for sample in scrape.all("wolkvox_polls_total", &[("operation", name)]) {
        let label = sample.labels["outcome"].as_str();
        if matches!(label, "ok" | "empty") {
            continue;
        }
        failed += sample.value;
        // A call that its client has given up may still hold the token when the next one comes.
        let after_a_timeout = outcome == "timeout" && matches!(label, "busy" | "timeout");
        if label == outcome {
            // The parts of an incomplete answer may be empty, and so have no rows to lose.
            let least = if matches!(outcome, "timeout" | "incomplete") { 1.0 } else { spoilt };
            assert!(sample.value >= least, "{name}, {what}: {outcome} {} of {spoilt}", sample.value);
            assert!(sample.value <= spoilt || after_a_timeout, "{name}, {what}: {outcome} {}", sample.value);
        } else if !after_a_timeout {
            assert_eq!(sample.value, 0.0, "{name}, {what}, wants {outcome}: also {label}");
        }
    }
    let of = format!("operation={name} ");
    let mut lines = exporter.lines_with(&[&of, "level=warn"]);
    if matches!(fault, Fault::BadRows) {
        // Before calls pile up, the bad rows are the most; that is said once.
        lines.retain(|line| !line.contains("most rows of the answer"));
    }
    let retries = exporter.lines_with(&[&of, "trying again in"]);
    if is_success {
        assert!(lines.is_empty() && retries.is_empty(), "{name}, {what}: {lines:?} {retries:?}");
        return;
    }
    // An incomplete answer is read again in parts: there the poll has the line, not each call.
    if outcome != "incomplete" {
        assert_eq!((lines.len() + retries.len()) as f64, failed, "{name}, {what}: {lines:?} {retries:?}");
    }
    assert!(lines.len() as f64 <= failed, "{name}, {what}: {lines:?}");
    for line in lines {
        let words = line.split("error=\"").nth(1).unwrap_or_default().split_whitespace().count();
        assert!(words >= 3, "{name}, {what}: hardly words in {line}");
    }
}

/// What the faults of rows leave in the counters of rows.
fn check_rows(scrape: &Scrape, cases: &[(String, (Fault, &str))]) {
    let name_of = |wanted: &str| &cases.iter().find(|(_, (fault, _))| fault.name() == wanted).expect("in the table").0;
    let bad = name_of("bad_rows").as_str();
    for reason in ["date", "shape", "range"] {
        let labels = [("operation", bad), ("reason", reason)];
        assert!(scrape.value("wolkvox_rows_rejected_total", &labels) >= 1.0, "none is rejected for its {reason}");
    }
    let rejected = scrape.value("wolkvox_rows_total", &[("operation", bad), ("disposition", "rejected")]);
    assert_eq!(scrape.sum("wolkvox_rows_rejected_total", &[("operation", bad)]), rejected);

    let odd = [("operation", name_of("odd_times").as_str())];
    let without_time = scrape.value("wolkvox_abandon_time_unreadable_total", &odd);
    assert!(without_time >= 1.0, "no unreadable time");
    let calls = scrape.sum("wolkvox_abandoned_calls_total", &odd);
    assert_eq!(calls, scrape.sum("wolkvox_abandon_time_seconds_count", &odd) + without_time);
}

/// An empty window is the normal answer at night, and a success.
fn check_night(exporter: &Child, scrape: &Scrape) {
    let night = [("operation", NIGHT)];
    let empty = polls(scrape, NIGHT, "empty");
    assert!(empty >= 10.0, "{empty} windows");
    assert_eq!(scrape.sum("wolkvox_polls_total", &night), empty, "every poll was empty");
    assert_eq!(scrape.value("wolkvox_up", &night), 1.0);
    assert_eq!(scrape.value("wolkvox_catching_up", &night), 0.0);
    let success = scrape.value("wolkvox_last_success_timestamp_seconds", &night);
    assert_eq!(success, scrape.value("wolkvox_last_poll_timestamp_seconds", &night));
    assert_eq!(exporter.lines_with(&["operation=night ", "level=warn"]), Vec::<String>::new());
}

/// Pauses after refusals double; a token that has changed ends them within ten seconds.
#[test]
fn a_changed_token_file_ends_the_pause() {
    let sim = Sim::start(vec![quiet("ventas")]);
    let folder = Folder::new(&sim, &DEFAULTS, |_| vec![]);
    sim.first().set_token(Some("b".repeat(40)));
    let exporter = folder.serve();
    // The refusals come 1, 2, 4 and 8 windows apart. After the fourth the pause is 16 s.
    let refusals = wait_for("four refusals", Duration::from_secs(120), || match sim.requests() {
        requests if requests.len() >= 4 => Ok(requests),
        requests => Err(format!("{}", requests.len())),
    });
    let gaps: Vec<f64> = refusals
        .windows(2)
        .map(|pair| pair[1].at.duration_since(pair[0].at).as_secs_f64() / CADENCE.interval)
        .collect();
    for (gap, least) in gaps.iter().zip([0.0, 1.5, 3.5]) {
        assert!(*gap >= least, "pauses of {gaps:?} windows");
    }
    let scrape =
        exporter.wait_for("four refusals to be counted", |scrape| match polls(scrape, "ventas", "unauthorized") {
            4.0 => Ok(scrape.clone()),
            other => Err(format!("{other}")),
        });
    assert_eq!(scrape.value("wolkvox_up", &[("operation", "ventas")]), 0.0);

    folder.write_token("ventas", &format!("{}\n", "b".repeat(40)));
    let changed = Timestamp::now();
    exporter.wait_for("the next success", |scrape| match polls(scrape, "ventas", "empty") {
        0.0 => Err("none yet".to_owned()),
        _ => Ok(()),
    });
    let asked = sim.requests()[4].at;
    let took = asked.duration_since(changed).as_secs_f64();
    assert!((0.0..10.0).contains(&took), "the new token was tried after {took} s");
    assert_eq!(exporter.wait_for_lines(1, &["the token has changed"]).len(), 1, "{}", exporter.said());
}

/// An empty token file is a refusal without a call.
#[test]
fn without_a_token_nothing_is_asked() {
    let sim = Sim::start(vec![quiet("ventas")]);
    let folder = Folder::new(&sim, &DEFAULTS, |_| vec![]);
    folder.write_token("ventas", " \n");
    let exporter = folder.serve();
    exporter.wait_for("a refusal", |scrape| match polls(scrape, "ventas", "unauthorized") {
        0.0 => Err("none yet".to_owned()),
        _ => Ok(()),
    });
    assert_eq!(sim.requests(), []);
    // One at the start, which looks at the token, and one of the poll, which is told of after it has been counted.
    exporter.wait_for_lines(1, &["the poll failed"]);
    assert_eq!(exporter.lines_with(&["level=warn", "token"]).len(), 2, "{}", exporter.said());
    assert_eq!(exporter.lines_with(&["level=warn", "token", "the poll failed"]).len(), 1, "{}", exporter.said());
}

/// The server's wish is kept, also through what would have been retries.
#[test]
fn retry_after_is_kept() {
    let sim = Sim::start(vec![quiet("ventas")]);
    sim.set_fault(Fault::TooManyRequests { retry_after: 7 }, Some(1));
    let folder = Folder::new(&sim, &DEFAULTS, |_| vec![]);
    let exporter = folder.serve();
    exporter.wait_for("the next success", |scrape| match polls(scrape, "ventas", "empty") {
        0.0 => Err("none yet".to_owned()),
        _ => Ok(()),
    });
    let requests = sim.requests();
    let pause = requests[1].at.duration_since(requests[0].at).as_secs_f64();
    assert!(pause >= 7.0, "asked again after {pause} s");
    assert_eq!(requests[0].status, Some(429));
}

/// Two operations with one token share a queue: the API never sees two calls at once.
#[test]
fn one_token_is_never_used_twice_at_once() {
    let sim = Sim::start(vec![quiet("ventas")]);
    // Most of a window, so that both would ask at the same time if nothing kept them apart.
    sim.set_fault(Fault::SlowBody { seconds: 1 }, None);
    let now = Timestamp::now();
    let calls = stream_of_calls(now - Duration::from_secs(60), Duration::from_millis(500), 240);
    sim.inject(calls.into_iter().map(Injected::from));
    let folder = Folder::new(&sim, &DEFAULTS, |_| vec![]);
    let config = std::fs::read_to_string(folder.config()).expect("written just now");
    let (head, operation) = config.split_once("operations:\n").expect("a list of operations");
    let second = operation.replace("name: \"ventas\"", "name: \"tambien\"");
    folder.write_config(&format!("{head}operations:\n{operation}{second}"));

    let exporter = folder.serve();
    exporter.wait_for("eight calls", |scrape| {
        let calls = ["ventas", "tambien"].map(|name| scrape.sum("wolkvox_polls_total", &[("operation", name)]));
        if calls.iter().all(|calls| *calls >= 4.0) { Ok(()) } else { Err(format!("{calls:?}")) }
    });
    let requests = sim.requests();
    assert!(requests.len() >= 8);
    assert!(!requests.iter().any(|request| request.overlapping), "{requests:#?}");
    assert_eq!(exporter.scrape().sum("wolkvox_polls_total", &[("outcome", "busy")]), 0.0);
}

/// A wrong zone shows in the first minute: a gauge, and one warning that names a zone that would fit.
#[test]
fn a_wrong_zone_is_noticed() {
    let calls = OperationOptions { rate: 20.0, ..busy("ventas", 3, Lateness::default(), Duration::from_secs(60)) };
    let sim = Sim::start(vec![calls]);
    let zone = sim.first().zone().iana_name().expect("a named zone").to_owned();
    let other = if zone == "Asia/Tokyo" { "Europe/Madrid" } else { "Asia/Tokyo" };
    sim.set_fault(Fault::WrongZone { zone: other.to_owned() }, None);
    let folder = Folder::new(&sim, &DEFAULTS, |_| vec![]);
    let exporter = folder.serve();
    let labels = [("operation", "ventas")];
    let scrape = exporter.wait_for("the mismatch", |scrape| match scrape.value("wolkvox_timezone_mismatch", &labels) {
        1.0 => Ok(scrape.clone()),
        other => Err(format!("{other}")),
    });
    let offset = if other == "Asia/Tokyo" { 9.0 * 3_600.0 } else { offset_of(other) };
    assert_eq!(scrape.value("wolkvox_observed_utc_offset_seconds", &labels), offset);
    exporter.wait_for("two polls", |scrape| {
        let calls = scrape.sum("wolkvox_polls_total", &labels);
        if calls >= 2.0 { Ok(()) } else { Err(format!("{calls}")) }
    });
    let lines = exporter.wait_for_lines(1, &["level=warn", "configured time zone"]);
    assert_eq!(lines.len(), 1, "{}", exporter.said());
    assert!(lines[0].contains("zones_that_fit="), "{}", lines[0]);
    for (lang, badge) in [("en", "wrong time zone"), ("es", "zona horaria equivocada")] {
        let page = exporter.get(&format!("/?lang={lang}"), &[]).text();
        assert!(page.contains(&format!(">{badge}</span>")), "{page}");
    }
}

fn offset_of(zone: &str) -> f64 {
    let zone = jiff::tz::TimeZone::get(zone).expect("a zone that exists");
    f64::from(zone.to_offset(Timestamp::now()).seconds())
}

fn polls(scrape: &Scrape, operation: &str, outcome: &str) -> f64 {
    scrape.value("wolkvox_polls_total", &[("operation", operation), ("outcome", outcome)])
}

/// Nobody listens there: each poll fails as `connect`, the exporter keeps answering, and doesn't say that anything is
/// complete.
#[test]
fn a_server_that_is_not_there_is_told_in_words() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let token = folder.path().join("token");
    std::fs::write(&token, "a".repeat(40)).expect("a folder of this test");
    let mut command = child::command(&["--web.listen-address", "127.0.0.1:0", "--wolkvox.timezone", "UTC"]);
    command.args(["--wolkvox.server", "http://127.0.0.1:1", "--wolkvox.operation", "ventas", "--wolkvox.token-file"]);
    command.arg(&token).current_dir(folder.path());
    let exporter = Child::start(command);
    exporter.wait_for("calls that could not connect", |scrape| {
        match scrape.get("wolkvox_polls_total", &[("operation", "ventas"), ("outcome", "connect")]) {
            Some(calls) if calls >= 1.0 => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
    exporter.wait_for_lines(1, &["outcome=connect", "nothing takes calls"]);
    assert_eq!(exporter.get("/-/healthy", &[]).status, 200);
    for (lang, words, complete) in [
        ("en", "Nothing has been read yet.", "complete up to"),
        ("es", "Todavía no se ha leído nada.", "completos hasta"),
    ] {
        let page = exporter.get(&format!("/?lang={lang}"), &[]).text();
        assert!(page.contains(words) && !page.contains(complete), "{page}");
    }
}

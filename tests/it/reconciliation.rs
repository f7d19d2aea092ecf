//! The vendor's own totals of a day beside what was counted of it: a day that ends while the exporter runs, with an outage,
//! late rows, a kill and a restart.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use simulator::call::{Call, Injected};
use simulator::faults::{Armed, Fault};
use simulator::options::Clock;
use simulator::quirks::{Quirks, TotalsOf};
use simulator::report::Report;

use crate::support::host_clock::HostClock;
use crate::support::page::section;
use crate::support::scrape::{Scrape, check_with_promtool};
use crate::support::sim::{quiet, stream_of_calls};
use crate::support::{Child, Folder, Sim};

/// Until the day ends: enough for a first read, an outage, a kill and a restart. On a slow machine some of them come later.
const BEFORE_MIDNIGHT: SignedDuration = SignedDuration::from_secs(16);
const OUTAGE: Duration = Duration::from_secs(3);

/// All calls counted; a row that the report lacks; an answer to the totals with telephone calls only; one skill that is
/// counted; a server that refuses the report of totals, and one that says so by the words for no calls.
const OPERATIONS: [&str; 6] = ["ventas", "falta", "voz", "una", "niega", "calla"];

#[test]
fn a_day_is_compared_once_it_is_over_and_to_the_call() {
    let zone = TimeZone::get("America/Bogota").expect("a zone that exists");
    let now = Timestamp::now();
    let tomorrow = zone.to_datetime(now).date().tomorrow().expect("tomorrow");
    let beginning = |day: Date| zone.to_timestamp(day.at(0, 0, 0, 0)).expect("midnight");
    let midnight = beginning(tomorrow);
    let ahead = SignedDuration::from_secs((midnight - BEFORE_MIDNIGHT).duration_since(now).as_secs());
    let day = (beginning(tomorrow.yesterday().expect("today")), midnight);

    let sim = sim(ahead, midnight);
    let lost = spoil(&sim, day);
    let defaults = [
        "reports: [abandoned, answered, totals]",
        "interval: 1s",
        "settle: 1s",
        "overlap: 5s",
        "answered_overlap: 8s",
        "hold: 0s",
        "start: 25h",
        "max_catch_up: 26h",
    ];
    let own = |name: &str| if name == "una" { vec!["skills: [\"4173\"]".to_owned()] } else { Vec::new() };
    let folder = Folder::new(&sim, &defaults, own);
    let clock = HostClock::new(&folder, &format!("+{}", ahead.as_secs()));
    let serve = || Child::start(clock.of(folder.command()));

    let exporter = serve();
    exporter.wait_for("the first reads", |scrape| {
        let read =
            OPERATIONS.iter().filter(|name| scrape.sum("wolkvox_answered_calls_total", &[("operation", name)]) > 0.0);
        match read.count() {
            6 => Ok(()),
            read => Err(format!("{read} have been read")),
        }
    });
    let scrape = exporter.scrape();
    assert_eq!(scrape.all("wolkvox_reconciled_day_timestamp_seconds", &[]).count(), 0, "no day is over");
    assert!(page(&exporter, "ventas", "en").contains("No day has been compared yet."));
    sim.refuse_connections(OUTAGE);
    exporter.kill();
    let exporter = serve();
    exporter.wait_for("a poll that fails", |scrape| {
        match scrape.sum("wolkvox_polls_total", &[("outcome", "connect")]) {
            0.0 => Err("none".to_owned()),
            _ => Ok(()),
        }
    });
    exporter.terminate();
    let exporter = serve();
    let scrape = exporter.wait_for("all to have asked for the totals", |scrape| {
        let ups = OPERATIONS.map(|name| scrape.get("wolkvox_up", &[("operation", name), ("report", "totals")]));
        if ups.iter().all(Option::is_some) { Ok(scrape.clone()) } else { Err(format!("{ups:?}")) }
    });
    check_with_promtool(&scrape.text);

    let truth = |name: &str, report: Report| -> BTreeMap<String, f64> {
        let mut truth = BTreeMap::new();
        for call in sim.operation(name).expect("simulated").truth(day.0, day.1) {
            let is_of = if report == Report::Abandoned { call.is_abandoned() } else { call.is_answered() };
            if is_of && (name != "voz" || call.type_interaction == "inbound") {
                *truth.entry(call.skill_id.to_string()).or_default() += 1.0;
            }
        }
        truth.retain(|skill, _| name != "una" || skill == "4173");
        truth
    };
    for name in ["ventas", "falta", "voz", "una"] {
        let operation = [("operation", name)];
        assert_eq!(scrape.value("wolkvox_reconciled_day_timestamp_seconds", &operation), day.0.as_second() as f64);
        for (label, report) in [("abandoned", Report::Abandoned), ("answered", Report::Answered)] {
            let truth = truth(name, report);
            assert!(!truth.is_empty());
            let labels = [operation[0], ("report", label)];
            let calls = scrape.value("wolkvox_reconciliation_vendor_calls", &labels);
            assert_eq!(calls, truth.values().sum::<f64>(), "{name} {label}");
            let differences = differences(&scrape, name, label);
            assert!(truth.keys().all(|skill| differences.contains_key(skill)), "{name} {label}: {differences:?}");
            for (skill, difference) in &differences {
                let expected = f64::from((name, label, skill) == ("falta", "abandoned", &lost));
                assert_eq!(*difference, expected, "{name} {label} {skill}: {}", exporter.said());
            }
        }
        assert_eq!(polls(&scrape, name, "ok"), 1.0);
    }
    assert_eq!(differences(&scrape, "una", "abandoned").len(), 1, "what is not counted is not compared");
    for (name, outcome, up) in [("niega", "bad_request", 0.0), ("calla", "empty", 1.0)] {
        assert!(differences(&scrape, name, "abandoned").is_empty(), "nothing is known, and nothing shown");
        assert!(scrape.get("wolkvox_reconciled_day_timestamp_seconds", &[("operation", name)]).is_none());
        assert_eq!(scrape.value("wolkvox_up", &[("operation", name), ("report", "totals")]), up);
        assert_eq!(polls(&scrape, name, outcome), 1.0);
    }
    for (name, english, spanish) in [
        ("ventas", "They agree with what was counted, to the call.", "Coinciden con lo contado, llamada por llamada."),
        ("falta", "They differ from what was counted in 1 of", "Difieren de lo contado en 1 de"),
        ("voz", "The differences are by: telephone.", "Las diferencias son según: solo telefonía."),
        ("una", "They are outside `skills`", "Están fuera de `skills`"),
        ("niega", "brought nothing that can be compared", "no trajo nada que se pueda comparar"),
        ("calla", "That proves nothing", "Eso no prueba nada"),
    ] {
        assert!(page(&exporter, name, "en").contains(english), "{name}: {}", page(&exporter, name, "en"));
        assert!(page(&exporter, name, "es").contains(spanish), "{name}");
    }
    assert!(page(&exporter, "falta", "en").contains(&format!("{lost} +1.")));

    // What was compared is there at once after a restart, and nothing is asked for again.
    exporter.terminate();
    let asked = || sim.requests().iter().filter(|request| request.report == Some(Report::Totals)).count();
    let before = asked();
    let exporter = serve();
    let again = exporter.scrape();
    for name in OPERATIONS {
        for label in ["abandoned", "answered"] {
            assert_eq!(differences(&again, name, label), differences(&scrape, name, label), "{name} {label}");
        }
    }
    assert_eq!(polls(&again, "niega", "bad_request"), 1.0);
    exporter.wait_for("polls after the restart", |scrape| {
        let ups = OPERATIONS.map(|name| scrape.get("wolkvox_up", &[("operation", name), ("report", "answered")]));
        if ups.iter().all(|up| *up == Some(1.0)) { Ok(()) } else { Err(format!("{ups:?}")) }
    });
    assert_eq!(asked(), before);
    assert!(!sim.requests().iter().any(|request| request.overlapping));
}

#[test]
fn a_refused_token_pauses_the_totals_too_and_another_one_ends_the_pause() {
    let sim = Sim::start(vec![quiet("ventas")]);
    let now = Timestamp::now();
    let calls = stream_of_calls(now - SignedDuration::from_hours(60), Duration::from_secs(900), 240);
    sim.inject(calls.into_iter().map(Injected::from));
    // Yesterday is read whole; pauses are long.
    let defaults = [
        "reports: [abandoned, answered]",
        "interval: 5s",
        "settle: 0s",
        "overlap: 5s",
        "hold: 0s",
        "start: 73h",
        "max_catch_up: 74h",
    ];
    let folder = Folder::new(&sim, &defaults, |_| vec![]);
    let exporter = folder.serve();
    let up = |scrape: &Scrape, report: &str| scrape.get("wolkvox_up", &[("report", report)]);
    exporter.wait_for("all to be read", |scrape| match ["abandoned", "answered"].map(|report| up(scrape, report)) {
        [Some(1.0), Some(1.0)] if scrape.sum("wolkvox_abandoned_calls_total", &[]) >= 200.0 => Ok(()),
        ups => Err(format!("{ups:?}")),
    });
    exporter.terminate();

    sim.operation("ventas").expect("simulated").set_token(Some("a-new-one".to_owned()));
    let before = sim.requests().len();
    let alone = std::fs::read_to_string(folder.config()).expect("just written");
    folder.write_config(&alone.replace("[abandoned, answered]", "[abandoned, answered, totals]"));
    let exporter = folder.serve();
    let reports = ["abandoned", "answered", "totals"];
    let refusals = |scrape: &Scrape| {
        reports.map(|report| scrape.value("wolkvox_polls_total", &[("report", report), ("outcome", "unauthorized")]))
    };
    // By then the token was tried again.
    let told = exporter.wait_for("all to hear of it, and one twice", |scrape| {
        let told = refusals(scrape);
        let all = told.iter().all(|told| *told >= 1.0) && told[0] >= 2.0;
        if all { Ok(told) } else { Err(format!("{told:?}")) }
    });
    let asked: Vec<_> = sim.requests()[before..].iter().map(|request| (request.report, request.status)).collect();
    assert_eq!(told[2], 1.0, "the totals are not asked for again before the token is another one: {told:?}");
    assert!(asked.iter().all(|(_, status)| matches!(status, Some(401 | 403))), "{asked:?}");
    // One of the three asks, and the others hear of it.
    assert!(asked.len() as f64 <= told.iter().sum::<f64>() - 2.0, "{asked:?}, and {told:?} polls were told");
    exporter.wait_for_lines(1, &["not asked, for the report"]);

    folder.write_token("ventas", "a-new-one");
    let scrape = exporter.wait_at_most(Duration::from_secs(15), "all to go on", |scrape| {
        match reports.map(|report| up(scrape, report)) {
            [Some(1.0), Some(1.0), Some(1.0)] => Ok(scrape.clone()),
            ups => Err(format!("{ups:?}")),
        }
    });
    assert_eq!((refusals(&scrape)[2], polls(&scrape, "ventas", "ok")), (1.0, 1.0));
    assert!(!sim.requests().iter().any(|request| request.overlapping));
}

/// Operations whose time is `ahead`, with calls of the day before `midnight` and on: each third one is late.
fn sim(ahead: SignedDuration, midnight: Timestamp) -> Sim {
    let clock = Clock(Arc::new(move || Timestamp::now() + ahead));
    let sim = Sim::start_at(OPERATIONS.map(quiet).into(), clock);
    for name in OPERATIONS {
        let of_day = stream_of_calls(midnight - SignedDuration::from_hours(20), Duration::from_secs(300), 230);
        let around = stream_of_calls(midnight - SignedDuration::from_secs(30), Duration::from_millis(250), 400);
        let calls = of_day.into_iter().chain(around).enumerate().map(|(index, call)| {
            let late = SignedDuration::from_secs(if index % 3 == 0 { 3 } else { 0 });
            let type_interaction = if index % 4 == 0 { "chat-web" } else { "inbound" };
            // Of these there is no time that says when they began.
            Call {
                visible_at: call.at + late,
                type_interaction: type_interaction.into(),
                conn_id: format!("9{index}"),
                ..call
            }
        });
        let answered = |call: Call| {
            let (skill_id, conn_id) = (call.skill_id.clone(), format!("8{}", call.conn_id));
            Call {
                type_interaction: call.type_interaction,
                visible_at: call.visible_at,
                ..Call::answered(call.at, &skill_id, &conn_id, 12.0)
            }
        };
        let operation = sim.operation(name).expect("simulated");
        operation.inject(calls.flat_map(|call| [Injected::from(call.clone()), Injected::from(answered(call))]));
    }
    sim
}

/// Spoils what each operation is named for. Returns the skill that a row of `falta` is missing of.
fn spoil(sim: &Sim, (from, to): (Timestamp, Timestamp)) -> String {
    let armed = |name: &str, report, fault| {
        sim.world().set_fault(Armed {
            operation: Some(name.to_owned()),
            report: Some(report),
            ..Armed::new(fault, None)
        });
    };
    // Answers are dated by the simulator's clock.
    let head = Fault::Head { date: None, date_by: Some(0), age: None, retry_after: None, retry_at: None };
    sim.set_fault(head, None);
    let calls = sim.operation("falta").expect("simulated").truth(from, to);
    let lost = calls.iter().filter(|call| call.is_abandoned()).nth(100).expect("a call");
    armed("falta", Report::Abandoned, Fault::LeftOut { conn_id: lost.conn_id.clone() });
    let voice = Quirks { totals_of: TotalsOf::Voice, ..Quirks::default() };
    sim.operation("voz").expect("simulated").set_quirks(voice);
    armed("niega", Report::Totals, Fault::BadRequest);
    let nothing = r#"{"code":"404","error":true,"msg":"Validate dates entered","data":null}"#;
    let nothing = Fault::Status {
        status: 404,
        body: nothing.to_owned(),
        content_type: "application/json".to_owned(),
        retry_after: None,
    };
    armed("calla", Report::Totals, nothing);
    lost.skill_id.to_string()
}

fn differences(scrape: &Scrape, operation: &str, report: &str) -> BTreeMap<String, f64> {
    let labels = [("operation", operation), ("report", report)];
    let differences = scrape.all("wolkvox_reconciliation_difference_calls", &labels);
    differences.map(|sample| (sample.labels["skill_id"].clone(), sample.value)).collect()
}

fn polls(scrape: &Scrape, operation: &str, outcome: &str) -> f64 {
    let labels = [("operation", operation), ("report", "totals"), ("outcome", outcome)];
    scrape.value("wolkvox_polls_total", &labels)
}

/// What the page says of the abandoned calls of an operation.
fn page(exporter: &Child, operation: &str, lang: &str) -> String {
    let page = exporter.get(&format!("/?lang={lang}"), &[]).text();
    let section = section(&page, operation).unwrap_or_else(|| panic!("no section of {operation} in {page}"));
    section
        .replace("<code class=\"whole\">", "`")
        .replace("</code>", "`")
        .replace("<span class=\"whole\">", "")
        .replace("</span>", "")
}

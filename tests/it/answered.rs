//! The second report: answered calls are counted as exactly as abandoned ones, each report fails alone, and one that is
//! switched off for a while goes on where it was.

use std::time::Duration;

use jiff::Timestamp;
use simulator::call::{Call, Injected};
use simulator::faults::{Armed, Fault};
use simulator::report;

use crate::support::scrape::{Scrape, check_with_promtool};
use crate::support::sim::{quiet, stream_of_calls};
use crate::support::truth::{ABANDONED, ANSWERED, Cadence, Report, shown_of, wait_until_exact_of};
use crate::support::{Child, Folder, PATIENCE, Sim, wait_for};

const CADENCE: Cadence = Cadence { interval: 1.0, settle: 1.0 };
const DEFAULTS: [&str; 6] =
    ["reports: [abandoned, answered]", "interval: 1s", "settle: 1s", "overlap: 5s", "answered_overlap: 8s", "hold: 0s"];
const BOTH: [(&Report, report::Report); 2] =
    [(&ABANDONED, report::Report::Abandoned), (&ANSWERED, report::Report::Answered)];

/// Longer than any of these tests lasts.
const CALLS: usize = 600;

#[test]
fn both_are_exact_and_each_fails_alone() {
    let sim = sim();
    let folder = Folder::new(&sim, &DEFAULTS, |_| vec![]);
    let exporter = folder.serve();
    both_are_exact(&exporter, &sim);
    the_abandoned_calls_are_asked_for_first(&sim);

    let html = Fault::Html { status: 200 };
    let broken =
        Fault::Status { status: 500, body: String::new(), content_type: "text/plain".to_owned(), retry_after: None };
    let cases = [(1, broken, "server_error"), (0, html, "malformed"), (1, Fault::BadRequest, "bad_request")];
    for (failing, fault, outcome) in cases {
        let (other, _) = BOTH[1 - failing];
        let (report, asked) = BOTH[failing];
        let before = exporter.scrape();
        let failed = |scrape: &_| polls(scrape, report, outcome);
        let failed_before = failed(&before);
        sim.world().set_fault(Armed { report: Some(asked), ..Armed::new(fault, None) });
        let stood_at = exporter.wait_for("the report to fail", |scrape| match failed(scrape) - failed_before {
            0.0 => Err(format!("{} has not failed", report.name)),
            _ => Ok(complete_until(scrape, report)),
        });
        exporter.wait_for("the other one to go on", |scrape| {
            let (here, there) = (complete_until(scrape, report), complete_until(scrape, other));
            assert_eq!(here, stood_at, "{outcome} moves no cursor");
            if there >= here + 4.0 { Ok(()) } else { Err(format!("{} until {there}, not beyond {here}", other.name)) }
        });
        let scrape = exporter.scrape();
        assert_eq!(up(&scrape, report), 0.0, "{outcome}");
        assert_eq!(up(&scrape, other), 1.0, "{outcome}");
        assert_eq!(polls(&scrape, other, outcome), polls(&before, other, outcome));
        sim.clear_faults();
        both_are_exact(&exporter, &sim);
    }

    let before = exporter.scrape().ledger_counters();
    let (status, _, said) = exporter.terminate();
    assert_eq!(status.code(), Some(0), "{said}");
    let exporter = folder.serve();
    for (series, value) in exporter.scrape().ledger_counters() {
        assert!(before.get(&series).is_none_or(|before| value >= *before), "{series} fell to {value}");
    }
    both_are_exact(&exporter, &sim);
    let scrape = exporter.scrape();
    let sets = |name: &str| -> Vec<_> { scrape.all(name, &[]).map(|sample| sample.labels.clone()).collect() };
    assert_eq!(sets("wolkvox_abandoned_calls_total"), sets("wolkvox_answered_calls_total"));
    check_with_promtool(&scrape.text);
    assert!(!sim.requests().iter().any(|request| request.overlapping));
}

#[test]
fn a_refused_token_is_tried_by_one_and_another_one_ends_the_pause_of_both() {
    let sim = sim();
    // Pauses are long here.
    let defaults = ["reports: [abandoned, answered]", "interval: 5s", "settle: 1s", "overlap: 5s", "hold: 0s"];
    let folder = Folder::new(&sim, &defaults, |_| vec![]);
    let exporter = folder.serve();
    exporter.wait_for("both to be read", |scrape| {
        match BOTH.map(|(report, _)| scrape.get("wolkvox_up", &of(report))) {
            [Some(1.0), Some(1.0)] => Ok(()),
            up => Err(format!("{up:?}")),
        }
    });
    let before = sim.requests().len();
    sim.operation("ventas").expect("simulated").set_token(Some("a-new-one".to_owned()));
    exporter.wait_for("both to hear of it", |scrape| {
        let refused = BOTH.map(|(report, _)| polls(scrape, report, "unauthorized"));
        if refused.iter().all(|polls| *polls >= 2.0) { Ok(()) } else { Err(format!("{refused:?}")) }
    });
    let scrape = exporter.scrape();
    let told: f64 = BOTH.iter().map(|(report, _)| polls(&scrape, report, "unauthorized")).sum();
    let refused = sim.requests()[before..].iter().filter(|request| request.status == Some(401 | 403)).count() as f64;
    // Of each pair only one asked.
    assert!(refused <= told / 2.0 + 1.0, "{refused} calls were refused, {told} polls were told");
    exporter.wait_for_lines(2, &["report=answered", "not asked, for the report `abandoned`"]);
    folder.write_token("ventas", "a-new-one");
    exporter.wait_at_most(Duration::from_secs(15), "both to go on", |scrape| {
        match BOTH.map(|(report, _)| up(scrape, report)) {
            [1.0, 1.0] => Ok(()),
            up => Err(format!("{up:?}")),
        }
    });
}

#[test]
fn one_that_is_switched_on_later_begins_then_and_goes_on_after_it_was_off() {
    let sim = sim();
    let folder = Folder::new(&sim, &DEFAULTS, |_| vec![]);
    let both = std::fs::read_to_string(folder.config()).expect("just written");
    let alone = both.replace("reports: [abandoned, answered]", "reports: [abandoned]");
    let serve = |config: &str| {
        folder.write_config(config);
        folder.serve()
    };
    let exact = |exporter: &Child, report: &Report, until: Timestamp| {
        wait_until_exact_of(report, exporter, &sim, "ventas", CADENCE, until)
    };
    let exporter = serve(&alone);
    let first = exact(&exporter, &ABANDONED, Timestamp::now());
    assert!(!exporter.scrape().text.contains("wolkvox_answer"), "what is not switched on is not shown");
    exporter.terminate();

    let exporter = serve(&both);
    let second = exact(&exporter, &ANSWERED, Timestamp::now());
    assert!(second.start > first.start, "it begins when it is switched on");
    assert!(exact(&exporter, &ABANDONED, Timestamp::now()).start <= first.start);
    let shown = shown_of(&ANSWERED, &exporter.scrape(), "ventas");
    assert!(!shown.is_empty());
    exporter.terminate();

    let exporter = serve(&alone);
    exact(&exporter, &ABANDONED, Timestamp::now() + Duration::from_secs(4));
    assert!(!exporter.scrape().text.contains("wolkvox_answer"), "what is switched off is not shown");
    exporter.terminate();

    let exporter = serve(&both);
    for (series, counted) in &shown {
        let now = shown_of(&ANSWERED, &exporter.scrape(), "ventas");
        assert!(now.get(series).is_some_and(|now| now.calls >= counted.calls), "{series:?} has lost its total");
    }
    let again = exact(&exporter, &ANSWERED, Timestamp::now());
    assert_eq!(again.start, second.start, "all that was missed has been made good");
    both_are_exact(&exporter, &sim);
}

/// Two abandoned and four answered calls a second, of skills of which some are of one report only.
fn sim() -> Sim {
    let sim = Sim::start(vec![quiet("ventas")]);
    let now = Timestamp::now() - Duration::from_secs(2);
    sim.inject(stream_of_calls(now, Duration::from_millis(500), CALLS).into_iter().map(Injected::from));
    let answered = stream_of_calls(now, Duration::from_millis(250), 2 * CALLS).into_iter().enumerate();
    sim.inject(answered.map(|(number, call)| {
        let skill = (4171 + number % 4).to_string();
        // Its results have never been seen; one call is known to both reports, abandoned here and answered there.
        let result = ["answered", "CONTESTADA", "ABANDON"].get(number % 20).unwrap_or(&"ANSWER");
        Injected::from(Call {
            skill_id: skill.as_str().into(),
            skill_name: skill.as_str().into(),
            result: (*result).into(),
            in_abandoned: false,
            in_answered: true,
            ..call
        })
    }));
    sim
}

fn both_are_exact(exporter: &Child, sim: &Sim) {
    let until = Timestamp::now();
    for (report, _) in BOTH {
        wait_until_exact_of(report, exporter, sim, "ventas", CADENCE, until);
    }
}

/// Of each range that both were asked for.
fn the_abandoned_calls_are_asked_for_first(sim: &Sim) {
    let requests = wait_for("requests", PATIENCE, || match sim.requests() {
        requests if requests.len() > 10 => Ok(requests),
        requests => Err(format!("{}", requests.len())),
    });
    let place = |asked, end: &Option<String>| {
        requests.iter().position(|request| request.report == Some(asked) && request.date_end == *end)
    };
    let mut pairs = 0;
    for request in &requests {
        let places = [report::Report::Abandoned, report::Report::Answered].map(|asked| place(asked, &request.date_end));
        if let [Some(abandoned), Some(answered)] = places {
            assert!(abandoned < answered, "{request:?}");
            pairs += 1;
        }
    }
    assert!(pairs > 4, "{pairs} ranges were asked of both");
}

fn of(report: &Report) -> [(&'static str, &'static str); 2] {
    [("operation", "ventas"), ("report", report.name)]
}

fn up(scrape: &Scrape, report: &Report) -> f64 {
    scrape.value("wolkvox_up", &of(report))
}

fn complete_until(scrape: &Scrape, report: &Report) -> f64 {
    scrape.value("wolkvox_complete_until_timestamp_seconds", &of(report))
}

fn polls(scrape: &Scrape, report: &Report, outcome: &str) -> f64 {
    let [operation, report] = of(report);
    scrape.value("wolkvox_polls_total", &[operation, report, ("outcome", outcome)])
}

//! The server over a real socket.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

use self::client::{Answer, send};
use super::call::{Call, RawRow};
use super::faults::Fault;
use super::options::Clock;
use super::quirks::{EmptyForm, Quirks};
use super::report::Report;
use super::{Handle, OperationOptions, Options, Simulator};

mod client;

/// A Tuesday, 11:00 in Bogotá.
const NOW: &str = "2026-01-20T16:00:00Z";
const MORNING: &str = "date_ini=20260120080000&date_end=20260120105959";
/// Longer than any answer takes that comes at all.
const PATIENCE: Duration = Duration::from_secs(20);

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn options() -> Options {
    let now = at(NOW);
    let zone = TimeZone::get("America/Bogota").unwrap();
    Options {
        operations: vec![OperationOptions { rate: 3.0, ..OperationOptions::new("ventas", zone, 5, 4) }],
        clock: Clock(Arc::new(move || now)),
        ..Options::default()
    }
}

async fn ask_with(address: SocketAddr, token: &str, range: &str) -> Option<Answer> {
    ask_for(address, token, Report::Abandoned, range).await
}

async fn ask_for(address: SocketAddr, token: &str, report: Report, range: &str) -> Option<Answer> {
    let path = format!("{}?api={}&skill_id=all&{range}", report.path(), report.api());
    let token = if token.is_empty() { String::new() } else { format!("wolkvox-token: {token}\r\n") };
    send(address, format!("GET {path} HTTP/1.1\r\n{token}"), String::new()).await
}

async fn ask(simulator: &Handle) -> Answer {
    ask_with(simulator.address(), &simulator.token(), MORNING).await.unwrap()
}

async fn control(simulator: &Handle, method: &str, path: &str, body: &str) -> Answer {
    send(simulator.address(), format!("{method} /control/{path} HTTP/1.1\r\n"), body.to_owned()).await.unwrap()
}

/// Waits for what another task is about to do; fails after `PATIENCE`.
async fn until(condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("it happens in time");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rows_served_are_the_truth_that_is_visible() {
    let simulator = Simulator::start(options()).await.unwrap();
    let answer = ask(&simulator).await;
    assert_eq!(answer.status, 200);
    assert!(answer.headers.contains("transfer-encoding: chunked") && answer.whole);
    let truth = simulator.truth(at("2026-01-20T13:00:00Z"), at(NOW));
    assert!(truth.len() > 50, "{}", truth.len());
    let zone = TimeZone::get("America/Bogota").unwrap();
    let mut expected = BTreeMap::new();
    for call in truth.iter().filter(|call| call.visible_at <= at(NOW) && call.in_abandoned) {
        let date = zone.to_datetime(call.at).strftime("%Y-%m-%d %H:%M:%S").to_string();
        let time = call.waited.unwrap().to_string();
        let row = [&*call.skill_id, &call.result, &call.type_interaction, &time, &call.ani].map(str::to_owned);
        expected.insert((call.conn_id.clone(), date), row);
    }
    let mut served = BTreeMap::new();
    for row in answer.rows() {
        let text = |name: &str| row[name].as_str().unwrap().to_owned();
        let fields = ["skill_id", "result", "type_interaction", "abandon_time", "ani"].map(text);
        assert_eq!(served.insert((text("conn_id"), text("date")), fields), None);
    }
    assert_eq!(served, expected);
    assert_eq!(answer.msg(), format!("{} records were found", served.len()));

    // The control endpoint tells the same calls.
    let told = control(&simulator, "GET", "truth?from=2026-01-20T13%3A00%3A00Z&to=1768924800", "").await.json();
    let told: Vec<&str> = told.as_array().unwrap().iter().map(|call| call["conn_id"].as_str().unwrap()).collect();
    assert_eq!(told, truth.iter().map(|call| call.conn_id.as_str()).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_checked_rotated_and_revoked() {
    let simulator = Simulator::start(options()).await.unwrap();
    let (address, old) = (simulator.address(), simulator.token());
    let status = async |token: &str| {
        let answer = ask_with(address, token, MORNING).await.unwrap();
        (answer.status, answer.msg())
    };
    assert_eq!(status("").await, (401, "PLEASE ENTER THE WOLKVOX-TOKEN".to_owned()));
    assert_eq!(status("wrong").await, (403, "PLEASE VALIDATE TOKEN".to_owned()));
    assert_eq!(status(&old).await.0, 200);
    let new = control(&simulator, "POST", "token", "").await.json()["token"].as_str().unwrap().to_owned();
    assert_ne!(new, old);
    assert_eq!((status(&old).await.0, status(&new).await.0), (403, 200));
    control(&simulator, "POST", "token", r#"{"token":"mine"}"#).await;
    assert_eq!(status("mine").await.0, 200);
    control(&simulator, "DELETE", "token", "").await;
    assert_eq!(status("mine").await.0, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_used_by_one_call_at_a_time() {
    let simulator = Simulator::start(options()).await.unwrap();
    simulator.set_fault(Fault::Hang, Some(1));
    let (address, token) = (simulator.address(), simulator.token());
    let mut hanging = TcpStream::connect(address).unwrap();
    let path = format!("/api/v2/reports_manager.php?api=skill_2&skill_id=all&{MORNING}");
    write!(hanging, "GET {path} HTTP/1.1\r\nhost: x\r\nwolkvox-token: {token}\r\n\r\n").unwrap();
    until(|| simulator.requests().len() == 1).await;

    let second = ask(&simulator).await;
    assert_eq!(
        (second.status, second.msg().as_str()),
        (403, "EXCEEDS THE LIMIT OF SIMULTANEOUS REQUESTS PER TOKEN (2)")
    );
    let requests = simulator.requests();
    assert_eq!(
        (requests[0].status, requests[0].overlapping, &requests[0].faults[..]),
        (None, false, &["hang".to_owned()][..])
    );
    assert_eq!((requests[1].status, requests[1].overlapping), (Some(403), true));

    // The turn ends with the connection of the client that gave up.
    drop(hanging);
    let freed = async {
        while ask(&simulator).await.status != 200 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, freed).await.expect("the token is free again");
    // A client may call again as soon as it has the last byte.
    for _ in 0..50 {
        assert_eq!(ask(&simulator).await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_days_calls_are_used_up() {
    let mut options = options();
    options.operations[0].quota = Some(2);
    let simulator = Simulator::start(options).await.unwrap();
    let mut answers = Vec::new();
    for _ in 0..3 {
        answers.push(ask(&simulator).await);
    }
    assert_eq!(answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), [200, 200, 403]);
    assert_eq!(answers[2].msg(), "TOKEN LIMIT EXCEEDED");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_spoils_one_answer_as_it_says_and_the_next_is_whole() {
    let simulator = Simulator::start(options()).await.unwrap();
    let sound = ask(&simulator).await;
    for fault in Fault::catalogue() {
        let fault = match fault {
            // These would keep the test waiting; `hang` has a test of its own.
            Fault::Hang => continue,
            Fault::SlowBody { .. } => Fault::SlowBody { seconds: 1 },
            Fault::Oversized { .. } => Fault::Oversized { bytes: 1 << 20 },
            Fault::Head { .. } => Fault::Head {
                date: Some("Thu, 30 Dec 9999 21:59:57 GMT".to_owned()),
                date_by: None,
                age: Some("900".to_owned()),
                retry_after: None,
                retry_at: Some(0),
            },
            fault => fault,
        };
        let name = fault.name();
        simulator.set_fault(fault.clone(), Some(1));
        let answer = ask_with(simulator.address(), &simulator.token(), MORNING).await;
        let whole = answer.as_ref().is_some_and(|answer| answer.whole);
        let status = answer.as_ref().map(|answer| answer.status);
        let body = answer.as_ref().map(|answer| answer.body.clone()).unwrap_or_default();
        let msg = || answer.as_ref().unwrap().msg();
        match fault {
            Fault::Status { .. } => assert_eq!((status, body.len()), (Some(500), 0)),
            Fault::TokenMissing => assert_eq!((status, msg()), (Some(401), "PLEASE ENTER THE WOLKVOX-TOKEN".into())),
            Fault::TokenRefused => assert_eq!((status, msg()), (Some(403), "PLEASE VALIDATE TOKEN".into())),
            Fault::QuotaExceeded => assert_eq!((status, msg()), (Some(403), "TOKEN LIMIT EXCEEDED".into())),
            Fault::Busy => assert_eq!(status, Some(403)),
            Fault::Maintenance { msg: text } => assert_eq!((status, msg()), (Some(403), text)),
            Fault::BadRequest => assert_eq!(status, Some(400)),
            Fault::TooManyRequests { .. } => {
                assert_eq!(status, Some(429));
                assert!(answer.unwrap().headers.contains("retry-after: 10"));
            }
            Fault::BodyCode { .. } => {
                assert_eq!((status, &answer.unwrap().json()["code"]), (Some(200), &"500".into()));
            }
            Fault::Disconnect => assert_eq!(status, None),
            Fault::CutBody => assert!(!whole && !body.is_empty() && body.len() < sound.body.len()),
            Fault::TruncatedJson => assert!(whole && body.len() == sound.body.len() / 2),
            Fault::Html { .. } => assert!(body.starts_with(b"<!DOCTYPE html>")),
            Fault::Redirect { .. } => {
                assert_eq!(status, Some(302));
                assert!(answer.unwrap().headers.contains("location: https://example.com/login"));
            }
            Fault::EmptyBody => assert_eq!((status, body.len()), (Some(200), 0)),
            Fault::Oversized { bytes } => assert!(whole && body.len() as u64 == bytes),
            Fault::Bom => assert_eq!(body, [b"\xef\xbb\xbf".as_slice(), &sound.body].concat()),
            Fault::PhpWarning => assert!(body.starts_with(b"<br />") && body.ends_with(&sound.body)),
            Fault::TrailingText => assert!(body.starts_with(&sound.body) && body.len() > sound.body.len()),
            Fault::SlowBody { .. } => assert_eq!((whole, &body), (true, &sound.body)),
            Fault::BadRows => assert_eq!(answer.unwrap().rows().len(), sound.rows().len() + 13),
            Fault::DuplicateRows => assert_eq!(answer.unwrap().rows().len(), 2 * sound.rows().len()),
            Fault::OddNames => assert_eq!(answer.unwrap().rows().len(), sound.rows().len()),
            Fault::InvalidUtf8 => assert!(whole && std::str::from_utf8(&body).is_err()),
            Fault::MissingRows { .. } => {
                let answer = answer.unwrap();
                assert_eq!((answer.rows().len() + 1, answer.msg()), (sound.rows().len(), sound.msg()));
            }
            Fault::OddTimes => assert_ne!(body, sound.body),
            // Without a conn_id it is of no call.
            Fault::LeftOut { .. } => assert_eq!(body, sound.body),
            // Madrid's morning, as if it were the operation's: other calls, before dawn in Bogotá.
            Fault::WrongZone { .. } => assert_ne!(body, sound.body),
            Fault::Head { .. } => {
                let answer = answer.unwrap();
                assert_eq!(answer.body, sound.body);
                for header in ["date: thu, 30 dec 9999 21:59:57 gmt", "age: 900", "retry-after: "] {
                    assert!(answer.headers.contains(header), "{}", answer.headers);
                }
                assert_eq!(answer.headers.matches("date: ").count(), 1);
            }
            Fault::Hang => unreachable!("left out above"),
        }
        assert_eq!(simulator.requests().last().unwrap().faults, std::slice::from_ref(&name));
        assert_eq!(ask(&simulator).await.body, sound.body, "after {name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_body_takes_its_time() {
    let simulator = Simulator::start(options()).await.unwrap();
    simulator.set_fault(Fault::SlowBody { seconds: 1 }, None);
    let begun = std::time::Instant::now();
    assert!(ask(&simulator).await.whole);
    assert!(begun.elapsed() >= Duration::from_millis(900), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_and_rows_can_be_added() {
    let mut options = options();
    options.operations[0].rate = 0.0;
    let simulator = Simulator::start(options).await.unwrap();
    assert_eq!(ask(&simulator).await.status, 404);
    let call = Call::abandoned(at("2026-01-20T15:00:00Z"), "9", "1.2.3.1768921170.1", 30.0);
    simulator.inject([call.clone().into()]);
    let raw = RawRow { at: call.at, text: "{\"odd\":1}".into(), ..RawRow::default() };
    simulator.inject([raw.into()]);
    let added = r#"[{"at":"2026-01-20T15:30:00Z","skill_id":"9","abandon_time":12.5,"result":"ABANDON"},
                    {"at":1768923000,"visible_at":"2026-01-20T16:00:01Z","skill_id":"9"},
                    {"at":1768923000,"raw":"[1,2]"}]"#;
    assert_eq!(control(&simulator, "POST", "calls", added).await.json()["added"], 3);
    let rows = ask(&simulator).await.rows();
    assert_eq!(rows.len(), 4);
    assert!(rows.contains(&serde_json::json!({"odd": 1})) && rows.contains(&serde_json::json!([1, 2])));
    assert!(rows.iter().any(|row| row["abandon_time"] == "12.5"));
    // Raw rows are in no truth, calls that are not visible yet are.
    let truth = simulator.truth(at("2026-01-20T15:00:00Z"), at("2026-01-20T16:00:00Z"));
    assert_eq!(truth.len(), 3);
    assert_eq!(truth[0], call);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incident_can_be_made_to_happen_and_the_queue_shows_it() {
    let simulator = Simulator::start(options()).await.unwrap();
    let (from, to) = (at("2026-01-20T15:00:00Z"), at(NOW));
    let told = async || {
        let path = "queue?from=2026-01-20T15:00:00Z&to=2026-01-20T16:00:00Z&window=10m";
        control(&simulator, "GET", path, "").await.json().as_array().unwrap().clone()
    };
    let sum = |windows: &[Value], name: &str| windows.iter().map(|window| window[name].as_u64().unwrap()).sum::<u64>();
    let (before, usual) = (simulator.truth(from, to), told().await);
    assert_eq!((usual.len(), sum(&usual, "offered")), (4 * 6, before.len() as u64));
    assert!(usual.iter().all(|window| window["incident"].is_null()));

    let body = r#"{"factor":30,"cause":"agents","from":"2026-01-20T15:30:00Z","for":"10m"}"#;
    assert_eq!(control(&simulator, "POST", "incident", body).await.status, 200);
    let (after, unusual) = (simulator.truth(from, to), told().await);
    let abandoned = |calls: &[Call]| calls.iter().filter(|call| call.is_abandoned()).count() as u64;
    assert!(abandoned(&after) > abandoned(&before) + 20, "{} and then {}", abandoned(&before), abandoned(&after));
    assert_eq!(sum(&unusual, "abandoned"), abandoned(&after));
    let incident = |window: &Value| window["incident"].as_f64();
    for (window, usually) in unusual.iter().zip(&usual) {
        let during = window["window"] == at("2026-01-20T15:30:00Z").as_second();
        assert_eq!(incident(window), during.then_some(30.0));
        assert_eq!(
            window["agents"].as_f64() < usually["agents"].as_f64(),
            during && usually["agents"].as_f64() > Some(1.0)
        );
    }
    let incidents = control(&simulator, "GET", "incidents?from=1768921200&to=1768924800", "").await.json();
    let expected = serde_json::json!([{"skill": null, "factor": 30.0, "cause": "agents", "from": 1_768_923_000,
                                       "until": 1_768_923_600}]);
    assert_eq!(incidents, expected);
    for bad in [r#"{"factor":-1,"for":"10m"}"#, r#"{"factor":2,"for":"0s"}"#, r#"{"factor":2}"#] {
        assert_eq!(control(&simulator, "POST", "incident", bad).await.status, 400, "{bad}");
    }
    assert_eq!(control(&simulator, "GET", "queue?window=0s", "").await.status, 400);
    assert_eq!(control(&simulator, "GET", "queue?from=0&window=1s", "").await.status, 400);
}

/// What the three reports say of a day at one moment is one and the same, whatever the seed.
#[tokio::test(flavor = "multi_thread")]
async fn the_three_reports_say_the_same() {
    const DAY: &str = "date_ini=20260119000000&date_end=20260119235959";
    for (seed, rate, late_share) in [(1, 0.3, 0.0), (2, 1.0, 0.2), (3, 4.0, 0.0), (4, 2.0, 0.5)] {
        let mut options = options();
        let operation = &mut options.operations[0];
        (operation.seed, operation.rate, operation.strays, operation.incidents_per_week) = (seed, rate, 0.05, 5.0);
        (operation.lateness.late_share, operation.lateness.late) = (late_share, Duration::from_secs(86_400));
        operation.long_chats = 0.3;
        let simulator = Simulator::start(options).await.unwrap();
        let mut rows = Vec::new();
        for report in [Report::Abandoned, Report::Answered, Report::Totals] {
            rows.push(ask_for(simulator.address(), &simulator.token(), report, DAY).await.unwrap().rows());
        }
        let [abandoned, answered, totals] = &rows[..] else { unreachable!("three reports") };
        assert!(totals.len() == 5 - 1 && abandoned.len() > 20, "{} {}", totals.len(), abandoned.len());
        for total in totals {
            let of_skill = |rows: &[Value], time: &str, result: &str| -> Vec<f64> {
                let mut seen = std::collections::BTreeSet::new();
                rows.iter()
                    .filter(|row| row["skill_id"] == total["skill_id"])
                    .filter(|row| row["result"].as_str().unwrap().eq_ignore_ascii_case(result))
                    .inspect(|row| assert!(seen.insert((row["conn_id"].to_string(), row["date"].to_string())), "{row}"))
                    .map(|row| row[time].as_str().unwrap().parse().unwrap())
                    .collect()
            };
            let gave_up = of_skill(abandoned, "abandon_time", "abandon");
            let were_answered = of_skill(answered, "answer_time", "answer");
            let inbound = gave_up.len() + were_answered.len();
            let percent = |part: usize| {
                let hundredths = (part as f64 / inbound as f64 * 1e4).round();
                format!("{} %", hundredths / 1e2)
            };
            let mean = |times: &[f64]| (times.iter().sum::<f64>() / times.len().max(1) as f64).round().to_string();
            let within = |seconds: f64| percent(were_answered.iter().filter(|time| **time <= seconds).count());
            let expected = [
                ("inbound_calls", inbound.to_string()),
                ("answer_calls", were_answered.len().to_string()),
                ("abandon_calls", gave_up.len().to_string()),
                ("service_level_10seg", within(10.0)),
                ("service_level_20seg", within(20.0)),
                ("service_level_30seg", within(30.0)),
                ("abandon", percent(gave_up.len())),
                ("asa", mean(&were_answered)),
                ("ata", mean(&gave_up)),
            ];
            for (name, value) in expected {
                assert_eq!(total[name], *value, "{name} of {total}, seed {seed}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_can_spoil_one_report_and_leave_the_others() {
    let simulator = Simulator::start(options()).await.unwrap();
    let status = async |report| ask_for(simulator.address(), &simulator.token(), report, MORNING).await.unwrap().status;
    control(&simulator, "POST", "faults", r#"{"fault":"status","status":503,"report":"answered"}"#).await;
    for report in [Report::Abandoned, Report::Answered, Report::Totals, Report::TokenInfo] {
        assert_eq!(status(report).await, if report == Report::Answered { 503 } else { 200 }, "{report:?}");
    }
    let asked: Vec<_> = simulator.requests().into_iter().map(|request| request.report.unwrap()).collect();
    assert_eq!(asked, [Report::Abandoned, Report::Answered, Report::Totals, Report::TokenInfo]);
    let info = ask_for(simulator.address(), &simulator.token(), Report::TokenInfo, "").await.unwrap();
    assert_eq!(info.rows()[0]["token_use_today"], "5");
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_and_quirks_are_switched_by_the_control_endpoint() {
    let simulator = Simulator::start(options()).await.unwrap();
    let set = control(&simulator, "POST", "faults", r#"{"fault":"status","status":503,"answers":1}"#).await.json();
    assert_eq!(set["on"][0]["status"], 503);
    assert_eq!((ask(&simulator).await.status, ask(&simulator).await.status), (503, 200));
    control(&simulator, "POST", "faults", r#"{"fault":"maintenance"}"#).await;
    assert_eq!((ask(&simulator).await.status, ask(&simulator).await.status), (403, 403));
    control(&simulator, "DELETE", "faults", "").await;
    assert_eq!(ask(&simulator).await.status, 200);
    for (method, path, body, status) in [
        ("POST", "faults", r#"{"fault":"nothing"}"#, 400),
        ("POST", "faults", r#"{"fault":"hang","operation":"nobody"}"#, 404),
        ("PUT", "faults", "", 405),
        ("GET", "nothing", "", 404),
        ("GET", "truth?operation=nobody", "", 404),
        ("GET", "truth?from=yesterday", "", 400),
    ] {
        assert_eq!(control(&simulator, method, path, body).await.status, status, "{method} {path} {body}");
    }
    let catalogue = control(&simulator, "GET", "faults", "").await.json();
    assert_eq!(catalogue["all"].as_array().unwrap().len(), Fault::catalogue().len());

    control(&simulator, "PUT", "quirks", r#"{"empty":"array","code":"number"}"#).await;
    let night =
        ask_with(simulator.address(), &simulator.token(), "date_ini=20250101000000&date_end=20250101000000").await;
    let night = night.unwrap();
    assert_eq!((night.status, night.json()["code"].as_u64()), (200, Some(200)));
    assert_eq!(simulator.first().quirks().empty, EmptyForm::Array);
    simulator.first().set_quirks(Quirks::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn operations_are_told_apart_by_their_tokens() {
    let mut options = options();
    let zone = TimeZone::get("Europe/Madrid").unwrap();
    options.operations.push(OperationOptions { rate: 3.0, ..OperationOptions::new("soporte", zone, 6, 2) });
    let simulator = Simulator::start(options).await.unwrap();
    let token = simulator.operation("soporte").unwrap().token().unwrap();
    let other = ask_with(simulator.address(), &token, MORNING).await.unwrap();
    let skills: std::collections::BTreeSet<_> = other.rows().iter().map(|row| row["skill_id"].to_string()).collect();
    assert_eq!(skills.len(), 2);
    assert_ne!(other.body, ask(&simulator).await.body);
    let names: Vec<_> = simulator.requests().into_iter().map(|request| request.operation.unwrap()).collect();
    assert_eq!(names, ["soporte", "ventas"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_refused_for_a_while_and_then_taken_again() {
    let simulator = Simulator::start(options()).await.unwrap();
    let address = simulator.address();
    simulator.refuse_connections(Duration::from_millis(300));
    until(|| TcpStream::connect(address).is_err()).await;
    until(|| TcpStream::connect(address).is_ok()).await;
    assert_eq!(ask(&simulator).await.status, 200);
    simulator.shutdown().await;
    assert!(TcpStream::connect(address).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn options_that_can_t_be_are_refused() {
    let mut none = options();
    none.operations.clear();
    let mut twice = options();
    twice.operations.push(twice.operations[0].clone());
    let mut endless = options();
    endless.operations[0].rate = f64::INFINITY;
    for options in [none, twice, endless] {
        assert!(Simulator::start(options).await.is_err());
    }
}

//! The server over a real socket.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use self::client::{Answer, send};
use super::call::{Call, RawRow};
use super::faults::Fault;
use super::options::Clock;
use super::quirks::{EmptyForm, Quirks};
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
    let path = format!("/api/v2/reports_manager.php?api=skill_2&skill_id=all&{range}");
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
    for call in truth.iter().filter(|call| call.visible_at <= at(NOW)) {
        let date = zone.to_datetime(call.at).strftime("%Y-%m-%d %H:%M:%S").to_string();
        let time = call.abandon_time.unwrap().to_string();
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
    simulator.inject([RawRow { at: call.at, visible_at: None, text: "{\"odd\":1}".into() }.into()]);
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
async fn an_incident_can_be_made_to_happen() {
    let simulator = Simulator::start(options()).await.unwrap();
    let (from, to) = (at("2026-01-20T15:00:00Z"), at(NOW));
    let before = simulator.truth(from, to).len();
    let body = r#"{"factor":30,"from":"2026-01-20T15:30:00Z","for":"10m"}"#;
    assert_eq!(control(&simulator, "POST", "incident", body).await.status, 200);
    let after = simulator.truth(from, to);
    assert!(after.len() > before + 20, "{before} and then {}", after.len());
    for bad in [r#"{"factor":-1,"for":"10m"}"#, r#"{"factor":2,"for":"0s"}"#, r#"{"factor":2}"#] {
        assert_eq!(control(&simulator, "POST", "incident", bad).await.status, 400, "{bad}");
    }
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

use serde_json::Value;

use super::*;
use crate::quirks::{CodeForm, TimeForm};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn question(ini: &str, end: &str) -> Question {
    Question { skill: None, ini: ini.parse().unwrap(), end: end.parse().unwrap() }
}

/// Calls in Bogotá at 14:34:29, :30 and :31, the last one visible a minute later.
fn calls() -> Vec<Call> {
    let mut calls = vec![
        Call::abandoned(at("2026-01-18T19:34:29Z"), "4173", "1.2.3.1768764850.1", 19.0),
        Call::abandoned(at("2026-01-18T19:34:30Z"), "4174", "77", 3725.0),
        Call::abandoned(at("2026-01-18T19:34:31Z"), "4173", "1.2.3.1768764850.2", 21.0),
    ];
    calls[0].skill_name = "Retención/2 📞".into();
    calls[2].visible_at = at("2026-01-18T19:35:31Z");
    calls
}

fn ask(question: &Question, now: &str, quirks: &Quirks, faults: &[Fault]) -> Report {
    let zone = TimeZone::get("America/Bogota").unwrap();
    let calls = calls();
    report(calls.iter().map(Entry::Call), question, Setting { zone: &zone, now: at(now), quirks, faults })
}

const LATER: &str = "2026-01-18T20:00:00Z";

fn minute() -> Question {
    question("2026-01-18T14:34:00", "2026-01-18T14:34:59")
}

fn json(report: &Report) -> Value {
    serde_json::from_slice(&report.body).unwrap()
}

fn data(report: &Report) -> Vec<Value> {
    json(report)["data"].as_array().unwrap().clone()
}

#[test]
fn a_row_is_all_texts_and_msg_counts() {
    let quirks = Quirks { order: Order::Oldest, ..Quirks::default() };
    let answer = ask(&minute(), LATER, &quirks, &[]);
    assert_eq!((answer.status, answer.rows), (200, 3));
    let body = json(&answer);
    assert_eq!((&body["code"], &body["msg"]), (&"200".into(), &"3 records were found".into()));
    let expected = serde_json::json!({
        "skill_name": "Retención/2 📞", "skill_id": "4173", "conn_id": "1.2.3.1768764850.1",
        "date": "2026-01-18 14:34:29", "result": "ABANDON", "ani": "", "abandon_time": "19",
        "type_interaction": "inbound", "customer_id": ""
    });
    assert_eq!(body["data"][0], expected);
}

#[test]
fn only_what_is_visible_asked_for_and_of_the_skill_is_there() {
    let quirks = Quirks::default();
    assert_eq!(ask(&minute(), "2026-01-18T19:35:30.999Z", &quirks, &[]).rows, 2);
    assert_eq!(ask(&minute(), "2026-01-18T19:35:31Z", &quirks, &[]).rows, 3);
    assert_eq!(ask(&Question { skill: Some("4174".into()), ..minute() }, LATER, &quirks, &[]).rows, 1);
    assert_eq!(ask(&question("2026-01-18T14:34:30", "2026-01-18T14:34:30"), LATER, &quirks, &[]).rows, 1);
}

#[test]
fn the_end_is_included_or_not() {
    let until = question("2026-01-18T14:34:00", "2026-01-18T14:34:30");
    let rows = |date_end| ask(&until, LATER, &Quirks { date_end, ..Quirks::default() }, &[]).rows;
    assert_eq!((rows(DateEnd::Included), rows(DateEnd::Excluded)), (2, 1));
}

#[test]
fn an_answer_without_rows_has_many_forms() {
    let night = question("2026-01-18T02:00:00", "2026-01-18T02:04:59");
    let answer = |empty| ask(&night, LATER, &Quirks { empty, ..Quirks::default() }, &[]);
    let usual = answer(EmptyForm::NotFound);
    assert_eq!((usual.status, usual.rows, &json(&usual)["msg"]), (404, 0, &"Validate dates entered".into()));
    assert_eq!(
        (answer(EmptyForm::BodyCode).status, json(&answer(EmptyForm::BodyCode))["code"].clone()),
        (200, "404".into())
    );
    assert_eq!(answer(EmptyForm::NoBody), Report { status: 404, body: Vec::new(), rows: 0 });
    assert_eq!(json(&answer(EmptyForm::Null)).get("data"), Some(&Value::Null));
    assert_eq!(json(&answer(EmptyForm::Missing)).get("data"), None);
    assert_eq!(json(&answer(EmptyForm::Array))["data"], serde_json::json!([]));
}

#[test]
fn the_quirks_show() {
    let with = |change: fn(&mut Quirks)| {
        let mut quirks = Quirks { order: Order::Oldest, ..Quirks::default() };
        change(&mut quirks);
        ask(&minute(), LATER, &quirks, &[])
    };
    assert_eq!(json(&with(|quirks| quirks.code = CodeForm::Number))["code"], 200);
    assert_eq!(json(&with(|quirks| quirks.code = CodeForm::Missing)).get("code"), None);
    assert_eq!(json(&with(|quirks| quirks.code = CodeForm::Blank))["code"], "");
    assert_eq!(json(&with(|quirks| quirks.data = DataForm::Object))["data"]["1"]["conn_id"], "77");
    assert_eq!(json(&with(|quirks| quirks.msg = Some("ok".into())))["msg"], "ok");
    assert_eq!(data(&with(|quirks| quirks.order = Order::Newest))[0]["date"], "2026-01-18 14:34:31");
    let numbers = data(&with(|quirks| quirks.numbers = true));
    assert_eq!((&numbers[0]["skill_id"], &numbers[0]["abandon_time"]), (&4173.into(), &19.into()));
    for (form, text) in [(TimeForm::Decimal, "3725.0"), (TimeForm::Clock, "01:02:05"), (TimeForm::Minutes, "62:05")] {
        let quirks = Quirks { time: form, order: Order::Oldest, ..Quirks::default() };
        assert_eq!(data(&ask(&minute(), LATER, &quirks, &[]))[1]["abandon_time"], text);
    }
    let ascii = with(|quirks| quirks.ascii = true);
    assert!(ascii.body.is_ascii() && ascii.body.windows(2).any(|pair| pair == b"\\/"));
    assert_eq!(data(&ascii)[0]["skill_name"], "Retención/2 📞");
}

#[test]
fn faults_of_rows_spoil_what_they_say() {
    let quirks = Quirks { order: Order::Oldest, ..Quirks::default() };
    let spoilt = |fault| ask(&minute(), LATER, &quirks, &[fault]);
    assert_eq!(spoilt(Fault::DuplicateRows).rows, 6);
    let missing = spoilt(Fault::MissingRows { rows: 2 });
    assert_eq!((missing.rows, &json(&missing)["msg"]), (1, &"3 records were found".into()));
    let all_missing = spoilt(Fault::MissingRows { rows: 9 });
    assert_eq!((all_missing.status, all_missing.rows), (200, 0));
    let bad = data(&spoilt(Fault::BadRows));
    assert_eq!(bad.len(), 3 + 13);
    assert_eq!(bad[15]["date"], "2026-01-15 14:34:00");
    assert_eq!(data(&spoilt(Fault::OddTimes))[0]["abandon_time"], "NaN");
    assert_ne!(data(&spoilt(Fault::OddNames))[0]["skill_name"], "Retención/2 📞");
    assert!(std::str::from_utf8(&spoilt(Fault::InvalidUtf8).body).is_err());
}

#[test]
fn some_odd_name_has_ten_kilobytes() {
    let (zone, quirks) = (TimeZone::UTC, Quirks::default());
    let form = RowForm::new(&quirks, at(LATER), &[Fault::OddNames]);
    let longest = (4173..4180).map(|id| {
        let call = Call::abandoned(at(LATER), &id.to_string(), "", 1.0);
        form.write(&call, zone.to_datetime(call.at), 0).len()
    });
    assert!(longest.max().unwrap() > 10_000);
}

#[test]
fn a_result_can_be_corrected_later() {
    let mut call = Call::abandoned(at("2026-01-18T19:34:29Z"), "4173", "1", 19.0);
    call.corrected_at = Some(at("2026-01-18T19:40:00Z"));
    assert_eq!(call.result_at(at("2026-01-18T19:39:59Z")), "ANSWER");
    assert_eq!(call.result_at(at("2026-01-18T19:40:00Z")), "ABANDON");
}

#[test]
fn a_range_over_a_fold_finds_both_passes() {
    // Santiago's clock goes back an hour at 03:00 UTC.
    let zone = TimeZone::get("America/Santiago").unwrap();
    let twice = question("2026-04-04T23:30:00", "2026-04-04T23:30:59");
    let (from, to) = twice.reach(&zone);
    assert_eq!((from, to), (at("2026-04-05T02:30:00Z"), at("2026-04-05T03:31:00Z")));
    let calls = ["2026-04-05T02:30:10Z", "2026-04-05T03:00:00Z", "2026-04-05T03:30:10Z"]
        .map(|text| Call::abandoned(at(text), "1", text, 1.0));
    let quirks = Quirks::default();
    let setting = Setting { zone: &zone, now: at("2026-04-06T00:00:00Z"), quirks: &quirks, faults: &[] };
    let answer = report(calls.iter().map(Entry::Call), &twice, setting);
    let dates: Vec<_> = data(&answer).iter().map(|row| row["date"].clone()).collect();
    assert_eq!(dates, ["2026-04-04 23:30:10", "2026-04-04 23:30:10"]);
}

#[test]
fn what_the_api_can_t_read_it_refuses() {
    let ask = |text: &str| {
        let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
        Question::from_parameters(&pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect::<Vec<_>>())
    };
    let dates = "&skill_id=all&date_ini=20260101000000&date_end=20260131235959";
    assert_eq!(ask(&format!("api=skill_2{dates}")), Ok(question("2026-01-01T00:00:00", "2026-01-31T23:59:59")));
    assert_eq!(ask(&format!("api=skill_77{dates}")), Err(Refusal::NoSuchReport));
    assert_eq!(ask("api=skill_2&skill_id=all&date_ini=20260101000000"), Err(Refusal::ParametersRequired));
    assert_eq!(
        ask("api=skill_2&skill_id=all&date_ini=20260101000000&date_end=20260201000000"),
        Err(Refusal::TooManyDays)
    );
    assert_eq!(
        ask("api=skill_2&skill_id=1&date_ini=20260102000000&date_end=20260101000000"),
        Err(Refusal::ValidateDates)
    );
}

#[test]
fn more_rows_than_the_limit_are_cut_off_without_a_word() {
    let calls: Vec<Call> =
        (0..MOST_ROWS + 5).map(|n| Call::abandoned(at("2026-01-18T19:34:29Z"), "1", &n.to_string(), 1.0)).collect();
    let (zone, quirks) = (TimeZone::get("America/Bogota").unwrap(), Quirks::default());
    let setting = Setting { zone: &zone, now: at(LATER), quirks: &quirks, faults: &[] };
    let answer = report(calls.iter().map(Entry::Call), &minute(), setting);
    assert_eq!((answer.rows, &json(&answer)["msg"]), (MOST_ROWS, &"60000 records were found".into()));
}

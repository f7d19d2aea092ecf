use serde_json::Value;

use super::*;
use crate::quirks::{CodeForm, TimeForm, TotalsOf};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn question(ini: &str, end: &str) -> Question {
    let (report, skill, services_time) = (Report::Abandoned, None, None);
    Question { report, skill, ini: ini.parse().unwrap(), end: end.parse().unwrap(), services_time }
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

fn ask(question: &Question, now: &str, quirks: &Quirks, faults: &[Fault]) -> Answer {
    let zone = TimeZone::get("America/Bogota").unwrap();
    let calls = calls();
    answer(calls.iter().map(Entry::Call), question, Setting { zone: &zone, now: at(now), quirks, faults })
}

const LATER: &str = "2026-01-18T20:00:00Z";

fn minute() -> Question {
    question("2026-01-18T14:34:00", "2026-01-18T14:34:59")
}

fn json(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap()
}

fn data(answer: &Answer) -> Vec<Value> {
    json(answer)["data"].as_array().unwrap().clone()
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
    assert_eq!(answer(EmptyForm::NoBody), Answer { status: 404, body: Vec::new(), rows: 0 });
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

/// Answered calls beside the abandoned ones: two in 4173 after 20 and 25 s, a chat in 4175.
fn both() -> Vec<Call> {
    let mut calls = calls();
    calls.extend([
        Call::answered(at("2026-01-18T19:34:10Z"), "4173", "1.2.3.1768764830.3", 20.0),
        Call::answered(at("2026-01-18T19:34:11Z"), "4173", "1.2.3.1768764831.4", 25.0),
        Call::answered(at("2026-01-18T19:34:12Z"), "4175", "78", 0.0),
    ]);
    calls[3].agent_id = "77".to_owned();
    calls[5].type_interaction = "chat-web".into();
    calls
}

fn ask_both(report: Report, quirks: &Quirks, faults: &[Fault]) -> Answer {
    let zone = TimeZone::get("America/Bogota").unwrap();
    let calls = both();
    let question = Question { report, services_time: Some(5), ..minute() };
    let quirks = Quirks { order: Order::Oldest, ..quirks.clone() };
    answer(calls.iter().map(Entry::Call), &question, Setting { zone: &zone, now: at(LATER), quirks: &quirks, faults })
}

#[test]
fn answered_calls_have_a_report_of_their_own() {
    let told = ask_both(Report::Answered, &Quirks::default(), &[]);
    let expected = serde_json::json!({
        "conn_id": "1.2.3.1768764830.3", "skill_id": "4173", "skill_name": "4173", "date": "2026-01-18 14:34:10",
        "result": "ANSWER", "ani": "", "answer_time": "20", "agent_id": "77", "type_interaction": "inbound"
    });
    assert_eq!((told.rows, &data(&told)[0]), (3, &expected));
    assert_eq!(ask_both(Report::Abandoned, &Quirks::default(), &[]).rows, 3);

    let quirks = Quirks { answered: Some("CONTESTADA".into()), time: TimeForm::Clock, ..Quirks::default() };
    let row = &data(&ask_both(Report::Answered, &quirks, &[]))[1];
    assert_eq!((&row["result"], &row["answer_time"]), (&"CONTESTADA".into(), &"00:00:25".into()));
    assert_eq!(data(&ask_both(Report::Answered, &quirks, &[Fault::OddTimes]))[0]["answer_time"], "NaN");
    let bad = data(&ask_both(Report::Answered, &quirks, &[Fault::BadRows]));
    assert_eq!((bad.len(), &bad[9]["result"]), (3 + 13, &"ANSWER".into()));
}

#[test]
fn totals_have_a_row_for_each_skill() {
    let told = ask_both(Report::Totals, &Quirks::default(), &[]);
    let expected = serde_json::json!({
        "skill_name": "4173", "skill_id": "4173", "inbound_calls": "4", "answer_calls": "2", "abandon_calls": "2",
        "service_level_10seg": "0 %", "service_level_20seg": "25 %", "service_level_30seg": "50 %",
        "service_level_5seg": "0 %", "abandon": "50 %", "asa": "23", "ata": "20"
    });
    assert_eq!((told.rows, &data(&told)[0]), (3, &expected));
    let ids: Vec<_> = data(&told).iter().map(|row| row["skill_id"].clone()).collect();
    assert_eq!(ids, ["4173", "4174", "4175"]);

    let voice = Quirks { totals_of: TotalsOf::Voice, numbers: true, ..Quirks::default() };
    let rows = data(&ask_both(Report::Totals, &voice, &[]));
    assert_eq!((rows.len(), &rows[0]["inbound_calls"], &rows[0]["asa"]), (2, &4.into(), &23.into()));
    assert_eq!(data(&ask_both(Report::Totals, &voice, &[Fault::OddTimes]))[0]["answer_calls"], "NaN");
    assert_eq!(ask_both(Report::Totals, &voice, &[Fault::BadRows]).rows, 2 + 13);
    assert_eq!(ask_both(Report::Totals, &voice, &[Fault::DuplicateRows]).rows, 4);
}

#[test]
fn a_row_can_be_left_out_without_a_word() {
    let left_out = [Fault::LeftOut { conn_id: "77".into() }];
    let told = ask_both(Report::Abandoned, &Quirks::default(), &left_out);
    assert_eq!((told.rows, &json(&told)["msg"]), (2, &"2 records were found".into()));
    assert_eq!(ask_both(Report::Totals, &Quirks::default(), &left_out).rows, 2);
}

#[test]
fn the_token_is_told_what_it_has_done() {
    let told = token_info(3, Some(10), &Quirks::default());
    let expected = serde_json::json!({
        "description": "simulated", "token_limit": "10", "token_use_today": "3", "all_token_today": "3",
        "available_consumption_options": "7"
    });
    assert_eq!(data(&told), [expected]);
    let numbers = Quirks { numbers: true, ..Quirks::default() };
    assert_eq!(data(&token_info(30, Some(10), &numbers))[0]["available_consumption_options"], 0);
}

#[test]
fn some_odd_name_has_ten_kilobytes() {
    let (zone, quirks) = (TimeZone::UTC, Quirks::default());
    let form = RowForm::new(&quirks, at(LATER), &[Fault::OddNames]);
    let longest = (4173..4180).map(|id| {
        let call = Call::abandoned(at(LATER), &id.to_string(), "", 1.0);
        form.write(Report::Abandoned, &call, zone.to_datetime(call.at), 0).len()
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
    let answer = answer(calls.iter().map(Entry::Call), &twice, setting);
    let dates: Vec<_> = data(&answer).iter().map(|row| row["date"].clone()).collect();
    assert_eq!(dates, ["2026-04-04 23:30:10", "2026-04-04 23:30:10"]);
}

#[test]
fn more_rows_than_the_limit_are_cut_off_without_a_word() {
    let calls: Vec<Call> =
        (0..MOST_ROWS + 5).map(|n| Call::abandoned(at("2026-01-18T19:34:29Z"), "1", &n.to_string(), 1.0)).collect();
    let (zone, quirks) = (TimeZone::get("America/Bogota").unwrap(), Quirks::default());
    let setting = Setting { zone: &zone, now: at(LATER), quirks: &quirks, faults: &[] };
    let answer = answer(calls.iter().map(Entry::Call), &minute(), setting);
    assert_eq!((answer.rows, &json(&answer)["msg"]), (MOST_ROWS, &"60000 records were found".into()));
}

use super::*;
use crate::wolkvox::answer::decode;
use domain::identity::RowHasher;

const ROW: &str = r#"{"date":"2026-01-18 19:34:31"}"#;

fn judged(status: u16, body: &str) -> Result<Answer, Failure> {
    let decoded = decode(body.as_bytes(), &domain::report::ABANDONED, &RowHasher::new([0; 16]));
    let judged = verdict(status, decoded, body, None);
    if let Err(Failure { message, .. }) = &judged {
        assert!(message.chars().count() <= Failure::MAX_MESSAGE_CHARS, "{message}");
    }
    judged
}

fn outcome(status: u16, body: &str) -> Outcome {
    judged(status, body).map_or_else(|failure| failure.outcome, |answer| answer.outcome())
}

fn message(status: u16, body: &str) -> String {
    judged(status, body).expect_err("a failure").message
}

fn rows(count: usize, row: &str) -> String {
    let rows = vec![row; count].join(",");
    format!(r#"{{"code":"200","error":null,"msg":"{count} records were found","data":[{rows}]}}"#)
}

#[test]
fn rows_are_an_answer() {
    use Outcome::*;
    let one = rows(1, ROW);
    let table: &[(u16, &str, Outcome)] = &[
        (200, &one, Ok),
        (200, &one.replace("\"200\"", "200"), Ok),
        (200, &one.replace("\"200\"", "\"\""), Ok),
        (200, &one.replace("\"200\"", "null"), Ok),
        (200, &one.replace("1 records were found", ""), Ok),
        (200, &one.replace("1 records", "2 records"), Incomplete),
        (200, r#"{"code":200,"msg":"5 records were found","data":[]}"#, Incomplete),
        (200, r#"{"code":200,"msg":"5 records were found"}"#, Incomplete),
        // A part says how much it is of.
        (206, &one, Ok),
        (206, &one.replace("1 records", "2 records"), Incomplete),
        (206, &one.replace("1 records were found", ""), Malformed),
        (200, &one.replace("\"200\"", "206"), Ok),
        // Others only where the count agrees.
        (201, &one, Ok),
        (203, &one, Ok),
        (202, &one.replace("1 records", "2 records"), Malformed),
        (202, &one.replace("1 records were found", "being generated"), Malformed),
        (200, &one.replace("\"200\"", "\"202\"").replace("1 records were found", ""), Malformed),
        (404, &one, Malformed),
        (200, &one.replace("\"200\"", "\"404\""), Malformed),
        (302, &one, Malformed),
        (503, &one, ServerError),
        (200, &one.replace("\"200\"", "\"OK\""), Malformed),
    ];
    for (status, body, expected) in table {
        assert_eq!(outcome(*status, body), *expected, "{status} {body}");
    }
    assert_eq!(judged(200, &one).unwrap().evidence, Evidence::Rows);
}

#[test]
fn what_may_be_rows_is_not_quoted() {
    let whole = rows(1, r#"{"customer_id":"Ana Pérez","date":"2026-01-18 19:34:31"}"#);
    for (status, body) in [
        (200, &whole[..whole.len() - 9]),
        (200, r#"[{"customer_id":"Ana Pérez"},{"customer_id":"Ana Pérez"}]"#),
        (403, r#"{"msg":"no","data":[{"customer_id":"Ana Pérez"}"#),
        (500, r#"<br />{"customer_id":"Ana Pérez""#),
    ] {
        let message = message(status, body);
        assert!(!message.contains("Ana") && !message.contains("says"), "{message}");
    }
    assert!(message(403, "closed for Ana").ends_with("it says \"closed for Ana\""));
}

#[test]
fn an_answer_of_which_nothing_can_be_read_is_none() {
    for bad in [r#"{"date":"27/11/2026 20:00:00"}"#, r#"{"fecha":"2026-01-18 19:34:31"}"#, "1", "{\"x\"}"] {
        assert_eq!(outcome(200, &rows(4, bad)), Outcome::Ok, "{bad}: four may be an accident");
        assert_eq!(outcome(200, &rows(5, bad)), Outcome::Malformed, "{bad}");
        let one_good = rows(6, bad).replacen(bad, ROW, 1);
        assert_eq!(outcome(200, &one_good), Outcome::Ok, "{bad}");
    }
}

#[test]
fn an_object_of_anything_but_rows_is_no_answer() {
    for data in [
        r#"{"message":"Endpoint request timed out"}"#,
        r#"{"message":{"text":"Endpoint request timed out"}}"#,
        r#"{"message":null}"#,
        r#"{"records":[{"date":"2026-01-18 19:34:31"}]}"#,
        r#"{"0":{"date":"2026-01-18 19:34:31"},"more":false}"#,
    ] {
        for msg in ["OK", "1 records were found"] {
            let body = format!(r#"{{"code":"200","error":null,"msg":"{msg}","data":{data}}}"#);
            assert_eq!(outcome(200, &body), Outcome::Malformed, "{body}");
        }
    }
}

#[test]
fn rows_that_are_announced_in_groups_of_digits_are_announced() {
    for (count, announced) in [("1,234", 1234), ("1.234", 1234), ("60.000", 60_000), ("1,234,567", 1_234_567)] {
        for data in ["[]".to_owned(), "null".to_owned(), format!("[{ROW}]")] {
            let body = format!(r#"{{"code":"200","error":null,"msg":"{count} records were found","data":{data}}}"#);
            let answer = judged(200, &body).unwrap();
            assert_eq!((answer.outcome(), answer.announced), (Outcome::Incomplete, Some(announced)), "{body}");
        }
    }
}

#[test]
fn a_refusal_is_known_in_any_of_the_texts() {
    for (words, refusal) in [
        ("TOKEN LIMIT EXCEEDED", Outcome::QuotaExceeded),
        ("Please validate token", Outcome::Unauthorized),
        ("Exceeds the limit of simultaneous requests", Outcome::Busy),
        ("Some parameters are required", Outcome::BadRequest),
    ] {
        for texts in [
            format!(r#""error":"{words}","msg":"0 records were found""#),
            format!(r#""error":"{words}","msg":"Validate dates entered""#),
            format!(r#""message":"{words}","msg":"OK","error":null"#),
            format!(r#""message":"x","error":" {words}","msg":"OK""#),
        ] {
            for status in [200, 404] {
                let body = format!(r#"{{"code":"{status}",{texts},"data":[]}}"#);
                assert_eq!(outcome(status, &body), refusal, "{body}");
                assert!(message(status, &body).to_lowercase().contains(&words.to_lowercase()), "{body}");
            }
        }
    }
    assert_eq!(outcome(403, r#"{"error":"PLEASE VALIDATE TOKEN","msg":"no"}"#), Outcome::Unauthorized);
}

#[test]
fn an_empty_window_has_evidence() {
    use Evidence::*;
    let table = [
        (404, r#"{"code":"404","error":true,"msg":"Validate dates entered","data":null}"#, Message),
        (200, r#"{"code":"404","error":true,"msg":"Validate dates entered","data":null}"#, Message),
        (200, r#"{"msg":"VALIDATE DATES ENTERED."}"#, Message),
        (404, "Validate dates entered", Message),
        (200, "\"validate dates entered\"\n", Message),
        (200, "0 records were found", Message),
        (404, "0 Records Were Found", Message),
        (200, r#"{"code":"200","error":"none","msg":"0 records were found","data":[]}"#, Message),
        (200, r#"{"code":"200","data":null}"#, EmptyData),
        (200, r#"{"data":""}"#, EmptyData),
        (200, r#"{"data":[]}"#, EmptyData),
        (200, r#"{"data":{}}"#, EmptyData),
        (200, r#"{"code":"200"}"#, EmptyData),
        (200, r#"{"code":200,"error":"","msg":""}"#, EmptyData),
        (404, r#"{"code":404}"#, Object404),
        (404, r#"{"msg":"anything"}"#, Object404),
        (404, r#"{"data":[]}"#, Object404),
        (200, r#"{"code":"404"}"#, Object404),
        (404, "", Bare404),
        (404, " \r\n", Bare404),
    ];
    for (status, body, evidence) in table {
        let answer = judged(status, body).unwrap_or_else(|why| panic!("{status} {body}: {why:?}"));
        assert_eq!((answer.outcome(), answer.evidence), (Outcome::Empty, evidence), "{status} {body}");
    }
}

#[test]
fn nothing_is_no_evidence_of_nothing() {
    let one = rows(1, ROW);
    let object_in = |page: &str| page.replace("{}", r#"{"error":"please log in"}"#);
    for (status, body) in [
        (200, r#"{"message":"Endpoint request timed out"}"#),
        (200, r#"{"status":"ok"}"#),
        (200, "{}"),
        (200, r#"{"code":""}"#),
        (200, r#"{"msg":"hello"}"#),
        (200, r#"{"error":"boom","data":null}"#),
        (200, r#"{"code":"200","error":"boom"}"#),
        (200, r#"{"code":"200","rows":[{"a":1}]}"#),
        (202, r#"{"code":"200","msg":"The report is being generated","data":[]}"#),
        (202, r#"{"code":"202","msg":"being generated"}"#),
        (200, r#"{"code":"202","msg":"being generated"}"#),
        (202, "0 records were found"),
        (204, ""),
        (205, ""),
        (200, ""),
        (200, "null"),
        (200, "[]"),
        (200, "\"\""),
        (200, r#"{"code":"ok","data":[]}"#),
        (200, r#"{"code":"0","data":[]}"#),
        (200, r#"{"code":"200","data":"none"}"#),
        (200, r#"{"code":"200","data":false}"#),
        (200, "10 records were found"),
        (404, r#"{"message":"no Route matched with those values"}"#),
        (404, r#"{"error":"Not Found"}"#),
        (404, "{}"),
        (404, "File not found."),
        (404, "<html>Validate dates entered</html>"),
        (404, "<html><script>f({})</script></html>"),
        (404, r#"{"code":"404","msg":"Val"#),
        (404, r#"{"code":"404","msg":"Validate dates entered"#),
        (301, ""),
        (200, r#"{"code":302}"#),
        (304, ""),
    ] {
        assert_eq!(outcome(status, body), Outcome::Malformed, "{status} {body}");
    }
    for page in [
        "<!DOCTYPE html><html>{}</html>",
        "<!-- login --><form>{}</form>",
        "<?xml version=\"1.0\"?><html>{}</html>",
        "<script>x = {}</script>",
        "<title>Log in</title>{}",
        "<div>{}</div>",
        "<br><form>{}</form>",
        "Please log in: {}",
    ] {
        for status in [200, 404] {
            assert_eq!(outcome(status, &object_in(page)), Outcome::Malformed, "{status} {page}");
            assert_eq!(outcome(status, page), Outcome::Malformed, "{status} {page}");
        }
    }
    for end in 1..one.len() {
        let cut = judged(200, &one[..end]);
        assert_eq!(cut.expect_err("cut").outcome, Outcome::Malformed, "cut at {end}");
    }
}

#[test]
fn a_refusal_is_known_by_status_code_or_text() {
    use Outcome::*;
    let table: &[(u16, &str, Outcome)] = &[
        (400, r#"{"code":"400","msg":"THE API YOU WANT TO CONSULT DOES NOT EXIST"}"#, BadRequest),
        (200, r#"{"code":400,"msg":"SOME PARAMETERS ARE REQUIRED"}"#, BadRequest),
        (200, r#"{"msg":"Some parameters are required"}"#, BadRequest),
        (405, "", BadRequest),
        (422, "<html>", BadRequest),
        (401, r#"{"code":"401","msg":"PLEASE ENTER THE WOLKVOX-TOKEN"}"#, Unauthorized),
        (200, r#"{"code":"401","msg":"PLEASE ENTER THE WOLKVOX-TOKEN"}"#, Unauthorized),
        (401, "", Unauthorized),
        (403, r#"{"code":"403","msg":"PLEASE VALIDATE TOKEN"}"#, Unauthorized),
        (403, r#"{"code":"403","msg":"Please validate token"}"#, Unauthorized),
        (404, r#"{"code":"403","msg":"Please validate token"}"#, Unauthorized),
        (200, r#"{"code":"200","error":"Please validate token","data":[]}"#, Unauthorized),
        (403, "PLEASE VALIDATE TOKEN", Unauthorized),
        (200, "PLEASE VALIDATE TOKEN", Unauthorized),
        (403, r#"{"code":"403","msg":"TOKEN LIMIT EXCEEDED"}"#, QuotaExceeded),
        (200, r#"{"code":"403","msg":"TOKEN LIMIT EXCEEDED"}"#, QuotaExceeded),
        (200, r#"{"code":"200","msg":"TOKEN LIMIT EXCEEDED","data":null}"#, QuotaExceeded),
        (403, r#"{"code":"403","msg":"EXCEEDS THE LIMIT OF SIMULTANEOUS REQUESTS PER TOKEN (2)"}"#, Busy),
        (200, r#"{"msg":"EXCEEDS THE LIMIT OF SIMULTANEOUS REQUESTS PER TOKEN (2)"}"#, Busy),
        (403, r#"{"code":"403","msg":"SERVER BACKUP IN PROGRESS"}"#, Maintenance),
        (403, "", Maintenance),
        (403, "<html>Forbidden</html>", Maintenance),
        (403, "<html><meta name=csrf-token></html>", Maintenance),
        (408, "", Timeout),
        (408, "<html>", Timeout),
        (200, r#"{"code":"408"}"#, Timeout),
        (425, "", Busy),
        (425, r#"{"code":"425","msg":"TOO EARLY"}"#, Busy),
        (200, r#"{"code":425}"#, Busy),
        (429, "", Busy),
        (200, r#"{"code":"429"}"#, Busy),
        (500, "", ServerError),
        (502, "<html>Bad Gateway</html>", ServerError),
        (500, r#"{"msg":"PLEASE VALIDATE TOKEN"}"#, ServerError),
        (200, r#"{"code":"500","msg":"oops"}"#, ServerError),
    ];
    for (status, body, expected) in table {
        assert_eq!(outcome(*status, body), *expected, "{status} {body}");
    }
}

#[test]
fn what_the_server_says_is_shown() {
    for (status, body, text) in [
        (200, r#"{"code":"500","error":"disk of the report server full","msg":""}"#, "disk of the report server full"),
        (500, r#"{"error":["no space",1],"msg":null}"#, r#"["no space",1]"#),
        (403, r#"{"error":"closed on Sundays","msg":" "}"#, "closed on Sundays"),
        (400, r#"{"error":"bad date","msg":"look at error"}"#, "look at error"),
        (200, r#"{"message":"Endpoint request timed out"}"#, "Endpoint request timed out"),
        (500, "upstream is gone", "upstream is gone"),
    ] {
        let message = message(status, body);
        assert!(message.contains(&format!("it says \"{text}\"")), "{message}");
    }
    for (status, body) in [(500, ""), (500, r#"{"error":true}"#), (500, "<html>x</html>"), (200, "{}")] {
        assert!(!message(status, body).contains("says"), "{status} {body}");
    }
}

#[test]
fn a_firewalls_page_is_no_server_backup() {
    for page in ["<html>Forbidden</html>", "<!doctype html><title>Access denied</title>", "<?xml?><p>blocked"] {
        let message = message(403, page);
        assert!(!message.contains("backup") && message.contains("firewall"), "{message}");
    }
    assert!(message(403, "").contains("backup"));
}

#[test]
fn a_spoilt_report_is_broken_and_a_cut_one_is_not() {
    let spoilt = rows(2, ROW).replace("[{", "[[").replace("]}", "]x");
    for (status, broken) in [(200, true), (206, true), (404, false), (403, false)] {
        assert_eq!(judged(status, &spoilt).is_ok_and(|answer| answer.broken), broken, "{status}");
    }
    assert!(judged(200, &rows(2, ROW)[..60]).is_err());
}

#[test]
fn messages_hold_no_token_and_no_number_of_a_person() {
    let token = "0123456789abcdef".repeat(4);
    for (said, hidden) in [
        (token.as_str(), token.as_str()),
        ("3001234567", "3001234567"),
        ("4711", "4711"),
        ("ana@example.com", "ana@example"),
    ] {
        let body = format!(r#"{{"code":"403","msg":"PLEASE VALIDATE TOKEN OF {said}"}}"#);
        let message = message(403, &body);
        assert!(!message.contains(hidden) && message.contains("PLEASE VALIDATE TOKEN"), "{message}");
    }
}

//! Answers as bytes: what the real decoder is given.

use std::fmt::Write as _;

use crate::history::{Kind, Spoilt};
use crate::truth::{Form, SentRow, Truth};

/// A status and a body, and the outcomes that the contract allows for them.
pub struct Written {
    pub status: u16,
    pub body: String,
    pub meaning: Meaning,
}

/// What the contract makes of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// This outcome.
    Outcome(&'static str),
    /// `empty` where this report has answered before, and else `malformed`.
    EmptyIfKnown,
}

/// Fewer rows than this may all be unreadable.
const ROWS_TO_JUDGE: usize = 5;

/// An answer of the report itself.
pub fn rows(truth: &Truth, rows: &[SentRow], announced: u64, number: usize) -> Written {
    let dialect = truth.report.dialect;
    if announced == 0 && rows.is_empty() {
        return nothing(usize::from(dialect) + number, truth.report.bare_404);
    }
    let mut body = match dialect % 4 {
        0 => "\u{feff}".to_owned(),
        1 => "<br />\n<b>Warning</b>: Undefined array key in <b>reports_manager.php</b> on line <b>7</b><br />\n"
            .to_owned(),
        _ => String::new(),
    };
    let code = if dialect & 4 == 0 { "\"200\"" } else { "200" };
    _ = write!(body, r#"{{"code":{code},"error":null,"msg":"{announced} records were found","data":["#);
    // After a row that is no JSON nobody can say whether more were to come, so it is the last one of a whole answer only.
    let (first, last): (Vec<&SentRow>, Vec<&SentRow>) =
        rows.iter().partition(|row| announced > rows.len() as u64 && row.is_no_json());
    for (index, row) in first.iter().chain(&last).enumerate() {
        if index > 0 {
            body.push(',');
        }
        write_row(&mut body, truth, row);
    }
    body.push_str("]}");
    let readable = rows.iter().any(|row| matches!(row.form, Form::Readable { .. }));
    let outcome = match () {
        () if rows.len() >= ROWS_TO_JUDGE && !readable => "malformed",
        () if announced > rows.len() as u64 => "incomplete",
        () => "ok",
    };
    Written { status: 200, body, meaning: Meaning::Outcome(outcome) }
}

/// The ways in which the API says that there are no rows.
fn nothing(way: usize, bare_404: bool) -> Written {
    let (status, body) = match way % if bare_404 { 7 } else { 6 } {
        0 | 1 => (404, r#"{"code":"404","error":true,"msg":"Validate dates entered","data":null}"#),
        2 => (404, "Validate dates entered"),
        3 => (200, r#"{"code":"200","error":null,"msg":"0 records were found","data":[]}"#),
        4 => (200, r#"{"code":200,"error":"","data":{}}"#),
        5 => (200, r#"{"code":"404","error":true,"msg":"VALIDATE DATES ENTERED","data":""}"#),
        _ => return Written { status: 404, body: String::new(), meaning: Meaning::EmptyIfKnown },
    };
    Written { status, body: body.to_owned(), meaning: Meaning::Outcome("empty") }
}

fn write_row(body: &mut String, truth: &Truth, row: &SentRow) {
    let call = &truth.calls[row.call];
    let dialect = truth.report.dialect;
    let waited = match (call.waited, dialect >> 3 & 3) {
        (None, 0 | 1) => "\"\"".to_owned(),
        (None, _) => "null".to_owned(),
        (Some(seconds), 0) => format!("\"{seconds}\""),
        (Some(seconds), 1) => seconds.to_string(),
        (Some(seconds), 2) => format!("\"{seconds}.0\""),
        (Some(seconds), _) => format!("\"{:02}:{:02}:{:02}\"", seconds / 3_600, seconds / 60 % 60, seconds % 60),
    };
    let (counts, twin, name) = match &row.form {
        Form::Readable { counts, twin, name } => (*counts, *twin, name.clone()),
        Form::Spoilt(Spoilt::Shape) => {
            _ = write!(body, "\"row {}\"", row.call);
            return;
        }
        Form::Spoilt(Spoilt::Quote) => (true, false, format!("a \"spoilt\" row {}", row.call)),
        Form::Spoilt(Spoilt::Date) => (true, false, format!("spoilt {}", row.call)),
    };
    let date = match row.form {
        Form::Spoilt(Spoilt::Date) => call.date.strftime("%d/%m/%Y %H:%M:%S").to_string(),
        _ => call.date.strftime("%Y-%m-%d %H:%M:%S").to_string(),
    };
    let result = match (truth.kind, counts, dialect >> 5 & 1) {
        (Kind::Abandoned, true, 0) | (Kind::Answered, false, 0) => "ABANDON",
        (Kind::Abandoned, true, _) | (Kind::Answered, false, _) => "Abandoned",
        (Kind::Abandoned, false, _) | (Kind::Answered, true, 0) => "ANSWER",
        // What is not said to be abandoned was answered. Rows of one identity say it in the same words.
        (Kind::Answered, true, _) => ["answered", "TRANSFER", ""][usize::from(call.skill) % 3],
    };
    let ani = if twin { "3007654321" } else { "3001234567" };
    let person = if call.tab { "a\tperson" } else { "a person" };
    let (time_field, person_field) = match truth.kind {
        Kind::Abandoned => ("abandon_time", "customer_id"),
        Kind::Answered => ("answer_time", "agent_id"),
    };
    _ = write!(
        body,
        r#"{{"skill_name":"{name}","skill_id":"{}","conn_id":"{}","date":"{date}","result":"{result}","ani":"{ani}","{time_field}":{waited},"type_interaction":"{}","{person_field}":"{person}"}}"#,
        call.skill_id, call.conn_id, call.type_interaction
    );
}

/// What says nothing about the report.
pub fn no_evidence(kind: u8) -> Written {
    let (status, body, outcome) = match kind % 18 {
        0 => (200, r#"{"message":"Endpoint request timed out"}"#, "malformed"),
        1 => (200, "{}", "malformed"),
        2 => (200, r#"{"status":"ok"}"#, "malformed"),
        3 => (202, r#"{"msg":"the report is being generated"}"#, "malformed"),
        4 => (202, "being generated", "malformed"),
        5 => (200, "<!-- login --><html><script>var x = {\"error\":null}</script></html>", "malformed"),
        6 => (200, "<?xml version=\"1.0\"?><html>{\"error\":\"session\"}</html>", "malformed"),
        7 => (200, "<title>Sign in</title>{\"error\":0}", "malformed"),
        8 => (200, "", "malformed"),
        9 => (200, r#"{"code":"200","error":"boom","data":null}"#, "malformed"),
        10 => (404, "<html><body>Not Found</body></html>", "malformed"),
        11 => (404, r#"{"message":"no Route matched with those values"}"#, "malformed"),
        12 => (302, "", "malformed"),
        13 => (200, "null", "malformed"),
        14 => (200, "[]", "malformed"),
        15 => (502, "<html>Bad Gateway</html>", "server_error"),
        16 => (204, "", "malformed"),
        _ => (200, r#"{"error":null}"#, "malformed"),
    };
    Written { status, body: body.to_owned(), meaning: Meaning::Outcome(outcome) }
}

/// A failure with its own status or text; `None`: no answer came at all, for this reason.
pub fn failure(kind: u8) -> Result<Written, &'static str> {
    let json = |code: u16, msg: &str| format!(r#"{{"code":"{code}","error":true,"msg":"{msg}","data":null}}"#);
    let (status, body, outcome) = match kind % 14 {
        0 => return Err("timeout"),
        1 => return Err("connect"),
        2 => (401, json(401, "PLEASE ENTER THE WOLKVOX-TOKEN"), "unauthorized"),
        3 => (403, json(403, "PLEASE VALIDATE TOKEN"), "unauthorized"),
        4 => (403, json(403, "TOKEN LIMIT EXCEEDED"), "quota_exceeded"),
        5 => (403, json(403, "EXCEEDS THE LIMIT OF SIMULTANEOUS REQUESTS PER TOKEN (2)"), "busy"),
        6 => (403, json(403, "SERVER BACKUP IN PROGRESS"), "maintenance"),
        7 => (400, json(400, "SOME PARAMETERS ARE REQUIRED"), "bad_request"),
        8 => (500, String::new(), "server_error"),
        9 => (200, json(500, "oops"), "server_error"),
        10 => (429, String::new(), "busy"),
        11 => (408, String::new(), "timeout"),
        12 => (425, String::new(), "busy"),
        _ => (200, json(403, "TOKEN LIMIT EXCEEDED"), "quota_exceeded"),
    };
    Ok(Written { status, body, meaning: Meaning::Outcome(outcome) })
}

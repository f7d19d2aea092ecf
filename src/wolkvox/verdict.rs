use secrecy::SecretString;

use super::Answer;
use super::answer::{Code, Data, Decoded, NotReadable, is_page};
use super::redact::redacted;
use domain::evidence::Evidence;
use domain::outcome::Outcome;
use domain::row::ReadRow;

/// The message of an empty window, a 404, as two clients of the live API have recorded it.
const EMPTY_WINDOW: &str = "VALIDATE DATES ENTERED";

/// The documented refusals, by the words that tell them apart. They count under 200 and 404 too.
const REFUSALS: [(&str, Refusal); 6] = [
    ("THE API YOU WANT TO CONSULT DOES NOT EXIST", QUESTION_REFUSED),
    ("SOME PARAMETERS ARE REQUIRED", QUESTION_REFUSED),
    ("PLEASE ENTER THE WOLKVOX-TOKEN", NO_TOKEN),
    ("PLEASE VALIDATE TOKEN", TOKEN_REFUSED),
    ("TOKEN LIMIT EXCEEDED", QUOTA_EXCEEDED),
    ("EXCEEDS THE LIMIT OF SIMULTANEOUS REQUESTS", TOKEN_IN_USE),
];

/// A text that is longer is no message, whatever it contains.
const MAX_MESSAGE_BYTES: usize = 200;

/// So many rows, none of which can be read, are of another report or in another form: no window may pass with them.
const ROWS_OF_ANOTHER_FORM: usize = 5;

/// An outcome, and what it means in words.
type Refusal = (Outcome, &'static str);

const QUESTION_REFUSED: Refusal = (Outcome::BadRequest, "the API refused the question");
const NO_TOKEN: Refusal = (Outcome::Unauthorized, "the API got no token that it knows");
const TOKEN_REFUSED: Refusal = (Outcome::Unauthorized, "the API refused the token: is it right, and still there?");
const QUOTA_EXCEEDED: Refusal = (Outcome::QuotaExceeded, "the token's calls of the day are used up");
const TOKEN_IN_USE: Refusal = (Outcome::Busy, "somebody else uses the token at this moment");

/// What one response means: an answer of the report, or an outcome and what happened in words. The HTTP status and the code
/// in the body count alike; that nothing came is no sign that there is nothing.
///
/// `said` is the start of the body as text: what it says is looked for there where the body has no JSON object.
pub fn verdict(
    status: u16,
    decoded: Result<Decoded, NotReadable>,
    said: &str,
    token: Option<&SecretString>,
) -> Result<Answer, (Outcome, String)> {
    let response = Response::new(status, &decoded, said);
    let shown = |(outcome, meaning): (Outcome, &str), code: u16| {
        let text = if response.quotes_rows { String::new() } else { redacted(&response.text, token) };
        let says = if text.is_empty() { String::new() } else { format!("; it says \"{text}\"") };
        Err((outcome, format!("{meaning} ({code}){says}")))
    };
    if let Some((refusal, code)) = response.refusal() {
        return shown(refusal, code);
    }
    let malformed = |what: &str| shown((Outcome::Malformed, what), status);
    if (300..400).contains(&status) || matches!(response.code, Code::Number(300..400)) {
        return malformed("a redirect, which is never followed: is the server's address right?");
    }
    if matches!(decoded, Err(NotReadable::Spoilt(_))) && response.is_success() {
        return Ok(Answer { rows: Vec::new(), announced: None, evidence: Evidence::Rows, broken: true });
    }
    let announced = decoded.as_ref().ok().and_then(Decoded::announced);
    let delivered = decoded.as_ref().map_or(0, |body| body.rows().len());
    if delivered > 0 || announced.is_some_and(|rows| rows > 0) {
        let agrees = announced == Some(delivered as u64);
        return match decoded {
            _ if !response.is_success() => malformed("an answer with rows that is none by its status"),
            // A part of an answer is whole only if it says so.
            _ if response.is(206) && announced.is_none() => malformed("a part of an answer, with rows and no count"),
            _ if !response.is(206) && !response.is_exactly(200) && !agrees => {
                malformed("an answer that is not ready, or not the API's: its count doesn't agree with its rows")
            }
            Ok(Decoded { data: Data::Unreadable, .. }) => malformed(NO_ROWS),
            Ok(body) if delivered >= ROWS_OF_ANOTHER_FORM && body.rows().iter().all(is_rejected) => {
                malformed("none of its rows can be read: they are of another report, or in another form")
            }
            Ok(Decoded { data: Data::Rows(rows), .. }) => {
                Ok(Answer { rows, announced, evidence: Evidence::Rows, broken: false })
            }
            _ => Ok(Answer { rows: Vec::new(), announced, evidence: Evidence::Rows, broken: false }),
        };
    }
    match response.evidence_of_nothing(&decoded) {
        Some(evidence) => Ok(Answer { rows: Vec::new(), announced: Some(0), evidence, broken: false }),
        None => malformed(&response.why_no_answer(&decoded)),
    }
}

const NO_ROWS: &str = "there is a text or a number in the place of its rows";

fn is_rejected(row: &ReadRow) -> bool {
    matches!(row, ReadRow::Rejected { .. })
}

/// What a response says beside its rows.
struct Response {
    status: u16,
    code: Code,
    /// The first of `msg`, `error` and `message` that says something; of a bare text the text itself. Of a page nothing:
    /// its text is mark-up, where a word like "token" means nothing.
    text: String,
    is_page: bool,
    /// Whether the text is of a body that has objects and can't be read: it may be of rows, with names of people, which
    /// nothing recognises.
    quotes_rows: bool,
}

impl Response {
    fn new(status: u16, decoded: &Result<Decoded, NotReadable>, said: &str) -> Self {
        let is_page = decoded.is_err() && is_page(said);
        let (code, text) = match decoded {
            Ok(body) => {
                let texts = [body.msg.as_deref().unwrap_or(""), &body.error, &body.message];
                (body.code, texts.into_iter().find(|text| !text.trim().is_empty()).unwrap_or(""))
            }
            Err(_) => (Code::Missing, if is_page { "" } else { said }),
        };
        let quotes_rows = decoded.is_err() && text.contains('{');
        Self { status, code, text: text.to_owned(), is_page, quotes_rows }
    }

    /// Whether the status is this one and no code in the body says otherwise, or the other way round.
    fn is(&self, wanted: u16) -> bool {
        self.status == wanted || self.code == Code::Number(wanted)
    }

    /// Whether the status is this one, and so is the code in the body where there is one.
    fn is_exactly(&self, wanted: u16) -> bool {
        self.status == wanted && (self.code == Code::Missing || self.code == Code::Number(wanted))
    }

    fn is_success(&self) -> bool {
        (200..300).contains(&self.status) && matches!(self.code, Code::Missing | Code::Number(200..300))
    }

    /// The refusal, and the status or code that says so.
    fn refusal(&self) -> Option<(Refusal, u16)> {
        let code = if let Code::Number(code) = self.code { Some(code) } else { None };
        let by_number =
            [Some(self.status), code].into_iter().flatten().find_map(|code| Some((self.refused(code)?, code)));
        by_number.or_else(|| {
            let text = self.message()?;
            let known = REFUSALS.iter().find(|(words, _)| text.starts_with(words));
            known.map(|(_, refusal)| (*refusal, code.unwrap_or(self.status)))
        })
    }

    fn refused(&self, code: u16) -> Option<Refusal> {
        match code {
            401 => Some(NO_TOKEN),
            403 => Some(self.forbidden()),
            404 => None,
            408 => Some((Outcome::Timeout, "the server, or one before it, waited for too long")),
            425 => Some((Outcome::Busy, "the server is not ready for this call yet")),
            429 => Some((Outcome::Busy, "too many calls at this moment")),
            400..500 => Some(QUESTION_REFUSED),
            500..600 => Some((Outcome::ServerError, "the server has a fault")),
            _ => None,
        }
    }

    /// One status, four meanings: only the text tells them apart.
    fn forbidden(&self) -> Refusal {
        let text = self.text.to_ascii_uppercase();
        if self.is_page {
            let meaning = "a page refused the call before it came to the API, as a firewall does: is this host's address \
                           registered with wolkvox?";
            (Outcome::Maintenance, meaning)
        } else if text.contains("SIMULTANEOUS") {
            TOKEN_IN_USE
        } else if text.contains("LIMIT EXCEEDED") {
            QUOTA_EXCEEDED
        } else if text.contains("TOKEN") {
            TOKEN_REFUSED
        } else {
            (Outcome::Maintenance, "the API is closed at this moment, as during a server backup")
        }
    }

    /// The text where it can be one of the known messages, in capitals.
    fn message(&self) -> Option<String> {
        let text = self.text.trim_matches(|c: char| c.is_whitespace() || c == '"');
        (!text.is_empty() && text.len() <= MAX_MESSAGE_BYTES).then(|| text.to_ascii_uppercase())
    }

    /// What shows that the report has answered, and that there is nothing in the range.
    fn evidence_of_nothing(&self, decoded: &Result<Decoded, NotReadable>) -> Option<Evidence> {
        // A word in the place of the code, or a list under another name: whatever this is, it isn't known.
        let is_known = decoded
            .as_ref()
            .is_ok_and(|body| body.code != Code::Unreadable && body.data != Data::Unreadable && !body.has_unknown_list);
        let is_text = matches!(decoded, Err(NotReadable::NoObject));
        let says_so = |text: String| text.contains(EMPTY_WINDOW) || text.starts_with("0 RECORDS WERE FOUND");
        let (ok, not_found) = (self.is_exactly(200), self.is(404) && matches!(self.status, 200 | 404));
        if (is_known || is_text) && (ok || not_found) && self.message().is_some_and(says_so) {
            return Some(Evidence::Message);
        }
        match decoded {
            Ok(body) if is_known && ok && !body.names_error => {
                let is_empty = match body.data {
                    Data::Missing => body.code == Code::Number(200),
                    _ => true,
                };
                is_empty.then_some(Evidence::EmptyData)
            }
            Ok(body) if is_known && not_found => {
                let has_names = body.code == Code::Number(404) || body.msg.is_some() || body.data != Data::Missing;
                has_names.then_some(Evidence::Object404)
            }
            Err(NotReadable::Nothing) if self.status == 404 => Some(Evidence::Bare404),
            _ => None,
        }
    }

    fn why_no_answer(&self, decoded: &Result<Decoded, NotReadable>) -> String {
        match decoded {
            _ if self.status == 404 => "a 404 that is not the API's: is the server's address right?".to_owned(),
            Err(why) => format!("the answer can't be read: {why}"),
            Ok(Decoded { code: Code::Unreadable, .. }) => "the answer can't be read: its code is no number".to_owned(),
            Ok(Decoded { data: Data::Unreadable, .. }) => format!("the answer can't be read: {NO_ROWS}"),
            Ok(Decoded { names_error: true, .. }) => "the answer names an error and has no rows".to_owned(),
            Ok(_) if self.status != 200 => "an answer that is not ready, or not the API's".to_owned(),
            Ok(_) => "the answer is not the report's: it has neither rows nor a sign that there are none".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wolkvox::answer::decode;
    use domain::identity::RowHasher;

    const ROW: &str = r#"{"date":"2026-01-18 19:34:31"}"#;

    fn judged(status: u16, body: &str) -> Result<Answer, (Outcome, String)> {
        let decoded = decode(body.as_bytes(), &domain::report::ABANDONED, &RowHasher::new([0; 16]));
        let judged = verdict(status, decoded, body, None);
        if let Err((_, message)) = &judged {
            assert!(message.chars().count() <= 300, "{message}");
        }
        judged
    }

    fn outcome(status: u16, body: &str) -> Outcome {
        judged(status, body).map_or_else(|(outcome, _)| outcome, |answer| answer.outcome())
    }

    fn message(status: u16, body: &str) -> String {
        judged(status, body).expect_err("a failure").1
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
            assert_eq!(cut.expect_err("cut").0, Outcome::Malformed, "cut at {end}");
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
            (
                200,
                r#"{"code":"500","error":"disk of the report server full","msg":""}"#,
                "disk of the report server full",
            ),
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
}

use super::Answer;
use super::answer::{Code, Data, Decoded, NotReadable};
use super::redact::redacted;
use domain::evidence::Evidence;
use domain::outcome::Outcome;

/// The message of an empty window, a 404, as two clients of the live API have recorded it.
const EMPTY_WINDOW: &str = "VALIDATE DATES ENTERED";

/// What one response means: rows to count, or an outcome and what happened in words. Contract: the HTTP status and the
/// code in the body count alike.
///
/// `said` is the start of the body as text: an error's text is looked for there where the body has no JSON object.
pub fn verdict(status: u16, decoded: Result<Decoded, NotReadable>, said: &str) -> Result<Answer, (Outcome, String)> {
    match (status, &decoded) {
        (200..300, Ok(body)) => match body.code {
            Code::Missing | Code::Number(200..300) => success(status, decoded),
            Code::Number(code) => failure(code, decoded, said),
            Code::Unreadable => Err((Outcome::Malformed, "the body's code is no number".to_owned())),
        },
        (200..300, Err(_)) => success(status, decoded),
        _ => failure(status, decoded, said),
    }
}

fn success(status: u16, decoded: Result<Decoded, NotReadable>) -> Result<Answer, (Outcome, String)> {
    let malformed = |what: &str| (Outcome::Malformed, format!("the answer (HTTP {status}) can't be read: {what}"));
    let body = decoded.map_err(|why| malformed(&why.to_string()))?;
    let announced = body.announced();
    let rows = match body.data {
        Data::Rows(rows) => rows,
        Data::None => Vec::new(),
        Data::Unreadable => return Err(malformed("there is a text or a number in the place of its rows")),
    };
    if rows.is_empty() && body.names_error {
        return Err(malformed(&format!("it names an error and has no rows; it says {}", quoted(&body.msg))));
    }
    let evidence =
        if rows.is_empty() && announced.is_none_or(|rows| rows == 0) { Evidence::EmptyData } else { Evidence::Rows };
    let announced = announced.or(rows.is_empty().then_some(0));
    Ok(Answer { rows, announced, evidence, broken: false })
}

fn failure(code: u16, decoded: Result<Decoded, NotReadable>, said: &str) -> Result<Answer, (Outcome, String)> {
    // The message where there is one; of a bare text the text itself. A page's text is mark-up, where a word like
    // "token" means nothing.
    let msg = match &decoded {
        Ok(body) => body.msg.as_str(),
        Err(_) if said.trim_start().starts_with('<') => "",
        Err(_) => said,
    };
    let (outcome, meaning) = match code {
        404 => match &decoded {
            Ok(Decoded { data: Data::Rows(rows), .. }) if !rows.is_empty() => {
                (Outcome::Malformed, "a 404 that has rows all the same")
            }
            Ok(_) => return Ok(empty(Evidence::Object404)),
            Err(NotReadable::Nothing) => return Ok(empty(Evidence::Bare404)),
            Err(NotReadable::Html) => (Outcome::Malformed, "a 404 that is an HTML page, not the API's"),
            Err(NotReadable::NoObject) if msg.to_ascii_uppercase().contains(EMPTY_WINDOW) => {
                return Ok(empty(Evidence::Message));
            }
            Err(_) => (Outcome::Malformed, "a 404 that is not the API's: is the server's address right?"),
        },
        401 => (Outcome::Unauthorized, "the API got no token that it knows"),
        403 => forbidden(msg),
        429 => (Outcome::Busy, "too many calls at this moment"),
        400..500 => (Outcome::BadRequest, "the API refused the question"),
        500..600 => (Outcome::ServerError, "the server has a fault"),
        300..400 => (Outcome::Malformed, "a redirect, which is never followed: is the server's address right?"),
        _ => (Outcome::Malformed, "not an answer"),
    };
    let said = if msg.trim().is_empty() { String::new() } else { format!("; it says {}", quoted(msg)) };
    Err((outcome, format!("{meaning} ({code}){said}")))
}

fn empty(evidence: Evidence) -> Answer {
    Answer { rows: Vec::new(), announced: Some(0), evidence, broken: false }
}

/// One status, four meanings: only the text tells them apart.
fn forbidden(msg: &str) -> (Outcome, &'static str) {
    let msg = msg.to_ascii_uppercase();
    if msg.contains("SIMULTANEOUS") {
        (Outcome::Busy, "somebody else uses the token at this moment")
    } else if msg.contains("LIMIT EXCEEDED") {
        (Outcome::QuotaExceeded, "the token's calls of the day are used up")
    } else if msg.contains("TOKEN") {
        (Outcome::Unauthorized, "the API refused the token: is it right, and still there?")
    } else {
        (Outcome::Maintenance, "the API is closed at this moment, as during a server backup")
    }
}

fn quoted(msg: &str) -> String {
    format!("\"{}\"", redacted(msg, None))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wolkvox::answer::decode;
    use domain::identity::RowHasher;

    fn outcome(status: u16, body: &str) -> Outcome {
        let decoded = decode(body.as_bytes(), &RowHasher::new([0; 16]));
        match verdict(status, decoded, body) {
            Ok(answer) => answer.outcome(),
            Err((outcome, message)) => {
                assert!(message.chars().count() <= 300, "{message}");
                outcome
            }
        }
    }

    #[test]
    fn each_status_and_body_has_its_outcome() {
        use Outcome::*;
        const ROW: &str = r#"{"date":"2026-01-18 19:34:31"}"#;
        let one = format!(r#"{{"code":"200","error":null,"msg":"1 records were found","data":[{ROW}]}}"#);
        let table: &[(u16, &str, Outcome)] = &[
            (200, &one, Ok),
            (200, &one.replace("\"200\"", "200"), Ok),
            (200, &one.replace("\"200\"", "\"\""), Ok),
            (200, &one.replace("\"200\"", "null"), Ok),
            (200, &one.replace("1 records", "2 records"), Incomplete),
            (200, r#"{"code":200,"msg":"5 records were found","data":[]}"#, Incomplete),
            (200, r#"{"code":"200","msg":"0 records were found","data":[]}"#, Empty),
            (200, r#"{"code":"200","data":null}"#, Empty),
            (200, r#"{"code":"200"}"#, Empty),
            (200, r#"{"data":{}}"#, Empty),
            (200, "{}", Empty),
            (200, r#"{"code":"404","error":true,"msg":"Validate dates entered","data":null}"#, Empty),
            (404, r#"{"code":"404","error":true,"msg":"Validate dates entered","data":null}"#, Empty),
            (404, r#"{"msg":"anything"}"#, Empty),
            (404, "", Empty),
            (404, " \r\n", Empty),
            (404, "Validate dates entered", Empty),
            (404, "<html><body>Not Found</body></html>", Malformed),
            (404, "<html><script>f({})</script></html>", Malformed),
            (404, "<html>Validate dates entered</html>", Malformed),
            (404, "File not found.", Malformed),
            (404, r#"{"code":"404","msg":"Val"#, Malformed),
            (404, r#"{"code":"404","msg":"Validate dates entered"#, Malformed),
            (404, &one, Malformed),
            (200, "", Malformed),
            (200, "null", Malformed),
            (200, "[]", Malformed),
            (200, "<html></html>", Malformed),
            (200, r#"{"code":"ok","data":[]}"#, Malformed),
            (200, r#"{"code":"0","data":[]}"#, Malformed),
            (200, r#"{"code":"200","data":"none"}"#, Malformed),
            (200, r#"{"error":"boom","data":null}"#, Malformed),
            (200, r#"{"code":302}"#, Malformed),
            (301, "", Malformed),
            (302, &one, Malformed),
            (400, r#"{"code":"400","msg":"THE API YOU WANT TO CONSULT DOES NOT EXIST"}"#, BadRequest),
            (200, r#"{"code":400,"msg":"SOME PARAMETERS ARE REQUIRED"}"#, BadRequest),
            (405, "", BadRequest),
            (422, "<html>", BadRequest),
            (401, r#"{"code":"401","msg":"PLEASE ENTER THE WOLKVOX-TOKEN"}"#, Unauthorized),
            (200, r#"{"code":"401","msg":"PLEASE ENTER THE WOLKVOX-TOKEN"}"#, Unauthorized),
            (401, "", Unauthorized),
            (403, r#"{"code":"403","msg":"PLEASE VALIDATE TOKEN"}"#, Unauthorized),
            (403, r#"{"code":"403","msg":"Please validate token"}"#, Unauthorized),
            (403, "PLEASE VALIDATE TOKEN", Unauthorized),
            (403, r#"{"code":"403","msg":"TOKEN LIMIT EXCEEDED"}"#, QuotaExceeded),
            (200, r#"{"code":"403","msg":"TOKEN LIMIT EXCEEDED"}"#, QuotaExceeded),
            (403, r#"{"code":"403","msg":"EXCEEDS THE LIMIT OF SIMULTANEOUS REQUESTS PER TOKEN (2)"}"#, Busy),
            (403, r#"{"code":"403","msg":"SERVER BACKUP IN PROGRESS"}"#, Maintenance),
            (403, "", Maintenance),
            (403, "<html>Forbidden</html>", Maintenance),
            (403, "<html><meta name=csrf-token></html>", Maintenance),
            (429, "", Busy),
            (200, r#"{"code":"429"}"#, Busy),
            (500, "", ServerError),
            (502, "<html>Bad Gateway</html>", ServerError),
            (503, &one, ServerError),
            (200, r#"{"code":"500","msg":"oops"}"#, ServerError),
        ];
        for (status, body, expected) in table {
            assert_eq!(outcome(*status, body), *expected, "{status} {body}");
        }
    }

    #[test]
    fn messages_hold_no_token_and_no_number_of_a_person() {
        let token = "0123456789abcdef".repeat(4);
        let body = format!(r#"{{"code":"403","msg":"PLEASE VALIDATE TOKEN {token} OF 3001234567"}}"#);
        let decoded = decode(body.as_bytes(), &RowHasher::new([0; 16]));
        let (_, message) = verdict(403, decoded, &body).unwrap_err();
        assert!(!message.contains(&token) && !message.contains("3001234567"), "{message}");
        assert!(message.contains("PLEASE VALIDATE TOKEN"), "{message}");
    }
}

use secrecy::SecretString;

use super::answer::{Code, Data, Decoded, NotReadable, is_page};
use super::redact::redacted;
use super::{Answer, Cause, Failure};
use domain::evidence::Evidence;
use domain::outcome::Outcome;
use domain::row::ReadRow;
use domain::vendor_totals::VendorRow;

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

/// What one response means: an answer of the report, or why it is none. The HTTP status and the code
/// in the body count alike; that nothing came is no sign that there is nothing.
///
/// `said` is the start of the body as text: what it says is looked for there where the body has no JSON object.
pub fn verdict<R: MayBeUnreadable>(
    status: u16,
    decoded: Result<Decoded<R>, NotReadable>,
    said: &str,
    token: Option<&SecretString>,
) -> Result<Answer<R>, Failure> {
    let response = Response::new(status, &decoded, said);
    let shown = |(outcome, meaning): (Outcome, &str), code: u16, text: &str| {
        let text = if response.quotes_rows { String::new() } else { redacted(text, token) };
        let says = if text.is_empty() { String::new() } else { format!("; it says \"{text}\"") };
        Failure::new(outcome, format!("{meaning} ({code}){says}"))
    };
    if let Some((refusal, code, text)) = response.refusal() {
        let failure = shown(refusal, code, text);
        let by_page = response.is_page && failure.outcome == Outcome::Maintenance;
        return Err(if by_page { failure.because(Cause::Page) } else { failure });
    }
    let malformed = |what: &str| Err(shown((Outcome::Malformed, what), status, response.text()));
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
            Ok(body) if delivered >= ROWS_OF_ANOTHER_FORM && body.rows().iter().all(R::is_unreadable) => {
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

const NO_ROWS: &str = "there is something else in the place of its rows";

/// A row as it was read, of whatever report.
pub trait MayBeUnreadable {
    fn is_unreadable(&self) -> bool;
}

impl MayBeUnreadable for ReadRow {
    fn is_unreadable(&self) -> bool {
        matches!(self, Self::Rejected { .. })
    }
}

impl MayBeUnreadable for VendorRow {
    fn is_unreadable(&self) -> bool {
        self.as_ref().is_none_or(|(_, skill)| skill.is_unreadable())
    }
}

/// What a response says beside its rows.
struct Response {
    status: u16,
    code: Code,
    /// Those of `msg`, `error` and `message` that say something; of a bare text the text itself. Of a page nothing: its text
    /// is mark-up, where a word like "token" means nothing.
    texts: Vec<String>,
    is_page: bool,
    /// Whether the text is of a body that has objects and can't be read: it may be of rows, with names of people, which
    /// nothing recognises.
    quotes_rows: bool,
}

impl Response {
    fn new<R>(status: u16, decoded: &Result<Decoded<R>, NotReadable>, said: &str) -> Self {
        let is_page = decoded.is_err() && is_page(said);
        let (code, texts) = match decoded {
            Ok(body) => (body.code, [body.msg.as_deref().unwrap_or(""), &body.error, &body.message]),
            Err(_) => (Code::Missing, [if is_page { "" } else { said }, "", ""]),
        };
        let texts: Vec<_> = texts.into_iter().filter(|text| !text.trim().is_empty()).map(str::to_owned).collect();
        let quotes_rows = decoded.is_err() && texts.iter().any(|text| text.contains('{'));
        Self { status, code, texts, is_page, quotes_rows }
    }

    /// The text that is shown where no other one decides.
    fn text(&self) -> &str {
        self.texts.first().map_or("", String::as_str)
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

    /// The refusal, the status or code that says so, and the text with it.
    fn refusal(&self) -> Option<(Refusal, u16, &str)> {
        let code = if let Code::Number(code) = self.code { Some(code) } else { None };
        let by_number = [Some(self.status), code]
            .into_iter()
            .flatten()
            .find_map(|code| Some((self.refused(code)?, code, self.text())));
        by_number.or_else(|| {
            self.texts.iter().find_map(|text| {
                let said = message(text)?;
                let (_, refusal) = REFUSALS.iter().find(|(words, _)| said.starts_with(words))?;
                Some((*refusal, code.unwrap_or(self.status), text.as_str()))
            })
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
        let text = self.texts.join(" ").to_ascii_uppercase();
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

    /// What shows that the report has answered, and that there is nothing in the range.
    fn evidence_of_nothing<R>(&self, decoded: &Result<Decoded<R>, NotReadable>) -> Option<Evidence> {
        // A word in the place of the code, or a list under another name: whatever this is, it isn't known.
        let is_known = decoded.as_ref().is_ok_and(|body| {
            body.code != Code::Unreadable && !matches!(body.data, Data::Unreadable) && !body.has_unknown_list
        });
        let is_text = matches!(decoded, Err(NotReadable::NoObject));
        let says_so = |text: String| text.contains(EMPTY_WINDOW) || text.starts_with("0 RECORDS WERE FOUND");
        let (ok, not_found) = (self.is_exactly(200), self.is(404) && matches!(self.status, 200 | 404));
        if (is_known || is_text) && (ok || not_found) && message(self.text()).is_some_and(says_so) {
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
                let has_names =
                    body.code == Code::Number(404) || body.msg.is_some() || !matches!(body.data, Data::Missing);
                has_names.then_some(Evidence::Object404)
            }
            Err(NotReadable::Nothing) if self.status == 404 => Some(Evidence::Bare404),
            _ => None,
        }
    }

    fn why_no_answer<R>(&self, decoded: &Result<Decoded<R>, NotReadable>) -> String {
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

/// A text where it can be one of the known messages, in capitals.
fn message(text: &str) -> Option<String> {
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '"');
    (!text.is_empty() && text.len() <= MAX_MESSAGE_BYTES).then(|| text.to_ascii_uppercase())
}

#[cfg(test)]
mod tests;

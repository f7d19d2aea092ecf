use std::str::FromStr;

use hyper::header::{AGE, DATE, HeaderName, HeaderValue, RETRY_AFTER};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::report::Report;

/// What the simulator can do wrong. The list is closed; `GET /control/` explains it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum Fault {
    /// Any status with any body; `retry_after` in seconds.
    Status {
        #[serde(default = "internal_server_error")]
        status: u16,
        #[serde(default)]
        body: String,
        #[serde(default = "json")]
        content_type: String,
        #[serde(default)]
        retry_after: Option<u64>,
    },
    /// 401 PLEASE ENTER THE WOLKVOX-TOKEN.
    TokenMissing,
    /// 403 PLEASE VALIDATE TOKEN.
    TokenRefused,
    /// 403 TOKEN LIMIT EXCEEDED.
    QuotaExceeded,
    /// 403 EXCEEDS THE LIMIT OF SIMULTANEOUS REQUESTS PER TOKEN (2).
    Busy,
    /// 403 with a text of its own.
    Maintenance {
        #[serde(default = "backup")]
        msg: String,
    },
    /// 400 THE API YOU WANT TO CONSULT DOES NOT EXIST.
    BadRequest,
    /// 429 with `Retry-After` in seconds.
    TooManyRequests {
        #[serde(default = "ten")]
        retry_after: u64,
    },
    /// HTTP 200, and in the body another code and no rows.
    BodyCode {
        #[serde(default = "internal_server_error")]
        code: u16,
        #[serde(default = "internal_error")]
        msg: String,
    },
    /// Takes the request and never answers.
    Hang,
    /// The whole answer, spread over `seconds`.
    SlowBody {
        #[serde(default = "ten")]
        seconds: u64,
    },
    /// Closes the connection instead of answering.
    Disconnect,
    /// Closes the connection in the middle of the body.
    CutBody,
    /// Half of the JSON, with the length that it then has.
    TruncatedJson,
    /// A page of HTML instead of the JSON.
    Html {
        #[serde(default = "ok")]
        status: u16,
    },
    /// A byte-order mark before the JSON.
    Bom,
    /// A warning of PHP before the JSON.
    PhpWarning,
    /// Text after the JSON.
    TrailingText,
    /// An empty answer where JSON is due.
    EmptyBody,
    /// A redirect to another address.
    Redirect {
        #[serde(default = "elsewhere")]
        to: String,
    },
    /// A body of this many bytes; 300 MiB is more than the API's own limit of 256.
    Oversized {
        #[serde(default = "three_hundred_mebibytes")]
        bytes: u64,
    },
    /// Rows that can't be counted, added to the true ones: no date, a bad date, not an object, out of range.
    BadRows,
    /// Every row twice.
    DuplicateRows,
    /// So many rows of the answer are announced and not delivered.
    MissingRows {
        #[serde(default = "one")]
        rows: u32,
    },
    /// The row of this `conn_id` is left out, and not announced either.
    LeftOut {
        #[serde(default)]
        conn_id: String,
    },
    /// Unreadable times: empty, negative, NaN, infinite, text, null, an array. In the totals the numbers of calls as well.
    OddTimes,
    /// Skill names with quotes, backslashes, line feeds, emoji, HTML, 10 kB.
    OddNames,
    /// Skill names that are not UTF-8.
    InvalidUtf8,
    /// Dates written, and the range read, in another zone.
    WrongZone {
        #[serde(default = "madrid")]
        zone: String,
    },
    /// Headers of its own, whatever else is wrong: `date` word for word, or `date_by` seconds from now; `age`;
    /// `retry_after`, or `retry_at` as a date so many seconds from now.
    Head {
        #[serde(default)]
        date: Option<String>,
        #[serde(default)]
        date_by: Option<i64>,
        #[serde(default)]
        age: Option<String>,
        #[serde(default)]
        retry_after: Option<String>,
        #[serde(default)]
        retry_at: Option<i64>,
    },
}

impl Fault {
    /// One of each, with its defaults: the catalogue.
    pub fn catalogue() -> Vec<Self> {
        NAMES.iter().filter_map(|(name, _)| Self::named(name).ok()).collect()
    }

    /// One line for each: name and meaning.
    pub fn help() -> String {
        NAMES.iter().map(|(name, meaning)| format!("  {name:<18} {meaning}\n")).collect()
    }

    /// The fault of this name with its defaults.
    fn named(name: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_value(serde_json::json!({ "fault": name }))
    }

    /// As it is written in JSON and on the command line.
    pub fn name(&self) -> String {
        let value = serde_json::to_value(self).unwrap_or_default();
        value["fault"].as_str().unwrap_or_default().to_owned()
    }

    /// The headers that an answer of `now` has by this fault.
    pub(super) fn headers(&self, now: Timestamp) -> Vec<(HeaderName, HeaderValue)> {
        let Self::Head { date, date_by, age, retry_after, retry_at } = self else { return Vec::new() };
        let http_date = |by: &i64| {
            let at = now.saturating_add(SignedDuration::from_secs(*by)).unwrap_or(now);
            at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
        };
        let date = date.clone().or(date_by.as_ref().map(http_date));
        let retry = retry_after.clone().or(retry_at.as_ref().map(http_date));
        let headers = [(DATE, date), (AGE, age.clone()), (RETRY_AFTER, retry)].into_iter();
        headers.filter_map(|(name, value)| Some((name, HeaderValue::from_str(&value?).ok()?))).collect()
    }

    /// Whether it changes the rows or the headers of an answer and leaves the rest alone.
    pub fn is_of_rows(&self) -> bool {
        matches!(
            self,
            Self::Head { .. }
                | Self::BadRows
                | Self::DuplicateRows
                | Self::MissingRows { .. }
                | Self::LeftOut { .. }
                | Self::OddTimes
                | Self::OddNames
                | Self::InvalidUtf8
                | Self::WrongZone { .. }
        )
    }

    /// What is wrong with its parameters, in words.
    pub fn check(&self) -> Result<(), String> {
        match self {
            Self::Status { status, .. } | Self::Html { status } if !(200..600).contains(status) => {
                Err(format!("{status} is no HTTP status that ends a request: 200 to 599"))
            }
            Self::WrongZone { zone } if TimeZone::get(zone).is_err() => {
                Err(format!("`{zone}` is not a time zone: write an IANA name such as America/Bogota"))
            }
            _ => Ok(()),
        }
    }
}

/// Name and meaning of each, in the order of the enum.
const NAMES: [(&str, &str); 30] = [
    ("status", "any status with any body; retry_after in seconds"),
    ("token_missing", "401 PLEASE ENTER THE WOLKVOX-TOKEN"),
    ("token_refused", "403 PLEASE VALIDATE TOKEN"),
    ("quota_exceeded", "403 TOKEN LIMIT EXCEEDED"),
    ("busy", "403 EXCEEDS THE LIMIT OF SIMULTANEOUS REQUESTS PER TOKEN (2)"),
    ("maintenance", "403 with the text in msg"),
    ("bad_request", "400 THE API YOU WANT TO CONSULT DOES NOT EXIST"),
    ("too_many_requests", "429 with Retry-After"),
    ("body_code", "HTTP 200, and another code in the body"),
    ("hang", "takes the request and never answers"),
    ("slow_body", "the whole answer, spread over so many seconds"),
    ("disconnect", "closes the connection instead of answering"),
    ("cut_body", "closes the connection in the middle of the body"),
    ("truncated_json", "half of the JSON, with the length that it then has"),
    ("html", "a page of HTML instead of the JSON"),
    ("bom", "a byte-order mark before the JSON"),
    ("php_warning", "a warning of PHP before the JSON"),
    ("trailing_text", "text after the JSON"),
    ("empty_body", "HTTP 200 with no body"),
    ("redirect", "302 to another address"),
    ("oversized", "a body of so many bytes"),
    ("bad_rows", "adds rows that can't be counted: no date, a bad date, no object, out of range"),
    ("duplicate_rows", "every row twice"),
    ("missing_rows", "so many rows are announced and not delivered"),
    ("left_out", "the row of a conn_id is left out, and not announced either"),
    ("odd_times", "unreadable times; in the totals unreadable numbers"),
    ("odd_names", "skill names with quotes, line feeds, emoji, 10 kB"),
    ("invalid_utf8", "skill names that are not UTF-8"),
    ("wrong_zone", "dates written, and the range read, in another zone"),
    ("head", "headers: date, or date_by seconds from now; age; retry_after, or retry_at"),
];

/// A fault that is switched on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Armed {
    #[serde(flatten)]
    pub fault: Fault,
    /// How many answers it still spoils; `None`: until it is cleared.
    #[serde(default)]
    pub answers: Option<u32>,
    /// The operation that it is for; `None`: all.
    #[serde(default)]
    pub operation: Option<String>,
    /// The report that it is for; `None`: all.
    #[serde(default)]
    pub report: Option<Report>,
}

impl Armed {
    pub fn new(fault: Fault, answers: Option<u32>) -> Self {
        Self { fault, answers, operation: None, report: None }
    }
}

/// `hang`, `hang:3` for three answers, or the JSON object of the control endpoint.
impl FromStr for Armed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let armed = if text.trim_start().starts_with('{') {
            serde_json::from_str(text).map_err(|error| format!("`{text}` is not a fault: {error}"))?
        } else {
            let (name, answers) = match text.split_once(':') {
                Some((name, count)) => {
                    let count = count.parse().map_err(|_| format!("`{count}` is not a number of answers"))?;
                    (name, Some(count))
                }
                None => (text, None),
            };
            let fault = Fault::named(name).map_err(|_| {
                format!("`{name}` is not a fault; there are: {}", NAMES.map(|(name, _)| name).join(", "))
            })?;
            Self::new(fault, answers)
        };
        armed.fault.check()?;
        Ok(armed)
    }
}

/// The faults that are switched on.
#[derive(Debug, Default)]
pub struct Faults(Vec<Armed>);

impl Faults {
    pub fn set(&mut self, armed: Armed) {
        self.0.push(armed);
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }

    pub fn armed(&self) -> &[Armed] {
        &self.0
    }

    /// Those that spoil the next answer to `operation`: all that concern rows, and the first of the others. `report` is
    /// `None` where a request names none that there is.
    pub fn take(&mut self, operation: &str, report: Option<Report>) -> Vec<Fault> {
        let mut taken: Vec<Fault> = Vec::new();
        for armed in &mut self.0 {
            let of_it = armed.operation.as_deref().is_none_or(|name| name == operation)
                && (armed.report.is_none() || armed.report == report);
            let free = armed.fault.is_of_rows() || taken.iter().all(Fault::is_of_rows);
            if of_it && free && armed.answers != Some(0) {
                armed.answers = armed.answers.map(|answers| answers - 1);
                taken.push(armed.fault.clone());
            }
        }
        self.0.retain(|armed| armed.answers != Some(0));
        taken
    }
}

fn internal_server_error() -> u16 {
    500
}

fn ok() -> u16 {
    200
}

fn json() -> String {
    "application/json; charset=utf-8".to_owned()
}

fn backup() -> String {
    "SERVER BACKUP IN PROGRESS, PLEASE TRY AGAIN LATER".to_owned()
}

fn internal_error() -> String {
    "INTERNAL ERROR".to_owned()
}

fn elsewhere() -> String {
    "https://example.com/login".to_owned()
}

fn madrid() -> String {
    "Europe/Madrid".to_owned()
}

fn one() -> u32 {
    1
}

fn ten() -> u64 {
    10
}

fn three_hundred_mebibytes() -> u64 {
    300 << 20
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_a_fault_with_defaults_that_are_allowed() {
        let catalogue = Fault::catalogue();
        assert_eq!(catalogue.len(), NAMES.len());
        for (fault, (name, _)) in catalogue.iter().zip(NAMES) {
            assert_eq!(fault.check(), Ok(()));
            assert_eq!(serde_json::to_value(fault).unwrap()["fault"], name);
        }
        // The error for an unknown name lists what serde knows.
        let error = serde_json::from_str::<Fault>(r#"{"fault":"?"}"#).unwrap_err().to_string();
        assert_eq!(error.matches('`').count() / 2 - 1, NAMES.len(), "{error}");
    }

    #[test]
    fn a_fault_can_be_written_in_short_or_in_full() {
        assert_eq!("hang".parse(), Ok(Armed::new(Fault::Hang, None)));
        assert_eq!("hang:3".parse(), Ok(Armed::new(Fault::Hang, Some(3))));
        let full = r#"{"fault":"html","status":502,"answers":1,"operation":"ventas","report":"totals"}"#;
        let full: Armed = full.parse().unwrap();
        assert_eq!((&full.fault, full.report), (&Fault::Html { status: 502 }, Some(Report::Totals)));
        assert_eq!((full.answers, full.operation.as_deref()), (Some(1), Some("ventas")));
        for bad in ["hang:x", "no_such", r#"{"fault":"status","status":100}"#, r#"{"fault":"wrong_zone","zone":"X"}"#] {
            assert!(bad.parse::<Armed>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_fault_ends_with_its_answers_and_others_wait_for_their_turn() {
        let mut faults = Faults::default();
        faults.set(Armed::new(Fault::DuplicateRows, None));
        faults.set(Armed::new(Fault::Bom, Some(1)));
        faults.set(Armed { operation: Some("other".into()), ..Armed::new(Fault::Hang, None) });
        faults.set(Armed::new(Fault::Busy, Some(1)));
        assert_eq!(faults.take("ventas", Some(Report::Abandoned)), [Fault::DuplicateRows, Fault::Bom]);
        assert_eq!(faults.take("ventas", Some(Report::Abandoned)), [Fault::DuplicateRows, Fault::Busy]);
        assert_eq!(faults.take("ventas", Some(Report::Abandoned)), [Fault::DuplicateRows]);
        assert_eq!(faults.take("other", Some(Report::Abandoned)), [Fault::DuplicateRows, Fault::Hang]);
        faults.clear();
        assert_eq!(faults.take("other", Some(Report::Abandoned)), []);
    }

    #[test]
    fn a_fault_can_be_of_one_report() {
        let mut faults = Faults::default();
        faults.set(Armed { report: Some(Report::Answered), ..Armed::new(Fault::Hang, Some(1)) });
        faults.set(Armed { report: Some(Report::Totals), ..Armed::new(Fault::OddTimes, None) });
        faults.set(Armed::new(Fault::OddNames, None));
        assert_eq!(faults.take("ventas", Some(Report::Abandoned)), [Fault::OddNames]);
        assert_eq!(faults.take("ventas", None), [Fault::OddNames]);
        assert_eq!(faults.take("ventas", Some(Report::Totals)), [Fault::OddTimes, Fault::OddNames]);
        assert_eq!(faults.take("ventas", Some(Report::Answered)), [Fault::Hang, Fault::OddNames]);
        assert_eq!(faults.take("ventas", Some(Report::Answered)), [Fault::OddNames]);
    }
}

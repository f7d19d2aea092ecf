use std::borrow::Cow;
use std::sync::Arc;

use jiff::Timestamp;

/// One call that reached a queue, as it really was. The report shows it as a row.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The hang-up (for an answered call the answer), in whole seconds of UTC.
    pub at: Timestamp,
    /// When the report first shows the call; not before `at`.
    pub visible_at: Timestamp,
    /// Until then the report says `ANSWER` instead of `result`; `None`: `result` from the beginning.
    pub corrected_at: Option<Timestamp>,
    pub skill_id: Arc<str>,
    pub skill_name: Arc<str>,
    /// May be empty.
    pub conn_id: String,
    pub type_interaction: Cow<'static, str>,
    pub result: Cow<'static, str>,
    /// Seconds waited; `None` is written as an empty text.
    pub abandon_time: Option<f64>,
    /// Personal data; invented ones, but treated by the exporter as if they were not.
    pub ani: String,
    pub customer_id: String,
}

impl Call {
    /// An abandoned voice call with the least that a test needs: who, when, how long. It is visible at once.
    pub fn abandoned(at: Timestamp, skill_id: &str, conn_id: &str, seconds: f64) -> Self {
        Self {
            at,
            visible_at: at,
            corrected_at: None,
            skill_id: skill_id.into(),
            skill_name: skill_id.into(),
            conn_id: conn_id.to_owned(),
            type_interaction: inbound(),
            result: abandon(),
            abandon_time: Some(seconds),
            ani: String::new(),
            customer_id: String::new(),
        }
    }

    /// Whether the caller gave up: `result` begins with `abandon` in any case.
    pub fn is_abandoned(&self) -> bool {
        self.result.as_bytes().get(..7).is_some_and(|start| start.eq_ignore_ascii_case(b"abandon"))
    }

    /// `result` as the report shows it at `now`.
    pub fn result_at(&self, now: Timestamp) -> &str {
        match self.corrected_at {
            Some(corrected) if now < corrected => "ANSWER",
            _ => &self.result,
        }
    }
}

/// A skill of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skill {
    pub id: Arc<str>,
    pub name: Arc<str>,
}

/// A row that the report shows word for word, whatever it is. It is in no truth.
#[derive(Debug, Clone, PartialEq)]
pub struct RawRow {
    /// Says which ranges of dates the row is in.
    pub at: Timestamp,
    pub visible_at: Option<Timestamp>,
    /// Written into `data` as it stands; need not be JSON.
    pub text: String,
}

/// What a test or a person adds to the traffic.
#[derive(Debug, Clone, PartialEq)]
pub enum Injected {
    Raw(RawRow),
    Call(Call),
}

impl From<Call> for Injected {
    fn from(call: Call) -> Self {
        Self::Call(call)
    }
}

impl From<RawRow> for Injected {
    fn from(row: RawRow) -> Self {
        Self::Raw(row)
    }
}

fn inbound() -> Cow<'static, str> {
    Cow::Borrowed("inbound")
}

fn abandon() -> Cow<'static, str> {
    Cow::Borrowed("ABANDON")
}

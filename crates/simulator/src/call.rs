use std::borrow::Cow;
use std::sync::Arc;

use jiff::Timestamp;

use super::report::Report;

/// One call that reached a queue, as it really was. The reports show it as a row.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The outcome: the caller gave up, or an agent answered. In whole seconds of UTC.
    pub at: Timestamp,
    /// When the reports first show the call; not before `at`.
    pub visible_at: Timestamp,
    /// Until then its row says `ANSWER` instead of `result`; `None`: `result` from the beginning.
    pub corrected_at: Option<Timestamp>,
    pub skill_id: Arc<str>,
    pub skill_name: Arc<str>,
    /// May be empty.
    pub conn_id: String,
    pub type_interaction: Cow<'static, str>,
    pub result: Cow<'static, str>,
    /// Seconds in the queue, the report's `abandon_time` or `answer_time`; `None` is written as an empty text.
    pub waited: Option<f64>,
    /// Personal data; invented ones, but treated by the exporter as if they were not.
    pub ani: String,
    pub customer_id: String,
    /// Of the agent who answered; personal data too.
    pub agent_id: String,
    /// Whether it is a row of the abandoned calls, whatever its `result`.
    pub in_abandoned: bool,
    /// Whether it is a row of the answered calls, whatever its `result`.
    pub in_answered: bool,
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
            waited: Some(seconds),
            ani: String::new(),
            customer_id: String::new(),
            agent_id: String::new(),
            in_abandoned: true,
            in_answered: false,
        }
    }

    /// The same of an answered one.
    pub fn answered(at: Timestamp, skill_id: &str, conn_id: &str, seconds: f64) -> Self {
        let result = Cow::Borrowed("ANSWER");
        let call = Self::abandoned(at, skill_id, conn_id, seconds);
        Self { result, in_abandoned: false, in_answered: true, ..call }
    }

    /// Whether the caller gave up: `result` begins with `abandon` in any case.
    pub fn is_abandoned(&self) -> bool {
        self.result.as_bytes().get(..7).is_some_and(|start| start.eq_ignore_ascii_case(b"abandon"))
    }

    /// Whether an agent answered: a row of the answered calls that doesn't say otherwise.
    pub fn is_answered(&self) -> bool {
        self.in_answered && !self.is_abandoned()
    }

    /// `result` as the reports show it at `now`.
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

/// A row that a report shows word for word, whatever it is. It is in no truth.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RawRow {
    pub report: Report,
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

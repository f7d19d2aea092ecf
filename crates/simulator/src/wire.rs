//! JSON of the control endpoint.

use std::borrow::Cow;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::call::{Call, Injected, RawRow};
use super::report::Report;
use super::traffic::{Cause, Incident};

/// A call of the truth, as `/control/truth` tells it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TrueCall {
    /// Of the hang-up, in seconds since 1970.
    pub epoch: i64,
    #[serde(serialize_with = "instant")]
    pub at: Timestamp,
    #[serde(serialize_with = "instant")]
    pub visible_at: Timestamp,
    /// As the report writes it.
    pub date: String,
    pub skill_id: String,
    pub skill_name: String,
    pub conn_id: String,
    pub type_interaction: String,
    pub result: String,
    pub abandoned: bool,
    pub answered: bool,
    pub waited: Option<f64>,
    pub ani: String,
    pub customer_id: String,
    pub agent_id: String,
}

impl TrueCall {
    pub fn new(call: &Call, zone: &TimeZone) -> Self {
        Self {
            epoch: call.at.as_second(),
            at: call.at,
            visible_at: call.visible_at,
            date: zone.to_datetime(call.at).strftime("%Y-%m-%d %H:%M:%S").to_string(),
            skill_id: call.skill_id.to_string(),
            skill_name: call.skill_name.to_string(),
            conn_id: call.conn_id.clone(),
            type_interaction: call.type_interaction.to_string(),
            result: call.result.to_string(),
            abandoned: call.is_abandoned(),
            answered: call.is_answered(),
            waited: call.waited,
            ani: call.ani.clone(),
            customer_id: call.customer_id.clone(),
            agent_id: call.agent_id.clone(),
        }
    }
}

/// A call or a raw row to be added: with `raw` it is a row written word for word, else a call by its fields. It is a row
/// of `report`: of the abandoned calls where nothing is said.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddedCall {
    at: Instant,
    visible_at: Option<Instant>,
    corrected_at: Option<Instant>,
    raw: Option<String>,
    #[serde(default)]
    report: Report,
    #[serde(default)]
    skill_id: String,
    skill_name: Option<String>,
    #[serde(default)]
    conn_id: String,
    type_interaction: Option<String>,
    result: Option<String>,
    #[serde(alias = "abandon_time", alias = "answer_time")]
    waited: Option<f64>,
    #[serde(default)]
    ani: String,
    #[serde(default)]
    customer_id: String,
    #[serde(default)]
    agent_id: String,
}

impl From<AddedCall> for Injected {
    fn from(added: AddedCall) -> Self {
        let visible_at = added.visible_at.map(|instant| instant.0);
        if let Some(text) = added.raw {
            return Self::Raw(RawRow { report: added.report, at: added.at.0, visible_at, text });
        }
        let made = if added.report == Report::Answered { Call::answered } else { Call::abandoned };
        let mut call = made(added.at.0, &added.skill_id, &added.conn_id, 0.0);
        call.visible_at = visible_at.unwrap_or(call.at);
        call.corrected_at = added.corrected_at.map(|instant| instant.0);
        call.waited = added.waited;
        (call.ani, call.customer_id, call.agent_id) = (added.ani, added.customer_id, added.agent_id);
        if let Some(name) = added.skill_name {
            call.skill_name = name.into();
        }
        if let Some(kind) = added.type_interaction {
            call.type_interaction = Cow::Owned(kind);
        }
        if let Some(result) = added.result {
            call.result = Cow::Owned(result);
        }
        Self::Call(call)
    }
}

/// An incident to be added: `{"skill":"4173","factor":2.5,"from":"2026-01-18T19:00:00Z","for":"30m"}`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddedIncident {
    operation: Option<String>,
    skill: Option<String>,
    factor: f64,
    #[serde(default)]
    cause: Cause,
    /// Now, where it is missing.
    from: Option<Instant>,
    r#for: String,
}

impl AddedIncident {
    pub fn operation(&self) -> Option<&str> {
        self.operation.as_deref()
    }

    pub fn into_incident(self, now: Timestamp) -> Result<Incident, String> {
        let from = self.from.map_or(now, |instant| instant.0);
        let until = from + length(&self.r#for)?;
        let incident = Incident { skill: self.skill, factor: self.factor, cause: self.cause, from, until };
        incident.check().map_err(|error| error.to_string())?;
        Ok(incident)
    }
}

/// An incident as `/control/incidents` tells it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TrueIncident {
    /// `None`: all skills.
    pub skill: Option<String>,
    pub factor: f64,
    pub cause: Cause,
    /// In seconds since 1970.
    pub from: i64,
    pub until: i64,
}

impl From<Incident> for TrueIncident {
    fn from(incident: Incident) -> Self {
        let Incident { skill, factor, cause, from, until } = incident;
        Self { skill, factor, cause, from: from.as_second(), until: until.as_second() }
    }
}

/// A duration such as `30m`, at most a year.
pub(super) fn length(text: &str) -> Result<SignedDuration, String> {
    const YEAR: Duration = Duration::from_secs(366 * 86_400);
    let duration = humantime::parse_duration(text).map_err(|error| format!("`{text}` is not a duration: {error}"))?;
    if duration > YEAR {
        return Err(format!("`{text}` is longer than a year"));
    }
    SignedDuration::try_from(duration).map_err(|error| error.to_string())
}

/// RFC 3339, or seconds since 1970.
pub(super) fn read_instant(text: &str) -> Result<Timestamp, String> {
    match text.parse::<i64>() {
        Ok(second) => Timestamp::from_second(second).map_err(|error| error.to_string()),
        Err(_) => text
            .parse()
            .map_err(|_| format!("`{text}` is not an instant: write 2026-01-18T19:34:31Z, or seconds since 1970")),
    }
}

pub(super) fn instant<S: Serializer>(instant: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(instant)
}

#[derive(Debug, Clone, Copy)]
struct Instant(Timestamp);

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Second(i64),
            Text(String),
        }
        let text = match Form::deserialize(deserializer)? {
            Form::Second(second) => second.to_string(),
            Form::Text(text) => text,
        };
        read_instant(&text).map(Self).map_err(serde::de::Error::custom)
    }
}

//! The wolkvox of a history: it answers as the API does, and keeps a record of what it told.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{Timestamp, civil::DateTime};
use tokio::time::Instant;

use wolkvox_exporter::domain::identity::{RowContent, RowHasher};
use wolkvox_exporter::domain::outcome::Outcome;
use wolkvox_exporter::domain::range::CivilRange;
use wolkvox_exporter::domain::row::{ReadRow, Row};
use wolkvox_exporter::poller::Clock;
use wolkvox_exporter::wolkvox::{AbandonedCallsReport, Answer, Call, Failure};

use crate::history::{self, History};

/// True time, and the host's idea of it.
#[derive(Clone)]
pub struct ModelClock {
    pub begin: Timestamp,
    pub began: Instant,
    /// Seconds by which the host's clock is ahead.
    pub error: i64,
}

impl ModelClock {
    pub fn true_time(&self) -> Timestamp {
        self.begin + self.began.elapsed()
    }
}

impl Clock for ModelClock {
    fn now(&self) -> Timestamp {
        self.true_time() + jiff::SignedDuration::from_secs(self.error)
    }
}

/// What the report says of a call, worked out once.
pub struct TrueCall {
    pub at: Timestamp,
    pub date: DateTime,
    pub visible_at: Timestamp,
    pub abandoned_at: Timestamp,
    pub conn_id: String,
    pub skill_id: String,
    pub type_interaction: &'static str,
    pub began: Option<Timestamp>,
    pub waited: Option<u16>,
    pub twice: bool,
}

/// An answer that the exporter may have used.
pub struct Told {
    pub asked: CivilRange,
    pub at: Timestamp,
    /// Whether some of its rows were held back.
    pub short: bool,
    pub rows: Vec<ToldRow>,
}

#[derive(Clone)]
pub struct ToldRow {
    pub call: usize,
    pub abandoned: bool,
}

#[derive(Clone)]
pub struct World {
    shared: Arc<Shared>,
    pub clock: ModelClock,
}

pub struct Shared {
    pub zone: TimeZone,
    pub calls: Vec<TrueCall>,
    end_included: bool,
    answers: Mutex<std::vec::IntoIter<history::Answer>>,
    pub told: Mutex<Vec<Told>>,
    pub outcomes: Mutex<HashMap<&'static str, u64>>,
}

const FAILURES: [Outcome; 9] = [
    Outcome::Unauthorized,
    Outcome::QuotaExceeded,
    Outcome::Busy,
    Outcome::Maintenance,
    Outcome::BadRequest,
    Outcome::ServerError,
    Outcome::Timeout,
    Outcome::Connect,
    Outcome::Malformed,
];

impl World {
    pub fn new(history: &History, clock: ModelClock) -> Self {
        let zone = TimeZone::get(history.zone).unwrap();
        let calls = history.calls.iter().map(|call| true_call(call, &zone, clock.begin)).collect();
        let answers = Mutex::new(history.answers.clone().into_iter());
        let shared = Shared {
            zone,
            calls,
            end_included: history.end_included,
            answers,
            told: Mutex::default(),
            outcomes: Mutex::default(),
        };
        Self { shared: Arc::new(shared), clock }
    }

    pub fn shared(&self) -> &Shared {
        &self.shared
    }

    fn rows(&self, range: CivilRange, now: Timestamp) -> Vec<ToldRow> {
        let mut rows = Vec::new();
        for (index, call) in self.shared.calls.iter().enumerate() {
            let inside =
                range.ini <= call.date && (call.date < range.end || self.shared.end_included && call.date == range.end);
            if inside && call.visible_at <= now {
                let row = ToldRow { call: index, abandoned: call.abandoned_at <= now };
                rows.extend(std::iter::repeat_n(row, if call.twice { 2 } else { 1 }));
            }
        }
        // No order is promised.
        if now.as_second() % 2 == 0 {
            rows.reverse();
        }
        rows
    }

    fn count(&self, outcome: &'static str) {
        *self.shared.outcomes.lock().unwrap().entry(outcome).or_default() += 1;
    }
}

fn true_call(call: &history::Call, zone: &TimeZone, begin: Timestamp) -> TrueCall {
    let at = begin + jiff::SignedDuration::from_secs(call.at);
    let visible_at = at + Duration::from_secs(call.lateness as u64);
    let began =
        (!call.chat && call.conn_id.is_some()).then(|| at - Duration::from_secs(call.waited.unwrap_or(5).into()));
    TrueCall {
        at,
        date: zone.to_datetime(at),
        visible_at,
        abandoned_at: call.answered_until.map_or(Timestamp::MIN, |after| at + Duration::from_secs(after as u64)),
        conn_id: call.conn_id.map_or(String::new(), |number| format!("{number}")),
        skill_id: format!("{}", 4_170 + u32::from(call.skill)),
        type_interaction: if call.chat { "chat-web" } else { "inbound" },
        began,
        waited: call.waited,
        twice: call.twice,
    }
}

impl Shared {
    /// The row as the exporter's parser would give it.
    fn row(&self, told: &ToldRow, hasher: &RowHasher) -> Row {
        let call = &self.calls[told.call];
        let date = call.date.to_string();
        let result = if told.abandoned { "ABANDON" } else { "ANSWER" };
        let waited = call.waited.map_or(String::new(), |waited| waited.to_string());
        let whole = [call.conn_id.as_str(), &call.skill_id, &date, result, &waited, call.type_interaction];
        let identity = if call.conn_id.is_empty() { &whole[..] } else { &whole[..3] };
        let content = hasher.hash("content", whole).0;
        Row {
            id: hasher.hash("identity", identity.iter().copied()),
            content: RowContent(u64::from_le_bytes(content[..8].try_into().unwrap())),
            date: call.date,
            began: call.began,
            skill_id: call.skill_id.as_str().into(),
            skill_name: Some(format!("skill {}", call.skill_id).into()),
            type_interaction: call.type_interaction.into(),
            abandoned: told.abandoned,
            abandon_time: call.waited.map(f64::from),
        }
    }

    /// What makes two rows the same one.
    pub fn identity(&self, told: &ToldRow) -> String {
        let call = &self.calls[told.call];
        let key = format!("{}|{}|{}", call.conn_id, call.skill_id, call.date);
        if call.conn_id.is_empty() { format!("{key}|{}", self.content(told)) } else { key }
    }

    pub fn content(&self, told: &ToldRow) -> String {
        let call = &self.calls[told.call];
        format!("{}|{:?}|{}", told.abandoned, call.waited, call.type_interaction)
    }
}

impl AbandonedCallsReport for World {
    async fn fetch(&self, range: CivilRange, hasher: &RowHasher) -> Call {
        let answer = self.shared.answers.lock().unwrap().next().unwrap_or(history::Answer::Well { latency: 1 });
        let (latency, missing) = match answer {
            history::Answer::Failure { kind, latency, retry_after } => {
                tokio::time::sleep(Duration::from_secs(latency)).await;
                let outcome = FAILURES[usize::from(kind)];
                self.count(outcome.as_str());
                let retry_after = retry_after.map(Duration::from_secs);
                let failure = Failure { outcome, message: format!("{outcome} by the history"), retry_after };
                let server_time = (outcome != Outcome::Connect).then(|| self.clock.true_time());
                return Call { took: Some(Duration::from_secs(latency)), server_time, result: Err(failure) };
            }
            history::Answer::Well { latency } => (latency, 0),
            history::Answer::Short { missing } => (1, usize::from(missing)),
        };
        tokio::time::sleep(Duration::from_secs(latency)).await;
        let now = self.clock.true_time();
        let mut rows = self.rows(range, now);
        let announced = rows.len() as u64;
        rows.truncate(rows.len().saturating_sub(missing));
        let short = (rows.len() as u64) < announced;
        let answer = Answer {
            rows: rows.iter().map(|row| ReadRow::Row(self.shared.row(row, hasher))).collect(),
            announced: Some(announced),
        };
        self.count(match () {
            () if short => "incomplete",
            () if rows.is_empty() => "empty",
            () => "ok",
        });
        self.shared.told.lock().unwrap().push(Told { asked: range, at: now, short, rows });
        Call { took: Some(Duration::from_secs(latency)), server_time: Some(now), result: Ok(answer) }
    }

    fn token_fingerprint(&self) -> u64 {
        1
    }
}

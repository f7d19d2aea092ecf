//! The wolkvox of a history: it answers as the API does, and keeps a record of what it told.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, civil::DateTime};
use tokio::sync::Notify;
use tokio::time::Instant;

use domain::account::Account;
use domain::evidence::Evidence;
use domain::identity::{RowContent, RowHasher};
use domain::outcome::Outcome;
use domain::range::CivilRange;
use domain::row::{ReadRow, Row};
use domain::server_time::Stamp;
use wolkvox_exporter::clock::Clock;
use wolkvox_exporter::operation::Operation;
use wolkvox_exporter::wolkvox::{AbandonedCallsReport, Answer, Call, Failure, Token};

use crate::history::{self, History};

/// True time, and the host's idea of it.
#[derive(Clone)]
pub struct ModelClock {
    pub begin: Timestamp,
    pub began: Instant,
    /// Seconds by which the host's clock is ahead.
    pub error: Arc<AtomicI64>,
}

impl ModelClock {
    pub fn true_time(&self) -> Timestamp {
        self.begin + self.began.elapsed()
    }
}

impl Clock for ModelClock {
    fn now(&self) -> Timestamp {
        self.true_time() + SignedDuration::from_secs(self.error.load(Ordering::Relaxed))
    }
}

/// What the report says of a call, worked out once.
pub struct TrueCall {
    pub at: Timestamp,
    pub date: DateTime,
    pub visible_at: Timestamp,
    pub abandoned_at: Timestamp,
    pub conn_id: String,
    pub skill: u8,
    pub skill_id: String,
    pub type_interaction: &'static str,
    pub began: Option<Timestamp>,
    pub waited: Option<u16>,
    pub twice: bool,
}

/// A call to the API that ended, and what the exporter made of it.
#[derive(Clone)]
pub struct Told {
    pub asked: CivilRange,
    pub from: Timestamp,
    pub at: Timestamp,
    /// By the host's clock.
    pub host_at: Timestamp,
    pub outcome: Outcome,
    pub retry_after: Option<Duration>,
    /// Rows that were announced and not delivered.
    pub short: u64,
    /// Whether some of them are delivered by other answers.
    pub held_back: bool,
    pub rows: Vec<ToldRow>,
    /// When the poll began that this call is a part of, by true time.
    pub poll_began: Timestamp,
    pub first_of_poll: bool,
    pub before: Arc<Account>,
    pub after: Option<Arc<Account>>,
}

#[derive(Clone)]
pub struct ToldRow {
    pub call: usize,
    pub abandoned: bool,
    pub name: String,
}

/// What a life can be watched by from inside a call.
#[derive(Clone)]
pub struct Insight {
    pub operation: Arc<Operation>,
    /// When the last poll that has ended began, as the pulse had it at the last call; and when the present one did.
    last_poll: Option<Timestamp>,
    poll_began: Option<Timestamp>,
}

#[derive(Clone)]
pub struct World {
    shared: Arc<Shared>,
    pub clock: ModelClock,
}

pub struct Shared {
    pub zone: TimeZone,
    pub calls: Vec<TrueCall>,
    renames: Vec<(Timestamp, u8, u8)>,
    old_rows_are_renamed: bool,
    /// The date of the row that is announced and never delivered, and from when on it is.
    pub phantom: Option<(DateTime, Timestamp)>,
    end_included: bool,
    answers: Mutex<std::vec::IntoIter<history::Answer>>,
    /// From then on all is well.
    pub calm: AtomicBool,
    pub told: Mutex<Vec<Told>>,
    pub insight: Mutex<Option<Insight>>,
    /// Ends the life.
    pub kill: Notify,
    pub in_flight: AtomicBool,
    /// Set when something was asked that must never be.
    pub offence: Mutex<Option<String>>,
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
        let instant = |second| clock.begin + SignedDuration::from_secs(second);
        let shared = Shared {
            zone: zone.clone(),
            calls: alike_where_they_are_one(
                history.calls.iter().map(|call| true_call(call, &zone, clock.begin)).collect(),
            ),
            renames: history.renames.iter().map(|rename| (instant(rename.at), rename.skill, rename.name)).collect(),
            old_rows_are_renamed: history.old_rows_are_renamed,
            phantom: history.phantom.map(|second| (zone.to_datetime(instant(second)), instant(second))),
            end_included: history.end_included,
            answers: Mutex::new(history.answers.clone().into_iter()),
            calm: AtomicBool::default(),
            told: Mutex::default(),
            insight: Mutex::default(),
            kill: Notify::new(),
            in_flight: AtomicBool::default(),
            offence: Mutex::default(),
        };
        Self { shared: Arc::new(shared), clock }
    }

    pub fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Notes what the last call led to. Between two calls nothing else changes what they count.
    pub fn note_after(&self) {
        let insight = self.shared.insight.lock().unwrap();
        let mut told = self.shared.told.lock().unwrap();
        if let (Some(insight), Some(last)) = (&*insight, told.last_mut())
            && last.after.is_none()
        {
            last.after = Some(insight.operation.abandoned.account());
        }
    }

    pub fn life_began(&self, operation: &Arc<Operation>) {
        let insight = Insight { operation: operation.clone(), last_poll: None, poll_began: None };
        *self.shared.insight.lock().unwrap() = Some(insight);
        self.shared.in_flight.store(false, Ordering::Relaxed);
    }

    pub fn life_ended(&self) {
        *self.shared.insight.lock().unwrap() = None;
    }

    fn rows(&self, range: CivilRange, now: Timestamp) -> (Vec<ToldRow>, u64) {
        let inside = |date| range.ini <= date && (date < range.end || self.shared.end_included && date == range.end);
        let mut rows = Vec::new();
        for (index, call) in self.shared.calls.iter().enumerate() {
            if inside(call.date) && call.visible_at <= now {
                let name = self.shared.name(call, now);
                let row = ToldRow { call: index, abandoned: call.abandoned_at <= now, name };
                rows.extend(std::iter::repeat_n(row, if call.twice { 2 } else { 1 }));
            }
        }
        // No order is promised.
        if now.as_second() % 2 == 0 {
            rows.reverse();
        }
        let phantom = self.shared.phantom.is_some_and(|(date, from)| inside(date) && from <= now);
        (rows, u64::from(phantom))
    }

    fn begin_call(&self) -> (Arc<Account>, Timestamp, bool) {
        self.note_after();
        if self.shared.in_flight.swap(true, Ordering::Relaxed) {
            *self.shared.offence.lock().unwrap() = Some("two calls at once".to_owned());
        }
        let mut insight = self.shared.insight.lock().unwrap();
        let insight = insight.as_mut().expect("calls are made within a life");
        let last_poll = insight.operation.abandoned.pulse().polls.front().map(|poll| poll.at);
        let first = insight.poll_began.is_none() || last_poll != insight.last_poll;
        if first {
            insight.poll_began = Some(self.clock.true_time());
        }
        insight.last_poll = last_poll;
        (insight.operation.abandoned.account(), insight.poll_began.expect("set above"), first)
    }
}

/// Calls of one identity are one row, and which of several contents is counted is open: they say the same here.
fn alike_where_they_are_one(mut calls: Vec<TrueCall>) -> Vec<TrueCall> {
    for later in 1..calls.len() {
        let (before, from) = calls.split_at_mut(later);
        let call = &mut from[0];
        let is_same = |one: &&TrueCall| {
            !call.conn_id.is_empty()
                && (&one.conn_id, &one.skill_id, one.date) == (&call.conn_id, &call.skill_id, call.date)
        };
        if let Some(first) = before.iter().find(is_same) {
            (call.waited, call.type_interaction, call.began) = (first.waited, first.type_interaction, first.began);
        }
    }
    calls
}

fn true_call(call: &history::Call, zone: &TimeZone, begin: Timestamp) -> TrueCall {
    let at = begin + SignedDuration::from_secs(call.at);
    let visible_at = at + Duration::from_secs(call.lateness as u64);
    let began =
        (!call.chat && call.conn_id.is_some()).then(|| at - Duration::from_secs(call.waited.unwrap_or(5).into()));
    TrueCall {
        at,
        date: zone.to_datetime(at),
        visible_at,
        abandoned_at: call.answered_until.map_or(Timestamp::MIN, |after| at + Duration::from_secs(after as u64)),
        conn_id: call.conn_id.map_or(String::new(), |number| format!("{number}")),
        skill: call.skill,
        skill_id: format!("{}", 4_170 + u32::from(call.skill)),
        type_interaction: if call.chat { "chat-web" } else { "inbound" },
        began,
        waited: call.waited,
        twice: call.twice,
    }
}

impl Shared {
    fn name(&self, call: &TrueCall, now: Timestamp) -> String {
        let as_of = if self.old_rows_are_renamed { now } else { call.at };
        let last =
            self.renames.iter().filter(|(at, skill, _)| *skill == call.skill && *at <= as_of).max_by_key(|one| one.0);
        format!("skill {} {}", call.skill_id, last.map_or(0, |rename| rename.2))
    }

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
            skill_name: Some(told.name.as_str().into()),
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
    async fn fetch(&self, range: CivilRange, _: &Token, hasher: &RowHasher) -> Call {
        let (before, poll_began, first_of_poll) = self.begin_call();
        let from = self.clock.true_time();
        let calm = self.shared.calm.load(Ordering::Relaxed);
        let next = if calm { None } else { self.shared.answers.lock().unwrap().next() };
        let answer = next.unwrap_or(history::Answer::Well { latency: 1 });
        let (latency, missing) = match answer {
            history::Answer::Short { missing } => (1, usize::from(missing)),
            history::Answer::Well { latency }
            | history::Answer::KilledBeforeCommit { latency }
            | history::Answer::KilledAfterCommit { latency }
            | history::Answer::Failure { latency, .. } => (latency, 0),
        };
        tokio::time::sleep(Duration::from_secs(latency)).await;
        let at = self.clock.true_time();
        let mut told = Told {
            asked: range,
            from,
            at,
            host_at: self.clock.now(),
            outcome: Outcome::Ok,
            retry_after: None,
            short: 0,
            held_back: false,
            rows: Vec::new(),
            poll_began,
            first_of_poll,
            before,
            after: None,
        };
        let took = Some(Duration::from_secs(latency));
        if let history::Answer::Failure { kind, retry_after, .. } = answer {
            told.outcome = FAILURES[usize::from(kind)];
            told.retry_after = retry_after.map(Duration::from_secs);
            let (outcome, retry_after) = (told.outcome, told.retry_after);
            self.end_call(told);
            let failure = Failure { outcome, cause: None, message: format!("{outcome} by the history"), retry_after };
            let stamp = (outcome != Outcome::Connect).then_some(Stamp::new(at, Duration::ZERO));
            return Call { took, stamp, result: Err(failure) };
        }
        if matches!(answer, history::Answer::KilledBeforeCommit { .. }) {
            self.shared.kill.notify_one();
            std::future::pending::<()>().await;
        }
        let (mut rows, phantom) = self.rows(range, at);
        let announced = rows.len() as u64 + phantom;
        rows.truncate(rows.len().saturating_sub(missing));
        told.short = announced - rows.len() as u64;
        told.held_back = told.short > phantom;
        told.outcome = match () {
            () if told.short > 0 => Outcome::Incomplete,
            () if rows.is_empty() => Outcome::Empty,
            () => Outcome::Ok,
        };
        told.rows = rows.clone();
        self.end_call(told);
        if matches!(answer, history::Answer::KilledAfterCommit { .. }) {
            let shared = self.shared.clone();
            tokio::spawn(async move {
                // Paused time stands still while the commit is on its blocking thread.
                tokio::time::sleep(Duration::from_nanos(1)).await;
                shared.kill.notify_one();
            });
        }
        let rows = rows.iter().map(|row| ReadRow::Row(self.shared.row(row, hasher))).collect();
        let evidence = if announced == 0 { Evidence::EmptyData } else { Evidence::Rows };
        let answer = Answer { rows, announced: Some(announced), evidence, broken: false };
        Call { took, stamp: Some(Stamp::new(at, Duration::ZERO)), result: Ok(answer) }
    }

    fn token(&self) -> Result<Token, Failure> {
        Ok(Token::new("token".into()))
    }
}

impl World {
    fn end_call(&self, told: Told) {
        self.shared.in_flight.store(false, Ordering::Relaxed);
        self.shared.told.lock().unwrap().push(told);
    }
}

/// How many calls ended with each outcome.
pub fn outcomes(told: &[Told]) -> HashMap<Outcome, u64> {
    let mut counts = HashMap::new();
    for told in told {
        *counts.entry(told.outcome).or_default() += 1;
    }
    counts
}

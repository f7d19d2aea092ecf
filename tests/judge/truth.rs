//! What a report of a history really has: the truth that the world answers from and the judge goes by.

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, civil::DateTime};

use domain::range::CivilRange;

use crate::history::{self, History, Kind, Report, Spoilt};

pub struct Truth {
    pub kind: Kind,
    pub zone: TimeZone,
    pub begin: Timestamp,
    pub calls: Vec<TrueCall>,
    pub report: Report,
    /// The dates of the rows that are announced and never delivered, and from when on they are.
    pub phantoms: Vec<(DateTime, Timestamp)>,
    renames: Vec<(Timestamp, u8, u8)>,
    /// When which token came into force; the first one is good.
    tokens: Vec<(Timestamp, bool)>,
}

/// What the report says of a call, worked out once.
pub struct TrueCall {
    pub at: Timestamp,
    pub date: DateTime,
    pub visible_at: Timestamp,
    /// From when on it is one of the report's calls.
    pub counts_at: Timestamp,
    /// From when on its row can be read, and what is wrong with it before.
    pub readable_at: Timestamp,
    pub spoilt: Option<Spoilt>,
    pub conn_id: String,
    pub skill: u8,
    pub skill_id: String,
    pub type_interaction: &'static str,
    pub began: Option<Timestamp>,
    pub waited: Option<u16>,
    pub twice: bool,
    pub twin: Option<bool>,
    pub tab: bool,
}

/// A row as it stands in an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct SentRow {
    pub call: usize,
    pub form: Form,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Form {
    Readable {
        /// Whether its result is one that the report is about.
        counts: bool,
        /// Whether it has the other number of the caller.
        twin: bool,
        name: String,
    },
    Spoilt(Spoilt),
}

impl SentRow {
    pub fn is_no_json(&self) -> bool {
        self.form == Form::Spoilt(Spoilt::Quote)
    }
}

impl Truth {
    pub fn new(history: &History, kind: Kind) -> Self {
        let zone = TimeZone::get(history.zone).unwrap();
        let begin = Timestamp::from_second(history.begin).unwrap();
        let instant = |second| begin + SignedDuration::from_secs(second);
        let (calls, report) = match (kind, &history.answered) {
            (Kind::Answered, Some(answered)) => (&answered.calls, &answered.report),
            _ => (&history.calls, &history.report),
        };
        Self {
            kind,
            calls: calls.iter().map(|call| true_call(call, &zone, begin)).collect(),
            phantoms: report.phantoms.iter().map(|&at| (zone.to_datetime(instant(at)), instant(at))).collect(),
            renames: history.renames.iter().map(|rename| (instant(rename.at), rename.skill, rename.name)).collect(),
            tokens: history.tokens.iter().map(|&(at, good)| (instant(at), good)).collect(),
            report: report.clone(),
            zone,
            begin,
        }
    }

    /// The rows that the report has of `range` at `now`, in an order that nobody promised, and how many it announces.
    pub fn rows(&self, range: CivilRange, now: Timestamp) -> (Vec<SentRow>, u64) {
        let inside = |date| range.ini <= date && (date < range.end || self.report.end_included && date == range.end);
        let spill = SignedDuration::from_secs(self.report.spill.into());
        let nearly = |date: DateTime| {
            inside(date) || self.report.spill > 0 && range.ini - spill <= date && date <= range.end + spill
        };
        let mut rows = Vec::new();
        for (index, call) in self.calls.iter().enumerate() {
            if !nearly(call.date) || call.visible_at > now {
                continue;
            }
            let times = if call.twice { 2 } else { 1 };
            if let Some(spoilt) = call.spoilt.filter(|_| now < call.readable_at) {
                rows.extend(std::iter::repeat_n(SentRow { call: index, form: Form::Spoilt(spoilt) }, times));
                continue;
            }
            let name = self.name(call, now);
            let counts = call.counts_at <= now;
            let form = Form::Readable { counts, twin: false, name: name.clone() };
            rows.extend(std::iter::repeat_n(SentRow { call: index, form }, times));
            if let Some(is_other) = call.twin {
                let form = Form::Readable { counts: counts && !is_other, twin: true, name };
                rows.push(SentRow { call: index, form });
            }
        }
        if now.as_second() % 2 == 0 {
            rows.reverse();
        }
        let phantoms = self.phantoms.iter().filter(|&&(date, from)| inside(date) && from <= now).count();
        let announced = (rows.len() + phantoms) as u64;
        (rows, announced)
    }

    /// The token in force at `now`, by its number.
    pub fn token(&self, now: Timestamp) -> usize {
        self.tokens.iter().filter(|&&(at, _)| at <= now).count()
    }

    pub fn token_is_good(&self, token: usize) -> bool {
        token.checked_sub(1).is_none_or(|index| self.tokens[index].1)
    }

    /// When, from `since` on, a token other than `token` is in force.
    pub fn token_changes(&self, token: usize, since: Timestamp) -> Option<Timestamp> {
        if self.token(since) != token {
            return Some(since);
        }
        self.tokens.get(token).map(|&(at, _)| at)
    }

    fn name(&self, call: &TrueCall, now: Timestamp) -> String {
        let as_of = if self.report.old_rows_are_renamed { now } else { call.at };
        let last =
            self.renames.iter().filter(|(at, skill, _)| *skill == call.skill && *at <= as_of).max_by_key(|one| one.0);
        format!("skill {} {}", call.skill_id, last.map_or(0, |rename| rename.2))
    }

    /// What makes two rows the same one.
    pub fn identity(&self, row: &SentRow) -> String {
        let call = &self.calls[row.call];
        match &row.form {
            // Known by all that it says, but for the name of its skill.
            Form::Spoilt(Spoilt::Date) => {
                format!("no date|{}|{}|{}|{}", call.conn_id, call.skill_id, call.date, self.content(row))
            }
            // Known by its text only.
            Form::Spoilt(spoilt) => format!("{spoilt:?} {}", row.call),
            Form::Readable { .. } => {
                let key = format!("{}|{}|{}", call.conn_id, call.skill_id, call.date);
                if call.conn_id.is_empty() { format!("{key}|{}", self.content(row)) } else { key }
            }
        }
    }

    pub fn content(&self, row: &SentRow) -> String {
        let call = &self.calls[row.call];
        format!("{}|{:?}|{}|{}", counts(row), call.waited, call.type_interaction, call.tab)
            + if matches!(row.form, Form::Readable { twin: true, .. }) { "|twin" } else { "" }
    }

    /// The identities under which a call may have been counted.
    pub fn identities(&self, call: usize) -> [String; 2] {
        [true, false].map(|twin| {
            self.identity(&SentRow { call, form: Form::Readable { counts: true, twin, name: String::new() } })
        })
    }
}

/// Whether the row is one of the report's calls.
pub fn counts(row: &SentRow) -> bool {
    matches!(row.form, Form::Readable { counts: true, .. })
}

fn true_call(call: &history::Call, zone: &TimeZone, begin: Timestamp) -> TrueCall {
    let at = begin + SignedDuration::from_secs(call.at);
    let after = |seconds: i64| at + SignedDuration::from_secs(seconds);
    let began =
        (!call.chat && call.conn_id.is_some()).then(|| at - Duration::from_secs(call.waited.unwrap_or(5).into()));
    let conn_id = match (call.conn_id, began) {
        (None, _) => String::new(),
        // A 0 would be an empty one.
        (Some(number), None) => format!("{}", u16::from(number) + 1),
        (Some(number), Some(began)) => format!("6736.4628.1040.{}.{number}", began.as_second()),
    };
    TrueCall {
        at,
        date: zone.to_datetime(at),
        visible_at: after(call.lateness),
        counts_at: call.counts_from.map_or(Timestamp::MIN, after),
        readable_at: call.spoilt.map_or(Timestamp::MIN, |(until, _)| {
            at.checked_add(SignedDuration::from_secs(until)).unwrap_or(Timestamp::MAX)
        }),
        spoilt: call.spoilt.map(|(_, spoilt)| spoilt),
        conn_id,
        skill: call.skill,
        skill_id: format!("{}", 4_170 + u32::from(call.skill)),
        type_interaction: if call.chat { "chat-web" } else { "inbound" },
        began,
        waited: call.waited,
        twice: call.twice,
        twin: call.twin,
        tab: call.tab,
    }
}

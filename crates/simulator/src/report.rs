use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use rand::RngExt as _;

use super::call::{Call, RawRow};
use super::faults::Fault;
use super::quirks::{DataForm, DateEnd, EmptyForm, Order, Quirks};
use super::random::{self, Stream};
use super::refusal::{Refusal, head};
use super::row::{self, RowForm};

/// More rows are cut off, without a word. What the API does there is not documented; this is the worst it could do.
pub const MOST_ROWS: usize = 60_000;
/// As documented. What the API says to more is not; this one refuses.
pub const MOST_DAYS: i64 = 31;

/// What a client asks for: the rows whose local `date` is within `ini` and `end`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// `None`: all skills.
    pub skill: Option<String>,
    pub ini: DateTime,
    pub end: DateTime,
}

/// Under which circumstances a question is answered.
#[derive(Debug, Clone, Copy)]
pub struct Setting<'a> {
    pub zone: &'a TimeZone,
    /// Calls that are visible later are not in the answer.
    pub now: Timestamp,
    pub quirks: &'a Quirks,
    /// Those that concern rows are applied, the others not looked at. The zone of `WrongZone` is the caller's to set.
    pub faults: &'a [Fault],
}

/// Something that can become a row.
#[derive(Debug, Clone, Copy)]
pub enum Entry<'a> {
    Call(&'a Call),
    Raw(&'a RawRow),
}

/// An answer: HTTP status and body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    pub status: u16,
    pub body: Vec<u8>,
    /// In `data`.
    pub rows: usize,
}

/// The answer of the report `skill_2`.
pub fn report<'a>(entries: impl Iterator<Item = Entry<'a>>, question: &Question, setting: Setting<'_>) -> Report {
    let mut rows: Vec<(DateTime, Entry<'a>)> = entries
        .filter(|entry| entry.visible_at() <= setting.now)
        .map(|entry| (setting.zone.to_datetime(entry.at()), entry))
        .filter(|(date, entry)| question.asks_for(*date, *entry, setting.quirks.date_end))
        .collect();
    put_in_order(&mut rows, setting.quirks.order, question);
    rows.truncate(MOST_ROWS);
    let mut written = write_rows(&rows, question, setting);
    let announced = written.len();
    for fault in setting.faults {
        if let Fault::MissingRows { rows } = fault {
            written.truncate(written.len().saturating_sub(*rows as usize));
        }
    }
    if announced == 0 {
        return empty(setting.quirks);
    }
    let body = whole(&written, announced, setting.quirks);
    Report { status: 200, body, rows: written.len() }
}

impl Question {
    /// Reads the parameters of a request, as (name, value); refuses as the API does.
    pub fn from_parameters(parameters: &[(String, String)]) -> Result<Self, Refusal> {
        let value = |name: &str| parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        match value("api") {
            Some("skill_2") => {}
            Some(api) if !api.is_empty() => return Err(Refusal::NoSuchReport),
            _ => return Err(Refusal::ParametersRequired),
        }
        let date = |name| value(name).and_then(|text| DateTime::strptime("%Y%m%d%H%M%S", text).ok());
        let (Some(skill), Some(ini), Some(end)) = (value("skill_id"), date("date_ini"), date("date_end")) else {
            return Err(Refusal::ParametersRequired);
        };
        if end < ini {
            return Err(Refusal::ValidateDates);
        }
        if ini.checked_add(Span::new().days(MOST_DAYS)).is_ok_and(|most| most <= end) {
            return Err(Refusal::TooManyDays);
        }
        Ok(Self { skill: (skill != "all").then(|| skill.to_owned()), ini, end })
    }

    /// The instants whose local time can be in the range, the end not included. A time that occurs twice, or never,
    /// counts as the wider of its two readings.
    pub fn reach(&self, zone: &TimeZone) -> (Timestamp, Timestamp) {
        let readings = |date| {
            let ambiguous = zone.to_ambiguous_timestamp(date);
            [ambiguous.earlier().unwrap_or(Timestamp::MIN), ambiguous.later().unwrap_or(Timestamp::MAX)]
        };
        let [a, b] = readings(self.ini);
        let [c, d] = readings(self.end);
        (a.min(b), c.max(d).checked_add(Span::new().seconds(1)).unwrap_or(Timestamp::MAX))
    }

    fn asks_for(&self, date: DateTime, entry: Entry<'_>, date_end: DateEnd) -> bool {
        // `date` can have a fraction where a test says so; the report knows whole seconds.
        let date = date.with().subsec_nanosecond(0).build().unwrap_or(date);
        let before_end = match date_end {
            DateEnd::Included => date <= self.end,
            DateEnd::Excluded => date < self.end,
        };
        let of_skill = match (&self.skill, entry) {
            (Some(id), Entry::Call(call)) => *call.skill_id == **id,
            _ => true,
        };
        self.ini <= date && before_end && of_skill
    }
}

impl Entry<'_> {
    pub fn at(&self) -> Timestamp {
        match self {
            Self::Call(call) => call.at,
            Self::Raw(row) => row.at,
        }
    }

    fn visible_at(&self) -> Timestamp {
        match self {
            Self::Call(call) => call.visible_at,
            Self::Raw(row) => row.visible_at.unwrap_or(row.at),
        }
    }
}

fn put_in_order(rows: &mut [(DateTime, Entry<'_>)], order: Order, question: &Question) {
    rows.sort_by_key(|(_, entry)| entry.at());
    match order {
        Order::Oldest => {}
        Order::Newest => rows.reverse(),
        Order::Shuffled => {
            let mut rng = random::stream(rows.len() as u64, Stream::Order, 0, i64::from(question.ini.second()));
            for index in (1..rows.len()).rev() {
                rows.swap(index, rng.random_range(0..=index));
            }
        }
    }
}

fn write_rows(rows: &[(DateTime, Entry<'_>)], question: &Question, setting: Setting<'_>) -> Vec<Vec<u8>> {
    let form = RowForm::new(setting.quirks, setting.now, setting.faults);
    let mut written: Vec<Vec<u8>> = Vec::with_capacity(rows.len());
    for (index, (date, entry)) in rows.iter().enumerate() {
        match entry {
            Entry::Call(call) => written.push(form.write(call, *date, index)),
            Entry::Raw(row) => written.push(row.text.clone().into_bytes()),
        }
    }
    if setting.faults.contains(&Fault::DuplicateRows) {
        written = written.into_iter().flat_map(|row| [row.clone(), row]).collect();
    }
    if setting.faults.contains(&Fault::BadRows) {
        written.extend(row::bad_rows(question.ini).into_iter().map(String::into_bytes));
    }
    written
}

fn whole(rows: &[Vec<u8>], announced: usize, quirks: &Quirks) -> Vec<u8> {
    let msg = quirks.msg.clone().unwrap_or_else(|| format!("{announced} records were found"));
    let mut body = head(200, &msg, quirks.code);
    body.reserve(rows.iter().map(|row| row.len() + 12).sum());
    let (open, close) = match quirks.data {
        DataForm::Array => (b'[', b']'),
        DataForm::Object => (b'{', b'}'),
    };
    body.extend_from_slice(b",\"data\":");
    body.push(open);
    for (index, row) in rows.iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        if quirks.data == DataForm::Object {
            body.extend_from_slice(format!("\"{index}\":").as_bytes());
        }
        body.extend_from_slice(row);
    }
    body.push(close);
    body.push(b'}');
    body
}

fn empty(quirks: &Quirks) -> Report {
    let refusal = Refusal::ValidateDates;
    let with = |data: &str| {
        let mut body = head(200, "0 records were found", quirks.code);
        body.extend_from_slice(data.as_bytes());
        body
    };
    let (status, body) = match quirks.empty {
        EmptyForm::NotFound => (404, refusal.body(quirks.code)),
        EmptyForm::BodyCode => (200, refusal.body(quirks.code)),
        EmptyForm::NoBody => (404, Vec::new()),
        EmptyForm::Null => (200, with(",\"data\":null}")),
        EmptyForm::Missing => (200, with("}")),
        EmptyForm::Array => (200, with(",\"data\":[]}")),
    };
    Report { status, body, rows: 0 }
}

#[cfg(test)]
mod tests;

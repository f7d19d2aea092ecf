use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use rand::RngExt as _;

use super::call::{Call, RawRow};
use super::faults::Fault;
use super::quirks::{DataForm, DateEnd, EmptyForm, Order, Quirks};
use super::random::{self, Stream};
use super::refusal::{Refusal, head};
use super::report::{Question, Report};
use super::row::{self, RowForm};
use super::totals;

/// More rows are cut off, without a word. What the API does there is not documented; this is the worst it could do.
pub const MOST_ROWS: usize = 60_000;

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

/// HTTP status and body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
    /// In `data`.
    pub rows: usize,
}

/// The answer to a question for a report.
pub fn answer<'a>(entries: impl Iterator<Item = Entry<'a>>, question: &Question, setting: Setting<'_>) -> Answer {
    let mut entries: Vec<(DateTime, Entry<'a>)> = entries
        .filter(|entry| entry.visible_at() <= setting.now && !entry.is_left_out(setting.faults))
        .map(|entry| (setting.zone.to_datetime(entry.at()), entry))
        .filter(|(date, entry)| asks_for(question, *date, *entry, setting.quirks.date_end))
        .collect();
    let form = RowForm::new(setting.quirks, setting.now, setting.faults);
    let rows = match question.report {
        Report::Totals => totals::rows(entries.iter().filter_map(|(_, entry)| entry.call()), question, &form),
        report => {
            entries.retain(|(_, entry)| entry.is_listed(report));
            put_in_order(&mut entries, setting.quirks.order, question);
            entries.truncate(MOST_ROWS);
            let write = |(index, (date, entry)): (usize, &(DateTime, Entry<'_>))| match entry {
                Entry::Call(call) => form.write(report, call, *date, index),
                Entry::Raw(row) => row.text.clone().into_bytes(),
            };
            entries.iter().enumerate().map(write).collect()
        }
    };
    of_rows(rows, question, setting)
}

/// The answer with these rows, as far as the faults leave them.
fn of_rows(mut rows: Vec<Vec<u8>>, question: &Question, setting: Setting<'_>) -> Answer {
    if setting.faults.contains(&Fault::DuplicateRows) {
        rows = rows.into_iter().flat_map(|row| [row.clone(), row]).collect();
    }
    if setting.faults.contains(&Fault::BadRows) {
        rows.extend(row::bad_rows(question.report, question.ini).into_iter().map(String::into_bytes));
    }
    let announced = rows.len();
    for fault in setting.faults {
        if let Fault::MissingRows { rows: missing } = fault {
            rows.truncate(rows.len().saturating_sub(*missing as usize));
        }
    }
    if announced == 0 {
        return empty(setting.quirks);
    }
    Answer { status: 200, body: whole(&rows, announced, setting.quirks), rows: rows.len() }
}

/// The answer to a question about the token: its calls today, and how many it may make, if that is limited.
pub fn token_info(used: u32, limit: Option<u32>, quirks: &Quirks) -> Answer {
    // No limit is not documented: a number that nobody reaches stands for it.
    let limit = limit.unwrap_or(1_000_000);
    let number = |number: u32| if quirks.numbers { number.to_string() } else { format!("\"{number}\"") };
    let row = format!(
        "{{\"description\":\"simulated\",\"token_limit\":{},\"token_use_today\":{},\"all_token_today\":{},\
         \"available_consumption_options\":{}}}",
        number(limit),
        number(used),
        number(used),
        number(limit.saturating_sub(used)),
    );
    Answer { status: 200, body: whole(&[row.into_bytes()], 1, quirks), rows: 1 }
}

fn asks_for(question: &Question, date: DateTime, entry: Entry<'_>, date_end: DateEnd) -> bool {
    // `date` can have a fraction where a test says so; the reports know whole seconds.
    let date = date.with().subsec_nanosecond(0).build().unwrap_or(date);
    let before_end = match date_end {
        DateEnd::Included => date <= question.end,
        DateEnd::Excluded => date < question.end,
    };
    let of_skill = match (&question.skill, entry) {
        (Some(id), Entry::Call(call)) => *call.skill_id == **id,
        _ => true,
    };
    question.ini <= date && before_end && of_skill
}

impl Entry<'_> {
    pub fn at(&self) -> Timestamp {
        match self {
            Self::Call(call) => call.at,
            Self::Raw(row) => row.at,
        }
    }

    fn call(&self) -> Option<&Call> {
        match self {
            Self::Call(call) => Some(call),
            Self::Raw(_) => None,
        }
    }

    fn visible_at(&self) -> Timestamp {
        match self {
            Self::Call(call) => call.visible_at,
            Self::Raw(row) => row.visible_at.unwrap_or(row.at),
        }
    }

    /// Whether it is a row of a detailed report.
    fn is_listed(&self, report: Report) -> bool {
        match self {
            Self::Call(call) if report == Report::Answered => call.in_answered,
            Self::Call(call) => call.in_abandoned,
            Self::Raw(row) => row.report == report,
        }
    }

    fn is_left_out(&self, faults: &[Fault]) -> bool {
        let left_out = |call: &Call| {
            faults.iter().any(|fault| matches!(fault, Fault::LeftOut { conn_id } if *conn_id == call.conn_id))
        };
        self.call().is_some_and(left_out)
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

fn empty(quirks: &Quirks) -> Answer {
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
    Answer { status, body, rows: 0 }
}

#[cfg(test)]
mod tests;

use std::io::Write as _;

use jiff::civil::DateTime;
use jiff::{Span, Timestamp};

use super::call::Call;
use super::faults::Fault;
use super::quirks::{Quirks, TimeForm};
use super::report::Report;

/// What a field of a row says of a call.
#[derive(Debug, Clone, Copy)]
enum Value {
    SkillName,
    SkillId,
    ConnId,
    Date,
    Result,
    Ani,
    Time,
    Agent,
    Type,
    Customer,
}

type Field = (&'static str, Value);

const ABANDONED: [Field; 9] = [
    ("skill_name", Value::SkillName),
    ("skill_id", Value::SkillId),
    ("conn_id", Value::ConnId),
    ("date", Value::Date),
    ("result", Value::Result),
    ("ani", Value::Ani),
    ("abandon_time", Value::Time),
    ("type_interaction", Value::Type),
    ("customer_id", Value::Customer),
];

const ANSWERED: [Field; 9] = [
    ("conn_id", Value::ConnId),
    ("skill_id", Value::SkillId),
    ("skill_name", Value::SkillName),
    ("date", Value::Date),
    ("result", Value::Result),
    ("ani", Value::Ani),
    ("answer_time", Value::Time),
    ("agent_id", Value::Agent),
    ("type_interaction", Value::Type),
];

/// How a call is written as a row of a report.
pub(super) struct RowForm<'a> {
    quirks: &'a Quirks,
    now: Timestamp,
    odd_names: bool,
    odd_times: bool,
    invalid_utf8: bool,
}

impl<'a> RowForm<'a> {
    /// For an answer at `now`.
    pub(super) fn new(quirks: &'a Quirks, now: Timestamp, faults: &[Fault]) -> Self {
        let on = |fault| faults.contains(&fault);
        Self {
            quirks,
            now,
            odd_names: on(Fault::OddNames),
            odd_times: on(Fault::OddTimes),
            invalid_utf8: on(Fault::InvalidUtf8),
        }
    }

    pub(super) fn quirks(&self) -> &Quirks {
        self.quirks
    }

    /// A row of a detailed report; `index` is its place in the answer.
    pub(super) fn write(&self, report: Report, call: &Call, date: DateTime, index: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(320);
        out.push(b'{');
        // Each report has an order of its own.
        let fields: &[Field] = match report {
            Report::Answered => &ANSWERED,
            _ => &ABANDONED,
        };
        for (place, (name, value)) in fields.iter().enumerate() {
            if place > 0 {
                out.push(b',');
            }
            out.push(b'"');
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b"\":");
            match value {
                Value::SkillName => self.name(&mut out, call),
                Value::SkillId => self.skill_id(&mut out, call),
                Value::ConnId => self.text(&mut out, &call.conn_id),
                Value::Date => write_date(&mut out, date),
                Value::Result if report == Report::Answered && call.is_answered() => {
                    self.text(&mut out, self.quirks.answered.as_deref().unwrap_or(&call.result));
                }
                Value::Result => self.text(&mut out, self.result(call)),
                Value::Ani => self.text(&mut out, &call.ani),
                Value::Time => self.time(&mut out, call.waited, index),
                Value::Agent => self.text(&mut out, &call.agent_id),
                Value::Type => self.text(&mut out, &call.type_interaction),
                Value::Customer => self.text(&mut out, &call.customer_id),
            }
        }
        out.push(b'}');
        out
    }

    /// `result` as it is known at the time of the answer.
    pub(super) fn result<'c>(&self, call: &'c Call) -> &'c str {
        call.result_at(self.now)
    }

    pub(super) fn skill_id(&self, out: &mut Vec<u8>, call: &Call) {
        match call.skill_id.parse::<u64>() {
            Ok(id) if self.quirks.numbers => out.extend_from_slice(id.to_string().as_bytes()),
            _ => self.text(out, &call.skill_id),
        }
    }

    /// A number of calls.
    pub(super) fn count(&self, out: &mut Vec<u8>, count: usize, index: usize) {
        if self.odd_times {
            return out.extend_from_slice(ODD_TIMES[index % ODD_TIMES.len()].as_bytes());
        }
        let count = count.to_string();
        if self.quirks.numbers { out.extend_from_slice(count.as_bytes()) } else { self.text(out, &count) }
    }

    pub(super) fn name(&self, out: &mut Vec<u8>, call: &Call) {
        if self.invalid_utf8 {
            out.extend_from_slice(b"\"Ventas \xff\xc3(\"");
        } else if self.odd_names {
            // By the id, so that all rows of a skill have the same name.
            let key: usize = call.skill_id.bytes().map(usize::from).sum();
            let times = if key.is_multiple_of(7) { ODD_NAME_TIMES } else { 1 };
            self.text(out, &ODD_NAMES[key % ODD_NAMES.len()].repeat(times));
        } else {
            self.text(out, &call.skill_name);
        }
    }

    pub(super) fn time(&self, out: &mut Vec<u8>, seconds: Option<f64>, index: usize) {
        if self.odd_times {
            return out.extend_from_slice(ODD_TIMES[index % ODD_TIMES.len()].as_bytes());
        }
        let Some(seconds) = seconds else { return out.extend_from_slice(b"\"\"") };
        let whole = seconds as u64;
        let text = match self.quirks.time {
            TimeForm::Seconds => format!("{seconds}"),
            TimeForm::Decimal => format!("{seconds:?}"),
            TimeForm::Clock => format!("{:02}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60),
            TimeForm::Minutes => format!("{:02}:{:02}", whole / 60, whole % 60),
        };
        if self.quirks.numbers && !text.contains(':') {
            out.extend_from_slice(text.as_bytes());
        } else {
            self.text(out, &text);
        }
    }

    pub(super) fn text(&self, out: &mut Vec<u8>, text: &str) {
        let start = out.len();
        // Writing to memory can't fail.
        let _ = serde_json::to_writer(&mut *out, text);
        if self.quirks.ascii && text.bytes().any(|byte| !byte.is_ascii() || byte == b'/') {
            let json = String::from_utf8_lossy(&out.split_off(start)).into_owned();
            for character in json.chars() {
                match character {
                    '/' => out.extend_from_slice(b"\\/"),
                    _ if character.is_ascii() => out.push(character as u8),
                    _ => {
                        for unit in character.encode_utf16(&mut [0; 2]) {
                            let _ = write!(out, "\\u{unit:04x}");
                        }
                    }
                }
            }
        }
    }
}

const ODD_NAMES: [&str; 6] = [
    "Ventas \"oro\" \\ plata",
    "dos\nlíneas\t\u{1}\u{7f}",
    "📞 Ñandú 日本語",
    "</script><b>&amp;",
    "{skill=\"1\"} # HELP",
    "  ",
];

/// Makes some 10 kB of an odd name.
const ODD_NAME_TIMES: usize = 700;

const ODD_TIMES: [&str; 8] = ["\"NaN\"", "\"\"", "\"-5\"", "\"inf\"", "\"pronto\"", "null", "[]", "\"1e999\""];

/// Rows that nobody can count: no object, no date or number, a date that is none, one outside the range that begins at
/// `ini`.
pub(super) fn bad_rows(report: Report, ini: DateTime) -> Vec<String> {
    let mut rows: Vec<String> = ["42", "null", "\"text\"", "[]", "{}", "true"].map(str::to_owned).into();
    if report == Report::Totals {
        let counted = |count: &str| {
            format!(
                "{{\"skill_name\":\"Ventas\",\"skill_id\":\"4173\",\"inbound_calls\":{count},\
                 \"answer_calls\":{count},\"abandon_calls\":{count},\"abandon\":\"mucho\"}}"
            )
        };
        rows.extend(["\"\"", "null", "\"-3\"", "\"1e999\"", "\"muchas\"", "{\"d\":1}", "\"2.5\""].map(counted));
        return rows;
    }
    let (result, time) =
        if report == Report::Answered { ("ANSWER", "answer_time") } else { ("ABANDON", "abandon_time") };
    let dated = |date: &str| {
        format!(
            "{{\"skill_name\":\"Ventas\",\"skill_id\":\"4173\",\"conn_id\":\"6736.1.1.1.{}\",\"date\":{date},\
             \"result\":\"{result}\",\"ani\":\"3001234567\",\"{time}\":\"37\",\"type_interaction\":\"inbound\",\
             \"customer_id\":\"1\"}}",
            date.len()
        )
    };
    let mut outside = Vec::new();
    write_date(&mut outside, ini.checked_sub(Span::new().days(3)).unwrap_or(ini));
    rows.extend(
        ["\"\"", "null", "\"0000-00-00 00:00:00\"", "\"2026-13-45 99:99:99\"", "\"ayer\"", "{\"d\":1}"].map(dated),
    );
    rows.push(dated(&String::from_utf8_lossy(&outside)));
    rows
}

/// `"2026-01-18 19:34:31"`; by hand, for an answer has 60,000 of them.
fn write_date(out: &mut Vec<u8>, date: DateTime) {
    let _ = write!(
        out,
        "\"{:04}-{:02}-{:02} {:02}:{:02}:{:02}\"",
        date.year(),
        date.month(),
        date.day(),
        date.hour(),
        date.minute(),
        date.second()
    );
}

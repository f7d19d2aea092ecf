use std::io::Write as _;

use jiff::civil::DateTime;
use jiff::{Span, Timestamp};

use super::call::Call;
use super::faults::Fault;
use super::quirks::{Quirks, TimeForm};

/// How a call is written as a row of the report.
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

    /// `index` is the row's place in the answer.
    pub(super) fn write(&self, call: &Call, date: DateTime, index: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(320);
        out.extend_from_slice(b"{\"skill_name\":");
        self.name(&mut out, call);
        out.extend_from_slice(b",\"skill_id\":");
        match call.skill_id.parse::<u64>() {
            Ok(id) if self.quirks.numbers => out.extend_from_slice(id.to_string().as_bytes()),
            _ => self.text(&mut out, &call.skill_id),
        }
        out.extend_from_slice(b",\"conn_id\":");
        self.text(&mut out, &call.conn_id);
        out.extend_from_slice(b",\"date\":\"");
        write_date(&mut out, date);
        out.extend_from_slice(b"\",\"result\":");
        self.text(&mut out, call.result_at(self.now));
        out.extend_from_slice(b",\"ani\":");
        self.text(&mut out, &call.ani);
        out.extend_from_slice(b",\"abandon_time\":");
        self.time(&mut out, call.abandon_time, index);
        out.extend_from_slice(b",\"type_interaction\":");
        self.text(&mut out, &call.type_interaction);
        out.extend_from_slice(b",\"customer_id\":");
        self.text(&mut out, &call.customer_id);
        out.push(b'}');
        out
    }

    fn name(&self, out: &mut Vec<u8>, call: &Call) {
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

    fn time(&self, out: &mut Vec<u8>, seconds: Option<f64>, index: usize) {
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

    fn text(&self, out: &mut Vec<u8>, text: &str) {
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

/// Rows that nobody can count: no object, no date, a date that is none, one outside the range that begins at `ini`.
pub(super) fn bad_rows(ini: DateTime) -> Vec<String> {
    let dated = |date: &str| {
        format!(
            "{{\"skill_name\":\"Ventas\",\"skill_id\":\"4173\",\"conn_id\":\"6736.1.1.1.{}\",\"date\":{date},\
             \"result\":\"ABANDON\",\"ani\":\"3001234567\",\"abandon_time\":\"37\",\"type_interaction\":\"inbound\",\
             \"customer_id\":\"1\"}}",
            date.len()
        )
    };
    let before = ini.checked_sub(Span::new().days(3)).unwrap_or(ini);
    let mut outside = vec![b'"'];
    write_date(&mut outside, before);
    outside.push(b'"');
    let mut rows: Vec<String> = ["42", "null", "\"text\"", "[]", "{}", "true"].map(str::to_owned).into();
    rows.extend(
        ["\"\"", "null", "\"0000-00-00 00:00:00\"", "\"2026-13-45 99:99:99\"", "\"ayer\"", "{\"d\":1}"].map(dated),
    );
    rows.push(dated(&String::from_utf8_lossy(&outside)));
    rows
}

/// `2026-01-18 19:34:31`; by hand, for an answer has 60,000 of them.
fn write_date(out: &mut Vec<u8>, date: DateTime) {
    let _ = write!(
        out,
        "{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
        date.year(),
        date.month(),
        date.day(),
        date.hour(),
        date.minute(),
        date.second()
    );
}

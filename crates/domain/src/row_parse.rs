use alloc::borrow::Cow;
use alloc::borrow::ToOwned as _;
use alloc::collections::BTreeSet;
use alloc::string::ToString as _;
use alloc::sync::Arc;
use alloc::vec::Vec;

use jiff::civil::DateTime;

use super::disposition::RejectReason;
use super::identity::{RowContent, RowHasher, RowId};
use super::report::ReportKind;
use super::result::CallResult;
use super::row::{ReadRow, Row};
use super::{conn_id, label, offset, waited};

/// One field of a row: its name, and its value as text whatever its JSON type was, so that `"37"` and `37` are one.
pub type Field<'a> = (Cow<'a, str>, Cow<'a, str>);

/// Turns the fields of rows into rows. One per answer: label texts that repeat are held once.
#[derive(Debug)]
pub struct RowParser {
    report: &'static ReportKind,
    texts: BTreeSet<Arc<str>>,
}

impl RowParser {
    /// For answers of `report`.
    pub fn new(report: &'static ReportKind) -> Self {
        Self { report, texts: BTreeSet::new() }
    }

    /// Reads one row. The order of its fields doesn't matter; where a name occurs twice the last one stands.
    pub fn read(&mut self, hasher: &RowHasher, fields: Vec<Field<'_>>) -> ReadRow {
        let fields = Fields::new(fields);
        let Some(date) = date(fields.get("date")) else {
            return ReadRow::Rejected { id: hasher.hash("undated", fields.all_but_name()), reason: RejectReason::Date };
        };
        let content = hasher.hash("content", fields.all_but_name());
        let skill_id = label::skill_id(fields.get("skill_id"));
        let conn = fields.get("conn_id");
        let id = if label::is_empty_id(conn) {
            hasher.hash("row", fields.all_but_name())
        } else {
            // Of the readings, not of the spellings: `""` and `-` are one skill, `T` and a space one date.
            hasher.hash("call", [conn, &skill_id, &date.to_string()])
        };
        let result = CallResult::read(fields.get("result"));
        let counts = (self.report.counts)(&result);
        let unknown_result = match result {
            CallResult::Unknown(text) if counts => Some(self.text(&text)),
            _ => None,
        };
        let waited = waited::seconds(fields.get(self.report.time_field));
        ReadRow::Row(Row {
            id,
            content: first_half(content),
            date,
            began: conn_id::began(conn).filter(|began| offset::told_offset(date, *began, waited).is_some()),
            skill_id: self.text(&skill_id),
            skill_name: label::skill_name(fields.get("skill_name")).map(|name| self.text(&name)),
            type_interaction: self.text(&label::type_interaction(fields.get("type_interaction"))),
            counts,
            unknown_result,
            waited,
        })
    }

    /// A row that has no fields to read, from its text.
    pub fn reject_shape(hasher: &RowHasher, text: &str) -> ReadRow {
        ReadRow::Rejected { id: hasher.hash("misshapen", [text]), reason: RejectReason::Shape }
    }

    fn text(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.texts.get(text) {
            return Arc::clone(known);
        }
        let new: Arc<str> = Arc::from(text);
        self.texts.insert(Arc::clone(&new));
        new
    }
}

/// A row's fields, sorted by name, trimmed, without the empty ones: `null`, `""` and missing say the same.
struct Fields<'a>(Vec<Field<'a>>);

impl<'a> Fields<'a> {
    fn new(mut fields: Vec<Field<'a>>) -> Self {
        // Stable, and reversed first: of equal names the last one comes to stand first, and `dedup` keeps that.
        fields.reverse();
        fields.sort_by(|a, b| a.0.cmp(&b.0));
        fields.dedup_by(|later, earlier| later.0 == earlier.0);
        for (_, value) in &mut fields {
            match value {
                Cow::Borrowed(text) => *text = text.trim(),
                Cow::Owned(text) if text.trim().len() < text.len() => *text = text.trim().to_owned(),
                Cow::Owned(_) => {}
            }
        }
        fields.retain(|(_, value)| !value.is_empty());
        Self(fields)
    }

    fn get(&self, name: &str) -> &str {
        self.0.binary_search_by(|field| field.0.as_ref().cmp(name)).map_or("", |at| self.0[at].1.as_ref())
    }

    /// Names and values in turn. A skill is renamed at will, also in rows that have been read: its name is no part of
    /// what a row says.
    fn all_but_name(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter(|field| field.0 != "skill_name").flat_map(|(name, value)| [name.as_ref(), value.as_ref()])
    }
}

/// Local time from `YYYY-MM-DD HH:MM:SS`. Also with a `T`, and with a fraction of a second, which is dropped: they
/// leave no doubt about what is meant. A zone behind the time would leave one, so that is unreadable.
fn date(text: &str) -> Option<DateTime> {
    let bytes = text.as_bytes();
    let (time, fraction) = bytes.split_at_checked(19)?;
    if !matches!(fraction, [] | [b'.', _, ..]) || !fraction.iter().skip(1).all(u8::is_ascii_digit) {
        return None;
    }
    if time[4] != b'-' || time[7] != b'-' || !matches!(time[10], b' ' | b'T') || time[13] != b':' || time[16] != b':' {
        return None;
    }
    let number = |from: usize, to: usize| {
        time[from..to]
            .iter()
            .try_fold(0i16, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + i16::from(byte - b'0')))
    };
    let two = |from: usize| number(from, from + 2).and_then(|value| i8::try_from(value).ok());
    DateTime::new(number(0, 4)?, two(5)?, two(8)?, two(11)?, two(14)?, two(17)?, 0).ok()
}

fn first_half(RowId(hash): RowId) -> RowContent {
    let [a, b, c, d, e, f, g, h, ..] = hash;
    RowContent(u64::from_be_bytes([a, b, c, d, e, f, g, h]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{ABANDONED, ANSWERED};
    use alloc::string::String;
    use alloc::vec;
    use proptest::prelude::*;

    const SAMPLE: [(&str, &str); 9] = [
        ("skill_name", "Ventas"),
        ("skill_id", "4173"),
        ("conn_id", "6736.4628.1040.1768782812.1814"),
        ("date", "2026-01-18 19:34:31"),
        ("result", "ABANDON"),
        ("ani", "3001234567"),
        ("abandon_time", "37"),
        ("type_interaction", "inbound"),
        ("customer_id", "1020304050"),
    ];

    fn read(fields: &[(&str, &str)]) -> ReadRow {
        let fields = fields.iter().map(|&(name, value)| (name.to_owned().into(), value.to_owned().into())).collect();
        RowParser::new(&ABANDONED).read(&RowHasher::new([7; 16]), fields)
    }

    fn sample_with(name: &str, value: &str) -> Vec<(&'static str, String)> {
        SAMPLE.iter().map(|&(n, v)| (n, if n == name { value.to_owned() } else { v.to_owned() })).collect()
    }

    fn row_with(name: &str, value: &str) -> Row {
        let fields = sample_with(name, value);
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        match read(&fields) {
            ReadRow::Row(row) => row,
            rejected => panic!("{rejected:?}"),
        }
    }

    #[test]
    fn a_row_is_read() {
        let row = row_with("", "");
        assert_eq!(row.date, jiff::civil::date(2026, 1, 18).at(19, 34, 31, 0));
        assert_eq!(row.began, Some("2026-01-19T00:33:32Z".parse().unwrap()));
        assert_eq!((&*row.skill_id, row.skill_name.as_deref()), ("4173", Some("Ventas")));
        assert_eq!((&*row.type_interaction, row.counts, row.waited), ("inbound", true, Some(37.0)));
    }

    #[test]
    fn an_epoch_that_no_zone_brings_together_with_the_date_is_none() {
        for (conn_id, is_one) in [
            // Twelve hours behind UTC, and a quarter more.
            ("6736.4628.1040.1768808034.1", true),
            ("6736.4628.1040.1768808935.1", false),
            // Fourteen ahead of it, and a quarter more.
            ("6736.4628.1040.1768714434.1", true),
            ("6736.4628.1040.1768713534.1", false),
            ("6736.4628.1040.1500000000.1", false),
            ("6736.4628.1040.4102444799.1", false),
        ] {
            assert_eq!(row_with("conn_id", conn_id).began.is_some(), is_one, "{conn_id}");
        }
    }

    #[test]
    fn a_row_of_answered_calls_counts_unless_it_was_abandoned() {
        let row = |result: &str| {
            let fields = [("conn_id", "1"), ("skill_id", "4173"), ("date", "2026-01-18 19:34:31"), ("result", result)];
            let fields =
                fields.into_iter().chain([("answer_time", "00:00:12"), ("abandon_time", "99"), ("agent_id", "77")]);
            let fields = fields.map(|(name, value)| (name.to_owned().into(), value.to_owned().into())).collect();
            match RowParser::new(&ANSWERED).read(&RowHasher::new([7; 16]), fields) {
                ReadRow::Row(row) => (row.counts, row.unknown_result, row.waited),
                rejected => panic!("{rejected:?}"),
            }
        };
        assert_eq!(row("ANSWER"), (true, None, Some(12.0)));
        assert_eq!(row("CONTESTADA"), (true, Some("CONTESTADA".into()), Some(12.0)));
        assert_eq!(row(""), (true, Some("".into()), Some(12.0)));
        assert_eq!(row("Abandoned"), (false, None, Some(12.0)));
    }

    #[test]
    fn a_rename_changes_neither_identity_nor_content() {
        let (old, new) = (row_with("", ""), row_with("skill_name", "Ventas 2"));
        assert_eq!((old.id, old.content), (new.id, new.content));
        let (old, new) = (row_with("conn_id", ""), row_with("conn_id", ""));
        assert_eq!((old.id, old.content), (new.id, new.content));
    }

    #[test]
    fn identity_is_conn_id_skill_and_date() {
        let row = row_with("", "");
        for (name, value) in [("conn_id", "1.1768782812.2"), ("skill_id", "4174"), ("date", "2026-01-18 19:34:32")] {
            assert_ne!(row_with(name, value).id, row.id, "{name}");
        }
        for (name, value) in
            [("result", "ANSWER"), ("ani", "1"), ("abandon_time", ""), ("type_interaction", "chat-web")]
        {
            let other = row_with(name, value);
            assert_eq!(other.id, row.id, "{name}");
            assert_ne!(other.content, row.content, "{name}");
        }
    }

    #[test]
    fn without_conn_id_the_whole_row_is_the_identity() {
        let row = row_with("conn_id", "-");
        let mut fields = sample_with("conn_id", "-");
        fields[5].1 = "3007654321".to_owned();
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let ReadRow::Row(other) = read(&fields) else { panic!("a row") };
        assert_ne!(row.id, other.id);
    }

    #[test]
    fn dates_are_read_strictly() {
        let plain = row_with("", "");
        for text in ["2026-01-18T19:34:31", "2026-01-18 19:34:31.0", " 2026-01-18 19:34:31.999 "] {
            assert_eq!(row_with("date", text).id, plain.id, "{text:?}");
        }
        for text in [
            "",
            "-",
            "0000-00-00 00:00:00",
            "2026-02-30 10:00:00",
            "2026-01-18 24:00:00",
            "2026-01-18",
            "18/01/2026 19:34:31",
            "2026-01-18 19:34:31Z",
            "2026-01-18 19:34:31-05:00",
            "2026-01-18 19:34:31.",
            "2026-01-18 19:34:31.5Z",
            "2026-01-18_19:34:31",
            "2026-1-18 19:34:31",
            "ñ026-01-18 19:34:31",
            "2026-01-18 19:34:3ñ",
        ] {
            let fields = sample_with("date", text);
            let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
            assert!(matches!(read(&fields), ReadRow::Rejected { reason: RejectReason::Date, .. }), "{text:?}");
        }
    }

    #[test]
    fn the_last_of_two_equal_names_stands() {
        let mut fields = vec![("abandon_time", "1")];
        fields.extend(SAMPLE);
        assert_eq!(read(&fields), read(&SAMPLE));
    }

    proptest! {
        #[test]
        fn the_order_of_fields_does_not_matter(fields in Just(SAMPLE.to_vec()).prop_shuffle()) {
            prop_assert_eq!(read(&fields), read(&SAMPLE));
        }

        #[test]
        fn any_text_is_read_or_rejected(values in prop::collection::vec(any::<String>(), 9)) {
            let fields: Vec<_> = SAMPLE.iter().zip(&values).map(|((name, _), value)| (*name, value.as_str())).collect();
            read(&fields);
        }
    }

    #[test]
    fn a_date_has_each_of_its_separators() {
        let text = "2026-01-18 19:34:31";
        assert!(date(text).is_some());
        for (place, separator) in text.char_indices().filter(|(_, c)| !c.is_ascii_digit()) {
            for wrong in ['x', '0', '/', if separator == ':' { '-' } else { ':' }] {
                let mut wrong_text = text.to_owned();
                wrong_text.replace_range(place..=place, wrong.encode_utf8(&mut [0; 4]));
                assert_eq!(date(&wrong_text), None, "{wrong_text}");
            }
        }
    }
}

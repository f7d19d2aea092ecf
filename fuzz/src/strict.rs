use std::fmt;

use domain::report::ReportKind;
use domain::row::ReadRow;
use domain::row_parse::RowParser;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::from_str;
use serde_json::value::RawValue;
use wolkvox_exporter::wolkvox::answer::{CallRows, Data, Decoded, NotReadable, ReadsRows as _};

use super::answer::hasher;

/// A body that is one JSON object from its first byte to its last, as serde_json reads it: the judge of what the exporter's
/// own reader, which has to get along with bad bytes, makes of it.
pub(super) struct Strict<'b>(Members<'b>);

/// The members of an object in their order, those of equal names too.
struct Members<'b>(Vec<(String, &'b RawValue)>);

/// Deeper values are not read: known rows have none.
const MAX_DEPTH: usize = 16;

impl<'b> Strict<'b> {
    /// `None` of any other body, and of one that has `data` twice or nests deeply, of which the reader makes nothing.
    pub fn of(body: &'b [u8]) -> Option<Self> {
        let members: Members<'b> = serde_json::from_slice(body).ok()?;
        let once = members.0.iter().filter(|(name, _)| name == "data").count() <= 1;
        (once && depth(body) <= MAX_DEPTH).then_some(Self(members))
    }

    /// Panics where `decoded`, of the same body and `report`, says something else.
    pub fn judge(&self, decoded: Result<&Decoded, &NotReadable>, report: &'static ReportKind) {
        let decoded = decoded.expect("it is JSON from its first byte to its last");
        match self.last("msg").map(text) {
            Some(None) => {}
            msg => assert_eq!(msg.flatten(), decoded.msg),
        }
        let data = match self.last("data").map(RawValue::get) {
            None => Some(Data::Missing),
            Some("null") => Some(Data::Empty),
            Some(data) if data.starts_with('[') => rows(from_str(data).expect("a list"), report),
            Some(data) if data.starts_with('{') => {
                from_str(data).ok().and_then(|members| listed(data, members, report))
            }
            Some(data) => {
                let blank = data.starts_with('"') && from_str(data).is_ok_and(|text: String| text.trim().is_empty());
                Some(if blank { Data::Empty } else { Data::Unreadable })
            }
        };
        // A half of a surrogate pair is text for the one and none for the other.
        if let Some(data) = data {
            assert_eq!(data, decoded.data);
        }
    }

    fn last(&self, wanted: &str) -> Option<&'b RawValue> {
        self.0.0.iter().rev().find(|(name, _)| name == wanted).map(|(_, value)| *value)
    }
}

/// The rows of an object where a list should be.
fn listed(whole: &str, Members(members): Members<'_>, report: &'static ReportKind) -> Option<Data> {
    if members.iter().any(|(name, _)| CallRows::PLAIN_FIELDS.contains(&name.as_str())) {
        rows(vec![from_str(whole).expect("it was read before")], report)
    } else if members.iter().all(|(name, _)| name.bytes().all(|byte| byte.is_ascii_digit())) {
        rows(members.into_iter().map(|(_, value)| value).collect(), report)
    } else {
        Some(Data::Unreadable)
    }
}

/// `None` where a text can't be written in Unicode.
fn rows(values: Vec<&RawValue>, report: &'static ReportKind) -> Option<Data> {
    values.into_iter().map(|value| row(value.get(), report)).collect::<Option<_>>().map(Data::Rows)
}

fn row(written: &str, report: &'static ReportKind) -> Option<ReadRow> {
    let rejected = Some(RowParser::reject_shape(&hasher(), written));
    if !written.starts_with('{') {
        return rejected;
    }
    let Members(members) = from_str(written).ok()?;
    let mut fields = Vec::new();
    for (name, value) in members {
        let nested = value.get().starts_with(['[', '{']);
        if nested && CallRows::PLAIN_FIELDS.contains(&name.as_str()) {
            return rejected;
        }
        let text = if nested && name == "skill_name" { String::new() } else { text(value)? };
        fields.push((name.into(), text.into()));
    }
    Some(RowParser::new(report).read(&hasher(), fields))
}

/// `None` where it can't be written in Unicode.
fn text(value: &RawValue) -> Option<String> {
    match value.get() {
        "null" => Some(String::new()),
        text if text.starts_with('"') => from_str(text).ok(),
        other => Some(other.to_owned()),
    }
}

/// Of brackets within texts too: at least as deep as it is.
fn depth(body: &[u8]) -> usize {
    let mut open = 0_usize;
    let mut deepest = 0;
    for byte in body {
        match byte {
            b'[' | b'{' => open += 1,
            b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(open);
    }
    deepest
}

impl<'b> Deserialize<'b> for Members<'b> {
    fn deserialize<D: Deserializer<'b>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'b> Visitor<'b> for InOrder {
            type Value = Members<'b>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'b>>(self, mut map: A) -> Result<Members<'b>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

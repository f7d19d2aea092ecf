use std::fmt;

use serde::Deserializer as _;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::rows::{self, DataSeed};
use super::{Code, Decoded, NotReadable};
use domain::identity::RowHasher;

/// The longest `msg` that is kept, in characters: the longest known one has 51.
const MAX_MSG_CHARS: usize = 500;

/// Reads the first JSON object in `text`. A byte-order mark or a PHP warning before it and text after it are passed over.
///
/// Only the first place that looks like an object is tried. Going on to the next one when it fails would find the rows
/// of a cut answer, and take one of them for the answer itself.
pub(super) fn decode(text: &str, hasher: &RowHasher) -> Result<Decoded, NotReadable> {
    let at = object_start(text).ok_or_else(|| why_no_object(text))?;
    if is_html(&text[..at]) {
        return Err(NotReadable::Html);
    }
    let mut json = serde_json::Deserializer::from_str(&text[at..]);
    let envelope = json.deserialize_map(Envelope { hasher });
    let (decoded, known) = envelope.map_err(|error| broken(text, at, &error))?;
    // After a warning an object that is none of the API's may be part of the warning.
    if at > 0 && !known && !is_blank(&text[..at]) {
        return Err(NotReadable::NoObject);
    }
    // The deserializer stands behind the object's closing brace.
    let end = at + json.into_iter::<IgnoredAny>().byte_offset();
    // A warning after the answer takes nothing from it. A second object might hold rows that nobody would miss.
    match object_start(&text[end..]) {
        Some(_) => Err(NotReadable::Trailing(end)),
        None => Ok(decoded),
    }
}

/// Where the first object begins: a brace, and a name or the closing brace after it. A stack trace's `{main}` is none.
fn object_start(text: &str) -> Option<usize> {
    text.match_indices('{').map(|(at, _)| at).find(|at| text[at + 1..].trim_start().starts_with(['"', '}']))
}

fn why_no_object(text: &str) -> NotReadable {
    if is_blank(text) {
        NotReadable::Nothing
    } else if is_html(text) {
        NotReadable::Html
    } else if text.trim_end().ends_with('{') {
        NotReadable::Cut(text.len())
    } else {
        NotReadable::NoObject
    }
}

/// PHP's warnings have tags too (`<br />`, `<b>`), a page has these.
fn is_html(text: &str) -> bool {
    let start = text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}').as_bytes();
    ["<!doctype", "<html", "<head", "<body"]
        .iter()
        .any(|tag| start.get(..tag.len()).is_some_and(|found| found.eq_ignore_ascii_case(tag.as_bytes())))
}

fn is_blank(text: &str) -> bool {
    text.chars().all(|c| c.is_whitespace() || c.is_control() || c == '\u{feff}')
}

fn broken(text: &str, at: usize, error: &serde_json::Error) -> NotReadable {
    if error.is_eof() {
        return NotReadable::Cut(text.len());
    }
    let lines = text[at..].split_inclusive('\n').take(error.line().saturating_sub(1));
    NotReadable::Broken(at + lines.map(str::len).sum::<usize>() + error.column())
}

/// Reads the object. Beside what it says: whether any of its names is one of the API's.
struct Envelope<'h> {
    hasher: &'h RowHasher,
}

impl<'de> Visitor<'de> for Envelope<'_> {
    type Value = (Decoded, bool);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the answer's object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut decoded = Decoded::default();
        let mut known = false;
        while let Some(name) = map.next_key_seed(rows::Text)? {
            known |= matches!(&*name, "code" | "msg" | "error" | "data");
            match &*name {
                "code" => decoded.code = code(&rows::plain_text(map.next_value::<&RawValue>()?)),
                "msg" => {
                    let msg = rows::plain_text(map.next_value::<&RawValue>()?);
                    decoded.msg = msg.trim().chars().take(MAX_MSG_CHARS).collect();
                }
                "error" => {
                    let error = rows::plain_text(map.next_value::<&RawValue>()?);
                    decoded.names_error = !matches!(error.trim(), "" | "0" | "false" | "[]" | "{}");
                }
                "data" => decoded.data = map.next_value_seed(DataSeed::new(self.hasher))?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok((decoded, known))
    }
}

fn code(text: &str) -> Code {
    match text.trim() {
        "" => Code::Missing,
        text => text.parse().ok().filter(|code| (100..600).contains(code)).map_or(Code::Unreadable, Code::Number),
    }
}

use std::borrow::Cow;
use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error as DeError, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::Data;
use domain::identity::RowHasher;
use domain::row::ReadRow;
use domain::row_parse::{Field, RowParser};

/// The fields that counting hangs on. A list or an object in one of them makes the row unreadable; in any other field,
/// such as one that the API may add, it doesn't: the call would be lost for something that nobody reads. So it is with
/// `abandon_time`: the call counts without a time.
const PLAIN_FIELDS: [&str; 5] = ["conn_id", "skill_id", "date", "result", "type_interaction"];

/// Reads `data` row by row, so that memory holds one row's text at a time beside the body.
pub(super) struct DataSeed<'h> {
    hasher: &'h RowHasher,
    parser: RowParser,
}

impl<'h> DataSeed<'h> {
    pub fn new(hasher: &'h RowHasher) -> Self {
        Self { hasher, parser: RowParser::default() }
    }

    /// The text of a row, which is valid JSON but perhaps no object.
    fn row(&mut self, raw: &RawValue) -> ReadRow {
        let fields = match serde_json::Deserializer::from_str(raw.get()).deserialize_map(Entries) {
            Ok(entries) => fields(entries),
            Err(_) => None,
        };
        match fields {
            Some(fields) => self.parser.read(self.hasher, fields),
            None => RowParser::reject_shape(self.hasher, raw.get()),
        }
    }
}

impl<'de> DeserializeSeed<'de> for DataSeed<'_> {
    type Value = Data;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Data, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for DataSeed<'_> {
    type Value = Data;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the rows of an answer")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<Data, A::Error> {
        let mut rows = Vec::new();
        while let Some(raw) = seq.next_element::<&RawValue>()? {
            rows.push(self.row(raw));
        }
        Ok(Data::Rows(rows))
    }

    /// Sibling reports send an object. PHP writes a list with gaps in its keys as `{"0":{…},"2":{…}}`; a single row may
    /// come without a list around it, and is known by its field names.
    fn visit_map<A: MapAccess<'de>>(mut self, map: A) -> Result<Data, A::Error> {
        let entries = Entries.visit_map(map)?;
        let is_row = entries.iter().any(|(name, _)| PLAIN_FIELDS.contains(&name.as_ref()));
        if !is_row {
            return Ok(Data::Rows(entries.iter().map(|(_, raw)| self.row(raw)).collect()));
        }
        // Only where a field is nested, which makes up a text to tell the bad row by.
        let text: String = entries.iter().flat_map(|(name, raw)| [name.as_ref(), raw.get()]).collect();
        Ok(Data::Rows(vec![match fields(entries) {
            Some(fields) => self.parser.read(self.hasher, fields),
            None => RowParser::reject_shape(self.hasher, &text),
        }]))
    }

    fn visit_unit<E: DeError>(self) -> Result<Data, E> {
        Ok(Data::None)
    }

    fn visit_bool<E: DeError>(self, value: bool) -> Result<Data, E> {
        Ok(if value { Data::Unreadable } else { Data::None })
    }

    fn visit_str<E: DeError>(self, text: &str) -> Result<Data, E> {
        Ok(if text.trim().is_empty() { Data::None } else { Data::Unreadable })
    }

    fn visit_u64<E: DeError>(self, _: u64) -> Result<Data, E> {
        Ok(Data::Unreadable)
    }

    fn visit_i64<E: DeError>(self, _: i64) -> Result<Data, E> {
        Ok(Data::Unreadable)
    }

    fn visit_f64<E: DeError>(self, _: f64) -> Result<Data, E> {
        Ok(Data::Unreadable)
    }
}

type Entry<'de> = (Cow<'de, str>, &'de RawValue);

/// `None` where a field of [`PLAIN_FIELDS`] isn't plain.
fn fields(entries: Vec<Entry<'_>>) -> Option<Vec<Field<'_>>> {
    entries
        .into_iter()
        .map(|(name, raw)| {
            let nested = raw.get().starts_with(['{', '[']);
            if nested && PLAIN_FIELDS.contains(&name.as_ref()) {
                return None;
            }
            // A nested name is no name; no field of the others is looked at.
            let text = if nested && name == "skill_name" { Cow::Borrowed("") } else { plain_text(raw) };
            Some((name, text))
        })
        .collect()
}

/// The names and raw values of an object.
struct Entries;

impl<'de> Visitor<'de> for Entries {
    type Value = Vec<Entry<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        // skill_2 has nine fields.
        let mut entries = Vec::with_capacity(9);
        while let Some(name) = map.next_key_seed(Text)? {
            entries.push((name, map.next_value()?));
        }
        Ok(entries)
    }
}

/// A JSON value as text: a string's content, `null` as nothing, anything else as it is written (which keeps `37.0` and
/// integers beyond 64 bits as they are).
pub(super) fn plain_text(raw: &RawValue) -> Cow<'_, str> {
    let raw = raw.get();
    match raw.as_bytes().first() {
        Some(b'"') => match raw.get(1..raw.len() - 1) {
            Some(inside) if !inside.contains('\\') => Cow::Borrowed(inside),
            _ => Text.deserialize(&mut serde_json::Deserializer::from_str(raw)).unwrap_or(Cow::Borrowed(raw)),
        },
        Some(b'n') => Cow::Borrowed(""),
        _ => Cow::Borrowed(raw),
    }
}

/// A JSON string, borrowed where it has no escapes. Asked for as bytes: so `serde_json` lets half a surrogate pair pass
/// (`\ud83d`, a name cut in the middle of an emoji), and it becomes a replacement character instead of an error.
pub(super) struct Text;

impl<'de> DeserializeSeed<'de> for Text {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_bytes(self)
    }
}

impl<'de> Visitor<'de> for Text {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_borrowed_bytes<E: DeError>(self, bytes: &'de [u8]) -> Result<Self::Value, E> {
        Ok(std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed))
    }

    fn visit_bytes<E: DeError>(self, bytes: &[u8]) -> Result<Self::Value, E> {
        Ok(Cow::Owned(String::from_utf8_lossy(bytes).into_owned()))
    }

    fn visit_borrowed_str<E: DeError>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E: DeError>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

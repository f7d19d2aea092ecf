use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{DuplicateKeyPolicy, Location, NonFiniteFloatPolicy, Spanned};

use super::problem::{Origin, Problems, quoted};
use domain::token;

/// A YAML value and where it stands.
///
/// The file is read into this tree and checked by hand: serde's own types stop at the first wrong one, and all problems
/// are to be reported at once.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    pub value: Value,
    pub origin: Origin,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    Integer(i128),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    /// Keys may repeat; keys are mostly, but not always, text.
    Map(Vec<(Node, Node)>),
}

/// An alias may repeat what it stands for; this is far more than a configuration of this size needs.
const MAX_EVENTS: usize = 500_000;

/// Reads one YAML document. What isn't YAML at all is one problem: nothing after it can be trusted.
pub fn parse(text: &str, problems: &mut Problems) -> Option<Node> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_events: MAX_EVENTS,
            max_nodes: MAX_EVENTS,
            max_depth: 32,
            // The default of 32 refuses a file that begins with a page of comments.
            max_buffered_comment_events: MAX_EVENTS,
        },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: MAX_EVENTS },
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
        // `server: 0042` is written without quotes sooner or later.
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        strict_booleans: true,
        // A snippet could show a token; line and column are enough.
        with_snippet: false,
    };
    match serde_saphyr::from_str_with_options::<Node>(text, options) {
        Ok(node) => Some(node),
        Err(serde_saphyr::Error::MultipleDocuments { location, .. }) => {
            problems.push(origin_of(location), "a second YAML document begins here; the file must hold one");
            None
        }
        Err(error) => {
            let error = error.without_snippet();
            let origin = error.location().map_or(Origin::WholeFile, origin_of);
            // The last part of the text is the location again, in the crate's own form.
            let reason = error.to_string();
            let reason = reason.split(" at line ").next().unwrap_or_default().lines().next().unwrap_or_default();
            let reason = match reason {
                _ if token::may_be_in(reason) => "(hidden: it quotes what looks like a token)",
                _ if reason.starts_with("recursive references") => "an alias refers to what it stands in",
                _ if reason.starts_with("tabs disallowed") => "a tab stands here; write spaces",
                reason => reason,
            };
            problems.push(origin, format!("not valid YAML: {reason}"));
            None
        }
    }
}

fn origin_of(location: Location) -> Origin {
    match location.line() {
        0 => Origin::WholeFile,
        line => Origin::File { line, column: location.column() },
    }
}

impl Node {
    /// A value that was given as a flag.
    pub fn from_flag(text: &str) -> Self {
        Self { value: Value::Text(text.to_owned()), origin: Origin::Elsewhere }
    }

    pub fn is_empty(&self) -> bool {
        match &self.value {
            Value::Null => true,
            Value::List(list) => list.is_empty(),
            _ => false,
        }
    }

    /// The value as a problem names it.
    pub fn shown(&self) -> String {
        match &self.value {
            Value::Null => "empty".to_owned(),
            Value::Bool(value) => format!("`{value}`"),
            Value::Integer(value) => quoted(&value.to_string()),
            Value::Float(value) => format!("`{value}`"),
            Value::Text(text) if text.is_empty() => "empty".to_owned(),
            Value::Text(text) => quoted(text),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a mapping".to_owned(),
        }
    }

    /// Text, or a whole number as its digits: an id or a server's number is often written without quotes.
    ///
    /// A token is refused wherever it stands: names, paths and ids are shown in logs and on the page. A path to a file
    /// whose name only looks like one has a `/`.
    pub fn text(&self) -> Result<String, String> {
        let text = match &self.value {
            Value::Text(text) => text.clone(),
            Value::Integer(value) => value.to_string(),
            _ => return Err("write text".to_owned()),
        };
        if token::may_be_in(&text) && !text.contains('/') {
            return Err(
                "put the token into a file of its own, and name that file in token_file or with --wolkvox.token-file"
                    .to_owned(),
            );
        }
        Ok(text)
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Value>::deserialize(deserializer)?;
        Ok(Self { value: spanned.value, origin: origin_of(spanned.referenced) })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Integer(value.into()))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Integer(value.into()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(node) = access.next_element()? {
            list.push(node);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = access.next_entry()? {
            entries.push(entry);
        }
        Ok(Value::Map(entries))
    }
}

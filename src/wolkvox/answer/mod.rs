//! From the bytes of a body to the rows in it.
//!
//! `envelope` finds the JSON object and reads what stands around the rows, `rows` reads them one by one: a bad row is
//! rejected, and the others stand. What a decoded body means (an error, an empty window, rows) is `verdict`'s to say.

mod envelope;
mod rows;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use domain::identity::RowHasher;
use domain::row::ReadRow;

/// What a body says, before anybody judges it.
#[derive(Debug, Default)]
pub struct Decoded {
    pub code: Code,
    /// Text from outside: not to be shown unless redacted.
    pub msg: String,
    /// Whether `error` says anything; `null`, `""`, `false` and 0 don't.
    pub names_error: bool,
    pub data: Data,
}

/// `code`: a string or a number, sometimes missing or empty.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    #[default]
    Missing,
    Number(u16),
    /// Something that is no code, such as a word.
    Unreadable,
}

#[derive(Debug, Default, PartialEq)]
pub enum Data {
    /// `null`, missing, `""` or `false`.
    #[default]
    None,
    /// In the order of the answer; `[]` and `{}` give none.
    Rows(Vec<ReadRow>),
    /// A text or a number where rows should be.
    Unreadable,
}

/// Why a body has nothing to say. Holds nothing of the body, for that may be personal data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotReadable {
    #[error("the body is empty")]
    Nothing,
    #[error("the body is an HTML page")]
    Html,
    #[error("there is no JSON object in the body")]
    NoObject,
    #[error("the body ends in the middle, after {0} bytes")]
    Cut(usize),
    #[error("the JSON is broken at byte {0}")]
    Broken(usize),
    #[error("more follows after the JSON object, at byte {0}")]
    Trailing(usize),
}

/// Reads a body. Never panics, and takes time and memory in proportion to the body.
pub fn decode(body: &[u8], hasher: &RowHasher) -> Result<Decoded, NotReadable> {
    // Copies only if there is something to replace. The check alone is several times faster than the replacing.
    let text = std::str::from_utf8(body).map_or_else(|_| String::from_utf8_lossy(body), Cow::Borrowed);
    envelope::decode(&text, hasher)
}

impl Decoded {
    /// How many rows `msg` announces: it begins with the count, as in `1 records were found`.
    pub fn announced(&self) -> Option<u64> {
        let msg = self.msg.trim_start();
        let digits = msg.find(|c: char| !c.is_ascii_digit()).unwrap_or(msg.len());
        let rest = &msg[digits..];
        // `3rd`, `1:1`: a number, but not a count.
        if rest.is_empty() || rest.starts_with(char::is_whitespace) { msg[..digits].parse().ok() } else { None }
    }
}

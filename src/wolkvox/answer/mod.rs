//! From the bytes of a body to the rows in it, in one pass: of the body only a piece is in memory.
//!
//! `envelope` finds the JSON object and reads what stands around the rows, `rows` reads them one by one: a bad row is
//! rejected, and the others stand, for `borders` tells where they begin and end. `kinds` are the rows of each report. All look
//! through a `window` at the body, by the rules of `json`; `page` knows mark-up.
//! What a decoded body means (an error, an empty window, rows) is `verdict`'s to say.

mod borders;
mod envelope;
mod json;
mod kinds;
mod page;
mod rows;
#[cfg(test)]
mod tests;
mod window;

use std::io::Read;

use domain::identity::RowHasher;
use domain::report::ReportKind;
use domain::row::ReadRow;

pub use kinds::{CallRows, ReadsRows, TotalsRows};
pub(super) use page::is_page;

/// The most rows of an answer. The API's limit is 60,000; an answer with several times as many is none of its, and would
/// take memory without bound.
pub const MAX_ROWS: usize = 200_000;

/// What a body says, before anybody judges it. The texts are from outside: not to be shown unless redacted.
#[derive(Debug, PartialEq)]
pub struct Decoded<R = ReadRow> {
    pub code: Code,
    /// `None` where there is none.
    pub msg: Option<String>,
    /// The text of `error`.
    pub error: String,
    /// Whether `error` says anything; `null`, `""`, `false` and 0 don't.
    pub names_error: bool,
    /// `message`, which is none of the API's names but of many servers before one.
    pub message: String,
    pub data: Data<R>,
    /// Whether there is a list or an object, with something in it, under a name that is none of the API's.
    pub has_unknown_list: bool,
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
pub enum Data<R = ReadRow> {
    #[default]
    Missing,
    /// `null` or `""`.
    Empty,
    /// In the order of the answer; `[]` and `{}` give none.
    Rows(Vec<R>),
    /// A text, a number or a truth value where rows should be, or an object of something else.
    Unreadable,
}

/// Why a body has nothing to say. Holds nothing of the body, for that may be personal data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotReadable {
    #[error("the body is empty")]
    Nothing,
    #[error("the body is a page, not the API's JSON")]
    Page,
    #[error("there is no JSON object of the API in the body")]
    NoObject,
    #[error("the body ends in the middle, after {0} bytes")]
    Cut(usize),
    #[error("the JSON is broken at byte {0}")]
    Broken(usize),
    /// Only in a report: before this place are rows, and behind it none can be found.
    #[error("a bad byte spoils the rows from byte {0} on")]
    Spoilt(usize),
    #[error("more follows after the JSON object, at byte {0}")]
    Trailing(usize),
    #[error("it has rows twice, the second time at byte {0}")]
    Twice(usize),
    #[error("it has more than {MAX_ROWS} rows")]
    Overlong,
    #[error("it has more than {0} bytes")]
    Oversized(usize),
    #[error("the compressed body is damaged")]
    Packed,
    #[error("its body is packed in a way that was not asked for (Content-Encoding)")]
    Encoding,
}

/// Reads a body with rows of `report`. Never panics, and takes time in proportion to the body and memory in proportion to its rows.
pub fn decode(body: impl Read, report: &'static ReportKind, hasher: &RowHasher) -> Result<Decoded, NotReadable> {
    decode_rows(body, CallRows::new(report, hasher))
}

/// The same of any rows.
pub fn decode_rows<P: ReadsRows>(body: impl Read, rows: P) -> Result<Decoded<P::Row>, NotReadable> {
    envelope::decode(body, rows)
}

impl<R> Decoded<R> {
    /// How many rows `msg` announces: it begins with the count, as in `1 records were found`, or with one in groups of three
    /// digits.
    pub fn announced(&self) -> Option<u64> {
        const BETWEEN_GROUPS: [char; 2] = [',', '.'];
        let count = self.msg.as_deref()?.split_whitespace().next()?;
        let mut groups = count.split(BETWEEN_GROUPS);
        let is_grouped = groups.next()?.len() <= 3 && groups.all(|group| group.len() == 3);
        // `3rd`, `1:1`, `1.5`: a number, but not a count.
        if is_grouped { count.replace(BETWEEN_GROUPS, "").parse().ok() } else { count.parse().ok() }
    }

    pub fn rows(&self) -> &[R] {
        match &self.data {
            Data::Rows(rows) => rows,
            _ => &[],
        }
    }
}

impl<R> Default for Decoded<R> {
    fn default() -> Self {
        Self {
            code: Code::default(),
            msg: None,
            error: String::new(),
            names_error: false,
            message: String::new(),
            data: Data::Missing,
            has_unknown_list: false,
        }
    }
}

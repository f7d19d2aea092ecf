//! Where rows, and their list, begin and end among bytes that are no JSON.

use super::json::{self, Member, Stop};

/// What comes after a bad row.
pub(super) enum Next {
    Row,
    End,
    /// The body has ended, or another answer begins in it.
    Nothing,
}

/// Bytes that are looked through for the next row where something else than a comma stands behind one.
const MAX_BETWEEN_BYTES: usize = 64;

/// Whether an element that seems to end at `end` does so: a comma or the list's end follows. Or, behind an object, another
/// one, without a comma or with bad bytes between them: both are whole.
pub(super) fn is_followed(bytes: &[u8], end: usize, is_object: bool) -> Result<bool, Stop> {
    let behind = json::space(bytes, end);
    if matches!(json::byte(bytes, behind)?, b',' | b']') {
        return Ok(true);
    }
    let mut between = bytes[behind..].iter().take(MAX_BETWEEN_BYTES);
    match between.position(|byte| matches!(byte, b'{' | b'}' | b'[' | b']' | b'"')) {
        Some(at) if is_object && bytes[behind + at] == b'{' => {
            Ok(json::byte(bytes, json::space(bytes, behind + at + 1))? == b'"')
        }
        None if is_object && bytes.len() < behind + MAX_BETWEEN_BYTES => Err(Stop::Short),
        _ => Ok(false),
    }
}

/// Where the text begins within which the bytes end.
pub(super) fn unclosed_text(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += bytes.get(at..)?.iter().position(|byte| *byte == b'"')?;
        match json::string(bytes, at) {
            Ok(end) => at = end,
            Err(_) => return Some(at),
        }
    }
}

/// What the brace at `at`, somewhere behind a bad byte, begins. A row, if it stands between rows, or is a whole object that is
/// nobody's value. Within a text a quote has a backslash before it, and so is no name.
pub(super) fn starts(bytes: &[u8], at: usize, members: &mut Vec<Member>) -> Result<Option<Next>, Stop> {
    let name = json::space(bytes, at + 1);
    if json::byte(bytes, name)? != b'"' {
        return Ok(None);
    }
    if is_one_of(bytes, name, &NAMES_OF_ANSWER)? {
        return Ok(Some(Next::Nothing));
    }
    let mut before = bytes[..at].iter().rev().filter(|byte| **byte > b' ');
    match (before.next(), before.next()) {
        (Some(b','), Some(b'}')) => Ok(Some(Next::Row)),
        (Some(b':'), _) => Ok(None),
        _ => match json::object(bytes, at, members) {
            Ok(end) => is_followed(bytes, end, true).map(|is_followed| is_followed.then_some(Next::Row)),
            Err(Stop::Bad) => Ok(None),
            Err(Stop::Short) => Err(Stop::Short),
        },
    }
}

/// Whether the bracket at `at`, somewhere behind a bad byte, ends the list: the answer ends with it, or another of its
/// names follows.
pub(super) fn ends_list(bytes: &[u8], at: usize) -> Result<bool, Stop> {
    let behind = json::space(bytes, at + 1);
    match json::byte(bytes, behind)? {
        b'}' => Ok(true),
        b',' => is_one_of(bytes, json::space(bytes, behind + 1), &NAMES_OF_ANSWER[..3]),
        _ => Ok(false),
    }
}

/// The names of an answer: none of a row's. A server that fails while it sends one may send another behind what had come.
const NAMES_OF_ANSWER: [&str; 4] = ["\"code\"", "\"msg\"", "\"error\"", "\"data\""];

/// Whether one of these names, which have their quotes, stands at `at`.
fn is_one_of(bytes: &[u8], at: usize, names: &[&str]) -> Result<bool, Stop> {
    let rest = bytes.get(at..).unwrap_or_default();
    if names.iter().any(|name| rest.starts_with(name.as_bytes())) {
        return Ok(true);
    }
    if names.iter().any(|name| name.as_bytes().starts_with(rest)) { Err(Stop::Short) } else { Ok(false) }
}

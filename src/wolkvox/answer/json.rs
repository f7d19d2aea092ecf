//! JSON by its bytes: where a value ends, and what its text is.
//!
//! Strict about structure, so that a row with a bad byte is known to be one. Lenient about text: control characters within
//! strings and between values are read, and bytes that are no UTF-8 become replacement characters.

use std::borrow::Cow;
use std::ops::Range;

/// The deepest nesting of a value. Known rows have none. A value may have to be tried again from each of its brackets, and
/// so the time that a hostile body takes is bounded.
const MAX_DEPTH: usize = 16;

/// Why no value was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// The bytes end within it.
    Short,
    Bad,
}

/// The name of a member and its value, as ranges of the bytes.
pub(super) type Member = (Range<usize>, Range<usize>);

/// Reads the object that begins at `at`: its members, and where it ends.
pub(super) fn object(bytes: &[u8], at: usize, members: &mut Vec<Member>) -> Result<usize, Stop> {
    members.clear();
    expect(bytes, at, b'{')?;
    let mut at = space(bytes, at + 1);
    if byte(bytes, at)? == b'}' {
        return Ok(at + 1);
    }
    loop {
        let name = at..string(bytes, at)?;
        let from = colon(bytes, name.end)?;
        let end = value(bytes, from)?;
        members.push((name, from..end));
        at = space(bytes, end);
        match byte(bytes, at)? {
            b',' => at = space(bytes, at + 1),
            b'}' => return Ok(at + 1),
            _ => return Err(Stop::Bad),
        }
    }
}

/// Where the value that begins at `at` ends.
pub(super) fn value(bytes: &[u8], mut at: usize) -> Result<usize, Stop> {
    // The brackets that are to close what is open.
    let mut open = Vec::new();
    loop {
        match byte(bytes, at)? {
            b'"' => at = string(bytes, at)?,
            start @ (b'{' | b'[') => {
                let close = if start == b'{' { b'}' } else { b']' };
                at = space(bytes, at + 1);
                if byte(bytes, at)? != close {
                    if open.len() == MAX_DEPTH {
                        return Err(Stop::Bad);
                    }
                    open.push(close);
                    at = if close == b'}' { name(bytes, at)? } else { at };
                    continue;
                }
                at += 1;
            }
            _ => at = scalar(bytes, at)?,
        }
        loop {
            let Some(&close) = open.last() else { return Ok(at) };
            at = space(bytes, at);
            match byte(bytes, at)? {
                b',' => {
                    at = space(bytes, at + 1);
                    at = if close == b'}' { name(bytes, at)? } else { at };
                    break;
                }
                other if other == close => {
                    open.pop();
                    at += 1;
                }
                _ => return Err(Stop::Bad),
            }
        }
    }
}

/// Where the value begins whose name is at `at`.
pub(super) fn name(bytes: &[u8], at: usize) -> Result<usize, Stop> {
    colon(bytes, string(bytes, at)?)
}

/// Where the string ends whose quote is at `at`.
pub(super) fn string(bytes: &[u8], at: usize) -> Result<usize, Stop> {
    expect(bytes, at, b'"')?;
    let mut at = at + 1;
    loop {
        match byte(bytes, at)? {
            b'"' => return Ok(at + 1),
            b'\\' => at += escape(bytes, at)?,
            _ => at += 1,
        }
    }
}

/// Passes white space. So are control characters that don't belong here: what they stand between is no less clear.
pub(super) fn space(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest.iter().position(|byte| *byte > b' ').unwrap_or(rest.len())
}

/// A value as text: a string's content, `null` as nothing, anything else as it is written (which keeps `37.0` and integers
/// beyond 64 bits as they are).
pub(super) fn text(value: &[u8]) -> Cow<'_, str> {
    match value {
        [b'"', inside @ .., b'"'] if !inside.contains(&b'\\') => String::from_utf8_lossy(inside),
        [b'"', inside @ .., b'"'] => Cow::Owned(unescaped(inside)),
        b"null" => Cow::Borrowed(""),
        _ => String::from_utf8_lossy(value),
    }
}

/// Half a surrogate pair (a name cut in the middle of an emoji) becomes a replacement character.
fn unescaped(inside: &[u8]) -> String {
    let mut out = Vec::with_capacity(inside.len());
    let mut rest = inside;
    while let Some(at) = rest.iter().position(|byte| *byte == b'\\') {
        out.extend_from_slice(&rest[..at]);
        let (length, c) = match rest.get(at + 1) {
            Some(b'u') => unit(rest, at),
            Some(b'b') => (2, '\u{8}'),
            Some(b'f') => (2, '\u{c}'),
            Some(b'n') => (2, '\n'),
            Some(b'r') => (2, '\r'),
            Some(b't') => (2, '\t'),
            Some(other) => (2, char::from(*other)),
            None => (1, char::REPLACEMENT_CHARACTER),
        };
        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        rest = rest.get(at + length..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    String::from_utf8(out).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// The character of `\uXXXX` at `at`, or of two that make a pair, and the length of what stands for it.
fn unit(bytes: &[u8], at: usize) -> (usize, char) {
    let unit = |at: usize| match bytes.get(at..at + 6) {
        Some([b'\\', b'u', hex @ ..]) => {
            std::str::from_utf8(hex).ok().and_then(|hex| u16::from_str_radix(hex, 16).ok())
        }
        _ => None,
    };
    let Some(first) = unit(at) else { return (2, char::REPLACEMENT_CHARACTER) };
    let pair = unit(at + 6).and_then(|second| char::decode_utf16([first, second]).next()?.ok());
    match (char::from_u32(u32::from(first)), pair) {
        (Some(c), _) => (6, c),
        (None, Some(c)) => (12, c),
        (None, None) => (6, char::REPLACEMENT_CHARACTER),
    }
}

fn escape(bytes: &[u8], at: usize) -> Result<usize, Stop> {
    match byte(bytes, at + 1)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Ok(2),
        b'u' => {
            let hex = bytes.get(at + 2..at + 6).ok_or(Stop::Short)?;
            if hex.iter().all(u8::is_ascii_hexdigit) { Ok(6) } else { Err(Stop::Bad) }
        }
        _ => Err(Stop::Bad),
    }
}

/// A number, `true`, `false` or `null`. Something must follow: at the end of the bytes it may go on.
fn scalar(bytes: &[u8], at: usize) -> Result<usize, Stop> {
    let rest = bytes.get(at..).unwrap_or_default();
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    let length = rest.iter().position(|byte| !is_part(byte)).ok_or(Stop::Short)?;
    let is_number = |token: &[u8]| match token {
        [b'-' | b'0'..=b'9', rest @ ..] => {
            rest.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'))
        }
        _ => false,
    };
    match &rest[..length] {
        b"null" | b"true" | b"false" => Ok(at + length),
        token if is_number(token) => Ok(at + length),
        _ => Err(Stop::Bad),
    }
}

fn colon(bytes: &[u8], at: usize) -> Result<usize, Stop> {
    let at = space(bytes, at);
    expect(bytes, at, b':')?;
    Ok(space(bytes, at + 1))
}

fn expect(bytes: &[u8], at: usize, expected: u8) -> Result<(), Stop> {
    if byte(bytes, at)? == expected { Ok(()) } else { Err(Stop::Bad) }
}

pub(super) fn byte(bytes: &[u8], at: usize) -> Result<u8, Stop> {
    bytes.get(at).copied().ok_or(Stop::Short)
}

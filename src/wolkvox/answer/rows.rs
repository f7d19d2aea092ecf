use std::borrow::Cow;
use std::io::Read;

use super::borders::{Next, ends_list, is_followed, starts, unclosed_text};
use super::json::{self, Member, Stop};
use super::kinds::ReadsRows;
use super::window::Window;
use super::{Data, MAX_ROWS, NotReadable};
use domain::row_parse::Field;

/// Bytes of a bad row by which it is known again.
const MAX_BAD_ROW_BYTES: usize = 4096;

/// Bytes that are kept of what is passed: enough to see between what a row stands.
const CONTEXT_BYTES: usize = 64;

/// Reads `data` row by row. A row that is no JSON is rejected, and reading goes on at the next one.
pub(super) struct Rows<'w, R, P: ReadsRows> {
    window: &'w mut Window<R>,
    reader: P,
    members: Vec<Member>,
    rows: Vec<P::Row>,
}

/// What `data` was.
pub(super) struct Listed<R> {
    pub data: Data<R>,
    pub trust: Trust,
}

/// How sure it is that the list's end is its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// All rows were JSON, and so nothing was guessed.
    Whole,
    /// Behind a bad row others were found. If they were parts of it, so was the end, and rows stand behind it.
    BadRow,
    /// The last row was bad, and the end was guessed: the rows may be fewer than there are.
    BadEnd,
}

impl<'w, R: Read, P: ReadsRows> Rows<'w, R, P> {
    pub fn new(window: &'w mut Window<R>, reader: P) -> Self {
        Self { window, reader, members: Vec::with_capacity(9), rows: Vec::new() }
    }

    /// Reads the value of `data`, at which the window stands.
    pub fn read(self) -> Result<Listed<P::Row>, NotReadable> {
        match self.window.next()? {
            Some(b'[') => self.list(),
            Some(b'{') => self.object(),
            _ => {
                let text = self.window.text()?.map_err(|stop| self.spoilt(stop))?;
                Ok(whole(if text.trim().is_empty() { Data::Empty } else { Data::Unreadable }))
            }
        }
    }

    fn list(mut self) -> Result<Listed<P::Row>, NotReadable> {
        self.window.pass(1);
        if self.window.next()? == Some(b']') {
            return Ok(self.listed(Trust::Whole));
        }
        let mut trust = Trust::Whole;
        loop {
            let behind_comma = self.window.next()?;
            if behind_comma == Some(b']') && self.window.enough(|bytes| ends_list(bytes, 0))? == Ok(true) {
                return Ok(self.listed(trust));
            }
            match self.window.enough(|bytes| element(bytes, &mut self.members))? {
                Ok(end) => {
                    self.row(0, end)?;
                    self.window.pass(end);
                }
                Err(Stop::Short) => return Err(self.ends_within_row()),
                Err(Stop::Bad) => match self.pass_bad_row()? {
                    Next::Row => {
                        trust = Trust::BadRow;
                        continue;
                    }
                    Next::End => trust = Trust::BadEnd,
                    Next::Nothing => return Err(NotReadable::Cut(self.window.place())),
                },
            }
            match self.window.next()? {
                Some(b']') => return Ok(self.listed(trust)),
                Some(b',') => self.window.pass(1),
                _ => self.window.pass(self.window.bytes().iter().position(|byte| *byte == b'{').unwrap_or(0)),
            }
        }
    }

    /// What has been read, at the list's end.
    fn listed(self, trust: Trust) -> Listed<P::Row> {
        self.window.pass(1);
        Listed { data: Data::Rows(self.rows), trust }
    }

    /// Sibling reports send an object. PHP writes a list with gaps in its keys as `{"0":{…},"2":{…}}`; a single row may
    /// come without a list around it, and is known by its field names.
    fn object(mut self) -> Result<Listed<P::Row>, NotReadable> {
        let single = self.window.enough(|bytes| json::object(bytes, 0, &mut self.members))?;
        if let Ok(end) = single {
            let bytes = self.window.bytes();
            let names = || self.members.iter().map(|(name, _)| json::text(&bytes[name.clone()]));
            if names().any(|name| P::PLAIN_FIELDS.contains(&&*name)) {
                self.row(0, end)?;
            } else if !names().all(|name| is_key_of_list(&name)) {
                self.window.pass(end);
                return Ok(whole(Data::Unreadable));
            } else {
                for (_, value) in std::mem::take(&mut self.members) {
                    let _ = json::object(self.window.bytes(), value.start, &mut self.members);
                    self.row(value.start, value.end)?;
                }
            }
            self.window.pass(end);
            return Ok(whole(Data::Rows(self.rows)));
        }
        // Too long for one look, or with a bad byte.
        self.window.pass(1);
        loop {
            self.window.next()?;
            let from = self.window.enough(|bytes| json::name(bytes, 0))?.map_err(|stop| self.spoilt(stop))?;
            let name = json::string(self.window.bytes(), 0).map(|end| json::text(&self.window.bytes()[..end]));
            if !name.is_ok_and(|name| is_key_of_list(&name)) {
                return Err(self.spoilt(Stop::Bad));
            }
            self.window.pass(from);
            let end = self.window.enough(|bytes| row_or_value(bytes, &mut self.members))?;
            let end = end.map_err(|stop| self.spoilt(stop))?;
            self.row(0, end)?;
            self.window.pass(end);
            match self.window.next()? {
                Some(b',') => self.window.pass(1),
                Some(b'}') => {
                    self.window.pass(1);
                    return Ok(whole(Data::Rows(self.rows)));
                }
                Some(_) => return Err(self.spoilt(Stop::Bad)),
                None => return Err(self.spoilt(Stop::Short)),
            }
        }
    }

    /// Takes the row of the bytes from `from` to `end`. Where it is an object, its members have been read.
    fn row(&mut self, from: usize, end: usize) -> Result<(), NotReadable> {
        let bytes = self.window.bytes();
        let text = &bytes[from..end];
        let fields = if text.starts_with(b"{") { fields(bytes, &self.members, P::PLAIN_FIELDS) } else { None };
        let row = match fields {
            Some(fields) => self.reader.read(fields),
            None => self.reader.reject(&String::from_utf8_lossy(text)),
        };
        self.push(row)
    }

    fn push(&mut self, row: P::Row) -> Result<(), NotReadable> {
        if self.rows.len() == MAX_ROWS {
            return Err(NotReadable::Overlong);
        }
        self.rows.push(row);
        Ok(())
    }

    /// Rejects the row at which the window stands, and goes to the next one or to the list's end.
    fn pass_bad_row(&mut self) -> Result<Next, NotReadable> {
        let mut head: Option<Vec<u8>> = None;
        let mut at = 0;
        let next = loop {
            let bytes = self.window.bytes();
            let rest = bytes.get(at..).unwrap_or_default();
            let Some(found) = rest.iter().position(|byte| matches!(byte, b'{' | b']')).map(|found| at + found) else {
                at = bytes.len();
                if at > READ_ON_FROM {
                    head.get_or_insert_with(|| bytes[..MAX_BAD_ROW_BYTES].to_vec());
                    self.window.pass(at - CONTEXT_BYTES);
                    at = CONTEXT_BYTES;
                }
                if self.window.more()? {
                    continue;
                }
                break Next::Nothing;
            };
            let found_next = if bytes[found] == b'{' {
                starts(bytes, found, &mut self.members)
            } else {
                ends_list(bytes, found).map(|ends| ends.then_some(Next::End))
            };
            match found_next {
                // The bad row itself.
                Ok(Some(Next::Row)) if found == 0 => at = 1,
                Ok(Some(next)) => {
                    head.get_or_insert_with(|| bytes[..found.min(MAX_BAD_ROW_BYTES)].to_vec());
                    self.window.pass(found);
                    break next;
                }
                Err(Stop::Short) if !self.window.is_full() && self.window.more()? => {}
                _ => at = found + 1,
            }
        };
        if !matches!(next, Next::Nothing) {
            let head = head.unwrap_or_default();
            let text = String::from_utf8_lossy(&head);
            let text = text.trim_end_matches(|c: char| c == ',' || c.is_whitespace());
            self.push(self.reader.reject(text))?;
        }
        Ok(next)
    }

    /// What a row is that goes on to the body's end. It is cut, unless it lacks the quote of its last text: then the list's
    /// end is in that text. Where one seems to be there, nothing tells which of the two it is, and so nothing is counted:
    /// asked for in parts, a row that was cut comes whole.
    fn ends_within_row(&self) -> NotReadable {
        let bytes = self.window.bytes();
        let text = unclosed_text(bytes).unwrap_or(bytes.len());
        let has_end = (text..bytes.len()).any(|at| bytes[at] == b']' && ends_list(bytes, at) == Ok(true));
        self.spoilt(if has_end { Stop::Bad } else { Stop::Short })
    }

    fn spoilt(&self, stop: Stop) -> NotReadable {
        match stop {
            Stop::Short => NotReadable::Cut(self.window.place() + self.window.bytes().len()),
            Stop::Bad => NotReadable::Spoilt(self.window.place()),
        }
    }
}

/// From so many bytes of a bad row on, its beginning is not kept in the window.
const READ_ON_FROM: usize = 256 << 10;

fn whole<R>(data: Data<R>) -> Listed<R> {
    Listed { data, trust: Trust::Whole }
}

fn row_or_value(bytes: &[u8], members: &mut Vec<Member>) -> Result<usize, Stop> {
    if json::byte(bytes, 0)? == b'{' { json::object(bytes, 0, members) } else { json::value(bytes, 0) }
}

/// Where the element at the beginning ends. What must come behind it is looked at too: where it doesn't, the element's end
/// is not its true one.
fn element(bytes: &[u8], members: &mut Vec<Member>) -> Result<usize, Stop> {
    let end = row_or_value(bytes, members)?;
    let goes_on = is_followed(bytes, end, bytes.starts_with(b"{"))?;
    if goes_on { Ok(end) } else { Err(Stop::Bad) }
}

/// PHP writes a list with gaps as an object, with numbers for names.
fn is_key_of_list(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_digit())
}

/// `None` where a field of `plain` isn't plain.
fn fields<'b>(bytes: &'b [u8], members: &[Member], plain: &[&str]) -> Option<Vec<Field<'b>>> {
    members
        .iter()
        .map(|(name, value)| {
            let (name, value) = (json::text(&bytes[name.clone()]), &bytes[value.clone()]);
            let nested = value.starts_with(b"{") || value.starts_with(b"[");
            if nested && plain.contains(&name.as_ref()) {
                return None;
            }
            // A nested name is no name; no field of the others is looked at.
            let text = if nested && name == "skill_name" { Cow::Borrowed("") } else { json::text(value) };
            Some((name, text))
        })
        .collect()
}

use std::io::Read;

use super::json::{self, Stop};
use super::kinds::ReadsRows;
use super::page::is_page;
use super::rows::{Listed, Rows, Trust};
use super::window::Window;
use super::{Code, Data, Decoded, NotReadable};

/// How far the object may be from the beginning. PHP's warnings have some hundred bytes each.
const MAX_PREFIX_BYTES: usize = 64 << 10;

/// Reads the first JSON object of a body. A byte-order mark or a PHP warning before it and text after it are passed over.
///
/// Only the first place that looks like an object is tried. Going on to the next one when it fails would find the rows
/// of a cut answer, and take one of them for the answer itself.
pub(super) fn decode<P: ReadsRows>(body: impl Read, rows: P) -> Result<Decoded<P::Row>, NotReadable> {
    let mut window = Window::new(body);
    let at = find_object(&mut window)?;
    let prefix = String::from_utf8_lossy(&window.bytes()[..at]).into_owned();
    if is_page(&prefix) {
        return Err(NotReadable::Page);
    }
    window.pass(at + 1);
    let mut envelope = Envelope { window, rows: Some(rows), decoded: Decoded::default(), trust: Trust::Whole };
    let read = envelope.read();
    let Envelope { mut window, decoded, trust, .. } = envelope;
    read?;
    // After a warning an object that is none of the API's may be part of the warning, or of a page.
    let is_answer = !matches!(decoded.data, Data::Missing) || (decoded.code != Code::Missing && decoded.msg.is_some());
    if !is_answer && !is_blank(&prefix) {
        return Err(NotReadable::NoObject);
    }
    let spoilt = NotReadable::Spoilt(window.place());
    if trust == Trust::BadEnd && decoded.announced() != Some(decoded.rows().len() as u64) {
        return Err(spoilt);
    }
    // A warning after the answer takes nothing from it. A second object might hold rows that nobody would miss.
    match another_object(&mut window)? {
        Some(_) if trust != Trust::Whole => Err(spoilt),
        Some(place) => Err(NotReadable::Trailing(place)),
        None => Ok(decoded),
    }
}

struct Envelope<R, P: ReadsRows> {
    window: Window<R>,
    /// Until `data` has come.
    rows: Option<P>,
    decoded: Decoded<P::Row>,
    trust: Trust,
}

impl<R: Read, P: ReadsRows> Envelope<R, P> {
    /// Reads the object, behind whose brace the window stands. A bad byte behind the rows takes nothing from them: their list
    /// has ended. What stands behind it is passed over.
    fn read(&mut self) -> Result<(), NotReadable> {
        match self.members() {
            Err(NotReadable::Broken(_)) if !self.decoded.rows().is_empty() => Ok(()),
            read => read,
        }
    }

    /// Reads the object's members, up to behind the closing brace.
    fn members(&mut self) -> Result<(), NotReadable> {
        if self.window.next()? == Some(b'}') {
            self.window.pass(1);
            return Ok(());
        }
        loop {
            self.window.next()?;
            let name = self.text()?;
            match self.window.next()? {
                Some(b':') => self.window.pass(1),
                other => return Err(self.broken(other)),
            }
            self.window.next()?;
            self.member(&name)?;
            match self.window.next()? {
                Some(b',') => self.window.pass(1),
                Some(b'}') => {
                    self.window.pass(1);
                    return Ok(());
                }
                other => return Err(self.broken(other)),
            }
        }
    }

    fn member(&mut self, name: &str) -> Result<(), NotReadable> {
        match name {
            "code" => self.decoded.code = code(&self.text()?),
            "msg" => self.decoded.msg = Some(self.text()?),
            "error" => {
                let error = self.text()?;
                self.decoded.names_error = !matches!(error.trim(), "" | "0" | "false" | "[]" | "{}");
                // What only says that there is one, says nothing.
                self.decoded.error = if error == "true" { String::new() } else { error };
            }
            "message" => self.decoded.message = self.text()?,
            "data" => match self.rows.take() {
                Some(rows) => {
                    let Listed { data, trust } = Rows::new(&mut self.window, rows).read()?;
                    self.decoded.data = data;
                    self.trust = trust;
                }
                None if self.trust == Trust::Whole => return Err(NotReadable::Twice(self.window.place())),
                None => return Err(NotReadable::Spoilt(self.window.place())),
            },
            _ => {
                let value = self.text()?;
                self.decoded.has_unknown_list |= value.starts_with(['[', '{']) && value.len() > "[]".len();
            }
        }
        Ok(())
    }

    fn text(&mut self) -> Result<String, NotReadable> {
        self.window.text()?.map_err(|stop| self.broken((stop == Stop::Bad).then_some(b'?')))
    }

    /// What `found` is in the wrong place means; `None` is the end of the body.
    fn broken(&self, found: Option<u8>) -> NotReadable {
        let place = self.window.place();
        match found {
            None => NotReadable::Cut(place + self.window.bytes().len()),
            // The list's end was none, or its beginning.
            Some(_) if self.trust != Trust::Whole || matches!(self.decoded.data, Data::Unreadable) => {
                NotReadable::Spoilt(place)
            }
            Some(_) => NotReadable::Broken(place),
        }
    }
}

fn code(text: &str) -> Code {
    match text.trim() {
        "" => Code::Missing,
        text => text.parse().ok().filter(|code| (100..600).contains(code)).map_or(Code::Unreadable, Code::Number),
    }
}

/// Where the first object begins in the window. It is none's beginning where `Err`.
fn find_object(window: &mut Window<impl Read>) -> Result<usize, NotReadable> {
    let mut from = 0;
    loop {
        match object_start(window.bytes(), from) {
            Ok(at) => return Ok(at),
            Err(at) => from = at,
        }
        if window.bytes().len() >= MAX_PREFIX_BYTES || !window.more()? {
            return Err(why_no_object(window.bytes()));
        }
    }
}

/// Whether and where another object begins in what is left of the body, which is passed.
fn another_object(window: &mut Window<impl Read>) -> Result<Option<usize>, NotReadable> {
    loop {
        match object_start(window.bytes(), 0) {
            Ok(at) => return Ok(Some(window.place() + at)),
            Err(at) => window.pass(at),
        }
        // A brace and space without end behind it begin nothing.
        if window.is_full() || !window.more()? {
            return Ok(None);
        }
    }
}

/// Where an object begins: a brace, and a name or the closing brace after it. A stack trace's `{main}` is none. Or up to
/// where there is none.
fn object_start(bytes: &[u8], from: usize) -> Result<usize, usize> {
    let mut at = from;
    while let Some(found) = bytes.get(at..).and_then(|rest| rest.iter().position(|byte| *byte == b'{')) {
        let brace = at + found;
        match bytes.get(json::space(bytes, brace + 1)) {
            Some(b'"' | b'}') => return Ok(brace),
            Some(_) => at = brace + 1,
            None => return Err(brace),
        }
    }
    Err(bytes.len())
}

fn why_no_object(bytes: &[u8]) -> NotReadable {
    let text = String::from_utf8_lossy(bytes);
    if is_blank(&text) {
        NotReadable::Nothing
    } else if is_page(&text) {
        NotReadable::Page
    } else if text.trim_end().ends_with('{') {
        NotReadable::Cut(bytes.len())
    } else {
        NotReadable::NoObject
    }
}

fn is_blank(text: &str) -> bool {
    text.chars().all(|c| c.is_whitespace() || c.is_control() || c == '\u{feff}')
}

use std::io::Read;

use super::NotReadable;
use super::json::{self, Stop};

/// The longest value that is read, such as a row. Known rows have some 300 bytes; one that has a million is none.
const MAX_VALUE_BYTES: usize = 1 << 20;

/// How much is read at once, at least.
const READ_BYTES: usize = 64 << 10;

/// What of a body is in memory: from the value that is being read on.
pub(super) struct Window<R> {
    source: R,
    buffer: Vec<u8>,
    /// Up to here the buffer has been dealt with.
    start: usize,
    /// Bytes of the body before the buffer.
    before: usize,
}

impl<R: Read> Window<R> {
    pub fn new(source: R) -> Self {
        Self { source, buffer: Vec::new(), start: 0, before: 0 }
    }

    /// What has been read and not passed.
    pub fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    /// The place in the body, in bytes.
    pub fn place(&self) -> usize {
        self.before + self.start
    }

    pub fn pass(&mut self, count: usize) {
        self.start = (self.start + count).min(self.buffer.len());
    }

    /// Whether so much has been read for one value that it is none.
    pub fn is_full(&self) -> bool {
        self.bytes().len() >= MAX_VALUE_BYTES
    }

    /// Reads on; false at the end of the body.
    pub fn more(&mut self) -> Result<bool, NotReadable> {
        self.buffer.drain(..self.start);
        self.before += self.start;
        self.start = 0;
        // As much again as there is: a value that is long is looked at a few times, not many.
        let count = self.buffer.len().max(READ_BYTES) as u64;
        let read = (&mut self.source).take(count).read_to_end(&mut self.buffer);
        read.map(|count| count > 0).map_err(|_| NotReadable::Packed)
    }

    /// Reads on until `read` has seen enough. `Short` is then the end of the body, and what is too long is `Bad`.
    pub fn enough<T>(
        &mut self,
        mut read: impl FnMut(&[u8]) -> Result<T, Stop>,
    ) -> Result<Result<T, Stop>, NotReadable> {
        loop {
            match read(self.bytes()) {
                Err(Stop::Short) if self.is_full() => return Ok(Err(Stop::Bad)),
                Err(Stop::Short) => {
                    if !self.more()? {
                        return Ok(Err(Stop::Short));
                    }
                }
                done => return Ok(done),
            }
        }
    }

    /// Passes white space. The byte behind it, which stays; `None` at the end of the body.
    pub fn next(&mut self) -> Result<Option<u8>, NotReadable> {
        loop {
            self.pass(json::space(self.bytes(), 0));
            match self.bytes().first().copied() {
                Some(byte) => return Ok(Some(byte)),
                None if self.more()? => {}
                None => return Ok(None),
            }
        }
    }

    /// The value here, which is passed, as text.
    pub fn text(&mut self) -> Result<Result<String, Stop>, NotReadable> {
        let end = match self.enough(|bytes| json::value(bytes, 0))? {
            Ok(end) => end,
            Err(stop) => return Ok(Err(stop)),
        };
        let text = json::text(&self.bytes()[..end]).into_owned();
        self.pass(end);
        Ok(Ok(text))
    }
}

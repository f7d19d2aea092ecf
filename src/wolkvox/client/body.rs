use std::collections::VecDeque;
use std::io::{self, Read};

use flate2::read::MultiGzDecoder;
use reqwest::Response;
use reqwest::header::{CONTENT_ENCODING, HeaderMap};

use super::super::Failure;
use super::connection;
use domain::outcome::Outcome;

/// The bytes of a body as they came. Kept in pieces, so that it grows without being copied and shrinks while it is read.
#[derive(Debug, Default)]
pub(super) struct Body {
    pieces: VecDeque<Vec<u8>>,
    /// What of the first piece has been read.
    read: usize,
    length: usize,
}

/// How many bytes one piece has room for.
const PIECE_BYTES: usize = 256 << 10;

impl Body {
    /// Reads to the end, chunk by chunk, so that no flood is taken whole.
    pub async fn whole(mut response: Response, most: usize) -> Result<Self, Failure> {
        let mut body = Self::default();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.length + chunk.len() > most => {
                    return Err(Failure::new(Outcome::Malformed, format!("the answer has more than {most} bytes")));
                }
                Ok(Some(chunk)) => body.push(&chunk),
                Ok(None) => return Ok(body),
                Err(error) => return Err(connection::within_the_body(error.without_url(), body.length)),
            }
        }
    }

    /// The first bytes. For an answer whose status has said what matters: a body that breaks off says what it can.
    pub async fn start(mut response: Response, most: usize) -> Self {
        let mut body = Self::default();
        while body.length < most
            && let Ok(Some(chunk)) = response.chunk().await
        {
            body.push(&chunk[..chunk.len().min(most - body.length)]);
        }
        body
    }

    fn push(&mut self, mut chunk: &[u8]) {
        self.length += chunk.len();
        while !chunk.is_empty() {
            match self.pieces.back_mut() {
                Some(piece) if piece.len() < PIECE_BYTES => {
                    let (now, later) = chunk.split_at(chunk.len().min(PIECE_BYTES - piece.len()));
                    piece.extend_from_slice(now);
                    chunk = later;
                }
                _ => self.pieces.push_back(Vec::with_capacity(PIECE_BYTES.min(chunk.len().next_power_of_two()))),
            }
        }
    }
}

impl Read for Body {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let Some(piece) = self.pieces.front() else { return Ok(0) };
        let rest = piece.get(self.read..).unwrap_or_default();
        let count = rest.len().min(into.len());
        into[..count].copy_from_slice(&rest[..count]);
        self.read += count;
        if self.read == piece.len() {
            self.pieces.pop_front();
            self.read = 0;
        }
        Ok(count)
    }
}

/// How a body is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    Plain,
    Gzip,
    /// In a way that was not asked for.
    Other,
}

impl Packing {
    /// As `Content-Encoding` says; the names are read in any case (RFC 9110, 8.4.1).
    pub fn of(headers: &HeaderMap) -> Self {
        let values = headers.get_all(CONTENT_ENCODING).iter().map(|value| value.to_str().unwrap_or("?"));
        let names = values.flat_map(|value| value.split(',')).map(str::trim);
        let mut names = names.filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case("identity"));
        match (names.next(), names.next()) {
            (None, _) => Self::Plain,
            (Some(name), None) if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") => {
                Self::Gzip
            }
            _ => Self::Other,
        }
    }

    /// The unpacked bytes, unpacked as they are read. None of a packing that is not known.
    pub fn unpacked(self, body: Body) -> Box<dyn Read> {
        match self {
            Self::Plain => Box::new(body),
            // An empty body is no damaged one.
            Self::Gzip if body.length == 0 => Box::new(body),
            Self::Gzip => Box::new(MultiGzDecoder::new(body)),
            Self::Other => Box::new(io::empty()),
        }
    }
}

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

use super::operation::Turn;

/// As large as a web server's buffers; a full answer has some hundred of them.
const CHUNK: usize = 64 << 10;

/// The body of an answer: in chunks without a length, as the API sends it, unless a length is wanted.
#[derive(Default)]
pub(super) struct AnswerBody {
    chunks: VecDeque<Bytes>,
    length: Option<u64>,
    /// Spaces after the chunks.
    filler: u64,
    pace: Option<(Duration, Pin<Box<Sleep>>)>,
    cut: Cut,
    turn: Option<Turn>,
}

/// Whether the body ends with an error, upon which the server closes the connection. It also forgets what it has not
/// sent yet, so it is given the time to send that first.
#[derive(Default, Clone, Copy)]
enum Cut {
    #[default]
    No,
    AfterFlush,
    Now,
}

impl AnswerBody {
    pub(super) fn chunked(body: Vec<u8>) -> Self {
        let mut rest = Bytes::from(body);
        let mut chunks = VecDeque::new();
        while !rest.is_empty() {
            chunks.push_back(rest.split_to(rest.len().min(CHUNK)));
        }
        Self { chunks, ..Self::default() }
    }

    pub(super) fn sized(body: Vec<u8>) -> Self {
        Self { length: Some(body.len() as u64), ..Self::chunked(body) }
    }

    /// `body`, then as many spaces as make `bytes` of it.
    pub(super) fn oversized(body: Vec<u8>, bytes: u64) -> Self {
        Self { filler: bytes.saturating_sub(body.len() as u64), ..Self::chunked(body) }
    }

    /// The first half, then an error.
    pub(super) fn cut(mut body: Vec<u8>) -> Self {
        body.truncate(body.len() / 2);
        Self { cut: Cut::AfterFlush, ..Self::chunked(body) }
    }

    /// In twenty pieces over `duration`.
    pub(super) fn slow(body: Vec<u8>, duration: Duration) -> Self {
        const PIECES: usize = 20;
        let piece = body.len().div_ceil(PIECES).max(1);
        let chunks = body.chunks(piece).map(Bytes::copy_from_slice).collect();
        let pause = duration / PIECES as u32;
        Self { chunks, pace: Some((pause, Box::pin(sleep(pause)))), ..Self::default() }
    }

    /// Keeps the token busy until the last byte has been handed to the connection.
    pub(super) fn holding(self, turn: Turn) -> Self {
        Self { turn: Some(turn), ..self }
    }

    fn next(&mut self) -> Option<Bytes> {
        const SPACES: &[u8] = &[b' '; CHUNK];
        let next = self.chunks.pop_front().or_else(|| {
            let length = self.filler.min(CHUNK as u64);
            self.filler -= length;
            (length > 0).then(|| Bytes::from_static(&SPACES[..length as usize]))
        });
        if self.chunks.is_empty() && self.filler == 0 {
            // Not later: a client that has the whole answer may call again at once.
            self.turn = None;
        }
        next
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if !self.chunks.is_empty()
            && let Some((pause, sleeping)) = &mut self.pace
        {
            ready!(sleeping.as_mut().poll(cx));
            sleeping.set(sleep(*pause));
        }
        if let Some(chunk) = self.next() {
            return Poll::Ready(Some(Ok(Frame::data(chunk))));
        }
        match self.cut {
            Cut::No => Poll::Ready(None),
            Cut::AfterFlush => {
                self.cut = Cut::Now;
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Cut::Now => {
                self.cut = Cut::No;
                Poll::Ready(Some(Err(io::Error::other("cut on purpose"))))
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map(SizeHint::with_exact).unwrap_or_default()
    }
}

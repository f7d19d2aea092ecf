use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::vec;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use super::places::Answering;

/// A body of prepared pieces, sent without joining or copying them. Its length is known, so that the answer carries a
/// `Content-Length`, also the answer to a HEAD, of which no piece is sent.
#[derive(Debug)]
pub(super) struct Pieces {
    /// Of the piece that is being handed out.
    rest: Bytes,
    pieces: vec::IntoIter<Bytes>,
    /// Bytes of one frame at most.
    frame: usize,
    /// Bytes not handed out yet.
    left: u64,
    served: Option<Served>,
    /// Dropped with the body.
    _answering: Option<Answering>,
}

/// Told when all has been handed out.
struct Served(Box<dyn FnOnce() + Send>);

impl std::fmt::Debug for Served {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Served")
    }
}

impl Pieces {
    /// The same, telling `served` when all of it has been handed out.
    pub fn served(self, served: Box<dyn FnOnce() + Send>) -> Self {
        Self { served: Some(Served(served)), ..self }
    }

    /// The same in frames of at most so many bytes: of what it is given, HTTP/2 keeps all that the client has not asked for.
    pub fn in_frames_of(self, bytes: usize) -> Self {
        Self { frame: bytes.max(1), ..self }
    }

    /// The same, telling `answering` when all of it has been handed out or is no longer wanted.
    pub fn telling(self, answering: Answering) -> Self {
        Self { _answering: Some(answering), ..self }
    }
}

impl From<Vec<Bytes>> for Pieces {
    fn from(pieces: Vec<Bytes>) -> Self {
        let left = pieces.iter().map(|piece| piece.len() as u64).sum();
        Self { rest: Bytes::new(), pieces: pieces.into_iter(), frame: usize::MAX, left, served: None, _answering: None }
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.rest.is_empty() {
            // An empty piece would be an empty frame, which is no progress for the one who writes.
            self.rest = self.pieces.find(|piece| !piece.is_empty()).unwrap_or_default();
        }
        let length = self.rest.len().min(self.frame);
        let piece = (length > 0).then(|| self.rest.split_to(length));
        self.left -= length as u64;
        if self.left == 0
            && let Some(Served(served)) = self.served.take()
        {
            served();
        }
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

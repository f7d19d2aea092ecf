use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use super::places::Pace;

/// A connection with two clocks, which hyper doesn't have: a request's head must be complete soon after its first byte
/// (a new connection's first head soon after the connection), and an answer must be taken soon after the client has
/// first let it wait.
///
/// hyper's own `header_read_timeout` runs from the end of the last answer: it is the bound on an idle connection, and
/// too long a time for a head. Both clocks run over a whole head and a whole answer, so that a client can't keep a
/// connection by one byte now and then.
pub(super) struct Guarded<S> {
    stream: S,
    /// A request whose head is complete begins a turn, and a turn stops the clocks of the one before.
    pace: Arc<Pace>,
    head: Clock,
    answer: Clock,
}

impl<S> Guarded<S> {
    pub fn new(stream: S, pace: Arc<Pace>, head_time: Duration, answer_time: Duration) -> Self {
        let mut head = Clock::new(head_time);
        head.start();
        Self { stream, pace, head, answer: Clock::new(answer_time) }
    }

    pub fn stream(&self) -> &S {
        &self.stream
    }

    /// What has come is no part of a request that is to go on: in HTTP/2 there is more than requests.
    pub fn nothing_is_begun(&mut self) {
        self.head.stop();
    }

    /// Fails a pending write once the client has let the answer wait too long.
    fn written(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        self.pace.written(written.is_ready());
        if written.is_pending() {
            self.answer.stop_before(self.pace.turn());
            self.answer.start();
            if self.answer.is_over(cx) {
                return Poll::Ready(Err(too_slow("the client does not read its answer")));
            }
        }
        written
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        this.head.stop_before(this.pace.turn());
        let before = buf.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(cx, buf);
        if read.is_ready() && buf.filled().len() > before {
            if this.head.start() {
                this.pace.begun();
            }
        } else if read.is_pending() && this.head.is_over(cx) {
            return Poll::Ready(Err(too_slow("the client does not finish its request")));
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.written(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.written(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        if matches!(flushed, Poll::Ready(Ok(()))) {
            self.pace.flushed();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

fn too_slow(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, what)
}

/// Runs once from its start for a given time.
struct Clock {
    time: Duration,
    running: Option<Pin<Box<Sleep>>>,
    /// The turn that it was last looked at in.
    turn: usize,
}

impl Clock {
    fn new(time: Duration) -> Self {
        Self { time, running: None, turn: 0 }
    }

    /// Starts the clock unless it runs, and says whether it did.
    fn start(&mut self) -> bool {
        let starts = self.running.is_none();
        if starts {
            self.running = Some(Box::pin(tokio::time::sleep(self.time)));
        }
        starts
    }

    /// Stops the clock if it was started in an earlier turn.
    fn stop_before(&mut self, turn: usize) {
        if self.turn != turn {
            self.turn = turn;
            self.stop();
        }
    }

    fn stop(&mut self) {
        self.running = None;
    }

    fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        self.running.as_mut().is_some_and(|running| running.as_mut().poll(cx).is_ready())
    }
}

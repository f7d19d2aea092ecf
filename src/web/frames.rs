use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::guard::Guarded;

/// A connection in HTTP/2, which looks at what comes for the clock of [`Guarded`] below TLS: hyper doesn't bound the time of a
/// head there, and only who sees the frames knows a head from the pings and window updates of a client that is idle.
pub(super) struct Framed {
    stream: Box<TlsStream<Guarded<TcpStream>>>,
    frames: Frames,
}

impl Framed {
    /// Of a connection of which nothing but the handshake has been read.
    pub fn new(stream: Box<TlsStream<Guarded<TcpStream>>>) -> Self {
        Self { stream, frames: Frames::new() }
    }
}

impl AsyncRead for Framed {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(cx, buf))?;
        this.frames.pass(buf.filled().get(before..).unwrap_or_default());
        if this.frames.are_whole() {
            this.stream.get_mut().0.nothing_is_begun();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Framed {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Where what a client has sent ends: between two frames (RFC 9113, section 4.1), or within something that it has begun. What
/// it means, and whether it may come there, is hyper's to say.
#[derive(Debug)]
struct Frames {
    /// Bytes to come of the client's preface or of a frame.
    missing: usize,
    /// The beginning of a frame: its length, type and flags.
    begin: [u8; Self::BEGIN],
    /// How much of it has come.
    known: usize,
    /// A head has begun that goes on in the next frame.
    in_head: bool,
}

impl Frames {
    const PREFACE: usize = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".len();
    const BEGIN: usize = 5;
    /// The number of the stream, which follows it and is none of the length.
    const STREAM: usize = 4;
    const HEADERS: u8 = 1;
    const CONTINUATION: u8 = 9;
    const END_HEADERS: u8 = 4;

    const fn new() -> Self {
        Self { missing: Self::PREFACE, begin: [0; Self::BEGIN], known: 0, in_head: false }
    }

    fn pass(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let passed = self.missing.min(bytes.len());
            self.missing -= passed;
            bytes = bytes.get(passed..).unwrap_or_default();
            for place in self.begin.iter_mut().skip(self.known) {
                let Some((&byte, rest)) = bytes.split_first() else { return };
                (*place, bytes) = (byte, rest);
                self.known += 1;
            }
            let [high, middle, low, kind, flags] = self.begin;
            self.missing = u32::from_be_bytes([0, high, middle, low]) as usize + Self::STREAM;
            self.known = 0;
            if matches!(kind, Self::HEADERS | Self::CONTINUATION) {
                self.in_head = flags & Self::END_HEADERS == 0;
            }
        }
    }

    fn are_whole(&self) -> bool {
        self.missing == 0 && self.known == 0 && !self.in_head
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame of this type and flags with a payload of so many bytes.
    fn frame(kind: u8, flags: u8, length: usize) -> Vec<u8> {
        let mut frame = vec![0, (length >> 8) as u8, length as u8, kind, flags, 0, 0, 0, 1];
        frame.resize(9 + length, 0xff);
        frame
    }

    /// Whatever pieces it comes in, what has come is whole after these bytes and nowhere else.
    #[test]
    fn what_has_begun_is_known_at_each_byte() {
        let (ping, settings) = (6, 4);
        let sent = [
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), true),
            (frame(settings, 0, 0), true),
            (frame(Frames::HEADERS, 5, 300), true),
            (frame(ping, 0, 8), true),
            (frame(Frames::HEADERS, 1, 7), false),
            (frame(Frames::CONTINUATION, 0, 0), false),
            (frame(Frames::CONTINUATION, 4, 1), true),
            (frame(0, 1, 4_464), true),
        ];
        let all: Vec<u8> = sent.iter().flat_map(|(bytes, _)| bytes.clone()).collect();
        let ends = sent.iter().scan(0, |end, (bytes, whole)| {
            *end += bytes.len();
            Some((*end, *whole))
        });
        let whole: Vec<usize> = ends.filter_map(|(end, whole)| whole.then_some(end)).collect();
        for step in [1, 2, 3, 5, 9, 64, 1_000] {
            let (mut frames, mut passed) = (Frames::new(), 0);
            for piece in all.chunks(step) {
                frames.pass(piece);
                passed += piece.len();
                assert_eq!(frames.are_whole(), whole.contains(&passed), "after {passed} bytes in pieces of {step}");
            }
        }
    }
}

use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::{Body as _, Incoming};
use hyper::header::{CONTENT_LENGTH, HeaderValue};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, Version};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::server::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::Site;
use super::body::Pieces;
use super::frames::Framed;
use super::guard::Guarded;
use super::limits::Limits;
use super::listen::Door;
use super::places::Pace;
use super::routes::{self, Asked};
use super::secure::{HTTP2, Handshake, Secured, Terms};
use super::seldom::Seldom;

/// Bytes of an HTTP/2 frame, of what a client may send before it is read, and of what waits to be sent.
const WINDOW: u32 = 64 * 1024;

#[derive(Debug, Clone)]
pub struct Options {
    /// Where the metrics are; begins with `/`.
    pub telemetry_path: String,
    pub limits: Limits,
    /// How connections are made secret, and who may read.
    pub secured: Arc<Secured>,
}

/// What all connections have in common.
pub(super) struct Shared<S> {
    pub site: Arc<S>,
    pub options: Options,
    /// When it was last said that a handshake failed, and that a password was wrong.
    pub told_handshake: Seldom,
    pub told_password: Seldom,
}

/// One client's connection.
pub(super) struct Connection<S> {
    pub peer: IpAddr,
    pub door: Door,
    pub pace: Arc<Pace>,
    pub shared: Arc<Shared<S>>,
}

impl<S: Site> Connection<S> {
    /// Serves it until its client or the server has had enough.
    pub async fn serve(self, stream: TcpStream, stopped: watch::Receiver<()>) {
        let limits = self.shared.options.limits;
        let mut terms = self.shared.options.secured.terms();
        let tls = if self.door == Door::All { terms.borrow_and_update().tls.clone() } else { None };
        let io = Guarded::new(stream, self.pace.clone(), limits.head_time, limits.answer_time);
        // Who connected under other terms connects again: a certificate that is no longer good ends within the request.
        let renewed = Renewed { door: self.door, tls: tls.clone(), terms, pace: self.pace.clone() };
        let Some(tls) = tls else { return self.http1(io, stopped, renewed).await };
        match timeout(limits.head_time, greet(io, tls.config.clone())).await {
            Ok(Ok(Greeted::Secret(io))) if io.get_ref().1.alpn_protocol() == Some(HTTP2) => {
                self.http2(Framed::new(io), stopped, renewed).await;
            }
            Ok(Ok(Greeted::Secret(io))) => self.http1(io, stopped, renewed).await,
            Ok(Ok(Greeted::InClear(io))) => Self { door: Door::Wrong, ..self }.http1(io, stopped, renewed).await,
            Ok(Err(error)) => {
                let peer = self.peer;
                // Only what TLS objects to is of use to a person; clients go away all the time.
                if error.kind() == io::ErrorKind::InvalidData && self.shared.told_handshake.now() {
                    tracing::warn!(%peer, %error, "a TLS handshake failed; others that fail within a minute are not told");
                } else {
                    tracing::debug!(%peer, %error, "a TLS handshake failed");
                }
            }
            Err(_) => tracing::debug!(peer = %self.peer, "a TLS handshake took too long"),
        }
    }

    async fn http1<I>(self, io: I, stopped: watch::Receiver<()>, renewed: Renewed)
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let limits = self.shared.options.limits;
        let this = Arc::new(self);
        let service = service_fn(move |request| this.clone().answer(request));
        let mut connection = pin!(
            http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(limits.idle_time)
                .max_header_size(limits.head_bytes)
                .max_headers(limits.head_lines)
                // Who has asked may close its side, as `nc` does, and reads the answer all the same.
                .half_close(true)
                .serve_connection(TokioIo::new(io), service)
        );
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = enough(stopped, renewed) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "connection ended");
        }
    }

    /// One request at a time: then all that bounds HTTP/1 bounds it too, and nobody here has use for more.
    async fn http2(self, io: Framed, stopped: watch::Receiver<()>, renewed: Renewed) {
        let limits = self.shared.options.limits;
        let pace = self.pace.clone();
        let this = Arc::new(self);
        let service = service_fn(move |request| this.clone().answer(request));
        let mut connection = pin!(
            http2::Builder::new(TokioExecutor::new())
                .timer(TokioTimer::new())
                .max_concurrent_streams(1)
                .max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX))
                .initial_stream_window_size(WINDOW)
                .initial_connection_window_size(WINDOW)
                .max_send_buf_size(WINDOW as usize)
                .serve_connection(TokioIo::new(io), service)
        );
        let mut outstays = pin!(outstays(pace.clone(), limits));
        let mut leaves = pin!(leaves(pace, limits));
        let mut enough = pin!(enough(stopped, renewed));
        let mut leaving = false;
        let ended = loop {
            tokio::select! {
                ended = connection.as_mut() => break ended,
                () = outstays.as_mut() => {
                    tracing::debug!("connection ended: the client took too long");
                    return;
                }
                () = leaves.as_mut(), if leaving => return,
                () = enough.as_mut(), if !leaving => {
                    leaving = true;
                    connection.as_mut().graceful_shutdown();
                }
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "connection ended");
        }
    }

    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Result<Response<Pieces>, Infallible> {
        let answering = self.pace.asked();
        let options = &self.shared.options;
        let terms = options.secured.terms().borrow().clone();
        let asked = Asked {
            telemetry_path: &options.telemetry_path,
            door: self.door,
            peer: self.peer,
            terms: &terms,
            limits: &options.limits,
            told_password: &self.shared.told_password,
        };
        let response = routes::answer(&*self.shared.site, &asked, &request).await;
        let response = if request.version() == Version::HTTP_2 { framed(&request, response) } else { response };
        Ok(response.map(|body| body.telling(answering)))
    }
}

/// An answer as HTTP/2 needs it: hyper sends the body of an answer to a HEAD too, and all of it at once.
fn framed(request: &Request<Incoming>, mut response: Response<Pieces>) -> Response<Pieces> {
    if request.method() != Method::HEAD {
        return response.map(|body| body.in_frames_of(WINDOW as usize));
    }
    if let Some(length) = response.body().size_hint().exact() {
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    response.map(|_| Pieces::from(Vec::new()))
}

/// What a client began with.
enum Greeted {
    Secret(Box<TlsStream<Guarded<TcpStream>>>),
    /// A request in clear: `http://` where it should be `https://`.
    InClear(Guarded<TcpStream>),
}

async fn greet(io: Guarded<TcpStream>, config: Arc<ServerConfig>) -> io::Result<Greeted> {
    // The first byte of TLS is 22; that of a request is a letter.
    let mut first = [0];
    if io.stream().peek(&mut first).await? == 1 && first[0].is_ascii_alphabetic() {
        return Ok(Greeted::InClear(io));
    }
    TlsAcceptor::from(config).accept(io).await.map(|stream| Greeted::Secret(Box::new(stream)))
}

/// The terms of a connection, and where those in force are found.
struct Renewed {
    door: Door,
    tls: Option<Arc<Handshake>>,
    terms: watch::Receiver<Arc<Terms>>,
    pace: Arc<Pace>,
}

/// Ends when the connection is to end: at the shutdown, or when another handshake is asked for.
async fn enough(mut stopped: watch::Receiver<()>, renewed: Renewed) {
    let Renewed { door, tls, mut terms, pace } = renewed;
    let others = async {
        if door != Door::All {
            return pending().await;
        }
        let is_other = |terms: &Arc<Terms>| match (&terms.tls, &tls) {
            (Some(one), Some(other)) => !Arc::ptr_eq(one, other),
            (one, other) => one.is_some() != other.is_some(),
        };
        // Without a sender nothing changes any more.
        if terms.wait_for(is_other).await.is_err() {
            pending().await
        }
        // Who has only just connected has sent a request, most likely: it is answered, if it comes in the time of a head.
        while pace.turn() == 0 {
            sleep(A_MOMENT).await;
        }
    };
    tokio::select! {
        // The sender is dropped at the shutdown; nothing is ever sent.
        _ = stopped.changed() => {}
        () = others => {}
    }
}

/// Ends when the client has taken as long as one that speaks HTTP/1 may: hyper has no such bounds for HTTP/2, where any
/// number of frames may come or stay away.
async fn outstays(pace: Arc<Pace>, limits: Limits) {
    loop {
        let until = pace.is_over_at(&limits);
        if until <= Instant::now() {
            return;
        }
        // What happens meanwhile puts it off.
        sleep_until(until.min(Instant::now() + LOOK_AGAIN)).await;
    }
}

/// Ends when a client that was told that the connection ends has had its answer, or the time for one, however much it asks
/// meanwhile: hyper waits for it to confirm, and it may stay away from that.
async fn leaves(pace: Arc<Pace>, limits: Limits) {
    let is_silent = outstays(pace, Limits { idle_time: LOOK_AGAIN, ..limits });
    _ = timeout(limits.handle_time + limits.answer_time, is_silent).await;
}

/// The first request follows the handshake at once.
const A_MOMENT: Duration = Duration::from_millis(50);

/// An answer may begin at any time, and its bound may come before that of the wait.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

//! Accepts connections and serves them, each within bounds, until told to stop.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::guard::Guarded;
use super::places::{Pace, Places};
use super::{Site, routes};

/// Serves `site` on `listeners` until `shutdown` ends. Then no connection is accepted any more, idle ones are closed,
/// what is being answered is answered, and after `limits.shutdown_time` the rest is cut.
///
/// A client can do no harm to others: its connection fails alone, and so does a request whose handling panics.
pub async fn run<S: Site>(
    listeners: Vec<TcpListener>,
    site: Arc<S>,
    options: Options,
    shutdown: impl Future<Output = ()>,
) {
    let limits = options.limits;
    let shared = Arc::new(Shared { site, options });
    let (stop, stopped) = watch::channel(());
    let mut connections = JoinSet::new();
    let mut places = Places::new(limits.connections);
    let mut shutdown = pin!(shutdown);
    let mut turn: usize = 0;
    let mut told_crowded: Option<Instant> = None;
    // One that has been accepted and has no place yet.
    let mut next: Option<(TcpStream, SocketAddr)> = None;
    loop {
        if next.is_some() && places.are_taken() {
            let peer = places.make_room();
            if told_crowded.is_none_or(|told| told.elapsed() >= CROWDED_LOG_INTERVAL) {
                told_crowded = Some(Instant::now());
                let (connections, of) = (limits.connections, peer.map(tracing::field::display));
                tracing::warn!(connections, of, "all places for connections are taken; those that wait make room");
            }
        }
        if let Some((stream, peer)) = next.take_if(|_| !places.are_taken()) {
            // An answer is written whole; there is nothing to collect small packets for. A failure costs some
            // milliseconds.
            let _ = stream.set_nodelay(true);
            let pace = Pace::new();
            let task = connections.spawn(serve(stream, shared.clone(), pace.clone(), stopped.clone()));
            places.take(task, peer.ip(), pace);
        }
        turn = turn.wrapping_add(1);
        tokio::select! {
            () = &mut shutdown => break,
            // A connection has ended and left its place.
            Some(ended) = connections.join_next_with_id() => {
                places.leave(ended.map_or_else(|error| error.id(), |(id, ())| id));
            }
            // Of those that made room some may not have gone yet.
            accepted = accept(&listeners, turn), if next.is_none() && connections.len() < limits.connections + LEAVING =>
            match accepted {
                Ok(accepted) => next = Some(accepted),
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    // No more descriptors, most likely, and others in the process need some too.
                    places.make_room();
                    tracing::warn!(%error, pause = ?limits.accept_pause, "cannot accept a connection, trying again");
                    tokio::select! {
                        () = &mut shutdown => break,
                        () = tokio::time::sleep(limits.accept_pause) => {}
                    }
                }
            },
            () = tokio::time::sleep(LOOK_AGAIN), if next.is_some() => {}
        }
    }
    drop(listeners);
    drop(stop);
    let all_ended = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(limits.shutdown_time, all_ended).await.is_err() {
        tracing::warn!(
            connections = connections.len(),
            after = ?limits.shutdown_time,
            "cutting connections that did not end in time"
        );
        connections.shutdown().await;
    }
}

/// In a crowd room is made many times a second; once in this time is enough to say so.
const CROWDED_LOG_INTERVAL: Duration = Duration::from_secs(60);

/// Connections that have made room and whose tasks have not ended yet, which takes them no longer than a moment.
const LEAVING: usize = 16;

/// Where all are being answered: one may end, or prove to be slow.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

#[derive(Debug, Clone)]
pub struct Options {
    /// Where the metrics are; begins with `/`.
    pub telemetry_path: String,
    pub limits: Limits,
}

/// What a client can take of the server.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at a time; above it those that wait make room. See [`Limits::within`].
    pub connections: usize,
    /// A request's head, from its first byte (the first one: from the connection) to its last. A head is one packet;
    /// this is for lossy lines, and short enough that silent clients can't hold all places for long.
    pub head_time: Duration,
    /// Between an answer and the next request. Longer than the scrape intervals in use, which are up to a minute, so
    /// that a scrape finds its connection open.
    pub idle_time: Duration,
    /// Finding the answer. It takes milliseconds; where it does not, the client hears so before its own time-out, which
    /// for a scrape is 10 s by default.
    pub handle_time: Duration,
    /// From the moment that an answer first waits for the client to its end. A scrape takes a minute at most.
    pub answer_time: Duration,
    /// Bytes in a request's head, of which Prometheus needs about 500. Above it the answer is 431.
    pub head_bytes: usize,
    /// Header lines in a request's head. Above it the answer is 431.
    pub head_lines: usize,
    /// From the shutdown to the cutting of what is still open. Half of the 10 s in which the process must have ended,
    /// for the poller and the ledger stop in the same time.
    pub shutdown_time: Duration,
    /// After a failure to accept that concerns the process (no more open files), so as not to spin until it passes.
    pub accept_pause: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: MOST_CONNECTIONS,
            head_time: Duration::from_secs(10),
            idle_time: Duration::from_secs(120),
            handle_time: Duration::from_secs(9),
            answer_time: Duration::from_secs(60),
            head_bytes: 16 * 1024,
            head_lines: 64,
            shutdown_time: Duration::from_secs(5),
            accept_pause: Duration::from_millis(100),
        }
    }
}

/// Several Prometheus servers, probes and readers of the page are a few dozen; at some 30 kB each this many are 15 MB, and
/// half of the usual 1,024 open files.
const MOST_CONNECTIONS: usize = 512;

/// As many are served where there may be fewer files than everything else needs: without any there is no metric to say so.
const FEWEST_CONNECTIONS: usize = 8;

/// Descriptors of the process itself: the runtime, the log, listeners, the ledger with its side files, the clocks' names.
const FILES: u64 = 40;

/// Of an operation whose call is under way: its connection, a question for the server's name, the token and its lock file.
const FILES_PER_OPERATION: u64 = 4;

impl Limits {
    /// What leaves the ledger, the tokens and the calls of `operations` their descriptors, where the process may have
    /// `open_files`.
    pub fn within(open_files: u64, operations: usize) -> Self {
        let others = FILES.saturating_add(FILES_PER_OPERATION.saturating_mul(operations as u64));
        let left = open_files.saturating_sub(others).saturating_sub(LEAVING as u64);
        let connections = usize::try_from(left).map_or(MOST_CONNECTIONS, |left| left.min(MOST_CONNECTIONS));
        if connections < FEWEST_CONNECTIONS {
            tracing::warn!(
                open_files,
                needed = others.saturating_add((LEAVING + FEWEST_CONNECTIONS) as u64),
                "this process may open too few files (ulimit -n, LimitNOFILE): calls or the ledger may fail for the want of one"
            );
        }
        Self { connections: connections.max(FEWEST_CONNECTIONS), ..Self::default() }
    }
}

struct Shared<S> {
    site: Arc<S>,
    options: Options,
}

/// Serves one connection until its client or the server has had enough.
async fn serve<S: Site>(stream: TcpStream, shared: Arc<Shared<S>>, pace: Arc<Pace>, mut stopped: watch::Receiver<()>) {
    let limits = shared.options.limits;
    let io = Guarded::new(stream, pace.clone(), limits.head_time, limits.answer_time);
    let service = service_fn(move |request| {
        let answering = pace.asked();
        let shared = shared.clone();
        async move {
            let answer = routes::answer(&*shared.site, &shared.options.telemetry_path, limits.handle_time, &request);
            Ok::<_, Infallible>(answer.await.map(|body| body.telling(answering)))
        }
    });
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.idle_time)
            .max_header_size(limits.head_bytes)
            .max_headers(limits.head_lines)
            .serve_connection(TokioIo::new(io), service)
    );
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        // The sender is dropped at the shutdown; nothing is ever sent.
        _ = stopped.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "connection ended");
    }
}

/// The next connection of any listener. `first` is the number of the one to look at first, another one each time, so
/// that a busy address does not keep the others waiting.
async fn accept(listeners: &[TcpListener], first: usize) -> io::Result<(TcpStream, SocketAddr)> {
    poll_fn(|cx| {
        for i in 0..listeners.len() {
            let listener = &listeners[first.wrapping_add(i) % listeners.len()];
            if let Poll::Ready(accepted) = listener.poll_accept(cx) {
                return Poll::Ready(accepted);
            }
        }
        Poll::Pending
    })
    .await
}

/// Whether accepting failed because of the connection that was to be accepted: the next one is not concerned.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

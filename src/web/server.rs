//! Accepts connections and serves them, each within bounds, until told to stop.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::Site;
use super::connection::{Connection, Shared};
use super::limits::LEAVING;
use super::listen::{Door, Listener};
use super::places::{Pace, Places};
use super::seldom::Seldom;

pub use super::connection::Options;
pub use super::limits::Limits;

/// Serves `site` on `listeners` until `shutdown` ends. Then no connection is accepted any more, idle ones are closed,
/// what is being answered is answered, and after `limits.shutdown_time` the rest is cut.
///
/// A client can do no harm to others: its connection fails alone, and so does a request whose handling panics.
pub async fn run<S: Site>(
    listeners: Vec<Listener>,
    site: Arc<S>,
    options: Options,
    shutdown: impl Future<Output = ()>,
) {
    let limits = options.limits;
    let (told_handshake, told_password) = Default::default();
    let shared = Arc::new(Shared { site, options, told_handshake, told_password });
    let (stop, stopped) = watch::channel(());
    let mut connections = JoinSet::new();
    let mut places = Places::new(limits.connections);
    let mut shutdown = pin!(shutdown);
    let mut turn: usize = 0;
    let told_crowded = Seldom::default();
    // One that has been accepted and has no place yet.
    let mut next: Option<(TcpStream, SocketAddr, Door)> = None;
    loop {
        if next.is_some() && places.are_taken() {
            let peer = places.make_room();
            if told_crowded.now() {
                let (connections, of) = (limits.connections, peer.map(tracing::field::display));
                tracing::warn!(connections, of, "all places for connections are taken; those that wait make room");
            }
        }
        if let Some((stream, peer, door)) = next.take_if(|_| !places.are_taken()) {
            // An answer is written whole; there is nothing to collect small packets for. A failure costs some
            // milliseconds.
            let _ = stream.set_nodelay(true);
            let pace = Pace::new();
            let connection = Connection { peer: peer.ip(), door, pace: pace.clone(), shared: shared.clone() };
            let task = connections.spawn(connection.serve(stream, stopped.clone()));
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

/// Where all are being answered: one may end, or prove to be slow.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// The next connection of any listener. `first` is the number of the one to look at first, another one each time, so
/// that a busy address does not keep the others waiting.
async fn accept(listeners: &[Listener], first: usize) -> io::Result<(TcpStream, SocketAddr, Door)> {
    poll_fn(|cx| {
        for i in 0..listeners.len() {
            let listener = &listeners[first.wrapping_add(i) % listeners.len()];
            if let Poll::Ready(accepted) = listener.socket.poll_accept(cx) {
                return Poll::Ready(accepted.map(|(stream, peer)| (stream, peer, listener.door)));
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

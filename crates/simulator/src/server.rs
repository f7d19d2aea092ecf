use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::api::{self, Disconnect};
use super::body::AnswerBody;
use super::control;
use super::report::Report;
use super::world::World;

/// The API closes a connection that has been idle for this long, as seen by its clients.
const KEEP_ALIVE: Duration = Duration::from_secs(5);
/// A hundred thousand injected calls fit in.
const LARGEST_CONTROL_BODY: usize = 64 << 20;
/// After a failed accept, for the want of file descriptors for example, and between attempts to bind again.
const PAUSE: Duration = Duration::from_millis(50);

/// Serves the simulated API until `shutdown`; then all connections are closed at once, as by a crash.
pub async fn run(mut listener: TcpListener, world: Arc<World>, shutdown: impl Future<Output = ()>) -> io::Result<()> {
    let address = listener.local_addr()?;
    let mut connections = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => return Ok(()),
            () = world.refuse.notified() => {
                drop(listener);
                listener = tokio::select! {
                    () = &mut shutdown => return Ok(()),
                    listener = bind_again(address, world.refuse_for()) => listener,
                };
            }
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve(stream, world.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "the simulator could not accept a connection");
                    sleep(PAUSE).await;
                }
            },
            // Ended connections are taken out, or they would pile up.
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn bind_again(address: SocketAddr, after: Duration) -> TcpListener {
    sleep(after).await;
    loop {
        match TcpListener::bind(address).await {
            Ok(listener) => return listener,
            Err(error) => tracing::warn!(%error, "the simulator could not listen again, and tries once more"),
        }
        sleep(PAUSE).await;
    }
}

async fn serve(stream: TcpStream, world: Arc<World>) {
    let service = service_fn(move |request| route(request, world.clone()));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(KEEP_ALIVE)
        .serve_connection(TokioIo::new(stream), service);
    // Clients that go away and answers that are cut on purpose end here; the request log has what matters.
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a connection to the simulator ended early");
    }
}

async fn route(request: Request<Incoming>, world: Arc<World>) -> Result<Response<AnswerBody>, Disconnect> {
    let (head, body) = request.into_parts();
    let (path, query) = (head.uri.path(), head.uri.query().unwrap_or_default());
    if path == "/control" || path.starts_with("/control/") {
        let Ok(body) = Limited::new(body, LARGEST_CONTROL_BODY).collect().await else {
            return Ok(plain(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large, or was cut\n"));
        };
        let body = body.to_bytes();
        let answering = tokio::task::spawn_blocking({
            let (method, path, query) = (head.method.clone(), path.to_owned(), query.to_owned());
            move || control::answer(&world, &method, &path, &query, &body)
        });
        return answering.await.map_err(|_| Disconnect);
    }
    if !Report::is_path(path) {
        return Ok(plain(StatusCode::NOT_FOUND, "a simulated wolkvox server; see /control/\n"));
    }
    if head.method != Method::GET {
        return Ok(plain(StatusCode::METHOD_NOT_ALLOWED, "reports are read with GET\n"));
    }
    let token = head.headers.get("wolkvox-token").map(HeaderValue::to_str);
    // A token with odd bytes is a wrong one.
    let token = token.map(|token| token.unwrap_or("?"));
    api::answer(&world, token, path, query).await
}

fn plain(status: StatusCode, text: &'static str) -> Response<AnswerBody> {
    let mut response = Response::new(AnswerBody::sized(text.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

//! The HTTP server over real sockets, in front of a site of the test's own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use exposition::prepared::Exposed;
use jiff::Timestamp;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use wolkvox_exporter::config::Links;
use wolkvox_exporter::operation::status::Status;
use wolkvox_exporter::web::secure::Secured;
use wolkvox_exporter::web::server::{Limits, Options, run};
use wolkvox_exporter::web::{NotShown, Scrape, Site, listen};

/// Long enough for a busy machine; no test waits for it unless it fails.
const PATIENCE: Duration = Duration::from_secs(20);
/// A bound that a test waits for, and that nothing but what the test does can reach.
const SOON: Duration = Duration::from_millis(50);
/// The same where a client that does all right must keep within it, on a busy machine too.
const BRIEFLY: Duration = Duration::from_secs(2);

/// Its metrics are what the request's `Accept` says: `panic`, `wait` (until released), `big`, or the headers as text.
struct Fake {
    ready: AtomicBool,
    /// Told of each `wait` that has begun.
    waiting: mpsc::UnboundedSender<()>,
    release: Semaphore,
    /// Dropped with the body of `big`.
    big: std::sync::Mutex<Option<oneshot::Sender<()>>>,
}

impl Site for Fake {
    async fn metrics(&self, accept: Option<&str>, accept_encoding: Option<&str>) -> Result<Scrape, NotShown> {
        let body = match accept {
            Some("panic") => panic!("a panic that the test asked for"),
            Some("wait") => {
                self.waiting.send(()).unwrap();
                self.release.acquire().await.unwrap().forget();
                vec![Bytes::from("waited")]
            }
            Some("big") => {
                let dropped = self.big.lock().unwrap().take();
                vec![Bytes::from_owner(Big { bytes: vec![b'x'; 64 << 20], _dropped: dropped })]
            }
            _ => vec![format!("{accept:?} ").into(), Bytes::new(), format!("{accept_encoding:?}").into()],
        };
        let content_type = "text/plain; version=0.0.4; charset=utf-8";
        let exposed = Exposed { content_type, content_encoding: Some("identity"), body };
        if self.ready() { Ok(Scrape { exposed, served: Box::new(|| ()) }) } else { Err(NotShown::NotLoaded) }
    }

    fn status(&self) -> Status {
        let now = Timestamp::UNIX_EPOCH;
        Status {
            version: "0",
            now,
            started: now,
            ready: self.ready(),
            operations: Vec::new(),
            links: Links::default(),
            ledger_is_gone: false,
            log_lost: None,
            bad_config: None,
            bad_web_file: None,
        }
    }

    fn ready(&self) -> bool {
        self.ready.load(Ordering::Relaxed)
    }
}

struct Big {
    bytes: Vec<u8>,
    _dropped: Option<oneshot::Sender<()>>,
}

impl AsRef<[u8]> for Big {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// A running server.
struct Server {
    address: SocketAddr,
    site: Arc<Fake>,
    waiting: mpsc::UnboundedReceiver<()>,
    big_dropped: oneshot::Receiver<()>,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<()>,
}

async fn serve(limits: Limits) -> Server {
    serve_on(listen::bind(&["127.0.0.1:0".parse().unwrap()]).await.unwrap(), limits)
}

fn serve_on(listeners: Vec<TcpListener>, limits: Limits) -> Server {
    serve_secured(listeners, limits, Arc::default())
}

fn serve_secured(listeners: Vec<TcpListener>, limits: Limits, secured: Arc<Secured>) -> Server {
    let address = listeners[0].local_addr().unwrap();
    let (waiting_tx, waiting) = mpsc::unbounded_channel();
    let (big, big_dropped) = oneshot::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let site =
        Arc::new(Fake { ready: true.into(), waiting: waiting_tx, release: Semaphore::new(0), big: Some(big).into() });
    let options = Options { telemetry_path: "/metrics".to_owned(), limits, secured };
    let shutdown = async { stopped.await.unwrap_or(()) };
    let ended = tokio::spawn(run(listeners.into_iter().map(Into::into).collect(), site.clone(), options, shutdown));
    Server { address, site, waiting, big_dropped, stop, ended }
}

impl Server {
    async fn connect(&self) -> Client {
        Client(TcpStream::connect(self.address).await.unwrap())
    }

    /// One request on a connection of its own.
    async fn ask(&self, request: &str) -> Answer {
        let mut client = self.connect().await;
        client.send(request).await;
        client.answer().await.expect("an answer")
    }

    async fn a_wait_has_begun(&mut self) {
        timeout(PATIENCE, self.waiting.recv()).await.unwrap().unwrap();
    }

    async fn has_ended(self) {
        timeout(PATIENCE, self.ended).await.expect("the server ends").unwrap();
    }
}

struct Client(TcpStream);

struct Answer {
    status: u16,
    /// Names in lower case.
    headers: Vec<(String, String)>,
    body: String,
}

impl Answer {
    #[track_caller]
    fn header(&self, name: &str) -> &str {
        let mut values = self.headers.iter().filter(|(key, _)| key == name);
        let value = &values.next().unwrap_or_else(|| panic!("no {name}")).1;
        assert!(values.next().is_none(), "{name} twice");
        value
    }
}

impl Client {
    /// Sends a request's head: its lines, and the empty line after them.
    async fn send(&mut self, head: &str) {
        self.0.write_all(format!("{}\r\n\r\n", head.replace('\n', "\r\n")).as_bytes()).await.unwrap();
    }

    /// The next answer; `None` where the server has closed the connection instead.
    async fn answer(&mut self) -> Option<Answer> {
        let mut answer = self.head().await?;
        let length = answer.headers.iter().find(|(name, _)| name == "content-length");
        let length: usize = length.map_or(0, |(_, length)| length.parse().unwrap());
        let mut body = vec![0; length];
        timeout(PATIENCE, self.0.read_exact(&mut body)).await.expect("a body in time").expect("a whole body");
        answer.body = String::from_utf8(body).unwrap();
        Some(answer)
    }

    /// The next answer without a body, even if it announces one.
    async fn head(&mut self) -> Option<Answer> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match timeout(PATIENCE, self.0.read_u8()).await.expect("an answer in time") {
                Ok(byte) => head.push(byte),
                Err(_) if head.is_empty() => return None,
                Err(error) => panic!("cut inside a head: {error}"),
            }
        }
        let head = String::from_utf8(head).unwrap();
        let mut lines = head.trim_end().lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines.map(|line| line.split_once(": ").unwrap());
        let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
        Some(Answer { status, headers, body: String::new() })
    }

    async fn is_closed(&mut self) -> bool {
        self.answer().await.is_none()
    }
}

#[tokio::test]
async fn each_path_has_its_answer() {
    let server = serve(Limits::default()).await;
    for (path, status, content_type, body) in [
        ("/metrics", 200, "text/plain; version=0.0.4; charset=utf-8", "None None"),
        ("/metrics?x=1", 200, "text/plain; version=0.0.4; charset=utf-8", "None None"),
        ("/-/healthy", 200, "text/plain; charset=utf-8", "healthy\n"),
        ("/-/ready", 200, "text/plain; charset=utf-8", "ready\n"),
        ("/", 200, "text/html; charset=utf-8", "<!DOCTYPE html>"),
        ("/metrics/", 404, "text/plain; charset=utf-8", "not found"),
        ("/favicon.ico", 404, "text/plain; charset=utf-8", "not found"),
    ] {
        let answer = server.ask(&format!("GET {path} HTTP/1.1\nHost: x")).await;
        assert_eq!((answer.status, answer.header("content-type")), (status, content_type), "{path}");
        assert!(answer.body.starts_with(body), "{path}: {}", answer.body);
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
    }
}

#[tokio::test]
async fn the_metrics_come_as_the_site_made_them_for_these_headers() {
    let server = serve(Limits::default()).await;
    let lines = "Accept: a/b;q=1\nAccept: */*\nAccept-Encoding: gzip, zstd;q=0.5";
    let answer = server.ask(&format!("GET /metrics HTTP/1.1\nHost: x\n{lines}")).await;
    assert_eq!(answer.body, r#"Some("a/b;q=1, */*") Some("gzip, zstd;q=0.5")"#);
    assert_eq!(answer.header("content-encoding"), "identity");
    assert_eq!(answer.header("vary"), "Accept, Accept-Encoding");
}

#[tokio::test]
async fn the_page_speaks_the_readers_language_and_loads_nothing() {
    let server = serve(Limits::default()).await;
    for (request, lang) in [
        ("GET / HTTP/1.1\nHost: x", "en"),
        ("GET / HTTP/1.1\nHost: x\nAccept-Language: es-CO,es;q=0.9,en;q=0.8", "es"),
        ("GET /?lang=es HTTP/1.1\nHost: x\nAccept-Language: en", "es"),
    ] {
        let answer = server.ask(request).await;
        assert_eq!(answer.header("content-language"), lang, "{request}");
        assert!(answer.body.contains(&format!("<html lang=\"{lang}\">")), "{request}");
        assert_eq!(answer.header("vary"), "Accept-Language");
        assert!(answer.header("content-security-policy").starts_with("default-src 'none';"));
        // It refreshes itself, in the language that it was asked for, without a script.
        assert_eq!(answer.header("refresh"), "60");
    }
}

#[tokio::test]
async fn until_the_ledger_is_open_the_exporter_is_healthy_and_not_ready() {
    let server = serve(Limits::default()).await;
    server.site.ready.store(false, Ordering::Relaxed);
    let ready = server.ask("GET /-/ready HTTP/1.1\nHost: x").await;
    assert_eq!((ready.status, &*ready.body), (503, "not ready: the ledger is not open and loaded yet\n"));
    assert_eq!(server.ask("GET /-/healthy HTTP/1.1\nHost: x").await.status, 200);
    assert_eq!(server.ask("GET / HTTP/1.1\nHost: x").await.status, 200);
}

#[tokio::test]
async fn a_request_says_for_whom_it_is() {
    let server = serve(Limits::default()).await;
    for (head, status) in [
        ("GET /metrics HTTP/1.1", 400),
        ("GET /metrics HTTP/1.1\nHost: a\nHost: a", 400),
        ("GET /metrics HTTP/1.1\nHost: a\nAccept: b\nhost: c", 400),
        ("GET /metrics HTTP/1.1\nHost: a b", 400),
        ("GET /metrics HTTP/1.1\nHost: a/b", 400),
        ("GET /metrics HTTP/1.1\nHost: user@a", 400),
        ("GET /metrics HTTP/1.1\nHost: \u{e1}", 400),
        ("GET http://a/metrics HTTP/1.1", 400),
        ("GET /nowhere HTTP/1.1", 400),
        ("POST / HTTP/1.1", 400),
        ("GET /metrics HTTP/1.0\nHost: a\nHost: a", 400),
        ("GET /metrics HTTP/1.0", 200),
        ("GET /metrics HTTP/1.0\nHost: a", 200),
        ("GET /metrics HTTP/1.1\nHost:", 200),
        ("GET /metrics HTTP/1.1\nHost: a.example:10119", 200),
        ("GET /metrics HTTP/1.1\nHost: [::1]:10119", 200),
        ("GET http://a/metrics HTTP/1.1\nHost: b", 200),
    ] {
        assert_eq!(server.ask(head).await.status, status, "{head}");
    }
    // The connection is as good as before: the next request on it is answered.
    let mut client = server.connect().await;
    client.send("GET / HTTP/1.1").await;
    assert_eq!(client.answer().await.unwrap().status, 400);
    client.send("GET / HTTP/1.1\nHost: a").await;
    assert_eq!(client.answer().await.unwrap().status, 200);
}

#[tokio::test]
async fn head_has_the_headers_of_get_and_no_body() {
    let server = serve(Limits::default()).await;
    let mut client = server.connect().await;
    for path in ["/metrics", "/", "/-/healthy", "/-/ready", "/nowhere"] {
        client.send(&format!("GET {path} HTTP/1.1\nHost: x")).await;
        let mut get = client.answer().await.unwrap();
        client.send(&format!("HEAD {path} HTTP/1.1\nHost: x")).await;
        // A body after the head would be taken for the next answer.
        let mut head = client.head().await.unwrap();
        assert_eq!(head.status, get.status);
        assert_ne!(head.header("content-length"), "0", "{path}");
        for answer in [&mut get, &mut head] {
            answer.headers.retain(|(name, _)| name != "date");
        }
        assert_eq!(head.headers, get.headers, "{path}");
    }
}

#[tokio::test]
async fn other_methods_are_refused_with_those_that_are_allowed() {
    let server = serve(Limits::default()).await;
    for path in ["/metrics", "/", "/-/healthy", "/-/ready"] {
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "BREW"] {
            let answer = server.ask(&format!("{method} {path} HTTP/1.1\nHost: x\nContent-Length: 0")).await;
            assert_eq!((answer.status, answer.header("allow")), (405, "GET, HEAD"), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn a_body_that_never_comes_is_not_waited_for() {
    let server = serve(Limits::default()).await;
    let mut client = server.connect().await;
    client.send("POST / HTTP/1.1\nHost: x\nContent-Length: 1000000").await;
    assert_eq!(client.answer().await.unwrap().status, 405);
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn garbage_after_a_request_is_a_bad_request() {
    let server = serve(Limits::default()).await;
    let mut client = server.connect().await;
    client.send("GET /-/healthy HTTP/1.1\nHost: x\n\n\u{1}\u{2}garbage\nmore").await;
    assert_eq!(client.answer().await.unwrap().status, 200);
    assert_eq!(client.answer().await.unwrap().status, 400);
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn too_many_and_too_long_headers_are_refused() {
    let server = serve(Limits { head_bytes: 2000, head_lines: 10, ..Limits::default() }).await;
    let many = "\nA: b".repeat(11);
    let long = format!("\nA: {}", "b".repeat(2000));
    for headers in [many, long] {
        assert_eq!(server.ask(&format!("GET / HTTP/1.1{headers}")).await.status, 431);
    }
    assert_eq!(server.ask("GET / HTTP/1.1\nHost: x").await.status, 200);
}

#[tokio::test]
async fn a_head_that_is_not_finished_is_cut_off_and_an_idle_connection_is_not() {
    let server = serve(Limits { head_time: BRIEFLY, ..Limits::default() }).await;
    let (mut idle, mut kept) = (server.connect().await, server.connect().await);
    for client in [&mut idle, &mut kept] {
        client.send("GET /-/healthy HTTP/1.1\nHost: x").await;
        assert_eq!(client.answer().await.unwrap().status, 200);
    }
    let (mut silent, mut slow) = (server.connect().await, server.connect().await);
    slow.0.write_all(b"GET / HT").await.unwrap();
    kept.0.write_all(b"GET / HT").await.unwrap();
    assert!(silent.is_closed().await);
    assert!(slow.is_closed().await);
    assert!(kept.is_closed().await);
    // It has been idle for longer than `kept` had for its head.
    idle.send("GET /-/healthy HTTP/1.1\nHost: x").await;
    assert_eq!(idle.answer().await.unwrap().status, 200);
}

#[tokio::test]
async fn an_idle_connection_is_closed_in_the_end() {
    let server = serve(Limits { idle_time: BRIEFLY, ..Limits::default() }).await;
    let mut client = server.connect().await;
    client.send("GET /-/healthy HTTP/1.1\nHost: x").await;
    assert_eq!(client.answer().await.unwrap().status, 200);
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn a_client_that_does_not_read_is_dropped() {
    let server = serve(Limits { answer_time: SOON, ..Limits::default() }).await;
    let mut client = server.connect().await;
    client.send("GET /metrics HTTP/1.1\nHost: x\nAccept: big").await;
    // The body goes when the connection does, and its sender with it.
    assert!(timeout(PATIENCE, server.big_dropped).await.expect("the body is dropped").is_err());
    // What had been sent is a part only.
    let mut received = Vec::new();
    let _ = timeout(PATIENCE, client.0.read_to_end(&mut received)).await.expect("the connection ends");
    assert!(received.len() < 64 << 20);
}

#[tokio::test]
async fn every_address_is_served() {
    let any = "127.0.0.1:0".parse().unwrap();
    let listeners = listen::bind(&[any, any, any]).await.unwrap();
    let addresses: Vec<SocketAddr> = listeners.iter().map(|listener| listener.local_addr().unwrap()).collect();
    let mut server = serve_on(listeners, Limits::default());
    for address in addresses.into_iter().rev() {
        server.address = address;
        assert_eq!(server.ask("GET /-/healthy HTTP/1.1\nHost: x").await.status, 200);
    }
}

#[tokio::test]
async fn a_connection_that_waits_makes_room_for_another() {
    let mut server = serve(Limits { connections: 3, ..Limits::default() }).await;
    let (mut busy, mut idle, mut silent) = (server.connect().await, server.connect().await, server.connect().await);
    busy.send("GET /metrics HTTP/1.1\nHost: x\nAccept: wait").await;
    server.a_wait_has_begun().await;
    silent.0.write_all(b"GET / HT").await.unwrap();
    idle.send("GET /-/healthy HTTP/1.1\nHost: x").await;
    assert_eq!(idle.answer().await.unwrap().status, 200);
    // Each stays open: one that has gone would leave its place to the next.
    let mut others = Vec::new();
    for _ in 0..20 {
        let mut other = server.connect().await;
        other.send("GET /-/healthy HTTP/1.1\nHost: x").await;
        assert_eq!(other.answer().await.unwrap().status, 200);
        others.push(other);
    }
    assert!(silent.is_closed().await && idle.is_closed().await);
    server.site.release.add_permits(1);
    assert_eq!(busy.answer().await.unwrap().body, "waited");
}

#[tokio::test]
async fn a_client_that_does_not_read_makes_room_where_nobody_waits() {
    let mut server = serve(Limits { connections: 2, ..Limits::default() }).await;
    let (mut slow, mut busy) = (server.connect().await, server.connect().await);
    slow.send("GET /metrics HTTP/1.1\nHost: x\nAccept: big").await;
    busy.send("GET /metrics HTTP/1.1\nHost: x\nAccept: wait").await;
    server.a_wait_has_begun().await;
    assert_eq!(server.ask("GET /-/healthy HTTP/1.1\nHost: x").await.status, 200);
    assert!(timeout(PATIENCE, server.big_dropped).await.expect("the body is dropped").is_err());
    server.site.release.add_permits(1);
    assert_eq!(busy.answer().await.unwrap().body, "waited");
}

#[tokio::test]
async fn who_is_being_answered_keeps_the_place() {
    let mut server = serve(Limits { connections: 2, ..Limits::default() }).await;
    let (mut first, mut second) = (server.connect().await, server.connect().await);
    for client in [&mut first, &mut second] {
        client.send("GET /metrics HTTP/1.1\nHost: x\nAccept: wait").await;
        server.a_wait_has_begun().await;
    }
    let mut third = server.connect().await;
    third.send("GET /-/healthy HTTP/1.1\nHost: x").await;
    assert!(timeout(4 * SOON, third.head()).await.is_err(), "a third connection was served");
    server.site.release.add_permits(2);
    for client in [&mut first, &mut second] {
        assert_eq!(client.answer().await.unwrap().body, "waited");
    }
    assert_eq!(third.answer().await.unwrap().status, 200);
}

#[test]
fn connections_leave_descriptors_for_everything_else() {
    for (open_files, operations, connections) in
        [(1_024, 1, 512), (u64::MAX, usize::MAX, 8), (256, 2, 192), (256, 50, 8), (64, 1, 8), (0, 0, 8)]
    {
        assert_eq!(Limits::within(open_files, operations).connections, connections, "{open_files}, {operations}");
    }
}

#[tokio::test]
async fn a_panic_is_answered_with_500_and_concerns_nobody_else() {
    let mut server = serve(Limits::default()).await;
    let (mut other, mut panicking) = (server.connect().await, server.connect().await);
    other.send("GET /metrics HTTP/1.1\nHost: x\nAccept: wait").await;
    server.a_wait_has_begun().await;
    panicking.send("GET /metrics HTTP/1.1\nHost: x\nAccept: panic").await;
    assert_eq!(panicking.answer().await.unwrap().status, 500);
    panicking.send("GET /-/healthy HTTP/1.1\nHost: x").await;
    assert_eq!(panicking.answer().await.unwrap().status, 200);
    server.site.release.add_permits(1);
    assert_eq!(other.answer().await.unwrap().body, "waited");
}

#[tokio::test]
async fn an_answer_that_is_not_found_in_time_is_a_503() {
    let server = serve(Limits { handle_time: SOON, ..Limits::default() }).await;
    assert_eq!(server.ask("GET /metrics HTTP/1.1\nHost: x\nAccept: wait").await.status, 503);
}

#[tokio::test]
async fn a_shutdown_answers_what_is_being_answered_and_closes_the_rest() {
    let mut server = serve(Limits::default()).await;
    let (mut busy, mut idle) = (server.connect().await, server.connect().await);
    idle.send("GET /-/healthy HTTP/1.1\nHost: x").await;
    assert_eq!(idle.answer().await.unwrap().status, 200);
    busy.send("GET /metrics HTTP/1.1\nHost: x\nAccept: wait").await;
    server.a_wait_has_begun().await;
    let Server { address, site, stop, ended, .. } = server;
    stop.send(()).unwrap();
    assert!(idle.is_closed().await);
    assert!(TcpStream::connect(address).await.is_err(), "a connection was accepted after the shutdown");
    assert!(!ended.is_finished());
    site.release.add_permits(1);
    assert_eq!(busy.answer().await.unwrap().body, "waited");
    assert!(busy.is_closed().await);
    timeout(PATIENCE, ended).await.expect("the server ends").unwrap();
}

#[tokio::test]
async fn a_shutdown_does_not_wait_for_ever() {
    let mut server = serve(Limits { shutdown_time: SOON, ..Limits::default() }).await;
    let mut busy = server.connect().await;
    busy.send("GET /metrics HTTP/1.1\nHost: x\nAccept: wait").await;
    server.a_wait_has_begun().await;
    let (stop, unused) = oneshot::channel();
    drop(unused);
    std::mem::replace(&mut server.stop, stop).send(()).unwrap();
    server.has_ended().await;
    assert!(busy.is_closed().await);
}

/// Over TLS; frames of HTTP/2 by hand, for what a client sends that keeps to no rule.
mod tls {
    use rustls::ALL_VERSIONS;
    use tokio_rustls::TlsConnector;
    use tokio_rustls::client::TlsStream;

    use super::*;
    use crate::support::tls::{Authority, client, put};

    /// A server with a certificate of this authority, by the files in this folder.
    async fn serve_by(authority: &Authority, folder: &std::path::Path, limits: Limits) -> (Server, Arc<Secured>) {
        authority.issue(&["127.0.0.1"], 2040).write(folder, "web");
        let file = folder.join("web.yml");
        put(&file, "tls_server_config: {cert_file: web.crt, key_file: web.key}\n");
        let secured = Arc::new(Secured::load(Some(&file)).unwrap().0);
        let listeners = listen::bind(&["127.0.0.1:0".parse().unwrap()]).await.unwrap();
        (serve_secured(listeners, limits, secured.clone()), secured)
    }

    async fn connect(server: &Server, authority: &Authority, protocol: &[u8]) -> TlsStream<TcpStream> {
        let mut config = client(authority, None, ALL_VERSIONS);
        config.alpn_protocols = vec![protocol.to_vec()];
        let stream = TcpStream::connect(server.address).await.unwrap();
        TlsConnector::from(Arc::new(config)).connect(server.address.ip().into(), stream).await.unwrap()
    }

    const HEADERS: u8 = 1;
    const PING: u8 = 6;
    const CONTINUATION: u8 = 9;
    const END_STREAM: u8 = 1;
    const END_HEADERS: u8 = 4;

    fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
        let length = u8::try_from(payload.len()).unwrap();
        [&[0, 0, length, kind, flags, 0, 0, 0, stream], payload].concat()
    }

    /// `GET https://x/-/healthy`, as HPACK without compression writes it.
    const HEAD: &[u8] = b"\x82\x87\x04\x0a/-/healthy\x01\x01x";

    fn asking(stream: u8) -> Vec<u8> {
        frame(HEADERS, END_STREAM | END_HEADERS, stream, HEAD)
    }

    fn ping() -> Vec<u8> {
        frame(PING, 0, 0, b"a client")
    }

    struct Tls(TlsStream<TcpStream>);

    impl Tls {
        async fn connect(server: &Server, authority: &Authority) -> Self {
            let mut tls = Self(connect(server, authority, b"h2").await);
            tls.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await;
            tls
        }

        async fn send(&mut self, bytes: &[u8]) {
            self.0.write_all(bytes).await.unwrap();
            self.0.flush().await.unwrap();
        }

        async fn is_answered(&mut self, stream: u8) {
            self.send(&asking(stream)).await;
            let mut answer = Vec::new();
            while !answer.ends_with(b"healthy\n") {
                answer.push(timeout(PATIENCE, self.0.read_u8()).await.expect("an answer in time").expect("an answer"));
            }
        }

        /// Sends what comes of `next`, again and again, until the server closes.
        async fn sends_until_closed(self, mut next: impl FnMut() -> Vec<u8>) {
            let (mut from, mut to) = tokio::io::split(self.0);
            let closed = async move {
                let mut bytes = [0; 1024];
                while from.read(&mut bytes).await.is_ok_and(|length| length > 0) {}
            };
            let sending = async {
                loop {
                    // A server that has gone is for `closed` to notice.
                    _ = to.write_all(&next()).await;
                    _ = to.flush().await;
                    tokio::time::sleep(BRIEFLY / 20).await;
                }
            };
            tokio::select! {
                closed = timeout(PATIENCE, closed) => closed.expect("the server closes"),
                () = sending => {}
            }
        }
    }

    #[tokio::test]
    async fn what_is_begun_and_not_finished_is_cut_off_and_a_client_that_pings_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new("ours");
        let limits = Limits { head_time: BRIEFLY, ..Limits::default() };
        let (server, _) = serve_by(&authority, folder.path(), limits).await;
        let connect = || Tls::connect(&server, &authority);
        let nothing = Vec::new;

        // After a first request, whose time is that of the connection.
        let [mut kept, mut silent, mut endless, mut half, mut slow, mut packed] =
            [connect().await, connect().await, connect().await, connect().await, connect().await, connect().await];
        for client in [&mut kept, &mut silent, &mut endless, &mut half, &mut slow, &mut packed] {
            client.is_answered(1).await;
        }
        let never = connect().await;
        let begun = frame(HEADERS, END_STREAM, 3, HEAD);
        silent.send(&begun).await;
        endless.send(&begun).await;
        half.send(&asking(3)[..12]).await;
        // The beginning of a record that announces more than comes.
        packed.0.get_mut().0.write_all(&[23, 3, 3, 1, 0, 7, 7, 7]).await.unwrap();
        let mut request = asking(3).into_iter().chain(std::iter::repeat(0));
        let pinging = async {
            let until = tokio::time::Instant::now() + BRIEFLY * 2;
            while tokio::time::Instant::now() < until {
                kept.send(&ping()).await;
                tokio::time::sleep(BRIEFLY / 20).await;
            }
            kept.is_answered(3).await;
        };
        tokio::join!(
            pinging,
            silent.sends_until_closed(nothing),
            endless.sends_until_closed(|| frame(CONTINUATION, 0, 3, b"")),
            half.sends_until_closed(nothing),
            slow.sends_until_closed(|| request.next().into_iter().collect()),
            packed.sends_until_closed(nothing),
            never.sends_until_closed(ping),
        );
    }
    /// A scrape that has only just connected doesn't fail for a certificate that is renewed at that moment.
    #[tokio::test]
    async fn who_has_connected_before_a_renewal_has_an_answer_and_then_connects_again() {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new("ours");
        let limits = Limits { handle_time: BRIEFLY, answer_time: BRIEFLY, ..Limits::default() };
        let (server, secured) = serve_by(&authority, folder.path(), limits).await;
        let [mut kept, mut fresh] =
            [connect(&server, &authority, b"http/1.1").await, connect(&server, &authority, b"http/1.1").await];
        let [mut fresh_in_two, mut stubborn] =
            [Tls::connect(&server, &authority).await, Tls::connect(&server, &authority).await];
        stubborn.is_answered(1).await;
        let request = b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n";
        kept.write_all(request).await.unwrap();
        let mut answer = [0; 15];
        kept.read_exact(&mut answer).await.unwrap();
        authority.issue(&["127.0.0.1"], 2041).write(folder.path(), "web");
        secured.read_again().unwrap().unwrap();
        // Idle, it is closed at once.
        _ = timeout(PATIENCE, kept.read_to_end(&mut Vec::new())).await.expect("the server closes");
        fresh.write_all(request).await.unwrap();
        let mut answer = Vec::new();
        _ = timeout(PATIENCE, fresh.read_to_end(&mut answer)).await.expect("the server answers and closes");
        assert!(answer.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&answer));
        fresh_in_two.is_answered(1).await;
        // Neither confirms that the connection ends, and one asks again and again.
        let mut streams = (3..u8::MAX).step_by(2);
        tokio::join!(
            fresh_in_two.sends_until_closed(Vec::new),
            stubborn.sends_until_closed(|| streams.next().map_or_else(Vec::new, asking)),
        );
    }
}

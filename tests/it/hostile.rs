//! Clients that hold their connections and do nothing, or send what is no request: scrapes and calls go on beside them.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::config::ventas;
use crate::support::scrape::Scrape;
use crate::support::sim::quiet;
use crate::support::{Child, Folder, Sim, child, http};

/// One takes milliseconds, and one that waits for the place of a silent client ten seconds; the machine may be busy.
const SCRAPE_WITHIN: Duration = Duration::from_secs(5);

/// What a client sends, and whether it waits for something to come.
const HOSTILE: [(&str, bool); 3] = [
    // Idle after a request.
    ("GET /-/healthy HTTP/1.1\r\nHost: a\r\n\r\n", true),
    // Silent.
    ("", false),
    // Slow.
    ("GET /metrics HTT", false),
];

fn connect(address: SocketAddr, (head, answered): (&str, bool)) -> Option<TcpStream> {
    let mut stream = TcpStream::connect_timeout(&address, SCRAPE_WITHIN).ok()?;
    stream.set_read_timeout(Some(SCRAPE_WITHIN)).ok()?;
    stream.write_all(head.as_bytes()).ok()?;
    if answered {
        let _ = stream.read(&mut [0; 1024]).ok()?;
    }
    Some(stream)
}

#[test]
fn scrapes_and_calls_go_on_beside_clients_that_hold_all_places() {
    let sim = Sim::start(vec![quiet("ventas"), quiet("soporte")]);
    let folder = Folder::new(&sim, &["interval: 1s", "settle: 0s", "hold: 0s"], |_| Vec::new());
    // Fewer than there are clients.
    let exporter = Child::start(child::limited(&folder.command(), "ulimit -n 120"));
    let mut held = Vec::new();
    let mut slowest = Duration::ZERO;
    for _ in 0..20 {
        for client in HOSTILE.into_iter().cycle().take(30) {
            held.extend(connect(exporter.address(), client));
        }
        let began = Instant::now();
        let answer = http::get_within(exporter.address(), "/metrics", SCRAPE_WITHIN);
        assert_eq!(answer.map(|answer| answer.status).ok(), Some(200), "with {} connections", held.len());
        slowest = slowest.max(began.elapsed());
    }
    assert!(held.len() > 300, "only {} clients came in", held.len());
    assert!(slowest < SCRAPE_WITHIN, "{slowest:?}");
    // A shortage of descriptors would have failed calls, or looked like a missing token.
    let polls = |exporter: &Child| exporter.scrape().sum("wolkvox_polls_total", &[("operation", "ventas")]);
    let before = polls(&exporter);
    exporter.wait_for("polls to go on", |_| if polls(&exporter) > before + 1.0 { Ok(()) } else { Err("none".into()) });
    let scrape = exporter.scrape();
    for operation in ["ventas", "soporte"] {
        for outcome in ["unauthorized", "connect", "timeout"] {
            let labels = [("operation", operation), ("outcome", outcome)];
            assert_eq!(scrape.value("wolkvox_polls_total", &labels), 0.0, "{operation}, {outcome}");
        }
    }
    let told = exporter.wait_for_lines(1, &["all places for connections are taken"]);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(exporter.terminate().0.code(), Some(0));
}

/// Sets how many files a process may have open, without regard to those that it has.
fn limit_files(exporter: &Child, files: u32) {
    let id = exporter.id().to_string();
    let limited = Command::new("prlimit").args(["--pid", &id, &format!("--nofile={files}:")]).status();
    assert!(limited.expect("prlimit, of util-linux, is installed").success());
}

/// The file of the token can't be opened, and says nothing of the token.
#[test]
fn a_want_of_descriptors_is_no_refused_token() {
    let (_sim, folder) = ventas(&["interval: 1s", "settle: 0s", "hold: 0s"]);
    let exporter = folder.serve();
    let polls = |scrape: &Scrape, outcome| {
        scrape.value("wolkvox_polls_total", &[("operation", "ventas"), ("outcome", outcome)])
    };
    exporter.wait_for("polls", |scrape| if polls(scrape, "ok") > 1.0 { Ok(()) } else { Err("none".into()) });
    limit_files(&exporter, 3);
    exporter.wait_for_lines(2, &["the poll failed", "Too many open files"]);
    limit_files(&exporter, 256);
    let before = polls(&exporter.scrape(), "ok");
    let scrape = exporter.wait_for("polls to go on", |scrape| {
        if polls(scrape, "ok") > before + 1.0 { Ok(scrape.clone()) } else { Err("none".into()) }
    });
    assert!(polls(&scrape, "connect") >= 2.0);
    assert_eq!(polls(&scrape, "unauthorized"), 0.0);
    assert_eq!(scrape.value("wolkvox_ledger_commit_errors_total", &[]), 0.0);
}

/// What comes to a port that is open: the first bytes of a connection, and the status of the answer; `None` where the
/// connection may end without any.
const REQUESTS: [(&str, &[u8], Option<u16>); 31] = [
    ("no Host", b"GET /metrics HTTP/1.1\r\n\r\n", Some(400)),
    ("two Hosts", b"GET /metrics HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", Some(400)),
    ("one Host twice", b"GET /metrics HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", Some(400)),
    ("two Hosts in one", b"GET /metrics HTTP/1.1\r\nHost: a, b\r\n\r\n", Some(400)),
    ("no Host, another path", b"GET /nowhere HTTP/1.1\r\n\r\n", Some(400)),
    ("no Host, another method", b"POST /metrics HTTP/1.1\r\nContent-Length: 0\r\n\r\n", Some(400)),
    ("a Host of HTTP/1.0", b"GET /metrics HTTP/1.0\r\n\r\n", Some(200)),
    ("an empty Host", b"GET /metrics HTTP/1.1\r\nHost:\r\n\r\n", Some(200)),
    ("a blank before the colon", b"GET /metrics HTTP/1.1\r\nHost : a\r\n\r\n", Some(400)),
    ("a folded header", b"GET /metrics HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n", Some(400)),
    ("a NUL in a header", b"GET /metrics HTTP/1.1\r\nHost: a\r\nX: b\0c\r\n\r\n", Some(400)),
    ("a header without a colon", b"GET /metrics HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", Some(400)),
    ("a method in lower case", b"get /metrics HTTP/1.1\r\nHost: a\r\n\r\n", Some(405)),
    ("two blanks", b"GET  /metrics HTTP/1.1\r\nHost: a\r\n\r\n", Some(400)),
    ("a path that is none", b"GET metrics HTTP/1.1\r\nHost: a\r\n\r\n", Some(404)),
    ("a path that goes up", b"GET /../../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n", Some(404)),
    ("an escaped path", b"GET /%6detrics HTTP/1.1\r\nHost: a\r\n\r\n", Some(404)),
    ("two slashes", b"GET //metrics HTTP/1.1\r\nHost: a\r\n\r\n", Some(404)),
    ("a byte above ASCII", b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n", Some(400)),
    ("all of the server", b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", Some(404)),
    ("a tunnel", b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", Some(404)),
    ("HTTP/0.9", b"GET /metrics\r\n\r\n", Some(400)),
    ("HTTP/3", b"GET /metrics HTTP/3.0\r\nHost: a\r\n\r\n", Some(400)),
    ("HTTP/2 in clear", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", None),
    ("the greeting of TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", Some(400)),
    ("SSH", b"SSH-2.0-OpenSSH_9.2\r\n\r\n", Some(400)),
    (
        "two lengths",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        Some(400),
    ),
    (
        "a length and chunks",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        Some(405),
    ),
    ("a question before the body", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n", Some(405)),
    (
        "odd wishes",
        b"GET /metrics HTTP/1.1\r\nHost: a\r\nAccept: ;q=,*/*;q=NaN,\xff\r\nAccept-Encoding: gzip;q=1e999,,;\r\nRange: bytes=1-0\r\n\r\n",
        Some(200),
    ),
    ("an odd language", b"GET /?lang=%00&lang=es&&=&lang HTTP/1.1\r\nHost: a\r\nAccept-Language: \xff;q=-1\r\n\r\n", Some(200)),
];

#[test]
fn what_is_no_request_is_answered_and_harms_nobody() {
    let (_sim, folder) = ventas(&["interval: 1s", "settle: 0s", "hold: 0s"]);
    let exporter = folder.serve();
    for (what, request, status) in REQUESTS {
        let mut stream = TcpStream::connect_timeout(&exporter.address(), SCRAPE_WITHIN).expect("a connection");
        stream.set_read_timeout(Some(SCRAPE_WITHIN)).expect("a socket");
        stream.write_all(request).expect("a connection");
        let mut head = Vec::new();
        while !head.contains(&b'\r') {
            let mut piece = [0; 64];
            match stream.read(&mut piece) {
                Ok(0) => break,
                Ok(length) => head.extend_from_slice(&piece[..length]),
                Err(error) => panic!("{what}: {error}"),
            }
        }
        let answered = std::str::from_utf8(&head).ok().and_then(|head| head.get(9..12)?.parse::<u16>().ok());
        if status.is_some() || answered.is_some_and(|answered| !(400..=505).contains(&answered)) {
            assert_eq!(answered, status, "{what}: {:?}", String::from_utf8_lossy(&head));
        }
    }
    // A long queue of requests on one connection is answered to its end.
    let queue = "GET /-/ready HTTP/1.1\r\nHost: a\r\n\r\n".repeat(200) + "GET / HTTP/1.1\r\n\r\n";
    let mut stream = TcpStream::connect_timeout(&exporter.address(), SCRAPE_WITHIN).expect("a connection");
    stream.set_read_timeout(Some(SCRAPE_WITHIN)).expect("a socket");
    stream.write_all(queue.as_bytes()).expect("a connection");
    let mut answers = Vec::new();
    while !String::from_utf8_lossy(&answers).contains("HTTP/1.1 400") {
        let mut piece = [0; 4096];
        let length = stream.read(&mut piece).expect("an answer");
        assert_ne!(length, 0, "the connection ended");
        answers.extend_from_slice(&piece[..length]);
    }
    assert_eq!(String::from_utf8_lossy(&answers).matches("HTTP/1.1 200 OK").count(), 200);
    // Whoever has asked may say that nothing more comes.
    for path in ["/metrics", "/", "/-/healthy"].into_iter().cycle().take(60) {
        let mut stream = TcpStream::connect_timeout(&exporter.address(), SCRAPE_WITHIN).expect("a connection");
        stream.set_read_timeout(Some(SCRAPE_WITHIN)).expect("a socket");
        write!(stream, "GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").expect("a connection");
        stream.shutdown(Shutdown::Write).expect("a connection");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("an answer");
        assert!(answer.starts_with(b"HTTP/1.1 200"), "{path}: {:?}", String::from_utf8_lossy(&answer));
    }
    assert!(!exporter.said().contains("level=error"), "{}", exporter.said());
    assert_eq!(exporter.terminate().0.code(), Some(0));
}

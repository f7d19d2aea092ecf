//! Clients that hold their connections and do nothing: scrapes and calls go on beside them.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

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
    let told = exporter.lines_with(&["all places for connections are taken"]);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(exporter.terminate().0.code(), Some(0));
}

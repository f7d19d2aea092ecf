use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, LazyLock};

use exposition::prepared::Settings;
use jiff::Timestamp;
use tokio::net::TcpListener;
use wolkvox_exporter::config::Links;
use wolkvox_exporter::exporter::Site;
use wolkvox_exporter::ledger::Ledger;
use wolkvox_exporter::metrics::Metrics;
use wolkvox_exporter::operation::Operation;
use wolkvox_exporter::web::server::{self, Limits, Options};

use super::configuration::load;

/// What a client sends over one connection to the HTTP server. Panics where the server has nothing better to say than
/// that it has failed.
pub fn requests(sent: &[u8]) {
    static SERVER: LazyLock<SocketAddr> = LazyLock::new(serve);
    let mut connection = TcpStream::connect(*SERVER).expect("the server listens");
    // The server may end the connection before it has taken everything, and its answer is to be read all the same.
    let _ = connection.write_all(sent);
    let _ = connection.shutdown(Shutdown::Write);
    let mut answers = Vec::new();
    let _ = connection.read_to_end(&mut answers);
    assert!(answers.is_empty() || answers.starts_with(b"HTTP/1."), "an answer is one of HTTP");
    assert!(!answers.windows(12).any(|words| words == b"HTTP/1.1 500"), "answering panicked");
}

/// The exporter's server, as long as this process runs.
fn serve() -> SocketAddr {
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            let _ = tell.send(listener.local_addr().expect("it is bound"));
            let options =
                Options { telemetry_path: "/metrics".to_owned(), limits: Limits::default(), secured: Arc::default() };
            server::run(vec![listener.into()], Arc::new(site()), options, std::future::pending()).await;
        });
    });
    told.recv().expect("the server listens")
}

/// One operation, of which nothing has been read.
fn site() -> Site {
    let config = load(b"operations: [{server: 1, token_env: TOKEN, timezone: UTC}]").expect("it is complete");
    let now = Timestamp::UNIX_EPOCH;
    // Its file is gone as soon as it is open.
    let folder = tempfile::tempdir().expect("a temporary folder");
    let ledger = Arc::new(Ledger::open(&folder.path().join("ledger.db"), now).expect("a new ledger"));
    let open = |config| Operation::open(&ledger, config, now).expect("a new operation");
    let operations = config.operations.iter().map(open).collect();
    let site = Site::new(
        Metrics::new(Settings::default(), now).expect("its metrics are distinct"),
        Links::default(),
        Arc::default(),
        now,
    );
    site.load(ledger, operations);
    site
}

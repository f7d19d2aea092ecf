//! How the server is reached: what in the environment can't be used ends the start, and what is on the way is named.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use tokio::net::{TcpListener as TokioListener, TcpSocket};

use crate::support::child::{self, Child};
use crate::support::page::wait_for_badge;
use crate::support::run;
use crate::support::tls::{self, Authority};
use crate::support::wait::free_address;

/// The exporter with one operation on a server that needs TLS.
fn exporter(folder: &Path) -> Command {
    exporter_of(folder, &["0042".to_owned()])
}

/// The exporter with an operation on each of `servers`.
fn exporter_of(folder: &Path, servers: &[String]) -> Command {
    let mut config =
        format!("ledger: {:?}\ndefaults: {{connect_timeout: 2s}}\noperations:\n", folder.join("ledger.db"));
    for (number, server) in servers.iter().enumerate() {
        let token = folder.join("token");
        config += &format!("- {{name: ventas{number}, server: {server:?}, token_file: {token:?}}}\n");
    }
    std::fs::write(folder.join("token"), "0123456789").expect("a folder of this test");
    std::fs::write(folder.join("config.yml"), config).expect("a folder of this test");
    let mut command = child::command(&["--web.listen-address", "127.0.0.1:0"]);
    command.arg("--config.file").arg(folder.join("config.yml"));
    command
}

#[test]
fn certificates_or_a_proxy_that_can_not_be_used_end_the_start() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    std::fs::write(path("empty.pem"), "").expect("a folder of this test");
    std::fs::create_dir(path("empty")).expect("a folder of this test");
    for (variable, value) in [
        ("SSL_CERT_FILE", path("missing.pem")),
        ("SSL_CERT_FILE", path("empty.pem")),
        ("SSL_CERT_FILE", path("empty")),
        ("SSL_CERT_DIR", path("missing")),
        ("SSL_CERT_DIR", path("empty")),
        ("HTTPS_PROXY", "socks5://hush@proxy:1080".to_owned()),
        ("https_proxy", "http://".to_owned()),
        ("ALL_PROXY", "proxy 3128 hush".to_owned()),
    ] {
        let ended = run({
            let mut command = exporter(folder.path());
            command.env(variable, &value);
            command
        });
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(1), "{variable}={value}: {said}");
        assert!(said.contains(variable) && !said.contains("hush"), "{variable}={value}: {said}");
        let checked = run({
            let mut command = child::command(&["check-config", "--config.file"]);
            command.arg(folder.path().join("config.yml")).env(variable, &value);
            command
        });
        let told = String::from_utf8_lossy(&checked.stderr);
        assert_eq!(checked.status.code(), Some(2), "{variable}={value}: {told}");
        assert!(told.contains(variable) && !told.contains("hush"), "{variable}={value}: {told}");
    }
}

/// Answers each connection so, or ends it where there is nothing to say.
fn answering(answer: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    address
}

/// Where connections are neither taken nor refused: its queue is full.
fn silent() -> (SocketAddr, Vec<TcpStream>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().expect("a thread");
    let _entered = runtime.enter();
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a free port");
    let listener = socket.listen(1).and_then(TokioListener::into_std).expect("a free port");
    let address = listener.local_addr().expect("bound");
    // For as long as the process: nobody ever takes one of them.
    std::mem::forget(listener);
    let queue = std::iter::from_fn(|| TcpStream::connect_timeout(&address, Duration::from_millis(300)).ok());
    (address, queue.take(16).collect())
}

/// What log and page say of a cause: a line of the log, and a badge in English and Spanish.
type Words = [&'static str; 3];

/// Waits until log and page say that of an operation.
fn assert_told(exporter: &Child, operation: &str, [log, en, es]: Words) {
    exporter.wait_for_lines(1, &[log, &format!("operation={operation} ")]);
    wait_for_badge(exporter, operation, [en, es], true);
}

#[test]
fn each_refusal_of_a_proxy_is_told_by_log_and_page() {
    let refused = ["refused by the proxy", "rechazada por el proxy"];
    let cases: [(SocketAddr, Words); 4] = [
        (
            answering("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"),
            ["a user and a password in HTTPS_PROXY", "proxy wants a password", "el proxy pide contraseña"],
        ),
        (answering("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n"), ["It answered 403", refused[0], refused[1]]),
        (answering("HTTP/1.1 503 Service Unavailable\r\n\r\n"), ["It answered 503", refused[0], refused[1]]),
        (free_address(), ["no connection to the proxy", "proxy not reached", "no se llega al proxy"]),
    ];
    let started = cases.map(|(address, words)| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut command = exporter(folder.path());
        command.env("HTTPS_PROXY", format!("http://user:hush@{address}"));
        (Child::start(command), folder, words)
    });
    for (exporter, _folder, words) in started {
        assert_told(&exporter, "ventas0", words);
        assert!(!exporter.said().contains("hush"));
        for lang in ["en", "es"] {
            let page = exporter.get(&format!("/?lang={lang}"), &[]).text();
            let status = words[0].strip_prefix("It answered ").unwrap_or_default();
            assert!(page.contains(status) && !page.contains("hush"), "{page}");
        }
    }
}

const PAGE_OF_A_FIREWALL: &str = "HTTP/1.1 403 Forbidden\r\ncontent-type: text/html\r\nconnection: close\r\n\r\n\
                                  <html><body><h1>Web Page Blocked</h1>SERVER BACKUP token</body></html>";
const MAINTENANCE: &str =
    "HTTP/1.1 403 Forbidden\r\nconnection: close\r\n\r\n{\"code\":\"403\",\"msg\":\"SERVER BACKUP IN PROGRESS\"}";

#[test]
fn each_fault_on_the_way_is_told_by_log_and_page() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let [unknown, other, expired, authority] = [
        theirs.issue(&["127.0.0.1"], 2099),
        ours.issue(&["127.0.0.2", "other.example"], 2099),
        ours.issue(&["127.0.0.1"], 2021),
        ours.itself(),
    ]
    .map(|identity| format!("https://{}", tls::serve(&identity)));
    let (silent, _queue) = silent();
    let no_tls = ["TLS failed", "falló TLS"];
    let secret = |address: SocketAddr| format!("https://{address}");
    let clear = |answer| format!("http://{}", answering(answer));
    let cases: [(String, Words); 12] = [
        (unknown, ["is from an authority that this host", "certificate not trusted", "certificado no confiable"]),
        (other, ["is for another name", "certificate of another name", "certificado de otro nombre"]),
        (expired, ["has expired", "certificate not valid now", "certificado fuera de fecha"]),
        (authority, ["certificate is refused", no_tls[0], no_tls[1]]),
        (secret(answering("HTTP/1.1 400 Bad Request\r\n\r\n")), ["TLS failed", no_tls[0], no_tls[1]]),
        (secret(free_address()), ["nothing takes calls at its address", "connection refused", "conexión rechazada"]),
        (secret(silent), ["is this host's address registered", "server doesn't answer", "el servidor no responde"]),
        ("https://no-such-host.invalid".to_owned(), ["(DNS)", "name not found", "nombre no encontrado"]),
        // TCP knows no way to many at once.
        ("https://224.0.0.1".to_owned(), ["there is no route", "no route", "sin ruta"]),
        (secret(answering("")), ["no connection to the server", "connection lost", "conexión cortada"]),
        (clear(PAGE_OF_A_FIREWALL), ["a page refused", "refused by a page", "rechazada por una página"]),
        (clear(MAINTENANCE), ["SERVER BACKUP IN PROGRESS", "refused for now", "rechazada por ahora"]),
    ];
    let folder = tempfile::tempdir().expect("a temporary folder");
    tls::put(&folder.path().join("ours.pem"), &ours.pem());
    let servers: Vec<_> = cases.iter().map(|(server, _)| server.clone()).collect();
    let mut command = exporter_of(folder.path(), &servers);
    command.env("SSL_CERT_FILE", folder.path().join("ours.pem"));
    let exporter = Child::start(command);
    for (number, (_, words)) in cases.into_iter().enumerate() {
        assert_told(&exporter, &format!("ventas{number}"), words);
    }
    let firewall = exporter.lines_with(&["a page refused"]);
    assert!(firewall.iter().all(|line| !line.to_lowercase().contains("backup")), "{firewall:?}");
}

//! How the server is reached: what in the environment can't be used ends the start, and what is on the way is named.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::thread;

use crate::support::child::{self, Child};
use crate::support::tls::{self, Authority};
use crate::support::wait::free_address;
use crate::support::{PATIENCE, run, wait_for};

/// The exporter with one operation on a server that needs TLS.
fn exporter(folder: &Path) -> Command {
    exporter_of(folder, &["0042".to_owned()])
}

/// The exporter with an operation on each of `servers`.
fn exporter_of(folder: &Path, servers: &[String]) -> Command {
    let mut config = format!("ledger: {:?}\noperations:\n", folder.join("ledger.db"));
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
    }
}

/// The page's words for each, in both languages.
#[test]
fn each_cause_is_told_by_log_and_page() {
    let proxy = |answer: &'static str| {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = format!("http://user:hush@{}", listener.local_addr().expect("bound"));
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let _ = stream.read(&mut [0; 1024]);
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        address
    };
    let nobody = format!("http://{}", free_address());
    let cases = [
        (
            proxy("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"),
            "a user and a password in HTTPS_PROXY",
            "pide usuario",
        ),
        (proxy("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n"), "It answered 403", "wolkvox (estado 403)"),
        (proxy("HTTP/1.1 503 Service Unavailable\r\n\r\n"), "It answered 503", "wolkvox (estado 503)"),
        (nobody, "no connection to the proxy", "No se pudo llegar al proxy"),
    ];
    let started = cases.map(|(address, log, page)| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut command = exporter(folder.path());
        command.env("HTTPS_PROXY", address);
        (Child::start(command), folder, log, page)
    });
    for (exporter, _folder, log, page) in started {
        wait_for(page, PATIENCE, || {
            let shown = exporter.get("/?lang=es", &[]).text();
            if shown.contains(page) { Ok(()) } else { Err(shown) }
        });
        assert!(!exporter.lines_with(&[log]).is_empty(), "{}", exporter.said());
        assert!(!exporter.said().contains("hush"));
    }
}

/// The certificate of each but the last is refused; nothing listens at the last address.
#[test]
fn each_fault_of_a_certificate_is_told_by_log_and_page() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let [unknown, other, expired, authority] = [
        theirs.issue(&["127.0.0.1"], 2099),
        ours.issue(&["127.0.0.2", "other.example"], 2099),
        ours.issue(&["127.0.0.1"], 2021),
        ours.itself(),
    ]
    .map(|identity| format!("https://{}", tls::serve(&identity)));
    let cases = [
        (unknown, "is from an authority that this host", "certificado no confiable"),
        (other, "is for another name", "certificado de otro nombre"),
        (expired, "has expired", "certificado fuera de fecha"),
        (authority, "certificate is refused", "falló TLS"),
        (format!("https://{}", free_address()), "nothing takes calls at its address", "conexión rechazada"),
    ];
    let folder = tempfile::tempdir().expect("a temporary folder");
    tls::put(&folder.path().join("ours.pem"), &ours.pem());
    let servers: Vec<_> = cases.iter().map(|(server, ..)| server.clone()).collect();
    let mut command = exporter_of(folder.path(), &servers);
    command.env("SSL_CERT_FILE", folder.path().join("ours.pem"));
    let exporter = Child::start(command);
    for (number, (_, log, page)) in cases.iter().enumerate() {
        wait_for(log, PATIENCE, || match exporter.lines_with(&[log, &format!("operation=ventas{number} ")]) {
            lines if lines.is_empty() => Err(exporter.said()),
            _ => Ok(()),
        });
        wait_for(page, PATIENCE, || {
            let shown = exporter.get("/?lang=es", &[]).text();
            if shown.contains(page) { Ok(()) } else { Err(shown) }
        });
    }
}

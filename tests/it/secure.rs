//! TLS, passwords and client certificates, as clients of several kinds meet them.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::pin::Pin;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::body::{Body as _, Incoming};
use hyper::{Method, Request, Response, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::version::{TLS12, TLS13};
use rustls::{ALL_VERSIONS, ClientConfig};
use tokio::runtime::Runtime;
use tokio_rustls::TlsConnector;

use crate::support::prometheus::{Options, Prometheus};
use crate::support::sim::quiet;
use crate::support::tls::{self, Authority, Identity, basic, client, put};
use crate::support::{Child, Folder, PATIENCE, Sim, child, http, run, wait_for};

/// What a client waits for at most, on a busy machine too.
const SOON: Duration = Duration::from_secs(10);

/// A file of TLS and passwords with all that it names, and an exporter that serves by it.
struct Secured {
    folder: Folder,
    ours: Authority,
    _sim: Sim,
}

const CERTIFIED: &str = "tls_server_config: {cert_file: web.crt, key_file: web.key";

/// The certificate of the server ends on the first day of this year.
const UNTIL: i32 = 2040;

impl Secured {
    /// Files for TLS; `text` is that of `web.yml`, which isn't written if it is empty.
    fn new(text: &str) -> Self {
        let sim = Sim::start(vec![quiet("ventas")]);
        let folder = Folder::new(&sim, &["interval: 1h", "hold: 0s"], |_| Vec::new());
        let ours = Authority::new("ours");
        ours.issue(&["127.0.0.1", "localhost"], UNTIL).write(folder.path(), "web");
        put(&folder.path().join("clients.crt"), &ours.pem());
        let this = Self { folder, ours, _sim: sim };
        this.write(text);
        this
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("web.yml")
    }

    fn write(&self, text: &str) {
        put(&self.file(), text);
    }

    fn command(&self) -> Command {
        let mut command = self.folder.command();
        command.args(["--web.probe-address", "127.0.0.1:0", "--web.config.file", "web.yml"]);
        command
    }

    fn client(&self, identity: Option<&Identity>) -> ClientConfig {
        client(&self.ours, identity, ALL_VERSIONS)
    }
}

fn user(name: &str, password: &str) -> String {
    format!("{name}: {}", bcrypt::hash(password, 4).expect("a hash"))
}

/// The status of an answer; none where there is no connection.
fn status(answer: std::io::Result<http::Response>) -> Option<u16> {
    answer.ok().map(|answer| answer.status)
}

#[test]
fn each_reaches_what_it_should_and_nothing_else() {
    let verified = format!(
        "{CERTIFIED}, client_auth_type: RequireAndVerifyClientCert, client_ca_file: clients.crt, \
         client_allowed_sans: [prometheus.example, 10.1.2.3, 'spiffe://here/scraper', ana@example.com]}}\n\
         http_server_config: {{headers: {{X-Frame-Options: deny, Strict-Transport-Security: max-age=60}}}}\n\
         basic_auth_users: {{{}}}\n",
        user("ana", "secret")
    );
    let secured = Secured::new(&verified);
    let (theirs, alone) = (Authority::new("theirs"), Authority::new("prometheus.example"));
    let itself = alone.itself();
    put(&secured.folder.path().join("clients.crt"), &(secured.ours.pem() + &alone.pem()));
    let exporter = Child::start(secured.command());
    let address = exporter.address();
    let issued = |names: &[&str]| secured.ours.issue(names, UNTIL);
    let [known, address_of, uri, mail] =
        ["prometheus.example", "10.1.2.3", "spiffe://here/scraper", "ana@example.com"].map(|name| issued(&[name]));
    let (several, unknown, nameless) = (issued(&["x.example", "10.1.2.3"]), issued(&["other.example"]), issued(&[]));
    let (foreign, ended) =
        (theirs.issue(&["prometheus.example"], UNTIL), secured.ours.issue(&["prometheus.example"], 2021));
    let (to_come, nearly) = (
        secured.ours.issue_for(&["prometheus.example"], 2090..2099),
        issued(&["Prometheus.example", "x.prometheus.example"]),
    );

    let (good, wrong, stranger) = (basic("ana:secret"), basic("ana:secret2"), basic("eva:secret"));
    for (what, identity) in [
        ("no", None),
        ("an unknown", Some(&unknown)),
        ("a nameless", Some(&nameless)),
        ("a foreign", Some(&foreign)),
        ("an ended", Some(&ended)),
        ("one to come", Some(&to_come)),
        ("one of nearly the name", Some(&nearly)),
    ] {
        for path in ["/metrics", "/-/healthy"] {
            let answer = tls::get(address, &secured.client(identity), path, &[&good]);
            assert!(answer.is_err(), "{what} certificate: {answer:?}");
        }
    }
    for identity in [&known, &address_of, &uri, &mail, &several, &itself] {
        let answer = tls::get(address, &secured.client(Some(identity)), "/metrics", &[&good]);
        assert_eq!(status(answer), Some(200));
    }
    let known = secured.client(Some(&known));
    for (path, headers, expected) in [
        ("/metrics", vec![], 401),
        ("/metrics", vec![wrong.as_str()], 401),
        ("/metrics", vec![stranger.as_str()], 401),
        ("/", vec![], 401),
        ("/", vec![good.as_str()], 200),
        // Who may not read doesn't learn what there is.
        ("/x", vec![], 401),
        ("/x", vec![good.as_str()], 404),
        ("/-/healthy", vec![], 200),
        ("/-/ready", vec![wrong.as_str()], 200),
    ] {
        let answer = tls::get(address, &known, path, &headers).expect("an answer");
        assert_eq!(answer.status, expected, "{path} {headers:?}");
        let head = answer.head.to_lowercase();
        assert!(
            head.contains("x-frame-options: deny") && head.contains("strict-transport-security: max-age=60"),
            "{head}"
        );
        assert_eq!(head.contains("www-authenticate: basic realm="), expected == 401, "{head}");
    }
    for version in [&TLS12, &TLS13] {
        let identity = issued(&["10.1.2.3"]);
        let config = client(&secured.ours, Some(&identity), &[version]);
        assert_eq!(status(tls::get(address, &config, "/metrics", &[&good])), Some(200), "{version:?}");
    }
    let in_clear = http::get(address, "/metrics", &[&good]).expect("an answer");
    assert_eq!(in_clear.status, 400);
    assert!(in_clear.text().contains("https://"), "{}", in_clear.text());

    for (path, expected) in [("/-/healthy", 200), ("/-/ready", 200), ("/metrics", 404), ("/", 404)] {
        assert_eq!(
            status(http::get(exporter.probes(), path, &[])),
            Some(expected),
            "{path} at the address of the probes"
        );
    }
    let scrape = tls::get(address, &known, "/metrics", &[&good]).expect("an answer").text();
    let ends = format!("wolkvox_exporter_tls_certificate_expiry_timestamp_seconds {}", 2_208_988_800u64);
    assert!(scrape.lines().any(|line| line == ends), "{scrape}");

    http2(address, &known, &good);
    let said = exporter.terminate().2;
    for secret in ["secret", "PRIVATE", "$2b$"] {
        assert!(!said.contains(secret), "{said}");
    }
    assert_eq!(said.matches("a wrong user or password").count(), 1, "{said}");
}

/// The same over HTTP/2: bounds, and answers to HEAD.
fn http2(address: SocketAddr, config: &ClientConfig, good: &str) {
    let mut config = config.clone();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let (_, good) = good.split_once(": ").expect("a header");
    Runtime::new().expect("threads").block_on(async {
        let stream = tokio::net::TcpStream::connect(address).await.expect("a connection");
        let tls = TlsConnector::from(Arc::new(config)).connect(address.ip().into(), stream).await.expect("a handshake");
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(tls)).await.expect("HTTP/2");
        tokio::spawn(connection);
        let mut ask = async |method, path: &str, headers: &[(&str, &str)]| {
            let mut request = Request::builder().method(method).uri(format!("https://{address}{path}"));
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            sender.ready().await.expect("a connection that goes on");
            sender.send_request(request.body(String::new()).expect("a request")).await.expect("an answer")
        };
        let authorized = [("authorization", good)];
        for (path, headers, expected) in [
            ("/metrics", &authorized[..], 200),
            ("/metrics", &[], 401),
            ("/-/healthy", &[], 200),
            ("/x", &authorized, 404),
        ] {
            let answer = ask(Method::GET, path, headers).await;
            assert_eq!((answer.status().as_u16(), answer.version()), (expected, Version::HTTP_2), "{path}");
            assert_eq!(length(&answer), Some(read(answer).await), "{path}");
        }
        let head = ask(Method::HEAD, "/metrics", &authorized).await;
        assert!(length(&head).is_some_and(|length| length > 1_000));
        assert_eq!(read(head).await, 0);
        let large = "x".repeat(20_000);
        assert_eq!(ask(Method::GET, "/-/healthy", &[("x-large", &large)]).await.status(), 431);
        let many = [("x-many", "1"); 70];
        assert_eq!(ask(Method::GET, "/-/healthy", &many).await.status(), 431);
        // None of these ends the connection.
        assert_eq!(ask(Method::GET, "/metrics", &authorized).await.status(), 200);
    });
}

fn length(answer: &Response<Incoming>) -> Option<usize> {
    answer.headers().get("content-length")?.to_str().ok()?.parse().ok()
}

async fn read(answer: Response<Incoming>) -> usize {
    let mut body = answer.into_body();
    let mut bytes = 0;
    while let Some(frame) = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        bytes += frame.expect("a frame").into_data().map_or(0, |data| data.len());
    }
    bytes
}

/// As people try it by hand.
#[test]
fn curl_reaches_what_it_should_and_nothing_else() {
    let secured = Secured::new(&format!(
        "{CERTIFIED}, client_auth_type: RequireAndVerifyClientCert, client_ca_file: clients.crt}}\n\
         basic_auth_users: {{{}}}\n",
        user("ana", "contraseña: ☎")
    ));
    secured.ours.issue(&["ana"], UNTIL).write(secured.folder.path(), "ana");
    Authority::new("theirs").issue(&["ana"], UNTIL).write(secured.folder.path(), "theirs");
    let exporter = Child::start(secured.command());
    let (known, foreign, nobody) =
        (["--cert", "ana.crt", "--key", "ana.key"], ["--cert", "theirs.crt", "--key", "theirs.key"], []);
    let (right, wrong) = (["-u", "ana:contraseña: ☎"], ["-u", "ana:contraseña"]);
    let ask = |flags: &[&[&str]], url: &str| {
        let mut command = Command::new("curl");
        child::clean(&mut command);
        command.args(["-sS", "-o", "answer", "-w", "%{http_code} %{http_version}", "--max-time", "30"]);
        command.args(flags.concat()).arg(url).current_dir(secured.folder.path());
        let output = run(command);
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let answered = |status: &str| (Some(0), status.to_owned());
    let trusted = ["--cacert", "clients.crt"];
    let url = |path: &str| format!("https://{}{path}", exporter.address());
    for (version, shown) in [("--http1.1", "1.1"), ("--http2", "2")] {
        for (identity, password, path, expected) in [
            (&known[..], &right[..], "/metrics", 200),
            (&known, &right, "/", 200),
            (&known, &wrong, "/metrics", 401),
            (&known, &nobody, "/metrics", 401),
            (&known, &nobody, "/-/healthy", 200),
            (&known, &right, "/-/reload", 404),
        ] {
            let told = ask(&[&trusted, &[version], identity, password], &url(path));
            assert_eq!(told, answered(&format!("{expected} {shown}")), "{path} {identity:?} {password:?}");
        }
    }
    // No handshake, no answer: with no certificate, with one of somebody else, and of a server that curl doesn't know.
    for flags in [[&trusted[..], &nobody, &right], [&trusted, &foreign, &right], [&nobody, &known, &right]] {
        let (code, shown) = ask(&flags, &url("/-/healthy"));
        assert!(code != Some(0) && shown.starts_with("000"), "{flags:?}: {code:?} {shown}");
    }
    let in_clear = ask(&[&right], &format!("http://{}/metrics", exporter.address()));
    assert_eq!(in_clear, answered("400 1.1"));
    for (path, expected) in [("/-/ready", "200 1.1"), ("/metrics", "404 1.1")] {
        assert_eq!(ask(&[], &format!("http://{}{path}", exporter.probes())), answered(expected), "{path}");
    }
    assert_eq!(exporter.terminate().0.code(), Some(0));
}

#[test]
fn what_has_changed_is_in_force_and_what_is_no_good_changes_nothing() {
    let with = |users: &[&str]| format!("{CERTIFIED}}}\nbasic_auth_users: {{{}}}\n", users.join(", "));
    let (ana, beto) = (user("ana", "secret"), user("beto", "another"));
    let secured = Secured::new(&with(&[&ana]));
    let exporter = Child::start(secured.command());
    let config = secured.client(None);
    let ask = |pair: &str| tls::get(exporter.address(), &config, "/metrics", &[&basic(pair)]);
    let is = |pair: &str, expected: u16| {
        wait_for(&format!("{pair} to get {expected}"), PATIENCE, || match status(ask(pair)) {
            Some(status) if status == expected => Ok(()),
            other => Err(format!("{other:?}; {}", exporter.said())),
        });
    };
    let loaded = |expected: &str| {
        wait_for(&format!("the metric to be {expected}"), PATIENCE, || {
            let text = ask("ana:secret").map(|answer| answer.text()).unwrap_or_default();
            let name = "wolkvox_exporter_config_last_reload_successful ";
            let value = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("absent").to_owned();
            if value == expected { Ok(()) } else { Err(value) }
        });
    };
    is("ana:secret", 200);
    is("beto:another", 401);
    secured.write(&with(&[&ana, &beto]));
    is("beto:another", 200);
    loaded("1");

    // Each of these is no good, says why, and leaves both users where they are.
    let whole = with(&[&ana, &beto]);
    let half = whole.len() / 2;
    let bad: [(&str, String, &str); 4] = [
        ("cut", whole[..half].to_owned(), "not valid YAML"),
        ("cut where it is a file", format!("{CERTIFIED}}}\n"), "basic_auth_users is gone"),
        ("empty", String::new(), "whether there is TLS"),
        ("a certificate that is not there", whole.replace("web.crt", "none.crt"), "the certificate none.crt"),
    ];
    for (what, text, why) in bad {
        secured.write(&text);
        exporter.wait_for_lines(1, &["stays in force", why]);
        for pair in ["ana:secret", "beto:another"] {
            assert_eq!(status(ask(pair)), Some(200), "{what}");
        }
        loaded("0");
        let page = tls::get(exporter.address(), &config, "/?lang=es", &[&basic("ana:secret")]).expect("a page").text();
        assert!(page.contains("El archivo de TLS y contraseñas"), "{what}: {page}");
    }
    secured.write(&whole);
    loaded("1");

    // Another certificate, by another authority: whoever is connected connects again.
    let mut held = hold(exporter.address(), &config);
    let theirs = Authority::new("theirs");
    let renewed = theirs.issue(&["127.0.0.1"], 2041);
    put(&secured.folder.path().join("web.key"), &renewed.key_pem());
    loaded("0");
    put(&secured.folder.path().join("web.crt"), &renewed.certificate_pem());
    let config = client(&theirs, None, ALL_VERSIONS);
    wait_for("the new certificate", PATIENCE, || {
        let answer = tls::get(exporter.address(), &config, "/metrics", &[&basic("ana:secret")]);
        let ends = format!("wolkvox_exporter_tls_certificate_expiry_timestamp_seconds {}", 2_240_611_200u64);
        match answer {
            Ok(answer) if answer.text().contains(&ends) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
    assert_eq!(held.read_to_end(&mut Vec::new()).ok(), Some(0), "a connection under the old certificate is closed");
    assert!(!exporter.said().contains("secret"));
    assert_eq!(exporter.terminate().0.code(), Some(0));
}

/// A connection that has had an answer and waits.
fn hold(address: SocketAddr, config: &ClientConfig) -> rustls::StreamOwned<rustls::ClientConnection, TcpStream> {
    let stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    let tls = rustls::ClientConnection::new(Arc::new(config.clone()), address.ip().into()).expect("a configuration");
    let mut held = rustls::StreamOwned::new(tls, stream);
    held.write_all(b"GET /-/healthy HTTP/1.1\r\nHost: a\r\n\r\n").expect("a connection");
    let mut answer = Vec::new();
    while !answer.ends_with(b"healthy\n") {
        let mut bytes = [0; 1024];
        let length = held.read(&mut bytes).expect("an answer");
        answer.extend_from_slice(&bytes[..length]);
    }
    held
}

#[test]
fn scrapes_go_on_beside_half_open_handshakes_and_guesses() {
    let slow = bcrypt::hash("secret", 10).expect("a hash");
    let secured = Secured::new(&format!("{CERTIFIED}}}\nbasic_auth_users: {{ana: {slow}}}\n"));
    let exporter = Child::start(child::limited(&secured.command(), "ulimit -n 120"));
    let address = exporter.address();
    let config = secured.client(None);
    let scrape = || {
        let began = Instant::now();
        let answer = tls::get(address, &config, "/metrics", &[&basic("ana:secret")]);
        (status(answer), began.elapsed())
    };
    assert_eq!(scrape().0, Some(200));
    // The beginning of a record that announces more than comes; nothing at all; what is neither TLS nor HTTP.
    let mut held = Vec::new();
    for _ in 0..8 {
        for begin in [&[22, 3, 1, 2, 0, 1, 0, 1][..], &[], &[0xff; 100]].into_iter().cycle().take(30) {
            let mut stream = TcpStream::connect_timeout(&address, SOON).expect("a connection");
            stream.write_all(begin).expect("a connection");
            held.push(stream);
        }
        let (status, took) = scrape();
        assert!(status == Some(200) && took < SOON, "{status:?} after {took:?} beside {}", held.len());
    }
    let guesses: Vec<_> = (0..24)
        .map(|n| {
            let config = config.clone();
            std::thread::spawn(move || status(tls::get(address, &config, "/metrics", &[&basic(&format!("ana:{n}"))])))
        })
        .collect();
    let (status, took) = scrape();
    assert!(status == Some(200) && took < SOON, "{status:?} after {took:?} beside guesses");
    let answers: Vec<_> = guesses.into_iter().map(|guess| guess.join().expect("a guess")).collect();
    assert!(answers.iter().all(|answer| matches!(answer, Some(401 | 429))), "{answers:?}");
    assert!(answers.contains(&Some(429)), "{answers:?}");
    assert_eq!(exporter.terminate().0.code(), Some(0));
}

#[test]
fn a_real_prometheus_scrapes_with_a_certificate_and_a_password() {
    let text = format!(
        "{CERTIFIED}, client_auth_type: RequireAndVerifyClientCert, client_ca_file: clients.crt}}\n\
         basic_auth_users: {{{}}}\n",
        user("prometheus", "secret")
    );
    let secured = Secured::new(&text);
    let exporter = Child::start(secured.command());
    let folder = secured.folder.path().join("prometheus");
    std::fs::create_dir_all(&folder).expect("a folder of this test");
    secured.ours.issue(&["prometheus"], UNTIL).write(&folder, "client");
    put(&folder.join("ca.crt"), &secured.ours.pem());
    let options = Options {
        scrape: vec![
            "scheme: https",
            "tls_config: {ca_file: ca.crt, cert_file: client.crt, key_file: client.key}",
            "basic_auth: {username: prometheus, password: secret}",
        ],
        ..Options::default()
    };
    let prometheus = Prometheus::start(&folder, exporter.address(), &options);
    wait_for("scrapes over TLS", PATIENCE, || {
        let scrapes = prometheus.query("count_over_time(up[5m]) > 2 and up == 1", None);
        if scrapes.is_empty() { Err(format!("{}\n{}", prometheus.said(), exporter.said())) } else { Ok(()) }
    });
}

#[test]
fn healthcheck_uses_what_there_is() {
    let check = |flags: &[&str]| {
        let mut command = child::command(&["healthcheck"]);
        command.args(flags);
        let output = run(command);
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let secured = Secured::new(&format!("{CERTIFIED}}}\n"));
    let exporter = Child::start(secured.command());
    let (address, probes) = (exporter.address().to_string(), exporter.probes().to_string());
    assert_eq!(check(&["--web.probe-address", &probes]), (Some(0), String::new()));
    assert_eq!(check(&["--web.listen-address", &address]), (Some(0), String::new()), "over TLS");
    drop(exporter);
    let (code, said) = check(&["--web.listen-address", &address]);
    assert!(code == Some(1) && said.contains(&address), "nobody there: {code:?} {said}");

    secured.write(&format!("{CERTIFIED}, client_auth_type: RequireAnyClientCert}}\n"));
    let exporter = Child::start(secured.command());
    let (code, said) = check(&["--web.listen-address", &exporter.address().to_string()]);
    assert!(code == Some(1) && said.contains("--web.probe-address"), "a certificate is asked for: {code:?} {said}");
    assert_eq!(check(&["--web.probe-address", &exporter.probes().to_string()]).0, Some(0));
}

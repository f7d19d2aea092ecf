//! Against real sockets in real time: a script per connection, played by a thread.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;

use super::*;
use crate::config::Server;
use domain::report::ABANDONED;

/// Looks like one of theirs.
const TOKEN: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const ROW: &str = r#"{"skill_id":"4173","conn_id":"1.1768782812.1","date":"2026-01-18 19:34:31","result":"ABANDON"}"#;

/// Long against what loopback takes, short against patience; only the tests of time-outs wait for one.
const LONG: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(300);

fn range() -> CivilRange {
    let day = jiff::civil::date(2026, 1, 18);
    CivilRange { ini: day.at(19, 30, 0, 0), end: day.at(19, 34, 59, 0) }
}

fn client(base_url: &str, token: TokenSource, timeout: Duration) -> Client {
    let server = Server { base_url: base_url.to_owned(), name: "test".to_owned() };
    let network = trusting([]);
    let http = connection::http_client(&server, &network, timeout, timeout.min(SHORT)).unwrap();
    Client {
        report: &ABANDONED,
        http,
        base_url: base_url.into(),
        server: "".into(),
        proxy: None,
        token,
        max_body_bytes: MAX_BODY_BYTES,
        decoding: network.decoding,
    }
}

/// The network of a host that trusts these certificates only.
fn trusting(certificates: impl IntoIterator<Item = CertificateDer<'static>>) -> Network {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates);
    Network::trusting(roots).unwrap()
}

async fn fetch(client: &Client) -> Call {
    client.fetch(range(), &client.token().unwrap(), &RowHasher::new([0; 16])).await
}

/// A server that plays `script` on each connection, after it has read the request. Gives its address, and the requests.
fn serve(script: impl Fn(&mut TcpStream) + Send + 'static) -> (String, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (requests, seen) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                match stream.read(&mut byte) {
                    Ok(1) => request.extend_from_slice(&byte),
                    _ => break,
                }
            }
            if requests.send(String::from_utf8_lossy(&request).into_owned()).is_err() {
                return;
            }
            script(&mut stream);
            let _ = stream.shutdown(Shutdown::Write);
        }
    });
    (address, seen)
}

fn http(status: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len()).into_bytes()
}

/// What a client makes of the bytes that a server sends before it closes.
async fn answered(bytes: Vec<u8>) -> Call {
    let (address, _seen) = serve(move |stream| drop(stream.write_all(&bytes)));
    let call = fetch(&client(&address, TokenSource::Held(TOKEN.into()), LONG)).await;
    assert!(call.took.is_some());
    assert!(!format!("{call:?}").contains(TOKEN), "{call:?}");
    call
}

async fn failed(bytes: Vec<u8>) -> Failure {
    answered(bytes).await.result.expect_err("a failure")
}

fn one_row() -> String {
    format!(r#"{{"code":"200","error":null,"msg":"1 records were found","data":[{ROW}]}}"#)
}

#[tokio::test]
async fn a_call_asks_as_the_api_wants_and_brings_rows() {
    let body = http("200 OK", "content-type: application/json\r\n", &one_row());
    let (address, seen) = serve(move |stream| drop(stream.write_all(&body)));
    let client = client(&address, TokenSource::Held(TOKEN.into()), LONG);
    for _ in 0..2 {
        let answer = fetch(&client).await.result.unwrap();
        assert_eq!((answer.rows.len(), answer.announced, answer.outcome()), (1, Some(1), Outcome::Ok));
        // A connection of its own for each call: the script answers once and closes.
        let request = seen.recv().unwrap();
        let line = "GET /api/v2/reports_manager.php?api=skill_2&skill_id=all&date_ini=20260118193000&date_end=20260118193459 HTTP/1.1\r\n";
        assert!(request.starts_with(line), "{request}");
        assert!(request.contains(&format!("wolkvox-token: {TOKEN}\r\n")), "{request}");
        assert!(
            request.contains(&format!("user-agent: wolkvox-exporter/{}\r\n", env!("CARGO_PKG_VERSION"))),
            "{request}"
        );
        assert!(request.contains("accept-encoding: gzip\r\n"), "{request}");
    }
    assert!(!format!("{client:?}").contains(TOKEN));
}

#[tokio::test]
async fn a_chunked_answer_and_a_compressed_one_are_read() {
    let (start, end) = (&one_row()[..40], &one_row()[40..]);
    let chunked = format!("{:x}\r\n{start}\r\n{:x}\r\n{end}\r\n0\r\n\r\n", start.len(), end.len());
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    assert_eq!(answered(format!("{head}{chunked}").into_bytes()).await.result.unwrap().rows.len(), 1);
    assert_eq!(answered(gzipped(one_row().as_bytes())).await.result.unwrap().rows.len(), 1);
}

fn gzipped(body: &[u8]) -> Vec<u8> {
    packed_as("gzip", body)
}

/// An answer with a body that is packed by gzip, whatever it is called.
fn packed_as(encoding: &str, body: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(body).unwrap();
    let packed = packed.finish().unwrap();
    let head = "HTTP/1.1 200 OK\r\ncontent-encoding:";
    let mut answer = format!("{head} {encoding}\r\ncontent-length: {}\r\n\r\n", packed.len()).into_bytes();
    answer.extend(packed);
    answer
}

#[tokio::test]
async fn a_packing_is_known_by_its_name_in_any_case() {
    for name in ["gzip", "GZIP", "GZip", "x-gzip", "X-GZIP", "identity, gzip"] {
        assert_eq!(answered(packed_as(name, one_row().as_bytes())).await.result.unwrap().rows.len(), 1, "{name}");
    }
    let plain = http("200 OK", "content-encoding: Identity\r\n", &one_row());
    assert_eq!(answered(plain).await.result.unwrap().rows.len(), 1);
    for name in ["br", "zstd", "deflate", "gzip, gzip", "gzip, br"] {
        let failure = failed(packed_as(name, one_row().as_bytes())).await;
        assert_eq!(failure.outcome, Outcome::Malformed, "{name}");
        assert!(failure.message.contains("Content-Encoding"), "{failure}");
    }
    let damaged = |at: usize| {
        let mut answer = gzipped(one_row().as_bytes());
        let at = answer.len() - at;
        answer[at] ^= 0xff;
        answer
    };
    for at in [2, 6, 30] {
        let failure = failed(damaged(at)).await;
        assert_eq!(failure.outcome, Outcome::Malformed, "{at} from the end");
    }
    let refused = http("403 Forbidden", "content-encoding: br\r\n", "?");
    assert_eq!(failed(refused).await.outcome, Outcome::Maintenance, "the status has said it");
}

#[tokio::test]
async fn a_small_answer_that_unpacks_into_a_flood_is_refused() {
    for (start, flood) in
        [("{\"data\":[", "          "), ("{\"data\":[\"", "xxxxxxxxxx"), ("{\"data\":[", "[\"1234\"], ")]
    {
        let bomb = gzipped(format!("{start}{}", flood.repeat(400 << 10)).as_bytes());
        assert!(bomb.len() < 64 << 10, "the bomb is small on the wire");
        let (address, _seen) = serve(move |stream| drop(stream.write_all(&bomb)));
        let client = client(&address, TokenSource::Held(TOKEN.into()), LONG).with_max_body_bytes(1 << 20);
        let failure = fetch(&client).await.result.unwrap_err();
        assert_eq!(failure.outcome, Outcome::Malformed);
        assert!(failure.message.contains("more than 1048576 bytes"), "{failure}");
    }
}

#[tokio::test]
async fn each_status_has_its_outcome() {
    let table = [
        ("401 Unauthorized", Outcome::Unauthorized),
        ("403 Forbidden", Outcome::Maintenance),
        ("405 Method Not Allowed", Outcome::BadRequest),
        ("429 Too Many Requests", Outcome::Busy),
        ("500 Internal Server Error", Outcome::ServerError),
        ("503 Service Unavailable", Outcome::ServerError),
        ("304 Not Modified", Outcome::Malformed),
    ];
    for (status, outcome) in table {
        assert_eq!(failed(http(status, "", "")).await.outcome, outcome, "{status}");
    }
    assert_eq!(answered(http("404 Not Found", "", "")).await.result.unwrap().outcome(), Outcome::Empty);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (elsewhere, followed) = serve(|stream| drop(stream.write_all(&http("200 OK", "", &one_row()))));
    for status in ["301 Moved Permanently", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let failure = failed(http(status, &format!("location: {elsewhere}/?token={TOKEN}\r\n"), "")).await;
        assert_eq!(failure.outcome, Outcome::Malformed, "{status}");
    }
    assert!(followed.try_recv().is_err());
}

#[tokio::test]
async fn retry_after_is_passed_on() {
    let failure = failed(http("503 Service Unavailable", "retry-after: 120\r\n", "")).await;
    assert_eq!(failure.retry_after, Some(Duration::from_secs(120)));
    assert_eq!(failed(http("503 Service Unavailable", "", "")).await.retry_after, None);
}

#[tokio::test]
async fn a_lost_connection_is_told_apart_by_where_it_was_lost() {
    let whole = http("200 OK", "", &one_row());
    let body_at = whole.len() - one_row().len();
    for end in [0, 5, 17, body_at - 3] {
        assert_eq!(failed(whole[..end].to_vec()).await.outcome, Outcome::Connect, "in the head, at {end}");
    }
    for end in [body_at, body_at + 1, whole.len() - 1] {
        assert_eq!(failed(whole[..end].to_vec()).await.outcome, Outcome::Malformed, "in the body, at {end}");
    }
    // Without a length the end of the connection is the end of the body: only the JSON shows the cut.
    let unbounded = format!("HTTP/1.1 200 OK\r\n\r\n{}", &one_row()[..60]);
    assert_eq!(failed(unbounded.into_bytes()).await.outcome, Outcome::Malformed);
    // The status has said it, whatever becomes of the body.
    let cut = b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 100\r\n\r\n<html>".to_vec();
    assert_eq!(failed(cut).await.outcome, Outcome::ServerError);
}

#[tokio::test]
async fn what_is_no_http_is_malformed() {
    assert_eq!(failed(b"SSH-2.0-OpenSSH_9.2\r\n\r\n\r\n".to_vec()).await.outcome, Outcome::Malformed);
}

#[tokio::test]
async fn a_hang_ends_at_the_time_out() {
    let whole = http("200 OK", "", &one_row());
    for sent in [0, 10, whole.len() - 5] {
        let part = whole[..sent].to_vec();
        let (hold, held) = mpsc::channel::<()>();
        let (address, _seen) = serve(move |stream| {
            let _ = stream.write_all(&part);
            // Until the test drops its end.
            let _ = held.recv();
        });
        let call = fetch(&client(&address, TokenSource::Held(TOKEN.into()), SHORT)).await;
        drop(hold);
        assert_eq!(call.result.unwrap_err().outcome, Outcome::Timeout, "after {sent} bytes");
        assert!(call.took.unwrap() >= SHORT);
    }
}

#[tokio::test]
async fn a_refused_connection_says_so() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let failure =
        fetch(&client(&format!("http://{address}"), TokenSource::Held(TOKEN.into()), LONG)).await.result.unwrap_err();
    assert_eq!(failure.outcome, Outcome::Connect);
    assert!(failure.message.contains("refused"), "{failure}");
}

#[tokio::test]
async fn a_connection_that_fails_says_why() {
    for (url, words) in [
        ("https://no-such-host.invalid", "can't be resolved (DNS)"),
        ("http://127.0.0.1:1", "nothing takes calls at its address"),
    ] {
        let failure = fetch(&client(url, TokenSource::Held(TOKEN.into()), LONG)).await.result.unwrap_err();
        assert_eq!(failure.outcome, Outcome::Connect, "{url}: {failure}");
        assert!(failure.message.contains(words), "{url}: {failure}");
    }
}

/// A server that shakes hands with a certificate for `name` that ends in `year`. Gives its address, and the certificate.
fn shake_hands(name: &str, year: i32) -> (String, CertificateDer<'static>) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut parameters = rcgen::CertificateParams::new([name.to_owned()]).unwrap();
    parameters.not_before = rcgen::date_time_ymd(2020, 1, 1);
    parameters.not_after = rcgen::date_time_ymd(year, 1, 1);
    let certificate = parameters.self_signed(&key).unwrap().der().clone();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let key = rustls::pki_types::PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let config = config.with_no_client_auth().with_single_cert(vec![certificate.clone()], key).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("https://{}", listener.local_addr().unwrap());
    let config = Arc::new(config);
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut tls = rustls::ServerConnection::new(config.clone()).unwrap();
            // It fails where the client refuses the certificate.
            let _ = tls.complete_io(&mut stream);
        }
    });
    (address, certificate)
}

#[tokio::test]
async fn a_certificate_that_is_refused_says_why() {
    for (name, year, trusted, words) in [
        ("127.0.0.1", 2099, false, "an authority that this host doesn't trust"),
        ("wv0042.wolkvox.com", 2099, true, "for another name"),
        ("127.0.0.1", 2021, true, "has expired"),
    ] {
        let (address, certificate) = shake_hands(name, year);
        let server = Server { base_url: address.clone(), name: "test".to_owned() };
        let network = trusting(trusted.then_some(certificate));
        let http = connection::http_client(&server, &network, LONG, LONG).unwrap();
        let client = Client { http, ..client(&address, TokenSource::Held(TOKEN.into()), LONG) };
        let failure = fetch(&client).await.result.unwrap_err();
        assert_eq!(failure.outcome, Outcome::Connect, "{failure}");
        assert!(failure.message.contains(words), "{failure}");
    }
}

#[tokio::test]
async fn a_handshake_that_hangs_is_no_connection() {
    // The server waits for the end of a request's head, which no TLS client sends.
    let (address, _seen) = serve(|_| {});
    let address = address.replace("http://", "https://");
    let failure = fetch(&client(&address, TokenSource::Held(TOKEN.into()), LONG)).await.result.unwrap_err();
    assert_eq!(failure.outcome, Outcome::Connect, "{failure}");
    assert!(failure.message.contains("registered"), "{failure}");
}

#[test]
fn without_a_token_there_is_nothing_to_send() {
    let failure = client("http://127.0.0.1:1", TokenSource::File("/no/such/token".into()), LONG).token().unwrap_err();
    assert_eq!(failure.outcome, Outcome::Unauthorized);
    assert!(failure.message.contains("/no/such/token"), "{failure}");
}

#[tokio::test]
async fn a_token_that_the_server_repeats_is_not_repeated() {
    for token in [TOKEN, "hush-9Z", "ab12345678cd-QrSt", "ana.perez@example.com#4711"] {
        let body = format!(r#"{{"code":"403","msg":"PLEASE VALIDATE TOKEN {token}"}}"#);
        let answer = http("403 Forbidden", "", &body);
        let (address, _seen) = serve(move |stream| drop(stream.write_all(&answer)));
        let call = fetch(&client(&address, TokenSource::Held(token.into()), LONG)).await;
        assert!(!format!("{call:?}").contains(token), "{call:?}");
        assert_eq!(call.result.unwrap_err().outcome, Outcome::Unauthorized);
    }
}

#[test]
fn the_token_goes_in_clear_to_loopback_only() {
    let setup = |base_url: &str| {
        let server = Server { base_url: base_url.to_owned(), name: "test".to_owned() };
        connection::http_client(&server, &trusting([]), LONG, LONG)
    };
    for url in ["https://wv0042.wolkvox.com", "http://127.0.0.1:8080", "http://[::1]:8080", "http://localhost:8080"] {
        assert!(setup(url).is_ok(), "{url}");
    }
    for url in ["http://wv0042.wolkvox.com", "http://10.0.0.1", "http://localhost.evil.test", "ftp://localhost"] {
        assert!(matches!(setup(url), Err(SetupError::Clear(_))), "{url}");
    }
    assert!(matches!(setup("wv0042"), Err(SetupError::Address(_))));
}

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Url, redirect, retry};

use super::network::Network;
use crate::config::{Server, is_loopback};
use crate::wolkvox::redact::redacted;
use crate::wolkvox::{Cause, Failure};
use domain::outcome::Outcome;

/// Who asks. The vendor sees in its logs what to write to whom about.
const USER_AGENT: &str = concat!("wolkvox-exporter/", env!("CARGO_PKG_VERSION"));

/// Why no client could be made. Only a configuration that nobody has checked comes here.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    #[error("the server's address {0} is no web address")]
    Address(String),
    #[error("the server's address {0} would send the token in clear: use https (plain http only to loopback)")]
    Clear(String),
    #[error("the HTTP client can't be set up: {0}")]
    Http(#[from] reqwest::Error),
}

/// A client that never repeats, never follows and never keeps a connection.
///
/// The proxies of the environment (`HTTPS_PROXY`, `NO_PROXY`) are used, as people expect of an exporter behind one: the
/// API admits registered addresses only. The token passes a proxy inside TLS. To loopback no proxy is used, for there it
/// would pass in clear.
pub(super) fn http_client(
    server: &Server,
    network: &Network,
    timeout: Duration,
    connect_timeout: Duration,
) -> Result<reqwest::Client, SetupError> {
    let url = Url::parse(&server.base_url).map_err(|_| SetupError::Address(server.name.clone()))?;
    let loopback = url.host_str().is_some_and(is_loopback);
    if url.scheme() != "https" && !(url.scheme() == "http" && loopback) {
        return Err(SetupError::Clear(server.name.clone()));
    }
    let mut builder = reqwest::Client::builder()
        .tls_backend_preconfigured(network.tls.clone())
        .https_only(url.scheme() == "https")
        .user_agent(USER_AGENT)
        .timeout(timeout)
        .connect_timeout(connect_timeout)
        .dns_resolver(Arc::new(network.names.for_connections_within(connect_timeout)))
        // The header with the token would go along to wherever a redirect points.
        .redirect(redirect::Policy::none())
        // The poller decides what is asked again, and counts it.
        .retry(retry::never())
        .http1_only()
        // The server closes after 5 s; the next poll would begin with a dead connection.
        .pool_max_idle_per_host(0);
    if loopback {
        builder = builder.no_proxy();
    }
    Ok(builder.build()?)
}

/// What a call that ended before the answer's head was: no connection, none in time, or no HTTP.
pub(super) fn before_the_head(error: reqwest::Error) -> Failure {
    if error.is_connect() {
        let (cause, why) = why_no_connection(&error);
        if says(&error, PROXY_NOT_REACHED) {
            return Failure::new(Outcome::Connect, format!("no connection to the proxy: {why}"))
                .because(Cause::NoProxy);
        }
        Failure::new(Outcome::Connect, format!("no connection to the server: {why}")).because(cause)
    } else if error.is_timeout() {
        Failure::new(Outcome::Timeout, "the server took the call and did not answer in time")
    } else if is_no_http(&error) {
        Failure::new(Outcome::Malformed, format!("what came is no HTTP: {}", reason(&error)))
    } else {
        let message = format!("the connection was lost before an answer came: {}", reason(&error));
        Failure::new(Outcome::Connect, message).because(Cause::Lost)
    }
}

/// `wv0042.wolkvox.com:443`. Empty where the address is none, of which no client can be made.
pub(super) fn host_and_port(server: &Server) -> String {
    let host_and_port = |url: Url| Some(format!("{}:{}", url.host_str()?, url.port_or_known_default()?));
    Url::parse(&server.base_url).ok().and_then(host_and_port).unwrap_or_default()
}

// The words of the HTTP client, whose types for these errors are its own.
const PROXY_NOT_REACHED: &str = "tunnel error: failed to create underlying connection";
const PROXY_WANTS_A_PASSWORD: &str = "tunnel error: proxy authorization required";
const PROXY_REFUSED: &str = "tunnel error: unsuccessful";
const NAME_NOT_RESOLVED: &str = "dns error";

/// Why, and what to look at: what a person does about each is another thing.
fn why_no_connection(error: &reqwest::Error) -> (Cause, String) {
    let reason = reason(error);
    if let Some(tls) = causes(error).find_map(<dyn Error>::downcast_ref) {
        return why_no_tls(tls);
    }
    if says(error, PROXY_WANTS_A_PASSWORD) {
        let why = "the proxy refused it (407): it wants a user and a password in HTTPS_PROXY";
        return (Cause::ProxyPassword, why.to_owned());
    }
    if says(error, PROXY_REFUSED) {
        let why = "the proxy refused it: does it allow this server, or does NO_PROXY need its name?";
        return (Cause::ProxyRefused(None), why.to_owned());
    }
    if says(error, NAME_NOT_RESOLVED) {
        return (Cause::Name, format!("the name can't be resolved (DNS): {reason}"));
    }
    match causes(error).filter_map(<dyn Error>::downcast_ref).last().map(io::Error::kind) {
        _ if error.is_timeout() => (Cause::NoAnswer, TIMED_OUT.to_owned()),
        Some(io::ErrorKind::TimedOut) => (Cause::NoAnswer, TIMED_OUT.to_owned()),
        Some(io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable) => {
            (Cause::NoRoute, format!("there is no route: {reason}"))
        }
        Some(io::ErrorKind::ConnectionRefused) => {
            (Cause::NothingListens, format!("nothing takes calls at its address: {reason}"))
        }
        Some(io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::UnexpectedEof)
        | None => (Cause::Lost, reason),
        Some(_) => (Cause::Machine, reason),
    }
}

const TIMED_OUT: &str =
    "connection timed out: is this host's address registered with wolkvox? Others get no answer at all";

fn why_no_tls(error: &rustls::Error) -> (Cause, String) {
    use rustls::CertificateError as Certificate;
    let rustls::Error::InvalidCertificate(certificate) = error else {
        return (Cause::Tls, format!("TLS failed: {}", redacted(&error.to_string(), None)));
    };
    let (cause, why) = match certificate {
        Certificate::UnknownIssuer => (
            Cause::UnknownIssuer,
            "is from an authority that this host doesn't trust: does a proxy or a firewall open TLS on the way? Its \
             authority then belongs into SSL_CERT_FILE",
        ),
        Certificate::NotValidForName | Certificate::NotValidForNameContext { .. } => {
            (Cause::WrongHost, "is for another name: is the server's address right?")
        }
        Certificate::Expired | Certificate::ExpiredContext { .. } => {
            (Cause::Expired, "has expired, or the clock of this host is ahead")
        }
        Certificate::NotValidYet | Certificate::NotValidYetContext { .. } => {
            (Cause::Expired, "is not valid yet: is the clock of this host behind?")
        }
        other => {
            let why = redacted(&other.to_string(), None);
            return (Cause::Tls, format!("the server's certificate is refused: {why}"));
        }
    };
    (cause, format!("the server's certificate {why}"))
}

fn says(error: &reqwest::Error, words: &str) -> bool {
    causes(error).any(|cause| cause.to_string().starts_with(words))
}

/// What a call that ended in the middle of the body was.
pub(super) fn within_the_body(error: reqwest::Error, read: usize) -> Failure {
    if error.is_timeout() {
        Failure::new(Outcome::Timeout, format!("the answer was not complete in time: {read} bytes had come"))
    } else {
        Failure::new(Outcome::Malformed, format!("the answer broke off after {read} bytes: {}", reason(&error)))
    }
}

fn is_no_http(error: &reqwest::Error) -> bool {
    causes(error).any(|cause| cause.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse))
}

/// The innermost cause, which says it best: `Connection refused (os error 111)`.
fn reason(error: &reqwest::Error) -> String {
    redacted(&causes(error).last().map_or_else(|| error.to_string(), ToString::to_string), None)
}

fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(error.source(), |&cause| inner(cause).or_else(|| cause.source()))
}

/// What an I/O error wraps: it passes it over when it is asked for its source.
fn inner<'e>(cause: &'e (dyn Error + 'static)) -> Option<&'e (dyn Error + 'static)> {
    cause.downcast_ref::<io::Error>()?.get_ref().map(|inner| inner as _)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_of_a_certificate_has_its_advice() {
        use rustls::CertificateError as Certificate;
        let now = rustls::pki_types::UnixTime::now();
        let table = [
            (Certificate::UnknownIssuer, "SSL_CERT_FILE"),
            (Certificate::NotValidForName, "another name"),
            (Certificate::Expired, "expired"),
            (Certificate::ExpiredContext { time: now, not_after: now }, "expired"),
            (Certificate::NotValidYet, "not valid yet"),
            (Certificate::Revoked, "refused"),
        ];
        for (error, words) in table {
            let (_, text) = why_no_tls(&rustls::Error::InvalidCertificate(error));
            assert!(text.contains("certificate") && text.contains(words), "{text}");
        }
        assert!(why_no_tls(&rustls::Error::DecryptError).1.starts_with("TLS failed"));
    }
}

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Url, redirect, retry};
use rustls::{ClientConfig, RootCertStore};

use crate::config::{Server, is_loopback};
use crate::wolkvox::redact::redacted;
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
    #[error("TLS can't be set up: {0}")]
    Tls(#[from] rustls::Error),
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
    timeout: Duration,
    connect_timeout: Duration,
) -> Result<reqwest::Client, SetupError> {
    let url = Url::parse(&server.base_url).map_err(|_| SetupError::Address(server.name.clone()))?;
    let loopback = url.host_str().is_some_and(is_loopback);
    if url.scheme() != "https" && !(url.scheme() == "http" && loopback) {
        return Err(SetupError::Clear(server.name.clone()));
    }
    let mut builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls(url.scheme() == "https")?)
        .https_only(url.scheme() == "https")
        .user_agent(USER_AGENT)
        .timeout(timeout)
        .connect_timeout(connect_timeout)
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

/// The system's roots, which a company may have added its own to; Mozilla's where there are none, as in an empty
/// container.
fn tls(needed: bool) -> Result<ClientConfig, rustls::Error> {
    let mut roots = RootCertStore::empty();
    if needed {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
    }
    // Named here and not installed for the process: no code elsewhere can forget or change it.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// What a call that ended before the answer's head was: no connection, none in time, or no HTTP.
pub(super) fn before_the_head(error: reqwest::Error) -> (Outcome, String) {
    let why = reason(&error);
    if error.is_connect() && error.is_timeout() {
        let hint = "is this host's address registered with wolkvox? Others get no answer at all";
        (Outcome::Connect, format!("no connection to the server in time; {hint}"))
    } else if error.is_connect() {
        (Outcome::Connect, format!("no connection to the server: {why}"))
    } else if error.is_timeout() {
        (Outcome::Timeout, "the server took the call and did not answer in time".to_owned())
    } else if is_no_http(&error) {
        (Outcome::Malformed, format!("what came is no HTTP: {why}"))
    } else {
        (Outcome::Connect, format!("the connection was lost before an answer came: {why}"))
    }
}

/// What a call that ended in the middle of the body was.
pub(super) fn within_the_body(error: reqwest::Error, read: usize) -> (Outcome, String) {
    if error.is_timeout() {
        (Outcome::Timeout, format!("the answer was not complete in time: {read} bytes had come"))
    } else {
        (Outcome::Malformed, format!("the answer broke off after {read} bytes: {}", reason(&error)))
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
    std::iter::successors(error.source(), |&cause| cause.source())
}

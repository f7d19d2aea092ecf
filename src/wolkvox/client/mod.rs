//! One call over HTTP.

mod body;
mod connection;
mod names;
mod network;
mod proxy;
#[cfg(test)]
mod tests;
mod token_info;
mod totals;

use std::io::Read as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::header::{ACCEPT_ENCODING, HeaderValue, RETRY_AFTER};
use secrecy::{ExposeSecret as _, SecretString};

use self::body::{Body, Packing};
use self::proxy::Proxy;
use super::answer::{CallRows, NotReadable, ReadsRows};
use super::redact::without_token;
use super::verdict::{MayBeUnreadable, verdict};
use super::{Answer, Call, CallsReport, Cause, Failure, Token, answer, http_time, token};
use crate::config::{OperationConfig, TokenSource};
use crate::lane::Lane;
use domain::identity::RowHasher;
use domain::outcome::Outcome;
use domain::range::CivilRange;
use domain::report::ReportKind;
use domain::server_time::Stamp;

pub use connection::SetupError;
pub use network::{Network, NetworkError};
pub use token_info::TokenUses;

/// The API's documented limit for an answer, here of the decompressed bytes.
const MAX_BODY_BYTES: usize = 256 << 20;

/// Of an error's body only the start is read: messages are short, error pages are not.
const MAX_ERROR_BODY_BYTES: usize = 64 << 10;

/// How much of a body that is no JSON is looked through for a known message: more than `redact` shows anything of, so that
/// nothing is recognised by half.
const SAID_BYTES: u64 = 16 << 10;

/// Asks a wolkvox server. Cheap to clone; makes a fresh connection for each call.
#[derive(Debug, Clone)]
pub struct Client {
    report: &'static ReportKind,
    http: reqwest::Client,
    base_url: Arc<str>,
    /// As a proxy is asked for it: `host:port`.
    server: Arc<str>,
    proxy: Option<Proxy>,
    token: TokenSource,
    max_body_bytes: usize,
    decoding: Lane,
}

impl Client {
    /// For one report of an operation. Makes no connection yet.
    pub fn new(
        operation: &OperationConfig,
        report: &'static ReportKind,
        network: &Network,
    ) -> Result<Self, SetupError> {
        let http = connection::http_client(&operation.server, network, operation.timeout, operation.connect_timeout)?;
        Ok(Self {
            report,
            http,
            base_url: operation.server.base_url.as_str().into(),
            server: connection::host_and_port(&operation.server).into(),
            proxy: network.proxy.clone(),
            token: operation.token.clone(),
            max_body_bytes: MAX_BODY_BYTES,
            decoding: network.decoding.clone(),
        })
    }

    /// The report that it asks for.
    pub fn report(&self) -> &'static ReportKind {
        self.report
    }

    /// The same with a lower bound on bodies, for tests.
    pub fn with_max_body_bytes(self, max_body_bytes: usize) -> Self {
        Self { max_body_bytes, ..self }
    }

    /// One operation's question to a report for one range. The dates are `YYYYmmddHHiiss` in local time.
    fn url(&self, api: &str, range: CivilRange) -> String {
        const FORM: &str = "%Y%m%d%H%M%S";
        format!(
            "{}/api/v2/reports_manager.php?api={api}&skill_id=all&date_ini={}&date_end={}",
            self.base_url,
            range.ini.strftime(FORM),
            range.end.strftime(FORM)
        )
    }

    async fn call(&self, range: CivilRange, token: &SecretString, hasher: &RowHasher) -> Call {
        let sent = Instant::now();
        let received = self.receive(self.url(self.report.api, range), token).await;
        let took = Some(sent.elapsed());
        let received = match received {
            Ok(received) => received,
            Err(failure) => return Call { took, stamp: None, result: Err(fit_to_show(failure, token)) },
        };
        let (stamp, retry_after) = (received.stamp, received.retry_after);
        // 60,000 rows take some 100 ms: too long for a thread that also answers scrapes.
        let (report, hasher, secret, most) = (self.report, hasher.clone(), token.clone(), self.max_body_bytes);
        let judged = self.decoding.run(move || judge(received, CallRows::new(report, &hasher), &secret, most));
        let result = match judged.await {
            Ok(judged) => judged.map_err(|failure| Failure { retry_after, ..fit_to_show(failure, token) }),
            Err(_) => {
                let message = "the answer could not be decoded (a defect of the exporter)";
                Err(Failure::new(Outcome::Malformed, message))
            }
        };
        Call { took, stamp: Some(stamp), result }
    }

    /// The same with the status of a proxy's refusal, which is asked for once more.
    async fn refusal_told(&self, failure: Failure) -> Failure {
        let Some(Cause::ProxyRefused(None)) = failure.cause else { return failure };
        let (proxy, server) = (self.proxy.clone(), self.server.clone());
        let asked = tokio::task::spawn_blocking(move || proxy?.refusal(&server));
        match tokio::time::timeout(proxy::ASKED_WITHIN, asked).await.ok().and_then(Result::ok).flatten() {
            Some(status) => {
                let message = format!("{} It answered {status}", failure.message);
                Failure { message, ..failure }.because(Cause::ProxyRefused(Some(status)))
            }
            None => failure,
        }
    }

    async fn receive(&self, url: String, token: &SecretString) -> Result<Received, Failure> {
        let mut header = HeaderValue::from_str(token.expose_secret())
            .map_err(|_| Failure::new(Outcome::Unauthorized, "the token can't be sent in a header"))?;
        header.set_sensitive(true);
        let request = self.http.get(url).header("wolkvox-token", header).header(ACCEPT_ENCODING, "gzip");
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => return Err(self.refusal_told(connection::before_the_head(error.without_url())).await),
        };
        let status = response.status().as_u16();
        let stamp = http_time::stamp(response.headers());
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after = retry_after.and_then(|value| http_time::delay(value, stamp.date()));
        let packing = Packing::of(response.headers());
        let body = match status {
            200..300 | 404 => Body::whole(response, self.max_body_bytes).await?,
            _ => Body::start(response, MAX_ERROR_BODY_BYTES).await,
        };
        Ok(Received { status, stamp, retry_after, packing, body })
    }
}

struct Received {
    status: u16,
    stamp: Stamp,
    retry_after: Option<Duration>,
    packing: Packing,
    body: Body,
}

/// Decodes what has been received, of which at most `most` bytes unpacked, and says what it means.
fn judge<P: ReadsRows<Row: MayBeUnreadable>>(
    Received { status, packing, body, .. }: Received,
    rows: P,
    token: &SecretString,
    most: usize,
) -> Result<Answer<P::Row>, Failure> {
    let mut body = packing.unpacked(body).take(most as u64 + 1);
    let mut start = Vec::new();
    let looked = (&mut body).take(SAID_BYTES).read_to_end(&mut start);
    let said = String::from_utf8_lossy(&start).into_owned();
    let decoded = match looked {
        _ if packing == Packing::Other => Err(NotReadable::Encoding),
        Ok(_) => answer::decode_rows(start.as_slice().chain(&mut body), rows),
        Err(_) => Err(NotReadable::Packed),
    };
    let decoded = if body.limit() == 0 { Err(NotReadable::Oversized(most)) } else { decoded };
    verdict(status, decoded, &said, Some(token))
}

impl CallsReport for Client {
    fn token(&self) -> Result<Token, Failure> {
        token::read(&self.token).map_err(|error| {
            let (outcome, cause) = error.counts_as();
            let message = error.to_string().chars().take(Failure::MAX_MESSAGE_CHARS).collect();
            Failure { outcome, cause, message, retry_after: None }
        })
    }

    async fn fetch(&self, range: CivilRange, token: &Token, hasher: &RowHasher) -> Call {
        self.call(range, &token.secret, hasher).await
    }
}

/// The last gate for a message: whatever the token looks like and however it is written, it is not in it. What a library says
/// of a broken connection has come without it.
fn fit_to_show(failure: Failure, token: &SecretString) -> Failure {
    let message = without_token(&failure.message, token);
    Failure { message: message.chars().take(Failure::MAX_MESSAGE_CHARS).collect(), ..failure }
}

//! One call over HTTP.

mod body;
mod connection;
mod network;
#[cfg(test)]
mod tests;

use std::io::Read as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::header::{ACCEPT_ENCODING, HeaderValue, RETRY_AFTER};
use secrecy::{ExposeSecret as _, SecretString};

use self::body::{Body, Packing};
use super::answer::NotReadable;
use super::verdict::verdict;
use super::{AbandonedCallsReport, Answer, Call, Failure, Token, answer, http_time, token};
use crate::config::{OperationConfig, TokenSource};
use domain::identity::RowHasher;
use domain::outcome::Outcome;
use domain::range::CivilRange;
use domain::server_time::Stamp;

pub use connection::SetupError;
pub use network::{Network, NetworkError};

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
    http: reqwest::Client,
    base_url: Arc<str>,
    token: TokenSource,
    max_body_bytes: usize,
}

impl Client {
    /// Makes no connection yet.
    pub fn new(operation: &OperationConfig, network: &Network) -> Result<Self, SetupError> {
        let http = connection::http_client(&operation.server, network, operation.timeout, operation.connect_timeout)?;
        Ok(Self {
            http,
            base_url: operation.server.base_url.as_str().into(),
            token: operation.token.clone(),
            max_body_bytes: MAX_BODY_BYTES,
        })
    }

    /// The same with a lower bound on bodies, for tests.
    pub fn with_max_body_bytes(self, max_body_bytes: usize) -> Self {
        Self { max_body_bytes, ..self }
    }

    /// One operation's question for one range. The dates are `YYYYmmddHHiiss` in local time.
    fn url(&self, range: CivilRange) -> String {
        const FORM: &str = "%Y%m%d%H%M%S";
        format!(
            "{}/api/v2/reports_manager.php?api=skill_2&skill_id=all&date_ini={}&date_end={}",
            self.base_url,
            range.ini.strftime(FORM),
            range.end.strftime(FORM)
        )
    }

    async fn call(&self, range: CivilRange, token: &SecretString, hasher: &RowHasher) -> Call {
        let sent = Instant::now();
        let received = self.receive(range, token).await;
        let took = Some(sent.elapsed());
        let received = match received {
            Ok(received) => received,
            Err((outcome, message)) => {
                return Call { took, stamp: None, result: Err(failure(outcome, &message, None, token)) };
            }
        };
        let (stamp, retry_after) = (received.stamp, received.retry_after);
        // 60,000 rows take some 100 ms: too long for a thread that also answers scrapes.
        let (hasher, secret, most) = (hasher.clone(), token.clone(), self.max_body_bytes);
        let judged = tokio::task::spawn_blocking(move || judge(received, &hasher, &secret, most));
        let result = match judged.await {
            Ok(judged) => judged.map_err(|(outcome, message)| failure(outcome, &message, retry_after, token)),
            Err(_) => Err(failure(
                Outcome::Malformed,
                "the answer could not be decoded (a defect of the exporter)",
                None,
                token,
            )),
        };
        Call { took, stamp: Some(stamp), result }
    }

    async fn receive(&self, range: CivilRange, token: &SecretString) -> Result<Received, (Outcome, String)> {
        let mut header = HeaderValue::from_str(token.expose_secret())
            .map_err(|_| (Outcome::Unauthorized, "the token can't be sent in a header".to_owned()))?;
        header.set_sensitive(true);
        let request = self.http.get(self.url(range)).header("wolkvox-token", header).header(ACCEPT_ENCODING, "gzip");
        let response = request.send().await.map_err(|error| connection::before_the_head(error.without_url()))?;
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
fn judge(
    Received { status, packing, body, .. }: Received,
    hasher: &RowHasher,
    token: &SecretString,
    most: usize,
) -> Result<Answer, (Outcome, String)> {
    let mut body = packing.unpacked(body).take(most as u64 + 1);
    let mut start = Vec::new();
    let looked = (&mut body).take(SAID_BYTES).read_to_end(&mut start);
    let said = String::from_utf8_lossy(&start).into_owned();
    let decoded = match looked {
        _ if packing == Packing::Other => Err(NotReadable::Encoding),
        Ok(_) => answer::decode(start.as_slice().chain(&mut body), hasher),
        Err(_) => Err(NotReadable::Packed),
    };
    let decoded = if body.limit() == 0 { Err(NotReadable::Oversized(most)) } else { decoded };
    verdict(status, decoded, &said, Some(token))
}

impl AbandonedCallsReport for Client {
    fn token(&self) -> Result<Token, Failure> {
        token::read(&self.token).map_err(|error| Failure {
            outcome: error.outcome(),
            message: error.to_string().chars().take(MAX_MESSAGE_CHARS).collect(),
            retry_after: None,
        })
    }

    async fn fetch(&self, range: CivilRange, token: &Token, hasher: &RowHasher) -> Call {
        self.call(range, &token.secret, hasher).await
    }
}

/// The bound that [`Failure::message`] promises.
const MAX_MESSAGE_CHARS: usize = 300;

/// The last gate for a message: whatever the token looks like, it is not in it.
fn failure(outcome: Outcome, message: &str, retry_after: Option<Duration>, token: &SecretString) -> Failure {
    let message = message.replace(token.expose_secret(), "[token]").chars().take(MAX_MESSAGE_CHARS).collect();
    Failure { outcome, message, retry_after }
}

//! One call over HTTP.

mod connection;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::Response;
use reqwest::header::{HeaderValue, RETRY_AFTER};
use secrecy::{ExposeSecret as _, SecretString};

use super::verdict::verdict;
use super::{AbandonedCallsReport, Call, Failure, Token, answer, http_time, token};
use crate::config::{OperationConfig, TokenSource};
use domain::identity::RowHasher;
use domain::outcome::Outcome;
use domain::range::CivilRange;
use domain::server_time::Stamp;

pub use connection::SetupError;

/// The API's documented limit for an answer, here of the decompressed bytes.
const MAX_BODY_BYTES: usize = 256 << 20;

/// Of an error's body only the start is read: messages are short, error pages are not.
const MAX_ERROR_BODY_BYTES: usize = 64 << 10;

/// How much of a body that is no JSON is looked through for a known message.
const SAID_BYTES: usize = 4096;

/// Asks a wolkvox server. Cheap to clone; makes a fresh connection for each call.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base_url: Arc<str>,
    token: TokenSource,
    max_body_bytes: usize,
}

impl Client {
    /// Reads the system's certificates, and so blocks for a moment. No connection is made.
    pub fn new(operation: &OperationConfig) -> Result<Self, SetupError> {
        let http = connection::http_client(&operation.server, operation.timeout, operation.connect_timeout)?;
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
        let Received { status, stamp, retry_after, body } = match received {
            Ok(received) => received,
            Err((outcome, message)) => {
                return Call { took, stamp: None, result: Err(failure(outcome, &message, None, token)) };
            }
        };
        // 60,000 rows take some 100 ms: too long for a thread that also answers scrapes.
        let hasher = hasher.clone();
        let judged = tokio::task::spawn_blocking(move || {
            let said = String::from_utf8_lossy(&body[..body.len().min(SAID_BYTES)]).into_owned();
            let decoded = answer::decode(&body, &hasher);
            // The rows hold nothing of it; freed before the next answer comes.
            drop(body);
            verdict(status, decoded, &said)
        });
        let result = match judged.await {
            Ok(judged) => judged.map_err(|(outcome, message)| failure(outcome, &message, retry_after, token)),
            Err(_) => Err(failure(
                Outcome::Malformed,
                "the answer could not be decoded (a defect of the exporter)",
                None,
                token,
            )),
        };
        Call { took, stamp, result }
    }

    async fn receive(&self, range: CivilRange, token: &SecretString) -> Result<Received, (Outcome, String)> {
        let mut header = HeaderValue::from_str(token.expose_secret())
            .map_err(|_| (Outcome::Unauthorized, "the token can't be sent in a header".to_owned()))?;
        header.set_sensitive(true);
        let request = self.http.get(self.url(range)).header("wolkvox-token", header);
        let response = request.send().await.map_err(|error| connection::before_the_head(error.without_url()))?;
        let status = response.status().as_u16();
        let stamp = http_time::stamp(response.headers());
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after = retry_after.and_then(|value| http_time::delay(value, stamp.map(Stamp::date)));
        let body = match status {
            200..300 | 404 => whole_body(response, self.max_body_bytes).await?,
            _ => start_of_body(response).await,
        };
        Ok(Received { status, stamp, retry_after, body })
    }
}

struct Received {
    status: u16,
    stamp: Option<Stamp>,
    retry_after: Option<Duration>,
    body: Vec<u8>,
}

impl AbandonedCallsReport for Client {
    fn token(&self) -> Result<Token, Failure> {
        token::read(&self.token).map_err(|error| Failure {
            outcome: Outcome::Unauthorized,
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

/// Reads to the end, chunk by chunk, so that neither a flood nor a small answer that unpacks into one is taken whole.
async fn whole_body(mut response: Response, most: usize) -> Result<Vec<u8>, (Outcome, String)> {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > most => {
                return Err((Outcome::Malformed, format!("the answer has more than {most} bytes")));
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(body),
            Err(error) => return Err(connection::within_the_body(error.without_url(), body.len())),
        }
    }
}

/// The status has said what matters: a body that breaks off says what it can.
async fn start_of_body(mut response: Response) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        let room = MAX_ERROR_BODY_BYTES - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if body.len() == MAX_ERROR_BODY_BYTES {
            break;
        }
    }
    body
}

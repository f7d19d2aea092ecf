use std::net::IpAddr;

use hyper::Request;
use hyper::header::AUTHORIZATION;
use tokio::time::Instant;

use super::Terms;
use super::credentials::Verdict;

/// Why a request is not answered with what it asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turned {
    /// No user and password, or none that are known.
    Unauthorized,
    /// More requests than `rate_limit` allows.
    TooMany,
    /// More passwords to compare than there is time for.
    Busy,
}

impl Terms {
    /// Whether a request from `peer` is to be answered: `Err` says what with otherwise.
    pub async fn admit<B>(&self, request: &Request<B>, peer: IpAddr) -> Result<(), Turned> {
        if self.rate.as_ref().is_some_and(|rate| !rate.admits(Instant::now())) {
            return Err(Turned::TooMany);
        }
        let Some(credentials) = &self.credentials else { return Ok(()) };
        match credentials.check(request.headers().get(AUTHORIZATION), peer).await {
            Verdict::Granted => Ok(()),
            Verdict::Refused => Err(Turned::Unauthorized),
            Verdict::Busy => Err(Turned::Busy),
        }
    }

    /// Puts the configured headers into an answer, in the place of its own.
    pub fn sign<B>(&self, response: &mut hyper::Response<B>) {
        for (name, value) in &self.headers {
            response.headers_mut().insert(name, value.clone());
        }
    }
}

use std::sync::Arc;
use std::time::Duration;

use hyper::Response;
use hyper::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER};

use super::answer::{self, Answer};
use super::body::AnswerBody;
use super::faults::Fault;
use super::operation::Turn;
use super::query;
use super::refusal::{Refusal, head};
use super::report::{Question, Report};
use super::world::{Request, World};

const JSON: &str = "application/json; charset=utf-8";

/// The connection is to be closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("disconnected on purpose")]
pub(super) struct Disconnect;

/// Answers a request for a report: token, turn, faults, quota, question, in this order.
pub(super) async fn answer(
    world: &Arc<World>,
    token: Option<&str>,
    path: &str,
    query: &str,
) -> Result<Response<AnswerBody>, Disconnect> {
    let parameters = query::parameters(query);
    let asked = Report::from_parameters(path, &parameters);
    let mut request = request(world, query, &parameters);
    request.report = asked.as_ref().ok().copied();
    let found = token.and_then(|token| world.operations.iter().position(|operation| operation.takes(token)));
    let Some(index) = found else {
        let none = token.is_none_or(str::is_empty);
        let refusal = if none { Refusal::TokenMissing } else { Refusal::TokenRefused };
        let answer = refused(&refusal, Default::default(), &mut request);
        return Ok(finish(world, request, answer, None));
    };
    let operation = &world.operations[index];
    request.operation = Some(operation.name.clone());
    let (turn, busy) = operation.begin();
    request.overlapping = busy;
    let code = operation.quirks().code;
    let within_quota = operation.spend(request.at);
    if busy {
        let answer = refused(&Refusal::Busy, code, &mut request);
        return Ok(finish(world, request, answer, Some(turn)));
    }
    let faults = world.take_faults(&operation.name, request.report);
    request.faults = faults.iter().map(Fault::name).collect();
    let headers: Vec<_> = faults.iter().flat_map(|fault| fault.headers(request.at)).collect();
    if let Some(refusal) = faults.iter().find_map(refusal_of) {
        let answer = refused(&refusal, code, &mut request);
        return Ok(finish(world, request, answer, Some(turn)));
    }
    let answer = match if within_quota { asked } else { Err(Refusal::QuotaExceeded) } {
        Err(refusal) => refused(&refusal, code, &mut request),
        Ok(Report::TokenInfo) => answer::token_info(operation.used(request.at), operation.quota(), &operation.quirks()),
        Ok(report) => match Question::from_parameters(report, &parameters) {
            Err(refusal) => refused(&refusal, code, &mut request),
            Ok(question) => {
                let (world, faults, now) = (world.clone(), faults.clone(), request.at);
                let writing =
                    tokio::task::spawn_blocking(move || world.operations[index].answer(&question, now, &faults));
                // It fails only when the runtime shuts down; then nobody waits for the answer.
                writing.await.map_err(|_| Disconnect)?
            }
        },
    };
    let mut response = match faults.into_iter().find(|fault| !fault.is_of_rows()) {
        None => finish(world, request, answer, Some(turn)),
        Some(fault) => spoil(world, request, answer, fault, turn).await?,
    };
    response.headers_mut().extend(headers.into_iter().map(|(name, value)| (Some(name), value)));
    Ok(response)
}

/// The log entry of a request that has just come.
fn request(world: &World, query: &str, parameters: &[(String, String)]) -> Request {
    let value = |name: &str| parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    Request {
        at: world.clock.now(),
        operation: None,
        report: None,
        query: query.to_owned(),
        date_ini: value("date_ini"),
        date_end: value("date_end"),
        status: None,
        rows: 0,
        refusal: None,
        faults: Vec::new(),
        overlapping: false,
    }
}

/// The faults that are the API's own refusals.
fn refusal_of(fault: &Fault) -> Option<Refusal> {
    match fault {
        Fault::TokenMissing => Some(Refusal::TokenMissing),
        Fault::TokenRefused => Some(Refusal::TokenRefused),
        Fault::QuotaExceeded => Some(Refusal::QuotaExceeded),
        Fault::Busy => Some(Refusal::Busy),
        Fault::BadRequest => Some(Refusal::NoSuchReport),
        Fault::Maintenance { msg } => Some(Refusal::Maintenance(msg.clone())),
        _ => None,
    }
}

fn refused(refusal: &Refusal, code: super::quirks::CodeForm, request: &mut Request) -> Answer {
    request.refusal = Some(refusal.msg().to_owned());
    Answer { status: refusal.status(), body: refusal.body(code), rows: 0 }
}

fn finish(world: &World, request: Request, answer: Answer, turn: Option<Turn>) -> Response<AnswerBody> {
    let body = if answer.body.is_empty() { AnswerBody::sized(answer.body) } else { AnswerBody::chunked(answer.body) };
    send(world, Request { rows: answer.rows, ..request }, answer.status, JSON, &[], body, turn)
}

/// Applies a fault of the answer as a whole.
async fn spoil(
    world: &World,
    mut request: Request,
    answer: Answer,
    fault: Fault,
    turn: Turn,
) -> Result<Response<AnswerBody>, Disconnect> {
    request.rows = answer.rows;
    let Answer { mut status, body: whole, .. } = answer;
    let mut content_type = JSON.to_owned();
    let mut headers = Vec::new();
    let body = match fault {
        Fault::Hang => {
            world.record(request);
            // The turn ends when the client gives up and the server drops this future.
            let _turn = turn;
            return std::future::pending().await;
        }
        Fault::Disconnect => {
            world.record(request);
            return Err(Disconnect);
        }
        Fault::Status { status: other, body, content_type: kind, retry_after } => {
            (status, content_type) = (other, kind);
            headers.extend(retry_after.map(|seconds| (RETRY_AFTER, seconds.to_string())));
            AnswerBody::sized(body.into_bytes())
        }
        Fault::TooManyRequests { retry_after } => {
            status = 429;
            headers.push((RETRY_AFTER, retry_after.to_string()));
            AnswerBody::sized(refusal_body(429, "TOO MANY REQUESTS"))
        }
        Fault::BodyCode { code, msg } => {
            status = 200;
            AnswerBody::chunked(refusal_body(code, &msg))
        }
        Fault::Redirect { to } => {
            status = 302;
            headers.push((LOCATION, to));
            AnswerBody::sized(Vec::new())
        }
        Fault::Html { status: other } => {
            status = other;
            content_type = "text/html; charset=utf-8".to_owned();
            AnswerBody::sized(PAGE.to_vec())
        }
        Fault::EmptyBody => {
            status = 200;
            AnswerBody::sized(Vec::new())
        }
        Fault::SlowBody { seconds } => AnswerBody::slow(whole, Duration::from_secs(seconds)),
        Fault::CutBody => AnswerBody::cut(whole),
        Fault::TruncatedJson => AnswerBody::sized(whole[..whole.len() / 2].to_vec()),
        Fault::Oversized { bytes } => AnswerBody::oversized(whole, bytes),
        Fault::Bom => AnswerBody::chunked([b"\xef\xbb\xbf".as_slice(), &whole].concat()),
        Fault::PhpWarning => AnswerBody::chunked([WARNING, &whole].concat()),
        Fault::TrailingText => AnswerBody::chunked([&whole, b"\n<!-- 0.031 s -->\n".as_slice()].concat()),
        // Refusals and faults of rows have been dealt with.
        _ => AnswerBody::chunked(whole),
    };
    Ok(send(world, request, status, &content_type, &headers, body, Some(turn)))
}

fn refusal_body(code: u16, msg: &str) -> Vec<u8> {
    let mut body = head(code, msg, Default::default());
    body.extend_from_slice(b",\"data\":null}");
    body
}

const PAGE: &[u8] =
    b"<!DOCTYPE html><html><head><title>Error</title></head><body><h1>Service unavailable</h1></body></html>";

const WARNING: &[u8] = b"<br />\n<b>Warning</b>: Undefined array key \"skill\" in \
    <b>/var/www/html/api/v2/reports_manager.php</b> on line <b>214</b><br />\n";

fn send(
    world: &World,
    mut request: Request,
    status: u16,
    content_type: &str,
    headers: &[(hyper::header::HeaderName, String)],
    body: AnswerBody,
    turn: Option<Turn>,
) -> Response<AnswerBody> {
    request.status = Some(status);
    world.record(request);
    let mut response = Response::builder().status(status).header(CONTENT_TYPE, content_type);
    for (name, value) in headers {
        response = response.header(name, value);
    }
    let body = match turn {
        Some(turn) => body.holding(turn),
        None => body,
    };
    // A header that can't be sent comes from a fault's own parameters: the answer is then an empty 500.
    response.body(body).unwrap_or_else(|_| {
        let mut response = Response::new(AnswerBody::sized(Vec::new()));
        *response.status_mut() = hyper::StatusCode::INTERNAL_SERVER_ERROR;
        response
    })
}

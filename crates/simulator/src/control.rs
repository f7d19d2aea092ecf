use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::header::{ALLOW, CONTENT_TYPE};
use hyper::{Method, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::body::AnswerBody;
use super::faults::{Armed, Fault};
use super::operation::Operation;
use super::options::made_up_token;
use super::query;
use super::quirks::Quirks;
use super::windows::windows;
use super::wire::{AddedCall, AddedIncident, TrueCall, TrueIncident, length, read_instant};
use super::world::World;

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

/// What can be asked and told under `/control/`. `operation` may be left out: the first one is meant.
const HELP: &str = "\
GET    /control/truth?operation=&from=&to=  the true calls that ended in [from, to); the last 24 hours without from and to
GET    /control/queue?operation=&from=&to=&window=5m   the true state of each skill's queue, window by window; the last hour
GET    /control/incidents?operation=&from=&to=         the incidents of that time; the last 24 hours without from and to
GET    /control/requests                    the requests for reports so far
GET    /control/faults                      the faults that are on, and all that there are
POST   /control/faults                      {\"fault\":\"hang\",\"answers\":3,\"operation\":null,\"report\":null,...} switches one
                                            on; of the reports abandoned, answered, totals and token_info
DELETE /control/faults                      switches all off
POST   /control/refuse?for=5s               refuses connections for a while
POST   /control/incident                    {\"skill\":null,\"factor\":2.5,\"cause\":\"agents\",\"from\":null,\"for\":\"30m\",
                                            \"operation\":null} makes so many times as many give up, by calls or agents
POST   /control/calls?operation=            a list of {\"at\":...,\"skill_id\":...,...} or {\"at\":...,\"raw\":\"...\"}, both
                                            with \"report\":\"answered\" if they are no abandoned calls
GET    /control/quirks?operation=           how answers are written; PUT changes it
GET    /control/token?operation=            the token; POST makes up another or takes {\"token\":...}, DELETE revokes it
";

/// A control request that can't be done, as status and words.
struct Refused(u16, String);

/// Answers a request under `/control/`.
pub(super) fn answer(
    world: &Arc<World>,
    method: &Method,
    path: &str,
    query: &str,
    body: &Bytes,
) -> Response<AnswerBody> {
    let (status, content_type, text) = match control(world, method, path, query, body) {
        Ok(Value::String(text)) => (200, "text/plain; charset=utf-8", text),
        Ok(value) => (200, "application/json", format!("{value}\n")),
        Err(Refused(status, words)) => (status, "text/plain; charset=utf-8", format!("{words}\n")),
    };
    let mut response = Response::new(AnswerBody::sized(text.into_bytes()));
    *response.status_mut() = hyper::StatusCode::from_u16(status).unwrap_or_default();
    response.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(content_type));
    if status == 405 {
        response.headers_mut().insert(ALLOW, hyper::header::HeaderValue::from_static("GET, POST, PUT, DELETE"));
    }
    response
}

fn control(world: &World, method: &Method, path: &str, query: &str, body: &Bytes) -> Result<Value, Refused> {
    let parameters = query::parameters(query);
    let value = |name: &str| {
        parameters.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_str())
    };
    let operation = || operation(world, value("operation"));
    let within = |before: Duration| {
        let now = world.clock.now();
        let instant = |name| value(name).map(read_instant).transpose().map_err(bad);
        Ok((instant("from")?.unwrap_or(now - before), instant("to")?.unwrap_or(now)))
    };
    match (method.as_str(), path.trim_start_matches("/control").trim_matches('/')) {
        ("GET", "") => Ok(Value::from(format!("{HELP}\nFaults:\n{}", Fault::help()))),
        ("GET", "queue") => {
            let (from, to) = within(HOUR)?;
            let window = length(value("window").unwrap_or("5m")).map_err(bad)?.as_secs();
            Ok(json!(windows(operation()?, from, to, window).map_err(bad)?))
        }
        ("GET", "incidents") => {
            let (from, to) = within(DAY)?;
            Ok(json!(operation()?.incidents(from, to).into_iter().map(TrueIncident::from).collect::<Vec<_>>()))
        }
        ("GET", "truth") => {
            let (from, to) = within(DAY)?;
            let operation = operation()?;
            let calls = operation.truth(from, to);
            Ok(json!(calls.iter().map(|call| TrueCall::new(call, operation.zone())).collect::<Vec<_>>()))
        }
        ("GET", "requests") => Ok(json!(world.requests())),
        ("GET", "faults") => Ok(json!({ "on": world.faults(), "all": Fault::catalogue() })),
        ("POST", "faults") => {
            let armed: Armed = read(body)?;
            armed.fault.check().map_err(bad)?;
            if armed.operation.is_some() {
                self::operation(world, armed.operation.as_deref())?;
            }
            world.set_fault(armed);
            Ok(json!({ "on": world.faults() }))
        }
        ("DELETE", "faults") => {
            world.clear_faults();
            Ok(json!({ "on": [] }))
        }
        ("POST", "refuse") => {
            let duration = Duration::try_from(length(value("for").unwrap_or("5s")).map_err(bad)?).unwrap_or_default();
            world.refuse_connections(duration);
            Ok(json!({ "refusing_seconds": duration.as_secs_f64() }))
        }
        ("POST", "incident") => {
            let added: AddedIncident = read(body)?;
            let operation = self::operation(world, added.operation())?;
            operation.add_incident(added.into_incident(world.clock.now()).map_err(bad)?);
            Ok(json!({}))
        }
        ("POST", "calls") => {
            let calls: Vec<AddedCall> = read(body)?;
            let added = calls.len();
            operation()?.inject(calls.into_iter().map(Into::into));
            Ok(json!({ "added": added }))
        }
        ("GET", "quirks") => Ok(json!(operation()?.quirks())),
        ("PUT", "quirks") => {
            let quirks: Quirks = read(body)?;
            operation()?.set_quirks(quirks);
            Ok(json!(operation()?.quirks()))
        }
        ("GET", "token") => Ok(json!({ "token": operation()?.token() })),
        ("POST", "token") => {
            let asked: NewToken = if body.is_empty() { NewToken::default() } else { read(body)? };
            let operation = operation()?;
            let made_up = || made_up_token(&operation.name, world.clock.now().as_nanosecond() as u64);
            let token = asked.token.unwrap_or_else(made_up);
            let others = world.operations.iter().filter(|other| other.name != operation.name);
            if others.into_iter().any(|other| other.token().as_deref() == Some(token.as_str())) {
                return Err(bad("another operation has this token"));
            }
            operation.set_token(Some(token.clone()));
            Ok(json!({ "token": token }))
        }
        ("DELETE", "token") => {
            operation()?.set_token(None);
            Ok(json!({ "token": null }))
        }
        (
            _,
            "" | "truth" | "queue" | "incidents" | "requests" | "faults" | "refuse" | "incident" | "calls" | "quirks"
            | "token",
        ) => Err(Refused(405, format!("{method} is not possible here; see GET /control/"))),
        _ => Err(Refused(404, format!("there is no {path}; see GET /control/"))),
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewToken {
    token: Option<String>,
}

fn operation<'a>(world: &'a World, name: Option<&str>) -> Result<&'a Operation, Refused> {
    world.operation(name).ok_or_else(|| {
        let names: Vec<&str> = world.operations.iter().map(|operation| operation.name.as_str()).collect();
        Refused(404, format!("no operation `{}`; there are: {}", name.unwrap_or_default(), names.join(", ")))
    })
}

fn read<'a, T: Deserialize<'a>>(body: &'a Bytes) -> Result<T, Refused> {
    serde_json::from_slice(body).map_err(|error| bad(format!("the body is not what is expected here: {error}")))
}

fn bad(words: impl ToString) -> Refused {
    Refused(400, words.to_string())
}

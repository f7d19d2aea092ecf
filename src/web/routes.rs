use std::net::IpAddr;
use std::panic::AssertUnwindSafe;

use bytes::Bytes;
use futures_util::FutureExt as _;
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LANGUAGE,
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY, REFRESH,
    RETRY_AFTER, VARY, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use hyper::http::uri::Authority;
use hyper::{Method, Request, Response, StatusCode, Version};

use super::body::Pieces;
use super::limits::Limits;
use super::listen::Door;
use super::places::counted_as;
use super::secure::{Terms, Turned};
use super::seldom::Seldom;
use super::{Exposed, NotShown, Reloaded, Scrape, Site, page};
use crate::paths::{HEALTHY, PAGE, READY, RELOAD};

/// How a request came.
pub(super) struct Asked<'a> {
    /// Where the metrics are.
    pub telemetry_path: &'a str,
    pub door: Door,
    pub peer: IpAddr,
    pub terms: &'a Terms,
    pub limits: &'a Limits,
    pub told_password: &'a Seldom,
}

/// The answer to a request. The request's body, if there is one, is not read. To a HEAD the answer is that to a GET;
/// hyper sends its head only.
pub(super) async fn answer<S: Site, B>(site: &S, asked: &Asked<'_>, request: &Request<B>) -> Response<Pieces> {
    let limits = asked.limits;
    let is_reload = request.uri().path() == RELOAD;
    let within = if is_reload { limits.reload_time + limits.handle_time } else { limits.handle_time };
    // A future that panicked is never polled again, and `Site` shows immutable views only: nothing half done is left.
    let answered = AssertUnwindSafe(route(site, asked, request)).catch_unwind();
    let mut response = match tokio::time::timeout(within, answered).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => {
            tracing::error!(path = request.uri().path(), "answering a request panicked; this is a defect");
            text(StatusCode::INTERNAL_SERVER_ERROR, "internal error: the log has more\n".into())
        }
        Err(_) => {
            tracing::error!(path = request.uri().path(), ?within, "found no answer to a request in time");
            text(StatusCode::SERVICE_UNAVAILABLE, "no answer in time: the exporter is overloaded\n".into())
        }
    };
    asked.terms.sign(&mut response);
    response
}

/// What is at a path.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Metrics,
    Page,
    Healthy,
    Ready,
    Reload,
}

impl Place {
    /// A configuration whose telemetry path is one of the others is refused.
    fn at(path: &str, telemetry_path: &str) -> Option<Self> {
        match path {
            PAGE => Some(Self::Page),
            HEALTHY => Some(Self::Healthy),
            READY => Some(Self::Ready),
            RELOAD => Some(Self::Reload),
            _ if path == telemetry_path => Some(Self::Metrics),
            _ => None,
        }
    }

    /// Whether what is there says no more than that the process is well.
    fn is_probe(self) -> bool {
        matches!(self, Self::Healthy | Self::Ready)
    }

    fn allows(self, method: &Method) -> bool {
        match self {
            Self::Reload => method == Method::POST,
            Self::Metrics | Self::Page | Self::Healthy | Self::Ready => matches!(*method, Method::GET | Method::HEAD),
        }
    }
}

async fn route<S: Site, B>(site: &S, asked: &Asked<'_>, request: &Request<B>) -> Response<Pieces> {
    let telemetry_path = asked.telemetry_path;
    if asked.door == Door::Wrong {
        return text(StatusCode::BAD_REQUEST, "bad request: this server speaks TLS; ask with https://\n".into());
    }
    if !names_its_host(request) {
        return text(StatusCode::BAD_REQUEST, "bad request: it must have one Host header, with a host in it\n".into());
    }
    // hyper counts them in HTTP/1 only.
    if request.headers().len() > asked.limits.head_lines {
        return text(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "too many header lines\n".into());
    }
    let place = Place::at(request.uri().path(), telemetry_path);
    let place = place.filter(|place| asked.door == Door::All || place.is_probe());
    let place = place.filter(|place| *place != Place::Reload || site.may_reload());
    // Who may not read does not learn what there is either.
    if asked.door == Door::All
        && !place.is_some_and(Place::is_probe)
        && let Err(turned) = asked.terms.admit(request, counted_as(asked.peer)).await
    {
        if turned == Turned::Unauthorized && request.headers().contains_key(AUTHORIZATION) && asked.told_password.now()
        {
            let peer = asked.peer;
            tracing::warn!(%peer, "a wrong user or password; others that come within a minute are not told");
        }
        return self::turned(turned);
    }
    let Some(place) = place else {
        let there_is = match asked.door {
            Door::All if request.uri().path() == RELOAD => format!("{RELOAD} with --web.enable-lifecycle only"),
            Door::All => format!("{PAGE} (status page), {telemetry_path}, {HEALTHY} and {READY}"),
            Door::Probes | Door::Wrong => format!("{HEALTHY} and {READY}"),
        };
        return text(StatusCode::NOT_FOUND, format!("not found. There is: {there_is}\n"));
    };
    if !place.allows(request.method()) {
        let (allowed, words) = match place {
            Place::Reload => ("POST", "only POST is"),
            _ => ("GET, HEAD", "only GET and HEAD are"),
        };
        let mut response = text(StatusCode::METHOD_NOT_ALLOWED, format!("method not allowed: {words}\n"));
        response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
        return response;
    }
    match place {
        Place::Metrics => {
            let accept = joined(request.headers(), ACCEPT);
            let accept_encoding = joined(request.headers(), ACCEPT_ENCODING);
            match site.metrics(accept.as_deref(), accept_encoding.as_deref()).await {
                Ok(Scrape { exposed, served }) => self::exposed(exposed).map(|body| body.served(served)),
                Err(why) => not_shown(why),
            }
        }
        Place::Page => {
            let lang = page::Lang::chosen(request.uri().query(), joined(request.headers(), ACCEPT_LANGUAGE).as_deref());
            html(lang, page::render(&site.status(), lang, telemetry_path))
        }
        Place::Healthy => text(StatusCode::OK, "healthy\n".into()),
        Place::Ready if site.ready() => text(StatusCode::OK, "ready\n".into()),
        Place::Ready => not_shown(NotShown::NotLoaded),
        Place::Reload => match tokio::time::timeout(asked.limits.reload_time, site.reload()).await {
            Ok(reloaded) => self::reloaded(reloaded),
            Err(_) => {
                text(StatusCode::SERVICE_UNAVAILABLE, "it takes longer than usual, and goes on: see the log\n".into())
            }
        },
    }
}

fn reloaded(reloaded: Reloaded) -> Response<Pieces> {
    let lines = |lines: Vec<String>| lines.into_iter().map(|line| line + "\n").collect();
    match reloaded {
        Reloaded::Done(changes) => text(StatusCode::OK, lines(changes)),
        Reloaded::Refused(problems) => text(StatusCode::INTERNAL_SERVER_ERROR, lines(problems)),
        Reloaded::Busy => {
            let mut response = text(StatusCode::TOO_MANY_REQUESTS, "reloads are waiting already; try again\n".into());
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
            response
        }
    }
}

/// The answer to who is turned away.
fn turned(why: Turned) -> Response<Pieces> {
    let (status, words, header) = match why {
        Turned::Unauthorized => (
            StatusCode::UNAUTHORIZED,
            "unauthorized: give a user and password of basic_auth_users\n",
            (WWW_AUTHENTICATE, "Basic realm=\"wolkvox-exporter\", charset=\"UTF-8\""),
        ),
        Turned::TooMany => {
            (StatusCode::TOO_MANY_REQUESTS, "too many requests: rate_limit is reached\n", (RETRY_AFTER, "1"))
        }
        Turned::Busy => {
            (StatusCode::TOO_MANY_REQUESTS, "too many passwords to look at; try again\n", (RETRY_AFTER, "1"))
        }
    };
    let mut response = text(status, words.into());
    response.headers_mut().insert(header.0, HeaderValue::from_static(header.1));
    response
}

/// A scrape without the totals of the ledger, or with those of an old copy, would make them look as if they had begun again.
fn not_shown(why: NotShown) -> Response<Pieces> {
    let words = match why {
        NotShown::NotLoaded => "not ready: the ledger is not open and loaded yet\n",
        NotShown::Copy => "not yet: the ledger is a copy, and what it lacks is being read; the status page has more\n",
    };
    text(StatusCode::SERVICE_UNAVAILABLE, words.into())
}

/// Whether a request says for whom it is, as RFC 9112 (section 3.2) asks: HTTP/1.1 with one `Host`, HTTP/1.0 with one
/// at most. An empty one is of a client whose URL has no host. HTTP/2 says it in the target.
fn names_its_host<B>(request: &Request<B>) -> bool {
    let mut hosts = request.headers().get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) if request.version() == Version::HTTP_2 => request.uri().authority().is_some(),
        (None, _) => request.version() < Version::HTTP_11,
        (Some(host), None) => {
            let is_host = |host: Authority| !host.as_str().contains('@');
            host.is_empty() || Authority::try_from(host.as_bytes()).is_ok_and(is_host)
        }
        _ => false,
    }
}

/// A header's value. Several lines of one header mean the same as one line with commas (RFC 9110, section 5.3). Lines
/// that are not ASCII are passed over, for nothing that they could say is known.
fn joined(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    let lines: Vec<&str> = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
    (!lines.is_empty()).then(|| lines.join(", "))
}

fn exposed(exposed: Exposed) -> Response<Pieces> {
    let mut response = response(StatusCode::OK, exposed.content_type, exposed.body);
    let headers = response.headers_mut();
    if let Some(encoding) = exposed.content_encoding {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    headers.insert(VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
    response
}

/// After this time a browser asks for the page again, without a script: a page that stands open on a wall shows a
/// failure within a minute, and there is time to read it. It is a header, for a `meta` element that does the same is
/// what checkers of accessibility object to.
const REFRESH_SECONDS: &str = "60";

fn html(lang: page::Lang, page: String) -> Response<Pieces> {
    // The page is one file without a script, and nothing in it may load or send anything. Its style stands in it.
    const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; \
                          frame-ancestors 'none'";
    let mut response = response(StatusCode::OK, "text/html; charset=utf-8", vec![page.into()]);
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(REFRESH, HeaderValue::from_static(REFRESH_SECONDS));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(CONTENT_LANGUAGE, HeaderValue::from_static(lang.code()));
    headers.insert(VARY, HeaderValue::from_static("Accept-Language"));
    response
}

fn text(status: StatusCode, words: String) -> Response<Pieces> {
    response(status, "text/plain; charset=utf-8", vec![words.into()])
}

fn response(status: StatusCode, content_type: &'static str, body: Vec<Bytes>) -> Response<Pieces> {
    let mut response = Response::new(Pieces::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // All answers are of this moment: a proxy that kept one would show old numbers as new, or a probe's old word.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

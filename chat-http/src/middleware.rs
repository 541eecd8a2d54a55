//! The outermost layer of every mount: it decides which requests are let in, turns errors and panics into problems, and
//! adds `Allow`, caching headers, what browsers have to forbid, and CORS for the REST API.

use std::{io, panic::AssertUnwindSafe, time::Instant};

use bytes::Bytes;
use chat_core::{
    Error,
    failpoints::{self, Point},
    log::LogLimit,
};
use futures::FutureExt;
use http_body_util::combinators::BoxBody;
use hyper::body::Body;
use poem::{
    Endpoint, Request, Response, Result,
    error::MethodNotAllowedError,
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header, uri::PathAndQuery},
};
use tracing::{Instrument, field};

use crate::{
    address::Network,
    api,
    connection::ConnectionPermit,
    etag::Known,
    methods::{Methods, Row},
    metrics,
    options::Options,
    path::{self, Normalized},
    problem::{Challenge, Problem},
    security_headers, ws,
};

/// The layer that every request and every answer of a mount passes through.
pub(crate) struct Middleware<E> {
    pub(crate) inner: E,
    pub(crate) methods: Methods,
    pub(crate) options: Options,
    /// What a 401 says about how to authenticate.
    pub(crate) challenge: Challenge,
    /// Whether the host has no other pages, which could need to be reached without TLS.
    pub(crate) owns_host: bool,
}

impl<E: Endpoint<Output = Response>> Endpoint for Middleware<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> Result<Response> {
        let began = Instant::now();
        let method = metrics::method_name(request.method());
        let broken = normalize_path(&mut request);
        let row = self.methods.row(request.uri().path());
        let route = row.map_or("unknown", |row| &row.pattern).to_owned();
        let span = tracing::info_span!("request", http.method = method, http.route = route, http.status = field::Empty);
        let response = self.respond(request, row, broken).instrument(span.clone()).await;
        span.record("http.status", response.status().as_u16());
        metrics::request(method, route, response.status(), began.elapsed());
        Ok(response)
    }
}

impl<E: Endpoint<Output = Response>> Middleware<E> {
    async fn respond(&self, mut request: Request, row: Option<&Row>, broken: Option<usize>) -> Response {
        let is_head = request.method() == Method::HEAD;
        let is_rest = is_rest(request.uri().path());
        let origin = if is_rest { self.listed_origin(request.headers()) } else { None };
        let known = Known::of(request.headers());
        let has_tls = self.owns_host && self.options.origins.are_reached_by_tls(&request);
        if request.headers().contains_key(header::COOKIE) {
            // Browsers send cookies whichever page asks, so they count only with the page.
            let page = self.options.origins.page(&request);
            request.set_data(page);
        }
        self.note_client(&mut request);
        let asked = match self.admit(&request, row, broken) {
            Ok(()) if origin.is_some() && is_preflight(&request) => Ok(preflight(row)),
            Ok(()) => self.answer(request, row).await,
            Err(problem) => Err(problem),
        };
        let mut response = asked.unwrap_or_else(|problem| problem.into_response(&self.challenge));
        if response.headers().get(header::ETAG).is_some_and(|tag| response.status().is_success() && known.has(tag)) {
            response = not_modified(response);
        }
        add_headers(&mut response, is_rest, origin);
        if has_tls {
            security_headers::add_transport_security(response.headers_mut());
        }
        if is_head {
            drop_body(&mut response);
        }
        response
    }

    /// Notes where the request comes from, if the app says so and nothing in front of this layer has.
    fn note_client(&self, request: &mut Request) {
        if request.data::<Network>().is_none()
            && let Some(client) = self.options.client(request.headers(), request.extensions())
        {
            request.set_data(client);
        }
    }

    /// Checks whether a request is let in.
    fn admit(&self, request: &Request, row: Option<&Row>, broken: Option<usize>) -> Result<(), Problem> {
        let path = request.uri().path();
        // Monitoring may ask for health by any name, and the answer reveals nothing.
        if !matches!(path, "/healthz" | "/readyz") {
            self.options.hosts.check(request)?;
            // A socket gets this error as a close frame instead.
            if let Some(error) = ConnectionPermit::refusal(request).filter(|_| !row.is_some_and(is_socket)) {
                return Err(error.clone().into());
            }
        }
        if let (Some(segment), Some(row)) = (broken, row)
            && let Some(field) = row.parameter(segment).filter(|_| is_rest(path))
        {
            // A socket gets this error as a close frame instead.
            return Err(Error::invalid_field(field.to_owned(), "must be percent-encoded UTF-8").into());
        }
        let is_stream = row.is_some_and(|row| row.is_stream);
        if is_stream && request.method() == Method::HEAD {
            return Err(Problem::method_not_allowed(&row.map(|row| row.allow.clone()).unwrap_or_default()));
        }
        // The handshake checks the origin of sockets itself, after it knows that the request is one.
        let acts = is_rest(path) && (is_stream || !request.method().is_safe());
        if acts && !self.options.origins.admit(request) {
            return Err(Error::Forbidden.into());
        }
        Ok(())
    }

    async fn answer(&self, mut request: Request, row: Option<&Row>) -> Result<Response, Problem> {
        // A HEAD is answered like a GET, so that the headers are the same.
        if request.method() == Method::HEAD {
            request.set_method(Method::GET);
        }
        // The targets of `CONNECT host:port` and `OPTIONS *` are not paths, but poem's nesting expects a path.
        if !request.uri().path().starts_with('/') {
            return Err(Problem::method_not_allowed("GET, HEAD, POST, PUT, PATCH, DELETE"));
        }
        let is_rest = is_rest(request.uri().path());
        let answer = async {
            if is_rest {
                failpoints::reached(Point::InHandler);
            }
            self.inner.call(request).await
        };
        match AssertUnwindSafe(answer).catch_unwind().await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) if error.is::<MethodNotAllowedError>() => {
                Err(Problem::method_not_allowed(row.map_or("", |row| &row.allow)))
            }
            Ok(Err(error)) => Err(Problem::from_poem(&error)),
            Err(_) => {
                static PANICKED: LogLimit = LogLimit::new();
                if let Some(left_out) = PANICKED.pass(Instant::now()) {
                    tracing::error!(left_out, "a request handler panicked");
                }
                Err(Problem::internal())
            }
        }
    }

    /// The origin of the request's page, if it is allowed to read our answers.
    fn listed_origin(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let mut origins = headers.get_all(header::ORIGIN).iter();
        match (origins.next(), origins.next()) {
            (Some(origin), None) if self.options.origins.lists(origin) => Some(origin.clone()),
            _ => None,
        }
    }
}

/// Normalizes a request's path for routing. Returns the index of the first segment that is not valid text, if there is
/// one. That segment becomes `%EF%BF%BD`, since poem accepts no other bytes.
fn normalize_path(request: &mut Request) -> Option<usize> {
    let Normalized { path, broken } = path::normalize(request.uri().path());
    if path == request.uri().path() && broken.is_none() {
        return None;
    }
    let segments = path.split('/').enumerate();
    let segments: Vec<_> = segments.map(|(at, text)| if broken == Some(at) { "%EF%BF%BD" } else { text }).collect();
    let mut target = segments.join("/");
    if let Some(query) = request.uri().query() {
        target.extend(["?", query]);
    }
    let mut parts = request.uri().clone().into_parts();
    parts.path_and_query = target.parse::<PathAndQuery>().ok();
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
    broken
}

fn preflight(row: Option<&Row>) -> Response {
    Response::builder()
        .status(StatusCode::NO_CONTENT)
        .header(header::ACCESS_CONTROL_ALLOW_METHODS, row.map_or("", |row| &row.allow))
        .header(
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            "Content-Type, Idempotency-Key, Authorization, Last-Event-ID, If-None-Match",
        )
        .header(header::ACCESS_CONTROL_MAX_AGE, 600)
        .finish()
}

/// The answer to a client that already has this answer: 304 without a body.
fn not_modified(mut response: Response) -> Response {
    response.set_status(StatusCode::NOT_MODIFIED);
    drop(response.take_body());
    let headers = response.headers_mut();
    for of_the_body in [header::CONTENT_TYPE, header::CONTENT_ENCODING, header::CONTENT_LENGTH] {
        headers.remove(of_the_body);
    }
    response
}

/// Adds the headers of every answer. An answer that sets no caching policy is not cached. (An upgrade is no answer that
/// a browser shows.)
fn add_headers(response: &mut Response, is_rest: bool, origin: Option<HeaderValue>) {
    let is_upgrade = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    if !is_upgrade {
        security_headers::add(headers);
        headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    }
    if is_rest {
        let varies = if headers.contains_key(header::VARY) { "Authorization, Cookie, Origin" } else { "Origin" };
        headers.insert(header::VARY, HeaderValue::from_static(varies));
    }
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        let exposed = HeaderValue::from_static("Date, ETag, Idempotency-Replayed, Retry-After");
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    }
}

/// Removes the body, as HEAD requires.
fn drop_body(response: &mut Response) {
    let body: BoxBody<Bytes, io::Error> = response.take_body().into();
    let has_length = response.status() != StatusCode::NOT_MODIFIED;
    if let Some(length) = body.size_hint().exact().filter(|_| has_length) {
        response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
    }
}

/// Whether a path belongs to the REST API, even if no operation has it.
fn is_rest(path: &str) -> bool {
    path.strip_prefix(api::PREFIX).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn is_socket(row: &Row) -> bool {
    ws::PATHS.contains(&&*row.pattern)
}

fn is_preflight(request: &Request) -> bool {
    request.method() == Method::OPTIONS && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

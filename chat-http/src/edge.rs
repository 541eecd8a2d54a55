//! The outermost layer of every mount: problems, panics, `Allow`, and CORS for the REST API.

use std::{io, panic::AssertUnwindSafe, time::Instant};

use bytes::Bytes;
use chat_core::{
    log::LogLimit,
    torture::{self, Point},
};
use futures::FutureExt;
use http_body_util::combinators::BoxBody;
use hyper::body::Body;
use poem::{
    Endpoint, Request, Response, Result,
    error::MethodNotAllowedError,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
};
use tracing::{Instrument, field};

use crate::{api, metrics, origin::Origins, problem::Problem};

/// Everything that leaves a mount passes here.
pub(crate) struct Edge<E> {
    pub(crate) inner: E,
    pub(crate) methods: Methods,
    pub(crate) origins: Origins,
    /// What a 401 names.
    pub(crate) challenge: &'static str,
}

impl<E: Endpoint<Output = Response>> Endpoint for Edge<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let began = Instant::now();
        let method = metrics::method_name(request.method());
        let route = self.methods.template(request.uri().path()).unwrap_or("unknown").to_owned();
        let span = tracing::info_span!("request", http.method = method, http.route = route, http.status = field::Empty);
        let response = self.respond(request).instrument(span.clone()).await;
        span.record("http.status", response.status().as_u16());
        metrics::request(method, route, response.status(), began.elapsed());
        Ok(response)
    }
}

impl<E: Endpoint<Output = Response>> Edge<E> {
    async fn respond(&self, mut request: Request) -> Response {
        // Answered as a GET, so that the headers are the same; but an upgrade is a GET's alone.
        let is_head = request.method() == Method::HEAD && !request.headers().contains_key(header::UPGRADE);
        if is_head {
            request.set_method(Method::GET);
        }
        let path = request.uri().path().to_owned();
        let is_rest = is_rest(&path);
        let origin = if is_rest { self.listed_origin(request.headers()) } else { None };
        if let Some(origin) = &origin
            && is_preflight(&request)
        {
            return self.preflight(&path, origin);
        }
        let mut response = self.answer(request, &path).await;
        response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if is_rest {
            response.headers_mut().append(header::VARY, HeaderValue::from_static("Origin"));
        }
        if let Some(origin) = origin {
            let headers = response.headers_mut();
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            let exposed = HeaderValue::from_static("Idempotency-Replayed, Retry-After");
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
        }
        if is_head {
            let body: BoxBody<Bytes, io::Error> = response.take_body().into();
            if let Some(length) = body.size_hint().exact() {
                response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
            }
        }
        response
    }

    async fn answer(&self, request: Request, path: &str) -> Response {
        // `CONNECT host:port` and `OPTIONS *` name no path, and poem's nesting takes one for granted.
        if !path.starts_with('/') {
            return Problem::method_not_allowed("GET, HEAD, POST, PATCH, DELETE").into_response(self.challenge);
        }
        let is_rest = is_rest(path);
        let answer = async {
            if is_rest {
                torture::reached(Point::InHandler);
            }
            self.inner.call(request).await
        };
        let problem = match AssertUnwindSafe(answer).catch_unwind().await {
            Ok(Ok(response)) => return response,
            Ok(Err(error)) if error.is::<MethodNotAllowedError>() => {
                Problem::method_not_allowed(&self.methods.allow(path))
            }
            Ok(Err(error)) => Problem::from_poem(&error),
            Err(_) => {
                static PANICKED: LogLimit = LogLimit::new();
                if let Some(left_out) = PANICKED.pass(Instant::now()) {
                    tracing::error!(left_out, "a request handler panicked");
                }
                Problem::internal()
            }
        };
        problem.into_response(self.challenge)
    }

    /// The origin of a page that may read our answers.
    fn listed_origin(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let mut origins = headers.get_all(header::ORIGIN).iter();
        match (origins.next(), origins.next()) {
            (Some(origin), None) if self.origins.lists(origin) => Some(origin.clone()),
            _ => None,
        }
    }

    fn preflight(&self, path: &str, origin: &HeaderValue) -> Response {
        Response::builder()
            .status(StatusCode::NO_CONTENT)
            .header(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin)
            .header(header::ACCESS_CONTROL_ALLOW_METHODS, self.methods.allow(path))
            .header(header::ACCESS_CONTROL_ALLOW_HEADERS, "Content-Type, Idempotency-Key, Authorization, Last-Event-ID")
            .header(header::ACCESS_CONTROL_MAX_AGE, 600)
            .header(header::VARY, "Origin")
            .finish()
    }
}

fn is_rest(path: &str) -> bool {
    path.strip_prefix(api::PREFIX).is_some_and(|rest| rest.starts_with('/'))
}

fn is_preflight(request: &Request) -> bool {
    request.method() == Method::OPTIONS && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// Which methods each path has: what `Allow` says.
#[derive(Debug, Default)]
pub(crate) struct Methods(Vec<(String, String)>);

impl Methods {
    /// The same with one more path; `{…}` stands for any one segment.
    pub(crate) fn add(mut self, pattern: impl Into<String>, methods: impl IntoIterator<Item = Method>) -> Self {
        let mut names: Vec<String> = Vec::new();
        for method in methods {
            names.push(method.to_string());
            if method == Method::GET {
                names.push(Method::HEAD.to_string());
            }
        }
        self.0.push((pattern.into(), names.join(", ")));
        self
    }

    /// The pattern that a path fits.
    fn template(&self, path: &str) -> Option<&str> {
        self.0.iter().find(|(pattern, _)| fits(pattern, path)).map(|(pattern, _)| pattern.as_str())
    }

    fn allow(&self, path: &str) -> String {
        self.0.iter().find(|(pattern, _)| fits(pattern, path)).map(|(_, methods)| methods.clone()).unwrap_or_default()
    }
}

fn fits(pattern: &str, path: &str) -> bool {
    let (mut pattern, mut path) = (pattern.split('/'), path.split('/'));
    loop {
        match (pattern.next(), path.next()) {
            (None, None) => return true,
            (Some(one), Some(other)) if one == other || (one.starts_with('{') && !other.is_empty()) => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allow_names_the_methods_of_the_path() {
        let methods = Methods::default()
            .add("/rooms", [Method::GET, Method::POST])
            .add("/rooms/{room_id}/messages", [Method::GET]);
        assert_eq!(methods.allow("/rooms"), "GET, HEAD, POST");
        assert_eq!(methods.allow("/rooms/7/messages"), "GET, HEAD");
        assert_eq!(methods.allow("/rooms/"), "");
        assert_eq!(methods.allow("/rooms//messages"), "");
        assert_eq!(methods.template("/rooms/7/messages"), Some("/rooms/{room_id}/messages"));
        assert_eq!(methods.template("/rooms/7"), None);
    }
}

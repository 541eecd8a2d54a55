//! What an error of the engine is over HTTP, for hosts with routes of their own.

use chat_core::Error;
use poem::{
    error::ResponseError,
    http::{Response, StatusCode},
};

use crate::{
    problem::{Problem, status_of},
    refusal::Refusal,
};

/// What an error of the engine is over HTTP: the same as in the chat's own API.
///
/// ```
/// use chat_core::Error;
/// use chat_http::ErrorExt;
///
/// assert_eq!(Error::RoomNotFound.http_status(), 404);
/// // In axum: `response.map(axum::body::Body::from)`.
/// let response = Error::Overloaded.to_problem();
/// assert_eq!((response.status().as_u16(), &response.headers()["content-type"]), (503, &"application/problem+json".parse().unwrap()));
/// assert!(response.headers().contains_key("retry-after"));
/// assert!(String::from_utf8_lossy(response.body()).contains(r#""code":"overloaded""#));
/// ```
pub trait ErrorExt {
    /// Its status. An engine that has stopped is one to come back to: 503.
    fn http_status(&self) -> StatusCode;

    /// The whole response: status, `Retry-After` where trying again helps, and the body of RFC 9457 (`application/problem+json`)
    /// with the error's `code`. A 401 has no `WWW-Authenticate`: add yours.
    fn to_problem(&self) -> Response<Vec<u8>>;
}

impl ErrorExt for Error {
    fn http_status(&self) -> StatusCode {
        status_of(Refusal::from(self.clone()).code())
    }

    fn to_problem(&self) -> Response<Vec<u8>> {
        let problem = Problem::from(self.clone());
        let parts = problem.as_response().into_parts().0;
        let mut response = Response::new(problem.json());
        *response.status_mut() = parts.status;
        *response.headers_mut() = parts.headers;
        response
    }
}

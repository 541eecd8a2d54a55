//! The table of error codes and HTTP statuses, and the body of every error.

use std::{
    fmt,
    time::{Duration, Instant},
};

use chat_core::{Error, log::LogLimit};
use poem::{
    Body, Response,
    error::{MethodNotAllowedError, NotFoundError, ResponseError},
    http::{HeaderValue, StatusCode, header},
};
use poem_openapi::{
    ApiResponse, Object,
    registry::{MetaMediaType, MetaResponse, MetaResponses, Registry},
    types::Type,
};
use serde::Serialize;

use crate::{
    auth::Authenticator,
    dto::{RoomDto, stamp},
    refusal::Refusal,
};

/// Each code with its status.
const TABLE: &[(&str, StatusCode)] = &[
    ("bad_request", StatusCode::BAD_REQUEST),
    ("bad_json", StatusCode::BAD_REQUEST),
    ("invalid_field", StatusCode::BAD_REQUEST),
    ("empty_message", StatusCode::BAD_REQUEST),
    ("too_long", StatusCode::BAD_REQUEST),
    ("unknown_command", StatusCode::BAD_REQUEST),
    ("unauthenticated", StatusCode::UNAUTHORIZED),
    ("forbidden", StatusCode::FORBIDDEN),
    ("banned", StatusCode::FORBIDDEN),
    ("muted", StatusCode::FORBIDDEN),
    ("room_not_found", StatusCode::NOT_FOUND),
    ("message_not_found", StatusCode::NOT_FOUND),
    ("not_found", StatusCode::NOT_FOUND),
    ("method_not_allowed", StatusCode::METHOD_NOT_ALLOWED),
    ("unsupported_media_type", StatusCode::UNSUPPORTED_MEDIA_TYPE),
    ("wrong_host", StatusCode::MISDIRECTED_REQUEST),
    ("too_large", StatusCode::PAYLOAD_TOO_LARGE),
    ("message_deleted", StatusCode::CONFLICT),
    ("last_owner", StatusCode::CONFLICT),
    ("members_elsewhere", StatusCode::CONFLICT),
    ("epoch_changed", StatusCode::CONFLICT),
    ("name_taken", StatusCode::CONFLICT),
    ("idempotency_mismatch", StatusCode::CONFLICT),
    ("already_attached", StatusCode::CONFLICT),
    ("not_attached", StatusCode::CONFLICT),
    ("too_many", StatusCode::TOO_MANY_REQUESTS),
    ("rate_limited", StatusCode::TOO_MANY_REQUESTS),
    ("overloaded", StatusCode::SERVICE_UNAVAILABLE),
    ("unavailable", StatusCode::SERVICE_UNAVAILABLE),
    ("storage_full", StatusCode::SERVICE_UNAVAILABLE),
    ("outcome_unknown", StatusCode::SERVICE_UNAVAILABLE),
    ("internal", StatusCode::INTERNAL_SERVER_ERROR),
];

/// All codes, in the order of the table.
pub(crate) fn codes() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|(code, _)| *code)
}

/// The status of a code.
pub(crate) fn status_of(code: &str) -> StatusCode {
    TABLE.iter().find(|(row, _)| *row == code).map_or(StatusCode::INTERNAL_SERVER_ERROR, |(_, status)| *status)
}

/// The body of every error (RFC 9457).
#[derive(Debug, Clone, Serialize, Object)]
#[oai(rename = "Problem")]
pub(crate) struct ProblemBody {
    /// Always `about:blank`: decide by `code`.
    #[serde(rename = "type")]
    #[oai(rename = "type")]
    kind: String,
    /// The status in words.
    title: String,
    /// The HTTP status.
    status: u16,
    /// The stable code of the error, the same on every transport.
    code: String,
    /// What is wrong, for people.
    detail: String,
    /// How long to wait before trying again, where that helps.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[oai(skip_serializing_if_is_none)]
    retry_after_ms: Option<u64>,
    /// With `banned` and `muted`: when it is over; left out when it has no end.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[oai(skip_serializing_if_is_none)]
    until: Option<String>,
    /// The field that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[oai(skip_serializing_if_is_none)]
    field: Option<String>,
    /// With `name_taken`: the room that has the name, if you may read it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[oai(skip_serializing_if_is_none)]
    room: Option<RoomDto>,
}

/// An error on its way to a client, with a status and the body of RFC 9457: what a handler of yours in poem returns for an error of the
/// engine, as the chat's own API does. A 401 has no `WWW-Authenticate`: add yours. [`ErrorExt`](crate::ErrorExt) is the same for other frameworks.
///
/// ```
/// use chat_core::{Actor, ChatEngine, RoomId};
/// use chat_http::Problem;
/// use poem::{handler, web::{Data, Path}};
///
/// #[handler]
/// async fn room_name(engine: Data<&ChatEngine>, Path(id): Path<u64>) -> Result<String, Problem> {
///     Ok(engine.room(Actor::System, RoomId(id)).await?.name.to_string()) // 404 with the code room_not_found
/// }
/// # drop(room_name);
/// ```
#[derive(Debug, Clone)]
pub struct Problem {
    status: StatusCode,
    body: Box<ProblemBody>,
    headers: Vec<(header::HeaderName, HeaderValue)>,
}

impl Problem {
    /// A problem that only HTTP has, with one of the codes of the table.
    pub(crate) fn http(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(code, detail.into())
    }

    /// No such path.
    pub(crate) fn not_found() -> Self {
        Self::http("not_found", "no such path")
    }

    /// A method that this path does not have; `allow` are those it has.
    pub(crate) fn method_not_allowed(allow: &str) -> Self {
        let allow = HeaderValue::from_str(allow).unwrap_or(HeaderValue::from_static(""));
        Self::http("method_not_allowed", "this path does not have this method").with(header::ALLOW, allow)
    }

    /// An unexpected failure of the server.
    pub(crate) fn internal() -> Self {
        Self::from(Error::Internal)
    }

    /// Its code.
    pub(crate) fn code(&self) -> &str {
        &self.body.code
    }

    /// Replaces the status, where HTTP has a more specific one.
    pub(crate) fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self.body.status = status.as_u16();
        self.body.title = title(status);
        self
    }

    /// Adds a header.
    pub(crate) fn with(mut self, name: header::HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Says when to try again.
    pub(crate) fn retry_after(mut self, wait: Duration) -> Self {
        self.body.retry_after_ms = Some(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        self
    }

    fn new(code: &'static str, detail: String) -> Self {
        let status = status_of(code);
        let body = ProblemBody {
            kind: "about:blank".to_owned(),
            title: title(status),
            status: status.as_u16(),
            code: code.to_owned(),
            detail,
            retry_after_ms: None,
            until: None,
            field: None,
            room: None,
        };
        Self { status, body: Box::new(body), headers: Vec::new() }
    }

    /// The response. A 401 says how to authenticate.
    pub(crate) fn into_response(mut self, challenge: &Challenge) -> Response {
        let mut response = Response::builder().status(self.status).content_type(CONTENT_TYPE);
        for (name, value) in std::mem::take(&mut self.headers) {
            response = response.header(name, value);
        }
        if self.status == StatusCode::UNAUTHORIZED {
            if let Some(header) = &challenge.header {
                response = response.header(header::WWW_AUTHENTICATE, header);
            }
            if self.body.detail == Error::Unauthenticated.to_string() {
                self.body.detail.clone_from(&challenge.advice);
            }
        }
        if let Some(wait) = self.body.retry_after_ms {
            response = response.header(header::RETRY_AFTER, wait.div_ceil(1_000));
        }
        response.body(Body::from_vec(self.json()))
    }

    /// The body.
    pub(crate) fn json(&self) -> Vec<u8> {
        serde_json::to_vec(&*self.body).unwrap_or_default()
    }

    /// Translates an error of poem. Problems of our own that poem carried come back unchanged.
    pub(crate) fn from_poem(error: &poem::Error) -> Self {
        if let Some(problem) = error.downcast_ref::<Self>() {
            return problem.clone();
        }
        if error.is::<NotFoundError>() {
            return Self::not_found();
        }
        if error.is::<MethodNotAllowedError>() {
            return Self::method_not_allowed("");
        }
        match error.status() {
            StatusCode::NOT_FOUND => Self::not_found(),
            StatusCode::PAYLOAD_TOO_LARGE => Self::http("too_large", "the body is too large"),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Self::http("unsupported_media_type", "send application/json"),
            status if status.is_client_error() => Self::http("bad_json", "this is not a request of this API"),
            status => {
                static FAILED: LogLimit = LogLimit::new();
                if let Some(left_out) = FAILED.pass(Instant::now()) {
                    let status = status.as_u16();
                    tracing::error!(left_out, http.status = status, "a request failed inside the web framework");
                }
                Self::internal()
            }
        }
    }
}

/// How to authenticate, as a 401 says it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Challenge {
    header: Option<HeaderValue>,
    advice: String,
}

impl Challenge {
    /// The challenge of this authenticator.
    pub(crate) fn of(authenticator: &dyn Authenticator) -> Self {
        Self {
            header: HeaderValue::from_str(&authenticator.challenge()).ok(),
            advice: authenticator.advice().into_owned(),
        }
    }
}

const CONTENT_TYPE: &str = "application/problem+json";

fn title(status: StatusCode) -> String {
    status.canonical_reason().unwrap_or("Error").to_owned()
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let mut problem = Self::new(refusal.code(), refusal.message().into_owned());
        problem.body.field = refusal.field().map(ToOwned::to_owned);
        problem.body.until = refusal.until().map(stamp);
        problem.body.room = refusal.room().map(RoomDto::from);
        if matches!(problem.status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
            // These two statuses always say when to try again, whatever caused the error.
            problem.body.retry_after_ms = Some(refusal.retry_after_ms().unwrap_or(1_000));
        }
        problem
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::from(Refusal::from(error))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.body.detail)
    }
}

impl std::error::Error for Problem {}

impl ResponseError for Problem {
    fn status(&self) -> StatusCode {
        self.status
    }

    fn as_response(&self) -> Response {
        self.clone().into_response(&Challenge::default())
    }
}

/// Declares one response for all errors; `openapi` repeats it for the statuses that an operation can have.
impl ApiResponse for Problem {
    fn meta() -> MetaResponses {
        let content = vec![MetaMediaType { content_type: CONTENT_TYPE, schema: ProblemBody::schema_ref() }];
        let response =
            MetaResponse { description: "An error", status: None, status_range: None, content, headers: vec![] };
        MetaResponses { responses: vec![response] }
    }

    fn register(registry: &mut Registry) {
        ProblemBody::register(registry);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::auth::Guests;

    #[test]
    fn every_error_of_the_engine_has_its_row() {
        let errors = [
            (Error::invalid_field("a", "b"), 400),
            (Error::EmptyMessage, 400),
            (Error::TooLong { what: "message".into(), max: 1, unit: "characters".into() }, 400),
            (Error::Unauthenticated, 401),
            (Error::Forbidden, 403),
            (Error::Banned { until: None }, 403),
            (Error::Muted { until: None }, 403),
            (Error::RoomNotFound, 404),
            (Error::MessageNotFound, 404),
            (Error::MessageDeleted, 409),
            (Error::LastOwner, 409),
            (Error::MembersElsewhere, 409),
            (Error::EpochChanged, 409),
            (Error::NameTaken { room: None }, 409),
            (Error::IdempotencyMismatch, 409),
            (Error::AlreadyAttached, 409),
            (Error::NotAttached, 409),
            (Error::TooMany { what: "rooms".into() }, 429),
            (Error::RateLimited { retry_after: Duration::from_millis(1_500) }, 429),
            (Error::Overloaded, 503),
            (Error::Unavailable, 503),
            (Error::StorageFull, 503),
            (Error::OutcomeUnknown, 503),
            (Error::Internal, 500),
        ];
        for (error, status) in errors {
            assert!(TABLE.iter().any(|(code, _)| *code == error.code()), "{error:?}");
            let response = Problem::from(error.clone()).into_response(&Challenge::of(&Guests));
            assert_eq!(response.status().as_u16(), status, "{error:?}");
            let waits = matches!(status, 429 | 503);
            assert_eq!(response.headers().contains_key(header::RETRY_AFTER), waits, "{error:?}");
            assert_eq!(response.headers().contains_key(header::WWW_AUTHENTICATE), status == 401, "{error:?}");
        }
    }

    #[tokio::test]
    async fn a_401_says_how_to_say_who_one_is() {
        let response = Problem::from(Error::Unauthenticated).into_response(&Challenge::of(&Guests));
        assert_eq!(response.headers()[header::WWW_AUTHENTICATE], *Guests.challenge());
        let body: serde_json::Value = response.into_body().into_json().await.unwrap();
        assert!(body["detail"].as_str().unwrap().contains("?username="), "{body}");
    }

    #[tokio::test]
    async fn an_engine_that_stops_is_one_to_come_back_to() {
        let response = Problem::from(Error::Stopped).into_response(&Challenge::default());
        assert_eq!((response.status().as_u16(), response.headers().contains_key(header::RETRY_AFTER)), (503, true));
        let body: serde_json::Value = response.into_body().into_json().await.unwrap();
        assert_eq!(body["code"], "unavailable");
    }

    #[tokio::test]
    async fn a_problem_says_what_and_when() {
        let error = Error::RateLimited { retry_after: Duration::from_micros(1_500_001) };
        let response = Problem::from(error).into_response(&Challenge::default());
        assert_eq!(response.headers()[header::RETRY_AFTER], "2");
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        let body: serde_json::Value = response.into_body().into_json().await.unwrap();
        assert_eq!(body["code"], "rate_limited");
        assert_eq!(body["status"], 429);
        assert_eq!(body["retry_after_ms"], 1_501);
        assert!(body.get("field").is_none());
    }
}

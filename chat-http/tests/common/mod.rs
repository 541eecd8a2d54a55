//! Helpers that the tests of this crate share.
#![allow(dead_code, reason = "each test binary uses its part")]

pub(crate) mod http;
pub(crate) mod schema;
pub(crate) mod socket;

use chat_core::{ChatEngine, Database, Limits};
use chat_http::{Authenticator, Guests, site};
use poem::{
    IntoEndpoint,
    endpoint::BoxEndpoint,
    test::{TestClient, TestResponse},
};
use serde_json::Value;

/// Each form of a JSON number that is none of ours: ids and positions are whole, and from 0 to 2^53 - 1.
pub(crate) const NO_INTEGERS: [&str; 9] =
    ["1e400", "-0", "-1", "1.5", "1.0", "1e2", "9007199254740992", "9223372036854775808", "18446744073709551616"];

pub(crate) type Client = TestClient<BoxEndpoint<'static>>;

/// What a message of 4,000 characters is made of, and how often: characters are counted as Unicode has them, so what is shown
/// as one may be several.
pub(crate) const LONGEST: [(&str, usize); 5] =
    [("x", 4_000), ("é", 4_000), ("😀", 4_000), ("e\u{301}", 2_000), ("👩\u{200d}👩\u{200d}👧", 800)];

/// An engine in memory.
pub(crate) async fn engine() -> ChatEngine {
    engine_with(Limits::default()).await
}

/// An engine in memory with these limits.
pub(crate) async fn engine_with(limits: Limits) -> ChatEngine {
    ChatEngine::builder().database(Database::memory()).limits(limits).build().await.unwrap()
}

/// A whole site, called in process.
pub(crate) async fn client() -> Client {
    client_of(engine().await)
}

/// The site of this engine, called in process.
pub(crate) fn client_of(engine: ChatEngine) -> Client {
    client_as(engine, Guests)
}

/// The same with another authenticator.
pub(crate) fn client_as(engine: ChatEngine, authenticator: impl Authenticator) -> Client {
    TestClient::new(site(engine, authenticator).into_endpoint())
}

/// The status and the body of an answer.
pub(crate) async fn read(response: TestResponse) -> (u16, Value) {
    let (status, is_problem) =
        (response.0.status().as_u16(), response.0.content_type() == Some("application/problem+json"));
    assert_eq!(is_problem, status >= 400, "{status}");
    let body = response.0.into_body().into_vec().await.unwrap();
    let body: Value = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() };
    if is_problem {
        assert_eq!(body["status"], status, "{body}");
        assert!(body["title"].is_string() && body["detail"].is_string() && body["type"].is_string(), "{body}");
    }
    (status, body)
}

pub(crate) async fn get(client: &Client, path: &str) -> (u16, Value) {
    read(client.get(path).send().await).await
}

pub(crate) async fn post(client: &Client, path: &str, body: &Value) -> (u16, Value) {
    read(client.post(path).content_type("application/json").body(body.to_string()).send().await).await
}

pub(crate) async fn patch(client: &Client, path: &str, body: &Value) -> (u16, Value) {
    read(client.patch(path).content_type("application/json").body(body.to_string()).send().await).await
}

pub(crate) async fn delete(client: &Client, path: &str) -> (u16, Value) {
    read(client.delete(path).send().await).await
}

/// Makes a room and returns its id.
pub(crate) async fn room(client: &Client, name: &str) -> u64 {
    let (status, room) = post(client, "/api/chat/rooms", &serde_json::json!({ "name": name })).await;
    assert_eq!(status, 201, "{room}");
    room["id"].as_u64().unwrap()
}

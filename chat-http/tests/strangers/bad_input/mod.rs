//! Bad input over HTTP: no answer is a 5xx, and each is a problem that names what is wrong. The names of the tests begin with
//! the rows of the table of bad input in `docs/security.md`.

mod framing;
mod numbers;
mod requests;
mod rest;
mod texts;

use poem::Body;
use serde_json::{Value, json};

use crate::common::{Client, client, read};

async fn send(client: &Client, path: &str, content_type: &str, body: impl Into<Body>) -> (u16, Value) {
    read(client.post(path).content_type(content_type).body(body).send().await).await
}

async fn post_room(body: impl Into<Body>) -> (u16, Value) {
    send(&client().await, "/api/chat/rooms", "application/json", body).await
}

/// Fails unless a room of this body is refused with this code, for this field.
async fn assert_room(body: &str, code: &str, field: Option<&str>) {
    let (status, problem) = post_room(body.to_owned()).await;
    assert_eq!((status, &problem["code"]), (400, &json!(code)), "{body}: {problem}");
    assert_eq!(problem.get("field").and_then(Value::as_str), field, "{body}: {problem}");
    for internal in ["line", "column", "serde", "expected value"] {
        assert!(!problem["detail"].as_str().unwrap().contains(internal), "{problem}");
    }
}

//! What people do with messages besides sending them, over REST and sockets, each call and each refusal.

mod bad_input;
mod changes;
mod feed;
mod keys;
mod marks;
mod messages;
mod pins;
mod reactions;
mod search;
mod sockets;
mod threads;

use poem::http::Method;
use serde_json::{Value, json};

use crate::common::{Client, client, delete, get, post, read, room};

/// A room with one message of Alice's, called in process.
struct Stage {
    client: Client,
}

impl Stage {
    /// The room 1, in which nothing was written.
    async fn empty() -> Self {
        let client = client().await;
        assert_eq!(room(&client, "general").await, 1);
        Self { client }
    }

    /// The room 1 with the message 1 of Alice's.
    async fn new() -> Self {
        let stage = Self::empty().await;
        assert_eq!(stage.send("Alice", json!({"content": "Hello!"})).await["seq"], 1);
        stage
    }

    /// Sends a message, and returns its event.
    async fn send(&self, name: &str, body: Value) -> Value {
        let (status, sent) = post(&self.client, &path("messages", name), &body).await;
        assert_eq!(status, 201, "{sent}");
        sent
    }

    /// Makes a call below the room as somebody: the path stands behind `/rooms/1/`.
    async fn call(&self, method: Method, below: &str, name: &str, body: Option<Value>) -> (u16, Value) {
        let (status, answer, _) = self.call_with_key(method, below, name, body, None).await;
        (status, answer)
    }

    /// The same with a key; says also whether it is a replay.
    async fn call_with_key(
        &self,
        method: Method,
        below: &str,
        name: &str,
        body: Option<Value>,
        key: Option<&str>,
    ) -> (u16, Value, bool) {
        let mut request = self.client.request(method, path(below, name));
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        if let Some(body) = body {
            request = request.content_type("application/json").body(body.to_string());
        }
        let response = request.send().await;
        let replayed = response.0.headers().get("Idempotency-Replayed").map(|value| value.to_str().unwrap().to_owned());
        assert!(matches!(replayed.as_deref(), None | Some("true")), "{replayed:?}");
        let (status, answer) = read(response).await;
        (status, answer, replayed.is_some())
    }

    async fn edit(&self, seq: u64, name: &str, body: Value) -> (u16, Value) {
        self.call(Method::PATCH, &format!("messages/{seq}"), name, Some(body)).await
    }

    async fn react(&self, seq: u64, name: &str, reaction: &str) -> (u16, Value) {
        self.call(Method::PUT, &format!("messages/{seq}/reactions/{reaction}"), name, None).await
    }

    async fn delete(&self, seq: u64, name: &str) -> (u16, Value) {
        delete(&self.client, &path(&format!("messages/{seq}"), name)).await
    }

    /// A message as it is, for somebody.
    async fn state(&self, seq: u64, name: &str) -> Value {
        let (status, state) = get(&self.client, &path(&format!("messages/{seq}"), name)).await;
        assert_eq!(status, 200, "{state}");
        state
    }

    /// What is answered to a GET below the room.
    async fn get(&self, below: &str, name: &str) -> Value {
        let (status, answer) = get(&self.client, &path(below, name)).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// The room's head.
    async fn head(&self) -> u64 {
        get(&self.client, "/api/chat/rooms/1").await.1["head"].as_u64().unwrap()
    }
}

/// A path below the room 1, called by somebody, or by nobody.
fn path(below: &str, name: &str) -> String {
    let name = if name.is_empty() { String::new() } else { format!("username={name}") };
    let sign = if below.contains('?') { '&' } else { '?' };
    format!("/api/chat/rooms/1/{below}{sign}{name}")
}

/// The status and the code of a refusal.
#[track_caller]
fn assert_refused((status, problem): (u16, Value), expected: u16, code: &str) {
    assert_eq!((status, &problem["code"]), (expected, &json!(code)), "{problem}");
}

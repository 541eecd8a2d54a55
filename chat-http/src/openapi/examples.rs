//! An example request and answer for every operation.

use serde_json::{Map, Value, json};

/// Adds the examples to the document.
pub(super) fn add(document: &mut Value) {
    let paths = document["paths"].as_object_mut().into_iter().flat_map(|paths| paths.values_mut());
    for operation in paths.filter_map(Value::as_object_mut).flat_map(|item| item.values_mut()) {
        let Some(mut example) = operation["operationId"].as_str().map(of) else { continue };
        if let Some(body) = operation.get_mut("requestBody") {
            body["content"]["application/json"]["example"] = example["request"].take();
        }
        for (status, response) in operation["responses"].as_object_mut().into_iter().flatten() {
            for content in
                response.get_mut("content").and_then(Value::as_object_mut).into_iter().flat_map(Map::values_mut)
            {
                content["example"] = example["responses"][status].take();
            }
        }
        for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
            let value = parameter["name"].as_str().map(parameter_of).unwrap_or_default();
            if !value.is_null() {
                parameter["example"] = value;
            }
        }
    }
}

/// The example of an operation, by its name.
fn of(operation: &str) -> Value {
    match operation {
        "create_room" => json!({
            "request": {"name": "general", "topic": "Everything"},
            "responses": {"201": new_room()},
        }),
        "list_rooms" => json!({"responses": {"200": {"rooms": [room()], "next": null}}}),
        "get_room" => json!({"responses": {"200": room()}}),
        "update_room" => json!({"request": {"topic": "Everything"}, "responses": {"200": room()}}),
        "list_messages" => json!({"responses": {"200": {
            "messages": [message()],
            "head": 57,
            "epoch": EPOCH,
            "has_before": true,
            "has_after": false,
        }}}),
        "send_message" => json!({
            "request": {"content": "Hello!"},
            "responses": {"200": message(), "201": message()},
        }),
        "get_presence" => json!({"responses": {"200": {
            "count": 2,
            "users": ["Alice", "Bob"],
            "identities": [{"user": "Alice", "username": "Alice"}, {"user": "Bob", "username": "Bob"}],
        }}}),
        "stream_events" => json!({"responses": {"200": STREAM}}),
        _ => Value::Null,
    }
}

/// The example of a parameter. Parameters that exclude each other have none.
fn parameter_of(name: &str) -> Value {
    match name {
        "username" => "Alice".into(),
        "room_id" => 1.into(),
        "limit" => 50.into(),
        "q" => "gen".into(),
        "Idempotency-Key" => KEY.into(),
        "Last-Event-ID" => format!("{EPOCH}:56").into(),
        _ => Value::Null,
    }
}

fn room() -> Value {
    json!({"id": 1, "name": "general", "topic": "Everything", "created_at": "2026-11-22T10:00:00.000Z", "head": 57,
        "last_message_at": "2026-11-22T11:30:00.000Z", "online": 2})
}

fn new_room() -> Value {
    json!({"id": 1, "name": "general", "topic": "Everything", "created_at": "2026-11-22T10:00:00.000Z", "head": 0,
        "last_message_at": null, "online": 0})
}

fn message() -> Value {
    json!({"type": "message", "id": 57, "username": "Alice", "content": "Hello!", "timestamp": "2026-11-22T11:30:00.000Z",
        "room": 1, "seq": 57, "user": "Alice", "key": KEY})
}

const KEY: &str = "019aab6c-8f70-7c4e-9c55-3f0f6f3a1b2d";
const EPOCH: &str = "5f0c2a9e41d7b386";
/// The stream of a client that resumes after the event 56.
const STREAM: &str = concat!(
    "retry: 1720\n",
    "id: 5f0c2a9e41d7b386:56\n",
    r#"data: {"type":"attached","room":1,"epoch":"5f0c2a9e41d7b386","head":57,"events":[]}"#,
    "\n\nid: 5f0c2a9e41d7b386:57\n",
    r#"data: {"type":"message","id":57,"username":"Alice","content":"Hello!","timestamp":"2026-11-22T11:30:00.000Z","#,
    r#""room":1,"seq":57,"user":"Alice"}"#,
    "\n\n",
    r#"data: {"type":"user_list","users":["Alice"],"identities":[{"user":"Alice","username":"Alice"}],"count":1,"#,
    r#""room":1,"timestamp":"2026-11-22T11:31:00.000Z"}"#,
    "\n\n",
);

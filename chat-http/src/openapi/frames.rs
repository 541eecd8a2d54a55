//! The frames of the WebSocket, as schemas: OpenAPI has no word for sockets, but generators of clients make types of these.

use serde_json::{Map, Value, json};

/// Adds the frames to the schemas of the document.
pub(super) fn add(document: &mut Value) {
    let schemas = &mut document["components"]["schemas"];
    for frame in CLIENT.iter().chain(SERVER).filter(|frame| !frame.fields.is_empty()) {
        schemas[frame.name] = frame.schema();
    }
    schemas["Position"] = json!({
        "description": "Where someone stands in a room: everything up to `seq` is known. `epoch` is the word for the history \
                        that the number belongs to; without it only the number counts.",
        "type": "object",
        "required": ["seq"],
        "properties": {"epoch": {"type": "string", "maxLength": 64}, "seq": {"type": "integer", "minimum": 0}},
        "additionalProperties": false,
    });
    schemas["ClientFrame"] = union("What a client says.", CLIENT);
    schemas["ServerFrame"] = union("What the server says.", SERVER);
    let events: Vec<Frame> = SERVER.iter().filter(|frame| frame.is_event).copied().collect();
    schemas["RoomEvent"] = union("What is stored in a room's log, under the number `seq`.", &events);
}

/// The frames, as the head of the document tells of them.
pub(super) fn described() -> String {
    let mut text = INTRODUCTION.to_owned();
    for (heading, frames) in [("What a client says", CLIENT), ("What the server says", SERVER)] {
        text.push_str(&format!("\n### {heading}\n\n"));
        for frame in frames {
            text.push_str(&format!(
                "**{}** ({}): {}\n\n```json\n{}\n```\n\n",
                frame.kind, frame.name, frame.about, frame.example
            ));
        }
    }
    text.push_str(CLOSE_CODES);
    text
}

const INTRODUCTION: &str = "\
## WebSocket

`/ws/chat/{room_id}?username=Alice` is one room, from now on; `&after=41&epoch=…` comes back to it after number 41, and \
`&presence=false` reads unseen. There a frame need not name its `room`, and `attach` and `detach` are refused. \
`/ws/chat?username=Alice` is the same for many rooms: every frame names its `room`.

Frames are text in JSON, one object each, at most 256 KiB. A `ref` of 1–64 characters in what is asked comes back in the answer: \
`attached`, `resync`, `pong` and `error` always come, `ok` only where there was a `ref`. On attaching come `attached` (or \
`resync`), `user_list`, and `typing` if anyone is; then what happens, in order. An `error` closes nothing, but the fifth \
frame within a minute that is no frame of these does.
";

const CLOSE_CODES: &str = "\
### Close codes

**44xx: stay away, 45xx: come back**, as with 1001, 1011, 1012, 1013 and an end without a code. 4400 bad frames, room id or \
position; 4401 who are you; 4403 removed; 4404 no such room; 4409 too many connections; 4410 the room was deleted; 4508 no \
authentication in time; 4529 too fast; 4540 the token expired; 4560 too slow a reader; 4562 no answer to pings.
";

/// A kind of frame.
#[derive(Clone, Copy)]
struct Frame {
    /// What its `type` says.
    kind: &'static str,
    /// The name of its schema.
    name: &'static str,
    about: &'static str,
    /// Its fields besides `type`, as JSON: a schema each, and `?` after the names of those that may be left out. Empty for a
    /// frame whose schema is there already.
    fields: &'static str,
    /// One as it is on the wire.
    example: &'static str,
    /// Whether it stands in the room's log.
    is_event: bool,
    /// Whether the server refuses fields that are not named here.
    is_strict: bool,
}

impl Frame {
    /// What a client says: read strictly.
    const fn said(
        kind: &'static str,
        name: &'static str,
        about: &'static str,
        fields: &'static str,
        example: &'static str,
    ) -> Self {
        Self { kind, name, about, fields, example, is_event: false, is_strict: true }
    }

    /// What a client hears.
    const fn heard(
        kind: &'static str,
        name: &'static str,
        about: &'static str,
        fields: &'static str,
        example: &'static str,
    ) -> Self {
        Self { kind, name, about, fields, example, is_event: false, is_strict: false }
    }

    /// The same, of one that stands in the log.
    const fn event(mut self) -> Self {
        self.is_event = true;
        self
    }

    fn schema(&self) -> Value {
        let fields: Map<String, Value> = serde_json::from_str(self.fields).unwrap_or_default();
        let mut required = vec!["type"];
        let mut properties = Map::new();
        properties.insert("type".to_owned(), json!({"type": "string", "enum": [self.kind]}));
        for (name, schema) in &fields {
            let name = name.strip_suffix('?').unwrap_or_else(|| {
                required.push(name);
                name
            });
            properties.insert(name.to_owned(), spelled_out(schema));
        }
        let mut schema = json!({
            "description": self.about,
            "type": "object",
            "required": required,
            "properties": properties,
            "example": serde_json::from_str::<Value>(self.example).unwrap_or_default(),
        });
        if self.is_strict {
            schema["additionalProperties"] = false.into();
        }
        schema
    }
}

/// What a word for a type stands for.
fn spelled_out(schema: &Value) -> Value {
    let Some(word) = schema.as_str() else { return schema.clone() };
    match word {
        "number" => json!({"type": "integer", "format": "int64", "minimum": 0}),
        "room" | "seq" => json!({"type": "integer", "format": "int64", "minimum": 1}),
        "ref" => json!({"type": "string", "minLength": 1, "maxLength": 64}),
        "key" => json!({"type": "string", "minLength": 1, "maxLength": 64}),
        "text" => json!({"type": "string"}),
        "text or null" => json!({"type": "string", "nullable": true}),
        "time" => json!({"type": "string", "format": "date-time"}),
        "yes or no" => json!({"type": "boolean"}),
        "texts" => json!({"type": "array", "items": {"type": "string"}}),
        "events" => json!({"type": "array", "items": reference("RoomEvent")}),
        "identities" => json!({"type": "array", "items": reference("Identity")}),
        name => reference(name),
    }
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

fn union(about: &str, frames: &[Frame]) -> Value {
    let mapping: Map<String, Value> =
        frames.iter().map(|frame| (frame.kind.to_owned(), reference(frame.name)["$ref"].clone())).collect();
    json!({
        "description": about,
        "oneOf": frames.iter().map(|frame| reference(frame.name)).collect::<Vec<_>>(),
        "discriminator": {"propertyName": "type", "mapping": mapping},
    })
}

const CLIENT: &[Frame] = &[
    Frame::said(
        "attach",
        "AttachCommand",
        "Hear a room: from `after` on, or from now on. With `presence` false nobody sees that you are there; it is true unless it is given.",
        r#"{"room": "room", "after?": "Position", "presence?": "yes or no", "ref?": "ref"}"#,
        r#"{"type": "attach", "room": 1, "after": {"epoch": "5f0c2a9e41d7b386", "seq": 41}, "presence": true, "ref": "a1"}"#,
    ),
    Frame::said(
        "detach",
        "DetachCommand",
        "Hear no more of a room.",
        r#"{"room": "room", "ref?": "ref"}"#,
        r#"{"type": "detach", "room": 1, "ref": "d1"}"#,
    ),
    Frame::said(
        "message",
        "MessageCommand",
        "Write a message. With a `key` it may be sent again, also over REST and on another connection: it is stored once.",
        r#"{"room?": "room", "content": "text", "key?": "key", "ref?": "ref"}"#,
        r#"{"type": "message", "room": 1, "content": "Hello!", "key": "k1", "ref": "m1"}"#,
    ),
    Frame::said(
        "typing",
        "TypingCommand",
        "Show that one is typing, or not any more. To be said again every 3 s; it is over after 6 s.",
        r#"{"room?": "room", "is_typing": "yes or no", "ref?": "ref"}"#,
        r#"{"type": "typing", "room": 1, "is_typing": true, "ref": "t1"}"#,
    ),
    Frame::said("ping", "PingCommand", "Is anyone there?", r#"{"ref?": "ref"}"#, r#"{"type": "ping", "ref": "p1"}"#),
];

const SERVER: &[Frame] = &[
    Frame::heard(
        "attached",
        "AttachedFrame",
        "Attached: the room's `head`, and exactly the `events` after the position that was named. With `more` the rest of them \
         follows at once in `events`. Then all is live.",
        r#"{"room": "room", "epoch": "text", "head": "number", "events": "events", "more?": "yes or no", "ref?": "ref"}"#,
        r#"{"type": "attached", "ref": "a1", "room": 1, "epoch": "5f0c2a9e41d7b386", "head": 42, "events": [{"type": "message", "id": 42, "username": "Alice", "content": "Hello!", "timestamp": "2026-11-22T10:00:00.000Z", "room": 1, "seq": 42, "user": "Alice", "key": "k1"}]}"#,
    ),
    Frame::heard(
        "events",
        "EventsFrame",
        "The `events` that had no place in `attached` or in the `events` before; `more` tells whether there are more.",
        r#"{"room": "room", "events": "events", "more": "yes or no"}"#,
        r#"{"type": "events", "room": 1, "events": [{"type": "message", "id": 42, "username": "Alice", "content": "Hello!", "timestamp": "2026-11-22T10:00:00.000Z", "room": 1, "seq": 42, "user": "Alice", "key": "k1"}], "more": false}"#,
    ),
    Frame::heard(
        "resync",
        "ResyncFrame",
        "Attached, but too much was missed, or the position is of another history: read the history again. What follows is \
         live after `head`.",
        r#"{"room": "room", "epoch": "text", "head": "number", "ref?": "ref"}"#,
        r#"{"type": "resync", "ref": "a1", "room": 1, "epoch": "5f0c2a9e41d7b386", "head": 9001}"#,
    ),
    Frame::heard(
        "ok",
        "OkFrame",
        "Done. For a message: stored, under this `seq`; `replayed` when its key had been used before.",
        r#"{"ref": "ref", "room": "room", "seq?": "seq", "timestamp?": "time", "replayed?": "yes or no"}"#,
        r#"{"type": "ok", "ref": "m1", "room": 1, "seq": 42, "timestamp": "2026-11-22T10:00:00.000Z"}"#,
    ),
    Frame::heard("pong", "PongFrame", "Someone is.", r#"{"ref?": "ref"}"#, r#"{"type": "pong", "ref": "p1"}"#),
    Frame::heard(
        "error",
        "ErrorFrame",
        "What was asked is refused. The `code` is the same on every transport; `message` is for people.",
        r#"{"code": "ProblemCode", "message": "text", "room?": "room", "field?": "text", "retry_after_ms?": "number", "ref?": "ref"}"#,
        r#"{"type": "error", "ref": "m1", "room": 1, "code": "invalid_field", "field": "content", "message": "content: is missing"}"#,
    ),
    Frame::heard(
        "message",
        "Message",
        "Someone wrote, oneself included.",
        "",
        r#"{"type": "message", "id": 42, "username": "Alice", "content": "Hello!", "timestamp": "2026-11-22T10:00:00.000Z", "room": 1, "seq": 42, "user": "Alice", "key": "k1"}"#,
    )
    .event(),
    Frame::heard(
        "room_updated",
        "RoomUpdatedFrame",
        "The room has another name or topic. Without a name where nobody said who they are.",
        r#"{"room": "room", "seq": "seq", "name": "text", "topic": "text", "username": "text or null", "user": "text or null", "timestamp": "time"}"#,
        r#"{"type": "room_updated", "room": 1, "seq": 43, "name": "general", "topic": "News", "username": "Bob", "user": "Bob", "timestamp": "2026-11-22T10:00:00.000Z"}"#,
    )
    .event(),
    Frame::heard(
        "room_deleted",
        "RoomDeletedFrame",
        "The room is gone, and this is the last of it. A socket of this room alone is closed with 4410.",
        r#"{"room": "room", "seq": "seq", "username": "text or null", "user": "text or null", "timestamp": "time"}"#,
        r#"{"type": "room_deleted", "room": 1, "seq": 44, "username": null, "user": null, "timestamp": "2026-11-22T10:00:00.000Z"}"#,
    )
    .event(),
    Frame::heard(
        "join",
        "JoinFrame",
        "Someone came. `content` is the same in words.",
        r#"{"username": "text", "user": "text", "content": "text", "room": "room", "timestamp": "time"}"#,
        r#"{"type": "join", "username": "Bob", "user": "Bob", "content": "Bob joined the room", "room": 1, "timestamp": "2026-11-22T10:00:00.000Z"}"#,
    ),
    Frame::heard(
        "leave",
        "LeaveFrame",
        "Someone went. `content` is the same in words.",
        r#"{"username": "text", "user": "text", "content": "text", "room": "room", "timestamp": "time"}"#,
        r#"{"type": "leave", "username": "Bob", "user": "Bob", "content": "Bob left the room", "room": 1, "timestamp": "2026-11-22T10:00:00.000Z"}"#,
    ),
    Frame::heard(
        "user_list",
        "UserListFrame",
        "Who is there: names, the same with ids, and how many. Above 200 only how many.",
        r#"{"users": "texts", "identities": "identities", "count": "number", "room": "room", "timestamp": "time"}"#,
        r#"{"type": "user_list", "users": ["Alice", "Bob"], "identities": [{"user": "Alice", "username": "Alice"}, {"user": "Bob", "username": "Bob"}], "count": 2, "room": 1, "timestamp": "2026-11-22T10:00:00.000Z"}"#,
    ),
    Frame::heard(
        "typing",
        "TypingFrame",
        "Who is typing now: how many, and at most 5 of them, those who began first.",
        r#"{"users": "texts", "identities": "identities", "count": "number", "room": "room", "timestamp": "time"}"#,
        r#"{"type": "typing", "users": ["Alice"], "identities": [{"user": "Alice", "username": "Alice"}], "count": 1, "room": 1, "timestamp": "2026-11-22T10:00:00.000Z"}"#,
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_and_examples_are_json_and_fit() {
        for frame in CLIENT.iter().chain(SERVER) {
            let example: Value = serde_json::from_str(frame.example).unwrap();
            assert_eq!(example["type"], frame.kind);
            if frame.fields.is_empty() {
                continue;
            }
            let fields: Map<String, Value> = serde_json::from_str(frame.fields).unwrap();
            for name in example.as_object().unwrap().keys().filter(|name| *name != "type") {
                assert!(
                    fields.contains_key(name) || fields.contains_key(&format!("{name}?")),
                    "{}: {name}",
                    frame.name
                );
            }
        }
    }
}

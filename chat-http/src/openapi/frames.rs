//! The frames of the WebSocket as schemas. OpenAPI cannot describe sockets, but generators of clients make types of
//! schemas.

use serde_json::{Map, Value, json};

/// Adds the frames to the schemas of the document.
pub(super) fn add(document: &mut Value) {
    let schemas = &mut document["components"]["schemas"];
    for frame in CLIENT.iter().chain(SERVER).filter(|frame| !frame.fields.is_empty()) {
        schemas[frame.name] = frame.schema();
    }
    schemas["Position"] = json!({
        "description": "A position in a room: you have everything up to `seq`. `epoch` names the history that the number \
                        belongs to; without it, only the number counts.",
        "type": "object",
        "required": ["seq"],
        "properties": {"epoch": {"type": "string", "maxLength": 64}, "seq": {"type": "integer", "minimum": 0}},
        "additionalProperties": false,
    });
    schemas["ClientFrame"] = union("A frame that a client sends.", CLIENT);
    schemas["ServerFrame"] = union("A frame that the server sends.", SERVER);
    let events: Vec<Frame> = SERVER.iter().filter(|frame| frame.is_event).copied().collect();
    schemas["RoomEvent"] = union("An event of a room's log, stored under the number `seq`.", &events);
}

/// The frames as a text, in Markdown.
pub(super) fn described() -> String {
    let mut text = INTRODUCTION.to_owned();
    for (heading, frames) in [("What a client sends", CLIENT), ("What the server sends", SERVER)] {
        text.push_str(&format!("\n## {heading}\n\n"));
        for frame in frames {
            text.push_str(&format!(
                "### {}\n\n`{}`. {}\n\n```json\n{}\n```\n\n",
                frame.kind, frame.name, frame.about, frame.example
            ));
        }
    }
    text.push_str(CLOSE_CODES);
    text
}

const INTRODUCTION: &str = "\
# The frames of the WebSocket

`/ws/chat/{room_id}?username=Alice` connects you to one room, from now on. With `&after=41&epoch=…` you resume after number 41. \
With `&presence=false` you are not shown as online. On this socket a frame need not name its `room`, and `attach` and `detach` \
are refused. `/ws/chat?username=Alice` does the same for many rooms: every frame names its `room`. It begins with `hello`, and \
brings notices about you whichever rooms are attached; and there you can watch up to 1,000 rooms (`events: false`). \
Without `username`, a header `Authorization`, or a ticket as a sub-protocol (`chat, ticket.…`), the first frame is `auth`.

Each frame is one JSON object as text, at most 256 KiB. If a command has a `ref` of 1–64 characters, its answer has it, too. \
`attached`, `resync`, `pong` and `error` always come; `ok` comes only if there was a `ref`. After you attach, you get `attached` \
(or `resync`), then `user_list`, and `typing` if anyone is typing. Then the room's events follow in order. An `error` does not \
close the socket. But the server closes it after the fifth malformed frame within a minute.
";

const CLOSE_CODES: &str = "\
## Close codes

**After 44xx, stay away. After 45xx, come back**, as after 1001, 1011, 1012, 1013 and an end without a code. 4400 bad frames, \
room id or position; 4401 not authenticated; 4403 removed or banned; 4404 no such room; 4409 too many connections; 4410 the room was \
deleted; 4508 not authenticated in time; 4529 too fast; 4540 the token expired; 4560 you read too slowly; 4562 no answer to pings.
";

/// A kind of frame.
#[derive(Clone, Copy)]
struct Frame {
    /// The value of its field `type`.
    kind: &'static str,
    /// The name of its schema.
    name: &'static str,
    about: &'static str,
    /// Its fields besides `type`, as JSON: a schema per field; names of optional fields end with `?`. It is empty if
    /// the schema of the frame exists already.
    fields: &'static str,
    /// An example, as it is on the wire.
    example: &'static str,
    /// Whether it is an event of the room's log.
    is_event: bool,
    /// Whether the server refuses fields that are not named here.
    is_strict: bool,
}

impl Frame {
    /// A frame that clients send. It is read strictly.
    const fn from_client(
        kind: &'static str,
        name: &'static str,
        about: &'static str,
        fields: &'static str,
        example: &'static str,
    ) -> Self {
        Self { kind, name, about, fields, example, is_event: false, is_strict: true }
    }

    /// A frame that the server sends.
    const fn from_server(
        kind: &'static str,
        name: &'static str,
        about: &'static str,
        fields: &'static str,
        example: &'static str,
    ) -> Self {
        Self { kind, name, about, fields, example, is_event: false, is_strict: false }
    }

    /// Marks the frame as an event of the log.
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

/// Expands the abbreviation of a schema.
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
        "object" => json!({"type": "object", "additionalProperties": true}),
        "member" => json!({
            "type": "object",
            "required": ["user", "username"],
            "properties": {"user": {"type": "string"}, "username": {"type": "string"}, "role": reference("Role")},
        }),
        "marks" => json!({"type": "array", "items": reference("ReadMark")}),
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
    Frame::from_client(
        "attach",
        "AttachCommand",
        "Attach a room: from `after` on, or from now on. With `presence: false`, you are not shown as online. The default is true. \
         With `events: false` (without `after`, and never shown as online) you only watch it: instead of events, you get \
         `activity` at most once a second. To attach a room that you watch ends the watch.",
        r#"{"room": "room", "after?": "Position", "presence?": "yes or no", "events?": "yes or no", "ref?": "ref"}"#,
        r#"{"type": "attach", "room": 1, "after": {"epoch": "5f0c2a9e41d7b386", "seq": 41}, "presence": true, "ref": "a1"}"#,
    ),
    Frame::from_client(
        "detach",
        "DetachCommand",
        "Detach a room, or watch it no longer: nothing more of it follows.",
        r#"{"room": "room", "ref?": "ref"}"#,
        r#"{"type": "detach", "room": 1, "ref": "d1"}"#,
    ),
    Frame::from_client(
        "message",
        "MessageCommand",
        "Send a message. If it has a `key`, you may send it again, also over REST or on another connection: it is stored once.",
        r#"{"room?": "room", "content": "text", "reply_to?": "number", "thread?": "number", "mentions?": "texts", "mentions_room?": "yes or no", "meta?": "object", "key?": "key", "ref?": "ref"}"#,
        r#"{"type": "message", "room": 1, "content": "Hello!", "key": "k1", "ref": "m1"}"#,
    ),
    Frame::from_client(
        "edit",
        "EditCommand",
        "Edit a message of yours. What you leave out stays as it is; `[]`, `{}` and `false` take it away.",
        r#"{"room?": "room", "target": "number", "content": "text", "mentions?": "texts", "mentions_room?": "yes or no", "meta?": "object", "key?": "key", "ref?": "ref"}"#,
        r#"{"type": "edit", "room": 1, "target": 42, "content": "Hello, Bob!", "mentions": ["Bob"], "key": "k2", "ref": "e1"}"#,
    ),
    Frame::from_client(
        "delete",
        "DeleteCommand",
        "Delete a message of yours: its text is erased, and a tombstone stays.",
        r#"{"room?": "room", "target": "number", "reason?": "text", "key?": "key", "ref?": "ref"}"#,
        r#"{"type": "delete", "room": 1, "target": 42, "reason": "Sent to the wrong room", "key": "k3", "ref": "d2"}"#,
    ),
    Frame::from_client(
        "react",
        "ReactCommand",
        "Add a reaction to a message, or take it back. A reaction is 1–64 bytes in NFC, usually one emoji.",
        r#"{"room?": "room", "target": "number", "reaction": "text", "added": "yes or no", "key?": "key", "ref?": "ref"}"#,
        r#"{"type": "react", "room": 1, "target": 42, "reaction": "👍", "added": true, "key": "k4", "ref": "r1"}"#,
    ),
    Frame::from_client(
        "pin",
        "PinCommand",
        "Pin a message in the room, or unpin it.",
        r#"{"room?": "room", "target": "number", "pinned": "yes or no", "key?": "key", "ref?": "ref"}"#,
        r#"{"type": "pin", "room": 1, "target": 42, "pinned": true, "key": "k5", "ref": "i1"}"#,
    ),
    Frame::from_client(
        "read",
        "ReadCommand",
        "Mark the room as read up to `seq`. The mark goes back only with `back`. It is always answered with what is unread.",
        r#"{"room?": "room", "seq": "number", "back?": "yes or no", "ref?": "ref"}"#,
        r#"{"type": "read", "room": 1, "seq": 42, "ref": "u1"}"#,
    ),
    Frame::from_client(
        "typing",
        "TypingCommand",
        "Show that you are typing, or that you have stopped. Send it again every 3 s while you type: it ends after 6 s.",
        r#"{"room?": "room", "is_typing": "yes or no", "ref?": "ref"}"#,
        r#"{"type": "typing", "room": 1, "is_typing": true, "ref": "t1"}"#,
    ),
    Frame::from_client(
        "ping",
        "PingCommand",
        "Ask for a `pong`, to check the connection.",
        r#"{"ref?": "ref"}"#,
        r#"{"type": "ping", "ref": "p1"}"#,
    ),
    Frame::from_client(
        "auth",
        "AuthCommand",
        "Say who you are, with a `token` or a `ticket`: as the first frame of a socket whose request did not say it, within 10 s \
         and 8 KiB, or later with a new token of the same user. The answer `ok` always comes; a bad one closes with 4401.",
        r#"{"token?": "text", "ticket?": "text", "ref?": "ref"}"#,
        r#"{"type": "auth", "ticket": "6c1f0f2b9d6e4a3f8b7c5d4e3f2a1b0c", "ref": "t1"}"#,
    ),
];

const SERVER: &[Frame] = &[
    Frame::from_server(
        "hello",
        "HelloFrame",
        "The first frame on `/ws/chat`: who you are. Notices about you count from here: after each `hello`, read your rooms again.",
        r#"{"user": "text", "username": "text"}"#,
        r#"{"type": "hello", "user": "Alice", "username": "Alice"}"#,
    ),
    Frame::from_server(
        "attached",
        "AttachedFrame",
        "You are attached. The frame has the room's `head`, and exactly the `events` after your position. With `more`, the rest \
         follows at once in `events` frames. After that, events are live. For a room that you watch there are no `events`.",
        r#"{"room": "room", "epoch": "text", "head": "number", "events?": "events", "more?": "yes or no", "ref?": "ref"}"#,
        r#"{"type": "attached", "ref": "a1", "room": 1, "epoch": "5f0c2a9e41d7b386", "head": 42, "events": [{"type": "message", "id": 42, "username": "Alice", "content": "Hello!", "timestamp": "2026-11-22T10:00:00.000Z", "room": 1, "seq": 42, "user": "Alice", "key": "k1"}]}"#,
    ),
    Frame::from_server(
        "events",
        "EventsFrame",
        "More of the missed events, which did not fit into `attached` or the last `events`. `more` says whether others follow.",
        r#"{"room": "room", "events": "events", "more": "yes or no"}"#,
        r#"{"type": "events", "room": 1, "events": [{"type": "message", "id": 42, "username": "Alice", "content": "Hello!", "timestamp": "2026-11-22T10:00:00.000Z", "room": 1, "seq": 42, "user": "Alice", "key": "k1"}], "more": false}"#,
    ),
    Frame::from_server(
        "detached",
        "DetachedFrame",
        "A room is neither attached nor watched any more: you were `removed` or `banned`, have `left`, or the room became `private` \
         and you are not in. The event that did it comes before. (`deleted` is told to those who watch; an attachment ends with \
         `room_deleted` itself.) A socket for this room alone is closed with 4403 instead.",
        r#"{"room": "room", "reason": {"type": "string", "enum": ["deleted", "removed", "banned", "private", "left"]}}"#,
        r#"{"type": "detached", "room": 1, "reason": "banned"}"#,
    ),
    Frame::from_server(
        "resync",
        "ResyncFrame",
        "You are attached, but you missed too much, or your position belongs to another history: read the history again. \
         Events after `head` follow live.",
        r#"{"room": "room", "epoch": "text", "head": "number", "ref?": "ref"}"#,
        r#"{"type": "resync", "ref": "a1", "room": 1, "epoch": "5f0c2a9e41d7b386", "head": 9001}"#,
    ),
    Frame::from_server(
        "ok",
        "OkFrame",
        "The command is done. A message or a change is stored, under this `seq`; `replayed` is true if its key was used before. A \
         change that changes nothing has no `seq`. After `react`, `count` is how many users have the reaction. After `read`, `seq` \
         is your mark, and `unread`, `mentions` and `ordinal` say what is unread; it comes also without a `ref`. So it does after \
         `auth`, without a `room`: `user` and `username` are you, until `expires_in_ms` from now, if it ends.",
        r#"{"room?": "room", "user?": "text", "username?": "text", "expires_in_ms?": "number", "seq?": "number", "timestamp?": "time", "replayed?": "yes or no", "count?": "number", "unread?": "number", "mentions?": "number", "ordinal?": "number", "ref?": "ref"}"#,
        r#"{"type": "ok", "ref": "m1", "room": 1, "seq": 42, "timestamp": "2026-11-22T10:00:00.000Z"}"#,
    ),
    Frame::from_server(
        "expiring",
        "ExpiringFrame",
        "Your token ends `in_ms` from now: send `auth` with a new one. A minute after its end, the socket is closed with 4540.",
        r#"{"in_ms": "number"}"#,
        r#"{"type": "expiring", "in_ms": 60000}"#,
    ),
    Frame::from_server("pong", "PongFrame", "The answer to `ping`.", r#"{"ref?": "ref"}"#, r#"{"type": "pong", "ref": "p1"}"#),
    Frame::from_server(
        "error",
        "ErrorFrame",
        "The command is refused. The `code` is the same on every transport; `message` is for people.",
        r#"{"code": "ProblemCode", "message": "text", "room?": "room", "field?": "text", "retry_after_ms?": "number", "until?": "time", "ref?": "ref"}"#,
        r#"{"type": "error", "ref": "m1", "room": 1, "code": "invalid_field", "field": "content", "message": "content: is missing"}"#,
    ),
    Frame::from_server(
        "message",
        "Message",
        "A user wrote a message. You get your own messages, too.",
        "",
        r#"{"type": "message", "id": 42, "username": "Alice", "content": "Hello!", "timestamp": "2026-11-22T10:00:00.000Z", "room": 1, "seq": 42, "user": "Alice", "key": "k1"}"#,
    )
    .event(),
    Frame::from_server(
        "message_edited",
        "MessageEditedFrame",
        "The author edited the message `target`. `content`, `mentions`, `mentions_room` and `meta` are as they are after it: what is \
         left out, the message has no more. `erased` is true if the message was deleted since. `user` and `username` are null \
         if the server itself did it.",
        r#"{"room": "room", "seq": "seq", "target": "seq", "content": "text", "mentions?": "texts", "mentions_room?": "yes or no", "meta?": "object", "erased?": "yes or no", "username": "text or null", "user": "text or null", "timestamp": "time", "key?": "key"}"#,
        r#"{"type": "message_edited", "room": 1, "seq": 43, "target": 42, "content": "Hello, Bob!", "mentions": ["Bob"], "username": "Alice", "user": "Alice", "timestamp": "2026-11-22T10:00:00.000Z", "key": "k2"}"#,
    )
    .event(),
    Frame::from_server(
        "message_deleted",
        "MessageDeletedFrame",
        "The message `target` was deleted: its text is erased, and a tombstone stays.",
        r#"{"room": "room", "seq": "seq", "target": "seq", "reason?": "text", "username": "text or null", "user": "text or null", "timestamp": "time", "key?": "key"}"#,
        r#"{"type": "message_deleted", "room": 1, "seq": 46, "target": 42, "reason": "Sent to the wrong room", "username": "Alice", "user": "Alice", "timestamp": "2026-11-22T10:00:00.000Z", "key": "k3"}"#,
    )
    .event(),
    Frame::from_server(
        "reaction",
        "ReactionFrame",
        "A user reacted to the message `target` (`added`), or took the reaction back. `count` users have it there after this.",
        r#"{"room": "room", "seq": "seq", "target": "seq", "reaction": "text", "added": "yes or no", "count": "number", "username": "text or null", "user": "text or null", "timestamp": "time", "key?": "key"}"#,
        r#"{"type": "reaction", "room": 1, "seq": 44, "target": 42, "reaction": "👍", "added": true, "count": 1, "username": "Bob", "user": "Bob", "timestamp": "2026-11-22T10:00:00.000Z"}"#,
    )
    .event(),
    Frame::from_server(
        "pin",
        "PinFrame",
        "The message `target` was pinned, or unpinned.",
        r#"{"room": "room", "seq": "seq", "target": "seq", "pinned": "yes or no", "username": "text or null", "user": "text or null", "timestamp": "time", "key?": "key"}"#,
        r#"{"type": "pin", "room": 1, "seq": 45, "target": 42, "pinned": true, "username": "Bob", "user": "Bob", "timestamp": "2026-11-22T10:00:00.000Z"}"#,
    )
    .event(),
    Frame::from_server(
        "member",
        "MemberFrame",
        "Somebody has come into the room or left it, or may do something else there. `change` is `joined`, `added`, `left`, \
         `removed`, `role`, `banned`, `unbanned`, `muted` or `unmuted`; ignore any other. `member` is whom it is about, with the `role` \
         after it. `until` is when a ban or a mute is over, if it has an end: no event comes then. `user` and `username` say who did \
         it, and are null if the server did.",
        r#"{"room": "room", "seq": "seq", "change": "text", "member": "member", "until?": "time", "reason?": "text", "username": "text or null", "user": "text or null", "timestamp": "time", "key?": "key"}"#,
        r#"{"type": "member", "room": 1, "seq": 46, "change": "added", "member": {"user": "7", "username": "Bob", "role": "member"}, "username": "Ann", "user": "1", "timestamp": "2026-11-22T10:00:00.000Z"}"#,
    )
    .event(),
    Frame::from_server(
        "room_updated",
        "RoomUpdatedFrame",
        "The room's name, topic or terms have changed. `user` and `username` are null if the request had no name.",
        r#"{"room": "room", "seq": "seq", "name": "text", "topic": "text", "kind": "text", "invites": "text", "username": "text or null", "user": "text or null", "timestamp": "time"}"#,
        r#"{"type": "room_updated", "room": 1, "seq": 43, "name": "general", "topic": "News", "kind": "public", "invites": "members", "username": "Bob", "user": "Bob", "timestamp": "2026-11-22T10:00:00.000Z"}"#,
    )
    .event(),
    Frame::from_server(
        "room_deleted",
        "RoomDeletedFrame",
        "The room was deleted. This is its last event. A socket for this room alone is closed with 4410.",
        r#"{"room": "room", "seq": "seq", "username": "text or null", "user": "text or null", "timestamp": "time"}"#,
        r#"{"type": "room_deleted", "room": 1, "seq": 44, "username": null, "user": null, "timestamp": "2026-11-22T10:00:00.000Z"}"#,
    )
    .event(),
    Frame::from_server(
        "join",
        "JoinFrame",
        "A user came online. `content` says so in words.",
        r#"{"username": "text", "user": "text", "content": "text", "room": "room", "timestamp": "time"}"#,
        r#"{"type": "join", "username": "Bob", "user": "Bob", "content": "Bob joined the room", "room": 1, "timestamp": "2026-11-22T10:00:00.000Z"}"#,
    ),
    Frame::from_server(
        "leave",
        "LeaveFrame",
        "A user went offline. `content` says so in words.",
        r#"{"username": "text", "user": "text", "content": "text", "room": "room", "timestamp": "time"}"#,
        r#"{"type": "leave", "username": "Bob", "user": "Bob", "content": "Bob left the room", "room": 1, "timestamp": "2026-11-22T10:00:00.000Z"}"#,
    ),
    Frame::from_server(
        "user_list",
        "UserListFrame",
        "Who is online: names, the same users with ids, and their count. Above 200 users, only the count.",
        r#"{"users": "texts", "identities": "identities", "count": "number", "room": "room", "timestamp": "time"}"#,
        r#"{"type": "user_list", "users": ["Alice", "Bob"], "identities": [{"user": "Alice", "username": "Alice"}, {"user": "Bob", "username": "Bob"}], "count": 2, "room": 1, "timestamp": "2026-11-22T10:00:00.000Z"}"#,
    ),
    Frame::from_server(
        "typing",
        "TypingFrame",
        "Who is typing now: the count, and at most 5 of the users, those who started first.",
        r#"{"users": "texts", "identities": "identities", "count": "number", "room": "room", "timestamp": "time"}"#,
        r#"{"type": "typing", "users": ["Alice"], "identities": [{"user": "Alice", "username": "Alice"}], "count": 1, "room": 1, "timestamp": "2026-11-22T10:00:00.000Z"}"#,
    ),
    Frame::from_server(
        "activity",
        "ActivityFrame",
        "Something has happened in a room that you watch: a message, or an edit or deletion of the newest one. At most once a second. \
         `ordinal` is how many messages the room has had: add the difference to what was unread. `mentions_room`: a message since \
         the last `activity` mentions everyone. `last` is the newest message, with the first 120 characters of its text.",
        r#"{"room": "room", "head": "number", "ordinal": "number", "mentions_room?": "yes or no", "last?": {"type": "object", "required": ["seq", "content"], "properties": {"seq": {"type": "integer", "format": "int64", "minimum": 1, "maximum": 9007199254740991}, "user": {"type": "string"}, "username": {"type": "string"}, "content": {"type": "string"}}}}"#,
        r#"{"type": "activity", "room": 1, "head": 42, "ordinal": 40, "last": {"seq": 42, "user": "Alice", "username": "Alice", "content": "Hello!"}}"#,
    ),
    Frame::from_server(
        "mention",
        "MentionFrame",
        "A message mentions you by name, and did not before. `user` wrote it.",
        r#"{"room": "room", "seq": "seq", "user": "text", "username": "text"}"#,
        r#"{"type": "mention", "room": 1, "seq": 42, "user": "Alice", "username": "Alice"}"#,
    ),
    Frame::from_server(
        "thread",
        "ThreadFrame",
        "Somebody wrote in a thread that you began or wrote in. `root` is the message that began it.",
        r#"{"room": "room", "root": "seq", "seq": "seq"}"#,
        r#"{"type": "thread", "room": 1, "root": 42, "seq": 43}"#,
    ),
    Frame::from_server(
        "read",
        "ReadFrame",
        "Another session of yours has read the room up to `seq`; `unread` and `mentions` are what is left. Or, with `marks`: how far \
         others have read, at most once a second, while at most 100 are online.",
        r#"{"room": "room", "seq?": "number", "unread?": "number", "mentions?": "number", "ordinal?": "number", "marks?": "marks"}"#,
        r#"{"type": "read", "room": 1, "seq": 42, "unread": 0, "mentions": 0, "ordinal": 40}"#,
    ),
    Frame::from_server(
        "room_added",
        "RoomAddedFrame",
        "You may read a room from now on.",
        r#"{"room": "Room"}"#,
        r#"{"type": "room_added", "room": {"id": 1, "name": "general", "topic": "", "created_at": "2026-11-22T10:00:00.000Z", "head": 0, "last_message_at": null, "online": 0, "kind": "private", "owned": true, "invites": "members", "members": 2}}"#,
    ),
    Frame::from_server(
        "room_removed",
        "RoomRemovedFrame",
        "You may not read a room any more.",
        r#"{"room": "room", "reason": {"type": "string", "enum": ["deleted", "removed", "banned", "private", "left"]}}"#,
        r#"{"type": "room_removed", "room": 1, "reason": "removed"}"#,
    ),
    Frame::from_server(
        "missed",
        "MissedFrame",
        "Notices about you were dropped, because you read too slowly: read your rooms again.",
        "{}",
        r#"{"type": "missed"}"#,
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

//! The frames of the sockets: each kind is really sent or received here, fits its schema, and is shown in
//! `docs/frames.md` as it went over the wire.

use std::{collections::BTreeMap, env, fmt::Write, fs, path::Path, sync::Arc, time::SystemTime};

use crate::common::{
    engine, engine_with,
    schema::Document,
    socket::{Server, Socket},
};
use chat_core::{Actor, DetachReason, Draft, Error, Identity, Limits, MarkTo, Notice, RoomChange, RoomId};
use chat_http::{Authenticated, Authenticator};
use serde_json::{Value, json};

#[tokio::test]
async fn docs_frames_md_is_current() {
    let document = Document::new();
    let mut seen = Seen { document: &document, said: BTreeMap::new(), heard: BTreeMap::new() };
    play(&mut seen).await;
    miss_much(&mut seen).await;
    authenticate(&mut seen).await;
    let page = format!(
        "{HEAD}\n## What a client sends\n\n{}## What the server sends\n\n{}{FOOT}",
        described(&document, "ClientFrame", &seen.said),
        described(&document, "ServerFrame", &seen.heard),
    );
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/frames.md");
    if env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == page, "docs/frames.md is out of date: run `cargo xtask openapi` and commit it");
}

/// The first frame of each kind, in each direction.
struct Seen<'a> {
    document: &'a Document,
    said: BTreeMap<String, String>,
    heard: BTreeMap<String, String>,
}

impl Seen<'_> {
    /// Sends a text, and waits until it is granted.
    async fn say(&mut self, socket: &mut Socket, text: &str) {
        let said: Value = serde_json::from_str(text).unwrap();
        self.document.check(&json!({"$ref": "#/components/schemas/ClientFrame"}), &said, "said");
        self.said.entry(kind(&said)).or_insert_with(|| stable(text, &said));
        socket.say_text(text).await;
        loop {
            let frame = self.hear(socket).await;
            assert_ne!(frame["type"], "error", "{text}: {frame}");
            if frame["ref"] == said["ref"] {
                return;
            }
        }
    }

    /// Reads frames until one of this kind.
    async fn hear_of(&mut self, socket: &mut Socket, wanted: &str) -> Value {
        loop {
            let frame = self.hear(socket).await;
            if frame["type"] == wanted {
                return frame;
            }
        }
    }

    async fn hear(&mut self, socket: &mut Socket) -> Value {
        let text = socket.next_text().await;
        let frame: Value = serde_json::from_str(&text).unwrap();
        self.document.check(&json!({"$ref": "#/components/schemas/ServerFrame"}), &frame, "heard");
        // An empty list shows nothing.
        let shows_more = |old: &String| old.contains("[]") && !text.contains("[]");
        if self.heard.get(&kind(&frame)).is_none_or(shows_more) {
            self.heard.insert(kind(&frame), stable(&text, &frame));
        }
        frame
    }
}

/// Makes every kind of frame happen.
async fn play(seen: &mut Seen<'_>) {
    let server = Server::start(engine().await).await;
    let room = server.room("general").await;
    assert_eq!(room, RoomId(1));
    let mut bob = server.open("/ws/chat/1?username=Bob").await;
    let epoch = seen.hear(&mut bob).await["epoch"].as_str().unwrap().to_owned();
    let mut alice = server.open("/ws/chat?username=Alice").await;
    seen.say(&mut alice, r#"{"type":"ping","ref":"p1"}"#).await;
    seen.say(&mut bob, r#"{"type":"message","content":"Hello, Alice!","key":"k1","ref":"m1"}"#).await;
    let attach =
        format!(r#"{{"type":"attach","room":1,"after":{{"epoch":"{epoch}","seq":0}},"presence":true,"ref":"a1"}}"#);
    seen.say(&mut alice, &attach).await;
    seen.hear_of(&mut alice, "user_list").await;
    seen.hear_of(&mut bob, "join").await;
    seen.say(&mut alice, r#"{"type":"typing","room":1,"is_typing":true,"ref":"t1"}"#).await;
    seen.hear_of(&mut bob, "typing").await;
    change_message(seen, &mut alice, &mut bob).await;
    alice.say_text(r#"{"type":"message","room":1,"content":7,"ref":"m2"}"#).await;
    seen.hear_of(&mut alice, "error").await;
    let mut carol = server.open("/ws/chat/1?username=Carol&after=41&epoch=of-another-history").await;
    seen.hear_of(&mut carol, "resync").await;
    seen.hear_of(&mut bob, "join").await;
    carol.0.close(None).await.unwrap();
    seen.hear_of(&mut bob, "leave").await;
    let host = Actor::User(Identity::named("Alice").unwrap());
    let change = RoomChange::default().topic("News");
    server.engine.update_room(host, room, change).await.unwrap();
    seen.hear_of(&mut bob, "room_updated").await;
    server.engine.join(&Identity::named("Alice").unwrap(), room).await.unwrap();
    seen.hear_of(&mut bob, "member").await;
    seen.say(&mut alice, r#"{"type":"detach","room":1,"ref":"d1"}"#).await;
    hear_without_attaching(seen, &server, &mut alice).await;
    server.engine.delete_room(Actor::Anonymous, room).await.unwrap();
    seen.hear_of(&mut bob, "room_deleted").await;
    seen.hear_of(&mut alice, "detached").await;
}

/// Watches a room, and hears what concerns one's user.
async fn hear_without_attaching(seen: &mut Seen<'_>, server: &Server, alice: &mut Socket) {
    let (room, me, bob) = (RoomId(1), Identity::named("Alice").unwrap(), Identity::named("Bob").unwrap());
    seen.say(alice, r#"{"type":"attach","room":1,"events":false,"ref":"w1"}"#).await;
    let mut draft = Draft::text("Hello again, Alice!");
    draft.body.mentions = vec![me.id.clone()];
    let seq = server.engine.send(&bob, room, draft).await.unwrap().seq;
    seen.hear_of(alice, "mention").await;
    seen.hear_of(alice, "activity").await;
    for author in [&me, &bob] {
        let mut draft = Draft::text("In a thread.");
        draft.body.thread = Some(seq);
        server.engine.send(author, room, draft).await.unwrap();
    }
    seen.hear_of(alice, "thread").await;
    server.engine.mark(&me, room, MarkTo::seq(seq)).await.unwrap();
    seen.hear_of(alice, "read").await;
    let added = Arc::new(server.engine.room(&me, room).await.unwrap());
    for (notice, kind) in [
        (Notice::RoomAdded { room: added }, "room_added"),
        (Notice::RoomRemoved { room, reason: DetachReason::Removed }, "room_removed"),
        (Notice::Missed, "missed"),
    ] {
        server.engine.notify(&me.id, &notice);
        seen.hear_of(alice, kind).await;
    }
}

/// Does with Bob's message everything that can be done with it.
async fn change_message(seen: &mut Seen<'_>, alice: &mut Socket, bob: &mut Socket) {
    let edit = r#"{"type":"edit","target":1,"content":"Hi, Alice!","mentions":["Alice"],"meta":{"mood":"good"},"key":"k2","ref":"e1"}"#;
    seen.say(bob, edit).await;
    seen.say(alice, r#"{"type":"react","room":1,"target":1,"reaction":"👍","added":true,"key":"k3","ref":"r1"}"#).await;
    seen.say(alice, r#"{"type":"pin","room":1,"target":1,"pinned":true,"key":"k4","ref":"i1"}"#).await;
    seen.say(bob, r#"{"type":"delete","target":1,"reason":"Said before","key":"k5","ref":"x1"}"#).await;
    // The events before it were heard on the way.
    seen.hear_of(alice, "message_deleted").await;
    seen.say(alice, r#"{"type":"read","room":1,"seq":5,"ref":"u1"}"#).await;
    seen.hear_of(bob, "read").await;
}

/// Misses more than fits into one frame.
async fn miss_much(seen: &mut Seen<'_>) {
    let mut limits = Limits::default();
    (limits.message_chars, limits.recent_bytes) = (65_000, 2 << 20);
    let server = Server::start(engine_with(limits).await).await;
    let room = server.room("general").await;
    let alice = Identity::named("Alice").unwrap();
    for _ in 0..9 {
        server.engine.send(&alice, room, Draft::text("x".repeat(65_000))).await.unwrap();
    }
    let mut dave = server.open("/ws/chat/1?username=Dave&after=0").await;
    assert_eq!(seen.hear_of(&mut dave, "attached").await["more"], true);
    assert_eq!(seen.hear_of(&mut dave, "events").await["more"], false);
    assert_eq!(seen.hear(&mut dave).await["type"], "user_list", "what is live comes behind it");
}

/// Whatever the token, it is Alice's, and just about to end.
struct Ending;

#[async_trait::async_trait]
impl Authenticator for Ending {
    async fn authenticate(&self, _request: &poem::Request) -> Result<Authenticated, Error> {
        Ok(Authenticated::anonymous())
    }

    async fn authenticate_token(&self, _token: &str) -> Result<Authenticated, Error> {
        let mut found = Authenticated::from(Identity::named("Alice")?);
        found.expires_at = Some(SystemTime::now());
        Ok(found)
    }
}

/// Says with the first frame who one is, until the token ends.
async fn authenticate(seen: &mut Seen<'_>) {
    let server = Server::start_as(engine().await, Ending).await;
    let mut alice = server.open("/ws/chat").await;
    seen.say(&mut alice, r#"{"type":"auth","token":"YOUR-TOKEN","ref":"t1"}"#).await;
    seen.hear_of(&mut alice, "expiring").await;
}

/// The frame with a constant time and a constant epoch, so that it does not differ from run to run.
fn stable(text: &str, frame: &Value) -> String {
    let mut text = text.to_owned();
    each_field(frame, &mut |name, value| {
        let known = match name {
            "timestamp" | "created_at" | "last_message_at" => "2026-11-22T10:00:00.000Z",
            "epoch" => "5f0c2a9e41d7b386",
            "content" if value.len() > 1_000 => "A long text.",
            _ => return,
        };
        text = text.replace(value, known);
    });
    text
}

fn each_field(value: &Value, visit: &mut impl FnMut(&str, &str)) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, field)| match field.as_str() {
            Some(text) => visit(name, text),
            None => each_field(field, visit),
        }),
        Value::Array(items) => items.iter().for_each(|item| each_field(item, visit)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn kind(frame: &Value) -> String {
    frame["type"].as_str().unwrap().to_owned()
}

/// The frames of one direction in the order of the document. Each must have been seen.
fn described(document: &Document, direction: &str, seen: &BTreeMap<String, String>) -> String {
    let schemas = document.schemas();
    let mut page = String::new();
    let kinds = schemas[direction]["discriminator"]["mapping"].as_object().unwrap();
    for part in schemas[direction]["oneOf"].as_array().unwrap() {
        let (kind, _) = kinds.iter().find(|(_, schema)| **schema == part["$ref"]).unwrap();
        let name = part["$ref"].as_str().unwrap().rsplit('/').next().unwrap();
        let schema = &schemas[name];
        let example = seen.get(kind).unwrap_or_else(|| panic!("no {kind} ({name}) went over the wire: play one"));
        let about = schema["description"].as_str().unwrap();
        let fields = fields(schema);
        writeln!(page, "### `{kind}`\n\n{about}\n\n{fields}. Schema: `{name}`.\n\n```json\n{example}\n```\n").unwrap();
    }
    page
}

/// The names of a frame's fields; optional ones are in brackets.
fn fields(schema: &Value) -> String {
    let required = schema["required"].as_array().unwrap();
    let (always, sometimes): (Vec<_>, Vec<_>) =
        schema["properties"].as_object().unwrap().keys().partition(|name| required.contains(&json!(name)));
    let mut always: Vec<_> = always.into_iter().map(|name| format!("`{name}`")).collect();
    let mut sometimes: Vec<_> = sometimes.into_iter().map(|name| format!("[`{name}`]")).collect();
    always.sort_by_key(|name| (name != "`type`", name.clone()));
    sometimes.sort();
    [always, sometimes].concat().join(", ")
}

const HEAD: &str = "\
<!-- Written by chat-http/tests/documents/frames.rs from frames that went over a socket; `cargo xtask openapi` writes it again. -->

# Frames

This page shows every frame of the WebSocket, as a test sent or received it; only times and epochs were replaced. A frame is
one JSON object as text. Fields in brackets are optional. In [`openapi.yaml`](../openapi.yaml) each frame is a schema, and
`ClientFrame` and `ServerFrame` are all frames of one direction: generated clients have types for them. Server-sent events
carry the same frames in their `data`. [The guide for authors of clients](clients.md) explains how to use them.

A `ref` comes back in the answer. On a socket for one room, you may leave out `room`, and the server refuses `attach` and
`detach`. The server sends no frame larger than 512 KiB, and accepts none larger than 256 KiB. Clients ignore fields and
types that they do not know; the server refuses them.
";

const FOOT: &str = "\
## Close codes

After 44xx, stay away. After 45xx, 1001, 1011, 1012, 1013 and an end without a code, come back.

| code | |
|---|---|
| 4400 | five malformed frames, or a malformed room id or position |
| 4401 | not authenticated |
| 4403 | you may not be here: removed or banned from the room, it is private, or your access was taken away |
| 4404 | no such room |
| 4409 | too many connections |
| 4410 | the room was deleted |
| 4508 | not authenticated in time |
| 4529 | too fast |
| 4540 | the token expired |
| 4560 | you read too slowly |
| 4562 | no answer to pings |
";

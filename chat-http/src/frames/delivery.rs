//! Events and signals as frames. The first connection that needs a frame encodes it; all others share it.

use chat_core::{Delivery, Event, EventKind, Identity, Item, Signal, SignalKind};
use serde::Serialize;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::{change::change, member::MemberFrame};
use crate::dto::{IdentityDto, MarkDto, MessageDto, identities, marks, names, stamp};

/// The frame of an event or a signal, shared by all who receive it; `None` for a kind that this version does not know.
pub(crate) fn delivered(delivery: &Delivery) -> Option<Utf8Bytes> {
    delivery.memo(Frame::encode).0.clone()
}

/// The encoded form that a delivery caches.
#[derive(Debug)]
struct Frame(Option<Utf8Bytes>);

impl Frame {
    fn encode(item: &Item) -> Self {
        let json = match item {
            Item::Event(event) => encode_event(event),
            Item::Signal(signal) => encode_signal(signal),
        };
        Self(json.map(Utf8Bytes::from))
    }
}

fn encode_event(event: &Event) -> Option<String> {
    let (name, topic, terms) = match &event.kind {
        EventKind::Message(_) => return json(&MessageDto::of(event)?),
        EventKind::Member(member) => return json(&MemberFrame::of(event, member)),
        EventKind::RoomUpdated { name, topic, kind, invites } => {
            (Some(name.as_str()), Some(topic.as_str()), Some((kind.as_str(), invites.as_str())))
        }
        EventKind::RoomDeleted => (None, None, None),
        EventKind::MessageEdited(_)
        | EventKind::MessageDeleted { .. }
        | EventKind::Reaction { .. }
        | EventKind::Pin { .. }
        | _ => return json(&change(event)?),
    };
    json(&RoomFrame {
        event: if name.is_some() { "room_updated" } else { "room_deleted" },
        room: event.room.0,
        seq: event.seq.0,
        name,
        topic,
        kind: terms.map(|(kind, _)| kind),
        invites: terms.map(|(_, invites)| invites),
        username: event.actor.as_ref().map(|actor| actor.name.as_str()),
        user: event.actor.as_ref().map(|actor| actor.id.as_str()),
        timestamp: stamp(event.at),
    })
}

fn encode_signal(signal: &Signal) -> Option<String> {
    let (room, timestamp) = (signal.room.0, stamp(signal.at));
    match &signal.kind {
        SignalKind::Join(user) => json(&notice("join", "joined", user, room, timestamp)),
        SignalKind::Leave(user) => json(&notice("leave", "left", user, room, timestamp)),
        SignalKind::UserList(presence) => {
            json(&ListFrame::new("user_list", presence.count, &presence.online, room, timestamp))
        }
        SignalKind::Typing(typing) => {
            json(&ListFrame::new("typing", typing.count, &typing.identities, room, timestamp))
        }
        SignalKind::Read(read) => json(&ReadFrame { kind: "read", room, marks: marks(read) }),
        _ => None,
    }
}

fn notice<'a>(
    kind: &'static str,
    verb: &'static str,
    user: &'a Identity,
    room: u64,
    timestamp: String,
) -> NoticeFrame<'a> {
    let username = user.name.as_str();
    let content = format!("{username} {verb} the room");
    NoticeFrame { kind, username, user: user.id.as_str(), content, room, timestamp }
}

fn json(frame: &impl Serialize) -> Option<String> {
    serde_json::to_string(frame).ok()
}

#[derive(Serialize)]
struct RoomFrame<'a> {
    #[serde(rename = "type")]
    event: &'static str,
    room: u64,
    seq: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    topic: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    invites: Option<&'static str>,
    username: Option<&'a str>,
    user: Option<&'a str>,
    timestamp: String,
}

#[derive(Serialize)]
struct NoticeFrame<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    username: &'a str,
    user: &'a str,
    content: String,
    room: u64,
    timestamp: String,
}

#[derive(Serialize)]
struct ListFrame {
    #[serde(rename = "type")]
    kind: &'static str,
    users: Vec<String>,
    identities: Vec<IdentityDto>,
    count: usize,
    room: u64,
    timestamp: String,
}

#[derive(Serialize)]
struct ReadFrame {
    #[serde(rename = "type")]
    kind: &'static str,
    room: u64,
    marks: Vec<MarkDto>,
}

impl ListFrame {
    fn new(kind: &'static str, count: usize, users: &[Identity], room: u64, timestamp: String) -> Self {
        Self { kind, users: names(users), identities: identities(users), count, room, timestamp }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use chat_core::{
        Body, IdempotencyKey, InvitedBy, Message, MessageEdited, Presence, Reaction, Reason, RoomId, RoomKind,
        RoomName, Seq, Timestamp, Topic, Typing, UserId, UserMark,
    };
    use serde_json::{Value, json};

    use super::*;

    const AT: Timestamp = Timestamp(1_795_341_600_000_000);

    fn frame(delivery: &Delivery) -> Value {
        serde_json::from_str(&delivered(delivery).unwrap()).unwrap()
    }

    fn event(kind: EventKind, actor: Option<&str>) -> Value {
        let key = event_key(&kind);
        let actor = actor.map(|name| Identity::named(name).unwrap());
        frame(&Delivery::event(Arc::new(Event { room: RoomId(1), seq: Seq(9), at: AT, actor, key, kind })))
    }

    /// Messages have a key here.
    fn event_key(kind: &EventKind) -> Option<IdempotencyKey> {
        matches!(kind, EventKind::Message(_)).then(|| IdempotencyKey::new("k").unwrap())
    }

    fn signal(kind: SignalKind) -> Value {
        frame(&Delivery::signal(Signal { room: RoomId(1), at: AT, kind }))
    }

    #[test]
    fn events_have_the_shapes_of_the_wire() {
        let message =
            EventKind::Message(Message { body: Body::text("Hi!"), ordinal: 1, thread_ordinal: None, erased: false });
        let expected = json!({"type": "message", "id": 9, "username": "Alice", "content": "Hi!", "key": "k",
            "timestamp": "2026-11-22T10:00:00.000Z", "room": 1, "seq": 9, "user": "Alice"});
        assert_eq!(event(message, Some("Alice")), expected);
        let name = RoomName::new("general").unwrap();
        let updated = EventKind::RoomUpdated {
            name,
            topic: Topic::new("").unwrap(),
            kind: RoomKind::Public,
            invites: InvitedBy::Members,
        };
        let expected = json!({"type": "room_updated", "room": 1, "seq": 9, "name": "general", "topic": "",
            "kind": "public", "invites": "members", "username": null, "user": null, "timestamp": "2026-11-22T10:00:00.000Z"});
        assert_eq!(event(updated, None), expected);
        let expected = json!({"type": "room_deleted", "room": 1, "seq": 9, "username": "Bob", "user": "Bob",
            "timestamp": "2026-11-22T10:00:00.000Z"});
        assert_eq!(event(EventKind::RoomDeleted, Some("Bob")), expected);
    }

    /// A body with everything that it can have.
    fn whole(content: &str, ids: usize) -> Body {
        let mut body = Body::text(content);
        (body.reply_to, body.thread) = (Some(Seq(1_000_000)), Some(Seq(1_000_000)));
        body.mentions = (0..ids).map(|number| UserId::new(&number.to_string()).unwrap()).collect();
        body.mentions_room = true;
        body.meta = Some("{ \"a\":\n1.0}".to_owned());
        body
    }

    /// Everything that can happen to a message, with a body that says everything.
    fn changes(body: &Body) -> Vec<EventKind> {
        let target = Seq(1_000_000);
        let edited = MessageEdited { target, body: body.clone(), count: 1, erased: false };
        vec![
            EventKind::MessageEdited(edited),
            EventKind::MessageDeleted { target, reason: Some(Reason::new("\"spam\"\n").unwrap()) },
            EventKind::Reaction { target, reaction: Reaction::new("\"").unwrap(), added: false, count: 1_000_000 },
            EventKind::Pin { target, pinned: false },
        ]
    }

    #[test]
    fn messages_and_edits_say_what_they_have_and_leave_out_the_rest() {
        let body = whole("Hi!", 2);
        let message = Message { body: body.clone(), ordinal: 7, thread_ordinal: Some(3), erased: false };
        let expected = json!({"type": "message", "id": 9, "username": "Alice", "content": "Hi!", "key": "k",
            "reply_to": 1_000_000, "thread": 1_000_000, "thread_ordinal": 3, "mentions": ["0", "1"], "mentions_room": true,
            "meta": {"a": 1.0}, "timestamp": "2026-11-22T10:00:00.000Z", "room": 1, "seq": 9, "user": "Alice"});
        assert_eq!(event(EventKind::Message(message.clone()), Some("Alice")), expected);
        let edited = |body: &Body, erased| {
            let (target, body) = (Seq(7), body.clone());
            event(EventKind::MessageEdited(MessageEdited { target, body, count: 1, erased }), Some("Alice"))
        };
        let expected = json!({"type": "message_edited", "room": 1, "seq": 9, "target": 7, "content": "Hi!",
            "mentions": ["0", "1"], "mentions_room": true, "meta": {"a": 1.0}, "username": "Alice", "user": "Alice",
            "timestamp": "2026-11-22T10:00:00.000Z"});
        assert_eq!(edited(&body, false), expected);
        let expected = json!({"type": "message_edited", "room": 1, "seq": 9, "target": 7, "content": "", "erased": true,
            "username": "Alice", "user": "Alice", "timestamp": "2026-11-22T10:00:00.000Z"});
        assert_eq!(edited(&body.erased(), true), expected);
        let erased = Message { body: body.erased(), erased: true, ..message };
        let erased = event(EventKind::Message(erased), Some("Alice"));
        assert_eq!((&erased["content"], &erased["erased"], erased.get("meta")), (&json!(""), &json!(true), None));
    }

    #[test]
    fn a_change_that_the_host_makes_names_nobody() {
        for kind in changes(&Body::text("x")) {
            let frame = event(kind, None);
            assert_eq!((&frame["user"], &frame["username"]), (&Value::Null, &Value::Null), "{frame}");
        }
    }

    #[test]
    fn meta_stands_on_the_wire_as_it_was_given() {
        let message = Message { body: whole("x", 0), ordinal: 1, thread_ordinal: Some(1), erased: false };
        let actor = Some(Identity::named("Alice").unwrap());
        for kind in [EventKind::Message(message)].into_iter().chain(changes(&whole("x", 0)).into_iter().take(1)) {
            let event = Event { room: RoomId(1), seq: Seq(9), at: AT, actor: actor.clone(), key: None, kind };
            let frame = delivered(&Delivery::event(Arc::new(event))).unwrap();
            assert!(frame.contains("\"meta\":{ \"a\":\n1.0},"), "{frame}");
        }
    }

    #[test]
    fn signals_have_the_shapes_of_the_wire() {
        let bob = Identity::new("7", "Bob").unwrap();
        let expected = json!({"type": "join", "username": "Bob", "user": "7", "content": "Bob joined the room",
            "room": 1, "timestamp": "2026-11-22T10:00:00.000Z"});
        assert_eq!(signal(SignalKind::Join(bob.clone())), expected);
        let left = signal(SignalKind::Leave(bob.clone()));
        assert_eq!((&left["type"], &left["content"]), (&json!("leave"), &json!("Bob left the room")));
        let list = signal(SignalKind::UserList(Presence { count: 1, online: vec![bob.clone()] }));
        let expected = json!({"type": "user_list", "users": ["Bob"], "identities": [{"user": "7", "username": "Bob"}],
            "count": 1, "room": 1, "timestamp": "2026-11-22T10:00:00.000Z"});
        assert_eq!(list, expected);
        let typing = signal(SignalKind::Typing(Typing { count: 9, identities: vec![bob] }));
        let expected = json!({"type": "typing", "users": ["Bob"], "identities": [{"user": "7", "username": "Bob"}],
            "count": 9, "room": 1, "timestamp": "2026-11-22T10:00:00.000Z"});
        assert_eq!(typing, expected);
        let marks = vec![UserMark { user: Identity::new("7", "Bob").unwrap(), seq: Seq(0) }];
        let expected = json!({"type": "read", "room": 1, "marks": [{"user": "7", "username": "Bob", "seq": 0}]});
        assert_eq!(signal(SignalKind::Read(marks)), expected);
    }

    #[test]
    fn a_frame_is_encoded_once() {
        let delivery =
            Delivery::signal(Signal { room: RoomId(1), at: AT, kind: SignalKind::Typing(Typing::default()) });
        let (one, other) = (delivered(&delivery).unwrap(), delivered(&delivery.clone()).unwrap());
        assert_eq!(one.as_str().as_ptr(), other.as_str().as_ptr());
    }

    #[test]
    fn a_frame_is_no_larger_than_what_the_engine_charges_for_it() {
        let hostile = "\"\\\n\t\u{1}é".repeat(60);
        let user = Identity::new("a\"\\b", "\"\\\"\\").unwrap();
        let signals = [
            SignalKind::Join(user.clone()),
            SignalKind::Leave(user.clone()),
            SignalKind::UserList(Presence { count: 200, online: vec![user.clone(); 200] }),
            SignalKind::Typing(Typing { count: 5, identities: vec![user.clone(); 5] }),
            SignalKind::Read(vec![UserMark { user: user.clone(), seq: Seq(1_000_000_000_000) }; 100]),
        ];
        let (room, at) = (RoomId(1_000_000), AT);
        let mut deliveries: Vec<_> =
            signals.into_iter().map(|kind| Delivery::signal(Signal { room, at, kind })).collect();
        let key = IdempotencyKey::new(&"k".repeat(64)).unwrap();
        let message =
            EventKind::Message(Message { body: Body::text(hostile), ordinal: 1, thread_ordinal: None, erased: false });
        let (name, topic) = (RoomName::new("\"general\"").unwrap(), Topic::new("\"\"\n").unwrap());
        let plain = [
            message,
            EventKind::RoomUpdated { name, topic, kind: RoomKind::Public, invites: InvitedBy::Members },
            EventKind::RoomDeleted,
        ];
        for kind in plain.into_iter().chain(changes(&Body::text("\"\n"))) {
            let (actor, key) = (Some(user.clone()), Some(key.clone()));
            deliveries.push(Delivery::event(Arc::new(Event { room, seq: Seq(1_000_000), at, actor, key, kind })));
        }
        for delivery in deliveries {
            let (frame, cost) = (delivered(&delivery).unwrap(), delivery.cost());
            // The flat estimate does not count every digit of large numbers, nor the fields of every change.
            assert!(frame.len() <= cost + 64, "{} bytes for {cost}: {frame}", frame.len());
        }
        // Nor does it count the names of the fields that a message need not have, and what stands between mentions.
        let ids = Body::MAX_MENTIONS;
        let body = whole("\"\n", ids);
        let message = Message { body: body.clone(), ordinal: 1, thread_ordinal: Some(1_000_000), erased: false };
        for kind in [EventKind::Message(message)].into_iter().chain(changes(&body)) {
            let (actor, key) = (Some(user.clone()), Some(key.clone()));
            let event = Event { room, seq: Seq(1_000_000), at, actor, key, kind };
            let delivery = Delivery::event(Arc::new(event));
            let (frame, cost) = (delivered(&delivery).unwrap(), delivery.cost());
            assert!(frame.len() <= cost + 160 + 3 * ids, "{} bytes for {cost}: {frame}", frame.len());
        }
    }
}

//! Events and signals as frames. The first connection that needs a frame encodes it; all others share it.

use chat_core::{Delivery, Event, EventKind, Identity, Item, Signal, SignalKind};
use serde::Serialize;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::dto::{IdentityDto, MessageDto, identities, names, stamp};

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
    let (name, topic) = match &event.kind {
        EventKind::Message(_) => return json(&MessageDto::of(event)?),
        EventKind::RoomUpdated { name, topic } => (Some(name.as_str()), Some(topic.as_str())),
        EventKind::RoomDeleted => (None, None),
        _ => return None,
    };
    json(&RoomFrame {
        kind: if name.is_some() { "room_updated" } else { "room_deleted" },
        room: event.room.0,
        seq: event.seq.0,
        name,
        topic,
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
    kind: &'static str,
    room: u64,
    seq: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    topic: Option<&'a str>,
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

impl ListFrame {
    fn new(kind: &'static str, count: usize, users: &[Identity], room: u64, timestamp: String) -> Self {
        Self { kind, users: names(users), identities: identities(users), count, room, timestamp }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use chat_core::{IdempotencyKey, Message, Presence, RoomId, RoomName, Seq, Timestamp, Topic, Typing};
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
        let message = EventKind::Message(Message {
            body: chat_core::Body::text("Hi!"),
            ordinal: 1,
            thread_ordinal: None,
            erased: false,
        });
        let expected = json!({"type": "message", "id": 9, "username": "Alice", "content": "Hi!", "key": "k",
            "timestamp": "2026-11-22T10:00:00.000Z", "room": 1, "seq": 9, "user": "Alice"});
        assert_eq!(event(message, Some("Alice")), expected);
        let name = RoomName::new("general").unwrap();
        let updated = EventKind::RoomUpdated { name, topic: Topic::new("").unwrap() };
        let expected = json!({"type": "room_updated", "room": 1, "seq": 9, "name": "general", "topic": "",
            "username": null, "user": null, "timestamp": "2026-11-22T10:00:00.000Z"});
        assert_eq!(event(updated, None), expected);
        let expected = json!({"type": "room_deleted", "room": 1, "seq": 9, "username": "Bob", "user": "Bob",
            "timestamp": "2026-11-22T10:00:00.000Z"});
        assert_eq!(event(EventKind::RoomDeleted, Some("Bob")), expected);
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
        ];
        let (room, at) = (RoomId(1_000_000), AT);
        let mut deliveries: Vec<_> =
            signals.into_iter().map(|kind| Delivery::signal(Signal { room, at, kind })).collect();
        let key = IdempotencyKey::new(&"k".repeat(64)).unwrap();
        let message = EventKind::Message(Message {
            body: chat_core::Body::text(hostile),
            ordinal: 1,
            thread_ordinal: None,
            erased: false,
        });
        let (name, topic) = (RoomName::new("\"general\"").unwrap(), Topic::new("\"\"\n").unwrap());
        for kind in [message, EventKind::RoomUpdated { name, topic }, EventKind::RoomDeleted] {
            let (actor, key) = (Some(user.clone()), Some(key.clone()));
            deliveries.push(Delivery::event(Arc::new(Event { room, seq: Seq(1_000_000), at, actor, key, kind })));
        }
        for delivery in deliveries {
            let (frame, cost) = (delivered(&delivery).unwrap(), delivery.cost());
            // The flat estimate does not count every digit of large numbers.
            assert!(frame.len() <= cost + 48, "{} bytes for {cost}: {frame}", frame.len());
        }
    }
}

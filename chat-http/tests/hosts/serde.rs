//! What chat-core's feature `serde` makes of its types. The engine itself knows no format, so it is tested here.

use std::fmt::Debug;

use chat_core::{
    Body, Epoch, Error, Event, EventKind, IdempotencyKey, Identity, InviteCode, LogCursor, Message, Position, Reaction,
    Reason, Role, RoomId, RoomKind, RoomName, Seq, Signal, SignalKind, TailItem, Timestamp, Topic, Typing, Until,
    UserId, UserName,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{from_str, from_value, json, to_value};

fn back<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) -> serde_json::Value {
    let written = to_value(value).unwrap();
    assert_eq!(&from_value::<T>(written.clone()).unwrap(), value);
    written
}

fn message() -> Event {
    let alice = Identity::named("Alice").unwrap();
    let mut body = Body::text("Hello");
    body.mentions = vec![alice.id.clone()];
    Event {
        room: RoomId(7),
        seq: Seq(3),
        at: Timestamp(1_764_000_000_000_001),
        actor: Some(alice),
        key: Some(IdempotencyKey::new("k-1").unwrap()),
        kind: EventKind::Message(Message { body, ordinal: 2, thread_ordinal: None, erased: false }),
    }
}

#[test]
fn ids_and_names_are_what_they_are() {
    assert_eq!(back(&(RoomId(7), Seq(0), Timestamp(-5))), json!([7, 0, -5]));
    assert_eq!(back(&UserId::new("alice").unwrap()), json!("alice"));
    assert_eq!(back(&RoomName::new("General ü").unwrap()), json!("General ü"));
    assert_eq!(back(&Reaction::new("👍").unwrap()), json!("👍"));
    back(&Position { epoch: Epoch::new("e"), seq: Seq(4) });
    back(&LogCursor { epoch: Epoch::new("e"), pos: 2, seq: Seq(4) });
}

/// In a format that does not say what its numbers are, what is written and what is read have to be of one kind.
#[test]
fn numbers_come_back_in_a_format_without_kinds() {
    let ids = (RoomId(7), Seq(14), Timestamp(-5), LogCursor { epoch: Epoch::new("e"), pos: 2, seq: Seq(4) });
    let written = postcard::to_allocvec(&ids).unwrap();
    assert_eq!(postcard::from_bytes::<(RoomId, Seq, Timestamp, LogCursor)>(&written).unwrap(), ids);
    let beyond = postcard::to_allocvec(&u64::MAX).unwrap();
    assert!(postcard::from_bytes::<RoomId>(&beyond).is_err() && postcard::from_bytes::<Seq>(&beyond).is_err());
}

#[test]
fn what_is_none_is_refused_on_the_way_in() {
    for wrong in ["0", "-1", "9007199254740992", "1.5", "\"7\"", "null"] {
        assert!(from_str::<RoomId>(wrong).is_err(), "{wrong}");
    }
    let refused = from_str::<UserName>("\"\\u0007\"").unwrap_err().to_string();
    assert!(refused.contains("username") || refused.contains("name"), "{refused}");
    assert!(from_str::<UserId>("\"\"").is_err() && from_str::<RoomName>("\" \"").is_err());
    assert!(from_str::<IdempotencyKey>("\"a b\"").is_err() && from_str::<Reaction>("\"a/b\"").is_err());
    assert!(from_str::<Topic>("\"\\u202e\"").is_err() && from_str::<Reason>("\" \"").is_err());
    assert!(from_str::<InviteCode>("\"x\"").is_err());
    let mut event = to_value(message()).unwrap();
    event["actor"]["id"] = json!("");
    assert!(from_value::<Event>(event).is_err(), "also within others");
}

/// Whoever adds a field to an event gives it a default for serde.
#[test]
fn what_an_older_version_has_written_is_read() {
    let written = r#"{"room":7,"seq":3,"at":1764000000000001,"actor":{"id":"Alice","name":"Alice","guest":false,"admin":false},"key":"k-1","kind":{"Message":
        {"body":{"content":"Hello","reply_to":null,"thread":null,"mentions":["Alice"],"mentions_room":false,"meta":null},
        "ordinal":2,"thread_ordinal":null,"erased":false}}}"#;
    assert_eq!(from_str::<Event>(written).unwrap(), message());
}

#[test]
fn events_and_errors_come_back_as_they_were() {
    let event = message();
    let written = back(&event);
    assert_eq!((&written["room"], &written["actor"]["name"]), (&json!(7), &json!("Alice")));
    assert_eq!(written["kind"]["Message"]["body"]["content"], json!("Hello"));
    back(&TailItem::Event(event.into()));
    let typing = Typing { count: 1, identities: vec![Identity::named("Bob").unwrap()] };
    back(&Signal { room: RoomId(1), at: Timestamp(1), kind: SignalKind::Typing(typing) });
    back(&(Role::Owner, RoomKind::Private, Until::At(Timestamp(1))));
    for error in [Error::Forbidden, Error::Stopped, Error::invalid_field("name", "is bad"), Error::RoomNotFound] {
        back(&error);
    }
}

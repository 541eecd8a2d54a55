//! What concerns a user rather than a room: notices, `hello` and `detached`; and the answer to a watch.

use std::sync::Arc;

use chat_core::{Activity, DetachReason, Identity, LastMessage, Notice, Position, RoomId, Unread};
use serde::Serialize;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::dto::RoomDto;

/// `hello`: whose notices follow.
pub(crate) fn hello(identity: &Identity) -> Utf8Bytes {
    encode(&Frame::Hello(User::of(identity)))
}

/// `attached` without events: the room is watched.
pub(crate) fn watching(reference: Option<&str>, room: RoomId, head: &Position) -> Utf8Bytes {
    encode(&Frame::Attached { reference, room: room.0, epoch: head.epoch.as_str(), head: head.seq.0 })
}

/// `detached`: the room is neither attached nor watched any more.
pub(crate) fn detached(room: RoomId, reason: DetachReason) -> Utf8Bytes {
    encode(&Frame::Detached { room: room.0, reason: reason.as_str() })
}

/// The frame of a notice; `None` for one that this version does not know.
pub(crate) fn notice(notice: &Notice) -> Option<Utf8Bytes> {
    Some(encode(&match notice {
        Notice::RoomAdded { room } => Frame::RoomAdded { room: RoomDto::from(&**room) },
        Notice::RoomRemoved { room, reason } => Frame::RoomRemoved { room: room.0, reason: reason.as_str() },
        Notice::Mention { room, seq, author } => Frame::Mention { room: room.0, seq: seq.0, author: User::of(author) },
        Notice::Thread { room, root, seq } => Frame::Thread { room: room.0, root: root.0, seq: seq.0 },
        Notice::Read { room, unread } => read(*room, unread),
        Notice::Activity(activity) => happened(activity),
        Notice::Missed => Frame::Missed {},
        _ => return None,
    }))
}

fn read(room: RoomId, unread: &Unread) -> Frame<'_> {
    let Unread { seq, unread, mentions, ordinal } = *unread;
    Frame::Read { room: room.0, seq: seq.0, unread, mentions, ordinal }
}

fn happened(activity: &Arc<Activity>) -> Frame<'_> {
    Frame::Activity {
        room: activity.room.0,
        head: activity.head.0,
        ordinal: activity.ordinal,
        mentions_room: activity.mentions_room,
        last: activity.last.as_ref().map(Last::of),
    }
}

fn encode(frame: &Frame<'_>) -> Utf8Bytes {
    // Plain structs of numbers and texts: there is nothing in them that JSON cannot say.
    serde_json::to_string(frame).unwrap_or_default().into()
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Frame<'a> {
    Hello(User<'a>),
    Attached {
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<&'a str>,
        room: u64,
        epoch: &'a str,
        head: u64,
    },
    Detached {
        room: u64,
        reason: &'static str,
    },
    RoomAdded {
        room: RoomDto,
    },
    RoomRemoved {
        room: u64,
        reason: &'static str,
    },
    Mention {
        room: u64,
        seq: u64,
        #[serde(flatten)]
        author: User<'a>,
    },
    Thread {
        room: u64,
        root: u64,
        seq: u64,
    },
    Read {
        room: u64,
        seq: u64,
        unread: u64,
        mentions: u64,
        ordinal: u64,
    },
    Activity {
        room: u64,
        head: u64,
        ordinal: u64,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        mentions_room: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        last: Option<Last<'a>>,
    },
    Missed {},
}

#[derive(Serialize)]
struct User<'a> {
    user: &'a str,
    username: &'a str,
}

impl<'a> User<'a> {
    fn of(identity: &'a Identity) -> Self {
        Self { user: identity.id.as_str(), username: identity.name.as_str() }
    }
}

#[derive(Serialize)]
struct Last<'a> {
    seq: u64,
    #[serde(flatten)]
    author: Option<User<'a>>,
    content: &'a str,
}

impl<'a> Last<'a> {
    fn of(last: &'a LastMessage) -> Self {
        Self { seq: last.seq.0, author: last.author.as_ref().map(User::of), content: &last.content }
    }
}

#[cfg(test)]
mod tests {
    use chat_core::{Epoch, Seq};
    use serde_json::{Value, json};

    use super::*;

    fn json_of(frame: &Utf8Bytes) -> Value {
        serde_json::from_str(frame).unwrap()
    }

    fn of(wanted: &Notice) -> Value {
        json_of(&notice(wanted).unwrap())
    }

    #[test]
    fn notices_have_the_shapes_of_the_wire() {
        let (room, seq, author) = (RoomId(1), Seq(9), Identity::new("7", "Bob").unwrap());
        assert_eq!(
            of(&Notice::Mention { room, seq, author: author.clone() }),
            json!({"type": "mention", "room": 1, "seq": 9, "user": "7", "username": "Bob"})
        );
        assert_eq!(
            of(&Notice::Thread { room, root: Seq(2), seq }),
            json!({"type": "thread", "room": 1, "root": 2, "seq": 9})
        );
        let unread = Unread { seq, unread: 3, mentions: 1, ordinal: 12 };
        assert_eq!(
            of(&Notice::Read { room, unread }),
            json!({"type": "read", "room": 1, "seq": 9, "unread": 3, "mentions": 1, "ordinal": 12})
        );
        assert_eq!(
            of(&Notice::RoomRemoved { room, reason: DetachReason::Banned }),
            json!({"type": "room_removed", "room": 1, "reason": "banned"})
        );
        assert_eq!(of(&Notice::Missed), json!({"type": "missed"}));
        let last = LastMessage { seq, author: Some(author), content: "Hi!".to_owned() };
        let mut activity =
            Activity { room, head: Seq(10), ordinal: 8, rights_seq: Seq(0), mentions_room: false, last: Some(last) };
        let mut expected = json!({"type": "activity", "room": 1, "head": 10, "ordinal": 8,
            "last": {"seq": 9, "user": "7", "username": "Bob", "content": "Hi!"}});
        assert_eq!(of(&Notice::Activity(Arc::new(activity.clone()))), expected);
        activity.mentions_room = true;
        expected["mentions_room"] = json!(true);
        assert_eq!(of(&Notice::Activity(Arc::new(activity))), expected);
    }

    #[test]
    fn what_begins_and_ends_has_the_shapes_of_the_wire() {
        let expected = json!({"type": "hello", "user": "7", "username": "Bob"});
        assert_eq!(json_of(&hello(&Identity::new("7", "Bob").unwrap())), expected);
        let head = Position { epoch: Epoch::new("e"), seq: Seq(5) };
        let expected = json!({"type": "attached", "ref": "w1", "room": 1, "epoch": "e", "head": 5});
        assert_eq!(json_of(&watching(Some("w1"), RoomId(1), &head)), expected, "there are no events");
        let expected = json!({"type": "detached", "room": 1, "reason": "deleted"});
        assert_eq!(json_of(&detached(RoomId(1), DetachReason::Deleted)), expected);
    }
}

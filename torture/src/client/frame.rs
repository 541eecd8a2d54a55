//! Converts frames of the wire to records of a history.

use histcheck::history::{
    Attached, Content, Deletion, Edited, Event, Kind, LastEdit, Mark, MemberEvent, Message, Position, Reacted,
    Reactions, Revision, State, Terms, UserMark, What,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::stamp;

/// The event in a frame, if it is one.
#[must_use]
pub fn event(frame: &Value) -> Option<Event> {
    let (by, key) = (text(&frame["user"]), frame["key"].as_str().map(str::to_owned));
    let target = || frame["target"].as_u64();
    let kind = match frame["type"].as_str()? {
        "message" => Kind::Message(message(frame)?),
        "message_edited" => {
            let (content, erased) = (content(frame)?, frame["erased"] == true);
            Kind::MessageEdited(Edited { by, key, target: target()?, content, erased })
        }
        "message_deleted" => {
            let reason = frame["reason"].as_str().map(str::to_owned);
            Kind::MessageDeleted { by, key, target: target()?, reason }
        }
        "reaction" => {
            let (reaction, added, count) = (text(&frame["reaction"]), frame["added"] == true, frame["count"].as_u64()?);
            Kind::Reaction { by, key, target: target()?, reaction, added, count }
        }
        "pin" => Kind::Pin { by, key, target: target()?, pinned: frame["pinned"] == true },
        "member" => Kind::Member(member(frame, (by, key))?),
        "room_updated" => Kind::RoomUpdated { by, name: text(&frame["name"]), terms: terms(frame) },
        "room_deleted" => Kind::RoomDeleted,
        _ => return None,
    };
    let at = frame["timestamp"].as_str().and_then(stamp::parse);
    Some(Event { seq: frame["seq"].as_u64()?, at, kind })
}

fn member(frame: &Value, (by, key): (String, Option<String>)) -> Option<MemberEvent> {
    let member = &frame["member"];
    Some(MemberEvent {
        by,
        key,
        user: text(&member["user"]),
        change: word(&frame["change"])?,
        role: word(&member["role"]),
        until: frame["until"].as_str().and_then(stamp::parse),
    })
}

/// The terms in a frame of a room.
fn terms(frame: &Value) -> Option<Terms> {
    Some(Terms { kind: word(&frame["kind"])?, invites: word(&frame["invites"])? })
}

/// What a word of the wire stands for, which histories have, too.
fn word<T: DeserializeOwned>(value: &Value) -> Option<T> {
    serde_json::from_value(value.clone()).ok()
}

fn message(frame: &Value) -> Option<Message> {
    Some(Message {
        sender: text(&frame["user"]),
        key: frame["key"].as_str().map(str::to_owned),
        content: content(frame)?,
        reply_to: frame["reply_to"].as_u64(),
        thread: frame["thread"].as_u64(),
        thread_ordinal: frame["thread_ordinal"].as_u64(),
        erased: frame["erased"] == true,
    })
}

fn content(frame: &Value) -> Option<Content> {
    let mentions = frame["mentions"].as_array();
    Some(Content {
        body: short(frame["content"].as_str()?),
        mentions: mentions.into_iter().flatten().map(text).collect(),
        mentions_room: frame["mentions_room"] == true,
        meta: frame["meta"].is_object().then(|| frame["meta"].to_string()),
    })
}

/// A message as it is.
#[must_use]
pub fn state(value: &Value) -> Option<State> {
    let edited = &value["edited"];
    let edited = edited["seq"].as_u64().zip(edited["count"].as_u64()).map(|(seq, count)| LastEdit { seq, count });
    let deleted = &value["deleted"];
    let deleted = deleted["seq"].as_u64().map(|seq| Deletion { seq, by: text(&deleted["user"]) });
    let reactions = value["reactions"].as_array().into_iter().flatten().map(|kind| {
        let (reaction, mine) = (text(&kind["reaction"]), kind["mine"] == true);
        Some(Reactions { reaction, count: kind["count"].as_u64()?, mine })
    });
    Some(State {
        seq: value["seq"].as_u64()?,
        message: message(value)?,
        edited,
        deleted,
        reactions: reactions.collect::<Option<_>>()?,
        pinned: value["pinned"] == true,
        thread_count: value["thread_count"].as_u64(),
        thread_last: value["thread_last"].as_u64(),
    })
}

/// A user's own mark.
#[must_use]
pub fn mark(value: &Value) -> Option<Mark> {
    let number = |field: &str| value[field].as_u64();
    let (seq, unread) = (number("read").or_else(|| number("seq"))?, number("unread")?);
    Some(Mark { seq, unread, mentions: number("mentions")?, ordinal: number("ordinal")? })
}

/// The marks of users.
#[must_use]
pub fn marks(value: &Value) -> Option<Vec<UserMark>> {
    let mark = |value: &Value| Some(UserMark { user: text(&value["user"]), seq: value["seq"].as_u64()? });
    value.as_array()?.iter().map(mark).collect()
}

/// The texts that a message has had.
#[must_use]
pub fn revisions(value: &Value) -> Option<Vec<Revision>> {
    let one = |value: &Value| Some(Revision { seq: value["seq"].as_u64()?, body: short(value["content"].as_str()?) });
    value.as_array()?.iter().map(one).collect()
}

/// Who has reacted to a message.
#[must_use]
pub fn reacted(value: &Value) -> Option<Vec<Reacted>> {
    let one = |value: &Value| Reacted { reaction: text(&value["reaction"]), user: text(&value["user"]) };
    Some(value.as_array()?.iter().map(one).collect())
}

/// The signal or the notice in a frame of this room, if it is one.
#[must_use]
pub fn signal(frame: &Value, room: u64) -> Option<What> {
    Some(match frame["type"].as_str()? {
        "user_list" => {
            let count = frame["count"].as_u64().unwrap_or_default();
            What::UserList { room, users: ids(&frame["identities"]), count }
        }
        "join" => What::Join { room, who: text(&frame["user"]) },
        "leave" => What::Leave { room, who: text(&frame["user"]) },
        "typing" => What::Typing { room, users: ids(&frame["identities"]) },
        "read" if frame["marks"].is_array() => What::Marks { room, marks: marks(&frame["marks"])? },
        "read" => What::Marked { room, mark: mark(frame)? },
        "activity" => What::Activity { room, head: frame["head"].as_u64()? },
        "mention" | "thread" => What::Notice { room, seq: frame["seq"].as_u64()? },
        "detached" => What::Detached { room, reason: text(&frame["reason"]) },
        _ => return None,
    })
}

/// The answer to an attach in a frame, if it is one.
#[must_use]
pub fn attached(frame: &Value) -> Option<Attached> {
    let head = Position { epoch: text(&frame["epoch"]), seq: frame["head"].as_u64()? };
    match frame["type"].as_str()? {
        "attached" => Some(Attached::Resumed { head, events: events(&frame["events"]) }),
        "resync" => Some(Attached::Resync { head }),
        _ => None,
    }
}

/// The events in a list of frames.
#[must_use]
pub fn events(frames: &Value) -> Vec<Event> {
    frames.as_array().into_iter().flatten().filter_map(event).collect()
}

/// The ids in a list of identities.
#[must_use]
pub fn ids(identities: &Value) -> Vec<String> {
    identities.as_array().into_iter().flatten().map(|identity| text(&identity["user"])).collect()
}

/// The text of a value, or an empty text.
#[must_use]
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A body as histories have it. Of long bodies only the beginning and a hash are kept, so that histories stay small.
#[must_use]
pub fn short(body: &str) -> String {
    if body.len() <= 64 {
        return body.to_owned();
    }
    let hash = body
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let beginning: String = body.chars().take(32).collect();
    format!("{beginning}… ({} bytes, {hash:016x})", body.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_bodies_that_differ_still_differ_when_shortened() {
        let (one, other) = ("a".repeat(100) + "b", "a".repeat(100) + "c");
        assert_ne!(short(&one), short(&other));
        assert!(short(&one).len() < 90);
        assert_eq!(short("hello"), "hello");
    }
}

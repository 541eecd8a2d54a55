//! Converts frames of the wire to records of a history.

use histcheck::history::{Attached, Event, Kind, Position, What};
use serde_json::Value;

/// The event in a frame, if it is one.
#[must_use]
pub fn event(frame: &Value) -> Option<Event> {
    let kind = match frame["type"].as_str()? {
        "message" => Kind::Message {
            sender: text(&frame["user"]),
            key: frame["key"].as_str().map(str::to_owned),
            body: short(frame["content"].as_str()?),
        },
        "room_updated" => Kind::RoomUpdated { name: text(&frame["name"]) },
        "room_deleted" => Kind::RoomDeleted,
        _ => return None,
    };
    Some(Event { seq: frame["seq"].as_u64()?, kind })
}

/// The signal in a frame of this room, if it is one.
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

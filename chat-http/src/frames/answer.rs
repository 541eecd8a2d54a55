//! The answers to a client's commands, and `pong`.

use std::{borrow::Cow, time::Duration};

use chat_core::{Changed, Event, Identity, Marked, RoomId, Sent};
use serde::Serialize;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::{
    dto::{UnreadDto, stamp},
    integer::MAX_INTEGER,
    refusal::Refusal,
};

/// `pong`.
pub(crate) fn pong(reference: Option<&str>) -> Utf8Bytes {
    encode(&Simple { kind: "pong", reference, room: None })
}

/// `ok` for a command that has nothing more to say.
pub(crate) fn done(reference: &str, room: RoomId) -> Utf8Bytes {
    encode(&Simple { kind: "ok", reference: Some(reference), room: Some(room.0) })
}

/// `ok` for a message.
pub(crate) fn sent(reference: &str, room: RoomId, sent: &Sent) -> Utf8Bytes {
    encode(&Stored::new(reference, room, Some(&sent.event), sent.replayed))
}

/// `ok` for a change of a message. It has a `seq` only if there is an event.
pub(crate) fn changed(reference: &str, room: RoomId, changed: &Changed) -> Utf8Bytes {
    let event = match changed {
        Changed::Stored { event, .. } => Some(&**event),
        Changed::Unchanged { .. } => None,
    };
    encode(&Stored { count: changed.count(), ..Stored::new(reference, room, event, changed.is_replay()) })
}

/// `ok` for a mark, which always comes.
pub(crate) fn marked(reference: Option<&str>, marked: &Marked) -> Utf8Bytes {
    encode(&Read { kind: "ok", reference, room: marked.room.0, unread: marked.unread.into() })
}

/// `ok` for a token or a ticket, which always comes. `left` is how long it is good.
pub(crate) fn authenticated(reference: Option<&str>, identity: &Identity, left: Option<Duration>) -> Utf8Bytes {
    let (user, username) = (identity.id.as_str(), identity.name.as_str());
    encode(&Authenticated { kind: "ok", reference, user, username, expires_in_ms: left.map(millis) })
}

/// `expiring`: the token ends after this.
pub(crate) fn expiring(left: Duration) -> Utf8Bytes {
    encode(&Expiring { kind: "expiring", in_ms: millis(left) })
}

/// Whole milliseconds of what is left, within what JSON's readers count exactly.
fn millis(left: Duration) -> u64 {
    u64::try_from(left.as_millis()).unwrap_or(u64::MAX).min(MAX_INTEGER)
}

/// `error`.
pub(crate) fn error(reference: Option<&str>, room: Option<RoomId>, refusal: &Refusal) -> Utf8Bytes {
    encode(&Failure {
        kind: "error",
        reference,
        room: room.map(|room| room.0),
        code: refusal.code(),
        field: refusal.field(),
        message: refusal.message(),
        retry_after_ms: refusal.retry_after_ms(),
        until: refusal.until().map(stamp),
    })
}

fn encode(frame: &impl Serialize) -> Utf8Bytes {
    // Plain structs of numbers and texts: there is nothing in them that JSON cannot say.
    serde_json::to_string(frame).unwrap_or_default().into()
}

#[derive(Serialize)]
struct Simple<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    reference: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    room: Option<u64>,
}

#[derive(Serialize)]
struct Authenticated<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    reference: Option<&'a str>,
    user: &'a str,
    username: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_in_ms: Option<u64>,
}

#[derive(Serialize)]
struct Expiring {
    #[serde(rename = "type")]
    kind: &'static str,
    in_ms: u64,
}

#[derive(Serialize)]
struct Stored<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(rename = "ref")]
    reference: &'a str,
    room: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    replayed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u64>,
}

impl<'a> Stored<'a> {
    fn new(reference: &'a str, room: RoomId, event: Option<&Event>, replayed: bool) -> Self {
        let (seq, timestamp) = (event.map(|event| event.seq.0), event.map(|event| stamp(event.at)));
        Self { kind: "ok", reference, room: room.0, seq, timestamp, replayed, count: None }
    }
}

#[derive(Serialize)]
struct Read<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    reference: Option<&'a str>,
    room: u64,
    #[serde(flatten)]
    unread: UnreadDto,
}

#[derive(Serialize)]
struct Failure<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    reference: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    room: Option<u64>,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    message: Cow<'static, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
}

#[cfg(test)]
mod tests {
    use chat_core::Error;

    use super::*;

    #[test]
    fn an_error_names_the_reference_the_room_and_the_field() {
        let refusal = Error::invalid_field("content", "must be a string").into();
        let text = error(Some("r"), Some(RoomId(3)), &refusal);
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["ref"], "r");
        assert_eq!(json["room"], 3);
        assert_eq!(json["field"], "content");
        assert_eq!(json["code"], "invalid_field");
    }
}

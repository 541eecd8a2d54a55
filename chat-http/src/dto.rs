//! The shapes of everything on the wire, each defined once, for JSON and for the OpenAPI document.

use chat_core::{
    Body, Event, HistoryPage, IdempotencyKey, Identity, Message, MessageState, Presence, Room, RoomId, RoomPage, Seq,
    Timestamp,
};
use poem_openapi::{Enum, Object};
use serde::Serialize;
use time::{OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description};

use crate::{
    integer::MAX_INTEGER,
    json::{Fields, FromFields},
    refusal::Refusal,
};

/// A room.
#[derive(Debug, Clone, Serialize, Object)]
#[oai(rename = "Room")]
pub(crate) struct RoomDto {
    /// Its id.
    id: u64,
    /// Its name, unique ignoring case.
    name: String,
    /// What the room is about; may be empty.
    topic: String,
    /// When it was created.
    created_at: String,
    /// The number of its newest event; 0 when there is none.
    head: u64,
    /// When its newest message was stored; null when there is none.
    #[oai(nullable)]
    last_message_at: Option<String>,
    /// How many users are online in it now.
    online: usize,
}

impl From<&Room> for RoomDto {
    fn from(room: &Room) -> Self {
        Self {
            id: room.id.0,
            name: room.name.as_str().to_owned(),
            topic: room.topic.as_str().to_owned(),
            created_at: stamp(room.created_at),
            head: room.head.0,
            last_message_at: room.last_message_at.map(stamp),
            online: room.online,
        }
    }
}

/// A page of rooms.
#[derive(Debug, Clone, Serialize, Object)]
pub(crate) struct RoomList {
    /// The rooms, by id.
    rooms: Vec<RoomDto>,
    /// Where the next page begins (`after`); null when this is the last.
    #[oai(nullable)]
    next: Option<String>,
}

impl From<&RoomPage> for RoomList {
    fn from(page: &RoomPage) -> Self {
        Self { rooms: page.rooms.iter().map(RoomDto::from).collect(), next: page.next.map(|room| room.to_string()) }
    }
}

/// A message. It has this shape everywhere: over REST, live, and among missed events.
#[derive(Debug, Clone, Serialize, Object)]
#[oai(rename = "Message")]
pub(crate) struct MessageDto {
    /// Always `message`.
    #[serde(rename = "type")]
    #[oai(rename = "type")]
    kind: MessageType,
    /// Its number in the room, the same as `seq`.
    id: u64,
    /// The name of its author.
    username: String,
    /// The text, as it was sent.
    content: String,
    /// The `seq` of the message that it replies to, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[oai(skip_serializing_if_is_none)]
    reply_to: Option<u64>,
    /// When it was stored.
    timestamp: String,
    /// The room's id.
    room: u64,
    /// Its number in the room.
    seq: u64,
    /// The id of its author.
    user: String,
    /// The idempotency key that its sender gave it, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[oai(skip_serializing_if_is_none)]
    key: Option<String>,
    /// `true` if the message was deleted since, and its text erased; else left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[oai(skip_serializing_if_is_none)]
    erased: Option<bool>,
}

/// The type of a message.
#[derive(Debug, Clone, Copy, Serialize, Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
pub(crate) enum MessageType {
    /// A message.
    Message,
}

impl MessageDto {
    /// The message of an event; `None` for an event of another kind.
    pub(crate) fn of(event: &Event) -> Option<Self> {
        Some(Self::new(event.room, event.seq, event.at, event.actor.as_ref(), event.key.as_ref(), event.message()?))
    }

    fn new(
        room: RoomId,
        seq: Seq,
        at: Timestamp,
        actor: Option<&Identity>,
        key: Option<&IdempotencyKey>,
        message: &Message,
    ) -> Self {
        let (username, user) = match actor {
            Some(actor) => (actor.name.as_str().to_owned(), actor.id.as_str().to_owned()),
            None => (String::new(), String::new()),
        };
        Self {
            kind: MessageType::Message,
            id: seq.0,
            username,
            content: message.body.content.clone(),
            reply_to: message.body.reply_to.map(|seq| seq.0),
            timestamp: stamp(at),
            room: room.0,
            seq: seq.0,
            user,
            key: key.map(|key| key.as_str().to_owned()),
            erased: message.erased.then_some(true),
        }
    }
}

/// What a message says, as it is sent.
#[derive(Debug, Object)]
#[oai(rename = "MessageDraft")]
pub(crate) struct BodyDto {
    /// The text: 1–4,000 characters unless the server has another limit, at least one of them visible. It is stored as it is.
    /// It has no control characters except tabs and line breaks (LF or CR LF).
    #[oai(validator(min_length = 1))]
    content: String,
    /// The `seq` of the message of this room that it replies to.
    reply_to: Option<u64>,
}

impl FromFields for BodyDto {
    fn from_fields(fields: &mut Fields<'_>) -> Result<Self, Refusal> {
        Ok(Self { content: fields.required_text("content")?, reply_to: fields.integer("reply_to", 0..=MAX_INTEGER)? })
    }
}

impl From<BodyDto> for Body {
    fn from(BodyDto { content, reply_to }: BodyDto) -> Self {
        let mut body = Self::text(content);
        body.reply_to = reply_to.map(Seq);
        body
    }
}

/// A message as it is now: the fields of the message, and what has happened to it since it was sent.
#[derive(Debug, Clone, Serialize, Object)]
#[oai(rename = "MessageState")]
pub(crate) struct MessageStateDto {
    #[serde(flatten)]
    #[oai(flatten)]
    message: MessageDto,
}

impl From<&MessageState> for MessageStateDto {
    fn from(state: &MessageState) -> Self {
        let MessageState { room, seq, at, actor, key, message, .. } = state;
        Self { message: MessageDto::new(*room, *seq, *at, actor.as_ref(), key.as_ref(), message) }
    }
}

/// A page of a room's messages.
#[derive(Debug, Clone, Serialize, Object)]
pub(crate) struct History {
    /// The messages, oldest first.
    messages: Vec<MessageStateDto>,
    /// The number of the room's newest event, read before the messages: if you attach from here, you miss nothing.
    head: u64,
    /// The history that `head` belongs to.
    epoch: String,
    /// Whether there are messages before these.
    has_before: bool,
    /// Whether there are messages after these.
    has_after: bool,
}

impl From<&HistoryPage> for History {
    fn from(page: &HistoryPage) -> Self {
        Self {
            messages: page.messages.iter().map(MessageStateDto::from).collect(),
            head: page.head.0,
            epoch: page.epoch.as_str().to_owned(),
            has_before: page.has_before,
            has_after: page.has_after,
        }
    }
}

/// A user, by id and name.
#[derive(Debug, Clone, Serialize, Object)]
#[oai(rename = "Identity")]
pub(crate) struct IdentityDto {
    /// The user's id.
    user: String,
    /// The name to show.
    username: String,
}

impl From<&Identity> for IdentityDto {
    fn from(identity: &Identity) -> Self {
        Self { user: identity.id.as_str().to_owned(), username: identity.name.as_str().to_owned() }
    }
}

/// Who is online in a room.
#[derive(Debug, Clone, Serialize, Object)]
#[oai(rename = "Presence")]
pub(crate) struct PresenceDto {
    /// How many users are online.
    count: usize,
    /// Their names; empty while there are too many users to list.
    users: Vec<String>,
    /// The same users with their ids.
    identities: Vec<IdentityDto>,
}

impl From<&Presence> for PresenceDto {
    fn from(presence: &Presence) -> Self {
        Self { count: presence.count, users: names(&presence.online), identities: identities(&presence.online) }
    }
}

/// The names of these users.
pub(crate) fn names(users: &[Identity]) -> Vec<String> {
    users.iter().map(|user| user.name.as_str().to_owned()).collect()
}

/// These users, by id and name.
pub(crate) fn identities(users: &[Identity]) -> Vec<IdentityDto> {
    users.iter().map(IdentityDto::from).collect()
}

/// A time stamp in RFC 3339, in UTC with milliseconds.
pub(crate) fn stamp(at: Timestamp) -> String {
    // A time outside the calendar means that a clock is wrong. It is shown as 1970; the order of events never depends
    // on it.
    let moment =
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(at.0) * 1_000).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    moment.format(STAMP).unwrap_or_default()
}

const STAMP: &[BorrowedFormatItem<'static>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_have_milliseconds_and_end_in_z() {
        assert_eq!(stamp(Timestamp(0)), "1970-01-01T00:00:00.000Z");
        assert_eq!(stamp(Timestamp(1_795_341_600_123_999)), "2026-11-22T10:00:00.123Z");
        assert_eq!(stamp(Timestamp(i64::MAX)), "1970-01-01T00:00:00.000Z");
    }
}

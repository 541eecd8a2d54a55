//! Messages on the wire: as they are sent, and as the events that they become.

use chat_core::{Body, Edit, Error, Event, IdempotencyKey, Identity, Message, RoomId, Seq, Timestamp, UserId};
use poem_openapi::{Enum, Object};
use serde::Serialize;

use super::{Meta, stamp};
use crate::{
    integer::MAX_INTEGER,
    json::{Fields, FromFields},
    refusal::Refusal,
};

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
    /// The `seq` of the message in whose thread it stands, if it does: the thread's root. It is in no page of the room's history.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[oai(skip_serializing_if_is_none)]
    thread: Option<u64>,
    /// Which message of its thread it is: 1 for the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[oai(skip_serializing_if_is_none)]
    thread_ordinal: Option<u64>,
    /// The ids of the users that it mentions, if it mentions any.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[oai(skip_serializing_if_is_none)]
    mentions: Option<Vec<String>>,
    /// `true` if it mentions everyone in the room; else left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[oai(skip_serializing_if_is_none)]
    mentions_room: Option<bool>,
    /// What an application added to it, if anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[oai(skip_serializing_if_is_none)]
    meta: Option<Meta>,
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
        let message = event.message()?;
        let erased = message.erased.then_some(true);
        let new = Self::new(event.room, event.seq, event.at, event.actor.as_ref(), event.key.as_ref(), message);
        Some(Self { erased, ..new })
    }

    /// A message that is not erased.
    pub(super) fn new(
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
        let body = &message.body;
        Self {
            kind: MessageType::Message,
            id: seq.0,
            username,
            content: body.content.clone(),
            reply_to: body.reply_to.map(|seq| seq.0),
            thread: body.thread.map(|seq| seq.0),
            thread_ordinal: message.thread_ordinal,
            mentions: mentions(body),
            mentions_room: body.mentions_room.then_some(true),
            meta: Meta::of(body),
            timestamp: stamp(at),
            room: room.0,
            seq: seq.0,
            user,
            key: key.map(|key| key.as_str().to_owned()),
            erased: None,
        }
    }
}

/// Whom a message mentions, if it mentions anyone.
pub(crate) fn mentions(body: &Body) -> Option<Vec<String>> {
    let mentions: Vec<_> = body.mentions.iter().map(|user| user.as_str().to_owned()).collect();
    Some(mentions).filter(|mentions| !mentions.is_empty())
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
    /// The `seq` of the message of this room in whose thread it is to stand. That one may not be in a thread itself.
    thread: Option<u64>,
    /// The ids of the users that it mentions, at most 50. The server does not look for mentions in the text.
    mentions: Option<Vec<String>>,
    /// Whether it mentions everyone in the room.
    mentions_room: Option<bool>,
    /// What an application adds to it: any JSON object of at most 8 KiB, kept byte for byte. It has no U+0000, and is nested at
    /// most 64 levels deep.
    meta: Option<Meta>,
}

impl FromFields for BodyDto {
    type Read = Body;

    fn from_fields(fields: &mut Fields<'_>) -> Result<Body, Refusal> {
        let mut body = Body::text(fields.required_text("content")?);
        body.reply_to = fields.integer("reply_to", 0..=MAX_INTEGER)?.map(Seq);
        body.thread = fields.integer("thread", 0..=MAX_INTEGER)?.map(Seq);
        body.mentions = take_mentions(fields)?.unwrap_or_default();
        body.mentions_room = fields.boolean("mentions_room")?.unwrap_or_default();
        body.meta = Meta::take(fields)?.filter(|meta| !meta.is_empty());
        Ok(body)
    }
}

/// What a message is to say instead. What is left out stays as it is.
#[derive(Debug, Object)]
#[oai(rename = "MessageEdit")]
pub(crate) struct EditDto {
    /// The new text, by the rules of a message's.
    #[oai(validator(min_length = 1))]
    content: String,
    /// The ids of the users that it mentions now, at most 50; an empty list takes all mentions away.
    mentions: Option<Vec<String>>,
    /// Whether it mentions everyone in the room now.
    mentions_room: Option<bool>,
    /// What an application adds now, by the rules of a message's; `{}` takes it away.
    meta: Option<Meta>,
}

impl FromFields for EditDto {
    type Read = Edit;

    fn from_fields(fields: &mut Fields<'_>) -> Result<Edit, Refusal> {
        let mut edit = Edit::text(fields.required_text("content")?);
        edit.mentions = take_mentions(fields)?;
        edit.mentions_room = fields.boolean("mentions_room")?;
        edit.meta = Meta::take(fields)?;
        Ok(edit)
    }
}

fn take_mentions(fields: &mut Fields<'_>) -> Result<Option<Vec<UserId>>, Error> {
    let Some(ids) = fields.texts("mentions")? else { return Ok(None) };
    if ids.len() > Body::MAX_MENTIONS {
        return Err(Error::TooMany { what: "mentions".into() });
    }
    let ids: Result<Vec<_>, _> = ids.iter().map(|id| UserId::new(id)).collect();
    ids.map(Some).map_err(|invalid| fields.wrong("mentions", invalid.reason))
}

//! Rows, and what they stand for.

use std::sync::Arc;

use sea_orm::{QueryResult, Value};

use super::{dialect::Dialect, error::SqlError};
use crate::{
    Body, Event, EventKind, Identity, Message, Room, RoomId, RoomName, Seq, Timestamp, Topic, UserId, UserName,
    append::{EventKey, Fingerprint, StoredEvent},
};

/// The columns of an event, in the order in which [`event`] reads and [`event_values`] writes them.
pub(super) const EVENT_COLUMNS: &str =
    "room_id, seq, kind, at_us, user_id, user_name, ordinal, idem_key, fingerprint, body, meta, reply_to";
/// Those of them that may be null. There, a 0 or an empty text says the same.
#[cfg(feature = "postgres")]
pub(super) const OPTIONAL_EVENT_COLUMNS: [&str; 5] = ["user_id", "user_name", "body", "meta", "reply_to"];
/// How many columns an event has.
pub(super) const EVENT_WIDTH: usize = 12;

/// The columns of a room, in the order in which [`room`] reads them.
pub(super) const ROOM_COLUMNS: &str =
    "r.id, r.name, r.topic, r.created_at, r.head, r.last_message_at, r.last_message_seq";

/// `kind` of a message that counts: the index by which pages of history are read has these. The numbers are stored: they never
/// change.
pub(super) const MESSAGE: i16 = 1;
const ROOM_UPDATED: i16 = 2;
const ROOM_DELETED: i16 = 3;

/// A number for the database, which knows no unsigned ones. Ids and numbers are far below the limit; what a client made
/// up beyond it means "after everything".
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A number from the database.
pub(super) fn unsigned(row: &QueryResult, index: usize) -> Result<u64, SqlError> {
    let number: i64 = row.try_get_by_index(index)?;
    u64::try_from(number).map_err(|_| SqlError::corrupt(format!("a negative number in column {index}")))
}

/// An event from a row of [`EVENT_COLUMNS`].
pub(super) fn event(dialect: &dyn Dialect, row: &QueryResult) -> Result<StoredEvent, SqlError> {
    let fingerprint: i64 = row.try_get_by_index(8)?;
    let key = EventKey::from_stored(&dialect.opaque_from(row, 7)?.unwrap_or_default());
    let event = Event {
        room: RoomId(unsigned(row, 0)?),
        seq: Seq(unsigned(row, 1)?),
        at: Timestamp(row.try_get_by_index(3)?),
        actor: actor(dialect, row)?,
        kind: kind(row, &key)?,
    };
    let fingerprint = Fingerprint(fingerprint.cast_unsigned());
    Ok(StoredEvent { event: Arc::new(event), key, fingerprint, ordinal: unsigned(row, 6)? })
}

/// The values of [`EVENT_COLUMNS`].
pub(super) fn event_values(dialect: &dyn Dialect, stored: &StoredEvent) -> [Value; EVENT_WIDTH] {
    let event = &*stored.event;
    let reply_to = event.message().and_then(|message| message.body.reply_to);
    let (kind, body, meta) = match &event.kind {
        EventKind::Message(message) => (MESSAGE, (!message.erased).then(|| message.body.content.clone()), None),
        EventKind::RoomUpdated { name, topic } => {
            (ROOM_UPDATED, Some(topic.as_str().to_owned()), Some(name.as_str().to_owned()))
        }
        EventKind::RoomDeleted => (ROOM_DELETED, None, None),
    };
    let actor = event.actor.as_ref();
    [
        signed(event.room.0).into(),
        signed(event.seq.0).into(),
        kind.into(),
        event.at.0.into(),
        dialect.opaque(actor.map(|actor| actor.id.as_str())),
        actor.map(|actor| actor.name.as_str().to_owned()).into(),
        signed(stored.ordinal).into(),
        dialect.opaque(Some(stored.key.as_str())),
        stored.fingerprint.0.cast_signed().into(),
        body.into(),
        meta.into(),
        reply_to.map(|seq| signed(seq.0)).into(),
    ]
}

/// A room from a row of [`ROOM_COLUMNS`].
pub(super) fn room(row: &QueryResult) -> Result<Room, SqlError> {
    let (last_message_at, last_message_seq): (Option<i64>, Option<i64>) =
        (row.try_get_by_index(5)?, row.try_get_by_index(6)?);
    Ok(Room {
        id: RoomId(unsigned(row, 0)?),
        name: RoomName::from_stored(&row.try_get_by_index::<String>(1)?),
        topic: Topic::from_stored(&row.try_get_by_index::<String>(2)?),
        created_at: Timestamp(row.try_get_by_index(3)?),
        head: Seq(unsigned(row, 4)?),
        last_message_seq: last_message_seq.map(|seq| Seq(seq.cast_unsigned())),
        last_message_at: last_message_at.map(Timestamp),
        online: 0,
    })
}

fn actor(dialect: &dyn Dialect, row: &QueryResult) -> Result<Option<Identity>, SqlError> {
    let Some(id) = dialect.opaque_from(row, 4)? else { return Ok(None) };
    let name: Option<String> = row.try_get_by_index(5)?;
    Ok(Some(Identity { id: UserId::from_stored(&id), name: UserName::from_stored(&name.unwrap_or_default()) }))
}

fn kind(row: &QueryResult, key: &EventKey) -> Result<EventKind, SqlError> {
    let text = |index| Ok::<_, SqlError>(row.try_get_by_index::<Option<String>>(index)?.unwrap_or_default());
    match row.try_get_by_index::<i16>(2)? {
        MESSAGE => Ok(EventKind::Message(Message {
            body: Body { content: text(9)?, reply_to: optional_seq(row, 11)? },
            key: key.to_given(),
            ordinal: unsigned(row, 6)?,
            // No message was sent without a text.
            erased: row.try_get_by_index::<Option<String>>(9)?.is_none(),
        })),
        ROOM_UPDATED => {
            Ok(EventKind::RoomUpdated { name: RoomName::from_stored(&text(10)?), topic: Topic::from_stored(&text(9)?) })
        }
        ROOM_DELETED => Ok(EventKind::RoomDeleted),
        other => Err(SqlError::corrupt(format!("an event of unknown kind {other}"))),
    }
}

fn optional_seq(row: &QueryResult, index: usize) -> Result<Option<Seq>, SqlError> {
    let number: Option<i64> = row.try_get_by_index(index)?;
    number.map(|_| unsigned(row, index).map(Seq)).transpose()
}

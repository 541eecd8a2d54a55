//! What an entry of an append becomes once it has its number. Shared by every store, so that all build the same events.

use std::sync::Arc;

use crate::{
    Event, EventKind, Message, RoomId, RoomName, Seq, Topic,
    append::{AppendOutcome, EventKey, Fingerprint, NewMessage, RoomDeletion, RoomUpdate, StoredEvent},
    error::Error,
};

/// Where the next event of a room goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Placement {
    /// In which room.
    pub(super) room: RoomId,
    /// With which number.
    pub(super) seq: Seq,
    /// How many messages the room has with it.
    pub(super) ordinal: u64,
}

/// A message at its place.
pub(super) fn message(place: Placement, new: &NewMessage) -> StoredEvent {
    let message = Message { content: new.content.clone(), key: new.key.to_given(), ordinal: place.ordinal };
    let event = Event {
        room: place.room,
        seq: place.seq,
        at: new.at,
        actor: Some(new.author.clone()),
        kind: EventKind::Message(message),
    };
    StoredEvent { event: Arc::new(event), key: new.key.clone(), fingerprint: new.fingerprint, ordinal: place.ordinal }
}

/// A change of the room at its place: the name and topic that it has from then on.
pub(super) fn update(place: Placement, new: &RoomUpdate, name: RoomName, topic: Topic) -> StoredEvent {
    let kind = EventKind::RoomUpdated { name, topic };
    let event = Event { room: place.room, seq: place.seq, at: new.at, actor: new.actor.clone(), kind };
    without_content(event, &new.key, place.ordinal)
}

/// The room's end at its place.
pub(super) fn delete(place: Placement, new: &RoomDeletion) -> StoredEvent {
    let kind = EventKind::RoomDeleted;
    let event = Event { room: place.room, seq: place.seq, at: new.at, actor: new.actor.clone(), kind };
    without_content(event, &new.key, place.ordinal)
}

/// What becomes of a message whose key is taken: a replay of the first answer, or a refusal.
pub(super) fn judge_double(first: &StoredEvent, new: &NewMessage) -> AppendOutcome {
    if first.fingerprint == new.fingerprint {
        AppendOutcome::Replay(first.event.clone())
    } else {
        AppendOutcome::Refused(Error::IdempotencyMismatch)
    }
}

/// Only messages are compared by content; the keys of other events are made up and never used twice.
fn without_content(event: Event, key: &EventKey, ordinal: u64) -> StoredEvent {
    StoredEvent { event: Arc::new(event), key: key.clone(), fingerprint: Fingerprint::of(""), ordinal }
}

//! What happens in a room: events, which are stored and numbered, and signals, which are neither.

use crate::{Body, IdempotencyKey, Identity, Presence, RoomId, RoomName, Seq, Timestamp, Topic, Typing};

/// A durable fact of a room, the same for everyone who sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The room it happened in.
    pub room: RoomId,
    /// Its number there; a message's id.
    pub seq: Seq,
    /// When it was stored. For people to read; order is `seq` alone.
    pub at: Timestamp,
    /// Who did it; `None` if the request named no user.
    pub actor: Option<Identity>,
    /// What happened.
    pub kind: EventKind,
}

/// What an [`Event`] says happened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventKind {
    /// A user wrote a message.
    Message(Message),
    /// The room's name or topic has changed; both as they are now.
    RoomUpdated {
        /// The name it has now.
        name: RoomName,
        /// The topic it has now.
        topic: Topic,
    },
    /// The room was deleted; nothing follows.
    RoomDeleted,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// What it says, byte for byte as sent.
    pub body: Body,
    /// The key that its sender gave it, if any.
    pub key: Option<IdempotencyKey>,
    /// How many messages the room had with this one: 1 for the first. Unread counts are differences of these.
    pub ordinal: u64,
    /// Whether what it said was erased since it was sent: then its body is empty.
    pub erased: bool,
}

impl Event {
    /// The message, if this is one.
    #[must_use]
    pub const fn message(&self) -> Option<&Message> {
        match &self.kind {
            EventKind::Message(message) => Some(message),
            EventKind::RoomUpdated { .. } | EventKind::RoomDeleted => None,
        }
    }

    /// The event without what its message said. An event of another kind is as it was.
    #[must_use]
    pub fn erased(mut self) -> Self {
        if let EventKind::Message(message) = &mut self.kind {
            (message.body, message.erased) = (Body::default(), true);
        }
        self
    }
}

/// A passing fact of a room: never stored, never numbered, and it may be dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signal {
    /// The room it is about.
    pub room: RoomId,
    /// When it was true.
    pub at: Timestamp,
    /// What it says.
    pub kind: SignalKind,
}

/// What a [`Signal`] says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignalKind {
    /// A user came online in the room.
    Join(Identity),
    /// A user's last session in the room is gone.
    Leave(Identity),
    /// Who is online: complete, and replaces what you knew.
    UserList(Presence),
    /// Who is typing: complete, and replaces what you knew.
    Typing(Typing),
}

//! What happens in a room: events, which are stored and numbered, and signals, which are neither.

use crate::{
    Body, IdempotencyKey, Identity, InvitedBy, MemberEvent, Presence, Reaction, Reason, RoomId, RoomKind, RoomName,
    Seq, Timestamp, Topic, Typing, UserMark,
};

/// A durable fact of a room, the same for everyone who sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Event {
    /// The room it happened in.
    pub room: RoomId,
    /// Its number there; a message's id.
    pub seq: Seq,
    /// When it was stored. For people to read; order is `seq` alone.
    pub at: Timestamp,
    /// Who did it; `None` if the request named no user.
    pub actor: Option<Identity>,
    /// The key that whoever did it gave it, if any.
    pub key: Option<IdempotencyKey>,
    /// What happened.
    pub kind: EventKind,
}

/// What an [`Event`] says happened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum EventKind {
    /// A user wrote a message.
    Message(Message),
    /// Its author gave a message another text.
    MessageEdited(MessageEdited),
    /// A message was deleted. What it said is erased; a tombstone stays.
    MessageDeleted {
        /// The message.
        target: Seq,
        /// Why, if it was said.
        reason: Option<Reason>,
    },
    /// A user reacted to a message, or took a reaction back.
    Reaction {
        /// The message.
        target: Seq,
        /// The reaction.
        reaction: Reaction,
        /// Whether it was added.
        added: bool,
        /// How many users have this reaction on the message after this.
        count: u64,
    },
    /// A message was pinned, or is no longer.
    Pin {
        /// The message.
        target: Seq,
        /// Whether it is pinned now.
        pinned: bool,
    },
    /// Somebody has come into the room or left it, or has another role, or other rights.
    Member(MemberEvent),
    /// The room's name, topic or terms have changed; all as they are now.
    RoomUpdated {
        /// The name it has now.
        name: RoomName,
        /// The topic it has now.
        topic: Topic,
        /// The kind it has now.
        kind: RoomKind,
        /// Which members may bring others in now.
        invites: InvitedBy,
    },
    /// The room was deleted; nothing follows.
    RoomDeleted,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Message {
    /// What it says, byte for byte as sent.
    pub body: Body,
    /// How many messages the room had with this one: 1 for the first. Unread counts are differences of these. A message in a
    /// thread does not count.
    pub ordinal: u64,
    /// Which message of its thread it is, if it is in one: 1 for the first.
    pub thread_ordinal: Option<u64>,
    /// Whether what it said was erased since it was sent: then its body says nothing.
    pub erased: bool,
}

/// What a message says since an edit.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct MessageEdited {
    /// The message.
    pub target: Seq,
    /// What it says after this edit, all of it. What it replies to and its thread stay, and are not told again.
    pub body: Body,
    /// How many edits the message had with this one.
    pub count: u64,
    /// Whether what it said was erased since: then its body says nothing.
    pub erased: bool,
}

impl Event {
    /// The message, if this is one.
    #[must_use]
    pub const fn message(&self) -> Option<&Message> {
        match &self.kind {
            EventKind::Message(message) => Some(message),
            EventKind::MessageEdited(_)
            | EventKind::MessageDeleted { .. }
            | EventKind::Reaction { .. }
            | EventKind::Pin { .. }
            | EventKind::Member(_)
            | EventKind::RoomUpdated { .. }
            | EventKind::RoomDeleted => None,
        }
    }

    /// The message, if this is one that counts: one that stands in the room itself, not in a thread.
    #[must_use]
    pub fn countable(&self) -> Option<&Message> {
        self.message().filter(|message| message.body.thread.is_none())
    }

    /// The edit, if this is one.
    #[must_use]
    pub const fn edit(&self) -> Option<&MessageEdited> {
        if let EventKind::MessageEdited(edit) = &self.kind { Some(edit) } else { None }
    }

    /// The message of which this event tells what it says, and whether that was erased: the message itself, or the one that is
    /// edited.
    pub(crate) fn tells_text_of(&self) -> Option<(Seq, bool)> {
        let edited = || self.edit().map(|edit| (edit.target, edit.erased));
        self.message().map(|message| (self.seq, message.erased)).or_else(edited)
    }

    /// The message that this event changes, if it changes one.
    #[must_use]
    pub const fn target(&self) -> Option<Seq> {
        match &self.kind {
            EventKind::MessageEdited(MessageEdited { target, .. })
            | EventKind::MessageDeleted { target, .. }
            | EventKind::Reaction { target, .. }
            | EventKind::Pin { target, .. } => Some(*target),
            EventKind::Message(_) | EventKind::Member(_) | EventKind::RoomUpdated { .. } | EventKind::RoomDeleted => {
                None
            }
        }
    }

    /// The change of who is in the room, if this is one.
    #[must_use]
    pub const fn member(&self) -> Option<&MemberEvent> {
        if let EventKind::Member(member) = &self.kind { Some(member) } else { None }
    }

    /// The event without what its message said. An event that says nothing of a message's text is as it was.
    #[must_use]
    pub fn erased(mut self) -> Self {
        match &mut self.kind {
            EventKind::Message(Message { body, erased, .. })
            | EventKind::MessageEdited(MessageEdited { body, erased, .. }) => {
                (*body, *erased) = (body.erased(), true);
            }
            EventKind::MessageDeleted { .. }
            | EventKind::Reaction { .. }
            | EventKind::Pin { .. }
            | EventKind::Member(_)
            | EventKind::RoomUpdated { .. }
            | EventKind::RoomDeleted => {}
        }
        self
    }
}

/// A passing fact of a room: never stored, never numbered, and it may be dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
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
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum SignalKind {
    /// A user came online in the room.
    Join(Identity),
    /// A user's last session in the room is gone.
    Leave(Identity),
    /// Who is online: complete, and replaces what you knew.
    UserList(Presence),
    /// Who is typing: complete, and replaces what you knew.
    Typing(Typing),
    /// How far users have read who have marked the room since the last of these.
    Read(Vec<UserMark>),
}

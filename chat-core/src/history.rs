//! Reading a room's history: messages as they are now, where the log has them as they were sent.

use crate::{Epoch, Event, EventKind, IdempotencyKey, Identity, Message, Reaction, RoomId, Seq, Timestamp};

/// A message as it is now.
///
/// A room's log never changes: an [`Event`] tells a message as it was sent, early or late. This is what a read of the history
/// gives. What may happen to a message after it was sent has its field here.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct MessageState {
    /// The room it was sent to.
    pub room: RoomId,
    /// Its number there, which is its id.
    pub seq: Seq,
    /// When it was stored.
    pub at: Timestamp,
    /// Who wrote it.
    pub actor: Option<Identity>,
    /// The key that its sender gave it, if any.
    pub key: Option<IdempotencyKey>,
    /// What it says now.
    pub message: Message,
    /// Its newest edit, if it was edited; also of a tombstone.
    pub edited: Option<Edited>,
    /// Its deletion, if it was deleted: it is a tombstone, and its body says nothing.
    pub deleted: Option<Deleted>,
    /// Who reacted to it, those first that were used first.
    pub reactions: Vec<ReactionCount>,
    /// Whether it is pinned.
    pub pinned: bool,
    /// How many messages its thread has that were not deleted.
    pub thread_count: u64,
    /// The number of the newest message that its thread ever had.
    pub thread_last: Option<Seq>,
}

/// A message's newest edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Edited {
    /// The number of its event.
    pub seq: Seq,
    /// When it was.
    pub at: Timestamp,
    /// How many edits there were.
    pub count: u64,
}

/// A message's deletion.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Deleted {
    /// The number of its event.
    pub seq: Seq,
    /// When it was.
    pub at: Timestamp,
    /// Who deleted it; `None` if nobody was named.
    pub actor: Option<Identity>,
}

/// A reaction to a message, and how many users have it there.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ReactionCount {
    /// The reaction.
    pub reaction: Reaction,
    /// How many users.
    pub count: u64,
    /// Whether the user who asks is one of them.
    pub mine: bool,
}

/// A user who reacted to a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reactor {
    /// The reaction.
    pub reaction: Reaction,
    /// The user.
    pub user: Identity,
    /// When it was.
    pub at: Timestamp,
}

/// A page of those who reacted to a message, oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReactorPage {
    /// The users and their reactions.
    pub reactors: Vec<Reactor>,
    /// Where the next page begins, if there is one: the number of the last event shown.
    pub next: Option<Seq>,
}

/// What a message said from an edit on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageVersion {
    /// The number of the event: of the message itself, or of an edit.
    pub seq: Seq,
    /// The text; empty if it was erased.
    pub content: String,
    /// When it was stored.
    pub at: Timestamp,
    /// Who wrote it.
    pub actor: Option<Identity>,
}

/// The pinned messages of a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PinnedMessages {
    /// The messages, those first that were pinned last.
    pub messages: Vec<MessageState>,
    /// The room's head that they show.
    pub head: Seq,
}

impl MessageVersion {
    /// What a message says from this event on; `None` for one that is neither a message nor an edit.
    #[must_use]
    pub fn of(event: &Event) -> Option<Self> {
        let said = match &event.kind {
            EventKind::Message(message) => &message.body,
            EventKind::MessageEdited(edit) => &edit.body,
            EventKind::MessageDeleted { .. }
            | EventKind::Reaction { .. }
            | EventKind::Pin { .. }
            | EventKind::Member(_)
            | EventKind::RoomUpdated { .. }
            | EventKind::RoomDeleted => return None,
        };
        Some(Self { seq: event.seq, content: said.content.clone(), at: event.at, actor: event.actor.clone() })
    }
}

impl MessageState {
    /// A message to which nothing has happened since it was sent; `None` for an event of another kind.
    #[must_use]
    pub fn of(event: Event) -> Option<Self> {
        let Event { room, seq, at, actor, key, kind } = event;
        let EventKind::Message(message) = kind else { return None };
        Some(Self {
            room,
            seq,
            at,
            actor,
            key,
            message,
            edited: None,
            deleted: None,
            reactions: Vec::new(),
            pinned: false,
            thread_count: 0,
            thread_last: None,
        })
    }
}

/// Which part of a room's messages to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct HistoryQuery {
    /// From where, and in which direction.
    pub from: HistoryFrom,
    /// How many messages at most, 1–100.
    pub limit: usize,
}

/// Where a page of history lies. The numbers need not be those of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HistoryFrom {
    /// The newest messages.
    Newest,
    /// The messages just before this number.
    Before(Seq),
    /// The messages just after this number.
    After(Seq),
    /// The messages around this number, itself included.
    Around(Seq),
}

impl HistoryQuery {
    /// The newest 50.
    #[must_use]
    pub const fn newest() -> Self {
        Self { from: HistoryFrom::Newest, limit: 50 }
    }

    /// The 50 before this number.
    #[must_use]
    pub const fn before(seq: Seq) -> Self {
        Self { from: HistoryFrom::Before(seq), limit: 50 }
    }

    /// The 50 after this number.
    #[must_use]
    pub const fn after(seq: Seq) -> Self {
        Self { from: HistoryFrom::After(seq), limit: 50 }
    }

    /// The 50 around this number.
    #[must_use]
    pub const fn around(seq: Seq) -> Self {
        Self { from: HistoryFrom::Around(seq), limit: 50 }
    }

    /// The same with another limit, 1–100.
    #[must_use]
    pub const fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }
}

/// The 50 messages that lie there.
impl From<HistoryFrom> for HistoryQuery {
    fn from(from: HistoryFrom) -> Self {
        Self { from, limit: 50 }
    }
}

/// A page of a room's messages, oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryPage {
    /// The messages, as they were when the page was read.
    pub messages: Vec<MessageState>,
    /// The room's head, read before the rows: a subscription from here misses nothing that the page has not.
    pub head: Seq,
    /// The epoch that `head` belongs to.
    pub epoch: Epoch,
    /// Whether there are messages before the first of the page.
    pub has_before: bool,
    /// Whether there are messages after the last of the page.
    pub has_after: bool,
}

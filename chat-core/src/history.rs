//! Reading a room's history: messages as they are now, where the log has them as they were sent.

use crate::{Epoch, Event, EventKind, Identity, Message, RoomId, Seq, Timestamp};

/// A message as it is now.
///
/// A room's log never changes: an [`Event`] tells a message as it was sent, early or late. This is what a read of the history
/// gives. What may happen to a message after it was sent has its field here.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MessageState {
    /// The room it was sent to.
    pub room: RoomId,
    /// Its number there, which is its id.
    pub seq: Seq,
    /// When it was stored.
    pub at: Timestamp,
    /// Who wrote it.
    pub actor: Option<Identity>,
    /// What it says now.
    pub message: Message,
}

impl MessageState {
    /// A message to which nothing has happened since it was sent; `None` for an event of another kind.
    #[must_use]
    pub fn of(event: Event) -> Option<Self> {
        let Event { room, seq, at, actor, kind } = event;
        match kind {
            EventKind::Message(message) => Some(Self { room, seq, at, actor, message }),
            EventKind::RoomUpdated { .. } | EventKind::RoomDeleted => None,
        }
    }
}

/// Which part of a room's messages to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

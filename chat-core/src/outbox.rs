//! Messages that a host queues in a transaction of its own, and what became of those that could not be sent.

use std::fmt;

use crate::{Body, IdempotencyKey, Identity, RoomId, Sent, Timestamp, append::EventKey};

/// The number of a message in the outbox. None is given twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OutboxId(pub u64);

impl fmt::Display for OutboxId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A message that waits for its transaction to be committed, and then to be taken into the log of its room. It is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxEntry {
    /// Where it is sent.
    pub room: RoomId,
    /// In whose name.
    pub author: Identity,
    /// What a retry is found by.
    pub key: EventKey,
    /// What it says.
    pub body: Body,
    /// When it was queued.
    pub at: Timestamp,
}

/// What a host's transaction has of a message.
#[derive(Debug, Clone, PartialEq)]
pub enum InOutbox {
    /// It is queued there. An equal one with the same key may have been queued before: then there is one.
    Queued,
    /// A message with the same key and content had been sent before: nothing is queued.
    Sent(Sent),
}

/// A message that was queued and could not be sent. It stays until the host
/// [forgets](crate::ChatEngine::forget_outbox_failure) it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutboxFailure {
    /// Its number.
    pub id: OutboxId,
    /// Where it was to be sent.
    pub room: RoomId,
    /// In whose name.
    pub author: Identity,
    /// Its key, if the host gave it one.
    pub key: Option<IdempotencyKey>,
    /// What it says.
    pub body: Body,
    /// When it was queued.
    pub queued_at: Timestamp,
    /// Why it was not sent: the [code](crate::Error::code) of an error, mostly `room_not_found` (the room was deleted) or
    /// `idempotency_mismatch` (another message has taken its key).
    pub code: String,
}

impl OutboxFailure {
    /// A message with this number, and why it was not sent.
    #[must_use]
    pub fn new(id: OutboxId, entry: OutboxEntry, code: String) -> Self {
        let OutboxEntry { room, author, key, body, at } = entry;
        Self { id, room, author, key: key.to_given(), body, queued_at: at, code }
    }
}

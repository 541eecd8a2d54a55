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

/// A message that waits, as it is found in the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Its number.
    pub id: OutboxId,
    /// What is known of it. Of one that cannot be read, the body is empty.
    pub entry: OutboxEntry,
    /// Why it cannot be read, if it cannot.
    pub unreadable: Option<Unreadable>,
}

/// Why what a message in the outbox says cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreadable {
    /// It is encrypted by a key that is not among those which the engine was given. With that key it can be read again.
    KeyMissing,
    /// It is not what was written. Nothing makes it readable again.
    Damaged,
}

impl Unreadable {
    /// The [code](OutboxFailure::code) of a message that cannot be read for this reason.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::KeyMissing => "text_key_missing",
            Self::Damaged => "unreadable",
        }
    }
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
    /// What it says; empty if it cannot be read.
    pub body: Body,
    /// When it was queued.
    pub queued_at: Timestamp,
    /// Why it was not sent: the [code](crate::Error::code) of an error, mostly `room_not_found` (the room was deleted) or
    /// `idempotency_mismatch` (another message has taken its key); or `unreadable`, if its row is damaged, or `text_key_missing`: it is
    /// encrypted by a key that the engine was not given. What was queued behind that for the same room waits for it. It is tried
    /// again when an engine starts on the database, with all keys; to forget it lets the others go.
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

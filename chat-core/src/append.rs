//! What a room asks of its log, and what the log says to it. Shared by the state machine, which asks, and the
//! [`Store`](crate::store::Store), which answers.

use std::sync::Arc;

use crate::{Error, Event, IdempotencyKey, Identity, Room, RoomId, RoomName, Seq, Timestamp, Topic, UserId};

/// The key an event is stored with: the sender's own, or one made up for it, so that each append can be found again
/// after its outcome was lost. A made-up one begins with a space, which no sender's key can, and is never shown.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventKey(Arc<str>);

impl EventKey {
    /// The sender's own key.
    #[must_use]
    pub fn given(key: &IdempotencyKey) -> Self {
        Self(key.as_str().into())
    }

    /// A made-up key; `unique` is at most 63 characters and never used twice.
    #[must_use]
    pub fn generated(unique: &str) -> Self {
        Self(format!(" {unique}").into())
    }

    /// A key as it was stored.
    #[must_use]
    pub fn from_stored(key: &str) -> Self {
        Self(key.into())
    }

    /// As it is stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The sender's own key, if this is one.
    #[must_use]
    pub fn to_given(&self) -> Option<IdempotencyKey> {
        IdempotencyKey::new(&self.0).ok()
    }
}

/// A hash of the content as submitted, by which a retry is told from another message with the same key. FNV-1a, 64 bit:
/// it is stored, so it must never change; it keeps nobody out, so it need not be cryptographic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub u64);

impl Fingerprint {
    /// The hash of this content.
    #[must_use]
    pub fn of(content: &str) -> Self {
        // Fowler–Noll–Vo, https://www.rfc-editor.org/rfc/rfc9923
        let hash = content.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        Self(hash)
    }
}

/// An append to one room's log: one transaction's worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Append {
    /// Messages, in order. They may share a transaction with those of other rooms.
    Messages(Vec<NewMessage>),
    /// Another name or topic. Has a transaction of its own.
    Update(RoomUpdate),
    /// The room's end. Has a transaction of its own.
    Delete(RoomDeletion),
}

/// A message to be stored. Everything is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMessage {
    /// Who wrote it.
    pub author: Identity,
    /// The text.
    pub content: String,
    /// What it can be found by.
    pub key: EventKey,
    /// The content's fingerprint.
    pub fingerprint: Fingerprint,
    /// Its stamp.
    pub at: Timestamp,
}

/// A change of name or topic to be stored. What is `None` stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomUpdate {
    /// Who changes it.
    pub actor: Option<Identity>,
    /// The new name.
    pub name: Option<RoomName>,
    /// The new topic.
    pub topic: Option<Topic>,
    /// What it can be found by.
    pub key: EventKey,
    /// Its stamp.
    pub at: Timestamp,
}

/// A room's end to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomDeletion {
    /// Who deletes it.
    pub actor: Option<Identity>,
    /// What it can be found by.
    pub key: EventKey,
    /// Its stamp.
    pub at: Timestamp,
}

/// What became of one entry of an append.
#[derive(Debug, Clone, PartialEq)]
pub enum AppendOutcome {
    /// It was stored, as this event.
    New(Arc<Event>),
    /// The key had been used for the same content: this is the event of then. No number was used.
    Replay(Arc<Event>),
    /// The room was like that already: no event, no number.
    Unchanged,
    /// It was refused ([`Error::IdempotencyMismatch`], [`Error::NameTaken`]): no number was used.
    Refused(Error),
}

/// What became of an append: one [`AppendOutcome`] per entry, in order; or the failure of all of it.
pub type AppendResult = Result<Vec<AppendOutcome>, AppendFailure>;

/// Why nothing is known to be stored of an append.
#[derive(Debug, Clone, PartialEq)]
pub enum AppendFailure {
    /// Surely nothing was; this is why.
    NotStored(Error),
    /// The commit's answer was lost: it may have been stored or not.
    Unknown,
}

/// An event as it is stored, with what only the log needs to know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// The event.
    pub event: Arc<Event>,
    /// The key it is stored with.
    pub key: EventKey,
    /// The fingerprint of its content.
    pub fingerprint: Fingerprint,
    /// How many messages the room has with it.
    pub ordinal: u64,
}

/// What an append is looked for by after its outcome was lost.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lookup {
    /// Whose it was.
    pub user: Option<UserId>,
    /// Its key.
    pub key: EventKey,
}

/// What was found when a room's log was looked at after a lost outcome, with the room's lock held, so that it is final.
/// However long the log is, this is no more than what was asked for; what else there is up to `head` is read page by page.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recovered {
    /// The number of the room's newest event.
    pub head: Seq,
    /// Whether the room is gone.
    pub is_deleted: bool,
    /// The events that hold one of the keys asked for, in order, each once.
    pub found: Vec<StoredEvent>,
}

/// A room to be made, checked and stamped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomRecord {
    /// Its name.
    pub name: RoomName,
    /// What it is about.
    pub topic: Topic,
    /// When it is made.
    pub created_at: Timestamp,
}

impl RoomRecord {
    /// The room it becomes, with the id it was given.
    #[must_use]
    pub fn to_room(&self, id: RoomId) -> Room {
        Room {
            id,
            name: self.name.clone(),
            topic: self.topic.clone(),
            created_at: self.created_at,
            head: Seq(0),
            last_message_at: None,
            online: 0,
        }
    }
}

//! People, rooms and what is asked of them.

use crate::{Epoch, Event, IdempotencyKey, RoomId, RoomName, Seq, Timestamp, Topic, UserId, UserName, error::Error};

/// Who a user is: the host's id for them, and the name to show.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// The host's id; messages, presence and keys belong to it.
    pub id: UserId,
    /// The name to show.
    pub name: UserName,
}

impl Identity {
    /// An identity with an id of the host's.
    ///
    /// # Errors
    /// [`Error::InvalidField`] when the id or the name breaks its rules.
    pub fn new(id: &str, name: &str) -> Result<Self, Error> {
        Ok(Self { id: UserId::new(id)?, name: UserName::new(name)? })
    }

    /// An identity whose id is the name itself (as guests have it).
    ///
    /// # Errors
    /// [`Error::InvalidField`] when the name breaks the rules of [`UserName`].
    pub fn named(name: &str) -> Result<Self, Error> {
        let name = UserName::new(name)?;
        Ok(Self { id: UserId::new(name.as_str())?, name })
    }
}

/// Who makes a call.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Actor {
    /// A user.
    User(Identity),
    /// Someone who did not say who they are.
    Anonymous,
    /// The host itself: the [`Policy`](crate::Policy) is not asked.
    System,
}

impl Actor {
    /// The user, if it is one.
    #[must_use]
    pub const fn user(&self) -> Option<&Identity> {
        match self {
            Self::User(identity) => Some(identity),
            Self::Anonymous | Self::System => None,
        }
    }
}

impl From<Identity> for Actor {
    fn from(identity: Identity) -> Self {
        Self::User(identity)
    }
}

impl From<&Identity> for Actor {
    fn from(identity: &Identity) -> Self {
        Self::User(identity.clone())
    }
}

impl From<&Self> for Actor {
    fn from(actor: &Self) -> Self {
        actor.clone()
    }
}

/// A room as it is in the database, and how many users are online in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    /// Its id.
    pub id: RoomId,
    /// Its name, unique ignoring case.
    pub name: RoomName,
    /// What it is about; may be empty.
    pub topic: Topic,
    /// When it was created.
    pub created_at: Timestamp,
    /// The number of its newest event; 0 when there is none.
    pub head: Seq,
    /// When its newest message was stored.
    pub last_message_at: Option<Timestamp>,
    /// How many users are online in it now.
    pub online: usize,
}

/// A room to create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRoom {
    /// Its name, as typed; see [`RoomName`] for the rules.
    pub name: String,
    /// What it is about, as typed; see [`Topic`] for the rules.
    pub topic: String,
}

impl NewRoom {
    /// A room with this name and no topic.
    #[must_use]
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), topic: String::new() }
    }

    /// The same with a topic.
    #[must_use]
    pub fn topic(mut self, topic: impl Into<String>) -> Self {
        self.topic = topic.into();
        self
    }
}

/// A change to a room; `None` leaves a field as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RoomChange {
    /// A new name.
    pub name: Option<String>,
    /// A new topic; an empty one removes it.
    pub topic: Option<String>,
}

/// A message as its author sends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The text: 1–4,000 characters by default, not blank, kept byte for byte.
    pub content: String,
    /// The key for retries, as the sender gave it; see [`IdempotencyKey`] for the rules.
    pub key: Option<String>,
}

impl Draft {
    /// A message with this text.
    #[must_use]
    pub fn text(content: impl Into<String>) -> Self {
        Self { content: content.into(), key: None }
    }

    /// The same with an idempotency key: however often and wherever you retry it, it is stored once.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// The key, checked.
    ///
    /// # Errors
    /// [`Error::InvalidField`] (`key`).
    pub fn checked_key(&self) -> Result<Option<IdempotencyKey>, Error> {
        self.key.as_deref().map(IdempotencyKey::new).transpose()
    }
}

/// Who is typing in a room.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Typing {
    /// How many users are.
    pub count: usize,
    /// Who they are; at most [`Limits::typing_names`](crate::Limits::typing_names) of them, those who began first.
    pub identities: Vec<Identity>,
}

/// Who is online in a room.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Presence {
    /// How many users are.
    pub count: usize,
    /// Who they are, by id; empty while there are too many to name (above 200, until below 180).
    pub identities: Vec<Identity>,
}

/// Which rooms to list: by id, after a cursor, with a part of the name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomQuery {
    /// At most this many, 1–100.
    pub limit: usize,
    /// Only rooms after this one (the `next` of the page before).
    pub after: Option<RoomId>,
    /// Only rooms whose name has this part, without regard to case and width.
    pub name_contains: Option<String>,
}

impl Default for RoomQuery {
    fn default() -> Self {
        Self { limit: 50, after: None, name_contains: None }
    }
}

/// A page of rooms, by id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomPage {
    /// The rooms: at most as many as asked for. A search among more than 260,000 rooms may find fewer, or none, before the
    /// page ends; there are more only where there is a `next`.
    pub rooms: Vec<Room>,
    /// Where the next page begins, if there is one.
    pub next: Option<RoomId>,
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
    /// The messages ([`EventKind::Message`](crate::EventKind) only).
    pub messages: Vec<Event>,
    /// The room's head, read before the rows: a subscription from here misses nothing that the page has not.
    pub head: Seq,
    /// The epoch that `head` belongs to.
    pub epoch: Epoch,
    /// Whether there are messages before the first of the page.
    pub has_before: bool,
    /// Whether there are messages after the last of the page.
    pub has_after: bool,
}

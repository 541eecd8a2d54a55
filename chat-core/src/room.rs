//! Rooms, and what is asked of them.

use crate::{Identity, InvitedBy, RoomId, RoomKind, RoomName, RoomTerms, Seq, Timestamp, Topic};

/// A room as it is in the database, and how many users are online in it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Room {
    /// Its id.
    pub id: RoomId,
    /// Its name. That of a public room is unique, ignoring case, among those without a key of the host's ([`external`](Self::external)).
    pub name: RoomName,
    /// What it is about; may be empty.
    pub topic: Topic,
    /// When it was created.
    pub created_at: Timestamp,
    /// The number of its oldest event, or of what will be: 1 until older ones are [pruned](crate::Keep).
    pub first_seq: Seq,
    /// The number of its newest event; 0 when there is none.
    pub head: Seq,
    /// The number of its newest message, if there is one.
    pub last_message_seq: Option<Seq>,
    /// When its newest message was stored.
    pub last_message_at: Option<Timestamp>,
    /// How many users are online in it now.
    pub online: usize,
    /// Who may see it.
    pub kind: RoomKind,
    /// Whether it has owners. A room that nobody owns is everybody's: anyone may rename and delete it.
    pub owned: bool,
    /// Which members may bring others in.
    pub invites: InvitedBy,
    /// How many members it has.
    pub members: u64,
    /// The number of its newest event that changed who may do what; 0 if none did.
    pub rights_seq: Seq,
    /// The other one in a direct room, for the user who asked; in notes to oneself it is oneself. `None` in rooms of other kinds, and
    /// for whoever is not in it.
    pub peer: Option<Identity>,
    /// The host's own key for it, if it has one.
    pub external: Option<String>,
}

impl Room {
    /// A public room that nobody owns, without events, members and a topic. The other fields can be set.
    #[must_use]
    pub fn new(id: RoomId, name: RoomName, created_at: Timestamp) -> Self {
        Self {
            id,
            name,
            topic: Topic::default(),
            created_at,
            first_seq: Seq(1),
            head: Seq(0),
            last_message_seq: None,
            last_message_at: None,
            online: 0,
            kind: RoomKind::default(),
            owned: false,
            invites: InvitedBy::default(),
            members: 0,
            rights_seq: Seq(0),
            peer: None,
            external: None,
        }
    }

    /// What decides about rights in it, beside who is in it.
    #[must_use]
    pub const fn terms(&self) -> RoomTerms {
        RoomTerms { kind: self.kind, owned: self.owned, invites: self.invites }
    }
}

/// A room to create.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewRoom {
    /// Its name, as typed; see [`RoomName`] for the rules.
    pub name: String,
    /// What it is about, as typed; see [`Topic`] for the rules.
    pub topic: String,
    /// Who may see it: a public room, or a private one, which needs an owner.
    pub kind: RoomKind,
    /// Which members may bring others in.
    pub invites: InvitedBy,
    /// Who owns it, if it is not whoever makes it. A room that guests, nobody or the host makes has no owner without this.
    pub owner: Option<Identity>,
    /// The host's own key for it, such as `project-42`: 1–256 bytes, compared byte for byte, of no other living room. With one, its
    /// name need not be unique, and the room is not found by it but only by a search.
    pub external: Option<String>,
}

impl NewRoom {
    /// A room with this name and no topic.
    #[must_use]
    pub fn named(name: impl Into<String>) -> Self {
        let (kind, invites) = (RoomKind::Public, InvitedBy::Members);
        Self { name: name.into(), topic: String::new(), kind, invites, owner: None, external: None }
    }

    /// The same with a user who owns it, whoever makes it.
    #[must_use]
    pub fn owner(mut self, owner: Identity) -> Self {
        self.owner = Some(owner);
        self
    }

    /// The same with a key of the host's own, by which [`room_by_external`](crate::ChatEngine::room_by_external) finds it.
    #[must_use]
    pub fn external(mut self, key: impl Into<String>) -> Self {
        self.external = Some(key.into());
        self
    }

    /// The same, which only its members see.
    #[must_use]
    pub const fn private(mut self) -> Self {
        self.kind = RoomKind::Private;
        self
    }

    /// The same with what decides which members may bring others in.
    #[must_use]
    pub const fn invites(mut self, invites: InvitedBy) -> Self {
        self.invites = invites;
        self
    }

    /// The same with a topic.
    #[must_use]
    pub fn topic(mut self, topic: impl Into<String>) -> Self {
        self.topic = topic.into();
        self
    }
}

/// A change to a room; `None` leaves a field as it is.
///
/// ```
/// let change = chat_core::RoomChange::default().name("Lounge").topic("Tea and talk").key("rename-1");
/// assert_eq!(change.kind, None);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct RoomChange {
    /// A new name.
    pub name: Option<String>,
    /// A new topic; an empty one removes it.
    pub topic: Option<String>,
    /// Who may see it from now on, if somebody owns it. Whoever is not in is detached when it becomes private; a name is taken or
    /// free when it becomes public.
    pub kind: Option<RoomKind>,
    /// Which members may bring others in.
    pub invites: Option<InvitedBy>,
    /// The key for retries, as it was given; see [`IdempotencyKey`](crate::IdempotencyKey) for the rules.
    pub key: Option<String>,
}

impl RoomChange {
    /// The same with a new name.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The same with a new topic.
    #[must_use]
    pub fn topic(mut self, topic: impl Into<String>) -> Self {
        self.topic = Some(topic.into());
        self
    }

    /// The same with who may see the room from now on.
    #[must_use]
    pub const fn kind(mut self, kind: RoomKind) -> Self {
        self.kind = Some(kind);
        self
    }

    /// The same with which members may bring others in.
    #[must_use]
    pub const fn invites(mut self, invites: InvitedBy) -> Self {
        self.invites = Some(invites);
        self
    }

    /// The same with an idempotency key.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }
}

/// A room that was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UpdatedRoom {
    /// The room as it is now; if it was deleted since, as it became by the change.
    pub room: Room,
    /// Whether an earlier change with the same key had changed it.
    pub replayed: bool,
}

/// Which rooms to list: by id, after a cursor, with a part of the name. By default the first 50.
///
/// ```
/// use chat_core::{RoomId, RoomQuery};
///
/// let next_page = RoomQuery::default().limit(100).after(RoomId(7)).name_contains("tea");
/// assert_eq!(next_page.after, Some(RoomId(7)));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RoomQuery {
    /// At most this many, 1–100.
    pub limit: usize,
    /// Only rooms after this one (the `next` of the page before).
    pub after: Option<RoomId>,
    /// Only rooms whose name has this part, without regard to case and width.
    pub name_contains: Option<String>,
    /// Only these rooms, at most 100: also direct ones that one is in, which no other list has but that of
    /// [one's own rooms](crate::ChatEngine::my_rooms).
    pub ids: Option<Vec<RoomId>>,
}

impl Default for RoomQuery {
    fn default() -> Self {
        Self { limit: 50, after: None, name_contains: None, ids: None }
    }
}

impl RoomQuery {
    /// The same with another limit, 1–100.
    #[must_use]
    pub const fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// The same, after a room.
    #[must_use]
    pub const fn after(mut self, room: RoomId) -> Self {
        self.after = Some(room);
        self
    }

    /// The same with a part that the names have.
    #[must_use]
    pub fn name_contains(mut self, part: impl Into<String>) -> Self {
        self.name_contains = Some(part.into());
        self
    }

    /// The same among these rooms only, at most 100.
    #[must_use]
    pub fn ids(mut self, rooms: impl IntoIterator<Item = RoomId>) -> Self {
        self.ids = Some(rooms.into_iter().collect());
        self
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

//! The rooms of one user, with what is unread in them.

use crate::{MessageState, Notify, Role, Room, RoomId, Timestamp, Unread};

/// A room of a user's, with what the user has not read of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct MyRoom {
    /// The room.
    pub room: Room,
    /// How far the user has read, and what not.
    pub unread: Unread,
    /// Its newest message, which may be a tombstone; `None` if there never was one.
    pub last_message: Option<MessageState>,
    /// What the user wants to be told of it.
    pub notify: Notify,
    /// What the user is in the room; `None` if they are no member.
    pub role: Option<Role>,
}

impl MyRoom {
    /// A room of a user's who is no member.
    #[must_use]
    pub const fn new(room: Room, unread: Unread, last_message: Option<MessageState>, notify: Notify) -> Self {
        Self { room, unread, last_message, notify, role: None }
    }
}

/// Which rooms of a user's to list.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MyRoomQuery {
    /// At most this many, 1–200.
    pub limit: usize,
    /// Only rooms after this place (the `next` of the page before).
    pub after: Option<MyRoomsCursor>,
}

/// A place in the list of a user's rooms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MyRoomsCursor {
    /// When the room's newest message was stored; when the room was created if it has none.
    pub at: Timestamp,
    /// The room.
    pub room: RoomId,
}

impl Default for MyRoomQuery {
    fn default() -> Self {
        Self { limit: 50, after: None }
    }
}

impl MyRoomQuery {
    /// The same with another limit, 1–200.
    #[must_use]
    pub const fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// The same, after a place in the list.
    #[must_use]
    pub const fn after(mut self, place: MyRoomsCursor) -> Self {
        self.after = Some(place);
        self
    }
}

/// A page of a user's rooms: those that were active last come first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MyRoomPage {
    /// The rooms.
    pub rooms: Vec<MyRoom>,
    /// Where the next page begins, if there is one.
    pub next: Option<MyRoomsCursor>,
}

//! How far users have read.

use crate::{Identity, RoomId, Seq};

/// How far a user has read a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Mark {
    /// The newest event that was read.
    pub seq: Seq,
    /// How many messages the room had up to there.
    pub ordinal: u64,
    /// Whether it was set back, so that messages of the user's own may stand beyond it.
    pub by_back: bool,
}

impl Mark {
    /// What counts where a user has no mark: nothing was read.
    pub const NONE: Self = Self { seq: Seq(0), ordinal: 0, by_back: true };
}

/// What a user has not read of a room, and how far they have read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Unread {
    /// The newest event that was read.
    pub seq: Seq,
    /// How many messages of others stand beyond it, not counting deleted ones and those in threads.
    pub unread: u64,
    /// How many messages beyond it mention the user or the room, those in threads too.
    pub mentions: u64,
    /// How many messages the room has had, those before a prune too: of a later answer, the difference is what came meanwhile.
    pub ordinal: u64,
}

/// How far to mark a room as read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MarkTo {
    /// The newest event that was read. Beyond the room's head, it is the head.
    pub seq: Seq,
    /// Whether the mark may go back, to exactly this.
    pub back: bool,
}

impl MarkTo {
    /// Everything up to this was read. A mark that is further on stays.
    #[must_use]
    pub const fn seq(seq: Seq) -> Self {
        Self { seq, back: false }
    }

    /// Everything up to this was read, and nothing after it.
    #[must_use]
    pub const fn back_to(seq: Seq) -> Self {
        Self { seq, back: true }
    }
}

/// How far a user has read, as others may see it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct UserMark {
    /// The user.
    pub user: Identity,
    /// The newest event that was read.
    pub seq: Seq,
}

/// What a user wants to be told of a room. It is stored for the user's clients; the engine does nothing with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Notify {
    /// All messages.
    #[default]
    All,
    /// Only mentions.
    Mentions,
    /// Nothing.
    None,
}

/// A page of how far users have read a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarkPage {
    /// The marks: that of the user who asks first, then by user id.
    pub marks: Vec<UserMark>,
    /// Where the next page begins, if there is one.
    pub next: Option<crate::UserId>,
}

/// How a user has marked a room, which others are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marked {
    /// The room.
    pub room: RoomId,
    /// Its state for the user.
    pub unread: Unread,
    /// Whether the mark has moved.
    pub moved: bool,
}

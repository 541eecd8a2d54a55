//! Erasing users: what is asked, how far it is, and what is recorded of it.

use crate::{RoomId, Seq, Timestamp, UserId};

/// What becomes of the messages of a user who is erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Erase {
    /// They stay as they are, as those of a deleted user.
    Anonymise,
    /// They are deleted, and what the user gave as the reason of a deletion goes with them.
    Redact,
}

/// How far an erasure is, in events of all rooms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ErasureProgress {
    /// How many were looked at.
    pub done: u64,
    /// How many there are to look at. It grows with what is stored meanwhile.
    pub total: u64,
}

/// What an erasure has done. If it was interrupted before, that counts what was done since.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Erased {
    /// The id that stands for the user from now on: nobody can use it.
    pub id: UserId,
    /// How many messages were deleted.
    pub deleted: u64,
    /// In how many events another user stands now.
    pub changed: u64,
}

/// An erasure as it is recorded, from before it begins until it is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasure {
    /// Who is erased.
    pub user: UserId,
    /// The id in place of theirs.
    pub new_id: UserId,
    /// What becomes of their messages.
    pub mode: Erase,
    /// When it was asked for.
    pub at: Timestamp,
}

impl Erasure {
    /// These users with the new id in place of the one who is erased, each once; `None` if that one is not among them.
    pub(crate) fn replaced(&self, users: &[UserId]) -> Option<Vec<UserId>> {
        if !users.contains(&self.user) {
            return None;
        }
        let others = users.iter().filter(|user| **user != self.new_id);
        Some(others.map(|user| if *user == self.user { &self.new_id } else { user }).cloned().collect())
    }
}

/// The name in place of that of a user who was erased.
pub const DELETED_USER: &str = "Deleted user";

/// Where the log of a room stands in a store, what was pruned or deleted and is not removed yet included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogExtent {
    /// The room.
    pub room: RoomId,
    /// Its oldest event, or the next one where there is none.
    pub first: Seq,
    /// Its newest event.
    pub head: Seq,
}

/// A part of a room's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogPart {
    /// The room.
    pub room: RoomId,
    /// The first event of the part.
    pub first: Seq,
    /// Its last event.
    pub last: Seq,
}

impl LogPart {
    /// Whether an event is in it.
    #[must_use]
    pub fn has(&self, seq: Seq) -> bool {
        (self.first..=self.last).contains(&seq)
    }

    /// How many numbers are in it.
    #[must_use]
    pub const fn len(&self) -> u64 {
        (self.last.0 + 1).saturating_sub(self.first.0)
    }

    /// Whether none is.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

//! Which rooms a policy shows somebody.

use std::{collections::BTreeSet, sync::Arc};

use crate::RoomId;

/// Which rooms there are for an actor, in lists and in what is found across rooms.
///
/// A policy only narrows: a room that it names is seen by those who may see it besides, and by nobody else.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum VisibleRooms {
    /// All: the policy hides none.
    #[default]
    All,
    /// None but these.
    Only(Arc<BTreeSet<RoomId>>),
    /// All but these.
    Except(Arc<BTreeSet<RoomId>>),
}

impl VisibleRooms {
    /// The most rooms that a policy may name: 10,000, so that a list costs a few milliseconds more and no more.
    pub const MOST: usize = 10_000;

    /// None but these.
    pub fn only(rooms: impl IntoIterator<Item = RoomId>) -> Self {
        Self::Only(Arc::new(rooms.into_iter().collect()))
    }

    /// All but these.
    pub fn except(rooms: impl IntoIterator<Item = RoomId>) -> Self {
        Self::Except(Arc::new(rooms.into_iter().collect()))
    }

    /// Whether this room is one of them.
    #[must_use]
    pub fn has(&self, room: RoomId) -> bool {
        match self {
            Self::All => true,
            Self::Only(rooms) => rooms.contains(&room),
            Self::Except(rooms) => !rooms.contains(&room),
        }
    }

    /// The rooms that are among these and among those.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::All, rooms) | (rooms, Self::All) => rooms,
            (Self::Only(only), other) | (other, Self::Only(only)) => {
                Self::only(only.iter().copied().filter(|room| other.has(*room)))
            }
            (Self::Except(some), Self::Except(others)) => Self::except(some.union(&others).copied()),
        }
    }

    /// How many rooms it names.
    #[must_use]
    pub fn named(&self) -> usize {
        match self {
            Self::All => 0,
            Self::Only(rooms) | Self::Except(rooms) => rooms.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_among_both_is_named() {
        let only = |rooms: &[u64]| VisibleRooms::only(rooms.iter().copied().map(RoomId));
        let except = |rooms: &[u64]| VisibleRooms::except(rooms.iter().copied().map(RoomId));
        for (one, other, both) in [
            (VisibleRooms::All, except(&[1]), except(&[1])),
            (only(&[1, 2]), VisibleRooms::All, only(&[1, 2])),
            (only(&[1, 2]), only(&[2, 3]), only(&[2])),
            (only(&[1, 2]), except(&[2, 3]), only(&[1])),
            (except(&[1]), except(&[2]), except(&[1, 2])),
        ] {
            assert_eq!(one.clone().and(other.clone()), both);
            assert_eq!(other.and(one), both);
        }
    }
}

//! What concerns a user, whichever rooms their sessions are attached to.

use std::sync::Arc;

use crate::{
    DetachReason, Room, RoomId,
    delivery::{FLAT_COST, text as text_cost},
};

/// Something that concerns a user. All sessions of the user hear it, whichever rooms they are attached to.
///
/// A notice is a hint like a signal: it is never stored, and a session that reads slowly may miss some. It is told so by
/// [`Missed`](Self::Missed).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// The user may read a room from now on.
    RoomAdded {
        /// The room as it is now.
        room: Arc<Room>,
    },
    /// The user may not read a room any more.
    RoomRemoved {
        /// Which room.
        room: RoomId,
        /// Why.
        reason: DetachReason,
    },
    /// Notices were dropped, because too much waited in the session's stream: read the list of rooms again. At most one
    /// waits in a stream at a time.
    Missed,
}

impl Notice {
    /// What it counts for wherever memory is limited, in bytes: 128, and its texts. [`Missed`](Self::Missed) costs nothing,
    /// since it stands where there is no room for anything else.
    #[must_use]
    pub fn cost(&self) -> usize {
        match self {
            Self::RoomAdded { room } => FLAT_COST + text_cost(room.name.as_str()) + text_cost(room.topic.as_str()),
            Self::RoomRemoved { .. } => FLAT_COST,
            Self::Missed => 0,
        }
    }
}

//! What concerns a user, whichever rooms their sessions are attached to.

use std::sync::Arc;

use crate::{
    DetachReason, Identity, MessageState, Room, RoomId, Seq, Unread,
    delivery::{FLAT_COST, text as text_cost},
};

/// Something that concerns a user. All sessions of the user hear it, whichever rooms they are attached to.
///
/// A notice is a hint like a signal: it is never stored, and a session that reads slowly may miss some. It is told so by
/// [`Missed`](Self::Missed).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
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
    /// A message mentions the user, and did not before.
    Mention {
        /// In which room.
        room: RoomId,
        /// The message.
        seq: Seq,
        /// Who wrote it.
        author: Identity,
    },
    /// A message was written in a thread that the user began, or wrote in.
    Thread {
        /// In which room.
        room: RoomId,
        /// The thread's root.
        root: Seq,
        /// The message.
        seq: Seq,
    },
    /// Another session of the user's has marked a room as read.
    Read {
        /// Which room.
        room: RoomId,
        /// What the user has not read of it now.
        unread: Unread,
    },
    /// Something has happened in a room that the session watches: a message, or a change of the newest one. At most once a
    /// second per room; messages in threads are not told.
    Activity(Arc<Activity>),
    /// Notices were dropped, because too much waited in the session's stream: read the list of rooms again. At most one
    /// waits in a stream at a time.
    Missed,
}

impl Notice {
    /// The room that it tells something of, which only somebody who may read the room is told.
    #[must_use]
    pub fn told_of(&self) -> Option<RoomId> {
        match self {
            Self::Mention { room, .. } | Self::Thread { room, .. } | Self::Read { room, .. } => Some(*room),
            Self::Activity(activity) => Some(activity.room),
            Self::RoomAdded { room } => Some(room.id),
            Self::RoomRemoved { .. } | Self::Missed => None,
        }
    }

    /// What it counts for wherever memory is limited, in bytes: 128, and its texts. [`Missed`](Self::Missed) costs nothing,
    /// since it stands where there is no room for anything else.
    #[must_use]
    pub fn cost(&self) -> usize {
        match self {
            Self::RoomAdded { room } => FLAT_COST + text_cost(room.name.as_str()) + text_cost(room.topic.as_str()),
            Self::RoomRemoved { .. } | Self::Thread { .. } | Self::Read { .. } => FLAT_COST,
            Self::Mention { author, .. } => FLAT_COST + text_cost(author.id.as_str()) + text_cost(author.name.as_str()),
            Self::Activity(activity) => FLAT_COST + activity.last.as_ref().map_or(0, LastMessage::cost),
            Self::Missed => 0,
        }
    }
}

/// What has happened in a room that is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Activity {
    /// The room.
    pub room: RoomId,
    /// Where its log ends.
    pub head: Seq,
    /// How many messages it has had.
    pub ordinal: u64,
    /// The newest event that changed who may do what in it; 0 if none did.
    pub rights_seq: Seq,
    /// Whether a message since the last activity mentions everyone in the room.
    pub mentions_room: bool,
    /// Its newest message, if there ever was one.
    pub last: Option<LastMessage>,
}

/// The newest message of a room, as its watchers are shown it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct LastMessage {
    /// Its number.
    pub seq: Seq,
    /// Who wrote it.
    pub author: Option<Identity>,
    /// The first [`MAX_CHARS`](Self::MAX_CHARS) characters of what it says; empty if it was deleted.
    pub content: String,
}

impl LastMessage {
    /// The most characters of a message that are shown: 120, about two lines of a list.
    pub const MAX_CHARS: usize = 120;

    /// A message, cut to what is shown.
    pub(crate) fn of(state: MessageState) -> Self {
        let content = &state.message.body.content;
        Self { seq: state.seq, content: content.chars().take(Self::MAX_CHARS).collect(), author: state.actor }
    }

    fn cost(&self) -> usize {
        let author = self.author.as_ref();
        let author = author.map_or(0, |author| text_cost(author.id.as_str()) + text_cost(author.name.as_str()));
        author + text_cost(&self.content)
    }
}

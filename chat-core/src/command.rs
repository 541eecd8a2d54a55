//! What a session asks, and what it is answered.

use std::sync::Arc;

use crate::{Change, Delivery, Draft, Event, EventKind, MarkTo, Marked, Position, RoomId, Seq, Since, error::Error};

/// A command of a session to a room.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Command {
    /// Attach to a room: get its events and signals.
    Attach {
        /// Which room.
        room: RoomId,
        /// Where to start.
        since: Since,
        /// Whether the session's user is shown as online there.
        presence: bool,
    },
    /// Watch a room: hear at most once a second that something has happened there, without its events and signals.
    Watch {
        /// Which room.
        room: RoomId,
    },
    /// Detach from a room, or watch it no longer.
    Detach {
        /// Which room.
        room: RoomId,
    },
    /// Send a message; this needs no attachment.
    Send {
        /// To which room.
        room: RoomId,
        /// The message.
        draft: Draft,
    },
    /// Change a message that is there; this needs no attachment.
    Change {
        /// In which room.
        room: RoomId,
        /// What is done.
        change: Change,
    },
    /// Mark a room as read; this needs no attachment.
    Mark {
        /// Which room.
        room: RoomId,
        /// How far.
        to: MarkTo,
    },
    /// Show that the user is typing, or has stopped. Refresh it at most every 3 s; it expires after 6 s.
    Typing {
        /// In which room; the session must be attached to it.
        room: RoomId,
        /// Whether the user is typing.
        is_typing: bool,
    },
}

impl Command {
    /// The room it is for.
    #[must_use]
    pub const fn room(&self) -> RoomId {
        match self {
            Self::Attach { room, .. }
            | Self::Watch { room }
            | Self::Detach { room }
            | Self::Send { room, .. }
            | Self::Change { room, .. }
            | Self::Mark { room, .. }
            | Self::Typing { room, .. } => *room,
        }
    }
}

/// The positive answer to a [`Command`]. The refusals are [`Error`]s.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Answer {
    /// Attached; the room's events and signals follow in the stream.
    Attached(Attached),
    /// The room is watched. What happens after its head is told by [`Notice::Activity`](crate::Notice::Activity).
    Watching {
        /// Which room.
        room: RoomId,
        /// Where the room's log ends.
        head: Position,
    },
    /// Detached (or it never was attached): no event, signal or activity of that room follows.
    Detached {
        /// From which room.
        room: RoomId,
    },
    /// The message is durable.
    Sent(Sent),
    /// The change is durable, or was not needed.
    Changed {
        /// In which room.
        room: RoomId,
        /// What became of it.
        changed: Changed,
    },
    /// The mark is durable.
    Marked(Marked),
    /// The typing is noted.
    Typing {
        /// In which room.
        room: RoomId,
    },
}

/// How an attachment begins.
#[derive(Debug, Clone, PartialEq)]
pub struct Attached {
    /// The room.
    pub room: RoomId,
    /// The position after the missed events: what follows in the stream is `head.seq + 1`, and so on.
    pub head: Position,
    /// What was missed.
    pub gap: Gap,
}

/// What a subscriber missed.
#[derive(Debug, Clone, PartialEq)]
pub enum Gap {
    /// Exactly these events, in order; empty if nothing was missed or no position was given.
    Events(Vec<Delivery>),
    /// Too much was missed, or the position is unknown: read the history again, from the head backwards.
    Resync,
}

/// A message that is durable.
#[derive(Debug, Clone, PartialEq)]
pub struct Sent {
    /// Its number.
    pub seq: Seq,
    /// The message itself, as first stored.
    pub event: Arc<Event>,
    /// Whether an earlier send with the same key had stored it.
    pub replayed: bool,
}

/// What became of a change that is no message.
#[derive(Debug, Clone, PartialEq)]
pub enum Changed {
    /// It is durable.
    Stored {
        /// Its event, as first stored.
        event: Arc<Event>,
        /// Whether an earlier change with the same key had stored it.
        replayed: bool,
    },
    /// It was like that already: there is no event.
    Unchanged {
        /// How many users have the reaction, if it was about one.
        count: Option<u64>,
    },
}

impl Changed {
    /// Whether an earlier change with the same key had stored it.
    #[must_use]
    pub const fn is_replay(&self) -> bool {
        matches!(self, Self::Stored { replayed: true, .. })
    }

    /// How many users have the reaction after it, if it was about one.
    #[must_use]
    pub fn count(&self) -> Option<u64> {
        match self {
            Self::Unchanged { count } => *count,
            Self::Stored { event, .. } => {
                if let EventKind::Reaction { count, .. } = &event.kind {
                    Some(*count)
                } else {
                    None
                }
            }
        }
    }
}

/// What an engine answers to a command.
pub type AnswerResult = Result<Answer, Error>;

//! What a session asks, and what it is answered.

use std::sync::Arc;

use crate::{Delivery, Draft, Event, Position, RoomId, Seq, Since, error::Error};

/// What a session asks of a room.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Command {
    /// Hear what happens in a room.
    Attach {
        /// Which room.
        room: RoomId,
        /// From where on.
        since: Since,
        /// Whether the session's user is shown as online there. `false`: reads unseen.
        presence: bool,
    },
    /// Hear no more of a room.
    Detach {
        /// Which room.
        room: RoomId,
    },
    /// Write a message; needs no attachment.
    Send {
        /// Into which room.
        room: RoomId,
        /// What.
        draft: Draft,
    },
    /// Show, or stop showing, that one is typing. To be refreshed at most every 3 s; expires after 6 s.
    Typing {
        /// In which room; the session must be attached to it.
        room: RoomId,
        /// Whether.
        is_typing: bool,
    },
}

impl Command {
    /// The room it is for.
    #[must_use]
    pub const fn room(&self) -> RoomId {
        match self {
            Self::Attach { room, .. } | Self::Detach { room } | Self::Send { room, .. } | Self::Typing { room, .. } => {
                *room
            }
        }
    }
}

/// The positive answer to a [`Command`]. The refusals are [`Error`]s.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Answer {
    /// Attached; the room's events and signals follow in the stream.
    Attached(Attached),
    /// Detached (or it never was attached): no event or signal of that room follows.
    Detached {
        /// From which room.
        room: RoomId,
    },
    /// The message is durable.
    Sent(Sent),
    /// Noted.
    Typing {
        /// In which room.
        room: RoomId,
    },
}

/// How an attachment begins.
#[derive(Debug, Clone)]
pub struct Attached {
    /// The room.
    pub room: RoomId,
    /// The position after the gap: what follows in the stream is `head.seq + 1`, and so on.
    pub head: Position,
    /// What was missed.
    pub gap: Gap,
}

/// What a subscriber missed.
#[derive(Debug, Clone)]
pub enum Gap {
    /// Exactly this, in order; empty when nothing was missed or nothing was asked.
    Events(Vec<Delivery>),
    /// Too much to send, or it is not known: read the history again, from the head backwards.
    Resync,
}

/// A message that is durable.
#[derive(Debug, Clone)]
pub struct Sent {
    /// Its number.
    pub seq: Seq,
    /// The message itself, as first stored.
    pub event: Arc<Event>,
    /// Whether it had been stored before, by an earlier send with the same key.
    pub replayed: bool,
}

/// What an engine answers to a command.
pub type AnswerResult = Result<Answer, Error>;

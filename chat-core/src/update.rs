//! What a session hears.

use crate::{AnswerResult, CloseReason, Delivery, RoomId, Ticket};

/// What a session's stream yields.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Update {
    /// The answer to a command that was submitted.
    Answer(Ticket, AnswerResult),
    /// An event or a signal.
    Delivery(Delivery),
    /// The session lost this room: it was deleted. (The room's last event comes before this.)
    Detached(RoomId),
    /// The session is over; nothing follows.
    Closed(CloseReason),
}

//! What a session hears.

use crate::{AnswerResult, CloseReason, Delivery, DetachReason, Notice, RoomId, Ticket};

/// What a session's stream yields. Tests compare it as a whole:
///
/// ```
/// use chat_core::{CloseReason, Update};
///
/// assert_eq!(Update::Closed(CloseReason::Shutdown), Update::Closed(CloseReason::Shutdown));
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Update {
    /// The answer to a command that was submitted.
    Answer(Ticket, AnswerResult),
    /// An event or a signal.
    Delivery(Delivery),
    /// Something that concerns the session's user, whichever rooms it is attached to.
    Notice(Notice),
    /// The session is no longer attached to this room, or does not watch it any more, for this reason. The event that ended the attachment, where there is
    /// one, comes before this.
    Detached(RoomId, DetachReason),
    /// The session is over; nothing follows.
    Closed(CloseReason),
}

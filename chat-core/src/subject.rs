//! What an operation is about: a retry is told from another one by it where nothing else is left.

use crate::{Event, EventKind, Seq, UserId};

/// What an operation does, and to which message or user. A retry has that in common with what was stored first, also where the
/// content of that was erased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Subject {
    pub(crate) does: &'static str,
    pub(crate) target: Option<Seq>,
    pub(crate) user: Option<UserId>,
}

impl Subject {
    /// Whether an event has come of such an operation.
    pub(crate) fn is_of(&self, event: &Event) -> bool {
        let does = match &event.kind {
            EventKind::Message(_) => "send",
            EventKind::MessageEdited(_) => "edit",
            EventKind::MessageDeleted { .. } => "delete",
            EventKind::Reaction { .. } => "react",
            EventKind::Pin { .. } => "pin",
            EventKind::Member(_) => "member",
            EventKind::RoomUpdated { .. } => "update_room",
            // The last one who leaves a private room ends it.
            EventKind::RoomDeleted => return matches!(self.does, "delete_room" | "member"),
        };
        let user = event.member().map(|member| &member.user.id);
        (does, event.target(), user) == (self.does, self.target, self.user.as_ref())
    }
}

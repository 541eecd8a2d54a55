//! What was done in a room with its members and with the room itself.

use std::sync::Arc;

use crate::{Event, Seq};

/// Which part of a room's audit is read, newest first. By default the newest 50 events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuditQuery {
    /// At most this many events, 1–200.
    pub limit: usize,
    /// Only those before this one (the `next` of the page before).
    pub before: Option<Seq>,
}

impl Default for AuditQuery {
    fn default() -> Self {
        Self { limit: 50, before: None }
    }
}

impl AuditQuery {
    /// The same with another limit, 1–200.
    #[must_use]
    pub const fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// The same, before an event.
    #[must_use]
    pub const fn before(mut self, seq: Seq) -> Self {
        self.before = Some(seq);
        self
    }
}

/// A page of a room's audit: what has happened with members, deletions of messages by others than their authors, and changes of the
/// room. They are events of the room's log; where that was pruned, they are gone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditPage {
    /// The events, newest first.
    pub events: Vec<Arc<Event>>,
    /// Where the next page begins, if there is one.
    pub next: Option<Seq>,
}

//! The points there are.

use std::fmt;

/// A point on the way of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Point {
    /// Messages have their numbers; no row is written.
    BeforeInsert,
    /// Their rows are written; the transaction is open.
    AfterInsert,
    /// They are durable; their rooms do not know it.
    AfterCommit,
    /// Their senders were answered; nobody else has heard of them.
    AfterAnswer,
    /// A room's task has taken a message, and not looked at it.
    InRoomTask,
    /// An adapter handles a request, or a frame.
    InHandler,
    /// Before a statement of a migration, or after its last one.
    InMigration,
    /// Before a step of an erasure of a user.
    InErasure,
    /// Before a step on the way of a message through the outbox, or after the last one.
    InOutbox,
    /// Before a step that rewrites texts, or with its rows written and the transaction open.
    InRewriting,
    /// The engine begins to stop.
    InShutdown,
}

impl Point {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::BeforeInsert,
        Self::AfterInsert,
        Self::AfterCommit,
        Self::AfterAnswer,
        Self::InRoomTask,
        Self::InHandler,
        Self::InMigration,
        Self::InErasure,
        Self::InOutbox,
        Self::InRewriting,
        Self::InShutdown,
    ];

    /// What it is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BeforeInsert => "before_insert",
            Self::AfterInsert => "after_insert",
            Self::AfterCommit => "after_commit",
            Self::AfterAnswer => "after_answer",
            Self::InRoomTask => "in_room_task",
            Self::InHandler => "in_handler",
            Self::InMigration => "in_migration",
            Self::InErasure => "in_erasure",
            Self::InOutbox => "in_outbox",
            Self::InRewriting => "in_rewriting",
            Self::InShutdown => "in_shutdown",
        }
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

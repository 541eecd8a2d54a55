//! What can be answered instead of success, with one stable code each on every transport; and why an engine cannot start.

use std::{borrow::Cow, time::Duration};

use crate::{InvalidField, InvalidMessage, Timestamp, room::Room};

/// Why something was refused or failed. Nothing in it comes from a driver: such text goes to the log.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Error {
    /// A field breaks its rules.
    #[error("{field}: {reason}")]
    InvalidField {
        /// Which one.
        field: Cow<'static, str>,
        /// The rule it breaks, for people.
        reason: Cow<'static, str>,
    },
    /// Nothing in the message could be seen.
    #[error("the message is empty")]
    EmptyMessage,
    /// A text is too long.
    #[error("the {what} is longer than {max} {unit}")]
    TooLong {
        /// Which text: `message` or `meta`.
        what: Cow<'static, str>,
        /// How long it may be.
        max: usize,
        /// In what: `characters` or `bytes`.
        unit: Cow<'static, str>,
    },
    /// Nobody said who is asking.
    #[error("say who you are")]
    Unauthenticated,
    /// Who is asking may not do this.
    #[error("this is not allowed")]
    Forbidden,
    /// Who is asking is banned from the room.
    #[error("you are banned from this room")]
    Banned {
        /// Until when; `None`: for good.
        until: Option<Timestamp>,
    },
    /// Who is asking may only read in the room.
    #[error("you are muted in this room")]
    Muted {
        /// Until when; `None`: for good.
        until: Option<Timestamp>,
    },
    /// There is no such room (any more), or none that the asker may know of.
    #[error("no such room")]
    RoomNotFound,
    /// A message that was named is not in the room, or is no message.
    #[error("no such message")]
    MessageNotFound,
    /// The message was deleted.
    #[error("the message was deleted")]
    MessageDeleted,
    /// The last owner of a room cannot leave it or step down while others are in.
    #[error("the room needs an owner as long as others are in")]
    LastOwner,
    /// The host keeps who is in rooms ([`Members::Host`](crate::Members::Host)), and the engine cannot change or tell it.
    #[error("who is in rooms is not kept here")]
    MembersElsewhere,
    /// The history that a position belongs to is not this one.
    #[error("the epoch is another one now")]
    EpochChanged,
    /// Another room has this name, or the same key of the host's.
    #[error("a room with this name exists")]
    NameTaken {
        /// The room that has it, if whoever asked may read it ([`Action::ReadRoom`](crate::Action::ReadRoom)).
        room: Option<Box<Room>>,
    },
    /// The idempotency key was used before, with other content.
    #[error("this idempotency key was used with other content")]
    IdempotencyMismatch,
    /// The session is attached to this room, or about to be.
    #[error("already attached to this room")]
    AlreadyAttached,
    /// The session is not attached to this room.
    #[error("not attached to this room")]
    NotAttached,
    /// More of something than may be.
    #[error("too many {what}")]
    TooMany {
        /// Of what.
        what: Cow<'static, str>,
    },
    /// Faster than may be.
    #[error("too fast")]
    RateLimited {
        /// When it may be tried again.
        retry_after: Duration,
    },
    /// A queue is full. Nothing was stored.
    #[error("the server is overloaded; try again")]
    Overloaded,
    /// The database cannot be reached. Nothing was stored.
    #[error("not available now; try again")]
    Unavailable,
    /// The engine stops, or has stopped: this one takes no command any more. Nothing was stored.
    #[error("the engine has stopped")]
    Stopped,
    /// The database has no room left. Nothing was stored.
    #[error("the storage is full; try again later")]
    StorageFull,
    /// It may have been stored or not: try again with the same key to find out.
    #[error("the outcome is not known; try again with the same key")]
    OutcomeUnknown,
    /// A defect of the engine. Never caused by input.
    #[error("internal error")]
    Internal,
}

impl From<InvalidField> for Error {
    fn from(InvalidField { field, reason }: InvalidField) -> Self {
        Self::InvalidField { field, reason }
    }
}

impl From<InvalidMessage> for Error {
    fn from(invalid: InvalidMessage) -> Self {
        match invalid {
            InvalidMessage::Field(field) => field.into(),
            InvalidMessage::Empty => Self::EmptyMessage,
            InvalidMessage::TooLong { max_chars } => {
                Self::TooLong { what: "message".into(), max: max_chars, unit: "characters".into() }
            }
        }
    }
}

/// Whether to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// The same again will be refused again.
    No,
    /// Later.
    Later,
    /// Later, and with the same idempotency key, since it may have happened.
    SameKey,
}

impl Error {
    /// A field breaks its rules.
    pub fn invalid_field(field: impl Into<Cow<'static, str>>, reason: impl Into<Cow<'static, str>>) -> Self {
        Self::InvalidField { field: field.into(), reason: reason.into() }
    }

    /// A transaction is none of the engine's database.
    #[cfg(feature = "runtime")]
    pub(crate) fn foreign_transaction() -> Self {
        Self::invalid_field("transaction", "must be one of the database that the engine is on")
    }

    /// The stable code of this error, the same on every transport.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::InvalidField { .. } => "invalid_field",
            Self::EmptyMessage => "empty_message",
            Self::TooLong { .. } => "too_long",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::Banned { .. } => "banned",
            Self::Muted { .. } => "muted",
            Self::RoomNotFound => "room_not_found",
            Self::MessageNotFound => "message_not_found",
            Self::MessageDeleted => "message_deleted",
            Self::LastOwner => "last_owner",
            Self::MembersElsewhere => "members_elsewhere",
            Self::EpochChanged => "epoch_changed",
            Self::NameTaken { .. } => "name_taken",
            Self::IdempotencyMismatch => "idempotency_mismatch",
            Self::AlreadyAttached => "already_attached",
            Self::NotAttached => "not_attached",
            Self::TooMany { .. } => "too_many",
            Self::RateLimited { .. } => "rate_limited",
            Self::Overloaded => "overloaded",
            Self::Unavailable => "unavailable",
            Self::Stopped => "stopped",
            Self::StorageFull => "storage_full",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::Internal => "internal",
        }
    }

    /// When a ban or a mute is over, which refuses this, if it has an end.
    #[must_use]
    pub const fn until(&self) -> Option<Timestamp> {
        if let Self::Banned { until } | Self::Muted { until } = self { *until } else { None }
    }

    /// Whether to try again.
    #[must_use]
    pub const fn retry(&self) -> Retry {
        match (self, self.retry_after()) {
            (Self::OutcomeUnknown, _) => Retry::SameKey,
            (_, Some(_)) => Retry::Later,
            (_, None) => Retry::No,
        }
    }

    /// How long to wait before trying again, where trying again helps.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after } => Some(*retry_after),
            Self::StorageFull => Some(Duration::from_secs(10)),
            Self::Overloaded | Self::Unavailable | Self::OutcomeUnknown | Self::TooMany { .. } => {
                Some(Duration::from_secs(1))
            }
            Self::InvalidField { .. }
            | Self::EmptyMessage
            | Self::TooLong { .. }
            | Self::Unauthenticated
            | Self::Forbidden
            | Self::Banned { .. }
            | Self::Muted { .. }
            | Self::RoomNotFound
            | Self::MessageNotFound
            | Self::MessageDeleted
            | Self::LastOwner
            | Self::MembersElsewhere
            | Self::EpochChanged
            | Self::NameTaken { .. }
            | Self::IdempotencyMismatch
            | Self::AlreadyAttached
            | Self::NotAttached
            | Self::Stopped
            | Self::Internal => None,
        }
    }
}

/// Why an engine could not start. Each says what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The URL names no database this build can use.
    #[error("cannot use the database URL: {0}")]
    BadUrl(String),
    /// Something that the host has set of how the database is used is out of its bounds.
    #[error("cannot use the setting {0}")]
    BadSetting(InvalidField),
    /// Another process (or engine) holds the database.
    #[error("{0}")]
    InUse(String),
    /// The database cannot be opened or reached.
    #[error("cannot open the database: {0}")]
    Unavailable(String),
    /// The database was opened, but is not one of ours or cannot be brought to this version's schema.
    #[error("cannot use the database: {0}")]
    Unusable(String),
    /// Its texts are encrypted, and these are not their keys.
    #[error("cannot use the database: {0}")]
    WrongKeys(String),
    /// The SQLite that is linked into the program can corrupt a database in WAL mode. The crate `libsqlite3-sys` brings a
    /// new one, unless it is told to take that of the system.
    #[error("cannot use the database: the SQLite in this program is too old: it is {found}, and {needed} is needed")]
    DriverTooOld {
        /// The version that is linked, as SQLite tells it.
        found: String,
        /// The oldest version that the engine uses.
        needed: &'static str,
    },
}

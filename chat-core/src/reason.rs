//! Why a session ends, and why its attachment to a room does.

/// Why the engine ended a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum CloseReason {
    /// The engine is stopping.
    Shutdown,
    /// The session was read too slowly; it may come back and resume.
    Lagged,
    /// A defect ended a room the session was attached to; it may come back at once, and all is there.
    Defect,
    /// A room the session was attached to is read anew, since who stands in its log has changed; it may come back at once.
    Reloaded,
    /// There are as many sessions as may be.
    TooManySessions,
    /// The host ended all sessions of the user; it may not come back.
    Revoked,
    /// The credentials of the user are void; it may come back with newer ones.
    CredentialsRevoked,
}

impl CloseReason {
    /// Whether to come back and resume.
    #[must_use]
    pub const fn may_resume(self) -> bool {
        match self {
            Self::Shutdown | Self::Lagged | Self::Defect | Self::Reloaded => true,
            Self::TooManySessions | Self::Revoked | Self::CredentialsRevoked => false,
        }
    }
}

/// How a session has ended: see [`SessionHandle::ended`](crate::SessionHandle::ended).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum SessionEnd {
    /// It was closed on purpose, or nobody holds it any more.
    Closed,
    /// Its connection was lost: its user counts as online for [`Limits::presence_grace`](crate::Limits::presence_grace).
    Lost,
    /// The engine ended it. The stream says the same, in [`Update::Closed`](crate::Update::Closed).
    ByEngine(CloseReason),
}

/// Why a session lost a room that it was attached to, though it did not detach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum DetachReason {
    /// Its user was removed from the room, or the host's policy does not let them read it any more.
    Removed,
    /// Its user was banned from the room.
    Banned,
    /// The room became private, and its user is no member.
    Private,
    /// Its user left the room with another session.
    Left,
    /// The room was deleted.
    Deleted,
}

impl DetachReason {
    /// The stable word for it, the same on every transport.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Removed => "removed",
            Self::Banned => "banned",
            Self::Private => "private",
            Self::Left => "left",
            Self::Deleted => "deleted",
        }
    }
}

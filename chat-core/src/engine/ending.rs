//! How a session ends.

use crate::{CloseReason, Departure, Error, SessionEnd};

/// How a session ends: what is said to its rooms, to its stream, and to those who go on commanding it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ending {
    /// What its rooms are told. `None` when they are told nothing.
    pub(super) departure: Option<Departure>,
    /// The last update of its stream. `None` when the stream just ends.
    pub(super) reason: Option<CloseReason>,
}

impl Ending {
    /// The user closed it, or nobody holds it any more.
    pub(super) const CLOSED: Self = Self { departure: Some(Departure::Closed), reason: None };
    /// The connection was lost without a close.
    pub(super) const LOST: Self = Self { departure: Some(Departure::Lost), reason: None };
    /// It was read too slowly.
    pub(super) const LAGGED: Self = Self { departure: Some(Departure::Lost), reason: Some(CloseReason::Lagged) };
    /// One of its rooms had a defect.
    pub(super) const DEFECT: Self = Self { departure: Some(Departure::Lost), reason: Some(CloseReason::Defect) };
    /// One of its rooms is read anew.
    pub(super) const RELOADED: Self = Self { departure: Some(Departure::Lost), reason: Some(CloseReason::Reloaded) };
    /// The engine stops. Its rooms are told nothing, so that nobody is seen to leave.
    pub(super) const SHUTDOWN: Self = Self { departure: None, reason: Some(CloseReason::Shutdown) };
    /// There were too many sessions already.
    pub(super) const TOO_MANY: Self = Self { departure: None, reason: Some(CloseReason::TooManySessions) };

    /// The host ended all sessions of the user. Nobody waits for them to come back, so there is no grace.
    pub(super) const REVOKED: Self = Self { departure: Some(Departure::Closed), reason: Some(CloseReason::Revoked) };
    /// The credentials of the user are void.
    pub(super) const CREDENTIALS_REVOKED: Self =
        Self { departure: Some(Departure::Closed), reason: Some(CloseReason::CredentialsRevoked) };

    /// Whether what waits in its stream is dropped: it is read too slowly, or is not to be read any more.
    pub(super) const fn drops_waiting(self) -> bool {
        matches!(self.reason, Some(CloseReason::Lagged | CloseReason::Revoked | CloseReason::CredentialsRevoked))
    }

    /// The end of a session that nobody holds any more.
    pub(super) const fn dropped(means: Departure) -> Self {
        match means {
            Departure::Closed => Self::CLOSED,
            Departure::Lost => Self::LOST,
        }
    }

    /// What is said of it to whoever held the session.
    pub(super) const fn told(self) -> SessionEnd {
        match (self.reason, self.departure) {
            (Some(reason), _) => SessionEnd::ByEngine(reason),
            (None, Some(Departure::Lost)) => SessionEnd::Lost,
            (None, Some(Departure::Closed) | None) => SessionEnd::Closed,
        }
    }

    /// The error that its commands get from then on.
    pub(super) fn refusal(self) -> Error {
        match self.reason {
            Some(CloseReason::TooManySessions) => Error::TooMany { what: "sessions".into() },
            Some(CloseReason::Revoked) => Error::Forbidden,
            Some(CloseReason::CredentialsRevoked) => Error::Unauthenticated,
            Some(CloseReason::Shutdown) => Error::Stopped,
            Some(CloseReason::Lagged | CloseReason::Defect | CloseReason::Reloaded) | None => Error::Unavailable,
        }
    }
}

//! Close codes. After 44xx a client stays away; after 45xx it comes back.

use chat_core::{CloseReason, DetachReason, Error};
use tokio_tungstenite::tungstenite::{
    self, Utf8Bytes,
    error::CapacityError,
    protocol::{CloseFrame, frame::coding},
};

use super::{frame_limits::Violation, io_activity::TooLarge};
use crate::unfinished::Overfull;

/// The most bytes of a reason: a control frame holds 125, two of which are the code (RFC 6455, section 5.5).
const MAX_REASON: usize = 123;

/// A close code and its reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CloseCode {
    code: u16,
    reason: &'static str,
}

impl CloseCode {
    pub(crate) const SHUTDOWN: Self = Self::new(1001, "the server is stopping");
    pub(crate) const PROTOCOL: Self = Self::new(1002, "this is not the WebSocket protocol");
    pub(crate) const NOT_TEXT: Self = Self::new(1003, "text frames only");
    pub(crate) const NOT_UTF8: Self = Self::new(1007, "a text was not UTF-8");
    pub(crate) const FLOOD: Self = Self::new(1008, "too many control frames, or too small fragments");
    pub(crate) const TOO_BIG: Self = Self::new(1009, "a message was too big");
    pub(crate) const DEFECT: Self = Self::new(1011, "a defect; come back");
    pub(crate) const RELOADED: Self = Self::new(1012, "the room is read anew; come back");
    pub(crate) const TRY_LATER: Self = Self::new(1013, "not now; come back");
    pub(crate) const CROWDED: Self = Self::new(1013, "too many connections from this address; come back later");
    pub(crate) const OVERFULL: Self = Self::new(1013, "too much has come in that is not whole yet; come back");
    pub(crate) const UNFINISHED: Self = Self::new(1013, "a message was not whole within 30 s; come back");
    pub(crate) const BAD_FRAMES: Self = Self::new(4400, "too many malformed frames");
    pub(crate) const BAD_REQUEST: Self = Self::new(4400, "the room's id or the position is malformed");
    pub(crate) const UNAUTHENTICATED: Self = Self::new(4401, "say who you are");
    pub(crate) const ANOTHER_USER: Self = Self::new(4401, "the token is another user's");
    pub(crate) const CREDENTIALS_REVOKED: Self = Self::new(4401, "log in again: what was issued before is void");
    pub(crate) const FORBIDDEN: Self = Self::new(4403, "this is not allowed");
    pub(crate) const BANNED: Self = Self::new(4403, "you are banned from this room");
    pub(crate) const REMOVED: Self = Self::new(4403, "you were removed from this room");
    pub(crate) const LEFT: Self = Self::new(4403, "you have left this room");
    pub(crate) const NOW_PRIVATE: Self = Self::new(4403, "the room is private now, and you are not in it");
    pub(crate) const REVOKED: Self = Self::new(4403, "all sessions of this user were ended");
    pub(crate) const NO_ROOM: Self = Self::new(4404, "no such room");
    pub(crate) const TOO_MANY: Self = Self::new(4409, "too many connections");
    pub(crate) const ROOM_DELETED: Self = Self::new(4410, "the room was deleted");
    pub(crate) const NO_LOGIN: Self = Self::new(4508, "no token or ticket came within 10 s; come back");
    pub(crate) const TOO_FAST: Self =
        Self::new(4529, "above a rate for 10 s; come back, and wait when you are told to");
    pub(crate) const EXPIRED: Self = Self::new(4540, "the token has expired; come back with a new one");
    pub(crate) const LAGGED: Self = Self::new(4560, "read too slowly; come back and resume");
    pub(crate) const NO_PONG: Self = Self::new(4562, "nothing was heard for too long");

    const fn new(code: u16, reason: &'static str) -> Self {
        Self { code, reason }
    }

    /// The number.
    pub(super) const fn code(self) -> u16 {
        self.code
    }

    /// The reason.
    pub(super) const fn reason(self) -> &'static str {
        self.reason
    }

    /// The close code for a session that could not be started, or could not enter its room.
    pub(crate) const fn of_refusal(error: &Error) -> Self {
        match error {
            Error::InvalidField { .. } => Self::BAD_REQUEST,
            Error::Unauthenticated => Self::UNAUTHENTICATED,
            Error::Forbidden => Self::FORBIDDEN,
            Error::Banned { .. } => Self::BANNED,
            Error::RoomNotFound => Self::NO_ROOM,
            Error::Internal => Self::DEFECT,
            Error::EmptyMessage
            | Error::TooLong { .. }
            | Error::NameTaken { .. }
            | Error::IdempotencyMismatch
            | Error::AlreadyAttached
            | Error::NotAttached
            | Error::TooMany { .. }
            | Error::RateLimited { .. }
            | Error::Overloaded
            | Error::Unavailable
            | Error::StorageFull
            | Error::OutcomeUnknown
            | _ => Self::TRY_LATER,
        }
    }

    /// The close code for a session that the engine ended.
    pub(crate) const fn of_reason(reason: CloseReason) -> Self {
        match reason {
            CloseReason::Shutdown => Self::SHUTDOWN,
            CloseReason::Lagged => Self::LAGGED,
            CloseReason::TooManySessions => Self::TOO_MANY,
            CloseReason::Revoked => Self::REVOKED,
            CloseReason::CredentialsRevoked => Self::CREDENTIALS_REVOKED,
            CloseReason::Reloaded => Self::RELOADED,
            CloseReason::Defect | _ => Self::DEFECT,
        }
    }

    /// The close code for a client that broke the protocol; `None` if the connection is gone.
    pub(crate) fn of_error(error: &tungstenite::Error) -> Option<Self> {
        use tungstenite::{Error as Broken, error::ProtocolError};
        match error {
            Broken::Capacity(CapacityError::MessageTooLong { .. }) => Some(Self::TOO_BIG),
            Broken::Utf8(_) => Some(Self::NOT_UTF8),
            Broken::Protocol(ProtocolError::ResetWithoutClosingHandshake) => None,
            Broken::Protocol(_) => Some(Self::PROTOCOL),
            Broken::Io(error) => error.get_ref().and_then(Self::of_stream),
            Broken::ConnectionClosed
            | Broken::AlreadyClosed
            | Broken::Tls(_)
            | Broken::Capacity(_)
            | Broken::WriteBufferFull(_)
            | Broken::AttackAttempt
            | Broken::Url(_)
            | Broken::Http(_)
            | Broken::HttpFormat(_) => None,
        }
    }

    /// The close code for what our own stream refuses to read.
    fn of_stream(error: &(dyn std::error::Error + Send + Sync + 'static)) -> Option<Self> {
        match error.downcast_ref() {
            Some(Violation::Flood) => Some(Self::FLOOD),
            Some(Violation::PaddedLength) => Some(Self::PROTOCOL),
            None if error.is::<Overfull>() => Some(Self::OVERFULL),
            None if error.is::<TooLarge>() => Some(Self::TOO_BIG),
            None => None,
        }
    }

    /// The close code for a socket of one room, when its session was detached from that room.
    pub(crate) const fn of_detach(reason: DetachReason) -> Self {
        match reason {
            DetachReason::Deleted => Self::ROOM_DELETED,
            DetachReason::Removed => Self::REMOVED,
            DetachReason::Banned => Self::BANNED,
            DetachReason::Private => Self::NOW_PRIVATE,
            DetachReason::Left => Self::LEFT,
            _ => Self::FORBIDDEN,
        }
    }

    /// The close frame with this code.
    pub(crate) fn frame(self) -> CloseFrame {
        CloseFrame { code: coding::CloseCode::from(self.code), reason: Utf8Bytes::from_static(self.reason) }
    }

    /// The close frame with this code and another reason, cut to what a close frame holds.
    pub(crate) fn saying(self, words: &str) -> CloseFrame {
        let reason = &words[..words.floor_char_boundary(MAX_REASON)];
        CloseFrame { code: coding::CloseCode::from(self.code), reason: reason.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_fits_into_its_frame() {
        for words in ["", "presence: must be true or false", &"x".repeat(200), &"é".repeat(100), &"€".repeat(41)] {
            let frame = CloseCode::BAD_REQUEST.saying(words);
            assert!(frame.reason.len() <= MAX_REASON && words.starts_with(frame.reason.as_str()), "{words}");
            assert!(frame.reason.len() + 4 > words.len().min(MAX_REASON), "{words}: as much as fits");
        }
    }
}

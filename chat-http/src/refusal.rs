//! Refusals of requests and frames: the engine's errors, and two that only a transport can have.

use std::{borrow::Cow, time::Duration};

use chat_core::{Error, Room, Timestamp};

use crate::jitter;

/// Why a request or a frame was refused.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Refusal {
    /// The text is not the expected JSON; the reason is for people.
    BadJson(&'static str),
    /// There is no such command.
    UnknownCommand,
    /// The engine refused.
    Engine(Error),
}

impl Refusal {
    /// The stable code.
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::BadJson(_) => "bad_json",
            Self::UnknownCommand => "unknown_command",
            Self::Engine(error) => error.code(),
        }
    }

    /// The text for people.
    pub(crate) fn message(&self) -> Cow<'static, str> {
        match self {
            Self::BadJson(why) => Cow::Borrowed(why),
            Self::UnknownCommand => Cow::Borrowed("no such command"),
            Self::Engine(error) => Cow::Owned(error.to_string()),
        }
    }

    /// The field that is wrong, if it is one.
    pub(crate) fn field(&self) -> Option<&str> {
        match self {
            Self::Engine(Error::InvalidField { field, .. }) => Some(field),
            Self::BadJson(_) | Self::UnknownCommand | Self::Engine(_) => None,
        }
    }

    /// How long to wait before trying again, in milliseconds, where trying again helps. If many clients are refused for
    /// the same reason, it is up to twice what the engine says, so that they do not all come back at once.
    pub(crate) fn retry_after_ms(&self) -> Option<u64> {
        let Self::Engine(error) = self else { return None };
        let wait = millis(error.retry_after()?);
        let is_of_one_user = matches!(error, Error::RateLimited { .. } | Error::TooMany { .. });
        Some(if is_of_one_user { wait } else { jitter::within(&(wait..=wait * 2)) })
    }

    /// When the ban or the mute is over that refuses this, if it has an end.
    pub(crate) const fn until(&self) -> Option<Timestamp> {
        if let Self::Engine(error) = self { error.until() } else { None }
    }

    /// The room whose name is taken, if the caller may see it.
    pub(crate) fn room(&self) -> Option<&Room> {
        match self {
            Self::Engine(Error::NameTaken { room }) => room.as_deref(),
            Self::BadJson(_) | Self::UnknownCommand | Self::Engine(_) => None,
        }
    }

    /// Whether it was refused because such things came too fast.
    pub(crate) const fn is_for_a_rate(&self) -> bool {
        matches!(self, Self::Engine(Error::RateLimited { .. }))
    }

    /// Whether the frame is one that a correct client never sends.
    pub(crate) const fn is_malformed(&self) -> bool {
        matches!(self, Self::BadJson(_) | Self::UnknownCommand | Self::Engine(Error::InvalidField { .. }))
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        // A client comes back, to the server that is started next.
        Self::Engine(if matches!(error, Error::Stopped) { Error::Unavailable } else { error })
    }
}

/// Whole milliseconds, rounded up so that no client comes too early.
fn millis(wait: Duration) -> u64 {
    u64::try_from(wait.as_micros().div_ceil(1_000)).unwrap_or(u64::MAX)
}

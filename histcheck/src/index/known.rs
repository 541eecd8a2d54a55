//! What is known of an event, from one who saw it.

use super::Deed;
use crate::history::{Content, Kind, Message, State};

/// What an observer knows of an event.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Known<'a> {
    /// A message; its content is as it was sent, unless it was erased or edited before.
    Message { message: &'a Message, as_sent: bool },
    /// An event of another kind.
    Other(&'a Kind),
    /// It was acknowledged, and nobody saw it.
    Acknowledged { key: &'a str, deed: Deed<'a> },
}

impl<'a> Known<'a> {
    pub(crate) const fn of(kind: &'a Kind) -> Self {
        match kind {
            Kind::Message(message) => Self::Message { message, as_sent: !message.erased },
            _ => Self::Other(kind),
        }
    }

    pub(crate) const fn of_state(state: &'a State) -> Self {
        let as_sent = state.edited.is_none() && state.deleted.is_none() && !state.message.erased;
        Self::Message { message: &state.message, as_sent }
    }

    pub(crate) fn key(self) -> Option<&'a str> {
        match self {
            Self::Message { message, .. } => message.key.as_deref(),
            Self::Other(kind) => kind.key(),
            Self::Acknowledged { key, .. } => Some(key),
        }
    }

    /// What was asked for, if it is known.
    pub(crate) fn deed(self) -> Option<Deed<'a>> {
        match self {
            Self::Message { message, as_sent } => as_sent.then(|| Deed::of_message(message)),
            Self::Other(kind) => Deed::of(kind),
            Self::Acknowledged { deed, .. } => Some(deed),
        }
    }

    /// The message that it changes.
    pub(crate) const fn target(self) -> Option<u64> {
        match self {
            Self::Other(kind) => kind.target(),
            Self::Message { .. } | Self::Acknowledged { .. } => None,
        }
    }

    /// Whether it is a message.
    pub(crate) const fn is_message(self) -> bool {
        matches!(self, Self::Message { .. } | Self::Acknowledged { deed: Deed::Send { .. }, .. })
    }

    /// Whether it is a message, or changes one or a member: what a command with a key has made.
    pub(crate) const fn is_message_or_change(self) -> bool {
        match self {
            Self::Message { .. } | Self::Acknowledged { .. } => true,
            Self::Other(kind) => kind.target().is_some() || matches!(kind, Kind::Member(_)),
        }
    }

    /// Whether it is a message of the room's history, not of a thread.
    pub(crate) const fn is_countable(self) -> bool {
        match self {
            Self::Message { message, .. } => message.thread.is_none(),
            Self::Acknowledged { deed: Deed::Send { thread, .. }, .. } => thread.is_none(),
            Self::Other(_) | Self::Acknowledged { .. } => false,
        }
    }

    /// Whether somebody saw it: an `ok` alone does not tell all of it.
    pub(crate) const fn is_seen(self) -> bool {
        !matches!(self, Self::Acknowledged { .. })
    }

    /// The content as it was sent, if it is known.
    pub(crate) fn content(self) -> Option<&'a Content> {
        match self {
            Self::Message { message, as_sent } => as_sent.then_some(&message.content),
            Self::Other(Kind::MessageEdited(edited)) => (!edited.erased).then_some(&edited.content),
            Self::Other(_) | Self::Acknowledged { .. } => None,
        }
    }

    /// Whether a command with this deed may have made it, as far as an event without its text tells.
    pub(crate) fn may_be(self, deed: Deed<'_>) -> bool {
        match (self, deed) {
            (Self::Message { message, .. }, Deed::Send { thread, .. }) => message.thread == thread,
            (Self::Other(Kind::MessageEdited(edited)), Deed::Edit { target, .. }) => edited.target == target,
            (Self::Acknowledged { deed: own, .. }, deed) => own.is_like(deed),
            _ => self.deed() == Some(deed),
        }
    }

    /// Whether both may be the same event; not every observer is told the key, or sees the content before it is erased.
    pub(crate) fn agrees(self, other: Self) -> bool {
        let keys = match (self.key(), other.key()) {
            (Some(a), Some(b)) => a == b,
            _ => self.is_message() && other.is_message(),
        };
        match (self, other) {
            (Self::Message { message: a, as_sent }, Self::Message { message: b, as_sent: also }) => {
                let links = (a.reply_to, a.thread, a.thread_ordinal) == (b.reply_to, b.thread, b.thread_ordinal);
                keys && links && (!as_sent || !also || a.content == b.content)
            }
            (Self::Other(Kind::MessageEdited(a)), Self::Other(Kind::MessageEdited(b))) => {
                keys && a.target == b.target && (a.erased || b.erased || a.content == b.content)
            }
            (Self::Other(a), Self::Other(b)) => a == b,
            (Self::Acknowledged { deed, .. }, other) | (other, Self::Acknowledged { deed, .. }) => {
                keys && other.deed().map_or_else(|| other.may_be(deed), |made| made == deed)
            }
            (Self::Message { .. }, Self::Other(_)) | (Self::Other(_), Self::Message { .. }) => false,
        }
    }

    /// How much it tells: of two that agree the one that tells more is kept.
    pub(crate) fn worth(self) -> u8 {
        u8::from(self.is_seen()) * 4 + u8::from(self.content().is_some()) * 2 + u8::from(self.key().is_some())
    }
}

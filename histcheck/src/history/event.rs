//! The events of a room's log.

use serde::{Deserialize, Serialize};

use super::{MemberEvent, Terms};

/// A stored event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Its number.
    pub seq: u64,
    /// Its stamp, in milliseconds since 1970, if it was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<u64>,
    /// Its kind and contents.
    #[serde(flatten)]
    pub kind: Kind,
}

/// The kind and the contents of an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Kind {
    /// A message.
    Message(Message),
    /// A message was edited.
    MessageEdited(Edited),
    /// A message was deleted.
    MessageDeleted {
        /// The user who deleted it.
        by: String,
        /// The key, if it was told.
        key: Option<String>,
        /// The message.
        target: u64,
        /// Why, if that was told.
        reason: Option<String>,
    },
    /// A reaction was added to a message, or taken back.
    Reaction {
        /// The user whose reaction it is.
        by: String,
        /// The key, if it was told.
        key: Option<String>,
        /// The message.
        target: u64,
        /// The reaction.
        reaction: String,
        /// Whether it was added.
        added: bool,
        /// How many users have this reaction on the message after this event.
        count: u64,
    },
    /// A message was pinned or unpinned.
    Pin {
        /// The user who did it.
        by: String,
        /// The key, if it was told.
        key: Option<String>,
        /// The message.
        target: u64,
        /// Whether it is pinned.
        pinned: bool,
    },
    /// Something has happened with a member.
    Member(MemberEvent),
    /// The room was renamed, or has other terms.
    RoomUpdated {
        /// The user who did it; empty if that is not told, or the host did.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        by: String,
        /// The name.
        name: String,
        /// The terms, if they are told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        terms: Option<Terms>,
    },
    /// The room was deleted.
    RoomDeleted,
}

/// A message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The user who sent it.
    pub sender: String,
    /// Its key, if it was told.
    pub key: Option<String>,
    /// What it says.
    #[serde(flatten)]
    pub content: Content,
    /// The message that it replies to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<u64>,
    /// The message whose thread it is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<u64>,
    /// Its place in that thread, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread_ordinal: Option<u64>,
    /// Whether its content was erased.
    #[serde(default, skip_serializing_if = "is_false")]
    pub erased: bool,
}

/// An edit of a message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edited {
    /// The user who edited it.
    pub by: String,
    /// The key, if it was told.
    pub key: Option<String>,
    /// The message.
    pub target: u64,
    /// What the message says from here on.
    #[serde(flatten)]
    pub content: Content,
    /// Whether the content was erased.
    #[serde(default, skip_serializing_if = "is_false")]
    pub erased: bool,
}

/// What a message says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Content {
    /// Its text.
    pub body: String,
    /// The users whom it mentions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<String>,
    /// Whether it mentions everyone.
    #[serde(default, skip_serializing_if = "is_false")]
    pub mentions_room: bool,
    /// What programs added to it, as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<String>,
}

impl Event {
    /// An event without a stamp.
    #[must_use]
    pub const fn new(seq: u64, kind: Kind) -> Self {
        Self { seq, at: None, kind }
    }
}

impl Content {
    /// A content that is only a text.
    #[must_use]
    pub fn text(body: impl Into<String>) -> Self {
        Self { body: body.into(), ..Self::default() }
    }

    /// Whether it mentions this user.
    #[must_use]
    pub fn mentions(&self, user: &str) -> bool {
        self.mentions_room || self.mentions.iter().any(|mentioned| mentioned == user)
    }
}

impl Kind {
    /// Who caused it, if that is told.
    #[must_use]
    pub fn author(&self) -> Option<&str> {
        match self {
            Self::Message(message) => Some(&message.sender),
            Self::MessageEdited(Edited { by, .. })
            | Self::MessageDeleted { by, .. }
            | Self::Reaction { by, .. }
            | Self::Pin { by, .. }
            | Self::Member(MemberEvent { by, .. }) => Some(by),
            Self::RoomUpdated { by, .. } => (!by.is_empty()).then_some(by),
            Self::RoomDeleted => None,
        }
    }

    /// Its key, if it was told.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::Message(Message { key, .. })
            | Self::MessageEdited(Edited { key, .. })
            | Self::MessageDeleted { key, .. }
            | Self::Reaction { key, .. }
            | Self::Pin { key, .. }
            | Self::Member(MemberEvent { key, .. }) => key.as_deref(),
            Self::RoomUpdated { .. } | Self::RoomDeleted => None,
        }
    }

    /// The message that it changes.
    #[must_use]
    pub const fn target(&self) -> Option<u64> {
        match self {
            Self::MessageEdited(Edited { target, .. })
            | Self::MessageDeleted { target, .. }
            | Self::Reaction { target, .. }
            | Self::Pin { target, .. } => Some(*target),
            Self::Message(_) | Self::Member(_) | Self::RoomUpdated { .. } | Self::RoomDeleted => None,
        }
    }

    /// Whether its content was erased.
    #[must_use]
    pub const fn is_erased(&self) -> bool {
        matches!(self, Self::Message(Message { erased: true, .. }) | Self::MessageEdited(Edited { erased: true, .. }))
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
const fn is_false(value: &bool) -> bool {
    !*value
}

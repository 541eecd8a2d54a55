//! Changes of messages, and what they are answered.

use serde::{Deserialize, Serialize};

use super::Page;

/// What is asked to become of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It gets another content; what is `None` stays.
    Edit {
        /// The text.
        body: String,
        /// The users whom it mentions.
        mentions: Option<Vec<String>>,
        /// Whether it mentions everyone.
        mentions_room: Option<bool>,
        /// What programs add to it, as JSON.
        meta: Option<String>,
    },
    /// It is deleted.
    Delete {
        /// Why, if that is told.
        reason: Option<String>,
    },
    /// The user adds a reaction to it, or takes it back.
    React {
        /// The reaction.
        reaction: String,
        /// Whether it is added.
        added: bool,
    },
    /// It is pinned or unpinned.
    Pin {
        /// Whether it is pinned.
        pinned: bool,
    },
}

/// The positive answer to a change. Which of its parts are there depends on the transport and on the change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Changed {
    /// The number of its event; `None` if there is none, or it was not told.
    pub seq: Option<u64>,
    /// Whether the answer tells the number if there is one: over REST it does not.
    pub tells_seq: bool,
    /// Whether the server said that the key was used before.
    pub replayed: bool,
    /// How many users have the reaction.
    pub count: Option<u64>,
    /// The message after the change, as a page of its own.
    pub page: Option<Page>,
}

impl Change {
    /// The word for it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Edit { .. } => "edit",
            Self::Delete { .. } => "deletion",
            Self::React { .. } => "reaction",
            Self::Pin { .. } => "pin",
        }
    }
}

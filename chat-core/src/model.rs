//! Users: who acts, what they write, and who is online or typing.

use crate::{Body, Identity, Seq, UserId};

/// Who makes a call.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Actor {
    /// A user.
    User(Identity),
    /// Someone who did not say who they are.
    Anonymous,
    /// The host itself: the [`Policy`](crate::Policy) is not asked.
    System,
    /// The host itself in a user's name, for instance to send a message: the [`Policy`](crate::Policy) is not asked.
    SystemAs(Identity),
}

impl Actor {
    /// In whose name it is.
    #[must_use]
    pub const fn user(&self) -> Option<&Identity> {
        match self {
            Self::User(identity) | Self::SystemAs(identity) => Some(identity),
            Self::Anonymous | Self::System => None,
        }
    }
}

impl Actor {
    /// Whether it is the host itself.
    #[must_use]
    pub const fn is_system(&self) -> bool {
        match self {
            Self::System | Self::SystemAs(_) => true,
            Self::User(_) | Self::Anonymous => false,
        }
    }
}

impl From<Identity> for Actor {
    fn from(identity: Identity) -> Self {
        Self::User(identity)
    }
}

impl From<&Identity> for Actor {
    fn from(identity: &Identity) -> Self {
        Self::User(identity.clone())
    }
}

impl From<&Self> for Actor {
    fn from(actor: &Self) -> Self {
        actor.clone()
    }
}

/// A message as its author sends it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Draft {
    /// What it says.
    pub body: Body,
    /// The key for retries, as the sender gave it; see [`IdempotencyKey`](crate::IdempotencyKey) for the rules.
    pub key: Option<String>,
}

impl Draft {
    /// A message with this text.
    #[must_use]
    pub fn text(content: impl Into<String>) -> Self {
        Self { body: Body::text(content), key: None }
    }

    /// The same as a reply to a message of the same room.
    #[must_use]
    pub const fn reply_to(mut self, seq: Seq) -> Self {
        self.body.reply_to = Some(seq);
        self
    }

    /// The same in the thread of a message of the same room.
    #[must_use]
    pub const fn in_thread(mut self, root: Seq) -> Self {
        self.body.thread = Some(root);
        self
    }

    /// The same with these users mentioned.
    #[must_use]
    pub fn mentioning(mut self, users: impl IntoIterator<Item = UserId>) -> Self {
        self.body.mentions = users.into_iter().collect();
        self
    }

    /// The same with what an application adds: see [`Body::meta`].
    #[must_use]
    pub fn meta(mut self, meta: impl Into<String>) -> Self {
        self.body.meta = Some(meta.into());
        self
    }

    /// The same with an idempotency key: however often and wherever you retry it, it is stored once.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }
}

/// A message that says this, without a key.
impl From<Body> for Draft {
    fn from(body: Body) -> Self {
        Self { body, key: None }
    }
}

/// Who is typing in a room.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Typing {
    /// How many users are.
    pub count: usize,
    /// Who they are; at most [`Limits::typing_names`](crate::Limits::typing_names) of them, those who began first.
    pub identities: Vec<Identity>,
}

/// Who is online in a room.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Presence {
    /// How many users are.
    pub count: usize,
    /// Who they are, by id; empty while there are too many to name (above 200, until below 180).
    pub online: Vec<Identity>,
}

//! What breaks the rules of an id, a name or a text.

use std::borrow::Cow;

/// A field breaks its rules.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct InvalidField {
    /// Which one.
    pub field: Cow<'static, str>,
    /// The rule it breaks, for people.
    pub reason: Cow<'static, str>,
}

/// A message's text breaks its rules.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMessage {
    /// It has characters that do not belong into one.
    #[error(transparent)]
    Field(#[from] InvalidField),
    /// Nothing in it can be seen.
    #[error("the message is empty")]
    Empty,
    /// It is too long.
    #[error("the message is longer than {max_chars} characters")]
    TooLong {
        /// The most characters it may have.
        max_chars: usize,
    },
}

impl InvalidField {
    /// This field breaks this rule.
    pub fn new(field: impl Into<Cow<'static, str>>, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { field: field.into(), reason: reason.into() }
    }
}

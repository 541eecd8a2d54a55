//! What users do with messages besides sending them.

use std::{fmt, sync::Arc};

use unicode_normalization::UnicodeNormalization;

use crate::{Edit, InvalidField, Seq};

/// A reaction to a message: 1–64 bytes of NFC text, usually one emoji.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reaction(Arc<str>);

impl Reaction {
    /// Checks a reaction and brings it into NFC.
    ///
    /// # Errors
    /// [`InvalidField`] (`reaction`) unless it is 1–64 bytes without control characters, `/` and `\`, and neither `.` nor `..`:
    /// it stands in paths.
    pub fn new(reaction: &str) -> Result<Self, InvalidField> {
        // NFC makes no text shorter than a third.
        let reaction: String = reaction.chars().take(256).nfc().collect();
        if reaction.is_empty() || reaction.len() > 64 {
            return Err(InvalidField::new("reaction", "must be 1 to 64 bytes"));
        }
        let has_wrong = reaction.chars().any(|c| c.is_control() || matches!(c, '/' | '\\'));
        if has_wrong || matches!(reaction.as_str(), "." | "..") {
            return Err(InvalidField::new(
                "reaction",
                "must have no control character and no slash, and not be . or ..",
            ));
        }
        Ok(Self(reaction.into()))
    }

    /// The reaction.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A reaction that was checked when it was stored.
    #[must_use]
    pub fn from_stored(reaction: &str) -> Self {
        Self(reaction.into())
    }
}

impl fmt::Display for Reaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A change of a message that is there.
///
/// ```
/// use chat_core::{Change, Edit, Seq};
///
/// let change = Change::react(Seq(7), "👍").key("k1");
/// let change = Change::edit(Seq(7), Edit::text("Hello, world!"));
/// let change = Change::delete(Seq(7)).reason("spam");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The message that is changed.
    pub target: Seq,
    /// What is done with it.
    pub kind: ChangeKind,
    /// The key for retries, as it was given; see [`IdempotencyKey`](crate::IdempotencyKey) for the rules.
    pub key: Option<String>,
}

/// What is done with a message.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChangeKind {
    /// Its author gives it another text.
    Edit(Edit),
    /// It is deleted: its text is erased, and a tombstone stays.
    Delete {
        /// Why, as typed; see [`Reason`](crate::Reason) for the rules.
        reason: Option<String>,
    },
    /// A user reacts to it, or takes a reaction back.
    React {
        /// The reaction, as typed; see [`Reaction`] for the rules.
        reaction: String,
        /// Whether it is added.
        added: bool,
    },
    /// It is pinned in its room, or not any more.
    Pin {
        /// Whether it is pinned.
        pinned: bool,
    },
}

impl Change {
    const fn new(target: Seq, kind: ChangeKind) -> Self {
        Self { target, kind, key: None }
    }

    /// Another text for a message of one's own.
    #[must_use]
    pub const fn edit(target: Seq, edit: Edit) -> Self {
        Self::new(target, ChangeKind::Edit(edit))
    }

    /// A message's end.
    #[must_use]
    pub const fn delete(target: Seq) -> Self {
        Self::new(target, ChangeKind::Delete { reason: None })
    }

    /// A reaction more.
    #[must_use]
    pub fn react(target: Seq, reaction: impl Into<String>) -> Self {
        Self::new(target, ChangeKind::React { reaction: reaction.into(), added: true })
    }

    /// One's reaction taken back.
    #[must_use]
    pub fn unreact(target: Seq, reaction: impl Into<String>) -> Self {
        Self::new(target, ChangeKind::React { reaction: reaction.into(), added: false })
    }

    /// A message pinned.
    #[must_use]
    pub const fn pin(target: Seq) -> Self {
        Self::new(target, ChangeKind::Pin { pinned: true })
    }

    /// A message no longer pinned.
    #[must_use]
    pub const fn unpin(target: Seq) -> Self {
        Self::new(target, ChangeKind::Pin { pinned: false })
    }

    /// The same with a reason, if it is a deletion.
    #[must_use]
    pub fn reason(mut self, why: impl Into<String>) -> Self {
        if let ChangeKind::Delete { reason } = &mut self.kind {
            *reason = Some(why.into());
        }
        self
    }

    /// The same with an idempotency key: however often and wherever you retry it, it happens once.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reactions_are_short_texts_that_fit_into_a_path() {
        assert_eq!(Reaction::new("e\u{301}").unwrap().as_str(), "é");
        assert!(Reaction::new("👩‍👩‍👧‍👦").is_ok() && Reaction::new(":+1:").is_ok());
        let long = "a".repeat(65);
        for wrong in ["", ".", "..", "a/b", "a\\b", "a\n", "\u{0}", &long] {
            assert!(Reaction::new(wrong).is_err(), "{wrong:?}");
        }
    }
}

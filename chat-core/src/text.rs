//! What people may write: names, topics and messages, checked where they enter.

use std::{fmt, sync::Arc};

use unicode_normalization::UnicodeNormalization;

use crate::{error::Error, fold};

/// The longest message there can be, in bytes, whatever [`Limits`](crate::Limits) says (MySQL's TEXT ends here).
pub const MAX_MESSAGE_BYTES: usize = 65_535;

/// A room's name: 1–100 characters after trimming and NFC, without control or bidi-override characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoomName(Arc<str>);

impl RoomName {
    /// Trims, normalises (NFC) and checks a name.
    ///
    /// # Errors
    /// [`Error::InvalidField`] (`name`) when it breaks one of the rules.
    pub fn new(name: &str) -> Result<Self, Error> {
        checked_name("name", name, 100).map(Self)
    }

    /// The name as it is shown.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as it is compared and searched: `General` and `general`, `Straße` and `STRASSE` are one room. See
    /// [`fold::name_key`].
    #[must_use]
    pub fn key(&self) -> String {
        fold::name_key(&self.0)
    }

    /// A name that was checked when it was stored.
    #[must_use]
    pub fn from_stored(name: &str) -> Self {
        Self(name.into())
    }
}

/// The name a user is shown by: 1–64 characters, the rules of room names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserName(Arc<str>);

impl UserName {
    /// Trims, normalises (NFC) and checks a name.
    ///
    /// # Errors
    /// [`Error::InvalidField`] (`username`) when it breaks one of the rules.
    pub fn new(name: &str) -> Result<Self, Error> {
        checked_name("username", name, 64).map(Self)
    }

    /// The name as it is shown.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A name that was checked when it was stored.
    #[must_use]
    pub fn from_stored(name: &str) -> Self {
        Self(name.into())
    }
}

/// What a room is about: at most 1,024 characters, empty when unset. Kept as written, but for U+0000, control
/// characters other than line breaks and tabs, and bidi overrides, which are refused.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Topic(Arc<str>);

impl Topic {
    /// Checks a topic.
    ///
    /// # Errors
    /// [`Error::InvalidField`] (`topic`) when it is too long or has characters that do not belong into one.
    pub fn new(topic: &str) -> Result<Self, Error> {
        let strange = |c: char| (c.is_control() && !matches!(c, '\n' | '\r' | '\t')) || is_bidi_override(c);
        if topic.chars().any(strange) {
            return Err(Error::invalid_field("topic", "must not contain control or bidi-override characters"));
        }
        if topic.chars().count() > 1_024 {
            return Err(Error::invalid_field("topic", "must be at most 1024 characters"));
        }
        Ok(Self(topic.into()))
    }

    /// The topic; empty when unset.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A topic that was checked when it was stored.
    #[must_use]
    pub fn from_stored(topic: &str) -> Self {
        Self(topic.into())
    }
}

impl fmt::Display for RoomName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Checks a message's text, which is otherwise kept byte for byte.
///
/// # Errors
/// [`Error::InvalidField`] for U+0000, [`Error::EmptyMessage`] when nothing in it can be seen, [`Error::TooLong`] above
/// `max_chars` characters or [`MAX_MESSAGE_BYTES`].
pub fn check_message(text: &str, max_chars: usize) -> Result<(), Error> {
    if text.contains('\0') {
        return Err(Error::invalid_field("content", "must not contain U+0000"));
    }
    if is_blank(text) {
        return Err(Error::EmptyMessage);
    }
    if text.len() > MAX_MESSAGE_BYTES || text.chars().count() > max_chars {
        return Err(Error::TooLong { max_chars });
    }
    Ok(())
}

fn checked_name(field: &'static str, name: &str, max_chars: usize) -> Result<Arc<str>, Error> {
    let name: String = name.trim().nfc().collect();
    if is_blank(&name) {
        return Err(Error::invalid_field(field, "must not be blank"));
    }
    if name.chars().any(|c| c.is_control() || is_bidi_override(c)) {
        return Err(Error::invalid_field(field, "must not contain control or bidi-override characters"));
    }
    if name.chars().count() > max_chars {
        return Err(Error::invalid_field(field, format!("must be at most {max_chars} characters")));
    }
    Ok(name.into())
}

/// Whether nothing of it would be seen: white space and zero-width characters only.
fn is_blank(text: &str) -> bool {
    let invisible = |c: char| {
        c.is_whitespace() || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{feff}')
    };
    text.chars().all(invisible)
}

/// Characters that turn the direction of what follows them (UAX #9): embeddings, overrides and isolates.
fn is_bidi_override(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_trimmed_normalised_and_compared_without_case() {
        let name = RoomName::new("  Caf\u{65}\u{301}  ").unwrap();
        assert_eq!(name.as_str(), "Caf\u{e9}");
        assert_eq!(name.key(), "caf\u{e9}");
    }

    #[test]
    fn names_refuse_what_cannot_be_read() {
        for bad in ["", "  ", "\u{200b}", "a\nb", "a\0", "\u{202e}abc", "a\u{2066}", &"x".repeat(101)] {
            assert_eq!(RoomName::new(bad).unwrap_err().code(), "invalid_field", "{bad:?}");
        }
        assert!(RoomName::new(&"é".repeat(100)).is_ok());
        assert!(UserName::new(&"x".repeat(65)).is_err());
    }

    #[test]
    fn messages_are_counted_in_characters_and_kept_within_bytes() {
        assert_eq!(check_message("\u{200b} \n", 10).unwrap_err().code(), "empty_message");
        assert_eq!(check_message("a\0", 10).unwrap_err().code(), "invalid_field");
        assert!(check_message(&"é".repeat(10), 10).is_ok());
        assert_eq!(check_message(&"é".repeat(11), 10).unwrap_err().code(), "too_long");
        assert_eq!(check_message(&"é".repeat(40_000), 100_000).unwrap_err().code(), "too_long");
    }

    #[test]
    fn topics_may_have_lines_but_no_controls() {
        assert!(Topic::new("").is_ok() && Topic::new("a\nb").is_ok());
        assert!(Topic::new("a\u{7}").is_err() && Topic::new(&"x".repeat(1_025)).is_err());
    }
}

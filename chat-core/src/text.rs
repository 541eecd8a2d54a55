//! What people may write: names, topics and messages, checked where they enter.

use std::{fmt, sync::Arc};

use unicode_normalization::UnicodeNormalization;

use crate::{
    InvalidField, InvalidMessage,
    characters::{Class, has_place_in_name},
    fold,
};

/// The longest message there can be, in bytes, whatever [`Limits`](crate::Limits) says (MySQL's TEXT ends here).
pub const MAX_MESSAGE_BYTES: usize = 65_535;

/// The most bytes of a host's key for a room.
pub(crate) const MAX_EXTERNAL: usize = 256;

/// A room's name: 1–100 characters after trimming, all of them to be seen.
///
/// - White space at the ends is taken off, and several spaces within become one.
/// - What shows nothing is refused: control and format characters, other white space, `Default_Ignorable_Code_Point`. So is
///   private use. Joiners may stand where they show: in emoji, between letters that join, after a virama; and U+FE0F where
///   it makes an emoji. See [`Class`] and [`has_place_in_name`].
/// - Characters are counted as they are given. A name with a character that NFC makes several of may have a third as many.
/// - It is kept in NFC.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoomName(Arc<str>);

impl RoomName {
    /// Checks a name, trims it and brings it into NFC.
    ///
    /// # Errors
    /// [`InvalidField`] (`name`) when it breaks one of the rules.
    pub fn new(name: &str) -> Result<Self, InvalidField> {
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

/// The name a user is shown by: 1–64 characters, by the rules of [`RoomName`]. It is never longer than 256 bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserName(Arc<str>);

impl UserName {
    /// Checks a name, trims it and brings it into NFC.
    ///
    /// # Errors
    /// [`InvalidField`] (`username`) when it breaks one of the rules.
    pub fn new(name: &str) -> Result<Self, InvalidField> {
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

/// What a room is about: at most 1,024 characters, empty when unset. Kept as written. Refused are control characters but tabs
/// and line breaks (LF or CR LF), what turns the direction of what follows, and a topic in which nothing can be seen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Topic(Arc<str>);

impl Topic {
    /// Checks a topic.
    ///
    /// # Errors
    /// [`InvalidField`] (`topic`) when it is too long or has characters that do not belong into one.
    pub fn new(topic: &str) -> Result<Self, InvalidField> {
        if has_control(topic) || topic.chars().any(|c| Class::BidiOverride.has(c)) {
            return Err(InvalidField::new("topic", "must not contain control or bidi-override characters"));
        }
        if !topic.is_empty() && is_blank(topic) {
            return Err(InvalidField::new("topic", "must have a visible character, or be empty"));
        }
        if topic.chars().count() > 1_024 {
            return Err(InvalidField::new("topic", "must be at most 1024 characters"));
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

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Checks a message's text, which is otherwise kept byte for byte.
///
/// # Errors
/// [`InvalidField`] (`content`) for control characters but tabs and line breaks (LF or CR LF),
/// [`InvalidMessage::Empty`] when nothing in it can be seen, [`InvalidMessage::TooLong`] above `max_chars` characters or
/// [`MAX_MESSAGE_BYTES`].
pub fn check_message(text: &str, max_chars: usize) -> Result<(), InvalidMessage> {
    if has_control(text) {
        return Err(
            InvalidField::new("content", "must not contain control characters except tabs and line breaks").into()
        );
    }
    if is_blank(text) {
        return Err(InvalidMessage::Empty);
    }
    if text.len() > MAX_MESSAGE_BYTES || text.chars().nth(max_chars).is_some() {
        return Err(InvalidMessage::TooLong { max_chars });
    }
    Ok(())
}

/// Why something was done, for people: 1–500 characters, at least one of them visible, kept as written. It has no control
/// characters but tabs and line breaks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reason(Arc<str>);

impl Reason {
    /// Checks a reason.
    ///
    /// # Errors
    /// [`InvalidField`] (`reason`) when it breaks one of the rules.
    pub fn new(reason: &str) -> Result<Self, InvalidField> {
        if is_blank(reason) || has_control(reason) {
            return Err(InvalidField::new("reason", "must have a visible character and no control characters"));
        }
        if reason.chars().count() > 500 {
            return Err(InvalidField::new("reason", "must be at most 500 characters"));
        }
        Ok(Self(reason.into()))
    }

    /// The reason.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A reason that was checked when it was stored.
    #[must_use]
    pub fn from_stored(reason: &str) -> Self {
        Self(reason.into())
    }
}

fn checked_name(field: &'static str, name: &str, max_chars: usize) -> Result<Arc<str>, InvalidField> {
    let name = name.trim();
    if name.is_empty() {
        return Err(InvalidField::new(field, "must not be blank"));
    }
    check_name_length(field, name, max_chars)?;
    check_name_characters(field, name)?;
    let words: Vec<&str> = name.split(' ').filter(|word| !word.is_empty()).collect();
    Ok(words.join(" ").nfc().collect::<String>().into())
}

/// Counts a name as it was given: a pattern can say that, and how long it is in NFC no pattern can.
fn check_name_length(field: &'static str, name: &str, max_chars: usize) -> Result<(), InvalidField> {
    let is_longer_than = |max: usize| name.chars().nth(max).is_some();
    if is_longer_than(max_chars) {
        return Err(InvalidField::new(field, format!("must be at most {max_chars} characters")));
    }
    // Nothing becomes more than three characters.
    let max_expanding = max_chars / 3;
    if is_longer_than(max_expanding) && name.chars().any(|c| Class::Expanding.has(c)) {
        let reason =
            format!("must be at most {max_expanding} characters, since NFC makes several of one: send it in NFC");
        return Err(InvalidField::new(field, reason));
    }
    Ok(())
}

fn check_name_characters(field: &'static str, name: &str) -> Result<(), InvalidField> {
    let mut before = None;
    let mut rest = name.chars().peekable();
    while let Some(c) = rest.next() {
        if !has_place_in_name(before, c, rest.peek().copied()) {
            let code = u32::from(c);
            return Err(InvalidField::new(field, format!("must not contain U+{code:04X} here: it cannot be seen")));
        }
        before = Some(c);
    }
    Ok(())
}

/// Whether there is a control character in it that is neither a tab nor part of a line break. A lone CR is none: it lets a
/// terminal write over what stands there.
pub(crate) fn has_control(text: &str) -> bool {
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\t' | '\n' => {}
            '\r' if rest.peek() == Some(&'\n') => {}
            _ if Class::Control.has(c) => return true,
            _ => {}
        }
    }
    false
}

/// Whether nothing of it would be seen.
pub(crate) fn is_blank(text: &str) -> bool {
    text.chars().all(|c| Class::Invisible.has(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What shows nothing, by itself or between letters.
    const UNSEEN: [char; 32] = [
        '\u{ad}',
        '\u{34f}',
        '\u{61c}',
        '\u{115f}',
        '\u{1160}',
        '\u{17b4}',
        '\u{180b}',
        '\u{180e}',
        '\u{200b}',
        '\u{200c}',
        '\u{200d}',
        '\u{200e}',
        '\u{202e}',
        '\u{2028}',
        '\u{2060}',
        '\u{2066}',
        '\u{206a}',
        '\u{2800}',
        '\u{3164}',
        '\u{fe00}',
        '\u{fe0f}',
        '\u{feff}',
        '\u{ffa0}',
        '\u{fff9}',
        '\u{fdd0}',
        '\u{ffff}',
        '\u{13430}',
        '\u{13441}',
        '\u{16fe4}',
        '\u{1d173}',
        '\u{e0041}',
        '\u{e0100}',
    ];

    fn assert_no_name(name: &str) {
        assert!(RoomName::new(name).is_err(), "{name:?}");
        assert!(UserName::new(name).is_err(), "{name:?}");
    }

    #[test]
    fn names_are_trimmed_normalised_and_compared_without_case() {
        let name = RoomName::new("  Caf\u{65}\u{301}  ").unwrap();
        assert_eq!(name.as_str(), "Caf\u{e9}");
        assert_eq!(name.key(), "caf\u{e9}");
        assert_eq!(RoomName::new("\u{3000}a   b\n").unwrap().as_str(), "a b");
    }

    #[test]
    fn names_refuse_what_cannot_be_seen() {
        for c in UNSEEN {
            for name in [format!("{c}"), format!("a{c}b"), format!("{c}a"), format!("a{c}"), format!("Ω{c}{c}Ω")] {
                if c == '\u{2028}' && name.trim() == "a" {
                    continue;
                }
                assert_no_name(&name);
            }
        }
        for c in ('\0'..='\u{1f}').chain('\u{7f}'..='\u{a0}').chain(['\u{1680}', '\u{2007}', '\u{202f}', '\u{3000}']) {
            assert_no_name(&format!("a{c}b"));
        }
        for c in ['\u{e000}', '\u{f8ff}', '\u{f0000}', '\u{10fffd}'] {
            assert_no_name(&format!("a{c}b"));
        }
        assert_no_name("");
        assert_no_name(" \u{2003}\n");
    }

    #[test]
    fn names_may_be_written_in_any_script_and_with_emoji() {
        let joined = ["می\u{200c}خواهم", "क्\u{200d}ष", "क्\u{200c}ष", "ශ්\u{200d}රී", "ന്\u{200d}"];
        let emoji = [
            "❤\u{fe0f}",
            "👩\u{200d}👩\u{200d}👧",
            "🏳\u{fe0f}\u{200d}🌈",
            "👋🏽",
            "👩🏽\u{200d}🚀",
            "1\u{fe0f}\u{20e3}",
            "🇩🇪",
        ];
        for name in joined.into_iter().chain(emoji).chain([
            "Zoë",
            "山田 太郎",
            "עִבְרִית",
            "a\u{301}\u{328}b",
            "\u{301}",
            "\u{378}",
        ]) {
            assert!(RoomName::new(name).is_ok(), "{name:?}");
        }
    }

    #[test]
    fn joiners_and_emoji_styles_have_their_places_in_names() {
        for name in [
            "a\u{200d}b",
            "a\u{200c}b",
            "د\u{200c}د",
            "ب\u{200c}",
            "ب\u{200c} ب",
            "\u{200c}ب",
            "ب\u{200d}ب",
            "ক\u{200d}",
            "क्\u{200c}",
            "क्\u{200c} ष",
            "🎉\u{200d}",
            "🎉\u{200d}a",
            "\u{200d}🎉",
            "❤\u{fe0f}\u{fe0f}",
            "😀\u{fe0f}",
            "a\u{fe0f}",
            "1\u{fe0f}",
            "❤\u{fe0e}",
            "❤\u{200d}\u{200d}🔥",
            "1\u{fe0f}\u{20e3}\u{200d}❤",
        ] {
            assert_no_name(name);
        }
    }

    #[test]
    fn names_are_counted_as_they_are_given() {
        assert!(RoomName::new(&"é".repeat(100)).is_ok() && RoomName::new(&"é".repeat(101)).is_err());
        assert!(UserName::new(&"😀".repeat(64)).is_ok() && UserName::new(&"😀".repeat(65)).is_err());
        assert!(UserName::new(&format!("  {}\n", "x".repeat(64))).is_ok());
        // 64 characters in NFC, 128 as given.
        assert!(UserName::new(&"e\u{301}".repeat(32)).is_ok() && UserName::new(&"e\u{301}".repeat(33)).is_err());
        // The other way: each becomes two, or three.
        for expanding in ["\u{958}", "\u{fb2c}", "\u{1d160}"] {
            assert!(UserName::new(&expanding.repeat(21)).is_ok() && UserName::new(&expanding.repeat(22)).is_err());
            assert!(RoomName::new(&expanding.repeat(33)).is_ok() && RoomName::new(&expanding.repeat(34)).is_err());
            assert!(RoomName::new(&format!("{}{expanding}", "x".repeat(33))).is_err());
        }
    }

    #[test]
    fn no_name_of_a_user_is_longer_than_an_id_may_be() {
        let most = |c: char| std::iter::once(c).nfc().map(char::len_utf8).sum::<usize>();
        for c in '\0'..=char::MAX {
            let (count, bytes) = (if Class::Expanding.has(c) { 21 } else { 64 }, most(c));
            assert!(count * bytes <= 256 && std::iter::once(c).nfc().count() <= 3, "{c:?}");
        }
    }

    #[test]
    fn messages_show_something() {
        for c in UNSEEN {
            assert_eq!(check_message(&format!(" {c}\r\n{c}\t"), 10), Err(InvalidMessage::Empty), "{c:?}");
            assert!(check_message(&format!("{c}a{c}"), 10).is_ok(), "{c:?}");
        }
        for text in ["", " \n", "\u{3000}"] {
            assert_eq!(check_message(text, 10), Err(InvalidMessage::Empty), "{text:?}");
        }
        for text in ["❤\u{fe0f}", "\u{301}", "\u{e000}", ".", "🏴\u{e0067}\u{e0062}\u{e007f}"] {
            assert!(check_message(text, 10).is_ok(), "{text:?}");
        }
    }

    #[test]
    fn messages_have_no_control_characters_but_tabs_and_line_breaks() {
        assert!(check_message("a\tb\nc\r\nd", 10).is_ok());
        let controls = ('\0'..='\u{1f}').chain('\u{7f}'..='\u{9f}').filter(|c| !matches!(c, '\t' | '\n'));
        for c in controls {
            for text in [format!("a{c}b"), format!("{c}"), format!("a\n{c}")] {
                let Err(InvalidMessage::Field(InvalidField { field, .. })) = check_message(&text, 10) else {
                    panic!("{text:?}")
                };
                assert_eq!(field, "content");
            }
        }
    }

    #[test]
    fn messages_are_counted_in_characters_and_kept_within_bytes() {
        assert!(check_message(&"é".repeat(10), 10).is_ok());
        assert_eq!(check_message(&"é".repeat(11), 10), Err(InvalidMessage::TooLong { max_chars: 10 }));
        assert_eq!(check_message(&"é".repeat(40_000), 100_000), Err(InvalidMessage::TooLong { max_chars: 100_000 }));
    }

    #[test]
    fn topics_may_have_lines_but_no_controls() {
        assert!(Topic::new("").is_ok() && Topic::new("a\nb\r\n\tc").is_ok() && Topic::new("a\u{200e}").is_ok());
        for bad in ["a\u{7}", "a\rb", "a\u{9b}", "a\u{202e}", " ", "\u{3164}", &"x".repeat(1_025)] {
            assert!(Topic::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn what_was_stored_is_read_whatever_the_rules_are_now() {
        assert_eq!(RoomName::from_stored("a\u{200b}b").as_str(), "a\u{200b}b");
        assert_eq!(UserName::from_stored("\u{3164}").as_str(), "\u{3164}");
        assert_eq!(Topic::from_stored("\u{7}").as_str(), "\u{7}");
    }

    #[test]
    fn reasons_show_something() {
        assert!(Reason::new("spam").is_ok());
        for wrong in ["", " ", "a\u{0}", &"x".repeat(501)] {
            assert!(Reason::new(wrong).is_err(), "{wrong:?}");
        }
    }
}

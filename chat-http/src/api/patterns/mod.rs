//! The rules for texts as regular expressions, for the OpenAPI document: in the syntax of ECMAScript, with the flag
//! `u`.
//!
//! The engine does not use them: it has the same rules in code, and tests compare the two. Python, Rust and Java read
//! them alike: there is no `\p{…}` and no look-behind, and characters above U+FFFF are written literally.

use std::sync::LazyLock;

// A test writes this file, and it does not break lines as rustfmt does.
#[rustfmt::skip]
mod classes;

use classes::{
    BIDI_OVERRIDE, CONTROL_BUT_BREAKS, EXPANDING, INVISIBLE, INVISIBLE_IN_TEXT, INVISIBLE_IN_TOPIC, JOINS_NEXT,
    JOINS_PREVIOUS, NOT_IN_NAMES, PICTOGRAPH, SKIN_TONE, SPACE, TEXT_EMOJI, VIRAMA,
};

/// Names of rooms: 1–100 characters.
static ROOM_NAME: LazyLock<String> = LazyLock::new(|| name(100, ""));

/// Names of users: 1–64 characters. What the ids of erased users begin with is reserved.
pub(crate) static USER_NAME: LazyLock<String> = LazyLock::new(|| name(64, "(?!guest:|account:|erased:)"));

/// Topics: empty, or with at least one visible character. There are no control characters except tabs and line breaks,
/// and no characters that override the direction of text.
static TOPIC: LazyLock<String> = LazyLock::new(|| format!("^(?:{})?$", shown(INVISIBLE_IN_TOPIC, BIDI_OVERRIDE)));

/// Messages: at least one visible character, and no control characters except tabs and line breaks.
static CONTENT: LazyLock<String> = LazyLock::new(|| format!("^{}$", shown(INVISIBLE_IN_TEXT, "")));

/// Cursors of the list of rooms.
pub(crate) const CURSOR: &str = "^(0|[1-9][0-9]{0,14})$";

/// Cursors of the lists of marks, bans and mutes: a dot, and an id that the list goes on after.
pub(crate) const USER_CURSOR: &str = r"^\.[^\u0000]{0,256}$";

/// Cursors of the list of members: the role and the id that the list goes on after.
pub(crate) const MEMBER_CURSOR: &str = r"^(owner|moderator|member)\.[^\u0000]{0,256}$";

/// Cursors of the list of one's rooms: a time and a room.
pub(crate) const MY_ROOMS_CURSOR: &str = r"^-?(0|[1-9][0-9]{0,17})\.(0|[1-9][0-9]{0,14})$";

/// Cursors of what a search finds: a time, a room and a message.
pub(crate) const SEARCH_CURSOR: &str = r"^-?(0|[1-9][0-9]{0,17})\.(0|[1-9][0-9]{0,14})\.(0|[1-9][0-9]{0,14})$";

/// Cursors of the feed of all rooms: an epoch, and two numbers.
pub(crate) const LOG_CURSOR: &str = r"^[^\u0000]{1,200}\.[1-9][0-9]{0,17}\.(0|[1-9][0-9]{0,17})$";

/// Reactions: no control characters, no slashes, and neither `.` nor `..`.
pub(crate) const REACTION: &str = r"^(?!\.{1,2}$)[^/\\\u0000-\u001F\u007F-\u009F]{1,64}$";

/// Ids of users.
pub(crate) const USER_ID: &str = r"^[^\u0000]+$";
/// The id of another user in a body: of 256 bytes at most, so of as many ASCII characters, or of 64 of any kind.
pub(crate) const OTHER_USER: &str = r"^(?!erased:)(?:[^\u0000]{1,64}|[\u0001-\u007F]{1,256})$";

/// Any text without U+0000.
pub(crate) const TEXT: &str = r"^[^\u0000]*$";

/// Idempotency keys.
pub(crate) const KEY: &str = "^[!-~]{1,64}$";

/// Codes of invites, which are their own cursors.
pub(crate) const INVITE_CODE: &str = "^[0-9a-f]{32}$";

/// Ids of server-sent events, which are positions.
pub(crate) const EVENT_ID: &str = "^[!-~]{1,64}:(0|[1-9][0-9]{0,14})$";

/// The pattern of a field of a request, by its name.
pub(crate) fn of(field: &str) -> Option<&'static str> {
    match field {
        "name" => Some(&ROOM_NAME),
        "username" => Some(&USER_NAME),
        "topic" => Some(&TOPIC),
        "content" | "reason" => Some(&CONTENT),
        "key" => Some(KEY),
        "epoch" | "password" | "new_password" | "setup_token" => Some(TEXT),
        _ => None,
    }
}

/// White space around a name does not count; `look_ahead` stands where the name begins. After the length check, the pattern allows the joiners and U+FE0F only
/// behind the characters that need them, and then any other character.
fn name(max: usize, look_ahead: &str) -> String {
    let length = format!("(?=.{{1,{third}}}[{SPACE}]*$|[^{EXPANDING}]{{1,{max}}}[{SPACE}]*$)", third = max / 3);
    let after_virama = format!(r"[{VIRAMA}](?:\u200D|\u200C(?![{SPACE}]|$))");
    let between_letters = format!(r"[{JOINS_NEXT}]\u200C(?=[{JOINS_PREVIOUS}])");
    let emoji = format!(r"(?:[{TEXT_EMOJI}]\uFE0F|[{PICTOGRAPH}{SKIN_TONE}](?=\u200D))(?:\u200D(?=[{PICTOGRAPH}]))?");
    let keycap = r"[0-9#*]\uFE0F\u20E3";
    let other = format!(r"[^{NOT_IN_NAMES}\u200C\u200D\uFE0F]");
    let character = format!("(?:{after_virama}|{between_letters}|{emoji}|{keycap}|{other})");
    format!("^[{SPACE}]*(?![{SPACE}]){look_ahead}{length}{character}+[{SPACE}]*$")
}

/// A text: invisible characters, then one that is visible, then any characters except control characters and those in
/// `without`.
fn shown(invisible: &str, without: &str) -> String {
    format!(r"(?:[{invisible}]|\r\n)*[^{INVISIBLE}](?:[^{CONTROL_BUT_BREAKS}{without}]|\r\n)*")
}

#[cfg(test)]
mod tests {
    use std::{env, fs, path::Path};

    use chat_core::characters::Class;

    /// The source of a constant with the contents of a character class.
    fn constant(name: &str, has: impl Fn(char) -> bool) -> String {
        let mut ranges: Vec<(char, char)> = Vec::new();
        for c in ('\0'..=char::MAX).filter(|c| has(*c)) {
            match ranges.last_mut() {
                Some((_, last)) if u32::from(*last) + 1 == u32::from(c) => *last = c,
                _ => ranges.push((c, c)),
            }
        }
        let escaped = |c: char| match u32::from(c) {
            code @ ..=0xffff => format!("\\\\u{code:04X}"),
            code => format!("\\u{{{code:x}}}"),
        };
        let written = |(first, last): (char, char)| match u32::from(last) - u32::from(first) {
            0 => escaped(first),
            1 => escaped(first) + &escaped(last),
            _ => format!("{}-{}", escaped(first), escaped(last)),
        };
        let inside: String = ranges.into_iter().map(written).collect();
        format!("pub(super) const {name}: &str = \"{inside}\";\n")
    }

    #[test]
    fn classes_are_those_of_the_engine() {
        let is_break = |c| matches!(c, '\t' | '\n');
        let in_text = |c| Class::Invisible.has(c) && (!Class::Control.has(c) || is_break(c));
        let constants = [
            constant("SPACE", |c| Class::Space.has(c)),
            constant("CONTROL_BUT_BREAKS", |c| Class::Control.has(c) && !is_break(c)),
            constant("BIDI_OVERRIDE", |c| Class::BidiOverride.has(c)),
            constant("INVISIBLE", |c| Class::Invisible.has(c)),
            constant("INVISIBLE_IN_TEXT", in_text),
            constant("INVISIBLE_IN_TOPIC", |c| in_text(c) && !Class::BidiOverride.has(c)),
            constant("NOT_IN_NAMES", |c| Class::NotInNames.has(c)),
            constant("EXPANDING", |c| Class::Expanding.has(c)),
            constant("VIRAMA", |c| Class::Virama.has(c)),
            constant("JOINS_NEXT", |c| Class::JoinsNext.has(c)),
            constant("JOINS_PREVIOUS", |c| Class::JoinsPrevious.has(c)),
            constant("PICTOGRAPH", |c| Class::Pictograph.has(c)),
            constant("SKIN_TONE", |c| Class::SkinTone.has(c)),
            constant("TEXT_EMOJI", |c| Class::TextEmoji.has(c)),
        ];
        let current = format!(
            "//! The characters of `chat_core::characters::Class`, for classes in brackets. Written by the test in `mod.rs` with\n\
             //! `UPDATE_EXPECT=1`, as `cargo xtask openapi` runs it; do not edit.\n\n{}",
            constants.join("\n")
        );
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/api/patterns/classes.rs");
        if env::var_os("UPDATE_EXPECT").is_some() {
            fs::write(&path, &current).unwrap();
        }
        let committed = fs::read_to_string(path).unwrap();
        assert!(committed == current, "src/api/patterns/classes.rs is out of date: run `cargo xtask openapi`");
    }
}

//! A line of an export, as JSON: how it is read strictly, and written.

use chat_core::InvalidField;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The version of the format.
pub(super) const VERSION: u64 = 2;
/// The most bytes that a line has. The longest message has less than 550,000 in its longest spelling, with every character as
/// an escape; so nothing that was exported is too long, and whatever is read, no more than this is in memory.
pub(super) const MAX_LINE: usize = 1 << 20;

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// The first line.
    Export,
    /// A room of which more follows.
    Room,
    /// An event of a room.
    Message,
    MessageEdited,
    MessageDeleted,
    Reaction,
    Pin,
    Member,
    RoomUpdated,
    /// How far a user has read.
    Mark,
    /// What a user wants to be told.
    Notify,
    /// Who is in it.
    InRoom,
    /// Who is banned or muted.
    Restriction,
    /// The end of a room.
    End,
}

/// Defines a line: all its fields, each of which can be left out.
macro_rules! line {
    ($($name:ident: $type:ty,)*) => {
        /// A line with the fields that it has. What its kind needs, and may have, is looked at when it is taken apart.
        #[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub(super) struct Line {
            #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
            pub(super) kind: Option<Kind>,
            $(
                #[serde(skip_serializing_if = "Option::is_none")]
                pub(super) $name: Option<$type>,
            )*
        }

        /// The fields, each with what it must be and whether a value is that.
        const FIELDS: &[(&str, &str, fn(&Value) -> bool)] =
            &[$((stringify!($name), <$type as Field>::MUST, <$type as Field>::is),)*];
    };
}

line! {
    version: u64,
    epoch: String,
    rooms: u64,
    room: u64,
    seq: u64,
    at_us: i64,
    user: String,
    username: String,
    target: u64,
    content: String,
    reply_to: u64,
    thread: u64,
    thread_ordinal: u64,
    mentions: Vec<String>,
    mentions_room: bool,
    meta: String,
    erased: bool,
    reason: String,
    reaction: String,
    added: bool,
    pinned: bool,
    count: u64,
    name: String,
    topic: String,
    created_at_us: i64,
    first_seq: u64,
    external: String,
    pruned_ordinal: u64,
    last_message_seq: u64,
    last_message_at_us: i64,
    key: String,
    fingerprint: String,
    notify: String,
    visibility: String,
    owned: bool,
    invites: String,
    change: String,
    member: String,
    member_name: String,
    role: String,
    until_us: i64,
    by: String,
    by_name: String,
    restriction: String,
    head: u64,
    events: u64,
    marks: u64,
    settings: u64,
    members: u64,
}

/// A type that fields have.
trait Field {
    /// What a value must be.
    const MUST: &str;

    /// Whether it is that.
    fn is(value: &Value) -> bool;
}

impl Field for u64 {
    const MUST: &str = "must be a whole number from 0 on";

    fn is(value: &Value) -> bool {
        value.is_u64()
    }
}

impl Field for i64 {
    const MUST: &str = "must be a whole number";

    fn is(value: &Value) -> bool {
        value.is_i64()
    }
}

impl Field for String {
    const MUST: &str = "must be a string";

    fn is(value: &Value) -> bool {
        value.is_string()
    }
}

impl Field for bool {
    const MUST: &str = "must be true or false";

    fn is(value: &Value) -> bool {
        value.is_boolean()
    }
}

impl Field for Vec<String> {
    const MUST: &str = "must be a list of strings";

    fn is(value: &Value) -> bool {
        value.as_array().is_some_and(|list| list.iter().all(Value::is_string))
    }
}

impl Line {
    /// Reads a line. The error names a field where one is wrong, and never has a text of the line in it.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, InvalidField> {
        let whole = |reason: String| InvalidField::new("line", reason);
        let text = str::from_utf8(bytes)
            .map_err(|error| whole(format!("is not UTF-8, from byte {} on", error.valid_up_to() + 1)))?;
        serde_json::from_str(text).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => wrong_field(text).unwrap_or_else(|| {
                let is_doubled = error.to_string().starts_with("duplicate field");
                whole(if is_doubled { "has a field twice".into() } else { "must be an object".into() })
            }),
            serde_json::error::Category::Eof => whole("ends too early".into()),
            serde_json::error::Category::Syntax | serde_json::error::Category::Io => {
                whole(format!("is not well-formed JSON, at column {}", error.column()))
            }
        })
    }

    /// Whether this program reads a version of the format.
    pub(super) fn reads_version(version: u64) -> bool {
        (1..=VERSION).contains(&version)
    }

    /// The version of the format, from a first line that may be of another version.
    pub(super) fn version(bytes: &[u8]) -> Option<u64> {
        serde_json::from_slice::<Value>(bytes).ok()?.get("version")?.as_u64()
    }

    /// Writes the line, with its end.
    pub(super) fn append_to(&self, buffer: &mut Vec<u8>) -> Result<(), serde_json::Error> {
        serde_json::to_writer(&mut *buffer, self)?;
        buffer.push(b'\n');
        Ok(())
    }

    /// A field that is left when all that the kind has were taken.
    pub(super) fn refuse_rest(&self) -> Result<(), InvalidField> {
        if *self == Self::default() {
            return Ok(());
        }
        let rest = serde_json::to_value(self).ok();
        let rest = rest.as_ref().and_then(Value::as_object).and_then(|rest| rest.keys().next().cloned());
        Err(InvalidField::new(rest.unwrap_or_default(), "does not belong into a line of this type"))
    }
}

/// What is wrong with the fields of an object; `None` if it is none, or nothing is.
fn wrong_field(text: &str) -> Option<InvalidField> {
    let value: Value = serde_json::from_str(text).ok()?;
    for (name, value) in value.as_object()? {
        if name == "type" {
            if serde_json::from_value::<Kind>(value.clone()).is_err() {
                return Some(InvalidField::new("type", "is not known"));
            }
            continue;
        }
        match FIELDS.iter().find(|(field, ..)| field == name) {
            Some((_, _, is)) if is(value) => {}
            Some((field, must, _)) => return Some(InvalidField::new(*field, *must)),
            None => return Some(InvalidField::new(shown(name), "is not known")),
        }
    }
    None
}

/// A field's name that is not ours, as far as it can be shown.
fn shown(name: &str) -> String {
    let is_plain = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
    let plain: String = name.chars().take(64).filter(is_plain).collect();
    if plain.is_empty() { "a field".to_owned() } else { plain }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(line: &[u8]) -> String {
        Line::parse(line).unwrap_err().to_string()
    }

    #[test]
    fn errors_name_the_field_and_never_the_text() {
        let cases: [(&[u8], &str); 14] = [
            (br#"{"type":"pin","seq":"SECRET"}"#, "seq: must be a whole number from 0 on"),
            (br#"{"type":"pin","seq":-1}"#, "seq: must be a whole number from 0 on"),
            (br#"{"type":"pin","seq":1.0}"#, "seq: must be a whole number from 0 on"),
            (br#"{"type":"pin","mentions":["SECRET",1]}"#, "mentions: must be a list of strings"),
            (br#"{"type":"SECRET"}"#, "type: is not known"),
            (br#"{"type":"pin","cuont":1}"#, "cuont: is not known"),
            (br#"{"type":"pin","\u001b[2J":1}"#, "2J: is not known"),
            (br#"{"type":"pin","seq":1,"seq":2}"#, "line: has a field twice"),
            (br#"["SECRET"]"#, "line: must be an object"),
            (br#"{"type":"pin","content":"SECRET\ud800"}"#, "line: is not well-formed JSON, at column 38"),
            (b"", "line: ends too early"),
            (br#"{"type":"message","content":"SECR"#, "line: ends too early"),
            (b"{\"content\":\"\xff\"}", "line: is not UTF-8, from byte 13 on"),
            (b"SECRET", "line: is not well-formed JSON, at column 1"),
        ];
        for (line, expected) in cases {
            let said = refused(line);
            assert!(!said.contains("SECRET"), "{said}");
            assert_eq!(said, expected);
        }
        refused(b"{\"content\":\"a\0b\"}");
    }

    #[test]
    fn the_type_comes_first() {
        let line = Line { kind: Some(Kind::MessageDeleted), seq: Some(1), ..Line::default() };
        let mut bytes = Vec::new();
        line.append_to(&mut bytes).unwrap();
        assert_eq!(bytes, b"{\"type\":\"message_deleted\",\"seq\":1}\n");
        assert_eq!(Line::parse(bytes.trim_ascii_end()), Ok(line));
    }
}

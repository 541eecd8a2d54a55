//! What texts may be, as regular expressions for the document. The engine does not read them: it has the same rules in code,
//! and clients that are generated from the document are tried against it.

/// Names of at most so many characters: no control characters and nothing that turns the direction of what follows, and
/// something to see first. White space around them is not theirs, and does not count.
macro_rules! name {
    ($more:literal) => {
        concat!(
            r"^[\u0009-\u000D\u0020\u0085\u00A0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000]*",
            r"[^\u0000-\u0020\u007F-\u00A0\u00AD\u1680\u2000-\u200F\u2028-\u202F\u205F-\u2064\u2066-\u2069\u3000\uFEFF]",
            r"[^\u0000-\u001F\u007F-\u009F\u202A-\u202E\u2066-\u2069]{0,",
            $more,
            r"}[\u0009-\u000D\u0020\u0085\u00A0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000]*$",
        )
    };
}

/// Names of rooms: 1–100 characters.
pub(crate) const ROOM_NAME: &str = name!("99");

/// Names of users: 1–64 characters.
pub(crate) const USER_NAME: &str = name!("63");

/// Where a page of rooms begins.
pub(crate) const CURSOR: &str = "^(0|[1-9][0-9]{0,14})$";

/// Topics: no control characters but line breaks and tabs, and nothing that turns the direction of what follows.
pub(crate) const TOPIC: &str = r"^[^\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F\u202A-\u202E\u2066-\u2069]*$";

/// Messages: anything but U+0000, and something to see.
pub(crate) const CONTENT: &str = concat!(
    r"^[^\u0000]*",
    r"[^\u0000\u0009-\u000D\u0020\u0085\u00A0\u00AD\u1680\u2000-\u200F\u2028\u2029\u202F\u205F-\u2064\u3000\uFEFF]",
    r"[^\u0000]*$",
);

/// Any text that is one.
pub(crate) const TEXT: &str = r"^[^\u0000]*$";

/// Idempotency keys.
pub(crate) const KEY: &str = "^[!-~]{1,64}$";

/// Ids of server-sent events: positions.
pub(crate) const EVENT_ID: &str = "^[!-~]+:(0|[1-9][0-9]{0,14})$";

/// The pattern of a field of a request, by its name.
pub(crate) fn of(field: &str) -> Option<&'static str> {
    match field {
        "name" => Some(ROOM_NAME),
        "topic" => Some(TOPIC),
        "content" => Some(CONTENT),
        "key" => Some(KEY),
        _ => None,
    }
}

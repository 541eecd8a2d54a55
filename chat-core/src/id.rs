//! Names of things: rooms, users, events, sessions, commands.

use std::{fmt, sync::Arc};

use crate::InvalidField;

/// A room. Given by the database, never given twice, at most 2^53 − 1.
///
/// ```
/// use chat_core::RoomId;
///
/// let room = RoomId::try_from(7_i64)?; // as a column of yours has it
/// assert_eq!((room.to_string(), "7".parse()), ("7".to_owned(), Ok(room)));
/// assert!(RoomId::try_from(0).is_err() && "seven".parse::<RoomId>().is_err());
/// # Ok::<(), chat_core::InvalidField>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoomId(pub u64);

/// The number of an event in its room's log: 1, 2, 3 … without a hole. 0 means "before the first".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Seq(pub u64);

impl Seq {
    /// The greatest number there can be, of events and of rooms: clients count in doubles.
    pub(crate) const MAX: Self = Self((1 << 53) - 1);

    /// The number after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// A user, as the host names them: opaque, 1–256 bytes, compared byte for byte.
///
/// ```
/// use std::collections::HashMap;
/// use chat_core::UserId;
///
/// let alice: UserId = "user:4711".parse()?;
/// let plans = HashMap::from([(alice.clone(), "paid")]);
/// assert_eq!(plans.get("user:4711"), Some(&"paid")); // looked up by the text
/// assert_eq!(alice.to_string(), "user:4711");
/// assert!("".parse::<UserId>().is_err());
/// # Ok::<(), chat_core::InvalidField>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(Arc<str>);

impl UserId {
    /// Takes the host's own id for a user.
    ///
    /// # Errors
    /// [`InvalidField`] when it is empty, longer than 256 bytes, or contains U+0000.
    pub fn new(id: &str) -> Result<Self, InvalidField> {
        if id.is_empty() || id.len() > 256 {
            return Err(InvalidField::new("user", "must be 1 to 256 bytes"));
        }
        if id.contains('\0') {
            return Err(InvalidField::new("user", "must not contain U+0000"));
        }
        Ok(Self(id.into()))
    }

    /// Whether it begins with `erased:`, as the ids do that stand for users who were erased: nobody may act under it.
    #[must_use]
    pub fn is_reserved(&self) -> bool {
        self.0.starts_with(ERASED)
    }

    /// The id that stands for a user who was erased.
    #[must_use]
    pub fn of_erased(random: u128) -> Self {
        Self(format!("{ERASED}{random:032x}").into())
    }

    /// The id as the host gave it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// An id that was checked when it was stored.
    #[must_use]
    pub fn from_stored(id: &str) -> Self {
        Self(id.into())
    }
}

/// What reserved ids begin with.
const ERASED: &str = "erased:";

/// What makes a retry recognisable: 1–64 visible ASCII characters, chosen by the sender, taken as they are.
///
/// Any unique key is right; time-ordered ones (`UUIDv7`) keep the database's index compact and are the fastest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdempotencyKey(Arc<str>);

impl IdempotencyKey {
    /// Checks a key.
    ///
    /// # Errors
    /// [`InvalidField`] unless it is 1–64 characters from `!` to `~`.
    pub fn new(key: &str) -> Result<Self, InvalidField> {
        let visible = key.bytes().all(|byte| byte.is_ascii_graphic());
        if key.is_empty() || key.len() > 64 || !visible {
            return Err(InvalidField::new("key", "must be 1 to 64 visible ASCII characters"));
        }
        Ok(Self(key.into()))
    }

    /// The key as the sender gave it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One live session of one user. Unique within an engine, never reused, not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub u64);

/// A submitted command of a session; its answer carries the same ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

macro_rules! display_inner {
    ($($name:ty),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    )*};
}
display_inner!(RoomId, Seq, UserId, IdempotencyKey, SessionId, Ticket);

//! A search, and what it finds.

use super::TextQuery;
use crate::{InvalidField, MessageState, RoomId, Seq, Timestamp, UserId};

/// Which messages to look for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchQuery {
    /// What their text has to have.
    pub text: TextQuery,
    /// Only those of this room.
    pub room: Option<RoomId>,
    /// Only those that this user wrote.
    pub author: Option<UserId>,
    /// At most this many, 1–100.
    pub limit: usize,
    /// Only those behind this (the `next` of the page before).
    pub after: Option<SearchCursor>,
}

impl SearchQuery {
    /// The newest 20 messages with these words, in any room.
    ///
    /// # Errors
    /// [`InvalidField`] (`q`): see [`TextQuery::parse`].
    pub fn new(words: &str) -> Result<Self, InvalidField> {
        Ok(Self { text: TextQuery::parse(words)?, room: None, author: None, limit: 20, after: None })
    }
}

/// Where a message stands among those that were found: they are ordered by this, the highest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SearchCursor {
    /// Its time.
    pub at: Timestamp,
    /// Its room.
    pub room: RoomId,
    /// Its number there.
    pub seq: Seq,
}

/// A page of what was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchPage {
    /// The messages as they are now, the newest first.
    pub messages: Vec<MessageState>,
    /// Where the next page begins, if there is one. A page may be short and have a next one.
    pub next: Option<SearchCursor>,
    /// Whether nothing was left out: all rooms that were searched are in the index up to their heads, and no limit was
    /// reached.
    pub complete: bool,
}

/// How many messages with a term are looked at for one page. There are more only for words that stand nearly everywhere.
pub const MAX_CANDIDATES: usize = 10_000;

/// A room whose newest messages are not in the index yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unindexed {
    /// The room.
    pub room: RoomId,
    /// How many events of its log are not.
    pub events: u64,
}

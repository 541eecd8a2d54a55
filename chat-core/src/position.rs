//! Where someone stands in a room's log.

use std::{fmt, sync::Arc};

use crate::Seq;

/// A random word stored with the database. It changes only when history may have been lost (a restored backup).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(Arc<str>);

impl Epoch {
    /// An epoch as a client or the database names it.
    #[must_use]
    pub fn new(word: &str) -> Self {
        Self(word.into())
    }

    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Up to where someone has everything.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Position {
    /// Of which history.
    pub epoch: Epoch,
    /// The last event they have; 0 for none.
    pub seq: Seq,
}

/// From where a subscription begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Since {
    /// With the next event.
    Now,
    /// With the event after this position: the gap first, then live.
    Position(Position),
    /// The same for someone who did not keep the epoch: only the number counts.
    Seq(Seq),
}

//! What happens in all rooms, in one order: where somebody stands in it, and pages of it.

use std::{fmt, str::FromStr, sync::Arc};

use crate::{Epoch, Event, InvalidField, Room, RoomId, Seq, Timestamp};

/// Where someone stands in the events of all rooms: up to where they have everything.
///
/// It stays good for as long as the database keeps its history: across restarts, and whichever engine is asked. As a text, it is
/// the epoch and the two numbers with a `.` between them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct LogCursor {
    /// Of which history.
    pub epoch: Epoch,
    /// The number of the piece of a room's log that was read last. Pieces of all rooms are numbered 1, 2, 3 … without a hole.
    pub pos: u64,
    /// The last event of that piece that was read; 0: that the room was made.
    pub seq: Seq,
}

impl fmt::Display for LogCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.epoch, self.pos, self.seq)
    }
}

impl FromStr for LogCursor {
    type Err = InvalidField;

    /// # Errors
    /// If it is not as [`Display`](fmt::Display) writes it.
    fn from_str(text: &str) -> Result<Self, InvalidField> {
        let read = || {
            let mut parts = text.rsplitn(3, '.');
            let (seq, pos, epoch) = (parts.next()?, parts.next()?, parts.next()?);
            let cursor = Self { epoch: Epoch::new(epoch), pos: pos.parse().ok()?, seq: Seq(seq.parse().ok()?) };
            // Only what the engine has written is one.
            (text.len() <= MAX_CURSOR_BYTES && cursor.to_string() == text && is_stored(&cursor)).then_some(cursor)
        };
        read().ok_or(InvalidField { field: "after".into(), reason: "must be a cursor as it was given".into() })
    }
}

/// The longest text that can be a cursor.
const MAX_CURSOR_BYTES: usize = 256;

/// Whether a database has such numbers.
fn is_stored(cursor: &LogCursor) -> bool {
    cursor.pos <= i64::MAX.unsigned_abs() && cursor.seq.0 <= i64::MAX.unsigned_abs()
}

/// Some of what has happened in all rooms.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct TailPage {
    /// In the order of all rooms, which never changes.
    pub entries: Vec<TailEntry>,
    /// After which to go on; `None` as long as nothing has happened at all. It may be further on than the last entry, since pruned
    /// and removed events are passed over.
    pub next: Option<LogCursor>,
    /// Whether there was more. Without more, the page has everything that was answered before it was asked for.
    pub has_more: bool,
}

/// Something that has happened in a room.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct TailEntry {
    /// Where it stands. Whoever has it goes on after this.
    pub cursor: LogCursor,
    /// In which room.
    pub room: RoomId,
    /// What it is.
    pub item: TailItem,
}

/// What has happened in a room.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum TailItem {
    /// The room was made, or imported. It comes before its events.
    RoomCreated {
        /// The room as it is *now*; `None` if it is gone.
        room: Option<Box<Room>>,
    },
    /// An event as the room's log has it. The last one of a room is [`RoomDeleted`](crate::EventKind::RoomDeleted); it comes
    /// even if the events of the room are removed already, and then nobody did it.
    Event(Arc<Event>),
}

/// A piece of a room's log, as it stands in the order of all rooms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TailRange {
    /// Where: 1, 2, 3 … without a hole.
    pub pos: u64,
    /// The room.
    pub room: RoomId,
    /// Its first event; 0: that the room was made, and the events from the first one on.
    pub from: Seq,
    /// Its last one.
    pub to: Seq,
    /// When the room was deleted, if that is its last one.
    pub deleted_at: Option<Timestamp>,
}

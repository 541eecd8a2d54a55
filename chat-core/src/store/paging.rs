//! How a page of history lies in a room's log. Shared by every store, so that all cut their pages alike.

use crate::{Epoch, Event, HistoryFrom, HistoryPage, HistoryQuery, Room, RoomPage, Seq};

/// What was read of a room before its rows: the page shows the log as it was then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Snapshot {
    /// Its newest event.
    pub(super) head: Seq,
    /// How many messages it has.
    pub(super) messages: u64,
}

/// The rows that make up a page: those nearest to an edge, on one side of it or on both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    /// Messages up to `head` and before `edge` go into `before`, the others into `after`.
    pub(super) edge: Seq,
    /// How many messages before the edge.
    pub(super) before: usize,
    /// How many from the edge on.
    pub(super) after: usize,
}

impl Window {
    /// The window of a page.
    pub(super) fn of(page: HistoryQuery, head: Seq) -> Self {
        match page.from {
            HistoryFrom::Newest => Self { edge: head.next(), before: page.limit, after: 0 },
            HistoryFrom::Before(seq) => Self { edge: seq.min(head.next()), before: page.limit, after: 0 },
            HistoryFrom::After(seq) => Self { edge: seq.min(head).next(), before: 0, after: page.limit },
            HistoryFrom::Around(seq) => {
                let before = page.limit / 2;
                Self { edge: seq.min(head.next()), before, after: page.limit - before }
            }
        }
    }
}

/// Puts a page together from its messages, oldest first. The ordinals tell whether there are others: messages are
/// counted and never taken out of a living room.
pub(super) fn finish(page: HistoryQuery, epoch: Epoch, snapshot: Snapshot, messages: Vec<Event>) -> HistoryPage {
    let ordinal = |event: Option<&Event>| event.and_then(Event::message).map(|message| message.ordinal);
    let any = snapshot.messages > 0;
    // An empty page lies beyond one end of the log: everything is on its other side.
    let has_before = ordinal(messages.first())
        .map_or(any && matches!(page.from, HistoryFrom::After(_) | HistoryFrom::Around(_)), |first| first > 1);
    let has_after = ordinal(messages.last())
        .map_or(any && matches!(page.from, HistoryFrom::Before(_)), |last| last < snapshot.messages);
    HistoryPage { messages, head: snapshot.head, epoch, has_before, has_after }
}

/// Puts a page of rooms together from those found: one more than the page holds tells that there are others.
pub(super) fn finish_rooms(mut rooms: Vec<Room>, limit: usize) -> RoomPage {
    let has_more = rooms.len() > limit;
    rooms.truncate(limit);
    let next = rooms.last().filter(|_| has_more).map(|room| room.id);
    RoomPage { rooms, next }
}

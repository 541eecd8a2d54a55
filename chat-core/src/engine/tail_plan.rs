//! What of the pieces of logs makes a page of what happens in all rooms.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    Epoch, Event, EventKind, LogCursor, Room, RoomId, Seq, TailEntry, TailItem, append::StoredEvent, tail::TailRange,
};

/// What of some ranges makes a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TailPlan {
    /// The ranges without what was read before, and without what is too much.
    pub(super) parts: Vec<TailRange>,
    /// Whether there is more behind them.
    pub(super) has_more: bool,
}

impl TailPlan {
    /// What makes a page of at most `limit` entries behind `after`, of ranges from its position on: of one more than `limit`, if there
    /// are so many.
    pub(super) fn new(after: Option<&LogCursor>, ranges: Vec<TailRange>, limit: usize) -> Self {
        let mut left = u64::try_from(limit).unwrap_or(u64::MAX);
        let (mut parts, mut has_more) = (Vec::new(), ranges.len() > limit);
        for mut range in ranges {
            if let Some(after) = after.filter(|after| after.pos == range.pos) {
                range.from = range.from.max(after.seq.next());
            }
            if range.from > range.to {
                continue;
            }
            if left == 0 {
                has_more = true;
                break;
            }
            let last = Seq(range.from.0.saturating_add(left - 1));
            if last < range.to {
                has_more = true;
                range.to = last;
                range.deleted_at = None;
            }
            left -= range.to.0 - range.from.0 + 1;
            parts.push(range);
        }
        Self { parts, has_more }
    }

    /// What one room has from one entry up to another, of its ranges between them: of one more than `limit`, if there are so many.
    pub(super) fn of_room(from: &LogCursor, to: &LogCursor, mut ranges: Vec<TailRange>, limit: usize) -> Self {
        for range in &mut ranges {
            if range.pos == from.pos {
                range.from = range.from.max(from.seq);
            }
            if range.pos == to.pos && to.seq < range.to {
                range.to = to.seq;
                range.deleted_at = None;
            }
        }
        Self::new(None, ranges, limit)
    }

    /// The rooms that are told of as made.
    pub(super) fn created(&self) -> Vec<RoomId> {
        self.parts.iter().filter(|part| part.from.0 == 0).map(|part| part.room).collect()
    }

    /// The entries, with what is left of the events of its parts, and the rooms that were made as they are.
    pub(super) fn entries(&self, epoch: &Epoch, events: Vec<StoredEvent>, rooms: Vec<Room>) -> Vec<TailEntry> {
        let events: BTreeMap<_, _> =
            events.into_iter().map(|stored| ((stored.event.room, stored.event.seq), stored.event)).collect();
        let mut rooms: BTreeMap<_, _> = rooms.into_iter().map(|room| (room.id, room)).collect();
        let mut entries = Vec::new();
        for part in &self.parts {
            let entry = |seq: Seq, item| TailEntry {
                cursor: LogCursor { epoch: epoch.clone(), pos: part.pos, seq },
                room: part.room,
                item,
            };
            if part.from.0 == 0 {
                let room = rooms.remove(&part.room).map(Box::new);
                entries.push(entry(Seq(0), TailItem::RoomCreated { room }));
            }
            let left = events.range((part.room, part.from)..=(part.room, part.to));
            entries.extend(left.map(|((_, seq), event)| entry(*seq, TailItem::Event(Arc::clone(event)))));
            if let Some(at) = part.deleted_at.filter(|_| !events.contains_key(&(part.room, part.to))) {
                let kind = EventKind::RoomDeleted;
                let event = Event { room: part.room, seq: part.to, at, actor: None, key: None, kind };
                entries.push(entry(part.to, TailItem::Event(Arc::new(event))));
            }
        }
        entries
    }

    /// Where the page ends; `None` if nothing is in it.
    pub(super) fn end(&self, epoch: &Epoch) -> Option<LogCursor> {
        self.parts.last().map(|part| LogCursor { epoch: epoch.clone(), pos: part.pos, seq: part.to })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_is_read_from_one_entry_up_to_another() {
        let at = |pos, seq| LogCursor { epoch: Epoch::new("e"), pos, seq: Seq(seq) };
        let range = |pos, from, to, deleted_at: Option<i64>| TailRange {
            pos,
            room: RoomId(1),
            from: Seq(from),
            to: Seq(to),
            deleted_at: deleted_at.map(crate::Timestamp),
        };
        let ranges = || vec![range(3, 0, 4, None), range(7, 5, 9, Some(1))];
        let parts = |from, to, limit| TailPlan::of_room(&from, &to, ranges(), limit);
        let all = TailPlan { parts: ranges(), has_more: false };
        assert_eq!(parts(at(3, 0), at(7, 9), 100), all);
        assert_eq!(parts(at(3, 0), at(8, 0), 100), all, "the end is a place of another room");
        let some = vec![range(3, 2, 4, None), range(7, 5, 6, None)];
        assert_eq!(
            parts(at(3, 2), at(7, 6), 100),
            TailPlan { parts: some, has_more: false },
            "no more than was taken up"
        );
        let first = vec![range(3, 2, 4, None), range(7, 5, 5, None)];
        assert_eq!(parts(at(3, 2), at(7, 6), 4), TailPlan { parts: first, has_more: true });
        assert_eq!(parts(at(3, 5), at(7, 9), 100).parts, [range(7, 5, 9, Some(1))], "behind the last one of a piece");
    }
}

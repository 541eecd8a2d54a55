//! The log in memory, with a bug around it.

use std::ops::{Deref, DerefMut};

use crate::{
    Room, RoomId, Seq,
    append::{AppendOutcome, Lookup, Op, Recovered, RoomBatch, StoredEvent},
    mutations::{Bug, LogMutation},
    store::MemoryLog,
};

/// A [`MemoryLog`] as the engine sees it. Without a bug it is the log.
#[derive(Debug)]
pub(super) struct MutatedLog {
    log: MemoryLog,
    mutation: LogMutation,
}

impl Deref for MutatedLog {
    type Target = MemoryLog;

    fn deref(&self) -> &MemoryLog {
        &self.log
    }
}

impl DerefMut for MutatedLog {
    fn deref_mut(&mut self) -> &mut MemoryLog {
        &mut self.log
    }
}

impl MutatedLog {
    pub(super) const fn new(bug: Option<Bug>, log: MemoryLog) -> Self {
        Self { log, mutation: LogMutation::new(bug, 0) }
    }

    /// The log itself, for another process, which has no bug.
    pub(super) const fn foreign(&mut self) -> &mut MemoryLog {
        &mut self.log
    }

    /// The process ends, and starts anew.
    pub(super) fn restart(&mut self) {
        self.mutation.restart();
    }

    pub(super) fn append(&mut self, batch: &[RoomBatch]) -> Vec<Option<Vec<AppendOutcome>>> {
        for RoomBatch { room, entries } in batch {
            if entries.iter().any(|entry| matches!(entry.op, Op::UpdateRoom(_)))
                && let Some(room) = self.log.room(*room)
            {
                self.mutation.renaming(room);
            }
        }
        let placed = self.log.append(&self.mutation.batch(batch));
        self.mutation.placed(batch, placed)
    }

    pub(super) fn recover(&self, id: RoomId, keys: &[Lookup]) -> Option<Recovered> {
        let found = self.log.recover(id, &self.mutation.lookups(keys))?;
        let stored = |event| self.mutation.stored(event);
        Some(Recovered { found: found.found.into_iter().map(stored).collect(), ..found })
    }

    pub(super) fn events_after(&self, id: RoomId, after: Seq, limit: usize) -> Vec<StoredEvent> {
        let events = self.log.events_after(id, after, limit);
        events.into_iter().map(|event| self.mutation.stored(event)).collect()
    }

    pub(super) fn room(&self, id: RoomId) -> Option<Room> {
        self.log.room(id).map(|room| self.mutation.room(room))
    }
}

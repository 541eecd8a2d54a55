//! The order of what happens in all rooms, in memory.

use async_trait::async_trait;

use super::{MemoryLog, MemoryStore, RoomLog};
use crate::{
    Room, RoomId, Seq,
    append::StoredEvent,
    store::{StoreError, Tail},
    tail::TailRange,
};

impl MemoryLog {
    /// See [`Tail::begin`].
    pub fn begin_tail(&mut self) {
        self.tail.get_or_insert_default();
    }

    /// See [`Tail::extend`].
    pub fn extend_tail(&mut self, rooms: impl IntoIterator<Item = RoomId>) {
        let Some(tail) = &mut self.tail else { return };
        let mut rooms: Vec<_> = rooms.into_iter().collect();
        rooms.sort_unstable();
        for room in rooms {
            let Some(log) = self.rooms.get_mut(&room).filter(|log| log.is_behind()) else { continue };
            let (from, to) = (log.told.map_or(Seq(0), Seq::next), log.room.head);
            let deleted_at = log.events.get(&to).map(|stored| stored.event.at).filter(|_| log.is_deleted);
            log.told = Some(to);
            tail.push(TailRange { pos: tail.len() as u64 + 1, room, from, to, deleted_at });
        }
    }
}

impl RoomLog {
    fn is_behind(&self) -> bool {
        !self.is_importing && self.told.is_none_or(|told| told < self.room.head)
    }
}

#[async_trait]
impl Tail for MemoryStore {
    async fn begin(&self) -> Result<(), StoreError> {
        self.log().begin_tail();
        Ok(())
    }

    async fn is_begun(&self) -> Result<bool, StoreError> {
        Ok(self.log().tail.is_some())
    }

    async fn behind(&self, after: Option<RoomId>, limit: usize) -> Result<Vec<RoomId>, StoreError> {
        let log = self.log();
        let behind = log.rooms.values().filter(|log| log.is_behind()).map(|log| log.room.id);
        Ok(behind.filter(|room| after.is_none_or(|after| *room > after)).take(limit).collect())
    }

    async fn extend(&self, rooms: &[RoomId]) -> Result<(), StoreError> {
        self.log().extend_tail(rooms.iter().copied());
        Ok(())
    }

    async fn ranges(&self, from: u64, limit: usize) -> Result<Vec<TailRange>, StoreError> {
        let log = self.log();
        Ok(log.tail.iter().flatten().filter(|range| range.pos >= from).take(limit).cloned().collect())
    }

    async fn last(&self) -> Result<Option<TailRange>, StoreError> {
        Ok(self.log().tail.iter().flatten().last().cloned())
    }

    async fn ranges_of(&self, room: RoomId, from: u64, to: u64, limit: usize) -> Result<Vec<TailRange>, StoreError> {
        let log = self.log();
        let of = log.tail.iter().flatten().filter(|range| range.room == room && (from..=to).contains(&range.pos));
        Ok(of.take(limit).cloned().collect())
    }

    async fn events(&self, parts: &[(RoomId, Seq, Seq)]) -> Result<Vec<StoredEvent>, StoreError> {
        let log = self.log();
        let of = |(room, from, to): &(RoomId, Seq, Seq)| {
            let log = log.rooms.get(room)?;
            Some(log.events.range(*from..=*to).map(|(_, stored)| stored.clone()))
        };
        Ok(parts.iter().filter_map(of).flatten().collect())
    }

    async fn rooms(&self, ids: &[RoomId]) -> Result<Vec<Room>, StoreError> {
        let log = self.log();
        Ok(ids.iter().filter_map(|id| log.room(*id)).collect())
    }
}

//! The order of what happens in all rooms, by a store with a bug around it.

use std::sync::atomic::Ordering;

use async_trait::async_trait;

use super::{Bug, MutatedStore};
use crate::{
    Room, RoomId, Seq,
    append::StoredEvent,
    store::{StoreError, Tail},
    tail::TailRange,
};

#[async_trait]
impl Tail for MutatedStore {
    async fn begin(&self) -> Result<(), StoreError> {
        self.within().tail().begin().await
    }

    async fn is_begun(&self) -> Result<bool, StoreError> {
        self.within().tail().is_begun().await
    }

    async fn behind(&self, after: Option<RoomId>, limit: usize) -> Result<Vec<RoomId>, StoreError> {
        self.within().tail().behind(after, limit).await
    }

    async fn extend(&self, rooms: &[RoomId]) -> Result<(), StoreError> {
        if self.bug() == Some(Bug::FeedBehind) && self.extended.fetch_add(1, Ordering::Relaxed).is_multiple_of(ONE_IN) {
            return Ok(());
        }
        self.within().tail().extend(rooms).await
    }

    async fn ranges(&self, from: u64, limit: usize) -> Result<Vec<TailRange>, StoreError> {
        self.within().tail().ranges(from, limit).await
    }

    async fn last(&self) -> Result<Option<TailRange>, StoreError> {
        self.within().tail().last().await
    }

    async fn ranges_of(&self, room: RoomId, from: u64, to: u64, limit: usize) -> Result<Vec<TailRange>, StoreError> {
        self.within().tail().ranges_of(room, from, to, limit).await
    }

    async fn events(&self, parts: &[(RoomId, Seq, Seq)]) -> Result<Vec<StoredEvent>, StoreError> {
        let mut events = self.within().tail().events(parts).await?;
        if self.bug() == Some(Bug::FeedLeavesOut) {
            events.retain(|stored| !stored.event.seq.0.is_multiple_of(ONE_IN));
        }
        Ok(events)
    }

    async fn rooms(&self, ids: &[RoomId]) -> Result<Vec<Room>, StoreError> {
        self.within().tail().rooms(ids).await
    }
}

const ONE_IN: u64 = 7;

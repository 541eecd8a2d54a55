//! The order of what happens in all rooms, by a store that fails as told.

use async_trait::async_trait;

use super::{FaultyStore, StoreCall};
use crate::{
    Room, RoomId, Seq,
    append::StoredEvent,
    store::{StoreError, Tail},
    tail::TailRange,
};

#[async_trait]
impl Tail for FaultyStore {
    async fn begin(&self) -> Result<(), StoreError> {
        self.run(StoreCall::ExtendTail, self.inner().tail().begin()).await
    }

    async fn is_begun(&self) -> Result<bool, StoreError> {
        self.run(StoreCall::ReadTail, self.inner().tail().is_begun()).await
    }

    async fn behind(&self, after: Option<RoomId>, limit: usize) -> Result<Vec<RoomId>, StoreError> {
        self.run(StoreCall::ReadTail, self.inner().tail().behind(after, limit)).await
    }

    async fn extend(&self, rooms: &[RoomId]) -> Result<(), StoreError> {
        self.run(StoreCall::ExtendTail, self.inner().tail().extend(rooms)).await
    }

    async fn ranges(&self, from: u64, limit: usize) -> Result<Vec<TailRange>, StoreError> {
        self.run(StoreCall::ReadTail, self.inner().tail().ranges(from, limit)).await
    }

    async fn last(&self) -> Result<Option<TailRange>, StoreError> {
        self.run(StoreCall::ReadTail, self.inner().tail().last()).await
    }

    async fn ranges_of(&self, room: RoomId, from: u64, to: u64, limit: usize) -> Result<Vec<TailRange>, StoreError> {
        self.run(StoreCall::ReadTail, self.inner().tail().ranges_of(room, from, to, limit)).await
    }

    async fn events(&self, parts: &[(RoomId, Seq, Seq)]) -> Result<Vec<StoredEvent>, StoreError> {
        self.run(StoreCall::ReadTail, self.inner().tail().events(parts)).await
    }

    async fn rooms(&self, ids: &[RoomId]) -> Result<Vec<Room>, StoreError> {
        self.run(StoreCall::ReadTail, self.inner().tail().rooms(ids)).await
    }
}

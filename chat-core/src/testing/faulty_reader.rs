//! The reads of a store that fails as told.

use async_trait::async_trait;

use super::{FaultyStore, StoreCall};
use crate::{
    Activity, HistoryPage, HistoryQuery, MarkPage, MessageState, MessageVersion, MyRoomPage, MyRoomQuery, Notify,
    PinnedMessages, ReactorPage, RoomId, Seq, UserId,
    store::{Found, Reader, StoreError, Viewer},
};

impl FaultyStore {
    fn reads(&self) -> &dyn Reader {
        self.inner().reader()
    }
}

#[async_trait]
impl Reader for FaultyStore {
    async fn message(
        &self,
        room: RoomId,
        seq: Seq,
        viewer: Option<&UserId>,
    ) -> Result<Found<(MessageState, Seq)>, StoreError> {
        self.run(StoreCall::Read, self.reads().message(room, seq, viewer)).await
    }

    async fn versions(&self, room: RoomId, seq: Seq) -> Result<Found<Vec<MessageVersion>>, StoreError> {
        self.run(StoreCall::Read, self.reads().versions(room, seq)).await
    }

    async fn reactors(
        &self,
        room: RoomId,
        seq: Seq,
        after: Option<Seq>,
        limit: usize,
    ) -> Result<Found<ReactorPage>, StoreError> {
        self.run(StoreCall::Read, self.reads().reactors(room, seq, after, limit)).await
    }

    async fn thread(
        &self,
        room: RoomId,
        root: Seq,
        query: HistoryQuery,
        viewer: Option<&UserId>,
    ) -> Result<Found<HistoryPage>, StoreError> {
        self.run(StoreCall::Read, self.reads().thread(room, root, query, viewer)).await
    }

    async fn pins(&self, room: RoomId, viewer: Option<&UserId>) -> Result<Option<PinnedMessages>, StoreError> {
        self.run(StoreCall::Read, self.reads().pins(room, viewer)).await
    }

    async fn marks(
        &self,
        room: RoomId,
        first: Option<&UserId>,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<Option<MarkPage>, StoreError> {
        self.run(StoreCall::Read, self.reads().marks(room, first, after, limit)).await
    }

    async fn my_rooms(&self, viewer: &Viewer, query: &MyRoomQuery) -> Result<MyRoomPage, StoreError> {
        self.run(StoreCall::Read, self.reads().my_rooms(viewer, query)).await
    }

    async fn set_notify(&self, user: &UserId, room: RoomId, notify: Notify) -> Result<Option<()>, StoreError> {
        self.run(StoreCall::Read, self.reads().set_notify(user, room, notify)).await
    }

    async fn thread_users(&self, room: RoomId, root: Seq, limit: usize) -> Result<Vec<UserId>, StoreError> {
        self.run(StoreCall::Read, self.reads().thread_users(room, root, limit)).await
    }

    async fn activity(&self, rooms: &[RoomId]) -> Result<Vec<Option<Activity>>, StoreError> {
        self.run(StoreCall::Activity, self.reads().activity(rooms)).await
    }
}

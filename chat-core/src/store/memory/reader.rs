//! What has become of messages, in memory.

use async_trait::async_trait;

use super::MemoryStore;
use crate::{
    Activity, HistoryPage, HistoryQuery, MarkPage, MessageState, MessageVersion, MyRoomPage, MyRoomQuery, Notify,
    PinnedMessages, ReactorPage, RoomId, Seq, UserId,
    store::{Found, Reader, StoreError, Viewer},
};

#[async_trait]
impl Reader for MemoryStore {
    async fn message(
        &self,
        room: RoomId,
        seq: Seq,
        viewer: Option<&UserId>,
    ) -> Result<Found<(MessageState, Seq)>, StoreError> {
        Ok(self.log().found(room, |log| Some((log.message_state(seq, viewer)?, log.room.head))))
    }

    async fn versions(&self, room: RoomId, seq: Seq) -> Result<Found<Vec<MessageVersion>>, StoreError> {
        Ok(self.log().found(room, |log| log.versions(seq)))
    }

    async fn reactors(
        &self,
        room: RoomId,
        seq: Seq,
        after: Option<Seq>,
        limit: usize,
    ) -> Result<Found<ReactorPage>, StoreError> {
        Ok(self.log().found(room, |log| log.reactors(seq, after, limit)))
    }

    async fn thread(
        &self,
        room: RoomId,
        root: Seq,
        query: HistoryQuery,
        viewer: Option<&UserId>,
    ) -> Result<Found<HistoryPage>, StoreError> {
        Ok(self.log().thread(room, root, query, viewer))
    }

    async fn pins(&self, room: RoomId, viewer: Option<&UserId>) -> Result<Option<PinnedMessages>, StoreError> {
        Ok(self.log().living(room).map(|log| log.pins(viewer)))
    }

    async fn marks(
        &self,
        room: RoomId,
        first: Option<&UserId>,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<Option<MarkPage>, StoreError> {
        Ok(self.log().living(room).map(|log| log.mark_page(first, after, limit)))
    }

    async fn my_rooms(&self, viewer: &Viewer, query: &MyRoomQuery) -> Result<MyRoomPage, StoreError> {
        Ok(self.log().my_rooms(viewer, query))
    }

    async fn set_notify(&self, user: &UserId, room: RoomId, notify: Notify) -> Result<Option<()>, StoreError> {
        let mut log = self.log();
        let living = log.rooms.get_mut(&room).filter(|log| !log.is_deleted);
        Ok(living.map(|log| {
            log.state.notify.insert(user.clone(), notify);
        }))
    }

    async fn thread_users(&self, room: RoomId, root: Seq, limit: usize) -> Result<Vec<UserId>, StoreError> {
        Ok(self.log().living(room).map(|log| log.thread_users(root, limit)).unwrap_or_default())
    }

    async fn activity(&self, rooms: &[RoomId]) -> Result<Vec<Option<Activity>>, StoreError> {
        let log = self.log();
        Ok(rooms.iter().map(|room| log.activity(*room)).collect())
    }
}

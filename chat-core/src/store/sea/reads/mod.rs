//! What has become of messages, and what users have read: each read is one snapshot.

use async_trait::async_trait;

use super::{
    SeaStore,
    run::{Write, in_snapshot},
};
use crate::{
    Activity, HistoryPage, HistoryQuery, MarkPage, MessageState, MessageVersion, MyRoomPage, MyRoomQuery, Notify,
    PinnedMessages, ReactorPage, RoomId, Seq, UserId,
    store::{Found, Reader, StoreError, Viewer},
};

mod marks;
mod messages;
mod my_rooms;
#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests;
mod threads;

pub(super) use marks::{notify, notify_value};

#[async_trait]
impl Reader for SeaStore {
    async fn message(
        &self,
        room: RoomId,
        seq: Seq,
        viewer: Option<&UserId>,
    ) -> Result<Found<(MessageState, Seq)>, StoreError> {
        let viewer = viewer.cloned();
        in_snapshot!(self.readers, |run| messages::one(run, room, seq, viewer.as_ref()))
    }

    async fn versions(&self, room: RoomId, seq: Seq) -> Result<Found<Vec<MessageVersion>>, StoreError> {
        in_snapshot!(self.readers, |run| messages::versions(run, room, seq))
    }

    async fn reactors(
        &self,
        room: RoomId,
        seq: Seq,
        after: Option<Seq>,
        limit: usize,
    ) -> Result<Found<ReactorPage>, StoreError> {
        in_snapshot!(self.readers, |run| messages::reactors(run, (room, seq), after, limit))
    }

    async fn thread(
        &self,
        room: RoomId,
        root: Seq,
        query: HistoryQuery,
        viewer: Option<&UserId>,
    ) -> Result<Found<HistoryPage>, StoreError> {
        let (epoch, viewer) = (self.known_epoch().clone(), viewer.cloned());
        in_snapshot!(self.readers, |run| threads::page(run, &epoch, (room, root), query, viewer.as_ref()))
    }

    async fn pins(&self, room: RoomId, viewer: Option<&UserId>) -> Result<Option<PinnedMessages>, StoreError> {
        let viewer = viewer.cloned();
        in_snapshot!(self.readers, |run| messages::pins(run, room, viewer.as_ref()))
    }

    async fn marks(
        &self,
        room: RoomId,
        first: Option<&UserId>,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<Option<MarkPage>, StoreError> {
        let (first, after) = (first.cloned(), after.cloned());
        in_snapshot!(self.readers, |run| marks::page(run, room, first.as_ref(), after.as_ref(), limit))
    }

    async fn my_rooms(&self, viewer: &Viewer, query: &MyRoomQuery) -> Result<MyRoomPage, StoreError> {
        let (viewer, query) = (viewer.clone(), query.clone());
        in_snapshot!(self.readers, |run| my_rooms::page(run, &viewer, &query))
    }

    async fn set_notify(&self, user: &UserId, room: RoomId, notify: Notify) -> Result<Option<()>, StoreError> {
        let write = Write::begin(&self.writers).await?;
        let set = marks::set_notify(&write.run(), user, room, notify).await;
        Ok(write.end(set).await?)
    }

    async fn thread_users(&self, room: RoomId, root: Seq, limit: usize) -> Result<Vec<UserId>, StoreError> {
        in_snapshot!(self.readers, |run| threads::users(run, room, root, limit))
    }

    async fn activity(&self, rooms: &[RoomId]) -> Result<Vec<Option<Activity>>, StoreError> {
        let rooms = rooms.to_vec();
        in_snapshot!(self.readers, |run| my_rooms::activity(run, &rooms))
    }
}

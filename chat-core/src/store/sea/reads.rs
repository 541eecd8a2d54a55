//! What has become of messages, and what users have read.

use async_trait::async_trait;

use super::SeaStore;
use crate::{
    Activity, HistoryPage, HistoryQuery, MarkPage, MessageState, MessageVersion, MyRoomPage, MyRoomQuery, Notify,
    PinnedMessages, ReactorPage, RoomId, Seq, UserId,
    store::{Found, Reader, StoreError, StoreErrorKind},
};

#[async_trait]
impl Reader for SeaStore {
    async fn message(
        &self,
        _room: RoomId,
        _seq: Seq,
        _viewer: Option<&UserId>,
    ) -> Result<Found<(MessageState, Seq)>, StoreError> {
        Err(StoreError::new(StoreErrorKind::Failed, "not read yet"))
    }

    async fn versions(&self, _room: RoomId, _seq: Seq) -> Result<Found<Vec<MessageVersion>>, StoreError> {
        Err(StoreError::new(StoreErrorKind::Failed, "not read yet"))
    }

    async fn reactors(
        &self,
        _room: RoomId,
        _seq: Seq,
        _after: Option<Seq>,
        _limit: usize,
    ) -> Result<Found<ReactorPage>, StoreError> {
        Err(StoreError::new(StoreErrorKind::Failed, "not read yet"))
    }

    async fn thread(
        &self,
        _room: RoomId,
        _root: Seq,
        _query: HistoryQuery,
        _viewer: Option<&UserId>,
    ) -> Result<Found<HistoryPage>, StoreError> {
        Err(StoreError::new(StoreErrorKind::Failed, "not read yet"))
    }

    async fn pins(&self, _room: RoomId, _viewer: Option<&UserId>) -> Result<Option<PinnedMessages>, StoreError> {
        Err(StoreError::new(StoreErrorKind::Failed, "not read yet"))
    }

    async fn marks(
        &self,
        _room: RoomId,
        _first: Option<&UserId>,
        _after: Option<&UserId>,
        _limit: usize,
    ) -> Result<Option<MarkPage>, StoreError> {
        Err(StoreError::new(StoreErrorKind::Failed, "not read yet"))
    }

    async fn my_rooms(&self, _user: &UserId, _query: &MyRoomQuery) -> Result<MyRoomPage, StoreError> {
        Err(StoreError::new(StoreErrorKind::Failed, "not read yet"))
    }

    async fn set_notify(&self, _user: &UserId, _room: RoomId, _notify: Notify) -> Result<Option<()>, StoreError> {
        Err(StoreError::new(StoreErrorKind::Failed, "not read yet"))
    }

    async fn thread_users(&self, _room: RoomId, _root: Seq, _limit: usize) -> Result<Vec<UserId>, StoreError> {
        Err(StoreError::new(StoreErrorKind::Failed, "not read yet"))
    }

    async fn activity(&self, _rooms: &[RoomId]) -> Result<Vec<Option<Activity>>, StoreError> {
        Err(StoreError::new(StoreErrorKind::Failed, "not read yet"))
    }
}

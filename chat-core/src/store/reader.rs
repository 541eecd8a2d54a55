//! Reading what has become of a room's messages, and what it means to a user.

use async_trait::async_trait;

use super::{StoreError, Viewer};
use crate::{
    Activity, HistoryPage, HistoryQuery, MarkPage, MessageState, MessageVersion, MyRoomPage, MyRoomQuery, Notify,
    PinnedMessages, ReactorPage, RoomId, Seq, UserId,
};

/// What was asked for of a message, or why there is nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found<T> {
    /// This.
    Here(T),
    /// The room is gone.
    NoRoom,
    /// There is no such message in it.
    NoMessage,
}

impl<T> Found<T> {
    /// What was found; else that there is nothing, for an answer about something else.
    ///
    /// # Errors
    /// [`Found::NoRoom`], [`Found::NoMessage`].
    pub fn or_missing<U>(self) -> Result<T, Found<U>> {
        match self {
            Self::Here(found) => Ok(found),
            Self::NoRoom => Err(Found::NoRoom),
            Self::NoMessage => Err(Found::NoMessage),
        }
    }

    /// What was found.
    ///
    /// # Errors
    /// [`Error::RoomNotFound`](crate::Error::RoomNotFound), [`Error::MessageNotFound`](crate::Error::MessageNotFound).
    pub fn found(self) -> Result<T, crate::Error> {
        match self {
            Self::Here(found) => Ok(found),
            Self::NoRoom => Err(crate::Error::RoomNotFound),
            Self::NoMessage => Err(crate::Error::MessageNotFound),
        }
    }
}

/// The reads of a store beside its logs. Each is one snapshot: it shows exactly what the log says up to the head that it
/// tells, or showed when it was read.
///
/// `viewer` is the user who asks: their own reactions are marked.
#[async_trait]
pub trait Reader: Send + Sync {
    /// A message as it is, and the room's head.
    async fn message(
        &self,
        room: RoomId,
        seq: Seq,
        viewer: Option<&UserId>,
    ) -> Result<Found<(MessageState, Seq)>, StoreError>;

    /// What a message has said: first as it was sent, then after each edit.
    async fn versions(&self, room: RoomId, seq: Seq) -> Result<Found<Vec<MessageVersion>>, StoreError>;

    /// Who reacted to a message, in the order of the events, after the event `after`.
    async fn reactors(
        &self,
        room: RoomId,
        seq: Seq,
        after: Option<Seq>,
        limit: usize,
    ) -> Result<Found<ReactorPage>, StoreError>;

    /// A page of a message's thread, without the message itself. `query` counts as in a room's history.
    async fn thread(
        &self,
        room: RoomId,
        root: Seq,
        query: HistoryQuery,
        viewer: Option<&UserId>,
    ) -> Result<Found<HistoryPage>, StoreError>;

    /// The pinned messages of a room, newest pin first; `None` where the room is gone.
    async fn pins(&self, room: RoomId, viewer: Option<&UserId>) -> Result<Option<PinnedMessages>, StoreError>;

    /// How far users have read a room: that of `first` at the top of the first page, then by user id, after the user `after`.
    /// `None` where the room is gone.
    async fn marks(
        &self,
        room: RoomId,
        first: Option<&UserId>,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<Option<MarkPage>, StoreError>;

    /// The rooms that a user has a mark in and may see, those first that were active last, with a fixed number of statements.
    /// A `viewer` who is no user has none.
    async fn my_rooms(&self, viewer: &Viewer, query: &MyRoomQuery) -> Result<MyRoomPage, StoreError>;

    /// Stores what a user wants to be told of a room; `None` where the room is gone.
    async fn set_notify(&self, user: &UserId, room: RoomId, notify: Notify) -> Result<Option<()>, StoreError>;

    /// Who has written in a thread, and its root's author, at most `limit`.
    async fn thread_users(&self, room: RoomId, root: Seq, limit: usize) -> Result<Vec<UserId>, StoreError>;

    /// What these rooms look like to those who watch them, in the order asked for; `None` where a room is gone.
    /// `mentions_room` is false: it is of what happened.
    async fn activity(&self, rooms: &[RoomId]) -> Result<Vec<Option<Activity>>, StoreError>;
}

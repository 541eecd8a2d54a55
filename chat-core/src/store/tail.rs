//! The order of what happens in all rooms.

use async_trait::async_trait;

use super::StoreError;
use crate::{Room, RoomId, Seq, append::StoredEvent, tail::TailRange};

/// Keeps the order of the events of all rooms: pieces of their logs, one behind the other. It costs nothing until it is begun.
#[async_trait]
pub trait Tail: Send + Sync {
    /// Begins it, if it is not begun yet: from now on, every room that is left is in it sooner or later.
    async fn begin(&self) -> Result<(), StoreError>;

    /// Whether it is begun.
    async fn is_begun(&self) -> Result<bool, StoreError>;

    /// The rooms whose logs go further than their pieces, by id, from behind `after` on; at most `limit`. Also those that have no
    /// piece yet, and deleted ones; not those that are being imported.
    async fn behind(&self, after: Option<RoomId>, limit: usize) -> Result<Vec<RoomId>, StoreError>;

    /// Puts what the logs of these rooms have beyond their pieces behind all pieces, in the order of their ids. Nothing is done for
    /// those that have no more. In one transaction, so that it is the same whoever does it, and with whom at once.
    async fn extend(&self, rooms: &[RoomId]) -> Result<(), StoreError>;

    /// The pieces from this position on, in order; at most `limit`.
    async fn ranges(&self, from: u64, limit: usize) -> Result<Vec<TailRange>, StoreError>;

    /// The last piece, if there is one.
    async fn last(&self) -> Result<Option<TailRange>, StoreError>;

    /// The pieces of one room from this position to that one, in order; at most `limit`.
    async fn ranges_of(&self, room: RoomId, from: u64, to: u64, limit: usize) -> Result<Vec<TailRange>, StoreError>;

    /// What is left of the events of these pieces of logs: those from the one number to the other, in any order.
    async fn events(&self, parts: &[(RoomId, Seq, Seq)]) -> Result<Vec<StoredEvent>, StoreError>;

    /// Those of these rooms that are living.
    async fn rooms(&self, ids: &[RoomId]) -> Result<Vec<Room>, StoreError>;
}

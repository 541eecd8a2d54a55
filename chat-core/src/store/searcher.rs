//! Searching messages, and the index that it is done by.

use async_trait::async_trait;

use super::{StoreError, Viewer};
use crate::{
    RoomId,
    search::{SearchPage, SearchQuery, Unindexed},
};

/// What finds messages by their words.
///
/// A message is put into the index some time after it was stored, room by room, by [`index`](Self::index). An edit or a
/// deletion of a message that is there changes the index in its own transaction.
#[async_trait]
pub trait Searcher: Send + Sync {
    /// The living rooms after `after`, by id, whose newest events the index does not have yet; at most `limit`.
    async fn unindexed(&self, after: Option<RoomId>, limit: usize) -> Result<Vec<Unindexed>, StoreError>;

    /// Puts the next events of a room into the index, in one short transaction; returns how many are left. 0 when the index
    /// has them all, or the room is gone.
    async fn index(&self, room: RoomId) -> Result<u64, StoreError>;

    /// A page of messages that have what is looked for, in living rooms that `viewer` may see, as they are now. Their own reactions
    /// are marked.
    async fn search(&self, query: &SearchQuery, viewer: &Viewer) -> Result<SearchPage, StoreError>;
}

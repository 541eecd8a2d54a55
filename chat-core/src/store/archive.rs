//! Taking rooms along: reading what an export has beside the log, and storing what an import brings.

use async_trait::async_trait;

use super::StoreError;
use crate::{
    Notify, Room, RoomId, RoomName, UserId,
    archive::{Archived, Misfit, RoomHead},
};

/// What rooms are exported and imported by. The log of a room is read by
/// [`Store::events_after`](super::Store::events_after), and its marks by [`Reader::marks`](super::Reader::marks).
///
/// A room that is being imported is there for nobody: no read finds it, nothing is appended to it, and no purge removes it,
/// until it is finished or abandoned. What a process leaves unfinished is abandoned by the next store that is opened alone on
/// the database.
#[async_trait]
pub trait Archive: Send + Sync {
    /// What is known of a living room beside its log; `None` where it is gone.
    async fn head(&self, room: RoomId) -> Result<Option<RoomHead>, StoreError>;

    /// What users want to be told of a room, by user id, after the user `after`; at most `limit`.
    async fn notify_settings(
        &self,
        room: RoomId,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<Vec<(UserId, Notify)>, StoreError>;

    /// Begins a room, which has no name until it is finished. The head was [checked](RoomHead::check).
    async fn begin_import(&self, head: &RoomHead) -> Result<RoomId, StoreError>;

    /// Stores what comes next of a room that is being imported, in one transaction. `None` where the room is not being
    /// imported any more; `Err` inside: what does not fit. Such an import can only be abandoned. What can be told without the
    /// room was [checked](crate::archive::ArchivedEvent::check) before.
    async fn import(&self, room: RoomId, items: &[Archived]) -> Result<Option<Result<(), Misfit>>, StoreError>;

    /// Makes rooms of these, under these names and with these keys of the host's, in one transaction: all of them, or none. `None` where
    /// one is not being imported any more; `Err` inside: the room that has such a key, or the name of a public one without, or that the
    /// pair of a direct one has.
    async fn finish_imports(
        &self,
        imports: &[(RoomId, RoomName, Option<String>)],
    ) -> Result<Option<Result<Vec<Room>, Box<Room>>>, StoreError>;

    /// Makes a deleted room of one that is being imported, which the next purge removes. Nothing, if it is none.
    async fn abandon_import(&self, room: RoomId) -> Result<(), StoreError>;
}

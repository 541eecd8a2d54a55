//! Where the logs are kept: the trait that a database stands behind.

use std::time::Duration;

use async_trait::async_trait;

use crate::{
    Epoch, HistoryPage, HistoryQuery, Room, RoomId, RoomPage, RoomQuery, Seq, UserId,
    append::{AppendOutcome, Lookup, Recovered, RoomBatch, RoomRecord, StoredEvent},
    text::MAX_MESSAGE_BYTES,
};

mod archive;
mod consumers;
mod eraser;
mod judge;
mod members;
mod memory;
mod moderation;
mod outbox;
mod paging;
mod reader;
#[cfg(feature = "sea")]
pub mod sea;
mod searcher;
mod tail;
mod users;
mod viewer;

pub use archive::Archive;
pub use consumers::Consumers;
pub use eraser::Eraser;
pub use members::Members;
pub use memory::{MemoryLog, MemoryStore};
pub use moderation::Moderation;
pub use outbox::{HostTransaction, Outbox};
pub use reader::{Found, Reader};
pub use searcher::Searcher;
pub use tail::Tail;
pub use users::Users;
pub use viewer::{SeenRoom, Viewer};

/// What one step of [`Store::rewrite_texts`] has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rewritten {
    /// In which room.
    pub room: RoomId,
    /// How many events it has gone through.
    pub events: u64,
}

/// A durable home of rooms and their logs. See the contract tests in `testing` for what each method must hold to.
///
/// `Room::online` is not the store's business: it is 0 in what it returns.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// How many appends may run side by side (rooms are divided among them); at least 1.
    fn append_concurrency(&self) -> usize;

    /// Whether others may write to it while an engine runs on it: another process, or another engine in this one. The engine
    /// then looks by itself for what they stored (see [`Limits::sweep_interval`](crate::Limits::sweep_interval)). `false` for
    /// a store that lets one engine in at a time.
    fn is_shared(&self) -> bool {
        false
    }

    /// The most bytes of a text that it stores. An engine takes no longer messages in.
    fn longest_text(&self) -> usize {
        MAX_MESSAGE_BYTES
    }

    /// The word that names this history.
    async fn epoch(&self) -> Result<Epoch, StoreError>;

    /// Names the history with another word, for an operator who has put an older copy of it in its place. No engine runs on
    /// this store then.
    async fn set_epoch(&self, epoch: &Epoch) -> Result<(), StoreError>;

    /// Appends entries to the logs of several rooms in one transaction: looks the keys up (in the table and within the batch),
    /// judges each entry as if those before it were stored, numbers what is new without a hole, and stores it, with what follows
    /// from it: erased texts, reactions, pins, mentions, marks. One result per room, in order; `None` where the room is gone.
    ///
    /// An [exclusive](crate::append::Op::is_exclusive) entry comes alone. A name that another room has is refused with that
    /// room; who may hear of it is the engine's to judge.
    async fn append(&self, batch: &[RoomBatch]) -> Result<Vec<Option<Vec<AppendOutcome>>>, StoreError>;

    /// Removes up to `limit` rows that deleted rooms have left: their events, what else is kept of a room, and then the rooms
    /// themselves; returns how many. No id is given again.
    async fn purge(&self, limit: usize) -> Result<usize, StoreError>;

    /// After purges: a step towards giving back the room of what was removed, and towards its being nowhere any more. How
    /// long to wait before the next step; `None` when there is nothing left to do. A database server does so by itself.
    async fn vacuum(&self) -> Result<Option<Duration>, StoreError> {
        Ok(None)
    }

    /// How many events are left that may have texts which are not stored as they are to be: encrypted, decrypted, or encrypted by
    /// another key.
    async fn texts_to_rewrite(&self) -> Result<u64, StoreError> {
        Ok(0)
    }

    /// Rewrites some of these, in the first room from `from` on that has any. `None`: none of them has.
    async fn rewrite_texts(&self, _from: RoomId) -> Result<Option<Rewritten>, StoreError> {
        Ok(None)
    }

    /// On a new connection, waits for the room's lock (and so for a commit whose answer was lost), then looks where the log
    /// ends, and what holds one of the keys. `None` where there never was such a room.
    async fn recover(&self, room: RoomId, keys: &[Lookup]) -> Result<Option<Recovered>, StoreError>;

    /// Makes a room. `Err` inside: the room that has this name, or the direct room that the two have.
    async fn create_room(&self, new: &RoomRecord) -> Result<Result<Room, Room>, StoreError>;

    /// Makes a room within a transaction of the host's: it is there when that is committed. `None` if the transaction is none of this
    /// store's database. `Err` inside as for [`create_room`](Self::create_room), without the room if another transaction has just
    /// taken its name or key; this one is of no use any more then.
    async fn create_room_in(
        &self,
        _within: &dyn HostTransaction,
        _new: &RoomRecord,
    ) -> Result<Option<Result<Room, Option<Room>>>, StoreError> {
        Ok(None)
    }

    /// A room by id; `None` when there is none or it was deleted.
    async fn room(&self, id: RoomId) -> Result<Option<Room>, StoreError>;

    /// A room by the key of its name ([`name_key`](crate::fold::name_key)).
    async fn room_by_name(&self, name_key: &str) -> Result<Option<Room>, StoreError>;

    /// A room by the host's own key for it.
    async fn room_by_external(&self, external: &str) -> Result<Option<Room>, StoreError>;

    /// A page of rooms, by id. `query.name_contains` is [folded](crate::fold::fold) already, and matches literally any part
    /// of a name's key. A page may have fewer rooms than there are, and say where the next one begins. Only rooms that `viewer` may
    /// see are in it; users find direct rooms only among [their own](Reader::my_rooms).
    /// With `query.ids`, direct rooms are among them, too.
    async fn rooms(&self, query: &RoomQuery, viewer: &Viewer) -> Result<RoomPage, StoreError>;

    /// The events after `after`, in order, at most `limit`; also of a room that was just deleted.
    async fn events_after(&self, room: RoomId, after: Seq, limit: usize) -> Result<Vec<StoredEvent>, StoreError>;

    /// Where the logs of these rooms end, in the order asked for, with one statement; `None` where a room is gone.
    async fn heads(&self, rooms: &[RoomId]) -> Result<Vec<Option<Seq>>, StoreError>;

    /// A page of a room's messages as they are, in one snapshot with the head. `None` where the room is gone. `viewer` is the user
    /// who asks: their own reactions are marked.
    async fn history(
        &self,
        room: RoomId,
        page: HistoryQuery,
        viewer: Option<&UserId>,
    ) -> Result<Option<HistoryPage>, StoreError>;

    /// The other reads.
    fn reader(&self) -> &dyn Reader;

    /// What reads who is in rooms.
    fn members(&self) -> &dyn Members;

    /// What reads invites, and what was done in rooms.
    fn moderation(&self) -> &dyn Moderation;

    /// What searches.
    fn searcher(&self) -> &dyn Searcher;

    /// What keeps the order of the events of all rooms.
    fn tail(&self) -> &dyn Tail;

    /// What keeps how far the consumers of it are.
    fn consumers(&self) -> &dyn Consumers;

    /// What exports and imports rooms.
    fn archive(&self) -> &dyn Archive;

    /// What erases users.
    fn eraser(&self) -> &dyn Eraser;

    /// What keeps more of users than what they do in rooms.
    fn users(&self) -> &dyn Users;

    /// What keeps the messages that hosts queue in transactions of their own; `None` if this store knows no such transactions.
    fn outbox(&self) -> Option<&dyn Outbox> {
        None
    }

    /// A write transaction that changes nothing: can this store store again, after it failed in this way? If it was
    /// full, there has to be room for a usual batch, not only for this.
    async fn probe(&self, after: StoreErrorKind) -> Result<(), StoreError>;

    /// Resolves each time the store has noticed, without being asked to store, that it cannot.
    async fn next_failure(&self) -> StoreError {
        std::future::pending().await
    }

    /// Resolves when this process may no longer write (its lease is lost and could not be taken again).
    async fn lease_lost(&self) {
        std::future::pending().await
    }

    /// Lets go of connections, locks and leases.
    async fn close(&self) {}
}

/// Why a store could not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind:?}: {detail}")]
pub struct StoreError {
    /// What kind of failure it is, which decides what is done about it.
    pub kind: StoreErrorKind,
    /// The driver's text: for the log, never for a client.
    pub detail: String,
}

/// The kinds of failure of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreErrorKind {
    /// Nothing was stored or read: as many are at work as may be, and as many wait, or none was done in time. It says nothing
    /// of the database, and concerns nobody but the caller.
    Busy,
    /// Nothing was stored, and the same again may succeed at once (a deadlock, a serialization failure).
    Conflict,
    /// Nothing was stored: the database could not be reached, or took too long.
    Unavailable,
    /// Nothing was stored: there is no space left.
    Full,
    /// The commit was sent and its answer did not come: it may have been stored.
    Unknown,
    /// Nothing was stored, and the same again will fail again.
    Failed,
}

impl StoreError {
    /// A failure of this kind.
    pub fn new(kind: StoreErrorKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into() }
    }
}

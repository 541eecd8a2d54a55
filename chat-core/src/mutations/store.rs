//! A store with a bug around it.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicU64},
    time::Duration,
};

use async_trait::async_trait;

use super::{Bug, LogMutation, pages::Pages, write_behind::WriteBehind};
use crate::{
    Clock, Epoch, HistoryPage, HistoryQuery, Room, RoomId, RoomPage, RoomQuery, Seq, SystemClock, UserId,
    append::{AppendOutcome, Lookup, Op, Recovered, RoomBatch, RoomRecord, StoredEvent},
    failpoints::{self, Point},
    outbox::OutboxEntry,
    store::{
        Archive, Consumers, Eraser, HostTransaction, Members, Moderation, Outbox, Reader, Rewritten, Searcher, Store,
        StoreError, StoreErrorKind, Tail, Users, Viewer,
    },
};

/// A [`Store`] that stores other things than it is given, or says other things than it has stored. Without a bug it is the
/// store.
pub struct MutatedStore {
    store: Arc<dyn Store>,
    bug: Option<Bug>,
    log: Mutex<LogMutation>,
    pages: Pages,
    behind: WriteBehind,
    pub(super) queued: Mutex<Vec<OutboxEntry>>,
    /// How often the order of all rooms was to be extended.
    pub(super) extended: AtomicU64,
}

impl fmt::Debug for MutatedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MutatedStore").field("bug", &self.bug).finish_non_exhaustive()
    }
}

impl MutatedStore {
    /// This store, with the bug that this process has.
    #[cfg(failpoints)]
    #[must_use]
    pub fn wrap(store: Arc<dyn Store>) -> Arc<dyn Store> {
        Arc::new(Self::with(super::injected(), store))
    }

    /// This store, with this bug.
    #[must_use]
    pub fn with(bug: Option<Bug>, store: Arc<dyn Store>) -> Self {
        let start = SystemClock::new().now().wall.0.unsigned_abs();
        let log = Mutex::new(LogMutation::new(bug, start));
        Self {
            store,
            bug,
            log,
            pages: Pages::default(),
            behind: WriteBehind::default(),
            queued: Mutex::default(),
            extended: AtomicU64::new(0),
        }
    }

    pub(super) fn log(&self) -> MutexGuard<'_, LogMutation> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The room is about to be changed.
    async fn before_change(&self, room: RoomId) -> Result<(), StoreError> {
        self.behind.flush().await;
        if self.bug == Some(Bug::RenameNotServed)
            && let Some(room) = self.store.room(room).await?
        {
            self.log().renaming(room);
        }
        Ok(())
    }

    /// The store itself.
    pub(super) fn within(&self) -> &dyn Store {
        &*self.store
    }

    pub(super) const fn bug(&self) -> Option<Bug> {
        self.bug
    }

    pub(super) fn shown(&self, room: Option<Room>) -> Option<Room> {
        room.map(|room| self.log().room(room))
    }
}

#[async_trait]
impl Store for MutatedStore {
    fn append_concurrency(&self) -> usize {
        self.store.append_concurrency()
    }

    fn is_shared(&self) -> bool {
        self.store.is_shared()
    }

    fn longest_text(&self) -> usize {
        self.store.longest_text()
    }

    async fn epoch(&self) -> Result<Epoch, StoreError> {
        self.store.epoch().await
    }

    async fn set_epoch(&self, epoch: &Epoch) -> Result<(), StoreError> {
        self.store.set_epoch(epoch).await
    }

    async fn append(&self, batch: &[RoomBatch]) -> Result<Vec<Option<Vec<AppendOutcome>>>, StoreError> {
        for RoomBatch { room, entries } in batch {
            if entries.iter().any(|entry| entry.op.is_exclusive()) {
                self.before_change(*room).await?;
            }
        }
        let mutated = self.log().batch(batch);
        let mutated = self.with_invites(mutated).await?;
        let is_batch = mutated.iter().all(|room| room.entries.iter().all(|entry| matches!(entry.op, Op::Message(_))));
        let placed = if self.bug == Some(Bug::AckBeforeCommit) && is_batch {
            self.behind.append(&self.store, &mutated).await?
        } else {
            self.store.append(&mutated).await?
        };
        if is_batch {
            failpoints::reached(Point::AfterCommit);
        }
        Ok(self.log().placed(batch, placed))
    }

    async fn purge(&self, limit: usize) -> Result<usize, StoreError> {
        self.store.purge(limit).await
    }

    async fn vacuum(&self) -> Result<Option<Duration>, StoreError> {
        self.store.vacuum().await
    }

    async fn texts_to_rewrite(&self) -> Result<u64, StoreError> {
        self.store.texts_to_rewrite().await
    }

    async fn rewrite_texts(&self, from: RoomId) -> Result<Option<Rewritten>, StoreError> {
        self.store.rewrite_texts(from).await
    }

    async fn recover(&self, room: RoomId, keys: &[Lookup]) -> Result<Option<Recovered>, StoreError> {
        let keys = self.log().lookups(keys);
        let found = self.store.recover(room, &keys).await?;
        Ok(found.map(|found| Recovered {
            found: found.found.into_iter().map(|it| self.log().stored(it)).collect(),
            ..found
        }))
    }

    async fn create_room(&self, new: &RoomRecord) -> Result<Result<Room, Room>, StoreError> {
        self.store.create_room(new).await
    }

    async fn room(&self, id: RoomId) -> Result<Option<Room>, StoreError> {
        Ok(self.shown(self.store.room(id).await?))
    }

    async fn room_by_external(&self, external: &str) -> Result<Option<Room>, StoreError> {
        Ok(self.shown(self.store.room_by_external(external).await?))
    }

    async fn create_room_in(
        &self,
        within: &dyn HostTransaction,
        new: &RoomRecord,
    ) -> Result<Option<Result<Room, Option<Room>>>, StoreError> {
        self.store.create_room_in(within, new).await
    }

    async fn room_by_name(&self, name_key: &str) -> Result<Option<Room>, StoreError> {
        Ok(self.shown(self.store.room_by_name(name_key).await?))
    }

    async fn rooms(&self, query: &RoomQuery, viewer: &Viewer) -> Result<RoomPage, StoreError> {
        let page = self.store.rooms(query, viewer).await?;
        Ok(RoomPage { rooms: page.rooms.into_iter().map(|room| self.log().room(room)).collect(), ..page })
    }

    async fn events_after(&self, room: RoomId, after: Seq, limit: usize) -> Result<Vec<StoredEvent>, StoreError> {
        let events = self.store.events_after(room, after, limit).await?;
        Ok(events.into_iter().map(|stored| self.log().stored(stored)).collect())
    }

    async fn heads(&self, rooms: &[RoomId]) -> Result<Vec<Option<Seq>>, StoreError> {
        self.store.heads(rooms).await
    }

    fn reader(&self) -> &dyn Reader {
        self.store.reader()
    }

    async fn history(
        &self,
        room: RoomId,
        page: HistoryQuery,
        viewer: Option<&UserId>,
    ) -> Result<Option<HistoryPage>, StoreError> {
        let read = self.store.history(room, page, viewer).await?;
        Ok(read.map(|read| self.pages.mutate(self.bug, (room, page), read)))
    }

    fn members(&self) -> &dyn Members {
        self
    }

    fn moderation(&self) -> &dyn Moderation {
        self.store.moderation()
    }

    fn searcher(&self) -> &dyn Searcher {
        self.store.searcher()
    }

    fn tail(&self) -> &dyn Tail {
        self
    }

    fn consumers(&self) -> &dyn Consumers {
        self.store.consumers()
    }

    fn archive(&self) -> &dyn Archive {
        self.store.archive()
    }

    fn eraser(&self) -> &dyn Eraser {
        self.store.eraser()
    }

    fn users(&self) -> &dyn Users {
        self.store.users()
    }

    fn outbox(&self) -> Option<&dyn Outbox> {
        self.store.outbox().map(|_| self as &dyn Outbox)
    }

    async fn probe(&self, after: StoreErrorKind) -> Result<(), StoreError> {
        self.store.probe(after).await
    }

    async fn next_failure(&self) -> StoreError {
        self.store.next_failure().await
    }

    async fn lease_lost(&self) {
        self.store.lease_lost().await;
    }

    async fn close(&self) {
        self.store.close().await;
    }
}

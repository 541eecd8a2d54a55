//! A store that fails as told.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use tokio::{sync::Notify, time::sleep};

use crate::{
    Epoch, HistoryPage, HistoryQuery, Room, RoomId, RoomPage, RoomQuery, Seq, UserId,
    append::{AppendOutcome, Lookup, Op, Recovered, RoomBatch, RoomRecord, StoredEvent},
    store::{
        Archive, Consumers, Eraser, HostTransaction, Members, Moderation, Outbox, Reader, Rewritten, Searcher, Store,
        StoreError, StoreErrorKind, Tail, Users, Viewer,
    },
};

/// What is asked of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StoreCall {
    /// [`Store::append`] of entries that share a transaction.
    Append,
    /// [`Store::append`] of an update of a room.
    Update,
    /// [`Store::append`] of a room's end.
    Delete,
    /// [`Store::create_room`].
    Create,
    /// [`Store::recover`].
    Recover,
    /// [`Store::events_after`].
    Load,
    /// [`Store::heads`].
    Heads,
    /// [`Store::room`], [`Store::room_by_name`], [`Store::rooms`], [`Store::history`], and the reads of [`Reader`] but one.
    Read,
    /// [`Members::seen`].
    Seen,
    /// [`Members::standings`] and [`Members::rooms_of`].
    LookUp,
    /// [`Reader::activity`].
    Activity,
    /// [`Store::probe`].
    Probe,
    /// [`Store::purge`].
    Purge,
    /// The calls of [`Eraser`] that read.
    LookForUser,
    /// Those that write.
    EraseUser,
    /// The calls of [`Tail`] that read.
    ReadTail,
    /// Those that write.
    ExtendTail,
    /// The calls of [`Consumers`] that read.
    ReadConsumer,
    /// The one that writes.
    SaveConsumer,
}

/// How it fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// With this error, having done nothing.
    Refuse(StoreErrorKind),
    /// With [`StoreErrorKind::Unknown`], having done it.
    LoseAnswer,
    /// With a panic, having done nothing.
    Panic,
}

/// A store around another one, that fails, waits and counts as told. Cheap to clone.
#[derive(Clone)]
pub struct FaultyStore(Arc<Inner>);

struct Inner {
    store: Arc<dyn Store>,
    script: Mutex<Script>,
    changed: Notify,
}

#[derive(Default)]
struct Script {
    next: BTreeMap<StoreCall, VecDeque<Fault>>,
    always: BTreeMap<StoreCall, Fault>,
    bad_rooms: BTreeMap<RoomId, StoreErrorKind>,
    held: BTreeSet<StoreCall>,
    durations: BTreeMap<StoreCall, Duration>,
    calls: BTreeMap<StoreCall, usize>,
    batches: Vec<Vec<(RoomId, usize)>>,
    probes: Vec<StoreErrorKind>,
    disturbances: VecDeque<StoreErrorKind>,
    longest_text: Option<usize>,
    closed: bool,
}

impl FaultyStore {
    /// A store that does what `store` does, until it is told otherwise.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self(Arc::new(Inner { store, script: Mutex::default(), changed: Notify::new() }))
    }

    /// The next call that is not yet spoken for fails like this.
    pub fn fail_next(&self, op: StoreCall, fault: Fault) {
        self.script().next.entry(op).or_default().push_back(fault);
    }

    /// From now on every call fails like this; `None`: no more.
    pub fn fail_always(&self, op: StoreCall, fault: Option<Fault>) {
        match fault {
            Some(fault) => self.script().always.insert(op, fault),
            None => self.script().always.remove(&op),
        };
    }

    /// From now on every append with messages of this room fails like this.
    pub fn fail_room(&self, room: RoomId, kind: StoreErrorKind) {
        self.script().bad_rooms.insert(room, kind);
    }

    /// From now on calls wait before they do anything.
    pub fn hold(&self, op: StoreCall) {
        self.script().held.insert(op);
    }

    /// Lets calls go on.
    pub fn release(&self, op: StoreCall) {
        self.script().held.remove(&op);
        self.0.changed.notify_waiters();
    }

    /// From now on calls take so long before they do anything.
    pub fn take(&self, op: StoreCall, duration: Duration) {
        self.script().durations.insert(op, duration);
    }

    /// How many calls there were, those that wait or failed included.
    #[must_use]
    pub fn calls(&self, op: StoreCall) -> usize {
        self.script().calls.get(&op).copied().unwrap_or_default()
    }

    /// Resolves when there were so many calls.
    pub async fn called(&self, op: StoreCall, times: usize) {
        self.until(|script| script.calls.get(&op).copied().unwrap_or_default() >= times).await;
    }

    /// The batches of messages so far: which rooms, with how many each.
    #[must_use]
    pub fn batches(&self) -> Vec<Vec<(RoomId, usize)>> {
        self.script().batches.clone()
    }

    /// The probes so far: after what each was asked.
    #[must_use]
    pub fn probes(&self) -> Vec<StoreErrorKind> {
        self.script().probes.clone()
    }

    /// From now on it holds texts of so many bytes only.
    pub fn limit_texts(&self, longest: usize) {
        self.script().longest_text = Some(longest);
    }

    /// Lets it notice by itself that it cannot store.
    pub fn disturb(&self, kind: StoreErrorKind) {
        self.script().disturbances.push_back(kind);
        self.0.changed.notify_waiters();
    }

    /// Whether it was closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.script().closed
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.0.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn until(&self, holds: impl Fn(&Script) -> bool) {
        loop {
            let mut changed = std::pin::pin!(self.0.changed.notified());
            changed.as_mut().enable();
            if holds(&self.script()) {
                return;
            }
            changed.await;
        }
    }

    /// Counts a call, lets it wait if it has to, and says how it fails, if it does.
    async fn enter(&self, op: StoreCall) -> Option<Fault> {
        let (fault, duration) = {
            let mut script = self.script();
            *script.calls.entry(op).or_default() += 1;
            let next = script.next.get_mut(&op).and_then(VecDeque::pop_front);
            (next.or_else(|| script.always.get(&op).copied()), script.durations.get(&op).copied())
        };
        self.0.changed.notify_waiters();
        self.until(|script| !script.held.contains(&op)).await;
        if let Some(duration) = duration {
            sleep(duration).await;
        }
        fault
    }

    pub(super) async fn run<T>(
        &self,
        op: StoreCall,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        match self.enter(op).await {
            None => call.await,
            Some(Fault::Refuse(kind)) => Err(StoreError::new(kind, "as told")),
            Some(Fault::Panic) => panic!("as told"),
            Some(Fault::LoseAnswer) => {
                call.await?;
                Err(StoreError::new(StoreErrorKind::Unknown, "the answer was lost, as told"))
            }
        }
    }

    pub(super) fn inner(&self) -> &dyn Store {
        &*self.0.store
    }

    async fn append_checked(&self, batch: &[RoomBatch]) -> Result<Vec<Option<Vec<AppendOutcome>>>, StoreError> {
        let bad = batch.iter().find_map(|room| self.script().bad_rooms.get(&room.room).copied());
        match bad {
            Some(kind) => Err(StoreError::new(kind, "a bad room, as told")),
            None => self.0.store.append(batch).await,
        }
    }
}

impl fmt::Debug for FaultyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyStore").finish_non_exhaustive()
    }
}

#[async_trait]
impl Store for FaultyStore {
    fn append_concurrency(&self) -> usize {
        self.0.store.append_concurrency()
    }

    fn is_shared(&self) -> bool {
        self.0.store.is_shared()
    }

    fn longest_text(&self) -> usize {
        self.script().longest_text.unwrap_or_else(|| self.0.store.longest_text())
    }

    async fn epoch(&self) -> Result<Epoch, StoreError> {
        self.0.store.epoch().await
    }

    async fn set_epoch(&self, epoch: &Epoch) -> Result<(), StoreError> {
        self.0.store.set_epoch(epoch).await
    }

    async fn append(&self, batch: &[RoomBatch]) -> Result<Vec<Option<Vec<AppendOutcome>>>, StoreError> {
        let call = call_of(batch);
        if call == StoreCall::Append {
            self.script().batches.push(batch.iter().map(|room| (room.room, room.entries.len())).collect());
        }
        self.run(call, self.append_checked(batch)).await
    }

    async fn purge(&self, limit: usize) -> Result<usize, StoreError> {
        self.run(StoreCall::Purge, self.0.store.purge(limit)).await
    }

    async fn vacuum(&self) -> Result<Option<Duration>, StoreError> {
        self.0.store.vacuum().await
    }

    async fn texts_to_rewrite(&self) -> Result<u64, StoreError> {
        self.0.store.texts_to_rewrite().await
    }

    async fn rewrite_texts(&self, from: RoomId) -> Result<Option<Rewritten>, StoreError> {
        self.0.store.rewrite_texts(from).await
    }

    async fn recover(&self, room: RoomId, keys: &[Lookup]) -> Result<Option<Recovered>, StoreError> {
        self.run(StoreCall::Recover, self.0.store.recover(room, keys)).await
    }

    async fn create_room(&self, new: &RoomRecord) -> Result<Result<Room, Room>, StoreError> {
        self.run(StoreCall::Create, self.0.store.create_room(new)).await
    }

    async fn room(&self, id: RoomId) -> Result<Option<Room>, StoreError> {
        self.run(StoreCall::Read, self.0.store.room(id)).await
    }

    async fn room_by_external(&self, external: &str) -> Result<Option<Room>, StoreError> {
        self.run(StoreCall::Read, self.0.store.room_by_external(external)).await
    }

    async fn create_room_in(
        &self,
        within: &dyn HostTransaction,
        new: &RoomRecord,
    ) -> Result<Option<Result<Room, Option<Room>>>, StoreError> {
        self.0.store.create_room_in(within, new).await
    }

    async fn room_by_name(&self, name_key: &str) -> Result<Option<Room>, StoreError> {
        self.run(StoreCall::Read, self.0.store.room_by_name(name_key)).await
    }

    async fn rooms(&self, query: &RoomQuery, viewer: &Viewer) -> Result<RoomPage, StoreError> {
        self.run(StoreCall::Read, self.0.store.rooms(query, viewer)).await
    }

    async fn events_after(&self, room: RoomId, after: Seq, limit: usize) -> Result<Vec<StoredEvent>, StoreError> {
        self.run(StoreCall::Load, self.0.store.events_after(room, after, limit)).await
    }

    async fn heads(&self, rooms: &[RoomId]) -> Result<Vec<Option<Seq>>, StoreError> {
        self.run(StoreCall::Heads, self.0.store.heads(rooms)).await
    }

    fn reader(&self) -> &dyn Reader {
        self
    }

    async fn history(
        &self,
        room: RoomId,
        page: HistoryQuery,
        viewer: Option<&UserId>,
    ) -> Result<Option<HistoryPage>, StoreError> {
        self.run(StoreCall::Read, self.0.store.history(room, page, viewer)).await
    }

    fn members(&self) -> &dyn Members {
        self
    }

    fn moderation(&self) -> &dyn Moderation {
        self
    }

    fn searcher(&self) -> &dyn Searcher {
        self.0.store.searcher()
    }

    fn tail(&self) -> &dyn Tail {
        self
    }

    fn consumers(&self) -> &dyn Consumers {
        self
    }

    fn archive(&self) -> &dyn Archive {
        self.0.store.archive()
    }

    fn eraser(&self) -> &dyn Eraser {
        self
    }

    fn users(&self) -> &dyn Users {
        self.0.store.users()
    }

    fn outbox(&self) -> Option<&dyn Outbox> {
        self.0.store.outbox()
    }

    async fn probe(&self, after: StoreErrorKind) -> Result<(), StoreError> {
        self.script().probes.push(after);
        self.run(StoreCall::Probe, self.0.store.probe(after)).await
    }

    async fn next_failure(&self) -> StoreError {
        loop {
            self.until(|script| !script.disturbances.is_empty()).await;
            let next = self.script().disturbances.pop_front();
            // Somebody else may have been told.
            if let Some(kind) = next {
                return StoreError::new(kind, "noticed, as told");
            }
        }
    }

    async fn lease_lost(&self) {
        self.0.store.lease_lost().await;
    }

    async fn close(&self) {
        self.script().closed = true;
        self.0.store.close().await;
    }
}

/// Which call this append is.
fn call_of(batch: &[RoomBatch]) -> StoreCall {
    match batch.first().and_then(|room| room.entries.first()).map(|entry| &entry.op) {
        Some(Op::UpdateRoom(_)) => StoreCall::Update,
        Some(Op::DeleteRoom) => StoreCall::Delete,
        _ => StoreCall::Append,
    }
}

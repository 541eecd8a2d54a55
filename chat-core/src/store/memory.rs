//! Logs in memory: the store of tests and demonstrations, and the plainest statement of what a store does.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;

use super::{
    RoomMessages, Store, StoreError, StoreErrorKind, numbering,
    numbering::Placement,
    paging,
    paging::{Extent, Window},
};
use crate::{
    Epoch, Event, HistoryPage, HistoryQuery, MessageState, Room, RoomId, RoomPage, RoomQuery, Seq,
    append::{AppendOutcome, Lookup, NewMessage, Recovered, RoomDeletion, RoomRecord, RoomUpdate, StoredEvent},
    error::Error,
};

/// The logs themselves, without a lock, failure or chance: what the simulator uses. Its methods are those of [`Store`].
#[derive(Debug, Clone)]
pub struct MemoryLog {
    epoch: Epoch,
    rooms: BTreeMap<RoomId, RoomLog>,
    /// The id of the newest room there ever was.
    last_room: RoomId,
    names: BTreeMap<String, RoomId>,
    keys: BTreeMap<(RoomId, Lookup), Seq>,
}

/// One room and its log. A deleted one is here until its events are purged.
#[derive(Debug, Clone)]
struct RoomLog {
    room: Room,
    /// What its name is found by.
    name_key: String,
    is_deleted: bool,
    messages: u64,
    events: BTreeMap<Seq, StoredEvent>,
}

impl MemoryLog {
    /// No rooms yet.
    #[must_use]
    pub fn new(epoch: Epoch) -> Self {
        Self { epoch, rooms: BTreeMap::new(), last_room: RoomId(0), names: BTreeMap::new(), keys: BTreeMap::new() }
    }

    /// See [`Store::epoch`].
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.epoch.clone()
    }

    /// See [`Store::set_epoch`].
    pub fn set_epoch(&mut self, epoch: Epoch) {
        self.epoch = epoch;
    }

    /// See [`Store::append`].
    pub fn append(&mut self, batch: &[RoomMessages]) -> Vec<Option<Vec<AppendOutcome>>> {
        batch.iter().map(|entry| self.append_to(entry)).collect()
    }

    /// See [`Store::update_room`].
    pub fn update_room(&mut self, id: RoomId, update: &RoomUpdate) -> Option<AppendOutcome> {
        let room = self.room(id)?;
        let name = update.name.clone().unwrap_or_else(|| room.name.clone());
        let topic = update.topic.clone().unwrap_or_else(|| room.topic.clone());
        if name == room.name && topic == room.topic {
            return Some(AppendOutcome::Unchanged);
        }
        let name_key = name.key();
        if let Some(holder) = self.room_by_name(&name_key).filter(|holder| holder.id != id) {
            return Some(AppendOutcome::Refused(Error::NameTaken { room: Some(Box::new(holder)) }));
        }
        let log = self.rooms.get_mut(&id)?;
        self.names.remove(&log.name_key);
        self.names.insert(name_key.clone(), id);
        log.name_key = name_key;
        log.room.name = name.clone();
        log.room.topic = topic.clone();
        let event = numbering::update(log.next_placement(), update, name, topic);
        Some(self.store(event))
    }

    /// See [`Store::delete_room`].
    pub fn delete_room(&mut self, id: RoomId, delete: &RoomDeletion) -> Option<AppendOutcome> {
        let log = self.rooms.get_mut(&id).filter(|log| !log.is_deleted)?;
        log.is_deleted = true;
        self.names.remove(&log.name_key);
        let event = numbering::delete(log.next_placement(), delete);
        Some(self.store(event))
    }

    /// See [`Store::purge`].
    pub fn purge(&mut self, limit: usize) -> usize {
        let mut removed = 0;
        for log in self.rooms.values_mut().filter(|log| log.is_deleted) {
            while removed < limit
                && let Some((seq, event)) = log.events.pop_first()
            {
                let key = (log.room.id, lookup_of(&event));
                if self.keys.get(&key) == Some(&seq) {
                    self.keys.remove(&key);
                }
                removed += 1;
            }
        }
        self.rooms.retain(|_, log| {
            let is_over = log.is_deleted && log.events.is_empty() && removed < limit;
            removed += usize::from(is_over);
            !is_over
        });
        removed
    }

    /// See [`Store::recover`].
    #[must_use]
    pub fn recover(&self, id: RoomId, keys: &[Lookup]) -> Option<Recovered> {
        let log = self.rooms.get(&id)?;
        let seqs: BTreeSet<_> = keys.iter().filter_map(|key| self.keys.get(&(id, key.clone()))).collect();
        let found = seqs.into_iter().filter_map(|seq| log.events.get(seq)).cloned().collect();
        Some(Recovered { head: log.room.head, is_deleted: log.is_deleted, found })
    }

    /// See [`Store::create_room`].
    ///
    /// # Errors
    /// The room that has this name.
    pub fn create_room(&mut self, new: &RoomRecord) -> Result<Room, Room> {
        let name_key = new.name.key();
        if let Some(holder) = self.room_by_name(&name_key) {
            return Err(holder);
        }
        self.last_room.0 += 1;
        let room = new.to_room(self.last_room);
        self.names.insert(name_key.clone(), room.id);
        let log = RoomLog { room: room.clone(), name_key, is_deleted: false, messages: 0, events: BTreeMap::new() };
        self.rooms.insert(room.id, log);
        Ok(room)
    }

    /// See [`Store::room`].
    #[must_use]
    pub fn room(&self, id: RoomId) -> Option<Room> {
        self.living(id).map(|log| log.room.clone())
    }

    /// See [`Store::room_by_name`].
    #[must_use]
    pub fn room_by_name(&self, name_key: &str) -> Option<Room> {
        self.names.get(name_key).and_then(|id| self.room(*id))
    }

    /// See [`Store::rooms`].
    #[must_use]
    pub fn rooms(&self, query: &RoomQuery) -> RoomPage {
        let after = query.after.map_or(Bound::Unbounded, Bound::Excluded);
        let matches = |log: &&RoomLog| query.name_contains.as_ref().is_none_or(|part| log.name_key.contains(part));
        let living = self.rooms.range((after, Bound::Unbounded)).map(|(_, log)| log).filter(|log| !log.is_deleted);
        let found = living.filter(matches).map(|log| log.room.clone());
        paging::finish_rooms(found.take(query.limit + 1).collect(), query.limit)
    }

    /// See [`Store::events_after`].
    #[must_use]
    pub fn events_after(&self, id: RoomId, after: Seq, limit: usize) -> Vec<StoredEvent> {
        let Some(log) = self.rooms.get(&id) else { return Vec::new() };
        log.events
            .range((Bound::Excluded(after), Bound::Unbounded))
            .take(limit)
            .map(|(_, event)| event.clone())
            .collect()
    }

    /// See [`Store::history`].
    #[must_use]
    pub fn history(&self, id: RoomId, query: HistoryQuery) -> Option<HistoryPage> {
        let log = self.living(id)?;
        let edge = paging::edge(query.from);
        let before_edge = log.events.range(..=edge).next_back().map_or(0, |(_, stored)| stored.ordinal);
        let extent = Extent { head: log.room.head, messages: log.messages };
        let window = Window::of(query, before_edge, extent);
        let ordinal = |event: &Event| event.message().map(|message| message.ordinal);
        let is_in_window = |event: &&Event| ordinal(event).is_some_and(|ordinal| window.has(ordinal));
        let before = log.events.range(..=edge).rev().map(|(_, stored)| &*stored.event);
        let before = before.filter(|event| event.message().is_some()).take_while(is_in_window);
        let mut messages: Vec<_> = before.cloned().filter_map(MessageState::of).collect();
        messages.reverse();
        let after = log.events.range((Bound::Excluded(edge), Bound::Unbounded)).map(|(_, stored)| &*stored.event);
        let after = after.filter(|event| event.message().is_some()).take_while(is_in_window);
        messages.extend(after.cloned().filter_map(MessageState::of));
        Some(paging::finish(self.epoch.clone(), extent, window, messages))
    }

    fn living(&self, id: RoomId) -> Option<&RoomLog> {
        self.rooms.get(&id).filter(|log| !log.is_deleted)
    }

    fn append_to(&mut self, entry: &RoomMessages) -> Option<Vec<AppendOutcome>> {
        self.living(entry.room)?;
        Some(entry.messages.iter().map(|new| self.place(entry.room, new)).collect())
    }

    /// Places one message.
    fn place(&mut self, id: RoomId, new: &NewMessage) -> AppendOutcome {
        let key = Lookup { user: Some(new.author.id.clone()), key: new.key.clone() };
        let known = self.keys.get(&(id, key)).copied();
        let Some(log) = self.rooms.get_mut(&id) else { return AppendOutcome::Refused(Error::RoomNotFound) };
        if let Some(first) = known.and_then(|seq| log.events.get(&seq)) {
            return numbering::judge_double(first, new);
        }
        log.messages += 1;
        log.room.last_message_at = Some(new.at);
        let event = numbering::message(log.next_placement(), new);
        self.store(event)
    }

    fn store(&mut self, event: StoredEvent) -> AppendOutcome {
        let (id, seq) = (event.event.room, event.event.seq);
        let placed = AppendOutcome::New(event.event.clone());
        self.keys.insert((id, lookup_of(&event)), seq);
        if let Some(log) = self.rooms.get_mut(&id) {
            log.room.head = seq;
            log.events.insert(seq, event);
        }
        placed
    }
}

impl RoomLog {
    fn next_placement(&self) -> Placement {
        Placement { room: self.room.id, seq: self.room.head.next(), ordinal: self.messages }
    }
}

/// A store in memory: a [`MemoryLog`] behind a lock.
#[derive(Debug)]
pub struct MemoryStore(Mutex<MemoryLog>);

impl MemoryStore {
    /// These logs.
    #[must_use]
    pub const fn of(log: MemoryLog) -> Self {
        Self(Mutex::new(log))
    }

    /// No rooms yet.
    #[must_use]
    pub fn new(epoch: Epoch) -> Self {
        Self::of(MemoryLog::new(epoch))
    }

    fn log(&self) -> MutexGuard<'_, MemoryLog> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Store for MemoryStore {
    fn append_concurrency(&self) -> usize {
        1
    }

    async fn epoch(&self) -> Result<Epoch, StoreError> {
        Ok(self.log().epoch())
    }

    async fn set_epoch(&self, epoch: &Epoch) -> Result<(), StoreError> {
        self.log().set_epoch(epoch.clone());
        Ok(())
    }

    async fn append(&self, batch: &[RoomMessages]) -> Result<Vec<Option<Vec<AppendOutcome>>>, StoreError> {
        Ok(self.log().append(batch))
    }

    async fn update_room(&self, room: RoomId, update: &RoomUpdate) -> Result<Option<AppendOutcome>, StoreError> {
        Ok(self.log().update_room(room, update))
    }

    async fn delete_room(&self, room: RoomId, delete: &RoomDeletion) -> Result<Option<AppendOutcome>, StoreError> {
        Ok(self.log().delete_room(room, delete))
    }

    async fn purge(&self, limit: usize) -> Result<usize, StoreError> {
        Ok(self.log().purge(limit))
    }

    async fn recover(&self, room: RoomId, keys: &[Lookup]) -> Result<Option<Recovered>, StoreError> {
        Ok(self.log().recover(room, keys))
    }

    async fn create_room(&self, new: &RoomRecord) -> Result<Result<Room, Room>, StoreError> {
        Ok(self.log().create_room(new))
    }

    async fn room(&self, id: RoomId) -> Result<Option<Room>, StoreError> {
        Ok(self.log().room(id))
    }

    async fn room_by_name(&self, name_key: &str) -> Result<Option<Room>, StoreError> {
        Ok(self.log().room_by_name(name_key))
    }

    async fn rooms(&self, query: &RoomQuery) -> Result<RoomPage, StoreError> {
        Ok(self.log().rooms(query))
    }

    async fn events_after(&self, room: RoomId, after: Seq, limit: usize) -> Result<Vec<StoredEvent>, StoreError> {
        Ok(self.log().events_after(room, after, limit))
    }

    async fn history(&self, room: RoomId, page: HistoryQuery) -> Result<Option<HistoryPage>, StoreError> {
        Ok(self.log().history(room, page))
    }

    async fn probe(&self, _after: StoreErrorKind) -> Result<(), StoreError> {
        Ok(())
    }
}

fn lookup_of(event: &StoredEvent) -> Lookup {
    Lookup { user: event.event.actor.as_ref().map(|actor| actor.id.clone()), key: event.key.clone() }
}

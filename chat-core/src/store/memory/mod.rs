//! Logs in memory: the store of tests and demonstrations, and the plainest statement of what a store does.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;

use self::{members::InRoom, state::RoomState, users::KnownUsers};
use super::{
    Archive, Consumers, Eraser, Found, Members, Moderation, Reader, Searcher, Store, StoreError, StoreErrorKind, Tail,
    Users, Viewer,
    judge::{self, Facts, Judgement, Key, Naming},
    paging::{self, Extent, Window},
};
use crate::{
    Activity, Epoch, EventKind, HistoryPage, HistoryQuery, Mark, MessageState, MyRoomPage, MyRoomQuery, MyRoomsCursor,
    Room, RoomId, RoomKind, RoomPage, RoomQuery, Seq, Unread, UserId,
    append::{AppendOutcome, Entry, Lookup, Op, Recovered, RoomBatch, RoomRecord, StoredEvent},
    consumer::{ConsumerState, DeadLetter},
    erasure::Erasure,
    tail::TailRange,
};

mod archive;
mod claims;
mod consumers;
mod erase;
mod members;
mod moderation;
mod reader;
mod search;
mod state;
mod tail;
mod users;

/// The logs themselves, without a lock, failure or chance: what the simulator uses. Its methods are those of [`Store`].
#[derive(Debug, Clone)]
pub struct MemoryLog {
    epoch: Epoch,
    rooms: BTreeMap<RoomId, RoomLog>,
    /// The id of the newest room there ever was.
    last_room: RoomId,
    names: BTreeMap<String, RoomId>,
    /// Direct rooms, by the keys of their pairs.
    pairs: BTreeMap<String, RoomId>,
    /// Rooms by the host's keys for them.
    externals: BTreeMap<String, RoomId>,
    keys: BTreeMap<(RoomId, Lookup), Seq>,
    erasures: BTreeMap<UserId, Erasure>,
    /// The order of what happens in all rooms; `None` until it is begun.
    tail: Option<Vec<TailRange>>,
    /// How far its consumers are, and what was given up.
    consumers: BTreeMap<String, (ConsumerState, Vec<DeadLetter>)>,
}

/// One room and its log. A deleted one is here until its events are purged.
#[derive(Debug, Clone)]
struct RoomLog {
    room: Room,
    /// What its name is found by.
    name_key: String,
    is_deleted: bool,
    /// While it is imported: then it counts as deleted, but stays.
    is_importing: bool,
    messages: u64,
    /// How many messages stood before the log's first event.
    pruned: u64,
    events: BTreeMap<Seq, StoredEvent>,
    state: RoomState,
    /// Up to where it is in the order of all rooms.
    told: Option<Seq>,
}

impl MemoryLog {
    /// No rooms yet.
    #[must_use]
    pub fn new(epoch: Epoch) -> Self {
        Self {
            epoch,
            rooms: BTreeMap::new(),
            last_room: RoomId(0),
            names: BTreeMap::new(),
            pairs: BTreeMap::new(),
            externals: BTreeMap::new(),
            keys: BTreeMap::new(),
            erasures: BTreeMap::new(),
            tail: None,
            consumers: BTreeMap::new(),
        }
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
    pub fn append(&mut self, batch: &[RoomBatch]) -> Vec<Option<Vec<AppendOutcome>>> {
        batch.iter().map(|RoomBatch { room, entries }| self.append_to(*room, entries)).collect()
    }

    /// See [`Store::purge`].
    pub fn purge(&mut self, limit: usize) -> usize {
        let gone: Vec<_> = self.rooms.values().filter(|log| log.is_deleted).map(|log| log.room.id).collect();
        self.extend_tail(gone);
        let mut removed = 0;
        for log in self.rooms.values_mut().filter(|log| log.is_deleted && !log.is_importing) {
            while removed < limit
                && let Some((seq, event)) = log.events.pop_first()
            {
                let key = (log.room.id, event.lookup());
                if self.keys.get(&key) == Some(&seq) {
                    self.keys.remove(&key);
                }
                removed += 1;
            }
        }
        self.rooms.retain(|_, log| {
            let is_over = log.is_deleted && !log.is_importing && log.events.is_empty() && removed < limit;
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
    pub fn create_room(&mut self, new: &RoomRecord) -> Result<Room, Box<Room>> {
        let name_key = new.name.key();
        let claim = new.claim();
        if let Some(holder) = claim.as_ref().and_then(|claim| self.holder(claim)) {
            return Err(Box::new(holder));
        }
        let room = new.to_room(self.next_room());
        self.set_claim(claim, room.id);
        let mut log = RoomLog::new(room.clone(), name_key);
        for (user, role) in new.first_members() {
            let member = InRoom { user: user.clone(), role, since: Seq(0), at: new.created_at };
            log.state.members.insert(user.id.clone(), member);
            log.state.marks.insert(user.id.clone(), (user, Mark::NONE));
        }
        self.rooms.insert(room.id, log);
        Ok(room)
    }

    const fn next_room(&mut self) -> RoomId {
        self.last_room.0 += 1;
        self.last_room
    }

    /// See [`Store::room`].
    #[must_use]
    pub fn room(&self, id: RoomId) -> Option<Room> {
        self.living(id).map(|log| log.room.clone())
    }

    /// See [`Store::rooms`].
    #[must_use]
    pub fn rooms(&self, query: &RoomQuery, viewer: &Viewer) -> RoomPage {
        let after = query.after.map_or(Bound::Unbounded, Bound::Excluded);
        let matches = |log: &&RoomLog| query.name_contains.as_ref().is_none_or(|part| log.name_key.contains(part));
        let living = self.rooms.range((after, Bound::Unbounded)).map(|(_, log)| log).filter(|log| !log.is_deleted);
        let all_kinds = *viewer == Viewer::Host || query.ids.is_some();
        let is_listed = |log: &&RoomLog| log.is_seen(viewer) && (all_kinds || log.room.kind != RoomKind::Direct);
        let is_asked = |log: &&RoomLog| query.ids.as_ref().is_none_or(|ids| ids.contains(&log.room.id));
        let found = living.filter(is_asked).filter(is_listed).filter(matches).map(|log| log.room.clone());
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

    /// See [`Store::heads`].
    #[must_use]
    pub fn head(&self, id: RoomId) -> Option<Seq> {
        self.living(id).map(|log| log.room.head)
    }

    /// See [`Store::history`].
    #[must_use]
    pub fn history(&self, id: RoomId, query: HistoryQuery, viewer: Option<&UserId>) -> Option<HistoryPage> {
        let log = self.living(id)?;
        let messages = log.events.values().filter(|stored| stored.event.countable().is_some());
        let ordinals = messages.map(|stored| (stored.event.seq, stored.ordinal));
        Some(self.page(log, ordinals, (log.messages, log.pruned), query, viewer))
    }

    /// See [`Reader::thread`].
    #[must_use]
    pub fn thread(&self, id: RoomId, root: Seq, query: HistoryQuery, viewer: Option<&UserId>) -> Found<HistoryPage> {
        let Some(log) = self.living(id) else { return Found::NoRoom };
        let message = |stored: &StoredEvent| {
            let message = stored.event.message().filter(|message| message.body.thread == Some(root))?;
            Some((stored.event.seq, message.thread_ordinal?))
        };
        let ordinals: Vec<_> = log.events.values().filter_map(message).collect();
        // What is left of a thread whose root was pruned can be read.
        if ordinals.is_empty() && log.message_state(root, None).is_none() {
            return Found::NoMessage;
        }
        let messages = ordinals.last().map_or(0, |(_, ordinal)| *ordinal);
        let pruned = ordinals.first().map_or(0, |(_, ordinal)| ordinal - 1);
        Found::Here(self.page(log, ordinals.into_iter(), (messages, pruned), query, viewer))
    }

    /// A page of messages that are given by their numbers and ordinals.
    fn page(
        &self,
        log: &RoomLog,
        ordinals: impl Iterator<Item = (Seq, u64)>,
        (messages, pruned): (u64, u64),
        query: HistoryQuery,
        viewer: Option<&UserId>,
    ) -> HistoryPage {
        let ordinals: Vec<_> = ordinals.collect();
        let edge = paging::edge(query.from);
        let before_edge =
            ordinals.iter().take_while(|(seq, _)| *seq <= edge).last().map_or(pruned, |(_, ordinal)| *ordinal);
        let extent = Extent { head: log.room.head, messages, pruned };
        let window = Window::of(query, before_edge, extent);
        let in_window = ordinals.into_iter().filter(|(_, ordinal)| window.has(*ordinal));
        let messages: Vec<MessageState> = in_window.filter_map(|(seq, _)| log.message_state(seq, viewer)).collect();
        paging::finish(self.epoch.clone(), extent, window, messages)
    }

    /// See [`Reader::my_rooms`].
    #[must_use]
    pub fn my_rooms(&self, viewer: &Viewer, query: &MyRoomQuery) -> MyRoomPage {
        let Some(user) = viewer.user() else { return MyRoomPage { rooms: Vec::new(), next: None } };
        let living = self.rooms.values().filter(|log| !log.is_deleted && log.state.marks.contains_key(user));
        let living = living.filter(|log| log.is_seen(viewer));
        let cursor = |room: &Room| MyRoomsCursor { at: room.last_message_at.unwrap_or(room.created_at), room: room.id };
        let mut logs: Vec<_> = living.map(|log| (cursor(&log.room), log)).collect();
        logs.retain(|(cursor, _)| query.after.is_none_or(|after| *cursor < after));
        logs.sort_by(|(one, _), (other, _)| other.cmp(one));
        let has_more = logs.len() > query.limit;
        logs.truncate(query.limit);
        let next = logs.last().filter(|_| has_more).map(|(cursor, _)| *cursor);
        MyRoomPage { rooms: logs.into_iter().map(|(_, log)| log.my_room(user)).collect(), next }
    }

    /// A user's mark in a room, and what is unread beyond it; `None` when the room is gone.
    #[must_use]
    pub fn unread(&self, id: RoomId, user: &UserId) -> Option<(Mark, Unread)> {
        self.living(id).map(|log| (log.mark_of(user), log.unread_of(user)))
    }

    /// See [`Reader::activity`].
    #[must_use]
    pub fn activity(&self, id: RoomId) -> Option<Activity> {
        self.living(id).map(RoomLog::activity)
    }

    /// What a read of a message in a living room finds.
    fn found<T>(&self, id: RoomId, read: impl FnOnce(&RoomLog) -> Option<T>) -> Found<T> {
        match self.living(id) {
            None => Found::NoRoom,
            Some(log) => read(log).map_or(Found::NoMessage, Found::Here),
        }
    }

    fn living(&self, id: RoomId) -> Option<&RoomLog> {
        self.rooms.get(&id).filter(|log| !log.is_deleted)
    }

    fn append_to(&mut self, room: RoomId, entries: &[Entry]) -> Option<Vec<AppendOutcome>> {
        let facts = self.facts(room, entries)?;
        let mut judgement = judge::judge(room, entries, facts);
        for stored in std::mem::take(&mut judgement.new) {
            self.store(room, stored);
        }
        if let Some(log) = self.rooms.get_mut(&room) {
            for (seq, lookup) in judgement.changes.pruned.map(|pruned| log.prune(pruned)).into_iter().flatten() {
                if self.keys.get(&(room, lookup.clone())) == Some(&seq) {
                    self.keys.remove(&(room, lookup));
                }
            }
            log.apply(std::mem::take(&mut judgement.changes));
            for marked in std::mem::take(&mut judgement.marked) {
                let (unread, mentions) = log.unread(&marked.user, marked.mark);
                judgement.counted(marked.index, unread, mentions);
            }
        }
        let Judgement { outcomes, .. } = judgement;
        Some(outcomes)
    }

    /// What is to be known of a room to judge these entries; `None` when it is gone.
    fn facts<'a>(&self, room: RoomId, entries: &'a [Entry]) -> Option<Facts<'a>> {
        let log = self.living(room)?;
        let held = |entry: &'a Entry| {
            let seq = self.keys.get(&(room, entry.lookup()))?;
            Some((Key::of(entry)?, log.events.get(seq)?.clone()))
        };
        let wanted = entries.iter().find_map(|entry| {
            let Op::UpdateRoom(update) = &entry.op else { return None };
            Some(update.name.as_ref().unwrap_or(&log.room.name))
        });
        let naming = wanted.map(|wanted| Naming {
            name: log.room.name.clone(),
            topic: log.room.topic.clone(),
            holder: self.room_by_name(&wanted.key()).filter(|holder| holder.id != room && log.room.external.is_none()),
        });
        let mut facts = Facts {
            first: log.room.first_seq,
            head: log.room.head,
            messages: log.messages,
            pruned: log.pruned,
            keys: entries.iter().filter_map(held).collect(),
            naming,
            ..Facts::default()
        };
        log.add_facts(entries, &mut facts);
        Some(facts)
    }

    /// Stores an event, with what it changes about the room.
    fn store(&mut self, room: RoomId, stored: StoredEvent) {
        let Some(log) = self.rooms.get_mut(&room) else { return };
        match &stored.event.kind {
            EventKind::RoomUpdated { name, topic, kind, invites } => {
                if log.has_name() {
                    self.names.remove(&log.name_key);
                }
                log.name_key = name.key();
                if *kind == RoomKind::Public && log.room.external.is_none() {
                    self.names.insert(log.name_key.clone(), room);
                }
                (log.room.name, log.room.topic) = (name.clone(), topic.clone());
                (log.room.kind, log.room.invites) = (*kind, *invites);
            }
            EventKind::RoomDeleted => {
                if log.has_name() {
                    self.names.remove(&log.name_key);
                }
                if let Some(external) = &log.room.external {
                    self.externals.remove(external);
                }
                log.is_deleted = true;
            }
            EventKind::Message(_)
            | EventKind::MessageEdited(_)
            | EventKind::MessageDeleted { .. }
            | EventKind::Reaction { .. }
            | EventKind::Pin { .. }
            | EventKind::Member(_) => {}
        }
        self.insert(room, stored);
    }

    /// Stores an event, and nothing else.
    fn insert(&mut self, room: RoomId, stored: StoredEvent) {
        let Some(log) = self.rooms.get_mut(&room) else { return };
        if stored.event.countable().is_some() {
            log.room.last_message_seq = Some(stored.event.seq);
            log.room.last_message_at = Some(stored.event.at);
        }
        (log.room.head, log.messages) = (stored.event.seq, stored.ordinal);
        self.keys.insert((room, stored.lookup()), stored.event.seq);
        log.events.insert(stored.event.seq, stored);
    }
}

impl RoomLog {
    /// A room of which nothing is known yet.
    fn new(room: Room, name_key: String) -> Self {
        Self {
            room,
            name_key,
            is_deleted: false,
            is_importing: false,
            messages: 0,
            pruned: 0,
            events: BTreeMap::new(),
            state: RoomState::default(),
            told: None,
        }
    }
}

/// A store in memory: a [`MemoryLog`] behind a lock.
#[derive(Debug)]
pub struct MemoryStore {
    log: Mutex<MemoryLog>,
    users: Mutex<KnownUsers>,
    is_shared: bool,
}

impl MemoryStore {
    /// These logs.
    #[must_use]
    pub const fn of(log: MemoryLog) -> Self {
        Self { log: Mutex::new(log), users: Mutex::new(KnownUsers::new()), is_shared: false }
    }

    /// No rooms yet.
    #[must_use]
    pub fn new(epoch: Epoch) -> Self {
        Self::of(MemoryLog::new(epoch))
    }

    /// The same for several engines at once: each looks for what the others stored.
    #[must_use]
    pub const fn shared(mut self) -> Self {
        self.is_shared = true;
        self
    }

    fn log(&self) -> MutexGuard<'_, MemoryLog> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Store for MemoryStore {
    fn append_concurrency(&self) -> usize {
        1
    }

    fn is_shared(&self) -> bool {
        self.is_shared
    }

    async fn epoch(&self) -> Result<Epoch, StoreError> {
        Ok(self.log().epoch())
    }

    async fn set_epoch(&self, epoch: &Epoch) -> Result<(), StoreError> {
        self.log().set_epoch(epoch.clone());
        Ok(())
    }

    async fn append(&self, batch: &[RoomBatch]) -> Result<Vec<Option<Vec<AppendOutcome>>>, StoreError> {
        Ok(self.log().append(batch))
    }

    async fn purge(&self, limit: usize) -> Result<usize, StoreError> {
        Ok(self.log().purge(limit))
    }

    async fn recover(&self, room: RoomId, keys: &[Lookup]) -> Result<Option<Recovered>, StoreError> {
        Ok(self.log().recover(room, keys))
    }

    async fn create_room(&self, new: &RoomRecord) -> Result<Result<Room, Room>, StoreError> {
        Ok(self.log().create_room(new).map_err(|holder| *holder))
    }

    async fn room(&self, id: RoomId) -> Result<Option<Room>, StoreError> {
        Ok(self.log().room(id))
    }

    async fn room_by_external(&self, external: &str) -> Result<Option<Room>, StoreError> {
        Ok(self.log().room_by_external(external))
    }

    async fn room_by_name(&self, name_key: &str) -> Result<Option<Room>, StoreError> {
        Ok(self.log().room_by_name(name_key))
    }

    async fn rooms(&self, query: &RoomQuery, viewer: &Viewer) -> Result<RoomPage, StoreError> {
        Ok(self.log().rooms(query, viewer))
    }

    async fn events_after(&self, room: RoomId, after: Seq, limit: usize) -> Result<Vec<StoredEvent>, StoreError> {
        Ok(self.log().events_after(room, after, limit))
    }

    async fn heads(&self, rooms: &[RoomId]) -> Result<Vec<Option<Seq>>, StoreError> {
        let log = self.log();
        Ok(rooms.iter().map(|room| log.head(*room)).collect())
    }

    async fn history(
        &self,
        room: RoomId,
        page: HistoryQuery,
        viewer: Option<&UserId>,
    ) -> Result<Option<HistoryPage>, StoreError> {
        Ok(self.log().history(room, page, viewer))
    }

    fn reader(&self) -> &dyn Reader {
        self
    }

    fn members(&self) -> &dyn Members {
        self
    }

    fn moderation(&self) -> &dyn Moderation {
        self
    }

    fn searcher(&self) -> &dyn Searcher {
        self
    }

    fn tail(&self) -> &dyn Tail {
        self
    }

    fn consumers(&self) -> &dyn Consumers {
        self
    }

    fn archive(&self) -> &dyn Archive {
        self
    }

    fn eraser(&self) -> &dyn Eraser {
        self
    }

    fn users(&self) -> &dyn Users {
        self
    }

    async fn probe(&self, _after: StoreErrorKind) -> Result<(), StoreError> {
        Ok(())
    }
}

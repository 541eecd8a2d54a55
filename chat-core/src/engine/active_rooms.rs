//! The rooms that are active: where the task of each is reached.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::sync::{mpsc, oneshot};

use crate::{
    Departure, Error, Presence, RoomId, Seq, SessionId, UserId,
    engine::{
        lock::lock,
        mailbox::{Mailbox, RoomMsg},
        memory::{Excess, Memory, Usage},
        pause::Paused,
    },
};

/// The rooms that are active, by id. An idle room has no task and no entry.
#[derive(Debug)]
pub(super) struct ActiveRooms {
    shards: Vec<Mutex<HashMap<RoomId, ActiveRoom>>>,
    is_closed: AtomicBool,
}

/// Where an active room is reached.
#[derive(Debug)]
pub(super) struct ActiveRoom {
    pub(super) mailbox: Mailbox,
    pub(super) usage: Arc<Usage>,
}

impl ActiveRooms {
    pub(super) fn new() -> Self {
        Self { shards: (0..SHARDS).map(|_| Mutex::default()).collect(), is_closed: AtomicBool::new(false) }
    }

    /// Reaches for a room, which is started if it is not active; `start` says `None` when there is no place for one more. Returns
    /// what was found there, and whether the room was started.
    pub(super) fn reach<T>(
        &self,
        room: RoomId,
        start: impl FnOnce() -> Option<ActiveRoom>,
        then: impl FnOnce(Result<&Mailbox, Error>) -> T,
    ) -> (T, bool) {
        let mut shard = lock(self.shard(room));
        if self.is_closed.load(Ordering::Acquire) {
            return (then(Err(Error::Stopped)), false);
        }
        let is_new = !shard.contains_key(&room);
        if is_new && let Some(started) = start() {
            shard.insert(room, started);
        }
        (then(shard.get(&room).map(|active| &active.mailbox).ok_or(Error::Overloaded)), is_new)
    }

    /// When rooms keep too much in memory, or are too many: asks those that were quiet for longest to let go.
    pub(super) fn relieve(&self, memory: &Memory, now: Duration) {
        let Some(mut excess) = memory.excess(now) else { return };
        let mut rooms: Vec<(u64, RoomId, Arc<Usage>)> = Vec::new();
        for shard in &self.shards {
            let shard = lock(shard);
            rooms.extend(shard.iter().map(|(room, active)| (active.usage.touched(), *room, Arc::clone(&active.usage))));
        }
        rooms.sort_unstable_by_key(|(touched, room, _)| (*touched, *room));
        for (_, room, usage) in rooms {
            if excess == Excess::default() {
                return;
            }
            if usage.ask(&mut excess) {
                self.send(room, RoomMsg::LetGo);
            }
        }
    }

    /// Tells a room, if it is active, that a session is gone.
    pub(super) fn depart(&self, room: RoomId, session: SessionId, departure: Departure) {
        self.send(room, RoomMsg::Depart(session, departure));
    }

    /// Tells a room, if it is active, where its log is said to end; `None`: that it is gone.
    pub(super) fn hint(&self, room: RoomId, head: Option<Seq>) {
        if let Some(active) = lock(self.shard(room)).get(&room) {
            active.mailbox.hint(head);
        }
    }

    /// Lets a room stand still as soon as nothing of it is under way; `None` if it is not active.
    pub(super) async fn pause(&self, room: RoomId) -> Result<Option<Paused>, Error> {
        let (to, paused) = oneshot::channel();
        if !self.send(room, RoomMsg::Pause(to)) {
            return Ok(None);
        }
        // Unanswered, the room has ended: what was asked of it before is answered, too.
        paused.await.map_or(Ok(None), |paused| paused.map(Some))
    }

    /// Lets a room, if it is active, judge a user's sessions again. Resolves when that is done.
    pub(super) async fn recheck(&self, room: RoomId, user: &UserId) {
        let (to, judged) = oneshot::channel();
        if self.send(room, RoomMsg::Recheck(user.clone(), to)) {
            // Unanswered, the room has ended, and nobody hears it.
            let _judged = judged.await;
        }
    }

    /// Has a room read anew, if it is active, as soon as nothing of it is under way.
    pub(super) fn reload(&self, room: RoomId) {
        // A pause of nobody's.
        let (to, _nobody) = oneshot::channel();
        self.send(room, RoomMsg::Pause(to));
    }

    /// The rooms that are active.
    pub(super) fn ids(&self) -> Vec<RoomId> {
        self.shards.iter().flat_map(|shard| lock(shard).keys().copied().collect::<Vec<_>>()).collect()
    }

    /// Who is online in a room; `None` when the room is not active, or not loaded yet.
    pub(super) fn presence(&self, room: RoomId) -> Option<Arc<Presence>> {
        lock(self.shard(room)).get(&room).and_then(|active| active.mailbox.presence())
    }

    /// How many are online in a room.
    pub(super) fn online(&self, room: RoomId) -> usize {
        self.presence(room).map_or(0, |presence| presence.count)
    }

    /// Removes a room's entry, unless its mailbox has something. This happens under the lock that dispatching takes, so that
    /// no command is lost.
    pub(super) fn retire(&self, room: RoomId, mailbox: &mpsc::UnboundedReceiver<RoomMsg>) -> bool {
        let mut shard = lock(self.shard(room));
        let retires = mailbox.is_empty();
        if retires {
            shard.remove(&room);
        }
        retires
    }

    /// Takes no more commands; once this has returned, no room is started any more.
    pub(super) fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
        for shard in &self.shards {
            drop(lock(shard));
        }
    }

    /// How many rooms are active.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
    }

    /// Breaks a room's task. Returns whether it had one.
    #[cfg(any(test, feature = "test-util"))]
    pub(super) fn break_room(&self, room: RoomId) -> bool {
        self.send(room, RoomMsg::Panic)
    }

    /// Sends to a room if it is active. A task that has ended has nobody to forget and nothing to let go of.
    fn send(&self, room: RoomId, message: RoomMsg) -> bool {
        lock(self.shard(room)).get(&room).is_some_and(|active| active.mailbox.send(message))
    }

    fn shard(&self, room: RoomId) -> &Mutex<HashMap<RoomId, ActiveRoom>> {
        let index = usize::try_from(room.0).unwrap_or_default() % SHARDS;
        &self.shards[index]
    }
}

const SHARDS: usize = 64;

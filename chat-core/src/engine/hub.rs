//! The hub: finds a room's task, or starts it.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
};

use tokio::sync::mpsc;

use crate::{
    Departure, Error, Presence, RoomId, SessionId,
    engine::{
        inner::Inner,
        lock,
        memory::{Excess, RoomMemory, Usage},
        reply::Responder,
        room_task::RoomTask,
    },
    state::{Input, ReplyId},
};

/// The rooms that are active. An idle room has no task and no entry.
#[derive(Debug)]
pub(super) struct Hub {
    shards: Vec<Mutex<HashMap<RoomId, Entry>>>,
    replies: AtomicU64,
    closed: AtomicBool,
}

#[derive(Debug)]
struct Entry {
    /// Bounded by what is let in: commands by their slots, departures by the sessions that are attached.
    mailbox: mpsc::UnboundedSender<RoomMsg>,
    shared: Arc<RoomShared>,
    usage: Arc<Usage>,
}

/// What a room's task shares with those who look at it from outside.
#[derive(Debug, Default)]
pub(super) struct RoomShared {
    waiting: AtomicUsize,
    presence: Mutex<Option<Arc<Presence>>>,
}

/// What arrives in a room's mailbox.
#[derive(Debug)]
pub(super) enum RoomMsg {
    /// A command.
    Command(RoomCommand),
    /// A session is gone. Always accepted: a session departs once from a room.
    Depart(SessionId, Departure),
    /// Memory is wanted elsewhere. Asked once at a time.
    LetGo,
    /// Breaks the room, to show what happens then.
    #[cfg(any(test, feature = "test-util"))]
    Panic,
}

/// A command on its way to the state.
#[derive(Debug)]
pub(super) struct RoomCommand {
    pub(super) input: Input,
    pub(super) reply: ReplyId,
    pub(super) responder: Responder,
    /// Its place in the mailbox.
    pub(super) permit: Option<MailboxPermit>,
}

/// A place among the commands that wait for a room; given back when dropped.
#[derive(Debug)]
pub(super) struct MailboxPermit(Arc<RoomShared>);

/// A command that was not taken.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) error: Error,
    pub(super) responder: Responder,
}

impl Hub {
    pub(super) fn new() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            replies: AtomicU64::new(0),
            closed: AtomicBool::new(false),
        }
    }

    /// An id for the answer to a command.
    pub(super) fn next_reply(&self) -> ReplyId {
        ReplyId(self.replies.fetch_add(1, Ordering::Relaxed))
    }

    /// Hands a command to its room, which is started if need be.
    pub(super) fn dispatch(
        &self,
        inner: &Arc<Inner>,
        room: RoomId,
        mut command: RoomCommand,
    ) -> Result<(), Box<Refused>> {
        let mut shard = lock(self.shard(room));
        if self.closed.load(Ordering::Acquire) {
            return Err(refused(Error::Unavailable, command));
        }
        let is_new = !shard.contains_key(&room);
        if is_new && let Some(memory) = inner.memory.enter() {
            shard.insert(room, Entry::start(inner, room, memory));
        }
        let sent = match shard.get(&room).and_then(|entry| Some((entry, entry.permit(inner)?))) {
            None => Err(refused(Error::Overloaded, command)),
            Some((entry, permit)) => {
                command.permit = Some(permit);
                entry.send(RoomMsg::Command(command))
            }
        };
        drop(shard);
        if is_new {
            self.relieve(inner);
        }
        sent
    }

    /// When rooms keep too much in memory, or are too many: asks those that were quiet for longest to let go.
    pub(super) fn relieve(&self, inner: &Inner) {
        let Some(mut excess) = inner.memory.excess(inner.clock.now().mono) else { return };
        let mut rooms: Vec<(u64, RoomId, Arc<Usage>)> = Vec::new();
        for shard in &self.shards {
            let shard = lock(shard);
            rooms.extend(shard.iter().map(|(room, entry)| (entry.usage.touched(), *room, Arc::clone(&entry.usage))));
        }
        rooms.sort_unstable_by_key(|(touched, room, _)| (*touched, *room));
        for (_, room, usage) in rooms {
            if excess == Excess::default() {
                return;
            }
            if usage.ask(&mut excess)
                && let Some(entry) = lock(self.shard(room)).get(&room)
            {
                // A task that has ended has nothing any more.
                let _ended = entry.send(RoomMsg::LetGo);
            }
        }
    }

    /// Tells a room, if it is active, that a session is gone.
    pub(super) fn depart(&self, room: RoomId, session: SessionId, departure: Departure) {
        if let Some(entry) = lock(self.shard(room)).get(&room) {
            // The task ends only with the entry gone, so it is there; if it is not, it has nobody to forget.
            let _ended = entry.send(RoomMsg::Depart(session, departure));
        }
    }

    /// Who is online in a room; `None` when the room is not active, or not loaded yet.
    pub(super) fn presence(&self, room: RoomId) -> Option<Arc<Presence>> {
        lock(self.shard(room)).get(&room).and_then(|entry| lock(&entry.shared.presence).clone())
    }

    /// How many are online in a room.
    pub(super) fn online(&self, room: RoomId) -> usize {
        self.presence(room).map_or(0, |presence| presence.count)
    }

    /// Removes a room's entry, unless its mailbox has something. Under the lock that dispatching takes, so that no command
    /// is lost.
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
        self.closed.store(true, Ordering::Release);
        for shard in &self.shards {
            drop(lock(shard));
        }
    }

    /// How many rooms are active.
    #[cfg(test)]
    pub(super) fn active(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
    }

    /// Breaks a room's task.
    #[cfg(any(test, feature = "test-util"))]
    pub(super) fn break_room(&self, room: RoomId) -> bool {
        lock(self.shard(room)).get(&room).is_some_and(|entry| entry.send(RoomMsg::Panic).is_ok())
    }

    fn shard(&self, room: RoomId) -> &Mutex<HashMap<RoomId, Entry>> {
        let index = usize::try_from(room.0).unwrap_or_default() % SHARDS;
        &self.shards[index]
    }
}

impl Entry {
    fn start(inner: &Arc<Inner>, room: RoomId, memory: RoomMemory) -> Self {
        let (mailbox, letters) = mpsc::unbounded_channel();
        let (shared, usage) = (Arc::new(RoomShared::default()), Arc::clone(memory.usage()));
        RoomTask::spawn(inner, room, letters, Arc::clone(&shared), memory);
        Self { mailbox, shared, usage }
    }

    /// A place for a command, if there is one.
    fn permit(&self, inner: &Inner) -> Option<MailboxPermit> {
        MailboxPermit::take(&self.shared, inner.limits.room_mailbox)
    }

    fn send(&self, message: RoomMsg) -> Result<(), Box<Refused>> {
        match self.mailbox.send(message) {
            Ok(()) => Ok(()),
            Err(mpsc::error::SendError(RoomMsg::Command(command))) => Err(refused(Error::Unavailable, command)),
            Err(_) => Ok(()),
        }
    }
}

impl RoomShared {
    /// Replaces what is told of who is online.
    pub(super) fn set_presence(&self, presence: Option<Arc<Presence>>) {
        *lock(&self.presence) = presence;
    }
}

impl MailboxPermit {
    fn take(shared: &Arc<RoomShared>, limit: usize) -> Option<Self> {
        // Taken first and given back on refusal, so that two at once cannot both take the last one.
        let waiting = shared.waiting.fetch_add(1, Ordering::AcqRel);
        let permit = Self(Arc::clone(shared));
        (waiting < limit).then_some(permit)
    }
}

impl Drop for MailboxPermit {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::AcqRel);
    }
}

fn refused(error: Error, command: RoomCommand) -> Box<Refused> {
    Box::new(Refused { error, responder: command.responder })
}

const SHARDS: usize = 64;

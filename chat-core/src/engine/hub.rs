//! The hub: finds a room's task, or starts it.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use futures::future::join_all;

use crate::{
    Departure, Error, Presence, RoomId, Seq, SessionId, UserId,
    engine::{
        mailbox::{Mailbox, MailboxPlaces, Refused, RoomCommand},
        pause::Paused,
        room_context::RoomContext,
        room_task::RoomTask,
    },
    state::ReplyId,
};

/// Where commands go to rooms.
#[derive(Debug)]
pub(super) struct Hub {
    context: Arc<RoomContext>,
    replies: AtomicU64,
}

impl Hub {
    pub(super) const fn new(context: Arc<RoomContext>) -> Self {
        Self { context, replies: AtomicU64::new(0) }
    }

    /// An id for the answer to a command.
    pub(super) fn next_reply(&self) -> ReplyId {
        ReplyId(self.replies.fetch_add(1, Ordering::Relaxed))
    }

    /// Hands a command to its room, which is started if it is not active.
    pub(super) fn dispatch(&self, room: RoomId, command: RoomCommand) -> Result<(), Box<Refused>> {
        self.reach(room, |mailbox| match mailbox {
            Ok(mailbox) => mailbox.command(command),
            Err(error) => Err(command.refused(error)),
        })
    }

    /// The places of the commands that may wait for a room, which is started if it is not active.
    pub(super) fn places(&self, room: RoomId) -> Result<MailboxPlaces, Error> {
        self.reach(room, |mailbox| mailbox.map(Mailbox::places))
    }

    fn reach<T>(&self, room: RoomId, then: impl FnOnce(Result<&Mailbox, Error>) -> T) -> T {
        let context = &self.context;
        let start = || context.memory.enter().map(|memory| RoomTask::spawn(context, room, memory));
        let (found, is_new) = context.rooms.reach(room, start, then);
        if is_new {
            context.relieve();
        }
        found
    }

    /// Tells a room, if it is active, that a session is gone.
    pub(super) fn depart(&self, room: RoomId, session: SessionId, departure: Departure) {
        self.context.rooms.depart(room, session, departure);
    }

    /// Tells a room, if it is active, where its log is said to end.
    pub(super) fn hint(&self, room: RoomId, head: Seq) {
        self.context.rooms.hint(room, Some(head));
    }

    /// A room was made.
    pub(super) fn made(&self, room: RoomId) {
        self.context.sequencer.grown(room);
    }

    /// A room was imported, with its log.
    pub(super) fn imported(&self, room: RoomId) {
        self.context.grown(room);
    }

    /// Lets a room stand still as soon as nothing of it is under way; `None` if it is not active. [`Error::Unavailable`] if that
    /// takes too long.
    pub(super) async fn pause(&self, room: RoomId) -> Result<Option<Paused>, Error> {
        self.context.rooms.pause(room).await
    }

    /// Lets a room, if it is active, judge a user's sessions again. Resolves when that is done.
    pub(super) async fn recheck(&self, room: RoomId, user: &UserId) {
        self.context.rooms.recheck(room, user).await;
    }

    /// Has a room read anew, if it is active, as soon as nothing of it is under way.
    pub(super) fn reload(&self, room: RoomId) {
        self.context.rooms.reload(room);
    }

    /// Waits until every active room has done what was asked of it so far.
    pub(super) async fn settled(&self) -> Result<(), Error> {
        for rooms in self.context.rooms.ids().chunks(SETTLED_AT_ONCE) {
            let settled = join_all(rooms.iter().map(|room| self.settle(*room))).await;
            settled.into_iter().collect::<Result<(), _>>()?;
        }
        Ok(())
    }

    async fn settle(&self, room: RoomId) -> Result<(), Error> {
        if let Some(paused) = self.pause(room).await? {
            paused.go_on();
        }
        Ok(())
    }

    /// Removes what deleted rooms have left, and what was pruned, in the background.
    pub(super) fn purge(&self) {
        self.context.purger.start();
    }

    /// Who is online in a room; `None` when the room is not active, or not loaded yet.
    pub(super) fn presence(&self, room: RoomId) -> Option<Arc<Presence>> {
        self.context.rooms.presence(room)
    }

    /// How many are online in a room.
    pub(super) fn online(&self, room: RoomId) -> usize {
        self.context.rooms.online(room)
    }

    /// Takes no more commands; once this has returned, no room is started any more.
    pub(super) fn close(&self) {
        self.context.rooms.close();
    }

    /// How many rooms are active.
    #[cfg(test)]
    pub(super) fn active(&self) -> usize {
        self.context.rooms.len()
    }

    /// What all rooms together keep in memory of their events, in bytes.
    #[cfg(test)]
    pub(super) fn recent_bytes(&self) -> usize {
        self.context.memory.recent()
    }

    /// Breaks a room's task. Returns whether it had one.
    #[cfg(any(test, feature = "test-util"))]
    pub(super) fn break_room(&self, room: RoomId) -> bool {
        self.context.rooms.break_room(room)
    }
}

/// How many rooms are waited for at once.
const SETTLED_AT_ONCE: usize = 64;

//! What a session keeps under its lock: its queue, its rooms, and the commands that wait for a gap.

use std::collections::{HashMap, VecDeque};

use crate::{
    Error, RoomId, Ticket,
    engine::{mailbox::RoomCommand, session_queue::SessionQueue},
};

/// The part of a session that changes. It is kept under the session's lock.
#[derive(Debug)]
pub(super) struct State {
    pub(super) queue: SessionQueue,
    pub(super) has_handle: bool,
    /// The error that commands get. `None` until the session has ended.
    pub(super) ended: Option<Error>,
    pub(super) rooms: HashMap<RoomId, Link>,
    /// The attach whose gap is in flight, from its dispatch until someone has taken the gap.
    pub(super) gap: Option<Ticket>,
    /// Bytes of text in commands that are not answered.
    pub(super) unanswered: usize,
    /// Commands that wait until that gap is taken, and commands behind them for the same rooms.
    pub(super) held: VecDeque<Held>,
}

/// How a session stands to a room.
#[derive(Debug, Default)]
pub(super) struct Link {
    pub(super) attached: bool,
    /// How many attaches are not answered yet.
    pub(super) attaching: usize,
}

/// A command that waits in its session.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) ticket: Ticket,
    pub(super) room: RoomId,
    pub(super) wants_gap: bool,
    pub(super) command: RoomCommand,
}

impl State {
    /// The state of a new session.
    pub(super) fn new(session_queue_bytes: usize) -> Self {
        Self {
            queue: SessionQueue::new(session_queue_bytes),
            has_handle: true,
            ended: None,
            rooms: HashMap::new(),
            gap: None,
            unanswered: 0,
            held: VecDeque::new(),
        }
    }

    /// Whether a command has to wait in the session: until the gap in flight is taken, or behind another command for the same
    /// room that waits for that.
    pub(super) fn must_wait(&self, command: &Held) -> bool {
        (command.wants_gap && self.gap.is_some()) || self.held.iter().any(|held| held.room == command.room)
    }

    pub(super) fn release_gap(&mut self, ticket: Ticket) -> bool {
        let held = self.gap == Some(ticket);
        if held {
            self.gap = None;
        }
        held
    }

    /// Whether a command with this many bytes of text fits among the unanswered ones. A single command always fits.
    pub(super) const fn has_place_for(&self, bytes: usize, limit: usize) -> bool {
        bytes == 0 || self.unanswered == 0 || self.unanswered.saturating_add(bytes) <= limit
    }

    pub(super) fn has_all_rooms(&self, room: RoomId, limit: usize) -> bool {
        self.rooms.len() >= limit && !self.rooms.contains_key(&room)
    }

    pub(super) fn unlink(&mut self, room: RoomId, change: impl FnOnce(&mut Link)) {
        if let Some(link) = self.rooms.get_mut(&room) {
            change(link);
            if !link.attached && link.attaching == 0 {
                self.rooms.remove(&room);
            }
        }
    }
}

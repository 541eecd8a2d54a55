//! What a session keeps under its lock: its queue, its rooms, and the commands that wait in it.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use crate::{
    Activity, Departure, Error, Position, RoomId, Seq, Ticket,
    engine::{ending::Ending, mailbox::RoomCommand, reply::ToSession, session_queue::SessionQueue},
};

/// The part of a session that changes. It is kept under the session's lock.
#[derive(Debug)]
pub(super) struct State {
    pub(super) queue: SessionQueue,
    pub(super) has_handle: bool,
    /// `None` until the session has ended.
    pub(super) ending: Option<Ending>,
    /// What it means that nobody holds the session any more.
    pub(super) on_drop: Departure,
    pub(super) rooms: HashMap<RoomId, Link>,
    pub(super) watching: HashMap<RoomId, Watch>,
    /// The rooms of attaches and detaches that are on their way there, once for each.
    pub(super) moving: Vec<RoomId>,
    /// The attach whose gap is in flight, from its dispatch until someone has taken the gap.
    pub(super) gap: Option<Ticket>,
    /// Commands that wait in the session, and commands behind them for the same rooms.
    pub(super) held: VecDeque<Held>,
    /// Whether something has happened that may let one of them go.
    pub(super) may_release: bool,
}

/// How a session stands to a room.
#[derive(Debug, Default)]
pub(super) struct Link {
    pub(super) attached: bool,
    /// How many attaches are not answered yet.
    pub(super) attaching: usize,
}

/// A watch of a room.
#[derive(Debug)]
pub(super) enum Watch {
    /// It is not answered yet. The newest activity waits for the answer.
    Pending(Option<Arc<Activity>>),
    /// It is answered with this head: what happens after it is told.
    Active(Seq),
}

/// A command that waits in its session.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) ticket: Ticket,
    pub(super) room: RoomId,
    pub(super) wants_gap: bool,
    pub(super) command: SessionCommand,
}

/// A command of a session: to a room, or one that the session carries out without the room.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "nearly all go to rooms: boxing them would cost each an allocation")]
pub(super) enum SessionCommand {
    ToRoom(RoomCommand),
    Watch(ToSession<Position>),
}

impl Held {
    /// The same, while it waits in its session: nobody waits for who does not read. Its place in the room is taken when it comes
    /// there.
    pub(super) fn without_place(mut self) -> Self {
        if let SessionCommand::ToRoom(command) = &mut self.command {
            command.permit = None;
        }
        self
    }
}

impl State {
    /// The state of a new session.
    pub(super) fn new(queue: SessionQueue) -> Self {
        Self {
            queue,
            has_handle: true,
            ending: None,
            on_drop: Departure::Closed,
            rooms: HashMap::new(),
            watching: HashMap::new(),
            moving: Vec::new(),
            gap: None,
            held: VecDeque::new(),
            may_release: false,
        }
    }

    /// Whether a command has to wait in the session: until the gap in flight is taken, until the watch of its room is answered,
    /// or behind another command for the same room that waits. A watch waits for attaches and detaches of its room, too.
    pub(super) fn must_wait(&self, command: &Held) -> bool {
        let is_watch = matches!(command.command, SessionCommand::Watch(_));
        (command.wants_gap && self.gap.is_some())
            || (is_watch && self.moving.contains(&command.room))
            || matches!(self.watching.get(&command.room), Some(Watch::Pending(_)))
            || self.held.iter().any(|held| held.room == command.room)
    }

    /// An attach or a detach of this room is answered.
    pub(super) fn moved(&mut self, room: RoomId) {
        if let Some(place) = self.moving.iter().position(|moving| *moving == room) {
            self.moving.swap_remove(place);
            self.may_release = true;
        }
    }

    /// The error that commands get. `None` until the session has ended.
    pub(super) fn refusal(&self) -> Option<Error> {
        self.ending.map(Ending::refusal)
    }

    pub(super) fn release_gap(&mut self, ticket: Ticket) -> bool {
        let held = self.gap == Some(ticket);
        if held {
            self.gap = None;
            self.may_release = true;
        }
        held
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

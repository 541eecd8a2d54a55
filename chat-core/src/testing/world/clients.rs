//! Those who use the engine: users, their devices, and the sessions of these.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{
    World,
    check::{Asked, Broken, Checked, Promise},
    engine::Pending,
    event_queue::ScheduledEvent,
    words::Words,
};
use crate::{
    Answer, AnswerResult, CloseReason, Identity, RoomId, Seq, SessionId, Ticket, Timestamp, Update, UserId,
    error::Error,
    state::{Answered, Backlog, Departure, Input, ReplyId, Request},
};

/// Everybody outside of the engine, and what they wait for.
#[derive(Debug)]
pub(super) struct Clients {
    pub(super) users: Vec<Identity>,
    pub(super) devices: Vec<Device>,
    pub(super) sessions: BTreeMap<SessionId, Session>,
    /// Commands that were not answered yet.
    pub(super) pending: BTreeMap<ReplyId, Pending>,
    pub(super) last_session: u64,
    pub(super) last_reply: u64,
}

/// A device: what stays when a session ends.
#[derive(Debug)]
pub(super) struct Device {
    pub(super) user: Identity,
    pub(super) session: Option<SessionId>,
    /// The last event it saw of each room.
    pub(super) known: BTreeMap<RoomId, Seq>,
    /// Whether it reads slowly.
    pub(super) slow: bool,
}

/// One session, from connect to its end.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) device: usize,
    pub(super) user: Identity,
    backlog: Backlog,
    reading: bool,
    slow: bool,
    /// The rooms that it asked to attach to: those that must hear of its end.
    pub(super) rooms: BTreeSet<RoomId>,
    /// Its reader is gone, whether the engine knows that or not.
    pub(super) gone: bool,
    /// It did not read fast enough.
    lagged: bool,
}

impl Clients {
    pub(super) fn new(users: Vec<Identity>, devices: Vec<Device>) -> Self {
        let (sessions, pending) = (BTreeMap::new(), BTreeMap::new());
        Self { users, devices, sessions, pending, last_session: 0, last_reply: 0 }
    }
}

impl Clients {
    /// It is this late while commands are under way.
    pub(super) fn note_time(&mut self, wall: Timestamp) {
        for pending in self.pending.values_mut() {
            let (first, last) = pending.walls;
            pending.walls = (first.min(wall), last.max(wall));
        }
    }
}

impl Session {
    pub(super) fn user_id(&self) -> UserId {
        self.user.id.clone()
    }
}

impl World {
    pub(super) fn connect(&mut self, device: usize) -> SessionId {
        self.clients.last_session += 1;
        let id = SessionId(self.clients.last_session);
        let Some(owner) = self.clients.devices.get_mut(device) else { return id };
        owner.session = Some(id);
        let (user, slow) = (owner.user.clone(), owner.slow);
        self.trace.line(format_args!("session {id} of {} on device {device}", user.id));
        let backlog = Backlog::new(self.engine.limits.session_queue_bytes);
        let (rooms, reading, gone, lagged) = (BTreeSet::new(), false, false, false);
        let session = Session { device, user, backlog, reading, slow, rooms, gone, lagged };
        self.clients.sessions.insert(id, session);
        self.check.connected(id);
        id
    }

    /// Asks something of a room; the answer comes to the session, or to a caller without one.
    pub(super) fn ask(
        &mut self,
        room: RoomId,
        session: Option<SessionId>,
        mut asked: Asked,
        request: impl FnOnce(ReplyId) -> Request,
    ) -> Checked {
        self.clients.last_reply += 1;
        let reply = ReplyId(self.clients.last_reply);
        let now = self.event_queue.now();
        let (at, walls) = (now.mono, (now.wall, now.wall));
        self.tally.commands += 1;
        let head = self.begun(reply, room, session, &mut asked);
        self.clients.pending.insert(reply, Pending { room, session, at, walls, head, asked, reply });
        self.command(room, request(reply).into())
    }

    /// The engine answers. Every command is answered once.
    pub(super) fn answer(&mut self, answered: Answered, batch: &mut super::check::Batch) -> Checked {
        let reply = answered.reply();
        self.clients.note_time(self.event_queue.now().wall);
        let Some(pending) = self.clients.pending.remove(&reply) else {
            return Err(Broken::new(Promise::AnsweredOnce, format!("{reply:?} is answered, but nobody waits for it")));
        };
        self.tally.answers += 1;
        self.tally.unknown += u64::from(is_unknown(&answered));
        self.check_answer(&pending, &answered, batch)?;
        if let Some(session) = pending.session
            && let Some(result) = to_answer(pending.room, answered)
        {
            self.push(session, Update::Answer(Ticket(reply.0), result));
        }
        Ok(())
    }

    /// Something for a session's session queue.
    pub(super) fn push(&mut self, id: SessionId, update: Update) {
        let Some(session) = self.clients.sessions.get_mut(&id) else { return };
        if session.lagged {
            return;
        }
        if session.backlog.push(update).is_err() {
            session.lagged = true;
            let _ = session.backlog.push(Update::Closed(CloseReason::Lagged));
            self.laggards.push(id);
        }
        if !session.reading && !session.gone {
            session.reading = true;
            let pace = if session.slow && self.acting { self.rng.millis(200, 3_000) } else { self.rng.millis(0, 4) };
            self.event_queue.put(pace, &mut self.rng, ScheduledEvent::Read(id));
        }
    }

    /// Sessions that were cut are noticed by the rooms a moment later.
    pub(super) fn cut_laggards(&mut self) {
        for id in std::mem::take(&mut self.laggards) {
            self.tally.lagged += 1;
            self.trace.line(format_args!("  session {id} lagged"));
            let soon = self.rng.millis(0, 5);
            self.event_queue.put(soon, &mut self.rng, ScheduledEvent::Depart(id, Departure::Lost));
        }
    }

    /// A session's reader takes what waits: all, or a few if it is slow.
    pub(super) fn read(&mut self, id: SessionId) -> Checked {
        let Some(session) = self.clients.sessions.get_mut(&id) else { return Ok(()) };
        session.reading = false;
        if session.gone {
            return Ok(());
        }
        let some = if session.slow && self.acting { self.rng.between(1, 6) } else { u64::MAX };
        let device = session.device;
        for _ in 0..some {
            let Some(session) = self.clients.sessions.get_mut(&id) else { break };
            let Some(update) = session.backlog.pop() else { return Ok(()) };
            self.tally.updates += 1;
            self.trace.line(format_args!("    session {id} reads {}", Words(&update)));
            let closed = matches!(update, Update::Closed(_));
            if let Some((room, seq)) = self.check_update(id, &update)?
                && let Some(device) = self.clients.devices.get_mut(device)
            {
                device.known.insert(room, seq);
            }
            if closed {
                self.lose_reader(id);
                return Ok(());
            }
        }
        if let Some(session) = self.clients.sessions.get_mut(&id) {
            session.reading = true;
            let pace = self.rng.millis(200, 3_000);
            self.event_queue.put(pace, &mut self.rng, ScheduledEvent::Read(id));
        }
        Ok(())
    }

    /// A session's device has no session any more.
    pub(super) fn lose_reader(&mut self, id: SessionId) {
        let Some(session) = self.clients.sessions.get_mut(&id) else { return };
        session.gone = true;
        if let Some(device) = self.clients.devices.get_mut(session.device).filter(|device| device.session == Some(id)) {
            device.session = None;
        }
    }

    /// A session ends: all its rooms hear of it.
    pub(super) fn depart(&mut self, session: SessionId, departure: Departure) -> Checked {
        self.lose_reader(session);
        let Some(gone) = self.clients.sessions.remove(&session) else { return Ok(()) };
        self.check.disconnected(session);
        // Nobody waits for its answers any more; they may still come.
        for pending in self.clients.pending.values_mut().filter(|pending| pending.session == Some(session)) {
            pending.at = Duration::MAX;
        }
        for room in gone.rooms {
            if self.engine.rooms.contains_key(&room) {
                self.command(room, Input::Depart { session, departure })?;
            }
        }
        Ok(())
    }

    /// Whether someone who is still there waits for an answer of this room.
    pub(super) fn answers_pending(&self, room: RoomId) -> bool {
        self.clients.pending.values().any(|pending| pending.room == room && pending.at != Duration::MAX)
    }
}

/// An answer as a session is told it.
fn to_answer(room: RoomId, answered: Answered) -> Option<AnswerResult> {
    match answered {
        Answered::Attach(_, result) => Some(result.map(Answer::Attached)),
        Answered::Detach(_) => Some(Ok(Answer::Detached { room })),
        Answered::Typing(_, result) => Some(result.map(|()| Answer::Typing { room })),
        Answered::Send(_, result) => Some(result.map(Answer::Sent)),
        Answered::Change(_, result) => Some(result.map(|changed| Answer::Changed { room, changed })),
        Answered::Mark(_, result) => Some(result.map(Answer::Marked)),
        Answered::Prune(..) | Answered::Invite(..) => None,
    }
}

fn is_unknown(answered: &Answered) -> bool {
    matches!(answered, Answered::Send(_, Err(Error::OutcomeUnknown)) | Answered::Change(_, Err(Error::OutcomeUnknown)))
}

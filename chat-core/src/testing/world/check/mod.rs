//! The promises, checked after every step from what clients see and what the log holds; never from inside of a state.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::Duration,
};

use super::{World, clients::Session, engine::Incarnation};
use crate::{
    Body, Delivery, Event, InviteCode, Item, Limits, MarkTo, RoomId, Sent, Seq, SessionId, SignalKind, Since, UserId,
    append::{EventKey, Lookup, Op},
    error::Error,
    state::{Answered, Departure, ReplyId},
};

mod attach;
mod changes;
mod conversation;
pub(super) mod invites;
mod marks;
mod membership;
mod presence;
mod reference_log;
mod rights;
mod room;
mod sends;
mod stream;
mod typing;

pub(super) use self::{
    changes::Changes,
    marks::Marks,
    membership::Who,
    reference_log::{ReferenceLog, Writer},
    room::RoomCheck,
    sends::Sends,
    stream::Stream,
};
use self::{membership::Right, rights::fails_alike};

/// What the engine promises, by the names of the design (`G1` to `G14`), and what a caller of it relies on besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Promise {
    /// G1: what was acknowledged or published is in the log, and stays.
    Durable,
    /// G2: all agree on which event has which number.
    OneOrder,
    /// G3: p+1, p+2, … without a skip, a repeat or a step back; nor has the log a hole.
    GaplessOnce,
    /// G4: one event for (room, user, key); each retry gets the first answer.
    SentOnce,
    /// G5: what was refused is never seen.
    NoPhantoms,
    /// G6: what was acknowledged before something else began stands before it; a session's commands keep their order.
    OrderOfEffects,
    /// G7: what was acknowledged is included in what its user hears.
    ReadYourWrites,
    /// G8: exactly the gap, or `resync`, and that only with reason.
    HonestResume,
    /// G9: after the faults' end each open subscription reaches the head.
    FoundAgain,
    /// G10: who is online, and who is told of it.
    Presence,
    /// G11: who is shown as typing.
    Typing,
    /// G12: who acts has the right to where the event stands, and nothing is answered ok without it.
    ActsByRight,
    /// G12: a session hears of a room what its user may: the event that ends their right to read, and nothing after it.
    SilentAfterRemoval,
    /// For a stranger, a room that is hidden is like one that is not there.
    Hidden,
    /// An owned room has an owner as long as somebody is in it, and a private room ends with the last who leaves.
    Owned,
    /// G13: read marks do not go back by themselves, and what is unread is exact.
    ReadMarks,
    /// What was deleted is read no more.
    Erased,
    /// G14: what is served is what replaying the log gives.
    Fold,
    /// G15: what is answered is the truth.
    HonestRefusal,
    /// The ok of a send stands before the message's own event.
    AnswerFirst,
    /// Every command is answered exactly once.
    AnsweredOnce,
    /// After a detach is answered, nothing of that room follows.
    SilentAfterDetach,
    /// At most one append and one load of a room are under way, and no timer runs wild.
    OneAtATime,
}

/// A promise that was broken, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Which one.
    pub promise: Promise,
    /// How.
    pub detail: String,
}

/// Nothing, or the promise that was broken.
pub(super) type Checked = Result<(), Broken>;

/// What was asked, with what is needed to judge the answer.
#[derive(Debug, Clone)]
pub(super) enum Asked {
    Attach {
        user: UserId,
        since: Since,
        presence: bool,
        log_head: Seq,
        loads: u64,
    },
    Detach,
    Typing(bool),
    Send {
        user: UserId,
        key: EventKey,
        body: Body,
    },
    Change {
        user: UserId,
        key: EventKey,
        op: Op,
    },
    Mark {
        user: UserId,
        to: MarkTo,
    },
    /// An update or the end of a room, or what the host does, in this user's name if there is one.
    ChangeRoom {
        user: Option<UserId>,
        key: EventKey,
        op: Op,
    },
}

/// Why somebody may not be shown as typing.
struct TypingLacks {
    /// The right that they lack.
    lack: Option<membership::Code>,
    /// Whether they may not know of the room.
    is_hidden: bool,
    is_gone: bool,
}

/// What one input led to.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) departed: Option<(SessionId, Departure)>,
    pub(super) moves: Vec<Move>,
    /// Sessions that just attached and wait for their first user list.
    pub(super) list_due: Vec<SessionId>,
    /// Answers say what was found of appends whose outcome was lost: nobody judges them anew.
    pub(super) recovers: bool,
}

/// One thing that changed who is there, who types, or what is known of that.
#[derive(Debug)]
pub(super) enum Move {
    Attached { session: SessionId, presence: bool },
    Detached(SessionId),
    Typed(SessionId, bool),
    Wrote(UserId),
    Signal(SignalKind, Whom),
    Deleted,
}

/// Who something was delivered to.
#[derive(Debug)]
pub(super) enum Whom {
    All(Vec<SessionId>),
    One(SessionId),
}

/// All that is known of what is right.
#[derive(Debug, Default)]
pub(super) struct Checks {
    pub(super) reference_logs: BTreeMap<RoomId, ReferenceLog>,
    pub(super) rooms: BTreeMap<RoomId, RoomCheck>,
    pub(super) streams: BTreeMap<SessionId, Stream>,
    pub(super) sends: Sends,
    pub(super) changes: Changes,
    pub(super) marks: Marks,
    /// The keys of what the host itself does.
    pub(super) host_keys: BTreeSet<EventKey>,
    /// The keys of those who come in by an invite.
    pub(super) accepts: BTreeMap<EventKey, InviteCode>,
}

impl Broken {
    pub(super) fn new(promise: Promise, detail: impl Into<String>) -> Self {
        Self { promise, detail: detail.into() }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is broken: {}", self.promise, self.detail)
    }
}

/// `Ok` if it holds, else the promise that is broken; the detail is made only then.
pub(super) fn hold(holds: bool, promise: Promise, detail: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(Broken::new(promise, detail())) }
}

impl Whom {
    pub(super) fn iter(&self) -> impl Iterator<Item = SessionId> {
        match self {
            Self::All(sessions) => sessions.as_slice(),
            Self::One(session) => std::slice::from_ref(session),
        }
        .iter()
        .copied()
    }
}

impl Batch {
    /// Something is delivered. The first that a session hears after its attach is who is there.
    pub(super) fn told(&mut self, delivery: &Delivery, whom: Whom) -> Checked {
        let kind = match delivery.item() {
            Item::Signal(signal) => Some(signal.kind.clone()),
            Item::Event(_) => None,
        };
        let is_list = matches!(kind, Some(SignalKind::UserList(_)));
        for session in whom.iter() {
            if let Some(place) = self.list_due.iter().position(|due| *due == session) {
                hold(is_list, Promise::Presence, || {
                    format!("session {session} attached and heard something before the user list")
                })?;
                self.list_due.swap_remove(place);
            }
        }
        match (delivery.item(), kind) {
            (_, Some(kind)) => self.moves.push(Move::Signal(kind, whom)),
            (Item::Event(event), None) if event.kind == crate::EventKind::RoomDeleted => self.moves.push(Move::Deleted),
            (Item::Event(event), None) if event.message().is_some() => {
                self.moves.extend(event.actor.as_ref().map(|actor| Move::Wrote(actor.id.clone())));
            }
            (Item::Event(_), None) => {}
            (Item::Signal(_), None) => {}
        }
        Ok(())
    }
}

impl Checks {
    pub(super) fn connected(&mut self, session: SessionId) {
        self.streams.insert(session, Stream::default());
    }

    pub(super) fn disconnected(&mut self, session: SessionId) {
        self.streams.remove(&session);
    }

    /// A room is about to be forgotten: nobody may be counted as online in it.
    pub(super) fn forgotten(&mut self, room: RoomId, now: Duration) -> Checked {
        match self.rooms.remove(&room) {
            Some(check) => check.may_end(room, now),
            None => Ok(()),
        }
    }
}

impl World {
    /// A command is on its way. Returns the event since which what is known may decide the answer.
    pub(super) fn begun(&mut self, reply: ReplyId, room: RoomId, session: Option<SessionId>, asked: &mut Asked) -> Seq {
        match asked {
            Asked::Attach { log_head, loads, .. } => {
                *log_head = self.check.reference_logs.get(&room).map_or(Seq(0), ReferenceLog::head);
                *loads = self.engine.rooms.get(&room).map_or(0, |live| live.loads);
            }
            Asked::Send { user, key, body } => {
                let lookup = Lookup { user: Some(user.clone()), key: key.clone() };
                let behind = self.clients.pending.values().rev().find(|pending| {
                    session.is_some()
                        && pending.session == session
                        && pending.room == room
                        && matches!(pending.asked, Asked::Attach { .. })
                });
                let behind = behind.map(|pending| pending.reply);
                self.check.sends.begun(reply, room, lookup, body, (session, behind));
            }
            Asked::Change { user, key, op } => {
                let reference_log = self.check.reference_logs.get(&room);
                self.check.changes.begun(reply, room, (user, key, op), reference_log);
            }
            Asked::Mark { user, to } => self.check.marks.begun(room, user, *to),
            Asked::Detach | Asked::Typing(_) | Asked::ChangeRoom { .. } => {}
        }
        if let Some(stream) = session.and_then(|session| self.check.streams.get_mut(&session)) {
            stream.asked(reply, room, matches!(asked, Asked::Attach { .. }));
        }
        let head = self.check.reference_logs.get(&room).map_or(Seq(0), ReferenceLog::head);
        // Appends are judged by what is stored, attaches by what the room knows.
        let known = self.engine.rooms.get(&room).filter(|_| matches!(asked, Asked::Attach { .. }));
        known.map_or(head, |live| head.min(live.state.head()))
    }

    /// An answer is given.
    pub(super) fn check_answer(
        &mut self,
        pending: &super::engine::Pending,
        answered: &Answered,
        batch: &mut Batch,
    ) -> Checked {
        self.check_turn(pending)?;
        let lacks_right = self.check_rights(pending, answered, batch)?;
        match (&pending.asked, answered) {
            (Asked::Attach { .. }, Answered::Attach(_, result)) => self.check_attached(pending, result, batch),
            (Asked::Detach, Answered::Detach(_)) => {
                batch.moves.extend(pending.session.map(Move::Detached));
                Ok(())
            }
            (Asked::Typing(is_typing), Answered::Typing(_, result)) => {
                self.check_typed(pending, *is_typing, result, batch)
            }
            (Asked::Send { .. }, Answered::Send(reply, result)) => {
                self.check_sent(pending.room, *reply, result, lacks_right)
            }
            (Asked::Change { .. }, Answered::Change(reply, result)) => {
                let Some(reference_log) = self.check.reference_logs.get(&pending.room) else { return Ok(()) };
                self.check.changes.answered(*reply, result, reference_log, lacks_right)
            }
            (Asked::Mark { to, .. }, Answered::Mark(_, result)) => self.check_marked(pending, *to, result, lacks_right),
            (Asked::ChangeRoom { key, .. }, Answered::Change(_, result)) => {
                let Some(reference_log) = self.check.reference_logs.get(&pending.room) else { return Ok(()) };
                reference_log.check_change(key, result, lacks_right)
            }
            (asked, answered) => {
                Err(Broken::new(Promise::HonestRefusal, format!("{asked:?} is answered with {answered:?}")))
            }
        }
    }

    fn check_typed(
        &self,
        pending: &super::engine::Pending,
        is_typing: bool,
        result: &Result<(), Error>,
        batch: &mut Batch,
    ) -> Checked {
        let Some(session) = pending.session else { return Ok(()) };
        let attached = self.is_attached(pending.room, session, batch);
        let TypingLacks { lack, is_hidden, is_gone } = self.typing_lacks(pending);
        let right = match result {
            Ok(()) => attached && (lack.is_none() || !is_typing),
            // Whoever may not know of the room is not told that it is there.
            Err(Error::NotAttached) => !attached && !is_hidden,
            Err(Error::RoomNotFound) => is_gone || !attached && is_hidden,
            Err(error) if fails_alike(error) => !attached,
            Err(error) => attached && lack == Some(error.code()),
        };
        hold(right, Promise::HonestRefusal, || format!("attached {attached}, but typing is answered {result:?}"))?;
        if result.is_ok() {
            batch.moves.push(Move::Typed(session, is_typing));
        }
        Ok(())
    }

    /// What a session's user lacks to be shown as typing in a room, by what the room knows now.
    fn typing_lacks(&self, pending: &super::engine::Pending) -> TypingLacks {
        let session = pending.session.and_then(|session| self.clients.sessions.get(&session));
        let (Some(session), Some(log)) = (session, self.check.reference_logs.get(&pending.room)) else {
            return TypingLacks { lack: None, is_hidden: false, is_gone: true };
        };
        let head = self.engine.rooms.get(&pending.room).map_or(log.head(), |live| live.state.head());
        let (who, at) = (Who::User(&session.user.id), self.event_queue.now().wall);
        let membership = log.membership(head);
        let is_hidden = membership.lacks(who, Right::Read, at) == Some(Error::RoomNotFound.code());
        TypingLacks { lack: membership.lacks(who, Right::Write, at), is_hidden, is_gone: log.is_deleted() }
    }

    fn check_sent(&mut self, room: RoomId, reply: ReplyId, result: &Result<Sent, Error>, lacks_right: bool) -> Checked {
        if let Ok(Sent { event, .. }) = result {
            let read = self.database.log.events_after(room, Seq(event.seq.0.saturating_sub(1)), 1);
            let is_it = |read: &Event| *read == **event || *read == Event::clone(event).erased();
            hold(read.iter().any(|read| is_it(&read.event)), Promise::ReadYourWrites, || {
                format!("{} is acknowledged, but a read there gives {read:?}", event.seq)
            })?;
        }
        let Some(reference_log) = self.check.reference_logs.get(&room) else { return Ok(()) };
        self.check.sends.answered(reply, result, reference_log, lacks_right)
    }

    /// A session's commands for a room wait behind its attach there.
    fn check_turn(&self, pending: &super::engine::Pending) -> Checked {
        let Some(session) = pending.session.filter(|session| self.clients.sessions.contains_key(session)) else {
            return Ok(());
        };
        let before = self.clients.pending.range(..pending.reply).map(|(_, before)| before);
        let mut waiting = before.filter(|before| before.session == Some(session) && before.room == pending.room);
        let overtaken = waiting.find(|before| matches!(before.asked, Asked::Attach { .. }));
        hold(overtaken.is_none(), Promise::OrderOfEffects, || {
            format!("session {session}'s {:?} was answered before its attach", pending.asked)
        })
    }

    /// Whether a session is attached, with what just happened counted in.
    fn is_attached(&self, room: RoomId, session: SessionId, batch: &Batch) -> bool {
        let mut attached = self.check.rooms.get(&room).is_some_and(|check| check.has(session));
        for change in &batch.moves {
            match change {
                Move::Attached { session: who, .. } if *who == session => attached = true,
                Move::Detached(who) if *who == session => attached = false,
                Move::Deleted => attached = false,
                Move::Attached { .. } | Move::Detached(_) | Move::Typed(..) | Move::Wrote(_) | Move::Signal(..) => {}
            }
        }
        attached
    }

    /// After each input of a room: who is there, who types, and what was told of it.
    pub(super) fn check_room(&mut self, incarnation: Incarnation, batch: Batch) -> Checked {
        if let Some(session) = batch.list_due.first() {
            return Err(Broken::new(Promise::Presence, format!("session {session} attached and heard no user list")));
        }
        let now = self.event_queue.mono();
        let Some(live) = self.engine.rooms.get(&incarnation.room) else { return Ok(()) };
        let clients = &self.clients;
        let user_of = |session| clients.sessions.get(&session).map(Session::user_id);
        let check = self.check.rooms.entry(incarnation.room).or_default();
        check.after(batch, &user_of, now, &self.engine.limits)?;
        check.check_presence(live.state.presence(), now, &self.engine.limits)
    }

    /// What must have happened by now, whether a room was woken or not.
    pub(super) fn check_times(&self) -> Checked {
        let now = self.event_queue.mono();
        for (room, check) in &self.check.rooms {
            check.check_times(*room, now, &self.engine.limits)?;
        }
        for (room, live) in &self.engine.rooms {
            if live.recovering.is_some_and(|since| now > since + RECOVERY_PATIENCE) {
                self.check_patience(*room, live.recovering)?;
            }
        }
        Ok(())
    }

    /// While it is not known what became of an append, nobody is made to wait for longer than 10 s.
    fn check_patience(&self, room: RoomId, since: Option<Duration>) -> Checked {
        let kept = self
            .clients
            .pending
            .values()
            .find(|pending| pending.room == room && since.is_some_and(|at| pending.at < at));
        match kept {
            Some(pending) => {
                let detail =
                    format!("{:?} of room {room} waits for longer than 10 s for a lost outcome", pending.asked);
                Err(Broken::new(Promise::HonestRefusal, detail))
            }
            None => Ok(()),
        }
    }
}

/// How late a room may be with something that is due: it is woken that late.
pub(super) const SLACK: Duration = Duration::from_millis(super::engine::WAKE_LAG_MS + 1);
/// 10 s, and the slack.
const RECOVERY_PATIENCE: Duration = Duration::from_millis(10_001 + super::engine::WAKE_LAG_MS);

/// Whether an error says that nothing was stored.
pub(super) const fn says_not_stored(error: &Error) -> bool {
    matches!(
        error,
        Error::Unavailable | Error::StorageFull | Error::Overloaded | Error::RoomNotFound | Error::NameTaken { .. }
    )
}

/// What the limits say about how long a gap may be.
pub(super) const fn longest_gap(limits: &Limits) -> u64 {
    limits.recent_events as u64
}

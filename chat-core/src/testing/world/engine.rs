//! The engine's shell in miniature: runs the rooms' states and carries out their effects.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use super::{
    World,
    check::{Batch, Broken, Checked, Move, Promise, Whom, hold},
    database::Work,
    event_queue::ScheduledEvent,
    words::Words,
};
use crate::{
    Delivery, DetachReason, Limits, Notice, RoomId, Seq, SessionId, Timestamp, Update, UserId,
    append::{AppendFailure, AppendResult, Entry, Op, Recovered, StoredEvent},
    error::Error,
    mutations::{Bug, MutatedState},
    rights::Standings,
    state::{Answered, Completion, Effect, Input, ReplyId, Request},
};

/// One incarnation of a room: from when its state was made until it was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Incarnation {
    pub(super) room: RoomId,
    pub(super) number: u64,
}

/// A room that is running.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) incarnation: Incarnation,
    pub(super) state: MutatedState,
    /// Whom the shell delivers to.
    pub(super) joined: BTreeSet<SessionId>,
    /// Whether an append, or the look at what became of it, is under way.
    pub(super) appending: bool,
    pub(super) loading: bool,
    pub(super) looking_up: bool,
    /// How many loads were asked for so far.
    pub(super) loads: u64,
    /// Since when it is not known what became of an append.
    pub(super) recovering: Option<Duration>,
    wake: Option<Duration>,
    /// How often in a row it was woken and wanted to be woken at once again.
    spins: u32,
}

/// The engine: the rooms that run, the journal, and who waits for which answer.
#[derive(Debug)]
pub(super) struct Engine {
    /// Raised when the process starts anew.
    pub(super) generation: u64,
    pub(super) rooms: BTreeMap<RoomId, Live>,
    pub(super) limits: Arc<Limits>,
    bug: Option<Bug>,
    last_incarnation: u64,
    journal: Work,
    flushing: bool,
}

impl Engine {
    pub(super) fn new(limits: Arc<Limits>, bug: Option<Bug>) -> Self {
        let (rooms, journal) = (BTreeMap::new(), Vec::new());
        Self { generation: 0, rooms, limits, bug, last_incarnation: 0, journal, flushing: false }
    }

    /// Whether this is the incarnation that the room has now.
    pub(super) fn is_current(&self, incarnation: Incarnation) -> bool {
        self.rooms.get(&incarnation.room).is_some_and(|live| live.incarnation == incarnation)
    }

    /// The room, if this is still its incarnation.
    fn live(&mut self, incarnation: Incarnation) -> Option<&mut Live> {
        self.rooms.get_mut(&incarnation.room).filter(|live| live.incarnation == incarnation)
    }

    /// Forgets everything, as a process does that dies.
    pub(super) fn die(&mut self) {
        self.generation += 1;
        self.rooms.clear();
        self.journal.clear();
        self.flushing = false;
    }
}

impl World {
    /// A command or a departure for a room; runs the room if it does not run yet.
    pub(super) fn command(&mut self, room: RoomId, input: Input) -> Checked {
        if !self.engine.rooms.contains_key(&room) {
            let Some(row) = self.database.log.room(room) else { return self.refuse(&input) };
            self.engine.last_incarnation += 1;
            let incarnation = Incarnation { room, number: self.engine.last_incarnation };
            let limits = self.engine.limits.clone();
            let epoch = self.database.log.epoch();
            let state = MutatedState::with(self.engine.bug, room, epoch, (row.first_seq, row.head), limits)
                .governed_by(row.terms(), row.rights_seq);
            let joined = BTreeSet::new();
            let (appending, loading, looking_up, loads, recovering) = (false, false, false, 0, None);
            let live = Live {
                incarnation,
                state,
                joined,
                appending,
                loading,
                looking_up,
                loads,
                recovering,
                wake: None,
                spins: 0,
            };
            self.trace.line(format_args!("  room {room} runs from {}", row.head));
            self.engine.rooms.insert(room, live);
        }
        self.input(room, input)
    }

    /// A hint reaches the engine: a room that does not run needs none.
    pub(super) fn hint(&mut self, room: RoomId, head: Option<Seq>) -> Checked {
        self.input(room, Input::Hint { head })
    }

    /// The engine sweeps: it reads where the logs of all rooms that run end, and hints those that are behind.
    pub(super) fn sweep(&mut self) -> Checked {
        let rooms: Vec<(RoomId, Seq)> =
            self.engine.rooms.iter().map(|(room, live)| (*room, live.state.head())).collect();
        for (room, known) in rooms {
            let head = self.database.log.room(room).map(|row| row.head);
            if head.is_none_or(|head| head > known) {
                self.hint(room, head)?;
            }
        }
        Ok(())
    }

    /// What the hub answers for a room that is gone.
    fn refuse(&mut self, input: &Input) -> Checked {
        let Input::Request(request) = input else { return Ok(()) };
        let gone = Error::RoomNotFound;
        let answered = match request {
            Request::Attach { reply, .. } => Answered::Attach(*reply, Err(gone)),
            Request::Detach { reply, .. } => Answered::Detach(*reply),
            Request::Typing { reply, .. } => Answered::Typing(*reply, Err(gone)),
            Request::Append { op: Op::Message(_), reply, .. } => Answered::Send(*reply, Err(gone)),
            Request::Append { op: Op::Prune(_), reply, .. } => Answered::Prune(*reply, Err(gone)),
            Request::Append { op: Op::Invite(_), reply, .. } => Answered::Invite(*reply, Err(gone)),
            Request::Append { op: Op::Mark(_), reply, .. } => Answered::Mark(*reply, Err(gone)),
            Request::Append { reply, .. } => Answered::Change(*reply, Err(gone)),
        };
        self.answer(answered, &mut Batch::default())?;
        self.cut_laggards();
        Ok(())
    }

    fn input(&mut self, room: RoomId, input: Input) -> Checked {
        let now = self.event_queue.now();
        let Some(live) = self.engine.rooms.get_mut(&room) else { return Ok(()) };
        let incarnation = live.incarnation;
        self.trace.line(format_args!("{} room {room}: {}", self.event_queue.mono().as_micros(), Words(&input)));
        let recovers = matches!(input, Input::Completed(Completion::Recovered(_)));
        let mut batch = Batch { departed: departed(&input), recovers, ..Batch::default() };
        let mut effects = Vec::new();
        live.state.handle(input, now, &mut effects);
        self.tally.steps += 1;
        for effect in effects {
            self.trace.line(format_args!("    {}", Words(&effect)));
            self.effect(incarnation, effect, &mut batch)?;
        }
        self.check_room(incarnation, batch)?;
        self.plan_wake(incarnation)?;
        self.cut_laggards();
        Ok(())
    }

    fn effect(&mut self, incarnation: Incarnation, effect: Effect, batch: &mut Batch) -> Checked {
        match effect {
            Effect::Append(entries) => self.append(incarnation, entries),
            Effect::Recover { keys } => {
                self.start(incarnation, "recover", |live| !std::mem::replace(&mut live.appending, true))?;
                let delay = self.latency();
                self.event_queue.put(delay, &mut self.rng, ScheduledEvent::Recover { incarnation, keys });
                Ok(())
            }
            Effect::Load { after, limit } => {
                self.start(incarnation, "load", |live| !std::mem::replace(&mut live.loading, true))?;
                if let Some(live) = self.engine.live(incarnation) {
                    live.loads += 1;
                }
                let delay = self.latency();
                self.event_queue.put(delay, &mut self.rng, ScheduledEvent::Load { incarnation, after, limit });
                Ok(())
            }
            Effect::Answer(answered) => self.answer(answered, batch),
            Effect::Join(session) => {
                self.engine.live(incarnation).map(|live| live.joined.insert(session));
                Ok(())
            }
            Effect::Leave(session, reason) => {
                self.part(incarnation, session, reason);
                batch.moves.extend(reason.map(|_| Move::Detached(session)));
                Ok(())
            }
            Effect::Publish(delivery) => self.publish(incarnation, &delivery, batch),
            Effect::SendTo(session, delivery) => {
                self.check_delivery(&delivery)?;
                batch.told(&delivery, Whom::One(session))?;
                self.push(session, Update::Delivery(delivery));
                Ok(())
            }
            Effect::Notify { user, except, notice } => self.notified(&user, except, &notice),
            Effect::LookUp { users } => {
                self.start(incarnation, "look-up", |live| !std::mem::replace(&mut live.looking_up, true))?;
                let delay = self.latency();
                self.event_queue.put(delay, &mut self.rng, ScheduledEvent::LookUp { incarnation, users });
                Ok(())
            }
            Effect::NotifyThread { .. } | Effect::NotifyAdded { .. } | Effect::ImpossiblePosition { .. } => Ok(()),
        }
    }

    /// A user's sessions are told something: with reason, and all but one.
    fn notified(&mut self, user: &UserId, except: Option<SessionId>, notice: &Notice) -> Checked {
        if let Notice::Mention { room, seq, .. } = notice {
            let reference_log = self.check.reference_logs.get(room);
            let right = reference_log.is_some_and(|log| log.conversation().may_notify(*seq, user));
            hold(right, Promise::HonestRefusal, || format!("{user} is told of a mention in {seq} of room {room}"))?;
        }
        self.check_notice(user, notice)?;
        let sessions =
            self.clients.sessions.iter().filter(|(id, session)| session.user.id == *user && Some(**id) != except);
        for id in sessions.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.push(id, Update::Notice(notice.clone()));
        }
        Ok(())
    }

    /// At most one append and one load are under way.
    fn start(&mut self, incarnation: Incarnation, what: &str, begin: impl FnOnce(&mut Live) -> bool) -> Checked {
        let began = self.engine.live(incarnation).is_none_or(begin);
        if began {
            Ok(())
        } else {
            Err(Broken::new(Promise::OneAtATime, format!("a second {what} in room {}", incarnation.room)))
        }
    }

    fn append(&mut self, incarnation: Incarnation, entries: Vec<Entry>) -> Checked {
        self.start(incarnation, "append", |live| !std::mem::replace(&mut live.appending, true))?;
        let exclusive = entries.iter().filter(|entry| entry.op.is_exclusive()).count();
        if entries.is_empty() || exclusive > 0 && entries.len() > 1 {
            return Err(Broken::new(Promise::OneAtATime, "an append of nothing, or of what has to stand alone"));
        }
        if exclusive > 0 {
            self.transact(vec![(incarnation, entries)]);
            return Ok(());
        }
        self.engine.journal.push((incarnation, entries));
        if !self.engine.flushing {
            self.engine.flushing = true;
            let fill = self.rng.millis(0, 3);
            let generation = self.engine.generation;
            self.event_queue.put(fill, &mut self.rng, ScheduledEvent::Flush { generation });
        }
        Ok(())
    }

    /// The journal begins a transaction with what waits.
    pub(super) fn flush(&mut self, generation: u64) {
        if generation == self.engine.generation {
            self.engine.flushing = false;
            let waiting = std::mem::take(&mut self.engine.journal);
            self.transact(waiting);
        }
    }

    pub(super) fn appended(&mut self, incarnation: Incarnation, result: AppendResult) -> Checked {
        let now = self.event_queue.mono();
        let Some(live) = self.engine.live(incarnation) else { return Ok(()) };
        live.appending = false;
        if result == Err(AppendFailure::Unknown) {
            live.recovering = Some(now);
            self.maybe_outage();
        }
        self.input(incarnation.room, Completion::Appended(result).into())
    }

    pub(super) fn recovered(&mut self, incarnation: Incarnation, result: Result<Recovered, Error>) -> Checked {
        let Some(live) = self.engine.live(incarnation) else { return Ok(()) };
        live.appending = false;
        if matches!(result, Ok(_) | Err(Error::RoomNotFound)) {
            live.recovering = None;
        }
        self.input(incarnation.room, Completion::Recovered(result).into())
    }

    pub(super) fn loaded(&mut self, incarnation: Incarnation, result: Result<Vec<StoredEvent>, Error>) -> Checked {
        let Some(live) = self.engine.live(incarnation) else { return Ok(()) };
        live.loading = false;
        self.input(incarnation.room, Completion::Loaded(result).into())
    }

    pub(super) fn looked_up(&mut self, incarnation: Incarnation, result: Result<Standings, Error>) -> Checked {
        let Some(live) = self.engine.live(incarnation) else { return Ok(()) };
        live.looking_up = false;
        self.input(incarnation.room, Completion::LookedUp(result).into())
    }

    pub(super) fn wake(&mut self, incarnation: Incarnation) -> Checked {
        let now = self.event_queue.mono();
        let Some(live) = self.engine.live(incarnation) else { return Ok(()) };
        if live.wake.is_none_or(|at| at > now) {
            return Ok(());
        }
        live.wake = None;
        if self.rng.percent(10) {
            self.input(incarnation.room, Input::LetGo)?;
        }
        self.input(incarnation.room, Input::Timeout)
    }

    /// Wakes the room when it wants to be, or a little later.
    fn plan_wake(&mut self, incarnation: Incarnation) -> Checked {
        let now = self.event_queue.mono();
        let Some(live) = self.engine.live(incarnation) else { return Ok(()) };
        let Some(at) = live.state.poll_timeout() else {
            live.wake = None;
            return Ok(());
        };
        live.spins = if at <= now { live.spins + 1 } else { 0 };
        if live.spins > MOST_SPINS {
            return Err(Broken::new(
                Promise::OneAtATime,
                format!("room {} wants to be woken for ever", incarnation.room),
            ));
        }
        if live.wake != Some(at) {
            live.wake = Some(at);
            let late = self.rng.millis(0, WAKE_LAG_MS);
            self.event_queue.put_at(at.max(now) + late, &mut self.rng, ScheduledEvent::Wake(incarnation));
        }
        Ok(())
    }

    fn part(&mut self, incarnation: Incarnation, session: SessionId, reason: Option<DetachReason>) {
        let Some(live) = self.engine.live(incarnation) else { return };
        live.joined.remove(&session);
        if let Some(reason) = reason {
            self.push(session, Update::Detached(incarnation.room, reason));
        }
    }

    fn publish(&mut self, incarnation: Incarnation, delivery: &Delivery, batch: &mut Batch) -> Checked {
        self.check_delivery(delivery)?;
        let Some(live) = self.engine.live(incarnation) else { return Ok(()) };
        let to: Vec<SessionId> = live.joined.iter().copied().collect();
        batch.told(delivery, Whom::All(to.clone()))?;
        for session in to {
            self.push(session, Update::Delivery(delivery.clone()));
        }
        Ok(())
    }

    /// Drops a room that says it can be forgotten.
    pub(super) fn forget_idle(&mut self, room: RoomId) -> Checked {
        let Some(live) = self.engine.rooms.get(&room).filter(|live| live.state.is_idle()) else { return Ok(()) };
        let busy = live.appending || live.loading || !live.joined.is_empty() || self.answers_pending(room);
        if busy {
            return Err(Broken::new(Promise::AnsweredOnce, format!("room {room} would be forgotten while in use")));
        }
        self.check.forgotten(room, self.event_queue.mono())?;
        self.trace.line(format_args!("  room {room} is forgotten"));
        self.engine.rooms.remove(&room);
        Ok(())
    }
}

/// How often in a row a room may want to be woken at once. (So often that a promise broken by it is found first.)
const MOST_SPINS: u32 = 300;
/// How late a room may be woken, in milliseconds.
pub(super) const WAKE_LAG_MS: u64 = 20;

fn departed(input: &Input) -> Option<(SessionId, crate::Departure)> {
    if let Input::Depart { session, departure } = input { Some((*session, *departure)) } else { None }
}

/// Where the answer of a command goes.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) room: RoomId,
    pub(super) session: Option<SessionId>,
    pub(super) at: Duration,
    /// The earliest and the latest that it was by the wall clock since then.
    pub(super) walls: (Timestamp, Timestamp),
    /// Where what is known began that may decide the answer.
    pub(super) head: Seq,
    pub(super) asked: super::check::Asked,
    pub(super) reply: ReplyId,
}

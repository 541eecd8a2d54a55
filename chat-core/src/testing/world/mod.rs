//! A small world around the rooms of an engine: clients, a database that fails, time; all by a seed.
//!
//! [`World::run`] plays one scenario in virtual time and checks the engine's promises after every step. The same seed
//! gives the same run, so what broke once can be looked at for as long as it takes.
//!
//! `tests/simulation.rs` plays 2,000 seeds; `CHAT_SIM_SEEDS=20000` plays that many, `CHAT_SIM_SEED=7` plays one and prints
//! its trace. How much there is of what is in `params.rs`, what clients do in `actions.rs` and `members.rs`, what is checked
//! below `check/`.

use std::{collections::BTreeMap, time::Duration};

use self::{
    actions::KeyUse,
    check::{Checked, Checks, ReferenceLog, invites::invites_to},
    clients::{Clients, Device},
    database::{Database, TransactionId},
    engine::Engine,
    event_queue::{EventQueue, ScheduledEvent},
    log::MutatedLog,
    members::RoomSort,
    params::Params,
    trace::Trace,
};
use crate::{
    Epoch, Identity, InviteCode, NewInvite, RoomName, SessionId, Timestamp, UserId, UserName,
    append::{Entry, EventKey, InviteOp, Op, RoomBatch},
    mutations::Bug,
    state::Departure,
    store::MemoryLog,
};

mod actions;
mod check;
mod clients;
mod conversation;
mod database;
mod engine;
mod erasure;
mod event_queue;
mod log;
mod members;
mod params;
mod quiesce;
mod rng;
mod trace;
mod words;

pub use check::{Broken, Promise};
pub(in crate::testing) use rng::Rng;

/// One scenario on its way.
#[derive(Debug)]
pub struct World {
    rng: Rng,
    event_queue: EventQueue,
    trace: Trace,
    params: Params,
    database: Database,
    engine: Engine,
    clients: Clients,
    keys: Vec<KeyUse>,
    check: Checks,
    tally: Tally,
    /// Sessions that were just cut for reading too slowly.
    laggards: Vec<SessionId>,
    /// Whether clients still act and the database still fails.
    acting: bool,
}

/// How a scenario went.
#[derive(Debug)]
pub struct Run {
    /// The promise that was broken, if one was.
    pub broken: Option<Broken>,
    /// A hash of the trace: two runs of one seed have the same.
    pub hash: u64,
    /// The trace, if it was asked for.
    pub trace: Vec<String>,
    /// What there was of everything.
    pub tally: Tally,
}

/// What there was of everything in a scenario, or in many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Inputs that rooms were given.
    pub steps: u64,
    /// Commands that were given.
    pub commands: u64,
    /// Answers to them.
    pub answers: u64,
    /// Of these, the ones that say nobody knows whether it was stored.
    pub unknown: u64,
    /// Attaches that succeeded.
    pub attaches: u64,
    /// Of these, the ones that were told to resync.
    pub resyncs: u64,
    /// Events that were stored.
    pub events: u64,
    /// Of these, the ones about who is in a room.
    pub members: u64,
    /// Times that sessions lost a room because their users may not read it any more.
    pub put_out: u64,
    /// Times that another process wrote.
    pub foreign: u64,
    /// Updates that sessions read.
    pub updates: u64,
    /// Faults of the database.
    pub faults: u64,
    /// Times that the process died.
    pub crashes: u64,
    /// Sessions that were cut for reading too slowly.
    pub lagged: u64,
    /// Virtual time that passed, in milliseconds.
    pub millis: u64,
}

impl Tally {
    /// Adds another one's numbers.
    pub const fn add(&mut self, other: &Self) {
        self.steps += other.steps;
        self.commands += other.commands;
        self.answers += other.answers;
        self.unknown += other.unknown;
        self.attaches += other.attaches;
        self.resyncs += other.resyncs;
        self.events += other.events;
        self.members += other.members;
        self.put_out += other.put_out;
        self.foreign += other.foreign;
        self.updates += other.updates;
        self.faults += other.faults;
        self.crashes += other.crashes;
        self.lagged += other.lagged;
        self.millis += other.millis;
    }
}

impl World {
    /// Plays the scenario of this seed, with a bug if one is injected; keeps the trace if asked to.
    #[must_use]
    pub fn run(seed: u64, bug: Option<Bug>, keep_trace: bool) -> Run {
        let mut world = Self::new(seed, bug, keep_trace);
        let broken = world.play().err();
        if let Some(broken) = &broken {
            world.trace.line(format_args!("{} {broken}", world.event_queue.mono().as_micros()));
        }
        world.tally.millis = u64::try_from(world.event_queue.mono().as_millis()).unwrap_or(u64::MAX);
        Run { broken, hash: world.trace.hash(), tally: world.tally, trace: world.trace.into_lines() }
    }

    fn new(seed: u64, bug: Option<Bug>, keep_trace: bool) -> Self {
        let mut rng = Rng::new(seed);
        let mut params = Params::new(&mut rng);
        let limits = Params::limits(&mut rng);
        let mut trace = Trace::new(keep_trace);
        trace.line(format_args!("seed {seed}: {params:?} {limits:?}"));
        let mut log = MutatedLog::new(bug, MemoryLog::new(Epoch::new("epoch")));
        let mut check = Checks::default();
        let users: Vec<Identity> = (1..=params.users).map(user).collect();
        params.rooms = found_rooms(&mut log, &mut check, &params.sorts, &users);
        let mut device = |_| Device {
            user: rng.pick(&users).cloned().unwrap_or_else(|| user(1)),
            session: None,
            known: BTreeMap::new(),
            slow: rng.percent(params.slow_reader_percent),
        };
        let devices = (0..params.devices).map(&mut device).collect();
        Self {
            event_queue: EventQueue::new(),
            trace,
            database: Database::new(log),
            engine: Engine::new(limits, bug),
            clients: Clients::new(users, devices),
            keys: Vec::new(),
            check,
            tally: Tally::default(),
            laggards: Vec::new(),
            acting: true,
            params,
            rng,
        }
    }

    fn play(&mut self) -> Checked {
        self.event_queue.put(Duration::ZERO, &mut self.rng, ScheduledEvent::Act);
        for _ in 0..self.params.foreign {
            let at = self.rng.millis(0, 20_000);
            if let Some(room) = self.rng.pick(&self.params.rooms) {
                let room = *room;
                self.event_queue.put(at, &mut self.rng, ScheduledEvent::Foreign(room));
            }
        }
        for what in [ScheduledEvent::SetClock, ScheduledEvent::Crash] {
            let at = self.rng.millis(500, 25_000);
            if self.params.crashes || !matches!(what, ScheduledEvent::Crash) {
                self.event_queue.put(at, &mut self.rng, what);
            }
        }
        while self.acting && self.event_queue.mono() < Params::LONGEST {
            let Some(event) = self.event_queue.next_until(Params::LONGEST) else { break };
            self.process(event)?;
            self.acting = self.params.actions > 0;
        }
        self.quiesce()
    }

    fn process(&mut self, event: ScheduledEvent) -> Checked {
        match event {
            ScheduledEvent::Act if self.acting => self.act(),
            ScheduledEvent::Foreign(room) if self.acting => self.foreign(room),
            ScheduledEvent::Crash if self.acting => self.crash(None),
            ScheduledEvent::Act | ScheduledEvent::Foreign(_) | ScheduledEvent::Crash => Ok(()),
            ScheduledEvent::Read(session) => self.read(session),
            ScheduledEvent::Depart(session, departure) => self.depart(session, departure),
            ScheduledEvent::Wake(incarnation) => self.wake(incarnation),
            ScheduledEvent::Flush { generation } => {
                self.flush(generation);
                Ok(())
            }
            ScheduledEvent::Begin(id) => {
                self.begin(id);
                Ok(())
            }
            ScheduledEvent::Settle(id) => self.settle(id),
            ScheduledEvent::Reply(id, incarnation) => self.reply(id, incarnation),
            ScheduledEvent::Recover { incarnation, keys } => {
                self.recover(incarnation, keys);
                Ok(())
            }
            ScheduledEvent::Recovered(incarnation, result) => self.recovered(incarnation, result),
            ScheduledEvent::Load { incarnation, after, limit } => {
                self.load(incarnation, after, limit);
                Ok(())
            }
            ScheduledEvent::Loaded(incarnation, result) => self.loaded(incarnation, result),
            ScheduledEvent::LookUp { incarnation, users } => {
                self.look_up(incarnation, &users);
                Ok(())
            }
            ScheduledEvent::LookedUp(incarnation, result) => self.looked_up(incarnation, result),
            ScheduledEvent::Hint(room, head) => self.hint(room, head),
            ScheduledEvent::SetClock => {
                self.set_clock();
                Ok(())
            }
        }?;
        self.check_times()?;
        self.forget_rooms()
    }

    /// Rooms that nobody uses are forgotten, sooner or later.
    fn forget_rooms(&mut self) -> Checked {
        if !self.rng.percent(5) {
            return Ok(());
        }
        let idle = self.engine.rooms.iter().find(|(_, live)| live.state.is_idle()).map(|(room, _)| *room);
        idle.map_or(Ok(()), |room| self.forget_idle(room))
    }

    /// The wall clock is set, forward or back, by up to a day.
    fn set_clock(&mut self) {
        const DAY: i64 = 86_400_000_000;
        let shift = i64::try_from(self.rng.below(2 * DAY.unsigned_abs())).unwrap_or(DAY) - DAY;
        self.trace.line(format_args!("the clock is set by {shift} µs"));
        self.clients.note_time(self.event_queue.now().wall);
        self.event_queue.shift_wall(shift);
        self.clients.note_time(self.event_queue.now().wall);
        let again = self.rng.millis(5_000, 60_000);
        self.event_queue.put(again, &mut self.rng, ScheduledEvent::SetClock);
    }

    /// Whether the database may fail.
    const fn faulty(&self) -> bool {
        self.acting
    }

    /// The process dies: all sessions and rooms are gone, what was committed stays. It starts again at once.
    fn crash(&mut self, doomed: Option<TransactionId>) -> Checked {
        self.tally.crashes += 1;
        self.trace.line(format_args!("{} the process dies", self.event_queue.mono().as_micros()));
        let sessions: Vec<SessionId> = self.clients.sessions.keys().copied().collect();
        self.engine.die();
        self.check.rooms.clear();
        for session in sessions {
            self.depart(session, Departure::Lost)?;
        }
        self.clients.pending.clear();
        self.abandon_transactions(doomed)?;
        for (room, reference_log) in &self.check.reference_logs {
            reference_log.check_whole(*room, &self.database.log)?;
        }
        Ok(())
    }
}

/// The rooms that there are at the beginning; each belongs to another user, as far as there are so many.
fn found_rooms(log: &mut MemoryLog, check: &mut Checks, sorts: &[RoomSort], users: &[Identity]) -> Vec<crate::RoomId> {
    let found = |(index, (sort, owner)): (usize, (&RoomSort, &Identity))| {
        let new = sort.record(RoomName::from_stored(&format!("room {index}")), owner);
        let room = log.create_room(&new).unwrap_or_else(|holder| *holder);
        if new.owner.is_some() {
            invite(log, room.id);
        }
        let owner = new.owner.as_ref().map(|owner| &owner.id);
        check.reference_logs.insert(room.id, ReferenceLog::new(&room, owner));
        room.id
    };
    sorts.iter().zip(users.iter().cycle()).enumerate().map(found).collect()
}

/// The host makes the invites to a room, which do not end.
fn invite(log: &mut MemoryLog, room: crate::RoomId) {
    let made = |(code, max_uses): (InviteCode, u64)| {
        let new = NewInvite { max_uses: Some(max_uses), ..NewInvite::default() };
        let (key, at) = (EventKey::generated("invite"), Timestamp(i64::MAX / 2));
        Entry { by_system: true, ..Entry::new(None, key, at, Op::Invite(InviteOp::Make(code, new))) }
    };
    log.append(&[RoomBatch { room, entries: invites_to(room).map(made).to_vec() }]);
}

fn user(number: u64) -> Identity {
    let name = format!("user {number}");
    Identity::of(UserId::from_stored(&name), UserName::from_stored(&name))
}

//! What is going to happen, and when: virtual time.

use std::{collections::BTreeMap, time::Duration};

use super::{database::TransactionId, engine::Incarnation, rng::Rng};
use crate::{
    Now, RoomId, Seq, SessionId, Timestamp, UserId,
    append::{Lookup, Recovered, StoredEvent},
    error::Error,
    rights::Standings,
    state::Departure,
};

/// An event of the simulation, at its time.
#[derive(Debug)]
pub(super) enum ScheduledEvent {
    /// Somebody does something.
    Act,
    /// A session's reader reads on.
    Read(SessionId),
    /// A session's end is noticed.
    Depart(SessionId, Departure),
    /// A room's timer is due.
    Wake(Incarnation),
    /// The journal begins a transaction with everything that waits.
    Flush { generation: u64 },
    /// A transaction asks for its locks.
    Begin(TransactionId),
    /// A transaction commits, or rolls back.
    Settle(TransactionId),
    /// What became of a transaction comes back to one of its rooms.
    Reply(TransactionId, Incarnation),
    /// A recovery asks for the room's lock.
    Recover { incarnation: Incarnation, keys: Vec<Lookup> },
    /// What a recovery found comes back.
    Recovered(Incarnation, Result<Recovered, Error>),
    /// A load reads.
    Load { incarnation: Incarnation, after: Seq, limit: usize },
    /// What a load read comes back.
    Loaded(Incarnation, Result<Vec<StoredEvent>, Error>),
    /// What users are in a room is read.
    LookUp { incarnation: Incarnation, users: Vec<UserId> },
    /// What was read of it comes back.
    LookedUp(Incarnation, Result<Standings, Error>),
    /// Another process writes to a room's log.
    Foreign(RoomId),
    /// A hint of what another process has written arrives.
    Hint(RoomId, Option<Seq>),
    /// The wall clock is set.
    SetClock,
    /// The process dies and starts again.
    Crash,
}

/// The clocks, and what is going to happen, ordered by time; ties are broken by the seed.
#[derive(Debug)]
pub(super) struct EventQueue {
    now: Duration,
    wall_offset: i64,
    count: u64,
    due: BTreeMap<(Duration, u64, u64), ScheduledEvent>,
}

impl EventQueue {
    pub(super) const fn new() -> Self {
        Self { now: Duration::ZERO, wall_offset: START_OF_2026, count: 0, due: BTreeMap::new() }
    }

    /// Time since the beginning.
    pub(super) const fn mono(&self) -> Duration {
        self.now
    }

    /// Both clocks.
    pub(super) fn now(&self) -> Now {
        let passed = i64::try_from(self.now.as_micros()).unwrap_or(i64::MAX);
        Now { wall: Timestamp(self.wall_offset.saturating_add(passed)), mono: self.now }
    }

    /// Sets the wall clock forward or back.
    pub(super) const fn shift_wall(&mut self, micros: i64) {
        self.wall_offset = self.wall_offset.saturating_add(micros);
    }

    pub(super) fn put(&mut self, after: Duration, rng: &mut Rng, what: ScheduledEvent) {
        self.put_at(self.now + after, rng, what);
    }

    pub(super) fn put_at(&mut self, at: Duration, rng: &mut Rng, what: ScheduledEvent) {
        self.count += 1;
        self.due.insert((at.max(self.now), rng.next(), self.count), what);
    }

    /// What happens next, if it does not happen after `end`. The clock goes there.
    pub(super) fn next_until(&mut self, end: Duration) -> Option<ScheduledEvent> {
        let first = self.due.first_entry().filter(|first| first.key().0 <= end);
        match first {
            Some(first) => {
                let ((at, _, _), what) = first.remove_entry();
                self.now = at;
                Some(what)
            }
            None => {
                self.now = self.now.max(end);
                None
            }
        }
    }
}

/// 2026-01-01, in microseconds since 1970.
const START_OF_2026: i64 = 1_767_225_600_000_000;

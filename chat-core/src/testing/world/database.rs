//! The database: a log in memory behind transactions that take time, fail, and lose their answers.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{
    World,
    check::{Checked, Writer},
    engine::Incarnation,
    event_queue::ScheduledEvent,
    log::MutatedLog,
};
use crate::{
    RoomId, Seq, UserId,
    append::{AppendFailure, AppendOutcome, AppendResult, Entry, Lookup, RoomBatch},
    error::Error,
};

pub(super) type TransactionId = u64;

/// The log, and what is about to change it.
#[derive(Debug)]
pub(super) struct Database {
    pub(super) log: MutatedLog,
    transactions: BTreeMap<TransactionId, Transaction>,
    /// Rooms whose head row is locked.
    locks: BTreeMap<RoomId, TransactionId>,
    last: TransactionId,
    /// Until when recoveries fail.
    outage_until: Duration,
}

/// What a transaction is to do, room by room.
pub(super) type Work = Vec<(Incarnation, Vec<Entry>)>;

#[derive(Debug)]
struct Transaction {
    work: Work,
    fate: Fate,
    results: BTreeMap<RoomId, AppendResult>,
    /// The rooms that were answered.
    answered: BTreeSet<RoomId>,
}

/// What is to become of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Stored,
    /// Fails; run again room by room, it may fail for some only.
    Fails(Failure),
    /// Is stored, and its answer is lost.
    LostStored,
    /// Is not stored, and its answer is lost.
    LostRolledBack,
    /// The process dies before it commits,
    CrashBefore,
    /// or after, with the answer on its way.
    CrashAfter,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failure {
    Unavailable,
    Full,
}

impl Transaction {
    const fn new(work: Work, fate: Fate) -> Self {
        Self { work, fate, results: BTreeMap::new(), answered: BTreeSet::new() }
    }

    fn incarnations(&self) -> Vec<Incarnation> {
        self.work.iter().map(|(incarnation, _)| *incarnation).collect()
    }
}

impl Database {
    pub(super) fn new(log: MutatedLog) -> Self {
        let (transactions, locks) = (BTreeMap::new(), BTreeMap::new());
        Self { log, transactions, locks, last: 0, outage_until: Duration::ZERO }
    }

    pub(super) fn is_locked(&self, room: RoomId) -> bool {
        self.locks.contains_key(&room)
    }

    fn unlock(&mut self, id: TransactionId) {
        self.locks.retain(|_, holder| *holder != id);
    }
}

impl World {
    /// A transaction begins, and goes the way that chance chooses for it.
    pub(super) fn transact(&mut self, work: Work) {
        self.database.last += 1;
        let id = self.database.last;
        let fate = self.fate();
        self.trace.line(format_args!("  transaction {id} {fate:?}"));
        self.database.transactions.insert(id, Transaction::new(work, fate));
        let delay = self.latency();
        self.event_queue.put(delay, &mut self.rng, ScheduledEvent::Begin(id));
    }

    fn fate(&mut self) -> Fate {
        if !self.faulty() || !self.rng.percent(self.params.fault_percent) {
            return Fate::Stored;
        }
        let fates = [
            (4, Fate::Fails(Failure::Unavailable)),
            (1, Fate::Fails(Failure::Full)),
            (4, Fate::LostStored),
            (3, Fate::LostRolledBack),
            (u64::from(self.params.crashes), Fate::CrashBefore),
            (u64::from(self.params.crashes), Fate::CrashAfter),
        ];
        let fate = self.rng.weighted(&fates).unwrap_or(Fate::Stored);
        self.tally.faults += u64::from(fate != Fate::Stored);
        fate
    }

    pub(super) fn begin(&mut self, id: TransactionId) {
        let Some(transaction) = self.database.transactions.get(&id) else { return };
        let (incarnations, fate) = (transaction.incarnations(), transaction.fate);
        if incarnations.iter().any(|incarnation| self.database.is_locked(incarnation.room)) {
            return self.event_queue.put(LOCK_POLL, &mut self.rng, ScheduledEvent::Begin(id));
        }
        for incarnation in &incarnations {
            self.database.locks.insert(incarnation.room, id);
        }
        let lost = matches!(fate, Fate::LostStored | Fate::LostRolledBack);
        let mut delay = self.latency();
        if lost && self.rng.percent(50) {
            // The answer "unknown" comes first: the transaction is still at it, and holds its locks.
            let early = self.rng.millis(0, 50);
            delay += early + self.rng.millis(0, 3_000);
            for incarnation in incarnations {
                self.set_result(id, incarnation.room, Err(AppendFailure::Unknown));
                self.event_queue.put(early, &mut self.rng, ScheduledEvent::Reply(id, incarnation));
            }
        }
        self.event_queue.put(delay, &mut self.rng, ScheduledEvent::Settle(id));
    }

    /// A transaction ends: in the log, or not.
    pub(super) fn settle(&mut self, id: TransactionId) -> Checked {
        let Some(transaction) = self.database.transactions.get(&id) else { return Ok(()) };
        if !self.database.locks.values().any(|holder| *holder == id) {
            return Ok(());
        }
        let (work, fate) = (transaction.work.clone(), transaction.fate);
        let incarnations = transaction.incarnations();
        if fate == Fate::CrashBefore {
            return self.crash(Some(id));
        }
        self.database.unlock(id);
        if matches!(fate, Fate::Stored | Fate::LostStored | Fate::CrashAfter | Fate::Fails(_)) {
            self.commit(id, &work, fate)?;
        }
        if fate == Fate::CrashAfter {
            return self.crash(Some(id));
        }
        let lost = matches!(fate, Fate::LostStored | Fate::LostRolledBack);
        for incarnation in incarnations {
            if lost {
                self.set_result(id, incarnation.room, Err(AppendFailure::Unknown));
            }
            let delay = self.latency();
            self.event_queue.put(delay, &mut self.rng, ScheduledEvent::Reply(id, incarnation));
        }
        Ok(())
    }

    fn commit(&mut self, id: TransactionId, work: &Work, fate: Fate) -> Checked {
        for (incarnation, entries) in work {
            if let Some(error) = self.failing(fate, work.len()) {
                self.set_result(id, incarnation.room, Err(AppendFailure::NotStored(error)));
                continue;
            }
            let batch = RoomBatch { room: incarnation.room, entries: entries.clone() };
            let outcomes = self.database.log.append(&[batch]).pop().flatten();
            self.placed(id, *incarnation, outcomes)?;
        }
        Ok(())
    }

    /// The error that a room's part of a transaction fails with, if it does.
    fn failing(&mut self, fate: Fate, parts: usize) -> Option<Error> {
        let Fate::Fails(failure) = fate else { return None };
        let spared = parts > 1 && self.rng.percent(50);
        let error = match failure {
            Failure::Unavailable => Error::Unavailable,
            Failure::Full => Error::StorageFull,
        };
        (!spared).then_some(error)
    }

    fn placed(&mut self, id: TransactionId, incarnation: Incarnation, placed: Option<Vec<AppendOutcome>>) -> Checked {
        let result = placed.ok_or(AppendFailure::NotStored(Error::RoomNotFound));
        self.set_result(id, incarnation.room, result);
        let by = if self.engine.is_current(incarnation) { Writer::Engine } else { Writer::Late };
        self.committed(incarnation.room, by)
    }

    fn set_result(&mut self, id: TransactionId, room: RoomId, result: AppendResult) {
        if let Some(transaction) = self.database.transactions.get_mut(&id) {
            transaction.results.insert(room, result);
        }
    }

    /// A room hears what became of its append: once, also of a transaction that goes on after it was given up.
    pub(super) fn reply(&mut self, id: TransactionId, incarnation: Incarnation) -> Checked {
        let Some(transaction) = self.database.transactions.get_mut(&id) else { return Ok(()) };
        let Some(result) = transaction.results.remove(&incarnation.room) else { return Ok(()) };
        if !transaction.answered.insert(incarnation.room) {
            return Ok(());
        }
        self.appended(incarnation, result)
    }

    /// Looks at a room after a lost outcome: waits for the lock, then reads.
    pub(super) fn recover(&mut self, incarnation: Incarnation, keys: Vec<Lookup>) {
        let now = self.event_queue.mono();
        if now < self.database.outage_until && self.faulty() {
            self.tally.faults += 1;
            let delay = self.latency();
            let failed = ScheduledEvent::Recovered(incarnation, Err(Error::Unavailable));
            return self.event_queue.put(delay, &mut self.rng, failed);
        }
        if self.database.is_locked(incarnation.room) {
            return self.event_queue.put(LOCK_POLL, &mut self.rng, ScheduledEvent::Recover { incarnation, keys });
        }
        let found = self.database.log.recover(incarnation.room, &keys).ok_or(Error::RoomNotFound);
        let delay = self.latency();
        self.event_queue.put(delay, &mut self.rng, ScheduledEvent::Recovered(incarnation, found));
    }

    /// Recoveries fail for a while, now and then for longer than senders are made to wait.
    pub(super) fn maybe_outage(&mut self) {
        if self.faulty() && self.rng.percent(30) {
            let long = if self.rng.percent(40) { self.rng.millis(9_000, 16_000) } else { self.rng.millis(0, 2_000) };
            self.database.outage_until = self.event_queue.mono() + long;
            self.trace.line(format_args!("  recoveries fail for {long:?}"));
        }
    }

    pub(super) fn load(&mut self, incarnation: Incarnation, after: Seq, limit: usize) {
        let fails = self.faulty() && self.rng.percent(self.params.load_fault_percent);
        self.tally.faults += u64::from(fails);
        let rows = if fails {
            Err(Error::Unavailable)
        } else {
            Ok(self.database.log.events_after(incarnation.room, after, limit))
        };
        let delay = self.latency();
        self.event_queue.put(delay, &mut self.rng, ScheduledEvent::Loaded(incarnation, rows));
    }

    pub(super) fn look_up(&mut self, incarnation: Incarnation, users: &[UserId]) {
        let fails = self.faulty() && self.rng.percent(self.params.load_fault_percent);
        self.tally.faults += u64::from(fails);
        let found = if fails {
            Err(Error::Unavailable)
        } else {
            self.database.log.standings(incarnation.room, users).ok_or(Error::RoomNotFound)
        };
        let delay = self.latency();
        self.event_queue.put(delay, &mut self.rng, ScheduledEvent::LookedUp(incarnation, found));
    }

    /// The process is gone. A transaction that was under way is rolled back, or commits, now or (on a server) later.
    pub(super) fn abandon_transactions(&mut self, doomed: Option<TransactionId>) -> Checked {
        let begun: Vec<TransactionId> = self.database.transactions.keys().copied().collect();
        for id in begun {
            let holds = self.database.locks.values().any(|holder| *holder == id);
            let choice = if doomed == Some(id) { 0 } else { self.rng.below(10) };
            if holds && choice == 9 {
                self.set_fate(id, Fate::LostStored);
                continue;
            }
            self.database.unlock(id);
            let transaction = self.database.transactions.remove(&id);
            if let Some(transaction) = transaction.filter(|_| holds && choice >= 6) {
                self.commit(id, &transaction.work, Fate::Stored)?;
            }
        }
        self.database.log.restart();
        Ok(())
    }

    fn set_fate(&mut self, id: TransactionId, fate: Fate) {
        if let Some(transaction) = self.database.transactions.get_mut(&id) {
            transaction.fate = fate;
        }
    }

    /// How long the database takes for one step: mostly a moment, now and then much longer.
    pub(super) fn latency(&mut self) -> Duration {
        let slow = self.faulty() && self.rng.percent(self.params.slow_percent);
        if slow { self.rng.millis(50, 900) } else { self.rng.millis(0, self.params.latency_ms) }
    }
}

/// How often a waiting transaction looks whether its lock is free.
const LOCK_POLL: Duration = Duration::from_millis(5);

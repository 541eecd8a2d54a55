//! The room's order: one append at a time, nothing published before it is durable, no hole left behind.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    sync::Arc,
    time::Duration,
};

use crate::{
    Delivery, Event, EventKind, Identity, Now, RoomName, Seq, Topic,
    append::{
        Append, AppendFailure, AppendOutcome, AppendResult, EventKey, Fingerprint, Lookup, NewMessage, Recovered,
        RoomDeletion, RoomUpdate, StoredEvent,
    },
    error::Error,
    state::{
        Effect, Outcome, ReplyId, RoomState,
        room::{Load, answer, fail},
    },
};

/// What the room's log is doing.
#[derive(Debug)]
pub(super) enum LogPhase {
    /// Nothing: the next append may start.
    Idle,
    /// An append is under way.
    Appending(Vec<InFlight>),
    /// An append's outcome was lost, and is being looked for.
    Recovering {
        in_flight: Vec<InFlight>,
        /// When those who wait are told that it is not known.
        give_up_at: Duration,
        /// They were told.
        gave_up: bool,
        /// When to look again; `None` while it is being looked for.
        retry_at: Option<Duration>,
    },
    /// Another writer's events, up to this number, stand before ours, and are being loaded, page by page.
    Filling { to: Seq, committed: Vec<Arc<Event>>, retry_at: Option<Duration> },
    /// The database is being asked for events after the head: because a client claims to have some, or because the room
    /// is `gone` and its last event is wanted.
    Tail { gone: bool, retry_at: Option<Duration> },
}

/// An entry of the append under way.
#[derive(Debug)]
pub(super) struct InFlight {
    reply: ReplyId,
    lookup: Lookup,
    /// A message's content, to tell a retry from another message with its key.
    fingerprint: Option<Fingerprint>,
}

/// An append that waits.
#[derive(Debug)]
pub(super) struct Pending {
    what: What,
    key: EventKey,
    reply: ReplyId,
}

#[derive(Debug)]
enum What {
    Message { author: Identity, content: String },
    Update { actor: Option<Identity>, name: Option<RoomName>, topic: Option<Topic> },
    Delete { actor: Option<Identity> },
}

/// How long those who wait for a lost outcome are left without an answer.
const GIVE_UP_AFTER: Duration = Duration::from_secs(10);
/// How long to wait before a failed look-up is tried again.
const RETRY_AFTER: Duration = Duration::from_millis(500);

impl Pending {
    pub(super) const fn message(author: Identity, content: String, key: EventKey, reply: ReplyId) -> Self {
        Self { what: What::Message { author, content }, key, reply }
    }

    pub(super) fn update(
        actor: Option<Identity>,
        (name, topic): (Option<RoomName>, Option<Topic>),
        key: EventKey,
        reply: ReplyId,
    ) -> Self {
        Self { what: What::Update { actor, name, topic }, key, reply }
    }

    pub(super) const fn delete(actor: Option<Identity>, key: EventKey, reply: ReplyId) -> Self {
        Self { what: What::Delete { actor }, key, reply }
    }

    fn in_flight(&self) -> InFlight {
        let (user, fingerprint) = match &self.what {
            What::Message { author, content } => (Some(author), Some(Fingerprint::of(content))),
            What::Update { actor, .. } | What::Delete { actor } => (actor.as_ref(), None),
        };
        let lookup = Lookup { user: user.map(|user| user.id.clone()), key: self.key.clone() };
        InFlight { reply: self.reply, lookup, fingerprint }
    }
}

impl LogPhase {
    pub(super) fn poll_timeout(&self) -> Option<Duration> {
        match self {
            Self::Idle | Self::Appending(_) => None,
            Self::Recovering { give_up_at, gave_up, retry_at, .. } => {
                let give_up_at = (!gave_up).then_some(*give_up_at);
                [give_up_at, *retry_at].into_iter().flatten().min()
            }
            Self::Filling { retry_at, .. } | Self::Tail { retry_at, .. } => *retry_at,
        }
    }

    /// Whether an outcome has been lost for so long that nobody is let wait for it.
    pub(super) const fn gave_up(&self) -> bool {
        matches!(self, Self::Recovering { gave_up: true, .. })
    }

    /// Whether events after the head are to be loaded now.
    pub(super) const fn wants_tail(&self) -> bool {
        matches!(self, Self::Filling { retry_at: None, .. } | Self::Tail { retry_at: None, .. })
    }

    fn retry_later(&mut self, now: Now) {
        if let Self::Recovering { retry_at, .. } | Self::Filling { retry_at, .. } | Self::Tail { retry_at, .. } = self {
            *retry_at = Some(now.mono + RETRY_AFTER);
        }
    }
}

impl RoomState {
    pub(super) fn enqueue(&mut self, pending: Pending, effects: &mut Vec<Effect>) {
        if self.order.gave_up() {
            fail(pending.reply, Error::Unavailable, effects);
        } else if self.queue.len() >= self.limits.room_mailbox {
            fail(pending.reply, Error::Overloaded, effects);
        } else {
            self.queue.push_back(pending);
        }
    }

    pub(super) fn refuse_queue(&mut self, error: &Error, effects: &mut Vec<Effect>) {
        for pending in mem::take(&mut self.queue) {
            fail(pending.reply, error.clone(), effects);
        }
    }

    /// What the log does next, if nothing is under way or a time has come.
    pub(super) fn continue_order(&mut self, now: Now, effects: &mut Vec<Effect>) {
        match &mut self.order {
            LogPhase::Appending(_) => {}
            LogPhase::Idle => self.start_next(now, effects),
            LogPhase::Recovering { .. } => self.continue_recovery(now, effects),
            LogPhase::Filling { retry_at, .. } | LogPhase::Tail { retry_at, .. } => {
                *retry_at = retry_at.filter(|at| *at > now.mono);
            }
        }
    }

    fn start_next(&mut self, now: Now, effects: &mut Vec<Effect>) {
        // A client that claims to have later events is dealt with before the head moves on; yet however many come with such
        // claims, they do not keep others' messages waiting.
        self.tail_was_last = (self.queue.is_empty() || !self.tail_was_last) && self.tail_asked();
        if self.tail_was_last {
            self.order = LogPhase::Tail { gone: false, retry_at: None };
        } else {
            self.start_append(now, effects);
        }
    }

    /// Takes what waits, up to an update or deletion, which has an append of its own.
    fn start_append(&mut self, now: Now, effects: &mut Vec<Effect>) {
        let Some(first) = self.queue.pop_front() else { return };
        let mut in_flight = vec![first.in_flight()];
        let append = match first.what {
            What::Update { actor, name, topic } => {
                Append::Update(RoomUpdate { actor, name, topic, key: first.key, at: now.wall })
            }
            What::Delete { actor } => Append::Delete(RoomDeletion { actor, key: first.key, at: now.wall }),
            What::Message { author, content } => {
                let mut messages = vec![new_message(author, content, first.key, now)];
                while let Some(Pending { what: What::Message { .. }, .. }) = self.queue.front()
                    && let Some(next) = self.queue.pop_front()
                {
                    in_flight.push(next.in_flight());
                    if let What::Message { author, content } = next.what {
                        messages.push(new_message(author, content, next.key, now));
                    }
                }
                Append::Messages(messages)
            }
        };
        self.order = LogPhase::Appending(in_flight);
        effects.push(Effect::Append(append));
    }

    /// The append under way has ended, somehow.
    pub(super) fn appended(&mut self, result: AppendResult, now: Now, effects: &mut Vec<Effect>) {
        let LogPhase::Appending(in_flight) = mem::replace(&mut self.order, LogPhase::Idle) else { return };
        match result {
            Ok(placed) => {
                let committed = answer_placed(in_flight, placed, effects);
                self.commit(committed, now, effects);
            }
            Err(AppendFailure::NotStored(error)) => self.not_stored(&in_flight, &error, effects),
            Err(AppendFailure::Unknown) => {
                let give_up_at = now.mono + GIVE_UP_AFTER;
                self.order = LogPhase::Recovering { in_flight, give_up_at, gave_up: false, retry_at: Some(now.mono) };
            }
        }
    }

    fn not_stored(&mut self, in_flight: &[InFlight], error: &Error, effects: &mut Vec<Effect>) {
        for entry in in_flight {
            fail(entry.reply, error.clone(), effects);
        }
        if *error == Error::RoomNotFound {
            // Another writer deleted it: those who are here are to see how it ended.
            self.order = LogPhase::Tail { gone: true, retry_at: None };
        }
    }

    fn continue_recovery(&mut self, now: Now, effects: &mut Vec<Effect>) {
        let LogPhase::Recovering { in_flight, give_up_at, gave_up, retry_at } = &mut self.order else { return };
        if retry_at.is_some_and(|at| at <= now.mono) {
            *retry_at = None;
            let keys = in_flight.iter().map(|entry| entry.lookup.clone()).collect();
            effects.push(Effect::Recover { keys });
        }
        if !*gave_up && *give_up_at <= now.mono {
            *gave_up = true;
            for entry in in_flight {
                fail(entry.reply, Error::OutcomeUnknown, effects);
            }
            self.refuse_queue(&Error::Unavailable, effects);
            self.give_up_all_attaches(&Error::Unavailable, now, effects);
        }
    }

    /// What became of an append is known, or could not be found out yet.
    pub(super) fn recovered(&mut self, result: Result<Recovered, Error>, now: Now, effects: &mut Vec<Effect>) {
        let recovered = match result {
            Ok(recovered) => Ok(recovered),
            Err(Error::RoomNotFound) => Err(Error::RoomNotFound),
            Err(_) => return self.order.retry_later(now),
        };
        let LogPhase::Recovering { in_flight, gave_up, .. } = mem::replace(&mut self.order, LogPhase::Idle) else {
            return;
        };
        // Whoever was told that it is not known has had their answer.
        let in_flight = if gave_up { vec![] } else { in_flight };
        match recovered {
            Ok(recovered) => {
                answer_recovered(in_flight, self.head, &recovered, effects);
                self.catch_up(recovered, now, effects);
            }
            Err(error) => self.not_stored(&in_flight, &error, effects),
        }
    }

    /// Publishes what a recovery has found, and loads what else there is.
    fn catch_up(&mut self, recovered: Recovered, now: Now, effects: &mut Vec<Effect>) {
        let Recovered { head, is_deleted, found } = recovered;
        let later = found.into_iter().map(|stored| stored.event).filter(|event| event.seq > self.head);
        // Mostly that is all there is.
        self.apply_all(later.collect::<Vec<_>>(), effects);
        if self.deleted {
            return;
        }
        if is_deleted {
            self.order = LogPhase::Tail { gone: true, retry_at: None };
        } else if self.head < head {
            self.order = LogPhase::Filling { to: head, committed: vec![], retry_at: None };
        } else {
            self.retry_attaches(now, effects);
        }
    }

    /// Events of ours are durable: publishes them, after what another writer put before them.
    fn commit(&mut self, committed: Vec<Arc<Event>>, now: Now, effects: &mut Vec<Effect>) {
        let hole = committed.first().map(|first| first.seq).filter(|first| *first > self.head.next());
        if let Some(first) = hole {
            self.order = LogPhase::Filling { to: Seq(first.0 - 1), committed, retry_at: None };
            return;
        }
        self.apply_all(committed, effects);
        self.retry_attaches(now, effects);
    }

    /// A load has ended.
    pub(super) fn loaded(&mut self, result: Result<Vec<StoredEvent>, Error>, now: Now, effects: &mut Vec<Effect>) {
        let Some(load) = self.load.take() else { return };
        if self.deleted {
            return;
        }
        let events = result.map(|stored| stored.into_iter().map(|stored| stored.event));
        match load {
            Load::Recent => self.loaded_recent(events.map(|e| e.map(Delivery::event).collect()), now, effects),
            Load::Tail => self.apply_tail(events.map(Iterator::collect), now, effects),
        }
    }

    fn apply_tail(&mut self, events: Result<Vec<Arc<Event>>, Error>, now: Now, effects: &mut Vec<Effect>) {
        let before = self.head;
        let mut error = None;
        match events {
            Ok(events) => {
                let to = match &self.order {
                    LogPhase::Filling { to, .. } => Some(*to),
                    LogPhase::Idle | LogPhase::Appending(_) | LogPhase::Recovering { .. } | LogPhase::Tail { .. } => {
                        None
                    }
                };
                let others = events.into_iter().filter(|event| to.is_none_or(|to| event.seq <= to));
                self.apply_all(others, effects);
            }
            Err(e) => error = Some(e),
        }
        let progress = self.head > before;
        match mem::replace(&mut self.order, LogPhase::Idle) {
            LogPhase::Filling { to, committed, .. } if self.head >= to => self.commit(committed, now, effects),
            LogPhase::Tail { gone: false, .. } if !progress => self.loaded_tail(error.as_ref(), now, effects),
            LogPhase::Tail { gone: true, .. } if !progress && error.is_none() => self.end(effects),
            // There may be more, or it is to be tried again.
            order @ (LogPhase::Idle
            | LogPhase::Appending(_)
            | LogPhase::Recovering { .. }
            | LogPhase::Filling { .. }
            | LogPhase::Tail { .. }) => {
                self.order = if self.deleted { LogPhase::Idle } else { order };
                if !progress {
                    self.order.retry_later(now);
                }
            }
        }
    }

    fn apply_all(&mut self, events: impl IntoIterator<Item = Arc<Event>>, effects: &mut Vec<Effect>) {
        for event in events {
            self.apply(&event, effects);
        }
    }

    /// An event is durable and next: it goes out.
    fn apply(&mut self, event: &Arc<Event>, effects: &mut Vec<Effect>) {
        if self.deleted || event.seq != self.head.next() {
            return;
        }
        self.head = event.seq;
        let delivery = Delivery::event(Arc::clone(event));
        self.recent.push(delivery.clone());
        effects.push(Effect::Publish(delivery));
        if let (Some(_), Some(author)) = (event.message(), &event.actor)
            && self.typists.stop_user(&author.id)
        {
            self.typing_throttle.mark();
        }
        if event.kind == EventKind::RoomDeleted {
            self.end(effects);
        }
    }
}

fn new_message(author: Identity, content: String, key: EventKey, now: Now) -> NewMessage {
    let fingerprint = Fingerprint::of(&content);
    NewMessage { author, content, key, fingerprint, at: now.wall }
}

/// Answers each entry what became of it; returns the events that are new.
fn answer_placed(in_flight: Vec<InFlight>, placed: Vec<AppendOutcome>, effects: &mut Vec<Effect>) -> Vec<Arc<Event>> {
    let mut committed = vec![];
    let mut placed = placed.into_iter();
    for entry in in_flight {
        let outcome = match placed.next() {
            Some(AppendOutcome::New(event)) => {
                committed.push(event.clone());
                Outcome::Stored { event, replayed: false }
            }
            Some(AppendOutcome::Replay(event)) => Outcome::Stored { event, replayed: true },
            Some(AppendOutcome::Unchanged) => Outcome::Unchanged,
            Some(AppendOutcome::Refused(error)) => Outcome::Failed(error),
            // A store that answers fewer entries than it was given: a defect, but nobody is left waiting.
            None => Outcome::Failed(Error::Internal),
        };
        answer(entry.reply, outcome, effects);
    }
    committed
}

/// Answers each entry of an append whose outcome was lost, by what was found; up to `head` all was known before.
fn answer_recovered(in_flight: Vec<InFlight>, head: Seq, recovered: &Recovered, effects: &mut Vec<Effect>) {
    let lookup = |stored: &StoredEvent| Lookup {
        user: stored.event.actor.as_ref().map(|actor| actor.id.clone()),
        key: stored.key.clone(),
    };
    let found: BTreeMap<_, _> = recovered.found.iter().map(|stored| (lookup(stored), stored)).collect();
    let mut answered = BTreeSet::new();
    for entry in in_flight {
        let outcome = match found.get(&entry.lookup) {
            None if recovered.is_deleted => Outcome::Failed(Error::RoomNotFound),
            None => Outcome::Failed(Error::Unavailable),
            Some(stored) if entry.fingerprint.is_some_and(|fingerprint| fingerprint != stored.fingerprint) => {
                Outcome::Failed(Error::IdempotencyMismatch)
            }
            Some(stored) => {
                let first = answered.insert(entry.lookup.clone());
                let replayed = !first || stored.event.seq <= head;
                Outcome::Stored { event: stored.event.clone(), replayed }
            }
        };
        answer(entry.reply, outcome, effects);
    }
}

//! The room's log: one append at a time, nothing published before it is durable, no hole left behind.

use std::{
    collections::{BTreeSet, VecDeque},
    mem,
    sync::Arc,
    time::Duration,
};

use crate::{
    Delivery, Event, EventKind, Identity, Limits, Marked, Now, Seq, SessionId, Timestamp, UserId,
    append::{AppendFailure, AppendResult, Entry, EventKey, Lookup, Op, Recovered, StoredEvent},
    error::Error,
    rights::Standing,
    state::{
        Effect, ReplyId,
        answer::AppendReply,
        hint::Hint,
        outcome::{Committed, InFlight, Outcome, PutOff, Sender, answer_appended, answer_recovered},
        pace::Pace,
        recent::Recent,
        rights::Rights,
    },
};

/// What a room knows of its log, and what it does with it.
#[derive(Debug)]
pub(super) struct Log {
    /// The last event that was applied: the H of the design.
    head: Seq,
    /// Whether the room's end was applied.
    is_ended: bool,
    recent: Recent,
    phase: LogPhase,
    /// Appends that wait for the one under way.
    queue: VecDeque<Pending>,
    max_queue: usize,
    pace: Pace,
    /// Whether the log was last asked for events after the head, not appended to.
    tail_was_last: bool,
    /// What was hinted of other writers.
    hint: Hint,
    /// The load that is under way.
    load: Option<Load>,
    /// Events of ours that were found after their outcome was lost, and are not applied yet.
    found: BTreeSet<Seq>,
}

/// What the room's log is doing.
#[derive(Debug)]
enum LogPhase {
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
    Filling { to: Seq, committed: Vec<Committed>, retry_at: Option<Duration> },
    /// The database is being asked for events after the head: because a client claims to have some, because a hint says that
    /// there are some, or because the room is `gone` and its last event is wanted.
    Tail { gone: bool, retry_at: Option<Duration> },
}

/// What is being loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Load {
    /// Older events, so that gaps can be filled.
    Recent,
    /// Events after the head: another writer's.
    Tail,
}

/// An append that waits.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) session: Option<SessionId>,
    pub(super) by_system: bool,
    pub(super) actor: Option<Identity>,
    pub(super) key: EventKey,
    pub(super) op: Op,
    pub(super) reply: ReplyId,
}

/// What a step of the log means to those who hear the room.
#[derive(Debug, Default)]
#[must_use]
pub(super) struct Progress {
    /// What was applied, to be published in this order.
    pub(super) applied: Vec<Applied>,
    /// What becomes of the attaches that wait.
    pub(super) attaches: Attaches,
    /// Who has marked the room as read, and how far.
    pub(super) marks: Vec<(Sender, Marked)>,
}

/// An event that was applied, and what is published of it.
#[derive(Debug)]
pub(super) struct Applied {
    pub(super) event: Arc<Event>,
    pub(super) delivery: Delivery,
    /// What its actor is in the room after it, if the store has said so.
    pub(super) standing: Option<Standing>,
    /// Whether its outcome was lost: it was found again, and nobody whom it mentions was told.
    pub(super) was_lost: bool,
}

/// What becomes of the attaches that wait.
#[derive(Debug, Default)]
pub(super) enum Attaches {
    /// They go on waiting.
    #[default]
    Stay,
    /// They are judged again.
    Retry,
    /// They are all answered with this.
    GiveUp(Error),
    /// Those of which it is not known whether their users may hear the room are answered with this.
    NotLookedUp(Error),
    /// Those that wait for older events are judged again, or answered with the error.
    RecentLoaded(Option<Error>),
    /// Those that wait for later events are judged again, or answered with the error.
    TailLoaded(Option<Error>),
}

/// How long those who wait for a lost outcome are left without an answer.
const GIVE_UP_AFTER: Duration = Duration::from_secs(10);
/// How long to wait before a failed look-up is tried again.
const RETRY_AFTER: Duration = Duration::from_millis(500);
/// How many events after the head are loaded at a time: of at most 64 KiB each.
const TAIL_PAGE: usize = 64;

impl Log {
    /// A log from `first` to `head`.
    pub(super) fn new(first: Seq, head: Seq, limits: &Limits) -> Self {
        Self {
            head,
            is_ended: false,
            recent: Recent::new(head, limits.recent_events, limits.recent_bytes).beginning_at(first),
            phase: LogPhase::Idle,
            queue: VecDeque::new(),
            max_queue: limits.room_mailbox,
            pace: Pace::default(),
            tail_was_last: false,
            hint: Hint::default(),
            load: None,
            found: BTreeSet::new(),
        }
    }

    /// The last event that was applied.
    pub(super) const fn head(&self) -> Seq {
        self.head
    }

    /// Whether the room's end was applied.
    pub(super) const fn is_ended(&self) -> bool {
        self.is_ended
    }

    /// The events at hand.
    pub(super) const fn recent(&self) -> &Recent {
        &self.recent
    }

    /// Lets go of the events at hand.
    pub(super) fn let_go(&mut self) {
        self.recent.clear();
    }

    /// Whether an outcome has been lost for so long that nobody is let wait for it.
    pub(super) const fn gave_up(&self) -> bool {
        matches!(self.phase, LogPhase::Recovering { gave_up: true, .. })
    }

    /// Whether nothing is under way, and nothing waits.
    pub(super) fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.load.is_none() && matches!(self.phase, LogPhase::Idle)
    }

    pub(super) fn poll_timeout(&self) -> Option<Duration> {
        let phase = match &self.phase {
            LogPhase::Idle if !self.queue.is_empty() => self.pace.due_at(),
            LogPhase::Idle | LogPhase::Appending(_) => None,
            LogPhase::Recovering { give_up_at, gave_up, retry_at, .. } => {
                let give_up_at = (!gave_up).then_some(*give_up_at);
                [give_up_at, *retry_at].into_iter().flatten().min()
            }
            LogPhase::Filling { retry_at, .. } | LogPhase::Tail { retry_at, .. } => *retry_at,
        };
        [phase, self.hint.poll_timeout()].into_iter().flatten().min()
    }

    /// Another writer may have appended up to `head`, or ended the room (`None`). What it stored is read when the log has
    /// nothing else to do.
    pub(super) fn hint(&mut self, head: Option<Seq>) {
        if !self.is_ended {
            self.hint.note(head);
        }
    }

    /// How many appends wait.
    pub(super) fn queued(&self) -> usize {
        self.queue.len()
    }

    /// Puts an append in its place behind those that wait.
    pub(super) fn enqueue(&mut self, pending: Pending, effects: &mut Vec<Effect>) {
        if self.gave_up() {
            pending.fail(Error::Unavailable, effects);
        } else if self.queue.len() >= self.max_queue {
            pending.fail(Error::Overloaded, effects);
        } else {
            self.queue.push_back(pending);
        }
    }

    /// Nothing follows: what waits is refused.
    pub(super) fn end(&mut self, effects: &mut Vec<Effect>) {
        self.is_ended = true;
        self.hint = Hint::default();
        self.phase = LogPhase::Idle;
        self.refuse_queue(&Error::RoomNotFound, effects);
    }

    /// What the log does next, if nothing is under way or a time has come. `tail_asked`: somebody asks for events after the head.
    pub(super) fn go_on(&mut self, tail_asked: bool, rights: &Rights, now: Now, effects: &mut Vec<Effect>) -> Progress {
        self.hint.expire(now.mono);
        match &mut self.phase {
            LogPhase::Appending(_) => Progress::default(),
            LogPhase::Idle => {
                self.start_next(tail_asked, rights, now, effects);
                Progress::default()
            }
            LogPhase::Recovering { .. } => self.continue_recovery(now, effects),
            LogPhase::Filling { retry_at, .. } | LogPhase::Tail { retry_at, .. } => {
                *retry_at = retry_at.filter(|at| *at > now.mono);
                Progress::default()
            }
        }
    }

    /// Starts the load that something waits for, unless one is under way. Returns whether events after the head are asked for
    /// from now on.
    pub(super) fn start_load(&mut self, recent_asked: impl FnOnce(&Self) -> bool, effects: &mut Vec<Effect>) -> bool {
        if self.load.is_some() {
            return false;
        }
        let wants_tail =
            matches!(self.phase, LogPhase::Filling { retry_at: None, .. } | LogPhase::Tail { retry_at: None, .. });
        if wants_tail {
            self.load = Some(Load::Tail);
            self.hint.load_started();
            effects.push(Effect::Load { after: self.head, limit: TAIL_PAGE });
        } else if recent_asked(self) {
            self.load = Some(Load::Recent);
            self.recent.load_started();
            let (after, limit) = self.recent.missing();
            effects.push(Effect::Load { after, limit });
        }
        wants_tail
    }

    /// The append under way has ended, somehow.
    pub(super) fn appended(&mut self, result: AppendResult, now: Now, effects: &mut Vec<Effect>) -> Progress {
        let LogPhase::Appending(in_flight) = mem::replace(&mut self.phase, LogPhase::Idle) else {
            return Progress::default();
        };
        match result {
            Ok(outcomes) => {
                let Outcome { committed, marks, pruned, put_off } = answer_appended(in_flight, outcomes, effects);
                if let Some(first) = pruned {
                    self.recent.prune(first);
                }
                for again in put_off.into_iter().rev() {
                    self.queue.push_front(Pending::again(again));
                }
                Progress { marks, ..self.commit(committed) }
            }
            Err(AppendFailure::NotStored(error)) => {
                self.not_stored(&in_flight, &error, effects);
                Progress::default()
            }
            Err(AppendFailure::Unknown) => {
                let give_up_at = now.mono + GIVE_UP_AFTER;
                self.phase = LogPhase::Recovering { in_flight, give_up_at, gave_up: false, retry_at: Some(now.mono) };
                Progress::default()
            }
        }
    }

    /// What became of an append is known, or could not be found out yet.
    pub(super) fn recovered(
        &mut self,
        result: Result<Recovered, Error>,
        now: Now,
        effects: &mut Vec<Effect>,
    ) -> Progress {
        let recovered = match result {
            Ok(recovered) => Ok(recovered),
            Err(Error::RoomNotFound) => Err(Error::RoomNotFound),
            Err(_) => {
                self.retry_later(now);
                return Progress::default();
            }
        };
        let LogPhase::Recovering { in_flight, gave_up, .. } = mem::replace(&mut self.phase, LogPhase::Idle) else {
            return Progress::default();
        };
        // Whoever was told that it is not known has had their answer.
        let in_flight = if gave_up { vec![] } else { in_flight };
        match recovered {
            Ok(recovered) => {
                self.found = answer_recovered(in_flight, self.head, &recovered, effects);
                self.catch_up(recovered)
            }
            Err(error) => {
                self.not_stored(&in_flight, &error, effects);
                Progress::default()
            }
        }
    }

    /// A load has ended.
    pub(super) fn loaded(&mut self, result: Result<Vec<StoredEvent>, Error>, now: Now) -> Progress {
        let Some(load) = self.load.take() else { return Progress::default() };
        if self.is_ended {
            return Progress::default();
        }
        match (load, result) {
            (Load::Recent, Ok(older)) => {
                self.recent.prepend(older.into_iter().map(|stored| Delivery::event(stored.event)).collect());
                Progress { attaches: Attaches::RecentLoaded(None), ..Progress::default() }
            }
            (Load::Recent, Err(error)) => {
                self.recent.load_failed();
                Progress { attaches: Attaches::RecentLoaded(Some(error)), ..Progress::default() }
            }
            (Load::Tail, Ok(later)) => {
                self.hint.load_done();
                self.tail_loaded(later, now)
            }
            (Load::Tail, Err(error)) => {
                self.hint.load_failed(now.mono + RETRY_AFTER);
                self.tail_not_loaded(error, now)
            }
        }
    }

    fn start_next(&mut self, tail_asked: bool, rights: &Rights, now: Now, effects: &mut Vec<Effect>) {
        // A client that claims to have later events is dealt with before the head moves on, and so is a hint that there are
        // some. Yet however many come with such claims, they do not keep others' messages waiting.
        let is_asked = tail_asked || self.hint.is_due(self.head);
        self.tail_was_last = (self.queue.is_empty() || !self.tail_was_last) && is_asked;
        if self.tail_was_last {
            self.phase = LogPhase::Tail { gone: self.hint.take_gone(), retry_at: None };
        } else if self.pace.is_due(now.mono) {
            self.start_append(rights, now, effects);
        }
    }

    /// What was applied last was published to so many sessions.
    pub(super) fn published(&mut self, sessions: usize, now: Now) {
        self.pace.published(sessions, now.mono);
    }

    /// Whether something of a user's waits for an append.
    pub(super) fn waits_for(&self, user: &UserId) -> bool {
        self.queue.iter().any(|pending| pending.actor.as_ref().is_some_and(|actor| actor.id == *user))
    }

    /// Takes what waits: an exclusive entry alone, others up to the next exclusive one.
    fn start_append(&mut self, rights: &Rights, now: Now, effects: &mut Vec<Effect>) {
        let Some(first) = self.queue.pop_front() else { return };
        let is_exclusive = first.op.is_exclusive();
        let entry = |pending: Pending, head| pending.into_entry(rights, head, now.wall);
        let mut batch = vec![entry(first, self.head)];
        while !is_exclusive && let Some(next) = self.queue.pop_front_if(|next| !next.op.is_exclusive()) {
            batch.push(entry(next, self.head));
        }
        let (in_flight, entries) = batch.into_iter().unzip();
        self.phase = LogPhase::Appending(in_flight);
        effects.push(Effect::Append(entries));
    }

    fn continue_recovery(&mut self, now: Now, effects: &mut Vec<Effect>) -> Progress {
        let LogPhase::Recovering { in_flight, give_up_at, gave_up, retry_at } = &mut self.phase else {
            return Progress::default();
        };
        if retry_at.is_some_and(|at| at <= now.mono) {
            *retry_at = None;
            let lookups = in_flight.iter().flat_map(|entry| [Some(&entry.lookup), entry.end.as_ref()]);
            let keys = lookups.flatten().cloned().collect();
            effects.push(Effect::Recover { keys });
        }
        if *gave_up || *give_up_at > now.mono {
            return Progress::default();
        }
        *gave_up = true;
        for entry in in_flight {
            entry.reply.fail(Error::OutcomeUnknown, effects);
        }
        self.refuse_queue(&Error::Unavailable, effects);
        Progress { attaches: Attaches::GiveUp(Error::Unavailable), ..Progress::default() }
    }

    fn not_stored(&mut self, in_flight: &[InFlight], error: &Error, effects: &mut Vec<Effect>) {
        for entry in in_flight {
            entry.reply.fail(error.clone(), effects);
        }
        if *error == Error::RoomNotFound {
            // Another writer deleted it: those who are here are to see how it ended.
            self.phase = LogPhase::Tail { gone: true, retry_at: None };
        }
    }

    /// Publishes what a recovery has found, and loads what else there is.
    fn catch_up(&mut self, recovered: Recovered) -> Progress {
        let Recovered { head, is_deleted, found } = recovered;
        // Mostly that is all there is.
        let mut progress = self.apply(found.into_iter().map(|stored| stored.event.into()));
        if self.is_ended {
            return progress;
        }
        if is_deleted {
            self.phase = LogPhase::Tail { gone: true, retry_at: None };
        } else if self.head < head {
            self.phase = LogPhase::Filling { to: head, committed: vec![], retry_at: None };
        } else {
            progress.attaches = Attaches::Retry;
        }
        progress
    }

    /// Events of ours are durable: publishes them, after what another writer put before them.
    fn commit(&mut self, committed: Vec<Committed>) -> Progress {
        let hole = committed.first().map(|first| first.event.seq).filter(|first| *first > self.head.next());
        if let Some(first) = hole {
            self.phase = LogPhase::Filling { to: Seq(first.0 - 1), committed, retry_at: None };
            return Progress::default();
        }
        Progress { attaches: Attaches::Retry, ..self.apply(committed) }
    }

    /// Events after the head came.
    fn tail_loaded(&mut self, later: Vec<StoredEvent>, now: Now) -> Progress {
        let before = self.head;
        let to = match &self.phase {
            LogPhase::Filling { to, .. } => *to,
            LogPhase::Idle | LogPhase::Appending(_) | LogPhase::Recovering { .. } | LogPhase::Tail { .. } => {
                Seq(u64::MAX)
            }
        };
        let events = later.into_iter().map(|stored| stored.event).filter(|event| event.seq <= to);
        let mut progress = self.apply(events.map(Committed::from));
        if self.is_ended {
            return progress;
        }
        match mem::replace(&mut self.phase, LogPhase::Idle) {
            LogPhase::Filling { to, committed, .. } if self.head >= to => {
                let Progress { applied, attaches, .. } = self.commit(committed);
                progress.applied.extend(applied);
                progress.attaches = attaches;
            }
            LogPhase::Tail { gone: false, .. } if self.head == before => {
                progress.attaches = Attaches::TailLoaded(None);
            }
            // There is nothing more, and its end is not there any more.
            LogPhase::Tail { gone: true, .. } if self.head == before => self.is_ended = true,
            // There may be more, or it is to be tried again.
            phase @ (LogPhase::Idle
            | LogPhase::Appending(_)
            | LogPhase::Recovering { .. }
            | LogPhase::Filling { .. }
            | LogPhase::Tail { .. }) => {
                self.phase = phase;
                if self.head == before {
                    self.retry_later(now);
                }
            }
        }
        progress
    }

    /// Events after the head could not be read.
    fn tail_not_loaded(&mut self, error: Error, now: Now) -> Progress {
        if matches!(self.phase, LogPhase::Tail { gone: false, .. }) {
            self.phase = LogPhase::Idle;
            return Progress { attaches: Attaches::TailLoaded(Some(error)), ..Progress::default() };
        }
        self.retry_later(now);
        Progress::default()
    }

    /// Applies those events that are next: they are durable, and are to go out.
    fn apply(&mut self, events: impl IntoIterator<Item = Committed>) -> Progress {
        let mut applied = vec![];
        for Committed { event, standing } in events {
            if self.is_ended || event.seq != self.head.next() {
                continue;
            }
            self.head = event.seq;
            self.is_ended = event.kind == EventKind::RoomDeleted;
            if let EventKind::MessageDeleted { target, .. } = event.kind {
                self.recent.erase(target);
            }
            let delivery = Delivery::event(Arc::clone(&event));
            self.recent.push(delivery.clone());
            let was_lost = self.found.remove(&event.seq);
            applied.push(Applied { event, delivery, standing, was_lost });
        }
        Progress { applied, ..Progress::default() }
    }

    fn refuse_queue(&mut self, error: &Error, effects: &mut Vec<Effect>) {
        for pending in mem::take(&mut self.queue) {
            pending.fail(error.clone(), effects);
        }
    }

    fn retry_later(&mut self, now: Now) {
        if let LogPhase::Recovering { retry_at, .. }
        | LogPhase::Filling { retry_at, .. }
        | LogPhase::Tail { retry_at, .. } = &mut self.phase
        {
            *retry_at = Some(now.mono + RETRY_AFTER);
        }
    }
}

impl Pending {
    /// An entry that was put off.
    fn again(PutOff { session, reply, entry }: PutOff) -> Self {
        let Entry { actor, key, by_system, op, .. } = *entry;
        Self { session, by_system, actor, key, op, reply: reply.id() }
    }

    /// The entry it becomes, stamped when its append begins. All up to `head` was applied.
    fn into_entry(self, rights: &Rights, head: Seq, at: Timestamp) -> (InFlight, Entry) {
        let Self { session, by_system, actor, key, op, reply } = self;
        let marker = actor.clone().filter(|_| matches!(op, Op::Mark(_))).map(|user| Sender { session, user });
        let reply = AppendReply::new(&op, reply);
        let standing = actor.as_ref().and_then(|actor| rights.known(actor, head));
        let entry = Entry { by_system, standing, ..Entry::new(actor, key, at, op) };
        let (lookup, fingerprint, subject) = (entry.lookup(), entry.fingerprint, entry.op.subject());
        let last = if let Op::Member(op) = &entry.op { Some(&op.user.id).filter(|_| op.is_alone) } else { None };
        let end = last.map(|user| Lookup { user: Some(user.clone()), key: entry.key.clone() });
        let end = end.filter(|end| *end != lookup);
        (InFlight { reply, session, marker, lookup, end, fingerprint, subject }, entry)
    }

    fn fail(&self, error: Error, effects: &mut Vec<Effect>) {
        AppendReply::new(&self.op, self.reply).fail(error, effects);
    }
}

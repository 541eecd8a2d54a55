//! The inside of a session, which its two halves and the rooms share.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use tokio::{
    sync::{Semaphore, SemaphorePermit, TryAcquireError, oneshot},
    task::unconstrained,
};
use tracing::{Span, field};

use crate::{
    Actor, Answer, Attached, Delivery, Departure, DetachReason, Error, Gap, Identity, Notice, RoomId, SessionEnd,
    SessionId, Ticket, Update,
    engine::{
        ending::Ending,
        entrance::Entered,
        inner::Inner,
        lock::lock,
        mailbox::RoomCommand,
        metrics::AttachKind,
        prepare::{Issuer, Prepared, Ready},
        reply::ToSession,
        session_queue::SessionQueue,
        session_state::{Held, SessionCommand, State, Watch},
        subscriber::{IssuedCommand, OpenRooms, SessionAnswer, Subscriber},
    },
    state::Request,
};

/// A session. It has no task of its own: whoever changes it does all the work, under its lock.
#[derive(Debug)]
pub(super) struct SessionCore {
    id: SessionId,
    identity: Identity,
    pub(super) actor: Actor,
    pub(super) inner: Arc<Inner>,
    /// How many more commands may be unanswered.
    places: Semaphore,
    /// How many more bytes of text these may have.
    bytes: Semaphore,
    /// How long a command that is awaited waits for its place in the engine.
    patience: Duration,
    tickets: AtomicU64,
    state: Mutex<State>,
}

impl SessionCore {
    /// Starts a session. It has ended already when there are too many, or the engine stops.
    pub(super) fn connect(inner: &Arc<Inner>, identity: Identity, patience: Duration) -> Arc<Self> {
        let user = identity.id.clone();
        let limits = &inner.services.limits;
        let new = |id| Arc::new(Self::new(inner, id, identity, patience));
        let (session, refusal) = inner.sessions.add(limits, &user, new);
        inner.services.metrics.session_opened();
        // Looked at once it is in the registry: whoever is locked out later is found there.
        let is_locked_out = || inner.services.locked_out.check(&user).is_err();
        if let Some(ending) = refusal.or_else(|| is_locked_out().then_some(Ending::REVOKED)) {
            session.end(ending);
        }
        session
    }

    fn new(inner: &Arc<Inner>, id: SessionId, identity: Identity, patience: Duration) -> Self {
        let limits = &inner.services.limits;
        let queue = SessionQueue::new(limits.session_queue_bytes, inner.services.waiting.share());
        Self {
            id,
            actor: Actor::User(identity.clone()),
            identity,
            inner: Arc::clone(inner),
            places: Semaphore::new(limits.unanswered_commands.clamp(1, Semaphore::MAX_PERMITS)),
            bytes: Semaphore::new(limits.unanswered_bytes.clamp(1, Semaphore::MAX_PERMITS)),
            patience,
            tickets: AtomicU64::new(0),
            state: Mutex::new(State::new(queue)),
        }
    }

    pub(super) const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The engine, and this session as it issues commands there.
    pub(super) fn issuer(&self) -> (&Inner, Issuer<'_>) {
        (&self.inner, Issuer { session: self.id, identity: &self.identity, actor: &self.actor })
    }

    pub(super) fn free_places(&self) -> usize {
        self.places.available_permits()
    }

    pub(super) fn has_ended(&self) -> bool {
        self.places.is_closed()
    }

    /// Takes a place among the unanswered commands. Refuses as [`Error::Overloaded`] when there is none now.
    pub(super) fn try_place(&self) -> Result<(), Error> {
        match self.places.try_acquire() {
            Ok(permit) => {
                permit.forget();
                Ok(())
            }
            Err(TryAcquireError::NoPermits) => Err(Error::Overloaded),
            Err(TryAcquireError::Closed) => Err(self.ended()),
        }
    }

    /// Waits for a place among the unanswered commands.
    pub(super) async fn place(&self) -> Result<SemaphorePermit<'_>, Error> {
        // A task that has used up its turn would else join the line later than it came.
        unconstrained(self.places.acquire()).await.map_err(|_closed| self.ended())
    }

    /// Waits for what a command needs to go on its way. Dropped before, it takes nothing.
    pub(super) async fn ready<T>(&self, prepared: Prepared<T>) -> Result<Ready<T>, Error> {
        let Prepared { room, request, wants_gap, cost, responder } = prepared;
        let bytes = unconstrained(self.bytes.acquire_many(self.shares(cost.bytes()))).await;
        let bytes = bytes.map_err(|_closed| self.ended())?;
        // The end of a watch does not come to the room.
        let is_here = matches!(request, Request::Detach { .. }) && lock(&self.state).only_watches(room);
        let entered = self.inner.enter((!is_here).then_some(room), cost, self.patience).await?;
        bytes.forget();
        Ok(Ready { room, request, wants_gap, entered, responder })
    }

    /// The same for a command that waits for nothing. Its place in the room is taken when it comes there.
    fn ready_now<T>(&self, prepared: Prepared<T>) -> Result<Ready<T>, Error> {
        let Prepared { room, request, wants_gap, cost, responder } = prepared;
        let bytes = self.bytes.try_acquire_many(self.shares(cost.bytes()));
        let bytes = bytes.map_err(|_none| self.inner.refused(&cost, self.refusal().unwrap_or(Error::Overloaded)))?;
        let entered = self.inner.enter_now(None, cost)?;
        bytes.forget();
        Ok(Ready { room, request, wants_gap, entered, responder })
    }

    /// How many of the bytes there are a command takes. A single command always fits.
    fn shares(&self, bytes: usize) -> u32 {
        u32::try_from(bytes.min(self.inner.services.limits.unanswered_bytes.max(1))).unwrap_or(u32::MAX)
    }

    /// Submits a command whose place is taken. The answer goes into the stream.
    pub(super) fn submit<T>(self: &Arc<Self>, ticket: Ticket, prepared: Result<Prepared<T>, Error>) {
        self.start(ticket, prepared.and_then(|prepared| self.ready_now(prepared)), None);
    }

    fn ended(&self) -> Error {
        self.refusal().unwrap_or(Error::Unavailable)
    }

    fn refusal(&self) -> Option<Error> {
        lock(&self.state).refusal()
    }

    pub(super) fn next_ticket(&self) -> Ticket {
        Ticket(self.tickets.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// Starts a command whose place is taken. The answer goes to `call`, or else into the stream.
    pub(super) fn start<T>(
        self: &Arc<Self>,
        ticket: Ticket,
        ready: Result<Ready<T>, Error>,
        call: Option<oneshot::Sender<Result<T, Error>>>,
    ) {
        self.change(|state| match ready {
            Ok(ready) => self.enqueue(state, ticket, ready, call),
            Err(error) => self.refuse_command(state, ticket, call, error),
        });
    }

    /// The caller that awaited this attach has taken its gap, or is gone.
    pub(super) fn gap_taken(&self, ticket: Ticket) {
        self.change(|state| {
            state.release_gap(ticket);
            Ok(None)
        });
    }

    /// What its stream yields next.
    pub(super) fn poll_update(&self, cx: Option<&Context<'_>>) -> Poll<Option<Update>> {
        let mut state = lock(&self.state);
        let polled = state.queue.poll(cx);
        if let Poll::Ready(Some(Update::Answer(ticket, _))) = &polled {
            self.places.add_permits(1);
            if state.release_gap(*ticket) {
                drop(state);
                self.change(|_| Ok(None));
            }
        }
        polled
    }

    /// Nobody reads its stream any more.
    pub(super) fn reader_gone(&self) {
        let mut leaves = None;
        self.change(|state| {
            for update in state.queue.reader_gone() {
                self.forget(state, &update);
            }
            leaves = (!state.has_handle).then_some(state.on_drop);
            Ok(None)
        });
        if let Some(means) = leaves {
            self.end(Ending::dropped(means));
        }
    }

    /// Nobody can command it any more.
    pub(super) fn handle_gone(&self) {
        let leaves = {
            let mut state = lock(&self.state);
            state.has_handle = false;
            (!state.queue.has_reader()).then_some(state.on_drop)
        };
        if let Some(means) = leaves {
            self.end(Ending::dropped(means));
        }
    }

    /// Says what it means that nobody holds it any more.
    pub(super) fn on_drop(&self, means: Departure) {
        lock(&self.state).on_drop = means;
    }

    /// How it has ended, if it has.
    pub(super) fn end_told(&self) -> Option<SessionEnd> {
        lock(&self.state).ending.map(Ending::told)
    }

    fn refuse(held: VecDeque<Held>, error: &Error) {
        for held in held {
            match held.command {
                SessionCommand::ToRoom(command) => command.responder.refuse(error.clone()),
                SessionCommand::Watch(to) => to.watched(Err(error.clone())),
            }
        }
    }

    /// Changes the state under the lock, dispatches commands that need not wait any more, and wakes the reader after the lock
    /// is released. Ends the session if its queue has overflowed.
    pub(super) fn change(&self, change: impl FnOnce(&mut State) -> Result<Option<Waker>, ()>) {
        let outcome = {
            let mut state = lock(&self.state);
            let changed = change(&mut state);
            let released = self.release_held(&mut state);
            changed.and_then(|waker| released.map(|other| waker.or(other)))
        };
        match outcome {
            Ok(None) => {}
            Ok(Some(waker)) => waker.wake(),
            Err(()) => self.end(Ending::LAGGED),
        }
    }

    fn enqueue<T>(
        self: &Arc<Self>,
        state: &mut State,
        ticket: Ticket,
        ready: Ready<T>,
        call: Option<oneshot::Sender<Result<T, Error>>>,
    ) -> Result<Option<Waker>, ()> {
        let Ready { room, request, wants_gap, entered: Entered { permit, admitted }, responder } = ready;
        let is_attach = matches!(request, Request::Attach { .. });
        let refusal = state.refusal().or_else(|| {
            let many = is_attach && state.has_all_rooms(room, self.inner.services.limits.rooms_per_session);
            many.then_some(Error::TooMany { what: "rooms".into() })
        });
        if let Some(error) = refusal {
            admitted.refused(&error);
            self.bytes.add_permits(self.shares(admitted.bytes()) as usize);
            return self.refuse_command(state, ticket, call, error);
        }
        if is_attach {
            state.rooms.entry(room).or_default().attaching += 1;
        }
        let attach = if wants_gap { AttachKind::Gap } else { AttachKind::Now };
        let span = self.span(request.name(), room);
        let command = IssuedCommand { ticket, room, attach, span, admitted, call };
        let responder = responder(ToSession { session: self.clone(), command });
        let command = SessionCommand::ToRoom(RoomCommand { request, responder, permit });
        self.hold_or_dispatch(state, Held { ticket, room, wants_gap, command })
    }

    /// The span of a command in a trace, if anybody traces.
    pub(super) fn span(&self, name: &'static str, room: RoomId) -> Option<Box<Span>> {
        let id = self.id.0;
        let span =
            tracing::debug_span!("command", command = name, room.id = room.0, session.id = id, outcome = field::Empty);
        (!span.is_disabled()).then(|| Box::new(span))
    }

    /// Dispatches a command, unless it has to wait.
    pub(super) fn hold_or_dispatch(&self, state: &mut State, held: Held) -> Result<Option<Waker>, ()> {
        if state.must_wait(&held) {
            state.held.push_back(held.without_place());
            return Ok(None);
        }
        self.dispatch(state, held)
    }

    fn dispatch(&self, state: &mut State, held: Held) -> Result<Option<Waker>, ()> {
        let Held { ticket, room, wants_gap, command } = held;
        if wants_gap {
            state.gap = Some(ticket);
        }
        let command = match command {
            SessionCommand::Watch(to) => return self.begin_watch(state, to),
            SessionCommand::ToRoom(command) => command,
        };
        if matches!(command.request, Request::Detach { .. }) && state.only_watches(room) {
            return self.end_watch(state, command.responder);
        }
        if matches!(command.request, Request::Attach { .. } | Request::Detach { .. }) {
            state.moving.push(room);
        }
        let refused = self.inner.hub.dispatch(room, command).err();
        match refused.and_then(|refused| refused.turn_away()) {
            Some(answer) => self.settle(state, answer),
            None => Ok(None),
        }
    }

    /// Dispatches the commands that need not wait any more.
    fn release_held(&self, state: &mut State) -> Result<Option<Waker>, ()> {
        let mut outcome = Ok(None);
        while std::mem::take(&mut state.may_release) {
            for held in std::mem::take(&mut state.held) {
                let dispatched = self.hold_or_dispatch(state, held);
                outcome = outcome.and_then(|waker: Option<Waker>| dispatched.map(|other| waker.or(other)));
            }
        }
        outcome
    }

    /// Records the answer to a command, and passes it on.
    pub(super) fn settle(&self, state: &mut State, answer: SessionAnswer) -> Result<Option<Waker>, ()> {
        match answer {
            SessionAnswer::Attach(command, result) => {
                state.moved(command.room);
                self.note_attached(state, &command, &result);
                self.deliver_answer(state, command, result, Answer::Attached)
            }
            SessionAnswer::Watch(command, result) => self.note_watching(state, command, result),
            SessionAnswer::Detach(command, result) => {
                let room = command.room;
                state.moved(room);
                self.unwatch(state, room);
                self.deliver_answer(state, command, result, |()| Answer::Detached { room })
            }
            SessionAnswer::Typing(command, result) => {
                let room = command.room;
                self.deliver_answer(state, command, result, |()| Answer::Typing { room })
            }
            SessionAnswer::Send(command, result) => self.deliver_answer(state, command, result, Answer::Sent),
            SessionAnswer::Change(command, result) => {
                let room = command.room;
                self.deliver_answer(state, command, result, |changed| Answer::Changed { room, changed })
            }
            SessionAnswer::Mark(command, result) => self.deliver_answer(state, command, result, Answer::Marked),
        }
    }

    /// The session counts as attached from the answer on. If it ends before the room's next step, it departs from the room.
    fn note_attached(&self, state: &mut State, command: &IssuedCommand<Attached>, result: &Result<Attached, Error>) {
        if let Ok(attached) = result {
            let is_resync = matches!(attached.gap, Gap::Resync);
            self.inner.services.metrics.attached(if is_resync { AttachKind::Resync } else { command.attach });
            self.unwatch(state, command.room);
        }
        state.unlink(command.room, |link| {
            link.attaching = link.attaching.saturating_sub(1);
            link.attached |= result.is_ok();
        });
        if !has_gap(result) {
            state.release_gap(command.ticket);
        }
    }

    /// Passes an answer on: to who awaits it, or else into the stream.
    pub(super) fn deliver_answer<T>(
        &self,
        state: &mut State,
        command: IssuedCommand<T>,
        result: Result<T, Error>,
        to_answer: impl FnOnce(T) -> Answer,
    ) -> Result<Option<Waker>, ()> {
        let IssuedCommand { ticket, span, admitted, call, .. } = command;
        self.bytes.add_permits(self.shares(admitted.bytes()) as usize);
        if let Some(span) = span {
            span.record("outcome", result.as_ref().map_or_else(Error::code, |_| "ok"));
        }
        match call {
            Some(call) => {
                self.answer_call(state, ticket, call, result);
                Ok(None)
            }
            None => self.push_answer(state, Update::Answer(ticket, result.map(to_answer))),
        }
    }

    /// Answers a command that is refused before it is on its way.
    pub(super) fn refuse_command<T>(
        &self,
        state: &mut State,
        ticket: Ticket,
        call: Option<oneshot::Sender<Result<T, Error>>>,
        error: Error,
    ) -> Result<Option<Waker>, ()> {
        match call {
            Some(call) => {
                self.answer_call(state, ticket, call, Err(error));
                Ok(None)
            }
            None => self.push_answer(state, Update::Answer(ticket, Err(error))),
        }
    }

    fn answer_call<T>(
        &self,
        state: &mut State,
        ticket: Ticket,
        call: oneshot::Sender<Result<T, Error>>,
        result: Result<T, Error>,
    ) {
        self.places.add_permits(1);
        if call.send(result).is_err() {
            state.release_gap(ticket);
        }
    }

    fn push_answer(&self, state: &mut State, answer: Update) -> Result<Option<Waker>, ()> {
        if state.queue.takes_more() {
            return state.queue.push(answer).map_err(drop);
        }
        self.forget(state, &answer);
        Ok(None)
    }

    /// Drops an update that nobody will read. An answer gives its place among the unanswered commands back.
    fn forget(&self, state: &mut State, update: &Update) {
        if let Update::Answer(ticket, _) = update {
            self.places.add_permits(1);
            state.release_gap(*ticket);
        }
    }
}

impl Subscriber for SessionCore {
    fn id(&self) -> SessionId {
        self.id
    }

    fn user(&self) -> &Identity {
        self.identity()
    }

    fn open(&self) -> OpenRooms {
        let state = lock(&self.state);
        OpenRooms { attached: state.rooms.keys().copied().collect(), watched: state.watching.keys().copied().collect() }
    }

    fn deliver(&self, delivery: Delivery) {
        self.change(|state| state.queue.push(Update::Delivery(delivery)).map_err(drop));
    }

    fn detached(&self, room: RoomId, reason: Option<DetachReason>) {
        self.change(|state| {
            state.unlink(room, |link| link.attached = false);
            match reason {
                Some(reason) => state.queue.push(Update::Detached(room, reason)).map_err(drop),
                None => Ok(None),
            }
        });
    }

    fn watch_ended(&self, room: RoomId, reason: DetachReason) {
        self.change(|state| match state.watching.remove(&room) {
            Some(Watch::Active(_)) => state.queue.push(Update::Detached(room, reason)).map_err(drop),
            // A watch that is not answered yet is refused by its answer.
            Some(Watch::Pending(_)) | None => Ok(None),
        });
    }

    fn notify(&self, notice: Notice) {
        if !notice.told_of().is_none_or(|room| self.inner.services.may_hear_of(&self.actor, room)) {
            return;
        }
        self.change(|state| {
            if let Notice::Activity(activity) = &notice
                && !state.hears(activity)
            {
                return Ok(None);
            }
            state.queue.push(Update::Notice(notice)).map_err(drop)
        });
    }

    fn answered(&self, answer: SessionAnswer) {
        self.change(|state| self.settle(state, answer));
    }

    fn refuse_held(&self) {
        let held = std::mem::take(&mut lock(&self.state).held);
        Self::refuse(held, &Error::Stopped);
    }

    fn end(&self, ending: Ending) {
        let (rooms, watching, held, waker) = {
            let mut state = lock(&self.state);
            if state.ending.is_some() {
                return;
            }
            state.ending = Some(ending);
            let cleared = if ending.drops_waiting() { state.queue.clear() } else { Vec::new() };
            drop(cleared);
            let waker = state.queue.close(ending.reason);
            state.gap = None;
            let watching = std::mem::take(&mut state.watching);
            (std::mem::take(&mut state.rooms), watching, std::mem::take(&mut state.held), waker)
        };
        self.places.close();
        self.bytes.close();
        self.inner.sessions.remove(self.id, &self.identity.id);
        self.inner.watches.remove(self.id, watching.into_keys());
        self.inner.services.metrics.session_closed(ending);
        if let Some(departure) = ending.departure {
            for room in rooms.into_keys() {
                self.inner.hub.depart(room, self.id, departure);
            }
        }
        Self::refuse(held, &ending.refusal());
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// Whether an answer brings events that were missed.
const fn has_gap(result: &Result<Attached, Error>) -> bool {
    match result {
        Ok(Attached { gap: Gap::Events(events), .. }) => !events.is_empty(),
        Ok(Attached { gap: Gap::Resync, .. }) | Err(_) => false,
    }
}

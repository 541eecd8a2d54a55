//! The inside of a session: what its halves and the rooms share.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
};

use tokio::sync::{Semaphore, TryAcquireError, oneshot};
use tracing::field;

use crate::{
    Actor, Answer, AnswerResult, CloseReason, Delivery, Departure, Error, Gap, Identity, RoomId, SessionId, Ticket,
    Update,
    engine::{
        hub::{Refused, RoomCommand},
        inner::Inner,
        lock,
        metrics::AttachKind,
        prepare::Prepared,
        reply::{Kind, Responder, SessionReply, To},
        session_state::{Held, State},
    },
};

/// A session. It has no task: whoever does something to it does all of it, under its lock.
#[derive(Debug)]
pub(super) struct SessionCore {
    id: SessionId,
    identity: Identity,
    actor: Actor,
    inner: Arc<Inner>,
    /// How many more commands may be unanswered.
    places: Semaphore,
    tickets: AtomicU64,
    state: Mutex<State>,
}

/// How a session ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ending {
    /// What its rooms are told, if anything.
    pub(super) departure: Option<Departure>,
    /// What its stream says at last, if anything.
    pub(super) reason: Option<CloseReason>,
}

impl SessionCore {
    pub(super) fn new(inner: &Arc<Inner>, id: SessionId, identity: Identity) -> Self {
        Self {
            id,
            actor: Actor::User(identity.clone()),
            identity,
            inner: Arc::clone(inner),
            places: Semaphore::new(inner.limits.unanswered_commands.clamp(1, Semaphore::MAX_PERMITS)),
            tickets: AtomicU64::new(0),
            state: Mutex::new(State::new(inner.limits.session_queue_bytes)),
        }
    }

    pub(super) const fn id(&self) -> SessionId {
        self.id
    }

    pub(super) const fn identity(&self) -> &Identity {
        &self.identity
    }

    pub(super) const fn actor(&self) -> &Actor {
        &self.actor
    }

    pub(super) const fn inner(&self) -> &Arc<Inner> {
        &self.inner
    }

    pub(super) fn free_places(&self) -> usize {
        self.places.available_permits()
    }

    pub(super) fn has_ended(&self) -> bool {
        self.places.is_closed()
    }

    /// Takes a place for a command, if there is one now.
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

    /// Waits for a place for a command.
    pub(super) async fn place(&self) -> Result<(), Error> {
        match self.places.acquire().await {
            Ok(permit) => {
                permit.forget();
                Ok(())
            }
            Err(_closed) => Err(self.ended()),
        }
    }

    fn ended(&self) -> Error {
        lock(&self.state).ended.clone().unwrap_or(Error::Unavailable)
    }

    pub(super) fn next_ticket(&self) -> Ticket {
        Ticket(self.tickets.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// Starts a command whose place is taken. The answer goes to `call`, or else into the stream.
    pub(super) fn start(
        self: &Arc<Self>,
        ticket: Ticket,
        prepared: Result<Prepared, Error>,
        call: Option<oneshot::Sender<AnswerResult>>,
    ) {
        self.change(|state, session| match prepared {
            Ok(prepared) => session.enqueue(state, ticket, prepared, call),
            Err(error) => session.deliver_answer(state, ticket, call, Err(error)),
        });
    }

    /// Passes the answer to a command with so many bytes of text on, and goes on with what waited for it.
    pub(super) fn answered(reply: SessionReply, bytes: usize, result: AnswerResult) {
        let session = Arc::clone(&reply.session);
        session.change(|state, session| session.settle(state, reply, bytes, result));
    }

    /// The caller that awaited this attach has taken its gap, or is gone.
    pub(super) fn gap_taken(self: &Arc<Self>, ticket: Ticket) {
        self.change(|state, _| {
            state.release_gap(ticket);
            Ok(None)
        });
    }

    /// Passes an event or a signal on.
    pub(super) fn deliver(self: &Arc<Self>, delivery: Delivery) {
        self.change(|state, _| state.queue.push(Update::Delivery(delivery)).map_err(drop));
    }

    /// From now on it does not hear this room; it is told so if that is because the room is gone.
    pub(super) fn parted(self: &Arc<Self>, room: RoomId, is_deleted: bool) {
        self.change(|state, _| {
            state.unlink(room, |link| link.attached = false);
            if !is_deleted {
                return Ok(None);
            }
            state.queue.push(Update::Detached(room)).map_err(drop)
        });
    }

    /// What its stream yields next.
    pub(super) fn poll_update(self: &Arc<Self>, cx: Option<&Context<'_>>) -> Poll<Option<Update>> {
        let mut state = lock(&self.state);
        let polled = state.queue.poll(cx);
        if let Poll::Ready(Some(Update::Answer(ticket, _))) = &polled {
            self.places.add_permits(1);
            if state.release_gap(*ticket) {
                drop(state);
                self.change(|_, _| Ok(None));
            }
        }
        polled
    }

    /// Nobody listens to its stream any more.
    pub(super) fn reader_gone(self: &Arc<Self>) {
        let mut leaves = false;
        self.change(|state, session| {
            for update in state.queue.reader_gone() {
                session.forget(state, &update);
            }
            leaves = !state.has_handle;
            Ok(None)
        });
        if leaves {
            self.end(Ending::CLOSED);
        }
    }

    /// Nobody can command it any more.
    pub(super) fn handle_gone(self: &Arc<Self>) {
        let leaves = {
            let mut state = lock(&self.state);
            state.has_handle = false;
            !state.queue.has_reader()
        };
        if leaves {
            self.end(Ending::CLOSED);
        }
    }

    /// Ends it: its rooms hear of it, its stream ends, its commands are refused. Only the first end counts.
    pub(super) fn end(self: &Arc<Self>, ending: Ending) {
        let (rooms, held, waker) = {
            let mut state = lock(&self.state);
            if state.ended.is_some() {
                return;
            }
            state.ended = Some(ending.refusal());
            let cleared = if ending.reason == Some(CloseReason::Lagged) { state.queue.clear() } else { Vec::new() };
            drop(cleared);
            let waker = state.queue.close(ending.reason);
            state.gap = None;
            (std::mem::take(&mut state.rooms), std::mem::take(&mut state.held), waker)
        };
        self.places.close();
        self.inner.sessions.remove(self);
        self.inner.metrics.session_closed(ending);
        if let Some(departure) = ending.departure {
            for room in rooms.into_keys() {
                self.inner.hub.depart(room, self.id, departure);
            }
        }
        for held in held {
            held.command.responder.refuse(Error::Unavailable, &self.inner.epoch);
        }
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Refuses what waits in the session itself, so that it can come to rest.
    pub(super) fn refuse_held(&self) {
        let held = std::mem::take(&mut lock(&self.state).held);
        for held in held {
            held.command.responder.refuse(Error::Unavailable, &self.inner.epoch);
        }
    }

    /// Changes the state, dispatches what may go now, and wakes the reader after the lock is given back. An queue that
    /// overflowed ends the session.
    fn change(self: &Arc<Self>, change: impl FnOnce(&mut State, &Arc<Self>) -> Result<Option<Waker>, ()>) {
        let outcome = {
            let mut state = lock(&self.state);
            let changed = change(&mut state, self);
            let released = self.release_held(&mut state);
            changed.and_then(|waker| released.map(|other| waker.or(other)))
        };
        match outcome {
            Ok(None) => {}
            Ok(Some(waker)) => waker.wake(),
            Err(()) => self.end(Ending::LAGGED),
        }
    }

    fn enqueue(
        self: &Arc<Self>,
        state: &mut State,
        ticket: Ticket,
        prepared: Prepared,
        call: Option<oneshot::Sender<AnswerResult>>,
    ) -> Result<Option<Waker>, ()> {
        let Prepared { room, kind, input, reply, wants_gap, admitted } = prepared;
        let bytes = admitted.bytes();
        let refusal = state.ended.clone().or_else(|| {
            let many = kind == Kind::Attach && state.has_all_rooms(room, self.inner.limits.rooms_per_session);
            let full = !state.has_place_for(bytes, self.inner.limits.unanswered_bytes);
            many.then_some(Error::TooMany { what: "rooms" }).or(full.then_some(Error::Overloaded))
        });
        if let Some(error) = refusal {
            admitted.refused(&error);
            return self.deliver_answer(state, ticket, call, Err(error));
        }
        if kind == Kind::Attach {
            state.rooms.entry(room).or_default().attaching += 1;
        }
        state.unanswered += bytes;
        let attach = if wants_gap { AttachKind::Gap } else { AttachKind::Now };
        let (name, id) = (kind.name(), self.id.0);
        let span =
            tracing::debug_span!("command", command = name, room.id = room.0, session.id = id, outcome = field::Empty);
        let span = (!span.is_disabled()).then(|| Box::new(span));
        let to = To::Session(SessionReply { session: Arc::clone(self), ticket, room, kind, attach, span, call });
        let command = RoomCommand { input, reply, responder: Responder { to, admitted }, permit: None };
        let held = Held { ticket, room, wants_gap, command };
        if state.must_wait(&held) {
            state.held.push_back(held);
            return Ok(None);
        }
        self.dispatch(state, held)
    }

    fn dispatch(&self, state: &mut State, held: Held) -> Result<Option<Waker>, ()> {
        if held.wants_gap {
            state.gap = Some(held.ticket);
        }
        match self.inner.hub.dispatch(&self.inner, held.room, held.command) {
            Ok(()) => Ok(None),
            Err(refused) => {
                let Refused { error, responder } = *refused;
                responder.admitted.refused(&error);
                match responder.to {
                    To::Session(reply) => self.settle(state, reply, responder.admitted.bytes(), Err(error)),
                    To::Call(_) => Ok(None),
                }
            }
        }
    }

    /// Dispatches what waited and need not any more.
    fn release_held(&self, state: &mut State) -> Result<Option<Waker>, ()> {
        if state.held.is_empty() || state.gap.is_some() {
            return Ok(None);
        }
        let mut outcome = Ok(None);
        for held in std::mem::take(&mut state.held) {
            if state.must_wait(&held) {
                state.held.push_back(held);
                continue;
            }
            let dispatched = self.dispatch(state, held);
            outcome = outcome.and_then(|waker: Option<Waker>| dispatched.map(|other| waker.or(other)));
        }
        outcome
    }

    /// Takes note of the answer to a command with so many bytes of text, and passes it on.
    fn settle(
        &self,
        state: &mut State,
        reply: SessionReply,
        bytes: usize,
        result: AnswerResult,
    ) -> Result<Option<Waker>, ()> {
        let SessionReply { ticket, room, kind, attach, span, call, .. } = reply;
        state.unanswered = state.unanswered.saturating_sub(bytes);
        if let Some(span) = span {
            span.record("outcome", result.as_ref().map_or_else(Error::code, |_| "ok"));
        }
        if let Ok(Answer::Attached(attached)) = &result {
            let is_resync = matches!(attached.gap, Gap::Resync);
            self.inner.metrics.attached(if is_resync { AttachKind::Resync } else { attach });
        }
        if kind == Kind::Attach {
            // It counts as attached with the answer, so that an end between the answer and the room's next step departs.
            state.unlink(room, |link| {
                link.attaching = link.attaching.saturating_sub(1);
                link.attached |= result.is_ok();
            });
            if !has_gap(&result) {
                state.release_gap(ticket);
            }
        }
        self.deliver_answer(state, ticket, call, result)
    }

    fn deliver_answer(
        &self,
        state: &mut State,
        ticket: Ticket,
        call: Option<oneshot::Sender<AnswerResult>>,
        result: AnswerResult,
    ) -> Result<Option<Waker>, ()> {
        let Some(call) = call else {
            if state.queue.takes_more() {
                return state.queue.push(Update::Answer(ticket, result)).map_err(drop);
            }
            self.forget(state, &Update::Answer(ticket, result));
            return Ok(None);
        };
        self.places.add_permits(1);
        if call.send(result).is_err() {
            state.release_gap(ticket);
        }
        Ok(None)
    }

    /// An update that nobody will take.
    fn forget(&self, state: &mut State, update: &Update) {
        if let Update::Answer(ticket, _) = update {
            self.places.add_permits(1);
            state.release_gap(*ticket);
        }
    }
}

impl Ending {
    /// On purpose, or because nobody holds it any more.
    pub(super) const CLOSED: Self = Self { departure: Some(Departure::Closed), reason: None };
    /// No close was seen.
    pub(super) const LOST: Self = Self { departure: Some(Departure::Lost), reason: None };
    /// It was read too slowly.
    pub(super) const LAGGED: Self = Self { departure: Some(Departure::Lost), reason: Some(CloseReason::Lagged) };
    /// A room of it broke.
    pub(super) const DEFECT: Self = Self { departure: Some(Departure::Lost), reason: Some(CloseReason::Defect) };
    /// The engine stops. Rooms hear nothing of it: no leaves are sent.
    pub(super) const SHUTDOWN: Self = Self { departure: None, reason: Some(CloseReason::Shutdown) };
    /// It was one too many.
    pub(super) const TOO_MANY: Self = Self { departure: None, reason: Some(CloseReason::TooManySessions) };

    /// What its commands are answered from then on.
    fn refusal(self) -> Error {
        match self.reason {
            Some(CloseReason::TooManySessions) => Error::TooMany { what: "sessions" },
            Some(CloseReason::Shutdown | CloseReason::Lagged | CloseReason::Defect) | None => Error::Unavailable,
        }
    }
}

/// Whether the answer brings events that were missed.
fn has_gap(result: &AnswerResult) -> bool {
    match result {
        Ok(Answer::Attached(attached)) => match &attached.gap {
            Gap::Events(events) => !events.is_empty(),
            Gap::Resync => false,
        },
        Ok(Answer::Detached { .. } | Answer::Sent(_) | Answer::Typing { .. }) | Err(_) => false,
    }
}

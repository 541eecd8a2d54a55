//! The rooms that a session watches.

use std::{panic::AssertUnwindSafe, sync::Arc, task::Waker};

use futures::FutureExt;
use tokio::sync::oneshot;

use crate::{
    Activity, Answer, Error, Notice, Position, RoomId, Ticket, Update,
    engine::{
        metrics::AttachKind,
        reply::{Responder, ToSession},
        session_core::SessionCore,
        session_state::{Held, SessionCommand, State, Watch},
        subscriber::{IssuedCommand, SessionAnswer, Subscriber},
    },
};

impl SessionCore {
    /// Starts a watch whose place among the unanswered commands is taken. The answer goes to `call`, or else into the stream.
    pub(super) fn start_watch(
        self: &Arc<Self>,
        ticket: Ticket,
        room: RoomId,
        call: Option<oneshot::Sender<Result<Position, Error>>>,
    ) {
        let (inner, issuer) = self.issuer();
        let prepared = inner.prepare_watch(issuer, room);
        self.change(|state| match prepared.and_then(|admitted| state.refusal().map_or(Ok(admitted), Err)) {
            Ok(admitted) => {
                let (attach, span) = (AttachKind::Now, self.span("watch", room));
                let command = IssuedCommand { ticket, room, attach, span, admitted, call };
                let command = SessionCommand::Watch(ToSession { session: self.clone(), command });
                self.hold_or_dispatch(state, Held { ticket, room, wants_gap: false, command })
            }
            Err(error) => self.refuse_command(state, ticket, call, error),
        });
    }

    /// Begins a watch whose turn it is. It is registered before the room's head is read, so that nothing is missed between.
    pub(super) fn begin_watch(&self, state: &mut State, to: ToSession<Position>) -> Result<Option<Waker>, ()> {
        let room = to.command.room;
        if let Some(error) = state.refuses_watch(room, self.inner.services.limits.watched_rooms_per_session) {
            return self.settle(state, SessionAnswer::Watch(to.command, Err(error)));
        }
        state.watching.insert(room, Watch::Pending(None));
        self.inner.watches.add(room, self.id());
        let (watches, epoch) = (Arc::clone(&self.inner.watches), self.inner.services.epoch.clone());
        let (session, user) = (self.id(), self.identity().clone());
        self.inner.services.runtime.spawn(async move {
            let head = AssertUnwindSafe(watches.head(room, session, &user)).catch_unwind().await;
            let head = head.unwrap_or(Err(Error::Internal));
            to.watched(head.map(|seq| Position { epoch, seq }));
        });
        Ok(None)
    }

    /// Records the answer to a watch, and passes it on; then what has happened since.
    pub(super) fn note_watching(
        &self,
        state: &mut State,
        command: IssuedCommand<Position>,
        result: Result<Position, Error>,
    ) -> Result<Option<Waker>, ()> {
        let room = command.room;
        let (result, since) = match (state.watching.get_mut(&room), result) {
            (Some(watch @ Watch::Pending(_)), Ok(head)) => {
                let newest = std::mem::replace(watch, Watch::Active(head.seq)).newest();
                let since = newest.filter(|newest| newest.head > head.seq);
                (Ok(head), since)
            }
            (Some(Watch::Pending(_)), Err(error)) => {
                self.unwatch(state, room);
                (Err(error), None)
            }
            // It has ended before it was answered, with the session or with the room.
            (None, Ok(_)) => (Err(state.refusal().unwrap_or(Error::RoomNotFound)), None),
            (Some(Watch::Active(_)) | None, result) => (result, None),
        };
        state.may_release = true;
        let answered = self.deliver_answer(state, command, result, |head| Answer::Watching { room, head })?;
        let Some(since) = since else { return Ok(answered) };
        let told = state.queue.push(Update::Notice(Notice::Activity(since))).map_err(drop)?;
        Ok(answered.or(told))
    }

    /// Answers a detach of a room that is watched and not attached. The room need not be active for it.
    pub(super) fn end_watch(&self, state: &mut State, responder: Responder) -> Result<Option<Waker>, ()> {
        match responder.turn_away(Error::Internal) {
            Some(SessionAnswer::Detach(command, _)) => self.settle(state, SessionAnswer::Detach(command, Ok(()))),
            Some(other) => self.settle(state, other),
            None => Ok(None),
        }
    }

    /// Ends the watch of a room, if there is one.
    pub(super) fn unwatch(&self, state: &mut State, room: RoomId) {
        if state.watching.remove(&room).is_some() {
            self.inner.watches.remove(self.id(), [room]);
        }
    }
}

impl State {
    /// Whether the session watches a room, and neither is attached to it nor about to be.
    pub(super) fn only_watches(&self, room: RoomId) -> bool {
        let is_attached = self.rooms.get(&room).is_some_and(|link| link.attached);
        self.watching.contains_key(&room) && !is_attached && !self.moving.contains(&room)
    }

    /// Why a room cannot be watched, if it cannot.
    fn refuses_watch(&self, room: RoomId, limit: usize) -> Option<Error> {
        let is_attached = self.rooms.get(&room).is_some_and(|link| link.attached);
        if is_attached || self.watching.contains_key(&room) {
            return Some(Error::AlreadyAttached);
        }
        (self.watching.len() >= limit).then_some(Error::TooMany { what: "rooms".into() })
    }

    /// Whether an activity is told now: the room is watched, and has gone on since the watch was answered. One that comes before
    /// the answer waits for it.
    pub(super) fn hears(&mut self, activity: &Arc<Activity>) -> bool {
        match self.watching.get_mut(&activity.room) {
            Some(Watch::Active(since)) => activity.head > *since,
            Some(Watch::Pending(newest)) => {
                *newest = Some(Arc::clone(activity));
                false
            }
            None => false,
        }
    }
}

impl Watch {
    /// The activity that waits for the answer.
    fn newest(self) -> Option<Arc<Activity>> {
        match self {
            Self::Pending(newest) => newest,
            Self::Active(_) => None,
        }
    }
}

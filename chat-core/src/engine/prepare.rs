//! What is checked before a command goes on its way.

use crate::{
    Action, Actor, Attached, Change, ChangeKind, Changed, Draft, Epoch, Error, IdempotencyKey, Identity, MarkTo,
    Marked, Position, Reaction, Reason, RoomId, Sent, Seq, SessionId, Since,
    append::{EventKey, Op},
    engine::{
        admission::{Admitted, Cost},
        entrance::Entered,
        inner::Inner,
        rates::{Charge, Rated},
        reply::{Responder, ToEither, ToSession},
    },
    state::Request,
    text::check_message,
};

/// The session that issues a command.
#[derive(Debug, Clone, Copy)]
pub(super) struct Issuer<'a> {
    pub(super) session: SessionId,
    pub(super) identity: &'a Identity,
    pub(super) actor: &'a Actor,
}

/// A session's command, checked. It is answered with a `T`.
#[derive(Debug)]
pub(super) struct Prepared<T> {
    pub(super) room: RoomId,
    pub(super) request: Request,
    /// Whether the answer may bring events that were missed.
    pub(super) wants_gap: bool,
    pub(super) cost: Cost,
    /// Who waits for the answer, as the room sees it.
    pub(super) responder: fn(ToSession<T>) -> Responder,
}

/// A session's command that has its places, and can go on its way.
#[derive(Debug)]
pub(super) struct Ready<T> {
    pub(super) room: RoomId,
    pub(super) request: Request,
    pub(super) wants_gap: bool,
    pub(super) entered: Entered,
    pub(super) responder: fn(ToSession<T>) -> Responder,
}

impl Inner {
    /// Checks an attach.
    pub(super) fn prepare_attach(
        &self,
        issuer: Issuer<'_>,
        room: RoomId,
        since: Since,
        presence: bool,
    ) -> Result<Prepared<Attached>, Error> {
        self.check_open(room)?;
        self.services.check(issuer.actor, Action::ReadRoom(room))?;
        self.rate(issuer.actor, Rated::Attaches)?;
        let (since, wants_gap) = match since {
            Since::Now => (Since::Now, false),
            Since::Position(Position { epoch, seq }) => {
                // What the client sent is not kept while the command waits: our epoch, or one that is nobody's.
                let epoch = if epoch == self.services.epoch { self.services.epoch.clone() } else { Epoch::new("") };
                (Since::Position(Position { epoch, seq: seq.min(MAX_SEQ) }), true)
            }
            Since::Seq(seq) => (Since::Seq(seq.min(MAX_SEQ)), true),
        };
        let reply = self.hub.next_reply();
        let user = issuer.identity.clone();
        let request = Request::Attach { session: issuer.session, user, since, presence, reply };
        Ok(Prepared { room, request, wants_gap, cost: Cost::NOTHING, responder: Responder::Attach })
    }

    /// Checks a watch.
    pub(super) fn prepare_watch(&self, issuer: Issuer<'_>, room: RoomId) -> Result<Admitted, Error> {
        self.check_open(room)?;
        self.services.check(issuer.actor, Action::ReadRoom(room))?;
        self.rate(issuer.actor, Rated::Attaches)?;
        self.admission.try_admit(Cost::NOTHING)
    }

    /// Checks a detach.
    pub(super) fn prepare_detach(&self, issuer: Issuer<'_>, room: RoomId) -> Result<Prepared<()>, Error> {
        self.check_open(room)?;
        let request = Request::Detach { session: issuer.session, reply: self.hub.next_reply() };
        Ok(Prepared { room, request, wants_gap: false, cost: Cost::NOTHING, responder: Responder::Detach })
    }

    /// Checks that somebody types, or has stopped.
    pub(super) fn prepare_typing(
        &self,
        issuer: Issuer<'_>,
        room: RoomId,
        is_typing: bool,
    ) -> Result<Prepared<()>, Error> {
        self.check_open(room)?;
        self.services.check(issuer.actor, Action::Type(room))?;
        self.rate(issuer.actor, Rated::Typing)?;
        let (session, user, reply) = (issuer.session, issuer.identity.clone(), self.hub.next_reply());
        let request = Request::Typing { session, user, is_typing, reply };
        Ok(Prepared { room, request, wants_gap: false, cost: Cost::NOTHING, responder: Responder::Typing })
    }

    /// Checks a message that a session sends.
    pub(super) fn prepare_session_send(
        &self,
        issuer: Issuer<'_>,
        room: RoomId,
        draft: Draft,
    ) -> Result<Prepared<Sent>, Error> {
        let (request, cost) = self.prepare_send(Some(issuer.session), issuer.actor, room, draft)?;
        let responder = |to| Responder::Send(ToEither::Session(to));
        Ok(Prepared { room, request, wants_gap: false, cost, responder })
    }

    /// Checks a change of a message that a session makes.
    pub(super) fn prepare_session_change(
        &self,
        issuer: Issuer<'_>,
        room: RoomId,
        change: Change,
    ) -> Result<Prepared<Changed>, Error> {
        let (request, cost) = self.prepare_change(Some(issuer.session), issuer.actor, room, change)?;
        let responder = |to| Responder::Change(ToEither::Session(to));
        Ok(Prepared { room, request, wants_gap: false, cost, responder })
    }

    /// Checks that a session marks a room as read.
    pub(super) fn prepare_session_mark(
        &self,
        issuer: Issuer<'_>,
        room: RoomId,
        to: MarkTo,
    ) -> Result<Prepared<Marked>, Error> {
        let (request, cost) = self.prepare_mark(Some(issuer.session), issuer.actor, room, to)?;
        let responder = |to| Responder::Mark(ToEither::Session(to));
        Ok(Prepared { room, request, wants_gap: false, cost, responder })
    }

    /// Checks a change of a message, made by a session or without one.
    pub(super) fn prepare_change(
        &self,
        session: Option<SessionId>,
        actor: &Actor,
        room: RoomId,
        change: Change,
    ) -> Result<(Request, Cost), Error> {
        self.check_open(room)?;
        self.services.check(actor, Action::Change(room, &change))?;
        let Change { target, kind, key } = change;
        let needs_user = matches!(kind, ChangeKind::React { .. }) || !actor.is_system();
        if needs_user && actor.user().is_none() {
            return Err(Error::Unauthenticated);
        }
        let target = target.min(MAX_SEQ);
        let op = match kind {
            ChangeKind::Edit(edit) => {
                check_message(&edit.content, self.services.limits.message_chars)?;
                edit.check_extras()?;
                Op::Edit(target, edit)
            }
            ChangeKind::Delete { reason } => Op::Delete(target, reason.as_deref().map(Reason::new).transpose()?),
            ChangeKind::React { reaction, added } => Op::React(target, Reaction::new(&reaction)?, added),
            ChangeKind::Pin { pinned } => Op::Pin(target, pinned),
        };
        self.append_request(session, actor, key.as_deref(), op)
    }

    /// Checks that a user marks a room as read.
    pub(super) fn prepare_mark(
        &self,
        session: Option<SessionId>,
        actor: &Actor,
        room: RoomId,
        to: MarkTo,
    ) -> Result<(Request, Cost), Error> {
        self.check_open(room)?;
        self.services.check(actor, Action::ReadRoom(room))?;
        if actor.user().is_none() {
            return Err(Error::Unauthenticated);
        }
        let to = MarkTo { seq: to.seq.min(MAX_SEQ), ..to };
        self.append_request(session, actor, None, Op::Mark(to))
    }

    /// The request of a checked change of a room's log, which shares its transaction with others. A key of nobody's is not looked at.
    pub(super) fn append_request(
        &self,
        session: Option<SessionId>,
        actor: &Actor,
        key: Option<&str>,
        op: Op,
    ) -> Result<(Request, Cost), Error> {
        let key = event_key(actor, key)?;
        self.services.breaker.check()?;
        let charge = self.rate(actor, Rated::of(&op))?;
        let cost = Cost::append(&op).charged(charge);
        Ok((self.request(session, actor, key, op), cost))
    }

    pub(super) fn request(&self, session: Option<SessionId>, actor: &Actor, key: EventKey, op: Op) -> Request {
        let (by_system, actor, reply) = (actor.is_system(), actor.user().cloned(), self.hub.next_reply());
        Request::Append { session, by_system, actor, key, op, reply }
    }

    /// Checks a message, sent by a session or without one.
    pub(super) fn prepare_send(
        &self,
        session: Option<SessionId>,
        actor: &Actor,
        room: RoomId,
        draft: Draft,
    ) -> Result<(Request, Cost), Error> {
        let prepared = self.check_open(room).and_then(|()| self.checked_send(session, actor, room, draft));
        prepared.inspect_err(|error| self.services.metrics.send_refused(error))
    }

    fn checked_send(
        &self,
        session: Option<SessionId>,
        actor: &Actor,
        room: RoomId,
        draft: Draft,
    ) -> Result<(Request, Cost), Error> {
        self.services.check(actor, Action::Send(room, &draft))?;
        if actor.user().is_none() {
            return Err(Error::Unauthenticated);
        }
        check_message(&draft.body.content, self.services.limits.message_chars)?;
        draft.body.check_extras()?;
        self.append_request(session, actor, draft.key.as_deref(), Op::Message(draft.body))
    }

    /// Takes this from the rate of the user who acts.
    pub(super) fn rate(&self, actor: &Actor, what: Rated) -> Result<Option<Charge>, Error> {
        self.rates.take(actor, what, self.services.clock.now().mono)
    }

    /// Whether the engine takes commands for a room of this id.
    fn check_open(&self, room: RoomId) -> Result<(), Error> {
        self.services.check_running()?;
        check_room(room)
    }
}

/// The key that an append is stored with, from the one that was given. Without a user, a key counts for nothing.
pub(super) fn event_key(actor: &Actor, key: Option<&str>) -> Result<EventKey, Error> {
    let given = key.map(IdempotencyKey::new).transpose()?.filter(|_| actor.user().is_some());
    Ok(given.map_or_else(generated_key, |key| EventKey::given(&key)))
}

/// A key for an append that was given none, so that it can be found again. Time-ordered, which keeps the index compact.
pub(super) fn generated_key() -> EventKey {
    EventKey::generated(&uuid::Uuid::now_v7().simple().to_string())
}

/// Refuses ids that no room can have, before a database has to make something of them.
pub(super) fn check_room(room: RoomId) -> Result<(), Error> {
    if (1..=MAX_SEQ.0).contains(&room.0) { Ok(()) } else { Err(Error::RoomNotFound) }
}

/// What a client named beyond it means this.
pub(super) const MAX_SEQ: Seq = Seq::MAX;

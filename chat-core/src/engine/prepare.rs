//! What is checked before a command goes on its way.

use crate::{
    Action, Actor, Command, Draft, Epoch, Error, Identity, Position, RoomId, Seq, SessionId, Since,
    append::{EventKey, Op},
    engine::{admission::Admitted, inner::Inner, subscriber::CommandKind},
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

/// A session's command, checked.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) room: RoomId,
    pub(super) kind: CommandKind,
    pub(super) request: Request,
    /// Whether the answer may bring events that were missed.
    pub(super) wants_gap: bool,
    pub(super) admitted: Admitted,
}

impl Inner {
    /// Checks a session's command.
    pub(super) fn prepare(&self, issuer: Issuer<'_>, command: Command) -> Result<Prepared, Error> {
        let is_send = matches!(command, Command::Send { .. });
        let prepared = self.checked(issuer, command);
        if is_send && let Err(error) = &prepared {
            self.services.metrics.send_refused(error);
        }
        prepared
    }

    fn checked(&self, issuer: Issuer<'_>, command: Command) -> Result<Prepared, Error> {
        let services = &self.services;
        services.check_running()?;
        let room = command.room();
        check_room(room)?;
        match command {
            Command::Attach { since, presence, .. } => self.prepare_attach(issuer, room, since, presence),
            Command::Detach { .. } => {
                let reply = self.hub.next_reply();
                let request = Request::Detach { session: issuer.session, reply };
                Ok(self.prepared(room, CommandKind::Detach, request))
            }
            Command::Typing { is_typing, .. } => {
                services.check(issuer.actor, Action::Type(room))?;
                let reply = self.hub.next_reply();
                let request = Request::Typing { session: issuer.session, is_typing, reply };
                Ok(self.prepared(room, CommandKind::Typing, request))
            }
            Command::Send { draft, .. } => {
                let (request, admitted) = self.checked_send(Some(issuer.session), issuer.actor, room, draft)?;
                Ok(Prepared { room, kind: CommandKind::Send, request, wants_gap: false, admitted })
            }
        }
    }

    /// Checks a message that is sent without a session.
    pub(super) fn prepare_send(&self, actor: &Actor, room: RoomId, draft: Draft) -> Result<(Request, Admitted), Error> {
        let checked = self.services.check_running().and_then(|()| check_room(room));
        let prepared = checked.and_then(|()| self.checked_send(None, actor, room, draft));
        prepared.inspect_err(|error| self.services.metrics.send_refused(error))
    }

    fn checked_send(
        &self,
        session: Option<SessionId>,
        actor: &Actor,
        room: RoomId,
        draft: Draft,
    ) -> Result<(Request, Admitted), Error> {
        self.services.check(actor, Action::Send(room, &draft))?;
        let author = actor.user().ok_or(Error::Unauthenticated)?;
        check_message(&draft.body.content, self.services.limits.message_chars)?;
        let key = draft.checked_key()?.map_or_else(generated_key, |key| EventKey::given(&key));
        self.services.breaker.check()?;
        if !actor.is_system() {
            self.rates.take(&author.id, self.services.clock.now().mono)?;
        }
        let op = Op::Message(draft.body);
        let admitted = self.admission.admit_message(op.bytes())?;
        let reply = self.hub.next_reply();
        Ok((Request::Append { session, actor: Some(author.clone()), key, op, reply }, admitted))
    }

    fn prepare_attach(
        &self,
        issuer: Issuer<'_>,
        room: RoomId,
        since: Since,
        presence: bool,
    ) -> Result<Prepared, Error> {
        self.services.check(issuer.actor, Action::ReadRoom(room))?;
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
        Ok(Prepared { wants_gap, ..self.prepared(room, CommandKind::Attach, request) })
    }

    fn prepared(&self, room: RoomId, kind: CommandKind, request: Request) -> Prepared {
        Prepared { room, kind, request, wants_gap: false, admitted: self.admission.admit() }
    }
}

/// A key for an append that was given none, so that it can be found again. Time-ordered, which keeps the index compact.
pub(super) fn generated_key() -> EventKey {
    EventKey::generated(&uuid::Uuid::now_v7().simple().to_string())
}

/// Refuses ids that no room can have, before a database has to make something of them.
pub(super) fn check_room(room: RoomId) -> Result<(), Error> {
    if (1..=MAX_SEQ.0).contains(&room.0) { Ok(()) } else { Err(Error::RoomNotFound) }
}

/// The greatest number there can be: clients count in doubles.
pub(super) const MAX_SEQ: Seq = Seq((1 << 53) - 1);

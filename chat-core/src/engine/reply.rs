//! Who waits for an answer, and how it reaches them.

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::{
    Attached, Changed, Error, Invite, Marked, Position, Sent, Seq,
    engine::{
        admission::Admitted,
        subscriber::{IssuedCommand, SessionAnswer, Subscriber},
    },
};

/// Who waits for the answer to a request, by the kind of the request.
#[derive(Debug)]
pub(super) enum Responder {
    Attach(ToSession<Attached>),
    Detach(ToSession<()>),
    Typing(ToSession<()>),
    Send(ToEither<Sent>),
    Change(ToEither<Changed>),
    Mark(ToEither<Marked>),
    Prune(ToCall<Seq>),
    Invite(ToCall<Option<Invite>>),
}

/// Who waits for the answer to what may be asked by a session, or without one.
#[derive(Debug)]
pub(super) enum ToEither<T> {
    /// The session that asked.
    Session(ToSession<T>),
    /// A call of the engine itself.
    Call(ToCall<T>),
}

/// A session that waits for the answer to a command.
#[derive(Debug)]
pub(super) struct ToSession<T> {
    pub(super) session: Arc<dyn Subscriber>,
    pub(super) command: IssuedCommand<T>,
}

/// A call of the engine itself that waits for an answer.
#[derive(Debug)]
pub(super) struct ToCall<T> {
    pub(super) call: oneshot::Sender<Result<T, Error>>,
    /// The call's place among what is under way; given back when it is answered.
    pub(super) admitted: Admitted,
}

impl Responder {
    /// Refuses; nothing happened. Only a detach is done all the same: where nothing happens, nobody is attached.
    pub(super) fn refuse(self, error: Error) {
        match self {
            Self::Attach(to) => to.attached(Err(error)),
            Self::Detach(to) => to.detached(),
            Self::Typing(to) => to.typing(Err(error)),
            Self::Send(to) => to.sent(Err(error)),
            Self::Change(to) => to.changed(Err(error)),
            Self::Mark(to) => to.respond(Err(error), SessionAnswer::Mark),
            Self::Prune(to) => to.respond(Err(error)),
            Self::Invite(to) => to.respond(Err(error)),
        }
    }

    /// Says that it is not known what became of the command, where that is so; what stores nothing did not happen.
    pub(super) fn abandon(self) {
        let error = match &self {
            Self::Attach(_) | Self::Detach(_) | Self::Typing(_) => Error::Unavailable,
            Self::Send(_) | Self::Change(_) | Self::Mark(_) | Self::Prune(_) | Self::Invite(_) => Error::OutcomeUnknown,
        };
        self.refuse(error);
    }

    /// Refuses a command that did not reach its room. A session's answer is given back, since the session is about to go on
    /// with it; a call is answered.
    pub(super) fn turn_away(self, error: Error) -> Option<SessionAnswer> {
        match self {
            Self::Attach(to) => Some(SessionAnswer::Attach(to.command, Err(error))),
            Self::Detach(to) => Some(SessionAnswer::Detach(to.command, Err(error))),
            Self::Typing(to) => Some(SessionAnswer::Typing(to.command, Err(error))),
            Self::Send(mut to) => {
                to.admitted().refused(&error);
                to.turn_away(error, SessionAnswer::Send)
            }
            Self::Change(to) => to.turn_away(error, SessionAnswer::Change),
            Self::Mark(to) => to.turn_away(error, SessionAnswer::Mark),
            Self::Prune(to) => {
                to.respond(Err(error));
                None
            }
            Self::Invite(to) => {
                to.respond(Err(error));
                None
            }
        }
    }
}

impl<T> ToEither<T> {
    /// Passes an answer on; `answer` makes it a session's.
    pub(super) fn respond(self, result: Result<T, Error>, answer: AsAnswer<T>) {
        match self {
            Self::Session(to) => to.session.answered(answer(to.command, result)),
            Self::Call(to) => to.respond(result),
        }
    }

    fn turn_away(self, error: Error, answer: AsAnswer<T>) -> Option<SessionAnswer> {
        match self {
            Self::Session(to) => Some(answer(to.command, Err(error))),
            Self::Call(to) => {
                to.respond(Err(error));
                None
            }
        }
    }

    const fn admitted(&mut self) -> &mut Admitted {
        match self {
            Self::Session(to) => &mut to.command.admitted,
            Self::Call(to) => &mut to.admitted,
        }
    }
}

/// What makes the result of a command the answer of a session.
type AsAnswer<T> = fn(IssuedCommand<T>, Result<T, Error>) -> SessionAnswer;

impl ToSession<Attached> {
    pub(super) fn attached(self, result: Result<Attached, Error>) {
        self.session.answered(SessionAnswer::Attach(self.command, result));
    }
}

impl ToSession<Position> {
    pub(super) fn watched(self, result: Result<Position, Error>) {
        self.session.answered(SessionAnswer::Watch(self.command, result));
    }
}

impl ToSession<()> {
    pub(super) fn detached(self) {
        self.session.answered(SessionAnswer::Detach(self.command, Ok(())));
    }

    pub(super) fn typing(self, result: Result<(), Error>) {
        self.session.answered(SessionAnswer::Typing(self.command, result));
    }
}

impl ToEither<Sent> {
    /// Passes the answer on, and records it in the metrics.
    pub(super) fn sent(mut self, result: Result<Sent, Error>) {
        self.admitted().sent(&result);
        if result.as_ref().is_ok_and(|sent| sent.replayed) {
            self.admitted().replayed();
        }
        self.respond(result, SessionAnswer::Send);
    }
}

impl ToEither<Changed> {
    /// Passes the answer on.
    pub(super) fn changed(mut self, result: Result<Changed, Error>) {
        if result.as_ref().is_ok_and(Changed::is_replay) {
            self.admitted().replayed();
        }
        self.respond(result, SessionAnswer::Change);
    }
}

impl<T> ToCall<T> {
    pub(super) fn respond(self, result: Result<T, Error>) {
        // A caller that went away changes nothing.
        let _gone = self.call.send(result);
        drop(self.admitted);
    }
}

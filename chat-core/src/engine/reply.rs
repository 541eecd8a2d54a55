//! Who waits for an answer, and how it reaches them.

use std::sync::Arc;

use tokio::sync::oneshot;
use tracing::Span;

use crate::{
    Answer, AnswerResult, Attached, Epoch, Error, Gap, Position, RoomId, Sent, Ticket,
    engine::{admission::Admitted, metrics::AttachKind, session_core::SessionCore},
    state::Outcome,
};

/// Who waits for the answer to a command.
#[derive(Debug)]
pub(super) struct Responder {
    pub(super) to: To,
    /// The command's place among what is under way; given back when it is answered.
    pub(super) admitted: Admitted,
}

/// Where an answer goes.
#[derive(Debug)]
pub(super) enum To {
    /// To a session.
    Session(SessionReply),
    /// To a call of the engine itself, which stores something.
    Call(oneshot::Sender<Result<Outcome, Error>>),
}

/// The way back to a session.
#[derive(Debug)]
pub(super) struct SessionReply {
    pub(super) session: Arc<SessionCore>,
    pub(super) ticket: Ticket,
    pub(super) room: RoomId,
    pub(super) kind: Kind,
    /// How an attach begins, unless it has to be a resync.
    pub(super) attach: AttachKind,
    /// The command, until it is answered; boxed, since mostly nobody traces.
    pub(super) span: Option<Box<Span>>,
    /// Where to, when the command is awaited; else the answer goes into the stream.
    pub(super) call: Option<oneshot::Sender<AnswerResult>>,
}

/// What kind of command it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Attach,
    Detach,
    Send,
    Typing,
}

impl Kind {
    /// What it is called in a trace.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Attach => "attach",
            Self::Detach => "detach",
            Self::Send => "send",
            Self::Typing => "typing",
        }
    }
}

impl Responder {
    /// Passes the state's answer on.
    pub(super) fn respond(self, outcome: Outcome, epoch: &Epoch) {
        let Self { to, admitted } = self;
        admitted.answered(&outcome);
        match to {
            To::Session(reply) => {
                let result = to_answer(outcome, reply.room, epoch);
                SessionCore::answered(reply, admitted.bytes(), result);
            }
            To::Call(call) => {
                let result = if let Outcome::Failed(error) = outcome { Err(error) } else { Ok(outcome) };
                // A caller that went away changes nothing.
                let _gone = call.send(result);
            }
        }
        drop(admitted);
    }

    /// Refuses; nothing happened. Only a detach is done all the same: where nothing happens, nobody is attached.
    pub(super) fn refuse(self, error: Error, epoch: &Epoch) {
        let outcome = match &self.to {
            To::Session(SessionReply { kind: Kind::Detach, .. }) => Outcome::Detached,
            To::Session(_) | To::Call(_) => Outcome::Failed(error),
        };
        self.respond(outcome, epoch);
    }

    /// Says that it is not known what became of the command, where that is so; what stores nothing did not happen.
    pub(super) fn abandon(self, epoch: &Epoch) {
        let error = match &self.to {
            To::Session(SessionReply { kind: Kind::Attach | Kind::Detach | Kind::Typing, .. }) => Error::Unavailable,
            To::Session(SessionReply { kind: Kind::Send, .. }) | To::Call(_) => Error::OutcomeUnknown,
        };
        self.refuse(error, epoch);
    }
}

fn to_answer(outcome: Outcome, room: RoomId, epoch: &Epoch) -> AnswerResult {
    let position = |seq| Position { epoch: epoch.clone(), seq };
    match outcome {
        Outcome::Failed(error) => Err(error),
        Outcome::Attached { head, gap } => {
            Ok(Answer::Attached(Attached { room, head: position(head), gap: Gap::Events(gap) }))
        }
        Outcome::Resync { head } => Ok(Answer::Attached(Attached { room, head: position(head), gap: Gap::Resync })),
        Outcome::Detached => Ok(Answer::Detached { room }),
        Outcome::Typing => Ok(Answer::Typing { room }),
        Outcome::Stored { event, replayed } => Ok(Answer::Sent(Sent { seq: event.seq, event, replayed })),
        // No command of a session is answered so.
        Outcome::Unchanged => Err(Error::Internal),
    }
}

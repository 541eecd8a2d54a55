//! Who waits for an answer, and how it reaches them.

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::{
    Answer, AnswerResult, Attached, Epoch, Error, Gap, Position, RoomId, Sent,
    engine::{
        admission::Admitted,
        subscriber::{CommandKind, IssuedCommand, Subscriber},
    },
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
    /// To the session that issued the command.
    Session(Arc<dyn Subscriber>, IssuedCommand),
    /// To a call of the engine itself, which stores something.
    Call(oneshot::Sender<Result<Outcome, Error>>),
}

impl Responder {
    /// Passes the state's answer on.
    pub(super) fn respond(self, outcome: Outcome, epoch: &Epoch) {
        let Self { to, admitted } = self;
        admitted.answered(&outcome);
        match to {
            To::Session(session, command) => {
                let result = to_answer(outcome, command.room, epoch);
                session.answered(command, admitted.bytes(), result);
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
            To::Session(_, IssuedCommand { kind: CommandKind::Detach, .. }) => Outcome::Detached,
            To::Session(..) | To::Call(_) => Outcome::Failed(error),
        };
        self.respond(outcome, epoch);
    }

    /// Says that it is not known what became of the command, where that is so; what stores nothing did not happen.
    pub(super) fn abandon(self, epoch: &Epoch) {
        let error = match &self.to {
            To::Session(_, command) if command.kind != CommandKind::Send => Error::Unavailable,
            To::Session(..) | To::Call(_) => Error::OutcomeUnknown,
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

//! Answers to requests.

use std::sync::Arc;

use super::{Answered, Effect, ReplyId, Request};
use crate::{Changed, Event, Invite, Marked, Sent, Seq, append::Op, error::Error};

/// Who waits for an append. What is appended decides the type of the answer.
#[derive(Debug, Clone, Copy)]
pub(super) enum AppendReply {
    /// The sender of a message.
    Send(ReplyId),
    /// Whoever marks the room as read.
    Mark(ReplyId),
    /// Whoever prunes the log.
    Prune(ReplyId),
    /// Whoever makes or revokes an invite.
    Invite(ReplyId),
    /// Whoever changes anything else.
    Change(ReplyId),
}

impl AppendReply {
    pub(super) const fn new(op: &Op, reply: ReplyId) -> Self {
        match op {
            Op::Message(_) => Self::Send(reply),
            Op::Mark(_) => Self::Mark(reply),
            Op::Prune(_) => Self::Prune(reply),
            Op::Invite(_) => Self::Invite(reply),
            Op::Edit(..)
            | Op::Delete(..)
            | Op::React(..)
            | Op::Pin(..)
            | Op::Member(_)
            | Op::UpdateRoom(_)
            | Op::DeleteRoom => Self::Change(reply),
        }
    }

    /// Where the answer goes.
    pub(super) const fn id(self) -> ReplyId {
        match self {
            Self::Send(reply) | Self::Mark(reply) | Self::Prune(reply) | Self::Invite(reply) | Self::Change(reply) => {
                reply
            }
        }
    }

    /// It was refused, or failed.
    pub(super) fn fail(self, error: Error, effects: &mut Vec<Effect>) {
        let answered = match self {
            Self::Send(reply) => Answered::Send(reply, Err(error)),
            Self::Mark(reply) => Answered::Mark(reply, Err(error)),
            Self::Prune(reply) => Answered::Prune(reply, Err(error)),
            Self::Invite(reply) => Answered::Invite(reply, Err(error)),
            Self::Change(reply) => Answered::Change(reply, Err(error)),
        };
        effects.push(Effect::Answer(answered));
    }

    /// It is stored, as this event.
    pub(super) fn stored(self, event: Arc<Event>, replayed: bool, effects: &mut Vec<Effect>) {
        let answered = match self {
            Self::Send(reply) => Answered::Send(reply, Ok(Sent { seq: event.seq, event, replayed })),
            // They make no event: the store does not hold to its contract.
            Self::Mark(reply) => Answered::Mark(reply, Err(Error::Internal)),
            Self::Prune(reply) => Answered::Prune(reply, Err(Error::Internal)),
            Self::Invite(reply) => Answered::Invite(reply, Err(Error::Internal)),
            Self::Change(reply) => Answered::Change(reply, Ok(Changed::Stored { event, replayed })),
        };
        effects.push(Effect::Answer(answered));
    }

    /// The store says that nothing was to be changed.
    pub(super) fn unchanged(self, count: Option<u64>, effects: &mut Vec<Effect>) {
        let answered = match self {
            // A message always changes something: the store does not hold to its contract.
            Self::Send(reply) => Answered::Send(reply, Err(Error::Internal)),
            Self::Mark(reply) => Answered::Mark(reply, Err(Error::Internal)),
            Self::Prune(reply) => Answered::Prune(reply, Err(Error::Internal)),
            Self::Invite(reply) => Answered::Invite(reply, Ok(None)),
            Self::Change(reply) => Answered::Change(reply, Ok(Changed::Unchanged { count })),
        };
        effects.push(Effect::Answer(answered));
    }

    /// The mark stands.
    pub(super) fn marked(self, marked: Marked, effects: &mut Vec<Effect>) {
        match self {
            Self::Mark(reply) => effects.push(Effect::Answer(Answered::Mark(reply, Ok(marked)))),
            // Nothing else makes a mark: the store does not hold to its contract.
            Self::Send(_) | Self::Prune(_) | Self::Invite(_) | Self::Change(_) => self.fail(Error::Internal, effects),
        }
    }

    /// The log begins here now.
    pub(super) fn pruned(self, first: Seq, effects: &mut Vec<Effect>) {
        match self {
            Self::Prune(reply) => effects.push(Effect::Answer(Answered::Prune(reply, Ok(first)))),
            Self::Send(_) | Self::Mark(_) | Self::Invite(_) | Self::Change(_) => self.fail(Error::Internal, effects),
        }
    }

    /// The invite was made.
    pub(super) fn invited(self, invite: Invite, effects: &mut Vec<Effect>) {
        match self {
            Self::Invite(reply) => effects.push(Effect::Answer(Answered::Invite(reply, Ok(Some(invite))))),
            Self::Send(_) | Self::Mark(_) | Self::Prune(_) | Self::Change(_) => self.fail(Error::Internal, effects),
        }
    }

    /// After a lost outcome, nothing was found of it.
    pub(super) fn not_found(self, effects: &mut Vec<Effect>) {
        match self {
            Self::Send(_) | Self::Change(_) => self.fail(Error::Unavailable, effects),
            // They leave no event to be found by. To do them again does no harm.
            Self::Mark(_) | Self::Prune(_) | Self::Invite(_) => self.fail(Error::OutcomeUnknown, effects),
        }
    }
}

/// Answers an attach with an error.
pub(super) fn refuse_attach(reply: ReplyId, error: Error, effects: &mut Vec<Effect>) {
    effects.push(Effect::Answer(Answered::Attach(reply, Err(error))));
}

/// Answers a request with an error, whatever it is.
pub(super) fn refuse(request: &Request, error: &Error, effects: &mut Vec<Effect>) {
    match request {
        Request::Attach { reply, .. } => refuse_attach(*reply, error.clone(), effects),
        // Nobody is attached where nothing happens: it is detached.
        Request::Detach { reply, .. } => effects.push(Effect::Answer(Answered::Detach(*reply))),
        Request::Typing { reply, .. } => effects.push(Effect::Answer(Answered::Typing(*reply, Err(error.clone())))),
        Request::Append { op, reply, .. } => AppendReply::new(op, *reply).fail(error.clone(), effects),
    }
}

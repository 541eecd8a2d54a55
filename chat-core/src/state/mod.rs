//! The room, as a pure value: the same inputs give the same effects. No async, no clock, no randomness, no IO.
//!
//! [`RoomState`] is the only place that decides what happens in a room. Its methods are of four kinds:
//! - **`handle`** takes an [`Input`] and the time, and pushes [`Effect`]s that the caller carries out *in order*;
//! - **`poll_timeout`** says when it wants an [`Input::Timeout`] at the latest;
//! - **getters** (`presence`, `is_idle`, …) look and change nothing;
//! - **`new`** starts from the room's head.
//!
//! At most one append and one load are under way; the shell brings their outcomes back as inputs. What arrives in the
//! meantime forms the next batch.

use crate::{
    Attached, Changed, Delivery, DetachReason, Identity, Invite, Marked, Notice, Sent, Seq, SessionId, Since, UserId,
    append::{AppendResult, Entry, EventKey, Lookup, Op, Recovered, StoredEvent},
    error::Error,
    rights::{Standing, Standings},
};

mod answer;
mod audience;
mod backlog;
mod buckets;
mod hint;
mod log;
mod outcome;
mod pace;
mod presence;
mod rate;
mod receipts;
mod recent;
mod rights;
mod room;
#[cfg(test)]
mod tests;
mod throttle;
mod typing;

pub use backlog::{Backlog, Overflow};
pub use buckets::Buckets;
pub use rate::Bucket;
pub use room::RoomState;

/// Where an answer goes. Opaque to the state: the shell knows what stands behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReplyId(pub u64);

/// How a session left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Departure {
    /// On purpose: no grace.
    Closed,
    /// It was lost: its user counts as online for the grace.
    Lost,
}

/// What happens to a room.
#[derive(Debug, Clone)]
pub enum Input {
    /// A session, or the engine itself, wants something.
    Request(Request),
    /// Something that was to be done is done.
    Completed(Completion),
    /// A session is gone.
    Depart {
        /// Which session.
        session: SessionId,
        /// How.
        departure: Departure,
    },
    /// What a user may do has changed outside of the log: who of their sessions hears the room is judged again.
    Recheck {
        /// Whose sessions.
        user: UserId,
        /// Those of them that the policy refuses now, each with what it says.
        refused: Vec<(SessionId, Error)>,
    },
    /// What a user is in the room, as the host says, who keeps that.
    Standing {
        /// Who.
        user: UserId,
        /// What.
        standing: Standing,
    },
    /// Another writer may have appended to the log.
    Hint {
        /// The number of the newest event, as it is said; `None` when the room is said to be gone.
        head: Option<Seq>,
    },
    /// Memory is wanted elsewhere: what can be read again is let go of.
    LetGo,
    /// The time that `poll_timeout` named has come (or not: it does no harm).
    Timeout,
}

/// What is wanted of a room. It is checked, and answered exactly once.
#[derive(Debug, Clone)]
pub enum Request {
    /// A session wants to hear the room.
    Attach {
        /// Which session.
        session: SessionId,
        /// Whose it is.
        user: Identity,
        /// From where.
        since: Since,
        /// Whether its user is shown.
        presence: bool,
        /// Where the answer goes.
        reply: ReplyId,
    },
    /// A session wants to hear no more of it.
    Detach {
        /// Which session.
        session: SessionId,
        /// Where the answer goes.
        reply: ReplyId,
    },
    /// A session's user types, or stopped.
    Typing {
        /// Which session.
        session: SessionId,
        /// Whose it is.
        user: Identity,
        /// Whether.
        is_typing: bool,
        /// Where the answer goes.
        reply: ReplyId,
    },
    /// A change of the log, checked.
    Append {
        /// The session it comes from, if from one: its commands take effect in order.
        session: Option<SessionId>,
        /// Whether the host itself makes it, in the actor's name if there is one.
        by_system: bool,
        /// Who makes it.
        actor: Option<Identity>,
        /// The key it can be found by: the sender's, or one made up.
        key: EventKey,
        /// What it changes.
        op: Op,
        /// Where the answer goes.
        reply: ReplyId,
    },
}

/// What became of an effect.
#[derive(Debug, Clone)]
pub enum Completion {
    /// Of [`Effect::Append`].
    Appended(AppendResult),
    /// Of [`Effect::Recover`].
    Recovered(Result<Recovered, Error>),
    /// Of [`Effect::Load`].
    Loaded(Result<Vec<StoredEvent>, Error>),
    /// Of [`Effect::LookUp`].
    LookedUp(Result<Standings, Error>),
}

impl Request {
    /// The user who asks, where the request has that.
    #[must_use]
    pub const fn user(&self) -> Option<&Identity> {
        match self {
            Self::Attach { user, .. } | Self::Typing { user, .. } => Some(user),
            Self::Append { actor, .. } => actor.as_ref(),
            Self::Detach { .. } => None,
        }
    }

    /// The session that it comes from, if it comes from one.
    #[must_use]
    pub const fn session(&self) -> Option<SessionId> {
        match self {
            Self::Attach { session, .. } | Self::Detach { session, .. } | Self::Typing { session, .. } => {
                Some(*session)
            }
            Self::Append { session, .. } => *session,
        }
    }

    /// Where the answer goes.
    #[must_use]
    pub const fn reply(&self) -> ReplyId {
        match self {
            Self::Attach { reply, .. }
            | Self::Detach { reply, .. }
            | Self::Typing { reply, .. }
            | Self::Append { reply, .. } => *reply,
        }
    }

    /// What it is called in a trace.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Attach { .. } => "attach",
            Self::Detach { .. } => "detach",
            Self::Typing { .. } => "typing",
            Self::Append { op, .. } => op.name(),
        }
    }
}

impl From<Request> for Input {
    fn from(request: Request) -> Self {
        Self::Request(request)
    }
}

impl From<Completion> for Input {
    fn from(completion: Completion) -> Self {
        Self::Completed(completion)
    }
}

/// What is to be done, in this order.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Append these to the log; bring back [`Completion::Appended`].
    Append(Vec<Entry>),
    /// Look what became of an append; bring back [`Completion::Recovered`].
    Recover {
        /// What holds one of these keys is wanted.
        keys: Vec<Lookup>,
    },
    /// Read the log; bring back [`Completion::Loaded`].
    Load {
        /// The events after this,
        after: Seq,
        /// at most so many.
        limit: usize,
    },
    /// Look up what these users are in the room; bring back [`Completion::LookedUp`].
    LookUp {
        /// Who.
        users: Vec<UserId>,
    },
    /// Answer a request.
    Answer(Answered),
    /// From now on, what is published reaches this session.
    Join(SessionId),
    /// From now on, nothing of this room reaches this session. It is told why, unless it asked for it.
    Leave(SessionId, Option<DetachReason>),
    /// Deliver to everyone who joined.
    Publish(Delivery),
    /// Deliver to one.
    SendTo(SessionId, Delivery),
    /// Tell a user's sessions, whether they hear the room or not.
    Notify {
        /// Whose.
        user: UserId,
        /// But not this one.
        except: Option<SessionId>,
        /// What.
        notice: Notice,
    },
    /// Tell those who began a thread or wrote in it of a message there.
    NotifyThread {
        /// The thread's root.
        root: Seq,
        /// The message.
        seq: Seq,
        /// Who wrote it, and is not told.
        author: UserId,
    },
    /// Tell a user's sessions that the user may read this room from now on.
    NotifyAdded {
        /// Whose.
        user: UserId,
    },
    /// A client's position cannot be right (ahead of the log, or of another history): to be counted.
    ImpossiblePosition {
        /// Whose.
        session: SessionId,
        /// The number it named.
        seq: Seq,
        /// Where the log ends.
        head: Seq,
    },
}

/// The answer to a request. Each kind of request has its own type of result.
#[derive(Debug, Clone, PartialEq)]
pub enum Answered {
    /// To a [`Request::Attach`].
    Attach(ReplyId, Result<Attached, Error>),
    /// To a [`Request::Detach`], which is never refused.
    Detach(ReplyId),
    /// To a [`Request::Typing`].
    Typing(ReplyId, Result<(), Error>),
    /// To a [`Request::Append`] of a message.
    Send(ReplyId, Result<Sent, Error>),
    /// To a [`Request::Append`] of a mark.
    Mark(ReplyId, Result<Marked, Error>),
    /// To a [`Request::Append`] of a prune: where the log begins now.
    Prune(ReplyId, Result<Seq, Error>),
    /// To a [`Request::Append`] about an invite: the one that was made.
    Invite(ReplyId, Result<Option<Invite>, Error>),
    /// To a [`Request::Append`] of anything else.
    Change(ReplyId, Result<Changed, Error>),
}

impl Answered {
    /// Where it goes.
    #[must_use]
    pub const fn reply(&self) -> ReplyId {
        match self {
            Self::Attach(reply, _)
            | Self::Detach(reply)
            | Self::Typing(reply, _)
            | Self::Send(reply, _)
            | Self::Mark(reply, _)
            | Self::Prune(reply, _)
            | Self::Invite(reply, _)
            | Self::Change(reply, _) => *reply,
        }
    }
}

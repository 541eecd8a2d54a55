//! A session as rooms see it: someone who hears a room, and who waits for the answers to commands.

use std::fmt;

use tokio::sync::oneshot;
use tracing::Span;

use crate::{
    AnswerResult, Delivery, DetachReason, Notice, RoomId, SessionId, Ticket,
    engine::{ending::Ending, metrics::AttachKind},
};

/// A session, as rooms and the registry of sessions see it.
///
/// This is where sessions and rooms meet: a session knows the hub and gives commands to rooms, while rooms know no more of a
/// session than this. No method waits for anything but the session's own lock. A caller must hold no lock that a session
/// takes (that of the registry, or of the hub).
pub(super) trait Subscriber: fmt::Debug + Send + Sync {
    fn id(&self) -> SessionId;

    /// Passes an event or a signal on.
    fn deliver(&self, delivery: Delivery);

    /// From now on it does not hear this room. It is told why, unless it asked for it.
    fn detached(&self, room: RoomId, reason: Option<DetachReason>);

    /// Passes on what concerns its user.
    fn notify(&self, notice: Notice);

    /// Takes the answer to a command that had this many bytes of text.
    fn answered(&self, command: IssuedCommand, bytes: usize, result: AnswerResult);

    /// Refuses the commands that wait in the session itself, so that it can come to rest.
    fn refuse_held(&self);

    /// Ends it. Only the first end counts.
    fn end(&self, ending: Ending);
}

/// A command that a session has issued, until it is answered.
#[derive(Debug)]
pub(super) struct IssuedCommand {
    pub(super) ticket: Ticket,
    pub(super) room: RoomId,
    pub(super) kind: CommandKind,
    /// How an attach begins, unless it has to be a resync.
    pub(super) attach: AttachKind,
    /// The command's span in a trace. It is boxed, since mostly nobody traces.
    pub(super) span: Option<Box<Span>>,
    /// Where the answer goes when the command is awaited. Else it goes into the stream.
    pub(super) call: Option<oneshot::Sender<AnswerResult>>,
}

/// The kinds of commands that a session issues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CommandKind {
    Attach,
    Detach,
    Send,
    Typing,
}

impl CommandKind {
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

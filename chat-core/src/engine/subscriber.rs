//! A session as rooms see it: someone who hears a room, and who waits for the answers to commands.

use std::fmt;

use tokio::sync::oneshot;
use tracing::Span;

use crate::{
    Attached, Changed, Delivery, DetachReason, Error, Identity, Marked, Notice, Position, RoomId, Sent, SessionId,
    Ticket,
    engine::{admission::Admitted, ending::Ending, metrics::AttachKind},
};

/// A session, as rooms and the registry of sessions see it.
///
/// This is where sessions and rooms meet: a session knows the hub and gives commands to rooms, while rooms know no more of a
/// session than this. No method waits for anything but the session's own lock. A caller must hold no lock that a session
/// takes (that of the registry, or of the hub).
pub(super) trait Subscriber: fmt::Debug + Send + Sync {
    fn id(&self) -> SessionId;

    /// Whose it is.
    fn user(&self) -> &Identity;

    /// The rooms that it is attached to or about to be, and those that it watches.
    fn open(&self) -> OpenRooms;

    /// Passes an event or a signal on.
    fn deliver(&self, delivery: Delivery);

    /// From now on it does not hear this room. It is told why, unless it asked for it.
    fn detached(&self, room: RoomId, reason: Option<DetachReason>);

    /// From now on it does not watch this room.
    fn watch_ended(&self, room: RoomId, reason: DetachReason);

    /// Passes on what concerns its user.
    fn notify(&self, notice: Notice);

    /// Takes the answer to a command.
    fn answered(&self, answer: SessionAnswer);

    /// Refuses the commands that wait in the session itself, so that it can come to rest.
    fn refuse_held(&self);

    /// Ends it. Only the first end counts.
    fn end(&self, ending: Ending);
}

/// What a session has open.
#[derive(Debug)]
pub(super) struct OpenRooms {
    pub(super) attached: Vec<RoomId>,
    pub(super) watched: Vec<RoomId>,
}

/// A command that a session has issued, until it is answered with a `T`.
#[derive(Debug)]
pub(super) struct IssuedCommand<T> {
    pub(super) ticket: Ticket,
    pub(super) room: RoomId,
    /// How an attach begins, unless it has to be a resync.
    pub(super) attach: AttachKind,
    /// The command's span in a trace. It is boxed, since mostly nobody traces.
    pub(super) span: Option<Box<Span>>,
    /// The command's place among what is under way; given back when it is answered.
    pub(super) admitted: Admitted,
    /// Where the answer goes when the command is awaited. Else it goes into the stream.
    pub(super) call: Option<oneshot::Sender<Result<T, Error>>>,
}

/// The answer to a command of a session.
#[derive(Debug)]
pub(super) enum SessionAnswer {
    Attach(IssuedCommand<Attached>, Result<Attached, Error>),
    Watch(IssuedCommand<Position>, Result<Position, Error>),
    Detach(IssuedCommand<()>, Result<(), Error>),
    Send(IssuedCommand<Sent>, Result<Sent, Error>),
    Typing(IssuedCommand<()>, Result<(), Error>),
    Change(IssuedCommand<Changed>, Result<Changed, Error>),
    Mark(IssuedCommand<Marked>, Result<Marked, Error>),
}

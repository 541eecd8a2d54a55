//! A session: one user's live attachment to the engine.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use futures::Stream;

use crate::{Attached, Command, Draft, Error, Identity, RoomId, Sent, SessionId, Since, Ticket, Update};

/// One live session. Dropping both halves leaves every room.
#[derive(Debug)]
pub struct Session(());

/// The half that commands. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SessionHandle(());

/// The half that listens: an endless, ordered stream of [`Update`]s.
#[derive(Debug)]
pub struct Updates(());

impl Session {
    /// The two halves.
    #[must_use]
    pub fn split(self) -> (SessionHandle, Updates) {
        todo!()
    }
}

impl SessionHandle {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> SessionId {
        todo!()
    }
    /// Whose it is.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        todo!()
    }
    /// Submits a command; its answer comes in the stream, with the ticket.
    pub fn submit(&self, _command: Command) -> Result<Ticket, Error> {
        todo!()
    }
    /// How many commands could be submitted now. 0: stop reading.
    #[must_use]
    pub fn free_tickets(&self) -> usize {
        todo!()
    }
    /// Attaches with presence and waits for the answer.
    pub async fn attach(&self, _room: RoomId, _since: Since) -> Result<Attached, Error> {
        todo!()
    }
    /// Attaches without being shown and waits for the answer.
    pub async fn observe(&self, _room: RoomId, _since: Since) -> Result<Attached, Error> {
        todo!()
    }
    /// Detaches and waits for the answer.
    pub async fn detach(&self, _room: RoomId) -> Result<(), Error> {
        todo!()
    }
    /// Sends and waits until it is durable.
    pub async fn send(&self, _room: RoomId, _draft: Draft) -> Result<Sent, Error> {
        todo!()
    }
    /// Shows or stops showing that one is typing.
    pub async fn typing(&self, _room: RoomId, _is_typing: bool) -> Result<(), Error> {
        todo!()
    }
    /// Ends the session on purpose: its user leaves at once. (Dropping both halves does the same.)
    pub fn close(&self) {
        todo!()
    }
    /// Ends the session as lost (no close was seen): its user counts as online for the grace.
    pub fn lose(&self) {
        todo!()
    }
}

impl Updates {
    /// The next update if there is one now: for a driver that gathers what is waiting into one write.
    pub fn try_next(&mut self) -> Option<Update> {
        todo!()
    }
}

impl Stream for Updates {
    type Item = Update;
    fn poll_next(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Option<Update>> {
        todo!()
    }
}

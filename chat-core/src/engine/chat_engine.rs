//! The engine's front door.

use crate::{
    Actor, Builder, CloseReason, Draft, Error, HistoryPage, Identity, Limits, NewRoom, Page, Presence, Room,
    RoomChange, RoomId, RoomPage, RoomQuery, Sent, Session,
};

/// A chat engine. Cheap to clone; all clones are the same engine.
#[derive(Debug, Clone)]
pub struct ChatEngine(());

/// How an engine is.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Health {
    /// Whether it takes commands and its database stores.
    pub ready: bool,
    /// Why not, if not: the code of the error that sends get.
    pub reason: Option<Error>,
    /// How many sessions there are.
    pub sessions: usize,
}

impl ChatEngine {
    /// Puts an engine together.
    #[must_use]
    pub fn builder() -> Builder {
        todo!()
    }
    /// The limits it was built with.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        todo!()
    }
    /// Starts a session. Over a limit on sessions, its stream ends at once with [`CloseReason::TooManySessions`].
    #[must_use]
    pub fn connect(&self, _identity: Identity) -> Session {
        let _ = CloseReason::Lagged;
        todo!()
    }
    /// Makes a room.
    pub async fn create_room(&self, _actor: impl Into<Actor>, _new: NewRoom) -> Result<Room, Error> {
        todo!()
    }
    /// Changes a room's name or topic. Nothing given: `InvalidField`. Unchanged values: no event.
    pub async fn update_room(
        &self,
        _actor: impl Into<Actor>,
        _room: RoomId,
        _change: RoomChange,
    ) -> Result<Room, Error> {
        todo!()
    }
    /// Deletes a room and its messages.
    pub async fn delete_room(&self, _actor: impl Into<Actor>, _room: RoomId) -> Result<(), Error> {
        todo!()
    }
    /// A room.
    pub async fn room(&self, _actor: impl Into<Actor>, _room: RoomId) -> Result<Room, Error> {
        todo!()
    }
    /// A room by its name, without regard to case.
    pub async fn room_by_name(&self, _actor: impl Into<Actor>, _name: &str) -> Result<Room, Error> {
        todo!()
    }
    /// A page of rooms.
    pub async fn rooms(&self, _actor: impl Into<Actor>, _query: RoomQuery) -> Result<RoomPage, Error> {
        todo!()
    }
    /// A page of a room's messages.
    pub async fn history(&self, _actor: impl Into<Actor>, _room: RoomId, _page: Page) -> Result<HistoryPage, Error> {
        todo!()
    }
    /// Who is online in a room.
    pub async fn presence(&self, _actor: impl Into<Actor>, _room: RoomId) -> Result<Presence, Error> {
        todo!()
    }
    /// Sends without a session.
    pub async fn send(&self, _author: &Identity, _room: RoomId, _draft: Draft) -> Result<Sent, Error> {
        todo!()
    }
    /// How it is.
    #[must_use]
    pub fn health(&self) -> Health {
        todo!()
    }
    /// Resolves when the engine has to stop because another process took its database.
    pub async fn evicted(&self) {
        todo!()
    }
    /// Stops: refuses new commands, answers what is under way, closes every session, lets go of the database.
    pub async fn shutdown(&self) {
        todo!()
    }
}

//! What is decided in a room.

use std::{sync::Arc, time::Duration};

use crate::{
    Epoch, Limits, Now, Presence, RoomId, Seq,
    state::{Effect, Input},
};

/// A room: its order, its audience, who is there.
#[derive(Debug)]
pub struct RoomState {
    presence: Presence,
}

impl RoomState {
    /// A room whose newest event is `head`.
    #[must_use]
    pub fn new(_id: RoomId, _epoch: Epoch, _head: Seq, _limits: Arc<Limits>) -> Self {
        todo!()
    }
    /// Takes an input; pushes what is to be done, in order.
    pub fn handle(&mut self, _input: Input, _now: Now, _effects: &mut Vec<Effect>) {
        todo!()
    }
    /// When (on the monotonic clock) it wants an [`Input::Wake`] at the latest.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        todo!()
    }
    /// Who is online, as it may be told: names only while there are few.
    #[must_use]
    pub fn presence(&self) -> &Presence {
        &self.presence
    }
    /// The last event that was applied.
    #[must_use]
    pub fn head(&self) -> Seq {
        todo!()
    }
    /// Whether its end was applied: it takes nothing any more.
    #[must_use]
    pub fn is_deleted(&self) -> bool {
        todo!()
    }
    /// Whether nobody is here, nothing is under way and no timer runs: it can be forgotten.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        todo!()
    }
}

//! The sessions that are attached to a room.

use std::{collections::HashMap, sync::Arc};

use crate::{Delivery, SessionId, engine::subscriber::Subscriber};

/// The sessions that are attached to a room. They stand in a vector, because every event is delivered to all of them.
#[derive(Debug, Default)]
pub(super) struct Audience {
    sessions: Vec<Arc<dyn Subscriber>>,
    places: HashMap<SessionId, usize>,
}

impl Audience {
    pub(super) fn join(&mut self, session: Arc<dyn Subscriber>) {
        let id = session.id();
        if !self.places.contains_key(&id) {
            self.places.insert(id, self.sessions.len());
            self.sessions.push(session);
        }
    }

    pub(super) fn part(&mut self, id: SessionId) -> Option<Arc<dyn Subscriber>> {
        let place = self.places.remove(&id)?;
        let session = self.sessions.swap_remove(place);
        if let Some(moved) = self.sessions.get(place) {
            self.places.insert(moved.id(), place);
        }
        Some(session)
    }

    /// How many sessions are attached.
    pub(super) fn len(&self) -> usize {
        self.sessions.len()
    }

    pub(super) fn publish(&self, delivery: &Delivery) {
        for session in &self.sessions {
            session.deliver(delivery.clone());
        }
    }

    pub(super) fn tell(&self, id: SessionId, delivery: Delivery) {
        if let Some(session) = self.places.get(&id).and_then(|place| self.sessions.get(*place)) {
            session.deliver(delivery);
        }
    }

    /// Takes all sessions out.
    pub(super) fn take(&mut self) -> Vec<Arc<dyn Subscriber>> {
        self.places.clear();
        std::mem::take(&mut self.sessions)
    }
}

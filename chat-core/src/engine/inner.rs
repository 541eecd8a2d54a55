//! The engine behind its handles: what all clones of it and its sessions share.

use std::{fmt, sync::Arc};

use tokio::sync::{Mutex, Notify};

use crate::{
    Room,
    engine::{
        admission::Admission, consumer_names::ConsumerNames, hub::Hub, journal::Journal, rates::Rates,
        sequencer::Sequencer, services::Services, sessions::Sessions, watches::Watches,
    },
};

/// The engine behind its handles.
pub(super) struct Inner {
    pub(super) services: Arc<Services>,
    pub(super) hub: Hub,
    pub(super) journal: Arc<Journal>,
    pub(super) sessions: Arc<Sessions>,
    pub(super) watches: Arc<Watches>,
    pub(super) rates: Arc<Rates>,
    pub(super) admission: Arc<Admission>,
    /// Held while a user is erased: one at a time.
    pub(super) erasing: Mutex<()>,
    /// Whether rooms may have the same name.
    pub(super) shares_names: bool,
    /// Told that a message may wait in the outbox.
    pub(super) outbox: Arc<Notify>,
    pub(super) sequencer: Arc<Sequencer>,
    pub(super) consuming: ConsumerNames,
}

impl Inner {
    /// The same room with the number of users who are online in it.
    pub(super) fn with_online(&self, mut room: Room) -> Room {
        room.online = self.hub.online(room.id);
        room
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner").field("services", &self.services).finish_non_exhaustive()
    }
}

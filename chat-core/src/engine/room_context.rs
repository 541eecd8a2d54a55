//! What the tasks of all rooms share.

use std::{fmt, sync::Arc};

use crate::{
    RoomId,
    engine::{
        active_rooms::ActiveRooms, indexing::Indexer, journal::Journal, load::Loader, memory::Memory, purge::Purger,
        sequencer::Sequencer, services::Services, sessions::Sessions, watches::Watches,
    },
};

/// What the task of a room works with.
pub(super) struct RoomContext {
    pub(super) services: Arc<Services>,
    /// The rooms that are active, so that a task can take itself out.
    pub(super) rooms: ActiveRooms,
    /// The sessions that hear rooms.
    pub(super) sessions: Arc<Sessions>,
    /// The sessions that watch rooms.
    pub(super) watches: Arc<Watches>,
    pub(super) journal: Arc<Journal>,
    pub(super) loader: Loader,
    pub(super) memory: Arc<Memory>,
    pub(super) purger: Arc<Purger>,
    pub(super) indexer: Arc<Indexer>,
    pub(super) sequencer: Arc<Sequencer>,
}

impl RoomContext {
    /// A room's log has grown: what is done with it in the background may begin.
    pub(super) fn grown(&self, room: RoomId) {
        self.sequencer.grown(room);
        self.indexer.grown(room);
    }

    /// When rooms keep too much in memory, or are too many: asks those that were quiet for longest to let go.
    pub(super) fn relieve(&self) {
        self.rooms.relieve(&self.memory, self.services.clock.now().mono);
    }
}

impl fmt::Debug for RoomContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RoomContext").field("rooms", &self.rooms).finish_non_exhaustive()
    }
}

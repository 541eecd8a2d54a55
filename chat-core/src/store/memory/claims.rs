//! What rooms have for themselves, in memory: names, pairs of users, and keys of the host's.

use super::{MemoryLog, RoomLog};
use crate::{Room, RoomId, RoomKind, append::Claim};

impl MemoryLog {
    /// The room that has this.
    pub(super) fn holder(&self, claim: &Claim) -> Option<Room> {
        let id = match claim {
            Claim::Name(key) => self.names.get(key),
            Claim::Pair(key) => self.pairs.get(key),
            Claim::External(key) => self.externals.get(key),
        };
        id.and_then(|id| self.room(*id))
    }

    /// Gives this to a room.
    pub(super) fn set_claim(&mut self, claim: Option<Claim>, room: RoomId) {
        match claim {
            Some(Claim::Name(key)) => drop(self.names.insert(key, room)),
            Some(Claim::Pair(key)) => drop(self.pairs.insert(key, room)),
            Some(Claim::External(key)) => drop(self.externals.insert(key, room)),
            None => {}
        }
    }

    /// See [`Store::room_by_external`](crate::store::Store::room_by_external).
    pub(super) fn room_by_external(&self, external: &str) -> Option<Room> {
        self.holder(&Claim::External(external.to_owned()))
    }

    /// See [`Store::room_by_name`](crate::store::Store::room_by_name).
    #[must_use]
    pub fn room_by_name(&self, name_key: &str) -> Option<Room> {
        self.holder(&Claim::Name(name_key.to_owned()))
    }
}

impl RoomLog {
    /// Whether its name is its own.
    pub(super) fn has_name(&self) -> bool {
        self.room.kind == RoomKind::Public && self.room.external.is_none()
    }
}

//! What rooms have for themselves, in memory: names, and pairs of users.

use super::MemoryLog;
use crate::{Room, RoomId, append::Claim};

impl MemoryLog {
    /// The room that has this.
    pub(super) fn holder(&self, claim: &Claim) -> Option<Room> {
        let id = match claim {
            Claim::Name(key) => self.names.get(key),
            Claim::Pair(key) => self.pairs.get(key),
        };
        id.and_then(|id| self.room(*id))
    }

    /// Gives this to a room.
    pub(super) fn set_claim(&mut self, claim: Option<Claim>, room: RoomId) {
        match claim {
            Some(Claim::Name(key)) => drop(self.names.insert(key, room)),
            Some(Claim::Pair(key)) => drop(self.pairs.insert(key, room)),
            None => {}
        }
    }

    /// See [`Store::room_by_name`](crate::store::Store::room_by_name).
    #[must_use]
    pub fn room_by_name(&self, name_key: &str) -> Option<Room> {
        self.holder(&Claim::Name(name_key.to_owned()))
    }
}

//! Who comes in by an invite: not more users than it says.

use std::collections::{BTreeMap, BTreeSet};

use super::{Checked, Promise, hold};
use crate::{InviteCode, RoomId, UserId};

/// The invites to a room, with how many may come in by each.
pub(in crate::testing::world) fn invites_to(room: RoomId) -> [(InviteCode, u64); 2] {
    [1, 2].map(|max_uses| (InviteCode::from_bits(u128::from(room.0 * 10 + max_uses)), max_uses))
}

/// Who has come into a room by which invite.
#[derive(Debug, Default)]
pub(super) struct Invited(BTreeMap<InviteCode, BTreeSet<UserId>>);

impl Invited {
    /// Somebody has come in by an invite. Whoever comes again counts once.
    pub(super) fn come(&mut self, room: RoomId, code: InviteCode, user: &UserId) -> Checked {
        let users = self.0.entry(code).or_default();
        users.insert(user.clone());
        let max_uses = invites_to(room).into_iter().find(|(invite, _)| *invite == code).map_or(0, |(_, max)| max);
        hold(users.len() as u64 <= max_uses, Promise::ActsByRight, || {
            format!("{users:?} have come into room {room} by an invite for {max_uses}")
        })
    }
}

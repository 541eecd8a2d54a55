//! Who comes in by an invite: not more users than it says, and nobody else is refused.

use std::collections::{BTreeMap, BTreeSet};

use super::{Checked, Promise, hold, membership::Membership};
use crate::{
    InviteCode, RoomId, RoomKind, UserId,
    error::Error,
    testing::world::{World, engine::Pending},
};

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

    /// Whether others have used up an invite, so that this user may not use it. Once that is so, it stays.
    fn is_used_up(&self, room: RoomId, code: InviteCode, user: &UserId) -> bool {
        let users = self.0.get(&code);
        let is_full = invites_to(room)
            .iter()
            .any(|(invite, max_uses)| *invite == code && users.map_or(0, |users| users.len() as u64) >= *max_uses);
        is_full && !users.is_some_and(|users| users.contains(user))
    }
}

impl World {
    /// Whoever is refused by an invite is banned, or others have used it up; that was so at some moment since it was asked. In a
    /// private room, both are answered as if there were no such room. To rooms that are nobody's, there are no invites.
    pub(super) fn check_not_invited(
        &self,
        pending: &Pending,
        user: &UserId,
        code: InviteCode,
        error: &Error,
    ) -> Checked {
        let Some(log) = self.check.reference_logs.get(&pending.room) else { return Ok(()) };
        let kind_told = if matches!(error, Error::Banned { .. }) { RoomKind::Public } else { RoomKind::Private };
        let (first, last) = pending.walls;
        let is_banned = |membership: &Membership| [first, last].iter().any(|at| membership.ban(user, *at).is_some());
        let mut moments = log.memberships_from(pending.head);
        let keeps_out = moments.any(|(_, membership)| membership.terms.kind == kind_told && is_banned(membership));
        let is_of_no_use =
            !log.membership(pending.head).terms.owned || log.invited().is_used_up(pending.room, code, user);
        hold(keeps_out || *error == Error::RoomNotFound && is_of_no_use, Promise::HonestRefusal, || {
            format!("{user} is answered {error:?} by the invite {code} to room {}", pending.room)
        })
    }
}

//! What clients and the host do with who is in rooms, and with the terms of rooms, by chance.

use super::{
    World,
    check::{Asked, Checked, invites::invites_to},
    rng::Rng,
};
use crate::{
    Body, Identity, InvitedBy, Role, RoomId, RoomKind, RoomName, Timestamp, Topic, UserId,
    append::{MemberOp, MemberStep, Op, RoomRecord, RoomUpdate},
    state::Request,
};

/// What sort of a room there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RoomSort {
    /// Public, and nobody's.
    Open,
    Owned,
    Private,
}

impl RoomSort {
    pub(super) fn any(has_members: bool, rng: &mut Rng) -> Self {
        let sorts = [(2, Self::Open), (3, Self::Owned), (3, Self::Private)];
        if has_members { rng.weighted(&sorts).unwrap_or(Self::Open) } else { Self::Open }
    }

    /// A new room of this sort, which belongs to this user if it may.
    pub(super) fn record(self, name: RoomName, owner: &Identity) -> RoomRecord {
        let open = RoomRecord::open(name, Topic::from_stored(""), Timestamp(0));
        match self {
            Self::Open => open,
            Self::Owned => RoomRecord { owner: Some(owner.clone()), ..open },
            Self::Private => RoomRecord { owner: Some(owner.clone()), kind: RoomKind::Private, ..open },
        }
    }
}

impl World {
    /// Somebody comes or goes, is brought in or put out, or the room gets other terms. Now and then the host does it.
    pub(super) fn change_member(&mut self, room: RoomId, user: &Identity) -> Checked {
        if self.rng.percent(15) {
            let Some((guest, op)) = self.accept_op(room) else { return Ok(()) };
            return self.submit_new(room, &guest, None, op);
        }
        let actor = self.actor(room, user);
        let Some(op) = self.member_op(room, &actor) else { return Ok(()) };
        if self.rng.percent(10) {
            return self.host_does(room, op);
        }
        self.submit_new(room, &actor, None, op)
    }

    /// The same by another process.
    pub(super) fn foreign_member(&mut self, room: RoomId) -> Checked {
        let Some(user) = self.rng.pick(&self.clients.users).cloned() else { return Ok(()) };
        let key = self.event_key(None);
        if self.rng.percent(15) {
            let Some((guest, op)) = self.accept_op(room) else { return Ok(()) };
            return self.foreign_append(room, Some(guest), key, op);
        }
        let actor = self.actor(room, &user);
        let Some(op) = self.member_op(room, &actor) else { return Ok(()) };
        if self.rng.percent(30) {
            self.check.host_keys.insert(key.clone());
            return self.foreign_append(room, None, key, op);
        }
        self.foreign_append(room, Some(actor), key, op)
    }

    /// The host does something in a room, in nobody's name.
    pub(super) fn host_does(&mut self, room: RoomId, op: Op) -> Checked {
        let key = self.event_key(None);
        self.check.host_keys.insert(key.clone());
        let asked = Asked::ChangeRoom { user: None, key: key.clone(), op: op.clone() };
        let (session, actor) = (None, None);
        self.ask(room, session, asked, |reply| Request::Append { session, by_system: true, actor, key, op, reply })
    }

    /// The host writes a message in the name of somebody who may be nobody in the room.
    pub(super) fn host_writes(&mut self, room: RoomId, user: &Identity) -> Checked {
        let key = self.event_key(None);
        self.check.host_keys.insert(key.clone());
        let body = Body::text("by the host");
        let asked = Asked::Send { user: user.id.clone(), key: key.clone(), body: body.clone() };
        let (session, actor, op) = (None, Some(user.clone()), Op::Message(body));
        self.ask(room, session, asked, |reply| Request::Append { session, by_system: true, actor, key, op, reply })
    }

    /// Whoever acts: often somebody who may.
    fn actor(&mut self, room: RoomId, user: &Identity) -> Identity {
        let roles = self.roles(room);
        let able: Vec<_> =
            roles.into_iter().filter(|(_, role)| *role > Some(Role::Member)).map(|(user, _)| user).collect();
        let able = if self.rng.percent(60) { self.rng.pick(&able).cloned() } else { None };
        able.unwrap_or_else(|| user.clone())
    }

    /// What everybody is in a room.
    fn roles(&self, room: RoomId) -> Vec<(Identity, Option<Role>)> {
        let users: Vec<UserId> = self.clients.users.iter().map(|user| user.id.clone()).collect();
        let found = self.database.log.standings(room, &users).unwrap_or_default();
        self.clients.users.iter().map(|user| (user.clone(), found.of(&user.id).role)).collect()
    }

    /// Anybody comes in by an invite, if it lets them.
    fn accept_op(&mut self, room: RoomId) -> Option<(Identity, Op)> {
        let user = self.rng.pick(&self.clients.users)?.clone();
        let step = MemberStep::Accept(self.rng.pick(&invites_to(room))?.0);
        Some((user.clone(), Op::Member(MemberOp { user, step, reason: None, is_alone: false })))
    }

    fn member_op(&mut self, room: RoomId, actor: &Identity) -> Option<Op> {
        let user = self.rng.pick(&self.clients.users)?.clone();
        let (own, role) = (actor.clone(), self.role());
        let (user, step) = match self.rng.below(100) {
            0..=14 => (own, MemberStep::Join),
            15..=21 if self.may_leave(room, actor) => (own, MemberStep::Leave),
            15..=39 => (user, MemberStep::Add(None)),
            40..=54 => (user, MemberStep::Add(Some(role))),
            55..=62 => (user, MemberStep::Remove),
            63..=72 => (user, MemberStep::Ban(self.until())),
            73..=78 => (user, MemberStep::Unban),
            79..=86 => (user, MemberStep::Mute(self.until())),
            87..=90 => (user, MemberStep::Unmute),
            _ => return Some(self.terms_op()),
        };
        Some(Op::Member(MemberOp { user, step, reason: None, is_alone: false }))
    }

    /// Whether the last one shall leave a room too, which is the end of a private one.
    fn may_leave(&mut self, room: RoomId, user: &Identity) -> bool {
        let others = self.roles(room).into_iter().any(|(other, role)| other.id != user.id && role.is_some());
        others || self.rng.percent(25)
    }

    fn role(&mut self) -> Role {
        self.rng.pick(&[Role::Member, Role::Moderator, Role::Moderator, Role::Owner]).copied().unwrap_or_default()
    }

    /// Mostly a while from now, or for good; rarely in the past.
    fn until(&mut self) -> Option<Timestamp> {
        let now = self.event_queue.now().wall;
        let from_now = |millis: u64| Timestamp(now.0.saturating_add(i64::try_from(millis * 1_000).unwrap_or(0)));
        match self.rng.below(20) {
            0 => Some(Timestamp(now.0 - 1)),
            1..=9 => None,
            _ => Some(from_now(self.rng.between(20, 8_000))),
        }
    }

    fn terms_op(&mut self) -> Op {
        let mut update = RoomUpdate::default();
        if self.rng.percent(75) {
            update.kind = Some(if self.rng.percent(50) { RoomKind::Private } else { RoomKind::Public });
        } else {
            update.invites = Some(if self.rng.percent(50) { InvitedBy::Members } else { InvitedBy::Moderators });
        }
        Op::UpdateRoom(update)
    }
}

//! Who is in rooms, in memory.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::{MemoryLog, MemoryStore, RoomLog};
use crate::{
    Identity, Member, MemberPage, MemberQuery, Restriction, RestrictionKind, RestrictionPage, Role, Room, RoomId,
    RoomKind, RoomName, Seq, Timestamp, UserId,
    append::{Claim, Entry, Op},
    direct::{Pair, peer_of},
    fold,
    rights::{Standing, Standings},
    store::{
        Members, SeenRoom, StoreError, Viewer,
        judge::{Changes, Facts, Heir, MemberRow},
        paging,
    },
};

/// Somebody who is in a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct InRoom {
    pub(super) user: Identity,
    pub(super) role: Role,
    /// The event that brought them in.
    pub(super) since: Seq,
    pub(super) at: Timestamp,
}

impl RoomLog {
    /// Whether somebody sees it.
    pub(super) fn is_seen(&self, viewer: &Viewer) -> bool {
        let standing = viewer.user().map(|user| self.standing(user)).unwrap_or_default();
        viewer.sees(self.room.id, self.room.terms(), standing)
    }

    /// What a user is in it.
    pub(super) fn standing(&self, user: &UserId) -> Standing {
        let restriction = |kind| {
            let row = self.state.restrictions.get(&(kind, user.clone()));
            row.map(|row| row.restriction.until)
        };
        Standing {
            role: self.state.members.get(user).map(|member| member.role),
            banned: restriction(RestrictionKind::Ban),
            muted: restriction(RestrictionKind::Mute),
        }
    }

    /// Adds to the facts what these entries need of who is in the room.
    pub(super) fn add_members(&self, entries: &[Entry], facts: &mut Facts<'_>) {
        facts.terms = self.room.terms();
        facts.members = self.state.members.len() as u64;
        // What those know who append counts here as in a database, where it saves a look.
        let known = |entry: &Entry| Some((entry.actor.as_ref()?.id.clone(), entry.known_since(self.room.rights_seq)?));
        for entry in entries {
            let target = if let Op::Member(op) = &entry.op { Some(&op.user.id) } else { None };
            let actor = entry.actor.as_ref().map(|actor| &actor.id);
            for user in actor.into_iter().chain(target).chain(entry.op.mentions()) {
                facts.standings.insert(user.clone(), self.standing(user));
            }
            let named = target.and_then(|target| Some((target, self.name_of(target)?)));
            facts.names.extend(named.map(|(target, user)| (target.clone(), user.name.clone())));
            let since = target.and_then(|target| Some((target.clone(), self.state.members.get(target)?.since)));
            facts.since.extend(since);
        }
        facts.standings.extend(entries.iter().filter_map(known));
        let (owners, others): (Vec<_>, Vec<_>) =
            self.state.members.values().partition(|member| member.role == Role::Owner);
        facts.owners = owners.len() as u64;
        let heir = |member: &InRoom| Heir { role: member.role, since: member.since, user: member.user.clone() };
        facts.heirs = others.into_iter().map(heir).collect();
    }

    /// Takes in what an append changed of who is in the room.
    pub(super) fn apply_members(&mut self, changes: &mut Changes) {
        let state = &mut self.state;
        for (id, row) in std::mem::take(&mut changes.members) {
            match row {
                MemberRow::In { user, role, since, at } => {
                    drop(state.members.insert(id, InRoom { user, role, since, at }))
                }
                MemberRow::Role(role) => {
                    if let Some(member) = state.members.get_mut(&id) {
                        member.role = role;
                    }
                }
                MemberRow::Out => drop(state.members.remove(&id)),
            }
        }
        for (key, row) in std::mem::take(&mut changes.restrictions) {
            match row {
                Some(row) => drop(state.restrictions.insert(key, row)),
                None => drop(state.restrictions.remove(&key)),
            }
        }
        for (user, mark) in std::mem::take(&mut changes.first_marks) {
            state.marks.entry(user).or_insert(mark);
        }
        if let Some(rights) = changes.rights {
            (self.room.rights_seq, self.room.members) = (rights.seq, rights.members);
        }
    }

    fn member(&self, member: &InRoom) -> Member {
        Member {
            user: member.user.clone(),
            role: member.role,
            joined_at: member.at,
            since: member.since,
            muted: self.standing(&member.user.id).muted,
        }
    }

    /// What it has for itself under this name.
    pub(super) fn claim(&self, name: &RoomName) -> Option<Claim> {
        let pair = Pair::of(self.state.members.values().map(|member| &member.user));
        Claim::of(self.room.kind, name, pair.as_ref())
    }

    fn name_of(&self, user: &UserId) -> Option<&Identity> {
        let member = self.state.members.get(user).map(|member| &member.user);
        let restricted = || {
            let mut kinds = [RestrictionKind::Ban, RestrictionKind::Mute].into_iter();
            kinds.find_map(|kind| self.state.restrictions.get(&(kind, user.clone())))
        };
        member.or_else(|| restricted().map(|row| &row.restriction.user))
    }
}

impl MemoryLog {
    /// See [`Members::members`].
    #[must_use]
    pub fn members(&self, id: RoomId, query: &MemberQuery) -> Option<MemberPage> {
        let log = self.living(id)?;
        let mut members: Vec<_> = log.state.members.values().collect();
        let key = |member: &InRoom| (std::cmp::Reverse(member.role), member.user.id.clone());
        members.sort_by_key(|member| key(member));
        let after = query.after.as_ref().map(|(role, user)| (std::cmp::Reverse(*role), user.clone()));
        let prefix = query.name_prefix.as_deref().unwrap_or_default();
        members.retain(|member| {
            after.as_ref().is_none_or(|after| key(member) > *after)
                && query.role.is_none_or(|role| role == member.role)
                && fold::fold(member.user.name.as_str()).starts_with(prefix)
        });
        let page = members.into_iter().take(query.limit + 1).map(|member| log.member(member)).collect();
        Some(paging::finish_members(page, query.limit))
    }

    /// See [`Members::member`].
    #[must_use]
    pub fn member(&self, id: RoomId, user: &UserId) -> Option<Member> {
        let log = self.living(id)?;
        log.state.members.get(user).map(|member| log.member(member))
    }

    /// See [`Members::restriction`].
    #[must_use]
    pub fn restriction(&self, id: RoomId, kind: RestrictionKind, user: &UserId) -> Option<Restriction> {
        let row = self.living(id)?.state.restrictions.get(&(kind, user.clone()))?;
        Some(row.restriction.clone())
    }

    /// See [`Members::restrictions`].
    #[must_use]
    pub fn restrictions(
        &self,
        id: RoomId,
        kind: RestrictionKind,
        at: Timestamp,
        after: Option<&UserId>,
        limit: usize,
    ) -> Option<RestrictionPage> {
        let of_kind = self.living(id)?.state.restrictions.iter().filter(|((of, _), _)| *of == kind);
        let in_force = of_kind.map(|(_, row)| &row.restriction).filter(|restriction| restriction.until.covers(at));
        let next = in_force.filter(|restriction| after.is_none_or(|after| restriction.user.id > *after));
        Some(paging::finish_restrictions(next.take(limit + 1).cloned().collect(), limit))
    }

    /// See [`Members::direct`].
    #[must_use]
    pub fn direct(&self, pair: &Pair) -> Option<Room> {
        self.holder(&Claim::Pair(pair.key()))
    }

    /// See [`Members::peers`].
    #[must_use]
    pub fn peers(&self, rooms: &[RoomId], user: &UserId) -> BTreeMap<RoomId, Identity> {
        let direct = rooms.iter().filter_map(|room| self.living(*room));
        let direct = direct.filter(|log| log.room.kind == RoomKind::Direct);
        let whole = direct.filter(|log| log.state.members.len() as u64 == log.room.members);
        let peer = |log: &RoomLog| peer_of(log.state.members.values().map(|member| &member.user), user).cloned();
        whole.filter_map(|log| Some((log.room.id, peer(log)?))).collect()
    }

    /// See [`Members::standings`].
    #[must_use]
    pub fn standings(&self, id: RoomId, users: &[UserId]) -> Option<Standings> {
        let log = self.living(id)?;
        let users = users.iter().map(|user| (user.clone(), log.standing(user))).collect();
        Some(Standings { at: log.room.rights_seq, terms: log.room.terms(), users })
    }

    /// See [`Members::rooms_of`].
    #[must_use]
    pub fn rooms_of(&self, user: &UserId, after: Option<RoomId>, limit: usize) -> Vec<RoomId> {
        let theirs = self.rooms.values().filter(|log| !log.is_deleted && log.state.members.contains_key(user));
        let later = theirs.map(|log| log.room.id).filter(|room| after.is_none_or(|after| *room > after));
        later.take(limit).collect()
    }
}

#[async_trait]
impl Members for MemoryStore {
    async fn members(&self, room: RoomId, query: &MemberQuery) -> Result<Option<MemberPage>, StoreError> {
        Ok(self.log().members(room, query))
    }

    async fn member(&self, room: RoomId, user: &UserId) -> Result<Option<Member>, StoreError> {
        Ok(self.log().member(room, user))
    }

    async fn restriction(
        &self,
        room: RoomId,
        kind: RestrictionKind,
        user: &UserId,
    ) -> Result<Option<Restriction>, StoreError> {
        Ok(self.log().restriction(room, kind, user))
    }

    async fn restrictions(
        &self,
        room: RoomId,
        kind: RestrictionKind,
        at: Timestamp,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<Option<RestrictionPage>, StoreError> {
        Ok(self.log().restrictions(room, kind, at, after, limit))
    }

    async fn seen(&self, room: RoomId, user: Option<&UserId>) -> Result<Option<SeenRoom>, StoreError> {
        let log = self.log();
        let seen = |log: &RoomLog| SeenRoom {
            room: log.room.clone(),
            standing: user.map(|user| log.standing(user)).unwrap_or_default(),
        };
        Ok(log.living(room).map(seen))
    }

    async fn direct(&self, pair: &Pair) -> Result<Option<Room>, StoreError> {
        Ok(self.log().direct(pair))
    }

    async fn peers(&self, rooms: &[RoomId], user: &UserId) -> Result<BTreeMap<RoomId, Identity>, StoreError> {
        Ok(self.log().peers(rooms, user))
    }

    async fn standings(&self, room: RoomId, users: &[UserId]) -> Result<Option<Standings>, StoreError> {
        Ok(self.log().standings(room, users))
    }

    async fn rooms_of(&self, user: &UserId, after: Option<RoomId>, limit: usize) -> Result<Vec<RoomId>, StoreError> {
        Ok(self.log().rooms_of(user, after, limit))
    }
}

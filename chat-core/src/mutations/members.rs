//! Who is in rooms, by a store with a bug around it.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::MutatedStore;
use crate::{
    Identity, Member, MemberPage, MemberQuery, Restriction, RestrictionKind, RestrictionPage, Room, RoomId, Timestamp,
    UserId,
    direct::Pair,
    rights::Standings,
    store::{Members, SeenRoom, StoreError},
};

#[async_trait]
impl Members for MutatedStore {
    async fn members(&self, room: RoomId, query: &MemberQuery) -> Result<Option<MemberPage>, StoreError> {
        self.within().members().members(room, query).await
    }

    async fn restrictions(
        &self,
        room: RoomId,
        kind: RestrictionKind,
        at: Timestamp,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<Option<RestrictionPage>, StoreError> {
        self.within().members().restrictions(room, kind, at, after, limit).await
    }

    async fn member(&self, room: RoomId, user: &UserId) -> Result<Option<Member>, StoreError> {
        self.within().members().member(room, user).await
    }

    async fn restriction(
        &self,
        room: RoomId,
        kind: RestrictionKind,
        user: &UserId,
    ) -> Result<Option<Restriction>, StoreError> {
        self.within().members().restriction(room, kind, user).await
    }

    async fn seen(&self, room: RoomId, user: Option<&UserId>) -> Result<Option<SeenRoom>, StoreError> {
        let seen = self.within().members().seen(room, user).await?;
        Ok(seen.and_then(|SeenRoom { room, standing }| {
            let standing = user.map_or(standing, |user| self.log().standing(room.id, user, standing));
            Some(SeenRoom { room: self.shown(Some(room))?, standing })
        }))
    }

    async fn direct(&self, pair: &Pair) -> Result<Option<Room>, StoreError> {
        Ok(self.shown(self.within().members().direct(pair).await?))
    }

    async fn peers(&self, rooms: &[RoomId], user: &UserId) -> Result<BTreeMap<RoomId, Identity>, StoreError> {
        self.within().members().peers(rooms, user).await
    }

    async fn standings(&self, room: RoomId, users: &[UserId]) -> Result<Option<Standings>, StoreError> {
        let mut found = self.within().members().standings(room, users).await?;
        for (user, standing) in found.iter_mut().flat_map(|found| &mut found.users) {
            *standing = self.log().standing(room, user, *standing);
        }
        Ok(found)
    }

    async fn rooms_of(&self, user: &UserId, after: Option<RoomId>, limit: usize) -> Result<Vec<RoomId>, StoreError> {
        self.within().members().rooms_of(user, after, limit).await
    }
}

//! Who is in rooms, by a store that fails as told.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::{FaultyStore, StoreCall};
use crate::{
    Identity, Member, MemberPage, MemberQuery, Restriction, RestrictionKind, RestrictionPage, Room, RoomId, Timestamp,
    UserId,
    direct::Pair,
    rights::Standings,
    store::{Members, SeenRoom, StoreError},
};

impl FaultyStore {
    fn who(&self) -> &dyn Members {
        self.inner().members()
    }
}

#[async_trait]
impl Members for FaultyStore {
    async fn members(&self, room: RoomId, query: &MemberQuery) -> Result<Option<MemberPage>, StoreError> {
        self.run(StoreCall::Read, self.who().members(room, query)).await
    }

    async fn restrictions(
        &self,
        room: RoomId,
        kind: RestrictionKind,
        at: Timestamp,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<Option<RestrictionPage>, StoreError> {
        self.run(StoreCall::Read, self.who().restrictions(room, kind, at, after, limit)).await
    }

    async fn member(&self, room: RoomId, user: &UserId) -> Result<Option<Member>, StoreError> {
        self.run(StoreCall::Read, self.who().member(room, user)).await
    }

    async fn restriction(
        &self,
        room: RoomId,
        kind: RestrictionKind,
        user: &UserId,
    ) -> Result<Option<Restriction>, StoreError> {
        self.run(StoreCall::Read, self.who().restriction(room, kind, user)).await
    }

    async fn seen(&self, room: RoomId, user: Option<&UserId>) -> Result<Option<SeenRoom>, StoreError> {
        self.run(StoreCall::Seen, self.who().seen(room, user)).await
    }

    async fn direct(&self, pair: &Pair) -> Result<Option<Room>, StoreError> {
        self.run(StoreCall::Read, self.who().direct(pair)).await
    }

    async fn peers(&self, rooms: &[RoomId], user: &UserId) -> Result<BTreeMap<RoomId, Identity>, StoreError> {
        self.run(StoreCall::Read, self.who().peers(rooms, user)).await
    }

    async fn standings(&self, room: RoomId, users: &[UserId]) -> Result<Option<Standings>, StoreError> {
        self.run(StoreCall::LookUp, self.who().standings(room, users)).await
    }

    async fn rooms_of(&self, user: &UserId, after: Option<RoomId>, limit: usize) -> Result<Vec<RoomId>, StoreError> {
        self.run(StoreCall::LookUp, self.who().rooms_of(user, after, limit)).await
    }
}

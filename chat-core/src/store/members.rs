//! Reading who is in rooms.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::{SeenRoom, StoreError};
use crate::{
    Identity, Member, MemberPage, MemberQuery, Restriction, RestrictionKind, RestrictionPage, Room, RoomId, Timestamp,
    UserId, direct::Pair, rights::Standings,
};

/// What reads who is in a room, and as what.
#[async_trait]
pub trait Members: Send + Sync {
    /// A page of a room's members; `None` where the room is gone. `query.name_prefix` is [folded](crate::fold::fold) already.
    async fn members(&self, room: RoomId, query: &MemberQuery) -> Result<Option<MemberPage>, StoreError>;

    /// A user as a member of a room; `None` where they are none, or the room is gone.
    async fn member(&self, room: RoomId, user: &UserId) -> Result<Option<Member>, StoreError>;

    /// The ban or mute of a user in a room, which may be over; `None` where there is none, or the room is gone.
    async fn restriction(
        &self,
        room: RoomId,
        kind: RestrictionKind,
        user: &UserId,
    ) -> Result<Option<Restriction>, StoreError>;

    /// The bans or mutes of a room that are in force at this time, by user id, after the user `after`. `None` where the room is
    /// gone.
    async fn restrictions(
        &self,
        room: RoomId,
        kind: RestrictionKind,
        at: Timestamp,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<Option<RestrictionPage>, StoreError>;

    /// A room, and what a user is in it, with one statement; `None` where the room is gone.
    async fn seen(&self, room: RoomId, user: Option<&UserId>) -> Result<Option<SeenRoom>, StoreError>;

    /// The direct room that two users have, if they have one.
    async fn direct(&self, pair: &Pair) -> Result<Option<Room>, StoreError>;

    /// Who else is in those of these rooms that are direct ones, with one statement; in notes it is the user. One
    /// whose other member was erased has nobody else in it.
    async fn peers(&self, rooms: &[RoomId], user: &UserId) -> Result<BTreeMap<RoomId, Identity>, StoreError>;

    /// What these users are in a room, with one statement; `None` where the room is gone, or nobody is asked about.
    async fn standings(&self, room: RoomId, users: &[UserId]) -> Result<Option<Standings>, StoreError>;

    /// The living rooms that a user is in, by id, after the room `after`; at most `limit`.
    async fn rooms_of(&self, user: &UserId, after: Option<RoomId>, limit: usize) -> Result<Vec<RoomId>, StoreError>;
}

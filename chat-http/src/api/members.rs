//! Who is in rooms.

use chat_core::{
    ChangeMember, Changed, ChatEngine, Error, EventKind, Identity, Member, MemberChange, MemberQuery, Role, RoomId,
    UserId,
};
use poem::Result;
use poem_openapi::{ApiResponse, OpenApi};

use super::{
    args::{Caller, IntegerArg, KeyArg, ReasonArg, RoleArg, RoomArg, TextArg, User, UserArg},
    body::{Encoded, MaybeStrict, Tagged, replayed},
    tag::Tag,
};
use crate::{
    cursor,
    dto::{MemberBody, MemberDto, MemberList, RoomDto},
    problem::Problem,
};

/// The members of an engine's rooms.
pub(crate) struct MembersApi {
    engine: ChatEngine,
}

impl MembersApi {
    pub(crate) const fn new(engine: ChatEngine) -> Self {
        Self { engine }
    }
}

#[OpenApi(tag = "Tag::Members")]
impl MembersApi {
    /// Join a room
    ///
    /// In a public room you may read and write without that. If you are in already, nothing changes.
    #[oai(path = "/rooms/:room_id/join", method = "post", operation_id = "join_room")]
    async fn join(
        &self,
        caller: User,
        /// The room's id.
        room_id: RoomArg,
        /// A key for retries: 1–64 visible ASCII characters.
        #[oai(name = "Idempotency-Key")]
        key: KeyArg,
    ) -> Result<JoinedRoom, Problem> {
        let mut join = ChangeMember::join();
        join.key = key.into();
        let changed = self.engine.change_member(&caller.0, room_id.0, join).await?;
        let room = self.engine.room(&caller.0, room_id.0).await.map_err(|error| after_change(&changed, error))?;
        Ok(JoinedRoom::Joined(Encoded(RoomDto::from(&room)), replayed(changed.is_replay())))
    }

    /// Leave a room
    ///
    /// If you are not in, nothing changes. The last owner cannot leave while others are in (409 `last_owner`). When the last member
    /// leaves a private room, it is deleted.
    #[oai(path = "/rooms/:room_id/leave", method = "post", operation_id = "leave_room")]
    async fn leave(
        &self,
        caller: User,
        /// The room's id.
        room_id: RoomArg,
        /// A key for retries: 1–64 visible ASCII characters.
        #[oai(name = "Idempotency-Key")]
        key: KeyArg,
    ) -> Result<OutOfRoom, Problem> {
        let mut leave = ChangeMember::leave();
        leave.key = key.into();
        let changed = self.engine.change_member(&caller.0, room_id.0, leave).await?;
        Ok(OutOfRoom::Out(replayed(changed.is_replay())))
    }

    /// List the members of a room
    ///
    /// Owners come first, then moderators, then the others, each by user id.
    #[oai(path = "/rooms/:room_id/members", method = "get", operation_id = "list_members")]
    #[expect(clippy::too_many_arguments, reason = "they are the operation's parameters")]
    async fn list(
        &self,
        caller: Caller,
        /// The room's id.
        room_id: RoomArg,
        /// The most members to return. The default is 50.
        limit: IntegerArg<1, 200>,
        /// The `next` of the previous page.
        after: TextArg<300>,
        /// Return only members with this role.
        role: RoleArg,
        /// Return only members whose name begins with this text, ignoring case and width.
        q: TextArg<100>,
    ) -> Result<FoundMembers, Problem> {
        let mut query = MemberQuery::default().limit(limit.or(50));
        query.after = after.0.as_deref().map(cursor::member).transpose()?;
        query.role = role.0;
        query.name_prefix = q.0;
        let page = self.engine.members(caller.0, room_id.0, query).await?;
        Ok(FoundMembers::Found(Tagged(MemberList::from(&page))))
    }

    /// Add a user to a room, or give a member another role
    ///
    /// Members may add others, or only moderators if the room's `invites` says so. Roles other than `member` are given by owners.
    /// You may give yourself a lower role.
    #[oai(path = "/rooms/:room_id/members/:user", method = "put", operation_id = "set_member")]
    async fn set(
        &self,
        caller: User,
        /// The room's id.
        room_id: RoomArg,
        /// The user's id, percent-encoded: 1–256 bytes.
        user: UserArg,
        /// A key for retries: 1–64 visible ASCII characters.
        #[oai(name = "Idempotency-Key")]
        key: KeyArg,
        body: MaybeStrict<MemberBody>,
    ) -> Result<SetMember, Problem> {
        let (username, role) = body.0;
        let mut add = ChangeMember::add(user.0.clone());
        add.key = key.into();
        add = username.into_iter().fold(add, ChangeMember::named);
        add = role.into_iter().fold(add, ChangeMember::role);
        let changed = self.engine.change_member(&caller.0, room_id.0, add).await?;
        let member = self.now(&caller.0, room_id.0, &user.0, &changed).await?;
        let (member, replayed) = (Encoded(MemberDto::from(&member)), replayed(changed.is_replay()));
        let is_new = brought_in(&changed).is_some() && !changed.is_replay();
        Ok(if is_new { SetMember::Added(member) } else { SetMember::Changed(member, replayed) })
    }

    /// Remove a user from a room
    ///
    /// Moderators may remove members. If you name yourself, you leave. If the user is not in, nothing changes.
    #[oai(path = "/rooms/:room_id/members/:user", method = "delete", operation_id = "remove_member")]
    async fn remove(
        &self,
        caller: User,
        /// The room's id.
        room_id: RoomArg,
        /// The user's id, percent-encoded: 1–256 bytes.
        user: UserArg,
        /// Why, for people: 1–500 characters, at least one of them visible.
        reason: ReasonArg,
        /// A key for retries: 1–64 visible ASCII characters.
        #[oai(name = "Idempotency-Key")]
        key: KeyArg,
    ) -> Result<OutOfRoom, Problem> {
        let mut remove = ChangeMember::remove(user.0);
        remove.reason = reason.0;
        remove.key = key.into();
        let changed = self.engine.change_member(&caller.0, room_id.0, remove).await?;
        Ok(OutOfRoom::Out(replayed(changed.is_replay())))
    }
}

impl MembersApi {
    /// A member as it is after a change. If that cannot be read any more, it is what the change has made of it.
    async fn now(&self, caller: &Identity, room: RoomId, user: &UserId, changed: &Changed) -> Result<Member, Error> {
        let (found, made) = (self.engine.member(caller, room, user).await, made(changed));
        match (found, made) {
            (Ok(Some(member)), _) => Ok(member),
            (Ok(None), None) => Err(Error::OutcomeUnknown),
            (Ok(None), Some(made)) => Ok(made),
            (Err(error), made) if error.retry_after().is_none() => made.ok_or(error),
            (Err(error), _) => Err(after_change(changed, error)),
        }
    }
}

/// The member whom a change has made, or given another role.
fn made(changed: &Changed) -> Option<Member> {
    let Changed::Stored { event, .. } = changed else { return None };
    let EventKind::Member(member) = &event.kind else { return None };
    let role = member.role?;
    Some(Member { user: member.user.clone(), role, joined_at: event.at, since: event.seq, muted: None })
}

/// The role in which a change has brought somebody in, if it has.
fn brought_in(changed: &Changed) -> Option<Role> {
    let Changed::Stored { event, .. } = changed else { return None };
    let member = event.member()?;
    member.role.filter(|_| matches!(member.change, MemberChange::Added | MemberChange::Joined))
}

/// The answer when what a change has left cannot be read. What was stored is never refused, even if the user may not read it any more:
/// it may be asked for again, and is found as it was stored, or unchanged.
pub(super) fn after_change(changed: &Changed, error: Error) -> Error {
    let is_stored = matches!(changed, Changed::Stored { .. });
    if is_stored || error.retry_after().is_some() { Error::OutcomeUnknown } else { error }
}

#[derive(ApiResponse)]
pub(super) enum JoinedRoom {
    /// You are in; the room as it is now.
    #[oai(status = 200)]
    Joined(
        Encoded<RoomDto>,
        /// `true` if the key was used before, for the same change: then it is not made again. Else left out.
        #[oai(header = "Idempotency-Replayed")]
        Option<String>,
    ),
}

#[derive(ApiResponse)]
enum OutOfRoom {
    /// The user is not in the room.
    #[oai(status = 204)]
    Out(
        /// `true` if the key was used before, for the same change: then it is not made again. Else left out.
        #[oai(header = "Idempotency-Replayed")]
        Option<String>,
    ),
}

#[derive(ApiResponse)]
enum FoundMembers {
    /// A page of members.
    #[oai(status = 200)]
    Found(Tagged<MemberList>),
}

#[derive(ApiResponse)]
enum SetMember {
    /// The user has come in.
    #[oai(status = 201)]
    Added(Encoded<MemberDto>),
    /// The user was in already; the member as it is now.
    #[oai(status = 200)]
    Changed(
        Encoded<MemberDto>,
        /// `true` if the key was used before, for the same change: then it is not made again. Else left out.
        #[oai(header = "Idempotency-Replayed")]
        Option<String>,
    ),
}

//! Invites to rooms.

use chat_core::{ChangeMember, ChatEngine, Error};
use poem::Result;
use poem_openapi::{ApiResponse, OpenApi};

use super::{
    args::{IntegerArg, InviteArg, InviteCodeArg, KeyArg, RoomArg, TextArg, User},
    body::{Encoded, MaybeStrict, Tagged, replayed},
    members::{JoinedRoom, after_change},
    tag::Tag,
};
use crate::{
    cursor,
    dto::{InviteBody, InviteDto, InviteList, RoomDto},
    problem::Problem,
};

/// The invites to an engine's rooms.
pub(crate) struct InvitesApi {
    engine: ChatEngine,
}

impl InvitesApi {
    pub(crate) const fn new(engine: ChatEngine) -> Self {
        Self { engine }
    }
}

#[OpenApi(tag = "Tag::Members")]
impl InvitesApi {
    /// Make an invite to a room
    ///
    /// Whoever may add others may invite. Whoever has the code may come in until the invite expires, is revoked or is used up. A room
    /// has at most 100 invites that can be used.
    #[oai(path = "/rooms/:room_id/invites", method = "post", operation_id = "create_invite")]
    async fn create(
        &self,
        caller: User,
        /// The room's id.
        room_id: RoomArg,
        body: MaybeStrict<InviteBody>,
    ) -> Result<MadeInvite, Problem> {
        let invite = self.engine.create_invite(&caller.0, room_id.0, body.0).await?;
        Ok(MadeInvite::Made(Encoded(InviteDto::from(&invite))))
    }

    /// List the invites to a room, by code
    ///
    /// Moderators see all that can be used, others those that they have made.
    #[oai(path = "/rooms/:room_id/invites", method = "get", operation_id = "list_invites")]
    async fn list(
        &self,
        caller: User,
        /// The room's id.
        room_id: RoomArg,
        /// The most invites to return. The default is 50.
        limit: IntegerArg<1, 200>,
        /// The `next` of the previous page.
        after: TextArg<32>,
    ) -> Result<FoundInvites, Problem> {
        let after = after.0.as_deref().map(cursor::invite).transpose()?;
        let page = self.engine.invites(&caller.0, room_id.0, after, limit.or(50)).await?;
        Ok(FoundInvites::Found(Tagged(InviteList::from(&page))))
    }

    /// Revoke an invite
    ///
    /// Moderators may do it, and who has made it. If there is no such invite, nothing changes.
    #[oai(path = "/rooms/:room_id/invites/:code", method = "delete", operation_id = "revoke_invite")]
    async fn revoke(
        &self,
        caller: User,
        /// The room's id.
        room_id: RoomArg,
        /// The code of the invite.
        code: InviteArg,
    ) -> Result<RevokedInvite, Problem> {
        self.engine.revoke_invite(&caller.0, room_id.0, code.0).await?;
        Ok(RevokedInvite::Revoked)
    }

    /// Join a room by an invite
    ///
    /// An invite that does not exist, has expired, was revoked or is used up is answered as a missing room. Each user counts
    /// once, and may use it again while it can be used.
    #[oai(path = "/invites/:code", method = "post", operation_id = "accept_invite")]
    async fn accept(
        &self,
        caller: User,
        /// The code of the invite.
        code: InviteCodeArg,
        /// A key for retries: 1–64 visible ASCII characters.
        #[oai(name = "Idempotency-Key")]
        key: KeyArg,
    ) -> Result<JoinedRoom, Problem> {
        let code = code.0.ok_or(Error::RoomNotFound)?;
        let room = self.engine.invited_to(&caller.0, code).await?;
        let mut accept = ChangeMember::accept(code);
        accept.key = key.into();
        let changed = self.engine.change_member(&caller.0, room, accept).await?;
        let room = self.engine.room(&caller.0, room).await.map_err(|error| after_change(&changed, error))?;
        Ok(JoinedRoom::Joined(Encoded(RoomDto::from(&room)), replayed(changed.is_replay())))
    }
}

#[derive(ApiResponse)]
enum MadeInvite {
    /// The invite.
    #[oai(status = 201)]
    Made(Encoded<InviteDto>),
}

#[derive(ApiResponse)]
enum FoundInvites {
    /// A page of invites.
    #[oai(status = 200)]
    Found(Tagged<InviteList>),
}

#[derive(ApiResponse)]
enum RevokedInvite {
    /// There is no such invite any more.
    #[oai(status = 204)]
    Revoked,
}

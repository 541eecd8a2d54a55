//! Who is banned from rooms, and who is muted there.

use chat_core::{
    ChangeMember, Changed, ChatEngine, Error, Identity, Restriction, RestrictionKind, RestrictionPage, RoomId, Until,
    UserId,
};
use poem::Result;
use poem_openapi::{ApiResponse, OpenApi};

use super::{
    args::{IntegerArg, KeyArg, ReasonArg, RoomArg, TextArg, User, UserArg},
    body::{Encoded, MaybeStrict, Tagged, replayed},
    members::after_change,
    tag::Tag,
};
use crate::{
    cursor,
    dto::{BanList, LiftedBan, LiftedMute, MuteList, RestrictionBody, RestrictionDto},
    problem::Problem,
};

/// The bans and mutes of an engine's rooms.
pub(crate) struct RestrictionsApi {
    engine: ChatEngine,
}

impl RestrictionsApi {
    pub(crate) const fn new(engine: ChatEngine) -> Self {
        Self { engine }
    }

    /// Makes a ban or a mute, and says what it is.
    async fn restrict(
        &self,
        caller: &Identity,
        (room, kind, user): (RoomId, RestrictionKind, UserId),
        reason: Option<String>,
        (mut change, key): (ChangeMember, KeyArg),
    ) -> Result<Restricted, Problem> {
        change.reason = reason;
        change.key = key.into();
        let changed = self.engine.change_member(caller, room, change).await?;
        let restriction = match made(&changed) {
            Some(made) => made,
            None => {
                let found = self
                    .engine
                    .restriction(caller, room, kind, &user)
                    .await
                    .map_err(|error| after_change(&changed, error))?;
                // It was as wanted, and is not any more.
                found.ok_or(Error::OutcomeUnknown)?
            }
        };
        Ok(Restricted::Set(Encoded(RestrictionDto::from(&restriction)), replayed(changed.is_replay())))
    }

    /// Lifts a ban or a mute; says whether an earlier request has done so.
    async fn lift(
        &self,
        caller: &Identity,
        room: RoomId,
        mut change: ChangeMember,
        (reason, key): (ReasonArg, KeyArg),
    ) -> Result<Option<String>, Problem> {
        change.reason = reason.0;
        change.key = key.into();
        let changed = self.engine.change_member(caller, room, change).await?;
        Ok(replayed(changed.is_replay()))
    }

    async fn list(
        &self,
        caller: &Identity,
        (room, kind): (RoomId, RestrictionKind),
        limit: usize,
        after: Option<&str>,
    ) -> Result<RestrictionPage, Problem> {
        let after = after.map(cursor::user).transpose()?;
        Ok(self.engine.restrictions(caller, room, kind, after, limit).await?)
    }
}

/// The ban or mute that a change has made.
fn made(changed: &Changed) -> Option<Restriction> {
    let Changed::Stored { event, .. } = changed else { return None };
    let member = event.member()?;
    Some(Restriction {
        user: member.user.clone(),
        until: Until::of(member.until),
        reason: member.reason.clone(),
        by: event.actor.clone(),
        at: event.at,
    })
}

#[OpenApi(tag = "Tag::Members")]
impl RestrictionsApi {
    /// Ban a user from a room
    ///
    /// Moderators may do it. The user is in the room no longer, and cannot come in again until the ban is over. In a public room,
    /// the user cannot read either; a private one is hidden.
    #[oai(path = "/rooms/:room_id/bans/:user", method = "put", operation_id = "ban_user")]
    async fn ban(
        &self,
        caller: User,
        /// The room's id.
        room_id: RoomArg,
        /// The user's id, percent-encoded: 1–256 bytes.
        user: UserArg,
        /// A key for retries: 1–64 visible ASCII characters.
        #[oai(name = "Idempotency-Key")]
        key: KeyArg,
        body: MaybeStrict<RestrictionBody>,
    ) -> Result<Restricted, Problem> {
        let (until, reason) = body.0;
        let change = ChangeMember::ban(user.0.clone(), until);
        self.restrict(&caller.0, (room_id.0, RestrictionKind::Ban, user.0), reason, (change, key)).await
    }

    /// Lift a ban
    ///
    /// It does not bring the user in again. If the user is not banned, nothing changes.
    #[oai(path = "/rooms/:room_id/bans/:user", method = "delete", operation_id = "unban_user")]
    async fn unban(
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
    ) -> Result<BanLifted, Problem> {
        let change = ChangeMember::unban(user.0.clone());
        let replayed = self.lift(&caller.0, room_id.0, change, (reason, key)).await?;
        Ok(BanLifted::Lifted(Encoded(LiftedBan::from(&user.0)), replayed))
    }

    /// List the bans of a room, by user id
    ///
    /// Moderators may read them. Those that are over are left out.
    #[oai(path = "/rooms/:room_id/bans", method = "get", operation_id = "list_bans")]
    async fn bans(
        &self,
        caller: User,
        /// The room's id.
        room_id: RoomArg,
        /// The most bans to return. The default is 50.
        limit: IntegerArg<1, 200>,
        /// The `next` of the previous page.
        after: TextArg<257>,
    ) -> Result<FoundBans, Problem> {
        let of = (room_id.0, RestrictionKind::Ban);
        let page = self.list(&caller.0, of, limit.or(50), after.0.as_deref()).await?;
        Ok(FoundBans::Found(Tagged(BanList::from(&page))))
    }

    /// Mute a user in a room
    ///
    /// Moderators may do it. Until the mute is over, the user may read, mark as read and delete own messages, and no more.
    #[oai(path = "/rooms/:room_id/mutes/:user", method = "put", operation_id = "mute_user")]
    async fn mute(
        &self,
        caller: User,
        /// The room's id.
        room_id: RoomArg,
        /// The user's id, percent-encoded: 1–256 bytes.
        user: UserArg,
        /// A key for retries: 1–64 visible ASCII characters.
        #[oai(name = "Idempotency-Key")]
        key: KeyArg,
        body: MaybeStrict<RestrictionBody>,
    ) -> Result<Restricted, Problem> {
        let (until, reason) = body.0;
        let change = ChangeMember::mute(user.0.clone(), until);
        self.restrict(&caller.0, (room_id.0, RestrictionKind::Mute, user.0), reason, (change, key)).await
    }

    /// Lift a mute
    ///
    /// If the user is not muted, nothing changes.
    #[oai(path = "/rooms/:room_id/mutes/:user", method = "delete", operation_id = "unmute_user")]
    async fn unmute(
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
    ) -> Result<MuteLifted, Problem> {
        let change = ChangeMember::unmute(user.0.clone());
        let replayed = self.lift(&caller.0, room_id.0, change, (reason, key)).await?;
        Ok(MuteLifted::Lifted(Encoded(LiftedMute::from(&user.0)), replayed))
    }

    /// List the mutes of a room, by user id
    ///
    /// Moderators may read them. Those that are over are left out.
    #[oai(path = "/rooms/:room_id/mutes", method = "get", operation_id = "list_mutes")]
    async fn mutes(
        &self,
        caller: User,
        /// The room's id.
        room_id: RoomArg,
        /// The most mutes to return. The default is 50.
        limit: IntegerArg<1, 200>,
        /// The `next` of the previous page.
        after: TextArg<257>,
    ) -> Result<FoundMutes, Problem> {
        let of = (room_id.0, RestrictionKind::Mute);
        let page = self.list(&caller.0, of, limit.or(50), after.0.as_deref()).await?;
        Ok(FoundMutes::Found(Tagged(MuteList::from(&page))))
    }
}

#[derive(ApiResponse)]
enum Restricted {
    /// The ban or the mute.
    #[oai(status = 200)]
    Set(
        Encoded<RestrictionDto>,
        /// `true` if the key was used before, for the same change: then it is not made again. Else left out.
        #[oai(header = "Idempotency-Replayed")]
        Option<String>,
    ),
}

#[derive(ApiResponse)]
enum BanLifted {
    /// The user is not banned.
    #[oai(status = 200)]
    Lifted(
        Encoded<LiftedBan>,
        /// `true` if the key was used before, for the same change: then it is not made again. Else left out.
        #[oai(header = "Idempotency-Replayed")]
        Option<String>,
    ),
}

#[derive(ApiResponse)]
enum MuteLifted {
    /// The user is not muted.
    #[oai(status = 200)]
    Lifted(
        Encoded<LiftedMute>,
        /// `true` if the key was used before, for the same change: then it is not made again. Else left out.
        #[oai(header = "Idempotency-Replayed")]
        Option<String>,
    ),
}

#[derive(ApiResponse)]
enum FoundBans {
    /// A page of bans.
    #[oai(status = 200)]
    Found(Tagged<BanList>),
}

#[derive(ApiResponse)]
enum FoundMutes {
    /// A page of mutes.
    #[oai(status = 200)]
    Found(Tagged<MuteList>),
}

//! Invites: made, listed, revoked, and where they lead to; and what was done in a room.

use std::time::Duration;

use crate::{
    Action, Actor, AuditPage, AuditQuery, ChangeMember, ChatEngine, Error, Invite, InviteCode, InvitePage, NewInvite,
    Room, RoomId, RoomKind,
    append::{InviteOp, Op},
    engine::{
        chat_engine::check_limit, inner::Inner, prepare::check_room, rates::Rated, reply::Responder, security_log,
    },
    rights::RoomAction,
};

impl ChatEngine {
    /// Makes an invite to a room. The table in [`rights`](crate::rights) says who may. A room has at most 100 that can be used.
    ///
    /// # Errors
    /// [`Error::RoomNotFound`], [`Error::Unauthenticated`], [`Error::Forbidden`], [`Error::Banned`]; [`Error::TooMany`];
    /// [`Error::InvalidField`] (`expires_in_s`, `max_uses`); what the policy says, [`Error::RateLimited`],
    /// [`Error::Overloaded`], [`Error::Unavailable`], [`Error::StorageFull`]; [`Error::OutcomeUnknown`] when it may have been
    /// made: it is listed then.
    ///
    /// # Cancel safety
    /// Dropped while it waits for its place, nothing happens; later, the invite is made all the same.
    pub async fn create_invite(
        &self,
        actor: impl Into<Actor>,
        room: RoomId,
        invite: NewInvite,
    ) -> Result<Invite, Error> {
        let (inner, actor) = (self.inner(), actor.into());
        check_invite(&invite)?;
        let made = inner.invite(&actor, room, InviteOp::Make(new_code()?, invite), self.patience).await?;
        made.ok_or(Error::Internal)
    }

    /// Revokes an invite. Who made it may, and moderators. One that is not there changes nothing.
    ///
    /// # Errors
    /// As [`create_invite`](Self::create_invite).
    ///
    /// # Cancel safety
    /// Dropped while it waits for its place, nothing happens; later, the invite is revoked all the same.
    pub async fn revoke_invite(&self, actor: impl Into<Actor>, room: RoomId, code: InviteCode) -> Result<(), Error> {
        self.inner().invite(&actor.into(), room, InviteOp::Revoke(code), self.patience).await.map(drop)
    }

    /// A page of a room's invites that can be used, by their codes; `after` is the `next` of the page before. Moderators are shown
    /// all, others those that they have made.
    ///
    /// # Errors
    /// [`Error::RoomNotFound`], [`Error::Banned`], [`Error::Unauthenticated`], [`Error::Forbidden`] where there are none, what the
    /// policy says, [`Error::InvalidField`] (`limit` outside 1–200), [`Error::RateLimited`], [`Error::Overloaded`],
    /// [`Error::Unavailable`].
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn invites(
        &self,
        actor: impl Into<Actor>,
        room: RoomId,
        after: Option<InviteCode>,
        limit: usize,
    ) -> Result<InvitePage, Error> {
        let (inner, actor) = (self.inner(), actor.into());
        check_limit(limit, 200)?;
        inner.services.check_kept()?;
        inner.may_ask(&actor, room)?;
        let (services, now) = (&inner.services, inner.services.clock.now().wall);
        let is_moderator = match inner.in_room(&actor, room, RoomAction::Audit).await {
            Err(Error::Forbidden) => false,
            judged => judged.map(|_| true)?,
        };
        let by = if is_moderator { None } else { actor.user().map(|user| &user.id) };
        let read = services.store.moderation().invites(room, by, now, after, limit).await;
        let action = if is_moderator { RoomAction::Audit } else { RoomAction::Read };
        let found = inner.in_room(&actor, room, action).await?;
        if found.kind == RoomKind::Direct {
            Err(Error::Forbidden)
        } else {
            services.read(read)?.ok_or(Error::RoomNotFound)
        }
    }

    /// The room that an invite leads to, for whoever has its code. It is used by [`ChangeMember::accept`], which says whether it
    /// lets this user in.
    ///
    /// # Errors
    /// [`Error::RoomNotFound`] where there is no such invite, or it is over; [`Error::Unauthenticated`], [`Error::RateLimited`],
    /// [`Error::Overloaded`], [`Error::Unavailable`].
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn invited_to(&self, actor: impl Into<Actor>, code: InviteCode) -> Result<RoomId, Error> {
        let (inner, actor) = (self.inner(), actor.into());
        let services = &inner.services;
        services.check_running()?;
        services.check_kept()?;
        if actor.user().is_none() {
            return Err(Error::Unauthenticated);
        }
        inner.rate(&actor, Rated::History)?;
        let invite = services.read(services.store.moderation().invite(code).await)?;
        let living = invite.filter(|invite| invite.lives(services.clock.now().wall));
        living.map(|invite| invite.room).ok_or(Error::RoomNotFound)
    }

    /// Comes into a room by an invite, and says what the room is then. Whoever is in already stays what they are.
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use chat_core::{ChatEngine, Database, Identity, NewInvite, NewRoom};
    ///
    /// let engine = ChatEngine::builder().database(Database::memory()).build().await?;
    /// let (alice, bob) = (Identity::named("Alice")?, Identity::named("Bob")?);
    /// let room = engine.create_room(&alice, NewRoom::named("plans").private()).await?;
    /// let invite = engine.create_invite(&alice, room.id, NewInvite::default()).await?;
    /// // The code goes to Bob, by mail perhaps.
    /// assert_eq!(engine.accept_invite(&bob, invite.code).await?.name.as_str(), "plans");
    /// # engine.shutdown().await;
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
    /// ```
    ///
    /// # Errors
    /// [`Error::RoomNotFound`] where there is no such invite, or it is over, revoked, or used up by others, or the user is banned from
    /// a private room; [`Error::Banned`] from a public one; else as [`change_member`](Self::change_member).
    ///
    /// # Cancel safety
    /// As [`change_member`](Self::change_member).
    pub async fn accept_invite(&self, actor: impl Into<Actor>, code: InviteCode) -> Result<Room, Error> {
        let actor = actor.into();
        let room = self.invited_to(&actor, code).await?;
        self.inner().change_member(&actor, room, ChangeMember::accept(code), self.patience).await?;
        self.room(actor, room).await
    }

    /// A page of what was done in a room, newest first: changes of its members, bans and mutes, deletions of messages by others
    /// than their authors, and changes of the room itself. Moderators may read it.
    ///
    /// # Errors
    /// As [`restrictions`](Self::restrictions).
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn audit(&self, actor: impl Into<Actor>, room: RoomId, query: AuditQuery) -> Result<AuditPage, Error> {
        let (inner, actor) = (self.inner(), actor.into());
        check_limit(query.limit, 200)?;
        inner.may_ask(&actor, room)?;
        let read = inner.services.store.moderation().audit(room, query).await;
        inner.in_room(&actor, room, RoomAction::Audit).await?;
        inner.services.read(read)?.ok_or(Error::RoomNotFound)
    }
}

impl Inner {
    /// Makes or revokes an invite, in the room's turn.
    async fn invite(
        &self,
        actor: &Actor,
        room: RoomId,
        op: InviteOp,
        patience: Duration,
    ) -> Result<Option<Invite>, Error> {
        self.services.check_running()?;
        self.services.check_kept()?;
        check_room(room)?;
        self.services.check(actor, Action::Invite(room))?;
        if actor.user().is_none() && !actor.is_system() {
            return Err(Error::Unauthenticated);
        }
        let prepared = self.append_request(None, actor, None, Op::Invite(op))?;
        let done = self.call(room, prepared, patience, Responder::Invite).await?;
        security_log::invite(actor.user().map(|user| &user.id), room, done.is_some());
        Ok(done)
    }
}

fn check_invite(invite: &NewInvite) -> Result<(), Error> {
    if invite.lifetime.subsec_nanos() != 0 || invite.lifetime.is_zero() || invite.lifetime > NewInvite::MAX_LIFETIME {
        return Err(Error::invalid_field("expires_in_s", "must be 1–31536000 whole seconds"));
    }
    if invite.max_uses.is_some_and(|uses| !(1..=NewInvite::MAX_USES).contains(&uses)) {
        return Err(Error::invalid_field("max_uses", "must be 1–1000000"));
    }
    Ok(())
}

fn new_code() -> Result<InviteCode, Error> {
    let mut bits = [0; 16];
    getrandom::fill(&mut bits).map_err(|_| Error::Unavailable)?;
    Ok(InviteCode::from_bits(u128::from_ne_bytes(bits)))
}

//! Who is in rooms: asked for, and changed.

use std::time::Duration;

use crate::{
    Action, Actor, ChangeMember, ChangeMemberKind, Changed, ChatEngine, Error, Identity, Member, MemberPage,
    MemberQuery, Reason, Restriction, RestrictionKind, RestrictionPage, Room, RoomId, UserId, UserName,
    append::{MemberOp, MemberStep, Op},
    engine::{
        admission::Cost,
        chat_engine::check_limit,
        inner::Inner,
        prepare::{check_room, event_key},
        rates::Rated,
        reply::{Responder, ToEither},
    },
    fold,
    rights::RoomAction,
};

impl ChatEngine {
    /// Changes who is in a room, and as what: somebody joins, is added, leaves, is removed, banned or muted, or gets another
    /// role. What would change nothing is answered as [`Changed::Unchanged`]. The table in [`rights`](crate::rights) says who
    /// may do it; it is judged by what everybody is when the change is stored.
    ///
    /// # Errors
    /// [`Error::RoomNotFound`]; [`Error::Unauthenticated`] when a user is needed and the actor is in nobody's name;
    /// [`Error::Forbidden`]; [`Error::Banned`] for who is banned, or to bring in who is; [`Error::LastOwner`];
    /// [`Error::InvalidField`] (`user`, `username`, `reason`, `until`); [`Error::IdempotencyMismatch`], what the policy says,
    /// [`Error::RateLimited`], [`Error::Overloaded`], [`Error::Unavailable`], [`Error::StorageFull`]; [`Error::OutcomeUnknown`]
    /// when it may have been stored.
    ///
    /// # Cancel safety
    /// Dropped while it waits for its place, nothing happens; later, the change is stored all the same. If you are not sure, make it
    /// again with the same key.
    pub async fn change_member(
        &self,
        actor: impl Into<Actor>,
        room: RoomId,
        change: ChangeMember,
    ) -> Result<Changed, Error> {
        self.inner().change_member(&actor.into(), room, change, self.patience).await
    }

    /// Comes into a room, and says what it is then. Whoever is in already stays what they are.
    ///
    /// # Errors
    /// As [`change_member`](Self::change_member).
    ///
    /// # Cancel safety
    /// As [`change_member`](Self::change_member).
    pub async fn join(&self, actor: impl Into<Actor>, room: RoomId) -> Result<Room, Error> {
        let actor = actor.into();
        self.inner().change_member(&actor, room, ChangeMember::join(), self.patience).await?;
        self.room(actor, room).await
    }

    /// Leaves a room. Whoever is not in changes nothing.
    ///
    /// # Errors
    /// As [`change_member`](Self::change_member).
    ///
    /// # Cancel safety
    /// As [`change_member`](Self::change_member).
    pub async fn leave(&self, actor: impl Into<Actor>, room: RoomId) -> Result<(), Error> {
        self.inner().change_member(&actor.into(), room, ChangeMember::leave(), self.patience).await.map(drop)
    }

    /// Lets a user who is gone for good, as when their account is closed, leave all rooms but direct ones, as the host. The user's
    /// sessions should have ended before. Where they were the last owner, the moderator or else the member of longest standing
    /// becomes owner.
    ///
    /// # Errors
    /// [`Error::InvalidField`] (`reason`); [`Error::Overloaded`], [`Error::Unavailable`], [`Error::StorageFull`],
    /// [`Error::OutcomeUnknown`] when it could not go on: the user may have left some rooms. Call it again then.
    ///
    /// # Cancel safety
    /// Dropped, the user may have left some rooms. Call it again then.
    pub async fn leave_all(&self, user: &UserId, reason: &str) -> Result<(), Error> {
        self.inner().services.check_kept()?;
        let leave = ChangeMember { user: Some(user.clone()), ..ChangeMember::leave() };
        self.inner().change_everywhere(user, &leave.reason(reason)).await
    }

    /// A page of a room's members: by role, highest first, then by id.
    ///
    /// # Errors
    /// [`Error::RoomNotFound`], [`Error::Banned`], what the policy says, [`Error::InvalidField`] (`limit` outside 1–200),
    /// [`Error::Overloaded`], [`Error::Unavailable`].
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn members(
        &self,
        actor: impl Into<Actor>,
        room: RoomId,
        query: MemberQuery,
    ) -> Result<MemberPage, Error> {
        let (inner, actor) = (self.inner(), actor.into());
        check_limit(query.limit, 200)?;
        inner.services.check_kept()?;
        inner.may_ask(&actor, room)?;
        let prefix = query.name_prefix.as_deref().map(fold::fold).filter(|prefix| !prefix.is_empty());
        let query = MemberQuery { name_prefix: prefix, ..query };
        let services = &inner.services;
        let read = services.store.members().members(room, &query).await;
        let mut page = inner.shown_to(&actor, room, read).await?.ok_or(Error::RoomNotFound)?;
        let now = services.clock.now().wall;
        for member in &mut page.members {
            member.muted = member.muted.filter(|until| until.covers(now));
        }
        Ok(page)
    }

    /// A user as a member of a room; `None` if they are none.
    ///
    /// # Errors
    /// [`Error::RoomNotFound`], [`Error::Banned`], what the policy says, [`Error::Overloaded`], [`Error::Unavailable`].
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn member(&self, actor: impl Into<Actor>, room: RoomId, user: &UserId) -> Result<Option<Member>, Error> {
        let (inner, actor) = (self.inner(), actor.into());
        inner.services.check_kept()?;
        inner.may_ask(&actor, room)?;
        let (services, now) = (&inner.services, inner.services.clock.now().wall);
        let read = services.store.members().member(room, user).await;
        let found = inner.shown_to(&actor, room, read).await?;
        Ok(found.map(|member| Member { muted: member.muted.filter(|until| until.covers(now)), ..member }))
    }

    /// The ban or mute of a user in a room, if one is in force. Moderators may ask.
    ///
    /// # Errors
    /// As [`member`](Self::member); [`Error::Forbidden`].
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn restriction(
        &self,
        actor: impl Into<Actor>,
        room: RoomId,
        kind: RestrictionKind,
        user: &UserId,
    ) -> Result<Option<Restriction>, Error> {
        let (inner, actor) = (self.inner(), actor.into());
        inner.services.check_kept()?;
        inner.may_ask(&actor, room)?;
        let (services, now) = (&inner.services, inner.services.clock.now().wall);
        let read = services.store.members().restriction(room, kind, user).await;
        inner.in_room(&actor, room, RoomAction::Audit).await?;
        let found = services.read(read)?;
        Ok(found.filter(|restriction| restriction.until.covers(now)))
    }

    /// Who is banned from a room, or muted there, by id; `after` is the `next` of the page before. Moderators may ask.
    ///
    /// # Errors
    /// As [`members`](Self::members); [`Error::Forbidden`].
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn restrictions(
        &self,
        actor: impl Into<Actor>,
        room: RoomId,
        kind: RestrictionKind,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<RestrictionPage, Error> {
        let (inner, actor) = (self.inner(), actor.into());
        check_limit(limit, 200)?;
        inner.services.check_kept()?;
        inner.may_ask(&actor, room)?;
        let (services, now) = (&inner.services, inner.services.clock.now().wall);
        let read = services.store.members().restrictions(room, kind, now, after.as_ref(), limit).await;
        inner.in_room(&actor, room, RoomAction::Audit).await?;
        services.read(read)?.ok_or(Error::RoomNotFound)
    }
}

impl Inner {
    /// Changes who is in a room. See [`ChatEngine::change_member`].
    pub(super) async fn change_member(
        &self,
        actor: &Actor,
        room: RoomId,
        change: ChangeMember,
        patience: Duration,
    ) -> Result<Changed, Error> {
        self.services.check_running()?;
        self.services.check_kept()?;
        check_room(room)?;
        self.services.check(actor, Action::ChangeMember(room, &change))?;
        let key = event_key(actor, change.key.as_deref())?;
        let op = Op::Member(member_op(actor, change)?);
        self.services.breaker.check()?;
        let charge = self.rate(actor, Rated::of(&op))?;
        let cost = Cost::append(&op).charged(charge);
        let request = self.request(None, actor, key, op);
        self.call(room, (request, cost), patience, |to| Responder::Change(ToEither::Call(to))).await
    }

    /// What is checked before anything is read of who is in a room.
    pub(super) fn may_ask(&self, actor: &Actor, room: RoomId) -> Result<(), Error> {
        self.services.check_running()?;
        check_room(room)?;
        self.services.check(actor, Action::ReadRoom(room))?;
        self.rate(actor, Rated::History).map(drop)
    }
}

/// A change as it is stored, checked.
fn member_op(actor: &Actor, change: ChangeMember) -> Result<MemberOp, Error> {
    let ChangeMember { user, kind, reason, key: _ } = change;
    let own = || actor.user().cloned().ok_or(Error::Unauthenticated);
    if actor.user().is_none() && !actor.is_system() {
        return Err(Error::Unauthenticated);
    }
    let (step, username) = match kind {
        ChangeMemberKind::Join => (MemberStep::Join, None),
        ChangeMemberKind::Accept(code) => (MemberStep::Accept(code), None),
        ChangeMemberKind::Leave => (MemberStep::Leave, None),
        ChangeMemberKind::Add { username, role } => (MemberStep::Add(role), username),
        ChangeMemberKind::Remove => (MemberStep::Remove, None),
        ChangeMemberKind::Ban { until } => (MemberStep::Ban(until), None),
        ChangeMemberKind::Unban => (MemberStep::Unban, None),
        ChangeMemberKind::Mute { until } => (MemberStep::Mute(until), None),
        ChangeMemberKind::Unmute => (MemberStep::Unmute, None),
    };
    let user = match user {
        Some(id) if id.is_reserved() => return Err(Error::invalid_field("user", "must not be an erased user")),
        Some(id) => {
            let name = username.as_deref().map(UserName::new).transpose()?;
            let name = name.unwrap_or_else(|| name_for(&id));
            Identity::of(id, name)
        }
        None => own()?,
    };
    let reason = reason.as_deref().map(Reason::new).transpose()?;
    Ok(MemberOp { user: user.to_stored(), step, reason, is_alone: false })
}

/// What is shown of a user whose name is not known: the id, as far as a name may have it.
pub(super) fn name_for(id: &UserId) -> UserName {
    let short: String = id.as_str().chars().take(64).collect();
    UserName::new(&short).unwrap_or_else(|_| UserName::from_stored("?"))
}

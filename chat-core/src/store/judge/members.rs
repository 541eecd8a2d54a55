//! Who comes into a room, leaves it, and is what in it: judged.

use super::{Changes, Effect, Facts};
use crate::{
    Event, EventKind, Identity, Mark, MemberChange, MemberEvent, RestrictionKind, Role, RoomKind, Seq, Timestamp,
    Until, UserId,
    append::{Entry, MemberOp, MemberStep},
    error::Error,
    rights::{Asker, RoomAction, Standing},
};

/// What happens to the row of a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) enum MemberRow {
    /// There is one now, or another one.
    In {
        /// Whose, with the name to show.
        user: Identity,
        /// What they are.
        role: Role,
        /// The event that brought them in.
        since: Seq,
        /// When that was.
        at: Timestamp,
    },
    /// They are something else, and it stays as it is otherwise.
    Role(Role),
    /// There is none any more.
    Out,
}

/// A ban or a mute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) struct RestrictionRow {
    /// The event that made it.
    pub(in crate::store) seq: Seq,
    /// What is told of it.
    pub(in crate::store) restriction: crate::Restriction,
}

/// Somebody who may own the room after its last owner: of those the one of the highest role and the longest standing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) struct Heir {
    /// What they are.
    pub(in crate::store) role: Role,
    /// Since which event.
    pub(in crate::store) since: Seq,
    /// Who they are.
    pub(in crate::store) user: Identity,
}

/// What happens with somebody, if it may.
pub(super) fn changed(entry: &Entry, op: &MemberOp, facts: &Facts<'_>) -> Result<Effect, Error> {
    let asker = facts.asker(entry);
    let is_own = entry.actor.as_ref().is_some_and(|actor| actor.id == op.user.id) && !entry.by_system;
    let judge = Judged { entry, op, facts, asker, is_own, standing: facts.standing(&op.user.id) };
    match op.step {
        MemberStep::Join => judge.join(),
        MemberStep::Accept(_) => judge.accept(),
        MemberStep::Leave => judge.leave(),
        MemberStep::Remove if is_own => judge.leave(),
        MemberStep::Add(role) => judge.add(role),
        MemberStep::Remove => judge.remove(),
        MemberStep::Ban(_) | MemberStep::Unban | MemberStep::Mute(_) | MemberStep::Unmute if is_own => {
            Err(Error::invalid_field("user", "must be another user than oneself"))
        }
        MemberStep::Ban(until) => judge.restrict(RestrictionKind::Ban, until),
        MemberStep::Mute(until) => judge.restrict(RestrictionKind::Mute, until),
        MemberStep::Unban => judge.lift(RestrictionKind::Ban),
        MemberStep::Unmute => judge.lift(RestrictionKind::Mute),
    }
}

struct Judged<'a, 'f> {
    entry: &'a Entry,
    op: &'a MemberOp,
    facts: &'a Facts<'f>,
    asker: Asker,
    is_own: bool,
    /// What the user is that it is about.
    standing: Standing,
}

const UNCHANGED: Result<Effect, Error> = Ok(Effect::Unchanged { count: None });

impl Judged<'_, '_> {
    fn join(&self) -> Result<Effect, Error> {
        self.check(RoomAction::Join)?;
        if self.standing.role.is_some() {
            return UNCHANGED;
        }
        Ok(self.event(MemberChange::Joined, Some(Role::Member), None))
    }

    /// That the invite is good was judged before: it decides whether the user may know of the room.
    fn accept(&self) -> Result<Effect, Error> {
        if self.standing.role.is_some() {
            return UNCHANGED;
        }
        Ok(self.event(MemberChange::Joined, Some(Role::Member), None))
    }

    fn leave(&self) -> Result<Effect, Error> {
        self.check(RoomAction::Leave)?;
        if self.standing.role.is_none() {
            return UNCHANGED;
        }
        self.check_last_owner()?;
        Ok(self.out(MemberChange::Left, None))
    }

    fn add(&self, role: Option<Role>) -> Result<Effect, Error> {
        let Some(before) = self.standing.role else { return self.bring_in(role.unwrap_or_default()) };
        let Some(role) = role.filter(|role| *role != before) else {
            self.check(RoomAction::Add)?;
            return UNCHANGED;
        };
        // Whoever steps down needs nobody's leave.
        if !(self.is_own && role < before) {
            self.check(RoomAction::GiveRoles)?;
        }
        self.check_last_owner()?;
        Ok(self.event(MemberChange::Role, Some(role), None))
    }

    fn bring_in(&self, role: Role) -> Result<Effect, Error> {
        self.check(RoomAction::Add)?;
        if role > Role::Member {
            self.check(RoomAction::GiveRoles)?;
        }
        if let Some(until) = self.standing.restriction(RestrictionKind::Ban, self.entry.at) {
            return Err(Error::Banned { until: until.end() });
        }
        let change = if self.is_own { MemberChange::Joined } else { MemberChange::Added };
        Ok(self.event(change, Some(role), None))
    }

    fn remove(&self) -> Result<Effect, Error> {
        self.check(RoomAction::Remove)?;
        if self.standing.role.is_none() {
            return UNCHANGED;
        }
        self.check_rank()?;
        Ok(self.out(MemberChange::Removed, None))
    }

    fn restrict(&self, kind: RestrictionKind, until: Option<Timestamp>) -> Result<Effect, Error> {
        let (action, change) = match kind {
            RestrictionKind::Ban => (RoomAction::Ban, MemberChange::Banned),
            RestrictionKind::Mute => (RoomAction::Mute, MemberChange::Muted),
        };
        self.check(action)?;
        if until.is_some_and(|until| until <= self.entry.at) {
            return Err(Error::invalid_field("until", "must be later than now"));
        }
        self.check_rank()?;
        if self.standing.restriction(kind, self.entry.at) == Some(Until::of(until)) {
            return UNCHANGED;
        }
        if kind == RestrictionKind::Ban { Ok(self.out(change, until)) } else { Ok(self.event(change, None, until)) }
    }

    fn lift(&self, kind: RestrictionKind) -> Result<Effect, Error> {
        let (action, change) = match kind {
            RestrictionKind::Ban => (RoomAction::Ban, MemberChange::Unbanned),
            RestrictionKind::Mute => (RoomAction::Mute, MemberChange::Unmuted),
        };
        self.check(action)?;
        self.check_rank()?;
        if self.standing.restriction(kind, self.entry.at).is_none() {
            return UNCHANGED;
        }
        Ok(self.event(change, None, None))
    }

    fn check(&self, action: RoomAction) -> Result<(), Error> {
        self.facts.terms.check(action, self.asker, self.entry.at)
    }

    fn check_rank(&self) -> Result<(), Error> {
        let rank = self.facts.terms.rank(self.asker);
        if self.standing.yields_to(rank) { Ok(()) } else { Err(Error::Forbidden) }
    }

    /// Whoever alone owns the room stays what they are while others are in. When the host does it, somebody else owns it then.
    fn check_last_owner(&self) -> Result<(), Error> {
        let is_last = self.standing.role == Some(Role::Owner) && self.facts.owners == 1 && self.facts.members > 1;
        if is_last && self.asker != Asker::Host { Err(Error::LastOwner) } else { Ok(()) }
    }

    /// The user is in no longer. If that leaves nobody in a private room, it is the room's end.
    fn out(&self, change: MemberChange, until: Option<Timestamp>) -> Effect {
        let is_last = self.standing.role.is_some() && self.facts.members == 1;
        if !is_last || self.facts.terms.kind != RoomKind::Private {
            return self.event(change, None, until);
        }
        if self.op.is_alone { Effect::End { by: self.user() } } else { Effect::PutOff }
    }

    fn event(&self, change: MemberChange, role: Option<Role>, until: Option<Timestamp>) -> Effect {
        let reason = self.op.reason.clone();
        Effect::Event(EventKind::Member(MemberEvent { change, user: self.user(), role, until, reason }))
    }

    /// The user, with the name that is known in the room. One's own name is the newest word.
    fn user(&self) -> Identity {
        let id = &self.op.user.id;
        match (&self.entry.actor, self.facts.names.get(id)) {
            (Some(actor), _) if actor.id == *id => actor.to_stored(),
            (_, Some(name)) => Identity::of(id.clone(), name.clone()),
            (_, None) => self.op.user.to_stored(),
        }
    }
}

impl Changes {
    /// Takes in an event about somebody in the room.
    pub(super) fn member(&mut self, event: &Event, member: &MemberEvent, facts: &mut Facts<'_>) {
        let id = &member.user.id;
        let before = facts.standing(id);
        let mut after = before;
        after.apply(member);
        facts.standings.insert(id.clone(), after);
        facts.names.insert(id.clone(), member.user.name.clone());
        facts.count(before.role, after.role);
        let since = facts.since.get(id).copied().filter(|_| before.role.is_some()).unwrap_or(event.seq);
        facts.since.insert(id.clone(), since);
        facts.heirs.retain(|heir| heir.user.id != *id);
        if let Some(role) = after.role.filter(|role| *role < Role::Owner) {
            facts.heirs.push(Heir { role, since, user: member.user.clone() });
        }
        self.place(event, member, (before.role, after.role), facts);
        self.restrict(event, member);
        self.rights = Some(Rights { seq: event.seq, members: facts.members });
    }

    /// The member's own row.
    fn place(&mut self, event: &Event, member: &MemberEvent, roles: (Option<Role>, Option<Role>), facts: &Facts<'_>) {
        let user = member.user.clone();
        let row = match roles {
            (None, Some(role)) => {
                let mark = Mark { seq: event.seq, ordinal: facts.messages, by_back: false };
                self.first_marks.entry(user.id.clone()).or_insert_with(|| (user.clone(), mark));
                MemberRow::In { user: user.clone(), role, since: event.seq, at: event.at }
            }
            (Some(_), Some(role)) => match self.members.remove(&user.id) {
                Some(MemberRow::In { user, since, at, .. }) => MemberRow::In { user, role, since, at },
                Some(MemberRow::Role(_) | MemberRow::Out) | None => MemberRow::Role(role),
            },
            (Some(_), None) => MemberRow::Out,
            (None, None) => return,
        };
        self.members.insert(user.id, row);
    }

    fn restrict(&mut self, event: &Event, member: &MemberEvent) {
        let kind = match member.change {
            MemberChange::Banned | MemberChange::Unbanned => RestrictionKind::Ban,
            MemberChange::Muted | MemberChange::Unmuted => RestrictionKind::Mute,
            MemberChange::Joined
            | MemberChange::Added
            | MemberChange::Left
            | MemberChange::Removed
            | MemberChange::Role => return,
        };
        let is_made = matches!(member.change, MemberChange::Banned | MemberChange::Muted);
        let row = is_made.then(|| RestrictionRow {
            seq: event.seq,
            restriction: crate::Restriction {
                user: member.user.clone(),
                until: Until::of(member.until),
                reason: member.reason.clone(),
                by: event.actor.clone(),
                at: event.at,
            },
        });
        self.restrictions.insert((kind, member.user.id.clone()), row);
    }
}

/// What has changed of rights in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) struct Rights {
    /// The newest event that changed them.
    pub(in crate::store) seq: Seq,
    /// How many members there are now.
    pub(in crate::store) members: u64,
}

impl Facts<'_> {
    /// Whoever makes an entry.
    pub(super) fn asker(&self, entry: &Entry) -> Asker {
        match &entry.actor {
            _ if entry.by_system => Asker::Host,
            None => Asker::Anonymous,
            Some(actor) => Asker::User { standing: self.standing(&actor.id), admin: actor.admin },
        }
    }

    /// What a user is in the room.
    pub(super) fn standing(&self, user: &UserId) -> Standing {
        let known = self.standings.get(user).copied();
        // Those who only come next are known by their roles.
        let heir = || self.heirs.iter().find(|heir| heir.user.id == *user);
        known
            .or_else(|| heir().map(|heir| Standing { role: Some(heir.role), ..Standing::default() }))
            .unwrap_or_default()
    }

    /// Who owns the room after this last owner, who may be in as something else now.
    pub(super) fn heir_of(&self, lost: &UserId) -> Option<&Identity> {
        let better = |heir: &&Heir| (std::cmp::Reverse(heir.role), heir.since, heir.user.id.clone());
        self.heirs.iter().filter(|heir| heir.user.id != *lost).min_by_key(better).map(|heir| &heir.user)
    }

    fn count(&mut self, before: Option<Role>, after: Option<Role>) {
        let one = |yes: bool| u64::from(yes);
        self.members = (self.members + one(after.is_some())).saturating_sub(one(before.is_some()));
        let owner = Some(Role::Owner);
        self.owners = (self.owners + one(after == owner)).saturating_sub(one(before == owner));
    }
}

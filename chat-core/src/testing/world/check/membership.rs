//! Who is in a room and as what, by its events alone; and who may do what there. It is written by itself, from the table of the
//! design, and shares nothing with the judge of appends.

use std::{cmp::Reverse, collections::BTreeMap};

use super::{Broken, Checked, Promise, hold};
use crate::{
    Event, EventKind, InvitedBy, MemberChange, MemberEvent, Role, RoomKind, RoomTerms, Seq, Timestamp, Until, UserId,
};

/// What everybody is in a room after an event.
#[derive(Debug, Clone)]
pub(in crate::testing::world) struct Membership {
    pub(super) terms: RoomTerms,
    /// Who is in, as what, and since which event.
    members: BTreeMap<UserId, (Role, Seq)>,
    /// Bans and mutes, which may be over.
    banned: BTreeMap<UserId, Until>,
    muted: BTreeMap<UserId, Until>,
}

/// Who does something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::testing::world) enum Who<'a> {
    Host,
    Anonymous,
    User(&'a UserId),
}

/// What somebody needs the right to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Right<'a> {
    /// To read, and to know of the room at all.
    Read,
    /// What everybody may who says who they are: to mark, to leave, to delete one's own messages.
    Take,
    Join,
    Write,
    Pin,
    MentionRoom,
    DeleteOthers,
    Update,
    ChangeKind,
    ChangeInvites,
    Add,
    /// To put this user out, or to restrict them.
    Moderate(&'a UserId),
    GiveRoles,
    Delete,
}

/// Why something is refused, by the code of its error.
pub(super) type Code = &'static str;

/// The least that somebody has to be.
enum Least {
    Anyone,
    Named,
    Role(Role),
    Host,
    Nobody,
}

impl Membership {
    pub(in crate::testing::world) fn new(terms: RoomTerms, owner: Option<&UserId>) -> Self {
        let members = owner.map(|owner| (owner.clone(), (Role::Owner, Seq(0)))).into_iter().collect();
        Self { terms, members, banned: BTreeMap::new(), muted: BTreeMap::new() }
    }

    pub(super) fn role(&self, user: &UserId) -> Option<Role> {
        self.members.get(user).map(|(role, _)| *role)
    }

    /// How many are in.
    pub(super) fn len(&self) -> usize {
        self.members.len()
    }

    pub(super) fn owners(&self) -> usize {
        self.members.values().filter(|(role, _)| *role == Role::Owner).count()
    }

    /// Whether this user is the only owner, and others are in.
    pub(super) fn is_last_owner(&self, user: &UserId) -> bool {
        self.owners() == 1 && self.role(user) == Some(Role::Owner) && !self.is_alone(user)
    }

    /// Whether nobody but this user is in.
    pub(super) fn is_alone(&self, user: &UserId) -> bool {
        self.members.len() == 1 && self.members.contains_key(user)
    }

    /// Who owns the room when the last owner is lost, who may still be in: the other one of longest standing of the moderators,
    /// else of the members.
    pub(super) fn heir_of(&self, lost: &UserId) -> Option<&UserId> {
        let rank = |(user, (role, since)): &(&UserId, &(Role, Seq))| (Reverse(*role), *since, (*user).clone());
        self.members.iter().filter(|(user, _)| *user != lost).min_by_key(rank).map(|(user, _)| user)
    }

    pub(super) fn ban(&self, user: &UserId, at: Timestamp) -> Option<Until> {
        self.banned.get(user).copied().filter(|until| until.covers(at))
    }

    fn mute(&self, user: &UserId, at: Timestamp) -> Option<Until> {
        self.muted.get(user).copied().filter(|until| until.covers(at))
    }

    /// Whether a user may read the room, and so may know of it.
    pub(in crate::testing::world) fn sees(&self, user: &UserId, at: Timestamp) -> bool {
        self.lacks(Who::User(user), Right::Read, at).is_none()
    }

    /// Why somebody may not do this, if so.
    pub(super) fn lacks(&self, who: Who<'_>, right: Right<'_>, at: Timestamp) -> Option<Code> {
        let user = match who {
            Who::Host => return (right == Right::ChangeKind && !self.terms.owned).then_some("forbidden"),
            Who::Anonymous => None,
            Who::User(user) => Some(user),
        };
        let role = user.and_then(|user| self.role(user));
        if self.terms.kind != RoomKind::Public && role.is_none() {
            return Some("room_not_found");
        }
        if self.terms.kind == RoomKind::Public && user.is_some_and(|user| self.ban(user, at).is_some()) {
            return Some("banned");
        }
        let is_enough = match self.least(right) {
            Least::Anyone => true,
            Least::Named => user.is_some(),
            Least::Role(least) => role >= Some(least) && self.outranks(role, right),
            Least::Host | Least::Nobody => false,
        };
        if !is_enough {
            return Some(if user.is_none() { "unauthenticated" } else { "forbidden" });
        }
        let is_writing = matches!(right, Right::Write | Right::Pin | Right::MentionRoom);
        let is_muted = user.is_some_and(|user| self.mute(user, at).is_some());
        (is_writing && is_muted).then_some("muted")
    }

    /// Nobody acts on an equal or higher role but owners on owners.
    fn outranks(&self, role: Option<Role>, right: Right<'_>) -> bool {
        let Right::Moderate(target) = right else { return true };
        role == Some(Role::Owner) || role > self.role(target)
    }

    fn least(&self, right: Right<'_>) -> Least {
        let is_owned = self.terms.owned;
        let moderator = || if is_owned { Least::Role(Role::Moderator) } else { Least::Host };
        match right {
            Right::Read => Least::Anyone,
            Right::Take | Right::Join | Right::Write => Least::Named,
            Right::Pin | Right::MentionRoom if !is_owned => Least::Named,
            Right::Update | Right::Delete if !is_owned => Least::Anyone,
            Right::ChangeKind if !is_owned => Least::Nobody,
            Right::Add if self.terms.invites == InvitedBy::Members => Least::Role(Role::Member),
            Right::Add => Least::Role(Role::Moderator),
            Right::GiveRoles | Right::Delete if is_owned => Least::Role(Role::Owner),
            Right::Pin
            | Right::MentionRoom
            | Right::DeleteOthers
            | Right::Update
            | Right::ChangeKind
            | Right::ChangeInvites
            | Right::Moderate(_)
            | Right::GiveRoles
            | Right::Delete => moderator(),
        }
    }

    /// What it is after the next event, which has to change something.
    pub(super) fn after(&self, event: &Event) -> Result<Self, Broken> {
        let mut after = self.clone();
        match &event.kind {
            EventKind::Member(member) => {
                self.check_news(event, member)?;
                after.apply(event.seq, member);
            }
            EventKind::RoomUpdated { kind, invites, .. } => {
                (after.terms.kind, after.terms.invites) = (*kind, *invites);
            }
            EventKind::Message(_)
            | EventKind::MessageEdited(_)
            | EventKind::MessageDeleted { .. }
            | EventKind::Reaction { .. }
            | EventKind::Pin { .. }
            | EventKind::RoomDeleted => {}
        }
        Ok(after)
    }

    fn apply(&mut self, seq: Seq, member: &MemberEvent) {
        let (user, until) = (member.user.id.clone(), Until::of(member.until));
        match member.change {
            MemberChange::Joined | MemberChange::Added | MemberChange::Role => {
                self.members.entry(user).or_insert((Role::Member, seq)).0 = member.role.unwrap_or_default();
            }
            MemberChange::Left | MemberChange::Removed => drop(self.members.remove(&user)),
            MemberChange::Banned => {
                self.members.remove(&user);
                self.banned.insert(user, until);
            }
            MemberChange::Unbanned => drop(self.banned.remove(&user)),
            MemberChange::Muted => drop(self.muted.insert(user, until)),
            MemberChange::Unmuted => drop(self.muted.remove(&user)),
        }
    }

    fn check_news(&self, event: &Event, member: &MemberEvent) -> Checked {
        let (user, at) = (&member.user.id, event.at);
        let role = self.role(user);
        let is_news = match member.change {
            MemberChange::Joined | MemberChange::Added => role.is_none() && member.role.is_some(),
            MemberChange::Role => role.is_some() && member.role.is_some() && role != member.role,
            MemberChange::Left | MemberChange::Removed => role.is_some(),
            MemberChange::Banned => self.ban(user, at) != Some(Until::of(member.until)),
            MemberChange::Unbanned => self.ban(user, at).is_some(),
            MemberChange::Muted => self.mute(user, at) != Some(Until::of(member.until)),
            MemberChange::Unmuted => self.mute(user, at).is_some(),
        };
        hold(is_news, Promise::Fold, || format!("event {} changes nothing: {member:?} ({role:?})", event.seq))
    }

    /// What is served of it is what the events give: members with their roles, and who is banned and muted.
    pub(super) fn check_served(&self, served: &Served) -> Checked {
        let members = self.members.iter().map(|(user, (role, since))| (user.clone(), (*role, *since))).collect();
        let own = Served { members, banned: self.banned.clone(), muted: self.muted.clone() };
        hold(own == *served, Promise::Fold, || format!("in the room are {own:?}, but served is {served:?}"))
    }
}

/// Who is in a room, and who is banned and muted, as it is served.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Served {
    pub(super) members: BTreeMap<UserId, (Role, Seq)>,
    pub(super) banned: BTreeMap<UserId, Until>,
    pub(super) muted: BTreeMap<UserId, Until>,
}

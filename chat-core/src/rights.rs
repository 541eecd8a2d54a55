//! Who may do what in a room: one table, and what it says of somebody who asks.

use std::collections::BTreeMap;

use crate::{
    InvitedBy, MemberChange, MemberEvent, RestrictionKind, Role, RoomKind, Seq, Timestamp, Until, UserId, error::Error,
};

pub use crate::RoomTerms;

/// Something that is done in a room, as far as rights tell it apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum RoomAction {
    /// See the room, read and search it, hear it, and who is online.
    Read,
    /// Mark it as read.
    Mark,
    /// Send, write in threads, react, type, edit one's own messages.
    Write,
    /// Delete one's own messages.
    DeleteOwn,
    /// Pin and unpin.
    Pin,
    /// Mention everyone.
    MentionRoom,
    /// Delete others' messages.
    DeleteOthers,
    /// Another name or topic.
    Update,
    /// Make it private, or public again.
    ChangeKind,
    /// Say who may bring others in.
    ChangeInvites,
    /// Come in by oneself.
    Join,
    /// Leave.
    Leave,
    /// Bring others in.
    Add,
    /// Invite others.
    Invite,
    /// Put somebody out.
    Remove,
    /// Keep somebody out, or lift that.
    Ban,
    /// Let somebody only read, or lift that.
    Mute,
    /// Give roles.
    GiveRoles,
    /// Read who is banned or muted, and what was done.
    Audit,
    /// Delete the room.
    Delete,
}

/// Who may do something, at least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Needs {
    /// Also somebody who does not say who they are.
    Anyone,
    /// Anybody who says who they are.
    Named,
    /// Somebody who is in, with this role or a higher one.
    Role(Role),
    /// The host and administrators.
    Admin,
    /// The host.
    Host,
    /// Nobody.
    Nobody,
}

/// What a user is in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Standing {
    /// Their role, if they are in.
    pub role: Option<Role>,
    /// The ban on them, which may be over.
    pub banned: Option<Until>,
    /// The mute on them, which may be over.
    pub muted: Option<Until>,
}

/// What some users are in a room.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standings {
    /// The newest event that changed rights in the room, when this was read.
    pub at: Seq,
    /// What decides there about rights, beside who is in it.
    pub terms: RoomTerms,
    /// What they are. Who is missing is nothing in it.
    pub users: BTreeMap<UserId, Standing>,
}

impl Standings {
    /// What a user is.
    #[must_use]
    pub fn of(&self, user: &UserId) -> Standing {
        self.users.get(user).copied().unwrap_or_default()
    }
}

/// Somebody who asks for something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asker {
    /// The host, in whosever name.
    Host,
    /// Somebody who does not say who they are.
    Anonymous,
    /// A user.
    User {
        /// What they are in the room.
        standing: Standing,
        /// Whether they are an administrator of the server.
        admin: bool,
    },
}

impl RoomAction {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 20] = [
        Self::Read,
        Self::Mark,
        Self::Write,
        Self::DeleteOwn,
        Self::Pin,
        Self::MentionRoom,
        Self::DeleteOthers,
        Self::Update,
        Self::ChangeKind,
        Self::ChangeInvites,
        Self::Join,
        Self::Leave,
        Self::Add,
        Self::Invite,
        Self::Remove,
        Self::Ban,
        Self::Mute,
        Self::GiveRoles,
        Self::Audit,
        Self::Delete,
    ];

    /// Who may do it: the table. Its columns are rooms without owners, public rooms with owners, private and direct ones.
    #[must_use]
    pub const fn needs(self, terms: RoomTerms) -> Needs {
        const MEMBER: Needs = Needs::Role(Role::Member);
        const MODERATOR: Needs = Needs::Role(Role::Moderator);
        const OWNER: Needs = Needs::Role(Role::Owner);
        let bringing = match terms.invites {
            InvitedBy::Members => MEMBER,
            InvitedBy::Moderators => MODERATOR,
        };
        let [open, public, private, direct] = match self {
            Self::Read => [Needs::Anyone, Needs::Anyone, MEMBER, MEMBER],
            Self::Mark | Self::Write | Self::DeleteOwn => [Needs::Named, Needs::Named, MEMBER, MEMBER],
            Self::Pin => [Needs::Named, MODERATOR, MODERATOR, MEMBER],
            Self::MentionRoom => [Needs::Named, MODERATOR, MODERATOR, Needs::Host],
            Self::DeleteOthers => [Needs::Admin, MODERATOR, MODERATOR, Needs::Host],
            Self::Update => [Needs::Anyone, MODERATOR, MODERATOR, Needs::Nobody],
            Self::ChangeKind => [Needs::Nobody, MODERATOR, MODERATOR, Needs::Nobody],
            Self::ChangeInvites => [Needs::Admin, MODERATOR, MODERATOR, Needs::Nobody],
            Self::Join => [Needs::Named, Needs::Named, MEMBER, Needs::Nobody],
            Self::Leave => [Needs::Named, Needs::Named, MEMBER, Needs::Nobody],
            Self::Add | Self::Invite => [bringing, bringing, bringing, Needs::Nobody],
            Self::Remove | Self::Ban | Self::Mute | Self::Audit => [Needs::Admin, MODERATOR, MODERATOR, Needs::Nobody],
            Self::GiveRoles => [Needs::Admin, OWNER, OWNER, Needs::Nobody],
            Self::Delete => [Needs::Anyone, OWNER, OWNER, Needs::Nobody],
        };
        match terms.kind {
            RoomKind::Public if !terms.owned => open,
            RoomKind::Public => public,
            RoomKind::Private => private,
            RoomKind::Direct => direct,
        }
    }

    /// Refuses somebody who does not say who they are, if nobody does this namelessly in any room. So they hear the same of rooms
    /// that are hidden from them, and of those that are not there.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`].
    pub fn check_named(self, asker: Asker) -> Result<(), Error> {
        let is_open = matches!(self, Self::Read | Self::Update | Self::ChangeKind | Self::ChangeInvites | Self::Delete);
        if asker == Asker::Anonymous && !is_open { Err(Error::Unauthenticated) } else { Ok(()) }
    }

    /// Whether a user who is muted may not do it.
    #[must_use]
    pub const fn is_muted(self) -> bool {
        matches!(self, Self::Write | Self::Pin | Self::MentionRoom)
    }
}

impl RoomTerms {
    /// Refuses somebody who may not know of the room as [`Error::RoomNotFound`], and somebody who is banned from a room that
    /// all may see as [`Error::Banned`].
    ///
    /// # Errors
    /// These.
    pub fn check_seen(self, asker: Asker, at: Timestamp) -> Result<(), Error> {
        let Some(standing) = self.restricted(asker) else { return Ok(()) };
        if self.kind != RoomKind::Public {
            return if standing.role.is_some() { Ok(()) } else { Err(Error::RoomNotFound) };
        }
        match standing.banned.filter(|until| until.covers(at)) {
            Some(until) => Err(Error::Banned { until: until.end() }),
            None => Ok(()),
        }
    }

    /// Refuses somebody who may not do this at this time.
    ///
    /// # Errors
    /// As [`check_seen`](Self::check_seen); [`Error::Unauthenticated`], [`Error::Forbidden`], [`Error::Muted`].
    pub fn check(self, action: RoomAction, asker: Asker, at: Timestamp) -> Result<(), Error> {
        action.check_named(asker)?;
        self.check_seen(asker, at)?;
        let needs = action.needs(self);
        let is_enough = match needs {
            Needs::Anyone => true,
            Needs::Named => asker != Asker::Anonymous,
            Needs::Role(role) => asker == Asker::Host || self.rank(asker) >= Some(role),
            Needs::Admin => asker == Asker::Host || self.is_admin(asker),
            Needs::Host => asker == Asker::Host,
            Needs::Nobody => false,
        };
        if !is_enough {
            let may_be_known = asker == Asker::Anonymous && needs != Needs::Nobody;
            return Err(if may_be_known { Error::Unauthenticated } else { Error::Forbidden });
        }
        let muted = self.restricted(asker).and_then(|standing| standing.muted).filter(|until| until.covers(at));
        match muted {
            Some(until) if action.is_muted() => Err(Error::Muted { until: until.end() }),
            _ => Ok(()),
        }
    }

    /// What somebody counts as there. An administrator counts as an owner wherever there may be one.
    #[must_use]
    pub fn rank(self, asker: Asker) -> Option<Role> {
        match asker {
            Asker::Host => Some(Role::Owner),
            Asker::Anonymous => None,
            Asker::User { .. } if self.is_admin(asker) => Some(Role::Owner),
            Asker::User { standing, .. } => standing.role,
        }
    }

    fn is_admin(self, asker: Asker) -> bool {
        self.kind != RoomKind::Direct && matches!(asker, Asker::User { admin: true, .. })
    }

    /// What restricts somebody; `None` for those whom nothing does.
    fn restricted(self, asker: Asker) -> Option<Standing> {
        match asker {
            Asker::Host => None,
            Asker::User { .. } if self.is_admin(asker) => None,
            Asker::Anonymous => Some(Standing::default()),
            Asker::User { standing, .. } => Some(standing),
        }
    }
}

impl Standing {
    /// Whether somebody of this rank may put the user out, ban or mute them. Only owners act on their like.
    #[must_use]
    pub fn yields_to(self, rank: Option<Role>) -> bool {
        rank == Some(Role::Owner) || self.role < rank
    }

    /// Takes in an event that is about the user.
    pub fn apply(&mut self, event: &MemberEvent) {
        let until = Until::of(event.until);
        match event.change {
            MemberChange::Joined | MemberChange::Added | MemberChange::Role => {
                self.role = Some(event.role.unwrap_or_default());
            }
            MemberChange::Left | MemberChange::Removed => self.role = None,
            MemberChange::Banned => (self.role, self.banned) = (None, Some(until)),
            MemberChange::Unbanned => self.banned = None,
            MemberChange::Muted => self.muted = Some(until),
            MemberChange::Unmuted => self.muted = None,
        }
    }

    /// The ban or the mute that is in force at this time.
    #[must_use]
    pub fn restriction(self, kind: RestrictionKind, at: Timestamp) -> Option<Until> {
        let until = match kind {
            RestrictionKind::Ban => self.banned,
            RestrictionKind::Mute => self.muted,
        };
        until.filter(|until| until.covers(at))
    }
}

#[cfg(test)]
#[path = "rights_tests.rs"]
mod tests;

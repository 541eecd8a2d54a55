//! Rooms by who is in them: kinds of rooms, members and their roles, bans and mutes.

use crate::{Identity, InvalidField, InviteCode, Reason, RoomId, Seq, Timestamp, UserId};

/// Who may see a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum RoomKind {
    /// Anyone may find it, read it and write in it. One may be a member.
    #[default]
    Public,
    /// Only its members know that it is there.
    Private,
    /// It belongs to two users for good, or to one. It has no name.
    Direct,
}

/// Which members may bring others into a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum InvitedBy {
    /// All of them.
    #[default]
    Members,
    /// Only moderators and owners.
    Moderators,
}

/// What decides in a room about rights, beside who is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct RoomTerms {
    /// Its kind.
    pub kind: RoomKind,
    /// Whether it has owners. It is so for good.
    pub owned: bool,
    /// Who may bring others in.
    pub invites: InvitedBy,
}

/// What a member is in a room. Later ones have all rights of those before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Role {
    /// Reads and writes.
    #[default]
    Member,
    /// Keeps order: removes members, deletes messages, names the room.
    Moderator,
    /// Has the room: gives roles, and may delete it.
    Owner,
}

/// How long a ban or a mute is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Until {
    /// It is over at this time.
    At(Timestamp),
    /// It has no end.
    ForGood,
}

impl RoomKind {
    /// The stable word for it, the same on every transport.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Private => "private",
            Self::Direct => "direct",
        }
    }

    /// What this word stands for.
    ///
    /// # Errors
    /// [`InvalidField`] (`kind`) for any other word.
    pub fn parse(word: &str) -> Result<Self, InvalidField> {
        let kind = [Self::Public, Self::Private, Self::Direct].into_iter().find(|kind| kind.as_str() == word);
        kind.ok_or_else(|| InvalidField::new("kind", "must be public or private"))
    }
}

impl InvitedBy {
    /// The stable word for it, the same on every transport.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Members => "members",
            Self::Moderators => "moderators",
        }
    }

    /// What this word stands for.
    ///
    /// # Errors
    /// [`InvalidField`] (`invites`) for any other word.
    pub fn parse(word: &str) -> Result<Self, InvalidField> {
        let by = [Self::Members, Self::Moderators].into_iter().find(|by| by.as_str() == word);
        by.ok_or_else(|| InvalidField::new("invites", "must be members or moderators"))
    }
}

impl Role {
    /// The stable word for it, the same on every transport.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Moderator => "moderator",
            Self::Owner => "owner",
        }
    }

    /// What this word stands for.
    ///
    /// # Errors
    /// [`InvalidField`] (`role`) for any other word.
    pub fn parse(word: &str) -> Result<Self, InvalidField> {
        let role = [Self::Member, Self::Moderator, Self::Owner].into_iter().find(|role| role.as_str() == word);
        role.ok_or_else(|| InvalidField::new("role", "must be member, moderator or owner"))
    }
}

impl Until {
    /// The end that was given, or none.
    #[must_use]
    pub const fn of(end: Option<Timestamp>) -> Self {
        match end {
            Some(at) => Self::At(at),
            None => Self::ForGood,
        }
    }

    /// When it is over; `None`: never.
    #[must_use]
    pub const fn end(self) -> Option<Timestamp> {
        match self {
            Self::At(at) => Some(at),
            Self::ForGood => None,
        }
    }

    /// Whether it is in force at this time.
    #[must_use]
    pub fn covers(self, at: Timestamp) -> bool {
        self > Self::At(at)
    }
}

/// A change of who is in a room, and as what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum MemberChange {
    /// The user came in by themselves.
    Joined,
    /// Somebody brought the user in.
    Added,
    /// The user has left.
    Left,
    /// Somebody has removed the user.
    Removed,
    /// The user has another role.
    Role,
    /// The user is kept out, and is no member any more.
    Banned,
    /// The user may come in again.
    Unbanned,
    /// The user may only read.
    Muted,
    /// The user may write again.
    Unmuted,
}

impl MemberChange {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Joined,
        Self::Added,
        Self::Left,
        Self::Removed,
        Self::Role,
        Self::Banned,
        Self::Unbanned,
        Self::Muted,
        Self::Unmuted,
    ];

    /// The stable word for it, the same on every transport and in every database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Joined => "joined",
            Self::Added => "added",
            Self::Left => "left",
            Self::Removed => "removed",
            Self::Role => "role",
            Self::Banned => "banned",
            Self::Unbanned => "unbanned",
            Self::Muted => "muted",
            Self::Unmuted => "unmuted",
        }
    }

    /// What this word stands for, if it is one.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|change| change.as_str() == word)
    }
}

/// That somebody is in a room, or is no longer, or is something else there.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct MemberEvent {
    /// What has changed.
    pub change: MemberChange,
    /// Whom it is about, with the name of then.
    pub user: Identity,
    /// What the user is after it, where they came in or got another role.
    pub role: Option<Role>,
    /// When a ban or a mute is over; `None` also where it has no end.
    pub until: Option<Timestamp>,
    /// Why, if it was said.
    pub reason: Option<Reason>,
}

/// A user in a room.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Member {
    /// Who it is.
    pub user: Identity,
    /// What they are there.
    pub role: Role,
    /// When they came in.
    pub joined_at: Timestamp,
    /// The event that brought them in; 0 where the room began with them.
    pub since: Seq,
    /// Until when they may only read, if so.
    pub muted: Option<Until>,
}

/// Which members to list: by role, highest first, then by id. By default the first 50.
///
/// ```
/// use chat_core::{MemberQuery, Role};
///
/// let owners = MemberQuery::default().role(Role::Owner).limit(200);
/// assert_eq!(owners.name_prefix, None);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemberQuery {
    /// At most this many, 1–200.
    pub limit: usize,
    /// Only those after this one (the `next` of the page before).
    pub after: Option<(Role, UserId)>,
    /// Only those with this role.
    pub role: Option<Role>,
    /// Only those whose name begins with this, without regard to case and width.
    pub name_prefix: Option<String>,
}

impl Default for MemberQuery {
    fn default() -> Self {
        Self { limit: 50, after: None, role: None, name_prefix: None }
    }
}

impl MemberQuery {
    /// The same with another limit, 1–200.
    #[must_use]
    pub const fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// The same, after a member.
    #[must_use]
    pub fn after(mut self, role: Role, user: UserId) -> Self {
        self.after = Some((role, user));
        self
    }

    /// The same of one role only.
    #[must_use]
    pub const fn role(mut self, role: Role) -> Self {
        self.role = Some(role);
        self
    }

    /// The same with what the names begin with.
    #[must_use]
    pub fn name_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.name_prefix = Some(prefix.into());
        self
    }
}

/// A page of members.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MemberPage {
    /// The members, by role, highest first, then by id.
    pub members: Vec<Member>,
    /// Where the next page begins, if there is one.
    pub next: Option<(Role, UserId)>,
}

/// What keeps a user from something in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum RestrictionKind {
    /// Kept out.
    Ban,
    /// May only read.
    Mute,
}

/// A ban or a mute.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Restriction {
    /// Whose.
    pub user: Identity,
    /// How long.
    pub until: Until,
    /// Why, if it was said.
    pub reason: Option<Reason>,
    /// Who did it; `None`: the host.
    pub by: Option<Identity>,
    /// When it was done.
    pub at: Timestamp,
}

/// A page of bans or mutes, by user id.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RestrictionPage {
    /// Those that are in force.
    pub restrictions: Vec<Restriction>,
    /// Where the next page begins, if there is one.
    pub next: Option<UserId>,
}

/// A membership of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Membership {
    /// In which room.
    pub room: RoomId,
    /// The event that made it; 0 where the room began with it.
    pub since: Seq,
}

/// A change of who is in a room, and as what, as it is asked for.
///
/// ```
/// use chat_core::{ChangeMember, Role, UserId};
///
/// let bob = UserId::new("bob").unwrap();
/// let change = ChangeMember::add(bob.clone()).named("Bob").role(Role::Moderator);
/// let change = ChangeMember::remove(bob).reason("spam").key("k1");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChangeMember {
    /// Whom it is about; `None`: whoever asks.
    pub user: Option<UserId>,
    /// What is to happen.
    pub kind: ChangeMemberKind,
    /// Why, as typed; see [`Reason`] for the rules.
    pub reason: Option<String>,
    /// The key for retries, as it was given; see [`IdempotencyKey`](crate::IdempotencyKey) for the rules.
    pub key: Option<String>,
}

/// What is to happen with somebody in a room.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChangeMemberKind {
    /// Whoever asks comes in.
    Join,
    /// Whoever asks comes in by an invite to the room. Who has come in by it before may use it again while it lives, also when it
    /// is used up for others.
    Accept(InviteCode),
    /// Whoever asks leaves.
    Leave,
    /// A user is brought in, or gets another role.
    Add {
        /// The name to show, as long as nothing else is known; else the id is shown.
        username: Option<String>,
        /// What they are to be; without it, a member, or what they are already.
        role: Option<Role>,
    },
    /// A user is put out.
    Remove,
    /// A user is put out and kept out.
    Ban {
        /// Until when; without it, for good.
        until: Option<Timestamp>,
    },
    /// A ban is lifted.
    Unban,
    /// A user may only read from now on.
    Mute {
        /// Until when; without it, for good.
        until: Option<Timestamp>,
    },
    /// A mute is lifted.
    Unmute,
}

impl ChangeMember {
    const fn of(user: Option<UserId>, kind: ChangeMemberKind) -> Self {
        Self { user, kind, reason: None, key: None }
    }

    /// Whoever asks comes in.
    #[must_use]
    pub const fn join() -> Self {
        Self::of(None, ChangeMemberKind::Join)
    }

    /// Whoever asks comes in by an invite. [`ChatEngine::invited_to`](crate::ChatEngine::invited_to) tells to which room.
    #[must_use]
    pub const fn accept(code: InviteCode) -> Self {
        Self::of(None, ChangeMemberKind::Accept(code))
    }

    /// Whoever asks leaves.
    #[must_use]
    pub const fn leave() -> Self {
        Self::of(None, ChangeMemberKind::Leave)
    }

    /// A user is brought in.
    #[must_use]
    pub const fn add(user: UserId) -> Self {
        Self::of(Some(user), ChangeMemberKind::Add { username: None, role: None })
    }

    /// A user is put out.
    #[must_use]
    pub const fn remove(user: UserId) -> Self {
        Self::of(Some(user), ChangeMemberKind::Remove)
    }

    /// A user is put out and kept out, until then or for good.
    #[must_use]
    pub const fn ban(user: UserId, until: Option<Timestamp>) -> Self {
        Self::of(Some(user), ChangeMemberKind::Ban { until })
    }

    /// A ban is lifted.
    #[must_use]
    pub const fn unban(user: UserId) -> Self {
        Self::of(Some(user), ChangeMemberKind::Unban)
    }

    /// A user may only read, until then or for good.
    #[must_use]
    pub const fn mute(user: UserId, until: Option<Timestamp>) -> Self {
        Self::of(Some(user), ChangeMemberKind::Mute { until })
    }

    /// A mute is lifted.
    #[must_use]
    pub const fn unmute(user: UserId) -> Self {
        Self::of(Some(user), ChangeMemberKind::Unmute)
    }

    /// The same, with the name to show of a user who is brought in.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        if let ChangeMemberKind::Add { username, .. } = &mut self.kind {
            *username = Some(name.into());
        }
        self
    }

    /// The same, with what a user who is brought in is to be.
    #[must_use]
    pub fn role(mut self, as_role: Role) -> Self {
        if let ChangeMemberKind::Add { role, .. } = &mut self.kind {
            *role = Some(as_role);
        }
        self
    }

    /// The same with a reason.
    #[must_use]
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// The same with an idempotency key.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_for_themselves() {
        for kind in [RoomKind::Public, RoomKind::Private, RoomKind::Direct] {
            assert_eq!(RoomKind::parse(kind.as_str()), Ok(kind));
        }
        for role in [Role::Member, Role::Moderator, Role::Owner] {
            assert_eq!(Role::parse(role.as_str()), Ok(role));
        }
        assert!(MemberChange::ALL.into_iter().all(|change| MemberChange::parse(change.as_str()) == Some(change)));
        assert!(Role::parse("admin").is_err() && InvitedBy::parse("").is_err() && MemberChange::parse("").is_none());
    }

    #[test]
    fn a_ban_is_over_at_its_end() {
        let until = Until::of(Some(Timestamp(7)));
        assert!(until.covers(Timestamp(6)) && !until.covers(Timestamp(7)) && !until.covers(Timestamp(8)));
        assert!(Until::ForGood.covers(Timestamp(i64::MAX)));
    }
}

//! Who is in rooms, who may do what there, and what is asked of that.

use serde::{Deserialize, Serialize};

/// What decides in a room about rights, beside who is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// Who may see it.
    #[serde(rename = "is")]
    pub kind: RoomKind,
    /// Who may bring others in.
    pub invites: InvitedBy,
}

/// Who may see a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoomKind {
    /// Anyone.
    Public,
    /// Its members.
    Private,
    /// The two whose room it is.
    Direct,
}

/// Who may bring others into a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InvitedBy {
    /// All members.
    Members,
    /// Moderators and owners.
    Moderators,
}

/// What a member is in a room. Later ones have all rights of those before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads and writes.
    Member,
    /// Keeps order.
    Moderator,
    /// Has the room.
    Owner,
}

/// Somebody who is in a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The user.
    pub user: String,
    /// What they are.
    pub role: Role,
}

/// An event about somebody in a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberEvent {
    /// The user who did it; empty if the host did.
    pub by: String,
    /// The key, if it was told.
    pub key: Option<String>,
    /// Whom it is about.
    pub user: String,
    /// What has changed.
    pub change: MemberChange,
    /// What the user is after it, where they came in or got another role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// When a ban or a mute is over, in milliseconds since 1970; `None` also where it has no end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
}

/// A change of who is in a room, and as what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemberChange {
    /// The user came in by themselves.
    Joined,
    /// Somebody brought the user in.
    Added,
    /// The user has left.
    Left,
    /// Somebody has put the user out.
    Removed,
    /// The user has another role.
    Role,
    /// The user is put out and kept out.
    Banned,
    /// The user may come in again.
    Unbanned,
    /// The user may only read.
    Muted,
    /// The user may write again.
    Unmuted,
}

/// An invite that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invite {
    /// Its code, unique in the run.
    pub code: String,
    /// From when on it is of no use, in milliseconds since 1970.
    pub expires: u64,
}

/// What is asked to become of somebody in a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Whoever asks comes in.
    Join,
    /// Whoever asks comes in by an invite.
    Accept {
        /// Its code.
        code: String,
    },
    /// Whoever asks leaves.
    Leave,
    /// A user is brought in, or gets another role.
    Add {
        /// The role; without it, a member's, or the one that the user has already.
        role: Option<Role>,
    },
    /// A user is put out.
    Remove,
    /// A user is put out and kept out.
    Ban {
        /// Until when, in milliseconds since 1970; without it, for good.
        until: Option<u64>,
    },
    /// A ban is lifted.
    Unban,
    /// A user may only read from now on.
    Mute {
        /// Until when, in milliseconds since 1970; without it, for good.
        until: Option<u64>,
    },
    /// A mute is lifted.
    Unmute,
}

impl Role {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Moderator => "moderator",
            Self::Owner => "owner",
        }
    }
}

impl RoomKind {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Private => "private",
            Self::Direct => "direct",
        }
    }
}

impl InvitedBy {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Members => "members",
            Self::Moderators => "moderators",
        }
    }
}

impl Terms {
    /// Those that most rooms have.
    pub const PUBLIC: Self = Self { kind: RoomKind::Public, invites: InvitedBy::Members };
}

//! Who asks.

use chat_core::{
    Actor, Identity, Role, Until,
    rights::{Asker, Standing},
};

use crate::stage::RoomSort;

/// Somebody who asks for something, by what they are in the room and on the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Person {
    Anonymous,
    Stranger,
    Guest,
    Banned,
    Muted,
    Member,
    Moderator,
    Owner,
    Admin,
}

impl Person {
    pub(crate) const ALL: [Self; 9] = [
        Self::Anonymous,
        Self::Stranger,
        Self::Guest,
        Self::Banned,
        Self::Muted,
        Self::Member,
        Self::Moderator,
        Self::Owner,
        Self::Admin,
    ];

    /// The name in tables, and the id.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Anonymous => "anonymous",
            Self::Stranger => "stranger",
            Self::Guest => "guest",
            Self::Banned => "banned",
            Self::Muted => "muted member",
            Self::Member => "member",
            Self::Moderator => "moderator",
            Self::Owner => "owner",
            Self::Admin => "administrator",
        }
    }

    /// The person of this name, in the query of a URL.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|person| format!("{person:?}") == name)
    }

    pub(crate) fn identity(self) -> Option<Identity> {
        let identity = Identity::named(self.name()).unwrap();
        match self {
            Self::Anonymous => None,
            Self::Guest => Some(identity.as_guest()),
            Self::Admin => Some(identity.as_admin()),
            _ => Some(identity),
        }
    }

    pub(crate) fn actor(self) -> Actor {
        self.identity().map_or(Actor::Anonymous, Actor::User)
    }

    /// The role that they get in the room beforehand.
    pub(crate) const fn role(self) -> Option<Role> {
        match self {
            Self::Muted | Self::Member => Some(Role::Member),
            Self::Moderator => Some(Role::Moderator),
            Self::Owner => Some(Role::Owner),
            Self::Anonymous | Self::Stranger | Self::Guest | Self::Banned | Self::Admin => None,
        }
    }

    /// Rooms that nobody owns have members and no other roles. Nobody is banned from a direct room, or muted there.
    pub(crate) fn may_be_in(self, sort: RoomSort) -> bool {
        if sort == RoomSort::Direct && matches!(self, Self::Banned | Self::Muted) {
            return false;
        }
        sort.is_owned() || self.role() <= Some(Role::Member)
    }

    /// The same, as the table of rights sees them.
    pub(crate) fn asker(self) -> Asker {
        if self == Self::Anonymous {
            return Asker::Anonymous;
        }
        let standing = Standing {
            role: self.role(),
            banned: (self == Self::Banned).then_some(Until::ForGood),
            muted: (self == Self::Muted).then_some(Until::ForGood),
        };
        Asker::User { standing, admin: self == Self::Admin }
    }
}

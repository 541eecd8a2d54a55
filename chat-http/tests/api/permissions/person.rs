//! Who asks.

use chat_core::{
    Role, Until,
    rights::{Asker, RoomAction, Standing},
};

use super::{kind::Kind, stage::RoomSort};

/// Somebody who asks for something: how they come, and what they are in the room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Person {
    pub(crate) kind: Kind,
    pub(crate) place: Place,
}

/// What somebody is in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Stranger,
    Banned,
    Muted,
    Member,
    Moderator,
    Owner,
}

impl Place {
    pub(crate) const ALL: [Self; 6] =
        [Self::Stranger, Self::Banned, Self::Muted, Self::Member, Self::Moderator, Self::Owner];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Stranger => "stranger",
            Self::Banned => "banned",
            Self::Muted => "muted member",
            Self::Member => "member",
            Self::Moderator => "moderator",
            Self::Owner => "owner",
        }
    }

    /// The role that they get beforehand.
    pub(crate) const fn role(self) -> Option<Role> {
        match self {
            Self::Muted | Self::Member => Some(Role::Member),
            Self::Moderator => Some(Role::Moderator),
            Self::Owner => Some(Role::Owner),
            Self::Stranger | Self::Banned => None,
        }
    }

    /// What somebody can be in rooms of this sort. Those that nobody owns have members and no other roles. Nobody is banned from a
    /// direct room, or muted there.
    pub(crate) fn all_in(sort: RoomSort) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |place| match sort {
            RoomSort::Direct => matches!(place, Self::Stranger | Self::Member),
            RoomSort::Open => place.role() <= Some(Role::Member),
            RoomSort::Public | RoomSort::Private => true,
        })
    }
}

impl Person {
    /// Everybody who can ask for something in rooms of this sort: each kind of user as each of what they can be there.
    pub(crate) fn all_in(sort: RoomSort) -> Vec<Self> {
        let nothing = [Kind::Anonymous, Kind::System, Kind::SystemAs].map(|kind| (kind, Place::Stranger));
        let users = Place::all_in(sort).flat_map(|place| Kind::USERS.map(|kind| (kind, place)));
        nothing.into_iter().chain(users).map(|(kind, place)| Self { kind, place }).collect()
    }

    /// The same, as the table of rights sees them: of users, it knows no kinds but administrators.
    pub(crate) fn asker(self) -> Asker {
        let standing = Standing {
            role: self.place.role(),
            banned: (self.place == Place::Banned).then_some(Until::ForGood),
            muted: (self.place == Place::Muted).then_some(Until::ForGood),
        };
        match self.kind {
            Kind::Anonymous => Asker::Anonymous,
            Kind::System | Kind::SystemAs => Asker::Host,
            Kind::Guest | Kind::Token | Kind::Account => Asker::User { standing, admin: false },
            Kind::Administrator => Asker::User { standing, admin: true },
        }
    }

    /// Whether they cannot do this because it is done in somebody's name, and they have none. An edit is not: the host may edit
    /// all messages.
    pub(crate) fn lacks_a_name(self, action: RoomAction, call: &str) -> bool {
        use RoomAction::{Join, Leave, Mark, MentionRoom, Write};
        let needs_one = matches!(action, Mark | Write | MentionRoom | Join | Leave) && call != "edit";
        self.kind == Kind::System && needs_one
    }
}

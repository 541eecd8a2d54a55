//! Who looks at rooms.

use crate::{
    Room, RoomId, Timestamp, UserId, VisibleRooms,
    error::Error,
    rights::{Asker, RoomAction, RoomTerms, Standing},
};

/// Who looks at rooms: only those come up in lists and in what is found that they may see, and that the host's policy shows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Viewer {
    /// The host, who sees all of them.
    Host,
    /// Somebody who does not say who they are: public rooms among these.
    Anonymous(VisibleRooms),
    /// Somebody of whom the host says which rooms they see, who keeps who is in them: these.
    Told(Option<UserId>, VisibleRooms),
    /// A user, at this time: among these rooms, public ones that they are not banned from then, and those that they are in.
    User(UserId, Timestamp, VisibleRooms),
}

impl Viewer {
    /// Whose reactions and marks are shown.
    #[must_use]
    pub fn user(&self) -> Option<&UserId> {
        match self {
            Self::User(user, ..) => Some(user),
            Self::Told(user, _) => user.as_ref(),
            Self::Host | Self::Anonymous(_) => None,
        }
    }

    /// Which rooms the policy shows them.
    #[must_use]
    pub const fn shown(&self) -> &VisibleRooms {
        match self {
            Self::Host => &VisibleRooms::All,
            Self::Anonymous(shown) | Self::Told(_, shown) | Self::User(_, _, shown) => shown,
        }
    }

    /// Whether they see a room with these terms in which they are this.
    #[must_use]
    pub fn sees(&self, room: RoomId, terms: RoomTerms, standing: Standing) -> bool {
        let (asker, at) = match self {
            Self::Host => return true,
            Self::Told(_, shown) => return shown.has(room),
            Self::Anonymous(_) => (Asker::Anonymous, Timestamp(0)),
            Self::User(_, at, _) => (Asker::User { standing, admin: false }, *at),
        };
        self.shown().has(room) && terms.check(RoomAction::Read, asker, at).is_ok()
    }
}

/// A room, and what somebody is in it: read at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenRoom {
    /// The room.
    pub room: Room,
    /// What they are in it.
    pub standing: Standing,
}

impl SeenRoom {
    /// The room, if it is one and somebody may do this in it. Of one that is hidden they hear what they would hear of one that is
    /// not there.
    ///
    /// # Errors
    /// As [`RoomTerms::check`](crate::rights::RoomTerms::check).
    pub fn check(
        seen: Option<Self>,
        action: RoomAction,
        asker: impl FnOnce(Standing) -> Asker,
        at: Timestamp,
    ) -> Result<Room, Error> {
        let asker = asker(seen.as_ref().map(|seen| seen.standing).unwrap_or_default());
        action.check_named(asker)?;
        let room = seen.ok_or(Error::RoomNotFound)?.room;
        room.terms().check(action, asker, at)?;
        Ok(room)
    }
}

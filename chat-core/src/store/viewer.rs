//! Who looks at rooms.

use crate::{
    Room, Timestamp, UserId,
    error::Error,
    rights::{Asker, RoomAction, RoomTerms, Standing},
};

/// Who looks at rooms: only those come up in lists and in what is found that they may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Viewer {
    /// The host, who sees all of them.
    Host,
    /// Somebody who does not say who they are: public rooms.
    Anonymous,
    /// A user, at this time: public rooms that they are not banned from then, and those that they are in.
    User(UserId, Timestamp),
}

impl Viewer {
    /// Whose reactions and marks are shown.
    #[must_use]
    pub const fn user(&self) -> Option<&UserId> {
        match self {
            Self::User(user, _) => Some(user),
            Self::Host | Self::Anonymous => None,
        }
    }

    /// Whether they see a room with these terms in which they are this.
    #[must_use]
    pub fn sees(&self, terms: RoomTerms, standing: Standing) -> bool {
        let (asker, at) = match self {
            Self::Host => return true,
            Self::Anonymous => (Asker::Anonymous, Timestamp(0)),
            Self::User(_, at) => (Asker::User { standing, admin: false }, *at),
        };
        terms.check(RoomAction::Read, asker, at).is_ok()
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

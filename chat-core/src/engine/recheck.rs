//! Judging again what users have open, after something outside of the rooms has changed.

use std::{collections::BTreeSet, time::Duration};

use futures::future::{join, join_all};
use tokio::time::timeout;

use crate::{
    Actor, ChangeMember, Changed, ChatEngine, Error, RoomId, UserId,
    engine::{ending::Ending, inner::Inner},
};

impl ChatEngine {
    /// Judges again what a user has open on this engine, on every transport: attachments, watches, and attaches that wait. The
    /// [`Policy`](crate::Policy) is asked about each room ([`Action::ReadRoom`](crate::Action::ReadRoom)), as it is now, and what the
    /// user is in the room is looked at. What they may not read any more ends with
    /// [`DetachReason::Removed`](crate::DetachReason::Removed). Call it after your policy has taken a right away.
    ///
    /// When it returns, nothing that is stored in those rooms from then on reaches the user through this engine. It returns within 5 s:
    /// a session that is attached to a room that does not answer in time is closed with
    /// [`CloseReason::Reloaded`](crate::CloseReason::Reloaded), and is judged when it comes back.
    ///
    /// # Errors
    /// [`Error::Overloaded`] or [`Error::Unavailable`] when it could not be read what the user is in the rooms that they watch. What the
    /// policy refuses has ended all the same.
    ///
    /// # Cancel safety
    /// Dropped, some of it may have ended. Call it again then.
    pub async fn recheck(&self, user: &UserId) -> Result<(), Error> {
        self.inner().recheck(user, None).await
    }

    /// Puts a user out of a room, as the host: a member is removed, which is an event of the room, and what the user has open there
    /// is judged as by [`recheck`](Self::recheck). Who is no member changes nothing in the room ([`Changed::Unchanged`]), nor does
    /// anybody where the host keeps who is in.
    ///
    /// A public room can be read by anyone: unless the policy refuses it, who is removed there goes on hearing it. To keep
    /// somebody out, [ban](ChangeMember::ban) them.
    ///
    /// # Errors
    /// As [`change_member`](Self::change_member) and [`recheck`](Self::recheck). What the user has open was judged all the same.
    ///
    /// # Cancel safety
    /// Once it was polled, the change is stored even if the future is dropped. Call it again then, to have the rest judged.
    pub async fn remove_from(&self, room: RoomId, user: &UserId) -> Result<Changed, Error> {
        let inner = self.inner();
        let changed = match inner.services.host() {
            Some(_) => Ok(Changed::Unchanged { count: None }),
            None => {
                let remove = ChangeMember::remove(user.clone());
                inner.change_member(&Actor::System, room, remove, self.patience).await
            }
        };
        inner.recheck(user, Some(room)).await?;
        changed
    }
}

impl Inner {
    /// Judges again what a user has open, in all rooms or in one. See [`ChatEngine::recheck`].
    async fn recheck(&self, user: &UserId, only: Option<RoomId>) -> Result<(), Error> {
        let is_asked = |room: &RoomId| only.is_none_or(|only| only == *room);
        let (mut attached, mut watched) = (BTreeSet::new(), BTreeSet::new());
        let sessions = self.sessions.of_user(user);
        for session in &sessions {
            let open = session.open();
            attached.extend(open.attached.into_iter().filter(is_asked));
            for room in open.watched.into_iter().filter(is_asked) {
                self.watches.recheck(room, &**session);
                watched.insert(room);
            }
        }
        let watched: Vec<_> = watched.into_iter().collect();
        let (late, judged) = join(self.late(user, attached), timeout(PATIENCE, self.watches.judge_all(&watched))).await;
        for session in &sessions {
            if session.open().attached.iter().any(|room| late.contains(room)) {
                session.end(Ending::RELOADED);
            }
        }
        judged.unwrap_or(Err(Error::Unavailable))
    }

    /// Has rooms judge a user's sessions again, and returns those that did not in time.
    async fn late(&self, user: &UserId, rooms: BTreeSet<RoomId>) -> BTreeSet<RoomId> {
        let judged = rooms.into_iter().map(|room| async move {
            let judged = timeout(PATIENCE, self.hub.recheck(room, user)).await;
            judged.is_err().then_some(room)
        });
        join_all(judged).await.into_iter().flatten().collect()
    }
}

/// How long a room may take to judge somebody, which it does at its turn: with what comes after, less than 5 s.
const PATIENCE: Duration = Duration::from_secs(4);

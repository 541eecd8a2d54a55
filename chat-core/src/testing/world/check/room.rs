//! One room: who is attached to it, and with that who is online and who types.

use std::{collections::BTreeMap, time::Duration};

use super::{Batch, Broken, Checked, Move, Promise, presence::PresenceCheck, typing::TypingCheck};
use crate::{Departure, Limits, Presence, RoomId, SessionId, SignalKind, UserId};

/// What is right about a room at this moment.
#[derive(Debug, Default)]
pub(in crate::testing::world) struct RoomCheck {
    /// Who is attached, and whether their user is shown.
    attached: BTreeMap<SessionId, (UserId, bool)>,
    presence: PresenceCheck,
    typing: TypingCheck,
}

impl RoomCheck {
    pub(super) fn has(&self, session: SessionId) -> bool {
        self.attached.contains_key(&session)
    }

    /// Takes in what an input led to, in order.
    pub(super) fn after(
        &mut self,
        batch: Batch,
        user_of: &dyn Fn(SessionId) -> Option<UserId>,
        now: Duration,
        limits: &Limits,
    ) -> Checked {
        self.presence.begin();
        if let Some((session, departure)) = batch.departed {
            let until = (departure == Departure::Lost).then(|| now + limits.presence_grace);
            self.left(session, until, now, limits);
        }
        for step in batch.moves {
            match step {
                Move::Attached { session, presence } => {
                    let Some(user) = user_of(session) else {
                        return Err(Broken::new(
                            Promise::Presence,
                            format!("session {session} attached after its end"),
                        ));
                    };
                    self.presence.attached(session, presence.then(|| user.clone()), now, limits);
                    self.typing.attached(session, now);
                    self.attached.insert(session, (user, presence));
                }
                Move::Detached(session) => self.left(session, None, now, limits),
                Move::Typed(session, is_typing) => {
                    // Who reads unseen types unseen.
                    if let Some((user, true)) = self.attached.get(&session) {
                        self.typing.typed(session, user, is_typing.then(|| now + limits.typing_expiry), now);
                    }
                }
                Move::Wrote(user) => self.typing.wrote(&user, now),
                Move::Signal(SignalKind::Typing(typing), whom) => self.typing.told(&typing, &whom, now, limits)?,
                Move::Signal(kind, whom) => self.presence.told(&kind, &whom, now, limits)?,
                Move::Deleted => *self = Self::default(),
            }
        }
        self.presence.end(now, limits)
    }

    pub(super) fn check_presence(&mut self, served: &Presence, now: Duration, limits: &Limits) -> Checked {
        self.presence.check_served(served, now, limits)
    }

    pub(super) fn check_times(&self, room: RoomId, now: Duration, limits: &Limits) -> Checked {
        self.presence.check_times(room, now, limits)?;
        self.typing.check_times(room, now, limits)
    }

    /// The room is to be forgotten: nobody may be there, or be counted as there.
    pub(super) fn may_end(&self, room: RoomId, now: Duration) -> Checked {
        let empty = self.attached.is_empty() && self.presence.is_empty(now);
        super::hold(empty, Promise::Presence, || format!("room {room} would be forgotten with someone online"))
    }

    /// Everybody left long ago, and nobody is shown.
    pub(in crate::testing::world) fn is_settled(&self, now: Duration) -> bool {
        self.presence.is_settled(now) && self.typing.is_settled(now)
    }

    fn left(&mut self, session: SessionId, grace_until: Option<Duration>, now: Duration, limits: &Limits) {
        if self.attached.remove(&session).is_some() {
            self.presence.left(session, grace_until, now, limits);
            self.typing.left(session, now);
        }
    }
}

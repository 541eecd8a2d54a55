//! What one session reads: after each attach the next event, and the next.

use std::collections::{BTreeMap, BTreeSet};

use super::{Broken, Checked, Promise, hold};
use crate::{
    Answer, DetachReason, Event, EventKind, Item, MemberChange, RoomId, RoomKind, Seq, SessionId, Update,
    state::ReplyId, testing::world::World,
};

/// One session's view.
#[derive(Debug, Default)]
pub(in crate::testing::world) struct Stream {
    /// Commands whose answers were not read yet; whether they are attaches.
    asked: BTreeMap<ReplyId, (RoomId, bool)>,
    subscriptions: BTreeMap<RoomId, Subscription>,
    /// The rooms that its user was put out of, or which they left, since it was attached there.
    lost: BTreeSet<RoomId>,
}

#[derive(Debug)]
struct Subscription {
    head: Seq,
    /// The last event was read that it is told of the room, for this reason.
    over: Option<DetachReason>,
}

impl Stream {
    pub(super) fn asked(&mut self, reply: ReplyId, room: RoomId, is_attach: bool) {
        self.asked.insert(reply, (room, is_attach));
    }

    /// The rooms it is attached to, and up to where it has read them.
    pub(in crate::testing::world) fn heads(&self) -> impl Iterator<Item = (RoomId, Seq)> {
        self.subscriptions.iter().map(|(room, subscription)| (*room, subscription.head))
    }

    /// A room of which it has read the last that it may, and was not told so.
    pub(in crate::testing::world) fn unended(&self) -> Option<RoomId> {
        let over = self.subscriptions.iter().find(|(_, subscription)| subscription.over.is_some());
        over.map(|(room, _)| *room)
    }

    fn answered(&mut self, session: SessionId, reply: ReplyId, answer: Option<&Answer>) -> Checked {
        let Some((room, _)) = self.asked.remove(&reply) else {
            return Err(Broken::new(
                Promise::AnsweredOnce,
                format!("session {session} reads an answer to nothing: {reply:?}"),
            ));
        };
        match answer {
            Some(Answer::Attached(attached)) => {
                self.subscriptions.insert(room, Subscription { head: attached.head.seq, over: None });
                self.lost.remove(&room);
            }
            Some(Answer::Detached { .. }) => {
                self.subscriptions.remove(&room);
            }
            Some(
                Answer::Sent(_)
                | Answer::Watching { .. }
                | Answer::Changed { .. }
                | Answer::Marked(_)
                | Answer::Typing { .. },
            )
            | None => {}
        }
        Ok(())
    }

    /// An event is read, after which its user may not read the room if there is a reason.
    fn event(&mut self, session: SessionId, event: &Event, over: Option<DetachReason>) -> Checked {
        let Some(subscription) = self.subscriptions.get_mut(&event.room) else {
            return Err(self.uncalled_for(session, event.room, &format!("event {}", event.seq)));
        };
        let expected = subscription.head.next();
        let is_lost = subscription.over.is_some_and(|reason| reason != DetachReason::Deleted);
        hold(!is_lost, Promise::SilentAfterRemoval, || {
            format!("session {session} reads event {} of room {} after {:?}", event.seq, event.room, subscription)
        })?;
        hold(event.seq == expected && subscription.over.is_none(), Promise::GaplessOnce, || {
            format!("session {session} reads event {} of room {}, but {expected} comes next", event.seq, event.room)
        })?;
        (subscription.head, subscription.over) = (event.seq, over);
        Ok(())
    }

    fn signal(&self, session: SessionId, room: RoomId) -> Checked {
        if self.subscriptions.get(&room).is_some_and(|subscription| subscription.over.is_none()) {
            return Ok(());
        }
        Err(self.uncalled_for(session, room, "a signal"))
    }

    /// Something came of a room that it does not listen to: not yet, or no more.
    fn uncalled_for(&self, session: SessionId, room: RoomId, what: &str) -> Broken {
        let waits = self.asked.values().any(|(asked, is_attach)| *asked == room && *is_attach);
        let is_lost =
            self.subscriptions.get(&room).is_some_and(|it| it.over.is_some_and(|why| why != DetachReason::Deleted));
        let (promise, why) = if self.lost.contains(&room) || is_lost {
            (Promise::SilentAfterRemoval, "which its user may not read any more")
        } else if waits {
            (Promise::GaplessOnce, "before its attach is answered")
        } else {
            (Promise::SilentAfterDetach, "without being attached")
        };
        Broken::new(promise, format!("session {session} reads {what} of room {room} {why}"))
    }

    fn detached(&mut self, session: SessionId, room: RoomId, reason: DetachReason) -> Checked {
        let over = self.subscriptions.remove(&room).and_then(|subscription| subscription.over);
        let promise = if reason == DetachReason::Deleted { Promise::GaplessOnce } else { Promise::SilentAfterRemoval };
        if reason != DetachReason::Deleted {
            self.lost.insert(room);
        }
        hold(over == Some(reason), promise, || {
            format!("session {session} loses room {room} ({reason:?}), but its last event there says {over:?}")
        })
    }
}

impl World {
    /// A session reads an update. Returns up to where it knows a room now, if that is news.
    pub(in crate::testing::world) fn check_update(
        &mut self,
        session: SessionId,
        update: &Update,
    ) -> Result<Option<(RoomId, Seq)>, Broken> {
        let over = self.over_with(session, update);
        let Some(stream) = self.check.streams.get_mut(&session) else { return Ok(None) };
        match update {
            Update::Answer(ticket, result) => {
                stream.answered(session, ReplyId(ticket.0), result.as_ref().ok())?;
                let Ok(Answer::Attached(attached)) = result else { return Ok(None) };
                Ok(Some((attached.room, attached.head.seq)))
            }
            Update::Delivery(delivery) => match delivery.item() {
                Item::Event(event) => {
                    stream.event(session, event, over)?;
                    self.check_own(session, event)?;
                    Ok(Some((event.room, event.seq)))
                }
                Item::Signal(signal) => {
                    stream.signal(session, signal.room)?;
                    Ok(None)
                }
            },
            Update::Detached(room, reason) => {
                stream.detached(session, *room, *reason)?;
                self.tally.put_out += u64::from(*reason != DetachReason::Deleted);
                Ok(None)
            }
            Update::Notice(_) | Update::Closed(_) => Ok(None),
        }
    }

    /// Why what a session reads is the last it is told of a room, if it is: the room ends with it, or its user may not read the
    /// room after it.
    fn over_with(&self, session: SessionId, update: &Update) -> Option<DetachReason> {
        let Update::Delivery(delivery) = update else { return None };
        let Item::Event(event) = delivery.item() else { return None };
        let user = &self.clients.sessions.get(&session)?.user.id;
        let reason = match &event.kind {
            EventKind::RoomDeleted => return Some(DetachReason::Deleted),
            EventKind::RoomUpdated { kind, .. } => (*kind != RoomKind::Public).then_some(DetachReason::Private)?,
            EventKind::Member(member) if member.user.id == *user && member.change == MemberChange::Left => {
                DetachReason::Left
            }
            EventKind::Member(member) if member.user.id == *user && member.change == MemberChange::Banned => {
                DetachReason::Banned
            }
            EventKind::Member(member) if member.user.id == *user => DetachReason::Removed,
            EventKind::Member(_)
            | EventKind::Message(_)
            | EventKind::MessageEdited(_)
            | EventKind::MessageDeleted { .. }
            | EventKind::Reaction { .. }
            | EventKind::Pin { .. } => return None,
        };
        let log = self.check.reference_logs.get(&event.room)?;
        (!log.membership(event.seq).sees(user, event.at)).then_some(reason)
    }

    /// The ok of a send stands before the message's own event.
    fn check_own(&self, session: SessionId, event: &Event) -> Checked {
        let Some(stored) =
            self.check.reference_logs.get(&event.room).and_then(|reference_log| reference_log.get(event.seq))
        else {
            return Ok(());
        };
        let Some(reply) = self.check.sends.only_send(event.room, stored, session) else { return Ok(()) };
        let unanswered = self.check.streams.get(&session).is_some_and(|stream| stream.asked.contains_key(&reply));
        hold(!unanswered, Promise::AnswerFirst, || {
            format!("session {session} reads its own event {} before the answer", event.seq)
        })
    }
}

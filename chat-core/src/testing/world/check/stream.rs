//! What one session reads: after each attach the next event, and the next.

use std::collections::BTreeMap;

use super::{Broken, Checked, Promise, hold};
use crate::{Answer, Event, EventKind, Item, RoomId, Seq, SessionId, Update, state::ReplyId, testing::world::World};

/// One session's view.
#[derive(Debug, Default)]
pub(in crate::testing::world) struct Stream {
    /// Commands whose answers were not read yet; whether they are attaches.
    asked: BTreeMap<ReplyId, (RoomId, bool)>,
    subscriptions: BTreeMap<RoomId, Subscription>,
}

#[derive(Debug)]
struct Subscription {
    head: Seq,
    /// The room's last event was read.
    is_over: bool,
}

impl Stream {
    pub(super) fn asked(&mut self, reply: ReplyId, room: RoomId, is_attach: bool) {
        self.asked.insert(reply, (room, is_attach));
    }

    /// The rooms it is attached to, and up to where it has read them.
    pub(in crate::testing::world) fn heads(&self) -> impl Iterator<Item = (RoomId, Seq)> {
        self.subscriptions.iter().map(|(room, subscription)| (*room, subscription.head))
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
                self.subscriptions.insert(room, Subscription { head: attached.head.seq, is_over: false });
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

    fn event(&mut self, session: SessionId, event: &Event) -> Checked {
        let Some(subscription) = self.subscriptions.get_mut(&event.room) else {
            return Err(self.uncalled_for(session, event.room, &format!("event {}", event.seq)));
        };
        let expected = subscription.head.next();
        hold(event.seq == expected && !subscription.is_over, Promise::GaplessOnce, || {
            format!("session {session} reads event {} of room {}, but {expected} comes next", event.seq, event.room)
        })?;
        subscription.head = event.seq;
        subscription.is_over = event.kind == EventKind::RoomDeleted;
        Ok(())
    }

    fn signal(&self, session: SessionId, room: RoomId) -> Checked {
        if self.subscriptions.get(&room).is_some_and(|subscription| !subscription.is_over) {
            return Ok(());
        }
        Err(self.uncalled_for(session, room, "a signal"))
    }

    /// Something came of a room that it does not listen to: not yet, or no more.
    fn uncalled_for(&self, session: SessionId, room: RoomId, what: &str) -> Broken {
        let waits = self.asked.values().any(|(asked, is_attach)| *asked == room && *is_attach);
        let (promise, why) = if waits {
            (Promise::GaplessOnce, "before its attach is answered")
        } else {
            (Promise::SilentAfterDetach, "without being attached")
        };
        Broken::new(promise, format!("session {session} reads {what} of room {room} {why}"))
    }

    fn detached(&mut self, session: SessionId, room: RoomId) -> Checked {
        let over = self.subscriptions.remove(&room).is_some_and(|subscription| subscription.is_over);
        hold(over, Promise::GaplessOnce, || format!("session {session} lost room {room} without its last event"))
    }
}

impl World {
    /// A session reads an update. Returns up to where it knows a room now, if that is news.
    pub(in crate::testing::world) fn check_update(
        &mut self,
        session: SessionId,
        update: &Update,
    ) -> Result<Option<(RoomId, Seq)>, Broken> {
        let Some(stream) = self.check.streams.get_mut(&session) else { return Ok(None) };
        match update {
            Update::Answer(ticket, result) => {
                stream.answered(session, ReplyId(ticket.0), result.as_ref().ok())?;
                let Ok(Answer::Attached(attached)) = result else { return Ok(None) };
                Ok(Some((attached.room, attached.head.seq)))
            }
            Update::Delivery(delivery) => match delivery.item() {
                Item::Event(event) => {
                    stream.event(session, event)?;
                    self.check_own(session, event)?;
                    Ok(Some((event.room, event.seq)))
                }
                Item::Signal(signal) => {
                    stream.signal(session, signal.room)?;
                    Ok(None)
                }
            },
            Update::Detached(room, _) => {
                stream.detached(session, *room)?;
                Ok(None)
            }
            Update::Notice(_) | Update::Closed(_) => Ok(None),
        }
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

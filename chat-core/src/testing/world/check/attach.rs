//! Attaching: exactly the gap, or `resync` with reason.

use super::{Asked, Batch, Broken, Checked, Move, Promise, hold, longest_gap};
use crate::{
    Attached, Delivery, Gap, Item, RoomId, Seq, SessionId, Since,
    error::Error,
    testing::world::{World, engine::Pending},
};

impl World {
    pub(super) fn check_attached(
        &mut self,
        pending: &Pending,
        result: &Result<Attached, Error>,
        batch: &mut Batch,
    ) -> Checked {
        let Some(session) = pending.session else { return Ok(()) };
        let was_attached = self.is_attached(pending.room, session, batch);
        self.check_hearer(pending, result)?;
        match result {
            Ok(attached) => {
                self.check_beginning(pending, attached)?;
                self.began(pending, session, attached.head.seq, was_attached, batch)
            }
            Err(Error::AlreadyAttached) => hold(was_attached, Promise::HonestRefusal, || {
                format!("session {session} is not attached, but told it already is")
            }),
            Err(Error::NotAttached) => {
                let mut later = self.clients.pending.range(pending.reply..).map(|(_, later)| later);
                let detaches = later.any(|later| {
                    later.session == Some(session) && later.room == pending.room && matches!(later.asked, Asked::Detach)
                });
                hold(detaches || !self.clients.sessions.contains_key(&session), Promise::HonestRefusal, || {
                    "an attach is answered not_attached without a detach".to_owned()
                })
            }
            // See `check_hearer`.
            Err(Error::RoomNotFound | Error::Banned { .. }) => Ok(()),
            Err(Error::Unavailable | Error::StorageFull) => Ok(()),
            Err(other) => Err(Broken::new(Promise::HonestRefusal, format!("an attach is answered {other:?}"))),
        }
    }

    /// An attachment begins where it says, in the room and the history that were asked for.
    fn check_beginning(&mut self, pending: &Pending, attached: &Attached) -> Checked {
        let Attached { room, head, gap } = attached;
        hold(*room == pending.room && head.epoch == self.database.log.epoch(), Promise::HonestResume, || {
            format!("an attach to room {} begins in room {room} at {head:?}", pending.room)
        })?;
        match gap {
            Gap::Events(gap) => self.check_gap(pending, head.seq, gap),
            Gap::Resync => {
                self.tally.resyncs += 1;
                self.check_resync(pending, head.seq)
            }
        }
    }

    fn began(
        &mut self,
        pending: &Pending,
        session: SessionId,
        head: Seq,
        was_attached: bool,
        batch: &mut Batch,
    ) -> Checked {
        hold(!was_attached, Promise::HonestRefusal, || {
            format!("session {session} attached to room {} twice", pending.room)
        })?;
        self.check.sends.attached(pending.reply, head);
        if let Asked::Attach { presence, .. } = pending.asked {
            batch.moves.push(Move::Attached { session, presence });
            batch.list_due.push(session);
        }
        self.tally.attaches += 1;
        Ok(())
    }

    /// The gap is p+1 to the head, as it is stored.
    fn check_gap(&self, pending: &Pending, head: Seq, gap: &[Delivery]) -> Checked {
        let Asked::Attach { since, .. } = &pending.asked else { return Ok(()) };
        let from = match since {
            Since::Now => head,
            Since::Position(position) => {
                hold(position.epoch == self.database.log.epoch(), Promise::HonestResume, || {
                    "a position of another epoch is answered with a gap".to_owned()
                })?;
                position.seq
            }
            Since::Seq(seq) => *seq,
        };
        let numbers: Vec<u64> = gap.iter().filter_map(number).collect();
        let exact = from <= head && numbers.len() == gap.len() && numbers.iter().copied().eq(from.0 + 1..=head.0);
        hold(exact, Promise::HonestResume, || {
            format!("attached from {from} with head {head}, but the gap is {numbers:?}")
        })?;
        gap.iter().try_for_each(|delivery| {
            self.check_delivery(delivery)?;
            let (Item::Event(event), Some(log)) = (delivery.item(), self.check.reference_logs.get(&pending.room))
            else {
                return Ok(());
            };
            log.check_erased(event, head)
        })
    }

    /// A resync has a reason: too far back, ahead, another epoch, or three loads that did not suffice.
    fn check_resync(&self, pending: &Pending, head: Seq) -> Checked {
        let Asked::Attach { since, log_head, loads, .. } = &pending.asked else { return Ok(()) };
        let seq = match since {
            Since::Now => return Err(Broken::new(Promise::HonestResume, "an attach from now is answered resync")),
            Since::Position(position) if position.epoch != self.database.log.epoch() => return Ok(()),
            Since::Position(position) => position.seq,
            Since::Seq(seq) => *seq,
        };
        let loads = self.engine.rooms.get(&pending.room).map_or(0, |live| live.loads).saturating_sub(*loads);
        let missed = head.0.saturating_sub(seq.0);
        let too_many = missed > longest_gap(&self.engine.limits)
            || self.bytes_after(pending.room, seq, head) > self.engine.limits.recent_bytes;
        let is_ahead = seq > *log_head && seq > head;
        hold(too_many || is_ahead || loads >= 3, Promise::HonestResume, || {
            format!("resync from {seq} at head {head} (the log was at {log_head} when asked) without a reason")
        })
    }

    fn bytes_after(&self, room: RoomId, after: Seq, head: Seq) -> usize {
        let Some(reference_log) = self.check.reference_logs.get(&room) else { return 0 };
        let events = (after.0 + 1..=head.0).filter_map(|seq| reference_log.as_sent(Seq(seq)));
        events.map(|event| Delivery::event(event.clone()).cost()).sum()
    }

    /// What is delivered is stored, as it is told.
    pub(in crate::testing::world) fn check_delivery(&self, delivery: &Delivery) -> Checked {
        let Item::Event(event) = delivery.item() else { return Ok(()) };
        match self.check.reference_logs.get(&event.room) {
            Some(reference_log) => reference_log.check_event(event),
            None => Err(Broken::new(Promise::Durable, format!("an event of no room: {event:?}"))),
        }
    }
}

fn number(delivery: &Delivery) -> Option<u64> {
    match delivery.item() {
        Item::Event(event) => Some(event.seq.0),
        Item::Signal(_) => None,
    }
}

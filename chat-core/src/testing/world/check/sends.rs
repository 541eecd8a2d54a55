//! Sends: stored once, in order, never after a refusal.

use std::collections::BTreeMap;

use super::{Broken, Checked, Promise, ReferenceLog, Writer, hold, says_not_stored};
use crate::{
    Body, Identity, RoomId, Sent, Seq, SessionId,
    append::{EventKey, Lookup, StoredEvent},
    error::Error,
    state::ReplyId,
};

/// Every send there was.
#[derive(Debug, Default)]
pub(in crate::testing::world) struct Sends {
    attempts: BTreeMap<ReplyId, Attempt>,
    keys: BTreeMap<(RoomId, Lookup), KeyRecord>,
    /// The highest number that was acknowledged, by room.
    acked: BTreeMap<RoomId, Seq>,
    /// The numbers that each session's sends were given.
    given: BTreeMap<(SessionId, RoomId), BTreeMap<ReplyId, Seq>>,
    /// Where the attaches began that sends stood behind.
    heads: BTreeMap<ReplyId, Seq>,
}

#[derive(Debug)]
struct Attempt {
    room: RoomId,
    lookup: Lookup,
    body: Body,
    session: Option<SessionId>,
    /// Its session's attach that it stands behind.
    behind: Option<ReplyId>,
    /// What was acknowledged in the room before it began.
    floor: Seq,
    is_refused: bool,
}

#[derive(Debug, Default)]
struct KeyRecord {
    attempts: Vec<ReplyId>,
    /// What another process sent with this key.
    foreign: Option<Body>,
    /// Whether it was that which was stored.
    is_foreign: bool,
    /// The attempt that was told it stored the message.
    first: Option<ReplyId>,
}

impl Sends {
    pub(super) fn begun(
        &mut self,
        reply: ReplyId,
        room: RoomId,
        lookup: Lookup,
        body: &Body,
        from: (Option<SessionId>, Option<ReplyId>),
    ) {
        self.keys.entry((room, lookup.clone())).or_default().attempts.push(reply);
        let floor = self.acked(room);
        let (session, behind) = from;
        let body = body.clone();
        self.attempts.insert(reply, Attempt { room, lookup, body, session, behind, floor, is_refused: false });
    }

    /// Another process is about to store this.
    pub(in crate::testing::world) fn foreign(&mut self, room: RoomId, author: &Identity, key: &EventKey, body: &Body) {
        let lookup = Lookup { user: Some(author.id.clone()), key: key.clone() };
        self.keys.entry((room, lookup)).or_default().foreign = Some(body.clone());
    }

    /// The highest number that was acknowledged in a room.
    pub(super) fn acked(&self, room: RoomId) -> Seq {
        self.acked.get(&room).copied().unwrap_or_default()
    }

    pub(super) fn attached(&mut self, reply: ReplyId, head: Seq) {
        self.heads.insert(reply, head);
    }

    /// A message was stored: one that was sent, by a send that was not refused.
    pub(super) fn stored(&mut self, room: RoomId, stored: &StoredEvent, by: Writer) -> Checked {
        let lookup = lookup_of(stored);
        if by == Writer::Foreign {
            self.keys.entry((room, lookup)).or_default().is_foreign = true;
            return Ok(());
        }
        self.check_wanted(room, stored, lookup)
    }

    fn check_wanted(&self, room: RoomId, stored: &StoredEvent, lookup: Lookup) -> Checked {
        let Some(message) = stored.event.message().filter(|message| !message.erased) else { return Ok(()) };
        let wanted = self.keys.get(&(room, lookup)).is_some_and(|record| {
            let mut attempts = record.attempts.iter().filter_map(|reply| self.attempts.get(reply));
            attempts.any(|attempt| !attempt.is_refused && attempt.body == message.body)
                || record.foreign.as_ref() == Some(&message.body)
        });
        hold(wanted, Promise::NoPhantoms, || {
            format!("event {} of room {room} was stored, but every send of it was refused", stored.event.seq)
        })
    }

    /// A send is answered.
    pub(super) fn answered(
        &mut self,
        reply: ReplyId,
        result: &Result<Sent, Error>,
        reference_log: &ReferenceLog,
        lacks_right: bool,
    ) -> Checked {
        match result {
            Ok(sent) => self.ok(reply, sent, reference_log),
            Err(error) if lacks_right => self.refused(reply, error, reference_log),
            Err(Error::OutcomeUnknown) => Ok(()),
            Err(Error::IdempotencyMismatch) => self.mismatch(reply, reference_log),
            Err(error @ (Error::MessageNotFound | Error::InvalidField { .. })) => {
                self.misplaced(reply, error, reference_log)
            }
            Err(error) if says_not_stored(error) => self.refused(reply, error, reference_log),
            Err(other) => Err(Broken::new(Promise::HonestRefusal, format!("a send is answered {other:?}"))),
        }
    }

    fn ok(&mut self, reply: ReplyId, sent: &Sent, reference_log: &ReferenceLog) -> Checked {
        let Some(attempt) = self.attempts.get(&reply) else { return Ok(()) };
        let event = &sent.event;
        hold(sent.seq == event.seq, Promise::HonestRefusal, || format!("{} is answered as {}", event.seq, sent.seq))?;
        reference_log.check_event(event)?;
        let first = reference_log.by_key(&attempt.lookup).map(|stored| stored.event.seq);
        hold(first == Some(event.seq), Promise::SentOnce, || {
            format!("a send with {:?} is answered {}, but its event is {first:?}", attempt.lookup.key, event.seq)
        })?;
        let said = event.message().filter(|message| !message.erased).map(|message| &message.body);
        let is_erased = event.message().is_some_and(|message| message.erased);
        hold(is_erased || said == Some(&attempt.body), Promise::SentOnce, || {
            format!("{:?} was sent and acknowledged as {}, which is {said:?}", attempt.body, event.seq)
        })?;
        let highest = self.acked.entry(attempt.room).or_default();
        *highest = event.seq.max(*highest);
        if sent.replayed { Ok(()) } else { self.first_answer(reply, event.seq) }
    }

    /// A send is told that it stored the message: only one is, and it has its place in every order.
    fn first_answer(&mut self, reply: ReplyId, seq: Seq) -> Checked {
        let Some(attempt) = self.attempts.get(&reply) else { return Ok(()) };
        let record = self.keys.entry((attempt.room, attempt.lookup.clone())).or_default();
        if record.is_foreign {
            // Found after a lost outcome, another process's message with the same key cannot be told from one's own.
            return Ok(());
        }
        if let Some(earlier) = record.first.replace(reply) {
            let detail = format!("{earlier:?} and {reply:?} are both told that they stored event {seq}");
            return Err(Broken::new(Promise::SentOnce, detail));
        }
        hold(seq > attempt.floor, Promise::OrderOfEffects, || {
            format!("event {seq} was sent after event {} had been acknowledged", attempt.floor)
        })?;
        if let Some(head) = attempt.behind.and_then(|attach| self.heads.get(&attach)) {
            hold(seq > *head, Promise::OrderOfEffects, || {
                format!("event {seq} was sent behind an attach that began at {head}")
            })?;
        }
        let Some(session) = attempt.session else { return Ok(()) };
        let given = self.given.entry((session, attempt.room)).or_default();
        let before = given.range(..reply).next_back().is_none_or(|(_, before)| *before < seq);
        let after = given.range(reply..).next().is_none_or(|(_, after)| *after > seq);
        given.insert(reply, seq);
        hold(before && after, Promise::OrderOfEffects, || format!("session {session}'s sends were numbered {given:?}"))
    }

    fn mismatch(&mut self, reply: ReplyId, reference_log: &ReferenceLog) -> Checked {
        let Some(attempt) = self.attempts.get_mut(&reply) else { return Ok(()) };
        attempt.is_refused = true;
        let stored = reference_log.by_key(&attempt.lookup);
        let is_another = |stored: &StoredEvent| {
            stored.event.message().is_none_or(|message| message.erased || message.body != attempt.body)
        };
        hold(stored.is_some_and(is_another), Promise::SentOnce, || {
            format!("{:?} with {:?} is refused as other content", attempt.body, attempt.lookup.key)
        })
    }

    /// A send is refused because of what it replies to, or of its thread.
    fn misplaced(&mut self, reply: ReplyId, error: &Error, reference_log: &ReferenceLog) -> Checked {
        let Some(attempt) = self.attempts.get(&reply) else { return Ok(()) };
        let is_placed = reference_log.conversation().takes(&attempt.body, attempt.floor);
        hold(!is_placed, Promise::HonestRefusal, || format!("{:?} is refused: {error}", attempt.body))?;
        self.refused(reply, error, reference_log)
    }

    fn refused(&mut self, reply: ReplyId, error: &Error, reference_log: &ReferenceLog) -> Checked {
        let Some(attempt) = self.attempts.get_mut(&reply) else { return Ok(()) };
        attempt.is_refused = true;
        let Some(attempt) = self.attempts.get(&reply) else { return Ok(()) };
        let Some(stored) = reference_log.by_key(&attempt.lookup) else { return Ok(()) };
        let seq = stored.event.seq;
        self.check_wanted(attempt.room, stored, attempt.lookup.clone()).map_err(|_| {
            let detail = format!("{:?} was refused ({error}), but is event {seq}", attempt.body);
            Broken::new(Promise::NoPhantoms, detail)
        })
    }

    /// Whether this event's only send was this session's: then its answer stands before it.
    pub(super) fn only_send(&self, room: RoomId, stored: &StoredEvent, session: SessionId) -> Option<ReplyId> {
        let record = self.keys.get(&(room, lookup_of(stored))).filter(|record| record.foreign.is_none())?;
        let [only] = record.attempts.as_slice() else { return None };
        self.attempts.get(only).filter(|attempt| attempt.session == Some(session)).map(|_| *only)
    }
}

/// What a stored event can be found by.
pub(super) fn lookup_of(stored: &StoredEvent) -> Lookup {
    Lookup { user: stored.event.actor.as_ref().map(|actor| actor.id.clone()), key: stored.key.clone() }
}

//! What waits for one session, and when a slow reader is cut.

use std::collections::{BTreeSet, VecDeque};

use crate::{Item, RoomId, SignalKind, Update, state::recent::event_cost};

/// What waits for one session, in order, bounded in bytes.
///
/// When it is full, signals go first: of each room the newest user list and the newest typing stay. A join or leave that
/// goes leaves a user list behind, since the room sends one within a second of each.
#[derive(Debug)]
pub struct Backlog {
    queue: VecDeque<Update>,
    bytes: usize,
    limit: usize,
    /// How many signals stand in the queue, so that a queue without any is not searched for them.
    signals: usize,
}

/// Events no longer fit: the session is to be closed as lagged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overflow;

/// What everything but an event's text costs.
const FLAT_COST: usize = 128;

impl Backlog {
    /// An empty one that holds at most so many bytes.
    #[must_use]
    pub const fn new(limit: usize) -> Self {
        Self { queue: VecDeque::new(), bytes: 0, limit, signals: 0 }
    }

    /// Adds to the end.
    ///
    /// # Errors
    /// [`Overflow`] when events and answers alone do not fit; it is empty then.
    pub fn push(&mut self, update: Update) -> Result<(), Overflow> {
        self.add(update);
        if self.bytes > self.limit && self.signals > 0 {
            self.drop_signals();
        }
        // What is left of the signals is bounded by the number of rooms; nobody is cut for them.
        if self.bytes - self.signals * FLAT_COST <= self.limit {
            return Ok(());
        }
        *self = Self::new(self.limit);
        Err(Overflow)
    }

    /// Takes from the front.
    pub fn pop(&mut self) -> Option<Update> {
        let update = self.queue.pop_front()?;
        self.bytes -= cost(&update);
        self.signals -= usize::from(signal(&update).is_some());
        Some(update)
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// How many bytes wait, as they are counted here.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    fn add(&mut self, update: Update) {
        self.bytes += cost(&update);
        self.signals += usize::from(signal(&update).is_some());
        self.queue.push_back(update);
    }

    fn drop_signals(&mut self) {
        let mut newest = BTreeSet::new();
        let kept: Vec<Update> = std::mem::take(&mut self.queue)
            .into_iter()
            .rev()
            .filter(|update| match signal(update) {
                None => true,
                Some(Some(kind)) => newest.insert(kind),
                Some(None) => false,
            })
            .collect();
        (self.bytes, self.signals) = (0, 0);
        kept.into_iter().rev().for_each(|update| self.add(update));
    }
}

/// A kind of signal of which the newest replaces the others.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Whole {
    UserList(RoomId),
    Typing(RoomId),
}

/// Whether this is a signal, and which newer one would replace it; `Some(None)` for one that can go by itself.
fn signal(update: &Update) -> Option<Option<Whole>> {
    let Update::Delivery(delivery) = update else { return None };
    let Item::Signal(signal) = delivery.item() else { return None };
    Some(match signal.kind {
        SignalKind::UserList(_) => Some(Whole::UserList(signal.room)),
        SignalKind::Typing(_) => Some(Whole::Typing(signal.room)),
        SignalKind::Join(_) | SignalKind::Leave(_) => None,
    })
}

/// What an update counts for. The gap in an answer is not charged: a session has one in flight at a time.
fn cost(update: &Update) -> usize {
    match update {
        Update::Delivery(delivery) => match delivery.item() {
            Item::Event(event) => event_cost(event),
            Item::Signal(_) => FLAT_COST,
        },
        Update::Answer(..) => FLAT_COST,
        // These are told whatever else waits.
        Update::Detached(_) | Update::Closed(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{Delivery, Event, EventKind, Identity, Presence, Seq, Signal, Timestamp};

    fn event(seq: u64) -> Update {
        let kind = EventKind::RoomDeleted;
        let event = Event { room: RoomId(1), seq: Seq(seq), at: Timestamp(0), actor: None, kind };
        Update::Delivery(Delivery::event(Arc::new(event)))
    }

    fn signal(room: u64, kind: SignalKind) -> Update {
        Update::Delivery(Delivery::signal(Signal { room: RoomId(room), at: Timestamp(0), kind }))
    }

    fn list(room: u64, count: usize) -> Update {
        signal(room, SignalKind::UserList(Presence { count, identities: vec![] }))
    }

    fn drain(backlog: &mut Backlog) -> Vec<String> {
        std::iter::from_fn(|| backlog.pop()).map(|update| format!("{update:?}")).collect()
    }

    #[test]
    fn signals_go_first_and_the_newest_of_each_room_and_kind_stays() {
        let mut backlog = Backlog::new(5 * FLAT_COST);
        let join = signal(1, SignalKind::Join(Identity::named("Bob").unwrap()));
        for update in [list(1, 1), join, list(2, 1), event(1), list(1, 2)] {
            backlog.push(update).unwrap();
        }
        backlog.push(event(2)).unwrap();
        let expected: Vec<_> = [list(2, 1), event(1), list(1, 2), event(2)].iter().map(|u| format!("{u:?}")).collect();
        assert_eq!(drain(&mut backlog), expected);
        assert_eq!(backlog.bytes(), 0);
    }

    #[test]
    fn events_that_do_not_fit_cut_the_reader() {
        let mut backlog = Backlog::new(2 * FLAT_COST);
        backlog.push(event(1)).unwrap();
        backlog.push(event(2)).unwrap();
        assert_eq!(backlog.push(event(3)), Err(Overflow));
        assert!(backlog.is_empty());
    }

    #[test]
    fn nobody_is_cut_for_a_signal() {
        let mut backlog = Backlog::new(2 * FLAT_COST);
        backlog.push(event(1)).unwrap();
        backlog.push(event(2)).unwrap();
        backlog.push(list(1, 1)).unwrap();
        backlog.push(list(1, 2)).unwrap();
        assert_eq!(drain(&mut backlog).len(), 3);
    }
}

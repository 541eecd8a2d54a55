//! The last events of a room, kept at hand for those who come back.

use std::collections::VecDeque;

use crate::{Delivery, Item, Seq};

/// A contiguous run of events that ends at the room's head, bounded in number and bytes.
#[derive(Debug)]
pub(super) struct Recent {
    events: VecDeque<Delivery>,
    /// The number of the first event here; head + 1 when there is none.
    first: Seq,
    bytes: usize,
    max_events: usize,
    max_bytes: usize,
    /// Whether events before `first` were let go because there was no room, so that loading them is of no use.
    full: bool,
}

impl Recent {
    /// Nothing yet, after `head`.
    pub(super) fn new(head: Seq, max_events: usize, max_bytes: usize) -> Self {
        Self { events: VecDeque::new(), first: head.next(), bytes: 0, max_events, max_bytes, full: false }
    }

    /// Whether everything after this number is here.
    pub(super) fn covers(&self, after: Seq) -> bool {
        after.next() >= self.first
    }

    /// Whether loading older events could make it cover more.
    pub(super) fn can_grow(&self) -> bool {
        !self.full && self.first > Seq(1) && self.events.len() < self.max_events
    }

    /// From where to load so that it is as long as it may be, and how many.
    pub(super) fn missing(&self) -> (Seq, usize) {
        let (wanted, last) = (self.max_events - self.events.len(), self.first.0.saturating_sub(1));
        let after = last.saturating_sub(wanted as u64);
        (Seq(after), usize::try_from(last - after).unwrap_or(wanted))
    }

    /// Everything after this number, which it [covers](Self::covers).
    pub(super) fn since(&self, after: Seq) -> Vec<Delivery> {
        let skip = after.next().0.saturating_sub(self.first.0);
        self.events.iter().skip(usize::try_from(skip).unwrap_or(usize::MAX)).cloned().collect()
    }

    /// What it holds, in bytes.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Lets go of everything; it can be loaded again.
    pub(super) fn clear(&mut self) {
        let first = Seq(self.first.0 + self.events.len() as u64);
        *self = Self { events: VecDeque::new(), first, bytes: 0, full: false, ..*self };
    }

    /// Adds the room's newest event.
    pub(super) fn push(&mut self, delivery: Delivery) {
        self.bytes += delivery.cost();
        self.events.push_back(delivery);
        while self.events.len() > self.max_events || (self.bytes > self.max_bytes && self.events.len() > 1) {
            if let Some(oldest) = self.events.pop_front() {
                self.bytes -= oldest.cost();
                self.first = self.first.next();
                self.full = true;
            }
        }
    }

    /// Adds older events, of which those that do not connect or do not fit are left out.
    pub(super) fn prepend(&mut self, older: Vec<Delivery>) {
        for delivery in older.into_iter().rev() {
            let Item::Event(event) = delivery.item() else { continue };
            if event.seq.next() != self.first {
                continue;
            }
            if self.events.len() >= self.max_events || self.bytes + delivery.cost() > self.max_bytes {
                self.full = true;
                return;
            }
            self.first = event.seq;
            self.bytes += delivery.cost();
            self.events.push_front(delivery);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{Event, EventKind, RoomId, Timestamp};

    fn event(seq: u64) -> Delivery {
        let kind = EventKind::RoomDeleted;
        Delivery::event(Arc::new(Event { room: RoomId(1), seq: Seq(seq), at: Timestamp(0), actor: None, kind }))
    }

    fn events(range: std::ops::RangeInclusive<u64>) -> Vec<Delivery> {
        range.map(event).collect()
    }

    #[test]
    fn it_covers_what_it_holds_and_the_head_itself() {
        let mut recent = Recent::new(Seq(10), 3, 1 << 20);
        assert!(recent.covers(Seq(10)) && !recent.covers(Seq(9)));
        recent.push(event(11));
        assert!(recent.covers(Seq(10)));
        assert_eq!(recent.since(Seq(10)), events(11..=11));
        assert_eq!(recent.since(Seq(11)), vec![]);
    }

    #[test]
    fn older_events_connect_or_are_left_out() {
        let mut recent = Recent::new(Seq(10), 3, 1 << 20);
        recent.push(event(11));
        assert_eq!(recent.missing(), (Seq(8), 2));
        recent.prepend(events(7..=8));
        assert!(!recent.covers(Seq(9)), "9 and 10 are missing");
        recent.prepend(events(9..=12));
        assert!(recent.covers(Seq(8)) && !recent.can_grow());
        assert_eq!(recent.since(Seq(8)), events(9..=11));
    }

    #[test]
    fn the_oldest_go_first_by_number_and_by_bytes() {
        let mut recent = Recent::new(Seq(0), 3, 2 * 128);
        for seq in 1..=3 {
            recent.push(event(seq));
        }
        assert!(recent.covers(Seq(1)) && !recent.covers(Seq(0)), "two events of 128 bytes fit");
        assert!(!recent.can_grow());
    }

    #[test]
    fn what_was_let_go_of_can_be_loaded_again() {
        let mut recent = Recent::new(Seq(0), 3, 2 * 128);
        for seq in 1..=3 {
            recent.push(event(seq));
        }
        recent.clear();
        assert!(recent.bytes() == 0 && recent.covers(Seq(3)) && !recent.covers(Seq(2)) && recent.can_grow());
        assert_eq!(recent.missing(), (Seq(0), 3));
        recent.prepend(events(1..=3));
        assert_eq!((recent.since(Seq(1)), recent.bytes()), (events(2..=3), 256));
    }
}

//! The last events of a room, kept at hand for those who come back.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
};

use crate::{Delivery, Event, Item, Seq};

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
    /// Where the log begins: there are no events before it.
    begin: Seq,
    /// While older events are being loaded: the messages that were deleted meanwhile. What comes may have them, or their edits, as
    /// they were before.
    deleted_meanwhile: Option<BTreeSet<Seq>>,
}

impl Recent {
    /// Nothing yet, after `head`.
    pub(super) fn new(head: Seq, max_events: usize, max_bytes: usize) -> Self {
        Self {
            events: VecDeque::new(),
            first: head.next(),
            bytes: 0,
            max_events,
            max_bytes,
            full: false,
            begin: Seq(1),
            deleted_meanwhile: None,
        }
    }

    /// The same of a log that begins at `begin`.
    pub(super) const fn beginning_at(mut self, begin: Seq) -> Self {
        self.begin = begin;
        self
    }

    /// The log begins here now: what stood before it is gone, also what edits have said of it.
    pub(super) fn prune(&mut self, begin: Seq) {
        self.begin = self.begin.max(begin);
        while self.first < self.begin
            && let Some(oldest) = self.events.pop_front()
        {
            self.bytes -= oldest.cost();
            self.first = self.first.next();
        }
        self.erase_where(|message| message < begin);
    }

    /// Whether everything after this number is here.
    pub(super) fn covers(&self, after: Seq) -> bool {
        after.next() >= self.first
    }

    /// Whether loading older events could make it cover more.
    pub(super) fn can_grow(&self) -> bool {
        !self.full && self.first > self.begin && self.events.len() < self.max_events
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
        let deleted_meanwhile = self.deleted_meanwhile.take();
        *self = Self { events: VecDeque::new(), first, bytes: 0, full: false, deleted_meanwhile, ..*self };
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

    /// Replaces a message that is deleted now, and its edits, by what is left of them without their content. Deliveries that
    /// were handed out stay as they are.
    pub(super) fn erase(&mut self, message: Seq) {
        if let Some(deleted) = &mut self.deleted_meanwhile {
            deleted.insert(message);
        }
        self.erase_where(|other| other == message);
    }

    fn erase_where(&mut self, is_gone: impl Fn(Seq) -> bool) {
        for delivery in &mut self.events {
            if says_of(delivery).is_some_and(&is_gone) {
                self.bytes -= delivery.cost();
                *delivery = erased(delivery);
                self.bytes += delivery.cost();
            }
        }
    }

    /// Older events are being loaded from now on.
    pub(super) fn load_started(&mut self) {
        self.deleted_meanwhile = Some(BTreeSet::new());
    }

    /// They could not be loaded.
    pub(super) fn load_failed(&mut self) {
        self.deleted_meanwhile = None;
    }

    /// Adds older events that were loaded, of which those that do not connect or do not fit are left out.
    pub(super) fn prepend(&mut self, older: Vec<Delivery>) {
        let deleted = self.deleted_meanwhile.take().unwrap_or_default();
        for mut delivery in older.into_iter().rev() {
            let Item::Event(event) = delivery.item() else { continue };
            let seq = event.seq;
            if seq.next() != self.first {
                continue;
            }
            if seq < self.begin {
                continue;
            }
            if says_of(&delivery).is_some_and(|message| message < self.begin || deleted.contains(&message)) {
                delivery = erased(&delivery);
            }
            if self.events.len() >= self.max_events || self.bytes + delivery.cost() > self.max_bytes {
                self.full = true;
                return;
            }
            self.first = seq;
            self.bytes += delivery.cost();
            self.events.push_front(delivery);
        }
    }
}

/// The message whose text this event has: itself, or the one that it edits.
fn says_of(delivery: &Delivery) -> Option<Seq> {
    let Item::Event(event) = delivery.item() else { return None };
    event.tells_text_of().map(|(message, _)| message)
}

/// A new delivery of an event, without its content.
fn erased(delivery: &Delivery) -> Delivery {
    match delivery.item() {
        Item::Event(event) => Delivery::event(Arc::new(Event::clone(event).erased())),
        Item::Signal(_) => delivery.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Body, EventKind, Message, RoomId, Timestamp};

    fn event(seq: u64) -> Delivery {
        let kind = EventKind::RoomDeleted;
        Delivery::event(Arc::new(Event {
            room: RoomId(1),
            seq: Seq(seq),
            at: Timestamp(0),
            actor: None,
            key: None,
            kind,
        }))
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

    fn message(seq: u64, content: &str) -> Delivery {
        let kind = EventKind::Message(Message {
            body: Body::text(content),
            ordinal: seq,
            thread_ordinal: None,
            erased: false,
        });
        Delivery::event(Arc::new(Event {
            room: RoomId(1),
            seq: Seq(seq),
            at: Timestamp(0),
            actor: None,
            key: None,
            kind,
        }))
    }

    /// What the messages of a ring say; `None` where one is erased.
    fn said(recent: &Recent, after: u64) -> Vec<Option<String>> {
        let said = |delivery: &Delivery| {
            let Item::Event(event) = delivery.item() else { panic!("a signal") };
            let message = event.message().unwrap();
            (!message.erased).then(|| message.body.content.clone())
        };
        recent.since(Seq(after)).iter().map(said).collect()
    }

    fn some(content: &str) -> Option<String> {
        Some(content.to_owned())
    }

    #[test]
    fn an_erased_event_stays_in_its_place_without_its_content() {
        let mut recent = Recent::new(Seq(4), 10, 1 << 20);
        for (seq, content) in (5..).zip(["one", "two", "three"]) {
            recent.push(message(seq, content));
        }
        let handed_out = recent.since(Seq(4));
        assert_eq!(recent.bytes(), 3 * 128 + 11);
        recent.erase(Seq(6));
        assert_eq!((said(&recent, 4), recent.bytes()), (vec![some("one"), None, some("three")], 3 * 128 + 8));
        recent.erase(Seq(6));
        recent.erase(Seq(8));
        assert_eq!(recent.bytes(), 3 * 128 + 8, "what is erased already, or not here yet");
        let Item::Event(event) = handed_out[1].item() else { panic!("a signal") };
        assert_eq!(event.message().unwrap().body.content, "two", "what was handed out before");
    }

    #[test]
    fn an_older_copy_that_comes_after_the_erasure_is_erased_too() {
        let mut recent = Recent::new(Seq(3), 3, 1 << 20);
        recent.push(message(4, "four"));
        recent.load_started();
        recent.erase(Seq(2));
        recent.prepend(vec![message(1, "one"), message(2, "two"), message(3, "three")]);
        assert_eq!((said(&recent, 1), recent.bytes()), (vec![None, some("three"), some("four")], 3 * 128 + 9));
        recent.load_started();
        recent.erase(Seq(2));
        recent.clear();
        recent.prepend(vec![message(2, "two"), message(3, "three"), message(4, "four")]);
        assert_eq!(said(&recent, 1)[0], None, "nor does it come back once the ring was let go of");
    }

    #[test]
    fn an_edit_is_erased_with_its_message_however_old_that_is() {
        let edit = |seq: u64, content: &str| {
            let edit = crate::MessageEdited { target: Seq(1), body: Body::text(content), count: 1, erased: false };
            let (room, at, kind) = (RoomId(1), Timestamp(0), EventKind::MessageEdited(edit));
            Delivery::event(Arc::new(Event { room, seq: Seq(seq), at, actor: None, key: None, kind }))
        };
        let is_erased = |delivery: &Delivery| {
            let Item::Event(event) = delivery.item() else { panic!("a signal") };
            matches!(&event.kind, EventKind::MessageEdited(edit) if edit.erased && edit.body.content.is_empty())
        };
        let mut recent = Recent::new(Seq(8), 4, 1 << 20);
        recent.push(edit(9, "nine"));
        recent.load_started();
        recent.erase(Seq(1));
        recent.prepend(vec![edit(8, "eight")]);
        assert!(recent.since(Seq(7)).iter().all(is_erased));
    }
}

//! What waits for one session, and when a slow reader is cut.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
};

use crate::{
    Activity, Delivery, Item, Notice, Presence, RoomId, Signal, SignalKind, Typing, Update, delivery::FLAT_COST,
};

/// What waits for one session, in order, bounded in bytes.
///
/// When it is full, signals go first: of each room the newest user list and the newest typing stay. A join or leave that
/// goes leaves a user list behind, since the room sends one within a second of each. Lists that still do not fit lose their
/// names, and tell the numbers alone. With the signals go activities: of each room the newest one stays. The other notices go
/// next: one [`Notice::Missed`] stands for all of them.
#[derive(Debug)]
pub struct Backlog {
    queue: VecDeque<Update>,
    /// What events and answers cost.
    bytes: usize,
    /// What signals cost.
    signal_bytes: usize,
    /// What notices cost.
    notice_bytes: usize,
    /// Whether a [`Notice::Missed`] waits.
    has_missed: bool,
    limit: usize,
    /// How many signals and activities came since they were thinned out, so that a queue is not searched for what cannot go.
    fresh: usize,
}

/// For how many updates an empty backlog may keep memory: what the first one takes, so that one by one they take none anew.
const KEPT: usize = 4;

/// Events no longer fit: the session is to be closed as lagged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overflow;

impl Backlog {
    /// An empty one that holds at most so many bytes.
    #[must_use]
    pub const fn new(limit: usize) -> Self {
        Self { queue: VecDeque::new(), bytes: 0, signal_bytes: 0, notice_bytes: 0, has_missed: false, limit, fresh: 0 }
    }

    /// Adds to the end.
    ///
    /// # Errors
    /// [`Overflow`] when events and answers alone do not fit; it is empty then.
    pub fn push(&mut self, update: Update) -> Result<(), Overflow> {
        self.fresh += usize::from(signal(&update).is_some() || activity(&update).is_some());
        self.add(update);
        if self.is_full() && self.fresh > 0 {
            self.thin_out();
        }
        if self.is_full() && self.notice_bytes > 0 {
            self.drop_notices();
        }
        // What is left of the signals is small, at most two a room; nobody is cut for them.
        if self.bytes <= self.limit {
            return Ok(());
        }
        *self = Self::new(self.limit);
        Err(Overflow)
    }

    /// Takes from the front.
    pub fn pop(&mut self) -> Option<Update> {
        let update = self.queue.pop_front()?;
        *self.counter(&update) -= cost(&update);
        self.has_missed &= !is_missed(&update);
        // Most sessions wait for something most of the time, and are not to keep the memory of the last burst.
        if self.queue.is_empty() && self.queue.capacity() > KEPT {
            self.queue = VecDeque::new();
        }
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
        self.bytes + self.signal_bytes + self.notice_bytes
    }

    const fn is_full(&self) -> bool {
        self.bytes() > self.limit
    }

    fn add(&mut self, update: Update) {
        *self.counter(&update) += cost(&update);
        self.has_missed |= is_missed(&update);
        self.queue.push_back(update);
    }

    fn counter(&mut self, update: &Update) -> &mut usize {
        if matches!(update, Update::Notice(_)) {
            &mut self.notice_bytes
        } else if signal(update).is_some() {
            &mut self.signal_bytes
        } else {
            &mut self.bytes
        }
    }

    /// Drops all notices. One that says so waits in their place: whoever reads it reads anew what they were about.
    fn drop_notices(&mut self) {
        let is_only_one = |last: &Update| is_notice(last) && cost(last) == self.notice_bytes;
        // While the queue stays full, it is the one that was just added, and the queue need not be searched.
        if self.queue.back().is_some_and(is_only_one) {
            self.queue.pop_back();
        } else {
            self.queue.retain(|update| !is_notice(update));
        }
        self.notice_bytes = 0;
        if !std::mem::replace(&mut self.has_missed, true) {
            self.queue.push_back(Update::Notice(Notice::Missed));
        }
    }

    /// Lets go of the signals and activities that newer ones replace; if that is not enough, of the names in the signals.
    fn thin_out(&mut self) {
        let mut newest = BTreeSet::new();
        let mut queue = std::mem::take(&mut self.queue);
        keep_mentions_of_rooms(&mut queue);
        let kept: Vec<Update> = queue
            .into_iter()
            .rev()
            .filter(|update| match (signal(update), activity(update)) {
                (Some(signal), _) => whole(signal).is_some_and(|kind| newest.insert(kind)),
                (None, Some(activity)) => newest.insert(Whole::Activity(activity.room)),
                (None, None) => true,
            })
            .collect();
        (self.bytes, self.signal_bytes, self.notice_bytes, self.fresh) = (0, 0, 0, 0);
        kept.into_iter().rev().for_each(|update| self.add(update));
        if self.is_full() {
            self.queue.iter_mut().for_each(leave_names_out);
            self.signal_bytes = self.queue.iter().filter(|update| signal(update).is_some()).map(cost).sum();
        }
    }
}

/// A kind of signal or notice of which the newest replaces the others.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Whole {
    UserList(RoomId),
    Typing(RoomId),
    Activity(RoomId),
}

/// Whether an update is a notice that can be dropped.
fn is_notice(update: &Update) -> bool {
    matches!(update, Update::Notice(notice) if *notice != Notice::Missed)
}

fn is_missed(update: &Update) -> bool {
    matches!(update, Update::Notice(Notice::Missed))
}

/// The activity that an update brings, if it does.
fn activity(update: &Update) -> Option<&Arc<Activity>> {
    match update {
        Update::Notice(Notice::Activity(activity)) => Some(activity),
        Update::Notice(_) | Update::Delivery(_) | Update::Answer(..) | Update::Detached(..) | Update::Closed(_) => None,
    }
}

/// Whether an activity says that everyone was mentioned holds for the later ones of its room, too, in case they replace it.
fn keep_mentions_of_rooms(queue: &mut VecDeque<Update>) {
    let mut mentioned = BTreeSet::new();
    for update in queue {
        if let Update::Notice(Notice::Activity(activity)) = update {
            if activity.mentions_room {
                mentioned.insert(activity.room);
            } else if mentioned.contains(&activity.room) {
                Arc::make_mut(activity).mentions_room = true;
            }
        }
    }
}

/// The signal that an update brings, if it does.
fn signal(update: &Update) -> Option<&Signal> {
    match update {
        Update::Delivery(delivery) => match delivery.item() {
            Item::Signal(signal) => Some(signal),
            Item::Event(_) => None,
        },
        Update::Answer(..) | Update::Notice(_) | Update::Detached(..) | Update::Closed(_) => None,
    }
}

/// Which newer signal would replace this one; `None` for one that can go by itself.
const fn whole(signal: &Signal) -> Option<Whole> {
    match signal.kind {
        SignalKind::UserList(_) => Some(Whole::UserList(signal.room)),
        SignalKind::Typing(_) => Some(Whole::Typing(signal.room)),
        SignalKind::Join(_) | SignalKind::Leave(_) | SignalKind::Read(_) => None,
    }
}

/// Leaves of a list only how many there are.
fn leave_names_out(update: &mut Update) {
    let Some(Signal { room, at, kind }) = signal(update) else { return };
    let kind = match kind {
        SignalKind::UserList(Presence { count, online }) if !online.is_empty() => {
            SignalKind::UserList(Presence { count: *count, online: Vec::new() })
        }
        SignalKind::Typing(Typing { count, identities }) if !identities.is_empty() => {
            SignalKind::Typing(Typing { count: *count, identities: Vec::new() })
        }
        SignalKind::UserList(_)
        | SignalKind::Typing(_)
        | SignalKind::Join(_)
        | SignalKind::Leave(_)
        | SignalKind::Read(_) => return,
    };
    *update = Update::Delivery(Delivery::signal(Signal { room: *room, at: *at, kind }));
}

/// What an update counts for. The gap in an answer is not charged: a session has one in flight at a time.
fn cost(update: &Update) -> usize {
    match update {
        Update::Delivery(delivery) => delivery.cost(),
        Update::Answer(..) => FLAT_COST,
        Update::Notice(notice) => notice.cost(),
        // These are told whatever else waits.
        Update::Detached(..) | Update::Closed(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{Event, EventKind, Identity, Seq, Timestamp};

    fn event(seq: u64) -> Update {
        let kind = EventKind::RoomDeleted;
        let event = Event { room: RoomId(1), seq: Seq(seq), at: Timestamp(0), actor: None, key: None, kind };
        Update::Delivery(Delivery::event(Arc::new(event)))
    }

    fn signal(room: u64, kind: SignalKind) -> Update {
        Update::Delivery(Delivery::signal(Signal { room: RoomId(room), at: Timestamp(0), kind }))
    }

    fn list(room: u64, count: usize) -> Update {
        signal(room, SignalKind::UserList(Presence { count, online: vec![] }))
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
    fn an_empty_one_keeps_no_memory_of_a_burst() {
        let mut backlog = Backlog::new(usize::MAX);
        for _ in 0..2 {
            backlog.push(event(1)).unwrap();
            assert!(backlog.pop().is_some() && backlog.queue.capacity() == KEPT);
        }
        (1..=100).for_each(|seq| backlog.push(event(seq)).unwrap());
        assert_eq!(drain(&mut backlog).len(), 100);
        assert_eq!(backlog.queue.capacity(), 0);
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

    fn notice(room: u64) -> Update {
        Update::Notice(Notice::RoomRemoved { room: RoomId(room), reason: crate::DetachReason::Removed })
    }

    fn words(updates: &[Update]) -> Vec<String> {
        updates.iter().map(|update| format!("{update:?}")).collect()
    }

    #[test]
    fn one_word_stands_for_all_notices_that_do_not_fit() {
        let missed = Update::Notice(Notice::Missed);
        let mut backlog = Backlog::new(3 * FLAT_COST);
        for update in [notice(1), event(1), notice(2), event(2)] {
            backlog.push(update).unwrap();
        }
        assert_eq!(backlog.bytes(), 2 * FLAT_COST, "the notices gave way to the event");
        backlog.push(event(3)).unwrap();
        backlog.push(notice(3)).unwrap();
        backlog.push(notice(4)).unwrap();
        assert_eq!(backlog.bytes(), 3 * FLAT_COST, "a notice that comes when it is full is dropped at once");
        assert_eq!(drain(&mut backlog), words(&[event(1), event(2), missed.clone(), event(3)]), "one says so for all");
        for update in [event(4), event(5), event(6), notice(5)] {
            backlog.push(update).unwrap();
        }
        assert_eq!(
            drain(&mut backlog),
            words(&[event(4), event(5), event(6), missed]),
            "once it is read, it comes anew"
        );
        backlog.push(notice(6)).unwrap();
        assert_eq!(drain(&mut backlog), words(&[notice(6)]));
    }

    #[test]
    fn signals_go_before_notices_and_nobody_is_cut_for_a_notice() {
        let mut backlog = Backlog::new(3 * FLAT_COST);
        for update in [list(1, 1), list(1, 2), notice(1), event(1)] {
            backlog.push(update).unwrap();
        }
        assert_eq!(drain(&mut backlog), words(&[list(1, 2), notice(1), event(1)]));
        let mut backlog = Backlog::new(FLAT_COST);
        backlog.push(event(1)).unwrap();
        for room in 0..100 {
            backlog.push(notice(room)).unwrap();
            assert_eq!(backlog.bytes(), FLAT_COST);
        }
        assert_eq!(backlog.push(event(2)), Err(Overflow), "but for an event it is");
    }

    /// A list of 200 users with long names, and what it costs.
    fn long_list(room: u64) -> (Update, usize) {
        let online: Vec<Identity> =
            (0..200).map(|number| Identity::named(&format!("{number:03}{}", "é".repeat(60))).unwrap()).collect();
        let list = signal(room, SignalKind::UserList(Presence { count: 200, online }));
        let bytes = cost(&list);
        (list, bytes)
    }

    #[test]
    fn long_lists_are_charged_for_what_they_are() {
        let (list, bytes) = long_list(1);
        assert!(bytes > 80_000, "{bytes}");
        let mut backlog = Backlog::new(5 * bytes);
        for _ in 0..100 {
            backlog.push(list.clone()).unwrap();
            assert!(backlog.bytes() <= 5 * bytes);
        }
    }

    #[test]
    fn lists_of_many_rooms_lose_their_names_rather_than_fill_the_memory() {
        let (limit, mut backlog) = (1 << 20, Backlog::new(1 << 20));
        for round in 0..3 {
            for room in 1..=128 {
                backlog.push(long_list(room).0).unwrap();
                assert!(backlog.bytes() <= limit + 128 * FLAT_COST, "round {round}: {}", backlog.bytes());
            }
        }
        let waiting = std::iter::from_fn(|| backlog.pop());
        let rooms: BTreeSet<_> = waiting
            .filter_map(|update| {
                let signal = super::signal(&update)?;
                assert!(matches!(&signal.kind, SignalKind::UserList(list) if list.count == 200), "{signal:?}");
                Some(signal.room)
            })
            .collect();
        assert_eq!(rooms.len(), 128, "each room's number is told");
        assert_eq!(backlog.bytes(), 0);
    }
}

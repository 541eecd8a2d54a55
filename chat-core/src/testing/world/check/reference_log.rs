//! What was stored, copied at the moment it was: the truth that everything is compared with.

use std::collections::BTreeMap;

use super::{Broken, Checked, Promise, hold, says_not_stored, sends::lookup_of};
use crate::{
    Changed, Event, EventKind, RoomId, RoomName, Seq, Timestamp, Topic,
    append::{EventKey, Lookup, StoredEvent},
    error::Error,
    testing::world::{World, log::MutatedLog},
};

/// Who wrote to a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::testing::world) enum Writer {
    /// The engine, for a room that is still running.
    Engine,
    /// The engine before it died: its transaction went on.
    Late,
    /// Another process.
    Foreign,
}

/// One room's log as it was written, and what replaying it gives.
#[derive(Debug)]
pub(in crate::testing::world) struct ReferenceLog {
    events: Vec<StoredEvent>,
    keys: BTreeMap<Lookup, Seq>,
    name: RoomName,
    topic: Topic,
    messages: u64,
    last_message_at: Option<Timestamp>,
    deleted: bool,
    /// The last number that the running engine stored.
    own: Seq,
}

impl ReferenceLog {
    pub(in crate::testing::world) fn new(name: RoomName, topic: Topic) -> Self {
        let (events, keys) = (Vec::new(), BTreeMap::new());
        Self { events, keys, name, topic, messages: 0, last_message_at: None, deleted: false, own: Seq(0) }
    }

    pub(in crate::testing::world) const fn head(&self) -> Seq {
        Seq(self.events.len() as u64)
    }

    /// Up to where everyone must have been told without anything more being sent.
    pub(in crate::testing::world) const fn own(&self) -> Seq {
        self.own
    }

    pub(in crate::testing::world) const fn is_deleted(&self) -> bool {
        self.deleted
    }

    pub(super) fn get(&self, seq: Seq) -> Option<&StoredEvent> {
        let index = usize::try_from(seq.0.checked_sub(1)?).ok()?;
        self.events.get(index)
    }

    pub(super) fn by_key(&self, lookup: &Lookup) -> Option<&StoredEvent> {
        self.keys.get(lookup).and_then(|seq| self.get(*seq))
    }

    /// This event, acknowledged or published, is in the log.
    pub(super) fn check_event(&self, event: &Event) -> Checked {
        let Some(stored) = self.get(event.seq) else {
            let detail = format!("event {} of room {} is told, but not stored", event.seq, event.room);
            return Err(Broken::new(Promise::Durable, detail));
        };
        hold(*stored.event == *event, Promise::OneOrder, || format!("told {event:?}, stored {:?}", stored.event))
    }

    /// What a room's update or deletion is answered.
    pub(super) fn check_change(&self, key: &EventKey, result: &Result<Changed, Error>) -> Checked {
        let stored = self.events.iter().find(|stored| stored.key == *key);
        match result {
            Ok(Changed::Stored { event, .. }) => {
                hold(stored.is_some_and(|stored| stored.event == *event), Promise::Durable, || {
                    format!("a change is answered with {event:?}, but stored is {stored:?}")
                })
            }
            Err(error) if says_not_stored(error) => {
                hold(stored.is_none(), Promise::NoPhantoms, || format!("a change was refused ({error}), but is stored"))
            }
            Err(Error::OutcomeUnknown) => Ok(()),
            Ok(Changed::Unchanged { .. }) => {
                hold(stored.is_none(), Promise::HonestRefusal, || "unchanged, yet an event".to_owned())
            }
            Err(other) => Err(Broken::new(Promise::HonestRefusal, format!("a change is answered {other:?}"))),
        }
    }

    /// Takes in what was written since the last look: numbers without a hole, one event a key.
    fn extend(&mut self, room: RoomId, log: &MutatedLog) -> Result<Vec<StoredEvent>, Broken> {
        let new = log.events_after(room, self.head(), usize::MAX);
        for stored in &new {
            let event = &stored.event;
            hold(event.seq == self.head().next(), Promise::GaplessOnce, || {
                format!("event {} of room {room} was stored after event {}", event.seq, self.head())
            })?;
            hold(!self.deleted, Promise::Fold, || format!("event {} follows the end of room {room}", event.seq))?;
            if let Some(first) = self.keys.insert(lookup_of(stored), event.seq) {
                let detail = format!("events {first} and {} of room {room} have one key, {:?}", event.seq, stored.key);
                return Err(Broken::new(Promise::SentOnce, detail));
            }
            self.apply(event)?;
            self.events.push(stored.clone());
        }
        Ok(new)
    }

    fn apply(&mut self, event: &Event) -> Checked {
        match &event.kind {
            EventKind::Message(message) => {
                self.messages += 1;
                self.last_message_at = Some(event.at);
                hold(message.ordinal == self.messages, Promise::Fold, || {
                    format!(
                        "message {} is number {} of its room, but says {}",
                        event.seq, self.messages, message.ordinal
                    )
                })?;
            }
            EventKind::RoomUpdated { name, topic } => {
                (self.name, self.topic) = (name.clone(), topic.clone());
            }
            EventKind::RoomDeleted => self.deleted = true,
            EventKind::MessageEdited(_)
            | EventKind::MessageDeleted { .. }
            | EventKind::Reaction { .. }
            | EventKind::Pin { .. } => {}
        }
        Ok(())
    }

    /// What the log serves as the room is what replaying its events gives.
    fn check_fold(&self, id: RoomId, log: &MutatedLog) -> Checked {
        let Some(room) = log.room(id) else {
            return hold(self.deleted, Promise::Fold, || format!("room {id} is gone, but no event says so"));
        };
        hold(room.head == self.head(), Promise::GaplessOnce, || {
            format!("room {id} has {} events, but its head is {}", self.events.len(), room.head)
        })?;
        let same = room.name == self.name && room.topic == self.topic && room.last_message_at == self.last_message_at;
        hold(same && !self.deleted, Promise::Fold, || format!("room {id} is served as {room:?}"))
    }

    /// What was stored is still there as it was.
    pub(in crate::testing::world) fn check_whole(&self, room: RoomId, log: &MutatedLog) -> Checked {
        let stored = log.events_after(room, Seq(0), usize::MAX);
        hold(stored == self.events, Promise::Durable, || format!("the log of room {room} was changed"))
    }
}

impl World {
    /// Something may have been written to a room's log.
    pub(in crate::testing::world) fn committed(&mut self, room: RoomId, by: Writer) -> Checked {
        let Some(reference_log) = self.check.reference_logs.get_mut(&room) else { return Ok(()) };
        let new = reference_log.extend(room, &self.database.log)?;
        reference_log.check_fold(room, &self.database.log)?;
        if by == Writer::Engine && !new.is_empty() {
            reference_log.own = reference_log.head();
        }
        for stored in &new {
            self.tally.events += 1;
            self.trace
                .line(format_args!("  {by:?} stores event {} of room {room}, key {:?}", stored.event.seq, stored.key));
            self.check.sends.stored(room, stored, by)?;
        }
        Ok(())
    }
}

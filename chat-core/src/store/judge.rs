//! What becomes of the entries of an append: judged, numbered and made events of. One pure function, the same for every store.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    Event, EventKind, Message, Room, RoomId, RoomName, Seq, Topic,
    append::{AppendOutcome, Entry, Op, RoomUpdate, StoredEvent},
    error::Error,
};

/// A key, and whose it is: what an entry or an event is found by. Without a user nothing is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key<'a> {
    /// Whose it is.
    pub(super) user: &'a str,
    /// The key.
    pub(super) key: &'a str,
}

/// What has to be known of a room to judge the entries of a batch, read while its row is locked.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts<'a> {
    /// The number of its newest event.
    pub(super) head: Seq,
    /// How many messages it has.
    pub(super) messages: u64,
    /// The events that hold keys of the batch.
    pub(super) keys: BTreeMap<Key<'a>, StoredEvent>,
    /// Which of the [targets](Op::targets) of the batch are messages.
    pub(super) targets: BTreeSet<Seq>,
    /// What it is called; needed for an update.
    pub(super) naming: Option<Naming>,
}

/// What a room is called.
#[derive(Debug, Clone)]
pub(super) struct Naming {
    pub(super) name: RoomName,
    pub(super) topic: Topic,
    /// The other room that has the name asked for.
    pub(super) holder: Option<Room>,
}

/// What becomes of the entries of one room.
#[derive(Debug, Default)]
pub(super) struct Judgement {
    /// Of each entry, in order.
    pub(super) outcomes: Vec<AppendOutcome>,
    /// What is to be stored, in order.
    pub(super) new: Vec<StoredEvent>,
}

impl<'a> Key<'a> {
    /// That of an entry.
    pub(super) fn of(entry: &'a Entry) -> Option<Self> {
        Some(Self { user: entry.actor.as_ref()?.id.as_str(), key: entry.key.as_str() })
    }

    /// That of an event.
    #[cfg(any(test, feature = "sea"))]
    pub(super) fn of_stored(stored: &'a StoredEvent) -> Option<Self> {
        Some(Self { user: stored.event.actor.as_ref()?.id.as_str(), key: stored.key.as_str() })
    }
}

/// Judges the entries of a room in order, each as if those before it were stored. One that is refused takes no number, and
/// the others go on.
pub(super) fn judge<'a>(room: RoomId, entries: &'a [Entry], mut facts: Facts<'a>) -> Judgement {
    let mut judgement = Judgement::default();
    for entry in entries {
        let outcome = match Key::of(entry).and_then(|key| facts.keys.get(&key)) {
            Some(first) => retried(first, entry),
            None => match effect(entry, &facts) {
                Ok(Some(kind)) => {
                    let stored = facts.store(room, entry, kind);
                    let outcome = AppendOutcome::New(Arc::clone(&stored.event));
                    judgement.new.push(stored);
                    outcome
                }
                Ok(None) => AppendOutcome::Unchanged,
                Err(error) => AppendOutcome::Refused(error),
            },
        };
        judgement.outcomes.push(outcome);
    }
    judgement
}

/// What happens if an entry is stored; `None` if it would change nothing.
///
/// This is where each operation is judged.
fn effect(entry: &Entry, facts: &Facts<'_>) -> Result<Option<EventKind>, Error> {
    match &entry.op {
        Op::Message(body) => {
            if !body.targets().all(|target| facts.targets.contains(&target)) {
                return Err(Error::MessageNotFound);
            }
            let (key, ordinal) = (entry.key.to_given(), facts.messages + 1);
            Ok(Some(EventKind::Message(Message { body: body.clone(), key, ordinal, erased: false })))
        }
        Op::UpdateRoom(update) => updated(update, facts),
        Op::DeleteRoom => Ok(Some(EventKind::RoomDeleted)),
    }
}

fn updated(update: &RoomUpdate, facts: &Facts<'_>) -> Result<Option<EventKind>, Error> {
    let Some(Naming { name: old_name, topic: old_topic, holder }) = &facts.naming else {
        return Err(Error::RoomNotFound);
    };
    let name = update.name.as_ref().unwrap_or(old_name);
    let topic = update.topic.as_ref().unwrap_or(old_topic);
    if name == old_name && topic == old_topic {
        return Ok(None);
    }
    // A room whose name clashed before names were folded has no key until it is renamed: its topic changes all the same.
    match holder {
        Some(holder) if name != old_name => Err(Error::NameTaken { room: Some(Box::new(holder.clone())) }),
        _ => Ok(Some(EventKind::RoomUpdated { name: name.clone(), topic: topic.clone() })),
    }
}

/// What becomes of an entry whose key was used before: a replay of the first answer, or a refusal.
fn retried(first: &StoredEvent, entry: &Entry) -> AppendOutcome {
    let is_same_op = matches!(
        (&first.event.kind, &entry.op),
        (EventKind::Message(_), Op::Message(_))
            | (EventKind::RoomUpdated { .. }, Op::UpdateRoom(_))
            | (EventKind::RoomDeleted, Op::DeleteRoom)
    );
    if is_same_op && entry.fingerprint.is_retry_of(first.fingerprint) {
        AppendOutcome::Replay(Arc::clone(&first.event))
    } else {
        AppendOutcome::Refused(Error::IdempotencyMismatch)
    }
}

impl<'a> Facts<'a> {
    /// Gives an entry the room's next number. What follows in the batch is judged with it.
    fn store(&mut self, room: RoomId, entry: &'a Entry, kind: EventKind) -> StoredEvent {
        self.head = self.head.next();
        if let EventKind::Message(message) = &kind {
            self.messages = message.ordinal;
            self.targets.insert(self.head);
        }
        let event = Event { room, seq: self.head, at: entry.at, actor: entry.actor.clone(), kind };
        let (key, fingerprint) = (entry.key.clone(), entry.fingerprint);
        let stored = StoredEvent { event: Arc::new(event), key, fingerprint, ordinal: self.messages };
        if let Some(key) = Key::of(entry) {
            self.keys.insert(key, stored.clone());
        }
        stored
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Body, Identity, Timestamp,
        append::{EventKey, Fingerprint},
    };

    fn entry(key: &str, op: Op) -> Entry {
        Entry::new(Some(Identity::named("alice").unwrap()), EventKey::from_stored(key), Timestamp(7), op)
    }

    fn message(key: &str, content: &str, reply_to: Option<u64>) -> Entry {
        entry(key, Op::Message(Body { content: content.to_owned(), reply_to: reply_to.map(Seq) }))
    }

    fn outcomes(entries: &[Entry], facts: Facts<'_>) -> Vec<Result<Option<u64>, Error>> {
        let outcomes = judge(RoomId(1), entries, facts).outcomes;
        let seq = |outcome| match outcome {
            AppendOutcome::New(event) | AppendOutcome::Replay(event) => Ok(Some(event.seq.0)),
            AppendOutcome::Unchanged => Ok(None),
            AppendOutcome::Refused(error) => Err(error),
        };
        outcomes.into_iter().map(seq).collect()
    }

    #[test]
    fn what_is_refused_takes_no_number_and_fails_nobody_else() {
        let facts = || Facts { head: Seq(4), messages: 2, targets: BTreeSet::from([Seq(3)]), ..Facts::default() };
        let entries = [
            message("a", "one", Some(3)),
            message("b", "to an update", Some(4)),
            message("c", "to what is not there yet", Some(9)),
            message("d", "to the first of these", Some(5)),
            message("e", "to itself", Some(7)),
        ];
        let missing = || Err(Error::MessageNotFound);
        assert_eq!(outcomes(&entries, facts()), [Ok(Some(5)), missing(), missing(), Ok(Some(6)), missing()]);
        let new = judge(RoomId(1), &entries, facts()).new;
        assert_eq!(new.iter().map(|stored| stored.ordinal).collect::<Vec<_>>(), [3, 4]);
    }

    #[test]
    fn a_key_is_looked_at_before_the_target() {
        let first = judge(RoomId(1), &[message("k", "one", None)], Facts::default()).new;
        let keys = || first.iter().map(|stored| (Key::of_stored(stored).unwrap(), stored.clone())).collect();
        let facts = || Facts { head: Seq(1), messages: 1, keys: keys(), ..Facts::default() };
        let entries = [message("k", "one", None), message("k", "one", Some(9)), message("k", "two", None)];
        let mismatch = || Err(Error::IdempotencyMismatch);
        assert_eq!(outcomes(&entries, facts()), [Ok(Some(1)), mismatch(), mismatch()]);
    }

    #[test]
    fn a_key_of_another_operation_is_a_mismatch_even_where_the_content_was_erased() {
        let first = judge(RoomId(1), &[message("k", "one", None)], Facts::default()).new;
        let mut erased = first[0].clone();
        erased.fingerprint = Fingerprint::ERASED;
        let facts = || Facts {
            keys: BTreeMap::from([(Key::of_stored(&first[0]).unwrap(), erased.clone())]),
            ..Facts::default()
        };
        let entries = [message("k", "something else", None), entry("k", Op::DeleteRoom)];
        assert_eq!(outcomes(&entries, facts()), [Ok(Some(1)), Err(Error::IdempotencyMismatch)]);
    }
}

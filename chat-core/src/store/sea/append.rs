//! Appending messages to several rooms in one transaction.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::DatabaseTransaction;

use super::{
    dialect::{Head, Heads, Key, Raises},
    error::SqlError,
    run::Run,
};
use crate::{
    RoomId, Seq,
    append::{AppendOutcome, NewMessage, StoredEvent},
    failpoints::{self, Point},
    store::{RoomMessages, numbering, numbering::Placement},
};

/// What the keys of a batch are taken by: what was found, and what the batch itself brings.
type Taken<'a> = BTreeMap<Key<'a>, StoredEvent>;

/// Locks the rooms, looks the keys up, numbers what is new, raises the heads, stores. One result per entry; `None` where
/// the room is gone.
pub(super) async fn append(
    run: &Run<'_, DatabaseTransaction>,
    batch: &[RoomMessages],
) -> Result<Vec<Option<Vec<AppendOutcome>>>, SqlError> {
    let keys = distinct_keys(batch);
    let expected = raises(batch, &Taken::new());
    let heads = run.dialect.lock_and_raise(run, &expected).await?;
    // The look-up stands behind the lock, so that it sees what the last holder of the lock has stored.
    let found = run.dialect.find_keys(run, &keys).await?;
    let mut taken: Taken<'_> = found.iter().filter_map(|stored| Some((key_of(stored)?, stored.clone()))).collect();
    let exact = raises(batch, &taken);
    run.dialect.correct_heads(run, &heads, &expected, &exact).await?;
    let (placed, fresh) = number(batch, &mut taken, heads);
    if !fresh.is_empty() {
        failpoints::reached(Point::BeforeInsert);
        run.dialect.insert_events(run, &fresh).await?;
        failpoints::reached(Point::AfterInsert);
    }
    Ok(placed)
}

/// What a message is found by.
fn key<'a>(room: RoomId, new: &'a NewMessage) -> Key<'a> {
    Key { room, user: new.author.id.as_str(), key: new.key.as_str() }
}

/// What a stored event is found by; `None` where nobody was named.
fn key_of(stored: &StoredEvent) -> Option<Key<'_>> {
    let user = stored.event.actor.as_ref()?;
    Some(Key { room: stored.event.room, user: user.id.as_str(), key: stored.key.as_str() })
}

/// The keys of a batch, sorted, each once.
fn distinct_keys(batch: &[RoomMessages]) -> Vec<Key<'_>> {
    let all = batch.iter().flat_map(|entry| entry.messages.iter().map(|new| key(entry.room, new)));
    let mut keys: Vec<_> = all.collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// What each room of the batch gets.
fn raises(batch: &[RoomMessages], taken: &Taken<'_>) -> Raises {
    let mut raises = Raises::new();
    for RoomMessages { room, messages } in batch {
        let (raise, mut keys) = (raises.entry(*room).or_default(), BTreeSet::new());
        for new in messages {
            let key = key(*room, new);
            if !taken.contains_key(&key) && keys.insert(key) {
                raise.add(Some(new.at));
            }
        }
    }
    raises
}

/// Gives the numbers: what becomes of each message, and what is to be stored.
fn number<'a>(
    batch: &'a [RoomMessages],
    taken: &mut Taken<'a>,
    mut heads: Heads,
) -> (Vec<Option<Vec<AppendOutcome>>>, Vec<StoredEvent>) {
    let mut fresh = Vec::new();
    let mut place_in = |entry: &'a RoomMessages| {
        let head = heads.get_mut(&entry.room)?;
        let placed = entry.messages.iter().map(|new| place(entry.room, head, new, taken, &mut fresh));
        Some(placed.collect())
    };
    let placed = batch.iter().map(&mut place_in).collect();
    (placed, fresh)
}

fn place<'a>(
    room: RoomId,
    head: &mut Head,
    new: &'a NewMessage,
    taken: &mut Taken<'a>,
    fresh: &mut Vec<StoredEvent>,
) -> AppendOutcome {
    let key = key(room, new);
    if let Some(first) = taken.get(&key) {
        return numbering::judge_double(first, new);
    }
    head.seq += 1;
    head.messages += 1;
    let stored = numbering::message(Placement { room, seq: Seq(head.seq), ordinal: head.messages }, new);
    let placed = AppendOutcome::New(stored.event.clone());
    taken.insert(key, stored.clone());
    fresh.push(stored);
    placed
}

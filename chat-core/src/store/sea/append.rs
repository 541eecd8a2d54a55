//! Appending to the logs of several rooms in one transaction.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::DatabaseTransaction;

use super::{
    dialect::{Key, Raises},
    error::SqlError,
    history, rooms,
    run::Run,
    search,
};
use crate::{
    EventKind, RoomId, Seq,
    append::{AppendOutcome, Entry, Op, RoomBatch, StoredEvent},
    failpoints::{self, Point},
    store::judge::{self, Facts},
};

/// Locks the rooms, reads what has to be known of them, has the entries judged, raises the heads, and stores what is new. One
/// result per room; `None` where it is gone.
///
/// What is read stands behind the lock, so that it has what the last holder of the lock has stored.
pub(super) async fn append(
    run: &Run<'_, DatabaseTransaction>,
    batch: &[RoomBatch],
) -> Result<Vec<Option<Vec<AppendOutcome>>>, SqlError> {
    let keys = keys(batch);
    let expected = expected(batch);
    let heads = run.dialect.lock_and_raise(run, &expected).await?;
    let found = run.dialect.find_keys(run, &keys).await?;
    let mut facts: BTreeMap<RoomId, Facts<'_>> = BTreeMap::new();
    for (room, head) in &heads {
        facts.insert(*room, Facts { head: Seq(head.seq), messages: head.messages, ..Facts::default() });
    }
    for stored in &found {
        if let (Some(facts), Some(key)) = (facts.get_mut(&stored.event.room), judge::Key::of_stored(stored)) {
            facts.keys.insert(key, stored.clone());
        }
    }
    for (room, seq) in history::messages_among(run, &targets(batch)).await? {
        // A room that is gone has no facts, though its messages may still be there.
        if let Some(facts) = facts.get_mut(&room) {
            facts.targets.insert(seq, judge::Target::default());
        }
    }
    for RoomBatch { room, entries } in batch {
        if let (Some(facts), Some(Entry { op: Op::UpdateRoom(update), .. })) = (facts.get_mut(room), entries.first()) {
            facts.naming = rooms::naming(run, *room, update).await?;
        }
    }
    let mut new = Vec::new();
    let mut outcomes = Vec::new();
    for RoomBatch { room, entries } in batch {
        outcomes.push(facts.remove(room).map(|facts| {
            let judgement = judge::judge(*room, entries, facts);
            new.extend(judgement.new);
            judgement.outcomes
        }));
    }
    run.dialect.correct_heads(run, &heads, &expected, &exact(batch, &new)).await?;
    search::follow(run, &new).await?;
    store(run, &new).await?;
    Ok(outcomes)
}

/// Stores new events, with what they change about their rooms.
async fn store(run: &Run<'_, DatabaseTransaction>, new: &[StoredEvent]) -> Result<(), SqlError> {
    if new.is_empty() {
        return Ok(());
    }
    failpoints::reached(Point::BeforeInsert);
    run.dialect.insert_events(run, new).await?;
    for stored in new {
        match &stored.event.kind {
            EventKind::Message(_)
            | EventKind::MessageEdited(_)
            | EventKind::MessageDeleted { .. }
            | EventKind::Reaction { .. }
            | EventKind::Pin { .. } => {}
            EventKind::RoomUpdated { name, topic } => rooms::change(run, stored.event.room, name, topic).await?,
            EventKind::RoomDeleted => rooms::end(run, stored.event.room, stored.event.at).await?,
        }
    }
    failpoints::reached(Point::AfterInsert);
    Ok(())
}

/// The keys of a batch, sorted, each once.
fn keys(batch: &[RoomBatch]) -> Vec<Key<'_>> {
    let key = |room, entry| judge::Key::of(entry).map(|key| Key { room, user: key.user, key: key.key });
    let all = batch.iter().flat_map(|RoomBatch { room, entries }| entries.iter().filter_map(|entry| key(*room, entry)));
    all.collect::<BTreeSet<_>>().into_iter().collect()
}

/// The messages that a batch names, each once.
fn targets(batch: &[RoomBatch]) -> BTreeSet<(RoomId, Seq)> {
    let of_room = |RoomBatch { room, entries }: &RoomBatch| {
        let room = *room;
        entries.iter().flat_map(|entry| entry.op.targets()).map(move |seq| (room, seq)).collect::<Vec<_>>()
    };
    batch.iter().flat_map(of_room).collect()
}

/// What each room gets if no key was used before and nothing is refused.
fn expected(batch: &[RoomBatch]) -> Raises {
    let mut raises = Raises::new();
    for RoomBatch { room, entries } in batch {
        let raise = raises.entry(*room).or_default();
        let mut keys = BTreeSet::new();
        for entry in entries {
            if entry.op.makes_event() && judge::Key::of(entry).is_none_or(|key| keys.insert(key)) {
                let countable = matches!(&entry.op, Op::Message(body) if body.thread.is_none());
                raise.add(countable.then_some(entry.at));
            }
        }
    }
    raises
}

/// What each room gets.
fn exact(batch: &[RoomBatch], new: &[StoredEvent]) -> Raises {
    let mut raises: Raises = batch.iter().map(|RoomBatch { room, .. }| (*room, Default::default())).collect();
    for StoredEvent { event, .. } in new {
        raises.entry(event.room).or_default().add(event.countable().map(|_| event.at));
    }
    raises
}

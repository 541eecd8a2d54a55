//! Appending to the logs of several rooms in one transaction.

use std::collections::BTreeSet;

use sea_orm::DatabaseTransaction;

use super::{
    changes,
    dialect::{Key, Raises},
    error::SqlError,
    facts, prune, rooms,
    run::Run,
    search,
    unread::{self, MarkIn},
};
use crate::{
    EventKind, RoomId,
    append::{AppendOutcome, Op, RoomBatch, StoredEvent},
    failpoints::{self, Point},
    store::judge::{self, Judgement},
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
    let mut facts = facts::load(run, batch, &heads, &found).await?;
    let mut judged = Vec::new();
    for RoomBatch { room, entries } in batch {
        judged.push((*room, facts.remove(room).map(|facts| judge::judge(*room, entries, facts))));
    }
    let judgements = || judged.iter().filter_map(|(room, judgement)| Some((*room, judgement.as_ref()?)));
    let new: Vec<_> = judgements().flat_map(|(_, judgement)| judgement.new.iter().cloned()).collect();
    run.dialect.correct_heads(run, &heads, &expected, &exact(batch, &new)).await?;
    search::follow(run, &new).await?;
    store(run, &new).await?;
    changes::store(run, &judgements().map(|(room, judgement)| (room, &judgement.changes)).collect()).await?;
    if !new.is_empty() {
        failpoints::reached(Point::AfterInsert);
    }
    for (room, pruned) in judgements().filter_map(|(room, judgement)| Some((room, judgement.changes.pruned?))) {
        prune::begin_at(run, room, pruned).await?;
    }
    count_unread(run, &mut judged).await?;
    Ok(judged.into_iter().map(|(_, judgement)| judgement.map(|judgement| judgement.outcomes)).collect())
}

/// Completes the answers to marks: what is unread beyond them at the end of the append.
async fn count_unread(
    run: &Run<'_, DatabaseTransaction>,
    judged: &mut [(RoomId, Option<Judgement>)],
) -> Result<(), SqlError> {
    let mut marks = Vec::new();
    for (room, judgement) in &*judged {
        let marked = judgement.iter().flat_map(|judgement| &judgement.marked);
        marks.extend(marked.map(|marked| MarkIn { room: *room, user: &marked.user, mark: marked.mark }));
    }
    let mut counted = unread::beyond(run, &marks).await?.into_iter();
    for judgement in judged.iter_mut().filter_map(|(_, judgement)| judgement.as_mut()) {
        for index in judgement.marked.iter().map(|marked| marked.index).collect::<Vec<_>>() {
            let (unread, mentions) = counted.next().unwrap_or_default();
            judgement.counted(index, unread, mentions);
        }
    }
    Ok(())
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
    Ok(())
}

/// The keys of a batch, sorted, each once.
fn keys(batch: &[RoomBatch]) -> Vec<Key<'_>> {
    let key = |room, entry| judge::Key::of(entry).map(|key| Key { room, user: key.user, key: key.key });
    let all = batch.iter().flat_map(|RoomBatch { room, entries }| entries.iter().filter_map(|entry| key(*room, entry)));
    all.collect::<BTreeSet<_>>().into_iter().collect()
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

//! Appending to the logs of several rooms in one transaction.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    changes,
    dialect::{HEAD_COLUMNS, Key, Raises, head},
    error::SqlError,
    facts, prune, rooms,
    rows::number,
    run::Transaction,
    search,
    unread::{self, MarkIn},
};
use crate::{
    Error, Event, EventKind, RoomId,
    append::{AppendOutcome, Entry, Op, RoomBatch, StoredEvent},
    failpoints::{self, Point},
    store::judge::{self, Judgement},
};

/// Locks the rooms, reads what has to be known of them, has the entries judged, raises the heads, and stores what is new. One
/// result per room; `None` where it is gone.
///
/// What is read stands behind the lock, so that it has what the last holder of the lock has stored.
pub(super) async fn append(
    run: &Transaction<'_>,
    batch: &[RoomBatch],
) -> Result<Vec<Option<Vec<AppendOutcome>>>, SqlError> {
    let keys = keys(batch);
    let expected = expected(batch);
    let (heads, found) = run.dialect.raise_and_find_keys(run, &expected, &keys).await?;
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

/// Whether a message could be appended now: the event of an earlier one with its key, or the error that it would be refused with.
/// Nothing is locked, and nothing is stored.
pub(super) async fn could_append(
    run: &Transaction<'_>,
    room: RoomId,
    entry: Entry,
) -> Result<Result<Option<Arc<Event>>, Error>, SqlError> {
    let columns = HEAD_COLUMNS.join(", ");
    let sql = format!("SELECT {columns} FROM chat_rooms WHERE id = ? AND deleted_at IS NULL");
    let head = run.query_one(&sql, vec![number(room.0)]).await?.map(|row| head(&row, 0)).transpose()?;
    let heads = head.into_iter().map(|head| (room, head)).collect();
    let batch = [RoomBatch { room, entries: vec![entry] }];
    let found = run.dialect.find_keys(run, &keys(&batch)).await?;
    let facts = facts::load(run, &batch, &heads, &found).await?.remove(&room);
    let judgement = facts.map(|facts| judge::judge(room, &batch[0].entries, facts));
    Ok(match judgement.and_then(|judgement| judgement.outcomes.into_iter().next()) {
        Some(AppendOutcome::Replay(event)) => Ok(Some(event)),
        Some(AppendOutcome::Refused(error)) => Err(error),
        Some(_) => Ok(None),
        None => Err(Error::RoomNotFound),
    })
}

/// Completes the answers to marks: what is unread beyond them at the end of the append.
async fn count_unread(run: &Transaction<'_>, judged: &mut [(RoomId, Option<Judgement>)]) -> Result<(), SqlError> {
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
async fn store(run: &Transaction<'_>, new: &[StoredEvent]) -> Result<(), SqlError> {
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
            | EventKind::Pin { .. }
            | EventKind::Member(_) => {}
            EventKind::RoomUpdated { .. } => rooms::change(run, stored.event.room, &stored.event.kind).await?,
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

#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests {
    use std::sync::{Arc, Mutex};

    use sea_orm::{DatabaseConnection, TransactionTrait};

    use super::*;
    use crate::{
        Body, Edit, Identity, MarkTo, Reaction, Role, RoomName, Seq, Timestamp, Topic,
        append::{Entry, EventKey, KnownStanding, MemberOp, MemberStep, RoomRecord},
        rights::Standing,
        store::{
            Store,
            sea::{
                SeaStore,
                run::{Run, STATEMENT_TIMEOUT},
                sealing::Sealing,
                transaction::OpenTransaction,
            },
        },
    };

    /// The statements of an append, and how many of the entries made events.
    async fn statements(connection: &DatabaseConnection, batch: &[RoomBatch]) -> (Vec<String>, usize) {
        let mut connection = connection.clone();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let seeing = Arc::clone(&seen);
        connection.set_metric_callback(move |info| seeing.lock().unwrap().push(info.statement.sql.clone()));
        let transaction = connection.begin().await.unwrap();
        let dialect = crate::store::sea::dialect::of(sea_orm::DbBackend::Sqlite).unwrap();
        let outcomes = append(
            &Run {
                on: &OpenTransaction::OfHost(&transaction),
                dialect,
                sealing: &Sealing::default(),
                time_out: STATEMENT_TIMEOUT,
            },
            batch,
        )
        .await
        .unwrap();
        transaction.commit().await.unwrap();
        let is_new = |outcome: &&AppendOutcome| matches!(outcome, AppendOutcome::New { .. });
        let new = outcomes.iter().flatten().flatten().filter(is_new).count();
        (std::mem::take(&mut *seen.lock().unwrap()), new)
    }

    fn entry(user: &str, key: &str, op: Op) -> Entry {
        Entry::new(Some(Identity::named(user).unwrap()), EventKey::from_stored(key), Timestamp(1), op)
    }

    fn sent(user: &str, key: &str, body: Body) -> Entry {
        entry(user, key, Op::Message(body))
    }

    /// 16 entries of every kind, on the messages from `first` on.
    fn mixed(round: u64, first: u64) -> Vec<Entry> {
        let key = |what: &str| format!("{what} {round}");
        let at = |offset: u64| Seq(first + offset);
        let react = |added| Op::React(at(0), Reaction::new("👍").unwrap(), added);
        let mention = Body { mentions: vec![Identity::named("bob").unwrap().id], ..Body::text("x") };
        let edit = Edit { mentions_room: Some(true), ..Edit::text("y") };
        vec![
            sent("alice", &key("a"), Body::text("x")),
            sent("bob", &key("b"), Body { reply_to: Some(at(0)), ..Body::text("x") }),
            sent("bob", &key("c"), mention),
            sent("carol", &key("d"), Body { thread: Some(at(1)), ..Body::text("x") }),
            Entry { by_system: true, ..sent("dave", &key("e"), Body::text("x")) },
            entry("alice", &key("f"), Op::Edit(at(1), edit)),
            entry("alice", &key("g"), Op::Delete(at(2), None)),
            entry("alice", &key("h"), Op::Delete(at(3), None)),
            entry("bob", &key("i"), react(true)),
            entry("carol", &key("j"), react(true)),
            entry("bob", &key("k"), react(false)),
            entry("bob", &key("l"), Op::Pin(at(1), true)),
            entry("bob", &key("m"), Op::Pin(at(4), false)),
            entry("erin", &key("n"), Op::Mark(MarkTo::seq(at(0)))),
            entry("dave", &key("o"), Op::Mark(MarkTo::back_to(at(0)))),
            entry("erin", &key("p"), Op::Pin(Seq(9_999), true)),
        ]
    }

    async fn room(store: &SeaStore, name: &str) -> RoomId {
        let (name, topic) = (RoomName::new(name).unwrap(), Topic::new("").unwrap());
        store.create_room(&RoomRecord::open(name, topic, Timestamp(1))).await.unwrap().unwrap().id
    }

    /// A store in memory with a room of many messages, some of which are edited, pinned and mention somebody.
    async fn prepared() -> (SeaStore, RoomId) {
        let store = SeaStore::open("sqlite::memory:").await.unwrap();
        let room = room(&store, "general").await;
        let body = || Body { mentions_room: true, ..Body::text("x") };
        let mut entries: Vec<_> = (1..=40).map(|seq| sent("alice", &format!("sent {seq}"), body())).collect();
        entries.extend((1..=40).map(|seq| entry("alice", &format!("edit {seq}"), Op::Edit(Seq(seq), Edit::text("z")))));
        entries.extend((1..=40).map(|seq| entry("bob", &format!("pin {seq}"), Op::Pin(Seq(seq), true))));
        store.append(&[RoomBatch { room, entries }]).await.unwrap();
        (store, room)
    }

    #[tokio::test]
    async fn a_large_batch_has_no_more_statements_than_a_small_one() {
        let (store, room) = prepared().await;
        let checkout = store.writers.checkout().await.unwrap();
        let batch = |rounds: std::ops::Range<u64>| {
            [RoomBatch { room, entries: rounds.flat_map(|round| mixed(round, 1 + round * 5)).collect() }]
        };
        let (small, _) = statements(checkout.connection(), &batch(0..1)).await;
        let (large, new) = statements(checkout.connection(), &batch(1..5)).await;
        assert_eq!(new, 48);
        // Rows of the log are inserted in statements of 2^n rows.
        let others = |all: &[String]| all.iter().filter(|sql| !sql.starts_with("INSERT INTO chat_events")).count();
        assert_eq!(others(&large), others(&small), "{large:#?}");
        assert!(others(&large) <= 32, "{}", others(&large));
    }

    #[tokio::test]
    async fn a_plain_message_costs_one_statement_more_than_its_row() {
        let (store, room) = prepared().await;
        let checkout = store.writers.checkout().await.unwrap();
        let entries = (0..64).map(|number| sent(&format!("u{number}"), "k", Body::text("x"))).collect();
        let (statements, new) = statements(checkout.connection(), &[RoomBatch { room, entries }]).await;
        assert_eq!(new, 64);
        let begins = ["WITH i(", "SELECT ", "INSERT INTO chat_events ", "INSERT INTO chat_reads "];
        assert_eq!(statements.len(), begins.len(), "{statements:#?}");
        assert!(statements.iter().zip(begins).all(|(sql, begin)| sql.starts_with(begin)), "{statements:#?}");
    }

    /// A room that Alice owns, with these members.
    async fn owned(store: &SeaStore, members: u64) -> RoomId {
        let name = RoomName::new("owned").unwrap();
        let record = RoomRecord::open(name, Topic::new("").unwrap(), Timestamp(1));
        let owner = Some(Identity::named("alice").unwrap());
        let room = store.create_room(&RoomRecord { owner, ..record }).await.unwrap().unwrap().id;
        let joins = (0..members).map(|number| {
            let user = Identity::named(&format!("u{number}")).unwrap();
            let op = MemberOp { user: user.clone(), step: MemberStep::Join, reason: None, is_alone: false };
            entry(user.name.as_str(), &format!("join {number}"), Op::Member(op))
        });
        store.append(&[RoomBatch { room, entries: joins.collect() }]).await.unwrap();
        room
    }

    #[tokio::test]
    async fn rights_cost_no_look_up_a_message() {
        let (store, open) = prepared().await;
        let room = owned(&store, 64).await;
        let checkout = store.writers.checkout().await.unwrap();
        let known = |at| {
            let standing = Standing { role: Some(Role::Member), ..Standing::default() };
            Some(KnownStanding { at: Seq(at), standing })
        };
        let batch = |round: u64, at: u64| {
            let message = |number: u64| Entry {
                standing: if number.is_multiple_of(2) { known(at) } else { known(at + 1) },
                ..sent(&format!("u{number}"), &format!("k {round}"), Body::text("x"))
            };
            let entries = || (0..64).map(message).collect();
            [RoomBatch { room: open, entries: entries() }, RoomBatch { room, entries: entries() }]
        };
        let looks_up = |sql: &&String| sql.contains("chat_members");
        // Rights were changed last at 64, by the last one who joined.
        let (known_all, new) = statements(checkout.connection(), &batch(0, 64)).await;
        assert_eq!((new, known_all.iter().filter(looks_up).count()), (128, 0), "{known_all:#?}");
        let (known_half, new) = statements(checkout.connection(), &batch(1, 63)).await;
        assert_eq!((new, known_half.iter().filter(looks_up).count()), (128, 1));
        assert_eq!(known_half.len(), known_all.len() + 1, "one statement for all rooms and users");
    }

    #[tokio::test]
    async fn who_comes_and_goes_costs_a_statement_for_each_kind_of_change() {
        let (store, _) = prepared().await;
        let room = owned(&store, 200).await;
        let checkout = store.writers.checkout().await.unwrap();
        let batch = |users: std::ops::Range<u64>| {
            let steps = [MemberStep::Mute(None), MemberStep::Ban(None), MemberStep::Remove, MemberStep::Add(None)];
            let entries = users.map(|number| {
                let user = Identity::named(&format!("u{number}")).unwrap();
                let step = steps[usize::try_from(number % 4).unwrap()];
                let op = MemberOp { user, step, reason: None, is_alone: false };
                entry("alice", &format!("{number} {step:?}"), Op::Member(op))
            });
            [RoomBatch { room, entries: entries.collect() }]
        };
        let others = |all: &[String]| all.iter().filter(|sql| !sql.starts_with("INSERT INTO chat_events")).count();
        let (small, _) = statements(checkout.connection(), &batch(0..4)).await;
        let (large, new) = statements(checkout.connection(), &batch(4..104)).await;
        assert_eq!(new, 75, "who is in already is not added");
        assert_eq!(others(&large), others(&small), "{large:#?}");
        for sql in large {
            let values = vec![sea_orm::Value::from(1_i64); sql.matches('?').count()];
            for row in checkout.run().query(&format!("EXPLAIN QUERY PLAN {sql}"), values).await.unwrap() {
                let step: String = row.try_get_by_index(3).unwrap();
                let is_list = ["(subquery", "CONSTANT", "VALUES CLAUSE", "SCAN i", "SCAN k"];
                let is_whole = step.starts_with("SCAN ") && !is_list.iter().any(|list| step.contains(list));
                assert!(!is_whole, "{step} of {sql}");
            }
        }
    }

    #[tokio::test]
    async fn nothing_of_an_append_scans_a_table() {
        let (store, room) = prepared().await;
        let checkout = store.writers.checkout().await.unwrap();
        let batch = [RoomBatch { room, entries: mixed(0, 1) }];
        let (statements, _) = statements(checkout.connection(), &batch).await;
        for sql in statements {
            let values = vec![sea_orm::Value::from(1_i64); sql.matches('?').count()];
            let rows = checkout.run().query(&format!("EXPLAIN QUERY PLAN {sql}"), values).await.unwrap();
            for row in rows {
                let step: String = row.try_get_by_index(3).unwrap();
                // Lists of values are gone through, tables are not: nor all of a room's log.
                let is_list = ["(subquery", "CONSTANT", "VALUES CLAUSE", "SCAN i", "SCAN k", "SCAN m", "SCAN w"];
                let is_whole = step.starts_with("SCAN ") && !is_list.iter().any(|list| step.contains(list));
                let is_log = step.contains("SEARCH e") && step.contains("(room_id=? AND seq>?)");
                assert!(!is_whole && !is_log && !step.contains("KEY (room_id=?)"), "{step} of {sql}");
            }
        }
    }
}

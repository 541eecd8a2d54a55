//! Erasing users: another id and name in their place, in all rows.

use std::{collections::BTreeSet, sync::Arc};

use async_trait::async_trait;
use sea_orm::{ConnectionTrait, Value};

use super::{
    SeaStore,
    dialect::about::{About, Rows},
    error::SqlError,
    pool::Checkout,
    purge::rows_removed,
    rooms::count,
    rows::{
        DELETED, EDITED, MEMBER, MESSAGE, REACTION, THREAD_MESSAGE, member_renamed, mentions_from_text,
        mentions_to_text, number, optional_seq, unsigned,
    },
    run::{Run, Transaction, Write},
};
use crate::{
    Erase, RoomId, Seq, Timestamp, UserId,
    erasure::{DELETED_USER, Erasure, LogExtent, LogPart},
    store::{Eraser, StoreError},
};

/// `mode` of an erasure. The numbers are stored: they never change.
const ANONYMISE: i16 = 0;
const REDACT: i16 = 1;
/// `stage` of an erasure: there is one stage, which is begun anew when it was interrupted.
const LOGS: i16 = 0;
const ERASURE: &str = "SELECT user_id, new_id, mode, at_us FROM chat_erasures";

#[async_trait]
impl Eraser for SeaStore {
    async fn begin(&self, erasure: &Erasure) -> Result<Erasure, StoreError> {
        let write = Write::begin(&self.writers).await?;
        let recorded = record(&write.run(), erasure).await;
        Ok(write.end(recorded).await?)
    }

    async fn unfinished(&self) -> Result<Vec<Erasure>, StoreError> {
        let reading = |checkout: Arc<Checkout>| async move {
            recorded(&checkout.run(), &format!("{ERASURE} ORDER BY user_id"), Vec::new()).await
        };
        Ok(self.readers.read(reading).await?)
    }

    async fn finish(&self, erasure: &Erasure) -> Result<bool, StoreError> {
        let write = Write::begin(&self.writers).await?;
        let is_gone = forget(&write.run(), erasure).await;
        let is_gone = write.end(is_gone).await?;
        self.vacuum.wanted();
        Ok(is_gone)
    }

    async fn logs(&self, after: Option<RoomId>, limit: usize) -> Result<Vec<LogExtent>, StoreError> {
        Ok(self.readers.read(|checkout| async move { logs(&checkout.run(), after, limit).await }).await?)
    }

    async fn messages_of(&self, erasure: &Erasure, part: LogPart) -> Result<Vec<Seq>, StoreError> {
        let erasure = erasure.clone();
        let reading = |checkout: Arc<Checkout>| async move { messages_of(&checkout.run(), &erasure, part).await };
        Ok(self.readers.read(reading).await?)
    }

    async fn replace(&self, erasure: &Erasure, part: LogPart) -> Result<u64, StoreError> {
        let looked_for = erasure.clone();
        let reading = |checkout: Arc<Checkout>| async move { traces(&checkout.run(), &looked_for, part).await };
        // Nearly everywhere there is nothing to do, and then nobody has to wait.
        if self.readers.read(reading).await?.is_empty() {
            return Ok(0);
        }
        let write = Write::begin(&self.writers).await?;
        let replaced = replace(&write.run(), erasure, part).await;
        Ok(write.end(replaced).await?)
    }

    async fn forget_marks(&self, user: &UserId, limit: usize) -> Result<usize, StoreError> {
        let write = Write::begin(&self.writers).await?;
        let removed = forget_marks(&write.run(), user, limit).await;
        Ok(write.end(removed).await?)
    }
}

async fn record(run: &Transaction<'_>, erasure: &Erasure) -> Result<Erasure, SqlError> {
    let sql = format!("{ERASURE} WHERE user_id = ?{}", run.dialect.for_update());
    let Some(before) = recorded(run, &sql, vec![opaque(run, &erasure.user)]).await?.pop() else {
        let sql = "INSERT INTO chat_erasures (user_id, new_id, mode, stage, at_us) VALUES (?, ?, ?, ?, ?)";
        let (user, new_id) = (opaque(run, &erasure.user), opaque(run, &erasure.new_id));
        let values = vec![user, new_id, mode(erasure.mode).into(), LOGS.into(), erasure.at.0.into()];
        run.execute(sql, values).await?;
        return Ok(erasure.clone());
    };
    let sql = "UPDATE chat_erasures SET mode = ? WHERE user_id = ?";
    let now = Erasure { mode: before.mode.max(erasure.mode), ..before };
    run.execute(sql, vec![mode(now.mode).into(), opaque(run, &now.user)]).await?;
    Ok(now)
}

async fn recorded(
    run: &Run<'_, impl ConnectionTrait>,
    sql: &str,
    values: Vec<Value>,
) -> Result<Vec<Erasure>, SqlError> {
    let rows = run.query(sql, values).await?;
    let user = |row, index| {
        let id = run.dialect.opaque_from(row, index)?;
        Ok::<_, SqlError>(UserId::from_stored(&id.unwrap_or_default()))
    };
    let erasure = |row| {
        let mode = if row_mode(row)? == REDACT { Erase::Redact } else { Erase::Anonymise };
        Ok(Erasure { user: user(row, 0)?, new_id: user(row, 1)?, mode, at: Timestamp(row.try_get_by_index(3)?) })
    };
    rows.iter().map(erasure).collect()
}

fn row_mode(row: &sea_orm::QueryResult) -> Result<i16, SqlError> {
    Ok(row.try_get_by_index(2)?)
}

async fn forget(run: &Transaction<'_>, erasure: &Erasure) -> Result<bool, SqlError> {
    let user = || opaque(run, &erasure.user);
    let sql = "DELETE FROM chat_erasures WHERE user_id = ? AND mode = ?";
    run.execute(sql, vec![user(), mode(erasure.mode).into()]).await?;
    Ok(recorded(run, &format!("{ERASURE} WHERE user_id = ?"), vec![user()]).await?.is_empty())
}

async fn logs(
    run: &Run<'_, impl ConnectionTrait>,
    after: Option<RoomId>,
    limit: usize,
) -> Result<Vec<LogExtent>, SqlError> {
    // MariaDB would look at every event for the least number.
    let sql = "SELECT r.id, r.head, (SELECT e.seq FROM chat_events e WHERE e.room_id = r.id ORDER BY e.seq LIMIT 1) \
         FROM chat_rooms r WHERE r.id > ? ORDER BY r.id LIMIT ?";
    let rows = run.query(sql, vec![number(after.map_or(0, |room| room.0)), count(limit)]).await?;
    let extent = |row| {
        let (room, head) = (RoomId(unsigned(row, 0)?), Seq(unsigned(row, 1)?));
        Ok(LogExtent { room, first: optional_seq(row, 2)?.unwrap_or(head.next()), head })
    };
    rows.iter().map(extent).collect()
}

async fn messages_of(
    run: &Run<'_, impl ConnectionTrait>,
    erasure: &Erasure,
    part: LogPart,
) -> Result<Vec<Seq>, SqlError> {
    let sql = format!(
        "SELECT seq FROM chat_events WHERE {IN_PART} AND kind IN ({MESSAGE}, {THREAD_MESSAGE}) \
         AND deleted_seq IS NULL AND user_id IN (?, ?) ORDER BY seq"
    );
    let users = [&erasure.user, &erasure.new_id].map(|user| opaque(run, user));
    let rows = run.query(&sql, of_part(part).into_iter().chain(users).collect()).await?;
    rows.iter().map(|row| Ok(Seq(unsigned(row, 0)?))).collect()
}

/// An event that names the user.
struct Trace {
    seq: Seq,
    kind: i16,
    is_author: bool,
    /// Whom it is to mention, if it mentions the user.
    mentions: Option<Vec<UserId>>,
    target: Option<Seq>,
    thread: Option<Seq>,
    /// The reaction, the reason of a deletion, or what has happened with a member.
    text: Option<String>,
}

impl Trace {
    /// The message that mentions the user, if one does because of this event.
    fn mentioning(&self) -> Option<Seq> {
        let target = if self.kind == EDITED { self.target } else { Some(self.seq) };
        // What happens with a member mentions nobody.
        target.filter(|_| self.mentions.is_some() && self.kind != MEMBER)
    }
}

/// The events of a part of a log that name the user.
async fn traces(run: &Run<'_, impl ConnectionTrait>, erasure: &Erasure, part: LogPart) -> Result<Vec<Trace>, SqlError> {
    let sql = format!(
        "SELECT seq, kind, user_id, mentions, target_seq, thread, CASE WHEN kind IN ({DELETED}, {REACTION}) THEN body WHEN kind = {MEMBER} THEN meta END \
         FROM chat_events WHERE {IN_PART} AND (user_id IN (?, ?) OR mentions IS NOT NULL) ORDER BY seq"
    );
    let (old, new) = (opaque(run, &erasure.user), opaque(run, &erasure.new_id));
    // What stands under the new id already may have been asked to be kept, and is not any more.
    let also = if erasure.mode == Erase::Redact { new } else { old.clone() };
    let values = of_part(part).into_iter().chain([old, also]).collect();
    let mut traces = Vec::new();
    for row in run.query(&sql, values).await? {
        let mentions: Option<String> = row.try_get_by_index(3)?;
        let mentions = mentions.map(|text| mentions_from_text(&text)).transpose()?;
        let trace = Trace {
            seq: Seq(unsigned(&row, 0)?),
            kind: row.try_get_by_index(1)?,
            is_author: run.dialect.opaque_from(&row, 2)?.as_deref() == Some(erasure.user.as_str()),
            mentions: mentions.and_then(|users| erasure.replaced(&users)),
            target: optional_seq(&row, 4)?,
            thread: optional_seq(&row, 5)?,
            text: row.try_get_by_index(6)?,
        };
        let has_reason = trace.kind == DELETED && trace.text.is_some() && erasure.mode == Erase::Redact;
        if trace.is_author || trace.mentions.is_some() || has_reason {
            traces.push(trace);
        }
    }
    Ok(traces)
}

/// Replaces the user in a part of a log, and in what follows from it. The room is locked: what is appended meanwhile stands
/// before all of this, or sees all of it.
async fn replace(run: &Transaction<'_>, erasure: &Erasure, part: LogPart) -> Result<u64, SqlError> {
    let sql = format!("SELECT id FROM chat_rooms WHERE id = ?{}", run.dialect.for_update());
    run.query(&sql, vec![number(part.room.0)]).await?;
    let traces = traces(run, erasure, part).await?;
    authors(run, erasure, part).await?;
    mentions(run, erasure, part.room, &traces).await?;
    reactions(run, erasure, part.room, &traces).await?;
    thread_users(run, erasure, part.room, &traces).await?;
    members(run, part.room, &traces).await?;
    Ok(traces.len() as u64)
}

/// Another author of events, of deleted messages and of those that mention somebody.
async fn authors(run: &Transaction<'_>, erasure: &Erasure, part: LogPart) -> Result<(), SqlError> {
    let (old, new) = (|| opaque(run, &erasure.user), || opaque(run, &erasure.new_id));
    let values = |set: Vec<Value>| set.into_iter().chain(of_part(part)).chain([old()]).collect();
    let sql = format!("UPDATE chat_events SET user_id = ?, user_name = ? WHERE {IN_PART} AND user_id = ?");
    run.execute(&sql, values(vec![new(), DELETED_USER.into()])).await?;
    for (table, column) in [("chat_tombstones", "user_id"), ("chat_mentions", "author_id")] {
        let sql = format!("UPDATE {table} SET {column} = ? WHERE {IN_PART} AND {column} = ?");
        run.execute(&sql, values(vec![new()])).await?;
    }
    if erasure.mode == Erase::Redact {
        let sql = format!(
            "UPDATE chat_events SET body = NULL, fingerprint = 0 WHERE {IN_PART} AND user_id = ? \
             AND kind IN ({DELETED}, {MEMBER}) AND body IS NOT NULL"
        );
        run.execute(&sql, of_part(part).into_iter().chain([new()]).collect()).await?;
    }
    Ok(())
}

/// Another name of the user where something has happened with them.
async fn members(run: &Transaction<'_>, room: RoomId, traces: &[Trace]) -> Result<(), SqlError> {
    let theirs = traces.iter().filter(|trace| trace.kind == MEMBER && trace.mentions.is_some());
    let renamed = theirs.filter_map(|trace| Some((trace.seq, member_renamed(trace.text.as_deref()?, DELETED_USER))));
    let rows = renamed.map(|(seq, said)| [number(room.0), number(seq.0), said.into()]);
    let (set, on) = ("meta = k.said", "chat_events.room_id = k.room AND chat_events.seq = k.target");
    let update = About::Update { table: "chat_events", set, on };
    Rows::new(&["room", "target", "said"], rows).execute(run, update).await
}

/// Another user among those whom messages and edits mention.
async fn mentions(run: &Transaction<'_>, erasure: &Erasure, room: RoomId, traces: &[Trace]) -> Result<(), SqlError> {
    let listed = traces.iter().filter_map(|trace| {
        let users = mentions_to_text(trace.mentions.as_ref()?);
        Some([number(room.0), number(trace.seq.0), users.into()])
    });
    let (set, on) = ("mentions = k.users", "chat_events.room_id = k.room AND chat_events.seq = k.target");
    let update = About::Update { table: "chat_events", set, on };
    Rows::new(&["room", "target", "users"], listed).execute(run, update).await?;

    let (old, new) = (opaque(run, &erasure.user), opaque(run, &erasure.new_id));
    let targets: BTreeSet<Seq> = traces.iter().filter_map(Trace::mentioning).collect();
    let rows = Rows::new(
        &["user_id", "room_id", "seq"],
        targets.into_iter().map(|seq| [old.clone(), number(room.0), number(seq.0)]),
    );
    let mentioned = About::Select {
        columns: "m.seq, m.author_id",
        tables: "chat_mentions m",
        on: "m.user_id = k.user_id AND m.room_id = k.room_id AND m.seq = k.seq",
        with_constants: true,
    };
    let mut moved = Vec::new();
    for row in rows.query(run, mentioned).await? {
        let author = run.dialect.opaque_from(&row, 1)?;
        moved.push([new.clone(), number(room.0), number(unsigned(&row, 0)?), run.dialect.opaque(author.as_deref())]);
    }
    rows.execute(run, About::Delete { table: "chat_mentions" }).await?;
    let put = About::Put { table: "chat_mentions", key: 3, optional: "author_id" };
    Rows::new(&["user_id", "room_id", "seq", "author_id"], moved).execute(run, put).await
}

/// Another user who has reacted.
async fn reactions(run: &Transaction<'_>, erasure: &Erasure, room: RoomId, traces: &[Trace]) -> Result<(), SqlError> {
    let (old, new) = (opaque(run, &erasure.user), opaque(run, &erasure.new_id));
    let reactions = traces.iter().filter(|trace| trace.is_author && trace.kind == REACTION);
    let reactions: BTreeSet<(Seq, &str)> =
        reactions.filter_map(|trace| Some((trace.target?, trace.text.as_deref()?))).collect();
    let rows = reactions.into_iter().map(|(target, reaction)| {
        let reaction = run.dialect.opaque(Some(reaction));
        [number(room.0), number(target.0), reaction, old.clone(), new.clone(), DELETED_USER.into()]
    });
    let on = "chat_reactions.room_id = k.room AND chat_reactions.target_seq = k.target \
         AND chat_reactions.reaction = k.emoji AND chat_reactions.user_id = k.was";
    let update = About::Update { table: "chat_reactions", set: "user_id = k.becomes, user_name = k.name", on };
    Rows::new(&["room", "target", "emoji", "was", "becomes", "name"], rows).execute(run, update).await
}

/// Another user who has written in threads.
async fn thread_users(
    run: &Transaction<'_>,
    erasure: &Erasure,
    room: RoomId,
    traces: &[Trace],
) -> Result<(), SqlError> {
    let (old, new) = (opaque(run, &erasure.user), opaque(run, &erasure.new_id));
    let roots: BTreeSet<Seq> = traces.iter().filter(|trace| trace.is_author).filter_map(|trace| trace.thread).collect();
    let rows = roots.into_iter().map(|root| [number(room.0), number(root.0), old.clone(), new.clone()]);
    let on = "chat_thread_users.room_id = k.room AND chat_thread_users.root_seq = k.root \
         AND chat_thread_users.user_id = k.was";
    let update = About::Update { table: "chat_thread_users", set: "user_id = k.becomes", on };
    Rows::new(&["room", "root", "was", "becomes"], rows).execute(run, update).await
}

async fn forget_marks(run: &Transaction<'_>, user: &UserId, limit: usize) -> Result<usize, SqlError> {
    let mut removed = 0;
    let by = "UPDATE chat_restrictions SET by_id = NULL, by_name = '', reason = '' WHERE by_id = ?";
    run.execute(by, vec![opaque(run, user)]).await?;
    let by = "UPDATE chat_invites SET by_id = NULL, by_name = '' WHERE by_id = ?";
    run.execute(by, vec![opaque(run, user)]).await?;
    let pairs = "DELETE FROM chat_direct WHERE room_id IN (SELECT m.room_id FROM chat_members m WHERE m.user_id = ?)";
    run.execute(pairs, vec![opaque(run, user)]).await?;
    let tables = [
        ("chat_reads", "user_id, room_id, thread"),
        ("chat_notify", "user_id, room_id"),
        ("chat_members", "room_id, user_id"),
        ("chat_restrictions", "room_id, kind, user_id"),
        ("chat_invite_uses", "room_id, code, user_id"),
    ];
    for (table, key) in tables {
        if removed < limit {
            let sql = run.dialect.delete_some(table, key, "user_id = ?");
            let done = run.execute(&sql, vec![opaque(run, user), count(limit - removed)]).await?;
            removed += rows_removed(&done);
        }
    }
    Ok(removed)
}

/// The rows of a part of a log; see [`of_part`].
const IN_PART: &str = "room_id = ? AND seq >= ? AND seq <= ?";

fn of_part(part: LogPart) -> [Value; 3] {
    [part.room.0, part.first.0, part.last.0].map(number)
}

fn opaque(run: &Run<'_, impl ConnectionTrait>, user: &UserId) -> Value {
    run.dialect.opaque(Some(user.as_str()))
}

const fn mode(mode: Erase) -> i16 {
    match mode {
        Erase::Anonymise => ANONYMISE,
        Erase::Redact => REDACT,
    }
}

#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests {
    use std::sync::{Arc, Mutex};

    use sea_orm::TransactionTrait;

    use super::*;
    use crate::{
        Body, Identity, Reaction, RoomName, Topic,
        append::{Entry, EventKey, Op, RoomBatch, RoomRecord},
        store::{Store, sea::transaction::OpenTransaction},
    };

    /// A store in memory with a room in which Alice says, mentions and reacts much.
    async fn prepared() -> (SeaStore, RoomId) {
        let store = SeaStore::open("sqlite::memory:").await.unwrap();
        let (name, topic) = (RoomName::new("general").unwrap(), Topic::new("").unwrap());
        let room = store.create_room(&RoomRecord::open(name, topic, Timestamp(1))).await.unwrap().unwrap().id;
        let alice = Identity::named("alice").unwrap();
        let body = |thread| Body { mentions: vec![alice.id.clone()], thread, ..Body::text("x") };
        let ops = (1..=50).flat_map(|number| {
            let message = Op::Message(body((number > 1).then_some(Seq(1))));
            [message, Op::React(Seq(1), Reaction::new(&format!("r{}", number % 20)).unwrap(), true)]
        });
        let entry = |(index, op)| {
            Entry::new(Some(alice.clone()), EventKey::from_stored(&format!("key {index}")), Timestamp(1), op)
        };
        store.append(&[RoomBatch { room, entries: ops.enumerate().map(entry).collect() }]).await.unwrap();
        (store, room)
    }

    #[tokio::test]
    async fn a_step_has_few_statements_and_none_scans_a_table() {
        let (store, room) = prepared().await;
        let user = UserId::from_stored("alice");
        let erasure = Erasure { user, new_id: UserId::of_erased(7), mode: Erase::Redact, at: Timestamp(1) };
        let checkout = store.writers.checkout().await.unwrap();
        let mut connection = checkout.connection().clone();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let seeing = Arc::clone(&seen);
        connection.set_metric_callback(move |info| seeing.lock().unwrap().push(info.statement.sql.clone()));
        let transaction = connection.begin().await.unwrap();
        let Run { dialect, sealing, time_out, .. } = checkout.run();
        let on = OpenTransaction::OfHost(&transaction);
        let run = Run { on: &on, dialect, sealing, time_out };
        let part = LogPart { room, first: Seq(1), last: Seq(512) };
        assert!(replace(&run, &erasure, part).await.unwrap() > 60);
        messages_of(&run, &erasure, part).await.unwrap();
        forget_marks(&run, &erasure.user, 10).await.unwrap();
        transaction.commit().await.unwrap();
        let statements = std::mem::take(&mut *seen.lock().unwrap());
        assert!(statements.len() <= 21, "{statements:#?}");
        for sql in statements {
            let values = vec![Value::from(1_i64); sql.matches('?').count()];
            for row in checkout.run().query(&format!("EXPLAIN QUERY PLAN {sql}"), values).await.unwrap() {
                let step: String = row.try_get_by_index(3).unwrap();
                let is_list = ["(subquery", "CONSTANT", "VALUES CLAUSE", "SCAN k"];
                let is_whole = step.starts_with("SCAN ") && !is_list.iter().any(|list| step.contains(list));
                assert!(!is_whole && !step.contains("KEY (room_id=?)"), "{step} of {sql}");
            }
        }
    }
}

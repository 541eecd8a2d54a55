//! Messages that hosts queue in transactions of their own.

use std::{any::Any, sync::Arc};

use async_trait::async_trait;
use sea_orm::{ConnectionTrait, DatabaseTransaction, QueryResult, Value};

use super::{
    SeaStore, append,
    dialect::{
        about::{About, Rows},
        lists::{padded, repeated},
    },
    error::SqlError,
    pool::{Checkout, Pool},
    purge::rows_removed,
    rooms::{self, count},
    rows::{MENTIONS_ROOM, mentions_from_text, mentions_to_text, number, optional_seq, signed, unsigned},
    run::{Run, STATEMENT_TIMEOUT, Transaction, Write},
    transaction::OpenTransaction,
};
use crate::{
    Body, Epoch, Erase, Error, Identity, Room, RoomId, Sent, Seq, Timestamp, UserId, UserName,
    append::{Entry, EventKey, Op, RoomRecord},
    erasure::{DELETED_USER, Erasure},
    failpoints::{self, Point},
    outbox::{InOutbox, OutboxEntry, OutboxFailure, OutboxId, Unreadable, Waiting},
    store::{HostTransaction, Outbox, StoreError},
    text_keys::TextPart,
};

const COLUMNS: &str =
    "id, room_id, user_id, user_name, idem_key, at_us, reply_to, thread, body, meta, mentions, flags, failure";

impl HostTransaction for DatabaseTransaction {
    fn as_any(&self) -> &dyn Any {
        self
    }
}

#[async_trait]
impl Outbox for SeaStore {
    async fn queue(
        &self,
        within: &dyn HostTransaction,
        entry: &OutboxEntry,
    ) -> Result<Result<InOutbox, Error>, StoreError> {
        let Some(on) = self.of_host(within) else { return Ok(Err(Error::foreign_transaction())) };
        let run = self.run_in(&on);
        let epoch = self.known_epoch().clone();
        Ok(queue(&run, &epoch, entry).await?)
    }

    async fn waiting(&self, except: &[RoomId], limit: usize) -> Result<Vec<Waiting>, StoreError> {
        let except = padded(except);
        let and_not = if except.is_empty() { String::new() } else { and_not_in(except.len()) };
        let sql = format!(
            "SELECT {COLUMNS} FROM chat_outbox WHERE failure IS NULL{and_not} AND room_id NOT IN \
             (SELECT room_id FROM chat_outbox WHERE failure = ?) ORDER BY id LIMIT ?"
        );
        let code = self.source.dialect().opaque(Some(Unreadable::KeyMissing.code()));
        let values = except.into_iter().map(|room| number(room.0)).chain([code, count(limit)]).collect();
        let rows = self.outbox_rows(sql, values).await?;
        Ok(rows.into_iter().map(|Row { id, entry, unreadable, .. }| Waiting { id, entry, unreadable }).collect())
    }

    async fn taken(&self, ids: &[OutboxId]) -> Result<(), StoreError> {
        let write = Write::begin(&self.writers).await?;
        let taken = Rows::new(&["id"], ids.iter().map(|id| [number(id.0)]));
        let removed = taken.execute(&write.run(), About::Delete { table: "chat_outbox" }).await;
        Ok(write.end(removed).await?)
    }

    async fn failed(&self, id: OutboxId, code: &str) -> Result<(), StoreError> {
        let write = Write::begin(&self.writers).await?;
        let failed = set_failure(&write.run(), id, Some(code)).await;
        Ok(write.end(failed).await?)
    }

    async fn failures(&self, limit: usize) -> Result<Vec<OutboxFailure>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM chat_outbox WHERE failure IS NOT NULL ORDER BY id LIMIT ?");
        let rows = self.outbox_rows(sql, vec![count(limit)]).await?;
        Ok(rows.into_iter().filter_map(|row| Some(OutboxFailure::new(row.id, row.entry, row.failure?))).collect())
    }

    async fn forget(&self, id: OutboxId) -> Result<bool, StoreError> {
        let write = Write::begin(&self.writers).await?;
        let sql = "DELETE FROM chat_outbox WHERE id = ? AND failure IS NOT NULL";
        let removed = write.run().execute(sql, vec![number(id.0)]).await;
        Ok(rows_removed(&write.end(removed).await?) > 0)
    }

    async fn replace(&self, erasure: &Erasure) -> Result<(), StoreError> {
        let write = Write::begin(&self.writers).await?;
        let replaced = replace(&write.run(), erasure).await;
        Ok(write.end(replaced).await?)
    }
}

impl SeaStore {
    /// Runs statements in a transaction of the host's.
    fn run_in<'a>(&'a self, on: &'a OpenTransaction<'_>) -> Transaction<'a> {
        let (dialect, sealing, time_out) = (self.source.dialect(), &*self.sealing, STATEMENT_TIMEOUT);
        Run { on, dialect, sealing, time_out }
    }

    /// A transaction of the host's, if it is one of such a database.
    fn of_host<'h>(&self, within: &'h dyn HostTransaction) -> Option<OpenTransaction<'h>> {
        let on = within.as_any().downcast_ref::<DatabaseTransaction>()?;
        (on.get_database_backend() == self.source.dialect().backend()).then_some(OpenTransaction::OfHost(on))
    }

    /// Makes a room within a transaction of the host's. See [`Store::create_room_in`](crate::store::Store::create_room_in).
    pub(super) async fn create_in(
        &self,
        within: &dyn HostTransaction,
        new: &RoomRecord,
    ) -> Result<Option<Result<Room, Option<Room>>>, SqlError> {
        let epoch = self.known_epoch().clone();
        let Some(on) = self.of_host(within) else { return Ok(None) };
        let run = self.run_in(&on);
        if !is_ours(&run, &epoch).await? {
            return Ok(None);
        }
        if let Some(claim) = new.claim()
            && let Some(holder) = rooms::holder(&run, &claim).await?
        {
            return Ok(Some(Err(Some(holder))));
        }
        match rooms::create(&run, new).await {
            Ok(room) => Ok(Some(Ok(room))),
            Err(fault) if fault.is_taken => Ok(Some(Err(None))),
            Err(fault) => Err(fault),
        }
    }

    async fn outbox_rows(&self, sql: String, values: Vec<Value>) -> Result<Vec<Row>, SqlError> {
        let reading = |checkout: Arc<Checkout>| async move {
            let run = checkout.run();
            let rows = run.query(&sql, values.clone()).await?;
            rows.iter().map(|row| Row::read(&run, row)).collect()
        };
        self.readers.read(reading).await
    }
}

/// A condition that leaves out so many rooms.
fn and_not_in(rooms: usize) -> String {
    format!(" AND room_id NOT IN ({})", repeated("?", rooms))
}

/// Encrypts, or decrypts, what waits in the outbox or stays there, as it is to be stored now. What cannot be read stays as it is.
pub(super) async fn rewrite(run: &Transaction<'_>) -> Result<(), SqlError> {
    for row in run.query(&format!("SELECT {COLUMNS} FROM chat_outbox"), Vec::new()).await? {
        let Row { id, entry, unreadable, .. } = Row::read(run, &row)?;
        if unreadable.is_none() {
            write_text(run, id, &entry).await?;
        }
    }
    Ok(())
}

/// Lets wait again what has failed because a key was missing: it may be there now.
pub(super) async fn try_again_with_keys(writers: &Arc<Pool>) -> Result<(), SqlError> {
    let checkout = writers.checkout().await?;
    let missing = || vec![checkout.dialect().opaque(Some(Unreadable::KeyMissing.code()))];
    let sql = "SELECT id FROM chat_outbox WHERE failure = ? LIMIT 1";
    if checkout.run().query_one(sql, missing()).await?.is_some() {
        checkout.run().execute("UPDATE chat_outbox SET failure = NULL WHERE failure = ?", missing()).await?;
    }
    Ok(())
}

/// A message in the outbox.
struct Row {
    id: OutboxId,
    /// Without its body if that cannot be read.
    entry: OutboxEntry,
    unreadable: Option<Unreadable>,
    failure: Option<String>,
}

impl Row {
    fn read(run: &Run<'_, impl ConnectionTrait>, row: &QueryResult) -> Result<Self, SqlError> {
        let opaque = |index| Ok::<_, SqlError>(run.dialect.opaque_from(row, index)?.unwrap_or_default());
        let (id, room) = (OutboxId(unsigned(row, 0)?), RoomId(unsigned(row, 1)?));
        let (body, unreadable) = match read_body(run, row, place(room, id)) {
            Ok(body) => (body, None),
            Err(unreadable) => (Body::default(), Some(unreadable)),
        };
        let name = UserName::from_stored(&row.try_get_by_index::<String>(3)?);
        let entry = OutboxEntry {
            room,
            author: Identity::of(UserId::from_stored(&opaque(2)?), name),
            key: EventKey::from_stored(&opaque(4)?),
            body,
            at: Timestamp(row.try_get_by_index(5)?),
        };
        Ok(Self { id, entry, unreadable, failure: run.dialect.opaque_from(row, 12)? })
    }
}

/// What a message says. One that cannot be read concerns nobody else: it does not end the reading of others.
fn read_body(run: &Run<'_, impl ConnectionTrait>, row: &QueryResult, at: (RoomId, Seq)) -> Result<Body, Unreadable> {
    let stored = |index| row.try_get_by_index::<Option<String>>(index).map_err(|_| Unreadable::Damaged);
    let text = |part, index| {
        let stored = stored(index)?;
        if run.sealing.lacks_key(stored.as_deref()) {
            return Err(Unreadable::KeyMissing);
        }
        run.sealing.open(at, part, stored).map_err(|_| Unreadable::Damaged)
    };
    let seq = |index| optional_seq(row, index).map_err(|_| Unreadable::Damaged);
    let mentions = stored(10)?.map_or(Ok(Vec::new()), |text| mentions_from_text(&text));
    let flags: i16 = row.try_get_by_index(11).map_err(|_| Unreadable::Damaged)?;
    Ok(Body {
        content: text(TextPart::Draft, 8)?.ok_or(Unreadable::Damaged)?,
        reply_to: seq(6)?,
        thread: seq(7)?,
        mentions: mentions.map_err(|_| Unreadable::Damaged)?,
        mentions_room: flags & MENTIONS_ROOM != 0,
        meta: text(TextPart::DraftMeta, 9)?,
    })
}

/// Where a text of the outbox stands: it cannot be read in another place.
const fn place(room: RoomId, id: OutboxId) -> (RoomId, Seq) {
    (room, Seq(id.0))
}

/// What became of the row of a message that is to be queued.
enum Place {
    /// It is in the transaction.
    New,
    /// The same message has failed before.
    Failed(OutboxId),
    /// It is there, and nobody can read it.
    Unreadable,
    /// Another transaction had it, and it was taken meanwhile.
    Taken,
}

/// Queues a message. The row comes first, since a transaction of SQLite's that has read cannot always write later.
async fn queue(run: &Transaction<'_>, epoch: &Epoch, entry: &OutboxEntry) -> Result<Result<InOutbox, Error>, SqlError> {
    failpoints::reached(Point::InOutbox);
    let place = if insert(run, entry).await? {
        failpoints::reached(Point::InOutbox);
        Place::New
    } else {
        match find(run, entry).await? {
            Some(row) if row.unreadable.is_some() => Place::Unreadable,
            Some(row) if row.entry.body != entry.body => return Ok(Err(Error::IdempotencyMismatch)),
            Some(row) if row.failure.is_none() => return Ok(Ok(InOutbox::Queued)),
            Some(row) => Place::Failed(row.id),
            None => Place::Taken,
        }
    };
    let could = if is_ours(run, epoch).await? {
        append::could_append(run, entry.room, to_append(entry)).await?
    } else {
        Err(Error::foreign_transaction())
    };
    if could != Ok(None) && matches!(place, Place::New) {
        remove(run, entry).await?;
    }
    match (could, place) {
        (Ok(None), Place::New) => {
            seal(run, entry).await?;
            Ok(Ok(InOutbox::Queued))
        }
        (Ok(None), Place::Unreadable) => {
            remove(run, entry).await?;
            insert(run, entry).await?;
            seal(run, entry).await?;
            Ok(Ok(InOutbox::Queued))
        }
        (Ok(None), Place::Failed(id)) => {
            set_failure(run, id, None).await?;
            Ok(Ok(InOutbox::Queued))
        }
        (Ok(None), Place::Taken) => Ok(Err(Error::Unavailable)),
        (Ok(Some(event)), _) => Ok(Ok(InOutbox::Sent(Sent { seq: event.seq, event, replayed: true }))),
        (Err(error), _) => Ok(Err(error)),
    }
}

/// Encrypts the text of a new row for its place, if texts are encrypted.
async fn seal(run: &Transaction<'_>, entry: &OutboxEntry) -> Result<(), SqlError> {
    if run.sealing.seals()
        && let Some(row) = find(run, entry).await?
    {
        write_text(run, row.id, entry).await?;
    }
    Ok(())
}

/// Whether this transaction is in the database of this history.
async fn is_ours(run: &Transaction<'_>, epoch: &Epoch) -> Result<bool, SqlError> {
    let row = run.query_one("SELECT epoch FROM chat_meta", Vec::new()).await?;
    let stored = row.map_or(Ok(None), |row| run.dialect.opaque_from(&row, 0))?;
    Ok(stored.as_deref() == Some(epoch.as_str()))
}

/// As the log is asked for it: by the host, whose word counts whatever the author may do.
fn to_append(entry: &OutboxEntry) -> Entry {
    let OutboxEntry { author, key, body, at, .. } = entry.clone();
    Entry { by_system: true, ..Entry::new(Some(author), key, at, Op::Message(body)) }
}

/// Writes the row, unless there is one with this key. If texts are encrypted, its text follows when it has a number.
async fn insert(run: &Transaction<'_>, entry: &OutboxEntry) -> Result<bool, SqlError> {
    let OutboxEntry { room, author, key, body, at } = entry;
    let text = |text: Option<&str>| -> Value { text.filter(|_| !run.sealing.seals()).map(str::to_owned).into() };
    let seq = |seq: Option<Seq>| -> Value { seq.map(|seq| signed(seq.0)).into() };
    let mentions = (!body.mentions.is_empty()).then(|| mentions_to_text(&body.mentions));
    let values = vec![
        number(room.0),
        run.dialect.opaque(Some(author.id.as_str())),
        author.name.as_str().to_owned().into(),
        run.dialect.opaque(Some(key.as_str())),
        at.0.into(),
        seq(body.reply_to),
        seq(body.thread),
        text(Some(&body.content)),
        text(body.meta.as_deref()),
        mentions.into(),
        (if body.mentions_room { MENTIONS_ROOM } else { 0 }).into(),
    ];
    let row = "chat_outbox (room_id, user_id, user_name, idem_key, at_us, reply_to, thread, body, meta, mentions, flags) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    let inserted = run.execute(&run.dialect.insert_unless_there(row), values).await?;
    Ok(rows_removed(&inserted) > 0)
}

/// The row with this key, also if it was committed after the transaction began.
async fn find(run: &Transaction<'_>, entry: &OutboxEntry) -> Result<Option<Row>, SqlError> {
    let sql = format!("SELECT {COLUMNS} FROM chat_outbox WHERE {BY_KEY}{}", run.dialect.for_update());
    let row = run.query_one(&sql, by_key(run, entry)).await?;
    row.map(|row| Row::read(run, &row)).transpose()
}

async fn remove(run: &Transaction<'_>, entry: &OutboxEntry) -> Result<(), SqlError> {
    run.execute(&format!("DELETE FROM chat_outbox WHERE {BY_KEY}"), by_key(run, entry)).await.map(drop)
}

const BY_KEY: &str = "idem_key = ? AND room_id = ? AND user_id = ?";

fn by_key(run: &Transaction<'_>, OutboxEntry { room, author, key, .. }: &OutboxEntry) -> Vec<Value> {
    let opaque = |text| run.dialect.opaque(Some(text));
    vec![opaque(key.as_str()), number(room.0), opaque(author.id.as_str())]
}

/// Writes the text of a row as it is to be stored.
async fn write_text(run: &Transaction<'_>, id: OutboxId, entry: &OutboxEntry) -> Result<(), SqlError> {
    let seal = |part, text| run.sealing.seal(place(entry.room, id), part, text);
    let content = seal(TextPart::Draft, Some(entry.body.content.clone()))?;
    let meta = seal(TextPart::DraftMeta, entry.body.meta.clone())?;
    let sql = "UPDATE chat_outbox SET body = ?, meta = ? WHERE id = ?";
    run.execute(sql, vec![content.into(), meta.into(), number(id.0)]).await.map(drop)
}

async fn set_failure(run: &Transaction<'_>, id: OutboxId, code: Option<&str>) -> Result<(), SqlError> {
    let sql = "UPDATE chat_outbox SET failure = ? WHERE id = ?";
    run.execute(sql, vec![run.dialect.opaque(code), number(id.0)]).await.map(drop)
}

/// Puts another user in the place of one who is erased.
async fn replace(run: &Transaction<'_>, erasure: &Erasure) -> Result<(), SqlError> {
    let opaque = |user: &UserId| run.dialect.opaque(Some(user.as_str()));
    if erasure.mode == Erase::Redact {
        run.execute("DELETE FROM chat_outbox WHERE user_id = ?", vec![opaque(&erasure.user)]).await?;
    }
    let sql = "UPDATE chat_outbox SET user_id = ?, user_name = ? WHERE user_id = ?";
    let values = vec![opaque(&erasure.new_id), DELETED_USER.into(), opaque(&erasure.user)];
    run.execute(sql, values).await?;
    for row in run.query("SELECT id, mentions FROM chat_outbox WHERE mentions IS NOT NULL", Vec::new()).await? {
        // What cannot be read names nobody, and is never sent.
        let Ok(mut mentions) = mentions_from_text(&row.try_get_by_index::<String>(1)?) else { continue };
        let Some(mentioned) = mentions.iter_mut().find(|user| **user == erasure.user) else { continue };
        *mentioned = erasure.new_id.clone();
        let sql = "UPDATE chat_outbox SET mentions = ? WHERE id = ?";
        run.execute(sql, vec![mentions_to_text(&mentions).into(), number(unsigned(&row, 0)?)]).await?;
    }
    Ok(())
}

//! What the databases say differently: one [`Dialect`] per database. Everything else is said once, in the modules beside
//! this one.

use std::{borrow::Cow, collections::BTreeMap, fmt::Debug};

use async_trait::async_trait;
use sea_orm::{
    AccessMode, DbBackend, DbErr, IsolationLevel, QueryResult, TransactionOptions, Value, sqlx::error::DatabaseError,
};
use sea_orm_migration::SchemaManagerConnection;

use self::about::{About, Chunk};
use super::{
    auto_commit::AutoCommit,
    error::SqlError,
    members,
    rooms::count,
    rows::unsigned,
    run::{Run, Transaction},
};
use crate::{
    RoomId, RoomKind, Timestamp,
    append::{RoomRecord, StoredEvent},
    rights::RoomTerms,
    store::StoreErrorKind,
};

pub(super) mod about;
#[cfg(any(feature = "sqlite", feature = "mysql"))]
mod batched;
pub(super) mod lists;
#[cfg(feature = "mysql")]
pub(super) mod mysql;
#[cfg(feature = "postgres")]
pub(super) mod postgres;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod raises;
#[cfg(feature = "sqlite")]
pub(super) mod sqlite;

/// The dialects that this build knows.
static DIALECTS: &[&dyn Dialect] = &[
    #[cfg(feature = "sqlite")]
    &sqlite::Sqlite,
    #[cfg(feature = "postgres")]
    &postgres::Postgres,
    #[cfg(feature = "mysql")]
    &mysql::MySql,
];

/// The dialect of one kind of database: its statements, and what its errors mean.
#[async_trait]
pub(super) trait Dialect: Debug + Send + Sync {
    /// As sea-orm calls it.
    fn backend(&self) -> DbBackend;

    /// How many appends may run side by side.
    fn append_concurrency(&self) -> u32 {
        2
    }

    /// How a transaction that writes begins.
    fn writing(&self) -> TransactionOptions {
        TransactionOptions::default()
    }

    /// How a transaction begins that reads several times and sees the database each time as it was at first.
    fn snapshot(&self) -> TransactionOptions {
        TransactionOptions {
            isolation_level: Some(IsolationLevel::RepeatableRead),
            access_mode: Some(AccessMode::ReadOnly),
            ..TransactionOptions::default()
        }
    }

    /// Locks the row that was selected until the transaction ends.
    fn for_update(&self) -> &'static str {
        " FOR UPDATE"
    }

    /// What stands behind a table that is to be read by this index, where the database would choose another one.
    fn by_index(&self, _index: &str) -> String {
        String::new()
    }

    /// A statement that does the same for each of these rows.
    fn about(&self, rows: Chunk<'_>, what: About<'_>) -> about::Statement;

    /// The function that finds its second argument in its first, literally, and is 0 where it is not.
    fn find_in(&self) -> &'static str {
        "instr"
    }

    /// What stands behind an insert of a page of names, so that a page that is already there stays as it is.
    fn unless_page_exists(&self) -> &'static str {
        " ON CONFLICT DO NOTHING"
    }

    /// A statement that inserts a row (what stands behind `INSERT INTO`) unless it breaks a key.
    fn insert_unless_there(&self, row: &str) -> String {
        format!("INSERT INTO {row} ON CONFLICT DO NOTHING")
    }

    /// A statement that deletes some rows, up to the number that is its last value, of those that hold a condition. `key` has
    /// the columns of the table's primary key.
    fn delete_some(&self, table: &str, key: &str, condition: &str) -> String {
        format!("DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table} WHERE {condition} LIMIT ?)")
    }

    /// Joins the rows of a table on a condition, by a look-up for each row of the tables before it; nulls where there are none.
    fn look_up(&self, table: &str, name: &str, condition: &str) -> String {
        format!(" LEFT JOIN {table} {name} ON {condition}")
    }

    /// A select with a limit of its own, as one of several that are joined.
    fn limited(&self, select: &str) -> String {
        format!("({select})")
    }

    /// A statement with the placeholders of this dialect, from one with `?` for each value (and no other `?` in it).
    fn numbered<'s>(&self, sql: &'s str) -> Cow<'s, str> {
        Cow::Borrowed(sql)
    }

    /// A string that is compared byte for byte, as a value.
    fn opaque(&self, text: Option<&str>) -> Value {
        text.map(str::to_owned).into()
    }

    /// A select of these numbers, which are one value however many they are.
    fn ids(&self, ids: Vec<i64>) -> (&'static str, Value);

    /// The string that was stored as [`opaque`](Self::opaque).
    fn opaque_from(&self, row: &QueryResult, index: usize) -> Result<Option<String>, SqlError> {
        Ok(row.try_get_by_index(index)?)
    }

    /// What an error means that this database reported; `None` if it is another database's.
    fn meaning_of(&self, error: &dyn DatabaseError) -> Option<Meaning>;

    /// Locks the rows of these rooms in id order, and returns the heads that the living ones had before. Where that spares a
    /// round trip, their heads are raised by what is expected.
    async fn lock_and_raise(&self, run: &Transaction<'_>, expected: &Raises) -> Result<Heads, SqlError>;

    /// Makes the heads of locked rooms what they are with exactly these raises, whatever
    /// [`lock_and_raise`](Self::lock_and_raise) has done. The events are inserted after it.
    async fn correct_heads(
        &self,
        run: &Transaction<'_>,
        before: &Heads,
        expected: &Raises,
        exact: &Raises,
    ) -> Result<(), SqlError>;

    /// The events that hold one of these keys.
    async fn find_keys(&self, run: &Transaction<'_>, keys: &[Key<'_>]) -> Result<Vec<StoredEvent>, SqlError>;

    /// What [`lock_and_raise`](Self::lock_and_raise) and [`find_keys`](Self::find_keys) do: in one round trip where that can be.
    async fn raise_and_find_keys(
        &self,
        run: &Transaction<'_>,
        expected: &Raises,
        keys: &[Key<'_>],
    ) -> Result<(Heads, Vec<StoredEvent>), SqlError> {
        raise_then_find_keys(run, expected, keys).await
    }

    /// Stores events of any kind.
    async fn insert_events(&self, run: &Transaction<'_>, events: &[StoredEvent]) -> Result<(), SqlError>;

    /// Stores a room; returns the id it was given.
    async fn insert_room(&self, run: &Transaction<'_>, new: &RoomRecord) -> Result<RoomId, SqlError> {
        let inserted = run.execute(INSERT_ROOM, room_values(run, new)).await?;
        Ok(RoomId(inserted.last_insert_id()))
    }

    /// Takes the lease on the database for this connection, or keeps it; `false` while another connection has it.
    async fn try_lease(&self, _run: &Run<'_, AutoCommit>) -> Result<bool, SqlError> {
        Ok(true)
    }

    /// Whether a definition can be rolled back with its transaction.
    fn has_transactional_definitions(&self) -> bool {
        true
    }

    /// Waits for another process that migrates, keeps others from doing so until this connection or transaction ends, and
    /// lifts the limits on how long a statement may take.
    async fn lock_migrations(&self, _on: &SchemaManagerConnection<'_>) -> Result<(), DbErr> {
        Ok(())
    }
}

/// What an error of a database means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Meaning {
    /// What kind of failure it is.
    pub(super) kind: StoreErrorKind,
    /// Whether the connection can no longer be trusted.
    pub(super) is_lost: bool,
}

/// A room's counters before an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    /// The number of its newest event.
    pub(super) seq: u64,
    /// How many messages it has.
    pub(super) messages: u64,
    /// What decides about rights in it, beside who is in it.
    pub(super) terms: RoomTerms,
    /// How many members it has.
    pub(super) members: u64,
    /// The newest event that changed rights.
    pub(super) rights_seq: u64,
}

impl Head {
    /// Whether everyone may do the same in the room: nobody owns it, and rights in it were never changed.
    pub(super) fn is_everybodys(&self) -> bool {
        self.rights_seq == 0 && !self.terms.owned && self.terms.kind == RoomKind::Public
    }
}

/// The columns of a room that make a [`Head`], behind its id.
pub(super) const HEAD_COLUMNS: [&str; 7] = ["head", "ordinal", "kind", "owned", "invites", "members", "rights_seq"];

/// A [`Head`] from its columns.
pub(super) fn head(row: &QueryResult, first: usize) -> Result<Head, SqlError> {
    Ok(Head {
        seq: unsigned(row, first)?,
        messages: unsigned(row, first + 1)?,
        terms: members::terms(row, first + 2)?,
        members: unsigned(row, first + 5)?,
        rights_seq: unsigned(row, first + 6)?,
    })
}

/// The counters of the living rooms among those asked for.
pub(super) type Heads = BTreeMap<RoomId, Head>;

/// What an append adds to a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Raise {
    /// How many events.
    pub(super) events: u64,
    /// How many of them are messages that count.
    pub(super) messages: u64,
    /// The newest of these messages, if there is one.
    pub(super) last_message: Option<LastMessage>,
}

/// The newest message of an append to a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LastMessage {
    /// As the how-manieth event of the append it is stored: 1 for the first.
    pub(super) place: u64,
    /// When it was sent.
    pub(super) at: Timestamp,
}

impl Raise {
    /// Adds an event; `message_at` is its time if it is a message that counts.
    pub(super) fn add(&mut self, message_at: Option<Timestamp>) {
        self.events += 1;
        if let Some(at) = message_at {
            self.messages += 1;
            self.last_message = Some(LastMessage { place: self.events, at });
        }
    }
}

/// What an append adds to each room.
pub(super) type Raises = BTreeMap<RoomId, Raise>;

/// What an event can be found by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key<'a> {
    /// Its room.
    pub(super) room: RoomId,
    /// Its actor.
    pub(super) user: &'a str,
    /// Its key.
    pub(super) key: &'a str,
}

/// The two, one after the other.
async fn raise_then_find_keys(
    run: &Transaction<'_>,
    expected: &Raises,
    keys: &[Key<'_>],
) -> Result<(Heads, Vec<StoredEvent>), SqlError> {
    Ok((run.dialect.lock_and_raise(run, expected).await?, run.dialect.find_keys(run, keys).await?))
}

/// The dialect that sea-orm knows by this name; `None` if this build does not.
pub(super) fn of(backend: DbBackend) -> Option<&'static dyn Dialect> {
    DIALECTS.iter().copied().find(|dialect| dialect.backend() == backend)
}

/// What an error means that a database reported.
pub(super) fn meaning_of(error: &dyn DatabaseError) -> Meaning {
    let unknown = Meaning { kind: StoreErrorKind::Failed, is_lost: false };
    DIALECTS.iter().find_map(|dialect| dialect.meaning_of(error)).unwrap_or(unknown)
}

const INSERT_ROOM: &str = "INSERT INTO chat_rooms (name, name_search, name_key, topic, created_at, kind, owned, invites, \
     members, external) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

fn room_values(run: &Transaction<'_>, new: &RoomRecord) -> Vec<Value> {
    let key = new.name.key();
    vec![
        new.name.as_str().to_owned().into(),
        run.dialect.opaque(Some(&key)),
        // Only public rooms have a name to themselves, if the host has no key for them.
        run.dialect.opaque(Some(&*key).filter(|_| new.kind == RoomKind::Public && new.external.is_none())),
        new.topic.as_str().to_owned().into(),
        new.created_at.0.into(),
        members::kind_value(new.kind),
        i16::from(new.is_owned()).into(),
        members::invites_value(new.invites),
        count(new.first_members().len()),
        run.dialect.opaque(new.external.as_deref()),
    ]
}

/// Heads from rows of an id and [`HEAD_COLUMNS`].
fn heads_from(rows: &[QueryResult]) -> Result<Heads, SqlError> {
    rows.iter().map(|row| Ok((RoomId(unsigned(row, 0)?), head(row, 1)?))).collect()
}

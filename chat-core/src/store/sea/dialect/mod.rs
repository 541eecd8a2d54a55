//! What the databases say differently. Everything else is said once, in the modules beside this one.

use std::{borrow::Cow, collections::BTreeMap};

use sea_orm::{DatabaseTransaction, DbBackend, QueryResult, SqliteTransactionMode, Value};

use super::{error::SqlError, rows::unsigned, run::Run};
use crate::{
    RoomId,
    append::{RoomRecord, StoredEvent},
};

#[cfg(any(feature = "sqlite", feature = "mysql"))]
mod batched;
pub(super) mod lists;
#[cfg(feature = "mysql")]
mod mysql;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;

/// A database's dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// SQLite.
    #[cfg(feature = "sqlite")]
    Sqlite,
    /// PostgreSQL.
    #[cfg(feature = "postgres")]
    Postgres,
    /// MySQL and MariaDB.
    #[cfg(feature = "mysql")]
    MySql,
}

/// A room's counters before an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    /// The number of its newest event.
    pub(super) seq: u64,
    /// How many messages it has.
    pub(super) messages: u64,
}

/// The counters of the living rooms among those asked for.
pub(super) type Heads = BTreeMap<RoomId, Head>;

/// How many messages each room is to get.
pub(super) type Counts = BTreeMap<RoomId, u64>;

/// What a message can be found by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key<'a> {
    /// Its room.
    pub(super) room: RoomId,
    /// Its author.
    pub(super) user: &'a str,
    /// Its key.
    pub(super) key: &'a str,
}

/// The transaction that statements of an append run in.
type Transaction<'a> = Run<'a, DatabaseTransaction>;

impl Dialect {
    /// As sea-orm calls it.
    pub(super) const fn backend(self) -> DbBackend {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite => DbBackend::Sqlite,
            #[cfg(feature = "postgres")]
            Self::Postgres => DbBackend::Postgres,
            #[cfg(feature = "mysql")]
            Self::MySql => DbBackend::MySql,
        }
    }

    /// As which sea-orm knows it; `None` if this build does not.
    #[allow(clippy::wildcard_enum_match_arm, reason = "which databases there are depends on features")]
    pub(super) const fn of(backend: DbBackend) -> Option<Self> {
        match backend {
            #[cfg(feature = "sqlite")]
            DbBackend::Sqlite => Some(Self::Sqlite),
            #[cfg(feature = "postgres")]
            DbBackend::Postgres => Some(Self::Postgres),
            #[cfg(feature = "mysql")]
            DbBackend::MySql => Some(Self::MySql),
            _ => None,
        }
    }

    /// How transactions that write begin: on SQLite with the lock, since one that takes it later can fail.
    pub(super) const fn begin_mode(self) -> Option<SqliteTransactionMode> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite => Some(SqliteTransactionMode::Immediate),
            #[cfg(feature = "postgres")]
            Self::Postgres => None,
            #[cfg(feature = "mysql")]
            Self::MySql => None,
        }
    }

    /// How many appends may run side by side.
    pub(super) const fn append_concurrency(self) -> u32 {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite => 1,
            #[cfg(feature = "postgres")]
            Self::Postgres => 2,
            #[cfg(feature = "mysql")]
            Self::MySql => 2,
        }
    }

    /// Locks the row that was selected until the transaction ends. On SQLite the whole database is.
    pub(super) const fn for_update(self) -> &'static str {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite => "",
            #[cfg(feature = "postgres")]
            Self::Postgres => " FOR UPDATE",
            #[cfg(feature = "mysql")]
            Self::MySql => " FOR UPDATE",
        }
    }

    /// The function that finds its second argument in its first, literally, and is 0 where it is not.
    pub(super) const fn find_in(self) -> &'static str {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite => "instr",
            #[cfg(feature = "postgres")]
            Self::Postgres => "strpos",
            #[cfg(feature = "mysql")]
            Self::MySql => "instr",
        }
    }

    /// What stands behind an insert of a page of names, so that a page that is already there stays as it is.
    pub(super) const fn unless_page_exists(self) -> &'static str {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite => " ON CONFLICT DO NOTHING",
            #[cfg(feature = "postgres")]
            Self::Postgres => " ON CONFLICT DO NOTHING",
            #[cfg(feature = "mysql")]
            Self::MySql => " ON DUPLICATE KEY UPDATE page = page",
        }
    }

    /// A statement with the placeholders of this dialect, from one with `?` for each value (and no other `?` in it).
    pub(super) fn numbered(self, sql: &str) -> Cow<'_, str> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite => Cow::Borrowed(sql),
            #[cfg(feature = "postgres")]
            Self::Postgres => postgres::numbered(sql),
            #[cfg(feature = "mysql")]
            Self::MySql => Cow::Borrowed(sql),
        }
    }

    /// A string that is compared byte for byte: on MySQL that takes a binary column.
    pub(super) fn opaque(self, text: Option<&str>) -> Value {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite => text.map(str::to_owned).into(),
            #[cfg(feature = "postgres")]
            Self::Postgres => text.map(str::to_owned).into(),
            #[cfg(feature = "mysql")]
            Self::MySql => text.map(|text| text.as_bytes().to_vec()).into(),
        }
    }

    /// The string that was stored as [`opaque`](Self::opaque).
    pub(super) fn opaque_from(self, row: &QueryResult, index: usize) -> Result<Option<String>, SqlError> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite => Ok(row.try_get_by_index(index)?),
            #[cfg(feature = "postgres")]
            Self::Postgres => Ok(row.try_get_by_index(index)?),
            #[cfg(feature = "mysql")]
            Self::MySql => mysql::opaque_from(row, index),
        }
    }

    /// Locks the rooms' rows in id order. `None` where nothing has to be locked. PostgreSQL raises the heads by `most` at
    /// once, which spares a round trip, and corrects them in [`raise_heads`](Self::raise_heads) where it was too much.
    #[cfg_attr(
        not(any(feature = "postgres", feature = "mysql")),
        expect(unused_variables, clippy::unused_async, reason = "SQLite has nothing to lock")
    )]
    pub(super) async fn lock_rooms(self, run: &Transaction<'_>, most: &Counts) -> Result<Option<Heads>, SqlError> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite => Ok(None),
            #[cfg(feature = "postgres")]
            Self::Postgres => postgres::lock_and_raise(run, most).await.map(Some),
            #[cfg(feature = "mysql")]
            Self::MySql => mysql::lock_rooms(run, most).await.map(Some),
        }
    }

    /// Raises the heads by exactly these counts; returns what they were before.
    #[cfg_attr(not(feature = "postgres"), expect(unused_variables, reason = "only PostgreSQL raised before"))]
    pub(super) async fn raise_heads(
        self,
        run: &Transaction<'_>,
        locked: Option<Heads>,
        most: &Counts,
        exact: &Counts,
    ) -> Result<Heads, SqlError> {
        let locked = locked.unwrap_or_default();
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite => sqlite::raise_heads(run, exact).await,
            #[cfg(feature = "postgres")]
            Self::Postgres => {
                postgres::correct_heads(run, &locked, most, exact).await?;
                Ok(locked)
            }
            #[cfg(feature = "mysql")]
            Self::MySql => {
                mysql::raise_heads(run, &locked, exact).await?;
                Ok(locked)
            }
        }
    }

    /// The events that hold one of these keys.
    pub(super) async fn find_keys(self, run: &Transaction<'_>, keys: &[Key<'_>]) -> Result<Vec<StoredEvent>, SqlError> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite => batched::find_keys(run, sqlite::AROUND_KEYS, keys).await,
            #[cfg(feature = "postgres")]
            Self::Postgres => postgres::find_keys(run, keys).await,
            #[cfg(feature = "mysql")]
            Self::MySql => batched::find_keys(run, mysql::AROUND_KEYS, keys).await,
        }
    }

    /// Stores messages.
    pub(super) async fn insert_messages(self, run: &Transaction<'_>, rows: &[StoredEvent]) -> Result<(), SqlError> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite => batched::insert_messages(run, rows).await,
            #[cfg(feature = "postgres")]
            Self::Postgres => postgres::insert_messages(run, rows).await,
            #[cfg(feature = "mysql")]
            Self::MySql => batched::insert_messages(run, rows).await,
        }
    }

    /// Stores a room; returns the id it was given.
    pub(super) async fn insert_room(self, run: &Transaction<'_>, new: &RoomRecord) -> Result<RoomId, SqlError> {
        const INSERT: &str =
            "INSERT INTO chat_rooms (name, name_search, name_key, topic, created_at) VALUES (?, ?, ?, ?, ?)";
        let key = new.name.key();
        let values = vec![
            new.name.as_str().to_owned().into(),
            self.opaque(Some(&key)),
            self.opaque(Some(&key)),
            new.topic.as_str().to_owned().into(),
            new.created_at.0.into(),
        ];
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite => Ok(RoomId(run.execute(INSERT, values).await?.last_insert_id())),
            #[cfg(feature = "postgres")]
            Self::Postgres => {
                let row = run.query_one(&format!("{INSERT} RETURNING id"), values).await?;
                let row = row.ok_or_else(|| SqlError::corrupt("an insert returned no id"))?;
                Ok(RoomId(unsigned(&row, 0)?))
            }
            #[cfg(feature = "mysql")]
            Self::MySql => Ok(RoomId(run.execute(INSERT, values).await?.last_insert_id())),
        }
    }
}

/// Heads from rows of id, head and ordinal.
fn heads_from(rows: &[QueryResult]) -> Result<Heads, SqlError> {
    let head = |row| Ok((RoomId(unsigned(row, 0)?), Head { seq: unsigned(row, 1)?, messages: unsigned(row, 2)? }));
    rows.iter().map(head).collect()
}

/// A room's id as a value.
#[cfg(any(feature = "sqlite", feature = "mysql"))]
fn id_value(room: RoomId) -> Value {
    super::rows::signed(room.0).into()
}

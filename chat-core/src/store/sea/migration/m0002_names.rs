//! Names are compared with full case folding, and packed for searching. Nothing but `chat_rooms` is read.
//!
//! On MySQL each step is committed by itself. So this can be run again from any point: rooms that have a `name_search` are
//! done.

use std::{collections::HashSet, ops::Range};

use sea_orm::{ConnectionTrait, DbBackend, DbErr, QueryResult, Statement, Value};
use sea_orm_migration::{
    MigrationName, MigrationTrait, SchemaManager, SchemaManagerConnection, async_trait::async_trait,
};

use super::super::{
    dialect::{self, Dialect, lists::repeated},
    names::{LINES, packed},
};
use crate::{
    RoomId,
    failpoints::{self, Point},
    fold::name_key,
};

/// How many ids a step goes through: whole rows of packed names.
const STEP: i64 = 32 * LINES.cast_signed();
/// How many rooms a statement has.
const ROWS: usize = 128;
/// How many rooms are named in the log.
const TOLD: usize = 10;

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0002_names"
    }
}

#[expect(elided_lifetimes_in_paths, reason = "async_trait must see the signature as the trait has it")]
#[async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        define(manager).await?;
        let database = Database::of(manager.get_connection())?;
        let mut from = 0;
        while let Some(ids) = database.next_step(from).await? {
            // No key of before may stand in the way of a new one.
            database.forget_keys(&ids).await?;
            from = ids.end;
        }
        let mut from = 0;
        while let Some(ids) = database.next_step(from).await? {
            failpoints::reached(Point::InMigration);
            let step = manager.begin().await?;
            Database::of(step.get_connection())?.name_rooms(&ids).await?;
            step.commit().await?;
            from = ids.end;
        }
        failpoints::reached(Point::InMigration);
        database.tell_clashes().await
    }
}

/// The new column and the new table.
async fn define(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let connection = manager.get_connection();
    let (opaque, table) = match connection.get_database_backend() {
        DbBackend::Sqlite => ("TEXT COLLATE BINARY", "(page INTEGER PRIMARY KEY, names TEXT COLLATE BINARY NOT NULL)"),
        DbBackend::Postgres => ("TEXT COLLATE \"C\"", "(page BIGINT PRIMARY KEY, names TEXT COLLATE \"C\" NOT NULL)"),
        DbBackend::MySql => (
            "VARBINARY(1024)",
            "(page BIGINT NOT NULL PRIMARY KEY, names MEDIUMBLOB NOT NULL) \
             ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin",
        ),
        _ => return Err(DbErr::Migration("unknown database".to_owned())),
    };
    failpoints::reached(Point::InMigration);
    if !manager.has_column("chat_rooms", "name_search").await? {
        connection.execute_unprepared(&format!("ALTER TABLE chat_rooms ADD COLUMN name_search {opaque}")).await?;
    }
    failpoints::reached(Point::InMigration);
    connection.execute_unprepared(&format!("CREATE TABLE IF NOT EXISTS chat_room_names {table}")).await?;
    Ok(())
}

/// A living room.
struct Row {
    id: i64,
    name: String,
    /// Whether it was named before this was interrupted.
    is_done: bool,
}

/// Where statements run.
struct Database<'a> {
    on: &'a SchemaManagerConnection<'a>,
    dialect: &'static dyn Dialect,
}

impl<'a> Database<'a> {
    fn of(on: &'a SchemaManagerConnection<'a>) -> Result<Self, DbErr> {
        let dialect = dialect::of(on.get_database_backend());
        Ok(Self { on, dialect: dialect.ok_or_else(|| DbErr::Migration("unknown database".to_owned()))? })
    }

    /// The ids of the next step: from the first living room that is not below `from`.
    async fn next_step(&self, from: i64) -> Result<Option<Range<i64>>, DbErr> {
        let sql = "SELECT id FROM chat_rooms WHERE deleted_at IS NULL AND id >= ? ORDER BY id LIMIT 1";
        let Some(row) = self.query(sql, vec![from.into()]).await?.into_iter().next() else { return Ok(None) };
        let first: i64 = row.try_get_by_index(0)?;
        let start = first - first % LINES.cast_signed();
        Ok(Some(start..start + STEP))
    }

    async fn forget_keys(&self, ids: &Range<i64>) -> Result<(), DbErr> {
        let sql = "UPDATE chat_rooms SET name_key = NULL \
             WHERE id >= ? AND id < ? AND deleted_at IS NULL AND name_search IS NULL";
        self.execute(sql, vec![ids.start.into(), ids.end.into()]).await
    }

    /// Gives these rooms their names to be searched by and their keys, and packs the names.
    async fn name_rooms(&self, ids: &Range<i64>) -> Result<(), DbErr> {
        let rooms = self.rooms(ids).await?;
        let named: Vec<(i64, String)> = rooms.iter().map(|room| (room.id, name_key(&room.name))).collect();
        let is_new = rooms.iter().map(|room| !room.is_done);
        let new: Vec<_> = named.iter().zip(is_new).filter_map(|(named, is_new)| is_new.then_some(named)).collect();
        for rooms in new.chunks(ROWS) {
            self.name(rooms).await?;
        }
        self.pack(ids, &named).await
    }

    async fn rooms(&self, ids: &Range<i64>) -> Result<Vec<Row>, DbErr> {
        let sql = "SELECT id, name, name_search IS NOT NULL FROM chat_rooms \
             WHERE id >= ? AND id < ? AND deleted_at IS NULL ORDER BY id";
        let found = self.query(sql, vec![ids.start.into(), ids.end.into()]).await?;
        let row = |row: &QueryResult| {
            Ok(Row {
                id: row.try_get_by_index(0)?,
                name: row.try_get_by_index::<Option<String>>(1)?.unwrap_or_default(),
                is_done: row.try_get_by_index(2)?,
            })
        };
        found.iter().map(row).collect()
    }

    /// The first by id of those that want a key gets it.
    async fn name(&self, rooms: &[&(i64, String)]) -> Result<(), DbErr> {
        let mut taken = self.taken(rooms).await?;
        let (mut searches, mut keys, mut ids) = (Vec::new(), Vec::new(), Vec::new());
        for (id, name) in rooms {
            let key = taken.insert(name.clone()).then_some(name.as_str());
            searches.extend([Value::from(*id), self.dialect.opaque(Some(name))]);
            keys.extend([Value::from(*id), self.dialect.opaque(key)]);
            ids.push(Value::from(*id));
        }
        let cases = "WHEN ? THEN ? ".repeat(rooms.len());
        let sql = format!(
            "UPDATE chat_rooms SET name_search = CASE id {cases}END, name_key = CASE id {cases}END WHERE id IN ({})",
            repeated("?", rooms.len())
        );
        self.execute(&sql, [searches, keys, ids].concat()).await
    }

    /// Which of the names these rooms want are another room's key.
    async fn taken(&self, rooms: &[&(i64, String)]) -> Result<HashSet<String>, DbErr> {
        let sql = format!("SELECT name_key FROM chat_rooms WHERE name_key IN ({})", repeated("?", rooms.len()));
        let names = rooms.iter().map(|(_, name)| self.dialect.opaque(Some(name))).collect();
        let found = self.query(&sql, names).await?;
        let key = |row| self.dialect.opaque_from(row, 0).map_err(|fault| DbErr::Type(fault.error.detail));
        found.iter().filter_map(|row| key(row).transpose()).collect()
    }

    async fn pack(&self, ids: &Range<i64>, named: &[(i64, String)]) -> Result<(), DbErr> {
        let page = |id: i64| id / LINES.cast_signed();
        let sql = "DELETE FROM chat_room_names WHERE page >= ? AND page < ?";
        self.execute(sql, vec![page(ids.start).into(), page(ids.end).into()]).await?;
        for rooms in named.chunk_by(|one, other| page(one.0) == page(other.0)) {
            let names = packed(rooms.iter().map(|(id, name)| (RoomId(id.cast_unsigned()), name.as_str())));
            let values = vec![page(rooms[0].0).into(), self.dialect.opaque(Some(&names))];
            self.execute("INSERT INTO chat_room_names (page, names) VALUES (?, ?)", values).await?;
        }
        Ok(())
    }

    /// Says once which rooms have lost their key to an older one.
    async fn tell_clashes(&self) -> Result<(), DbErr> {
        const CLASHES: &str = "FROM chat_rooms WHERE deleted_at IS NULL AND name_key IS NULL";
        let counted = self.query(&format!("SELECT COUNT(*) {CLASHES}"), Vec::new()).await?;
        let count: i64 = counted.first().map_or(Ok(0), |row| row.try_get_by_index(0))?;
        if count == 0 {
            return Ok(());
        }
        let found = self.query(&format!("SELECT id {CLASHES} ORDER BY id LIMIT {TOLD}"), Vec::new()).await?;
        let ids: Vec<i64> = found.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, _>>()?;
        tracing::warn!(
            count,
            rooms.first = ?ids,
            "rooms have the name of an older room, now that letters are compared by full case folding: \
             they keep it, and the next change of their names has to make them different"
        );
        Ok(())
    }

    async fn query(&self, sql: &str, values: Vec<Value>) -> Result<Vec<QueryResult>, DbErr> {
        self.on.query_all_raw(self.statement(sql, values)).await
    }

    async fn execute(&self, sql: &str, values: Vec<Value>) -> Result<(), DbErr> {
        self.on.execute_raw(self.statement(sql, values)).await.map(drop)
    }

    fn statement(&self, sql: &str, values: Vec<Value>) -> Statement {
        Statement::from_sql_and_values(self.dialect.backend(), self.dialect.numbered(sql), values)
    }
}

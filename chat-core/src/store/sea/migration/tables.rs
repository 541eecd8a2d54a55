//! New tables, in the words of each database.

use sea_orm::{ConnectionTrait, DbBackend, DbErr};
use sea_orm_migration::SchemaManager;

use crate::failpoints::{self, Point};

/// A new table.
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) columns: &'static [(&'static str, Type)],
    /// The columns of its primary key.
    pub(super) key: &'static str,
}

/// The type of a column of a new table.
#[derive(Clone, Copy)]
pub(super) enum Type {
    Number,
    /// A number that is 0 unless it is given.
    NumberOrZero,
    Small,
    /// A name to show.
    Name,
    /// A longer text.
    Text,
    /// A string of up to so many bytes that is compared byte for byte.
    Opaque(u32),
    /// The same, or null.
    OptionalOpaque(u32),
    /// Up to so many bytes, compared as such.
    Key(u32),
    /// Bytes that are not compared.
    Bytes,
}

/// Adds a column to a table.
pub(super) async fn add_column(
    manager: &SchemaManager<'_>,
    table: &str,
    column: &str,
    definition: &str,
) -> Result<(), DbErr> {
    let is_there = manager.has_column(table, column).await?;
    make(manager, is_there, &format!("ALTER TABLE {table} ADD COLUMN {column} {definition}")).await
}

/// Makes a table.
pub(super) async fn make_table(manager: &SchemaManager<'_>, table: &Table) -> Result<(), DbErr> {
    let is_there = manager.has_table(table.name).await?;
    make(manager, is_there, &table.definition(manager.get_database_backend())).await
}

/// Makes an index of a table on these columns.
pub(super) async fn make_index(
    manager: &SchemaManager<'_>,
    table: &str,
    index: &str,
    columns: &str,
) -> Result<(), DbErr> {
    let is_there = manager.has_index(table, index).await?;
    make(manager, is_there, &format!("CREATE INDEX {index} ON {table} {columns}")).await
}

/// Makes what is not there yet.
async fn make(manager: &SchemaManager<'_>, is_there: bool, sql: &str) -> Result<(), DbErr> {
    failpoints::reached(Point::InMigration);
    if is_there { Ok(()) } else { manager.get_connection().execute_unprepared(sql).await.map(drop) }
}

impl Table {
    /// The statement that makes it.
    fn definition(&self, backend: DbBackend) -> String {
        let Self { name, columns, key } = self;
        let columns: String = columns.iter().map(|(name, of)| format!("{name} {}, ", of.name(backend))).collect();
        let behind = match backend {
            DbBackend::MySql => " ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin",
            // The rows lie in the order of the key.
            DbBackend::Sqlite => " WITHOUT ROWID",
            DbBackend::Postgres | _ => "",
        };
        format!("CREATE TABLE {name} ({columns}PRIMARY KEY ({key})){behind}")
    }
}

impl Type {
    fn name(self, backend: DbBackend) -> String {
        let opaque = |bytes| match backend {
            DbBackend::MySql => format!("VARBINARY({bytes})"),
            DbBackend::Postgres => "TEXT COLLATE \"C\"".to_owned(),
            DbBackend::Sqlite | _ => "TEXT COLLATE BINARY".to_owned(),
        };
        match self {
            Self::Number => "BIGINT NOT NULL".to_owned(),
            Self::NumberOrZero => "BIGINT NOT NULL DEFAULT 0".to_owned(),
            Self::Small => "SMALLINT NOT NULL".to_owned(),
            Self::Name if backend == DbBackend::MySql => "VARCHAR(255) NOT NULL".to_owned(),
            Self::Name | Self::Text => "TEXT NOT NULL".to_owned(),
            Self::Opaque(bytes) => format!("{} NOT NULL", opaque(bytes)),
            Self::OptionalOpaque(bytes) => opaque(bytes),
            Self::Key(bytes) if backend == DbBackend::MySql => format!("VARBINARY({bytes}) NOT NULL"),
            Self::Key(_) | Self::Bytes if backend == DbBackend::Postgres => "BYTEA NOT NULL".to_owned(),
            Self::Key(_) | Self::Bytes => "BLOB NOT NULL".to_owned(),
        }
    }
}

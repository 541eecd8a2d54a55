//! Bringing a database to this version's tables, whoever starts, as often as they like, at once.

use std::{sync::Arc, time::Duration};

use sea_orm::{ConnectionTrait, DbErr, DynIden, Statement, sea_query::IntoIden};
use sea_orm_migration::{
    IntoSchemaManagerConnection, MigrationTrait, MigratorTrait, SchemaManager, async_trait::async_trait,
};

use super::{connect::Source, dialect::Dialect, error::SqlError, pool::Pool, run::Run};
use crate::{Epoch, StartError, store::StoreErrorKind};

mod m0001_rooms_and_events;
mod m0002_names;

/// How long to wait for another process that is migrating.
const LOCK_SECONDS: u64 = 60;

/// Where it is written down which migrations were made.
const MIGRATIONS: &str = "chat_migrations";
/// The tables they make.
const TABLES: [&str; 4] = ["chat_meta", "chat_rooms", "chat_events", "chat_room_names"];

/// The migrations in order. A released one never changes.
struct Migrator;

#[async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(m0001_rooms_and_events::Migration), Box::new(m0002_names::Migration)]
    }

    fn migration_table_name() -> DynIden {
        // A host may have migrations of its own in the same database.
        MIGRATIONS.into_iden()
    }
}

/// Migrates with a lock held, and returns the epoch, made by the first who comes.
pub(super) async fn migrate(pool: &Arc<Pool>, source: &Source) -> Result<Epoch, StartError> {
    match source.dialect() {
        #[cfg(feature = "sqlite")]
        Dialect::Sqlite => in_transaction(pool, &[], source.is_shared()).await,
        #[cfg(feature = "postgres")]
        Dialect::Postgres => in_transaction(pool, POSTGRES_LOCK, source.is_shared()).await,
        #[cfg(feature = "mysql")]
        Dialect::MySql => with_named_lock(pool).await,
    }
}

/// The time-outs are lifted for this transaction: another process may be migrating a large table.
#[cfg(feature = "postgres")]
const POSTGRES_LOCK: &[&str] = &[
    "SET LOCAL statement_timeout = 0",
    "SET LOCAL lock_timeout = 0",
    "SET LOCAL idle_in_transaction_session_timeout = 0",
    "SELECT pg_advisory_xact_lock(1667785076, hashtext('migrate:' || coalesce(current_schema(), '')))",
];

/// Where definitions are transactional: the lock is the transaction's.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
async fn in_transaction(pool: &Arc<Pool>, lock: &[&str], is_shared: bool) -> Result<Epoch, StartError> {
    let write = super::run::Write::begin(pool).await.map_err(unavailable)?;
    let on = write.run().on;
    let done = within_limit(async {
        for sql in lock {
            on.execute_unprepared(sql).await?;
        }
        check_ours(on, is_shared).await?;
        Migrator::up(on, None).await
    });
    done.await?;
    let epoch = epoch(&write.run()).await;
    write.end(epoch).await.map_err(unavailable)
}

/// MySQL's definitions commit by themselves: the lock belongs to the connection (the pool has one), and each migration
/// can be run again from any point in it.
#[cfg(feature = "mysql")]
async fn with_named_lock(pool: &Arc<Pool>) -> Result<Epoch, StartError> {
    let checkout = pool.checkout().await.map_err(unavailable)?;
    let connection = checkout.connection();
    let limit = if super::connect::is_mariadb(connection).await.map_err(unavailable)? {
        "SET SESSION max_statement_time = 0"
    } else {
        "SET SESSION max_execution_time = 0"
    };
    let done = within_limit(async {
        connection.execute_unprepared(limit).await?;
        let sql = format!("SELECT GET_LOCK(CONCAT('chat.migrate.', MD5(DATABASE())), {LOCK_SECONDS})");
        let row = connection.query_one_raw(Statement::from_string(sea_orm::DbBackend::MySql, sql)).await?;
        let is_ours = row.map(|row| row.try_get_by_index::<Option<i64>>(0)).transpose()?.flatten() == Some(1);
        if !is_ours {
            return Err(DbErr::Custom("another process has been migrating for too long".to_owned()));
        }
        // A database on a server is for everyone.
        check_ours(connection, true).await?;
        Migrator::up(connection, None).await
    });
    done.await?;
    epoch(&checkout.run()).await.map_err(unavailable)
}

async fn within_limit(work: impl Future<Output = Result<(), DbErr>>) -> Result<(), StartError> {
    let limit = Duration::from_secs(LOCK_SECONDS * 10);
    match tokio::time::timeout(limit, work).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(DbErr::Custom(reason))) => Err(StartError::Unusable(reason)),
        Ok(Err(error)) => Err(failed(SqlError::from(error))),
        Err(_) => Err(StartError::Unavailable("the migration to this version takes too long".to_owned())),
    }
}

/// Looks into a database without changing anything in it, and refuses what is not ours.
#[cfg(feature = "sqlite")]
pub(super) async fn look(connection: &sea_orm::DatabaseConnection, is_shared: bool) -> Result<(), StartError> {
    match check_ours(connection, is_shared).await {
        Err(DbErr::Custom(reason)) => Err(StartError::Unusable(reason)),
        // What cannot be read like this may be read by those who may also write.
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Refuses tables of our names that we did not make, what a newer version has made of ours, and a file of others.
async fn check_ours<'c>(on: impl IntoSchemaManagerConnection<'c>, is_shared: bool) -> Result<(), DbErr> {
    let manager = SchemaManager::new(on);
    if !manager.has_table(MIGRATIONS).await? {
        for table in TABLES {
            if manager.has_table(table).await? {
                return Err(DbErr::Custom(format!("it has a table {table} of somebody else's")));
            }
        }
        return if is_shared { Ok(()) } else { check_empty(manager.get_connection()).await };
    }
    let known = Migrator::migrations();
    let connection = manager.get_connection();
    let versions =
        Statement::from_string(connection.get_database_backend(), format!("SELECT version FROM {MIGRATIONS}"));
    for row in connection.query_all_raw(versions).await? {
        let version: String = row.try_get_by_index(0)?;
        if !known.iter().any(|migration| migration.name() == version) {
            return Err(DbErr::Custom(format!("a newer version has brought it to {version}: start that one")));
        }
    }
    Ok(())
}

/// Refuses an SQLite file with tables in it: it is another application's, and perhaps only named by mistake.
async fn check_empty(connection: &impl ConnectionTrait) -> Result<(), DbErr> {
    let sql = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
         ORDER BY name LIMIT 4";
    let rows = connection.query_all_raw(Statement::from_string(connection.get_database_backend(), sql)).await?;
    let names: Vec<String> = rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, _>>()?;
    if names.is_empty() {
        return Ok(());
    }
    let shown: Vec<String> = names.iter().take(3).map(|name| name.chars().take(40).collect()).collect();
    let more = if names.len() > shown.len() { " …" } else { "" };
    Err(DbErr::Custom(format!(
        "it holds tables of another application ({}{more}): choose another file, or add other_tables=allow to the URL to \
         keep the chat's tables beside them",
        shown.join(", ")
    )))
}

/// The epoch; made if there is none.
async fn epoch(run: &Run<'_, impl ConnectionTrait>) -> Result<Epoch, SqlError> {
    if let Some(row) = run.query_one("SELECT epoch FROM chat_meta", Vec::new()).await? {
        return Ok(Epoch::new(&run.dialect.opaque_from(&row, 0)?.unwrap_or_default()));
    }
    let word = uuid::Uuid::new_v4().simple().to_string();
    run.execute("INSERT INTO chat_meta (epoch) VALUES (?)", vec![run.dialect.opaque(Some(&word))]).await?;
    Ok(Epoch::new(&word))
}

/// Refuses a database that holds no logs, of whatever version.
pub(super) async fn expect_logs(pool: &Arc<Pool>) -> Result<(), StartError> {
    let found =
        pool.read(|checkout| async move { checkout.run().query_one("SELECT epoch FROM chat_meta", Vec::new()).await });
    match found.await {
        Ok(Some(_)) => Ok(()),
        Err(fault) if fault.error.kind != StoreErrorKind::Failed => Err(unavailable(fault)),
        Ok(None) | Err(_) => Err(StartError::Unusable("it holds no chat logs".to_owned())),
    }
}

/// Another epoch.
pub(super) async fn set_epoch(run: &Run<'_, impl ConnectionTrait>, epoch: &Epoch) -> Result<(), SqlError> {
    run.execute("UPDATE chat_meta SET epoch = ?", vec![run.dialect.opaque(Some(epoch.as_str()))]).await?;
    Ok(())
}

/// What may pass by itself is not the database's fault.
fn failed(fault: SqlError) -> StartError {
    match fault.error.kind {
        StoreErrorKind::Failed => StartError::Unusable(fault.error.detail),
        StoreErrorKind::Busy
        | StoreErrorKind::Conflict
        | StoreErrorKind::Unavailable
        | StoreErrorKind::Full
        | StoreErrorKind::Unknown => unavailable(fault),
    }
}

fn unavailable(fault: SqlError) -> StartError {
    StartError::Unavailable(fault.error.detail)
}

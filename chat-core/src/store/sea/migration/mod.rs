//! Bringing a database to this version's tables, whoever starts, as often as they like, at once.

use std::{sync::Arc, time::Duration};

use sea_orm::{ConnectionTrait, DbErr, DynIden, Statement, sea_query::IntoIden};
use sea_orm_migration::{
    IntoSchemaManagerConnection, MigrationTrait, MigratorTrait, SchemaManager, async_trait::async_trait,
};
use tokio::time::Instant;

use super::{
    connect::Source,
    error::SqlError,
    pool::Pool,
    run::{Run, Write},
};
use crate::{Epoch, StartError, store::StoreErrorKind};

mod m0001_rooms_and_events;
mod m0002_names;
mod m0003_message_index;
mod m0004_conversation;
mod m0005_users;
mod m0006_members;
mod m0007_invites_and_audit;
mod m0008_encryption;
mod m0009_outbox;
mod m0010_tail;
mod m0011_consumers;
mod tables;

/// How long to wait for another process that is migrating.
pub(super) const LOCK_SECONDS: u64 = 60;

/// Where it is written down which migrations were made.
const MIGRATIONS: &str = "chat_migrations";
/// The tables they make.
const TABLES: [&str; 29] = [
    "chat_meta",
    "chat_rooms",
    "chat_events",
    "chat_room_names",
    "chat_reactions",
    "chat_reaction_counts",
    "chat_pins",
    "chat_threads",
    "chat_thread_users",
    "chat_mentions",
    "chat_tombstones",
    "chat_reads",
    "chat_notify",
    "chat_terms",
    "chat_erasures",
    "chat_users",
    "chat_revocations",
    "chat_members",
    "chat_restrictions",
    "chat_direct",
    "chat_invites",
    "chat_invite_uses",
    "chat_audit",
    "chat_outbox",
    "chat_tail",
    "chat_jobs",
    "chat_consumers",
    "chat_held_rooms",
    "chat_dead_letters",
];

/// The migrations in order. A released one never changes.
struct Migrator;

#[async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_rooms_and_events::Migration),
            Box::new(m0002_names::Migration),
            Box::new(m0003_message_index::Migration),
            Box::new(m0004_conversation::Migration),
            Box::new(m0005_users::Migration),
            Box::new(m0006_members::Migration),
            Box::new(m0007_invites_and_audit::Migration),
            Box::new(m0008_encryption::Migration),
            Box::new(m0009_outbox::Migration),
            Box::new(m0010_tail::Migration),
            Box::new(m0011_consumers::Migration),
        ]
    }

    fn migration_table_name() -> DynIden {
        // A host may have migrations of its own in the same database.
        MIGRATIONS.into_iden()
    }
}

/// Migrates with a lock held, and returns the epoch, made by the first who comes.
pub(super) async fn migrate(pool: &Arc<Pool>, source: &dyn Source) -> Result<Epoch, StartError> {
    if source.dialect().has_transactional_definitions() {
        let (checkout, transaction) = Write::begin_pooled(pool).await?;
        within_limit(up(&transaction, source)).await?;
        let write = Write::go_on(checkout, transaction);
        let epoch = epoch(&write.run()).await;
        return Ok(write.end(epoch).await?);
    }
    // Each migration can be run again from any point in it. The lock belongs to the connection, of which the pool has one.
    let checkout = pool.checkout().await?;
    within_limit(up(checkout.connection(), source)).await?;
    Ok(epoch(&checkout.run()).await?)
}

async fn up<'c>(on: impl IntoSchemaManagerConnection<'c> + Copy, source: &dyn Source) -> Result<(), DbErr> {
    let manager = SchemaManager::new(on);
    source.dialect().lock_migrations(manager.get_connection()).await?;
    check_ours(&manager, source.is_shared()).await?;
    let is_new = !manager.has_table(MIGRATIONS).await?;
    let pending = Migrator::get_pending_migrations_read_only(manager.get_connection()).await?.len();
    if is_new || pending == 0 {
        return Migrator::up(on, None).await;
    }
    tracing::info!(pending, "migrating the tables of an older version; nobody is served meanwhile");
    let began = Instant::now();
    Migrator::up(on, None).await?;
    let duration = began.elapsed().as_secs_f32();
    tracing::info!(duration_s = %format!("{duration:.1}"), "the tables are migrated");
    Ok(())
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

/// Looks into a database that is a file, if it holds something, without changing anything in it, and refuses what is not ours.
pub(super) async fn look(source: &dyn Source) -> Result<(), StartError> {
    let Some(connection) = source.look_inside() else { return Ok(()) };
    let looked = check_ours(&SchemaManager::new(&connection), source.is_shared()).await;
    if let Err(error) = connection.close().await {
        tracing::debug!(%error, "could not close the connection that looked");
    }
    match looked {
        Err(DbErr::Custom(reason)) => Err(StartError::Unusable(reason)),
        // What cannot be read like this may be read by those who may also write.
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Refuses tables of our names that we did not make, what a newer version has made of ours, and a file of others.
async fn check_ours(manager: &SchemaManager<'_>, is_shared: bool) -> Result<(), DbErr> {
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
        Err(error) if error.error.kind != StoreErrorKind::Failed => Err(error.into()),
        Ok(None) | Err(_) => Err(StartError::Unusable("it holds no chat logs".to_owned())),
    }
}

/// Another epoch.
pub(super) async fn set_epoch(run: &Run<'_, impl ConnectionTrait>, epoch: &Epoch) -> Result<(), SqlError> {
    run.execute("UPDATE chat_meta SET epoch = ?", vec![run.dialect.opaque(Some(epoch.as_str()))]).await?;
    Ok(())
}

/// What may pass by itself is not the database's fault.
fn failed(error: SqlError) -> StartError {
    match error.error.kind {
        StoreErrorKind::Failed => StartError::Unusable(error.error.detail),
        StoreErrorKind::Busy
        | StoreErrorKind::Conflict
        | StoreErrorKind::Unavailable
        | StoreErrorKind::Full
        | StoreErrorKind::Unknown => error.into(),
    }
}

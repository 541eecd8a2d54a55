//! Bringing a database to this version's tables of accounts. One engine has the database, and starts before: so nobody else migrates.

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, DynIden, Statement, sea_query::IntoIden};
use sea_orm_migration::{
    MigrationName, MigrationTrait, MigratorTrait, SchemaManager,
    async_trait::async_trait,
    prelude::{ColumnDef, Index, Table, TableCreateStatement},
};

/// Where it is written down which migrations were made. The engine has its own.
const MIGRATIONS: &str = "chat_account_migrations";
const ACCOUNTS: &str = "chat_accounts";
const LOGINS: &str = "chat_logins";

/// The migrations in order. A released one never changes.
struct Migrator;

#[async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(Accounts)]
    }

    fn migration_table_name() -> DynIden {
        MIGRATIONS.into_iden()
    }
}

/// Makes what is missing.
///
/// # Errors
/// [`DbErr::Custom`] for a database that somebody else, or a newer version, has tables of these names in.
pub(super) async fn migrate(connection: &DatabaseConnection) -> Result<(), DbErr> {
    check_ours(&SchemaManager::new(connection)).await?;
    Migrator::up(connection, None).await
}

/// Whether there are tables of ours.
pub(super) async fn is_made(connection: &DatabaseConnection) -> Result<bool, DbErr> {
    SchemaManager::new(connection).has_table(MIGRATIONS).await
}

async fn check_ours(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    if !manager.has_table(MIGRATIONS).await? {
        for table in [ACCOUNTS, LOGINS] {
            if manager.has_table(table).await? {
                return Err(DbErr::Custom(format!("it has a table {table} of somebody else's")));
            }
        }
        return Ok(());
    }
    let connection = manager.get_connection();
    let versions =
        Statement::from_string(connection.get_database_backend(), format!("SELECT version FROM {MIGRATIONS}"));
    for row in connection.query_all_raw(versions).await? {
        let version: String = row.try_get_by_index(0)?;
        if !Migrator::migrations().iter().any(|known| known.name() == version) {
            return Err(DbErr::Custom(format!(
                "a newer version has brought its accounts to {version}: start that one"
            )));
        }
    }
    Ok(())
}

/// The tables of accounts and logins. On MySQL each step is committed by itself, so this can be run again from any point.
struct Accounts;

impl MigrationName for Accounts {
    fn name(&self) -> &'static str {
        "a0001_accounts"
    }
}

#[expect(elided_lifetimes_in_paths, reason = "async_trait must see the signature as the trait has it")]
#[async_trait]
impl MigrationTrait for Accounts {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let accounts = Table::create()
            .table(ACCOUNTS)
            .col(ColumnDef::new("id").string_len(64).not_null().primary_key())
            .col(ColumnDef::new("name").string_len(255).not_null())
            .col(ColumnDef::new("name_key").var_binary(1_024).not_null().unique_key())
            .col(ColumnDef::new("password").string_len(255).not_null())
            .col(ColumnDef::new("is_admin").boolean().not_null())
            .col(ColumnDef::new("is_closed").boolean().not_null())
            .col(ColumnDef::new("created_us").big_integer().not_null())
            .take();
        manager.create_table(made(manager, accounts)).await?;
        let logins = Table::create()
            .table(LOGINS)
            .col(ColumnDef::new("token_sha256").var_binary(32).not_null().primary_key())
            .col(ColumnDef::new("account_id").string_len(64).not_null())
            .col(ColumnDef::new("created_us").big_integer().not_null())
            .col(ColumnDef::new("expires_us").big_integer().not_null())
            .take();
        manager.create_table(made(manager, logins)).await?;
        for (index, column) in [("chat_logins_accounts", "account_id"), ("chat_logins_ends", "expires_us")] {
            if !manager.has_index(LOGINS, index).await? {
                manager.create_index(Index::create().name(index).table(LOGINS).col(column).take()).await?;
            }
        }
        Ok(())
    }
}

/// A table that is made unless it is there. On MySQL, its texts are any text, compared byte for byte.
fn made(manager: &SchemaManager<'_>, mut table: TableCreateStatement) -> TableCreateStatement {
    table.if_not_exists();
    if manager.get_database_backend() == DbBackend::MySql {
        table.engine("InnoDB").character_set("utf8mb4").collate("utf8mb4_bin");
    }
    table
}

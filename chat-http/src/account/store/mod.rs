//! Accounts and logins in an SQL database, beside the tables of the engine.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use chat_core::{Error, StartError, Timestamp, UserId, UserName, fold, log::LogLimit};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseConnection, DatabaseTransaction,
    DbBackend, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, RuntimeErr, SqlErr,
    SqliteTransactionMode, TransactionOptions, TransactionTrait,
};
use tokio::time::timeout;

use self::entities::{account, login};
use super::secret::TokenDigest;

mod entities;
mod migration;
#[cfg(test)]
mod tests;

/// How long the database may take for one call.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many logins an account may have: a new one ends the oldest.
const MOST_LOGINS: usize = 50;

/// The database for accounts: made of a connection to where the engine has its tables.
#[derive(Debug, Clone)]
pub struct AccountStore {
    connection: DatabaseConnection,
}

impl From<DatabaseConnection> for AccountStore {
    fn from(connection: DatabaseConnection) -> Self {
        Self { connection }
    }
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    /// The id of its user.
    pub(crate) id: UserId,
    /// The name to log in with.
    pub(crate) name: UserName,
    /// The hash of its password.
    pub(super) password: String,
    /// Whether its user is an administrator of the server.
    pub(crate) is_admin: bool,
    /// When it was made.
    pub(crate) created_at: Timestamp,
}

/// Which accounts to list: by id.
#[derive(Debug, Clone)]
pub(crate) struct AccountQuery {
    /// At most this many.
    pub(crate) limit: usize,
    /// Only those after this one.
    pub(crate) after: Option<UserId>,
    /// Only those whose name begins with this, without regard to case and width.
    pub(crate) name_prefix: Option<String>,
}

/// A page of accounts.
#[derive(Debug)]
pub(crate) struct AccountPage {
    pub(crate) accounts: Vec<Account>,
    /// Where the next page begins, if there is one.
    pub(crate) next: Option<UserId>,
}

/// A login that is made.
#[derive(Debug, Clone, Copy)]
pub(super) struct NewLogin {
    pub(super) token: TokenDigest,
    pub(super) at: Timestamp,
    pub(super) expires_at: Timestamp,
}

impl AccountStore {
    /// Brings the database to this version's tables.
    pub(super) async fn migrate(&self) -> Result<(), StartError> {
        match migration::migrate(&self.connection).await {
            Ok(()) => Ok(()),
            Err(DbErr::Custom(reason)) => Err(StartError::Unusable(reason)),
            Err(error) => Err(StartError::Unavailable(error.to_string())),
        }
    }

    /// Ends all logins of a user's account, if they have one; returns how many. Whoever is served by one of them is not told: a server
    /// that runs on the database looks for that by itself.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::OutcomeUnknown`].
    ///
    /// # Cancel safety
    /// Dropped, they may have ended or not. To do it again does no harm.
    pub async fn end_logins(&self, user: &UserId) -> Result<usize, Error> {
        if !self.has_tables().await? {
            return Ok(0);
        }
        Ok(self.log_out_all(user).await?.len())
    }

    /// Removes all that is kept of a user's account, for a user who is erased; `false` if there is nothing. Whoever has its name may
    /// register with it from then on; its id is given to nobody.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::OutcomeUnknown`].
    ///
    /// # Cancel safety
    /// Dropped, it may be removed or not. To do it again does no harm.
    pub async fn erase(&self, user: &UserId) -> Result<bool, Error> {
        if !self.has_tables().await? {
            return Ok(false);
        }
        let written = self.write(async |on| {
            let removed = account::Entity::delete_by_id(user.as_str()).exec(on).await?;
            remove_logins(on, user, None).await?;
            Ok(removed.rows_affected > 0)
        });
        written.await
    }

    async fn has_tables(&self) -> Result<bool, Error> {
        self.read(migration::is_made(&self.connection)).await
    }

    /// Whether another process may write to the same database: not to a file, which one server has for itself.
    pub(super) fn is_shared(&self) -> bool {
        self.connection.get_database_backend() != DbBackend::Sqlite
    }

    /// Closes its connections.
    ///
    /// # Cancel safety
    /// Dropped, some may be open until the process ends.
    pub async fn close(&self) {
        if let Ok(Err(error)) = timeout(PATIENCE, self.connection.clone().close()).await {
            tracing::debug!(%error, "could not close the connections for accounts");
        }
    }

    /// Whether there is an administrator.
    pub(super) async fn has_admin(&self) -> Result<bool, Error> {
        let admins = account::Entity::find().filter(account::Column::IsAdmin.eq(true)).filter(open());
        Ok(self.read(admins.count(&self.connection)).await? > 0)
    }

    /// Stores a new account; `false` if its name is taken.
    pub(super) async fn add(&self, new: &Account) -> Result<bool, Error> {
        let row = account::ActiveModel {
            id: Set(new.id.as_str().to_owned()),
            name: Set(new.name.as_str().to_owned()),
            name_key: Set(key(&new.name)),
            password: Set(new.password.clone()),
            is_admin: Set(new.is_admin),
            is_closed: Set(false),
            created_us: Set(new.created_at.0),
        };
        let added = within(async { account::Entity::insert(row).exec_without_returning(&self.connection).await }).await;
        match added {
            Err(error) if matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) => Ok(false),
            Ok(_) => Ok(true),
            Err(error) => Err(not_written(&error)),
        }
    }

    /// The open account with this name, as far as names are compared.
    pub(super) async fn by_name(&self, name: &UserName) -> Result<Option<Account>, Error> {
        let found = account::Entity::find().filter(account::Column::NameKey.eq(key(name))).filter(open());
        Ok(self.read(found.one(&self.connection)).await?.map(Account::from))
    }

    /// An open account.
    pub(super) async fn by_id(&self, id: &UserId) -> Result<Option<Account>, Error> {
        let found = account::Entity::find_by_id(id.as_str()).filter(open());
        Ok(self.read(found.one(&self.connection)).await?.map(Account::from))
    }

    /// A page of the open accounts.
    pub(super) async fn page(&self, query: AccountQuery) -> Result<AccountPage, Error> {
        let AccountQuery { limit, after, name_prefix } = query;
        let mut find = account::Entity::find().filter(open()).order_by_asc(account::Column::Id);
        if let Some(after) = after {
            find = find.filter(account::Column::Id.gt(after.as_str()));
        }
        let prefix = name_prefix.as_deref().map(fold::name_key).unwrap_or_default().into_bytes();
        if let Some(end) = end_of(&prefix) {
            find = find.filter(account::Column::NameKey.gte(prefix)).filter(account::Column::NameKey.lt(end));
        }
        let rows = self.read(find.limit(limit as u64 + 1).all(&self.connection)).await?;
        let has_more = rows.len() > limit;
        let accounts: Vec<_> = rows.into_iter().take(limit).map(Account::from).collect();
        let next = accounts.last().filter(|_| has_more).map(|last| last.id.clone());
        Ok(AccountPage { accounts, next })
    }

    /// Stores a login of an account whose password is still this one, or returns `None`. Returns the logins that have ended, because
    /// they were too many or too old.
    pub(super) async fn log_in(&self, account: &Account, new: NewLogin) -> Result<Option<Vec<TokenDigest>>, Error> {
        let written = self.write(async |on| {
            let Some(row) = locked(on, &account.id).await? else { return Ok(None) };
            if row.password != account.password {
                return Ok(None);
            }
            let mut ended = Vec::new();
            let own = login::Entity::find().filter(login::Column::AccountId.eq(account.id.as_str()));
            let own = own.order_by_desc(login::Column::CreatedUs).all(on).await?;
            for (place, login) in own.into_iter().enumerate() {
                if place + 1 >= MOST_LOGINS || login.expires_us <= new.at.0 {
                    login::Entity::delete_by_id(login.token_sha256.clone()).exec(on).await?;
                    ended.extend(digest(&login.token_sha256));
                }
            }
            let row = login::ActiveModel {
                token_sha256: Set(new.token.0.to_vec()),
                account_id: Set(account.id.as_str().to_owned()),
                created_us: Set(new.at.0),
                expires_us: Set(new.expires_at.0),
            };
            login::Entity::insert(row).exec_without_returning(on).await?;
            Ok(Some(ended))
        });
        written.await
    }

    /// Whose login this is, and when it ends, if it has not ended.
    pub(super) async fn login(
        &self,
        token: TokenDigest,
        now: Timestamp,
    ) -> Result<Option<(Account, Timestamp)>, Error> {
        let found = login::Entity::find_by_id(token.0.to_vec()).find_also_related(account::Entity);
        let found = self.read(found.one(&self.connection)).await?;
        let Some((login, Some(account))) = found else { return Ok(None) };
        let is_good = login.expires_us > now.0 && !account.is_closed;
        Ok(is_good.then(|| (account.into(), Timestamp(login.expires_us))))
    }

    /// Those of these logins that there are.
    pub(super) async fn living(&self, tokens: &[TokenDigest]) -> Result<HashSet<TokenDigest>, Error> {
        let wanted = tokens.iter().map(|token| token.0.to_vec());
        let found = login::Entity::find().select_only().column(login::Column::TokenSha256);
        let found = found.filter(login::Column::TokenSha256.is_in(wanted)).into_tuple::<Vec<u8>>();
        let rows = self.read(found.all(&self.connection)).await?;
        Ok(rows.iter().filter_map(|row| digest(row)).collect())
    }

    /// Lets a login end later.
    pub(super) async fn extend(&self, token: TokenDigest, expires_at: Timestamp) -> Result<(), Error> {
        let later = login::Entity::update_many()
            .col_expr(login::Column::ExpiresUs, expires_at.0.into())
            .filter(login::Column::TokenSha256.eq(token.0.to_vec()));
        within(later.exec(&self.connection)).await.map(drop).map_err(|error| not_written(&error))
    }

    /// Removes a login.
    pub(super) async fn log_out(&self, token: TokenDigest) -> Result<(), Error> {
        let removed = within(login::Entity::delete_by_id(token.0.to_vec()).exec(&self.connection));
        removed.await.map(drop).map_err(|error| not_written(&error))
    }

    /// Removes all logins of an account; returns them.
    pub(super) async fn log_out_all(&self, id: &UserId) -> Result<Vec<TokenDigest>, Error> {
        self.write(async |on| remove_logins(on, id, None).await).await
    }

    /// Gives an account another password, unless it has another one than this already; then it is `None`. Removes all logins but
    /// this one, and returns them.
    pub(super) async fn set_password(
        &self,
        account: &Account,
        password: &str,
        keep: Option<TokenDigest>,
    ) -> Result<Option<Vec<TokenDigest>>, Error> {
        let written = self.write(async |on| {
            let Some(row) = locked(on, &account.id).await? else { return Ok(None) };
            if row.password != account.password {
                return Ok(None);
            }
            replace_password(on, &account.id, password).await?;
            remove_logins(on, &account.id, keep).await.map(Some)
        });
        written.await
    }

    /// Stores another hash of the same password, unless there is another password by now.
    pub(super) async fn rehash(&self, account: &Account, password: &str) -> Result<(), Error> {
        let written = self.write(async |on| match locked(on, &account.id).await? {
            Some(row) if row.password == account.password => replace_password(on, &account.id, password).await,
            Some(_) | None => Ok(()),
        });
        written.await
    }

    /// Closes an account, and removes its logins; returns them. `None` if there is none.
    pub(super) async fn close_account(&self, id: &UserId) -> Result<Option<Vec<TokenDigest>>, Error> {
        let written = self.write(async |on| {
            if locked(on, id).await?.is_none() {
                return Ok(None);
            }
            let closed = account::Entity::update_many().col_expr(account::Column::IsClosed, true.into());
            closed.filter(account::Column::Id.eq(id.as_str())).exec(on).await?;
            remove_logins(on, id, None).await.map(Some)
        });
        written.await
    }

    /// The accounts that are closed, but of which something is left to do.
    pub(super) async fn closed(&self) -> Result<Vec<UserId>, Error> {
        let closed = account::Entity::find().filter(account::Column::IsClosed.eq(true));
        let rows = self.read(closed.all(&self.connection)).await?;
        Ok(rows.into_iter().map(|row| UserId::from_stored(&row.id)).collect())
    }

    /// Removes what is left of a closed account.
    pub(super) async fn remove_closed(&self, id: &UserId) -> Result<(), Error> {
        let gone = account::Entity::delete_many()
            .filter(account::Column::Id.eq(id.as_str()))
            .filter(account::Column::IsClosed.eq(true));
        within(gone.exec(&self.connection)).await.map(drop).map_err(|error| not_written(&error))
    }

    /// Removes the logins that have ended by themselves.
    pub(super) async fn remove_ended(&self, now: Timestamp) -> Result<(), Error> {
        let ended = login::Entity::delete_many().filter(login::Column::ExpiresUs.lte(now.0));
        within(ended.exec(&self.connection)).await.map(drop).map_err(|error| not_written(&error))
    }

    async fn read<T>(&self, reading: impl Future<Output = Result<T, DbErr>>) -> Result<T, Error> {
        within(reading).await.map_err(|error| {
            log(&error);
            Error::Unavailable
        })
    }

    /// Writes in one transaction. Dropped, it is rolled back.
    async fn write<T>(&self, work: impl AsyncFnOnce(&DatabaseTransaction) -> Result<T, DbErr>) -> Result<T, Error> {
        let writing = async {
            let transaction = self.connection.begin_with_options(writing()).await?;
            let done = work(&transaction).await?;
            transaction.commit().await?;
            Ok(done)
        };
        within(writing).await.map_err(|error| not_written(&error))
    }
}

/// An account's row, which nobody else changes until the transaction ends.
async fn locked(on: &DatabaseTransaction, id: &UserId) -> Result<Option<account::Model>, DbErr> {
    let mut find = account::Entity::find_by_id(id.as_str()).filter(open());
    if on.get_database_backend() != DbBackend::Sqlite {
        find = find.lock_exclusive();
    }
    find.one(on).await
}

async fn replace_password(on: &DatabaseTransaction, id: &UserId, password: &str) -> Result<(), DbErr> {
    let row = account::ActiveModel {
        id: Set(id.as_str().to_owned()),
        password: Set(password.to_owned()),
        ..Default::default()
    };
    row.update(on).await.map(drop)
}

async fn remove_logins(
    on: &DatabaseTransaction,
    id: &UserId,
    keep: Option<TokenDigest>,
) -> Result<Vec<TokenDigest>, DbErr> {
    let of_account = || login::Column::AccountId.eq(id.as_str());
    let kept = keep.map(|token| token.0.to_vec()).unwrap_or_default();
    let others = login::Entity::find().filter(of_account()).filter(login::Column::TokenSha256.ne(kept.clone()));
    let others = others.all(on).await?;
    login::Entity::delete_many().filter(of_account()).filter(login::Column::TokenSha256.ne(kept)).exec(on).await?;
    Ok(others.iter().filter_map(|login| digest(&login.token_sha256)).collect())
}

fn open() -> sea_orm::sea_query::SimpleExpr {
    account::Column::IsClosed.eq(false)
}

/// With the lock on SQLite: a transaction that takes it later can fail.
fn writing() -> TransactionOptions {
    TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    }
}

impl From<account::Model> for Account {
    fn from(row: account::Model) -> Self {
        Self {
            id: UserId::from_stored(&row.id),
            name: UserName::from_stored(&row.name),
            password: row.password,
            is_admin: row.is_admin,
            created_at: Timestamp(row.created_us),
        }
    }
}

fn key(name: &UserName) -> Vec<u8> {
    fold::name_key(name.as_str()).into_bytes()
}

/// What is behind all that begins with these bytes; `None` if nothing is: then all are meant.
fn end_of(prefix: &[u8]) -> Option<Vec<u8>> {
    let mut end = prefix.to_vec();
    *end.last_mut()? += 1; // No byte of UTF-8 is the last there is.
    Some(end)
}

fn digest(bytes: &[u8]) -> Option<TokenDigest> {
    bytes.try_into().ok().map(TokenDigest)
}

async fn within<T>(work: impl Future<Output = Result<T, DbErr>>) -> Result<T, DbErr> {
    let late = |_| DbErr::Custom("no answer in time".to_owned());
    timeout(PATIENCE, work).await.map_err(late)?
}

/// What was to be written may be there, if it is not known what the database said.
#[expect(clippy::wildcard_enum_match_arm, reason = "sea-orm's errors are many; these are the driver's")]
fn not_written(error: &DbErr) -> Error {
    log(error);
    let was_refused = match error {
        DbErr::Exec(RuntimeErr::SqlxError(cause)) | DbErr::Query(RuntimeErr::SqlxError(cause)) => {
            cause.as_database_error().is_some()
        }
        _ => matches!(error, DbErr::ConnectionAcquire(_)),
    };
    if was_refused { Error::Unavailable } else { Error::OutcomeUnknown }
}

/// The driver's words are for the log.
fn log(error: &DbErr) {
    static FAILED: LogLimit = LogLimit::new();
    if let Some(left_out) = FAILED.pass(Instant::now()) {
        tracing::error!(left_out, %error, "the database for accounts could not be used");
    }
}

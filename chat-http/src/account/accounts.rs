//! What users do with their accounts, and what an administrator does with those of others.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use chat_core::{ChatEngine, Error, Identity, StartError, Timestamp, UserId, UserName};
use poem::Request;
use tokio::time::{Instant, sleep};

use super::{
    login_ends::LoginEnds,
    password::{self, Password, Passwords},
    secret::{Token, TokenDigest, random_id},
    store::{Account, AccountPage, AccountQuery, AccountStore, NewLogin},
};
use crate::{
    address::{Network, rate::AddressRate},
    auth::{LoginWatch, reserved},
    security_log,
};

/// How long a login holds after it was used last.
const LIFE: Duration = Duration::from_secs(30 * 24 * 3_600);
/// How much later a login has to end than it does for that to be written: so it is at most once a day.
const STEP: Duration = Duration::from_secs(24 * 3_600);

/// How often it looks for logins that others have ended: what these have open ends within 5 s.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);
const LOGINS_PER_STATEMENT: usize = 500;

/// The accounts of a stand-alone server. They are an [`Authenticator`](crate::Authenticator), and [`Api::accounts`](crate::Api::accounts)
/// has the operations. Clones are the same.
///
/// Tokens of logins come in `Authorization: Bearer`, in the first frame of a socket, or in a cookie, which counts only where the
/// request comes from a page of this server.
#[derive(Clone)]
pub struct Accounts {
    pub(super) inner: Arc<Inner>,
    /// Whether another authenticator takes tokens that are none of accounts.
    pub(super) is_beside_tokens: bool,
}

/// Who may register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Registration {
    /// Everyone.
    #[default]
    Open,
    /// Whoever has the setup token.
    Off,
}

pub(super) struct Inner {
    store: AccountStore,
    engine: ChatEngine,
    passwords: Passwords,
    ends: LoginEnds,
    registration: Registration,
    /// How often somebody may log in and register from one address.
    logins: AddressRate,
    registrations: AddressRate,
    /// What makes the administrator, as long as there is none.
    setup: Mutex<Option<Token>>,
}

/// Whoever has just logged in.
#[derive(Debug)]
pub(crate) struct LoggedIn {
    /// Who it is.
    pub(crate) user: Identity,
    /// What says so from now on.
    pub(crate) token: String,
    /// Until when, if it is not used meanwhile.
    pub(crate) expires_at: Timestamp,
}

/// Why something was not done with an account.
#[derive(Debug, PartialEq)]
pub(crate) enum Refused {
    /// Another account has this name.
    NameTaken,
    /// No account has this name and this password.
    WrongPassword,
    /// Another reason.
    For(Error),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::For(error)
    }
}

impl Accounts {
    /// Opens the accounts in the database where this engine has its tables, and makes their tables if they are missing. What was to
    /// follow when accounts were closed, and was interrupted, is done in the background.
    ///
    /// # Errors
    /// [`StartError::Unavailable`] or [`StartError::Unusable`].
    ///
    /// # Cancel safety
    /// Dropped, nothing is open. To do it again does no harm.
    pub async fn open(
        store: impl Into<AccountStore>,
        engine: ChatEngine,
        registration: Registration,
    ) -> Result<Self, StartError> {
        let store = store.into();
        store.migrate().await?;
        let unavailable = |error: Error| StartError::Unavailable(format!("accounts: {error}"));
        let setup = if store.has_admin().await.map_err(unavailable)? { None } else { Some(Token::random()) };
        let setup = Mutex::new(setup.transpose().map_err(unavailable)?);
        store.remove_ended(now()).await.map_err(unavailable)?;
        let closed = store.closed().await.map_err(unavailable)?;
        let passwords = Passwords::new().await.map_err(unavailable)?;
        let addresses = engine.limits().addresses;
        let inner = Inner {
            store,
            passwords,
            ends: LoginEnds::default(),
            registration,
            logins: AddressRate::new(addresses.logins),
            registrations: AddressRate::new(addresses.registrations),
            setup,
            engine,
        };
        let accounts = Self { inner: Arc::new(inner), is_beside_tokens: false };
        if accounts.inner.store.is_shared() {
            tokio::spawn(look_for_ends(Arc::downgrade(&accounts.inner)));
        }
        let inner = Arc::clone(&accounts.inner);
        tokio::spawn(async move {
            for user in closed {
                inner.finish_closing(&user).await;
            }
        });
        Ok(accounts)
    }

    /// The same beside an authenticator that is asked next: it is left to that one what a token says that is none of accounts.
    #[must_use]
    pub fn beside_tokens(self) -> Self {
        Self { is_beside_tokens: true, ..self }
    }

    /// Who may register.
    pub(crate) fn registration(&self) -> Registration {
        self.inner.registration
    }

    /// What makes whoever registers with it the administrator of the server, once; `None` if there is an administrator. It is
    /// another one after each start.
    #[must_use]
    pub fn setup_token(&self) -> Option<String> {
        self.inner.setup().as_ref().map(|token| token.as_str().to_owned())
    }

    /// Closes the connections to the database.
    ///
    /// # Cancel safety
    /// Dropped, some may be open until the process ends.
    pub async fn close(&self) {
        self.inner.store.close().await;
    }

    /// Counts that a password is tried from where a request comes from.
    ///
    /// # Errors
    /// [`Error::RateLimited`].
    pub(crate) fn count_log_in(&self, request: &Request) -> Result<(), Error> {
        Network::of(request).map_or(Ok(()), |from| self.inner.logins.take(from, Instant::now()))
    }

    /// Counts that somebody registers from there.
    ///
    /// # Errors
    /// [`Error::RateLimited`].
    pub(crate) fn count_registration(&self, request: &Request) -> Result<(), Error> {
        Network::of(request).map_or(Ok(()), |from| self.inner.registrations.take(from, Instant::now()))
    }

    /// Makes an account, and logs in. With the setup token it is the administrator's.
    pub(crate) async fn register(
        &self,
        name: &str,
        password: Password,
        setup_token: Option<&str>,
    ) -> Result<LoggedIn, Refused> {
        let name = UserName::new(name).map_err(Error::from)?;
        reserved::check_name(&name)?;
        if setup_token.is_none() && self.inner.registration == Registration::Off {
            return Err(Error::Forbidden.into());
        }
        let setup_token = setup_token.map(ToOwned::to_owned);
        self.to_the_end(|inner| async move { inner.register(name, password, setup_token.as_deref()).await }).await
    }

    /// Logs in with a name and a password.
    pub(crate) async fn log_in(&self, name: &str, password: Password) -> Result<LoggedIn, Refused> {
        let name = UserName::new(name).ok();
        self.to_the_end(|inner| async move { inner.log_in(name, password).await }).await
    }

    /// Ends a login.
    pub(super) async fn log_out(&self, token: TokenDigest) -> Result<(), Error> {
        self.to_the_end(|inner| async move {
            inner.store.log_out(token).await?;
            inner.ends.end(token);
            Ok(())
        })
        .await
    }

    /// Ends all logins of a user; `false` if there is no such account.
    pub(crate) async fn log_out_all(&self, user: &UserId) -> Result<bool, Error> {
        let user = user.clone();
        self.to_the_end(|inner| async move {
            if inner.store.by_id(&user).await?.is_none() {
                return Ok(false);
            }
            let ended = inner.store.log_out_all(&user).await?;
            inner.end_all(&user, ended).await;
            security_log::logged_out_everywhere(&user);
            Ok(true)
        })
        .await
    }

    /// Gives a user another password, and ends all other logins.
    pub(super) async fn change_password(
        &self,
        user: &UserId,
        own: TokenDigest,
        old: Password,
        new: Password,
    ) -> Result<(), Refused> {
        let user = user.clone();
        self.to_the_end(|inner| async move {
            let account = inner.known(&user, old).await?;
            let hash = inner.passwords.hash(new).await?;
            let ended = inner.store.set_password(&account, &hash, Some(own)).await?.ok_or(Refused::WrongPassword)?;
            ended.into_iter().for_each(|token| inner.ends.end(token));
            security_log::password_changed(&user);
            Ok(())
        })
        .await
    }

    /// Closes a user's own account.
    pub(crate) async fn close_own(&self, user: &UserId, password: Password) -> Result<(), Refused> {
        let user = user.clone();
        self.to_the_end(|inner| async move {
            inner.known(&user, password).await?;
            Ok(inner.close(&user).await.map(drop)?)
        })
        .await
    }

    /// Closes an account; `false` if there is none.
    pub(crate) async fn close_account(&self, user: &UserId) -> Result<bool, Error> {
        let user = user.clone();
        self.to_the_end(|inner| async move { inner.close(&user).await }).await
    }

    /// A page of the accounts.
    pub(crate) async fn list(&self, query: AccountQuery) -> Result<AccountPage, Error> {
        self.inner.store.page(query).await
    }

    /// Works to the end, whoever goes away meanwhile.
    async fn to_the_end<T, E, F>(&self, work: impl FnOnce(Arc<Inner>) -> F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        tokio::spawn(work(Arc::clone(&self.inner))).await.unwrap_or_else(|_panic| Err(Error::Internal.into()))
    }
}

/// Looks once an interval for logins that others have ended in the same database, as long as there are accounts.
async fn look_for_ends(accounts: Weak<Inner>) {
    loop {
        sleep(LOOK_INTERVAL).await;
        let Some(inner) = accounts.upgrade() else { return };
        inner.look_for_ends().await;
    }
}

impl Inner {
    /// Ends what was opened by logins that are gone. Whoever is admitted by one has it from there: none of them is new.
    async fn look_for_ends(&self) {
        for tokens in self.ends.watched().chunks(LOGINS_PER_STATEMENT) {
            // If it cannot be read, that is in the log, and the next look finds them.
            let Ok(living) = self.store.living(tokens).await else { return };
            tokens.iter().filter(|token| !living.contains(token)).for_each(|token| self.ends.end(*token));
        }
    }

    /// Whose login this is, if it has not ended, with its end, which is later from now on.
    pub(super) async fn find(&self, token: &Token) -> Result<Option<(Account, Timestamp, LoginWatch)>, Error> {
        let (token, now) = (token.digest(), now());
        let watch = self.ends.watch(token);
        let Some((account, expires_at)) = self.store.login(token, now).await? else { return Ok(None) };
        let Some(later) = extended(expires_at, now) else { return Ok(Some((account, expires_at, watch))) };
        // If it cannot be written, it is tried again with the next request.
        let written = self.store.extend(token, later).await;
        Ok(Some((account, if written.is_ok() { later } else { expires_at }, watch)))
    }

    async fn register(
        &self,
        name: UserName,
        password: Password,
        setup_token: Option<&str>,
    ) -> Result<LoggedIn, Refused> {
        let setup = setup_token.map(|token| self.take_setup(token)).transpose()?;
        let made = self.make(name, password, setup.is_some()).await;
        if made.is_err() {
            // It was not used.
            *self.setup() = setup;
        }
        let account = made?;
        security_log::registered(&account.id, account.is_admin);
        self.begin(&account).await?.ok_or(Refused::WrongPassword)
    }

    async fn make(&self, name: UserName, password: Password, is_admin: bool) -> Result<Account, Refused> {
        if self.store.by_name(&name).await?.is_some() {
            return Err(Refused::NameTaken);
        }
        let id = UserId::from_stored(&format!("{}{}", reserved::ACCOUNT, random_id()?));
        let password = self.passwords.hash(password).await?;
        let account = Account { id, name, password, is_admin, created_at: now() };
        if self.store.add(&account).await? { Ok(account) } else { Err(Refused::NameTaken) }
    }

    async fn log_in(&self, name: Option<UserName>, password: Password) -> Result<LoggedIn, Refused> {
        let found = match name {
            Some(name) => self.store.by_name(&name).await?,
            None => None,
        };
        // What nobody has costs as much as what somebody has.
        let shown = password.clone();
        let is_right = self.passwords.verify(password, found.as_ref().map(|account| &*account.password)).await?;
        let Some(mut account) = found.filter(|_| is_right) else {
            security_log::log_in_refused();
            return Err(Refused::WrongPassword);
        };
        if password::is_outdated(&account.password) {
            let hash = self.passwords.hash(shown).await?;
            self.store.rehash(&account, &hash).await?;
            account.password = hash;
        }
        self.begin(&account).await?.ok_or(Refused::WrongPassword)
    }

    /// Begins a login, unless the account has another password by now, or is closed.
    async fn begin(&self, account: &Account) -> Result<Option<LoggedIn>, Error> {
        let (token, at) = (Token::random()?, now());
        let expires_at = at.after(LIFE);
        let new = NewLogin { token: token.digest(), at, expires_at };
        let Some(ended) = self.store.log_in(account, new).await? else { return Ok(None) };
        ended.into_iter().for_each(|token| self.ends.end(token));
        let user = self.engine.shown(&account.identity()).await.unwrap_or_else(|_| account.identity());
        security_log::logged_in(&user.id);
        Ok(Some(LoggedIn { user, token: token.as_str().to_owned(), expires_at }))
    }

    /// The account of a user who knows its password.
    async fn known(&self, user: &UserId, password: Password) -> Result<Account, Refused> {
        let found = self.store.by_id(user).await?;
        let is_right = self.passwords.verify(password, found.as_ref().map(|account| &*account.password)).await?;
        if !is_right {
            security_log::password_refused(user);
        }
        found.filter(|_| is_right).ok_or(Refused::WrongPassword)
    }

    async fn close(&self, user: &UserId) -> Result<bool, Error> {
        let Some(ended) = self.store.close_account(user).await? else { return Ok(false) };
        self.end_all(user, ended).await;
        security_log::closed(user);
        self.finish_closing(user).await;
        Ok(true)
    }

    /// Does what follows when an account is closed. If it cannot be done now, it is at the next start.
    async fn finish_closing(&self, user: &UserId) {
        let left = self.engine.leave_all(user, "closed").await;
        let done = match left {
            Ok(()) => self.store.remove_closed(user).await,
            failed => failed,
        };
        if let Err(error) = done {
            tracing::warn!(user.id = %user, %error, "the rooms of a closed account are left at the next start");
        }
    }

    /// Ends what was opened by logins that are removed, and whatever else the user has open.
    async fn end_all(&self, user: &UserId, ended: Vec<TokenDigest>) {
        ended.into_iter().for_each(|token| self.ends.end(token));
        if let Err(error) = self.engine.revoke(user).await {
            // No login is left, so nothing can be opened again.
            tracing::warn!(user.id = %user, %error, "a revocation could not be stored");
        }
    }

    /// Takes the setup token, if this is it.
    fn take_setup(&self, shown: &str) -> Result<Token, Error> {
        let mut setup = self.setup();
        // Digests are compared, so that it takes no longer the more of it is right.
        let is_it = Token::parse(shown).zip(setup.as_ref()).is_some_and(|(shown, own)| shown.digest() == own.digest());
        if is_it { setup.take().ok_or(Error::Forbidden) } else { Err(Error::Forbidden) }
    }

    fn setup(&self) -> std::sync::MutexGuard<'_, Option<Token>> {
        self.setup.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Account {
    /// Its user, as they are shown if they have chosen no other name.
    pub(crate) fn identity(&self) -> Identity {
        let user = Identity::of(self.id.clone(), self.name.clone());
        if self.is_admin { user.as_admin() } else { user }
    }
}

/// When a login ends that is used now, if that is to be written.
fn extended(expires_at: Timestamp, now: Timestamp) -> Option<Timestamp> {
    let end = now.after(LIFE);
    (end.0 - expires_at.0 >= micros(STEP)).then_some(end)
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp(micros(since))
}

impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accounts").field("registration", &self.inner.registration).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_login_that_another_server_has_ended_ends_here() {
        let engine = ChatEngine::builder().build().await.unwrap();
        let connections = chat_core::store::sea::connections("sqlite::memory:", 1).unwrap();
        let Accounts { inner, .. } = Accounts::open(connections, engine, Registration::Open).await.unwrap();
        let mut watched = Vec::new();
        for name in ["Alice", "Bob"] {
            let (name, password) =
                (UserName::new(name).unwrap(), Password::chosen("correct horse".into(), "password").unwrap());
            let login = inner.register(name, password, None).await.unwrap();
            let token = Token::parse(&login.token).unwrap();
            watched.push((token.digest(), inner.find(&token).await.unwrap().unwrap().2));
        }
        let [(alice, alices), (_, bobs)] = &watched[..] else { panic!() };
        inner.store.log_out(*alice).await.unwrap();
        assert!(!alices.has_ended());
        inner.look_for_ends().await;
        assert!(alices.has_ended() && !bobs.has_ended());
    }

    #[test]
    fn a_login_that_is_used_ends_later_but_that_is_written_once_a_day() {
        let day = micros(STEP);
        let begun = Timestamp(1_000 * day);
        let end = begun.after(LIFE);
        assert_eq!(end, Timestamp(1_030 * day));
        assert_eq!(extended(end, begun), None);
        assert_eq!(extended(end, Timestamp(begun.0 + day - 1)), None);
        assert_eq!(extended(end, Timestamp(begun.0 + day)), Some(Timestamp(1_031 * day)));
        assert_eq!(extended(end, Timestamp(end.0 - 1)), Some(Timestamp(1_060 * day - 1)));
    }
}

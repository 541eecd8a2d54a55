//! Accounts of the server: what users do with their own.

use chat_core::Error;
use poem::{Request, Result};
use poem_openapi::{ApiResponse, OpenApi};

use super::{
    args::Login,
    body::{Encoded, Strict},
    tag::Tag,
};
use crate::{
    account::{self, Accounts, LoggedIn, Password, Refused},
    dto::{CloseBody, LoginBody, LoginDto, PasswordBody, RegisterBody},
    problem::Problem,
    security_log,
};

/// The operations on one's own account, if the server has accounts.
pub(crate) struct AccountApi {
    accounts: Option<Accounts>,
}

impl AccountApi {
    pub(crate) const fn new(accounts: Option<Accounts>) -> Self {
        Self { accounts }
    }

    fn accounts(&self) -> Result<&Accounts, Problem> {
        self.accounts.as_ref().ok_or_else(Problem::not_found)
    }
}

#[OpenApi(tag = "Tag::Accounts")]
impl AccountApi {
    /// Register, and log in
    ///
    /// Your id is random, and no other account ever gets it. Where registering is switched off, it needs the setup token, which the
    /// server prints when it is started as long as it has no administrator (403). A server without accounts answers 404 to all of
    /// these operations.
    #[oai(path = "/account/register", method = "post", operation_id = "register")]
    async fn register(&self, request: &Request, body: Strict<RegisterBody>) -> Result<Registered, Problem> {
        let accounts = self.accounts()?;
        let (name, password, setup_token) = body.0;
        let password = Password::chosen(password, "password")?;
        accounts.count_registration(request)?;
        let made = accounts.register(&name, password, setup_token.as_deref()).await?;
        let (login, cookie) = begun(made);
        Ok(Registered::Registered(login, cookie))
    }

    /// Log in
    ///
    /// The login holds for 30 days after it was used last. An account may have 50; one more ends the oldest. A wrong password and
    /// a name that nobody has are answered alike (401).
    #[oai(path = "/account/login", method = "post", operation_id = "log_in")]
    async fn log_in(&self, request: &Request, body: Strict<LoginBody>) -> Result<Began, Problem> {
        let accounts = self.accounts()?;
        let (name, password) = body.0;
        let password = Password::shown(password, "password")?;
        accounts.count_log_in(request)?;
        let made = accounts.log_in(&name, password).await?;
        let (login, cookie) = begun(made);
        Ok(Began::Began(login, cookie))
    }

    /// Log out
    ///
    /// Sockets and event streams that were opened with this login end.
    #[oai(path = "/account/logout", method = "post", operation_id = "log_out")]
    async fn log_out(&self, caller: Login, request: &Request) -> Result<Ended, Problem> {
        self.accounts()?.log_out_of(request).await?;
        security_log::logged_out(&caller.identity()?.id);
        Ok(Ended::Ended(account::cleared()))
    }

    /// Log out everywhere
    ///
    /// All your logins end, and all that was opened with them.
    #[oai(path = "/account/logout-all", method = "post", operation_id = "log_out_everywhere")]
    async fn log_out_everywhere(&self, caller: Login) -> Result<Ended, Problem> {
        let accounts = self.accounts()?;
        if !accounts.log_out_all(&caller.identity()?.id).await? {
            return Err(Error::Forbidden.into());
        }
        Ok(Ended::Ended(account::cleared()))
    }

    /// Change your password
    ///
    /// All your other logins end.
    #[oai(path = "/account/password", method = "post", operation_id = "change_password")]
    async fn change_password(
        &self,
        caller: Login,
        request: &Request,
        body: Strict<PasswordBody>,
    ) -> Result<Changed, Problem> {
        let accounts = self.accounts()?;
        let (old, new) = body.0;
        let (old, new) = (Password::shown(old, "password")?, Password::chosen(new, "new_password")?);
        let user = caller.identity()?.id;
        accounts.count_log_in(request)?;
        accounts.change_password_of(request, &user, old, new).await.map_err(of_own)?;
        Ok(Changed::Changed)
    }

    /// Close your account
    ///
    /// You leave all rooms but direct ones, and what was opened with your logins ends. What you have written stays.
    #[oai(path = "/account", method = "delete", operation_id = "close_account")]
    async fn close(&self, caller: Login, request: &Request, body: Strict<CloseBody>) -> Result<Ended, Problem> {
        let accounts = self.accounts()?;
        let password = Password::shown(body.0, "password")?;
        accounts.count_log_in(request)?;
        accounts.close_own(&caller.identity()?.id, password).await.map_err(of_own)?;
        Ok(Ended::Ended(account::cleared()))
    }
}

fn begun(LoggedIn { user, token, expires_at }: LoggedIn) -> (Encoded<LoginDto>, String) {
    let cookie = account::of_token(&token);
    (Encoded(LoginDto::new(&user, token, expires_at)), cookie)
}

/// Whoever is logged in already knows who they are, so a wrong password is no 401.
fn of_own(refused: Refused) -> Problem {
    match refused {
        Refused::WrongPassword => Problem::http("forbidden", "the password is wrong"),
        Refused::NameTaken | Refused::For(_) => refused.into(),
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::NameTaken => Self::http("name_taken", "an account with this name exists"),
            Refused::WrongPassword => Self::http("unauthenticated", "the name or the password is wrong"),
            Refused::For(error) => error.into(),
        }
    }
}

#[derive(ApiResponse)]
enum Registered {
    /// The account was made, and you are logged in.
    #[oai(status = 201)]
    Registered(
        Encoded<LoginDto>,
        /// The cookie `__Host-chat`, which keeps the login in browsers.
        #[oai(header = "Set-Cookie")]
        String,
    ),
}

#[derive(ApiResponse)]
enum Began {
    /// You are logged in.
    #[oai(status = 200)]
    Began(
        Encoded<LoginDto>,
        /// The cookie `__Host-chat`, which keeps the login in browsers.
        #[oai(header = "Set-Cookie")]
        String,
    ),
}

#[derive(ApiResponse)]
enum Ended {
    /// It has ended.
    #[oai(status = 204)]
    Ended(
        /// Removes the cookie.
        #[oai(header = "Set-Cookie")]
        String,
    ),
}

#[derive(ApiResponse)]
enum Changed {
    /// The password is another one.
    #[oai(status = 204)]
    Changed,
}

//! Accounts of the server: what an administrator does with those of others.

use chat_core::Error;
use poem::Result;
use poem_openapi::{ApiResponse, OpenApi};

use super::{
    args::{AccountArg, IntegerArg, TextArg, User},
    body::Encoded,
    tag::Tag,
};
use crate::{
    account::{AccountPage, AccountQuery, Accounts},
    cursor,
    dto::{AccountDto, AccountList},
    problem::Problem,
};

/// The operations on all accounts, if the server has accounts.
pub(crate) struct AccountsApi {
    accounts: Option<Accounts>,
}

impl AccountsApi {
    pub(crate) const fn new(accounts: Option<Accounts>) -> Self {
        Self { accounts }
    }

    /// The accounts, for an administrator.
    fn for_admin(&self, caller: &User) -> Result<&Accounts, Problem> {
        let accounts = self.accounts.as_ref().ok_or_else(Problem::not_found)?;
        if caller.0.admin { Ok(accounts) } else { Err(Error::Forbidden.into()) }
    }
}

#[OpenApi(tag = "Tag::Accounts")]
impl AccountsApi {
    /// List the accounts
    ///
    /// For administrators.
    #[oai(path = "/accounts", method = "get", operation_id = "list_accounts")]
    async fn list(
        &self,
        caller: User,
        /// The most accounts to return. The default is 50.
        limit: IntegerArg<1, 200>,
        /// The `next` of the previous page.
        after: TextArg<300>,
        /// Return only accounts whose name begins with this text, ignoring case and width.
        q: TextArg<100>,
    ) -> Result<FoundAccounts, Problem> {
        let accounts = self.for_admin(&caller)?;
        let after = after.0.as_deref().map(cursor::user).transpose()?;
        let AccountPage { accounts, next } =
            accounts.list(AccountQuery { limit: limit.or(50), after, name_prefix: q.0 }).await?;
        let accounts = accounts.iter().map(|account| AccountDto::new(&account.identity(), account.created_at));
        let next = next.as_ref().map(cursor::of_user);
        Ok(FoundAccounts::Found(Encoded(AccountList { accounts: accounts.collect(), next })))
    }

    /// Close an account
    ///
    /// As if its user had closed it. For administrators.
    #[oai(path = "/accounts/:user", method = "delete", operation_id = "close_account_of")]
    async fn close(
        &self,
        caller: User,
        /// The user's id.
        user: AccountArg,
    ) -> Result<Done, Problem> {
        let is_there = self.for_admin(&caller)?.close_account(&user.0).await?;
        done(is_there)
    }

    /// Log a user out everywhere
    ///
    /// For administrators.
    #[oai(path = "/accounts/:user/logout", method = "post", operation_id = "log_out_user")]
    async fn log_out(
        &self,
        caller: User,
        /// The user's id.
        user: AccountArg,
    ) -> Result<Done, Problem> {
        let is_there = self.for_admin(&caller)?.log_out_all(&user.0).await?;
        done(is_there)
    }
}

fn done(is_there: bool) -> Result<Done, Problem> {
    if is_there { Ok(Done::Done) } else { Err(Problem::http("not_found", "no such account")) }
}

#[derive(ApiResponse)]
enum FoundAccounts {
    /// A page of the accounts.
    #[oai(status = 200)]
    Found(Encoded<AccountList>),
}

#[derive(ApiResponse)]
enum Done {
    /// It is done.
    #[oai(status = 204)]
    Done,
}

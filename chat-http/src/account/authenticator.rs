//! Whose login a request shows.

use std::{
    borrow::Cow,
    time::{Duration, UNIX_EPOCH},
};

use async_trait::async_trait;
use chat_core::{Actor, Error, UserId};
use poem::{Request, http::header};

use super::{
    accounts::{Accounts, Refused},
    cookie,
    password::Password,
    secret::{Token, TokenDigest},
};
use crate::{
    auth::{Authenticated, Authenticator, Via, bearer},
    origin::Page,
};

impl Accounts {
    /// The token that a request shows.
    fn shown<'r>(&self, request: &'r Request) -> Result<Option<&'r str>, Error> {
        if let Some(token) = bearer::token(request)? {
            return Ok(Some(token));
        }
        let Some(token) = cookie::token(request)? else { return Ok(None) };
        let is_socket = request.headers().contains_key(header::UPGRADE);
        match request.data::<Page>() {
            Some(Page::Own) => Ok(Some(token)),
            // A page of another site does not get to use it. Whoever it is may say so in another way.
            Some(Page::Other) => Ok(None),
            // Browsers name the page in all that changes something, and in sockets.
            Some(Page::Unnamed) | None if is_socket => Err(Error::Unauthenticated),
            Some(Page::Unnamed) | None if request.method().is_safe() => Ok(Some(token)),
            Some(Page::Unnamed) | None => Err(Error::Forbidden),
        }
    }

    /// The login that a request shows, which was found already to be one.
    fn login_of(&self, request: &Request) -> Result<TokenDigest, Error> {
        let token = self.shown(request)?.and_then(Token::parse);
        token.map(|token| token.digest()).ok_or(Error::Forbidden)
    }

    /// Ends the login of a request.
    pub(crate) async fn log_out_of(&self, request: &Request) -> Result<(), Error> {
        self.log_out(self.login_of(request)?).await
    }

    /// Gives a user another password; the login of this request stays.
    pub(crate) async fn change_password_of(
        &self,
        request: &Request,
        user: &UserId,
        old: Password,
        new: Password,
    ) -> Result<(), Refused> {
        self.change_password(user, self.login_of(request)?, old, new).await
    }
}

#[async_trait]
impl Authenticator for Accounts {
    async fn authenticate(&self, request: &Request) -> Result<Authenticated, Error> {
        match self.shown(request)? {
            Some(token) => self.authenticate_token(token).await,
            None => Ok(Authenticated::anonymous()),
        }
    }

    async fn authenticate_token(&self, token: &str) -> Result<Authenticated, Error> {
        let Some(token) = Token::parse(token) else {
            return if self.is_beside_tokens { Ok(Authenticated::anonymous()) } else { Err(Error::Unauthenticated) };
        };
        let (account, expires_at, login) = self.inner.find(&token).await?.ok_or(Error::Unauthenticated)?;
        let ends = Duration::from_micros(u64::try_from(expires_at.0).unwrap_or_default());
        Ok(Authenticated {
            actor: Actor::User(account.identity()),
            via: Via::Account,
            expires_at: UNIX_EPOCH.checked_add(ends),
            // It is looked up each time.
            credential: None,
            login: Some(login),
        })
    }

    fn advice(&self) -> Cow<'static, str> {
        "log in: POST /api/chat/account/login gives a token for Authorization: Bearer".into()
    }
}

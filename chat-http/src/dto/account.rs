//! Accounts of the server, on the wire.

use chat_core::{Identity, Timestamp};
use poem_openapi::Object;
use serde::Serialize;

use super::{IdentityDto, stamp};
use crate::{
    json::{Fields, FromFields},
    refusal::Refusal,
};

/// A login that has just begun.
#[derive(Serialize, Object)]
#[oai(rename = "Login")]
pub(crate) struct LoginDto {
    /// Your id, for good.
    user: String,
    /// The name that you are shown by.
    username: String,
    /// What says who you are, in `Authorization: Bearer`: 64 hexadecimal digits. Keep it to yourself.
    token: String,
    /// When the login ends, unless it is used meanwhile.
    expires_at: String,
}

impl LoginDto {
    pub(crate) fn new(user: &Identity, token: String, expires_at: Timestamp) -> Self {
        let IdentityDto { user, username } = user.into();
        Self { user, username, token, expires_at: stamp(expires_at) }
    }
}

/// An account, as an administrator sees it.
#[derive(Debug, Clone, Serialize, Object)]
#[oai(rename = "Account")]
pub(crate) struct AccountDto {
    /// The user's id.
    user: String,
    /// The name to log in with.
    username: String,
    /// Whether the user is an administrator of the server.
    admin: bool,
    /// When the account was made.
    created_at: String,
}

impl AccountDto {
    pub(crate) fn new(user: &Identity, created_at: Timestamp) -> Self {
        let admin = user.admin;
        let IdentityDto { user, username } = user.into();
        Self { user, username, admin, created_at: stamp(created_at) }
    }
}

/// A page of the accounts.
#[derive(Debug, Clone, Serialize, Object)]
pub(crate) struct AccountList {
    /// The accounts, by id.
    pub(crate) accounts: Vec<AccountDto>,
    /// Where the next page begins (`after`); null when this is the last.
    #[oai(nullable)]
    pub(crate) next: Option<String>,
}

/// A new account.
#[derive(Object)]
#[oai(rename = "AccountDraft")]
pub(crate) struct RegisterBody {
    /// The name to log in with, for good, and to be shown by at first. No other account may have it, without regard to case.
    username: String,
    /// The password: 8–256 characters, with no other rule.
    #[oai(validator(min_length = 8, max_length = 256))]
    password: String,
    /// What the server printed when it was started. It makes you the administrator, once.
    setup_token: Option<String>,
}

impl FromFields for RegisterBody {
    type Read = (String, String, Option<String>);

    fn from_fields(fields: &mut Fields<'_>) -> Result<Self::Read, Refusal> {
        let (username, password) = (fields.required_text("username")?, fields.required_text("password")?);
        Ok((username, password, fields.text("setup_token")?))
    }
}

/// What you log in with.
#[derive(Object)]
#[oai(rename = "LoginRequest")]
pub(crate) struct LoginBody {
    /// The name that you registered.
    username: String,
    /// Your password.
    #[oai(validator(max_length = 256))]
    password: String,
}

impl FromFields for LoginBody {
    type Read = (String, String);

    fn from_fields(fields: &mut Fields<'_>) -> Result<Self::Read, Refusal> {
        Ok((fields.required_text("username")?, fields.required_text("password")?))
    }
}

/// Another password.
#[derive(Object)]
#[oai(rename = "PasswordChange")]
pub(crate) struct PasswordBody {
    /// Your password until now.
    #[oai(validator(max_length = 256))]
    password: String,
    /// The new one: 8–256 characters, with no other rule.
    #[oai(validator(min_length = 8, max_length = 256))]
    new_password: String,
}

impl FromFields for PasswordBody {
    type Read = (String, String);

    fn from_fields(fields: &mut Fields<'_>) -> Result<Self::Read, Refusal> {
        Ok((fields.required_text("password")?, fields.required_text("new_password")?))
    }
}

/// That you mean it.
#[derive(Object)]
#[oai(rename = "AccountClosing")]
pub(crate) struct CloseBody {
    /// Your password.
    #[oai(validator(max_length = 256))]
    password: String,
}

impl FromFields for CloseBody {
    type Read = String;

    fn from_fields(fields: &mut Fields<'_>) -> Result<String, Refusal> {
        Ok(fields.required_text("password")?)
    }
}

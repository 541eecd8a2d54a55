//! Who one is.

use std::time::UNIX_EPOCH;

use chat_core::Timestamp;
use poem_openapi::{Enum, Object};
use serde::Serialize;

use super::{IdentityDto, stamp};
use crate::{
    auth::{Authenticated, Via},
    json::{Fields, FromFields},
    refusal::Refusal,
};

/// Who you are.
#[derive(Debug, Clone, Serialize, Object)]
#[oai(rename = "Me")]
pub(crate) struct MeDto {
    /// Your id.
    user: String,
    /// The name that you are shown by.
    username: String,
    /// What you are known by.
    via: ViaDto,
    /// When that ends, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[oai(skip_serializing_if_is_none)]
    expires_at: Option<String>,
}

/// What someone is known by.
#[derive(Debug, Clone, Copy, Serialize, Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename = "Via", rename_all = "snake_case")]
pub(crate) enum ViaDto {
    /// The name that they give.
    Guest,
    /// A login.
    Account,
    /// A token.
    Token,
}

impl MeDto {
    /// `None` if it is nobody.
    pub(crate) fn of(found: &Authenticated) -> Option<Self> {
        let IdentityDto { user, username } = found.identity()?.into();
        let via = match found.via {
            Via::Guest => ViaDto::Guest,
            Via::Account => ViaDto::Account,
            Via::Token => ViaDto::Token,
        };
        let since = found.expires_at.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        let micros = since.and_then(|since| i64::try_from(since.as_micros()).ok());
        Some(Self { user, username, via, expires_at: micros.map(|micros| stamp(Timestamp(micros))) })
    }
}

/// What you want to be called.
#[derive(Debug, Object)]
#[oai(rename = "MeChange")]
pub(crate) struct MeChangeBody {
    /// The name to show, 1–64 characters after trimming.
    username: String,
}

impl FromFields for MeChangeBody {
    type Read = String;

    fn from_fields(fields: &mut Fields<'_>) -> Result<String, Refusal> {
        Ok(fields.required_text("username")?)
    }
}

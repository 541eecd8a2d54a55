//! Invites on the wire.

use std::time::Duration;

use chat_core::{Invite, InvitePage, NewInvite};
use poem_openapi::Object;
use serde::Serialize;

use super::stamp;
use crate::{
    json::{Fields, FromFields},
    refusal::Refusal,
};

/// What an invite is to be.
#[derive(Debug, Object)]
#[oai(rename = "InviteDraft")]
pub(crate) struct InviteBody {
    /// For how many seconds it can be used. The default is 604800, a week.
    #[oai(validator(minimum(value = "1"), maximum(value = "31536000")))]
    expires_in_s: Option<u64>,
    /// How many users may come in by it. Without it, as many as like.
    #[oai(validator(minimum(value = "1"), maximum(value = "1000000")))]
    max_uses: Option<u64>,
}

impl FromFields for InviteBody {
    type Read = NewInvite;

    fn from_fields(fields: &mut Fields<'_>) -> Result<Self::Read, Refusal> {
        let mut invite = NewInvite::default();
        if let Some(seconds) = fields.integer("expires_in_s", 1..=NewInvite::MAX_LIFETIME.as_secs())? {
            invite.lifetime = Duration::from_secs(seconds);
        }
        invite.max_uses = fields.integer("max_uses", 1..=NewInvite::MAX_USES)?;
        Ok(invite)
    }
}

/// An invite to a room.
#[derive(Debug, Clone, Serialize, Object)]
#[oai(rename = "Invite")]
pub(crate) struct InviteDto {
    /// What it is used by: whoever has it may come in.
    code: String,
    /// The room it leads to.
    room: u64,
    /// From when on it cannot be used.
    expires_at: String,
    /// How many users may come in by it; null if as many as like.
    #[oai(nullable)]
    max_uses: Option<u64>,
    /// How many users have come in by it.
    uses: u64,
    /// The id of the user who made it; null if the server did.
    #[oai(nullable)]
    by: Option<String>,
    /// The name of that user.
    #[oai(nullable)]
    by_username: Option<String>,
    /// When it was made.
    timestamp: String,
}

impl From<&Invite> for InviteDto {
    fn from(invite: &Invite) -> Self {
        Self {
            code: invite.code.to_string(),
            room: invite.room.0,
            expires_at: stamp(invite.expires_at),
            max_uses: invite.max_uses,
            uses: invite.uses,
            by: invite.by.as_ref().map(|by| by.id.to_string()),
            by_username: invite.by.as_ref().map(|by| by.name.to_string()),
            timestamp: stamp(invite.created_at),
        }
    }
}

/// A page of a room's invites.
#[derive(Debug, Clone, Serialize, Object)]
pub(crate) struct InviteList {
    /// The invites that can be used, by code.
    invites: Vec<InviteDto>,
    /// Where the next page begins (`after`); null when this is the last.
    #[oai(nullable)]
    next: Option<String>,
}

impl From<&InvitePage> for InviteList {
    fn from(InvitePage { invites, next }: &InvitePage) -> Self {
        Self { invites: invites.iter().map(InviteDto::from).collect(), next: next.map(|code| code.to_string()) }
    }
}

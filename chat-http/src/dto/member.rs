//! Who is in rooms, and who is kept from something there, on the wire.

use chat_core::{
    Identity, InvitedBy, Member, MemberPage, Restriction, RestrictionPage, Role, Timestamp, Until, UserId,
};
use poem_openapi::{Enum, Object};
use serde::Serialize;

use super::{parse_stamp, stamp};
use crate::{
    cursor,
    json::{Fields, FromFields},
    refusal::Refusal,
};

/// What a member is in a room.
#[derive(Debug, Clone, Copy, Serialize, Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename = "Role", rename_all = "snake_case")]
pub(crate) enum RoleDto {
    /// Reads and writes.
    Member,
    /// Keeps order.
    Moderator,
    /// Has the room.
    Owner,
}

impl From<Role> for RoleDto {
    fn from(role: Role) -> Self {
        match role {
            Role::Member => Self::Member,
            Role::Moderator => Self::Moderator,
            Role::Owner => Self::Owner,
        }
    }
}

/// Which members may bring others into a room.
#[derive(Debug, Clone, Copy, Serialize, Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename = "InvitedBy", rename_all = "snake_case")]
pub(crate) enum InvitesDto {
    /// All of them.
    Members,
    /// Only moderators and owners.
    Moderators,
}

impl From<InvitedBy> for InvitesDto {
    fn from(by: InvitedBy) -> Self {
        match by {
            InvitedBy::Members => Self::Members,
            InvitedBy::Moderators => Self::Moderators,
        }
    }
}

/// Who may see a room.
#[derive(Debug, Clone, Copy, Serialize, Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename = "RoomKind", rename_all = "snake_case")]
pub(crate) enum RoomKindDto {
    /// Everyone.
    Public,
    /// Only its members: others hear that it is not there.
    Private,
}

/// A user in a room.
#[derive(Debug, Clone, Serialize, Object)]
#[oai(rename = "Member")]
pub(crate) struct MemberDto {
    /// The user's id.
    user: String,
    /// The user's name.
    username: String,
    /// What the user is in the room.
    role: RoleDto,
    /// When the user came in.
    joined_at: String,
    /// `true` if the user may only read; else left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[oai(skip_serializing_if_is_none)]
    muted: Option<bool>,
    /// With `muted`: until when; null when it has no end.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[oai(nullable)]
    muted_until: Option<Option<String>>,
}

impl From<&Member> for MemberDto {
    fn from(Member { user, role, joined_at, muted, .. }: &Member) -> Self {
        Self {
            user: user.id.to_string(),
            username: user.name.to_string(),
            role: (*role).into(),
            joined_at: stamp(*joined_at),
            muted: muted.map(|_| true),
            muted_until: muted.map(end),
        }
    }
}

/// A page of a room's members.
#[derive(Debug, Clone, Serialize, Object)]
pub(crate) struct MemberList {
    /// The members: owners, moderators, then the others, each by user id.
    members: Vec<MemberDto>,
    /// Where the next page begins (`after`); null when this is the last.
    #[oai(nullable)]
    next: Option<String>,
}

impl From<&MemberPage> for MemberList {
    fn from(MemberPage { members, next }: &MemberPage) -> Self {
        Self {
            members: members.iter().map(MemberDto::from).collect(),
            next: next.as_ref().map(|(role, user)| cursor::of_member(*role, user)),
        }
    }
}

/// What a user is to be in a room.
#[derive(Debug, Object)]
#[oai(rename = "MemberDraft")]
pub(crate) struct MemberBody {
    /// The name to show of a user who was never here. Whoever was is shown by their own name.
    username: Option<String>,
    /// The user's role. Without it, a member, or what the user is already.
    role: Option<RoleDto>,
}

impl FromFields for MemberBody {
    type Read = (Option<String>, Option<Role>);

    fn from_fields(fields: &mut Fields<'_>) -> Result<Self::Read, Refusal> {
        let role = fields.text("role")?.map(|word| Role::parse(&word)).transpose();
        Ok((fields.text("username")?, role.map_err(chat_core::Error::from)?))
    }
}

/// How long a ban or a mute is to last, and why.
#[derive(Debug, Object)]
#[oai(rename = "RestrictionDraft")]
pub(crate) struct RestrictionBody {
    /// When it is over, which must be later than now. Without it, it has no end.
    until: Option<String>,
    /// Why, for people: 1–500 characters, at least one of them visible.
    #[oai(validator(max_length = 500))]
    reason: Option<String>,
}

impl FromFields for RestrictionBody {
    type Read = (Option<Timestamp>, Option<String>);

    fn from_fields(fields: &mut Fields<'_>) -> Result<Self::Read, Refusal> {
        let until = fields.text("until")?.map(|text| {
            parse_stamp(&text).ok_or_else(|| fields.wrong("until", "must be a time as in 2026-11-22T10:00:00Z"))
        });
        Ok((until.transpose()?, fields.text("reason")?))
    }
}

/// A ban or a mute.
#[derive(Debug, Clone, Serialize, Object)]
#[oai(rename = "Restriction")]
pub(crate) struct RestrictionDto {
    /// The id of the user whom it restricts.
    user: String,
    /// The name of that user.
    username: String,
    /// When it is over; null when it has no end.
    #[oai(nullable)]
    until: Option<String>,
    /// Why; null if nobody said.
    #[oai(nullable)]
    reason: Option<String>,
    /// The id of the user who did it; null if the server did.
    #[oai(nullable)]
    by: Option<String>,
    /// The name of that user.
    #[oai(nullable)]
    by_username: Option<String>,
    /// When it was done.
    timestamp: String,
}

impl From<&Restriction> for RestrictionDto {
    fn from(Restriction { user, until, reason, by, at }: &Restriction) -> Self {
        Self {
            user: user.id.to_string(),
            username: user.name.to_string(),
            until: end(*until),
            reason: reason.as_ref().map(|reason| reason.as_str().to_owned()),
            by: by.as_ref().map(|by| by.id.to_string()),
            by_username: by.as_ref().map(|by: &Identity| by.name.to_string()),
            timestamp: stamp(*at),
        }
    }
}

/// A page of those who are banned from a room.
#[derive(Debug, Clone, Serialize, Object)]
pub(crate) struct BanList {
    /// The bans that are in force, by user id.
    bans: Vec<RestrictionDto>,
    /// Where the next page begins (`after`); null when this is the last.
    #[oai(nullable)]
    next: Option<String>,
}

impl From<&RestrictionPage> for BanList {
    fn from(page: &RestrictionPage) -> Self {
        let (bans, next) = restrictions(page);
        Self { bans, next }
    }
}

/// A page of those who may only read in a room.
#[derive(Debug, Clone, Serialize, Object)]
pub(crate) struct MuteList {
    /// The mutes that are in force, by user id.
    mutes: Vec<RestrictionDto>,
    /// Where the next page begins (`after`); null when this is the last.
    #[oai(nullable)]
    next: Option<String>,
}

impl From<&RestrictionPage> for MuteList {
    fn from(page: &RestrictionPage) -> Self {
        let (mutes, next) = restrictions(page);
        Self { mutes, next }
    }
}

/// That a user is not banned.
#[derive(Debug, Clone, Serialize, Object)]
pub(crate) struct LiftedBan {
    /// The user's id.
    user: String,
    /// Always `false`.
    banned: bool,
}

impl From<&UserId> for LiftedBan {
    fn from(user: &UserId) -> Self {
        Self { user: user.to_string(), banned: false }
    }
}

/// That a user is not muted.
#[derive(Debug, Clone, Serialize, Object)]
pub(crate) struct LiftedMute {
    /// The user's id.
    user: String,
    /// Always `false`.
    muted: bool,
}

impl From<&UserId> for LiftedMute {
    fn from(user: &UserId) -> Self {
        Self { user: user.to_string(), muted: false }
    }
}

fn restrictions(RestrictionPage { restrictions, next }: &RestrictionPage) -> (Vec<RestrictionDto>, Option<String>) {
    (restrictions.iter().map(RestrictionDto::from).collect(), next.as_ref().map(cursor::of_user))
}

fn end(until: Until) -> Option<String> {
    until.end().map(stamp)
}

#[cfg(test)]
mod tests {
    use chat_core::Seq;
    use serde_json::json;

    use super::*;

    #[test]
    fn who_is_muted_for_good_is_told_from_who_is_not() {
        let user = Identity::new("7", "Bob").unwrap();
        let of = |muted| {
            let member =
                Member { user: user.clone(), role: Role::Moderator, joined_at: Timestamp(0), since: Seq(1), muted };
            serde_json::to_value(MemberDto::from(&member)).unwrap()
        };
        let mut expected =
            json!({"user": "7", "username": "Bob", "role": "moderator", "joined_at": "1970-01-01T00:00:00.000Z"});
        assert_eq!(of(None), expected);
        (expected["muted"], expected["muted_until"]) = (json!(true), json!(null));
        assert_eq!(of(Some(Until::ForGood)), expected);
        expected["muted_until"] = json!("1970-01-01T00:00:00.001Z");
        assert_eq!(of(Some(Until::At(Timestamp(1_000)))), expected);
    }
}

//! The shapes of everything on the wire, each defined once, for JSON and for the OpenAPI document.

mod account;
mod invite;
mod mark;
mod me;
mod member;
mod message;
mod meta;
mod room;
mod search;
mod state;
mod ticket;

use chat_core::{Identity, Presence, Timestamp};
use poem_openapi::Object;
use serde::Serialize;
use time::{
    OffsetDateTime,
    format_description::{BorrowedFormatItem, well_known::Rfc3339},
    macros::format_description,
};

pub(crate) use self::{
    account::{AccountDto, AccountList, CloseBody, LoginBody, LoginDto, PasswordBody, RegisterBody},
    invite::{InviteBody, InviteDto, InviteList},
    mark::{MarkBody, MarkDto, MarkList, NotifyBody, NotifyDto, NotifySetting, UnreadDto, marks},
    me::{MeChangeBody, MeDto},
    member::{
        BanList, InvitesDto, LiftedBan, LiftedMute, MemberBody, MemberDto, MemberList, MuteList, RestrictionBody,
        RestrictionDto, RoomKindDto,
    },
    message::{BodyDto, EditDto, MessageDto, mentions},
    meta::Meta,
    room::{MyRoomList, RoomDto, RoomList},
    search::FoundDto,
    state::{CountDto, History, MessageStateDto, MessageStateNow, Pinned, Reactors, Versions},
    ticket::TicketDto,
};

/// A user, by id and name.
#[derive(Debug, Clone, Serialize, Object)]
#[oai(rename = "Identity")]
pub(crate) struct IdentityDto {
    /// The user's id.
    user: String,
    /// The name to show.
    username: String,
}

impl From<&Identity> for IdentityDto {
    fn from(identity: &Identity) -> Self {
        Self { user: identity.id.as_str().to_owned(), username: identity.name.as_str().to_owned() }
    }
}

/// Who is online in a room.
#[derive(Debug, Clone, Serialize, Object)]
#[oai(rename = "Presence")]
pub(crate) struct PresenceDto {
    /// How many users are online.
    count: usize,
    /// Their names; empty while there are too many users to list.
    users: Vec<String>,
    /// The same users with their ids.
    identities: Vec<IdentityDto>,
}

impl From<&Presence> for PresenceDto {
    fn from(presence: &Presence) -> Self {
        Self { count: presence.count, users: names(&presence.online), identities: identities(&presence.online) }
    }
}

/// The names of these users.
pub(crate) fn names(users: &[Identity]) -> Vec<String> {
    users.iter().map(|user| user.name.as_str().to_owned()).collect()
}

/// These users, by id and name.
pub(crate) fn identities(users: &[Identity]) -> Vec<IdentityDto> {
    users.iter().map(IdentityDto::from).collect()
}

/// A time stamp in RFC 3339, in UTC with milliseconds.
pub(crate) fn stamp(at: Timestamp) -> String {
    // A time outside the calendar means that a clock is wrong. It is shown as 1970; the order of events never depends
    // on it.
    let moment =
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(at.0) * 1_000).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    moment.format(STAMP).unwrap_or_default()
}

/// Reads a time in RFC 3339, down to microseconds.
pub(crate) fn parse_stamp(text: &str) -> Option<Timestamp> {
    let moment = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    i64::try_from(moment.unix_timestamp_nanos().div_euclid(1_000)).ok().map(Timestamp)
}

const STAMP: &[BorrowedFormatItem<'static>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_have_milliseconds_and_end_in_z() {
        assert_eq!(stamp(Timestamp(0)), "1970-01-01T00:00:00.000Z");
        assert_eq!(stamp(Timestamp(1_795_341_600_123_999)), "2026-11-22T10:00:00.123Z");
        assert_eq!(stamp(Timestamp(i64::MAX)), "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn times_are_read_with_their_offset() {
        for (text, micros) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2026-11-22T10:00:00.123999Z", 1_795_341_600_123_999),
            ("2026-11-22T12:30:00.000000001+02:30", 1_795_341_600_000_000),
            ("1969-12-31T23:59:59.999999999Z", -1),
        ] {
            assert_eq!(parse_stamp(text), Some(Timestamp(micros)), "{text}");
        }
        for text in
            ["", "tomorrow", "2026-11-22", "2026-11-22T10:00:00", "2026-02-30T10:00:00Z", "10000-01-01T00:00:00Z"]
        {
            assert_eq!(parse_stamp(text), None, "{text}");
        }
    }
}

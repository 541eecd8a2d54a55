//! How far users have read, on the wire.

use chat_core::{Epoch, MarkPage, MarkTo, Notify, Seq, Unread, UserMark};
use poem_openapi::{Enum, Object};
use serde::Serialize;

use crate::{
    cursor,
    integer::MAX_INTEGER,
    json::{Fields, FromFields},
    position,
    refusal::Refusal,
};

/// How far to mark a room as read.
#[derive(Debug, Object)]
#[oai(rename = "MarkRequest")]
pub(crate) struct MarkBody {
    /// The number of the newest event that you have read. Beyond the room's head, it is the head.
    seq: u64,
    /// Whether the mark may go back, to exactly this. Without it, a mark that is further on stays.
    back: Option<bool>,
    /// The history that `seq` belongs to, if you are to be refused when it is another one now.
    #[oai(validator(max_length = 64))]
    epoch: Option<String>,
}

impl MarkBody {
    /// Takes the fields that a frame has, too.
    pub(crate) fn take(fields: &mut Fields<'_>) -> Result<MarkTo, Refusal> {
        let seq = fields.integer("seq", 0..=MAX_INTEGER)?.ok_or_else(|| fields.wrong("seq", "is missing"))?;
        Ok(MarkTo { seq: Seq(seq), back: fields.boolean("back")?.unwrap_or_default() })
    }
}

impl FromFields for MarkBody {
    type Read = (MarkTo, Option<Epoch>);

    fn from_fields(fields: &mut Fields<'_>) -> Result<Self::Read, Refusal> {
        Ok((Self::take(fields)?, position::epoch_in_field(fields)?))
    }
}

/// What you have not read of a room.
#[derive(Debug, Clone, Serialize, Object)]
#[oai(rename = "Unread")]
pub(crate) struct UnreadDto {
    /// Your mark: the number of the newest event that you have read.
    seq: u64,
    /// How many messages of others stand beyond it, without deleted ones and those in threads.
    unread: u64,
    /// How many messages beyond it mention you or the room, those in threads too.
    mentions: u64,
    /// How many messages the room has had, those in threads aside: in a later answer, the difference is what came meanwhile.
    ordinal: u64,
}

impl From<Unread> for UnreadDto {
    fn from(Unread { seq, unread, mentions, ordinal }: Unread) -> Self {
        Self { seq: seq.0, unread, mentions, ordinal }
    }
}

/// How far a user has read a room.
#[derive(Debug, Clone, Serialize, Object)]
#[oai(rename = "ReadMark")]
pub(crate) struct MarkDto {
    /// The user's id.
    user: String,
    /// The user's name.
    username: String,
    /// The number of the newest event that the user has read.
    seq: u64,
}

/// These marks.
pub(crate) fn marks(marks: &[UserMark]) -> Vec<MarkDto> {
    let mark = |UserMark { user, seq }: &UserMark| MarkDto {
        user: user.id.to_string(),
        username: user.name.to_string(),
        seq: seq.0,
    };
    marks.iter().map(mark).collect()
}

/// A page of how far users have read a room.
#[derive(Debug, Clone, Serialize, Object)]
#[oai(rename = "ReadMarks")]
pub(crate) struct MarkList {
    /// The marks: your own first, then by user id.
    marks: Vec<MarkDto>,
    /// Where the next page begins (`after`); null when this is the last.
    #[oai(nullable)]
    next: Option<String>,
}

impl From<&MarkPage> for MarkList {
    fn from(page: &MarkPage) -> Self {
        Self { marks: marks(&page.marks), next: page.next.as_ref().map(cursor::of_user) }
    }
}

/// What you want to be told of a room from now on.
#[derive(Debug, Object)]
#[oai(rename = "NotifyRequest")]
pub(crate) struct NotifyBody {
    /// What you want to be told.
    notify: NotifyDto,
}

impl FromFields for NotifyBody {
    type Read = Notify;

    fn from_fields(fields: &mut Fields<'_>) -> Result<Notify, Refusal> {
        match fields.required_text("notify")?.as_str() {
            "all" => Ok(Notify::All),
            "mentions" => Ok(Notify::Mentions),
            "none" => Ok(Notify::None),
            _ => Err(fields.wrong("notify", "must be all, mentions or none").into()),
        }
    }
}

/// What you want to be told of a room. The server stores it for your clients, and does nothing with it.
#[derive(Debug, Clone, Serialize, Object)]
#[oai(rename = "NotifySetting")]
pub(crate) struct NotifySetting {
    /// What you want to be told.
    notify: NotifyDto,
}

impl From<Notify> for NotifySetting {
    fn from(notify: Notify) -> Self {
        Self { notify: notify.into() }
    }
}

/// What a user wants to be told of a room.
#[derive(Debug, Clone, Copy, Serialize, Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename = "Notify", rename_all = "snake_case")]
pub(crate) enum NotifyDto {
    /// All messages.
    All,
    /// Only mentions.
    Mentions,
    /// Nothing.
    None,
}

impl From<Notify> for NotifyDto {
    fn from(notify: Notify) -> Self {
        match notify {
            Notify::All => Self::All,
            Notify::Mentions => Self::Mentions,
            Notify::None => Self::None,
        }
    }
}

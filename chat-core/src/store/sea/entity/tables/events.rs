//! `chat_events`.

use sea_orm::entity::prelude::*;

use crate::{RoomId, Seq, Timestamp, UserId, store::sea::rows};

/// An event of a room's log. What it says is what was said *then*: a message that was edited since has its first text.
///
/// Where a column may be null, an empty text and 0 say the same: PostgreSQL has nulls there.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "chat_events")]
#[non_exhaustive]
pub struct Model {
    /// Its room.
    #[sea_orm(primary_key, auto_increment = false)]
    pub room_id: RoomId,
    /// Its number in the room: 1, 2, 3 … without a hole. A message's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub seq: Seq,
    /// What happened: [`Model::MESSAGE`] and the like.
    pub kind: i16,
    /// When.
    pub at_us: Timestamp,
    /// Who did it; null if the host itself or somebody anonymous did.
    pub user_id: Option<UserId>,
    /// Their name then; null if `user_id` is.
    pub user_name: Option<String>,
    /// The message that it changes: of an edit, a deletion, a reaction and a pin.
    pub target_seq: Option<Seq>,
    /// How many messages outside of threads the room had then, this one included. The number of them between two events is
    /// the difference.
    pub ordinal: i64,
    /// The idempotency key that it came with; one that begins with a space was made by the engine.
    pub idem_key: String,
    /// The message that it replies to.
    pub reply_to: Option<Seq>,
    /// The message whose thread it stands in.
    pub thread: Option<Seq>,
    /// Its place among the messages of its thread: 1, 2, 3 …
    pub thread_ordinal: Option<i64>,
    /// Of a message and of an edit the text, null once it is deleted or erased; of a deletion and of an event about a member the
    /// reason; of a reaction the reaction; of a change of the room its topic.
    ///
    /// **Encrypted** while texts are, but for reactions and topics: it begins with U+0001 then, and only the engine can read it.
    pub body: Option<String>,
    /// Of a message and of an edit what the author's app has put beside the text; of a change of the room its name. Of an event about a
    /// member it is the engine's own.
    ///
    /// **Encrypted** as `body`, in messages and edits.
    pub meta: Option<String>,
    /// Bits: [`Model::MENTIONS_ROOM`] and [`Model::ADDED`]. Others are the engine's own. Null: none.
    pub flags: Option<i16>,
    /// Of a message: its newest edit.
    pub edited_seq: Option<Seq>,
    /// Of a message: its deletion. What is there now are the messages where this is null.
    pub deleted_seq: Option<Seq>,
}

impl Model {
    /// `kind` of a message outside of threads.
    pub const MESSAGE: i16 = rows::MESSAGE;
    /// `kind` of a message in a thread.
    pub const THREAD_MESSAGE: i16 = rows::THREAD_MESSAGE;
    /// `kind` of a change of the room: its name, its topic, who may come in.
    pub const ROOM_UPDATED: i16 = rows::ROOM_UPDATED;
    /// `kind` of the last event of a deleted room.
    pub const ROOM_DELETED: i16 = rows::ROOM_DELETED;
    /// `kind` of an edit.
    pub const EDITED: i16 = rows::EDITED;
    /// `kind` of a deletion of a message.
    pub const DELETED: i16 = rows::DELETED;
    /// `kind` of a reaction that was added or removed.
    pub const REACTION: i16 = rows::REACTION;
    /// `kind` of a message that was pinned or unpinned.
    pub const PIN: i16 = rows::PIN;
    /// `kind` of what happened with a member.
    pub const MEMBER: i16 = rows::MEMBER;

    /// The bit of `flags` of a message that mentions everyone.
    pub const MENTIONS_ROOM: i16 = rows::MENTIONS_ROOM;
    /// The bit of `flags` of a reaction that was added and of a message that was pinned. Without it: removed, unpinned.
    pub const ADDED: i16 = rows::ADDED;
}

of_a_room!();
read_only!();

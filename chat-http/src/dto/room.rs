//! Rooms on the wire.

use chat_core::{MyRoom, MyRoomPage, Room, RoomPage};
use poem_openapi::Object;
use serde::Serialize;

use super::{IdentityDto, InvitesDto, MessageStateDto, NotifyDto, stamp};
use crate::cursor;

/// A room.
#[derive(Debug, Clone, Serialize, Object)]
#[oai(rename = "Room")]
pub(crate) struct RoomDto {
    /// Its id.
    id: u64,
    /// Its name, unique among public rooms ignoring case; empty in direct rooms.
    name: String,
    /// What the room is about; may be empty.
    topic: String,
    /// When it was created.
    created_at: String,
    /// The number of its newest event; 0 when there is none.
    head: u64,
    /// When its newest message was stored; null when there is none.
    #[oai(nullable)]
    last_message_at: Option<String>,
    /// How many users are online in it now.
    online: usize,
    /// Who may see it: `public`, `private`, or `direct` for a room of two users.
    kind: String,
    /// Whether it has owners. Anyone may rename and delete a room that nobody owns.
    owned: bool,
    /// Which members may bring others in.
    invites: InvitesDto,
    /// How many members it has.
    members: u64,
    /// In a direct room: the other user, in notes to yourself you; else left out, as where the other user was erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[oai(skip_serializing_if_is_none)]
    peer: Option<IdentityDto>,
}

impl From<&Room> for RoomDto {
    fn from(room: &Room) -> Self {
        Self {
            id: room.id.0,
            name: room.name.as_str().to_owned(),
            topic: room.topic.as_str().to_owned(),
            created_at: stamp(room.created_at),
            head: room.head.0,
            last_message_at: room.last_message_at.map(stamp),
            online: room.online,
            kind: room.kind.as_str().to_owned(),
            owned: room.owned,
            invites: room.invites.into(),
            members: room.members,
            peer: room.peer.as_ref().map(IdentityDto::from),
        }
    }
}

/// A page of rooms.
#[derive(Debug, Clone, Serialize, Object)]
pub(crate) struct RoomList {
    /// The rooms, by id.
    rooms: Vec<RoomDto>,
    /// Where the next page begins (`after`); null when this is the last.
    #[oai(nullable)]
    next: Option<String>,
}

impl From<&RoomPage> for RoomList {
    fn from(page: &RoomPage) -> Self {
        Self { rooms: page.rooms.iter().map(RoomDto::from).collect(), next: page.next.map(|room| room.to_string()) }
    }
}

/// One of your rooms, with what you have not read of it.
#[derive(Debug, Clone, Serialize, Object)]
#[oai(rename = "MyRoom")]
pub(crate) struct MyRoomDto {
    #[serde(flatten)]
    #[oai(flatten)]
    room: RoomDto,
    /// The number of the newest event that you have read.
    read: u64,
    /// How many messages of others you have not read, without deleted ones and those in threads.
    unread: u64,
    /// How many messages beyond your mark mention you or the room, those in threads too.
    mentions: u64,
    /// How many messages the room has had, those in threads aside.
    ordinal: u64,
    /// Its newest message, which may be a tombstone; null when there never was one.
    #[oai(nullable)]
    last_message: Option<MessageStateDto>,
    /// Your role in the room: `member`, `moderator` or `owner`; null if you are no member.
    #[oai(nullable)]
    role: Option<String>,
    /// What you want to be told of it: `all` unless you set something else.
    notify: NotifyDto,
}

impl From<&MyRoom> for MyRoomDto {
    fn from(mine: &MyRoom) -> Self {
        Self {
            room: RoomDto::from(&mine.room),
            read: mine.unread.seq.0,
            unread: mine.unread.unread,
            mentions: mine.unread.mentions,
            ordinal: mine.unread.ordinal,
            last_message: mine.last_message.as_ref().map(MessageStateDto::from),
            role: mine.role.map(|role| role.as_str().to_owned()),
            notify: mine.notify.into(),
        }
    }
}

/// A page of your rooms.
#[derive(Debug, Clone, Serialize, Object)]
pub(crate) struct MyRoomList {
    /// The rooms, those first that had a message last.
    rooms: Vec<MyRoomDto>,
    /// Where the next page begins (`after`); null when this is the last.
    #[oai(nullable)]
    next: Option<String>,
}

impl From<&MyRoomPage> for MyRoomList {
    fn from(page: &MyRoomPage) -> Self {
        Self { rooms: page.rooms.iter().map(MyRoomDto::from).collect(), next: page.next.map(cursor::of_my_rooms) }
    }
}

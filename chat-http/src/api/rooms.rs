//! Rooms.

use chat_core::{ChatEngine, Error, NewRoom, RoomChange, RoomId, RoomQuery};
use poem::Result;
use poem_openapi::{ApiResponse, Object, OpenApi};

use super::{
    Tag,
    args::{Caller, LimitArg, RoomArg, TextArg},
    body::{Encoded, FromFields, Strict, Tagged},
};
use crate::{
    dto::{RoomDto, RoomList},
    json::{Fields, parse_integer},
    problem::Problem,
    refusal::Refusal,
};

/// The rooms of an engine.
pub(crate) struct RoomsApi {
    engine: ChatEngine,
}

impl RoomsApi {
    pub(crate) const fn new(engine: ChatEngine) -> Self {
        Self { engine }
    }
}

#[OpenApi(tag = "Tag::Rooms")]
impl RoomsApi {
    /// Make a room
    #[oai(path = "/rooms", method = "post", operation_id = "create_room")]
    async fn create(
        &self,
        /// The name of who makes it, 1–64 characters after trimming; may be left out.
        #[oai(name = "username")]
        caller: Caller,
        body: Strict<NewRoomBody>,
    ) -> Result<CreatedRoom, Problem> {
        let NewRoomBody { name, topic } = body.0;
        let new = NewRoom::named(name).topic(topic.unwrap_or_default());
        let room = self.engine.create_room(caller.0, new).await?;
        Ok(CreatedRoom::Created(Encoded(RoomDto::from(&room))))
    }

    /// List rooms, by id
    #[oai(path = "/rooms", method = "get", operation_id = "list_rooms")]
    async fn list(
        &self,
        /// The name of who asks, 1–64 characters after trimming; may be left out.
        #[oai(name = "username")]
        caller: Caller,
        /// How many rooms at most; 50 when left out.
        limit: LimitArg,
        /// The `next` of the page before.
        after: TextArg<100>,
        /// Only rooms whose name has this part, without regard to case and width: `STRASSE` finds `Straße`.
        q: TextArg<100>,
    ) -> Result<FoundRooms, Problem> {
        let query = RoomQuery {
            limit: limit.0.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(50),
            after: after.0.as_deref().map(parse_cursor).transpose()?,
            name_contains: q.0.filter(|part| !part.trim().is_empty()),
        };
        let page = self.engine.rooms(caller.0, query).await?;
        Ok(FoundRooms::Found(Tagged(RoomList::from(&page))))
    }

    /// A room
    #[oai(path = "/rooms/:room_id", method = "get", operation_id = "get_room")]
    async fn get(
        &self,
        /// The name of who asks, 1–64 characters after trimming; may be left out.
        #[oai(name = "username")]
        caller: Caller,
        /// The room's id.
        room_id: RoomArg,
    ) -> Result<FoundRoom, Problem> {
        let room = self.engine.room(caller.0, room_id.0).await?;
        Ok(FoundRoom::Found(Tagged(RoomDto::from(&room))))
    }

    /// Change a room's name or topic
    ///
    /// What is left out stays. Values that are as they were make no event; both together make one.
    #[oai(path = "/rooms/:room_id", method = "patch", operation_id = "update_room")]
    async fn update(
        &self,
        /// The name of who changes it, 1–64 characters after trimming; may be left out.
        #[oai(name = "username")]
        caller: Caller,
        /// The room's id.
        room_id: RoomArg,
        body: Strict<RoomChangeBody>,
    ) -> Result<ChangedRoom, Problem> {
        let RoomChangeBody { name, topic } = body.0;
        let room = self.engine.update_room(caller.0, room_id.0, RoomChange { name, topic }).await?;
        Ok(ChangedRoom::Changed(Encoded(RoomDto::from(&room))))
    }

    /// Delete a room and its messages
    #[oai(path = "/rooms/:room_id", method = "delete", operation_id = "delete_room")]
    async fn delete(
        &self,
        /// The name of who deletes it, 1–64 characters after trimming; may be left out.
        #[oai(name = "username")]
        caller: Caller,
        /// The room's id.
        room_id: RoomArg,
    ) -> Result<DeletedRoom, Problem> {
        self.engine.delete_room(caller.0, room_id.0).await?;
        Ok(DeletedRoom::Deleted)
    }
}

/// A room to be made.
#[derive(Object)]
#[oai(rename = "RoomDraft")]
struct NewRoomBody {
    /// Its name: 1–100 characters after trimming, all of them to be seen, unique without regard to case and width: `STRASSE` is
    /// `Straße`. Send it in NFC.
    name: String,
    /// What it is about; empty for nothing. Its line breaks are LF or CR LF.
    #[oai(validator(max_length = 1024))]
    topic: Option<String>,
}

impl FromFields for NewRoomBody {
    fn from_fields(fields: &mut Fields<'_>) -> Result<Self, Refusal> {
        Ok(Self { name: fields.required_text("name")?, topic: fields.text("topic")? })
    }
}

/// What is to be different about a room.
#[derive(Object)]
#[oai(rename = "RoomChange")]
struct RoomChangeBody {
    /// A new name: 1–100 characters after trimming, all of them to be seen. Send it in NFC.
    name: Option<String>,
    /// A new topic; empty unsets it.
    #[oai(validator(max_length = 1024))]
    topic: Option<String>,
}

impl FromFields for RoomChangeBody {
    fn from_fields(fields: &mut Fields<'_>) -> Result<Self, Refusal> {
        Ok(Self { name: fields.text("name")?, topic: fields.text("topic")? })
    }
}

#[derive(ApiResponse)]
enum CreatedRoom {
    /// The room that was made.
    #[oai(status = 201)]
    Created(Encoded<RoomDto>),
}

#[derive(ApiResponse)]
enum FoundRoom {
    /// The room.
    #[oai(status = 200)]
    Found(Tagged<RoomDto>),
}

#[derive(ApiResponse)]
enum ChangedRoom {
    /// The room.
    #[oai(status = 200)]
    Changed(Encoded<RoomDto>),
}

#[derive(ApiResponse)]
enum FoundRooms {
    /// A page of rooms.
    #[oai(status = 200)]
    Found(Tagged<RoomList>),
}

#[derive(ApiResponse)]
enum DeletedRoom {
    /// It is gone.
    #[oai(status = 204)]
    Deleted,
}

/// A cursor is opaque to clients; to us it is the last room's id.
fn parse_cursor(cursor: &str) -> Result<RoomId, Error> {
    parse_integer(cursor).map(RoomId).ok_or_else(|| Error::invalid_field("after", "must be the `next` of a page"))
}

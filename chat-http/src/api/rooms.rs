//! Rooms.

use chat_core::{ChatEngine, Error, InvitedBy, NewRoom, RoomChange, RoomKind, RoomQuery};
use poem::Result;
use poem_openapi::{ApiResponse, Object, OpenApi};

use super::{
    args::{Caller, KeyArg, LimitArg, RoomArg, TextArg},
    body::{Encoded, Strict, Tagged, replayed},
    tag::Tag,
};
use crate::{
    cursor,
    dto::{InvitesDto, RoomDto, RoomKindDto, RoomList},
    json::{Fields, FromFields},
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
    /// Create a room
    ///
    /// You own it. Guests own no rooms: anyone may rename and delete what a guest has created. A private room is seen by its members
    /// alone.
    #[oai(path = "/rooms", method = "post", operation_id = "create_room")]
    async fn create(&self, caller: Caller, body: Strict<NewRoomBody>) -> Result<CreatedRoom, Problem> {
        let room = self.engine.create_room(caller.0, body.0).await?;
        Ok(CreatedRoom::Created(Encoded(RoomDto::from(&room))))
    }

    /// List public rooms, and private ones that you are in, by id
    #[oai(path = "/rooms", method = "get", operation_id = "list_rooms")]
    async fn list(
        &self,
        caller: Caller,
        /// The most rooms to return. The default is 50.
        limit: LimitArg,
        /// The `next` of the previous page.
        after: TextArg<100>,
        /// Return only rooms whose name contains this text, ignoring case and width: `STRASSE` finds `Straße`.
        q: TextArg<100>,
    ) -> Result<FoundRooms, Problem> {
        let mut query = RoomQuery::default().limit(limit.or(50));
        query.after = after.0.as_deref().map(cursor::room).transpose()?;
        query.name_contains = q.0.filter(|part| !part.trim().is_empty());
        let page = self.engine.rooms(caller.0, query).await?;
        Ok(FoundRooms::Found(Tagged(RoomList::from(&page))))
    }

    /// Get a room
    #[oai(path = "/rooms/:room_id", method = "get", operation_id = "get_room")]
    async fn get(
        &self,
        caller: Caller,
        /// The room's id.
        room_id: RoomArg,
    ) -> Result<FoundRoom, Problem> {
        let room = self.engine.room(caller.0, room_id.0).await?;
        Ok(FoundRoom::Found(Tagged(RoomDto::from(&room))))
    }

    /// Change a room's name, topic or terms
    ///
    /// In a room with owners, moderators may do it. Fields that you leave out stay as they are. A change makes one event, and no event if nothing differs.
    #[oai(path = "/rooms/:room_id", method = "patch", operation_id = "update_room")]
    async fn update(
        &self,
        caller: Caller,
        /// The room's id.
        room_id: RoomArg,
        /// A key for retries: 1–64 visible ASCII characters. Without a name it does not count.
        #[oai(name = "Idempotency-Key")]
        key: KeyArg,
        body: Strict<RoomChangeBody>,
    ) -> Result<ChangedRoom, Problem> {
        let mut change = body.0;
        change.key = key.into();
        let updated = self.engine.update_room(caller.0, room_id.0, change).await?;
        Ok(ChangedRoom::Changed(Encoded(RoomDto::from(&updated.room)), replayed(updated.replayed)))
    }

    /// Delete a room and its messages
    ///
    /// In a room with owners, only they may do it.
    #[oai(path = "/rooms/:room_id", method = "delete", operation_id = "delete_room")]
    async fn delete(
        &self,
        caller: Caller,
        /// The room's id.
        room_id: RoomArg,
    ) -> Result<DeletedRoom, Problem> {
        self.engine.delete_room(caller.0, room_id.0).await?;
        Ok(DeletedRoom::Deleted)
    }
}

/// A room to create.
#[derive(Object)]
#[oai(rename = "RoomDraft")]
pub(crate) struct NewRoomBody {
    /// Its name: 1–100 visible characters after trimming. It is unique, ignoring case and width: `STRASSE` is `Straße`. Send it
    /// in NFC.
    name: String,
    /// What the room is about; may be empty. Its line breaks are LF or CR LF.
    #[oai(validator(max_length = 1024))]
    topic: Option<String>,
    /// Who may see it. The default is `public`. Guests make public rooms only.
    kind: Option<RoomKindDto>,
    /// Which members may bring others in. The default is `members`.
    invites: Option<InvitesDto>,
}

impl FromFields for NewRoomBody {
    type Read = NewRoom;

    fn from_fields(fields: &mut Fields<'_>) -> Result<NewRoom, Refusal> {
        let mut new = NewRoom::named(fields.required_text("name")?).topic(fields.text("topic")?.unwrap_or_default());
        new.kind = kind(fields)?.unwrap_or_default();
        new.invites = invites(fields)?.unwrap_or_default();
        Ok(new)
    }
}

/// A change to a room.
#[derive(Object)]
#[oai(rename = "RoomChange")]
pub(crate) struct RoomChangeBody {
    /// A new name: 1–100 visible characters after trimming. Send it in NFC.
    name: Option<String>,
    /// A new topic; an empty one removes it.
    #[oai(validator(max_length = 1024))]
    topic: Option<String>,
    /// Who may see it, in a room with owners. Whoever is not in it when it becomes private is detached. A room that becomes public
    /// needs a name that no other public room has.
    kind: Option<RoomKindDto>,
    /// Which members may bring others in.
    invites: Option<InvitesDto>,
}

impl FromFields for RoomChangeBody {
    type Read = RoomChange;

    fn from_fields(fields: &mut Fields<'_>) -> Result<RoomChange, Refusal> {
        let mut change = RoomChange::default();
        change.name = fields.text("name")?;
        change.topic = fields.text("topic")?;
        change.kind = kind(fields)?;
        change.invites = invites(fields)?;
        Ok(change)
    }
}

/// Takes `kind`, if the field exists.
fn kind(fields: &mut Fields<'_>) -> Result<Option<RoomKind>, Error> {
    let word = fields.text("kind")?;
    word.as_deref().map(RoomKind::parse).transpose().map_err(Error::from)
}

/// Takes `invites`, if the field exists.
fn invites(fields: &mut Fields<'_>) -> Result<Option<InvitedBy>, Error> {
    let word = fields.text("invites")?;
    word.as_deref().map(InvitedBy::parse).transpose().map_err(Error::from)
}

#[derive(ApiResponse)]
enum CreatedRoom {
    /// The new room.
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
    /// The room as it is now.
    #[oai(status = 200)]
    Changed(
        Encoded<RoomDto>,
        /// `true` if the key was used before, for the same change: then it is not made again. Else left out.
        #[oai(header = "Idempotency-Replayed")]
        Option<String>,
    ),
}

#[derive(ApiResponse)]
enum FoundRooms {
    /// A page of rooms.
    #[oai(status = 200)]
    Found(Tagged<RoomList>),
}

#[derive(ApiResponse)]
enum DeletedRoom {
    /// The room is deleted.
    #[oai(status = 204)]
    Deleted,
}

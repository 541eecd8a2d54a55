//! Rooms of two users.

use chat_core::{ChatEngine, UserId};
use poem::Result;
use poem_openapi::{ApiResponse, Object, OpenApi};

use super::{
    args::Caller,
    body::{Encoded, Strict},
    tag::Tag,
};
use crate::{
    dto::RoomDto,
    json::{Fields, FromFields},
    problem::Problem,
    refusal::Refusal,
};

/// The direct rooms of an engine.
pub(crate) struct DirectApi {
    engine: ChatEngine,
}

impl DirectApi {
    pub(crate) const fn new(engine: ChatEngine) -> Self {
        Self { engine }
    }
}

#[OpenApi(tag = "Tag::Rooms")]
impl DirectApi {
    /// Open the direct room of you and another user
    ///
    /// There is one per pair of users: later calls of either find the same. It has no name, only the two see it, and it belongs to them
    /// for good. With yourself, it is for notes. Direct rooms are in `GET /me/rooms` alone. Guests have none.
    #[oai(path = "/direct", method = "post", operation_id = "open_direct_room")]
    async fn open(&self, caller: Caller, body: Strict<DirectBody>) -> Result<OpenedRoom, Problem> {
        let With { user, username } = body.0;
        let direct = self.engine.direct(caller.0, user, username.as_deref()).await?;
        let room = Encoded(RoomDto::from(&direct.room));
        Ok(if direct.created { OpenedRoom::Created(room) } else { OpenedRoom::Found(room) })
    }
}

/// With whom.
#[derive(Object)]
#[oai(rename = "DirectDraft")]
pub(crate) struct DirectBody {
    /// The other user's id: 1–256 bytes.
    user: String,
    /// How the other user is shown until they do something themselves; without it, by their id.
    username: Option<String>,
}

/// The same, read.
pub(crate) struct With {
    user: UserId,
    username: Option<String>,
}

impl FromFields for DirectBody {
    type Read = With;

    fn from_fields(fields: &mut Fields<'_>) -> Result<With, Refusal> {
        let user = UserId::new(&fields.required_text("user")?).map_err(chat_core::Error::from)?;
        Ok(With { user, username: fields.text("username")? })
    }
}

#[derive(ApiResponse)]
enum OpenedRoom {
    /// The room that you have already.
    #[oai(status = 200)]
    Found(Encoded<RoomDto>),
    /// The new room.
    #[oai(status = 201)]
    Created(Encoded<RoomDto>),
}

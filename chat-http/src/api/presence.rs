//! Who is online.

use chat_core::ChatEngine;
use poem::Result;
use poem_openapi::{ApiResponse, OpenApi};

use super::{
    args::{Caller, RoomArg},
    body::Encoded,
    tag::Tag,
};
use crate::{dto::PresenceDto, problem::Problem};

/// The presence in an engine's rooms.
pub(crate) struct PresenceApi {
    engine: ChatEngine,
}

impl PresenceApi {
    pub(crate) const fn new(engine: ChatEngine) -> Self {
        Self { engine }
    }
}

#[OpenApi(tag = "Tag::Presence")]
impl PresenceApi {
    /// Get who is online in a room
    #[oai(path = "/rooms/:room_id/presence", method = "get", operation_id = "get_presence")]
    async fn get(
        &self,
        caller: Caller,
        /// The room's id.
        room_id: RoomArg,
    ) -> Result<FoundPresence, Problem> {
        let presence = self.engine.presence(caller.0, room_id.0).await?;
        Ok(FoundPresence::Found(Encoded(PresenceDto::from(&presence))))
    }
}

#[derive(ApiResponse)]
enum FoundPresence {
    /// Who is online.
    #[oai(status = 200)]
    Found(Encoded<PresenceDto>),
}

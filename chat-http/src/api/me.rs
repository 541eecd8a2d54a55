//! What concerns the user who asks.

use chat_core::{ChatEngine, MyRoomQuery};
use poem::Result;
use poem_openapi::{ApiResponse, OpenApi};

use super::{
    args::{IntegerArg, TextArg, User},
    body::Tagged,
    tag::Tag,
};
use crate::{cursor, dto::MyRoomList, problem::Problem};

/// What an engine has for the user who asks.
pub(crate) struct MeApi {
    engine: ChatEngine,
}

impl MeApi {
    pub(crate) const fn new(engine: ChatEngine) -> Self {
        Self { engine }
    }
}

#[OpenApi(tag = "Tag::Reads")]
impl MeApi {
    /// List your rooms, with what is unread
    ///
    /// They are the rooms that you have written in or marked as read. Those come first that had a message last. What became active
    /// while you read the pages is on the first page: read it again at the end.
    #[oai(path = "/me/rooms", method = "get", operation_id = "list_my_rooms")]
    async fn rooms(
        &self,
        /// Your name, 1–64 characters after trimming.
        #[oai(name = "username")]
        caller: User,
        /// The most rooms to return. The default is 50.
        limit: IntegerArg<1, 200>,
        /// The `next` of the previous page.
        after: TextArg<100>,
    ) -> Result<FoundMyRooms, Problem> {
        let after = after.0.as_deref().map(cursor::my_rooms).transpose()?;
        let page = self.engine.my_rooms(&caller.0, MyRoomQuery { limit: limit.or(50), after }).await?;
        Ok(FoundMyRooms::Found(Tagged(MyRoomList::from(&page))))
    }
}

#[derive(ApiResponse)]
enum FoundMyRooms {
    /// A page of your rooms.
    #[oai(status = 200)]
    Found(Tagged<MyRoomList>),
}

//! What concerns the user who asks.

use chat_core::{ChatEngine, Error, MyRoomQuery};
use poem::{Request, Result};
use poem_openapi::{ApiResponse, OpenApi};

use super::{
    args::{IntegerArg, Login, TextArg, User},
    body::{Encoded, Strict, Tagged},
    tag::Tag,
};
use crate::{
    auth::Authentication,
    cursor,
    dto::{MeChangeBody, MeDto, MyRoomList},
    problem::Problem,
};

/// What an engine has for the user who asks.
pub(crate) struct MeApi {
    engine: ChatEngine,
    authentication: Authentication,
}

impl MeApi {
    pub(crate) const fn new(engine: ChatEngine, authentication: Authentication) -> Self {
        Self { engine, authentication }
    }
}

#[OpenApi]
impl MeApi {
    /// Find out who you are
    #[oai(path = "/me", method = "get", operation_id = "get_me", tag = "Tag::Identity")]
    #[expect(clippy::unused_async, reason = "operations are async, as poem-openapi has them")]
    async fn me(&self, caller: Login) -> Result<FoundMe, Problem> {
        Ok(FoundMe::Found(Encoded(MeDto::of(&caller.0).ok_or(Error::Unauthenticated)?)))
    }

    /// Change the name that you are shown by
    ///
    /// It holds until your token gives another name than it does now. What you have written keeps the name of then, and sockets
    /// that are open keep theirs. Guests are shown by the name that they give (403).
    #[oai(path = "/me", method = "patch", operation_id = "update_me", tag = "Tag::Identity")]
    async fn update(&self, _caller: Login, request: &Request, body: Strict<MeChangeBody>) -> Result<FoundMe, Problem> {
        let found = self.authentication.rename(request, &body.0).await?;
        Ok(FoundMe::Found(Encoded(MeDto::of(&found).ok_or(Error::Unauthenticated)?)))
    }

    /// List your rooms, with what is unread
    ///
    /// They are the rooms that you have written in or marked as read. Those come first that had a message last. What became active
    /// while you read the pages is on the first page: read it again at the end.
    #[oai(path = "/me/rooms", method = "get", operation_id = "list_my_rooms", tag = "Tag::Reads")]
    async fn rooms(
        &self,
        caller: User,
        /// The most rooms to return. The default is 50.
        limit: IntegerArg<1, 200>,
        /// The `next` of the previous page.
        after: TextArg<100>,
    ) -> Result<FoundMyRooms, Problem> {
        let after = after.0.as_deref().map(cursor::my_rooms).transpose()?;
        let mut query = MyRoomQuery::default().limit(limit.or(50));
        query.after = after;
        let page = self.engine.my_rooms(&caller.0, query).await?;
        Ok(FoundMyRooms::Found(Tagged(MyRoomList::from(&page))))
    }
}

#[derive(ApiResponse)]
enum FoundMyRooms {
    /// A page of your rooms.
    #[oai(status = 200)]
    Found(Tagged<MyRoomList>),
}

#[derive(ApiResponse)]
enum FoundMe {
    /// Who you are.
    #[oai(status = 200)]
    Found(Encoded<MeDto>),
}

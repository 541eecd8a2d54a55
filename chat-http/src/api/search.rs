//! Searching messages.

use chat_core::{ChatEngine, Error, RoomId, search::SearchQuery};
use poem::Result;
use poem_openapi::{ApiResponse, OpenApi};

use super::{
    args::{Caller, IntegerArg, LimitArg, TextArg, UserIdArg},
    body::Tagged,
    tag::Tag,
};
use crate::{cursor, dto::FoundDto, integer::MAX_INTEGER, problem::Problem};

/// The messages of all rooms of an engine.
pub(crate) struct SearchApi {
    engine: ChatEngine,
}

impl SearchApi {
    pub(crate) const fn new(engine: ChatEngine) -> Self {
        Self { engine }
    }
}

#[OpenApi(tag = "Tag::Messages")]
impl SearchApi {
    /// Find messages by their words, the newest first
    ///
    /// All words have to occur, in any order; from 3 letters on, the last one may be the beginning of a word. Case, width and
    /// diacritics do not matter. Chinese, Japanese, Korean, Thai, Lao and Khmer are found by any part. A page may be short: `next`
    /// alone tells the end.
    #[oai(path = "/search", method = "get", operation_id = "search_messages")]
    #[expect(clippy::too_many_arguments, reason = "they are the operation's parameters")]
    async fn search(
        &self,
        caller: Caller,
        /// What to look for: 1–200 characters, at least one of them a letter or a digit.
        q: TextArg<200>,
        /// Find only messages of the room with this id.
        room: IntegerArg<1, MAX_INTEGER>,
        /// Find only messages that the user with this id wrote.
        user: UserIdArg,
        /// The most messages to return. The default is 20.
        limit: LimitArg,
        /// The `next` of the previous page.
        after: TextArg<100>,
    ) -> Result<FoundMessages, Problem> {
        let words = q.0.ok_or_else(|| Error::invalid_field("q", "is missing"))?;
        let query = SearchQuery {
            room: room.0.map(RoomId),
            author: user.0,
            limit: limit.or(20),
            after: after.0.as_deref().map(cursor::search).transpose()?,
            ..SearchQuery::new(&words).map_err(Error::from)?
        };
        let page = self.engine.search(caller.0, query).await?;
        Ok(FoundMessages::Found(Tagged(FoundDto::from(&page))))
    }
}

#[derive(ApiResponse)]
enum FoundMessages {
    /// A page of messages as they are now.
    #[oai(status = 200)]
    Found(Tagged<FoundDto>),
}

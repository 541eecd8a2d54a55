//! Threads.

use chat_core::{ChatEngine, HistoryQuery};
use poem::Result;
use poem_openapi::{ApiResponse, OpenApi};

use super::{
    args::{Caller, LimitArg, MessageArg, RoomArg, SeqArg},
    body::Tagged,
    messages::direction,
    tag::Tag,
};
use crate::{dto::History, problem::Problem};

/// The threads of an engine's rooms.
pub(crate) struct ThreadsApi {
    engine: ChatEngine,
}

impl ThreadsApi {
    pub(crate) const fn new(engine: ChatEngine) -> Self {
        Self { engine }
    }
}

#[OpenApi(tag = "Tag::Messages")]
impl ThreadsApi {
    /// Read a page of a message's thread, oldest first
    ///
    /// The message itself, the thread's root, is not part of it. Without `before` or `after` you get the newest page. Any number
    /// will do: it need not be that of a message.
    #[oai(path = "/rooms/:room_id/messages/:seq/thread", method = "get", operation_id = "list_thread")]
    #[expect(clippy::too_many_arguments, reason = "they are the operation's parameters")]
    async fn list(
        &self,
        caller: Caller,
        /// The room's id.
        room_id: RoomArg,
        /// The number of the message that the thread is under.
        seq: MessageArg,
        /// The most messages to return. The default is 50.
        limit: LimitArg,
        /// Return the messages just before this number.
        before: SeqArg,
        /// Return the messages just after this number.
        after: SeqArg,
    ) -> Result<FoundThread, Problem> {
        let page = HistoryQuery::from(direction(before.0, after.0, None)?).limit(limit.or(50));
        let thread = self.engine.thread(caller.0, room_id.0, seq.0, page).await?;
        Ok(FoundThread::Found(Tagged(History::from(&thread))))
    }
}

#[derive(ApiResponse)]
enum FoundThread {
    /// A page of messages.
    #[oai(status = 200)]
    Found(Tagged<History>),
}

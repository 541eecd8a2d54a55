//! How far users have read, and what they want to be told.

use chat_core::{ChatEngine, Error};
use poem::Result;
use poem_openapi::{ApiResponse, OpenApi};

use super::{
    args::{Caller, LimitArg, RoomArg, TextArg, User},
    body::{Encoded, Strict, Tagged},
    tag::Tag,
};
use crate::{
    cursor,
    dto::{MarkBody, MarkList, NotifyBody, NotifySetting, UnreadDto},
    problem::Problem,
};

/// The read marks of an engine's rooms.
pub(crate) struct ReadsApi {
    engine: ChatEngine,
}

impl ReadsApi {
    pub(crate) const fn new(engine: ChatEngine) -> Self {
        Self { engine }
    }
}

#[OpenApi(tag = "Tag::Reads")]
impl ReadsApi {
    /// Mark a room as read
    ///
    /// The mark never goes back unless you say `back`. What you send yourself is read.
    #[oai(path = "/rooms/:room_id/read", method = "put", operation_id = "mark_read")]
    async fn mark(
        &self,
        caller: User,
        /// The room's id.
        room_id: RoomArg,
        body: Strict<MarkBody>,
    ) -> Result<Marked, Problem> {
        let (to, epoch) = body.0;
        if epoch.is_some_and(|epoch| epoch != *self.engine.epoch()) {
            return Err(Error::EpochChanged.into());
        }
        let unread = self.engine.mark(&caller.0, room_id.0, to).await?;
        Ok(Marked::Marked(Encoded(unread.into())))
    }

    /// List how far users have read a room
    #[oai(path = "/rooms/:room_id/reads", method = "get", operation_id = "list_reads")]
    async fn list(
        &self,
        caller: Caller,
        /// The room's id.
        room_id: RoomArg,
        /// The most marks to return. The default is 50.
        limit: LimitArg,
        /// The `next` of the previous page.
        after: TextArg<257>,
    ) -> Result<FoundMarks, Problem> {
        let after = after.0.as_deref().map(cursor::user).transpose()?;
        let page = self.engine.marks(caller.0, room_id.0, after, limit.or(50)).await?;
        Ok(FoundMarks::Found(Tagged(MarkList::from(&page))))
    }

    /// Set what you want to be told of a room
    ///
    /// The server stores it for your clients, and returns it in the list of your rooms.
    #[oai(path = "/rooms/:room_id/notify", method = "put", operation_id = "set_notify")]
    async fn notify(
        &self,
        caller: User,
        /// The room's id.
        room_id: RoomArg,
        body: Strict<NotifyBody>,
    ) -> Result<Notified, Problem> {
        self.engine.set_notify(&caller.0, room_id.0, body.0).await?;
        Ok(Notified::Set(Encoded(body.0.into())))
    }
}

#[derive(ApiResponse)]
enum Marked {
    /// Your mark, and what is unread beyond it.
    #[oai(status = 200)]
    Marked(Encoded<UnreadDto>),
}

#[derive(ApiResponse)]
enum FoundMarks {
    /// A page of marks.
    #[oai(status = 200)]
    Found(Tagged<MarkList>),
}

#[derive(ApiResponse)]
enum Notified {
    /// It is stored.
    #[oai(status = 200)]
    Set(Encoded<NotifySetting>),
}

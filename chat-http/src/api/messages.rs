//! Messages.

use chat_core::{ChatEngine, Draft, Error, HistoryFrom, HistoryQuery, Seq};
use poem::Result;
use poem_openapi::{ApiResponse, OpenApi};

use super::{
    args::{Caller, KeyArg, LimitArg, RoomArg, SeqArg, User},
    body::{Encoded, Strict, Tagged},
    tag::Tag,
};
use crate::{
    dto::{BodyDto, History, MessageDto},
    problem::Problem,
};

/// The messages of an engine's rooms.
pub(crate) struct MessagesApi {
    engine: ChatEngine,
}

impl MessagesApi {
    pub(crate) const fn new(engine: ChatEngine) -> Self {
        Self { engine }
    }
}

#[OpenApi(tag = "Tag::Messages")]
impl MessagesApi {
    /// Read a page of a room's messages, oldest first
    ///
    /// Without `before`, `after` or `around` you get the newest page. Any number will do: it need not be that of a message.
    #[oai(path = "/rooms/:room_id/messages", method = "get", operation_id = "list_messages")]
    #[expect(clippy::too_many_arguments, reason = "they are the operation's parameters")]
    async fn list(
        &self,
        caller: Caller,
        /// The room's id.
        room_id: RoomArg,
        /// The most messages to return. The default is 50.
        limit: LimitArg,
        /// Return the messages just before this number.
        before: SeqArg,
        /// Return the messages just after this number.
        after: SeqArg,
        /// Return the messages around this number, including the message that has it.
        around: SeqArg,
    ) -> Result<FoundMessages, Problem> {
        let page = HistoryQuery::from(direction(before.0, after.0, around.0)?).limit(limit.or(50));
        let history = self.engine.history(caller.0, room_id.0, page).await?;
        Ok(FoundMessages::Found(Tagged(History::from(&history))))
    }

    /// Send a message
    ///
    /// With an `Idempotency-Key` you may retry: the message is stored once, and every retry gets the first answer.
    #[oai(path = "/rooms/:room_id/messages", method = "post", operation_id = "send_message")]
    async fn send(
        &self,
        caller: User,
        /// The room's id.
        room_id: RoomArg,
        /// A key for retries: 1–64 visible ASCII characters.
        #[oai(name = "Idempotency-Key")]
        key: KeyArg,
        body: Strict<BodyDto>,
    ) -> Result<SentMessage, Problem> {
        let mut draft = Draft::from(body.0);
        draft.key = key.into();
        let sent = self.engine.send(&caller.0, room_id.0, draft).await?;
        let message = Encoded(MessageDto::of(&sent.event).ok_or_else(Problem::internal)?);
        Ok(if sent.replayed {
            SentMessage::Replayed(message, "true".to_owned())
        } else {
            SentMessage::Created(message)
        })
    }
}

#[derive(ApiResponse)]
enum FoundMessages {
    /// A page of messages.
    #[oai(status = 200)]
    Found(Tagged<History>),
}

#[derive(ApiResponse)]
enum SentMessage {
    /// The stored message.
    #[oai(status = 201)]
    Created(Encoded<MessageDto>),
    /// The key was already used with the same content: the message that was stored then.
    #[oai(status = 200)]
    Replayed(
        Encoded<MessageDto>,
        /// `true`: this message was already stored.
        #[oai(header = "Idempotency-Replayed")]
        String,
    ),
}

/// Where a page begins that is asked for in at most one of these directions.
pub(super) fn direction(before: Option<u64>, after: Option<u64>, around: Option<u64>) -> Result<HistoryFrom, Error> {
    match (before, after, around) {
        (None, None, None) => Ok(HistoryFrom::Newest),
        (Some(seq), None, None) => Ok(HistoryFrom::Before(Seq(seq))),
        (None, Some(seq), None) => Ok(HistoryFrom::After(Seq(seq))),
        (None, None, Some(seq)) => Ok(HistoryFrom::Around(Seq(seq))),
        (_, _, Some(_)) => Err(Error::invalid_field("around", "is one direction too many")),
        (_, Some(_), None) => Err(Error::invalid_field("after", "is one direction too many")),
    }
}

//! One message: as it is, what it has said, and changing it.

use chat_core::{Change, ChangeKind, ChatEngine, Error, Identity, RoomId};
use poem::Result;
use poem_openapi::{ApiResponse, OpenApi};

use super::{
    args::{Caller, KeyArg, MessageArg, ReasonArg, RoomArg, User},
    body::{Encoded, Strict, Tagged, replayed},
    members::after_change,
    tag::Tag,
};
use crate::{
    dto::{EditDto, MessageStateNow, Versions},
    problem::Problem,
};

/// The single messages of an engine's rooms.
pub(crate) struct MessageApi {
    engine: ChatEngine,
}

impl MessageApi {
    pub(crate) const fn new(engine: ChatEngine) -> Self {
        Self { engine }
    }
}

#[OpenApi(tag = "Tag::Messages")]
impl MessageApi {
    /// Get a message as it is now
    #[oai(path = "/rooms/:room_id/messages/:seq", method = "get", operation_id = "get_message")]
    async fn get(
        &self,
        caller: Caller,
        /// The room's id.
        room_id: RoomArg,
        /// The message's number.
        seq: MessageArg,
    ) -> Result<FoundMessage, Problem> {
        let found = self.engine.message(caller.0, room_id.0, seq.0).await?;
        Ok(FoundMessage::Found(Tagged(found.into())))
    }

    /// Edit a message of yours
    ///
    /// What you leave out stays as it is; `[]`, `{}` and `false` take it away. If nothing differs, there is no event. A message
    /// can be edited 200 times.
    #[oai(path = "/rooms/:room_id/messages/:seq", method = "patch", operation_id = "edit_message")]
    async fn edit(
        &self,
        caller: User,
        /// The room's id.
        room_id: RoomArg,
        /// The message's number.
        seq: MessageArg,
        /// A key for retries: 1–64 visible ASCII characters.
        #[oai(name = "Idempotency-Key")]
        key: KeyArg,
        body: Strict<EditDto>,
    ) -> Result<EditedMessage, Problem> {
        let change = Change { key: key.into(), ..Change::edit(seq.0, body.0) };
        let (state, is_replay) = change_state(&self.engine, &caller.0, room_id.0, change).await?;
        Ok(EditedMessage::Edited(Encoded(state), replayed(is_replay)))
    }

    /// Delete a message of yours
    ///
    /// Its text is erased, also from its edits; a tombstone stays. Deleting it again changes nothing.
    #[oai(path = "/rooms/:room_id/messages/:seq", method = "delete", operation_id = "delete_message")]
    async fn delete(
        &self,
        caller: User,
        /// The room's id.
        room_id: RoomArg,
        /// The message's number.
        seq: MessageArg,
        /// Why, for people: 1–500 characters, at least one of them visible.
        reason: ReasonArg,
        /// A key for retries: 1–64 visible ASCII characters.
        #[oai(name = "Idempotency-Key")]
        key: KeyArg,
    ) -> Result<DeletedMessage, Problem> {
        let kind = ChangeKind::Delete { reason: reason.0 };
        let change = Change { target: seq.0, kind, key: key.into() };
        let changed = self.engine.change(&caller.0, room_id.0, change).await?;
        Ok(DeletedMessage::Deleted(replayed(changed.is_replay())))
    }

    /// Get what a message has said, oldest first
    ///
    /// The first text is the one that was sent. The texts of a deleted message are empty.
    #[oai(path = "/rooms/:room_id/messages/:seq/edits", method = "get", operation_id = "list_edits")]
    async fn edits(
        &self,
        caller: Caller,
        /// The room's id.
        room_id: RoomArg,
        /// The message's number.
        seq: MessageArg,
    ) -> Result<FoundVersions, Problem> {
        let versions = self.engine.versions(caller.0, room_id.0, seq.0).await?;
        Ok(FoundVersions::Found(Tagged(versions.into())))
    }
}

/// Changes a message, and reads it as it is then. Says whether the change had been made before.
pub(super) async fn change_state(
    engine: &ChatEngine,
    user: &Identity,
    room: RoomId,
    change: Change,
) -> Result<(MessageStateNow, bool), Error> {
    let target = change.target;
    let changed = engine.change(user, room, change).await?;
    let state = engine.message(user, room, target).await.map_err(|error| after_change(&changed, error))?;
    Ok((state.into(), changed.is_replay()))
}

#[derive(ApiResponse)]
enum FoundMessage {
    /// The message.
    #[oai(status = 200)]
    Found(Tagged<MessageStateNow>),
}

#[derive(ApiResponse)]
enum EditedMessage {
    /// The message as it is now.
    #[oai(status = 200)]
    Edited(
        Encoded<MessageStateNow>,
        /// `true` if the key was used before, for the same edit: then it is not made again. Else left out.
        #[oai(header = "Idempotency-Replayed")]
        Option<String>,
    ),
}

#[derive(ApiResponse)]
enum DeletedMessage {
    /// The message is deleted.
    #[oai(status = 204)]
    Deleted(
        /// `true` if the key was used before, for the same deletion. Else left out.
        #[oai(header = "Idempotency-Replayed")]
        Option<String>,
    ),
}

#[derive(ApiResponse)]
enum FoundVersions {
    /// The texts.
    #[oai(status = 200)]
    Found(Tagged<Versions>),
}

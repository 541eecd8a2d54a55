//! Pinned messages.

use chat_core::{Change, ChangeKind, ChatEngine, Identity, RoomId, Seq};
use poem::Result;
use poem_openapi::{ApiResponse, OpenApi};

use super::{
    args::{Caller, KeyArg, MessageArg, RoomArg, User},
    body::{Encoded, Tagged, replayed},
    message::change_state,
    tag::Tag,
};
use crate::{
    dto::{MessageStateNow, Pinned},
    problem::Problem,
};

/// The pinned messages of an engine's rooms.
pub(crate) struct PinsApi {
    engine: ChatEngine,
}

impl PinsApi {
    pub(crate) const fn new(engine: ChatEngine) -> Self {
        Self { engine }
    }

    async fn set(
        &self,
        user: &Identity,
        (room, target): (RoomId, Seq),
        pinned: bool,
        key: KeyArg,
    ) -> Result<ChangedPin, Problem> {
        let change = Change { target, kind: ChangeKind::Pin { pinned }, key: key.into() };
        let (state, is_replay) = change_state(&self.engine, user, room, change).await?;
        Ok(ChangedPin::Changed(Encoded(state), replayed(is_replay)))
    }
}

#[OpenApi(tag = "Tag::Pins")]
impl PinsApi {
    /// Pin a message
    ///
    /// A room has at most 100 pinned messages. If the message is pinned already, nothing changes.
    #[oai(path = "/rooms/:room_id/messages/:seq/pin", method = "put", operation_id = "pin_message")]
    async fn pin(
        &self,
        caller: User,
        /// The room's id.
        room_id: RoomArg,
        /// The message's number.
        seq: MessageArg,
        /// A key for retries: 1–64 visible ASCII characters.
        #[oai(name = "Idempotency-Key")]
        key: KeyArg,
    ) -> Result<ChangedPin, Problem> {
        self.set(&caller.0, (room_id.0, seq.0), true, key).await
    }

    /// Unpin a message
    ///
    /// If the message is not pinned, nothing changes.
    #[oai(path = "/rooms/:room_id/messages/:seq/pin", method = "delete", operation_id = "unpin_message")]
    async fn unpin(
        &self,
        caller: User,
        /// The room's id.
        room_id: RoomArg,
        /// The message's number.
        seq: MessageArg,
        /// A key for retries: 1–64 visible ASCII characters.
        #[oai(name = "Idempotency-Key")]
        key: KeyArg,
    ) -> Result<ChangedPin, Problem> {
        self.set(&caller.0, (room_id.0, seq.0), false, key).await
    }

    /// List the pinned messages of a room, those first that were pinned last
    #[oai(path = "/rooms/:room_id/pins", method = "get", operation_id = "list_pins")]
    async fn list(
        &self,
        caller: Caller,
        /// The room's id.
        room_id: RoomArg,
    ) -> Result<FoundPins, Problem> {
        let pins = self.engine.pins(caller.0, room_id.0).await?;
        Ok(FoundPins::Found(Tagged(Pinned::from(&pins))))
    }
}

#[derive(ApiResponse)]
enum ChangedPin {
    /// The message as it is now.
    #[oai(status = 200)]
    Changed(
        Encoded<MessageStateNow>,
        /// `true` if the key was used before, for the same change: then it is not made again. Else left out.
        #[oai(header = "Idempotency-Replayed")]
        Option<String>,
    ),
}

#[derive(ApiResponse)]
enum FoundPins {
    /// The pinned messages.
    #[oai(status = 200)]
    Found(Tagged<Pinned>),
}

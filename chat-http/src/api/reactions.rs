//! Reactions.

use chat_core::{Change, ChangeKind, ChatEngine, Identity, Reaction, RoomId, Seq};
use poem::Result;
use poem_openapi::{ApiResponse, OpenApi};

use super::{
    args::{Caller, KeyArg, LimitArg, MessageArg, ReactionArg, RoomArg, TextArg, User},
    body::{Encoded, Tagged, replayed},
    tag::Tag,
};
use crate::{
    cursor,
    dto::{CountDto, Reactors},
    problem::Problem,
};

/// The reactions to the messages of an engine's rooms.
pub(crate) struct ReactionsApi {
    engine: ChatEngine,
}

impl ReactionsApi {
    pub(crate) const fn new(engine: ChatEngine) -> Self {
        Self { engine }
    }

    async fn react(
        &self,
        user: &Identity,
        (room, target): (RoomId, Seq),
        (reaction, added): (&Reaction, bool),
        key: KeyArg,
    ) -> Result<ChangedReaction, Problem> {
        let kind = ChangeKind::React { reaction: reaction.to_string(), added };
        let changed = self.engine.change(user, room, Change { target, kind, key: key.into() }).await?;
        let count = changed.count().ok_or_else(Problem::internal)?;
        Ok(ChangedReaction::Changed(Encoded(CountDto::new(reaction, count)), replayed(changed.is_replay())))
    }
}

#[OpenApi(tag = "Tag::Reactions")]
impl ReactionsApi {
    /// React to a message
    ///
    /// A message has at most 20 different reactions. If you have this reaction on it already, nothing changes.
    #[oai(path = "/rooms/:room_id/messages/:seq/reactions/:reaction", method = "put", operation_id = "add_reaction")]
    async fn add(
        &self,
        caller: User,
        /// The room's id.
        room_id: RoomArg,
        /// The message's number.
        seq: MessageArg,
        /// The reaction, percent-encoded: 1–64 bytes in NFC, usually one emoji. It has no control characters and no slashes.
        reaction: ReactionArg,
        /// A key for retries: 1–64 visible ASCII characters.
        #[oai(name = "Idempotency-Key")]
        key: KeyArg,
    ) -> Result<ChangedReaction, Problem> {
        self.react(&caller.0, (room_id.0, seq.0), (&reaction.0, true), key).await
    }

    /// Take a reaction of yours back
    ///
    /// If you do not have this reaction on the message, nothing changes.
    #[oai(
        path = "/rooms/:room_id/messages/:seq/reactions/:reaction",
        method = "delete",
        operation_id = "remove_reaction"
    )]
    async fn remove(
        &self,
        caller: User,
        /// The room's id.
        room_id: RoomArg,
        /// The message's number.
        seq: MessageArg,
        /// The reaction, percent-encoded: 1–64 bytes in NFC, usually one emoji. It has no control characters and no slashes.
        reaction: ReactionArg,
        /// A key for retries: 1–64 visible ASCII characters.
        #[oai(name = "Idempotency-Key")]
        key: KeyArg,
    ) -> Result<ChangedReaction, Problem> {
        self.react(&caller.0, (room_id.0, seq.0), (&reaction.0, false), key).await
    }

    /// List who reacted to a message, oldest first
    #[oai(path = "/rooms/:room_id/messages/:seq/reactions", method = "get", operation_id = "list_reactions")]
    async fn list(
        &self,
        caller: Caller,
        /// The room's id.
        room_id: RoomArg,
        /// The message's number.
        seq: MessageArg,
        /// The most reactions to return. The default is 50.
        limit: LimitArg,
        /// The `next` of the previous page.
        after: TextArg<100>,
    ) -> Result<FoundReactions, Problem> {
        let after = after.0.as_deref().map(cursor::seq).transpose()?;
        let page = self.engine.reactors(caller.0, room_id.0, seq.0, after, limit.or(50)).await?;
        Ok(FoundReactions::Found(Tagged(Reactors::from(&page))))
    }
}

#[derive(ApiResponse)]
enum ChangedReaction {
    /// How many users have the reaction now.
    #[oai(status = 200)]
    Changed(
        Encoded<CountDto>,
        /// `true` if the key was used before, for the same change: then it is not made again. Else left out.
        #[oai(header = "Idempotency-Replayed")]
        Option<String>,
    ),
}

#[derive(ApiResponse)]
enum FoundReactions {
    /// A page of reactions.
    #[oai(status = 200)]
    Found(Tagged<Reactors>),
}

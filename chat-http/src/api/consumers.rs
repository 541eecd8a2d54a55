//! Who is told what happens in all rooms, for whoever operates the server.

use chat_core::{ChatEngine, ConsumerState, DeadLetter, Error, HeldRoom, RoomId};
use poem::Result;
use poem_openapi::{ApiResponse, Object, OpenApi};
use serde::Serialize;

use super::{
    args::{IntegerArg, TextArg},
    body::Tagged,
    feed::Operator,
    tag::Tag,
};
use crate::{cursor, dto::stamp, feed_token::FeedToken, problem::Problem};

/// The consumers of an engine's events, if the server tells of them.
pub(crate) struct ConsumersApi {
    engine: ChatEngine,
    token: Option<FeedToken>,
}

impl ConsumersApi {
    pub(crate) const fn new(engine: ChatEngine, token: Option<FeedToken>) -> Self {
        Self { engine, token }
    }
}

#[OpenApi(tag = "Tag::Events")]
impl ConsumersApi {
    /// List who is told what happens in all rooms
    ///
    /// The server's webhooks, and other consumers that an app has; all there ever were in this database. It needs the token of the
    /// feed.
    #[oai(path = "/events/consumers", method = "get", operation_id = "list_consumers")]
    async fn list(&self, caller: Operator) -> Result<FoundConsumers, Problem> {
        caller.check(self.token.as_ref())?;
        let consumers = self.engine.consumers().await?;
        let consumers = consumers.iter().map(|(name, state)| ConsumerDto::of(name, state)).collect();
        Ok(FoundConsumers::Found(Tagged(ConsumerList { consumers })))
    }

    /// List what a consumer was not told, newest first
    ///
    /// What it did not take in for a day was given up. The newest 10,000 of these entries are kept: where they stand, and why. What
    /// they say is read from the feed, or from the room's history. It needs the token of the feed.
    #[oai(path = "/events/dead-letters", method = "get", operation_id = "list_dead_letters")]
    async fn dead_letters(
        &self,
        caller: Operator,
        /// The consumer's name.
        consumer: TextArg<64>,
        /// The most entries to return. The default is 50.
        limit: IntegerArg<1, 200>,
        /// The `next` of the previous page.
        after: TextArg<16>,
    ) -> Result<FoundLetters, Problem> {
        caller.check(self.token.as_ref())?;
        let consumer = consumer.0.ok_or_else(|| Error::invalid_field("consumer", "is missing"))?;
        let before = after.0.as_deref().map(cursor::seq).transpose()?.map(|number| number.0);
        let limit = limit.or(50);
        let letters = self.engine.dead_letters(&consumer, before, limit).await?;
        let next = letters.last().filter(|last| letters.len() == limit && last.number > 1);
        let next = next.map(|last| last.number.to_string());
        let dead_letters = letters.iter().map(DeadLetterDto::from).collect();
        Ok(FoundLetters::Found(Tagged(DeadLetterList { dead_letters, next })))
    }
}

#[derive(ApiResponse)]
enum FoundConsumers {
    /// All consumers, by name.
    #[oai(status = 200)]
    Found(Tagged<ConsumerList>),
}

#[derive(ApiResponse)]
enum FoundLetters {
    /// A page of what was given up.
    #[oai(status = 200)]
    Found(Tagged<DeadLetterList>),
}

/// Who is told what happens in all rooms.
#[derive(Debug, Clone, Serialize, Object)]
struct ConsumerList {
    /// The consumers, by name.
    consumers: Vec<ConsumerDto>,
}

/// Somebody who is told what happens in all rooms.
#[derive(Debug, Clone, Serialize, Object)]
#[oai(rename = "Consumer")]
struct ConsumerDto {
    /// Its name.
    name: String,
    /// Up to where it was told everything, but for the rooms that wait; null as long as that is nothing.
    #[oai(nullable)]
    cursor: Option<String>,
    /// The rooms that wait, since an entry of theirs was not taken in.
    held: Vec<HeldRoomDto>,
    /// How many entries were given up so far.
    dead_letters: u64,
}

/// A room that waits for an entry to be taken in, and its later entries behind it.
#[derive(Debug, Clone, Serialize, Object)]
#[oai(rename = "HeldRoom")]
struct HeldRoomDto {
    /// The room's id.
    room: u64,
    /// The entry that it waits for.
    cursor: String,
    /// How often that was tried.
    tries: u32,
    /// When it was tried first.
    since: String,
    /// When it is tried again.
    next_try: String,
    /// Why it was not taken in the last time; empty before the first try.
    reason: String,
}

/// What was not told, by a consumer's name.
#[derive(Debug, Clone, Serialize, Object)]
struct DeadLetterList {
    /// What was given up, the newest first.
    dead_letters: Vec<DeadLetterDto>,
    /// Where the next page begins (`after`); null when this is the last.
    #[oai(nullable)]
    next: Option<String>,
}

/// An entry that was not taken in for a day.
#[derive(Debug, Clone, Serialize, Object)]
#[oai(rename = "DeadLetter")]
struct DeadLetterDto {
    /// Where the entry stands in the feed.
    cursor: String,
    /// The room's id.
    room: u64,
    /// When it was given up.
    timestamp: String,
    /// How often it was tried.
    tries: u32,
    /// Why it was not taken in the last time.
    reason: String,
}

impl ConsumerDto {
    fn of(name: &str, state: &ConsumerState) -> Self {
        Self {
            name: name.to_owned(),
            cursor: state.cursor.as_ref().map(ToString::to_string),
            held: state.held.iter().map(HeldRoomDto::from).collect(),
            dead_letters: state.dead_letters,
        }
    }
}

impl From<(&RoomId, &HeldRoom)> for HeldRoomDto {
    fn from((room, held): (&RoomId, &HeldRoom)) -> Self {
        Self {
            room: room.0,
            cursor: held.next.to_string(),
            tries: held.tries,
            since: stamp(held.since),
            next_try: stamp(held.next_try),
            reason: held.reason.clone(),
        }
    }
}

impl From<&DeadLetter> for DeadLetterDto {
    fn from(letter: &DeadLetter) -> Self {
        Self {
            cursor: letter.cursor.to_string(),
            room: letter.room.0,
            timestamp: stamp(letter.at),
            tries: letter.tries,
            reason: letter.reason.clone(),
        }
    }
}

//! Named consumers of what happens in all rooms: who takes it in, how far each is, and what was given up.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;

use crate::{InvalidField, LogCursor, RoomId, TailEntry, Timestamp};

/// Takes in what happens in all rooms: for [`ChatEngine::consume`](crate::ChatEngine).
#[async_trait]
pub trait Consumer: Send + Sync {
    /// Takes an entry in. Once this has returned `Ok`, it is not told again, or after a crash once more: an entry is known by its
    /// [cursor](TailEntry::cursor).
    ///
    /// Several rooms are told of at once, but no two entries of one room. After 30 seconds it is dropped, and tried again later.
    ///
    /// # Errors
    /// If the entry could not be taken in. It is tried again.
    async fn consume(&self, entry: &TailEntry) -> Result<(), NotConsumed>;
}

#[async_trait]
impl<C: Consumer + ?Sized> Consumer for Arc<C> {
    async fn consume(&self, entry: &TailEntry) -> Result<(), NotConsumed> {
        (**self).consume(entry).await
    }
}

/// Where a consumer begins that is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsumeFrom {
    /// With what was first: for a copy of everything.
    Beginning,
    /// With what happens from now on.
    Now,
}

/// An entry could not be taken in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct NotConsumed {
    reason: String,
    retry_after: Option<Duration>,
}

impl NotConsumed {
    /// The reason is stored and logged, cut after 128 characters: nothing that is secret.
    #[must_use]
    pub fn new(reason: impl Into<String>) -> Self {
        let reason: String = reason.into();
        Self { reason: reason.chars().filter(|c| !c.is_control()).take(MAX_REASON_CHARS).collect(), retry_after: None }
    }

    /// It is not tried again before this time; an hour at most.
    #[must_use]
    pub const fn retry_after(mut self, time: Duration) -> Self {
        self.retry_after = Some(time);
        self
    }

    /// Why.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// When it may be tried again at the earliest, if the consumer has said so.
    #[must_use]
    pub const fn wait(&self) -> Option<Duration> {
        self.retry_after
    }
}

/// How far a consumer is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ConsumerState {
    /// Up to where it has everything, but for the rooms that are held back; `None`: it has nothing.
    pub cursor: Option<LogCursor>,
    /// The rooms that wait, since an entry of theirs could not be taken in.
    pub held: BTreeMap<RoomId, HeldRoom>,
    /// How many entries were given up.
    pub dead_letters: u64,
    /// How often this was stored.
    pub saves: u64,
}

/// A room that waits for its next entry to be taken in, and its later ones behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HeldRoom {
    /// Where its next entry is.
    pub next: LogCursor,
    /// How often that was tried.
    pub tries: u32,
    /// When it was tried first.
    pub since: Timestamp,
    /// When it is tried again.
    pub next_try: Timestamp,
    /// Why it could not be taken in the last time.
    pub reason: String,
}

impl HeldRoom {
    /// A room that goes on with this entry, which was not tried yet.
    #[must_use]
    pub const fn new(next: LogCursor, now: Timestamp) -> Self {
        Self { next, tries: 0, since: now, next_try: now, reason: String::new() }
    }
}

/// An entry that was given up after a day.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeadLetter {
    /// Its number among those of its consumer: 1, 2, 3 …
    pub number: u64,
    /// Where it is. What it was is told by [`ChatEngine::tail`](crate::ChatEngine) from before it.
    pub cursor: LogCursor,
    /// Its room.
    pub room: RoomId,
    /// When it was given up.
    pub at: Timestamp,
    /// How often it was tried.
    pub tries: u32,
    /// Why it could not be taken in the last time.
    pub reason: String,
}

impl DeadLetter {
    /// What a room waited for, given up.
    #[must_use]
    pub fn new(number: u64, room: RoomId, held: HeldRoom, at: Timestamp) -> Self {
        Self { number, cursor: held.next, room, at, tries: held.tries, reason: held.reason }
    }
}

/// Checks the name of a consumer.
///
/// # Errors
/// If it has not 1 to 64 visible ASCII characters.
pub fn check_consumer_name(name: &str) -> Result<(), InvalidField> {
    let is_name = (1..=MAX_NAME_BYTES).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic());
    if is_name { Ok(()) } else { Err(InvalidField::new("name", "must have 1 to 64 visible ASCII characters")) }
}

/// The longest name of a consumer.
const MAX_NAME_BYTES: usize = 64;
/// The longest reason that is kept.
const MAX_REASON_CHARS: usize = 128;
/// How many dead letters of a consumer are kept: the newest ones.
pub const MOST_DEAD_LETTERS: u64 = 10_000;

//! Messages as they are now, and pages of them.

use chat_core::{
    Deleted, Edited, HistoryPage, MessageState, MessageVersion, PinnedMessages, Reaction, ReactionCount, Reactor,
    ReactorPage, Seq,
};
use poem_openapi::Object;
use serde::Serialize;

use super::{MessageDto, stamp};

/// A message as it is now: the fields of the message, with what it says now, and what has happened to it since it was sent.
#[derive(Debug, Clone, Serialize, Object)]
#[oai(rename = "MessageState")]
pub(crate) struct MessageStateDto {
    #[serde(flatten)]
    #[oai(flatten)]
    message: MessageDto,
    /// Its newest edit, if it was edited.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[oai(skip_serializing_if_is_none)]
    edited: Option<EditedDto>,
    /// Its deletion, if it was deleted: then its text is empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[oai(skip_serializing_if_is_none)]
    deleted: Option<DeletedDto>,
    /// The reactions to it, if there are any: those first that were used first.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[oai(skip_serializing_if_is_none)]
    reactions: Option<Vec<ReactionCountDto>>,
    /// `true` if it is pinned; else left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[oai(skip_serializing_if_is_none)]
    pinned: Option<bool>,
    /// How many messages its thread has, if it has a thread. Deleted ones do not count.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[oai(skip_serializing_if_is_none)]
    thread_count: Option<u64>,
    /// The `seq` of the newest message that its thread ever had.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[oai(skip_serializing_if_is_none)]
    thread_last: Option<u64>,
}

impl From<&MessageState> for MessageStateDto {
    fn from(state: &MessageState) -> Self {
        let MessageState { room, seq, at, actor, key, message, .. } = state;
        let reactions: Vec<_> = state.reactions.iter().map(ReactionCountDto::from).collect();
        Self {
            message: MessageDto::new(*room, *seq, *at, actor.as_ref(), key.as_ref(), message),
            edited: state.edited.map(EditedDto::from),
            deleted: state.deleted.as_ref().map(DeletedDto::from),
            reactions: Some(reactions).filter(|reactions| !reactions.is_empty()),
            pinned: state.pinned.then_some(true),
            thread_count: state.thread_last.map(|_| state.thread_count),
            thread_last: state.thread_last.map(|seq| seq.0),
        }
    }
}

/// A message's newest edit.
#[derive(Debug, Clone, Serialize, Object)]
#[oai(rename = "LastEdit")]
struct EditedDto {
    /// The number of the edit.
    seq: u64,
    /// When it was.
    timestamp: String,
    /// How many edits there were.
    count: u64,
}

impl From<Edited> for EditedDto {
    fn from(Edited { seq, at, count }: Edited) -> Self {
        Self { seq: seq.0, timestamp: stamp(at), count }
    }
}

/// A message's deletion.
#[derive(Debug, Clone, Serialize, Object)]
#[oai(rename = "Deletion")]
struct DeletedDto {
    /// The number of the deletion.
    seq: u64,
    /// When it was.
    timestamp: String,
    /// The id of the user who deleted it; null if nobody was named.
    #[oai(nullable)]
    user: Option<String>,
    /// The name of that user.
    #[oai(nullable)]
    username: Option<String>,
}

impl From<&Deleted> for DeletedDto {
    fn from(Deleted { seq, at, actor }: &Deleted) -> Self {
        Self {
            seq: seq.0,
            timestamp: stamp(*at),
            user: actor.as_ref().map(|actor| actor.id.to_string()),
            username: actor.as_ref().map(|actor| actor.name.to_string()),
        }
    }
}

/// A reaction to a message.
#[derive(Debug, Clone, Serialize, Object)]
#[oai(rename = "ReactionCount")]
struct ReactionCountDto {
    /// The reaction.
    reaction: String,
    /// How many users have it on the message.
    count: u64,
    /// Whether you are one of them.
    mine: bool,
}

impl From<&ReactionCount> for ReactionCountDto {
    fn from(ReactionCount { reaction, count, mine }: &ReactionCount) -> Self {
        Self { reaction: reaction.to_string(), count: *count, mine: *mine }
    }
}

/// A message as it is now, and the head of the room that this shows.
#[derive(Debug, Clone, Serialize, Object)]
#[oai(rename = "MessageStateAtHead")]
pub(crate) struct MessageStateNow {
    #[serde(flatten)]
    #[oai(flatten)]
    state: MessageStateDto,
    /// The number of the room's newest event: the message is as that one left it.
    head: u64,
}

impl From<(MessageState, Seq)> for MessageStateNow {
    fn from((state, head): (MessageState, Seq)) -> Self {
        Self { state: MessageStateDto::from(&state), head: head.0 }
    }
}

/// A page of messages.
#[derive(Debug, Clone, Serialize, Object)]
pub(crate) struct History {
    /// The messages, oldest first.
    messages: Vec<MessageStateDto>,
    /// The number of the room's newest event, read before the messages: if you attach from here, you miss nothing.
    head: u64,
    /// The history that `head` belongs to.
    epoch: String,
    /// Whether there are messages before these.
    has_before: bool,
    /// Whether there are messages after these.
    has_after: bool,
}

impl From<&HistoryPage> for History {
    fn from(page: &HistoryPage) -> Self {
        Self {
            messages: page.messages.iter().map(MessageStateDto::from).collect(),
            head: page.head.0,
            epoch: page.epoch.as_str().to_owned(),
            has_before: page.has_before,
            has_after: page.has_after,
        }
    }
}

/// The pinned messages of a room.
#[derive(Debug, Clone, Serialize, Object)]
#[oai(rename = "PinnedMessages")]
pub(crate) struct Pinned {
    /// The messages, those first that were pinned last. There are at most 100.
    messages: Vec<MessageStateDto>,
    /// The number of the room's newest event: the list is as that one left it.
    head: u64,
}

impl From<&PinnedMessages> for Pinned {
    fn from(PinnedMessages { messages, head }: &PinnedMessages) -> Self {
        Self { messages: messages.iter().map(MessageStateDto::from).collect(), head: head.0 }
    }
}

/// What a message has said.
#[derive(Debug, Clone, Serialize, Object)]
#[oai(rename = "MessageVersions")]
pub(crate) struct Versions {
    /// Its texts: first as it was sent, then after each edit.
    edits: Vec<VersionDto>,
}

/// What a message said from an edit on.
#[derive(Debug, Clone, Serialize, Object)]
#[oai(rename = "MessageVersion")]
struct VersionDto {
    /// The number of the event: of the message itself, or of an edit.
    seq: u64,
    /// The text; empty if the message was deleted.
    content: String,
    /// When it was stored.
    timestamp: String,
    /// The id of the user who wrote it; null if nobody was named.
    #[oai(nullable)]
    user: Option<String>,
    /// The name of that user.
    #[oai(nullable)]
    username: Option<String>,
}

impl From<Vec<MessageVersion>> for Versions {
    fn from(versions: Vec<MessageVersion>) -> Self {
        let version = |MessageVersion { seq, content, at, actor }: MessageVersion| VersionDto {
            seq: seq.0,
            content,
            timestamp: stamp(at),
            user: actor.as_ref().map(|actor| actor.id.to_string()),
            username: actor.as_ref().map(|actor| actor.name.to_string()),
        };
        Self { edits: versions.into_iter().map(version).collect() }
    }
}

/// How many users have a reaction on a message.
#[derive(Debug, Clone, Serialize, Object)]
#[oai(rename = "ReactionTotal")]
pub(crate) struct CountDto {
    /// The reaction, in NFC.
    reaction: String,
    /// How many users have it on the message now.
    count: u64,
}

impl CountDto {
    pub(crate) fn new(reaction: &Reaction, count: u64) -> Self {
        Self { reaction: reaction.to_string(), count }
    }
}

/// A page of the users who reacted to a message.
#[derive(Debug, Clone, Serialize, Object)]
#[oai(rename = "Reactions")]
pub(crate) struct Reactors {
    /// The users with their reactions, oldest first.
    reactions: Vec<ReactorDto>,
    /// Where the next page begins (`after`); null when this is the last.
    #[oai(nullable)]
    next: Option<String>,
}

/// A user who reacted to a message.
#[derive(Debug, Clone, Serialize, Object)]
#[oai(rename = "Reaction")]
struct ReactorDto {
    /// The reaction.
    reaction: String,
    /// The user's id.
    user: String,
    /// The user's name.
    username: String,
    /// When it was.
    timestamp: String,
}

impl From<&ReactorPage> for Reactors {
    fn from(page: &ReactorPage) -> Self {
        let reactor = |Reactor { reaction, user, at }: &Reactor| ReactorDto {
            reaction: reaction.to_string(),
            user: user.id.to_string(),
            username: user.name.to_string(),
            timestamp: stamp(*at),
        };
        Self { reactions: page.reactors.iter().map(reactor).collect(), next: page.next.map(|seq| seq.to_string()) }
    }
}

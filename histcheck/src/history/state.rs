//! What is served of a room: messages as they are now, read marks, and what was not read.

use serde::{Deserialize, Serialize};

use super::Message;

/// A page of messages as they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// The epoch; empty if it was not told.
    pub epoch: String,
    /// The number of the log's last event that the page shows.
    pub head: u64,
    /// The messages in the order of the page.
    pub messages: Vec<State>,
    /// Whether there are others before them.
    pub has_before: bool,
    /// Whether there are others after them.
    pub has_after: bool,
}

/// Which messages a page has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Which {
    /// Those of the room's history, oldest first.
    #[default]
    History,
    /// One.
    Message(u64),
    /// Those of this message's thread, oldest first.
    Thread(u64),
    /// Those that are pinned, the newest pin first.
    Pins,
}

/// A message as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Its number.
    pub seq: u64,
    /// The message with its current content.
    #[serde(flatten)]
    pub message: Message,
    /// Its newest edit, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited: Option<LastEdit>,
    /// Its deletion, if it was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted: Option<Deletion>,
    /// Its reactions in the order of their first use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reactions: Vec<Reactions>,
    /// Whether it is pinned.
    #[serde(default)]
    pub pinned: bool,
    /// How many messages of its thread are not deleted, if it has a thread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread_count: Option<u64>,
    /// The highest number that its thread ever had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread_last: Option<u64>,
}

/// The newest edit of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastEdit {
    /// Its number.
    pub seq: u64,
    /// How many edits there are.
    pub count: u64,
}

/// The deletion of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deletion {
    /// Its number.
    pub seq: u64,
    /// The user who deleted it.
    pub by: String,
}

/// One kind of reactions to a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reactions {
    /// The reaction.
    pub reaction: String,
    /// How many users have it.
    pub count: u64,
    /// Whether the reader does.
    pub mine: bool,
}

/// A reaction of a user.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Reacted {
    /// The reaction.
    pub reaction: String,
    /// The user.
    pub user: String,
}

/// One of the texts that a message has had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revision {
    /// The number of the event that brought it.
    pub seq: u64,
    /// The text.
    pub body: String,
}

/// A user's read mark, and what is beyond it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The number up to which the user has read.
    pub seq: u64,
    /// How many messages of others are beyond it.
    pub unread: u64,
    /// How many of these mention the user.
    pub mentions: u64,
    /// How many messages the room has had.
    pub ordinal: u64,
}

/// The read mark of somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserMark {
    /// Whose it is.
    pub user: String,
    /// The number up to which the user has read.
    pub seq: u64,
}

/// A user's rooms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// The rooms.
    pub rooms: Vec<Listed>,
    /// Whether these are all.
    pub is_whole: bool,
}

/// A room in a list of a user's rooms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// The room.
    pub room: u64,
    /// The number of the log's last event that this shows.
    pub head: u64,
    /// The user's mark.
    pub mark: Mark,
    /// The newest message of the history.
    pub last: Option<State>,
}

/// A room as it was served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    /// Its name.
    pub name: String,
    /// The number of its last event.
    pub head: u64,
}

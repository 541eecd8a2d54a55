//! What clients did and saw: one record a line of JSON. The judge relies on this of whoever writes a history:
//!
//! - **Every** send, rename and deletion of the run is in it, with its key and text, also one that was never answered.
//! - The records of one connection stand in the order in which its client saw them: a command's stands where its answer
//!   was seen, so that the answer of an attach stands before the first event that follows it, and the `ok` of a send
//!   before that message's own event. One that was never answered may stand anywhere.
//! - The commands of one connection were issued in the order of `began`.
//! - A connection that is given up, or found to be over, has a [`What::Closed`]; one that has none is open to the end.
//! - A client that has a connection reads from it, at the latest from [`Phase::Healed`] on.
//! - A restored database, and an epoch that an operator changed, are told by [`Phase::Restored`].

use serde::{Deserialize, Serialize};

/// Something that a client did, with its answer, or that it saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Who did it: one name for each independent client of the run, such as `writer-3`; it does not change when it
    /// connects anew.
    pub process: String,
    /// The user that it acts for; several processes may act for one.
    pub user: String,
    /// Which of the run's connections: unique over the whole run; a REST call is a connection of its own. What one
    /// connection sees stands in the history in the order in which it was seen.
    pub connection: u64,
    /// When it began, in nanoseconds of one monotonic clock for the whole run; for what was seen: when it was seen.
    pub began: u64,
    /// When its answer was there, by the same clock. `None`: it was never answered, so that its outcome is unknown.
    pub ended: Option<u64>,
    /// What it is.
    #[serde(flatten)]
    pub what: What,
}

/// What was done or seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum What {
    /// A message is sent.
    Send {
        /// The room.
        room: u64,
        /// The idempotency key; every send of a run has one, and a retry has that of the first try.
        key: String,
        /// The text; unique for each key.
        body: String,
        /// What came of it.
        result: Outcome<Sent>,
    },
    /// A room is renamed, or its topic is set.
    Rename {
        /// The room.
        room: u64,
        /// The new name.
        name: String,
        /// What came of it: the room as it is then.
        result: Outcome<Room>,
    },
    /// A room is deleted.
    Delete {
        /// The room.
        room: u64,
        /// What came of it.
        result: Outcome<()>,
    },
    /// A connection begins to hear a room.
    Attach {
        /// The room.
        room: u64,
        /// From where; `None`: from the head.
        after: Option<Position>,
        /// Whether its user is shown as online by it.
        presence: bool,
        /// What came of it.
        result: Outcome<Attached>,
    },
    /// A connection hears a room no more.
    Detach {
        /// The room.
        room: u64,
        /// What came of it.
        result: Outcome<()>,
    },
    /// An event was heard live.
    Event {
        /// The room.
        room: u64,
        /// The event.
        event: Event,
    },
    /// The list of who is online was heard.
    UserList {
        /// The room.
        room: u64,
        /// Their ids; empty when only the count is told.
        users: Vec<String>,
        /// How many.
        count: u64,
    },
    /// Someone came online.
    Join {
        /// The room.
        room: u64,
        /// Who.
        who: String,
    },
    /// Someone left.
    Leave {
        /// The room.
        room: u64,
        /// Who.
        who: String,
    },
    /// The client says that its user types, or has stopped.
    Type {
        /// The room.
        room: u64,
        /// Whether they type.
        is_typing: bool,
        /// What came of it.
        result: Outcome<()>,
    },
    /// Who is typing was heard.
    Typing {
        /// The room.
        room: u64,
        /// Their ids, all of them.
        users: Vec<String>,
    },
    /// A page of history was read.
    Read {
        /// The room.
        room: u64,
        /// What came of it.
        result: Outcome<Page>,
    },
    /// A room was looked at over REST.
    Look {
        /// The room.
        room: u64,
        /// What came of it.
        result: Outcome<Room>,
    },
    /// Who is online was asked over REST.
    Presence {
        /// The room.
        room: u64,
        /// What came of it: the ids of those who are online.
        result: Outcome<Vec<String>>,
    },
    /// From here on the server cannot notice that the connection is over: its packets vanish.
    HalfOpen,
    /// The connection is over, as far as its client can tell. It began when the client began to close, if it did.
    Closed {
        /// The code of the close frame, if there was one.
        code: Option<u16>,
        /// Whether its client ended it.
        by_client: bool,
    },
    /// Where the run stands (its record's process is the run itself).
    Phase {
        /// What begins now.
        phase: Phase,
    },
    /// What the database itself holds at the end, read without the server.
    Stored {
        /// The room.
        room: u64,
        /// The epoch.
        epoch: String,
        /// The number of the room's last event.
        head: u64,
        /// Its name; `None` once the room is deleted.
        name: Option<String>,
        /// Its events in the order of their numbers.
        events: Vec<Event>,
    },
}

/// What came of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome<T> {
    /// It was done.
    Ok(T),
    /// It was refused with this code: surely not done, unless the code is `outcome_unknown`.
    Refused(String),
    /// No answer came.
    Unknown,
}

/// The ok of a send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// The message's number.
    pub seq: u64,
    /// Whether the server said that the key had been used before.
    pub replayed: bool,
}

/// A place in a room's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The epoch.
    pub epoch: String,
    /// The number of the last event that is known.
    pub seq: u64,
}

/// How an attach was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Attached {
    /// From the position on, or from the head.
    Resumed {
        /// The log's last event; live ones follow it.
        head: Position,
        /// What was missed, in order.
        events: Vec<Event>,
    },
    /// What was missed is not told; live events follow this position.
    Resync {
        /// The log's last event.
        head: Position,
    },
}

/// A stored event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Its number.
    pub seq: u64,
    /// What it is.
    #[serde(flatten)]
    pub kind: Kind,
}

/// What an event is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Kind {
    /// A message.
    Message {
        /// Who sent it.
        sender: String,
        /// Its key, where it is told.
        key: Option<String>,
        /// Its text.
        body: String,
    },
    /// The room was renamed.
    RoomUpdated {
        /// Its name from now on.
        name: String,
    },
    /// The room was deleted.
    RoomDeleted,
}

/// A page of a room's messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// The epoch.
    pub epoch: String,
    /// The log's last event when it was read.
    pub head: u64,
    /// The messages, oldest first.
    pub messages: Vec<Event>,
    /// Whether there are older ones.
    pub has_before: bool,
    /// Whether there are newer ones.
    pub has_after: bool,
}

/// A room as it was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    /// Its name.
    pub name: String,
    /// The number of its last event.
    pub head: u64,
}

/// A part of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// A fault begins.
    Fault(String),
    /// No fault is left.
    Healed,
    /// Nobody sends any more, and every subscription has had the time it needs.
    Quiet,
    /// Every client has connected again, and reads everything.
    Final,
    /// An older copy of the database was put in its place, or an operator changed the epoch.
    Restored,
}

impl What {
    /// The room that it is about.
    #[must_use]
    pub const fn room(&self) -> Option<u64> {
        match self {
            Self::Send { room, .. }
            | Self::Rename { room, .. }
            | Self::Delete { room, .. }
            | Self::Attach { room, .. }
            | Self::Detach { room, .. }
            | Self::Event { room, .. }
            | Self::UserList { room, .. }
            | Self::Join { room, .. }
            | Self::Leave { room, .. }
            | Self::Type { room, .. }
            | Self::Typing { room, .. }
            | Self::Read { room, .. }
            | Self::Look { room, .. }
            | Self::Presence { room, .. }
            | Self::Stored { room, .. } => Some(*room),
            Self::HalfOpen | Self::Closed { .. } | Self::Phase { .. } => None,
        }
    }
}

impl<T> Outcome<T> {
    /// Whether it may have been done all the same, though nobody said so.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        match self {
            Self::Ok(_) => false,
            // A defect may have struck after the commit.
            Self::Refused(code) => code == "outcome_unknown" || code == "internal",
            Self::Unknown => true,
        }
    }

    /// Whether it was surely not done.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        matches!(self, Self::Refused(_)) && !self.is_unknown()
    }
}

impl Record {
    /// When it was seen: the answer, or what was heard; when it began if it was never answered.
    #[must_use]
    pub fn seen(&self) -> u64 {
        self.ended.unwrap_or(self.began)
    }
}

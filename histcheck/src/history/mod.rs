//! The format of histories: what clients did and saw, one JSON record per line. Whoever writes a history has to
//! guarantee this:
//!
//! - **Every** send, change, mark, rename and deletion of the run, and every change of a member, is recorded with what it
//!   asked for, even if it was never answered. Of what a host does in transactions of its own, all that was committed is recorded,
//!   and none of its messages is deleted.
//! - Every send and every change has a key, which its user uses for it alone. No two messages have the same text.
//! - The records of one connection are in the order in which its client saw them. A command is placed where its answer
//!   was seen, so the answer to an attach stands before the events that follow it, and the `ok` of a send before the
//!   message's own event. A command that was never answered may be placed anywhere.
//! - The commands of one connection were issued in the order of `began`.
//! - A connection that was given up, or found to be closed, has a [`What::Closed`]. A connection without one is open to
//!   the end.
//! - A client reads from each open connection, at the latest from [`Phase::Healed`] on.
//! - A room in which rights are judged has a [`What::Made`]. Nobody but the host acts there as an administrator. Every invite to it
//!   that somebody uses is recorded, and every time that it is revoked.
//! - A restored database, and an epoch that an operator changed, are recorded by [`Phase::Restored`].

mod change;
mod event;
mod member;
mod state;

use serde::{Deserialize, Serialize};

pub use self::{
    change::{Change, Changed},
    event::{Content, Edited, Event, Kind, Message},
    member::{Invite, InvitedBy, Member, MemberChange, MemberEvent, Role, RoomKind, Step, Terms},
    state::{
        Deletion, LastEdit, Listed, Listing, Mark, Page, Reacted, Reactions, Revision, Room, State, UserMark, Which,
    },
};

/// Something that a client did, with its answer, or that it received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The client that did it. Each independent client of the run has one name, such as `writer-3`, which stays the
    /// same when it reconnects.
    pub process: String,
    /// The user that the client acts for. Several clients may act for one user.
    pub user: String,
    /// The number of the connection, unique in the run. Each REST call is a connection of its own.
    pub connection: u64,
    /// When it began, in nanoseconds of one monotonic clock for the whole run. For something received it is the time of
    /// receipt.
    pub began: u64,
    /// When the answer came, by the same clock. `None`: it was never answered, so its outcome is unknown.
    pub ended: Option<u64>,
    /// What it was.
    #[serde(flatten)]
    pub what: What,
}

/// What a client did or received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum What {
    /// Sends a message.
    Send {
        /// The room.
        room: u64,
        /// The idempotency key. Every send of a run has one, and a retry has the key of the first attempt.
        key: String,
        /// What it says; the text is unique for each key.
        #[serde(flatten)]
        content: Content,
        /// The message that it replies to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reply_to: Option<u64>,
        /// The message in whose thread it is sent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        thread: Option<u64>,
        /// The outcome.
        result: Outcome<Sent>,
    },
    /// A host has queued a message within a transaction of its own, and the transaction was committed at some time between the
    /// beginning and the end of this record. The records of one process stand in the order of its commits.
    Committed {
        /// The room.
        room: u64,
        /// The idempotency key.
        key: String,
        /// What it says; the text is unique for each key.
        #[serde(flatten)]
        content: Content,
    },
    /// Changes a message.
    Change {
        /// The room.
        room: u64,
        /// The idempotency key. Every change of a run has one.
        key: String,
        /// The message.
        target: u64,
        /// What is asked.
        change: Change,
        /// The outcome.
        result: Outcome<Changed>,
    },
    /// Sets the user's read mark.
    Mark {
        /// The room.
        room: u64,
        /// The number up to which the user has read.
        seq: u64,
        /// Whether the mark may go back.
        back: bool,
        /// The outcome: the mark after it.
        result: Outcome<Mark>,
    },
    /// Received the user's own mark, which another session has set.
    Marked {
        /// The room.
        room: u64,
        /// The mark.
        mark: Mark,
    },
    /// Received the marks of users in a room.
    Marks {
        /// The room.
        room: u64,
        /// The marks.
        marks: Vec<UserMark>,
    },
    /// Changes who is in a room, or what they may do there.
    Member {
        /// The room.
        room: u64,
        /// The idempotency key.
        key: String,
        /// Whom it is about: for [`Step::Join`], [`Step::Accept`] and [`Step::Leave`] whoever asks.
        #[serde(rename = "whom")]
        user: String,
        /// What is asked.
        step: Step,
        /// The outcome.
        result: Outcome<Changed>,
    },
    /// Makes an invite to a room.
    Invite {
        /// The room.
        room: u64,
        /// How many users may come in by it; `None`: as many as like.
        max_uses: Option<u64>,
        /// The outcome.
        result: Outcome<Invite>,
    },
    /// Revokes an invite. If there is none any more, that is done, too.
    Revoke {
        /// The room.
        room: u64,
        /// The code.
        code: String,
        /// The outcome.
        result: Outcome<()>,
    },
    /// A room was made. It may stand anywhere in the history.
    Made {
        /// The room.
        room: u64,
        /// Whether it has owners.
        owned: bool,
        /// What decides about rights in it.
        terms: Terms,
        /// Who is in it from its beginning.
        members: Vec<Member>,
    },
    /// Renames a room, sets its topic, or gives it other terms.
    Rename {
        /// The room.
        room: u64,
        /// The new name.
        name: String,
        /// The new kind; `None`: it stays.
        #[serde(default, rename = "is", skip_serializing_if = "Option::is_none")]
        kind: Option<RoomKind>,
        /// Who may bring others in from now on; `None`: it stays.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        invites: Option<InvitedBy>,
        /// The outcome: the room after the change.
        result: Outcome<Room>,
    },
    /// Deletes a room.
    Delete {
        /// The room.
        room: u64,
        /// The outcome.
        result: Outcome<()>,
    },
    /// Attaches to a room.
    Attach {
        /// The room.
        room: u64,
        /// The position to resume from; `None`: the head.
        after: Option<Position>,
        /// Whether it makes the user shown as online.
        presence: bool,
        /// The outcome.
        result: Outcome<Attached>,
    },
    /// Detaches from a room.
    Detach {
        /// The room.
        room: u64,
        /// The outcome.
        result: Outcome<()>,
    },
    /// Begins to watch a room: to hear that something happens there, instead of its events.
    Watch {
        /// The room.
        room: u64,
        /// The outcome: the number of the log's last event.
        result: Outcome<u64>,
    },
    /// Received that something has happened in a room that is watched.
    Activity {
        /// The room.
        room: u64,
        /// The number of the last event that it tells of.
        head: u64,
    },
    /// Received a notice about an event of a room: the user is mentioned by it, or it is in a thread of theirs.
    Notice {
        /// The room.
        room: u64,
        /// The number of the event.
        seq: u64,
    },
    /// Received that the room is neither attached nor watched any more.
    Detached {
        /// The room.
        room: u64,
        /// Why.
        reason: String,
    },
    /// Received a live event.
    Event {
        /// The room.
        room: u64,
        /// The event.
        event: Event,
    },
    /// Received from the feed of all rooms, which tells everything once, in one order. The records of one process are in that order,
    /// over all its connections; one that answers another request begins when that was asked.
    Fed {
        /// The room.
        room: u64,
        /// Its event; `None`: that it was made.
        event: Option<Event>,
    },
    /// Received that the feed had nothing more than what was told: everything that was answered before it was asked.
    FedAll,
    /// Received the list of online users.
    UserList {
        /// The room.
        room: u64,
        /// Their ids; empty if only the count is told.
        users: Vec<String>,
        /// How many users are online.
        count: u64,
    },
    /// Received that someone came online.
    Join {
        /// The room.
        room: u64,
        /// The user.
        who: String,
    },
    /// Received that someone left.
    Leave {
        /// The room.
        room: u64,
        /// The user.
        who: String,
    },
    /// Says that the user types, or has stopped.
    Type {
        /// The room.
        room: u64,
        /// Whether the user types.
        is_typing: bool,
        /// The outcome.
        result: Outcome<()>,
    },
    /// Received who is typing.
    Typing {
        /// The room.
        room: u64,
        /// The ids of all users that type.
        users: Vec<String>,
    },
    /// Reads messages.
    Read {
        /// The room.
        room: u64,
        /// Which of them.
        #[serde(default)]
        of: Which,
        /// The outcome.
        result: Outcome<Page>,
    },
    /// Reads all texts that a message has had.
    Edits {
        /// The room.
        room: u64,
        /// The message.
        target: u64,
        /// The outcome: the texts, the first one first.
        result: Outcome<Vec<Revision>>,
    },
    /// Reads who has reacted to a message.
    Reactions {
        /// The room.
        room: u64,
        /// The message.
        target: u64,
        /// The outcome: all of them.
        result: Outcome<Vec<Reacted>>,
    },
    /// Reads everybody's marks in a room.
    Reads {
        /// The room.
        room: u64,
        /// The outcome.
        result: Outcome<Vec<UserMark>>,
    },
    /// Reads the user's rooms.
    Rooms {
        /// The outcome.
        result: Outcome<Listing>,
    },
    /// Gets a room over REST.
    Look {
        /// The room.
        room: u64,
        /// The outcome.
        result: Outcome<Room>,
    },
    /// Asks over REST who is online.
    Presence {
        /// The room.
        room: u64,
        /// The outcome: the ids of the online users.
        result: Outcome<Vec<String>>,
    },
    /// From here on the server cannot notice that the connection is over, since its packets are dropped.
    HalfOpen,
    /// The connection is over, as far as its client knows. If the client closed it, it began when the client began to
    /// close.
    Closed {
        /// The code of the close frame, if there was one.
        code: Option<u16>,
        /// Whether the client closed it.
        by_client: bool,
    },
    /// A new phase of the run (the process of this record is the run itself).
    Phase {
        /// The phase that begins.
        phase: Phase,
    },
    /// What the database holds at the end, read without the server.
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
    /// The members that the database has of a living room at the end.
    Members {
        /// The room.
        room: u64,
        /// How many it says that there are.
        count: u64,
        /// Who they are.
        members: Vec<Member>,
    },
}

/// The outcome of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome<T> {
    /// It was done.
    Ok(T),
    /// It was refused with this code. It was surely not done, unless the code is `outcome_unknown`.
    Refused(String),
    /// No answer came.
    Unknown,
}

/// The `ok` of a send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// The message's number.
    pub seq: u64,
    /// Whether the server said that the key was used before.
    pub replayed: bool,
    /// The message, if the answer has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<Event>,
}

/// A position in a room's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The epoch.
    pub epoch: String,
    /// The number of the last known event.
    pub seq: u64,
}

/// The answer to an attach.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Attached {
    /// It resumed from the position, or began at the head.
    Resumed {
        /// The position of the log's last event; live events follow it.
        head: Position,
        /// The missed events, in order.
        events: Vec<Event>,
    },
    /// The missed events are not told; live events follow this position.
    Resync {
        /// The position of the log's last event.
        head: Position,
    },
}

/// A part of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// A fault begins.
    Fault(String),
    /// All faults are over.
    Healed,
    /// Nobody sends any more, and every subscription has had the time it needs.
    Quiet,
    /// Every client has connected again, and reads everything.
    Final,
    /// An older copy of the database was restored, or an operator changed the epoch.
    Restored,
}

impl What {
    /// The room that the record is about.
    #[must_use]
    pub const fn room(&self) -> Option<u64> {
        match self {
            Self::Send { room, .. }
            | Self::Committed { room, .. }
            | Self::Change { room, .. }
            | Self::Mark { room, .. }
            | Self::Marked { room, .. }
            | Self::Marks { room, .. }
            | Self::Edits { room, .. }
            | Self::Reactions { room, .. }
            | Self::Reads { room, .. }
            | Self::Member { room, .. }
            | Self::Invite { room, .. }
            | Self::Revoke { room, .. }
            | Self::Made { room, .. }
            | Self::Rename { room, .. }
            | Self::Delete { room, .. }
            | Self::Attach { room, .. }
            | Self::Detach { room, .. }
            | Self::Watch { room, .. }
            | Self::Activity { room, .. }
            | Self::Notice { room, .. }
            | Self::Detached { room, .. }
            | Self::Event { room, .. }
            | Self::Fed { room, .. }
            | Self::UserList { room, .. }
            | Self::Join { room, .. }
            | Self::Leave { room, .. }
            | Self::Type { room, .. }
            | Self::Typing { room, .. }
            | Self::Read { room, .. }
            | Self::Look { room, .. }
            | Self::Presence { room, .. }
            | Self::Stored { room, .. }
            | Self::Members { room, .. } => Some(*room),
            Self::Rooms { .. } | Self::FedAll | Self::HalfOpen | Self::Closed { .. } | Self::Phase { .. } => None,
        }
    }
}

impl<T> Outcome<T> {
    /// Whether it may have been done, although no answer said so.
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
    /// When it was seen: the time of the answer or of the receipt, or the beginning if it was never answered.
    #[must_use]
    pub fn seen(&self) -> u64 {
        self.ended.unwrap_or(self.began)
    }
}

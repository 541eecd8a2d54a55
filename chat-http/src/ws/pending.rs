//! The commands of a socket that are not answered yet.

use std::collections::BTreeMap;

use chat_core::{Answer, RoomId, Ticket};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::frames::{self, AttachedFrames};

/// What was asked, by ticket. The session holds their number down.
#[derive(Debug, Default)]
pub(super) struct Pending(BTreeMap<Ticket, Waiting>);

/// A command that waits for its answer.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// What the client called it.
    pub(super) reference: Option<String>,
    /// The room it is for.
    pub(super) room: Option<RoomId>,
    /// Whether it is the attach that a socket for one room begins with.
    pub(super) is_entry: bool,
}

/// How a positive answer is said.
pub(super) enum Positive {
    /// In one frame.
    Done(Utf8Bytes),
    /// In as many as it takes.
    Attached(AttachedFrames),
}

impl Pending {
    /// A command of the client.
    pub(super) fn add(&mut self, ticket: Ticket, reference: Option<String>, room: RoomId) {
        self.0.insert(ticket, Waiting { reference, room: Some(room), is_entry: false });
    }

    /// The attach that a socket for one room begins with.
    pub(super) fn enter(&mut self, ticket: Ticket, room: RoomId) {
        self.0.insert(ticket, Waiting { reference: None, room: Some(room), is_entry: true });
    }

    /// The command that is answered now.
    pub(super) fn take(&mut self, ticket: Ticket) -> Waiting {
        self.0.remove(&ticket).unwrap_or_default()
    }

    /// The frame of a positive answer; most commands want one only if they have a reference.
    pub(super) fn answer(&mut self, ticket: Ticket, answer: Answer) -> Option<Positive> {
        let asked = self.take(ticket);
        let reference = asked.reference.as_deref();
        Some(match answer {
            Answer::Attached(attached) => Positive::Attached(frames::attached(reference, attached)),
            Answer::Sent(sent) => Positive::Done(frames::sent(reference?, sent.event.room, &sent)),
            Answer::Detached { room } | Answer::Typing { room } => Positive::Done(frames::done(reference?, room)),
            _ => return None,
        })
    }
}

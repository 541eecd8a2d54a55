//! The commands of a socket that are not answered yet.

use chat_core::{Answer, RoomId, Ticket};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::frames::{self, AttachedFrames};

/// The unanswered commands. The session limits how many there are. With none it owns no memory.
#[derive(Debug, Default)]
pub(super) struct Pending(Vec<(Ticket, Waiting)>);

/// A command that waits for its answer.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// Its `ref`.
    pub(super) reference: Option<String>,
    /// The room it is for.
    pub(super) room: Option<RoomId>,
    /// Whether it is the attach that a socket for one room begins with.
    pub(super) is_entry: bool,
}

/// The frames of a positive answer.
pub(super) enum AnswerFrames {
    /// One frame.
    One(Utf8Bytes),
    /// As many frames as it takes.
    Attached(AttachedFrames),
}

impl Pending {
    /// Adds a command of the client.
    pub(super) fn add(&mut self, ticket: Ticket, reference: Option<String>, room: RoomId) {
        self.0.push((ticket, Waiting { reference, room: Some(room), is_entry: false }));
    }

    /// Adds the attach that a socket for one room begins with.
    pub(super) fn enter(&mut self, ticket: Ticket, room: RoomId) {
        self.0.push((ticket, Waiting { reference: None, room: Some(room), is_entry: true }));
    }

    /// Removes the command that is answered now.
    pub(super) fn take(&mut self, ticket: Ticket) -> Waiting {
        // They are answered nearly in the order in which they came.
        let Some(place) = self.0.iter().position(|(asked, _)| *asked == ticket) else { return Waiting::default() };
        let (_, asked) = self.0.remove(place);
        if self.0.is_empty() {
            self.0 = Vec::new();
        }
        asked
    }

    /// The frames of a positive answer. Most commands get one only if they have a `ref`.
    pub(super) fn answer(&mut self, ticket: Ticket, answer: Answer) -> Option<AnswerFrames> {
        let asked = self.take(ticket);
        let reference = asked.reference.as_deref();
        Some(match answer {
            Answer::Attached(attached) => AnswerFrames::Attached(frames::attached(reference, attached)),
            Answer::Watching { room, head } => AnswerFrames::One(frames::watching(reference, room, &head)),
            Answer::Sent(sent) => AnswerFrames::One(frames::sent(reference?, sent.event.room, &sent)),
            Answer::Changed { room, changed } => AnswerFrames::One(frames::changed(reference?, room, &changed)),
            Answer::Marked(marked) => AnswerFrames::One(frames::marked(reference, &marked)),
            Answer::Detached { room } | Answer::Typing { room } => AnswerFrames::One(frames::done(reference?, room)),
            _ => return None,
        })
    }
}

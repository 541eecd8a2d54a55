//! What a room is given in place of an input.

use std::sync::Arc;

use super::{Bug, effects::stored_as};
use crate::{
    Error, Marked, Position, RoomId, Seq, Since, Unread,
    append::{AppendFailure, AppendOutcome, Entry, Op},
    state::{Completion, Effect, Input, Request},
};

/// Changes what goes into a room, and remembers what that takes.
#[derive(Debug)]
pub(super) struct Inputs {
    room: RoomId,
    /// The room's head when it began to run: nothing before it is in memory.
    start: Seq,
    /// The append under way.
    appending: Option<Vec<Entry>>,
    /// A send that the next one of its session is to overtake.
    held: Option<Input>,
}

impl Inputs {
    pub(super) const fn new(room: RoomId, start: Seq) -> Self {
        Self { room, start, appending: None, held: None }
    }

    /// Takes note of what the room asked for.
    pub(super) fn note(&mut self, effects: &[Effect]) {
        for effect in effects {
            if let Effect::Append(entries) = effect {
                self.appending = Some(entries.clone());
            }
        }
    }

    /// What the room is given instead, in order; `head` is its head.
    pub(super) fn mutate(&mut self, bug: Bug, mut input: Input, head: Seq) -> Vec<Input> {
        match (bug, &mut input) {
            (Bug::AttachRepeatsOne, Input::Request(Request::Attach { since, .. })) => {
                move_since(since, |seq| Seq(seq.0.saturating_sub(1)));
            }
            (Bug::ResumeOkOnHole, Input::Request(Request::Attach { since, .. })) => {
                move_since(since, |seq| seq.max(self.start))
            }
            (Bug::BanEvadedByResume, Input::Request(Request::Attach { user, since: Since::Position(_), .. })) => {
                user.admin = true;
            }
            (Bug::ArrivalMissed, Input::Request(Request::Attach { session, presence, .. }))
                if session.0.is_multiple_of(3) =>
            {
                *presence = false;
            }
            (Bug::UnknownTreatedAsFailed, Input::Completed(Completion::Appended(result)))
                if *result == Err(AppendFailure::Unknown) =>
            {
                *result = Err(AppendFailure::NotStored(Error::Unavailable));
            }
            (Bug::FailedAppendAcked, Input::Completed(Completion::Appended(Err(AppendFailure::NotStored(error)))))
                if *error != Error::RoomNotFound =>
            {
                input = self.pretend_stored(head);
            }
            (Bug::PipelinedSendsOutOfOrder, _) => return self.let_overtake(input),
            _ => {}
        }
        if matches!(input, Input::Completed(Completion::Appended(_))) {
            self.appending = None;
        }
        vec![input]
    }

    /// While an append is under way, every second send goes before the one before it.
    fn let_overtake(&mut self, input: Input) -> Vec<Input> {
        if matches!(input, Input::Completed(Completion::Appended(_))) {
            self.appending = None;
        }
        let is_send = is_send(&input);
        match self.held.take() {
            Some(held) if is_send => vec![input, held],
            Some(held) => vec![held, input],
            None if is_send && self.appending.is_some() => {
                self.held = Some(input);
                vec![]
            }
            None => vec![input],
        }
    }

    /// The outcome that the append under way would have if it were stored after `head`.
    pub(super) fn pretend_stored(&mut self, head: Seq) -> Input {
        let entries = self.appending.take().unwrap_or_default();
        let outcome = |(entry, seq): (&Entry, u64)| match &entry.op {
            Op::Message(body) => {
                let event = Arc::new(stored_as(self.room, entry, body, Seq(seq)));
                AppendOutcome::New { event, mentioned: Vec::new(), standing: Default::default(), heir: None }
            }
            Op::Mark(to) => {
                let unread = Unread { seq: to.seq, ..Unread::default() };
                AppendOutcome::Marked(Marked { room: self.room, unread, moved: false })
            }
            Op::Edit(..)
            | Op::Delete(..)
            | Op::React(..)
            | Op::Pin(..)
            | Op::Prune(_)
            | Op::UpdateRoom(_)
            | Op::Member(_)
            | Op::Invite(_)
            | Op::DeleteRoom => AppendOutcome::Unchanged { count: None },
        };
        let outcomes = entries.iter().zip(head.next().0..).map(outcome).collect();
        Completion::Appended(Ok(outcomes)).into()
    }
}

/// Whether it is a message to be sent.
pub(super) const fn is_send(input: &Input) -> bool {
    matches!(input, Input::Request(Request::Append { op: Op::Message(_), .. }))
}

fn move_since(since: &mut Since, to: impl Fn(Seq) -> Seq) {
    match since {
        Since::Now => {}
        Since::Seq(seq) | Since::Position(Position { seq, .. }) => *seq = to(*seq),
    }
}

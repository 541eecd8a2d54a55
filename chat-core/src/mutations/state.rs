//! A room's state with a bug around it.

use std::{ops::Deref, sync::Arc, time::Duration};

use super::{
    Bug,
    effects::Effects,
    inputs::{Inputs, is_send},
    rights::RightsThen,
};
use crate::{
    Epoch, Limits, Now, RoomId, Seq,
    failpoints::{self, Point},
    rights::RoomTerms,
    state::{Effect, Input, RoomState},
};

/// A [`RoomState`] that takes other inputs than it is given, or has other effects than it wants. Without a bug it is the state.
#[derive(Debug)]
pub struct MutatedState {
    state: RoomState,
    bug: Option<Bug>,
    inputs: Inputs,
    effects: Effects,
    rights: RightsThen,
}

impl Deref for MutatedState {
    type Target = RoomState;

    fn deref(&self) -> &RoomState {
        &self.state
    }
}

impl MutatedState {
    /// A room whose log reaches from `first` to `head`, with the bug that this process has.
    #[cfg(failpoints)]
    #[must_use]
    pub fn new(id: RoomId, epoch: Epoch, log: (Seq, Seq), limits: Arc<Limits>) -> Self {
        Self::with(super::injected(), id, epoch, log, limits)
    }

    /// A room whose log reaches from `first` to `head`, with this bug.
    #[must_use]
    pub fn with(bug: Option<Bug>, id: RoomId, epoch: Epoch, log: (Seq, Seq), limits: Arc<Limits>) -> Self {
        let limits = mutated_limits(bug, limits);
        let state = RoomState::new(id, epoch, log, limits);
        let (inputs, effects) = (Inputs::new(id, log.1), Effects::new(id));
        Self { state, bug, inputs, effects, rights: RightsThen::default() }
    }

    /// See [`RoomState::governed_by`].
    #[must_use]
    pub fn governed_by(self, terms: RoomTerms, rights_seq: Seq) -> Self {
        Self { state: self.state.governed_by(terms, rights_seq), ..self }
    }

    /// See [`RoomState::handle`].
    pub fn handle(&mut self, input: Input, now: Now, effects: &mut Vec<Effect>) {
        if is_send(&input) {
            failpoints::reached(Point::InRoomTask);
        }
        let Some(bug) = self.bug else { return self.state.handle(input, now, effects) };
        for input in self.inputs.mutate(bug, input, self.state.head()) {
            self.step(bug, &input, now, effects);
        }
    }

    fn step(&mut self, bug: Bug, input: &Input, now: Now, effects: &mut Vec<Effect>) {
        let mut led_to = Vec::new();
        self.effects.note(input);
        self.rights.note(input);
        self.state.handle(input.clone(), now, &mut led_to);
        self.effects.mutate(bug, (input, now, self.state.head()), &mut led_to);
        if bug == Bug::RightsOfBeforeTheQueue {
            self.rights.rewrite(&mut led_to);
        }
        self.inputs.note(&led_to);
        if bug == Bug::LostOnShutdown
            && is_stopping()
            && let Some(at) = led_to.iter().position(|effect| matches!(effect, Effect::Append(_)))
        {
            let rest = led_to.split_off(at + 1);
            led_to.pop();
            effects.append(&mut led_to);
            let stored = self.inputs.pretend_stored(self.state.head());
            self.step(bug, &stored, now, effects);
            effects.extend(rest);
            return;
        }
        effects.append(&mut led_to);
    }
}

/// Timers that never end in the time that anybody waits.
fn mutated_limits(bug: Option<Bug>, limits: Arc<Limits>) -> Arc<Limits> {
    const FOR_EVER: Duration = Duration::from_secs(86_400);
    match bug {
        Some(Bug::TypingNeverExpires) => Arc::new(Limits { typing_expiry: FOR_EVER, ..Limits::clone(&limits) }),
        Some(Bug::PresenceNotCleared) => Arc::new(Limits { presence_grace: FOR_EVER, ..Limits::clone(&limits) }),
        _ => limits,
    }
}

#[cfg(failpoints)]
fn is_stopping() -> bool {
    failpoints::passes(Point::InShutdown) > 0
}

#[cfg(not(failpoints))]
const fn is_stopping() -> bool {
    false
}

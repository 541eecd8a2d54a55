//! What users were in a room when their requests came, in place of what they are when these are stored.

use std::collections::BTreeMap;

use crate::{
    EventKind, Item, UserId,
    append::{Entry, EventKey},
    rights::Standing,
    state::{Completion, Effect, Input, Request},
};

/// Remembers what users are, and what each was when a request of theirs came.
#[derive(Debug, Default)]
pub(super) struct RightsThen {
    now: BTreeMap<UserId, Standing>,
    then: BTreeMap<(UserId, EventKey), Standing>,
}

impl RightsThen {
    /// Takes note of what the room is given.
    pub(super) fn note(&mut self, input: &Input) {
        match input {
            Input::Request(Request::Append { actor: Some(actor), key, .. }) => {
                if let Some(standing) = self.now.get(&actor.id) {
                    self.then.insert((actor.id.clone(), key.clone()), *standing);
                }
            }
            Input::Completed(Completion::LookedUp(Ok(found))) => self.now.extend(found.users.clone()),
            Input::Request(_)
            | Input::Completed(_)
            | Input::Depart { .. }
            | Input::Recheck { .. }
            | Input::Standing { .. }
            | Input::Hint { .. }
            | Input::LetGo
            | Input::Timeout => {}
        }
    }

    /// Says of what is to be stored what its authors were when it came.
    pub(super) fn rewrite(&mut self, effects: &mut [Effect]) {
        for effect in effects {
            if let Effect::Append(entries) = effect {
                entries.iter_mut().for_each(|entry| self.backdate(entry));
            }
            if let Effect::Publish(delivery) = effect
                && let Item::Event(event) = delivery.item()
                && let EventKind::Member(member) = &event.kind
            {
                self.now.entry(member.user.id.clone()).or_default().apply(member);
            }
        }
    }

    fn backdate(&mut self, entry: &mut Entry) {
        let (Some(actor), Some(known)) = (&entry.actor, &mut entry.standing) else { return };
        match self.then.remove(&(actor.id.clone(), entry.key.clone())) {
            Some(then) => known.standing = then,
            None => drop(self.now.insert(actor.id.clone(), known.standing)),
        }
    }
}

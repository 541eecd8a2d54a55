//! The bug that is planted in a state, to show that the simulator and the judge would find it. Never in use.

use std::{mem, sync::Arc};

use super::{Effect, Outcome, RoomState, order::Pending};
use crate::{Delivery, Error, Event, EventKind, Item, torture::Bug};

/// The bug that is planted, if any.
#[derive(Debug, Default)]
pub(super) struct Planted(pub(super) Option<Bug>);

/// One in so many is spoilt, by its number.
const ONE_IN: u64 = 50;

impl Planted {
    /// Whether this bug is there: known to be `false` when compiled for use.
    #[inline]
    pub(super) fn has(&self, bug: Bug) -> bool {
        cfg!(any(test, feature = "test-util", feature = "torture")) && self.0 == Some(bug)
    }

    /// Spoils what one input led to, where the bug is about nothing else.
    #[inline]
    pub(super) fn spoil(&self, effects: &mut Vec<Effect>) {
        if cfg!(any(test, feature = "test-util", feature = "torture"))
            && let Some(bug) = self.0
        {
            spoil(bug, effects);
        }
    }
}

fn spoil(bug: Bug, effects: &mut Vec<Effect>) {
    if bug == Bug::SwapDeliveries {
        swap(effects);
    }
    for effect in mem::take(effects) {
        let effect = match effect {
            Effect::Publish(delivery) => match published(bug, delivery) {
                Some(delivery) if bug == Bug::DoubleDelivery && is_marked(&delivery) => {
                    effects.push(Effect::Publish(delivery.clone()));
                    Effect::Publish(delivery)
                }
                Some(delivery) => Effect::Publish(delivery),
                None => continue,
            },
            Effect::Answer { reply, result } => Effect::Answer { reply, result: told(bug, result) },
            Effect::Join(session) if bug == Bug::StuckSubscription && session.0.is_multiple_of(5) => continue,
            effect @ (Effect::Append(_)
            | Effect::Recover { .. }
            | Effect::Load { .. }
            | Effect::Join(_)
            | Effect::Leave(_)
            | Effect::SendTo(..)
            | Effect::ImpossiblePosition { .. }) => effect,
        };
        if bug == Bug::DeliverAfterDetach
            && matches!(&effect, Effect::Answer { result: Outcome::Detached, .. })
            && matches!(effects.last(), Some(Effect::Leave(_)))
        {
            effects.pop();
        }
        effects.push(effect);
    }
}

/// Swaps the first two events that go out.
fn swap(effects: &mut [Effect]) {
    let is_event = |effect: &Effect| matches!(effect, Effect::Publish(delivery) if event_of(delivery).is_some());
    let mut places = (0..effects.len()).filter(|place| is_event(&effects[*place]));
    if let (Some(one), Some(other)) = (places.next(), places.next()) {
        effects.swap(one, other);
    }
}

/// What goes out for this; nothing, if it is to be lost.
fn published(bug: Bug, delivery: Delivery) -> Option<Delivery> {
    let Some(event) = event_of(&delivery).filter(|_| is_marked(&delivery)) else { return Some(delivery) };
    let mut event = Event::clone(event);
    match (bug, &mut event.kind, &mut event.actor) {
        (Bug::DropDelivery, ..) => return None,
        (Bug::BodyChanged, EventKind::Message(message), _) => message.content.push('~'),
        (Bug::SenderMixedUp, EventKind::Message(_), Some(actor)) => {
            *actor = crate::Identity { id: crate::UserId::from_stored("mallory"), name: actor.name.clone() };
        }
        _ => return Some(delivery),
    }
    Some(Delivery::event(Arc::new(event)))
}

/// What is answered for this.
fn told(bug: Bug, outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Resync { head } if bug == Bug::ResyncSwallowed => Outcome::Attached { head, gap: vec![] },
        Outcome::Stored { event, .. } if bug == Bug::StoredYetRefused && event.seq.0.is_multiple_of(ONE_IN) => {
            Outcome::Failed(Error::Unavailable)
        }
        Outcome::Stored { event, replayed } if bug == Bug::WrongSeqInOk && event.seq.0.is_multiple_of(ONE_IN) => {
            let event = Event { seq: event.seq.next(), ..Event::clone(&event) };
            Outcome::Stored { event: Arc::new(event), replayed }
        }
        outcome @ (Outcome::Failed(_)
        | Outcome::Attached { .. }
        | Outcome::Resync { .. }
        | Outcome::Detached
        | Outcome::Typing
        | Outcome::Stored { .. }
        | Outcome::Unchanged) => outcome,
    }
}

fn is_marked(delivery: &Delivery) -> bool {
    event_of(delivery).is_some_and(|event| event.seq.0.is_multiple_of(ONE_IN))
}

fn event_of(delivery: &Delivery) -> Option<&Arc<Event>> {
    match delivery.item() {
        Item::Event(event) => Some(event),
        Item::Signal(_) => None,
    }
}

impl RoomState {
    /// The answer to a send that was never stored.
    pub(super) fn pretend(&self, pending: &Pending) -> Option<Outcome> {
        let event = pending.as_event(self.id, self.head.next())?;
        Some(Outcome::Stored { event: Arc::new(event), replayed: false })
    }
}

//! What a room does in place of an effect.

use std::{collections::BTreeMap, mem, sync::Arc};

use super::Bug;
use crate::{
    Attached, Body, Delivery, Departure, Error, Event, EventKind, Gap, Identity, Item, Message, Now, RoomId, Sent, Seq,
    SessionId, Signal, SignalKind, Timestamp, UserId,
    append::{Entry, EventKey, Op},
    state::{Answered, Completion, Effect, Input, ReplyId, Request},
};

/// Changes what comes out of a room, and remembers what that takes.
#[derive(Debug)]
pub(super) struct Effects {
    room: RoomId,
    /// The sends that were not answered yet.
    sends: BTreeMap<ReplyId, Event>,
    /// Whose the sessions are that are shown in the room.
    shown: BTreeMap<SessionId, Identity>,
}

/// What a room was given, when, and its head after that.
type Given<'a> = (&'a Input, Now, Seq);

/// One in so many events is changed, by its number.
const ONE_IN: u64 = 50;

impl Effects {
    pub(super) const fn new(room: RoomId) -> Self {
        Self { room, sends: BTreeMap::new(), shown: BTreeMap::new() }
    }

    /// Takes note of what the room is given.
    pub(super) fn note(&mut self, input: &Input) {
        if let Input::Request(Request::Attach { session, user, presence: true, .. }) = input {
            self.shown.insert(*session, user.clone());
        }
        if let Input::Request(Request::Append { actor, key, op: Op::Message(body), reply, .. }) = input {
            let message = Message { body: body.clone(), ordinal: 0, thread_ordinal: None, erased: false };
            self.sends.insert(*reply, as_event(self.room, actor.as_ref(), key, message));
        }
    }

    /// Changes what one input led to.
    pub(super) fn mutate(&mut self, bug: Bug, given: Given<'_>, effects: &mut Vec<Effect>) {
        self.mutate_order(bug, given, effects);
        for effect in mem::take(effects) {
            match effect {
                Effect::Publish(delivery) => {
                    let copies = if bug == Bug::DoubleDelivery && is_marked(&delivery) { 2 } else { 1 };
                    let published = published(bug, given.0, delivery);
                    effects.extend(published.into_iter().flat_map(|it| vec![Effect::Publish(it); copies]));
                }
                Effect::Answer(answer) => {
                    let send = self.sends.remove(&answer.reply());
                    effects.push(Effect::Answer(answered(bug, answer, send, given.2)));
                }
                Effect::Join(session) if bug == Bug::StuckSubscription && session.0.is_multiple_of(5) => {}
                Effect::Append(entries) if bug == Bug::PublishBeforeCommit => {
                    effects.extend(early(self.room, &entries, given.2));
                    effects.push(Effect::Append(entries));
                }
                effect @ (Effect::Append(_)
                | Effect::Recover { .. }
                | Effect::Load { .. }
                | Effect::Join(_)
                | Effect::Leave(..)
                | Effect::LookUp { .. }
                | Effect::NotifyAdded { .. }
                | Effect::SendTo(..)
                | Effect::Notify { .. }
                | Effect::NotifyThread { .. }
                | Effect::ImpossiblePosition { .. }) => effects.push(effect),
            }
        }
    }

    /// Adds, moves and takes away whole effects.
    fn mutate_order(&mut self, bug: Bug, (input, now, _): Given<'_>, effects: &mut Vec<Effect>) {
        match (bug, input) {
            (Bug::SwapDeliveries, _) => swap(effects),
            (Bug::RemovedStillHear, _) => effects.retain(|effect| !matches!(effect, Effect::Leave(_, Some(_)))),
            (Bug::LiveBeforeGap, Input::Request(Request::Attach { session, reply, .. }))
                if !is_answered(*reply, effects) =>
            {
                effects.push(Effect::Join(*session));
            }
            (Bug::DeliverAfterDetach, Input::Request(Request::Detach { session, .. })) => {
                effects.retain(|effect| *effect != Effect::Leave(*session, None));
            }
            (Bug::LeaveWithoutTheLastSession, Input::Request(Request::Detach { session, .. }))
            | (Bug::LeaveWithoutTheLastSession, Input::Depart { session, departure: Departure::Closed }) => {
                if let Some(user) = self.shown.remove(session)
                    && effects.contains(&Effect::Leave(*session, None))
                    && !effects.iter().any(says_left)
                {
                    let leave = Signal { room: self.room, at: now.wall, kind: SignalKind::Leave(user) };
                    effects.push(Effect::Publish(Delivery::signal(leave)));
                }
            }
            _ => {}
        }
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

fn is_answered(to: ReplyId, effects: &[Effect]) -> bool {
    effects.iter().any(|effect| matches!(effect, Effect::Answer(answer) if answer.reply() == to))
}

fn says_left(effect: &Effect) -> bool {
    let Effect::Publish(delivery) = effect else { return false };
    matches!(delivery.item(), Item::Signal(Signal { kind: SignalKind::Leave(_), .. }))
}

/// What goes out for this delivery; nothing, if it is to be lost.
fn published(bug: Bug, input: &Input, delivery: Delivery) -> Option<Delivery> {
    let event = match delivery.item() {
        Item::Event(event) => event,
        Item::Signal(Signal { kind: SignalKind::Typing(typing), .. }) if bug == Bug::TypingStopLost => {
            return (typing.count > 0).then_some(delivery);
        }
        Item::Signal(_) => return Some(delivery),
    };
    let is_lost = bug == Bug::HoleNotLoaded && is_loaded(event, input)
        || bug == Bug::PublishBeforeCommit && event.message().is_some()
        || bug == Bug::DropDelivery && is_marked(&delivery);
    if is_lost {
        return None;
    }
    if !is_marked(&delivery) {
        return Some(delivery);
    }
    let mut event = Event::clone(event);
    match (bug, &mut event.kind, &mut event.actor) {
        (Bug::BodyChanged, EventKind::Message(message), _) => message.body.content.push('~'),
        (Bug::SenderMixedUp, EventKind::Message(_), Some(actor)) => {
            *actor = Identity::of(UserId::from_stored("mallory"), actor.name.clone());
        }
        _ => return Some(delivery),
    }
    Some(Delivery::event(Arc::new(event)))
}

/// Whether it was loaded with this input, and so stored by another writer.
fn is_loaded(event: &Event, input: &Input) -> bool {
    matches!(input, Input::Completed(Completion::Loaded(Ok(loaded))) if loaded.iter().any(|stored| *stored.event == *event))
}

/// What is answered instead; `send` is what was to be stored, `head` the room's head.
fn answered(bug: Bug, answer: Answered, send: Option<Event>, head: Seq) -> Answered {
    match (bug, answer) {
        (Bug::AttachOffByOne, Answered::Attach(reply, Ok(Attached { gap: Gap::Events(mut gap), room, head }))) => {
            gap.drain(..gap.len().min(1));
            Answered::Attach(reply, Ok(Attached { room, head, gap: Gap::Events(gap) }))
        }
        (Bug::ResyncSwallowed, Answered::Attach(reply, Ok(Attached { gap: Gap::Resync, room, head }))) => {
            Answered::Attach(reply, Ok(Attached { room, head, gap: Gap::Events(vec![]) }))
        }
        (Bug::StoredYetRefused, Answered::Send(reply, Ok(sent))) if sent.seq.0.is_multiple_of(ONE_IN) => {
            Answered::Send(reply, Err(Error::Unavailable))
        }
        (Bug::WrongSeqInOk, Answered::Send(reply, Ok(sent))) if sent.seq.0.is_multiple_of(ONE_IN) => {
            let event = Event { seq: sent.seq.next(), ..Event::clone(&sent.event) };
            Answered::Send(reply, Ok(sent_as(event, sent.replayed)))
        }
        (Bug::SentAfterTheEnd, Answered::Send(reply, Err(Error::RoomNotFound))) => {
            let stored = send.map(|event| sent_as(Event { seq: head.next(), ..event }, false));
            Answered::Send(reply, stored.ok_or(Error::RoomNotFound))
        }
        (_, answer) => answer,
    }
}

fn sent_as(event: Event, replayed: bool) -> Sent {
    Sent { seq: event.seq, event: Arc::new(event), replayed }
}

/// Publishes what an append would become, were it stored after `head`.
fn early(room: RoomId, entries: &[Entry], head: Seq) -> Vec<Effect> {
    let event = |(entry, seq): (&Entry, u64)| {
        let Op::Message(body) = &entry.op else { return None };
        Some(Effect::Publish(Delivery::event(Arc::new(stored_as(room, entry, body, Seq(seq))))))
    };
    entries.iter().zip(head.next().0..).filter_map(event).collect()
}

/// The event that a message would become with this number.
pub(super) fn stored_as(room: RoomId, entry: &Entry, body: &Body, seq: Seq) -> Event {
    let message = Message { body: body.clone(), ordinal: seq.0, thread_ordinal: None, erased: false };
    Event { seq, at: entry.at, ..as_event(room, entry.actor.as_ref(), &entry.key, message) }
}

fn as_event(room: RoomId, actor: Option<&Identity>, key: &EventKey, message: Message) -> Event {
    let (actor, kind) = (actor.cloned(), EventKind::Message(message));
    Event { room, seq: Seq(0), at: Timestamp(0), actor, key: key.to_given(), kind }
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

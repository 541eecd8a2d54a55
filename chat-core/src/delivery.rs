//! An event or a signal on its way, shared by all who receive it.

use std::{
    any::{Any, TypeId},
    fmt,
    sync::{Arc, OnceLock},
};

use crate::{Body, Event, EventKind, Identity, Message, MessageEdited, Presence, RoomId, Signal, SignalKind, Typing};

/// An [`Event`] or a [`Signal`] on its way: the same for every recipient, cheap to clone, and encoded once.
#[derive(Clone)]
pub struct Delivery(Arc<Inner>);

struct Inner {
    item: Item,
    cost: usize,
    memo: OnceLock<Box<Memo>>,
}

/// What is delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// A durable fact, numbered.
    Event(Arc<Event>),
    /// A passing fact.
    Signal(Signal),
}

impl Item {
    /// The room it is about.
    #[must_use]
    pub fn room(&self) -> RoomId {
        match self {
            Self::Event(event) => event.room,
            Self::Signal(signal) => signal.room,
        }
    }
}

/// One encoding, and the next one of another type: a list that only grows, as long as there are adapters.
struct Memo {
    of: TypeId,
    value: Box<dyn Any + Send + Sync>,
    next: OnceLock<Box<Self>>,
}

impl Delivery {
    /// An event on its way.
    #[must_use]
    pub fn event(event: Arc<Event>) -> Self {
        Self::new(Item::Event(event))
    }

    /// A signal on its way.
    #[must_use]
    pub fn signal(signal: Signal) -> Self {
        Self::new(Item::Signal(signal))
    }

    fn new(item: Item) -> Self {
        let cost = cost(&item);
        Self(Arc::new(Inner { item, cost, memo: OnceLock::new() }))
    }

    /// What is delivered.
    #[must_use]
    pub fn item(&self) -> &Item {
        &self.0.item
    }

    /// What it counts for wherever memory is limited, in bytes: 128, and all texts in it as they are written on a wire (a quote,
    /// a backslash and a line break are two bytes there, another control character six). Each user in a list costs 64 more.
    #[must_use]
    pub fn cost(&self) -> usize {
        self.0.cost
    }

    /// What an adapter makes of it: the first call makes it, and all others share it. There is one value per type, so use
    /// your own type.
    pub fn memo<T: Send + Sync + 'static>(&self, make: impl FnOnce(&Item) -> T) -> &T {
        let mut make = Some(make);
        let mut slot = &self.0.memo;
        loop {
            let memo = slot.get_or_init(|| {
                // Runs at most once: having run, the slot below holds a T and the loop ends.
                let value: Box<dyn Any + Send + Sync> = match make.take() {
                    Some(make) => Box::new(make(&self.0.item)),
                    None => Box::new(()),
                };
                Box::new(Memo { of: TypeId::of::<T>(), value, next: OnceLock::new() })
            });
            if memo.of == TypeId::of::<T>()
                && let Some(value) = memo.value.downcast_ref()
            {
                return value;
            }
            slot = &memo.next;
        }
    }
}

fn cost(item: &Item) -> usize {
    match item {
        Item::Event(event) => event_cost(event),
        Item::Signal(signal) => signal_cost(signal),
    }
}

/// What the [`Delivery`] of an event costs.
pub(crate) fn event_cost(event: &Event) -> usize {
    let actor = event.actor.as_ref().map_or(0, |actor| text(actor.id.as_str()) + text(actor.name.as_str()));
    let key = event.key.as_ref().map_or(0, |key| text(key.as_str()));
    let kind = match &event.kind {
        EventKind::Message(Message { body, .. }) | EventKind::MessageEdited(MessageEdited { body, .. }) => {
            body_cost(body)
        }
        EventKind::MessageDeleted { reason, .. } => reason.as_ref().map_or(0, |reason| text(reason.as_str())),
        EventKind::Reaction { reaction, .. } => text(reaction.as_str()),
        EventKind::Member(member) => {
            let reason = member.reason.as_ref().map_or(0, |reason| text(reason.as_str()));
            text(member.user.id.as_str()) + text(member.user.name.as_str()) + reason
        }
        EventKind::RoomUpdated { name, topic, .. } => text(name.as_str()) + text(topic.as_str()),
        EventKind::Pin { .. } | EventKind::RoomDeleted => 0,
    };
    FLAT_COST + actor + key + kind
}

fn body_cost(body: &Body) -> usize {
    let mentions: usize = body.mentions.iter().map(|user| text(user.as_str())).sum();
    // It stands on the wire as it is, not within quotes.
    text(&body.content) + mentions + body.meta.as_ref().map_or(0, String::len)
}

fn signal_cost(signal: &Signal) -> usize {
    let users = match &signal.kind {
        SignalKind::Join(user) | SignalKind::Leave(user) => listed(user),
        SignalKind::UserList(Presence { online: users, .. }) | SignalKind::Typing(Typing { identities: users, .. }) => {
            users.iter().map(|user| listed(user) + IN_A_LIST).sum()
        }
        SignalKind::Read(marks) => marks.iter().map(|mark| listed(&mark.user) + IN_A_LIST).sum(),
    };
    FLAT_COST + users
}

/// A user in a signal: the name is there twice, by itself and beside the id.
fn listed(user: &Identity) -> usize {
    text(user.id.as_str()) + 2 * text(user.name.as_str())
}

/// The bytes of a text on a wire.
pub(crate) fn text(text: &str) -> usize {
    let escaped = |byte: u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' => 1,
        0..0x20 => 5,
        _ => 0,
    };
    text.len() + text.bytes().map(escaped).sum::<usize>()
}

/// What everything but its texts costs.
pub(crate) const FLAT_COST: usize = 128;
/// What a user costs in a list besides.
const IN_A_LIST: usize = 64;

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Delivery").field(&self.0.item).finish()
    }
}

impl PartialEq for Delivery {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.item == other.0.item
    }
}

impl Eq for Delivery {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Seq, Timestamp, UserName};

    #[test]
    fn each_type_is_made_once_and_shared() {
        let signal = Signal { room: RoomId(1), at: Timestamp(0), kind: SignalKind::Typing(Typing::default()) };
        let delivery = Delivery::signal(signal);
        let mut made = 0;
        for _ in 0..2 {
            let text = delivery.memo(|_| {
                made += 1;
                "text".to_owned()
            });
            assert_eq!(text, "text");
            assert_eq!(*delivery.memo(|_| 7_u8), 7);
        }
        assert_eq!(made, 1);
        assert_eq!(*delivery.memo(|_| 8_u8), 7);
    }

    #[test]
    fn all_that_varies_is_charged() {
        let signal = |kind| Delivery::signal(Signal { room: RoomId(1), at: Timestamp(0), kind });
        let bob = Identity::of(crate::UserId::new("7").unwrap(), UserName::new("Bob").unwrap());
        assert_eq!(signal(SignalKind::Join(bob.clone())).cost(), 128 + 1 + 6);
        let presence = Presence { count: 200, online: vec![bob.clone(); 200] };
        assert_eq!(signal(SignalKind::UserList(presence)).cost(), 128 + 200 * (64 + 1 + 6));
        let message = Message { body: Body::text("\"\n\u{1}é"), ordinal: 1, thread_ordinal: None, erased: false };
        let (room, kind) = (RoomId(1), EventKind::Message(message));
        let event = Event { room, seq: Seq(1), at: Timestamp(0), actor: Some(bob), key: None, kind };
        assert_eq!(Delivery::event(Arc::new(event)).cost(), 128 + 2 + 2 + 6 + 2 + 1 + 3);
    }
}

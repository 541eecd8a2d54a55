//! An event or a signal on its way, shared by all who receive it.

use std::{
    any::{Any, TypeId},
    fmt,
    sync::{Arc, OnceLock},
};

use crate::{Event, RoomId, Signal};

/// An [`Event`] or a [`Signal`] on its way: the same for every recipient, cheap to clone, and encoded once.
#[derive(Clone)]
pub struct Delivery(Arc<Inner>);

struct Inner {
    item: Item,
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
        Self(Arc::new(Inner { item, memo: OnceLock::new() }))
    }

    /// What is delivered.
    #[must_use]
    pub fn item(&self) -> &Item {
        &self.0.item
    }

    /// What an adapter makes of it, made by the first who asks and shared by all others. One value a type: an adapter uses
    /// a type of its own.
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
    use crate::{SignalKind, Timestamp, Typing};

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
}

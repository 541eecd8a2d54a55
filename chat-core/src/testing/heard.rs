//! What a session hears next, for tests of hosts.

use std::{sync::Arc, time::Duration};

use tokio::time::timeout;

use crate::{Delivery, Event, EventKind, Item, Signal, Update, Updates};

/// What a session hears next. What comes before it, and is something else, is passed over.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), chat_core::Error> {
/// use chat_core::{ChatEngine, Draft, Identity, NewRoom, Since, testing::Heard};
///
/// let engine = ChatEngine::builder().build().await.unwrap();
/// let (ada, bob) = (Identity::named("Ada")?, Identity::named("Bob")?);
/// let room = engine.create_room(&ada, NewRoom::named("test")).await?.id;
/// let (session, mut updates) = engine.connect(bob).split();
/// session.attach(room, Since::Now).await?;
/// engine.send(&ada, room, Draft::text("Hello!")).await?;
///
/// let heard = Heard::message(&mut updates).await;
/// assert_eq!(heard.message().map(|message| &*message.body.content), Some("Hello!"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy)]
pub enum Heard {}

impl Heard {
    /// The next event.
    ///
    /// # Panics
    /// If the session ends before, or nothing of the kind comes within 30 s.
    ///
    /// # Cancel safety
    /// Dropped, what was passed over is gone.
    pub async fn event(updates: &mut Updates) -> Arc<Event> {
        next(updates, event).await
    }

    /// The next message, also in a thread, as an event.
    ///
    /// # Panics
    /// As [`event`](Self::event).
    ///
    /// # Cancel safety
    /// As [`event`](Self::event).
    pub async fn message(updates: &mut Updates) -> Arc<Event> {
        let message = |delivery: &Delivery| event(delivery).filter(|event| matches!(event.kind, EventKind::Message(_)));
        next(updates, message).await
    }

    /// The next signal: who is online, or who is typing.
    ///
    /// # Panics
    /// As [`event`](Self::event).
    ///
    /// # Cancel safety
    /// As [`event`](Self::event).
    pub async fn signal(updates: &mut Updates) -> Signal {
        next(updates, |delivery| if let Item::Signal(signal) = delivery.item() { Some(signal.clone()) } else { None })
            .await
    }
}

fn event(delivery: &Delivery) -> Option<Arc<Event>> {
    if let Item::Event(event) = delivery.item() { Some(Arc::clone(event)) } else { None }
}

#[expect(clippy::panic, reason = "it fails a test")]
async fn next<T>(updates: &mut Updates, wanted: impl Fn(&Delivery) -> Option<T>) -> T {
    let found = async {
        loop {
            match updates.next().await {
                Some(Update::Delivery(delivery)) => {
                    if let Some(found) = wanted(&delivery) {
                        return found;
                    }
                }
                Some(Update::Closed(reason)) => panic!("the session has ended: {reason:?}"),
                Some(_) => {}
                None => panic!("the session has ended"),
            }
        }
    };
    let found = timeout(PATIENCE, found).await;
    found.unwrap_or_else(|_| panic!("nothing of the kind has come within {PATIENCE:?}"))
}

/// How long something is waited for. On paused time, that is no time.
const PATIENCE: Duration = Duration::from_secs(30);

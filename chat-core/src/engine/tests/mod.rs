//! The whole engine on the memory store, on paused time.

mod archive;
mod backpressure;
mod budgets;
mod commands;
mod consumers;
mod direct_rooms;
mod erasure;
mod faults;
mod hints;
mod hosted;
mod lifecycle;
mod load;
mod logs;
mod members;
mod metrics;
mod notices;
mod policy;
mod private_rooms;
mod rates;
mod recheck;
mod retention;
mod revocations;
mod search;
mod sessions;
#[cfg(feature = "sqlite")]
mod sqlite;
mod storm;
mod stress;
mod tail;
mod users;
mod watches;

use std::{
    panic,
    sync::{Arc, Once},
    time::Duration,
};

use tokio::time::{Instant, timeout};

use crate::{
    AnswerResult, ChatEngine, CloseReason, Database, Delivery, Draft, Epoch, Event, Identity, Item, Limits, NewRoom,
    RoomId, SessionHandle, SignalKind, Ticket, Timestamp, Update, Updates,
    store::{MemoryStore, Store},
    testing::{FaultyStore, TokioClock},
};

fn user(name: &str) -> Identity {
    Identity::named(name).unwrap()
}

fn memory() -> Arc<dyn Store> {
    Arc::new(MemoryStore::new(Epoch::new("test")))
}

async fn engine_on(store: Arc<dyn Store>, limits: Limits) -> ChatEngine {
    let builder = ChatEngine::builder().database(Database::store(store));
    builder.limits(limits).clock(TokioClock::new()).build().await.unwrap()
}

async fn engine() -> ChatEngine {
    engine_on(memory(), Limits::default()).await
}

/// Keeps what was broken on purpose out of what a test tells: a log in which nothing failed shall not look as if.
fn hush_panics_on_purpose() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let is_on_purpose =
                info.payload_as_str().is_some_and(|told| matches!(told, "as told" | "broken on purpose"));
            if !is_on_purpose {
                usual(info);
            }
        }));
    });
}

async fn faulty_engine(limits: Limits) -> (ChatEngine, FaultyStore) {
    hush_panics_on_purpose();
    let store = FaultyStore::new(memory());
    (engine_on(Arc::new(store.clone()), limits).await, store)
}

async fn make_room(engine: &ChatEngine, name: &str) -> RoomId {
    engine.create_room(crate::Actor::System, NewRoom::named(name)).await.unwrap().id
}

fn connect(engine: &ChatEngine, name: &str) -> (SessionHandle, Updates) {
    engine.connect(user(name)).split()
}

/// The next update; fails the test rather than wait for ever.
async fn next(updates: &mut Updates) -> Option<Update> {
    timeout(Duration::from_secs(600), updates.next()).await.expect("an update")
}

async fn next_event(updates: &mut Updates) -> Arc<Event> {
    loop {
        if let Some(event) = event(&next(updates).await.expect("an open stream")) {
            return event;
        }
    }
}

async fn next_answer(updates: &mut Updates) -> (Ticket, AnswerResult) {
    loop {
        if let Update::Answer(ticket, answer) = next(updates).await.expect("an open stream") {
            return (ticket, answer);
        }
    }
}

async fn next_signal(updates: &mut Updates) -> SignalKind {
    loop {
        if let Update::Delivery(delivery) = next(updates).await.expect("an open stream")
            && let Item::Signal(signal) = delivery.item()
        {
            return signal.kind.clone();
        }
    }
}

/// What the stream says at its end.
async fn close_reason(updates: &mut Updates) -> Option<CloseReason> {
    let mut reason = None;
    while let Some(update) = next(updates).await {
        assert_eq!(reason, None, "nothing follows a close");
        if let Update::Closed(closed) = update {
            reason = Some(closed);
        }
    }
    reason
}

fn event(update: &Update) -> Option<Arc<Event>> {
    let Update::Delivery(delivery) = update else { return None };
    event_of(delivery)
}

fn event_of(delivery: &Delivery) -> Option<Arc<Event>> {
    match delivery.item() {
        Item::Event(event) => Some(Arc::clone(event)),
        Item::Signal(_) => None,
    }
}

fn content(event: &Event) -> &str {
    &event.message().unwrap().body.content
}

fn text(content: &str) -> Draft {
    Draft::text(content)
}

fn spawn_send(
    engine: &ChatEngine,
    room: RoomId,
    draft: Draft,
) -> tokio::task::JoinHandle<Result<crate::Seq, crate::Error>> {
    let engine = engine.clone();
    tokio::spawn(async move { engine.send(&user("alice"), room, draft).await.map(|sent| sent.seq) })
}

/// Lets everything that can run do so, without time passing.
async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

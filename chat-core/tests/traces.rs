//! That commands and batches are traced, deliveries are not, and no text of a message is. Alone in its process: whether
//! spans are wanted is remembered for all threads.
#![cfg(feature = "runtime")]
#![expect(clippy::unwrap_used, reason = "what is not there fails the test")]

use std::{
    fmt::{self, Write},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use tracing::{
    Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};

use chat_core::{ChatEngine, Draft, Identity, Item, NewRoom, Since, Update};

/// Writes down every span: its name, and its fields as they come.
#[derive(Clone, Default)]
struct Scribe(Arc<(AtomicU64, Mutex<Vec<String>>)>);

struct Line<'a>(&'a mut String);

impl Visit for Line<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        write!(self.0, " {}={value:?}", field.name()).unwrap();
    }
}

impl Subscriber for Scribe {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_span()
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut line = span.metadata().name().to_owned();
        span.record(&mut Line(&mut line));
        self.0.1.lock().unwrap().push(line);
        Id::from_u64(self.0.0.fetch_add(1, Ordering::SeqCst) + 1)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        let mut lines = self.0.1.lock().unwrap();
        let place = usize::try_from(span.into_u64()).unwrap() - 1;
        values.record(&mut Line(&mut lines[place]));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, _: &tracing::Event<'_>) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[tokio::test(start_paused = true)]
async fn commands_and_batches_are_traced_but_not_deliveries() {
    let scribe = Scribe::default();
    tracing::subscriber::set_global_default(scribe.clone()).unwrap();
    let engine = ChatEngine::builder().build().await.unwrap();
    let alice = Identity::named("alice").unwrap();
    let room = engine.create_room(&alice, NewRoom::named("general")).await.unwrap().id;
    let mut readers = Vec::new();
    for n in 0..5 {
        let (handle, updates) = engine.connect(Identity::named(&format!("reader {n}")).unwrap()).split();
        handle.attach(room, Since::Now).await.unwrap();
        readers.push((handle, updates));
    }
    scribe.0.1.lock().unwrap().retain(|line| !line.starts_with("command command=\"attach\" room.id=1 session.id="));
    let attached = scribe.0.1.lock().unwrap().clone();
    assert_eq!(attached, [""; 0], "nothing but what was attached");
    scribe.0.0.store(0, Ordering::SeqCst);
    readers[0].0.send(room, Draft::text("a secret")).await.unwrap();
    engine.send(&alice, room, Draft::text("a secret").key("k")).await.unwrap();
    engine.send(&alice, room, Draft::text("a lie").key("k")).await.unwrap_err();
    for (_, updates) in &mut readers {
        while let Some(update) = updates.next().await {
            if matches!(&update, Update::Delivery(delivery) if matches!(delivery.item(), Item::Event(_))) {
                break;
            }
        }
    }
    let lines = scribe.0.1.lock().unwrap().clone();
    let append = "append rooms=1 messages=1 outcome=\"stored\"";
    let expected = [
        "command command=\"send\" room.id=1 session.id=1 outcome=\"ok\"",
        append,
        "command command=\"send\" room.id=1 outcome=\"ok\"",
        append,
        "command command=\"send\" room.id=1 outcome=\"idempotency_mismatch\"",
        append,
    ];
    assert_eq!(lines, expected);
}

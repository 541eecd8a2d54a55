//! That the metrics move, and are documented.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use ::metrics::{
    Counter, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit,
    set_default_local_recorder,
};

use super::*;
use crate::{
    Error, Seq, Since,
    store::StoreErrorKind,
    testing::{Fault, StoreCall},
};

/// Keeps everything it is told.
#[derive(Default)]
struct Told {
    described: Mutex<BTreeMap<String, &'static str>>,
    counters: Mutex<BTreeMap<String, Arc<AtomicU64>>>,
    /// As the bits of floating-point numbers.
    gauges: Mutex<BTreeMap<String, Arc<AtomicU64>>>,
    histograms: Mutex<BTreeMap<String, Arc<Values>>>,
}

#[derive(Default)]
struct Values(Mutex<Vec<f64>>);

impl HistogramFn for Values {
    fn record(&self, value: f64) {
        self.0.lock().unwrap().push(value);
    }
}

impl Recorder for Told {
    fn describe_counter(&self, key: KeyName, _: Option<Unit>, _: SharedString) {
        self.described.lock().unwrap().insert(key.as_str().to_owned(), "counter");
    }

    fn describe_gauge(&self, key: KeyName, _: Option<Unit>, _: SharedString) {
        self.described.lock().unwrap().insert(key.as_str().to_owned(), "gauge");
    }

    fn describe_histogram(&self, key: KeyName, _: Option<Unit>, _: SharedString) {
        self.described.lock().unwrap().insert(key.as_str().to_owned(), "histogram");
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(Arc::clone(self.counters.lock().unwrap().entry(name(key)).or_default()))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(Arc::clone(self.gauges.lock().unwrap().entry(name(key)).or_default()))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(Arc::clone(self.histograms.lock().unwrap().entry(name(key)).or_default()))
    }
}

/// The name with the values of its labels.
fn name(key: &Key) -> String {
    key.labels().fold(key.name().to_owned(), |name, label| format!("{name} {}", label.value()))
}

impl Told {
    #[track_caller]
    fn counter(&self, name: &str) -> u64 {
        self.counters.lock().unwrap()[name].load(Ordering::SeqCst)
    }

    #[track_caller]
    fn gauge(&self, name: &str) -> f64 {
        f64::from_bits(self.gauges.lock().unwrap()[name].load(Ordering::SeqCst))
    }

    #[track_caller]
    fn values(&self, name: &str) -> Vec<f64> {
        self.histograms.lock().unwrap()[name].0.lock().unwrap().clone()
    }
}

async fn told_engine(limits: Limits) -> (ChatEngine, FaultyStore, Told) {
    let told = Told::default();
    let store = FaultyStore::new(memory());
    let recording = set_default_local_recorder(&told);
    let engine = engine_on(Arc::new(store.clone()), limits).await;
    drop(recording);
    (engine, store, told)
}

#[tokio::test(start_paused = true)]
async fn sends_are_counted_by_what_they_are_answered() {
    let (engine, store, told) = told_engine(Limits::default()).await;
    let room = make_room(&engine, "general").await;
    let alice = user("alice");
    let (bob, _updates) = connect(&engine, "bob");
    engine.send(&alice, room, text("a").key("k")).await.unwrap();
    engine.send(&alice, room, text("a").key("k")).await.unwrap();
    bob.send(room, text("b")).await.unwrap();
    engine.send(&alice, room, text(" ")).await.unwrap_err();
    bob.send(RoomId(99), text("b")).await.unwrap_err();
    bob.send(RoomId(0), text("b")).await.unwrap_err();
    for (outcome, count) in [("stored", 2), ("replayed", 1), ("empty_message", 1), ("room_not_found", 2)] {
        assert_eq!(told.counter(&format!("chat_sends_total {outcome}")), count, "{outcome}");
    }
    assert_eq!(told.values("chat_send_seconds").len(), 4, "those that were admitted");
    assert_eq!(told.values("chat_append_batch_messages"), [1.0; 3], "the replay is found in one, too");
    assert_eq!(told.values("chat_append_batch_seconds").len(), 3);
    assert_eq!(told.counter("chat_events_appended_total"), 2);
    assert_eq!(told.gauge("chat_messages_waiting"), 0.0);

    store.hold(StoreCall::Append);
    let waits = tokio::spawn({
        let engine = engine.clone();
        async move { engine.send(&user("alice"), room, text("c")).await }
    });
    store.called(StoreCall::Append, store.calls(StoreCall::Append) + 1).await;
    assert_eq!(told.gauge("chat_messages_waiting"), 1.0);
    tokio::time::advance(Duration::from_secs(2)).await;
    store.release(StoreCall::Append);
    waits.await.unwrap().unwrap();
    assert_eq!(told.gauge("chat_messages_waiting"), 0.0);
    assert!(told.values("chat_send_seconds").last().unwrap() >= &2.0);
    assert!(told.values("chat_append_batch_seconds").last().unwrap() >= &2.0);
}

#[tokio::test(start_paused = true)]
async fn every_error_of_a_send_has_its_counter() {
    let (engine, _store, told) = told_engine(Limits::default()).await;
    let room = make_room(&engine, "general").await;
    let alice = user("alice");
    let before: u64 = told.counters.lock().unwrap().values().map(|counter| counter.load(Ordering::SeqCst)).sum();
    let errors = [
        engine.send(&alice, room, text("a").key("a b")).await.unwrap_err(),
        engine.send(&alice, room, text(&"x".repeat(4_001))).await.unwrap_err(),
    ];
    engine.shutdown().await;
    let stopped = engine.send(&alice, room, text("a")).await.unwrap_err();
    for error in errors.iter().chain([&stopped]) {
        assert_eq!(told.counter(&format!("chat_sends_total {}", error.code())), 1, "{error:?}");
    }
    let after: u64 = told.counters.lock().unwrap().values().map(|counter| counter.load(Ordering::SeqCst)).sum();
    assert_eq!(after, before + 3);
}

#[tokio::test(start_paused = true)]
async fn sessions_attachments_and_deliveries_are_counted() {
    let limits = Limits { sessions_per_user: Some(1), ..Limits::default() };
    let (engine, _store, told) = told_engine(limits).await;
    let room = make_room(&engine, "general").await;
    let (bob, mut bobs) = connect(&engine, "bob");
    let (carol, carols) = connect(&engine, "carol");
    let (_one_too_many, _ended) = connect(&engine, "carol");
    bob.observe(room, Since::Now).await.unwrap();
    let heard = told.counter("chat_deliveries_total");
    engine.send(&user("alice"), room, text("a")).await.unwrap();
    next_event(&mut bobs).await;
    assert_eq!(told.counter("chat_deliveries_total"), heard + 1);
    carol.observe(room, Since::Seq(Seq(0))).await.unwrap();
    carol.detach(room).await.unwrap();
    let elsewhere = crate::Position { epoch: Epoch::new("another"), seq: Seq(1) };
    carol.observe(room, Since::Position(elsewhere)).await.unwrap();
    for kind in ["now", "gap", "resync"] {
        assert_eq!(told.counter(&format!("chat_attaches_total {kind}")), 1, "{kind}");
    }
    let heard = told.counter("chat_deliveries_total");
    engine.send(&user("alice"), room, text("b")).await.unwrap();
    next_event(&mut bobs).await;
    assert_eq!(told.counter("chat_deliveries_total"), heard + 2);
    assert_eq!((told.gauge("chat_sessions"), told.gauge("chat_rooms_active")), (2.0, 1.0));
    carol.disconnect_lost();
    drop((carol, carols));
    drop((bob, bobs));
    settle().await;
    assert_eq!(told.counter("chat_sessions_opened_total"), 3);
    for reason in ["closed", "lost", "too_many"] {
        assert_eq!(told.counter(&format!("chat_sessions_closed_total {reason}")), 1, "{reason}");
    }
    assert_eq!(told.gauge("chat_sessions"), 0.0);
    engine.shutdown().await;
    assert_eq!(told.gauge("chat_rooms_active"), 0.0);
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_is_counted_as_lagged() {
    let (engine, _store, told) = told_engine(Limits { session_queue_bytes: 1_000, ..Limits::default() }).await;
    let room = make_room(&engine, "general").await;
    let (bob, _unread) = connect(&engine, "bob");
    bob.attach(room, Since::Now).await.unwrap();
    while !bob.has_ended() {
        engine.send(&user("alice"), room, text(&"x".repeat(1_000))).await.unwrap();
    }
    assert_eq!(told.counter("chat_sessions_closed_total lagged"), 1);
}

#[tokio::test(start_paused = true)]
async fn the_breaker_shows() {
    let (engine, store, told) = told_engine(Limits::default()).await;
    let room = make_room(&engine, "general").await;
    store.fail_next(StoreCall::Append, Fault::Refuse(StoreErrorKind::Full));
    assert_eq!(engine.send(&user("alice"), room, text("a")).await.unwrap_err(), Error::StorageFull);
    assert_eq!(told.gauge("chat_breaker_open"), 1.0);
    assert_eq!(told.counter("chat_append_batch_failures_total"), 1);
    assert_eq!(told.counter("chat_sends_total storage_full"), 1);
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(told.gauge("chat_breaker_open"), 0.0);
}

#[tokio::test(start_paused = true)]
async fn every_metric_is_described_and_documented() {
    let (_engine, _store, told) = told_engine(Limits::default()).await;
    let described = told.described.lock().unwrap().clone();
    let first_word = |name: &String| name.split(' ').next().unwrap().to_owned();
    let mut registered: BTreeMap<String, &str> = BTreeMap::new();
    registered.extend(told.counters.lock().unwrap().keys().map(|name| (first_word(name), "counter")));
    registered.extend(told.gauges.lock().unwrap().keys().map(|name| (first_word(name), "gauge")));
    registered.extend(told.histograms.lock().unwrap().keys().map(|name| (first_word(name), "histogram")));
    assert_eq!(described, registered);
    let document = include_str!("../../../../docs/metrics.md");
    let (_, table) = document.split_once("\n## The engine\n").unwrap();
    let rows = table.split("\n## ").next().unwrap().lines().filter_map(|line| line.strip_prefix("| `chat_"));
    let documented: BTreeSet<String> = rows
        .map(|row| {
            let mut cells = row.split(" | ");
            let name = cells.next().unwrap().trim_end_matches('`');
            format!("chat_{name} {}", cells.next().unwrap())
        })
        .collect();
    let described: BTreeSet<String> = described.iter().map(|(name, kind)| format!("{name} {kind}")).collect();
    assert_eq!(described, documented);
}

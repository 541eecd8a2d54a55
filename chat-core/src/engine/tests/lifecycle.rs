//! How engines start and stop, alone and beside each other.

use super::*;
use crate::{Error, Seq, Since, testing::StoreCall};

#[tokio::test(start_paused = true)]
async fn shutdown_answers_what_is_under_way_and_closes_every_session() {
    let (engine, store) = faulty_engine(Limits::default()).await;
    let room = make_room(&engine, "general").await;
    let (alice, mut updates) = connect(&engine, "alice");
    let (bob, mut bobs) = connect(&engine, "bob");
    alice.attach(room, Since::Now).await.unwrap();
    bob.attach(room, Since::Now).await.unwrap();
    store.hold(StoreCall::Append);
    let send = tokio::spawn({
        let alice = alice.clone();
        async move { alice.send(room, text("the last")).await }
    });
    store.called(StoreCall::Append, 1).await;
    let stops = [engine.clone(), engine.clone()].map(|engine| tokio::spawn(async move { engine.shutdown().await }));
    settle().await;
    assert!(!engine.health().ready);
    assert_eq!(alice.send(room, text("too late")).await.unwrap_err(), Error::Stopped);
    assert_eq!(engine.send(&user("carol"), room, text("too late")).await.unwrap_err(), Error::Stopped);
    assert_eq!(close_reason(&mut connect(&engine, "carol").1).await, Some(CloseReason::Shutdown));
    store.release(StoreCall::Append);
    assert_eq!(send.await.unwrap().unwrap().seq, Seq(1));
    for stop in stops {
        stop.await.unwrap();
    }
    engine.shutdown().await;
    assert!(store.is_closed());
    assert_eq!(next_event(&mut bobs).await.seq, Seq(1), "what is queued can still be read");
    assert_eq!(close_reason(&mut bobs).await, Some(CloseReason::Shutdown));
    let mut leaves = 0;
    while let Some(update) = next(&mut updates).await {
        leaves += usize::from(format!("{update:?}").contains("Leave"));
    }
    assert_eq!((leaves, engine.inner().hub.active(), engine.health().sessions), (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn shutdown_does_not_wait_for_ever() {
    let (engine, store) = faulty_engine(Limits::default()).await;
    let room = make_room(&engine, "general").await;
    store.hold(StoreCall::Append);
    let send = tokio::spawn({
        let engine = engine.clone();
        async move { engine.send(&user("alice"), room, text("a")).await }
    });
    store.called(StoreCall::Append, 1).await;
    let stop = tokio::spawn({
        let engine = engine.clone();
        async move { engine.shutdown().await }
    });
    assert_eq!(send.await.unwrap().unwrap_err(), Error::OutcomeUnknown);
    store.release(StoreCall::Append);
    stop.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn shutdown_does_not_wait_for_what_waits_in_a_session() {
    let engine = engine().await;
    let rooms = [make_room(&engine, "one").await, make_room(&engine, "two").await];
    let (alice, mut updates) = connect(&engine, "alice");
    for room in rooms {
        engine.send(&user("bob"), room, text("a")).await.unwrap();
        let attach = crate::Command::Attach { room, since: Since::Seq(Seq(0)), presence: true };
        alice.submit(attach).unwrap();
    }
    settle().await;
    let before = Instant::now();
    engine.shutdown().await;
    assert!(before.elapsed() < Duration::from_secs(1));
    assert!(next_answer(&mut updates).await.1.is_ok());
    assert_eq!(next_answer(&mut updates).await.1.unwrap_err(), Error::Stopped);
    assert_eq!(close_reason(&mut updates).await, Some(CloseReason::Shutdown));
}

#[tokio::test(start_paused = true)]
async fn dropping_the_engine_ends_everything() {
    let store = FaultyStore::new(memory());
    let shared: Arc<dyn Store> = Arc::new(store.clone());
    let engine = engine_on(Arc::clone(&shared), Limits::default()).await;
    let room = make_room(&engine, "general").await;
    let (alice, mut updates) = connect(&engine, "alice");
    alice.attach(room, Since::Now).await.unwrap();
    drop(engine);
    assert_eq!(close_reason(&mut updates).await, Some(CloseReason::Shutdown));
    drop((alice, updates));
    settle().await;
    assert!(store.is_closed());
    assert_eq!(Arc::strong_count(&shared), 1, "no task holds on to anything");
}

#[tokio::test(start_paused = true)]
async fn an_idle_room_costs_no_task() {
    let engine = engine().await;
    let room = make_room(&engine, "general").await;
    let hub = &engine.inner().hub;
    assert_eq!(hub.active(), 0);
    assert_eq!(engine.send(&user("alice"), RoomId(99), text("a")).await.unwrap_err(), Error::RoomNotFound);
    settle().await;
    assert_eq!(hub.active(), 0, "a missing room leaves nothing");
    let (alice, updates) = connect(&engine, "alice");
    alice.attach(room, Since::Now).await.unwrap();
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(hub.active(), 1);
    drop((alice, updates));
    tokio::time::sleep(Duration::from_secs(29)).await;
    assert_eq!(hub.active(), 1, "it lingers");
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(hub.active(), 0);
    assert_eq!(engine.send(&user("alice"), room, text("a")).await.unwrap().seq, Seq(1));
}

#[tokio::test(start_paused = true)]
async fn two_engines_live_in_one_process() {
    let (one, two) = (engine().await, engine().await);
    let (first, second) = (make_room(&one, "general").await, make_room(&two, "general").await);
    let (alice, mut updates) = connect(&two, "alice");
    alice.attach(second, Since::Now).await.unwrap();
    one.send(&user("bob"), first, text("to one")).await.unwrap();
    two.send(&user("bob"), second, text("to two")).await.unwrap();
    assert_eq!(content(&*next_event(&mut updates).await), "to two");
    one.shutdown().await;
    assert_eq!(two.send(&user("bob"), second, text("still")).await.unwrap().seq, Seq(2));
}

#[tokio::test(start_paused = true)]
async fn what_was_left_of_deleted_rooms_is_removed_at_the_start_and_after_each_deletion() {
    let store = FaultyStore::new(memory());
    let engine = engine_on(Arc::new(store.clone()), Limits::default()).await;
    settle().await;
    let at_start = store.calls(StoreCall::Purge);
    assert!(at_start >= 1);
    let room = make_room(&engine, "general").await;
    engine.send(&user("alice"), room, text("a")).await.unwrap();
    engine.delete_room(&user("alice"), room).await.unwrap();
    store.called(StoreCall::Purge, at_start + 2).await;
}

#[tokio::test]
async fn a_session_can_be_used_from_outside_the_runtime() {
    let engine = engine().await;
    let room = make_room(&engine, "general").await;
    let (alice, mut updates) = connect(&engine, "alice");
    std::thread::spawn(move || alice.submit(crate::Command::Send { room, draft: text("a") }).map(drop))
        .join()
        .unwrap()
        .unwrap();
    assert!(next_answer(&mut updates).await.1.is_ok());
}

/// None of them says that it helps to come later.
#[tokio::test(start_paused = true)]
async fn whatever_is_asked_of_a_stopped_engine_says_so() {
    let (engine, alice) =
        (ChatEngine::builder().database(Database::store(memory())).build().await.unwrap(), user("alice"));
    engine.shutdown().await;
    let answers = [
        engine.outbox_failures().await.err(),
        engine.forget_outbox_failure(crate::OutboxId(1)).await.err(),
        engine.consumers().await.err(),
        engine.dead_letters("search", None, 1).await.err(),
        engine.revoke(&alice.id).await.err(),
        engine.shown(&alice).await.err(),
        engine.rename(&alice, "Alice").await.err(),
        engine.has_bare_guest_ids().await.err(),
        engine.keep_bare_guest_ids().await.err(),
        engine.rooms(&alice, crate::RoomQuery::default()).await.err(),
        engine.room(&alice, RoomId(1)).await.err(),
        engine.history(&alice, RoomId(1), crate::HistoryQuery::newest()).await.err(),
        engine.tail(None, 1).await.err(),
    ];
    assert!(answers.iter().all(|answer| *answer == Some(Error::Stopped)), "{answers:?}");
}

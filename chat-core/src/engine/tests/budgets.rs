//! What many rooms and many sessions may keep in memory.

use super::*;
use crate::{Command, Error, Position, Seq, Since};

/// A room with so many messages of 4,000 characters.
async fn filled(engine: &ChatEngine, name: &str, messages: usize) -> RoomId {
    let room = make_room(engine, name).await;
    for number in 0..messages {
        engine.send(&user("alice"), room, text(&format!("{number:04000}"))).await.unwrap();
    }
    room
}

/// Comes back to a room after this number; how many events were missed.
async fn come_back(engine: &ChatEngine, room: RoomId, seq: u64) -> usize {
    let (session, _updates) = connect(engine, "bob");
    match session.attach(room, Since::Seq(Seq(seq))).await.unwrap().gap {
        crate::Gap::Events(events) => events.len(),
        crate::Gap::Resync => usize::MAX,
    }
}

#[tokio::test(start_paused = true)]
async fn what_all_rooms_keep_at_hand_is_bounded_and_the_quietest_let_go() {
    const LIMIT: usize = 2 << 20;
    let store = memory();
    let engine = engine_on(Arc::clone(&store), Limits::default()).await;
    let mut rooms = Vec::new();
    for number in 0..40 {
        rooms.push(filled(&engine, &format!("room {number}"), 50).await);
    }
    engine.shutdown().await;
    let limits = Limits { recent_total_bytes: LIMIT, ..Limits::default() };
    let engine = engine_on(store, limits).await;
    for _ in 0..2 {
        for room in &rooms {
            assert_eq!(come_back(&engine, *room, 0).await, 50, "whatever others keep");
            tokio::time::sleep(Duration::from_millis(30)).await;
            let held = engine.inner().hub.recent_bytes();
            assert!(held <= LIMIT + (512 << 10), "{held}");
        }
    }
    assert!(engine.inner().hub.recent_bytes() > LIMIT / 2, "no more than needed is let go of");
}

#[tokio::test(start_paused = true)]
async fn rooms_that_nobody_is_in_make_way_for_others() {
    let store = memory();
    let limits = Limits { active_rooms: 100, ..Limits::default() };
    let engine = engine_on(store, limits).await;
    let mut rooms = Vec::new();
    for number in 0..500 {
        rooms.push(make_room(&engine, &format!("room {number}")).await);
    }
    for room in &rooms {
        engine.send(&user("alice"), *room, text("x")).await.unwrap();
        tokio::time::sleep(Duration::from_millis(30)).await;
        assert!(engine.inner().hub.active() <= 100);
    }
    // All in use: honest refusal, and nobody who is in one notices.
    let mut sessions = Vec::new();
    for room in &rooms[..100] {
        let (session, updates) = connect(&engine, "bob");
        session.attach(*room, Since::Now).await.unwrap();
        tokio::time::sleep(Duration::from_millis(30)).await;
        sessions.push((session, updates));
    }
    assert_eq!(engine.send(&user("alice"), rooms[200], text("x")).await.unwrap_err(), Error::Overloaded);
    engine.send(&user("alice"), rooms[7], text("x")).await.unwrap();
    sessions.pop();
    tokio::time::sleep(Duration::from_millis(30)).await;
    // The first who asks has a room let go of; a retry finds the place.
    let _refused = engine.send(&user("alice"), rooms[200], text("x")).await;
    tokio::time::sleep(Duration::from_millis(30)).await;
    engine.send(&user("alice"), rooms[200], text("x")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn rooms_that_do_not_exist_cost_nothing_that_stays() {
    let engine = engine().await;
    for room in 1..=5_000 {
        let (session, _updates) = connect(&engine, "bob");
        assert_eq!(session.attach(RoomId(room), Since::Now).await.unwrap_err(), Error::RoomNotFound);
    }
    tokio::task::yield_now().await;
    assert_eq!((engine.inner().hub.active(), engine.inner().hub.recent_bytes()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn what_a_session_waits_for_is_charged_in_bytes() {
    let store = FaultyStore::new(memory());
    let limits = Limits { unanswered_bytes: 10_000, ..Limits::default() };
    let engine = engine_on(Arc::new(store.clone()), limits).await;
    let room = make_room(&engine, "general").await;
    store.hold(crate::testing::StoreCall::Append);
    let (session, mut updates) = connect(&engine, "alice");
    for _ in 0..3 {
        session.submit(Command::Send { room, draft: text(&"x".repeat(4_000)) }).unwrap();
    }
    let Some(Update::Answer(_, refused)) = next(&mut updates).await else { panic!("an answer comes first") };
    assert_eq!(refused.unwrap_err(), Error::Overloaded, "three do not fit");
    let waits = tokio::spawn({
        let session = session.clone();
        async move { session.send(room, text(&"z".repeat(4_000))).await }
    });
    store.release(crate::testing::StoreCall::Append);
    for _ in 0..2 {
        let Some(Update::Answer(_, stored)) = next(&mut updates).await else { panic!("answers come") };
        stored.unwrap();
    }
    waits.await.unwrap().expect("who waits is not refused");
    session.send(room, text(&"y".repeat(4_000))).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_epoch_that_is_nobodys_is_not_kept_and_told_at_once() {
    let store = FaultyStore::new(memory());
    let engine = engine_on(Arc::new(store.clone()), Limits::default()).await;
    let room = make_room(&engine, "general").await;
    let (session, _updates) = connect(&engine, "alice");
    let long = Epoch::new(&"x".repeat(250_000));
    let answer = session.attach(room, Since::Position(Position { epoch: long, seq: Seq(1) })).await.unwrap();
    assert!(matches!(answer.gap, crate::Gap::Resync));
    assert_eq!(store.calls(crate::testing::StoreCall::Load), 0, "nobody is asked");
}

//! Many want something at once: who waits for whom, and who is refused.

use super::*;
use crate::{
    Error, HistoryQuery, RoomChange, RoomQuery, Seq,
    store::StoreErrorKind,
    testing::{Fault, StoreCall},
};

/// What the store of these tests takes for a change of a room, and for a batch of messages.
const CHANGE: Duration = Duration::from_millis(10);
const BATCH: Duration = Duration::from_millis(1);

fn renamed(to: String) -> RoomChange {
    RoomChange { name: Some(to), topic: None, ..RoomChange::default() }
}

/// Renames the room for ever.
fn spawn_renamer(engine: &ChatEngine, room: RoomId) -> tokio::task::JoinHandle<()> {
    let engine = engine.clone();
    tokio::spawn(async move {
        for turn in 0.. {
            engine.update_room(&user("renamer"), room, renamed(format!("{room} {turn}"))).await.unwrap();
        }
    })
}

#[tokio::test(start_paused = true)]
async fn a_send_waits_for_one_change_of_a_room_and_not_for_all() {
    let (engine, store) = faulty_engine(Limits::default()).await;
    let room = make_room(&engine, "general").await;
    engine.send(&user("alice"), room, text("the room is at hand")).await.unwrap();
    let mut others = Vec::new();
    for number in 0..64 {
        others.push(make_room(&engine, &format!("other {number}")).await);
    }
    for op in [StoreCall::Update, StoreCall::Create, StoreCall::Delete] {
        store.take(op, CHANGE);
    }
    store.take(StoreCall::Append, BATCH);
    let renamers: Vec<_> = others.iter().map(|room| spawn_renamer(&engine, *room)).collect();
    let makers = (0..64).map(|number| {
        let engine = engine.clone();
        tokio::spawn(async move {
            let made = make_room(&engine, &format!("made {number}")).await;
            engine.delete_room(&user("alice"), made).await.unwrap();
        })
    });
    let makers: Vec<_> = makers.collect();
    for pause in 0..30 {
        tokio::time::sleep(Duration::from_millis(pause)).await;
        let began = Instant::now();
        engine.send(&user("alice"), room, text("hello")).await.unwrap();
        assert!(began.elapsed() <= CHANGE + BATCH, "{:?}", began.elapsed());
    }
    for maker in makers {
        timeout(Duration::from_secs(60), maker).await.expect("rooms are made and deleted meanwhile").unwrap();
    }
    assert!(renamers.iter().all(|renamer| !renamer.is_finished()));
    renamers.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test(start_paused = true)]
async fn a_change_of_a_room_waits_for_two_batches_of_messages_at_most() {
    let (engine, store) = faulty_engine(Limits::default()).await;
    let (busy, room) = (make_room(&engine, "busy").await, make_room(&engine, "general").await);
    engine.send(&user("alice"), room, text("the room is at hand")).await.unwrap();
    store.take(StoreCall::Update, CHANGE);
    store.take(StoreCall::Append, BATCH);
    let senders: Vec<_> = (0..8)
        .map(|number| {
            let engine = engine.clone();
            tokio::spawn(async move {
                loop {
                    engine.send(&user(&format!("sender {number}")), busy, text("hello")).await.unwrap();
                }
            })
        })
        .collect();
    for turn in 0..10 {
        tokio::time::sleep(Duration::from_micros(1_300)).await;
        let began = Instant::now();
        engine.update_room(&user("alice"), room, renamed(format!("name {turn}"))).await.unwrap();
        assert!(began.elapsed() <= BATCH + BATCH + CHANGE, "{:?}", began.elapsed());
    }
    senders.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test(start_paused = true)]
async fn too_many_changes_of_rooms_are_refused_and_sends_are_not() {
    let (engine, store) = faulty_engine(Limits { journal_changes: 3, ..Limits::default() }).await;
    let mut rooms = Vec::new();
    for number in 0..3 {
        rooms.push(make_room(&engine, &format!("room {number}")).await);
    }
    let (alice, other) = (user("alice"), make_room(&engine, "other").await);
    store.hold(StoreCall::Update);
    let waiting: Vec<_> = rooms
        .iter()
        .map(|room| {
            let (engine, room) = (engine.clone(), *room);
            tokio::spawn(async move { engine.update_room(&user("bob"), room, renamed(format!("new {room}"))).await })
        })
        .collect();
    store.called(StoreCall::Update, 1).await;
    settle().await;
    let hasty = engine.waiting_at_most(Duration::ZERO);
    assert_eq!(hasty.create_room(&alice, NewRoom::named("new")).await.unwrap_err(), Error::Overloaded);
    assert_eq!(hasty.update_room(&alice, other, renamed("new".into())).await.unwrap_err(), Error::Overloaded);
    assert_eq!(hasty.delete_room(&alice, other).await.unwrap_err(), Error::Overloaded);
    assert!(engine.health().ready, "what is refused says nothing of the database");
    let send = tokio::spawn({
        let engine = engine.clone();
        async move { engine.send(&user("alice"), other, text("a")).await }
    });
    settle().await;
    store.release(StoreCall::Update);
    send.await.unwrap().unwrap();
    for change in waiting {
        change.await.unwrap().unwrap();
    }
    engine.create_room(&alice, NewRoom::named("new")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_bytes_of_changes_and_messages_are_counted_together() {
    let (engine, store) = faulty_engine(Limits { journal_bytes: 100, ..Limits::default() }).await;
    let room = make_room(&engine, "general").await;
    store.hold(StoreCall::Create);
    let waiting = tokio::spawn({
        let engine = engine.clone();
        async move { engine.create_room(&user("alice"), NewRoom::named("new").topic("x".repeat(90))).await }
    });
    store.called(StoreCall::Create, 2).await;
    let hasty = engine.waiting_at_most(Duration::ZERO);
    assert_eq!(hasty.send(&user("alice"), room, text("too much")).await.unwrap_err(), Error::Overloaded);
    let change = RoomChange { name: None, topic: Some("too much".into()), ..RoomChange::default() };
    assert_eq!(hasty.update_room(&user("alice"), room, change).await.unwrap_err(), Error::Overloaded);
    store.release(StoreCall::Create);
    waiting.await.unwrap().unwrap();
    engine.send(&user("alice"), room, text("fits")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_room_is_made_though_whoever_asked_is_gone_and_a_stop_waits_for_it() {
    let (engine, store) = faulty_engine(Limits::default()).await;
    store.hold(StoreCall::Create);
    let asked = tokio::spawn({
        let engine = engine.clone();
        async move { engine.create_room(&user("alice"), NewRoom::named("general")).await }
    });
    store.called(StoreCall::Create, 1).await;
    asked.abort();
    let stopping = tokio::spawn({
        let engine = engine.clone();
        async move { engine.shutdown().await }
    });
    settle().await;
    assert!(!store.is_closed());
    store.release(StoreCall::Create);
    stopping.await.unwrap();
    assert!(store.room_by_name("general").await.unwrap().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_busy_database_is_overloaded_for_who_asked_and_nobody_else() {
    let (engine, store) = faulty_engine(Limits::default()).await;
    let (alice, room) = (user("alice"), make_room(&engine, "general").await);
    engine.send(&alice, room, text("the room is at hand")).await.unwrap();
    let busy = Fault::Refuse(StoreErrorKind::Busy);
    let mut refused = Vec::new();
    store.fail_next(StoreCall::Append, busy);
    refused.push(engine.send(&alice, room, text("a")).await.unwrap_err());
    store.fail_next(StoreCall::Create, busy);
    refused.push(engine.create_room(&alice, NewRoom::named("new")).await.unwrap_err());
    store.fail_next(StoreCall::Update, busy);
    refused.push(engine.update_room(&alice, room, renamed("new".into())).await.unwrap_err());
    store.fail_next(StoreCall::Delete, busy);
    refused.push(engine.delete_room(&alice, room).await.unwrap_err());
    store.fail_next(StoreCall::Seen, busy);
    for _ in 0..4 {
        store.fail_next(StoreCall::Read, busy);
    }
    refused.push(engine.rooms(&alice, RoomQuery::default()).await.unwrap_err());
    refused.push(engine.room(&alice, room).await.unwrap_err());
    refused.push(engine.room_by_name(&alice, "general").await.unwrap_err());
    refused.push(engine.history(&alice, room, HistoryQuery::newest()).await.unwrap_err());
    refused.push(engine.send(&alice, RoomId(room.0 + 1), text("a room that has to be loaded")).await.unwrap_err());
    assert_eq!(refused, vec![Error::Overloaded; 9]);
    assert!(engine.health().ready && store.probes().is_empty(), "the breaker stays closed");
    assert_eq!(engine.send(&alice, room, text("b")).await.unwrap().seq, Seq(2));
}

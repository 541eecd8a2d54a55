//! What happens when the database fails, or a room does.

use super::*;
use crate::{
    Error, RoomChange, Seq, Since,
    store::StoreErrorKind,
    testing::{Fault, StoreCall},
};

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_looked_up() {
    let (engine, store) = faulty_engine(Limits::default()).await;
    let room = make_room(&engine, "general").await;
    let (bob, mut updates) = connect(&engine, "bob");
    bob.attach(room, Since::Now).await.unwrap();
    store.fail_next(StoreCall::Append, Fault::LoseAnswer);
    assert_eq!(engine.send(&user("alice"), room, text("stored")).await.unwrap().seq, Seq(1));
    assert_eq!(content(&*next_event(&mut updates).await), "stored");
    // The breaker opened, and closes with the first probe.
    tokio::time::sleep(Duration::from_millis(600)).await;
    store.fail_next(StoreCall::Append, Fault::Refuse(StoreErrorKind::Unknown));
    assert_eq!(engine.send(&user("alice"), room, text("not stored")).await.unwrap_err(), Error::Unavailable);
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(engine.send(&user("alice"), room, text("after")).await.unwrap().seq, Seq(2));
    assert_eq!(content(&*next_event(&mut updates).await), "after");
}

#[tokio::test(start_paused = true)]
async fn an_outcome_that_cannot_be_found_out_is_said_so_and_seen_later() {
    let (engine, store) = faulty_engine(Limits::default()).await;
    let room = make_room(&engine, "general").await;
    let (bob, mut updates) = connect(&engine, "bob");
    bob.attach(room, Since::Now).await.unwrap();
    store.fail_next(StoreCall::Append, Fault::LoseAnswer);
    store.fail_always(StoreCall::Recover, Some(Fault::Refuse(StoreErrorKind::Unavailable)));
    assert_eq!(engine.send(&user("alice"), room, text("a").key("k")).await.unwrap_err(), Error::OutcomeUnknown);
    store.fail_always(StoreCall::Recover, None);
    assert_eq!(next_event(&mut updates).await.seq, Seq(1));
    let retried = engine.send(&user("alice"), room, text("a").key("k")).await.unwrap();
    assert_eq!((retried.seq, retried.replayed), (Seq(1), true));
}

#[tokio::test(start_paused = true)]
async fn the_breaker_refuses_at_once_probes_and_closes() {
    let (engine, store) = faulty_engine(Limits::default()).await;
    let room = make_room(&engine, "general").await;
    store.fail_always(StoreCall::Append, Some(Fault::Refuse(StoreErrorKind::Full)));
    store.fail_always(StoreCall::Probe, Some(Fault::Refuse(StoreErrorKind::Full)));
    assert_eq!(engine.send(&user("alice"), room, text("a")).await.unwrap_err(), Error::StorageFull);
    let health = engine.health();
    assert_eq!((health.ready, health.reason), (false, Some(Error::StorageFull)));
    let appends = store.calls(StoreCall::Append);
    let (handle, _updates) = connect(&engine, "bob");
    assert_eq!(handle.send(room, text("b")).await.unwrap_err(), Error::StorageFull);
    assert_eq!(engine.create_room(&user("bob"), NewRoom::named("new")).await.unwrap_err(), Error::StorageFull);
    assert_eq!(engine.delete_room(&user("bob"), room).await.unwrap_err(), Error::StorageFull);
    assert_eq!(store.calls(StoreCall::Append), appends, "refused without asking the database");
    assert!(engine.room(&user("bob"), room).await.is_ok(), "reads go on");
    store.called(StoreCall::Probe, 3).await;
    assert!(!engine.health().ready);
    store.fail_always(StoreCall::Append, None);
    store.fail_always(StoreCall::Probe, None);
    tokio::time::sleep(Duration::from_millis(501)).await;
    assert!(engine.health().ready);
    assert_eq!(handle.send(room, text("c")).await.unwrap().seq, Seq(1));
}

#[tokio::test(start_paused = true)]
async fn what_opened_the_breaker_says_what_closes_it() {
    let (engine, store) = faulty_engine(Limits::default()).await;
    let room = make_room(&engine, "general").await;
    for kind in [StoreErrorKind::Full, StoreErrorKind::Unavailable] {
        store.fail_next(StoreCall::Append, Fault::Refuse(kind));
        engine.send(&user("alice"), room, text("a")).await.unwrap_err();
        tokio::time::sleep(Duration::from_millis(600)).await;
        assert!(engine.health().ready);
    }
    assert_eq!(store.probes(), [StoreErrorKind::Full, StoreErrorKind::Unavailable]);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_notices_by_itself_opens_the_breaker() {
    let (engine, store) = faulty_engine(Limits::default()).await;
    let room = make_room(&engine, "general").await;
    for _ in 0..2 {
        store.fail_always(StoreCall::Probe, Some(Fault::Refuse(StoreErrorKind::Unavailable)));
        store.disturb(StoreErrorKind::Unavailable);
        settle().await;
        assert_eq!(engine.health().reason, Some(Error::Unavailable), "before anybody failed");
        assert_eq!(engine.send(&user("alice"), room, text("a")).await.unwrap_err(), Error::Unavailable);
        assert_eq!(store.calls(StoreCall::Append), 0);
        store.fail_always(StoreCall::Probe, None);
        tokio::time::sleep(Duration::from_millis(501)).await;
        assert!(engine.health().ready);
    }
}

#[tokio::test(start_paused = true)]
async fn the_lasting_error_of_one_room_is_its_own() {
    let (engine, store) = faulty_engine(Limits::default()).await;
    let rooms = [make_room(&engine, "a").await, make_room(&engine, "b").await, make_room(&engine, "c").await];
    for kind in [StoreErrorKind::Failed, StoreErrorKind::Conflict] {
        store.fail_room(rooms[1], kind);
        store.hold(StoreCall::Append);
        let first = spawn_send(&engine, rooms[0], text("first"));
        store.called(StoreCall::Append, store.calls(StoreCall::Append) + 1).await;
        let sends = rooms.map(|room| spawn_send(&engine, room, text("together")));
        settle().await;
        store.release(StoreCall::Append);
        first.await.unwrap().unwrap();
        let [a, b, c] = sends;
        assert!(a.await.unwrap().is_ok());
        let expected = if kind == StoreErrorKind::Failed { Error::Internal } else { Error::Unavailable };
        assert_eq!(b.await.unwrap().unwrap_err(), expected);
        assert!(c.await.unwrap().is_ok());
        assert!(store.batches().iter().any(|batch| batch.len() == 3), "they were tried together");
        assert!(engine.health().ready, "the breaker stays closed");
    }
}

#[tokio::test(start_paused = true)]
async fn what_passes_is_tried_again() {
    let (engine, store) = faulty_engine(Limits::default()).await;
    let room = make_room(&engine, "general").await;
    for _ in 0..2 {
        store.fail_next(StoreCall::Append, Fault::Refuse(StoreErrorKind::Conflict));
    }
    assert_eq!(engine.send(&user("alice"), room, text("a")).await.unwrap().seq, Seq(1));
    assert_eq!(store.calls(StoreCall::Append), 3);
}

#[tokio::test(start_paused = true)]
async fn a_full_mailbox_and_a_full_journal_refuse_at_once_whoever_does_not_wait() {
    let limits = Limits { room_mailbox: 4, journal_messages: 8, ..Limits::default() };
    let (engine, store) = faulty_engine(limits).await;
    let (one, two) = (make_room(&engine, "one").await, make_room(&engine, "two").await);
    store.hold(StoreCall::Append);
    let under_way = spawn_send(&engine, one, text("under way"));
    store.called(StoreCall::Append, 1).await;
    let mut waiting: Vec<_> = (0..4).map(|_| spawn_send(&engine, one, text("waits"))).collect();
    settle().await;
    let hasty = engine.waiting_at_most(Duration::ZERO);
    assert_eq!(hasty.send(&user("alice"), one, text("too many for the room")).await.unwrap_err(), Error::Overloaded);
    waiting.extend((0..3).map(|_| spawn_send(&engine, two, text("waits"))));
    settle().await;
    let refused = hasty.send(&user("alice"), two, text("too many for the journal")).await.unwrap_err();
    assert_eq!(refused, Error::Overloaded);
    store.release(StoreCall::Append);
    under_way.await.unwrap().unwrap();
    for send in waiting {
        send.await.unwrap().unwrap();
    }
    assert!(engine.send(&user("alice"), two, text("again")).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_room_that_is_slow_to_load_takes_only_so_much() {
    let limits = Limits { room_mailbox: 4, ..Limits::default() };
    let (engine, store) = faulty_engine(limits).await;
    let room = make_room(&engine, "general").await;
    store.hold(StoreCall::Read);
    let waiting: Vec<_> = (0..4).map(|_| spawn_send(&engine, room, text("waits"))).collect();
    settle().await;
    let hasty = engine.waiting_at_most(Duration::ZERO);
    assert_eq!(hasty.send(&user("alice"), room, text("too many")).await.unwrap_err(), Error::Overloaded);
    store.release(StoreCall::Read);
    for send in waiting {
        send.await.unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn appends_of_all_rooms_are_committed_together() {
    let (engine, store) = faulty_engine(Limits::default()).await;
    let mut rooms = Vec::new();
    for n in 0..10 {
        rooms.push(make_room(&engine, &format!("room {n}")).await);
    }
    store.hold(StoreCall::Append);
    let first = spawn_send(&engine, rooms[0], text("first"));
    store.called(StoreCall::Append, 1).await;
    let sends: Vec<_> =
        rooms.iter().flat_map(|room| [*room; 5]).map(|room| spawn_send(&engine, room, text("x"))).collect();
    settle().await;
    store.release(StoreCall::Append);
    first.await.unwrap().unwrap();
    for send in sends {
        send.await.unwrap().unwrap();
    }
    let batches: Vec<usize> = store.batches().iter().map(|batch| batch.iter().map(|(_, count)| count).sum()).collect();
    // The first room's second append could only be handed in after its first.
    assert!(batches.len() <= 3, "{batches:?}");
    assert_eq!(batches.iter().sum::<usize>(), 51);
}

#[tokio::test(start_paused = true)]
async fn a_broken_room_closes_its_audience_and_comes_back() {
    let (engine, store) = faulty_engine(Limits::default()).await;
    let room = make_room(&engine, "general").await;
    let other = make_room(&engine, "other").await;
    let (bob, mut updates) = connect(&engine, "bob");
    bob.attach(room, Since::Now).await.unwrap();
    let (carol, mut carols) = connect(&engine, "carol");
    carol.attach(other, Since::Now).await.unwrap();
    store.hold(StoreCall::Append);
    let in_flight = spawn_send(&engine, room, text("in flight").key("k"));
    store.called(StoreCall::Append, 1).await;
    assert!(engine.break_room(room));
    assert_eq!(close_reason(&mut updates).await, Some(CloseReason::Defect));
    let after = spawn_send(&engine, room, text("after"));
    settle().await;
    assert!(!in_flight.is_finished() && !after.is_finished(), "the append under way is waited for");
    store.release(StoreCall::Append);
    assert_eq!(in_flight.await.unwrap().unwrap_err(), Error::OutcomeUnknown);
    assert_eq!(after.await.unwrap(), Ok(Seq(2)));
    let retried = engine.send(&user("alice"), room, text("in flight").key("k")).await.unwrap();
    assert_eq!((retried.seq, retried.replayed), (Seq(1), true));
    assert!(carol.typing(other, true).await.is_ok() && updates.try_next().is_none());
    while let Some(update) = carols.try_next() {
        assert!(!matches!(update, Update::Closed(_)));
    }
    let (bob, _updates) = connect(&engine, "bob");
    assert!(bob.attach(room, Since::Seq(Seq(0))).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_room_that_breaks_while_it_is_loaded_refuses_who_waits() {
    let (engine, store) = faulty_engine(Limits::default()).await;
    let room = make_room(&engine, "general").await;
    store.fail_next(StoreCall::Read, Fault::Panic);
    assert_eq!(engine.send(&user("alice"), room, text("a")).await.unwrap_err(), Error::Internal);
    assert_eq!(engine.send(&user("alice"), room, text("b")).await.unwrap().seq, Seq(1));
}

#[tokio::test(start_paused = true)]
async fn a_room_that_cannot_be_loaded_answers_all_who_wait() {
    let (engine, store) = faulty_engine(Limits::default()).await;
    let room = make_room(&engine, "general").await;
    store.fail_next(StoreCall::Read, Fault::Refuse(StoreErrorKind::Unavailable));
    store.hold(StoreCall::Read);
    let sends = [spawn_send(&engine, room, text("a")), spawn_send(&engine, room, text("b"))];
    settle().await;
    store.release(StoreCall::Read);
    for send in sends {
        assert_eq!(send.await.unwrap().unwrap_err(), Error::Unavailable);
    }
    assert!(engine.health().ready, "a failed read does not stop writes");
    assert_eq!(engine.send(&user("alice"), room, text("c")).await.unwrap().seq, Seq(1));
    store.fail_next(StoreCall::Seen, Fault::Refuse(StoreErrorKind::Failed));
    assert_eq!(engine.room(&user("alice"), room).await.unwrap_err(), Error::Internal);
}

#[tokio::test(start_paused = true)]
async fn a_change_that_was_stored_is_told_though_the_room_is_deleted_right_after_it() {
    let (engine, store) = faulty_engine(Limits::default()).await;
    let room = make_room(&engine, "general").await;
    let change = RoomChange { name: Some("other".into()), ..RoomChange::default() };
    store.hold(StoreCall::Update);
    let updating = tokio::spawn({
        let (engine, change) = (engine.clone(), change.clone());
        async move { engine.update_room(&user("alice"), room, change).await }
    });
    store.called(StoreCall::Update, 1).await;
    let reads = store.calls(StoreCall::Read);
    store.hold(StoreCall::Read);
    store.release(StoreCall::Update);
    store.called(StoreCall::Read, reads + 1).await;
    engine.delete_room(&user("bob"), room).await.unwrap();
    store.release(StoreCall::Read);
    let updated = updating.await.unwrap().unwrap();
    assert_eq!((updated.room.name.as_str(), updated.room.head, updated.replayed), ("other", Seq(1), false));
    assert_eq!(engine.update_room(&user("alice"), room, change).await.unwrap_err(), Error::RoomNotFound);
}

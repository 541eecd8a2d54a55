//! Calls wait for their places: in the order of arrival, up to a limit, and without leaving anything behind.

use futures::{StreamExt, future::join_all, stream};

use super::*;
use crate::{
    Actor, Command, Error, Keep, Seq, Since,
    store::StoreErrorKind,
    testing::{Fault, StoreCall},
};

/// An engine on which little may wait, a room, and the sends that take all of its places: one is being stored, `many` wait.
async fn full_room(many: usize) -> (ChatEngine, FaultyStore, RoomId, Vec<Sending>) {
    let limits = Limits { room_mailbox: many, journal_messages: 100, ..Limits::default() };
    let (engine, store) = faulty_engine(limits).await;
    let room = make_room(&engine, "general").await;
    store.hold(StoreCall::Append);
    let mut sends = vec![spawn_send(&engine, room, text("is being stored"))];
    store.called(StoreCall::Append, 1).await;
    sends.extend((0..many).map(|_| spawn_send(&engine, room, text("has a place"))));
    settle().await;
    (engine, store, room, sends)
}

type Sending = tokio::task::JoinHandle<Result<Seq, Error>>;

async fn head(engine: &ChatEngine, room: RoomId) -> Seq {
    engine.room(Actor::System, room).await.unwrap().head
}

#[tokio::test(start_paused = true)]
async fn two_thousand_sends_at_once_into_one_room_are_stored_in_the_order_in_which_they_came() {
    let (engine, store) = faulty_engine(Limits::default()).await;
    let room = make_room(&engine, "general").await;
    store.hold(StoreCall::Append);
    let alone: Vec<_> = (0..2_000).map(|_| spawn_send(&engine, room, text("hello"))).collect();
    settle().await;
    let (session, _updates) = connect(&engine, "alice");
    let of_one_session =
        tokio::spawn(
            async move { join_all((0..2_000).map(|number| session.send(room, text(&number.to_string())))).await },
        );
    settle().await;
    store.release(StoreCall::Append);
    let mut seqs = Vec::new();
    for send in alone {
        seqs.push(send.await.unwrap().expect("nobody is refused").0);
    }
    seqs.extend(of_one_session.await.unwrap().into_iter().map(|sent| sent.expect("nobody is refused").seq.0));
    assert_eq!(seqs, (1..=4_000).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn an_import_by_many_calls_at_once_runs_to_its_end() {
    let engine = engine().await;
    let mut rooms = Vec::new();
    for number in 0..4 {
        rooms.push(make_room(&engine, &format!("room {number}")).await);
    }
    let alice = user("alice");
    // More at once than all places that there are.
    let sends = (0..20_000).map(|number| engine.send(&alice, rooms[number % 4], text("from before")));
    let sent: Vec<_> = stream::iter(sends).buffer_unordered(10_000).collect().await;
    assert!(sent.iter().all(Result::is_ok));
    for room in rooms {
        assert_eq!(head(&engine, room).await, Seq(5_000));
    }
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_too_long_is_refused_and_nothing_of_it_is_stored() {
    let (engine, store, room, sends) = full_room(2).await;
    let began = Instant::now();
    let refused = engine.send(&user("alice"), room, text("late")).await.unwrap_err();
    assert_eq!((refused, began.elapsed()), (Error::Overloaded, Limits::default().place_wait));
    let own = engine.waiting_at_most(Duration::from_secs(3));
    let (session, _updates) = connect(&own, "bob");
    let refused = session.send(room, text("late")).await.unwrap_err();
    assert_eq!((refused, began.elapsed()), (Error::Overloaded, Duration::from_secs(33)));
    assert_eq!(session.typing(room, true).await, Err(Error::Overloaded), "what stores nothing waits for the room, too");
    store.release(StoreCall::Append);
    for send in sends {
        send.await.unwrap().unwrap();
    }
    assert_eq!(head(&engine, room).await, Seq(3));
    assert_eq!(session.free_tickets(), 64);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_while_it_waits_sends_nothing_and_leaves_its_turn_to_the_next() {
    let (engine, store, room, sends) = full_room(1).await;
    let (session, _updates) = connect(&engine, "alice");
    let [dropped, next] = [spawn_send(&engine, room, text("dropped")), spawn_send(&engine, room, text("next"))];
    let of_session = tokio::spawn({
        let session = session.clone();
        async move { session.send(room, text("dropped")).await }
    });
    settle().await;
    assert_eq!(session.free_tickets(), 63);
    dropped.abort();
    of_session.abort();
    settle().await;
    assert_eq!(session.free_tickets(), 64);
    store.release(StoreCall::Append);
    for send in sends {
        send.await.unwrap().unwrap();
    }
    assert_eq!(next.await.unwrap().unwrap(), Seq(3));
    assert_eq!(engine.send(&user("alice"), room, text("last")).await.unwrap().seq, Seq(4));
}

#[tokio::test(start_paused = true)]
async fn what_is_submitted_does_not_wait_and_does_not_overtake_who_waits() {
    let (engine, store, room, sends) = full_room(1).await;
    let waits = spawn_send(&engine, room, text("waits"));
    settle().await;
    let (session, mut updates) = connect(&engine, "bob");
    let command = || Command::Send { room, draft: text("now or never") };
    session.submit(command()).unwrap();
    assert_eq!(next_answer(&mut updates).await.1.unwrap_err(), Error::Overloaded);
    store.release(StoreCall::Append);
    for send in sends.into_iter().chain([waits]) {
        send.await.unwrap().unwrap();
    }
    session.submit(command()).unwrap();
    next_answer(&mut updates).await.1.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_room_that_many_want_to_write_in_leaves_the_places_of_others() {
    let limits = Limits { room_mailbox: 4, journal_messages: 8, ..Limits::default() };
    let (engine, store) = faulty_engine(limits).await;
    let (busy, quiet) = (make_room(&engine, "busy").await, make_room(&engine, "quiet").await);
    store.hold(StoreCall::Append);
    let many: Vec<_> = (0..50).map(|_| spawn_send(&engine, busy, text("hello"))).collect();
    settle().await;
    let hasty = engine.waiting_at_most(Duration::ZERO);
    let other = spawn_send(&hasty, quiet, text("hello"));
    settle().await;
    store.release(StoreCall::Append);
    other.await.unwrap().expect("there is a place for it");
    for send in many {
        send.await.unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn who_waits_hears_that_the_room_is_gone() {
    let (engine, store, room, sends) = full_room(1).await;
    store.hold(StoreCall::Delete);
    let deletes = tokio::spawn({
        let engine = engine.clone();
        async move { engine.delete_room(Actor::System, room).await }
    });
    settle().await;
    let late: Vec<_> = (0..5).map(|_| spawn_send(&engine, room, text("late"))).collect();
    settle().await;
    store.release(StoreCall::Append);
    store.called(StoreCall::Delete, 1).await;
    store.release(StoreCall::Delete);
    deletes.await.unwrap().unwrap();
    for send in sends {
        send.await.unwrap().unwrap();
    }
    for send in late {
        assert_eq!(send.await.unwrap().unwrap_err(), Error::RoomNotFound);
    }
}

#[tokio::test(start_paused = true)]
async fn who_waits_hears_that_the_engine_stops() {
    let limits = Limits { room_mailbox: 2, journal_messages: 3, ..Limits::default() };
    let (engine, store) = faulty_engine(limits).await;
    let (one, two) = (make_room(&engine, "one").await, make_room(&engine, "two").await);
    store.hold(StoreCall::Append);
    let mut under_way = vec![spawn_send(&engine, one, text("is being stored"))];
    store.called(StoreCall::Append, 1).await;
    under_way.extend((0..2).map(|_| spawn_send(&engine, one, text("has a place"))));
    settle().await;
    let for_room = spawn_send(&engine, one, text("waits for the room"));
    let for_journal = spawn_send(&engine, two, text("waits for the journal"));
    settle().await;
    let began = Instant::now();
    let stops = tokio::spawn({
        let engine = engine.clone();
        async move { engine.shutdown().await }
    });
    assert_eq!(for_journal.await.unwrap().unwrap_err(), Error::Stopped);
    assert_eq!(began.elapsed(), Duration::ZERO);
    store.release(StoreCall::Append);
    assert_eq!(for_room.await.unwrap().unwrap_err(), Error::Stopped);
    for send in under_way {
        send.await.unwrap().expect("what was under way is stored");
    }
    stops.await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn who_waits_hears_that_the_database_has_failed() {
    let (engine, store, room, sends) = full_room(1).await;
    let waits = spawn_send(&engine, room, text("waits"));
    settle().await;
    store.fail_next(StoreCall::Append, Fault::Refuse(StoreErrorKind::Unavailable));
    let began = Instant::now();
    store.release(StoreCall::Append);
    let mut answers = Vec::new();
    for send in sends.into_iter().chain([waits]) {
        answers.push(send.await.unwrap());
    }
    assert!(answers.contains(&Err(Error::Unavailable)), "{answers:?}");
    assert!(began.elapsed() < Duration::from_secs(30), "nobody waits for a database that does not store");
}

#[tokio::test(start_paused = true)]
async fn changes_of_rooms_and_attaches_wait_for_their_places_too() {
    let (engine, store, room, sends) = full_room(1).await;
    let (session, _updates) = connect(&engine, "bob");
    let attaches = tokio::spawn(async move { session.attach(room, Since::Now).await });
    let prunes = tokio::spawn({
        let engine = engine.clone();
        async move { engine.prune(room, Keep::Last(1)).await }
    });
    settle().await;
    assert!(!attaches.is_finished() && !prunes.is_finished());
    store.release(StoreCall::Append);
    attaches.await.unwrap().unwrap();
    prunes.await.unwrap().unwrap();
    for send in sends {
        send.await.unwrap().unwrap();
    }
}

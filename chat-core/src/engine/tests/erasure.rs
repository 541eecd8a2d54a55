//! Erasing users: nobody finds them any more, and everybody else goes on.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::{
    Actor, Body, Change, Erase, ErasureProgress, Error, EventKind, Gap, HistoryQuery, MarkTo, Notify, Seq, Since,
    UserId, erasure::DELETED_USER, testing::StoreCall,
};

async fn erase(engine: &ChatEngine, name: &str, mode: Erase) -> crate::Erased {
    engine.erase_user(&user(name).id, mode, |_| {}).await.unwrap()
}

/// All events of a room, as somebody hears them who comes back from its beginning.
async fn heard(engine: &ChatEngine, room: RoomId) -> Vec<Arc<Event>> {
    let (carol, _updates) = connect(engine, "carol");
    let Gap::Events(events) = carol.attach(room, Since::Seq(Seq(0))).await.unwrap().gap else { panic!("resync") };
    events.iter().filter_map(event_of).collect()
}

fn names(event: &Event, name: &str) -> bool {
    format!("{event:?}").contains(&format!("({name:?})"))
}

fn mentioning(name: &str) -> Draft {
    Draft { body: Body { mentions: vec![user(name).id], ..Body::text("look") }, key: None }
}

#[tokio::test(start_paused = true)]
async fn a_user_is_erased_while_others_talk() {
    let engine = engine().await;
    let (room, other) = (make_room(&engine, "general").await, make_room(&engine, "other").await);
    let (alice, mut alices) = connect(&engine, "alice");
    let (bob, mut bobs) = connect(&engine, "bob");
    let (_dave, mut daves) = {
        let (dave, updates) = connect(&engine, "dave");
        dave.attach(other, Since::Now).await.unwrap();
        (dave, updates)
    };
    for session in [&alice, &bob] {
        session.attach(room, Since::Now).await.unwrap();
    }
    alice.send(room, text("hello")).await.unwrap();
    bob.send(room, mentioning("alice")).await.unwrap();
    engine.send(&user("dave"), other, text("elsewhere")).await.unwrap();

    let talks = Arc::new(AtomicBool::new(true));
    let talking = tokio::spawn({
        let (engine, talks) = (engine.clone(), Arc::clone(&talks));
        async move {
            let mut sent = 0;
            while talks.load(Ordering::Relaxed) {
                engine.send(&user("erin"), room, text("hello")).await.expect("nobody is stalled or refused");
                sent += 1;
            }
            sent
        }
    });
    let mut told = Vec::new();
    let erased = engine.erase_user(&user("alice").id, Erase::Anonymise, |progress| told.push(progress)).await.unwrap();
    talks.store(false, Ordering::Relaxed);
    assert!(talking.await.unwrap() > 0);

    assert!(erased.id.as_str().strip_prefix("erased:").is_some_and(|digits| digits.len() == 32));
    assert!(erased.deleted == 0 && erased.changed >= 2, "{erased:?}");
    assert!(told.is_sorted_by_key(|progress: &ErasureProgress| progress.done) && !told.is_empty());
    let last = told.last().unwrap();
    assert_eq!(last.done, last.total);
    assert_eq!(close_reason(&mut alices).await, Some(CloseReason::Revoked));
    assert_eq!(close_reason(&mut bobs).await, Some(CloseReason::Reloaded));
    while let Some(update) = daves.try_next() {
        assert!(!matches!(update, Update::Closed(_)), "nothing was changed in that room");
    }
    let events = heard(&engine, room).await;
    let first = events[0].actor.clone().unwrap();
    assert_eq!((first.id, first.name.as_str()), (erased.id.clone(), DELETED_USER));
    assert_eq!(content(&events[0]), "hello", "texts stay");
    assert_eq!(events[1].message().unwrap().body.mentions, [erased.id]);
    assert!(!events.iter().any(|event| names(event, "alice")));
}

#[tokio::test(start_paused = true)]
async fn messages_are_deleted_before_everybodys_eyes() {
    let engine = engine().await;
    let room = make_room(&engine, "general").await;
    let (bob, mut bobs) = connect(&engine, "bob");
    bob.attach(room, Since::Now).await.unwrap();
    let alice = user("alice");
    engine.send(&alice, room, text("one")).await.unwrap();
    engine.send(&alice, room, text("two").in_thread(Seq(1))).await.unwrap();
    engine.send(&user("bob"), room, text("three")).await.unwrap();
    engine.change(&alice, room, Change::delete(Seq(2)).reason("my own")).await.unwrap();
    let erased = erase(&engine, "alice", Erase::Redact).await;
    assert_eq!(erased.deleted, 1, "the other one was");
    loop {
        let event = next_event(&mut bobs).await;
        if event.seq == Seq(5) {
            assert_eq!(event.kind, EventKind::MessageDeleted { target: Seq(1), reason: None });
            assert_eq!(event.actor, None);
            break;
        }
    }
    assert_eq!(close_reason(&mut bobs).await, Some(CloseReason::Reloaded));
    let events = heard(&engine, room).await;
    assert!(!events.iter().any(|event| names(event, "alice") || names(event, "my own")), "{events:?}");
    let page = engine.history(&user("bob"), room, HistoryQuery::newest()).await.unwrap();
    assert_eq!(page.messages.iter().map(|it| it.message.body.content.as_str()).collect::<Vec<_>>(), ["", "three"]);
}

#[tokio::test(start_paused = true)]
async fn who_is_being_erased_may_do_nothing() {
    let (engine, store) = faulty_engine(Limits::default()).await;
    let room = make_room(&engine, "general").await;
    let alice = user("alice");
    engine.send(&alice, room, text("one")).await.unwrap();
    let (session, mut updates) = connect(&engine, "alice");
    store.hold(StoreCall::LookForUser);
    let erasing = {
        let engine = engine.clone();
        tokio::spawn(async move { erase(&engine, "alice", Erase::Anonymise).await })
    };
    assert_eq!(close_reason(&mut updates).await, Some(CloseReason::Revoked));
    assert_eq!(session.send(room, text("two")).await.unwrap_err(), Error::Forbidden);
    assert_eq!(close_reason(&mut connect(&engine, "alice").1).await, Some(CloseReason::Revoked));
    for actor in [Actor::User(alice.clone()), Actor::SystemAs(alice.clone())] {
        assert_eq!(engine.send(&actor, room, text("two")).await.unwrap_err(), Error::Forbidden);
        let change = Change::react(Seq(1), "👍");
        assert_eq!(engine.change(&actor, room, change).await.unwrap_err(), Error::Forbidden);
        assert_eq!(engine.mark(&actor, room, MarkTo::seq(Seq(1))).await.unwrap_err(), Error::Forbidden);
        assert_eq!(engine.set_notify(&actor, room, Notify::None).await.unwrap_err(), Error::Forbidden);
    }
    assert!(engine.send(&user("bob"), room, text("goes on")).await.is_ok());
    store.release(StoreCall::LookForUser);
    erasing.await.unwrap();
    assert_eq!(engine.send(&alice, room, text("somebody else")).await.unwrap().seq, Seq(3), "nothing is remembered");
}

#[tokio::test(start_paused = true)]
async fn nobody_acts_under_the_id_of_an_erased_user() {
    let engine = engine().await;
    let room = make_room(&engine, "general").await;
    engine.send(&user("alice"), room, text("one")).await.unwrap();
    let erased = erase(&engine, "alice", Erase::Anonymise).await;
    let heir = Identity::of(erased.id.clone(), user("alice").name);
    for id in [erased.id.clone(), UserId::new("erased:x").unwrap()] {
        let identity = Identity { id, ..heir.clone() };
        assert_eq!(close_reason(&mut engine.connect(identity.clone()).split().1).await, Some(CloseReason::Revoked));
        for actor in [Actor::User(identity.clone()), Actor::SystemAs(identity.clone())] {
            assert_eq!(engine.send(&actor, room, text("two")).await.unwrap_err(), Error::Forbidden);
        }
    }
    let error = engine.erase_user(&erased.id, Erase::Redact, |_| {}).await.unwrap_err();
    assert!(matches!(&error, Error::InvalidField { field, .. } if field == "user"), "{error:?}");
    let mention = Draft { body: Body { mentions: vec![erased.id], ..Body::text("look") }, key: None };
    assert!(engine.send(&user("bob"), room, mention).await.is_ok(), "but anybody may be mentioned");
}

#[tokio::test(start_paused = true)]
async fn what_is_under_way_is_erased_too() {
    let (engine, store) = faulty_engine(Limits::default()).await;
    let room = make_room(&engine, "general").await;
    store.hold(StoreCall::Append);
    let in_flight = tokio::spawn({
        let engine = engine.clone();
        async move { engine.send(&user("alice"), room, text("in flight")).await }
    });
    store.called(StoreCall::Append, 1).await;
    let queued = tokio::spawn({
        let engine = engine.clone();
        async move { engine.send(&user("alice"), room, text("queued")).await }
    });
    settle().await;
    let erasing = {
        let engine = engine.clone();
        tokio::spawn(async move { erase(&engine, "alice", Erase::Anonymise).await })
    };
    settle().await;
    assert!(!erasing.is_finished());
    store.release(StoreCall::Append);
    assert!(in_flight.await.unwrap().is_ok() && queued.await.unwrap().is_ok());
    assert_eq!(erasing.await.unwrap().changed, 2);
    assert!(!heard(&engine, room).await.iter().any(|event| names(event, "alice")));
}

#[tokio::test(start_paused = true)]
async fn an_erasure_that_is_interrupted_goes_on() {
    let memory = memory();
    let first = FaultyStore::new(Arc::clone(&memory));
    let engine = engine_on(Arc::new(first.clone()), Limits::default()).await;
    let room = make_room(&engine, "general").await;
    for number in 0..600 {
        engine.send(&user("alice"), room, text(&number.to_string())).await.unwrap();
    }
    engine.mark(&user("alice"), room, MarkTo::seq(Seq(1))).await.unwrap();
    let before = first.calls(StoreCall::EraseUser);
    first.take(StoreCall::EraseUser, Duration::from_secs(1));
    let erasing = tokio::spawn({
        let engine = engine.clone();
        async move { erase(&engine, "alice", Erase::Redact).await }
    });
    // It is recorded, and one of two parts is done.
    first.called(StoreCall::EraseUser, before + 3).await;
    erasing.abort();
    assert!(erasing.await.unwrap_err().is_cancelled());
    engine.shutdown().await;
    let unfinished = memory.eraser().unfinished().await.unwrap();
    assert_eq!(unfinished.iter().map(|it| (it.user.as_str(), it.mode)).collect::<Vec<_>>(), [("alice", Erase::Redact)]);

    let engine = engine_on(Arc::clone(&memory), Limits::default()).await;
    assert_eq!(engine.send(&user("alice"), room, text("back?")).await.unwrap_err(), Error::Forbidden);
    while !memory.eraser().unfinished().await.unwrap().is_empty() {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let events = memory.events_after(room, Seq(0), 10_000).await.unwrap();
    assert_eq!(
        events.iter().filter(|it| it.event.actor.as_ref().is_some_and(|it| it.id == unfinished[0].new_id)).count(),
        600
    );
    assert!(!events.iter().any(|stored| names(&stored.event, "alice")));
    assert!(engine.my_rooms(&user("alice"), crate::MyRoomQuery::default()).await.unwrap().rooms.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_erasure_that_was_dropped_leaves_no_old_names_in_memory() {
    let (engine, store) = faulty_engine(Limits::default()).await;
    let room = make_room(&engine, "general").await;
    engine.send(&user("alice"), room, text("one")).await.unwrap();
    assert!(names(&heard(&engine, room).await[0], "alice"));
    let calls = store.calls(StoreCall::LookForUser);
    store.take(StoreCall::LookForUser, Duration::from_secs(1));
    let erasing = tokio::spawn({
        let engine = engine.clone();
        async move { erase(&engine, "alice", Erase::Anonymise).await }
    });
    // The part is done, and the room is not read anew: it is looked at once more.
    store.called(StoreCall::LookForUser, calls + 5).await;
    erasing.abort();
    assert!(erasing.await.unwrap_err().is_cancelled());
    assert!(!names(&heard(&engine, room).await[0], "alice"));
    let erased = erase(&engine, "alice", Erase::Anonymise).await;
    assert_eq!(erased.changed, 0, "it was done");
    assert_eq!(heard(&engine, room).await[0].actor.as_ref().map(|actor| actor.id.clone()), Some(erased.id));
}

#[tokio::test(start_paused = true)]
async fn more_may_be_asked_for_meanwhile() {
    let (engine, store) = faulty_engine(Limits::default()).await;
    let room = make_room(&engine, "general").await;
    engine.send(&user("alice"), room, text("one")).await.unwrap();
    store.hold(StoreCall::LookForUser);
    let ask = |mode| {
        let engine = engine.clone();
        tokio::spawn(async move { erase(&engine, "alice", mode).await })
    };
    let (one, other) = (ask(Erase::Anonymise), ask(Erase::Redact));
    settle().await;
    store.release(StoreCall::LookForUser);
    let (one, other) = (one.await.unwrap(), other.await.unwrap());
    assert_eq!(one.id, other.id);
    assert_eq!(one.deleted + other.deleted, 1);
    assert_eq!(content(&heard(&engine, room).await[0]), "");
}

#[tokio::test(start_paused = true)]
async fn nobody_is_erased_easily() {
    let engine = engine().await;
    let erased = erase(&engine, "nobody", Erase::Redact).await;
    assert_eq!((erased.deleted, erased.changed), (0, 0));
}

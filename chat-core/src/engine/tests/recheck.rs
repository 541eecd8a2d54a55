//! Judging again what users have open.

use super::{
    policy::{Shows, shown},
    *,
};
use crate::{
    Actor, ChangeMember, Changed, Command, DetachReason, Error, MemberChange, Notice, Seq, Since, VisibleRooms,
    store::StoreErrorKind,
    testing::{Fault, StoreCall},
};

/// What waits in a stream, without time passing.
async fn waiting(updates: &mut Updates) -> Vec<Update> {
    settle().await;
    std::iter::from_fn(|| updates.try_next()).collect()
}

fn detached(updates: &[Update]) -> Vec<(RoomId, DetachReason)> {
    let detached = updates.iter();
    detached
        .filter_map(|update| if let Update::Detached(room, why) = update { Some((*room, *why)) } else { None })
        .collect()
}

fn heard(updates: &[Update]) -> Vec<(RoomId, u64)> {
    updates.iter().filter_map(event).map(|event| (event.room, event.seq.0)).collect()
}

async fn rooms(engine: &ChatEngine) -> [RoomId; 4] {
    let mut rooms = Vec::new();
    for name in ["a", "b", "c", "d"] {
        rooms.push(make_room(engine, name).await);
    }
    rooms.try_into().unwrap()
}

async fn say(engine: &ChatEngine, room: RoomId) {
    engine.send(Actor::SystemAs(user("alice")), room, text("hello")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_the_policy_refuses_ends_and_nothing_comes_after_it() {
    let (engine, _store, shows) = shown().await;
    let [a, b, c, d] = rooms(&engine).await;
    let (bob, mut bobs) = connect(&engine, "bob");
    let (phone, mut phones) = connect(&engine, "bob");
    let (admin, mut admins) = engine.connect(user("bob").as_admin()).split();
    let (carol, mut carols) = connect(&engine, "carol");
    bob.attach(a, Since::Now).await.unwrap();
    bob.attach(b, Since::Now).await.unwrap();
    phone.observe(a, Since::Now).await.unwrap();
    phone.watch(c).await.unwrap();
    phone.watch(d).await.unwrap();
    for session in [&admin, &carol] {
        session.attach(a, Since::Now).await.unwrap();
        session.watch(c).await.unwrap();
    }
    say(&engine, a).await;
    for updates in [&mut bobs, &mut phones, &mut admins, &mut carols] {
        assert_eq!(heard(&waiting(updates).await), [(a, 1)]);
    }

    shows.set(VisibleRooms::only([b, d]));
    engine.recheck(&user("bob").id).await.unwrap();
    for room in [a, b, c, d] {
        say(&engine, room).await;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let told = waiting(&mut bobs).await;
    assert_eq!((detached(&told), heard(&told)), (vec![(a, DetachReason::Removed)], vec![(b, 1)]));
    let told = waiting(&mut phones).await;
    let activity = |update: &Update| {
        if let Update::Notice(Notice::Activity(activity)) = update { Some(activity.room) } else { None }
    };
    let activities = told.iter().filter_map(activity);
    assert_eq!(activities.collect::<Vec<_>>(), [d]);
    let mut ended = detached(&told);
    ended.sort_unstable_by_key(|(room, _)| *room);
    assert_eq!((ended, heard(&told)), (vec![(a, DetachReason::Removed), (c, DetachReason::Removed)], vec![]));
    // The same user as another session has them, and somebody else whom nobody asked to be judged.
    for updates in [&mut admins, &mut carols] {
        let told = waiting(updates).await;
        assert_eq!((detached(&told), heard(&told)), (vec![], vec![(a, 2)]));
    }
    assert_eq!(bob.attach(a, Since::Now).await.unwrap_err(), Error::RoomNotFound);
    assert_eq!(phone.watch(c).await.unwrap_err(), Error::RoomNotFound);

    // What may be read is judged again without an end.
    shows.set(VisibleRooms::All);
    engine.recheck(&user("bob").id).await.unwrap();
    assert_eq!(detached(&waiting(&mut bobs).await), []);
    bob.attach(a, Since::Now).await.unwrap();
    engine.recheck(&user("nobody").id).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn who_is_detached_is_seen_to_leave_at_once() {
    let (engine, _store, shows) = shown().await;
    let room = make_room(&engine, "a").await;
    let (bob, _updates) = connect(&engine, "bob");
    bob.attach(room, Since::Now).await.unwrap();
    shows.set(VisibleRooms::only([]));
    engine.recheck(&user("bob").id).await.unwrap();
    assert_eq!(engine.presence(Actor::System, room).await.unwrap().count, 0);
}

/// It was asked of the policy before that changed, and is on its way when all is judged: in its session, in the room's mailbox, in
/// the room.
#[tokio::test(start_paused = true)]
async fn an_attach_that_is_on_its_way_is_judged_by_what_the_policy_says_now() {
    for held in [StoreCall::Read, StoreCall::Load] {
        let (engine, store, shows) = shown().await;
        let room = make_room(&engine, "a").await;
        let (bob, mut updates) = connect(&engine, "bob");
        if held == StoreCall::Load {
            say(&engine, room).await;
            engine.inner().hub.reload(room);
            settle().await;
        }
        store.hold(held);
        bob.submit(Command::Attach { room, since: Since::Seq(Seq(0)), presence: true }).unwrap();
        // Behind the gap of the first one it waits in its session.
        bob.submit(Command::Attach { room, since: Since::Seq(Seq(0)), presence: true }).unwrap();
        settle().await;
        assert!(waiting(&mut updates).await.is_empty(), "{held:?}");
        shows.set(VisibleRooms::only([]));
        let rechecked = tokio::spawn({
            let engine = engine.clone();
            async move { engine.recheck(&user("bob").id).await }
        });
        settle().await;
        store.release(held);
        rechecked.await.unwrap().unwrap();
        say(&engine, room).await;
        let told = waiting(&mut updates).await;
        assert!(heard(&told).is_empty(), "{held:?} {told:?}");
        let refused = told.iter().filter(|update| matches!(update, Update::Answer(_, Err(Error::RoomNotFound))));
        assert_eq!(refused.count(), 2, "{held:?} {told:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_is_on_its_way_is_judged_too() {
    for is_begun in [true, false] {
        let (engine, store, shows) = shown().await;
        let room = make_room(&engine, "a").await;
        let (bob, mut updates) = connect(&engine, "bob");
        // Before it, an attach of the room: the watch waits behind the detach.
        if !is_begun {
            bob.attach(room, Since::Now).await.unwrap();
            let paused = engine.inner().hub.pause(room).await.unwrap().unwrap();
            bob.submit(Command::Detach { room }).unwrap();
            bob.submit(Command::Watch { room }).unwrap();
            waiting(&mut updates).await;
            shows.set(VisibleRooms::only([]));
            paused.go_on();
        } else {
            store.hold(StoreCall::Seen);
            bob.submit(Command::Watch { room }).unwrap();
            settle().await;
            shows.set(VisibleRooms::only([]));
        }
        engine.recheck(&user("bob").id).await.unwrap();
        store.release(StoreCall::Seen);
        let told = waiting(&mut updates).await;
        assert!(matches!(told.last(), Some(Update::Answer(_, Err(Error::RoomNotFound)))), "{is_begun} {told:?}");
        assert_eq!(engine.inner().watches.rooms(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn the_host_puts_a_user_out_of_a_private_room() {
    let engine = engine().await;
    let room = engine.create_room(&user("alice"), NewRoom::named("closed").private()).await.unwrap().id;
    engine.change_member(&user("alice"), room, ChangeMember::add(user("bob").id)).await.unwrap();
    let (bob, mut bobs) = connect(&engine, "bob");
    let (phone, mut phones) = connect(&engine, "bob");
    bob.attach(room, Since::Now).await.unwrap();
    phone.watch(room).await.unwrap();
    let Changed::Stored { event, .. } = engine.remove_from(room, &user("bob").id).await.unwrap() else { panic!() };
    let member = event.member().unwrap();
    assert_eq!((&event.actor, member.change, &member.user.id), (&None, MemberChange::Removed, &user("bob").id));
    let ended = vec![(room, DetachReason::Removed)];
    let told = waiting(&mut bobs).await;
    assert_eq!((heard(&told), detached(&told)), (vec![(room, event.seq.0)], ended.clone()));
    assert_eq!(detached(&waiting(&mut phones).await), ended, "the watch has ended, too");
    assert!(matches!(engine.remove_from(room, &user("bob").id).await, Ok(Changed::Unchanged { .. })));
    let missing = RoomId(room.0 + 1);
    assert_eq!(engine.remove_from(missing, &user("bob").id).await.unwrap_err(), Error::RoomNotFound);
}

#[tokio::test(start_paused = true)]
async fn the_host_puts_a_user_out_of_a_room_that_the_policy_hides() {
    let (engine, _store, shows) = shown().await;
    let [a, b, ..] = rooms(&engine).await;
    let (bob, mut updates) = connect(&engine, "bob");
    bob.attach(a, Since::Now).await.unwrap();
    bob.attach(b, Since::Now).await.unwrap();
    engine.join(&user("bob"), a).await.unwrap();
    waiting(&mut updates).await;
    engine.remove_from(a, &user("bob").id).await.unwrap();
    assert!(detached(&waiting(&mut updates).await).is_empty(), "anyone may read a public room");
    shows.set(VisibleRooms::only([]));
    assert!(matches!(engine.remove_from(a, &user("bob").id).await, Ok(Changed::Unchanged { .. })));
    let told = waiting(&mut updates).await;
    assert_eq!(detached(&told), [(a, DetachReason::Removed)], "that room and no other");
}

#[tokio::test(start_paused = true)]
async fn a_room_that_does_not_answer_costs_its_sessions() {
    let (engine, _store, shows) = shown().await;
    let [a, b, ..] = rooms(&engine).await;
    let ((bob, mut bobs), (phone, mut phones)) = (connect(&engine, "bob"), connect(&engine, "bob"));
    bob.attach(a, Since::Now).await.unwrap();
    phone.attach(b, Since::Now).await.unwrap();
    let _paused = engine.inner().hub.pause(a).await.unwrap().unwrap();
    shows.set(VisibleRooms::only([b]));
    let began = Instant::now();
    engine.recheck(&user("bob").id).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(5));
    assert_eq!(close_reason(&mut bobs).await, Some(CloseReason::Reloaded));
    assert!(!waiting(&mut phones).await.iter().any(|update| matches!(update, Update::Closed(_))));
}

#[tokio::test(start_paused = true)]
async fn a_database_that_cannot_be_read_does_not_keep_what_the_policy_refuses() {
    let (engine, store, shows) = shown().await;
    let [a, b, ..] = rooms(&engine).await;
    let (bob, mut updates) = connect(&engine, "bob");
    bob.watch(a).await.unwrap();
    bob.watch(b).await.unwrap();
    waiting(&mut updates).await;
    shows.set(VisibleRooms::only([b]));
    store.fail_always(StoreCall::Activity, Some(Fault::Refuse(StoreErrorKind::Unavailable)));
    assert_eq!(engine.recheck(&user("bob").id).await.unwrap_err(), Error::Unavailable);
    assert_eq!(detached(&waiting(&mut updates).await), [(a, DetachReason::Removed)]);
    store.fail_always(StoreCall::Activity, None);
    assert_eq!(engine.recheck(&user("bob").id).await, Ok(()));
}

/// Nobody has to be there for it.
#[tokio::test(start_paused = true)]
async fn who_has_nothing_open_is_judged_without_a_word() {
    let engine = ChatEngine::builder().policy(Shows::new()).build().await.unwrap();
    assert_eq!(engine.recheck(&user("bob").id).await, Ok(()));
}

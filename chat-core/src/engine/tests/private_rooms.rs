//! Private rooms, as those see them who are in, and those who are not.

use super::*;
use crate::{
    Actor, ChangeMember, DetachReason, Error, HistoryQuery, MemberQuery, Notice, Notify, RestrictionKind, RoomChange,
    RoomKind, RoomQuery, Seq, Since,
    search::SearchQuery,
    store::StoreErrorKind,
    testing::{Fault, StoreCall},
};

async fn private() -> (ChatEngine, RoomId) {
    let engine = engine_on(memory(), Limits::default()).await;
    let room = engine.create_room(&user("alice"), NewRoom::named("closed").private()).await.unwrap();
    assert_eq!((room.kind, room.owned, room.members), (RoomKind::Private, true, 1));
    engine.change_member(&user("alice"), room.id, ChangeMember::add(user("bob").id)).await.unwrap();
    engine.send(&user("alice"), room.id, text("hello")).await.unwrap();
    (engine, room.id)
}

/// What somebody is told who asks for each thing that there is to read of a room.
async fn reads(engine: &ChatEngine, who: &Actor, room: RoomId) -> Vec<Option<Error>> {
    let page = HistoryQuery::newest();
    let in_room = SearchQuery { room: Some(room), ..SearchQuery::new("hello").unwrap() };
    vec![
        engine.room(who.clone(), room).await.err(),
        engine.history(who.clone(), room, page).await.err(),
        engine.presence(who.clone(), room).await.err(),
        engine.message(who.clone(), room, Seq(2)).await.err(),
        engine.versions(who.clone(), room, Seq(2)).await.err(),
        engine.reactors(who.clone(), room, Seq(2), None, 10).await.err(),
        engine.thread(who.clone(), room, Seq(2), page).await.err(),
        engine.pins(who.clone(), room).await.err(),
        engine.marks(who.clone(), room, None, 10).await.err(),
        engine.members(who.clone(), room, MemberQuery::default()).await.err(),
        engine.member(who.clone(), room, &user("alice").id).await.err(),
        engine.search(who.clone(), in_room).await.err(),
    ]
}

#[tokio::test(start_paused = true)]
async fn whoever_is_not_in_is_told_of_nothing() {
    let (engine, room) = private().await;
    let missing = RoomId(room.0 + 1);
    let admin = user("root").as_admin();
    for who in [user("alice"), user("bob"), admin] {
        assert!(reads(&engine, &Actor::User(who.clone()), room).await.iter().all(Option::is_none), "{who:?}");
    }
    let carol = user("carol");
    for who in [Actor::User(carol.clone()), Actor::Anonymous] {
        for room in [room, missing] {
            let all = reads(&engine, &who, room).await;
            assert!(all.iter().all(|error| *error == Some(Error::RoomNotFound)), "{who:?} {all:?}");
        }
    }
    let (session, _updates) = connect(&engine, "carol");
    for room in [room, missing] {
        assert_eq!(session.attach(room, Since::Now).await.unwrap_err(), Error::RoomNotFound);
        assert_eq!(session.watch(room).await.unwrap_err(), Error::RoomNotFound);
        assert_eq!(session.typing(room, true).await.unwrap_err(), Error::RoomNotFound);
        assert_eq!(session.send(room, text("x")).await.unwrap_err(), Error::RoomNotFound);
        assert_eq!(engine.join(&carol, room).await.unwrap_err(), Error::RoomNotFound);
        assert_eq!(engine.leave(&carol, room).await.unwrap_err(), Error::RoomNotFound);
        assert_eq!(engine.set_notify(&carol, room, Notify::All).await.unwrap_err(), Error::RoomNotFound);
        assert_eq!(engine.delete_room(&carol, room).await.unwrap_err(), Error::RoomNotFound);
        let bans = engine.restrictions(&carol, room, RestrictionKind::Ban, None, 10).await;
        assert_eq!(bans.unwrap_err(), Error::RoomNotFound);
    }
    let listed = |page: crate::RoomPage| page.rooms.len();
    assert_eq!(listed(engine.rooms(&user("bob"), RoomQuery::default()).await.unwrap()), 1);
    assert_eq!(listed(engine.rooms(&carol, RoomQuery::default()).await.unwrap()), 0);
    assert_eq!(listed(engine.rooms(user("root").as_admin(), RoomQuery::default()).await.unwrap()), 0);
    // The name of a hidden room is nobody's.
    engine.create_room(&carol, NewRoom::named("closed")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_private_room_needs_somebody_whose_it_is() {
    let engine = engine_on(memory(), Limits::default()).await;
    let new = || NewRoom::named("closed").private();
    for nobody in [Actor::Anonymous, Actor::System] {
        let refused = engine.create_room(nobody, new()).await.unwrap_err();
        assert!(matches!(&refused, Error::InvalidField { field, .. } if *field == "owner"), "{refused:?}");
    }
    assert_eq!(engine.create_room(user("guest").as_guest(), new()).await.unwrap_err(), Error::Forbidden);
    let direct = NewRoom { kind: RoomKind::Direct, ..new() };
    let refused = engine.create_room(&user("alice"), direct).await.unwrap_err();
    assert!(matches!(&refused, Error::InvalidField { field, .. } if *field == "kind"), "{refused:?}");
    let theirs = engine.create_room(Actor::System, new().owner(user("bob"))).await.unwrap();
    assert!(engine.room(&user("bob"), theirs.id).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn whoever_is_not_in_is_detached_when_a_room_becomes_private() {
    let (engine, room) = private().await;
    let (alice, carol) = (user("alice"), user("carol"));
    let becomes = |kind| RoomChange { kind: Some(kind), ..RoomChange::default() };
    engine.update_room(&alice, room, becomes(RoomKind::Public)).await.unwrap();
    let (bob, mut bobs) = connect(&engine, "bob");
    let (attached, mut heard) = connect(&engine, "carol");
    let (watching, mut told) = connect(&engine, "carol");
    bob.attach(room, Since::Now).await.unwrap();
    attached.attach(room, Since::Now).await.unwrap();
    watching.watch(room).await.unwrap();
    engine.update_room(&alice, room, becomes(RoomKind::Private)).await.unwrap();
    engine.send(&alice, room, text("secret")).await.unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let all = |updates: &mut Updates| -> Vec<_> { std::iter::from_fn(|| updates.try_next()).collect() };
    let (heard, told, bobs) = (all(&mut heard), all(&mut told), all(&mut bobs));
    let detached =
        |update: Option<&Update>| matches!(update, Some(Update::Detached(of, DetachReason::Private)) if *of == room);
    assert!(detached(heard.last()), "{heard:?}");
    assert!(told.len() == 1 && detached(told.first()), "{told:?}");
    let last = |updates: &[Update]| updates.iter().filter_map(event).next_back().map(|event| event.seq);
    assert_eq!((last(&heard), last(&bobs)), (Some(Seq(4)), Some(Seq(5))));
    assert_eq!(engine.room(&carol, room).await.unwrap_err(), Error::RoomNotFound);

    engine.create_room(&carol, NewRoom::named("closed")).await.unwrap();
    let taken = engine.update_room(&alice, room, becomes(RoomKind::Public)).await.unwrap_err();
    let Error::NameTaken { room: Some(holder) } = taken else { panic!("{taken:?}") };
    assert_ne!(holder.id, room);
}

#[tokio::test(start_paused = true)]
async fn a_watch_ends_with_the_right_to_it() {
    let (engine, room) = private().await;
    let alice = user("alice");
    for (change, reason) in [
        (ChangeMember::remove(user("bob").id), DetachReason::Removed),
        (ChangeMember::leave(), DetachReason::Left),
        (ChangeMember::ban(user("bob").id, None), DetachReason::Banned),
    ] {
        engine.change_member(&alice, room, ChangeMember::add(user("bob").id)).await.unwrap();
        let (bob, mut updates) = connect(&engine, "bob");
        bob.watch(room).await.unwrap();
        let by = if reason == DetachReason::Left { user("bob") } else { alice.clone() };
        engine.change_member(&by, room, change).await.unwrap();
        engine.send(&alice, room, text("secret")).await.unwrap();
        tokio::time::sleep(Duration::from_secs(5)).await;
        let told: Vec<_> = std::iter::from_fn(|| updates.try_next()).collect();
        let is_of_membership =
            |update: &Update| matches!(update, Update::Notice(Notice::RoomAdded { .. } | Notice::RoomRemoved { .. }));
        let watch: Vec<_> = told.iter().filter(|update| !is_of_membership(update)).collect();
        assert!(
            matches!(watch[..], [Update::Detached(of, why)] if (*of, *why) == (room, reason)),
            "{reason:?}: {told:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_cannot_be_looked_up_may_try_again() {
    let (engine, store) = faulty_engine(Limits::default()).await;
    let room = engine.create_room(&user("alice"), NewRoom::named("closed").private()).await.unwrap().id;
    let (alice, _updates) = connect(&engine, "alice");
    store.fail_next(StoreCall::LookUp, Fault::Refuse(StoreErrorKind::Unavailable));
    assert_eq!(alice.attach(room, Since::Now).await.unwrap_err(), Error::Unavailable);
    alice.attach(room, Since::Now).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_newest_messages_are_those_of_rooms_that_one_may_read() {
    let (engine, store) = faulty_engine(Limits::default()).await;
    let (open, empty) = (make_room(&engine, "open").await, make_room(&engine, "empty").await);
    let closed = engine.create_room(&user("alice"), NewRoom::named("closed").private()).await.unwrap().id;
    let direct = engine.direct(&user("alice"), user("bob").id, None).await.unwrap().room.id;
    for (room, content) in [(open, "first"), (open, "last"), (closed, "secret"), (direct, "between us")] {
        engine.send(&user("alice"), room, text(content)).await.unwrap();
    }
    let asked = [direct, closed, empty, open, RoomId(99), RoomId(u64::MAX), open];
    let latest = async |who: Actor| {
        let found = engine.latest(who, &asked).await.unwrap();
        found.into_iter().map(|last| last.map(|last| last.content)).collect::<Vec<_>>()
    };
    let said = |texts: [&str; 7]| texts.map(|text| (!text.is_empty()).then(|| text.to_owned())).to_vec();
    let before = store.calls(StoreCall::Activity);
    assert_eq!(latest(user("alice").into()).await, said(["between us", "secret", "", "last", "", "", "last"]));
    assert_eq!(store.calls(StoreCall::Activity), before + 1, "it is one look at all of them");
    assert_eq!(latest(user("bob").into()).await, said(["between us", "", "", "last", "", "", "last"]));
    assert_eq!(latest(Actor::Anonymous).await, said(["", "", "", "last", "", "", "last"]));
    assert_eq!(engine.latest(Actor::System, &[]).await.unwrap(), []);
    let refused = engine.latest(Actor::System, &[open; 101]).await.unwrap_err();
    assert_eq!(refused.code(), "invalid_field");
    let query = RoomQuery { ids: Some(vec![direct, closed]), ..RoomQuery::default() };
    let rooms = engine.rooms(&user("bob"), query).await.unwrap().rooms;
    assert_eq!((rooms.len(), rooms[0].peer.as_ref().map(|peer| &peer.id)), (1, Some(&user("alice").id)));
}

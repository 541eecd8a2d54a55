//! Rooms of two users.

use super::*;
use crate::{Actor, ChangeMember, Error, MyRoomQuery, Notice, RoomChange, RoomKind, RoomQuery, Since, UserId};

fn id(name: &str) -> UserId {
    user(name).id
}

#[tokio::test(start_paused = true)]
async fn two_users_find_one_room_whoever_asks() {
    let engine = engine_on(memory(), Limits::default()).await;
    let (alice, bob) = (user("alice"), user("bob"));
    let (_session, mut bobs) = connect(&engine, "bob");
    let made = engine.direct(&alice, id("bob"), Some("Bob")).await.unwrap();
    assert!(made.created);
    assert_eq!((made.room.kind, made.room.members, made.room.name.as_str()), (RoomKind::Direct, 2, ""));
    assert_eq!(made.room.peer.as_ref().map(|peer| (peer.id.clone(), peer.name.as_str())), Some((id("bob"), "Bob")));
    let Some(Update::Notice(Notice::RoomAdded { room })) = next(&mut bobs).await else { panic!("nothing is told") };
    assert_eq!((room.id, room.peer.as_ref()), (made.room.id, Some(&alice.to_stored())));

    let found = engine.direct(&bob, id("alice"), None).await.unwrap();
    assert_eq!((found.room.id, found.created, found.room.peer), (made.room.id, false, Some(alice.to_stored())));
    engine.send(&bob, made.room.id, text("hello")).await.unwrap();
    let mine = engine.my_rooms(&alice, MyRoomQuery::default()).await.unwrap().rooms;
    assert_eq!((mine.len(), mine[0].unread.unread), (1, 1));
    assert_eq!(mine[0].room.peer.as_ref().map(|peer| &peer.id), Some(&id("bob")));
    assert_eq!(engine.rooms(&alice, RoomQuery::default()).await.unwrap().rooms, []);

    let notes = engine.direct(&alice, id("alice"), None).await.unwrap().room;
    assert_eq!((notes.members, notes.peer.map(|peer| peer.id)), (1, Some(id("alice"))));
}

#[tokio::test(start_paused = true)]
async fn a_direct_room_is_of_its_two_for_good() {
    let engine = engine_on(memory(), Limits::default()).await;
    let (alice, carol) = (user("alice"), user("carol"));
    let room = engine.direct(&alice, id("bob"), None).await.unwrap().room.id;
    let named = RoomChange { name: Some("name".to_owned()), ..RoomChange::default() };
    assert_eq!(engine.update_room(&alice, room, named.clone()).await.unwrap_err(), Error::Forbidden);
    assert_eq!(engine.delete_room(&alice, room).await.unwrap_err(), Error::Forbidden);
    assert_eq!(engine.leave(&alice, room).await.unwrap_err(), Error::Forbidden);
    for change in [ChangeMember::add(id("carol")), ChangeMember::remove(id("bob")), ChangeMember::ban(id("bob"), None)]
    {
        assert_eq!(engine.change_member(&alice, room, change).await.unwrap_err(), Error::Forbidden);
    }
    // An administrator is a stranger there.
    for stranger in [carol, user("root").as_admin()] {
        let (session, _updates) = connect(&engine, stranger.name.as_str());
        assert_eq!(engine.room(&stranger, room).await.unwrap_err(), Error::RoomNotFound);
        assert_eq!(engine.update_room(&stranger, room, named.clone()).await.unwrap_err(), Error::RoomNotFound);
        assert_eq!(engine.delete_room(&stranger, room).await.unwrap_err(), Error::RoomNotFound);
        assert_eq!(session.attach(room, Since::Now).await.unwrap_err(), Error::RoomNotFound);
        assert_eq!(engine.send(&stranger, room, text("x")).await.unwrap_err(), Error::RoomNotFound);
    }
}

#[tokio::test(start_paused = true)]
async fn who_has_no_direct_rooms_is_told_so() {
    let engine = engine_on(memory(), Limits::default()).await;
    let refused = async |actor: Actor, with: &str, name| engine.direct(actor, id(with), name).await.unwrap_err();
    assert_eq!(refused(Actor::Anonymous, "bob", None).await, Error::Unauthenticated);
    assert_eq!(refused(Actor::System, "bob", None).await, Error::Unauthenticated);
    assert_eq!(refused(user("guest").as_guest().into(), "bob", None).await, Error::Forbidden);
    let alice = || Actor::User(user("alice"));
    let unknown = UserId::of_erased(1);
    assert!(
        matches!(refused(alice(), unknown.as_str(), None).await, Error::InvalidField { field, .. } if field == "user")
    );
    assert!(
        matches!(refused(alice(), "bob", Some(" ")).await, Error::InvalidField { field, .. } if field == "username")
    );
}

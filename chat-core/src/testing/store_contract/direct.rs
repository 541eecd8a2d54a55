//! What holds for rooms of two users.

use super::{Opener, user, viewer};
use crate::{
    Identity, MemberPage, MemberQuery, MyRoomQuery, Room, RoomId, RoomKind, RoomQuery, Timestamp, UserId,
    append::RoomRecord,
    archive::Archived,
    direct::Pair,
    store::{Store, Viewer},
};

async fn open(store: &dyn Store, one: &str, other: &str) -> Result<Room, Room> {
    let pair = Pair::new(&user(one), &user(other));
    store.create_room(&RoomRecord::direct(pair, Timestamp(1))).await.unwrap()
}

async fn peer(store: &dyn Store, room: RoomId, of: &str) -> Option<Identity> {
    store.members().peers(&[room], &user(of).id).await.unwrap().remove(&room)
}

/// Whoever asks second, and at once, gets the room of the first.
pub async fn two_users_have_one_room(opener: &dyn Opener) {
    let store = opener.open().await;
    let pair = Pair::new(&user("alice"), &user("bob"));
    assert_eq!(store.members().direct(&pair).await.unwrap(), None);
    let at_once = futures::future::join_all((0..8).map(|number| {
        let (one, other) = if number % 2 == 0 { ("alice", "bob") } else { ("bob", "alice") };
        open(&*store, one, other)
    }));
    let made = at_once.await;
    assert_eq!(made.iter().filter(|made| made.is_ok()).count(), 1, "{made:?}");
    let rooms: Vec<_> = made.into_iter().map(|made| made.unwrap_or_else(|held| held)).collect();
    assert!(rooms.iter().all(|room| *room == rooms[0]), "{rooms:?}");
    let room = &rooms[0];
    assert_eq!((room.kind, room.name.as_str(), room.owned, room.members), (RoomKind::Direct, "", false, 2));
    assert_eq!(store.members().direct(&pair).await.unwrap().as_ref(), Some(room));
    assert_eq!(store.room(room.id).await.unwrap().as_ref(), Some(room));
    assert_ne!(open(&*store, "alice", "carol").await.unwrap().id, room.id);
}

/// Each of the two is the peer of the other. In notes there is nobody else.
pub async fn each_is_the_peer_of_the_other(opener: &dyn Opener) {
    let store = opener.open().await;
    let room = open(&*store, "alice", "bob").await.unwrap().id;
    let notes = open(&*store, "alice", "alice").await.unwrap();
    assert_eq!(notes.members, 1);
    assert_eq!(peer(&*store, room, "alice").await, Some(user("bob")));
    assert_eq!(peer(&*store, room, "bob").await, Some(user("alice")));
    assert_eq!(peer(&*store, notes.id, "alice").await, Some(user("alice")));
    let peers = store.members().peers(&[room, notes.id, RoomId(99)], &user("alice").id).await.unwrap();
    assert_eq!(peers.into_keys().collect::<Vec<_>>(), [room, notes.id]);
}

/// The two find it among their own rooms, and nobody in a list.
pub async fn only_the_two_see_it(opener: &dyn Opener) {
    let store = opener.open().await;
    let room = open(&*store, "alice", "bob").await.unwrap().id;
    for (name, sees) in [("alice", true), ("bob", true), ("carol", false)] {
        let id = user(name).id;
        let viewer = viewer(&id);
        let own = store.reader().my_rooms(&viewer, &MyRoomQuery::default()).await.unwrap().rooms;
        assert_eq!(own.len(), usize::from(sees), "{name}");
        let listed = store.rooms(&RoomQuery::default(), &viewer).await.unwrap().rooms;
        assert_eq!(listed, [], "{name}");
        let seen = store.members().seen(room, Some(&id)).await.unwrap().unwrap();
        assert_eq!(seen.standing.role.is_some(), sees, "{name}");
    }
    assert_eq!(store.rooms(&RoomQuery::default(), &Viewer::Host).await.unwrap().rooms.len(), 1);
}

/// Who is erased is nobody's peer, and another room is made with whoever gets the id.
pub async fn an_erased_user_is_nobodys_peer(opener: &dyn Opener) {
    let store = opener.open().await;
    let room = open(&*store, "alice", "bob").await.unwrap().id;
    let forgotten = UserId::new("bob").unwrap();
    while store.eraser().forget_marks(&forgotten, 100).await.unwrap() > 0 {}
    assert_eq!(peer(&*store, room, "alice").await, None);
    assert_eq!(store.members().direct(&Pair::new(&user("alice"), &user("bob"))).await.unwrap(), None);
    assert_ne!(open(&*store, "alice", "bob").await.unwrap().id, room);
}

/// A direct room that is taken along belongs to its pair, unless the two have one there already.
pub async fn a_pair_is_taken_along(opener: &dyn Opener) {
    let store = opener.open().await;
    let store = &*store;
    let room = open(store, "alice", "bob").await.unwrap().id;
    let head = store.archive().head(room).await.unwrap().unwrap();
    let page = store.members().members(room, &MemberQuery::default()).await.unwrap().unwrap();
    let members = |page: &MemberPage| page.members.iter().cloned().map(Archived::Member).collect::<Vec<_>>();
    let copy = store.archive().begin_import(&head).await.unwrap();
    assert_eq!(store.archive().import(copy, &members(&page)).await.unwrap(), Some(Ok(())));
    let finish = async || store.archive().finish_imports(&[(copy, head.name.clone(), None)]).await.unwrap().unwrap();
    assert_eq!(finish().await.unwrap_err().id, room);

    while store.eraser().forget_marks(&user("bob").id, 100).await.unwrap() > 0 {}
    // The marks of the copy's members are gone with bob, and so is the pair.
    let copy = store.archive().begin_import(&head).await.unwrap();
    assert_eq!(store.archive().import(copy, &members(&page)).await.unwrap(), Some(Ok(())));
    let made = store.archive().finish_imports(&[(copy, head.name.clone(), None)]).await.unwrap().unwrap().unwrap();
    assert_eq!((made[0].kind, made[0].members), (RoomKind::Direct, 2));
    assert_eq!(open(store, "bob", "alice").await.unwrap_err().id, copy);
    assert_eq!(peer(store, copy, "alice").await, Some(user("bob")));
}

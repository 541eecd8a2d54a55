//! What a policy hides: single rooms, and rooms in lists.

use std::sync::Mutex;

use super::*;
use crate::{
    Action, Actor, Change, ChangeMember, Error, HistoryQuery, MyRoomQuery, Notice, Policy, RoomQuery, Seq,
    VisibleRooms, search::SearchQuery, testing::StoreCall,
};

/// Shows rooms as it was told last; administrators read them all.
#[derive(Debug)]
pub(super) struct Shows {
    rooms: Mutex<VisibleRooms>,
    /// How often it was asked which there are.
    asked: Mutex<usize>,
}

impl Shows {
    /// All rooms, at first.
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { rooms: Mutex::default(), asked: Mutex::default() })
    }

    pub(super) fn set(&self, rooms: VisibleRooms) {
        *self.rooms.lock().unwrap() = rooms;
    }
}

impl Policy for Arc<Shows> {
    fn check(&self, actor: &Actor, action: Action<'_>) -> Result<(), Error> {
        assert!(!actor.is_system(), "the system is not asked of");
        let is_admin = actor.user().is_some_and(|user| user.admin);
        let is_hidden = matches!(action, Action::ReadRoom(room) if !is_admin && !self.rooms.lock().unwrap().has(room));
        if is_hidden { Err(Error::RoomNotFound) } else { Ok(()) }
    }

    fn visible_rooms(&self, actor: &Actor) -> VisibleRooms {
        assert!(!actor.is_system(), "the system is not asked of");
        *self.asked.lock().unwrap() += 1;
        self.rooms.lock().unwrap().clone()
    }
}

/// An engine with this policy on a store that can be held.
pub(super) async fn shown() -> (ChatEngine, FaultyStore, Arc<Shows>) {
    let (store, shows) = (FaultyStore::new(memory()), Shows::new());
    let builder = ChatEngine::builder().database(Database::store(Arc::new(store.clone())));
    let engine = builder.clock(TokioClock::new()).policy(Arc::clone(&shows)).build().await.unwrap();
    (engine, store, shows)
}

/// The rooms that somebody finds in the list, by a search, and among their own.
async fn finds(engine: &ChatEngine, who: &Actor) -> Result<[Vec<RoomId>; 3], Error> {
    let listed = engine.rooms(who.clone(), RoomQuery::default()).await?.rooms.iter().map(|room| room.id).collect();
    let page = engine.search(who.clone(), SearchQuery::new("hello").unwrap()).await?;
    let mut found: Vec<_> = page.messages.iter().map(|state| state.room).collect();
    found.sort_unstable();
    let mut own = Vec::new();
    if who.user().is_some() {
        let page = engine.my_rooms(who.clone(), MyRoomQuery::default()).await?;
        own.extend(page.rooms.iter().map(|mine| mine.room.id));
        own.sort_unstable();
    }
    Ok([listed, found, own])
}

#[tokio::test(start_paused = true)]
async fn lists_have_the_rooms_that_the_policy_shows() {
    let (engine, _store, shows) = shown().await;
    let mut all = Vec::new();
    for name in ["a", "b", "c"] {
        let room = make_room(&engine, name).await;
        engine.send(&user("alice"), room, text("hello")).await.unwrap();
        all.push(room);
    }
    let [a, b, c] = all[..] else { panic!("{all:?}") };
    let alice = Actor::User(user("alice"));
    for (rooms, seen) in [
        (VisibleRooms::All, vec![a, b, c]),
        (VisibleRooms::only([b]), vec![b]),
        (VisibleRooms::only([]), vec![]),
        (VisibleRooms::except([b]), vec![a, c]),
    ] {
        shows.set(rooms);
        assert_eq!(finds(&engine, &alice).await, Ok([seen.clone(), seen.clone(), seen.clone()]));
        assert_eq!(finds(&engine, &Actor::Anonymous).await, Ok([seen.clone(), seen, vec![]]));
        assert_eq!(finds(&engine, &Actor::System).await, Ok([all.clone(), all.clone(), vec![]]));
        let on_behalf = Actor::SystemAs(user("alice"));
        assert_eq!(finds(&engine, &on_behalf).await, Ok([all.clone(), all.clone(), all.clone()]));
    }
    let before = *shows.asked.lock().unwrap();
    engine.rooms(alice, RoomQuery { limit: 1, ..RoomQuery::default() }).await.unwrap();
    assert_eq!(*shows.asked.lock().unwrap(), before + 1, "once for a page");
}

#[tokio::test(start_paused = true)]
async fn more_rooms_than_a_policy_may_name_are_refused_and_not_cut() {
    let (engine, _store, shows) = shown().await;
    let (room, alice) = (make_room(&engine, "a").await, Actor::User(user("alice")));
    engine.send(&user("alice"), room, text("hello")).await.unwrap();
    let named = |rooms| (room.0..).map(RoomId).take(rooms).collect::<Vec<_>>();
    shows.set(VisibleRooms::only(named(VisibleRooms::MOST)));
    assert_eq!(finds(&engine, &alice).await, Ok([vec![room], vec![room], vec![room]]));
    for rooms in [VisibleRooms::only, VisibleRooms::except] {
        shows.set(rooms(named(VisibleRooms::MOST + 1)));
        assert_eq!(engine.rooms(alice.clone(), RoomQuery::default()).await.unwrap_err(), Error::Internal);
        let search = SearchQuery::new("hello").unwrap();
        assert_eq!(engine.search(alice.clone(), search).await.unwrap_err(), Error::Internal);
        assert_eq!(engine.my_rooms(alice.clone(), MyRoomQuery::default()).await.unwrap_err(), Error::Internal);
        assert!(engine.rooms(Actor::System, RoomQuery::default()).await.is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_reads_what_was_stored_after_the_policy_has_changed_its_mind() {
    let (engine, store, shows) = shown().await;
    let (room, alice) = (make_room(&engine, "a").await, user("alice"));
    engine.send(&alice, room, text("hello")).await.unwrap();
    store.hold(StoreCall::Read);
    let reading = tokio::spawn({
        let (engine, alice) = (engine.clone(), alice.clone());
        async move { engine.history(&alice, room, HistoryQuery::newest()).await }
    });
    settle().await;
    shows.set(VisibleRooms::only([]));
    engine.send(Actor::SystemAs(user("bob")), room, text("for others")).await.unwrap();
    store.release(StoreCall::Read);
    assert_eq!(reading.await.unwrap().unwrap_err(), Error::RoomNotFound);
}

#[tokio::test(start_paused = true)]
async fn who_is_added_to_a_hidden_room_is_not_told_what_it_is_called() {
    let (engine, _store, shows) = shown().await;
    let room = make_room(&engine, "a").await;
    for (shown, is_told) in [(VisibleRooms::only([]), false), (VisibleRooms::All, true)] {
        shows.set(shown);
        let (_bob, mut updates) = connect(&engine, "bob");
        let add = ChangeMember::add(user("bob").id);
        engine.change_member(Actor::System, room, add).await.unwrap();
        settle().await;
        let told: Vec<_> = std::iter::from_fn(|| updates.try_next()).collect();
        let is_added =
            |update: &Update| matches!(update, Update::Notice(Notice::RoomAdded { room: of }) if of.id == room);
        assert_eq!(told.iter().any(is_added), is_told, "{told:?}");
        let remove = ChangeMember::remove(user("bob").id);
        engine.change_member(Actor::System, room, remove).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_direct_room_that_is_hidden_is_not_shown_to_who_asks_for_it_again() {
    let (engine, _store, shows) = shown().await;
    let (alice, bob) = (user("alice"), user("bob").id);
    let direct = engine.direct(&alice, bob.clone(), None).await.unwrap();
    shows.set(VisibleRooms::except([direct.room.id]));
    assert_eq!(engine.direct(&alice, bob, None).await.unwrap_err(), Error::RoomNotFound);
}

#[tokio::test(start_paused = true)]
async fn what_may_be_done_is_what_is_done() {
    let engine = engine().await;
    let (alice, bob, guest) = (user("alice"), user("bob"), Identity { guest: true, ..user("gus") });
    let room = engine.create_room(&alice, NewRoom::named("general")).await.unwrap().id;
    let hidden = engine.create_room(&alice, NewRoom::named("hidden").private()).await.unwrap().id;
    let seq = engine.send(&bob, room, text("Hello!")).await.unwrap().seq;
    let (draft, mut loud) = (text("Hi!"), text("Hi, all!"));
    loud.body.mentions_room = true;
    let (edit, delete) = (Change::edit(seq, crate::Edit::text("Hi!")), Change::delete(seq));
    let add = ChangeMember::add(user("carol").id).role(crate::Role::Moderator);
    for (who, action, expected) in [
        (&bob, Action::Send(room, &draft), Ok(())),
        (&bob, Action::Send(room, &loud), Err(Error::Forbidden)),
        (&alice, Action::Send(room, &loud), Ok(())),
        (&bob, Action::ReadRoom(hidden), Err(Error::RoomNotFound)),
        (&bob, Action::Change(hidden, &edit), Err(Error::RoomNotFound)),
        (&alice, Action::Change(room, &edit), Err(Error::Forbidden)),
        (&bob, Action::Change(room, &edit), Ok(())),
        (&bob, Action::Change(room, &delete), Ok(())),
        (&alice, Action::Change(room, &delete), Ok(())),
        (&user("carol"), Action::Change(room, &delete), Err(Error::Forbidden)),
        (&alice, Action::Change(room, &Change::delete(Seq(99))), Err(Error::MessageNotFound)),
        (&alice, Action::ChangeMember(room, &add), Ok(())),
        (&bob, Action::ChangeMember(room, &add), Err(Error::Forbidden)),
        (&guest, Action::CreateRoom(&NewRoom::named("mine").private()), Err(Error::Forbidden)),
        (&guest, Action::OpenDirect(&alice.id), Err(Error::Forbidden)),
        (&bob, Action::OpenDirect(&alice.id), Ok(())),
    ] {
        assert_eq!(engine.may(who, action).await, expected, "{action:?}");
        // The same by whoever does it.
        let done = match action {
            Action::Send(room, draft) => engine.send(who, room, draft.clone()).await.map(drop),
            Action::Change(room, change) if expected.is_err() => {
                engine.change(who, room, change.clone()).await.map(drop)
            }
            Action::ChangeMember(room, change) => engine.change_member(who, room, change.clone()).await.map(drop),
            Action::CreateRoom(new) => engine.create_room(who, new.clone()).await.map(drop),
            Action::OpenDirect(user) => engine.direct(who, user.clone(), None).await.map(drop),
            Action::Change(..)
            | Action::ListRooms
            | Action::ReadRoom(_)
            | Action::UpdateRoom(..)
            | Action::DeleteRoom(_)
            | Action::Invite(_)
            | Action::Type(_) => continue,
        };
        assert_eq!(done, expected, "{action:?}");
    }
}

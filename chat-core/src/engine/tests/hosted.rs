//! A host that itself keeps who is in rooms.

use std::{collections::HashMap, sync::Mutex};

use super::*;
use crate::{
    Actor, Change, ChangeMember, DetachReason, Error, HistoryQuery, HostMembers, MemberQuery, Members, MyRoomQuery,
    Notice, Policy, RestrictionKind, Role, RoomQuery, Seq, Since, Until, UserId, VisibleRooms, rights::Standing,
    search::SearchQuery, testing::StoreCall,
};

/// What users are in rooms, as the app knows it.
#[derive(Debug, Default)]
struct Desk(Mutex<HashMap<(RoomId, UserId), Standing>>);

impl HostMembers for Desk {
    fn standing(&self, room: RoomId, user: &UserId) -> Standing {
        self.0.lock().unwrap().get(&(room, user.clone())).copied().unwrap_or_default()
    }

    fn visible_rooms(&self, actor: &Actor) -> VisibleRooms {
        let all = self.0.lock().unwrap();
        let own =
            all.iter().filter(|((_, user), is)| is.role.is_some() && actor.user().is_some_and(|who| who.id == *user));
        VisibleRooms::only(own.map(|((room, _), _)| *room))
    }
}

impl Desk {
    fn set(&self, room: RoomId, name: &str, standing: Standing) {
        self.0.lock().unwrap().insert((room, user(name).id), standing);
    }

    fn put_in(&self, room: RoomId, name: &str, role: Role) {
        self.set(room, name, Standing { role: Some(role), ..Standing::default() });
    }

    fn put_out(&self, room: RoomId, name: &str) {
        self.set(room, name, Standing::default());
    }
}

async fn hosted() -> (ChatEngine, FaultyStore, Arc<Desk>) {
    hosted_with(Limits::default()).await
}

async fn hosted_with(limits: Limits) -> (ChatEngine, FaultyStore, Arc<Desk>) {
    let (store, desk) = (FaultyStore::new(memory()), Arc::<Desk>::default());
    let builder = ChatEngine::builder().database(Database::store(Arc::new(store.clone()))).clock(TokioClock::new());
    let engine = builder.limits(limits).members(Members::Host(desk.clone())).build().await.unwrap();
    (engine, store, desk)
}

async fn private(engine: &ChatEngine, name: &str) -> RoomId {
    let room = engine.create_room(Actor::System, NewRoom::named(name).private()).await.unwrap();
    assert!(room.owned && room.members == 0, "{room:?}");
    room.id
}

async fn waiting(updates: &mut Updates) -> Vec<Update> {
    settle().await;
    std::iter::from_fn(|| updates.try_next()).collect()
}

#[tokio::test(start_paused = true)]
async fn the_host_says_who_is_in_a_room() {
    let (engine, _store, desk) = hosted().await;
    let (room, other) = (private(&engine, "a").await, private(&engine, "b").await);
    let bob = user("bob");
    let page = HistoryQuery::newest();
    assert_eq!(engine.history(&bob, room, page).await.unwrap_err(), Error::RoomNotFound);
    assert_eq!(engine.send(&bob, room, text("hello")).await.unwrap_err(), Error::RoomNotFound);
    let (session, mut updates) = connect(&engine, "bob");
    assert_eq!(session.attach(room, Since::Now).await.unwrap_err(), Error::RoomNotFound);
    assert_eq!(session.watch(room).await.unwrap_err(), Error::RoomNotFound);

    desk.put_in(room, "bob", Role::Member);
    let seq = engine.send(&bob, room, text("hello")).await.unwrap().seq;
    engine.send(Actor::SystemAs(bob.clone()), other, text("hello")).await.unwrap();
    session.attach(room, Since::Now).await.unwrap();
    assert_eq!(engine.history(&bob, room, page).await.unwrap().messages.len(), 1);
    let listed = engine.rooms(&bob, RoomQuery::default()).await.unwrap().rooms;
    assert_eq!(listed.iter().map(|room| room.id).collect::<Vec<_>>(), [room]);
    let found = engine.search(&bob, SearchQuery::new("hello").unwrap()).await.unwrap().messages;
    assert_eq!(found.iter().map(|state| state.room).collect::<Vec<_>>(), [room]);
    let own = engine.my_rooms(&bob, MyRoomQuery::default()).await.unwrap().rooms;
    assert_eq!(own.iter().map(|mine| (mine.room.id, mine.role)).collect::<Vec<_>>(), [(room, Some(Role::Member))]);

    assert_eq!(engine.change(&bob, room, Change::pin(seq)).await.unwrap_err(), Error::Forbidden);
    desk.put_in(room, "bob", Role::Moderator);
    engine.change(&bob, room, Change::pin(seq)).await.unwrap();
    session.typing(room, true).await.unwrap();
    let muted = Standing { role: Some(Role::Member), muted: Some(Until::ForGood), banned: None };
    desk.set(room, "bob", muted);
    assert_eq!(session.typing(room, true).await.unwrap_err(), Error::Muted { until: None });
    assert_eq!(session.send(room, text("x")).await.unwrap_err(), Error::Muted { until: None });
    waiting(&mut updates).await;
}

/// A room that everybody could use, too.
#[tokio::test(start_paused = true)]
async fn what_the_host_says_counts_in_public_rooms() {
    let (engine, _store, desk) = hosted().await;
    let room = make_room(&engine, "general").await;
    let bob = user("bob");
    engine.send(&bob, room, text("hello")).await.unwrap();
    assert_eq!(engine.change(&bob, room, Change::pin(Seq(1))).await.unwrap_err(), Error::Forbidden, "it is somebody's");
    desk.set(room, "bob", Standing { banned: Some(Until::ForGood), ..Standing::default() });
    assert_eq!(engine.send(&bob, room, text("hello")).await.unwrap_err(), Error::Banned { until: None });
    assert_eq!(engine.room(&bob, room).await.unwrap_err(), Error::Banned { until: None });
}

#[tokio::test(start_paused = true)]
async fn what_would_change_or_tell_members_says_that_they_are_kept_elsewhere() {
    let (engine, _store, desk) = hosted().await;
    let (room, bob) = (private(&engine, "a").await, user("bob"));
    desk.put_in(room, "bob", Role::Owner);
    let id = &user("carol").id;
    for change in [ChangeMember::add(id.clone()), ChangeMember::ban(id.clone(), None), ChangeMember::leave()] {
        assert_eq!(engine.change_member(&bob, room, change).await.unwrap_err(), Error::MembersElsewhere);
    }
    let all = [
        engine.join(&bob, room).await.err(),
        engine.leave(&bob, room).await.err(),
        engine.leave_all(&bob.id, "gone").await.err(),
        engine.members(&bob, room, MemberQuery::default()).await.err(),
        engine.member(&bob, room, id).await.err(),
        engine.restriction(&bob, room, RestrictionKind::Ban, id).await.err(),
        engine.restrictions(&bob, room, RestrictionKind::Mute, None, 10).await.err(),
        engine.direct(&bob, id.clone(), None).await.err(),
        engine.change_member(Actor::System, room, ChangeMember::remove(id.clone())).await.err(),
    ];
    assert!(all.iter().all(|error| *error == Some(Error::MembersElsewhere)), "{all:?}");
    assert_eq!(engine.room(Actor::System, room).await.unwrap().rights_seq, Seq(0));
}

#[tokio::test(start_paused = true)]
async fn rights_are_what_the_host_says_when_the_rooms_turn_comes() {
    let (engine, _store, desk) = hosted().await;
    let room = private(&engine, "a").await;
    desk.put_in(room, "bob", Role::Member);
    let (bob, _updates) = connect(&engine, "bob");
    bob.send(room, text("in")).await.unwrap();
    let paused = engine.inner().hub.pause(room).await.unwrap().unwrap();
    // Both were let on their way while he was in.
    let both = tokio::spawn(async move {
        let both = tokio::join!(bob.send(room, text("out")), bob.attach(room, Since::Now));
        (bob, both)
    });
    settle().await;
    desk.put_out(room, "bob");
    paused.go_on();
    let (bob, (sent, attached)) = both.await.unwrap();
    assert_eq!((sent.unwrap_err(), attached.unwrap_err()), (Error::RoomNotFound, Error::RoomNotFound));
    desk.put_in(room, "bob", Role::Member);
    bob.send(room, text("in again")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn whom_the_host_puts_out_hears_nothing_after_it_has_said_so() {
    let (engine, _store, desk) = hosted().await;
    let room = private(&engine, "a").await;
    for name in ["alice", "bob", "carol"] {
        desk.put_in(room, name, Role::Member);
    }
    let ((bob, mut bobs), (phone, mut phones)) = (connect(&engine, "bob"), connect(&engine, "bob"));
    let (carol, mut carols) = connect(&engine, "carol");
    bob.attach(room, Since::Now).await.unwrap();
    phone.watch(room).await.unwrap();
    carol.watch(room).await.unwrap();
    desk.put_out(room, "bob");
    engine.recheck(&user("bob").id).await.unwrap();
    let mut draft = text("hello");
    draft.body.mentions = vec![user("bob").id, user("carol").id];
    engine.send(&user("alice"), room, draft).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    for updates in [&mut bobs, &mut phones] {
        let told = waiting(updates).await;
        let is_end = |update: &&Update| matches!(update, Update::Detached(of, DetachReason::Removed | DetachReason::Private) if *of == room);
        assert_eq!(told.iter().filter(is_end).count(), 1, "{told:?}");
        let is_more = |update: &&Update| event(update).is_some() || matches!(update, Update::Notice(_));
        assert_eq!(told.iter().filter(is_more).count(), 0, "{told:?}");
    }
    let told = waiting(&mut carols).await;
    let notices =
        told.iter().filter_map(|update| if let Update::Notice(notice) = update { Some(notice) } else { None });
    let kinds: Vec<_> = notices.map(|notice| matches!(notice, Notice::Mention { .. } | Notice::Activity(_))).collect();
    assert_eq!(kinds, [true, true], "{told:?}");
    // It is the same as to put somebody out of that room.
    desk.put_out(room, "carol");
    engine.remove_from(room, &user("carol").id).await.unwrap();
    assert!(waiting(&mut carols).await.iter().any(|update| matches!(update, Update::Detached(..))));
}

/// More than are remembered who are not attached.
#[tokio::test(start_paused = true)]
async fn what_the_host_said_of_those_who_wait_is_not_forgotten() {
    let (engine, store, desk) = hosted_with(Limits { room_mailbox: 4_096, ..Limits::default() }).await;
    let room = private(&engine, "a").await;
    desk.put_in(room, "first", Role::Member);
    engine.send(&user("first"), room, text("x")).await.unwrap();
    store.hold(StoreCall::Append);
    let first = tokio::spawn({
        let engine = engine.clone();
        async move { engine.send(&user("first"), room, text("y")).await }
    });
    settle().await;
    let mut sending = Vec::new();
    for number in 0..2_100 {
        let name = format!("user-{number}");
        desk.put_in(room, &name, Role::Member);
        let engine = engine.clone();
        sending.push(tokio::spawn(async move { engine.send(&user(&name), room, text("hello")).await }));
        tokio::task::yield_now().await;
        settle().await;
    }
    store.release(StoreCall::Append);
    first.await.unwrap().unwrap();
    for (number, sending) in sending.into_iter().enumerate() {
        let sent = sending.await.unwrap();
        assert!(sent.is_ok(), "user-{number}: {sent:?}");
    }
}

/// Shows all rooms but one.
struct But(RoomId);

impl Policy for But {
    fn check(&self, _: &Actor, _: crate::Action<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn visible_rooms(&self, _: &Actor) -> VisibleRooms {
        VisibleRooms::except([self.0])
    }
}

#[tokio::test(start_paused = true)]
async fn a_policy_narrows_what_the_host_shows() {
    let desk = Arc::<Desk>::default();
    let builder = ChatEngine::builder().policy(But(RoomId(1))).members(Members::Host(desk.clone()));
    let engine = builder.build().await.unwrap();
    let (hidden, shown) = (private(&engine, "a").await, private(&engine, "b").await);
    desk.put_in(hidden, "bob", Role::Member);
    desk.put_in(shown, "bob", Role::Member);
    let listed = engine.rooms(&user("bob"), RoomQuery::default()).await.unwrap().rooms;
    assert_eq!(listed.iter().map(|room| room.id).collect::<Vec<_>>(), [shown]);
}

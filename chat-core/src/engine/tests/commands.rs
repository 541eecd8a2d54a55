//! What the engine itself is asked.

use super::*;
use crate::{
    Action, Actor, DetachReason, Error, HistoryQuery, Policy, Presence, Rate, RoomChange, RoomQuery, Seq, Since,
    UserRates,
};

#[tokio::test(start_paused = true)]
async fn what_is_sent_is_stored_and_read() {
    let engine = engine().await;
    let room = make_room(&engine, "general").await;
    let sent = engine.send(&user("alice"), room, text("Hello!").key("k1")).await.unwrap();
    assert_eq!((sent.seq, sent.replayed), (Seq(1), false));
    let again = engine.send(&user("alice"), room, text("Hello!").key("k1")).await.unwrap();
    assert_eq!((again.seq, again.replayed), (Seq(1), true));
    let other = engine.send(&user("alice"), room, text("Bye!").key("k1")).await.unwrap_err();
    assert_eq!(other, Error::IdempotencyMismatch);
    let page = engine.history(&user("bob"), room, HistoryQuery::newest()).await.unwrap();
    let contents: Vec<_> = page.messages.iter().map(|state| &state.message.body.content).collect();
    assert_eq!(contents, ["Hello!"]);
    assert_eq!(engine.room(Actor::Anonymous, room).await.unwrap().head, Seq(1));
    assert_eq!(engine.room_by_name(Actor::System, " GENERAL ").await.unwrap().id, room);
}

#[tokio::test(start_paused = true)]
async fn names_need_not_be_unique_if_the_host_says_so() {
    let engine = ChatEngine::builder().unique_names(false).build().await.unwrap();
    let (one, two) = (make_room(&engine, "general").await, make_room(&engine, "General").await);
    assert_ne!(one, two);
    let third = engine.create_room(&user("alice"), NewRoom::named("general").external("own")).await.unwrap();
    assert_eq!(third.external.as_deref(), Some("own"));
    let change = RoomChange { name: Some("General".to_owned()), ..RoomChange::default() };
    assert_eq!(engine.update_room(Actor::System, one, change).await.unwrap().room.name.as_str(), "General");
    let query = RoomQuery { name_contains: Some("GENERAL".to_owned()), ..RoomQuery::default() };
    let found: Vec<_> = engine.rooms(Actor::System, query).await.unwrap().rooms.iter().map(|room| room.id).collect();
    assert_eq!(found, [one, two, third.id]);
}

#[tokio::test(start_paused = true)]
async fn the_host_sends_in_a_users_name() {
    struct Nobody;
    impl Policy for Nobody {
        fn check(&self, _: &Actor, action: Action<'_>) -> Result<(), Error> {
            if matches!(action, Action::Send(..)) { Err(Error::Forbidden) } else { Ok(()) }
        }
    }
    let limits =
        Limits { rates: UserRates::UNLIMITED.messages(Rate { per_second: 1.0, burst: 1 }), ..Limits::default() };
    let engine =
        ChatEngine::builder().database(Database::store(memory())).policy(Nobody).limits(limits).build().await.unwrap();
    let room = make_room(&engine, "general").await;
    assert_eq!(engine.send(user("alice"), room, text("hi")).await.unwrap_err(), Error::Forbidden);
    for seq in 1..=3 {
        let sent = engine.send(Actor::SystemAs(user("alice")), room, text("hi")).await.unwrap();
        assert_eq!((sent.seq, &sent.event.actor), (Seq(seq), &Some(user("alice"))), "no rate for the host");
    }
    for nobody in [Actor::System, Actor::Anonymous] {
        let refused = engine.send(nobody.clone(), room, text("hi")).await.unwrap_err();
        let expected = if nobody.is_system() { Error::Unauthenticated } else { Error::Forbidden };
        assert_eq!(refused, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_reply_is_to_a_message() {
    let engine = engine().await;
    let room = make_room(&engine, "general").await;
    engine.send(&user("alice"), room, text("Hello!")).await.unwrap();
    let sent = engine.send(&user("bob"), room, text("Hi!").reply_to(Seq(1))).await.unwrap();
    assert_eq!(sent.event.message().unwrap().body.reply_to, Some(Seq(1)));
    for nothing in [Seq(0), Seq(3), Seq(u64::MAX)] {
        let refused = engine.send(&user("bob"), room, text("Hi!").reply_to(nothing)).await.unwrap_err();
        assert_eq!(refused, Error::MessageNotFound);
    }
}

#[tokio::test(start_paused = true)]
async fn input_is_checked() {
    let engine = engine().await;
    let room = make_room(&engine, "general").await;
    let alice = user("alice");
    let field = |error: Error| {
        let Error::InvalidField { field, .. } = error else { panic!("{error:?}") };
        field.into_owned()
    };
    assert_eq!(field(engine.create_room(&alice, NewRoom::named(" ")).await.unwrap_err()), "name");
    assert_eq!(field(engine.create_room(&alice, NewRoom::named("a").topic("\0")).await.unwrap_err()), "topic");
    let taken = engine.create_room(&alice, NewRoom::named("GENERAL")).await.unwrap_err();
    assert!(matches!(taken, Error::NameTaken { room: Some(taken) } if taken.id == room));
    assert_eq!(field(engine.update_room(&alice, room, RoomChange::default()).await.unwrap_err()), "name");
    assert_eq!(engine.send(&alice, room, text(" ")).await.unwrap_err(), Error::EmptyMessage);
    assert_eq!(
        engine.send(&alice, room, text(&"x".repeat(4_001))).await.unwrap_err(),
        Error::TooLong { what: "message".into(), max: 4_000, unit: "characters".into() }
    );
    assert_eq!(field(engine.send(&alice, room, text("a").key("a b")).await.unwrap_err()), "key");
    for limit in [0, 101] {
        assert_eq!(
            field(engine.history(&alice, room, HistoryQuery::newest().limit(limit)).await.unwrap_err()),
            "limit"
        );
        let query = RoomQuery { limit, ..RoomQuery::default() };
        assert_eq!(field(engine.rooms(&alice, query).await.unwrap_err()), "limit");
    }
    for missing in [0, 99, u64::MAX] {
        assert_eq!(engine.room(&alice, RoomId(missing)).await.unwrap_err(), Error::RoomNotFound);
        assert_eq!(engine.send(&alice, RoomId(missing), text("a")).await.unwrap_err(), Error::RoomNotFound);
        assert_eq!(engine.presence(&alice, RoomId(missing)).await.unwrap_err(), Error::RoomNotFound);
        assert_eq!(engine.delete_room(&alice, RoomId(missing)).await.unwrap_err(), Error::RoomNotFound);
    }
    let far = engine.history(&alice, room, HistoryQuery::after(Seq(u64::MAX))).await.unwrap();
    assert_eq!(far.messages, []);
}

#[tokio::test(start_paused = true)]
async fn a_room_is_changed_with_one_event_and_only_if_it_changes() {
    let engine = engine().await;
    let room = make_room(&engine, "general").await;
    let other = make_room(&engine, "other").await;
    let change = RoomChange { name: Some("General".into()), topic: Some("all".into()), ..RoomChange::default() };
    let changed = engine.update_room(Actor::Anonymous, room, change.clone()).await.unwrap().room;
    assert_eq!((changed.name.as_str(), changed.topic.as_str(), changed.head), ("General", "all", Seq(1)));
    assert_eq!(engine.update_room(Actor::Anonymous, room, change.clone()).await.unwrap().room.head, Seq(1));
    let back = RoomChange { name: Some("general".into()), key: Some("k".into()), ..change };
    for replayed in [false, true] {
        let updated = engine.update_room(&user("bob"), room, back.clone()).await.unwrap();
        assert_eq!((updated.replayed, updated.room.head), (replayed, Seq(2)));
    }
    let (handle, _updates) = connect(&engine, "bob");
    handle.attach(other, Since::Now).await.unwrap();
    let change = RoomChange { name: Some("OTHER".into()), topic: None, ..RoomChange::default() };
    let taken = engine.update_room(Actor::Anonymous, room, change).await.unwrap_err();
    assert!(matches!(taken, Error::NameTaken { room: Some(taken) } if taken.id == other && taken.online == 1));
}

#[tokio::test(start_paused = true)]
async fn rooms_tell_who_is_online() {
    let engine = engine().await;
    let (room, empty) = (make_room(&engine, "general").await, make_room(&engine, "empty").await);
    let (handle, _updates) = connect(&engine, "bob");
    handle.attach(room, Since::Now).await.unwrap();
    let (ghost, _unseen) = connect(&engine, "ghost");
    ghost.observe(room, Since::Now).await.unwrap();
    assert_eq!(engine.presence(Actor::System, room).await.unwrap(), Presence { count: 1, online: vec![user("bob")] });
    assert_eq!(engine.presence(Actor::System, empty).await.unwrap(), Presence::default());
    let rooms = engine.rooms(Actor::System, RoomQuery::default()).await.unwrap().rooms;
    assert_eq!(rooms.iter().map(|room| room.online).collect::<Vec<_>>(), [1, 0]);
    handle.detach(room).await.unwrap();
    assert_eq!(engine.room(Actor::System, room).await.unwrap().online, 0);
}

#[tokio::test(start_paused = true)]
async fn the_policy_is_asked_of_everyone_but_the_system() {
    struct Nobody;
    impl Policy for Nobody {
        fn check(&self, actor: &Actor, action: Action<'_>) -> Result<(), Error> {
            match (actor, action) {
                (Actor::System, _) => panic!("the system is not asked of"),
                (_, Action::ReadRoom(_) | Action::Type(_)) => Err(Error::RoomNotFound),
                _ => Err(Error::Forbidden),
            }
        }
    }
    let engine = ChatEngine::builder().policy(Nobody).build().await.unwrap();
    let room = engine.create_room(Actor::System, NewRoom::named("general")).await.unwrap().id;
    let alice = user("alice");
    assert_eq!(engine.create_room(&alice, NewRoom::named("a")).await.unwrap_err(), Error::Forbidden);
    assert_eq!(engine.rooms(&alice, RoomQuery::default()).await.unwrap_err(), Error::Forbidden);
    assert_eq!(engine.room_by_name(&alice, "general").await.unwrap_err(), Error::RoomNotFound);
    assert_eq!(engine.send(&alice, room, text("a")).await.unwrap_err(), Error::Forbidden);
    let (handle, _updates) = engine.connect(alice).split();
    assert_eq!(handle.attach(room, Since::Now).await.unwrap_err(), Error::RoomNotFound);
    assert_eq!(handle.send(room, text("a")).await.unwrap_err(), Error::Forbidden);
    assert_eq!(handle.typing(room, true).await.unwrap_err(), Error::RoomNotFound);
    assert!(engine.room(Actor::System, room).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_taken_name_tells_of_its_room_only_to_those_who_may_read_it() {
    /// Only its maker may read the first room.
    struct Secret;
    impl Policy for Secret {
        fn check(&self, actor: &Actor, action: Action<'_>) -> Result<(), Error> {
            let is_maker = actor.user().is_some_and(|user| user.id.as_str() == "maker");
            let is_secret = matches!(action, Action::ReadRoom(RoomId(1)));
            if is_secret && !is_maker { Err(Error::RoomNotFound) } else { Ok(()) }
        }
    }
    let engine = ChatEngine::builder().policy(Secret).build().await.unwrap();
    let maker = user("maker");
    let secret = engine.create_room(Actor::System, NewRoom::named("secret").topic("plans")).await.unwrap().id;
    let mine = engine.create_room(Actor::System, NewRoom::named("mine")).await.unwrap().id;
    let (handle, _updates) = engine.connect(maker.clone()).split();
    handle.attach(secret, Since::Now).await.unwrap();
    for (actor, may_read) in
        [(Actor::from(&maker), true), (Actor::System, true), (user("bob").into(), false), (Actor::Anonymous, false)]
    {
        let create = engine.create_room(actor.clone(), NewRoom::named("SECRET")).await.unwrap_err();
        let change = RoomChange { name: Some("Secret".into()), topic: None, ..RoomChange::default() };
        let rename = engine.update_room(actor.clone(), mine, change).await.unwrap_err();
        for error in [create, rename] {
            let words = format!("{error} {error:?}");
            assert_eq!(words.contains("plans"), may_read, "{actor:?}: {words}");
            let Error::NameTaken { room } = error else { panic!("{error:?}") };
            let told = room.map(|room| (room.id, room.online));
            assert_eq!(told, may_read.then_some((secret, 1)), "{actor:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_user_sends_no_faster_than_allowed() {
    let limits =
        Limits { rates: UserRates::UNLIMITED.messages(Rate { per_second: 1.0, burst: 1 }), ..Limits::default() };
    let engine = engine_on(memory(), limits).await;
    let room = make_room(&engine, "general").await;
    let (handle, _updates) = connect(&engine, "bob");
    handle.send(room, text("a")).await.unwrap();
    let refused = engine.send(&user("bob"), room, text("b")).await.unwrap_err();
    let Error::RateLimited { retry_after } = refused else { panic!("{refused:?}") };
    assert!(engine.send(&user("alice"), room, text("c")).await.is_ok());
    tokio::time::sleep(retry_after).await;
    handle.send(room, text("d")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_deletion_ends_every_attachment() {
    let engine = engine().await;
    let room = make_room(&engine, "general").await;
    engine.send(&user("alice"), room, text("a")).await.unwrap();
    let (handle, mut updates) = connect(&engine, "bob");
    handle.attach(room, Since::Now).await.unwrap();
    engine.delete_room(Actor::Anonymous, room).await.unwrap();
    let last = next_event(&mut updates).await;
    assert_eq!((last.seq, &last.kind), (Seq(2), &crate::EventKind::RoomDeleted));
    assert!(matches!(next(&mut updates).await, Some(Update::Detached(id, DetachReason::Deleted)) if id == room));
    assert_eq!(handle.attach(room, Since::Now).await.unwrap_err(), Error::RoomNotFound);
    assert_eq!(handle.send(room, text("b")).await.unwrap_err(), Error::RoomNotFound);
    handle.detach(room).await.unwrap();
    assert_eq!(engine.delete_room(Actor::System, room).await.unwrap_err(), Error::RoomNotFound);
    assert!(updates.try_next().is_none(), "no leaves are sent");
    let other = make_room(&engine, "general").await;
    assert_ne!(other, room, "an id is never given twice");
    handle.attach(other, Since::Now).await.unwrap();
}

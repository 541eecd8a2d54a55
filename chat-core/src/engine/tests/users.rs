//! What concerns a user: notices, and the end of all their sessions.

use std::sync::Arc;

use super::*;
use crate::{DetachReason, Erase, Error, Notice, Since};

fn removed(room: RoomId) -> Notice {
    Notice::RoomRemoved { room, reason: DetachReason::Removed }
}

fn notices(updates: &mut Updates) -> Vec<Notice> {
    let waiting = std::iter::from_fn(|| updates.try_next());
    waiting.filter_map(|update| if let Update::Notice(notice) = update { Some(notice) } else { None }).collect()
}

#[tokio::test(start_paused = true)]
async fn all_sessions_of_a_user_end_at_once_and_nobody_elses() {
    let engine = engine().await;
    let room = make_room(&engine, "general").await;
    let (alice, mut alices) = connect(&engine, "alice");
    alice.attach(room, Since::Now).await.unwrap();
    let mut bobs = [connect(&engine, "bob"), connect(&engine, "bob")];
    bobs[0].0.attach(room, Since::Now).await.unwrap();
    alice.send(room, text("waits in bob's stream")).await.unwrap();
    settle().await;

    assert_eq!(engine.disconnect(&user("bob").id), 2);
    for (handle, updates) in &mut bobs {
        assert!(
            matches!(next(updates).await, Some(Update::Closed(CloseReason::Revoked))),
            "what waited is not read any more"
        );
        assert!(next(updates).await.is_none());
        assert_eq!(handle.send(room, text("too late")).await.unwrap_err(), Error::Forbidden);
    }
    let leaves = async {
        loop {
            if let SignalKind::Leave(who) = next_signal(&mut alices).await {
                return who;
            }
        }
    };
    assert_eq!(leaves.await, user("bob"), "without a grace: time stands still here");
    assert_eq!((engine.health().sessions, engine.disconnect(&user("bob").id)), (1, 0));
    alice.send(room, text("goes on")).await.unwrap();
    let (again, mut updates) = connect(&engine, "bob");
    again.attach(room, Since::Now).await.unwrap();
    assert!(!matches!(updates.try_next(), Some(Update::Closed(_))), "nothing is remembered");
}

#[tokio::test(start_paused = true)]
async fn a_notice_reaches_each_session_of_its_user_attached_or_not() {
    let engine = engine().await;
    let room = make_room(&engine, "general").await;
    let ((_one, mut ones), (two, mut twos), (carol, mut carols)) =
        (connect(&engine, "bob"), connect(&engine, "bob"), connect(&engine, "carol"));
    two.attach(room, Since::Now).await.unwrap();
    carol.attach(room, Since::Now).await.unwrap();
    let added = Notice::RoomAdded { room: Arc::new(engine.room(&user("bob"), room).await.unwrap()) };
    assert_eq!(engine.notify(&user("bob").id, &added), 2);
    assert_eq!(engine.notify(&user("bob").id, &removed(room)), 2);
    assert_eq!(notices(&mut ones), [added.clone(), removed(room)]);
    assert_eq!(notices(&mut twos), [added, removed(room)]);
    assert_eq!(notices(&mut carols), []);
    assert_eq!(engine.notify(&user("nobody").id, &removed(room)), 0);
}

#[tokio::test(start_paused = true)]
async fn notices_that_nobody_reads_end_no_session_and_are_said_to_be_missed() {
    let limits = Limits { session_queue_bytes: 1_000, ..Limits::default() };
    let engine = engine_on(memory(), limits).await;
    let (bob, mut bobs) = connect(&engine, "bob");
    for room in 1..=1_000 {
        engine.notify(&user("bob").id, &removed(RoomId(room)));
    }
    assert!(!bob.has_ended());
    let waiting = notices(&mut bobs);
    assert!(waiting.len() <= 8, "{} notices wait", waiting.len());
    assert_eq!(waiting.iter().filter(|notice| **notice == Notice::Missed).count(), 1);
    engine.notify(&user("bob").id, &removed(RoomId(1)));
    assert_eq!(notices(&mut bobs), [removed(RoomId(1))], "once it is read, all is as before");
}

#[tokio::test(start_paused = true)]
async fn a_chosen_name_is_shown_until_the_credential_gives_another() {
    let store = memory();
    let engine = engine_on(Arc::clone(&store), Limits::default()).await;
    let given = |name: &str| Identity::new("u-1", name).unwrap();
    assert_eq!(engine.shown(&given("Ada")).await.unwrap(), given("Ada"));
    assert_eq!(engine.rename(&given("Ada"), " Countess ").await.unwrap(), given("Countess"));
    assert_eq!(engine.shown(&given("Ada")).await.unwrap(), given("Countess"));
    assert_eq!(engine.shown(&user("Ada")).await.unwrap(), user("Ada"), "another user");
    assert!(matches!(engine.rename(&given("Ada"), "").await, Err(Error::InvalidField { .. })));
    assert_eq!(engine.rename(&Identity::new("erased:1", "x").unwrap(), "y").await, Err(Error::Forbidden));
    engine.shutdown().await;

    let engine = engine_on(store, Limits::default()).await;
    assert_eq!(engine.shown(&given("Ada")).await.unwrap(), given("Countess"), "after a restart");
    assert_eq!(engine.shown(&given("Lovelace")).await.unwrap(), given("Lovelace"));
    assert_eq!(engine.shown(&given("Ada")).await.unwrap(), given("Ada"), "the newer word was the credential's");
}

#[tokio::test(start_paused = true)]
async fn of_an_erased_user_no_chosen_name_is_left() {
    let engine = engine().await;
    engine.rename(&user("ada"), "Countess").await.unwrap();
    assert_eq!(engine.shown(&user("ada")).await.unwrap().name.as_str(), "Countess");
    engine.erase_user(&user("ada").id, Erase::Anonymise, |_| {}).await.unwrap();
    assert_eq!(engine.shown(&user("ada")).await.unwrap(), user("ada"));
}

//! Two engines on one store: what one stored shows at the other.

use std::sync::Arc;

use super::*;
use crate::{
    DetachReason, Seq, Since,
    store::StoreErrorKind,
    testing::{Fault, StoreCall},
};

const SWEEP: Duration = Duration::from_secs(30);

/// Two engines on one store, and the store of the first, which can be told to fail.
async fn two_engines() -> (ChatEngine, FaultyStore, ChatEngine) {
    let (engine, ours, theirs, _) = two_engines_and_stores().await;
    (engine, ours, theirs)
}

async fn two_engines_and_stores() -> (ChatEngine, FaultyStore, ChatEngine, FaultyStore) {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(Epoch::new("test")).shared());
    let (ours, theirs) = (FaultyStore::new(Arc::clone(&store)), FaultyStore::new(store));
    let first = engine_on(Arc::new(ours.clone()), Limits::default()).await;
    let second = engine_on(Arc::new(theirs.clone()), Limits::default()).await;
    (first, ours, second, theirs)
}

/// A room in which the first engine has a session; and that time has not passed.
async fn attached(ours: &ChatEngine) -> (RoomId, SessionHandle, Updates, Instant) {
    let room = make_room(ours, "general").await;
    let (alice, updates) = connect(ours, "alice");
    alice.attach(room, Since::Now).await.unwrap();
    (room, alice, updates, Instant::now())
}

async fn store_elsewhere(theirs: &ChatEngine, room: RoomId, contents: &[&str]) {
    for content in contents {
        theirs.send(&user("bob"), room, text(content)).await.unwrap();
    }
}

async fn hears(updates: &mut Updates, contents: &[&str]) {
    for content in contents {
        let event = next_event(updates).await;
        assert_eq!(super::content(&event), *content);
    }
}

/// Why the room was lost, and whether its last event was told before.
async fn detached(updates: &mut Updates) -> (DetachReason, bool) {
    let mut is_told = false;
    loop {
        let update = next(updates).await.expect("an open stream");
        if let Update::Detached(_, reason) = update {
            return (reason, is_told);
        }
        is_told |= event(&update).is_some_and(|event| event.kind == crate::EventKind::RoomDeleted);
    }
}

#[tokio::test(start_paused = true)]
async fn what_another_engine_stored_shows_within_a_sweep_without_an_append_of_our_own() {
    let (ours, store, theirs) = two_engines().await;
    let (room, alice, mut updates, began) = attached(&ours).await;
    store_elsewhere(&theirs, room, &["a", "b", "c"]).await;
    hears(&mut updates, &["a", "b", "c"]).await;
    assert_eq!(began.elapsed(), SWEEP);
    let loads = store.calls(StoreCall::Load);
    tokio::time::sleep(10 * SWEEP).await;
    assert_eq!(store.calls(StoreCall::Load), loads, "a room that has read its log is left in peace");
    alice.send(room, text("d")).await.unwrap();
    hears(&mut updates, &["d"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_hint_shows_it_at_once() {
    let (ours, _store, theirs) = two_engines().await;
    let (room, alice, mut updates, began) = attached(&ours).await;
    store_elsewhere(&theirs, room, &["a", "b"]).await;
    ours.hint(room, Seq(2));
    hears(&mut updates, &["a", "b"]).await;
    alice.send(room, text("c")).await.unwrap();
    hears(&mut updates, &["c"]).await;
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn hints_that_are_wrong_late_or_doubled_do_no_harm() {
    let (ours, store, theirs) = two_engines().await;
    let (room, alice, mut updates, _) = attached(&ours).await;
    let before = store.calls(StoreCall::Load);
    for head in (0..1_000).chain([u64::MAX]) {
        ours.hint(room, Seq(head));
        ours.hint(RoomId(99), Seq(head));
    }
    settle().await;
    assert_eq!(
        store.calls(StoreCall::Load) - before,
        1,
        "hints that come at once are one, and what was read is believed"
    );
    store_elsewhere(&theirs, room, &["a"]).await;
    ours.hint(room, Seq(1));
    hears(&mut updates, &["a"]).await;
    let loads = store.calls(StoreCall::Load);
    ours.hint(room, Seq(1));
    alice.send(room, text("b")).await.unwrap();
    hears(&mut updates, &["b"]).await;
    ours.hint(room, Seq(2));
    settle().await;
    assert_eq!(store.calls(StoreCall::Load), loads, "nothing is read for what is known");
}

#[tokio::test(start_paused = true)]
async fn a_room_that_another_engine_deleted_ends_here_with_its_last_event_if_that_is_still_there() {
    let (ours, _store, theirs, their_store) = two_engines_and_stores().await;
    let (room, _alice, mut updates, began) = attached(&ours).await;
    their_store.hold(StoreCall::Purge);
    theirs.delete_room(&user("bob"), room).await.unwrap();
    ours.hint(room, Seq(1));
    assert_eq!(detached(&mut updates).await, (DetachReason::Deleted, true));
    assert_eq!(began.elapsed(), Duration::ZERO);
    their_store.release(StoreCall::Purge);

    let room = make_room(&ours, "random").await;
    let (carol, mut updates) = connect(&ours, "carol");
    carol.attach(room, Since::Now).await.unwrap();
    theirs.delete_room(&user("bob"), room).await.unwrap();
    settle().await;
    assert_eq!(
        detached(&mut updates).await,
        (DetachReason::Deleted, false),
        "found by the sweep, though nothing is left"
    );
    assert_eq!(carol.send(room, text("a")).await.unwrap_err(), crate::Error::RoomNotFound);
}

#[tokio::test(start_paused = true)]
async fn a_sweep_that_fails_is_made_up_for_by_the_next_and_a_load_within_half_a_second() {
    let (ours, store, theirs) = two_engines().await;
    let (room, _alice, mut updates, began) = attached(&ours).await;
    store.fail_next(StoreCall::Heads, Fault::Refuse(StoreErrorKind::Unavailable));
    store.fail_next(StoreCall::Load, Fault::Refuse(StoreErrorKind::Unavailable));
    store_elsewhere(&theirs, room, &["a"]).await;
    hears(&mut updates, &["a"]).await;
    assert_eq!(began.elapsed(), 2 * SWEEP + Duration::from_millis(500));
    assert_eq!((store.calls(StoreCall::Heads), store.calls(StoreCall::Load)), (2, 3));
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_has_its_store_alone_does_not_sweep() {
    let (engine, store) = faulty_engine(Limits::default()).await;
    let (_room, _alice, _updates, _) = attached(&engine).await;
    tokio::time::sleep(10 * SWEEP).await;
    assert_eq!(store.calls(StoreCall::Heads), 0);
}

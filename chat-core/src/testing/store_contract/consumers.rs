//! What holds for how far the consumers of what happens in all rooms are.

use super::{Opener, append, make_room, messages, user};
use crate::{
    ConsumerState, DeadLetter, HeldRoom, LogCursor, RoomId, Seq, Timestamp, consumer::MOST_DEAD_LETTERS, store::Store,
};

async fn at(store: &dyn Store, pos: u64, seq: u64) -> LogCursor {
    LogCursor { epoch: store.epoch().await.unwrap(), pos, seq: Seq(seq) }
}

fn held(next: LogCursor, tries: u32) -> HeldRoom {
    let (since, next_try) = (Timestamp(1_700_000_000_000_001), Timestamp(1_800_000_000_000_002));
    HeldRoom { next, tries, since, next_try, reason: "answered 500 ü".to_owned() }
}

/// What is stored is read.
pub async fn how_far_a_consumer_is_is_kept(opener: &dyn Opener) {
    let store = opener.open().await;
    let (store, consumers) = (&*store, store.consumers());
    assert_eq!(consumers.consumer("one").await.unwrap(), None);
    assert_eq!(consumers.consumers().await.unwrap(), []);
    let mut state = ConsumerState { saves: 1, ..ConsumerState::default() };
    assert!(consumers.save("one", &state, &[]).await.unwrap());
    assert_eq!(consumers.consumer("one").await.unwrap().as_ref(), Some(&state));
    state.cursor = Some(at(store, 7, 0).await);
    state.held.insert(RoomId(3), held(at(store, 5, 2).await, 4));
    state.held.insert(RoomId(9), held(at(store, 6, 0).await, u32::MAX));
    state.saves = 2;
    assert!(consumers.save("one", &state, &[]).await.unwrap());
    let other = ConsumerState { saves: 1, cursor: Some(at(store, 1, 1).await), ..ConsumerState::default() };
    assert!(consumers.save("ONE", &other, &[]).await.unwrap(), "names are told apart byte for byte");
    assert_eq!(consumers.consumer("one").await.unwrap().as_ref(), Some(&state));
    let all = [("ONE".to_owned(), other.clone()), ("one".to_owned(), state.clone())];
    assert_eq!(consumers.consumers().await.unwrap(), all);
    state.held.remove(&RoomId(3));
    state.saves = 3;
    assert!(consumers.save("one", &state, &[]).await.unwrap());
    assert_eq!(consumers.consumer("one").await.unwrap(), Some(state));
    assert_eq!(consumers.consumer("ONE").await.unwrap(), Some(other));
}

/// Of two who store what comes after the same, one has.
pub async fn one_of_two_saves(opener: &dyn Opener) {
    let store = opener.open().await;
    let (store, consumers) = (&*store, store.consumers());
    let state = |saves, pos| async move {
        ConsumerState { saves, cursor: Some(at(store, pos, 0).await), ..ConsumerState::default() }
    };
    let dead = DeadLetter::new(1, RoomId(1), held(at(store, 1, 1).await, 2), Timestamp(5));
    assert!(!consumers.save("one", &state(2, 1).await, &[]).await.unwrap(), "there is none");
    assert!(consumers.save("one", &state(1, 2).await, &[]).await.unwrap());
    assert!(!consumers.save("one", &state(1, 3).await, std::slice::from_ref(&dead)).await.unwrap());
    assert!(consumers.save("one", &state(2, 4).await, &[]).await.unwrap());
    assert!(!consumers.save("one", &state(2, 5).await, &[dead]).await.unwrap());
    assert_eq!(consumers.consumer("one").await.unwrap(), Some(state(2, 4).await));
    assert_eq!(consumers.dead_letters("one", None, 10).await.unwrap(), []);
}

/// What was given up is listed, the newest first, and the oldest are forgotten.
pub async fn what_was_given_up_is_kept(opener: &dyn Opener) {
    let store = opener.open().await;
    let (store, consumers) = (&*store, store.consumers());
    let place = at(store, 1, 1).await;
    let letter = |number: u64| {
        let next = LogCursor { seq: Seq(number), ..place.clone() };
        DeadLetter::new(number, RoomId(3), held(next, 30), Timestamp(1_700_000_000_000_001))
    };
    let state = |saves, dead_letters| ConsumerState { saves, dead_letters, ..ConsumerState::default() };
    assert!(consumers.save("one", &state(1, 3), &[letter(1), letter(2), letter(3)]).await.unwrap());
    assert!(consumers.save("other", &state(1, 1), &[letter(1)]).await.unwrap());
    assert_eq!(consumers.dead_letters("one", None, 2).await.unwrap(), [letter(3), letter(2)]);
    assert_eq!(consumers.dead_letters("one", Some(2), 2).await.unwrap(), [letter(1)]);
    assert_eq!(consumers.dead_letters("one", Some(1), 2).await.unwrap(), []);
    let newest = MOST_DEAD_LETTERS + 2;
    assert!(consumers.save("one", &state(2, newest), &[letter(newest)]).await.unwrap());
    assert_eq!(consumers.dead_letters("one", None, 10).await.unwrap(), [letter(newest), letter(3)]);
    assert_eq!(consumers.dead_letters("other", None, 10).await.unwrap(), [letter(1)]);
    assert_eq!(consumers.dead_letters("nobody", None, 10).await.unwrap(), []);
}

/// A room's pieces are found between two places.
pub async fn pieces_of_a_room_are_found(opener: &dyn Opener) {
    let store = opener.open().await;
    let (store, tail, alice) = (&*store, store.tail(), user("alice"));
    tail.begin().await.unwrap();
    assert_eq!(tail.last().await.unwrap(), None);
    let (one, other) = (make_room(store, "one").await, make_room(store, "other").await);
    for number in 1..=3 {
        append(store, one, messages(&alice, &[&number.to_string()])).await;
        append(store, other, messages(&alice, &[&number.to_string()])).await;
        tail.extend(&[one, other]).await.unwrap();
    }
    let of = |room, from, to, limit| async move {
        let ranges = tail.ranges_of(room, from, to, limit).await.unwrap();
        assert!(ranges.iter().all(|range| range.room == room));
        ranges.iter().map(|range| range.pos).collect::<Vec<_>>()
    };
    assert_eq!(of(one, 1, 6, 10).await, [1, 3, 5]);
    assert_eq!(of(other, 1, 6, 2).await, [2, 4]);
    assert_eq!(of(other, 3, 5, 10).await, [4]);
    assert!(of(RoomId(1_000_000), 1, 6, 10).await.is_empty());
    let last = tail.last().await.unwrap().unwrap();
    assert_eq!((last.pos, last.room, last.from, last.to), (6, other, Seq(3), Seq(3)));
}

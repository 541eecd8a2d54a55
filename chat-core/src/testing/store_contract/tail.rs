//! What holds for the order of what happens in all rooms.

use std::collections::BTreeMap;

use futures::future::join_all;

use super::{Opener, append, delete, make_room, message, messages, user};
use crate::{
    Keep, RoomId, RoomName, Seq, Timestamp,
    append::{Entry, EventKey, Op},
    store::Store,
    tail::TailRange,
};

/// All pieces, each as its room and where it begins and ends.
async fn pieces(store: &dyn Store) -> Vec<(RoomId, u64, u64)> {
    let ranges = ranges(store).await;
    ranges.iter().map(|range| (range.room, range.from.0, range.to.0)).collect()
}

/// All pieces. They are numbered without a hole.
async fn ranges(store: &dyn Store) -> Vec<TailRange> {
    let ranges = store.tail().ranges(0, 100_000).await.unwrap();
    assert!((1..).zip(&ranges).all(|(pos, range)| range.pos == pos), "{ranges:?}");
    ranges
}

/// Puts everything in that is not there yet, a few rooms at once.
async fn extend_all(store: &dyn Store) {
    let mut last = None;
    loop {
        let rooms = store.tail().behind(last, 3).await.unwrap();
        store.tail().extend(&rooms).await.unwrap();
        let Some(room) = rooms.last() else { return };
        last = Some(*room);
    }
}

/// The order costs nothing where nobody wants it.
pub async fn nothing_is_kept_until_it_is_begun(opener: &dyn Opener) {
    let store = opener.open().await;
    let (store, tail) = (&*store, store.tail());
    let room = make_room(store, "general").await;
    assert!(!tail.is_begun().await.unwrap());
    tail.extend(&[room]).await.unwrap();
    assert_eq!(ranges(store).await, []);
    tail.begin().await.unwrap();
    tail.begin().await.unwrap();
    assert!(tail.is_begun().await.unwrap());
    tail.extend(&[room]).await.unwrap();
    assert_eq!(pieces(store).await, [(room, 0, 0)]);
    tail.begin().await.unwrap();
    assert_eq!(pieces(store).await, [(room, 0, 0)]);
}

/// Pieces follow each other as they are put in, and never change.
pub async fn what_a_room_has_more_is_put_behind(opener: &dyn Opener) {
    let store = opener.open().await;
    let (store, tail, alice) = (&*store, store.tail(), user("alice"));
    tail.begin().await.unwrap();
    let (one, other) = (make_room(store, "one").await, make_room(store, "other").await);
    append(store, one, messages(&alice, &["1", "2"])).await;
    assert_eq!(tail.behind(None, 10).await.unwrap(), [one, other]);
    assert_eq!(tail.behind(None, 1).await.unwrap(), [one]);
    assert_eq!(tail.behind(Some(one), 10).await.unwrap(), [other]);
    tail.extend(&[other, one, RoomId(1_000_000)]).await.unwrap();
    let first = ranges(store).await;
    assert_eq!(pieces(store).await, [(one, 0, 2), (other, 0, 0)]);
    assert_eq!(tail.behind(None, 10).await.unwrap(), []);
    tail.extend(&[one, other]).await.unwrap();
    assert_eq!(ranges(store).await, first, "there is no more");
    append(store, other, messages(&alice, &["1"])).await;
    append(store, one, messages(&alice, &["3"])).await;
    tail.extend(&[other]).await.unwrap();
    tail.extend(&[one]).await.unwrap();
    assert_eq!(pieces(store).await[2..], [(other, 1, 1), (one, 3, 3)]);
    assert_eq!(ranges(store).await[..2], first);
    assert_eq!(tail.ranges(2, 2).await.unwrap().iter().map(|range| range.pos).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(tail.ranges(5, 2).await.unwrap(), []);
}

/// Whoever puts pieces in, however many at once and while others append: all of each log is in, once and in order.
pub async fn whoever_extends_it_puts_each_event_in_once(opener: &dyn Opener) {
    const EACH: usize = 20;
    let stores = [opener.open().await, opener.open().await];
    let first = &*stores[0];
    first.tail().begin().await.unwrap();
    let mut rooms = Vec::new();
    for room in 0..8 {
        rooms.push(make_room(first, &format!("room {room}")).await);
    }
    let alice = user("alice");
    let appends = rooms.iter().map(async |room| {
        for number in 0..EACH {
            let text = number.to_string();
            append(first, *room, vec![message(&alice, &text, &text)]).await;
        }
    });
    let extends = stores.iter().map(async |store| {
        for _ in 0..EACH {
            // Two who want the same at once may be told to try again.
            let _conflict = store.tail().extend(&rooms).await;
        }
    });
    futures::join!(join_all(appends), join_all(extends));
    extend_all(first).await;
    let mut ends = BTreeMap::new();
    for TailRange { room, from, to, .. } in ranges(first).await {
        let next = ends.insert(room, to).map_or(Seq(0), Seq::next);
        assert_eq!(from, next, "{room}");
        assert!(from <= to);
    }
    assert_eq!(ends, rooms.iter().map(|room| (*room, Seq(EACH as u64))).collect());
}

/// A room's end is told even when nothing is left of the room, and nobody has looked before.
pub async fn the_end_of_a_room_outlives_it(opener: &dyn Opener) {
    let store = opener.open().await;
    let (store, tail, alice) = (&*store, store.tail(), user("alice"));
    tail.begin().await.unwrap();
    let (known, unknown) = (make_room(store, "known").await, make_room(store, "unknown").await);
    append(store, known, messages(&alice, &["1", "2"])).await;
    tail.extend(&[known]).await.unwrap();
    for room in [known, unknown] {
        delete(store, room).await;
    }
    while store.purge(2).await.unwrap() > 0 {}
    let ended = Some(Timestamp(1_700_000_000_000_002));
    let found = ranges(store).await;
    let found: Vec<_> = found.iter().map(|range| (range.room, range.from.0, range.to.0, range.deleted_at)).collect();
    assert_eq!(found, [(known, 0, 2, None), (known, 3, 3, ended), (unknown, 0, 1, ended)]);
    assert_eq!(tail.events(&[(known, Seq(0), Seq(3))]).await.unwrap(), []);
    assert_eq!(tail.rooms(&[known, unknown]).await.unwrap(), []);
    assert_eq!(tail.behind(None, 10).await.unwrap(), []);
}

/// A room that is imported is told when that is finished, and never if it is given up.
pub async fn an_import_is_told_when_it_is_finished(opener: &dyn Opener) {
    let store = opener.open().await;
    let (store, tail, alice) = (&*store, store.tail(), user("alice"));
    let room = make_room(store, "general").await;
    append(store, room, messages(&alice, &["1", "2"])).await;
    let (head, items) = super::archive::exported(store, room).await;
    tail.begin().await.unwrap();
    let archive = store.archive();
    let (kept, given_up) = (archive.begin_import(&head).await.unwrap(), archive.begin_import(&head).await.unwrap());
    for import in [kept, given_up] {
        archive.import(import, &items).await.unwrap().unwrap().unwrap();
    }
    assert_eq!(tail.behind(None, 10).await.unwrap(), [room]);
    tail.extend(&[room, kept, given_up]).await.unwrap();
    archive.abandon_import(given_up).await.unwrap();
    archive.finish_imports(&[(kept, RoomName::new("copy").unwrap(), None)]).await.unwrap().unwrap().unwrap();
    extend_all(store).await;
    while store.purge(10).await.unwrap() > 0 {}
    extend_all(store).await;
    assert_eq!(pieces(store).await, [(room, 0, 2), (kept, 0, 2)]);
}

/// The events of many pieces are read at once, as far as they are left.
pub async fn events_of_pieces_are_those_that_are_left(opener: &dyn Opener) {
    let store = opener.open().await;
    let (store, tail, alice) = (&*store, store.tail(), user("alice"));
    let (one, other) = (make_room(store, "one").await, make_room(store, "other").await);
    let texts: Vec<_> = (1..=40).map(|number| number.to_string()).collect();
    for room in [one, other] {
        append(store, room, messages(&alice, &texts.iter().map(String::as_str).collect::<Vec<_>>())).await;
    }
    let key = EventKey::generated("prune");
    append(store, one, vec![Entry::new(None, key, Timestamp(1), Op::Prune(Keep::From(Seq(4))))]).await;
    let read = async |parts: &[(RoomId, Seq, Seq)]| {
        let mut events = tail.events(parts).await.unwrap();
        events.sort_by_key(|stored| (stored.event.room, stored.event.seq));
        events.iter().map(|stored| (stored.event.room, stored.event.seq.0)).collect::<Vec<_>>()
    };
    assert_eq!(read(&[]).await, []);
    assert_eq!(read(&[(one, Seq(0), Seq(5))]).await, [(one, 4), (one, 5)]);
    let parts: Vec<_> = (1..=40).flat_map(|seq| [(one, Seq(seq), Seq(seq)), (other, Seq(seq), Seq(seq))]).collect();
    let all = (4..=40).map(|seq| (one, seq)).chain((1..=40).map(|seq| (other, seq)));
    assert_eq!(read(&parts).await, all.collect::<Vec<_>>());
    let rooms = tail.rooms(&[other, RoomId(1_000_000)]).await.unwrap();
    assert_eq!(rooms, [store.room(other).await.unwrap().unwrap()]);
}

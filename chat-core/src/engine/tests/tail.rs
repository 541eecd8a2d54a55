//! What happens in all rooms, through the engine.

use futures::future::join_all;

use super::*;
use crate::{
    Actor, Change, Error, EventKind, LiveEvent, LogCursor, RoomChange, Seq, TailEntry, TailItem, TailPage,
    store::StoreErrorKind,
    testing::{Fault, StoreCall},
};

/// All that has happened, read by pages of so many.
async fn all(engine: &ChatEngine, limit: usize) -> Vec<TailEntry> {
    let (mut entries, mut after) = (Vec::new(), None);
    loop {
        let page = engine.tail(after, limit).await.unwrap();
        assert!(page.entries.len() <= limit);
        entries.extend(page.entries);
        after = page.next;
        if !page.has_more {
            return entries;
        }
    }
}

/// Where each entry stands: its room, and its number there; 0 for the making of the room.
fn places(entries: &[TailEntry]) -> Vec<(RoomId, u64)> {
    let place = |entry: &TailEntry| match &entry.item {
        TailItem::RoomCreated { .. } => (entry.room, 0),
        TailItem::Event(event) => {
            assert_eq!((event.room, event.seq), (entry.room, entry.cursor.seq));
            (entry.room, event.seq.0)
        }
    };
    entries.iter().map(place).collect()
}

#[tokio::test(start_paused = true)]
async fn what_was_answered_is_in_the_order_of_all_rooms() {
    let engine = engine().await;
    let alice = user("alice");
    let one = make_room(&engine, "one").await;
    engine.send(&alice, one, text("1")).await.unwrap();
    let first = all(&engine, 100).await;
    assert_eq!(places(&first), [(one, 0), (one, 1)]);
    let TailItem::RoomCreated { room: Some(room) } = &first[0].item else { panic!("{first:?}") };
    assert_eq!((room.name.as_str(), room.head), ("one", Seq(1)));

    let other = make_room(&engine, "other").await;
    engine.send(&alice, other, text("1")).await.unwrap();
    engine.change(&alice, one, Change::delete(Seq(1))).await.unwrap();
    engine
        .update_room(Actor::System, one, RoomChange { topic: Some("new".to_owned()), ..RoomChange::default() })
        .await
        .unwrap();
    engine.delete_room(Actor::System, other).await.unwrap();
    let entries = all(&engine, 100).await;
    assert_eq!(places(&entries[..2]), places(&first), "the order never changes");
    let mut later = places(&entries[2..]);
    later.sort_unstable();
    // The messages of a deleted room may be removed already.
    later.retain(|place| *place != (other, 1));
    assert_eq!(later, [(one, 2), (one, 3), (other, 0), (other, 2)]);
    let ends = entries.iter().filter(|entry| {
        matches!(&entry.item, TailItem::Event(event) if event.kind == EventKind::RoomDeleted && event.room == other)
    });
    assert_eq!(ends.count(), 1);
    for limit in 1..8 {
        let again = all(&engine, limit).await;
        assert_eq!(places(&again), places(&entries), "by pages of {limit}");
        let cursors = |entries: &[TailEntry]| entries.iter().map(|entry| entry.cursor.clone()).collect::<Vec<_>>();
        assert_eq!(cursors(&again), cursors(&entries));
    }
    // Whoever goes on after any entry gets all that comes behind it.
    for (index, entry) in entries.iter().enumerate() {
        let page = engine.tail(Some(entry.cursor.clone()), 100).await.unwrap();
        assert_eq!(places(&page.entries), places(&entries[index + 1..]));
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_page_says_whether_there_is_more() {
    let engine = engine().await;
    let room = make_room(&engine, "general").await;
    engine.send(&user("alice"), room, text("1")).await.unwrap();
    assert!(!engine.tail(None, 2).await.unwrap().has_more, "there is nothing else");
    engine.send(&user("alice"), room, text("2")).await.unwrap();
    let page = engine.tail(None, 2).await.unwrap();
    assert_eq!((places(&page.entries), page.has_more), (vec![(room, 0), (room, 1)], true));
}

#[tokio::test(start_paused = true)]
async fn a_follower_hears_everything_once_while_rooms_come_and_go() {
    let engine = engine().await;
    let alice = user("alice");
    let writers = join_all((0..20).map(|number| {
        let (engine, alice) = (engine.clone(), alice.clone());
        async move {
            let room = make_room(&engine, &format!("room {number}")).await;
            for _ in 0..10 {
                engine.send(&alice, room, text("x")).await.unwrap();
                tokio::time::sleep(Duration::from_millis(7)).await;
            }
            engine.delete_room(Actor::System, room).await.unwrap();
        }
    }));
    let follower = async {
        let (mut after, mut heard, mut ends) = (None, std::collections::BTreeMap::<RoomId, u64>::new(), 0);
        while ends < 20 {
            let TailPage { entries, next, .. } = engine.tail(after, 7).await.unwrap();
            for (room, seq) in places(&entries) {
                assert_eq!(heard.insert(room, seq), seq.checked_sub(1), "{room} {seq}");
                ends += u64::from(seq == 11);
            }
            after = next;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    futures::join!(writers, follower);
}

#[tokio::test(start_paused = true)]
async fn a_cursor_outlives_the_engine() {
    let store = memory();
    let engine = engine_on(Arc::clone(&store), Limits::default()).await;
    let room = make_room(&engine, "general").await;
    engine.send(&user("alice"), room, text("1")).await.unwrap();
    let page = engine.tail(None, 100).await.unwrap();
    let cursor: LogCursor = page.next.unwrap().to_string().parse().unwrap();
    engine.send(&user("alice"), room, text("2")).await.unwrap();
    engine.shutdown().await;

    let engine = engine_on(Arc::clone(&store), Limits::default()).await;
    engine.send(&user("alice"), room, text("3")).await.unwrap();
    let page = engine.tail(Some(cursor.clone()), 100).await.unwrap();
    assert_eq!(places(&page.entries), [(room, 2), (room, 3)]);
    assert_eq!(engine.tail(page.next.clone(), 100).await.unwrap(), TailPage { entries: Vec::new(), ..page });

    let another = LogCursor { epoch: Epoch::new("another"), ..cursor.clone() };
    assert_eq!(engine.tail(Some(another), 100).await.unwrap_err(), Error::EpochChanged);
    for pos in [0, 1_000] {
        let wrong = engine.tail(Some(LogCursor { pos, ..cursor.clone() }), 100).await.unwrap_err();
        assert!(matches!(&wrong, Error::InvalidField { field, .. } if field == "after"), "{wrong:?}");
    }
    for limit in [0, 1_001] {
        let wrong = engine.tail(None, limit).await.unwrap_err();
        assert!(matches!(&wrong, Error::InvalidField { field, .. } if field == "limit"), "{wrong:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_put_in_is_put_in_later() {
    let (engine, store) = faulty_engine(Limits::default()).await;
    let room = make_room(&engine, "general").await;
    let page = engine.tail(None, 100).await.unwrap();
    let fail = |fault| store.fail_always(StoreCall::ExtendTail, fault);
    fail(Some(Fault::Refuse(StoreErrorKind::Unavailable)));
    engine.send(&user("alice"), room, text("1")).await.unwrap();
    let refused = engine.tail(page.next.clone(), 100).await.unwrap_err();
    assert_eq!(refused, Error::Unavailable, "rather than a page that misses something");
    fail(None);
    let page = engine.tail(page.next, 100).await.unwrap();
    assert_eq!(places(&page.entries), [(room, 1)]);
    // What is there already can be read meanwhile, and says that there may be more.
    fail(Some(Fault::Refuse(StoreErrorKind::Unavailable)));
    engine.send(&user("alice"), room, text("2")).await.unwrap();
    let page = engine.tail(None, 100).await.unwrap();
    assert_eq!((places(&page.entries), page.has_more), (vec![(room, 0), (room, 1)], true));
}

#[tokio::test(start_paused = true)]
async fn what_others_have_stored_is_found_by_itself() {
    let store = memory();
    let engine = engine_on(Arc::clone(&store), Limits::default()).await;
    let first = engine.tail(None, 100).await.unwrap();
    assert_eq!(first, TailPage { entries: Vec::new(), next: None, has_more: false });
    let record = crate::append::RoomRecord::open(
        crate::RoomName::new("theirs").unwrap(),
        crate::Topic::new("").unwrap(),
        Timestamp(1),
    );
    let room = store.create_room(&record).await.unwrap().unwrap().id;
    let found = async {
        loop {
            let page = engine.tail(None, 100).await.unwrap();
            if !page.entries.is_empty() {
                return places(&page.entries);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    assert_eq!(timeout(Duration::from_secs(5), found).await.unwrap(), [(room, 0)]);
}

#[tokio::test(start_paused = true)]
async fn all_events_are_heard_live() {
    let engine = engine().await;
    let mut events = engine.all_events();
    let (one, other) = (make_room(&engine, "one").await, make_room(&engine, "other").await);
    for room in [one, other, one] {
        engine.send(&user("alice"), room, text("x")).await.unwrap();
    }
    let mut heard = Vec::new();
    for _ in 0..3 {
        let Some(LiveEvent::Event(event)) = events.next().await else { panic!("an event") };
        heard.push((event.room, event.seq.0));
    }
    assert_eq!(heard, [(one, 1), (other, 1), (one, 2)]);

    let mut late = engine.all_events();
    for _ in 0..1_030 {
        engine.send(&user("alice"), one, text("x")).await.unwrap();
    }
    assert_eq!(late.next().await, Some(LiveEvent::Lagged(6)), "nobody waits for it");
    let Some(LiveEvent::Event(event)) = late.next().await else { panic!("an event") };
    assert_eq!(event.seq, Seq(9));
    engine.shutdown().await;
    assert_eq!(engine.tail(None, 1).await.unwrap_err(), Error::Stopped);
    while late.next().await.is_some() {}
}

#[test]
fn a_cursor_is_read_as_it_is_written() {
    for text in ["e.1.0", "a.b.7.12", ".1.2"] {
        assert_eq!(text.parse::<LogCursor>().unwrap().to_string(), text);
    }
    let long = format!("{}.1.1", "e".repeat(300));
    for text in ["", "1", "1.2", "e.1", "e.01.1", "e.+1.1", "e.1.-1", "e.1.1 ", "e.1.99999999999999999999", &long] {
        assert!(text.parse::<LogCursor>().is_err(), "{text}");
    }
    assert!(format!("e.{}.1", u64::MAX).parse::<LogCursor>().is_err());
}

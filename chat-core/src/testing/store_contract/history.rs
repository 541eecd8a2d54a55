//! What holds for reading a room's log.

use super::{Opener, append, delete, make_room, messages, seqs, update, user};
use crate::{
    HistoryPage, HistoryQuery, RoomId, Seq,
    append::{EventKey, Lookup, Recovered},
    store::Store,
};

/// Every page, in each direction and from each number, is what a look at the whole log says it is.
pub async fn pages_reach_every_message(opener: &impl Opener) {
    let store = opener.open().await;
    let store = &*store;
    let (room, numbers) = mixed_room(store).await;
    for limit in [1, 2, 3, 10] {
        for seq in (0..=12).chain([u64::MAX]) {
            pages_are_right(store, room, &numbers, seq, limit).await;
        }
    }
}

/// A page is full however many other events stand between its messages, and what it is divided at need not be a message.
pub async fn pages_pass_over_what_is_no_message(opener: &impl Opener) {
    let store = opener.open().await;
    let (store, alice) = (&*store, user("alice"));
    let room = make_room(store, "general").await;
    for seq in 1..=350 {
        if seq % 100 == 50 {
            append(store, room, messages(&alice, &[&seq.to_string()])).await;
        } else {
            update(store, room, None, Some(&seq.to_string())).await;
        }
    }
    for limit in [1, 2, 3, 4, 100] {
        for seq in [0, 1, 49, 50, 51, 149, 150, 151, 200, 250, 299, 349, 350, 351, u64::MAX] {
            pages_are_right(store, room, &[50, 150, 250, 350], seq, limit).await;
        }
    }
}

/// Without messages all pages are empty; without a room there is none.
pub async fn an_empty_room_has_an_empty_page(opener: &impl Opener) {
    let store = opener.open().await;
    let store = &*store;
    let room = make_room(store, "general").await;
    update(store, room, None, Some("no message")).await;
    for asked in [
        HistoryQuery::newest(),
        HistoryQuery::before(Seq(9)),
        HistoryQuery::after(Seq(0)),
        HistoryQuery::around(Seq(1)),
    ] {
        let page = store.history(room, asked, None).await.unwrap().unwrap();
        let expected = HistoryPage {
            messages: Vec::new(),
            head: Seq(1),
            epoch: store.epoch().await.unwrap(),
            has_before: false,
            has_after: false,
        };
        assert_eq!(page, expected, "{asked:?}");
        assert_eq!(store.history(RoomId(room.0 + 1), asked, None).await.unwrap(), None);
    }
}

/// The heads of a thousand rooms, in the order asked for, those of rooms that are gone among them.
pub async fn heads_are_told_of_many_rooms_at_once(opener: &impl Opener) {
    let store = opener.open().await;
    let store = &*store;
    let (general, random, gone) =
        (make_room(store, "general").await, make_room(store, "random").await, make_room(store, "gone").await);
    append(store, general, messages(&user("alice"), &["a", "b", "c"])).await;
    delete(store, gone).await;
    let missing = RoomId(gone.0 + 1);
    let asked = [random, gone, general, missing, random];
    let expected = [Some(Seq(0)), None, Some(Seq(3)), None, Some(Seq(0))];
    assert_eq!(store.heads(&asked).await.unwrap(), expected);
    assert_eq!(store.heads(&[]).await.unwrap(), []);
    let many: Vec<RoomId> = asked.iter().copied().cycle().take(1_000).collect();
    let heads = store.heads(&many).await.unwrap();
    assert!(heads.iter().eq(expected.iter().cycle().take(1_000)), "{heads:?}");
}

/// Where the log ends, and what holds one of the keys: that and nothing else, however much there is. A key that is nowhere was
/// not stored.
pub async fn recovery_finds_what_was_stored(opener: &impl Opener) {
    let store = opener.open().await;
    let (store, alice) = (&*store, user("alice"));
    let room = make_room(store, "general").await;
    append(store, room, messages(&alice, &["a", "b", "c"])).await;
    append(store, room, messages(&user("bob"), &["a"])).await;
    let lookup = |key: &str| Lookup { user: Some(alice.id.clone()), key: EventKey::from_stored(key) };
    let unnamed = Lookup { user: None, key: EventKey::from_stored("a") };
    let keys = [lookup("c"), lookup("a"), lookup("nowhere"), unnamed, lookup("c")];
    let found = store.recover(room, &keys).await.unwrap().unwrap();
    assert_eq!((found.head, found.is_deleted, seqs(&found.found)), (Seq(4), false, vec![1, 3]));
    assert_eq!(found.found[1].key, EventKey::from_stored("c"));
    assert_eq!(found.found[1].event.actor, Some(alice.clone()));
    let nothing = store.recover(room, &keys[2..4]).await.unwrap().unwrap();
    assert_eq!(nothing, Recovered { head: Seq(4), ..Recovered::default() });
    assert_eq!(store.recover(RoomId(room.0 + 1), &keys).await.unwrap(), None);
    let many: Vec<String> = (0..1_000).map(|number| format!("later {number}")).collect();
    append(store, room, messages(&user("bob"), &many.iter().map(String::as_str).collect::<Vec<_>>())).await;
    let found = store.recover(room, &keys).await.unwrap().unwrap();
    assert_eq!((found.head, seqs(&found.found)), (Seq(1_004), vec![1, 3]));
}

/// A room's end can be recovered, though nobody is named in it.
pub async fn recovery_of_a_deleted_room(opener: &impl Opener) {
    let store = opener.open().await;
    let store = &*store;
    let room = make_room(store, "general").await;
    append(store, room, messages(&user("alice"), &["a"])).await;
    delete(store, room).await;
    let keys = [Lookup { user: None, key: EventKey::generated("end") }];
    let found = store.recover(room, &keys).await.unwrap().unwrap();
    assert_eq!((found.head, found.is_deleted, seqs(&found.found)), (Seq(2), true, vec![2]));
    assert_eq!(found.found[0].key, EventKey::generated("end"));
}

/// A room with messages and changes in turn, and the numbers of the messages.
async fn mixed_room(store: &dyn Store) -> (RoomId, Vec<u64>) {
    let (room, alice) = (make_room(store, "general").await, user("alice"));
    update(store, room, None, Some("1")).await;
    append(store, room, messages(&alice, &["2", "3"])).await;
    update(store, room, None, Some("4")).await;
    update(store, room, None, Some("5")).await;
    append(store, room, messages(&alice, &["6", "7", "8"])).await;
    update(store, room, None, Some("9")).await;
    append(store, room, messages(&alice, &["10"])).await;
    update(store, room, None, Some("11")).await;
    (room, vec![2, 3, 6, 7, 8, 10])
}

/// Each page at this number has the messages that it should, out of those of a room.
async fn pages_are_right(store: &dyn Store, room: RoomId, numbers: &[u64], seq: u64, limit: usize) {
    let (edge, next) = (numbers.partition_point(|n| *n < seq), numbers.partition_point(|n| *n <= seq));
    let (half, all) = (limit / 2, numbers.len());
    for (query, edge, before, after) in [
        (HistoryQuery::newest(), all, limit, 0),
        (HistoryQuery::before(Seq(seq)), edge, limit, 0),
        (HistoryQuery::after(Seq(seq)), next, 0, limit),
        (HistoryQuery::around(Seq(seq)), edge, half, limit - half),
    ] {
        let (from, to) = (edge.saturating_sub(before), all.min(edge + after));
        let page = store.history(room, query.limit(limit), None).await.unwrap().unwrap();
        let found: Vec<u64> = page.messages.iter().map(|message| message.seq.0).collect();
        assert_eq!(found, numbers[from..to], "{query:?} {limit}");
        assert_eq!((page.has_before, page.has_after), (from > 0, to < all), "{query:?} {limit}");
        assert_eq!(page.head, store.room(room).await.unwrap().unwrap().head);
    }
}

//! What holds for logs that begin later.

use super::{Opener, append, append_one, entry, log, make_room, message, messages, new_seq, seqs, user};
use crate::{
    Body, Edit, HistoryQuery, Keep, MarkTo, Reaction, RoomId, Seq, Timestamp,
    append::{AppendOutcome, Entry, EventKey, Op},
    error::Error,
    store::{Found, Store},
};

async fn prune(store: &dyn Store, room: RoomId, keep: Keep) -> u64 {
    let (key, at) = (EventKey::generated("prune"), Timestamp(1_700_000_000_000_003));
    let entry = Entry::new(None, key, at, Op::Prune(keep));
    let outcome = append_one(store, room, entry).await;
    let AppendOutcome::Pruned(first) = outcome else { panic!("{outcome:?}") };
    first.0
}

/// Nothing before the beginning is found by any reader, and the rest is as it was.
pub async fn what_was_pruned_is_found_no_more(opener: &dyn Opener) {
    let store = opener.open().await;
    let (store, alice) = (&*store, user("alice"));
    let room = make_room(store, "general").await;
    append(store, room, messages(&alice, &["1", "2", "3", "4"])).await;
    let thread = Body { thread: Some(Seq(2)), ..Body::text("in the thread") };
    append_one(store, room, entry(&alice, "t", Op::Message(thread))).await;
    assert_eq!(prune(store, room, Keep::From(Seq(3))).await, 3);
    let row = store.room(room).await.unwrap().unwrap();
    assert_eq!((row.first_seq, row.head), (Seq(3), Seq(5)));
    assert_eq!(seqs(&log(store, room).await), [3, 4, 5]);
    let page = store.history(room, HistoryQuery::newest(), None).await.unwrap().unwrap();
    assert_eq!(page.messages.iter().map(|message| message.seq.0).collect::<Vec<_>>(), [3, 4]);
    assert!(!page.has_before && !page.has_after);
    assert_eq!(store.reader().message(room, Seq(2), None).await.unwrap(), Found::NoMessage);
    assert_eq!(store.reader().versions(room, Seq(2)).await.unwrap(), Found::NoMessage);
    assert!(matches!(store.reader().message(room, Seq(3), None).await.unwrap(), Found::Here(_)));
    let Found::Here(left) = store.reader().thread(room, Seq(2), HistoryQuery::newest(), None).await.unwrap() else {
        panic!("what is left of a thread can be read");
    };
    assert_eq!(left.messages.iter().map(|message| message.seq.0).collect::<Vec<_>>(), [5]);
    // It goes on where it was, and nothing can be said of what is gone.
    let to_gone = Body { reply_to: Some(Seq(2)), ..Body::text("to 2") };
    let in_gone = Body { thread: Some(Seq(2)), ..Body::text("in 2") };
    let missing = || AppendOutcome::Refused(Error::MessageNotFound);
    let entries = vec![
        entry(&alice, "a", Op::Message(to_gone)),
        entry(&alice, "b", Op::Message(in_gone)),
        entry(&alice, "c", Op::Edit(Seq(1), Edit::text("x"))),
        entry(&alice, "d", Op::React(Seq(2), Reaction::new("yes").unwrap(), true)),
        message(&alice, "next", "e"),
    ];
    let outcomes = append(store, room, entries).await;
    assert_eq!(outcomes[..4], [missing(), missing(), missing(), missing()]);
    assert_eq!(new_seq(&outcomes[4]), Seq(6));
    assert_eq!(prune(store, room, Keep::From(Seq(2))).await, 3, "what was pruned stays so");
}

/// The last so many messages, everything since a time, nothing at all.
pub async fn a_log_is_kept_by_count_and_by_time(opener: &dyn Opener) {
    let store = opener.open().await;
    let (store, alice) = (&*store, user("alice"));
    let room = make_room(store, "general").await;
    for at in 1..=6 {
        let mut entry = message(&alice, "hello", &format!("key {at}"));
        entry.at = Timestamp(1_000 * at);
        append_one(store, room, entry).await;
    }
    assert_eq!(prune(store, room, Keep::Last(100)).await, 1, "there are fewer");
    assert_eq!(prune(store, room, Keep::Last(5)).await, 2);
    assert_eq!(prune(store, room, Keep::Since(Timestamp(3_500))).await, 4);
    assert_eq!(prune(store, room, Keep::Last(1)).await, 6);
    assert_eq!(prune(store, room, Keep::Since(Timestamp(9_000))).await, 7);
    assert_eq!(seqs(&log(store, room).await), [0_u64; 0]);
    let page = store.history(room, HistoryQuery::newest(), None).await.unwrap().unwrap();
    assert!(page.messages.is_empty() && !page.has_before && page.head == Seq(6));
    let next = append_one(store, room, message(&alice, "again", "again")).await;
    assert_eq!(new_seq(&next), Seq(7));
    let page = store.history(room, HistoryQuery::newest(), None).await.unwrap().unwrap();
    assert_eq!(page.messages[0].message.ordinal, 7, "messages are counted on");
}

/// Unread counts only what is still there.
pub async fn unread_counts_what_is_left(opener: &dyn Opener) {
    let store = opener.open().await;
    let (store, alice, bob) = (&*store, user("alice"), user("bob"));
    let room = make_room(store, "general").await;
    append(store, room, messages(&alice, &["1", "2", "3", "4", "5"])).await;
    append_one(store, room, entry(&alice, "gone", Op::Delete(Seq(2), None))).await;
    prune(store, room, Keep::From(Seq(4))).await;
    for (seq, left) in [(0, 2), (2, 2), (4, 1), (5, 0)] {
        let mark = entry(&bob, " mark", Op::Mark(MarkTo::back_to(Seq(seq))));
        let AppendOutcome::Marked(marked) = append_one(store, room, mark).await else { panic!("not marked") };
        assert_eq!((marked.unread.seq, marked.unread.unread), (Seq(seq), left), "marked at {seq}");
        assert_eq!(marked.unread.ordinal, 5);
    }
}

/// What was pruned is removed for good, and what edits that stay have said of it, too.
pub async fn what_was_pruned_is_removed(opener: &dyn Opener) {
    let store = opener.open().await;
    let (store, alice) = (&*store, user("alice"));
    let room = make_room(store, "general").await;
    append(store, room, messages(&alice, &["1", "2", "3"])).await;
    append_one(store, room, entry(&alice, "r", Op::React(Seq(1), Reaction::new("yes").unwrap(), true))).await;
    append_one(store, room, entry(&alice, "p", Op::Pin(Seq(1), true))).await;
    append_one(store, room, entry(&alice, "e", Op::Edit(Seq(1), Edit::text("secret")))).await;
    prune(store, room, Keep::From(Seq(3))).await;
    while store.purge(1).await.unwrap() > 0 {}
    let events = log(store, room).await;
    assert_eq!(seqs(&events), [3, 4, 5, 6]);
    assert_eq!(events[3].event, std::sync::Arc::new(crate::Event::clone(&events[3].event).erased()));
    assert!(store.reader().pins(room, None).await.unwrap().unwrap().messages.is_empty());
    let retry = append_one(store, room, message(&alice, "1", "1")).await;
    assert_eq!(new_seq(&retry), Seq(7), "its key is free again with its row");
}

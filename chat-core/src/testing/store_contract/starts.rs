//! What holds for opening a database.

use super::{Opener, append, log, make_room, messages, new_seq, user};
use crate::{Epoch, HistoryQuery, Seq, append::AppendOutcome, store::StoreErrorKind};

/// The epoch, the logs and the keys.
pub async fn what_was_stored_is_there_after_a_restart(opener: &impl Opener) {
    let store = opener.open().await;
    let room = make_room(&*store, "general").await;
    append(&*store, room, messages(&user("alice"), &["a", "b"])).await;
    let (epoch, before) = (store.epoch().await.unwrap(), log(&*store, room).await);
    store.close().await;
    drop(store);

    let store = opener.open().await;
    let store = &*store;
    assert_eq!(store.epoch().await.unwrap(), epoch);
    assert!(!epoch.as_str().is_empty());
    assert_eq!(log(store, room).await, before);
    let placed = append(store, room, messages(&user("alice"), &["b", "c"])).await;
    assert!(matches!(placed[0], AppendOutcome::Replay(_)), "{placed:?}");
    assert_eq!(new_seq(&placed[1]), Seq(3));
}

/// A new epoch is another one, for good; nothing else changes.
pub async fn a_new_epoch_stays(opener: &impl Opener) {
    let store = opener.open().await;
    let room = make_room(&*store, "general").await;
    append(&*store, room, messages(&user("alice"), &["a"])).await;
    let (before, events) = (store.epoch().await.unwrap(), log(&*store, room).await);
    let epoch = Epoch::new("another-word-of-this-log");
    assert_ne!(epoch, before);
    store.set_epoch(&epoch).await.unwrap();
    assert_eq!(store.epoch().await.unwrap(), epoch);
    assert_eq!(store.history(room, HistoryQuery::newest(), None).await.unwrap().unwrap().epoch, epoch);
    store.close().await;
    drop(store);
    let store = opener.open().await;
    assert_eq!(store.epoch().await.unwrap(), epoch);
    assert_eq!(log(&*store, room).await, events);
    assert_eq!(new_seq(&append(&*store, room, messages(&user("alice"), &["b"])).await[0]), Seq(2));
}

/// On an empty database, and again on that database: all see one history.
pub async fn three_starts_at_once(opener: &impl Opener) {
    let mut epochs = Vec::new();
    for _ in 0..2 {
        let (one, two, three) = tokio::join!(opener.open(), opener.open(), opener.open());
        for store in [one, two, three] {
            epochs.push(store.epoch().await.unwrap());
            store.close().await;
        }
    }
    epochs.dedup();
    assert_eq!(epochs.len(), 1, "{epochs:?}");
}

/// Asked whether it can store, it says yes and stores nothing.
pub async fn a_store_that_stores_says_so(opener: &impl Opener) {
    let store = opener.open().await;
    assert!(store.append_concurrency() >= 1);
    let epoch = store.epoch().await.unwrap();
    store.probe(StoreErrorKind::Unavailable).await.unwrap();
    store.probe(StoreErrorKind::Full).await.unwrap();
    assert_eq!(store.epoch().await.unwrap(), epoch);
    let room = make_room(&*store, "general").await;
    store.probe(StoreErrorKind::Unavailable).await.unwrap();
    store.probe(StoreErrorKind::Full).await.unwrap();
    assert_eq!(store.room(room).await.unwrap().unwrap().head, Seq(0));
}

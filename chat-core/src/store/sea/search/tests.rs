//! What stands in the table of the index.

use sea_orm::ConnectionTrait as _;

use super::*;
use crate::{
    Body, Identity, RoomName, Timestamp, Topic,
    append::{Entry, EventKey, Op, RoomBatch, RoomRecord},
    store::Store,
};

async fn room(store: &SeaStore, name: &str) -> RoomId {
    let at = Timestamp(1);
    let record = RoomRecord::open(RoomName::new(name).unwrap(), Topic::new("").unwrap(), at);
    store.create_room(&record).await.unwrap().unwrap().id
}

async fn append(store: &SeaStore, room: RoomId, key: &str, op: Op) {
    let entry = Entry::new(Some(Identity::named("alice").unwrap()), EventKey::from_stored(key), Timestamp(2), op);
    store.append(&[RoomBatch { room, entries: vec![entry] }]).await.unwrap()[0].as_ref().unwrap();
}

async fn index(store: &SeaStore, room: RoomId) {
    while Searcher::index(store, room).await.unwrap() > 0 {}
}

/// The terms of the index.
async fn terms(store: &SeaStore) -> Vec<String> {
    let checkout = store.readers.checkout().await.unwrap();
    let sql = "SELECT block FROM chat_terms ORDER BY block";
    let rows = checkout.connection().query_all_raw(sea_orm::Statement::from_string(sea_orm::DbBackend::Sqlite, sql));
    let key =
        |row: &sea_orm::QueryResult| crate::search::postings::BlockKey::from_stored(row.try_get_by_index(0).unwrap());
    rows.await.unwrap().iter().map(|row| key(row).term().to_owned()).collect()
}

#[tokio::test]
async fn a_purge_leaves_no_word_of_a_deleted_room() {
    let store = SeaStore::open("sqlite::memory:").await.unwrap();
    let (gone, stays) = (room(&store, "gone").await, room(&store, "stays").await);
    for number in 0..40 {
        append(&store, gone, &format!("g{number}"), Op::Message(Body::text(format!("secret {number} 秘密")))).await;
    }
    append(&store, stays, "s", Op::Message(Body::text("no secret"))).await;
    index(&store, gone).await;
    index(&store, stays).await;
    assert_eq!(terms(&store).await.len(), 40 + 4);
    append(&store, gone, "end", Op::DeleteRoom).await;
    while store.purge(7).await.unwrap() > 0 {}
    assert_eq!(terms(&store).await, ["no", "secret"]);
}

#[tokio::test]
async fn a_prune_leaves_no_word_of_what_stood_before() {
    let store = SeaStore::open("sqlite::memory:").await.unwrap();
    let room = room(&store, "general").await;
    for text in ["old secret", "another", "new"] {
        append(&store, room, text, Op::Message(Body::text(text))).await;
    }
    index(&store, room).await;
    append(&store, room, "prune", Op::Prune(crate::Keep::From(crate::Seq(3)))).await;
    while store.purge(1).await.unwrap() > 0 {}
    assert_eq!(terms(&store).await, ["new"]);
}

#[tokio::test]
async fn one_step_is_bounded_by_what_it_writes() {
    let store = SeaStore::open("sqlite::memory:").await.unwrap();
    let room = room(&store, "general").await;
    let long: String = (0..1_000).map(|number| format!("{number} ")).collect();
    for number in 0..20 {
        append(&store, room, &format!("{number}"), Op::Message(Body::text(long.clone()))).await;
    }
    let mut steps = Vec::new();
    for _ in 0..5 {
        steps.push(Searcher::index(&store, room).await.unwrap());
    }
    assert_eq!(steps, [15, 10, 5, 0, 0]);
}

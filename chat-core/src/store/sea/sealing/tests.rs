//! What stands in the rows while texts are encrypted, and how it gets there.

use sea_orm::{ConnectionTrait as _, DbBackend, Statement};

use super::super::{Opening, SeaStore, Settings};
use super::*;
use crate::{
    Body, Edit, Identity, RoomName, StartError, Timestamp, Topic,
    append::{AppendOutcome, Entry, MemberOp, MemberStep, Op, RoomBatch, RoomRecord},
    store::{Searcher, Store},
};

/// A file that goes with its test.
struct File(std::path::PathBuf);

impl File {
    fn new() -> Self {
        Self(std::env::temp_dir().join(format!("chat-{}.db", uuid::Uuid::new_v4())))
    }

    async fn open(&self, encryption: Option<(&TextKeys, bool)>) -> Result<SeaStore, StartError> {
        let encryption = encryption.map(|(keys, seals)| Encryption { keys: keys.clone(), seals });
        let url = format!("sqlite://{}?mode=rwc", self.0.display());
        SeaStore::open_as(&url, Opening::Alone, (encryption, Settings::default())).await
    }
}

impl Drop for File {
    fn drop(&mut self) {
        for end in ["", "-wal", "-shm", ".lock"] {
            // What is left over is in the way of nobody.
            let _ = std::fs::remove_file(format!("{}{end}", self.0.display()));
        }
    }
}

async fn room(store: &SeaStore, name: &str) -> RoomId {
    let record = RoomRecord::open(RoomName::new(name).unwrap(), Topic::new("").unwrap(), Timestamp(1));
    store.create_room(&record).await.unwrap().unwrap().id
}

async fn append(store: &SeaStore, room: RoomId, key: &str, op: Op) -> AppendOutcome {
    let actor = Some(Identity::named("alice").unwrap());
    let entry = Entry { by_system: true, ..Entry::new(actor, EventKey::from_stored(key), Timestamp(2), op) };
    store.append(&[RoomBatch { room, entries: vec![entry] }]).await.unwrap().remove(0).unwrap().remove(0)
}

/// The texts of all rows, and whether the fingerprint is hidden.
async fn rows(store: &SeaStore) -> Vec<(Option<String>, bool)> {
    let checkout = store.readers.checkout().await.unwrap();
    let sql =
        "SELECT body, COALESCE(flags, 0) & 16 FROM chat_events UNION ALL SELECT reason, NULL FROM chat_restrictions";
    let found = checkout.connection().query_all_raw(Statement::from_string(DbBackend::Sqlite, sql)).await.unwrap();
    let row = |row: &sea_orm::QueryResult| {
        let hidden: Option<i64> = row.try_get_by_index(1).unwrap();
        let body: Option<String> = row.try_get_by_index(0).unwrap();
        (body.clone(), hidden.map_or(body.as_deref().is_some_and(is_sealed), |hidden| hidden != 0))
    };
    found.iter().map(row).collect()
}

/// Rewrites all; returns how many steps that took.
async fn rewrite(store: &SeaStore) -> usize {
    let (mut steps, mut from) = (0, RoomId(0));
    while let Some(rewritten) = store.rewrite_texts(from).await.unwrap() {
        (steps, from) = (steps + 1, rewritten.room);
    }
    steps
}

async fn filled(store: &SeaStore) -> RoomId {
    let room = room(store, "general").await;
    for number in 0..150 {
        append(store, room, &format!("m{number}"), Op::Message(Body::text(format!("word {number}")))).await;
    }
    let edit = Edit { meta: Some("{\"a\":1}".to_owned()), ..Edit::text("another word") };
    append(store, room, "edit", Op::Edit(Seq(1), edit)).await;
    append(store, room, "ban", ban("because")).await;
    room
}

fn ban(reason: &str) -> Op {
    let user = Identity::named("bob").unwrap();
    let reason = Some(crate::Reason::new(reason).unwrap());
    Op::Member(MemberOp { user, step: MemberStep::Ban(None), reason, is_alone: false })
}

#[tokio::test]
async fn all_is_rewritten_whenever_the_keys_change_also_after_a_stop() {
    let (file, mut keys) = (File::new(), TextKeys::generate().unwrap());
    let store = file.open(None).await.unwrap();
    let room = filled(&store).await;
    assert!(rows(&store).await.iter().all(|(_, hidden)| !hidden));
    assert_eq!((rewrite(&store).await, store.texts_to_rewrite().await.unwrap()), (0, 0));
    store.close().await;

    let store = file.open(Some((&keys, true))).await.unwrap();
    assert_eq!(store.texts_to_rewrite().await.unwrap(), 152);
    assert_eq!(store.rewrite_texts(RoomId(0)).await.unwrap().map(|step| step.events), Some(128));
    store.close().await;
    let store = file.open(Some((&keys, true))).await.unwrap();
    assert_eq!(store.texts_to_rewrite().await.unwrap(), 24, "it goes on where it was");
    rewrite(&store).await;
    let first = rows(&store).await;
    assert!(first.iter().all(|(text, hidden)| *hidden && text.as_deref().is_none_or(is_sealed)), "{first:?}");
    assert_eq!(rewrite(&store).await, 0);
    store.close().await;

    keys.rotate().unwrap();
    let store = file.open(Some((&keys, true))).await.unwrap();
    rewrite(&store).await;
    let second = rows(&store).await;
    keys.retire();
    assert!(second.iter().all(|(text, _)| text.as_deref().is_none_or(|text| keys.is_current(text))), "{second:?}");
    store.close().await;

    let store = file.open(Some((&keys, false))).await.unwrap();
    let page = store.events_after(room, Seq(0), 200).await.unwrap();
    assert_eq!(page.len(), 152);
    rewrite(&store).await;
    assert!(rows(&store).await.iter().all(|(text, hidden)| !hidden && !text.as_deref().is_some_and(is_sealed)));
    assert_eq!(store.events_after(room, Seq(0), 200).await.unwrap(), page);
    store.close().await;
    file.open(None).await.expect("the keys are not needed any more").close().await;
}

#[tokio::test]
async fn retries_are_compared_before_and_after() {
    let (file, keys) = (File::new(), TextKeys::generate().unwrap());
    let store = file.open(None).await.unwrap();
    let room = filled(&store).await;
    store.close().await;
    for seals in [true, false] {
        let store = file.open(Some((&keys, seals))).await.unwrap();
        for _ in 0..2 {
            let again = append(&store, room, "m7", Op::Message(Body::text("word 7"))).await;
            assert!(matches!(again, AppendOutcome::Replay(_)), "{again:?}");
            let other = append(&store, room, "m7", Op::Message(Body::text("word 8"))).await;
            assert!(!matches!(other, AppendOutcome::New { .. } | AppendOutcome::Replay(_)), "{other:?}");
            rewrite(&store).await;
        }
        store.close().await;
    }
}

#[tokio::test]
async fn a_text_in_another_place_is_not_read() {
    let (file, keys) = (File::new(), TextKeys::generate().unwrap());
    let store = file.open(Some((&keys, true))).await.unwrap();
    let room = filled(&store).await;
    let checkout = store.writers.checkout().await.unwrap();
    let sql = "UPDATE chat_events SET body = (SELECT o.body FROM chat_events o WHERE o.seq = 3) WHERE seq = 2";
    checkout.connection().execute_unprepared(sql).await.unwrap();
    drop(checkout);
    let refused = store.events_after(room, Seq(1), 1).await.unwrap_err();
    assert!(refused.detail.contains("cannot be decrypted") && !refused.detail.contains("word"), "{refused:?}");
    assert_eq!(store.events_after(room, Seq(2), 1).await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_index_is_made_anew_of_terms_that_say_nothing() {
    let (file, keys) = (File::new(), TextKeys::generate().unwrap());
    let store = file.open(None).await.unwrap();
    let room = filled(&store).await;
    while Searcher::index(&store, room).await.unwrap() > 0 {}
    let count = blocks(&store).await.len();
    store.close().await;
    let store = file.open(Some((&keys, true))).await.unwrap();
    assert_eq!(blocks(&store).await, [] as [Vec<u8>; 0]);
    while Searcher::index(&store, room).await.unwrap() > 0 {}
    let hidden = blocks(&store).await;
    assert_eq!(hidden.len(), count);
    assert!(!hidden.iter().any(|block| block.starts_with(b"word")));
}

/// The names of the blocks of the index.
async fn blocks(store: &SeaStore) -> Vec<Vec<u8>> {
    let checkout = store.readers.checkout().await.unwrap();
    let sql = Statement::from_string(DbBackend::Sqlite, "SELECT block FROM chat_terms ORDER BY block");
    let rows = checkout.connection().query_all_raw(sql).await.unwrap();
    rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
}

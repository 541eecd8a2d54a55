//! The engine on a database that outlives it.

use super::*;
use crate::{Gap, HistoryQuery, Position, Seq, Since, StartError, search::SearchQuery};

/// A database file of this test's own, removed at its end.
struct File(std::path::PathBuf);

impl File {
    fn new() -> Self {
        Self(std::env::temp_dir().join(format!("chat-core-engine-{}", uuid::Uuid::new_v4().simple())))
    }

    async fn open(&self) -> Result<ChatEngine, StartError> {
        std::fs::create_dir_all(&self.0).unwrap();
        let url = format!("sqlite://{}/chat.db?mode=rwc", self.0.display());
        ChatEngine::builder().database(url).build().await
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _left = std::fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    let file = File::new();
    let engine = file.open().await.unwrap();
    let room = make_room(&engine, "general").await;
    let (alice, _updates) = connect(&engine, "alice");
    for n in 1..=3 {
        alice.send(room, text(&n.to_string()).key(format!("k{n}"))).await.unwrap();
    }
    let before = engine.history(&user("bob"), room, HistoryQuery::newest()).await.unwrap();
    engine.shutdown().await;

    let engine = file.open().await.unwrap();
    assert_eq!(engine.history(&user("bob"), room, HistoryQuery::newest()).await.unwrap(), before);
    let again = engine.send(&user("alice"), room, text("2").key("k2")).await.unwrap();
    assert_eq!((again.seq, again.replayed), (Seq(2), true));
    let (bob, mut updates) = connect(&engine, "bob");
    let position = Position { epoch: before.epoch, seq: Seq(1) };
    let attached = bob.attach(room, Since::Position(position)).await.unwrap();
    assert!(matches!(&attached.gap, Gap::Events(events) if events.len() == 2));
    engine.send(&user("alice"), room, text("4")).await.unwrap();
    assert_eq!(next_event(&mut updates).await.seq, Seq(4));
    engine.delete_room(&user("alice"), room).await.unwrap();
    assert_eq!(next_event(&mut updates).await.seq, Seq(5));
    assert!(matches!(next(&mut updates).await, Some(Update::Detached(..))));
}

#[tokio::test]
async fn a_file_has_one_engine_until_that_has_stopped() {
    let file = File::new();
    let engine = file.open().await.unwrap();
    assert!(matches!(file.open().await, Err(StartError::InUse(_))));
    engine.shutdown().await;
    let engine = file.open().await.unwrap();
    drop(engine);
    // A dropped engine stops in the background.
    let reopened = timeout(Duration::from_secs(10), async {
        while file.open().await.is_err() {
            tokio::task::yield_now().await;
        }
    });
    reopened.await.expect("the file is free again");
}

/// The first page for these words, once the index is up to date.
async fn found(engine: &ChatEngine, words: &str) -> Vec<Seq> {
    let searching = timeout(Duration::from_secs(30), async {
        loop {
            let page = engine.search(&user("bob"), SearchQuery::new(words).unwrap()).await.unwrap();
            if page.complete {
                return page.messages.iter().map(|state| state.seq).collect();
            }
            tokio::task::yield_now().await;
        }
    });
    searching.await.expect("the index is up to date")
}

#[tokio::test]
async fn messages_are_found_soon_and_after_a_restart_all_of_them() {
    let file = File::new();
    let engine = file.open().await.unwrap();
    let room = make_room(&engine, "general").await;
    engine.send(&user("alice"), room, text("the first word")).await.unwrap();
    assert_eq!(found(&engine, "word").await, [Seq(1)]);
    // The engine stops before the index has these.
    for n in 2..=20 {
        engine.send(&user("alice"), room, text(&format!("word {n}"))).await.unwrap();
    }
    engine.shutdown().await;

    let engine = file.open().await.unwrap();
    assert_eq!(found(&engine, "word").await, (1..=20).rev().map(Seq).collect::<Vec<_>>());
    assert_eq!(found(&engine, "first").await, [Seq(1)]);
}

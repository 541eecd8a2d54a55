//! The disk accepts writes, and then fails to sync them (EIO).

use std::time::Duration;

use futures::future::join_all;
use serde_json::json;
use torture::fault::{
    power::Cut,
    shim::{Count, Shim},
};

use super::{AT_ONCE, log, post, until_ready, within};
use crate::common::{Database, Server};

/// The failed commit is not acknowledged, and is never seen later: neither at once, nor after the process died with it
/// as the last entry of its write-ahead log.
#[tokio::test]
async fn what_could_not_be_synced_is_not_there_after_a_crash() {
    let database = Database::sqlite();
    let shim = Shim::new(database.folder()).unwrap();
    let server = Server::start_under(&database, shim.environment()).await;
    let room = server.room("general").await;
    server.say(room, "Alice", "one").await;
    shim.fail_syncs(1).unwrap();
    post(&server, room, "k", "lost").await.problem(503, "unavailable");
    assert_eq!(shim.count(Count::FailedSyncs).unwrap(), 1);
    server.kill().await;
    let server = Server::start_under(&database, shim.environment()).await;
    assert_eq!(log(&server, room).await, ["one"], "it was answered that nothing was stored");
    let again = post(&server, room, "k", "lost").await.json(201);
    assert_eq!(again["seq"], json!(2));
}

/// The server recovers by itself, and what it acknowledges from then on is on the disk, whatever the kernel dropped.
#[tokio::test]
async fn what_is_acknowledged_after_a_failed_sync_is_on_the_disk() {
    let database = Database::sqlite();
    let shim = Shim::new(database.folder()).unwrap();
    shim.record(true).unwrap();
    let server = Server::start_under(&database, shim.environment()).await;
    let room = server.room("general").await;
    let mut bob = server.join(room, "Bob").await;
    let mut stored = Vec::new();
    for failure in 0..5_u32 {
        for number in 0..3 {
            let content = format!("{failure}-{number}");
            server.say(room, "Alice", &content).await;
            stored.push(content);
        }
        shim.fail_syncs(1).unwrap();
        // Whatever the answer was, the same key stores the message once.
        let key = format!("k{failure}");
        let reply = post(&server, room, &key, &key).await;
        assert_eq!(reply.status, 503, "no ok without a disk: {reply:?}");
        assert_eq!(shim.count(Count::FailedSyncs).unwrap(), u64::from(failure) + 1);
        until_ready(&server, true).await;
        assert!(matches!(post(&server, room, &key, &key).await.status, 200 | 201));
        stored.push(key);
    }
    assert_eq!(log(&server, room).await, stored);
    assert_eq!(bob.event().await["content"], "0-0", "the socket lived on");
    server.kill().await;
    shim.cut_power(Cut::Clean).unwrap();
    let server = Server::start_under(&database, shim.environment()).await;
    assert_eq!(log(&server, room).await, stored);
}

/// Syncing the database's file fails during a checkpoint: the write-ahead log is kept until one has succeeded.
#[tokio::test]
async fn what_could_not_be_moved_into_the_database_is_still_in_the_log() {
    let database = Database::sqlite();
    let shim = Shim::new(database.folder()).unwrap();
    shim.record(true).unwrap();
    let server = Server::start_under(&database, shim.environment()).await;
    let room = server.room("general").await;
    shim.fail_checkpoints(3).unwrap();
    let mut stored = Vec::new();
    // Until it has failed three times, and then succeeded.
    while shim.count(Count::FailedSyncs).unwrap() < 3 || stored.len() % 500 != 0 {
        let batch: Vec<_> =
            (stored.len()..stored.len() + 20).map(|number| format!("{number} {}", "x".repeat(3_900))).collect();
        let replies =
            join_all(batch.iter().map(|content| post(&server, room, content.split_once(' ').unwrap().0, content)))
                .await;
        stored.resize(stored.len() + batch.len(), String::new());
        for (reply, content) in replies.iter().zip(batch) {
            let seq = usize::try_from(reply.json(201)["seq"].as_u64().unwrap()).unwrap();
            stored[seq - 1] = content;
        }
    }
    server.kill().await;
    shim.cut_power(Cut::Clean).unwrap();
    let server = Server::start_under(&database, shim.environment()).await;
    assert!(log(&server, room).await == stored, "something that was acknowledged is lost");
}

/// A change is refused at once like anything else that cannot be stored; reads go on.
#[tokio::test]
async fn a_disk_that_never_syncs_stores_nothing() {
    let database = Database::sqlite();
    let shim = Shim::new(database.folder()).unwrap();
    let server = Server::start_under(&database, shim.environment()).await;
    let (room, quiet) = (server.room("general").await, server.room("quiet").await);
    server.say(room, "Alice", "one").await;
    shim.fail_syncs(u32::MAX).unwrap();
    let first = within(Duration::from_secs(15), "an answer", post(&server, room, "k", "two"));
    let meanwhile = async {
        until_ready(&server, false).await.problem(503, "unavailable");
        for _ in 0..5 {
            within(AT_ONCE, "a refusal", post(&server, quiet, "q", "three")).await.problem(503, "unavailable");
            assert_eq!(log(&server, room).await, ["one"]);
        }
    };
    let (first, ()) = tokio::join!(first, meanwhile);
    // The outcome cannot be found out while nothing can be written.
    first.problem(503, "outcome_unknown");
    shim.fail_syncs(0).unwrap();
    until_ready(&server, true).await;
    // The room first has to find out the outcome, which it tries twice a second.
    let sent = async { while !matches!(post(&server, room, "k", "two").await.status, 200 | 201) {} };
    within(Duration::from_secs(2), "writing again", sent).await;
    assert_eq!(log(&server, room).await, ["one", "two"]);
    assert_eq!(log(&server, quiet).await, Vec::<String>::new());
}

//! The disk is slow to sync.

use std::time::Duration;

use futures::future::join_all;
use serde_json::json;
use torture::fault::shim::{Count, Shim};

use super::{AT_ONCE, log, post, until_ready, within};
use crate::common::{Database, Server};

/// Slow, but within the limits: everything is stored, what exceeds the queue is refused at once, and readers do not
/// wait.
#[tokio::test]
async fn writes_queue_up_to_a_limit_and_nobody_else_waits() {
    const SOCKETS: usize = 20;
    const EACH: usize = 64;
    let database = Database::sqlite();
    let shim = Shim::new(database.folder()).unwrap();
    let server = Server::start_under(&database, shim.environment()).await;
    let (room, quiet) = (server.room("general").await, server.room("quiet").await);
    let mut bob = server.join(quiet, "Bob").await;
    server.say(quiet, "Alice", "one").await;
    let mut writers = Vec::new();
    for number in 0..SOCKETS {
        writers.push(server.socket(&format!("?username=writer{number}")).await);
    }
    shim.delay_syncs(Duration::from_secs(1)).unwrap();
    let under_way = shim.count(Count::DelayedSyncs).unwrap();
    for (number, writer) in writers.iter_mut().enumerate() {
        for count in 0..EACH {
            let key = format!("{number}-{count}");
            writer.send(json!({"type": "message", "room": room, "content": key, "key": key, "ref": key})).await;
        }
    }
    while shim.count(Count::DelayedSyncs).unwrap() == under_way {
        tokio::task::yield_now().await;
    }
    for _ in 0..3 {
        within(AT_ONCE, "a read", log(&server, quiet)).await;
        within(AT_ONCE, "a pong", bob.so_far()).await;
        within(AT_ONCE, "a new socket", server.join(quiet, "Carol")).await;
    }
    let (mut stored, mut refused) = (0, 0);
    for writer in &mut writers {
        for _ in 0..EACH {
            let answer = writer.expect("answer", |frame| !frame["ref"].is_null()).await;
            if answer["type"] == "ok" {
                stored += 1;
            } else {
                assert_eq!(answer["code"], "overloaded", "{answer}");
                refused += 1;
            }
        }
    }
    assert!(stored >= 1_024 && stored + refused == SOCKETS * EACH, "{stored} and {refused}");
    shim.delay_syncs(Duration::ZERO).unwrap();
    assert_eq!(log(&server, room).await.len(), stored, "each once, and nothing that was refused");
}

/// Slower than the server waits: it answers that the outcome is unknown, finds it out, and refuses other writes at once
/// until then.
#[tokio::test]
async fn a_commit_that_takes_too_long_is_looked_up() {
    let database = Database::sqlite();
    let shim = Shim::new(database.folder()).unwrap();
    let server = Server::start_under(&database, shim.environment()).await;
    let (room, quiet) = (server.room("general").await, server.room("quiet").await);
    let mut bob = server.join(room, "Bob").await;
    server.say(quiet, "Alice", "one").await;
    shim.delay_syncs(Duration::from_secs(7)).unwrap();
    let late = within(Duration::from_secs(25), "an answer", post(&server, room, "k", "late"));
    let meanwhile = async {
        until_ready(&server, false).await;
        shim.delay_syncs(Duration::ZERO).unwrap();
        within(AT_ONCE, "a refusal", post(&server, quiet, "q", "two")).await.problem(503, "unavailable");
        within(AT_ONCE, "a read", log(&server, quiet)).await;
        within(AT_ONCE, "a pong", bob.so_far()).await;
    };
    let (reply, ()) = tokio::join!(late, meanwhile);
    if reply.status != 201 {
        reply.problem(503, "outcome_unknown");
    }
    until_ready(&server, true).await;
    let again = join_all((0..3).map(|_| post(&server, room, "k", "late"))).await;
    assert!(again.iter().all(|reply| matches!(reply.status, 200 | 201)), "{again:?}");
    assert_eq!(log(&server, room).await, ["late"], "once");
    assert!(shim.count(Count::DelayedSyncs).unwrap() > 0);
}

//! The disk is full, and later has room again.

use futures::future::join_all;
use serde_json::json;
use torture::fault::{
    FaultError,
    disk::Disk,
    shim::{Count, Shim},
};

use super::{AT_ONCE, log, post, until_ready, within};
use crate::common::{Database, Server};

/// A small disk is filled; without root the shim reports that the disk is full.
#[tokio::test]
async fn a_full_disk_refuses_sends_and_heals_by_itself() {
    match Disk::mount(32 << 20).await {
        Ok(disk) => {
            let server = Server::start(&Database::sqlite_in(disk.folder())).await;
            full_and_free(&server, || disk.fill().map(drop), || disk.free()).await;
        }
        Err(FaultError::Impossible(_)) => with_the_library().await,
        Err(error) => panic!("{error}"),
    }
}

/// The same with the shim, where the test before uses a small disk.
#[tokio::test]
async fn a_disk_that_says_it_is_full_refuses_sends_and_heals_by_itself() {
    with_the_library().await;
}

async fn with_the_library() {
    let database = Database::sqlite();
    let shim = Shim::new(database.folder()).unwrap();
    let server = Server::start_under(&database, shim.environment()).await;
    full_and_free(&server, || shim.leave_room(Some(0)), || shim.leave_room(None)).await;
    assert!(shim.count(Count::NoRoom).unwrap() > 0, "it was never full");
}

async fn full_and_free<E: std::fmt::Debug>(
    server: &Server,
    fill: impl Fn() -> Result<(), E>,
    free: impl Fn() -> Result<(), E>,
) {
    let (room, quiet) = (server.room("general").await, server.room("quiet").await);
    let mut bob = server.join(room, "Bob").await;
    server.say(quiet, "Alice", "one").await;
    fill().unwrap();
    // The write-ahead log may overwrite what it has, so it takes a while until nothing fits.
    let mut stored = Vec::new();
    let (refused, reply) = loop {
        let content = format!("{} {}", stored.len(), "x".repeat(2_000));
        let reply = post(server, room, &format!("key-{}", stored.len()), &content).await;
        if reply.status != 201 {
            break (content, reply);
        }
        stored.push(content);
    };
    let problem = reply.problem(503, "storage_full");
    assert!(problem["retry_after_ms"].as_u64().unwrap() > 0 && reply.header("retry-after").is_some(), "{problem}");

    // The disk stays full. Writers are told at once, and others do not notice.
    let mut carol = server.join(quiet, "Carol").await;
    for _ in 0..4 {
        let reply = within(AT_ONCE, "a refusal", post(server, quiet, "quiet", "two")).await;
        reply.problem(503, "storage_full");
        let asked = bob.ask(json!({"type": "message", "content": "no room"}));
        let answer = within(AT_ONCE, "a refusal on a socket", asked).await;
        assert_eq!((&answer["type"], &answer["code"]), (&json!("error"), &json!("storage_full")), "{answer}");
        assert_eq!(log(server, room).await, stored, "reads go on");
        assert_eq!(bob.ask(json!({"type": "typing", "is_typing": true})).await["type"], "ok");
        carol.so_far().await;
        server.get_path("/readyz").await.problem(503, "storage_full");
        assert_eq!(server.get_path("/healthz").await.status, 200);
    }

    free().unwrap();
    until_ready(server, true).await;
    let next = post(server, room, &format!("key-{}", stored.len()), &refused).await.json(201);
    assert_eq!(next["seq"], json!(stored.len() + 1), "no number is lost");
    stored.push(refused);
    assert_eq!(log(server, room).await, stored);
    let heard = bob.expect("the message", |frame| frame["seq"] == next["seq"]).await;
    assert_eq!(heard["content"], next["content"]);
    assert_eq!(log(server, quiet).await, ["one"], "nothing that was refused");
}

/// There is room for a small write, but not for messages: the server does not report every second that all is well
/// again.
#[tokio::test]
async fn a_nearly_full_disk_does_not_flap() {
    let database = Database::sqlite();
    let shim = Shim::new(database.folder()).unwrap();
    let server = Server::start_under(&database, shim.environment()).await;
    let room = server.room("general").await;
    shim.leave_room(Some(40_000)).unwrap();
    let long = "x".repeat(4_000);
    let keys: Vec<_> = (0..40).map(|number| format!("key-{number}")).collect();
    let replies = join_all(keys.iter().map(|key| post(&server, room, key, &long))).await;
    assert!(replies.iter().any(|reply| reply.status == 503), "{replies:?}");
    until_ready(&server, false).await;
    // After several probes the disk is as full as before.
    let looks = shim.count(Count::NoRoom).unwrap() + 4;
    while shim.count(Count::NoRoom).unwrap() < looks {
        post(&server, room, "later", &long).await.problem(503, "storage_full");
    }
    assert!(!server.output().contains("stores again"), "{}", server.output());
    shim.leave_room(None).unwrap();
    until_ready(&server, true).await;
    for key in &keys {
        let reply = post(&server, room, key, &long).await;
        assert!(matches!(reply.status, 200 | 201), "{reply:?}");
    }
    assert_eq!(log(&server, room).await.len(), keys.len(), "each once");
}

//! Another writer holds the database, or a table of it.

use std::time::Duration;

use futures::future::join_all;
use serde_json::json;
use torture::fault::lock::Lock;

use super::{AT_ONCE, log, post, until_ready, within};
use crate::common::{Database, Server};

const WRITERS: usize = 50;
/// How long the server waits for a lock, plus what that takes.
const TIMEOUT: Duration = Duration::from_secs(4);

/// All post at once. Each is answered with its message, or told to try again.
async fn post_all(server: &Server, room: u64) -> Vec<u16> {
    let keys: Vec<_> = (0..WRITERS).map(|number| format!("k{number}")).collect();
    let replies = join_all(keys.iter().map(|key| post(server, room, key, key))).await;
    for reply in &replies {
        match reply.status {
            200 | 201 => {}
            _ => drop(reply.problem(503, "unavailable")),
        }
    }
    replies.iter().map(|reply| reply.status).collect()
}

#[tokio::test]
async fn a_short_lock_is_waited_for() {
    let database = Database::sqlite();
    let server = Server::start(&database).await;
    let room = server.room("general").await;
    let lock = Lock::on_sqlite(database.url()).await.unwrap();
    let held = async {
        tokio::time::sleep(Duration::from_millis(700)).await;
        lock.release().await.unwrap();
    };
    let (statuses, ()) = within(TIMEOUT, "a short lock", async { tokio::join!(post_all(&server, room), held) }).await;
    assert!(statuses.iter().all(|status| *status == 201), "{statuses:?}");
    assert_eq!(log(&server, room).await.len(), WRITERS);
}

#[tokio::test]
async fn a_long_lock_is_refused_in_time_and_gone_by_itself() {
    let database = Database::sqlite();
    let server = Server::start(&database).await;
    let room = server.room("general").await;
    let mut bob = server.join(room, "Bob").await;
    server.say(room, "Alice", "one").await;
    let lock = Lock::on_sqlite(database.url()).await.unwrap();
    let statuses = within(TIMEOUT, "a long lock", post_all(&server, room)).await;
    assert!(statuses.iter().all(|status| *status == 503), "{statuses:?}");
    until_ready(&server, false).await.problem(503, "unavailable");
    // The lock lasts 7 s, longer than anything waits: writers are refused, and readers do not notice.
    let held = tokio::time::Instant::now();
    while held.elapsed() < Duration::from_secs(7) {
        within(AT_ONCE, "a refusal", post(&server, room, "later", "later")).await.problem(503, "unavailable");
        assert_eq!(log(&server, room).await, ["one"]);
        assert_eq!(bob.ask(json!({"type": "typing", "is_typing": true})).await["type"], "ok");
    }
    lock.release().await.unwrap();
    within(TIMEOUT, "back again", until_ready(&server, true)).await;
    let statuses = post_all(&server, room).await;
    assert!(statuses.iter().all(|status| *status == 201), "{statuses:?}");
    assert_eq!(log(&server, room).await.len(), WRITERS + 1);
    assert!(!server.output().contains("(517)"), "BUSY_SNAPSHOT never surfaces");
}

/// A locked table on a database's server: reads wait as well, and are refused in time.
async fn a_table_that_is_locked(database: Database) {
    let server = Server::start(&database).await;
    let room = server.room("general").await;
    let mut bob = server.join(room, "Bob").await;
    server.say(room, "Alice", "one").await;
    let lock = Lock::on_table(database.url(), "chat_rooms").await.unwrap();
    let limit = Duration::from_secs(8);
    within(limit, "writes", post_all(&server, room)).await;
    until_ready(&server, false).await;
    within(AT_ONCE, "a refusal", post(&server, room, "later", "later")).await.problem(503, "unavailable");
    let read = within(limit, "a read", server.get(&format!("/rooms/{room}"))).await;
    read.problem(503, "unavailable");
    assert_eq!(bob.ask(json!({"type": "typing", "is_typing": true})).await["type"], "ok");
    lock.release().await.unwrap();
    within(limit, "back again", until_ready(&server, true)).await;
    let statuses = post_all(&server, room).await;
    assert!(statuses.iter().all(|status| matches!(status, 200 | 201)), "{statuses:?}");
    assert_eq!(log(&server, room).await.len(), WRITERS + 1);
}

#[tokio::test]
#[ignore = "needs a server: cargo xtask test"]
async fn a_table_that_is_locked_on_postgres() {
    a_table_that_is_locked(Database::postgres().await).await;
}

#[tokio::test]
#[ignore = "needs a server: cargo xtask test"]
async fn a_table_that_is_locked_on_mariadb() {
    a_table_that_is_locked(Database::mariadb().await).await;
}

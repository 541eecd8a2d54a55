//! How fast strangers may do things on a server, and that the operator decides it.

use serde_json::json;
use tokio::net::TcpStream;

use crate::common::{Database, Server};

/// The statuses of so many messages that are sent one after the other.
async fn statuses(server: &Server, messages: usize) -> Vec<u16> {
    let room = server.room("general").await;
    let mut statuses = Vec::new();
    for _ in 0..messages {
        let path = format!("/rooms/{room}/messages?username=Alice");
        statuses.push(server.post(&path, json!({"content": "x"})).await.status);
    }
    statuses
}

#[tokio::test]
async fn strangers_are_limited() {
    let database = Database::sqlite();
    let server = Server::start_under(&database, [("CHATD_NO_LIMITS", "false")]).await;
    let statuses = statuses(&server, 100).await;
    assert!(statuses[..10].iter().all(|status| *status == 201), "{statuses:?}");
    assert!(statuses.contains(&429), "{statuses:?}");
}

/// So many connections that say nothing.
async fn connections(server: &Server, count: usize) -> Vec<TcpStream> {
    let mut open = Vec::new();
    for _ in 0..count {
        open.push(TcpStream::connect(server.address()).await.unwrap());
    }
    open
}

#[tokio::test]
async fn w33_an_address_has_200_connections() {
    let database = Database::sqlite();
    let server = Server::start_under(&database, [("CHATD_NO_LIMITS", "false")]).await;
    let mut held = connections(&server, 150).await;
    assert_eq!(server.get("/rooms").await.status, 200);
    held.extend(connections(&server, 100).await);
    // They are counted in the order in which they came, so all of these have been when the next one is.
    let refused = server.get("/rooms").await;
    refused.problem(429, "rate_limited");
    assert_eq!(refused.header("retry-after"), Some("5"), "it is refused for want of a place, and not of its rate");
    assert_eq!(server.socket("?username=Alice").await.expect_close().await, Some(1013));
    drop(held);
    while server.get("/rooms").await.status != 200 {}
    server.stop().await;
    // Without limits, as tests are.
    let server = Server::start(&database).await;
    let _held = connections(&server, 300).await;
    assert_eq!(server.get("/rooms").await.status, 200);
}

#[tokio::test]
async fn an_operator_can_take_the_limits_away() {
    let database = Database::sqlite();
    let server = Server::start_with(&database, &["--no-limits"]).await;
    assert_eq!(statuses(&server, 100).await, [201; 100]);
}

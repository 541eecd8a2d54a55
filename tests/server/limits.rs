//! How fast strangers may do things on a server, and that the operator decides it.

use serde_json::json;

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

#[tokio::test]
async fn an_operator_can_take_the_limits_away() {
    let database = Database::sqlite();
    let server = Server::start_with(&database, &["--no-limits"]).await;
    assert_eq!(statuses(&server, 100).await, [201; 100]);
}

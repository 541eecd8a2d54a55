//! Presence and typing.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::common::{Database, Server};

async fn presence(server: &Server, room: u64) -> serde_json::Value {
    server.get(&format!("/rooms/{room}/presence")).await.json(200)
}

#[tokio::test]
async fn join_notice() {
    let database = Database::sqlite();
    let server = Server::start(&database).await;
    let id = server.room("general").await;
    assert_eq!(presence(&server, id).await, json!({"count": 0, "users": [], "identities": []}));
    let mut alice = server.join(id, "Alice").await;
    let mut bob = server.join(id, "Bob").await;
    let join = alice.expect_type("join").await;
    let shown = json!([join["username"], join["user"], join["content"], join["room"]]);
    assert_eq!(shown, json!(["Bob", "Bob", "Bob joined the room", id]));
    let both = |frame: &serde_json::Value| frame["type"] == "user_list" && frame["users"] == json!(["Alice", "Bob"]);
    alice.expect("list of both", both).await;
    bob.expect("list of both", both).await;
    assert!(bob.so_far().await.iter().all(|frame| frame["type"] != "join"), "one does not see oneself come");

    let told = presence(&server, id).await;
    assert_eq!((&told["count"], &told["users"]), (&json!(2), &json!(["Alice", "Bob"])));
    assert_eq!(server.get(&format!("/rooms/{id}")).await.json(200)["online"], 2);
    // A second socket of Bob's, one that only observes, and one in another room change nothing.
    let second = server.join(id, "Bob").await;
    let mut reader = server.socket("?username=Carol").await;
    let attached = reader.ask(json!({"type": "attach", "room": id, "presence": false})).await;
    assert_eq!(attached["type"], "attached");
    assert_eq!(presence(&server, id).await["count"], 2);
    second.close().await;
    assert_eq!(presence(&server, id).await["count"], 2);
    assert!(alice.so_far().await.iter().all(|frame| frame["type"] != "join" && frame["type"] != "leave"));
}

#[tokio::test]
async fn leave_notice() {
    let database = Database::sqlite();
    let server = Server::start(&database).await;
    let id = server.room("general").await;
    let mut alice = server.join(id, "Alice").await;
    let bob = server.join(id, "Bob").await;
    alice.expect_type("join").await;
    bob.close().await;
    let leave = alice.expect_type("leave").await;
    let shown = json!([leave["username"], leave["user"], leave["content"], leave["room"]]);
    assert_eq!(shown, json!(["Bob", "Bob", "Bob left the room", id]));
    alice.expect("list without Bob", |frame| frame["users"] == json!(["Alice"])).await;
    assert_eq!(presence(&server, id).await["users"], json!(["Alice"]));
}

/// A connection that breaks is not a leave, unless it stays away for ten seconds.
#[tokio::test]
async fn a_lost_connection_has_a_grace() {
    let database = Database::sqlite();
    let server = Server::start(&database).await;
    let id = server.room("general").await;
    let mut alice = server.join(id, "Alice").await;
    drop(server.join(id, "Bob").await);
    let lost = Instant::now();
    alice.expect_type("join").await;
    drop(server.join(id, "Carol").await);
    alice.expect_type("join").await;
    // Carol is back in time.
    let carol = server.join(id, "Carol").await;
    let gone = alice.expect("leave", |frame| frame["type"] == "leave" || frame["type"] == "join").await;
    assert_eq!((&gone["type"], &gone["username"]), (&json!("leave"), &json!("Bob")));
    assert!(lost.elapsed() > Duration::from_secs(9), "after {:?}", lost.elapsed());
    assert_eq!(presence(&server, id).await["users"], json!(["Alice", "Carol"]));
    carol.close().await;
}

#[tokio::test]
async fn typing() {
    let database = Database::sqlite();
    let server = Server::start(&database).await;
    let id = server.room("general").await;
    let mut alice = server.join(id, "Alice").await;
    let mut bob = server.join(id, "Bob").await;

    alice.send(json!({"type": "typing", "is_typing": true})).await;
    let shown = bob.expect_type("typing").await;
    assert_eq!(shown["users"], json!(["Alice"]));
    assert_eq!(shown["identities"], json!([{"user": "Alice", "username": "Alice"}]));
    assert_eq!(shown["count"], json!(1));
    // A client that joins now is told at once.
    let mut carol = server.join(id, "Carol").await;
    assert_eq!(carol.frame().await["type"], "user_list");
    let told = carol.frame().await;
    assert_eq!((&told["type"], &told["users"]), (&json!("typing"), &json!(["Alice"])));

    alice.send(json!({"type": "typing", "is_typing": false})).await;
    assert_eq!(bob.expect_type("typing").await["users"], json!([]));
    // A message ends typing without a signal from its author.
    alice.send(json!({"type": "typing", "is_typing": true})).await;
    assert_eq!(bob.expect_type("typing").await["users"], json!(["Alice"]));
    alice.say("done").await;
    assert_eq!(bob.expect_type("typing").await["users"], json!([]));
    // Time ends it as well.
    alice.send(json!({"type": "typing", "is_typing": true})).await;
    assert_eq!(bob.expect_type("typing").await["users"], json!(["Alice"]));
    let shown = Instant::now();
    assert_eq!(bob.expect_type("typing").await["users"], json!([]));
    assert!(shown.elapsed() < Duration::from_secs(10), "after {:?}", shown.elapsed());
}

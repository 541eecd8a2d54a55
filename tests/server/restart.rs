//! Restarts, and two servers on one database.

use serde_json::json;

use crate::common::{Database, Server, on_each_database};

on_each_database!(persistence_across_a_restart, a_second_server_on_the_same_database);

async fn persistence_across_a_restart(database: Database) {
    let mut server = Server::start(&database).await;
    let room = server.post("/rooms", json!({"name": "general", "topic": "Everything"})).await.json(201);
    let id = room["id"].as_u64().unwrap();
    for content in ["one", "zwei", "третье", "👋🏽"] {
        server.say(id, "Alice", content).await;
    }
    let before = server.get(&format!("/rooms/{id}/messages")).await.json(200);
    let mut bob = server.join(id, "Bob").await;
    server.ask_to_stop().await;
    assert_eq!(bob.expect_close().await, Some(1001), "a reason to come back");
    assert_eq!(server.ended().await.code(), Some(0));

    let server = Server::start(&database).await;
    let room = server.get(&format!("/rooms/{id}")).await.json(200);
    assert_eq!((&room["topic"], &room["head"], &room["online"]), (&json!("Everything"), &json!(4), &json!(0)));
    assert_eq!(server.get(&format!("/rooms/{id}/messages")).await.json(200), before);
    // Bob resumes from his position.
    let epoch = before["epoch"].as_str().unwrap();
    let mut bob = server.socket(&format!("/{id}?username=Bob&after=2&epoch={epoch}")).await;
    let attached = bob.frame().await;
    assert_eq!(attached["events"], json!([before["messages"][2], before["messages"][3]]));
    assert_eq!(bob.say("back").await, 5);
}

async fn a_second_server_on_the_same_database(database: Database) {
    let server = Server::start(&database).await;
    let id = server.room("general").await;
    let (status, said) = Server::fail(&database).await;
    assert!(!status.success(), "{status}: {said}");
    assert!(status.code().is_some(), "it ends by itself: {status}");
    let said = said.to_lowercase();
    assert!(said.contains("another") || said.contains("in use") || said.contains("already"), "{said}");
    // The first server is not affected.
    assert_eq!(server.say(id, "Alice", "still here").await, 1);
    assert_eq!(server.stop().await.code(), Some(0));
    // After the first server has ended, the next one can start.
    let server = Server::start(&database).await;
    assert_eq!(server.say(id, "Alice", "again").await, 2);
}

#[tokio::test]
async fn health() {
    let database = Database::sqlite();
    let server = Server::start(&database).await;
    assert_eq!(server.get_path("/healthz").await.status, 200);
    assert_eq!(server.get_path("/readyz").await.status, 200);
    let document = server.get_path("/openapi.json").await.json(200);
    assert!(document["paths"].as_object().unwrap().keys().any(|path| path.contains("/rooms")), "{document}");
    let docs = server.get_path("/docs").await;
    assert_eq!(docs.status, 200);
    let page = String::from_utf8_lossy(&docs.body);
    assert!(!page.contains("src=\"http"), "the docs work without a network");
    let yaml = server.get_path("/openapi.yaml").await;
    assert!(String::from_utf8_lossy(&yaml.body).contains("\nopenapi: "), "{yaml:?}");
    assert_eq!(server.get_path("/metrics").await.status, 404, "off unless asked for");
}

//! The socket protocol: what it refuses, and how.

use serde_json::json;

use crate::common::{Database, Server};

#[tokio::test]
async fn an_error_never_closes_the_socket() {
    let database = Database::sqlite();
    let server = Server::start(&database).await;
    let id = server.room("general").await;
    let mut alice = server.join(id, "Alice").await;
    for (content, code) in [("", "empty_message"), (" \n ", "empty_message"), (&"x".repeat(4001), "too_long")] {
        for _ in 0..3 {
            let error = alice.ask(json!({"type": "message", "content": content})).await;
            assert_eq!((&error["type"], &error["code"]), (&json!("error"), &json!(code)));
            assert!(error["message"].as_str().is_some(), "{error}");
        }
    }
    alice.send(json!({"type": "message", "content": ""})).await;
    let error = alice.expect_type("error").await;
    assert!(error["ref"].is_null(), "errors come without a ref, too: {error}");
    assert_eq!(alice.say("still here").await, 1);
}

#[tokio::test]
async fn malformed_frames() {
    let database = Database::sqlite();
    let server = Server::start(&database).await;
    let id = server.room("general").await;
    for (text, code, field) in [
        ("no json", "bad_json", None),
        ("[]", "bad_json", None),
        (r#"{"type":"dance"}"#, "unknown_command", None),
        (r#"{"type":"message"}"#, "invalid_field", Some("content")),
        (r#"{"type":"message","content":5}"#, "invalid_field", Some("content")),
        (r#"{"type":"message","content":"x","colour":"red"}"#, "invalid_field", Some("colour")),
        (r#"{"type":"message","content":"x","key":""}"#, "invalid_field", Some("key")),
        (r#"{"type":"message","content":"x","ref":""}"#, "invalid_field", Some("ref")),
        (r#"{"type":"message","content":"x","ref":7}"#, "invalid_field", Some("ref")),
        (r#"{"type":"typing"}"#, "invalid_field", Some("is_typing")),
    ] {
        let mut alice = server.join(id, "Alice").await;
        alice.so_far().await;
        alice.send_text(text).await;
        let error = alice.expect_type("error").await;
        assert_eq!(error["code"], code, "{text}: {error}");
        if let Some(field) = field {
            assert_eq!(error["field"], field, "{text}: {error}");
        }
        alice.close().await;
    }
    assert_eq!(server.get(&format!("/rooms/{id}")).await.json(200)["head"], 0);
}

#[tokio::test]
async fn the_room_has_to_be_named_where_there_are_many() {
    let database = Database::sqlite();
    let server = Server::start(&database).await;
    let mut alice = server.socket("?username=Alice").await;
    let error = alice.ask(json!({"type": "message", "content": "where?"})).await;
    assert_eq!((&error["code"], &error["field"]), (&json!("invalid_field"), &json!("room")));
}

#[tokio::test]
async fn the_fifth_malformed_frame_within_a_minute_closes() {
    let database = Database::sqlite();
    let server = Server::start(&database).await;
    let id = server.room("general").await;
    let mut alice = server.join(id, "Alice").await;
    for text in ["{", r#"{"type":"dance"}"#, r#"{"type":"message"}"#, "{"] {
        alice.send_text(text).await;
        alice.expect_type("error").await;
    }
    assert_eq!(alice.say("the fourth did not close").await, 1);
    alice.send_text("{").await;
    assert_eq!(alice.expect_close().await, Some(4400));
}

#[tokio::test]
async fn a_frame_that_is_too_big_closes() {
    let database = Database::sqlite();
    let server = Server::start(&database).await;
    let id = server.room("general").await;
    let mut alice = server.join(id, "Alice").await;
    alice.send(json!({"type": "message", "content": "x".repeat(300 << 10)})).await;
    assert_eq!(alice.expect_close().await, Some(1009));
}

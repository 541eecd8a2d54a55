//! Editing and deleting.

use poem::http::Method;
use serde_json::{Value, json};

use super::{Stage, assert_refused, path};
use crate::common::get;

#[tokio::test]
async fn an_edit_changes_what_it_names_and_keeps_the_rest() {
    let stage = Stage::empty().await;
    let body = json!({"content": "a", "mentions": ["Bob"], "mentions_room": true, "meta": {"n": 1}});
    stage.send("Alice", body).await;
    let (status, state) = stage.edit(1, "Alice", json!({"content": "b"})).await;
    assert_eq!((status, &state["content"], &state["mentions"]), (200, &json!("b"), &json!(["Bob"])));
    assert_eq!((&state["mentions_room"], &state["meta"]), (&json!(true), &json!({"n": 1})));
    assert_eq!((&state["edited"]["seq"], &state["edited"]["count"]), (&json!(2), &json!(1)));
    assert!(state["edited"]["timestamp"].is_string());
    assert_eq!((&state["seq"], &state["head"], &state["type"]), (&json!(1), &json!(2), &json!("message")));

    let cleared = json!({"content": "b", "mentions": [], "mentions_room": false, "meta": { }});
    let (_, state) = stage.edit(1, "Alice", cleared).await;
    for name in ["mentions", "mentions_room", "meta"] {
        assert!(state.get(name).is_none(), "{state}");
    }
    assert_eq!(state["edited"]["count"], 2);
    assert_eq!(stage.state(1, "Bob").await, state);
}

#[tokio::test]
async fn an_edit_that_changes_nothing_makes_no_event() {
    let stage = Stage::new().await;
    let (status, state) = stage.edit(1, "Alice", json!({"content": "Hello!", "mentions": [], "meta": {}})).await;
    assert_eq!((status, &state["head"]), (200, &json!(1)));
    assert!(state.get("edited").is_none(), "{state}");
}

#[tokio::test]
async fn the_texts_of_a_message_are_listed_oldest_first() {
    let stage = Stage::new().await;
    stage.edit(1, "Alice", json!({"content": "two"})).await;
    stage.edit(1, "Alice", json!({"content": "three"})).await;
    let edits = stage.get("messages/1/edits", "").await;
    let texts: Vec<_> =
        edits["edits"].as_array().unwrap().iter().map(|edit| (&edit["seq"], &edit["content"])).collect();
    assert_eq!(texts, [(&json!(1), &json!("Hello!")), (&json!(2), &json!("two")), (&json!(3), &json!("three"))]);
    let first = &edits["edits"][0];
    assert_eq!((&first["user"], &first["username"]), (&json!("Alice"), &json!("Alice")));
    assert!(first["timestamp"].is_string() && first.as_object().unwrap().len() == 5, "{first}");
}

#[tokio::test]
async fn a_deletion_erases_and_leaves_a_tombstone() {
    let stage = Stage::empty().await;
    stage
        .send("Alice", json!({"content": "secret", "mentions": ["Bob"], "meta": {"a": 1}, "mentions_room": true}))
        .await;
    stage.edit(1, "Alice", json!({"content": "secret too"})).await;
    stage.react(1, "Bob", "x").await;
    stage.call(Method::PUT, "messages/1/pin", "Bob", None).await;
    let deleted = stage.call(Method::DELETE, "messages/1?reason=wrong+room", "Alice", None).await;
    assert_eq!(deleted, (204, Value::Null));
    let state = stage.state(1, "").await;
    assert_eq!((&state["content"], &state["deleted"]["seq"]), (&json!(""), &json!(5)));
    assert_eq!((&state["deleted"]["user"], &state["deleted"]["username"]), (&json!("Alice"), &json!("Alice")));
    assert_eq!(state["edited"]["count"], 1, "a tombstone keeps it");
    for name in ["mentions", "mentions_room", "meta", "reactions", "pinned", "erased"] {
        assert!(state.get(name).is_none(), "{state}");
    }
    let edits = stage.get("messages/1/edits", "").await;
    assert!(edits["edits"].as_array().unwrap().iter().all(|edit| edit["content"] == ""), "{edits}");
    assert_eq!(edits["edits"].as_array().unwrap().len(), 2);
    assert_eq!(stage.get("pins", "").await["messages"], json!([]));
    assert_eq!(stage.get("messages/1/reactions", "").await, json!({"reactions": [], "next": null}));
    let history = stage.get("messages", "").await;
    assert_eq!(history["messages"][0]["deleted"]["seq"], 5, "it stays in its place");
}

#[tokio::test]
async fn r41_deleting_twice_is_deleting_once() {
    let stage = Stage::new().await;
    for _ in 0..2 {
        assert_eq!(stage.delete(1, "Alice").await, (204, Value::Null));
    }
    assert_eq!(stage.delete(1, "Bob").await.0, 204, "what changes nothing is nobody's");
    assert_eq!(stage.head().await, 2);
}

#[tokio::test]
async fn r41_what_was_deleted_takes_no_change_but_a_reply() {
    let stage = Stage::new().await;
    stage.delete(1, "Alice").await;
    assert_refused(stage.edit(1, "Alice", json!({"content": "x"})).await, 409, "message_deleted");
    assert_refused(stage.edit(1, "Bob", json!({"content": "x"})).await, 409, "message_deleted");
    for method in [Method::PUT, Method::DELETE] {
        for below in ["messages/1/reactions/x", "messages/1/pin"] {
            assert_refused(stage.call(method.clone(), below, "Alice", None).await, 409, "message_deleted");
        }
    }
    assert_eq!(stage.send("Bob", json!({"content": "x", "reply_to": 1})).await["reply_to"], 1);
    assert_eq!(stage.send("Bob", json!({"content": "x", "thread": 1})).await["thread_ordinal"], 1);
}

#[tokio::test]
async fn only_the_author_edits_and_deletes() {
    let stage = Stage::new().await;
    assert_refused(stage.edit(1, "Bob", json!({"content": "x"})).await, 403, "forbidden");
    assert_refused(stage.edit(1, "Bob", json!({"content": "Hello!"})).await, 403, "forbidden");
    assert_refused(stage.delete(1, "Bob").await, 403, "forbidden");
    assert_eq!(stage.state(1, "").await["content"], "Hello!");
}

#[tokio::test]
async fn a_message_is_edited_at_most_200_times() {
    let stage = Stage::new().await;
    for number in 1..=200 {
        assert_eq!(stage.edit(1, "Alice", json!({"content": number.to_string()})).await.0, 200, "{number}");
    }
    assert_refused(stage.edit(1, "Alice", json!({"content": "x"})).await, 429, "too_many");
    assert_eq!(stage.edit(1, "Alice", json!({"content": "200"})).await.0, 200, "what changes nothing is no edit");
}

#[tokio::test]
async fn changes_need_a_name() {
    let stage = Stage::new().await;
    for (method, below, body) in [
        (Method::PATCH, "messages/1", Some(json!({"content": "x"}))),
        (Method::DELETE, "messages/1", None),
        (Method::PUT, "messages/1/reactions/x", None),
        (Method::DELETE, "messages/1/reactions/x", None),
        (Method::PUT, "messages/1/pin", None),
        (Method::DELETE, "messages/1/pin", None),
        (Method::PUT, "read", Some(json!({"seq": 1}))),
        (Method::PUT, "notify", Some(json!({"notify": "all"}))),
    ] {
        assert_refused(stage.call(method, below, "", body).await, 401, "unauthenticated");
    }
    assert_refused(get(&stage.client, "/api/chat/me/rooms").await, 401, "unauthenticated");
    for below in ["messages/1", "messages/1/edits", "messages/1/reactions", "messages/1/thread", "pins", "reads"] {
        assert_eq!(get(&stage.client, &path(below, "")).await.0, 200, "{below}: reading needs none");
    }
}

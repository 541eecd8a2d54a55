//! Replies and threads.

use poem::http::Method;
use serde_json::{Value, json};

use super::{Stage, assert_refused, path};
use crate::common::get;

fn seqs(page: &Value) -> Vec<u64> {
    page["messages"].as_array().unwrap().iter().map(|one| one["seq"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn a_thread_stands_beside_the_history() {
    let stage = Stage::new().await;
    for ordinal in 1..=3 {
        let sent = stage.send("Bob", json!({"content": "x", "thread": 1})).await;
        assert_eq!((&sent["thread"], &sent["thread_ordinal"]), (&json!(1), &json!(ordinal)));
    }
    stage.send("Alice", json!({"content": "beside"})).await;
    assert_eq!(seqs(&stage.get("messages", "").await), [1, 5]);
    let thread = stage.get("messages/1/thread", "").await;
    assert_eq!((seqs(&thread), &thread["head"]), (vec![2, 3, 4], &json!(5)));
    assert_eq!((&thread["has_before"], &thread["has_after"]), (&json!(false), &json!(false)));
    assert!(thread["epoch"].is_string());
    for (query, expected, before, after) in [
        ("limit=2", vec![3, 4], true, false),
        ("limit=2&before=4", vec![2, 3], false, true),
        ("limit=1&after=2", vec![3], true, true),
        ("after=4", vec![], true, false),
    ] {
        let page = stage.get(&format!("messages/1/thread?{query}"), "").await;
        let found = (seqs(&page), &page["has_before"], &page["has_after"]);
        assert_eq!(found, (expected, &json!(before), &json!(after)), "{query}");
    }

    let root = stage.state(1, "").await;
    assert_eq!((&root["thread_count"], &root["thread_last"]), (&json!(3), &json!(4)));
    stage.delete(4, "Bob").await;
    let root = stage.state(1, "").await;
    assert_eq!((&root["thread_count"], &root["thread_last"]), (&json!(2), &json!(4)), "the last there ever was");
    let beside = stage.state(5, "").await;
    assert!(beside.get("thread_count").is_none() && beside.get("thread_last").is_none(), "{beside}");
    assert_eq!(stage.get("messages/5/thread", "").await["messages"], json!([]));
}

#[tokio::test]
async fn a_message_in_a_thread_is_changed_like_any_other() {
    let stage = Stage::new().await;
    stage.send("Bob", json!({"content": "x", "thread": 1})).await;
    let (_, state) = stage.edit(2, "Bob", json!({"content": "y"})).await;
    assert_eq!((&state["content"], &state["thread"], &state["thread_ordinal"]), (&json!("y"), &json!(1), &json!(1)));
    assert_eq!(stage.react(2, "Alice", "x").await.1["count"], 1);
    assert_eq!(stage.call(Method::PUT, "messages/2/pin", "Alice", None).await.1["pinned"], true);
    assert_eq!(seqs(&stage.get("pins", "").await), [2]);
}

#[tokio::test]
async fn threads_have_one_level_and_their_replies_stay_inside() {
    let stage = Stage::new().await;
    stage.send("Bob", json!({"content": "x", "thread": 1})).await;
    stage.send("Bob", json!({"content": "beside"})).await;
    for (body, field) in [
        (json!({"content": "x", "thread": 2}), "thread"),
        (json!({"content": "x", "thread": 1, "reply_to": 3}), "reply_to"),
        (json!({"content": "x", "thread": -1}), "thread"),
        (json!({"content": "x", "thread": "1"}), "thread"),
    ] {
        let (status, problem) = stage.call(Method::POST, "messages", "Alice", Some(body)).await;
        assert_eq!((status, &problem["code"], &problem["field"]), (400, &json!("invalid_field"), &json!(field)));
    }
    for reply_to in [1, 2] {
        let sent = stage.send("Alice", json!({"content": "x", "thread": 1, "reply_to": reply_to})).await;
        assert_eq!(sent["reply_to"], reply_to);
    }
    assert_eq!(
        stage.send("Alice", json!({"content": "x", "reply_to": 2})).await["reply_to"],
        2,
        "from outside one may"
    );
}

#[tokio::test]
async fn a_page_of_a_thread_has_one_direction() {
    let stage = Stage::new().await;
    let answer = get(&stage.client, &path("messages/1/thread?before=3&after=1", "")).await;
    assert_eq!(answer.1["field"], "after");
    assert_refused(answer, 400, "invalid_field");
}

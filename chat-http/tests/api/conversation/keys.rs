//! Idempotency keys, for whatever makes an event.

use poem::http::Method;
use serde_json::{Value, json};

use super::Stage;

/// The calls that take a key: what is done to the message 1 of Alice's, by her.
fn calls() -> Vec<(Method, &'static str, Option<Value>)> {
    vec![
        (Method::PATCH, "messages/1", Some(json!({"content": "x"}))),
        (Method::PUT, "messages/1/reactions/x", None),
        (Method::DELETE, "messages/1/reactions/x", None),
        (Method::PUT, "messages/1/pin", None),
        (Method::DELETE, "messages/1/pin", None),
        (Method::DELETE, "messages/1?reason=spam", None),
    ]
}

#[tokio::test]
async fn a_retry_is_not_done_again_and_says_so() {
    let stage = Stage::new().await;
    for (index, (method, below, body)) in calls().into_iter().enumerate() {
        let key = format!("k{index}");
        let call = || stage.call_with_key(method.clone(), below, "Alice", body.clone(), Some(&key));
        let (status, first, replayed) = call().await;
        assert!(matches!(status, 200 | 204) && !replayed, "{method} {below}: {first}");
        let head = stage.head().await;
        assert_eq!(head, index as u64 + 2);
        assert_eq!(call().await, (status, first, true), "{method} {below}");
        assert_eq!(stage.head().await, head);
    }
}

#[tokio::test]
async fn a_key_is_for_one_change_only() {
    let stage = Stage::new().await;
    let calls = calls();
    let (method, below, body) = calls[0].clone();
    assert_eq!(stage.call_with_key(method, below, "Alice", body, Some("k")).await.0, 200);
    let others = [
        (Method::PATCH, "messages/1", Some(json!({"content": "y"}))),
        (Method::PATCH, "messages/1", Some(json!({"content": "x", "mentions": []}))),
        (Method::POST, "messages", Some(json!({"content": "x"}))),
        (Method::DELETE, "messages/1", None),
    ];
    for (method, below, body) in others.into_iter().chain(calls.into_iter().skip(1)) {
        let (status, problem, _) = stage.call_with_key(method.clone(), below, "Alice", body, Some("k")).await;
        assert_eq!((status, &problem["code"]), (409, &json!("idempotency_mismatch")), "{method} {below}");
    }
    assert_eq!(stage.react(1, "Bob", "x").await.0, 200);
    let bobs = stage.call_with_key(Method::PUT, "messages/1/pin", "Bob", None, Some("k")).await;
    assert_eq!((bobs.0, bobs.2), (200, false), "another user's key is another key");
}

#[tokio::test]
async fn a_reason_is_part_of_a_deletion() {
    let stage = Stage::new().await;
    let delete = |below: &'static str| stage.call_with_key(Method::DELETE, below, "Alice", None, Some("k"));
    assert_eq!(delete("messages/1?reason=a").await.0, 204);
    assert!(delete("messages/1?reason=a").await.2);
    assert_eq!(delete("messages/1?reason=b").await.1["code"], "idempotency_mismatch");
    assert_eq!(delete("messages/1").await.1["code"], "idempotency_mismatch");
}

#[tokio::test]
async fn what_changes_nothing_uses_no_key_up() {
    let stage = Stage::new().await;
    let call = |content: &'static str| {
        let body = Some(json!({"content": content}));
        stage.call_with_key(Method::PATCH, "messages/1", "Alice", body, Some("k"))
    };
    assert!(!call("Hello!").await.2);
    let (status, state, replayed) = call("other").await;
    assert_eq!((status, &state["content"], replayed), (200, &json!("other"), false));
}

#[tokio::test]
async fn a_key_of_an_erased_message_replays_without_comparing() {
    let stage = Stage::empty().await;
    let post = |content: &'static str| {
        stage.call_with_key(Method::POST, "messages", "Alice", Some(json!({"content": content})), Some("k"))
    };
    assert_eq!(post("one").await.0, 201);
    stage.delete(1, "Alice").await;
    let (status, event, replayed) = post("whatever").await;
    assert_eq!((status, &event["content"], &event["erased"], replayed), (200, &json!(""), &json!(true), true));
    let (status, problem, _) = stage.call_with_key(Method::PUT, "messages/1/pin", "Alice", None, Some("k")).await;
    assert_eq!((status, &problem["code"]), (409, &json!("idempotency_mismatch")), "the operation is looked at");
}

#[tokio::test]
async fn a_change_of_a_room_takes_a_key() {
    let stage = Stage::empty().await;
    let change = |topic: &'static str, name: &'static str| {
        let request = stage.client.patch(format!("/api/chat/rooms/1{name}")).header("Idempotency-Key", "k");
        let request = request.content_type("application/json").body(json!({"topic": topic}).to_string());
        async move {
            let response = request.send().await;
            let replayed = response.0.headers().contains_key("Idempotency-Replayed");
            let (status, body) = crate::common::read(response).await;
            (status, body["head"].clone(), replayed)
        }
    };
    assert_eq!(change("a", "?username=Alice").await, (200, json!(1), false));
    assert_eq!(change("a", "?username=Alice").await, (200, json!(1), true));
    assert_eq!(change("b", "?username=Alice").await.0, 409);
    assert_eq!(change("b", "").await, (200, json!(2), false), "without a name it does not count");
}

#[tokio::test]
async fn what_makes_no_event_ignores_keys() {
    let stage = Stage::new().await;
    for seq in [1, 0] {
        let marked = stage.call_with_key(Method::PUT, "read", "Bob", Some(json!({"seq": seq})), Some("k")).await;
        assert_eq!((marked.0, marked.2), (200, false));
    }
    let set =
        stage.call_with_key(Method::PUT, "notify", "Bob", Some(json!({"notify": "all"})), Some("not a key")).await;
    assert_eq!((set.0, set.2), (200, false));
}

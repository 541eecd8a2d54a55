//! Sending with all fields, and reading one message.

use poem::http::Method;
use serde_json::{Value, json};

use super::{Stage, assert_refused, path};
use crate::common::read;

#[tokio::test]
async fn a_message_has_all_that_was_given_and_nothing_else() {
    let stage = Stage::new().await;
    let body = json!({"content": "Hi", "reply_to": 1, "mentions": ["Bob", "x/y", "Bob"], "mentions_room": true,
        "meta": {"poll": [1, {"a": null}]}});
    let sent = stage.send("Bob", body.clone()).await;
    for (name, value) in body.as_object().unwrap() {
        assert_eq!(sent[name], *value, "{name}");
    }
    assert!(sent.get("thread").is_none() && sent.get("erased").is_none(), "{sent}");
    let state = stage.state(2, "").await;
    for (name, value) in sent.as_object().unwrap() {
        assert_eq!(state[name], *value, "{name}");
    }
    assert_eq!(state["head"], 2);
    assert_eq!(state.as_object().unwrap().len(), sent.as_object().unwrap().len() + 1, "{state}");
}

#[tokio::test]
async fn what_says_nothing_counts_as_left_out() {
    let stage = Stage::new().await;
    let body = json!({"content": "Hello!", "mentions": [], "mentions_room": false, "meta": {}});
    let sent = stage.send("Alice", body).await;
    for name in ["mentions", "mentions_room", "meta"] {
        assert!(sent.get(name).is_none(), "{sent}");
    }
    // So a retry may leave it out.
    let post = |body: Value| stage.call_with_key(Method::POST, "messages", "Alice", Some(body), Some("k"));
    assert_eq!(post(json!({"content": "a", "meta": {}, "mentions": []})).await.0, 201);
    let (status, _, replayed) = post(json!({"content": "a"})).await;
    assert_eq!((status, replayed), (200, true));
}

#[tokio::test]
async fn meta_is_kept_byte_for_byte() {
    let stage = Stage::empty().await;
    let meta = "{ \"b\":1.00,\n\t\"a\" : \"\\u00e9\\/\", \"a\": 1e2 , \"big\":12345678901234567890.0 }";
    let request = stage.client.post(path("messages", "Alice")).content_type("application/json");
    let answer = request.body(format!("{{\"content\":\"x\",\"meta\":{meta}}}")).send().await;
    let texts = [
        answer.0.into_body().into_string().await.unwrap(),
        stage.client.get(path("messages", "")).send().await.0.into_body().into_string().await.unwrap(),
        stage.client.get(path("messages/1", "")).send().await.0.into_body().into_string().await.unwrap(),
    ];
    for text in texts {
        assert!(text.contains(&format!("\"meta\":{meta},")), "{text}");
    }
}

#[tokio::test]
async fn an_answer_that_has_not_changed_is_not_sent_again() {
    let stage = Stage::new().await;
    for below in
        ["messages/1", "messages/1/edits", "messages/1/thread", "messages/1/reactions", "pins", "reads", "messages"]
    {
        let first = stage.client.get(path(below, "Alice")).send().await;
        let tag = first.0.headers()["ETag"].clone();
        let again = stage.client.get(path(below, "Alice")).header("If-None-Match", tag).send().await;
        assert_eq!(again.0.status().as_u16(), 304, "{below}");
    }
}

#[tokio::test]
async fn what_is_no_message_is_not_found() {
    let stage = Stage::new().await;
    assert_eq!(stage.react(1, "Bob", "x").await.0, 200, "the event 2 is no message");
    for seq in [0, 2, 3, 9_007_199_254_740_991] {
        for below in ["", "/edits", "/thread", "/reactions"] {
            let answer = read(stage.client.get(path(&format!("messages/{seq}{below}"), "")).send().await).await;
            assert_refused(answer, 404, "message_not_found");
        }
        assert_refused(stage.edit(seq, "Alice", json!({"content": "x"})).await, 404, "message_not_found");
        assert_refused(stage.delete(seq, "Alice").await, 404, "message_not_found");
        assert_refused(stage.react(seq, "Alice", "x").await, 404, "message_not_found");
        let pin = stage.call(Method::PUT, &format!("messages/{seq}/pin"), "Alice", None).await;
        assert_refused(pin, 404, "message_not_found");
        for field in ["reply_to", "thread"] {
            let sent = stage.call(Method::POST, "messages", "Bob", Some(json!({"content": "x", field: seq}))).await;
            assert_refused(sent, 404, "message_not_found");
        }
    }
}

#[tokio::test]
async fn nothing_is_in_a_room_that_is_not_there() {
    let stage = Stage::empty().await;
    let put = json!({"seq": 1, "notify": "all"});
    for (method, below, body) in [
        (Method::GET, "messages/1", None),
        (Method::PATCH, "messages/1", Some(json!({"content": "x"}))),
        (Method::DELETE, "messages/1", None),
        (Method::GET, "messages/1/edits", None),
        (Method::GET, "messages/1/thread", None),
        (Method::GET, "messages/1/reactions", None),
        (Method::PUT, "messages/1/reactions/x", None),
        (Method::DELETE, "messages/1/reactions/x", None),
        (Method::PUT, "messages/1/pin", None),
        (Method::DELETE, "messages/1/pin", None),
        (Method::GET, "pins", None),
        (Method::PUT, "read", Some(json!({"seq": put["seq"]}))),
        (Method::GET, "reads", None),
        (Method::PUT, "notify", Some(json!({"notify": put["notify"]}))),
    ] {
        let path = format!("/api/chat/rooms/7/{below}?username=Alice");
        let mut request = stage.client.request(method.clone(), &path);
        if let Some(body) = body {
            request = request.content_type("application/json").body(body.to_string());
        }
        let answer = read(request.send().await).await;
        assert_eq!((answer.0, &answer.1["code"]), (404, &json!("room_not_found")), "{method} {path}");
    }
}

//! More commands than anyone needs.

use chat_core::{Limits, Rate};
use futures::SinkExt;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use super::{ask, assert_refused, server};
use crate::common::{engine_with, socket::Server};

#[tokio::test]
async fn w29_typing_is_told_rarely_and_only_where_one_is() {
    let server = server().await;
    let room = server.room("general").await;
    let mut bob = server.enter(room, "Bob").await;
    let mut alice = server.enter(room, "Alice").await;
    for round in 0..100 {
        let typing = json!({"type": "typing", "is_typing": round % 2 == 0});
        alice.0.feed(Message::text(typing.to_string())).await.unwrap();
    }
    alice.say(json!({"type": "message", "content": "done"})).await;
    let mut told = 0;
    loop {
        match bob.next().await["type"].as_str().unwrap() {
            "typing" => told += 1,
            "message" => break,
            _ => {}
        }
    }
    assert!(told < 10, "told {told} times");
    let typing = |more: serde_json::Value| {
        let mut frame = json!({"type": "typing", "room": 1, "is_typing": true});
        frame.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        frame
    };
    assert_refused(
        &server,
        "/ws/chat?username=Carol",
        &[
            (typing(json!({})), "not_attached", ""),
            (typing(json!({"room": 999})), "room_not_found", ""),
            (typing(json!({"user": "Bob"})), "invalid_field", "user"),
            (typing(json!({"content": "x"})), "invalid_field", "content"),
            (typing(json!({"is_typing": "yes"})), "invalid_field", "is_typing"),
            (typing(json!({"is_typing": null})), "invalid_field", "is_typing"),
        ],
    )
    .await;
}

#[tokio::test]
async fn w32_a_thousand_commands_at_once_are_done_in_order_as_far_as_they_may() {
    let mut limits = Limits::default();
    limits.rates.messages = Some(Rate { per_second: 0.001, burst: 10 });
    let server = Server::start(engine_with(limits).await).await;
    server.room("general").await;
    let mut alice = server.open("/ws/chat?username=Alice").await;
    for number in 0..1_000 {
        let frame = json!({"type": "message", "room": 1, "content": format!("{number}"), "ref": format!("{number}")});
        alice.0.feed(Message::text(frame.to_string())).await.unwrap();
    }
    alice.0.flush().await.unwrap();
    let mut done = Vec::new();
    for _ in 0..1_000 {
        let answer = loop {
            let frame = alice.next().await;
            if frame.get("ref").is_some() {
                break frame;
            }
        };
        let number: u64 = answer["ref"].as_str().unwrap().parse().unwrap();
        if answer["type"] == "ok" {
            done.push((number, answer["seq"].as_u64().unwrap()));
        } else {
            assert_eq!(answer["code"], "rate_limited", "{answer}");
            assert!(answer["retry_after_ms"].as_u64().is_some_and(|wait| wait > 0), "{answer}");
        }
    }
    assert_eq!(done, (0..10).map(|number| (number, number + 1)).collect::<Vec<_>>());
    assert_eq!(ask(&mut alice, json!({"type": "ping"})).await["type"], "pong");
}

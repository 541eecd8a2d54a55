//! Reactions.

use poem::http::Method;
use serde_json::{Value, json};

use super::{Stage, assert_refused, path};
use crate::common::get;

const THUMB: &str = "%F0%9F%91%8D";

#[tokio::test]
async fn reactions_are_counted_and_listed() {
    let stage = Stage::new().await;
    assert_eq!(stage.react(1, "Bob", THUMB).await, (200, json!({"reaction": "👍", "count": 1})));
    assert_eq!(stage.react(1, "Carol", THUMB).await, (200, json!({"reaction": "👍", "count": 2})));
    assert_eq!(stage.react(1, "Alice", "%3A-%29").await, (200, json!({"reaction": ":-)", "count": 1})));
    assert_eq!(stage.react(1, "Bob", THUMB).await, (200, json!({"reaction": "👍", "count": 2})), "it is there already");
    assert_eq!(stage.head().await, 4);
    let seen = |mine: bool| json!([{"reaction": "👍", "count": 2, "mine": mine}, {"reaction": ":-)", "count": 1, "mine": false}]);
    assert_eq!(stage.state(1, "Bob").await["reactions"], seen(true));
    assert_eq!(stage.state(1, "Dave").await["reactions"], seen(false));
    assert_eq!(stage.state(1, "").await["reactions"], seen(false));
    assert_eq!(stage.get("messages", "Bob").await["messages"][0]["reactions"], seen(true));

    let path = format!("messages/1/reactions/{THUMB}");
    let taken = stage.call(Method::DELETE, &path, "Bob", None).await;
    assert_eq!(taken, (200, json!({"reaction": "👍", "count": 1})));
    let again = stage.call(Method::DELETE, &path, "Bob", None).await;
    assert_eq!(again, (200, json!({"reaction": "👍", "count": 1})), "it is gone already");
    assert_eq!(stage.head().await, 5);
    assert_eq!(stage.call(Method::DELETE, &path, "Carol", None).await.1["count"], 0);
    assert_eq!(stage.state(1, "").await["reactions"], json!([{"reaction": ":-)", "count": 1, "mine": false}]));
}

#[tokio::test]
async fn those_who_reacted_are_listed_in_pages_oldest_first() {
    let stage = Stage::new().await;
    for (name, reaction) in [("Bob", "b"), ("Carol", "a"), ("Bob", "a")] {
        stage.react(1, name, reaction).await;
    }
    let (mut listed, mut after) = (Vec::new(), String::new());
    loop {
        let page = stage.get(&format!("messages/1/reactions?limit=2{after}"), "").await;
        for one in page["reactions"].as_array().unwrap() {
            assert!(one["timestamp"].is_string() && one["username"] == one["user"], "{one}");
            listed.push(format!("{} {}", one["reaction"].as_str().unwrap(), one["user"].as_str().unwrap()));
        }
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(listed, ["b Bob", "a Carol", "a Bob"]);
}

#[tokio::test]
async fn a_reaction_is_decoded_once_and_normalised() {
    let stage = Stage::new().await;
    for (encoded, reaction) in [("e%CC%81", "é"), ("%2541", "%41"), ("%41", "A"), ("a+b%20c", "a+b c"), ("...", "...")]
    {
        assert_eq!(stage.react(1, "Bob", encoded).await, (200, json!({"reaction": reaction, "count": 1})), "{encoded}");
    }
    let taken = stage.call(Method::DELETE, "messages/1/reactions/%C3%A9", "Bob", None).await;
    assert_eq!(taken.1["count"], 0, "composed and decomposed are one reaction");
}

#[tokio::test]
async fn what_is_no_reaction_is_refused() {
    let stage = Stage::new().await;
    let long = "x".repeat(65);
    let emoji = THUMB.repeat(17);
    for wrong in [".", "..", "%2E%2e", "a%2Fb", "a%5Cb", "%00", "a%0Ab", "%7F", "%C2%85", "%ff", "%zz", &long, &emoji] {
        for method in [Method::PUT, Method::DELETE] {
            let (status, problem) = stage.call(method, &format!("messages/1/reactions/{wrong}"), "Bob", None).await;
            let told = (status, &problem["code"], &problem["field"]);
            assert_eq!(told, (400, &json!("invalid_field"), &json!("reaction")), "{wrong}: {problem}");
        }
    }
    assert_eq!(stage.react(1, "Bob", &"x".repeat(64)).await.0, 200);
    assert_eq!(stage.head().await, 2);
}

#[tokio::test]
async fn a_message_has_at_most_20_different_reactions() {
    let stage = Stage::new().await;
    for number in 1..=20 {
        assert_eq!(stage.react(1, "Bob", &number.to_string()).await.0, 200);
    }
    assert_refused(stage.react(1, "Bob", "21").await, 429, "too_many");
    assert_eq!(stage.react(1, "Carol", "20").await.1["count"], 2, "those that are there may have more users");
}

#[tokio::test]
async fn a_path_without_a_reaction_lists_them() {
    let stage = Stage::new().await;
    let answer = stage.call(Method::PUT, "messages/1/reactions", "Bob", None).await;
    assert_refused(answer, 405, "method_not_allowed");
    let (status, page) = get(&stage.client, &path("messages/1/reactions", "")).await;
    assert_eq!((status, page), (200, json!({"reactions": [], "next": Value::Null})));
}

//! Searching messages over HTTP.

use serde_json::{Value, json};

use super::{Stage, assert_refused};
use crate::common::get;

impl Stage {
    async fn search(&self, query: &str) -> Value {
        let (status, page) = get(&self.client, &format!("/api/chat/search?{query}")).await;
        assert_eq!(status, 200, "{query}: {page}");
        page
    }

    async fn found(&self, query: &str) -> Vec<u64> {
        let page = self.search(query).await;
        page["messages"].as_array().unwrap().iter().map(|message| message["seq"].as_u64().unwrap()).collect()
    }
}

#[tokio::test]
async fn messages_are_found_by_their_words_the_newest_first() {
    let stage = Stage::new().await;
    stage.send("Alice", json!({"content": "Lunch at the Café?"})).await;
    stage.send("Bob", json!({"content": "LUNCH tomorrow"})).await;
    stage.send("Bob", json!({"content": "明天一起吃午饭吗", "thread": 1})).await;
    assert_eq!(stage.found("q=lunch").await, [3, 2]);
    assert_eq!(stage.found("q=lun+CAFE").await, [] as [u64; 0], "only the last word may be a beginning");
    assert_eq!(stage.found("q=cafe+lun&username=Carol").await, [2]);
    assert_eq!(stage.found("q=%E5%8D%88%E9%A5%AD").await, [4]);
    assert_eq!(stage.found("q=lunch&user=Bob").await, [3]);
    assert_eq!(stage.found("q=lunch&room=1").await, [3, 2]);
    let page = stage.search("q=lunch&limit=1").await;
    assert_eq!((&page["complete"], &page["messages"][0]["content"]), (&json!(true), &json!("LUNCH tomorrow")));
    let next = page["next"].as_str().unwrap();
    let rest = stage.search(&format!("q=lunch&limit=1&after={next}")).await;
    assert_eq!((&rest["messages"][0]["seq"], &rest["next"]), (&json!(2), &Value::Null));
}

#[tokio::test]
async fn a_search_finds_what_a_message_says_now() {
    let stage = Stage::new().await;
    stage.send("Alice", json!({"content": "an apple"})).await;
    stage.edit(2, "Alice", json!({"content": "a pear"})).await;
    assert_eq!(stage.found("q=apple").await, [] as [u64; 0]);
    assert_eq!(stage.search("q=pear").await["messages"][0]["edited"]["count"], 1);
    stage.delete(2, "Alice").await;
    assert_eq!(stage.found("q=pear").await, [] as [u64; 0]);
}

#[tokio::test]
async fn r34_a_bad_search_is_refused_by_its_field() {
    let stage = Stage::new().await;
    for (query, field) in [
        ("", "q"),
        ("q=", "q"),
        ("q=%3F!", "q"),
        ("q=%F0%9F%8E%89", "q"),
        (&*format!("q={}", "x".repeat(201)), "q"),
        ("q=%ff", "q"),
        ("q=a&limit=0", "limit"),
        ("q=a&limit=101", "limit"),
        ("q=a&room=0", "room"),
        ("q=a&room=x", "room"),
        ("q=a&user=", "user"),
        ("q=a&after=x", "after"),
        ("q=a&after=1.1", "after"),
    ] {
        let (status, problem) = get(&stage.client, &format!("/api/chat/search?{query}")).await;
        assert_eq!((status, &problem["field"]), (400, &json!(field)), "{query}");
    }
    assert_refused(get(&stage.client, "/api/chat/search?q=a&room=99").await, 404, "room_not_found");
}

//! Read marks, and one's rooms.

use poem::http::Method;
use serde_json::{Value, json};

use super::{Stage, assert_refused};
use crate::common::{get, patch, post, room};

impl Stage {
    async fn mark(&self, name: &str, body: Value) -> (u16, Value) {
        self.call(Method::PUT, "read", name, Some(body)).await
    }

    async fn rooms(&self, name: &str, query: &str) -> Value {
        let (status, page) = get(&self.client, &format!("/api/chat/me/rooms?username={name}&{query}")).await;
        assert_eq!(status, 200, "{page}");
        page
    }
}

fn unread(seq: u64, unread: u64, mentions: u64, ordinal: u64) -> (u16, Value) {
    (200, json!({"seq": seq, "unread": unread, "mentions": mentions, "ordinal": ordinal}))
}

#[tokio::test]
async fn a_mark_says_what_is_unread_beyond_it() {
    let stage = Stage::new().await;
    for body in [
        json!({"content": "2", "mentions": ["Bob"]}),
        json!({"content": "3", "mentions_room": true}),
        json!({"content": "4", "thread": 1, "mentions": ["Bob"]}),
        json!({"content": "5"}),
    ] {
        stage.send("Alice", body).await;
    }
    assert_eq!(stage.mark("Bob", json!({"seq": 1})).await, unread(1, 3, 3, 4));
    assert_eq!(stage.mark("Bob", json!({"seq": 3})).await, unread(3, 1, 1, 4));
    assert_eq!(stage.mark("Bob", json!({"seq": 2})).await, unread(3, 1, 1, 4), "it goes back only when told");
    assert_eq!(stage.mark("Bob", json!({"seq": 2, "back": false})).await, unread(3, 1, 1, 4));
    assert_eq!(stage.mark("Bob", json!({"seq": 2, "back": true})).await, unread(2, 2, 2, 4));
    stage.delete(3, "Alice").await;
    assert_eq!(stage.mark("Bob", json!({"seq": 2})).await, unread(2, 1, 1, 4), "what is deleted is not unread");
    assert_eq!(stage.mark("Bob", json!({"seq": 9_007_199_254_740_991_u64})).await, unread(6, 0, 0, 4), "the head");
    assert_eq!(stage.mark("Alice", json!({"seq": 0})).await, unread(5, 0, 0, 4), "one has read what one sends");
    assert_eq!(stage.mark("Alice", json!({"seq": 0, "back": true})).await, unread(0, 0, 0, 4), "one's own never count");
    assert_eq!(stage.head().await, 6, "marks make no events");
}

#[tokio::test]
async fn a_mark_of_another_history_is_refused() {
    let stage = Stage::new().await;
    let epoch = stage.get("messages", "").await["epoch"].clone();
    assert_eq!(stage.mark("Bob", json!({"seq": 1, "epoch": epoch})).await, unread(1, 0, 0, 1));
    assert_refused(stage.mark("Bob", json!({"seq": 1, "epoch": "another"})).await, 409, "epoch_changed");
}

#[tokio::test]
async fn marks_are_listed_ones_own_first() {
    let stage = Stage::new().await;
    for name in ["Dave", "Carol", "Bob"] {
        stage.mark(name, json!({"seq": 0})).await;
    }
    stage.mark("Bob", json!({"seq": 1})).await;
    let list = |name: &'static str, limit: usize| {
        let stage = &stage;
        async move {
            let (mut names, mut after) = (Vec::new(), String::new());
            loop {
                let page = stage.get(&format!("reads?limit={limit}{after}"), name).await;
                let marks = page["marks"].as_array().unwrap();
                assert!(!marks.is_empty() && marks.len() <= limit, "{page}");
                names.extend(marks.iter().map(|mark| format!("{} {}", mark["user"].as_str().unwrap(), mark["seq"])));
                let Some(next) = page["next"].as_str() else { return names };
                after = format!("&after={next}");
            }
        }
    };
    let by_id = ["Alice 1", "Bob 1", "Carol 0", "Dave 0"];
    for limit in [1, 2, 3, 4, 100] {
        assert_eq!(list("", limit).await, by_id, "{limit}");
        assert_eq!(list("Carol", limit).await, ["Carol 0", "Alice 1", "Bob 1", "Dave 0"], "{limit}");
        assert_eq!(list("Eve", limit).await, by_id, "{limit}: she has none");
    }
    let marks = stage.get("reads", "").await["marks"].clone();
    assert_eq!(marks[0], json!({"user": "Alice", "username": "Alice", "seq": 1}));
}

#[tokio::test]
async fn ones_rooms_are_listed_with_what_is_unread() {
    let stage = Stage::new().await;
    assert_eq!(stage.rooms("Bob", "").await, json!({"rooms": [], "next": null}));
    stage.mark("Bob", json!({"seq": 0})).await;
    stage.send("Alice", json!({"content": "Hi, Bob", "mentions": ["Bob"]})).await;
    stage.react(2, "Bob", "x").await;
    let page = stage.rooms("Bob", "").await;
    let mut expected = get(&stage.client, "/api/chat/rooms/1").await.1;
    let mut last = stage.state(2, "Bob").await;
    last.as_object_mut().unwrap().remove("head");
    for (name, value) in [("read", 0), ("unread", 2), ("mentions", 1), ("ordinal", 2)] {
        expected[name] = json!(value);
    }
    (expected["last_message"], expected["role"], expected["notify"]) = (last, Value::Null, json!("all"));
    assert_eq!(page, json!({"rooms": [expected], "next": null}));
    stage.delete(2, "Alice").await;
    let room = stage.rooms("Bob", "").await["rooms"][0].clone();
    assert_eq!(
        (&room["unread"], &room["mentions"], &room["last_message"]["deleted"]["seq"]),
        (&json!(1), &json!(0), &json!(4))
    );
}

#[tokio::test]
async fn ones_rooms_come_in_pages_those_first_that_were_active_last() {
    let stage = Stage::empty().await;
    for name in ["b", "c", "d", "e"] {
        room(&stage.client, name).await;
    }
    for id in [1, 2, 3, 4, 5] {
        let (status, _) =
            post(&stage.client, &format!("/api/chat/rooms/{id}/messages?username=Bob"), &json!({"content": "x"})).await;
        assert_eq!(status, 201);
    }
    post(&stage.client, "/api/chat/rooms/2/messages?username=Alice", &json!({"content": "x"})).await;
    let (mut ids, mut after) = (Vec::new(), String::new());
    loop {
        let page = stage.rooms("Bob", &format!("limit=2{after}")).await;
        ids.extend(page["rooms"].as_array().unwrap().iter().map(|room| room["id"].as_u64().unwrap()));
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(ids, [2, 5, 4, 3, 1]);
}

#[tokio::test]
async fn a_room_nobody_wrote_in_has_no_last_message() {
    let stage = Stage::empty().await;
    assert_eq!(stage.mark("Bob", json!({"seq": 0})).await, unread(0, 0, 0, 0));
    let room = stage.rooms("Bob", "limit=200").await["rooms"][0].clone();
    assert_eq!((&room["last_message"], &room["last_message_at"]), (&Value::Null, &Value::Null));
}

#[tokio::test]
async fn what_one_wants_to_be_told_is_stored_and_returned() {
    let stage = Stage::new().await;
    for notify in ["mentions", "none", "all"] {
        let set = stage.call(Method::PUT, "notify", "Alice", Some(json!({"notify": notify}))).await;
        assert_eq!(set, (200, json!({"notify": notify})));
        assert_eq!(stage.rooms("Alice", "").await["rooms"][0]["notify"], notify);
    }
    let (status, problem) = stage.call(Method::PUT, "notify", "Alice", Some(json!({"notify": "some"}))).await;
    assert_eq!((status, &problem["field"]), (400, &json!("notify")));
}

#[tokio::test]
async fn a_renamed_room_is_no_more_active() {
    let stage = Stage::new().await;
    let before = stage.rooms("Alice", "").await["rooms"][0]["last_message_at"].clone();
    assert_eq!(patch(&stage.client, "/api/chat/rooms/1", &json!({"topic": "x"})).await.0, 200);
    assert_eq!(stage.rooms("Alice", "").await["rooms"][0]["last_message_at"], before);
}

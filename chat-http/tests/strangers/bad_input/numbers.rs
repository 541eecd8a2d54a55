//! Numbers that are none, in each place of the REST API where there is a number.

use poem::http::Method;
use serde_json::json;

use super::send;
use crate::common::{NO_INTEGERS, client, get, post, read, room};

/// In addresses. `%2B` is a plus, `%D9%A3` an Arabic three.
const IN_ADDRESSES: [&str; 16] = [
    "-1",
    "-0",
    "%2B1",
    "1.5",
    "1.0",
    "1e2",
    "1e400",
    "01",
    "0x1",
    "1_0",
    "NaN",
    "%D9%A3",
    "9007199254740992",
    "9223372036854775808",
    "18446744073709551616",
    "99999999999999999999999999999999999999",
];

#[tokio::test]
async fn r6_numbers_in_addresses() {
    let client = client().await;
    room(&client, "general").await;
    post(&client, "/api/chat/rooms/1/messages?username=Alice", &json!({"content": "x"})).await;
    let paths = [
        ("room_id", "rooms/N"),
        ("room_id", "rooms/N/messages"),
        ("room_id", "rooms/N/messages/1"),
        ("room_id", "rooms/N/presence"),
        ("room_id", "rooms/N/pins"),
        ("room_id", "rooms/N/reads"),
        ("room_id", "rooms/N/events"),
        ("seq", "rooms/1/messages/N"),
        ("seq", "rooms/1/messages/N/edits"),
        ("seq", "rooms/1/messages/N/thread"),
        ("seq", "rooms/1/messages/N/reactions"),
    ];
    let queries = [
        ("limit", "rooms?limit=N"),
        ("limit", "rooms/1/messages?limit=N"),
        ("before", "rooms/1/messages?before=N"),
        ("after", "rooms/1/messages?after=N"),
        ("around", "rooms/1/messages?around=N"),
        ("limit", "rooms/1/messages/1/thread?limit=N"),
        ("before", "rooms/1/messages/1/thread?before=N"),
        ("after", "rooms/1/messages/1/thread?after=N"),
        ("limit", "rooms/1/messages/1/reactions?limit=N"),
        ("limit", "rooms/1/reads?limit=N"),
        ("limit", "me/rooms?limit=N"),
        ("limit", "search?q=x&limit=N"),
        ("room", "search?q=x&room=N"),
        ("after", "rooms/1/events?after=N"),
    ];
    for number in IN_ADDRESSES {
        for (field, path) in paths.iter().chain(&queries) {
            let path = path.replace('N', number);
            let sign = if path.contains('?') { '&' } else { '?' };
            let (status, problem) = get(&client, &format!("/api/chat/{path}{sign}username=Alice")).await;
            let told = (status, &problem["code"], &problem["field"]);
            assert_eq!(told, (400, &json!("invalid_field"), &json!(field)), "{path}: {problem}");
        }
    }
}

#[tokio::test]
async fn r6_numbers_in_addresses_of_what_changes_something() {
    let client = client().await;
    room(&client, "general").await;
    for number in IN_ADDRESSES {
        for (method, field, path, body) in [
            (Method::PATCH, "room_id", "rooms/N", r#"{"topic":"x"}"#),
            (Method::DELETE, "room_id", "rooms/N", ""),
            (Method::POST, "room_id", "rooms/N/messages", r#"{"content":"x"}"#),
            (Method::PUT, "room_id", "rooms/N/read", r#"{"seq":1}"#),
            (Method::PUT, "room_id", "rooms/N/notify", r#"{"notify":"all"}"#),
            (Method::PATCH, "seq", "rooms/1/messages/N", r#"{"content":"x"}"#),
            (Method::DELETE, "seq", "rooms/1/messages/N", ""),
            (Method::PUT, "seq", "rooms/1/messages/N/pin", ""),
            (Method::DELETE, "seq", "rooms/1/messages/N/pin", ""),
            (Method::PUT, "seq", "rooms/1/messages/N/reactions/x", ""),
            (Method::DELETE, "seq", "rooms/1/messages/N/reactions/x", ""),
        ] {
            let path = path.replace('N', number);
            let request = client.request(method.clone(), format!("/api/chat/{path}?username=Alice"));
            let (status, problem) = read(request.content_type("application/json").body(body).send().await).await;
            let told = (status, &problem["code"], &problem["field"]);
            assert_eq!(told, (400, &json!("invalid_field"), &json!(field)), "{method} {path}: {problem}");
        }
    }
    assert_eq!(get(&client, "/api/chat/rooms/1").await.1["head"], 0);
}

#[tokio::test]
async fn r6_numbers_in_bodies() {
    let client = client().await;
    room(&client, "general").await;
    for (field, path, body) in [
        ("reply_to", "messages", r#"{"content":"x","reply_to":N}"#),
        ("thread", "messages", r#"{"content":"x","thread":N}"#),
    ] {
        let path = format!("/api/chat/rooms/1/{path}?username=Alice");
        for number in NO_INTEGERS {
            let (status, problem) = send(&client, &path, "application/json", body.replace('N', number)).await;
            let told = (status, &problem["code"], &problem["field"]);
            assert_eq!(told, (400, &json!("invalid_field"), &json!(field)), "{number}: {problem}");
        }
        for number in ["NaN", "-Infinity", "01", "+1", "0x1", ".5", "1."] {
            let (status, problem) = send(&client, &path, "application/json", body.replace('N', number)).await;
            assert_eq!((status, &problem["code"]), (400, &json!("bad_json")), "{number}: {problem}");
        }
    }
    for number in ["1e400", "-0", "-1", "1.5", "9007199254740992", "18446744073709551616"] {
        let request = client.put("/api/chat/rooms/1/read?username=Alice").content_type("application/json");
        let (status, problem) = read(request.body(format!("{{\"seq\":{number}}}")).send().await).await;
        assert_eq!((status, &problem["field"]), (400, &json!("seq")), "{number}: {problem}");
    }
    assert_eq!(get(&client, "/api/chat/rooms/1").await.1["head"], 0);
}

/// A position above the head is a page without messages, and says where the head is.
#[tokio::test]
async fn r39_pages_beyond_the_head_are_empty() {
    let client = client().await;
    room(&client, "general").await;
    post(&client, "/api/chat/rooms/1/messages?username=Alice", &json!({"content": "x"})).await;
    for after in ["1", "2", "9007199254740991"] {
        let (status, page) = get(&client, &format!("/api/chat/rooms/1/messages?after={after}")).await;
        assert_eq!((status, &page["messages"], &page["head"]), (200, &json!([]), &json!(1)), "{after}");
    }
}

#[tokio::test]
async fn r40_cursors_that_are_none() {
    let client = client().await;
    room(&client, "general").await;
    post(&client, "/api/chat/rooms/1/messages?username=Alice", &json!({"content": "x"})).await;
    for path in ["rooms?", "rooms/1/messages/1/reactions?", "rooms/1/reads?", "me/rooms?", "search?q=x&"] {
        for cursor in ["", "x", "-1", "%00", "%ff", "%27%20OR%201%3D1", "1.2.3.4", &"9".repeat(100), &"x".repeat(5_000)]
        {
            let (status, problem) = get(&client, &format!("/api/chat/{path}after={cursor}&username=Alice")).await;
            let told = (status, &problem["code"], &problem["field"]);
            assert_eq!(told, (400, &json!("invalid_field"), &json!("after")), "{path} {cursor:.40}: {problem}");
        }
    }
    // A cursor of one list in another one is refused, or is a place of that list: it never shows what one may not see.
    for (path, cursor) in [("rooms?", ".Alice"), ("rooms/1/reads?", "7"), ("me/rooms?", "7"), ("search?q=x&", "7.1")] {
        let (status, problem) = get(&client, &format!("/api/chat/{path}after={cursor}&username=Alice")).await;
        assert_eq!((status, &problem["field"]), (400, &json!("after")), "{path} {cursor}");
    }
}

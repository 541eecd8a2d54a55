//! What has happened in all rooms, as whoever operates the server reads it.

use chat_http::{FeedToken, Guests, site};
use poem::{IntoEndpoint, test::TestClient};
use serde_json::{Value, json};

use crate::common::{self, Client, delete, engine, get, post, room};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";
const FEED: &str = "/api/chat/events/feed";

/// A site that gives the feed.
async fn client() -> Client {
    let site = site(engine().await, Guests).feed_token(FeedToken::new(TOKEN).unwrap());
    TestClient::new(site.into_endpoint())
}

async fn read(client: &Client, token: &str, query: &str) -> (u16, Value) {
    let request = client.get(format!("{FEED}{query}")).header("authorization", format!("Bearer {token}"));
    common::read(request.send().await).await
}

#[tokio::test]
async fn the_feed_has_everything_in_one_order() {
    let client = client().await;
    let empty = read(&client, TOKEN, "").await;
    assert_eq!(empty, (200, json!({"entries": [], "next": null, "has_more": false})));
    let (one, other) = (room(&client, "one").await, room(&client, "other").await);
    for id in [one, other, one] {
        let path = format!("/api/chat/rooms/{id}/messages?username=Alice");
        assert_eq!(post(&client, &path, &json!({"content": "hello"})).await.0, 201);
    }
    assert_eq!(delete(&client, &format!("/api/chat/rooms/{other}?username=Alice")).await.0, 204);

    let (mut after, mut entries) = (String::new(), Vec::new());
    loop {
        let (status, page) = read(&client, TOKEN, &format!("?limit=2{after}")).await;
        assert_eq!(status, 200, "{page}");
        entries.extend(page["entries"].as_array().unwrap().clone());
        after = format!("&after={}", page["next"].as_str().unwrap());
        if page["has_more"] == json!(false) {
            break;
        }
    }
    let of = |id: u64| entries.iter().filter(move |entry| entry["room"] == json!(id)).collect::<Vec<_>>();
    let told = of(one);
    assert_eq!((&told[0]["type"], &told[0]["created"]["name"]), (&json!("room_created"), &json!("one")));
    let events: Vec<_> = told[1..].iter().map(|entry| (&entry["event"]["type"], &entry["event"]["seq"])).collect();
    assert_eq!(events, [(&json!("message"), &json!(1)), (&json!("message"), &json!(2))]);
    assert_eq!(told[1]["event"]["content"], json!("hello"));
    let end = of(other).pop().unwrap().clone();
    assert_eq!((&end["type"], &end["event"]["type"]), (&json!("event"), &json!("room_deleted")));
    assert_eq!(of(other)[0].get("created"), None, "the room is gone");
    // Any entry's cursor is one to go on after.
    let last = entries.last().unwrap()["cursor"].as_str().unwrap();
    assert_eq!(read(&client, TOKEN, &format!("?after={last}")).await.1["entries"], json!([]));
}

#[tokio::test]
async fn the_feed_is_for_whoever_has_its_token() {
    let client = client().await;
    let wrong = TOKEN.replace('0', "1");
    for token in [wrong.as_str(), "x", ""] {
        let (status, problem) = read(&client, token, "").await;
        assert_eq!((status, &problem["code"]), (401, &json!("unauthenticated")), "{token}");
    }
    for query in ["", "?username=Alice"] {
        assert_eq!(get(&client, &format!("{FEED}{query}")).await.0, 401);
    }
    let without = common::client().await;
    let (status, problem) = read(&without, TOKEN, "").await;
    assert_eq!((status, &problem["code"]), (404, &json!("not_found")), "it is none of this server's");
    for token in ["", "short", &"x".repeat(31), &"x".repeat(1_025), &format!("{TOKEN} "), &format!("{TOKEN}\u{e9}")] {
        assert!(FeedToken::new(token).is_err(), "{token}");
    }
}

#[tokio::test]
async fn bad_positions_in_the_feed_are_refused() {
    let client = client().await;
    let id = room(&client, "one").await;
    let (_, page) = read(&client, TOKEN, "").await;
    let next = page["next"].as_str().unwrap();
    assert_eq!(page["entries"][0]["room"], json!(id));
    let beyond = next.replace(".1.", ".7.");
    for after in ["x", "1.2", "", &format!("{next}x"), &beyond, &"x".repeat(257)] {
        let (status, problem) = read(&client, TOKEN, &format!("?after={after}")).await;
        let told = (status, &problem["code"], &problem["field"]);
        assert_eq!(told, (400, &json!("invalid_field"), &json!("after")), "{after}");
    }
    for limit in ["0", "1001", "-1", "x"] {
        let (status, problem) = read(&client, TOKEN, &format!("?limit={limit}")).await;
        assert_eq!((status, &problem["field"]), (400, &json!("limit")), "{limit}");
    }
    let (status, problem) = read(&client, TOKEN, "?after=another.1.0").await;
    assert_eq!((status, &problem["code"]), (409, &json!("epoch_changed")));
}

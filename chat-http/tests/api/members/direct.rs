//! Rooms of two users, over REST.

use poem::http::Method;
use serde_json::{Value, json};

use super::{Named, outcome};
use crate::common::{client_as, read};

struct Asked(super::Client);

impl Asked {
    async fn new() -> Self {
        Self(client_as(chat_core::ChatEngine::builder().build().await.unwrap(), Named))
    }

    async fn call(&self, name: &str, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let mut request = self.0.request(method, format!("/api/chat{path}"));
        if !name.is_empty() {
            request = request.header("Authorization", format!("Bearer {name}"));
        }
        if let Some(body) = body {
            request = request.content_type("application/json").body(body.to_string());
        }
        read(request.send().await).await
    }

    async fn open(&self, name: &str, body: Value) -> (u16, Value) {
        self.call(name, Method::POST, "/direct", Some(body)).await
    }
}

#[tokio::test]
async fn both_find_the_same_room_and_each_is_told_of_the_other() {
    let asked = Asked::new().await;
    let (status, made) = asked.open("olga", json!({"user": "mike", "username": "Mike"})).await;
    let shown = [&made["kind"], &made["name"], &made["owned"], &made["members"], &made["peer"]];
    let expected = json!(["direct", "", false, 2, {"user": "mike", "username": "Mike"}]);
    assert_eq!((status, &json!(shown)), (201, &expected), "{made}");
    let (status, found) = asked.open("mike", json!({"user": "olga"})).await;
    assert_eq!((status, &found["id"]), (200, &made["id"]));
    assert_eq!(found["peer"], json!({"user": "olga", "username": "olga"}));

    let (_, mine) = asked.call("mike", Method::GET, "/me/rooms", None).await;
    let mine = &mine["rooms"][0];
    assert_eq!([&mine["id"], &mine["role"], &mine["peer"]["user"]], [&made["id"], &json!("member"), &json!("olga")]);
    assert_eq!(asked.call("mike", Method::GET, "/rooms", None).await.1["rooms"], json!([]));
    let path = format!("/rooms/{}", made["id"]);
    assert_eq!(outcome(asked.call("sam", Method::GET, &path, None).await), "404 room_not_found");
    assert_eq!(outcome(asked.call("root", Method::GET, &path, None).await), "404 room_not_found");
    assert_eq!(outcome(asked.call("mike", Method::DELETE, &path, None).await), "403 forbidden");
}

#[tokio::test]
async fn notes_are_a_room_of_ones_own() {
    let asked = Asked::new().await;
    let (status, notes) = asked.open("olga", json!({"user": "olga"})).await;
    assert_eq!((status, &notes["members"], &notes["peer"]["user"]), (201, &json!(1), &json!("olga")));
    assert_eq!(asked.open("olga", json!({"user": "olga"})).await.0, 200);
}

#[tokio::test]
async fn what_is_no_pair_is_refused() {
    let asked = Asked::new().await;
    for (name, body, expected) in [
        ("", json!({"user": "mike"}), "401 unauthenticated"),
        ("gus", json!({"user": "mike"}), "403 forbidden"),
        ("olga", json!({}), "400 invalid_field"),
        ("olga", json!({"user": ""}), "400 invalid_field"),
        ("olga", json!({"user": "x".repeat(257)}), "400 invalid_field"),
        ("olga", json!({"user": "erased:1"}), "400 invalid_field"),
        ("olga", json!({"user": "mike", "username": "\u{200b}"}), "400 invalid_field"),
        ("olga", json!({"user": "mike", "kind": "public"}), "400 invalid_field"),
    ] {
        assert_eq!(outcome(asked.open(name, body.clone()).await), expected, "{name} {body}");
    }
}

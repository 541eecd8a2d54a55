//! Requests that claim what they have no right to, or come in a way that nobody sends.

use std::collections::BTreeSet;

use chat_core::{ChatEngine, Database, Draft, Identity, Limits, NewRoom, Rate, RoomId};
use futures::future::join_all;
use poem::http::Method;
use serde_json::{Value, json};

use crate::common::{client, client_of, delete, engine, engine_with, get, post, read, room};

/// Nobody's word is taken for another address, host, scheme or method.
#[tokio::test]
async fn r46_headers_of_proxies_are_not_believed() {
    let mut limits = Limits::default();
    limits.rates.messages = Some(Rate { per_second: 0.001, burst: 1 });
    let client = client_of(engine_with(limits).await);
    let id = room(&client, "general").await;
    let path = format!("/api/chat/rooms/{id}/messages?username=Alice");
    for number in 0..200 {
        let address = format!("203.0.{}.{}", number / 100, number % 100);
        let request = client.post(&path).content_type("application/json").header("x-real-ip", &*address);
        let request = request.header("x-forwarded-for", format!("{address}, 10.0.0.1"));
        let request = request.header("forwarded", format!("for={address};host=evil.example;proto=https"));
        let (status, answer) = read(request.body(r#"{"content":"x"}"#).send().await).await;
        assert_eq!(status, if number == 0 { 201 } else { 429 }, "{answer}");
    }
    let forwarded =
        |host: &str, said: &str| client.get("/api/chat/rooms").header("host", host).header("x-forwarded-host", said);
    assert_eq!(forwarded("localhost", "evil.example").send().await.0.status().as_u16(), 200);
    assert_eq!(forwarded("evil.example", "localhost").send().await.0.status().as_u16(), 421);
    let secure = client.get("/").header("x-forwarded-proto", "https").header("x-forwarded-ssl", "on").send().await;
    assert_eq!(secure.0.header("strict-transport-security"), None);
    let path = format!("/api/chat/rooms/{id}");
    let other = client.post(&path).header("x-http-method-override", "DELETE").header("x-method-override", "DELETE");
    assert_eq!(read(other.send().await).await.0, 405);
    let other = client.get(&path).header("x-original-url", "/healthz").header("x-rewrite-url", "/healthz").send().await;
    assert_eq!(read(other).await.1["name"], "general");
}

/// A room that was deleted, one that never was, and one that one may not know of, are told apart by nothing.
#[tokio::test]
async fn r35_rooms_that_are_not_there_are_alike() {
    let engine = engine().await;
    let owner = Identity::new("owner", "Owner").unwrap();
    let secret = NewRoom::named("secret").private();
    let hidden = engine.create_room(&owner, secret).await.unwrap().id.0;
    engine.send(&owner, RoomId(hidden), Draft::text("x")).await.unwrap();
    let client = client_of(engine);
    let id = room(&client, "general").await;
    post(&client, &format!("/api/chat/rooms/{id}/messages?username=Alice"), &json!({"content": "x"})).await;
    assert_eq!(delete(&client, &format!("/api/chat/rooms/{id}")).await.0, 204);
    for (method, below, body) in [
        (Method::GET, "", ""),
        (Method::PATCH, "", r#"{"topic":"x"}"#),
        (Method::DELETE, "", ""),
        (Method::GET, "/messages", ""),
        (Method::GET, "/messages?after=1", ""),
        (Method::POST, "/messages", r#"{"content":"x"}"#),
        (Method::GET, "/messages/1", ""),
        (Method::PATCH, "/messages/1", r#"{"content":"x"}"#),
        (Method::DELETE, "/messages/1", ""),
        (Method::GET, "/messages/1/edits", ""),
        (Method::GET, "/messages/1/thread", ""),
        (Method::GET, "/messages/1/reactions", ""),
        (Method::PUT, "/messages/1/reactions/x", ""),
        (Method::PUT, "/messages/1/pin", ""),
        (Method::GET, "/pins", ""),
        (Method::GET, "/reads", ""),
        (Method::PUT, "/read", r#"{"seq":1}"#),
        (Method::PUT, "/notify", r#"{"notify":"all"}"#),
        (Method::GET, "/presence", ""),
        (Method::GET, "/events", ""),
    ] {
        let mut told = BTreeSet::new();
        for room in [id, 999, hidden] {
            let sign = if below.contains('?') { '&' } else { '?' };
            let request = client.request(method.clone(), format!("/api/chat/rooms/{room}{below}{sign}username=Alice"));
            let answer = request.content_type("application/json").body(body).send().await;
            let headers: Vec<_> = answer.0.headers().iter().map(|(name, value)| format!("{name}: {value:?}")).collect();
            let (status, problem) = read(answer).await;
            assert_eq!((status, &problem["code"]), (404, &json!("room_not_found")), "{method} {below}: {problem}");
            told.insert((headers, problem.to_string()));
        }
        assert_eq!(told.len(), 1, "{method} {below}: {told:?}");
    }
}

#[tokio::test]
async fn r50_head_is_get_without_a_body_and_ranges_are_ignored() {
    let client = client().await;
    let id = room(&client, "general").await;
    post(&client, &format!("/api/chat/rooms/{id}/messages?username=Alice"), &json!({"content": "x"})).await;
    let ranges = (0..1_000).map(|at| format!("{at}-{at}")).collect::<Vec<_>>().join(",");
    let below = [
        "",
        "/messages",
        "/messages/1",
        "/messages/1/edits",
        "/messages/1/thread",
        "/messages/1/reactions",
        "/pins",
        "/reads",
        "/presence",
    ];
    let rooms = below.map(|below| format!("/api/chat/rooms/{id}{below}"));
    let paths = [
        "/",
        "/client.js",
        "/docs",
        "/docs/swagger-ui.js",
        "/openapi.yaml",
        "/healthz",
        "/api/chat/rooms",
        "/api/chat/none",
        "/none",
    ];
    for path in paths.map(ToOwned::to_owned).into_iter().chain(rooms).map(|path| format!("{path}?username=Alice")) {
        let plain = client.get(&path).send().await;
        let head = client.head(&path).send().await;
        assert_eq!(head.0.status(), plain.0.status(), "{path}");
        for (name, value) in plain.0.headers() {
            assert_eq!(head.0.headers().get(name), Some(value), "{path}: {name}");
        }
        assert!(head.0.into_body().into_vec().await.unwrap().is_empty(), "{path}");
        let whole = plain.0.into_body().into_vec().await.unwrap();
        for range in ["bytes=0-0", "bytes=-1", "bytes=9999999-", "bytes=1-0", "x", &*format!("bytes={ranges}")] {
            let part = client.get(&path).header("range", range).header("if-range", "\"x\"").send().await;
            assert!(matches!(part.0.status().as_u16(), 200 | 404), "{path} {range:.20}");
            assert_eq!(part.0.header("content-range"), None, "{path} {range:.20}");
            assert_eq!(part.0.into_body().into_vec().await.unwrap(), whole, "{path} {range:.20}");
        }
        let with_body = client.get(&path).content_type("application/json").body("{\"limit\":").send().await;
        assert_eq!(with_body.0.into_body().into_vec().await.unwrap(), whole, "{path}: a body says nothing");
    }
}

async fn fifty(ask: impl AsyncFn(usize) -> (u16, Value)) -> Vec<(u16, Value)> {
    join_all((0..50).map(|number| ask(number))).await
}

#[tokio::test]
async fn r51_the_same_at_once_is_done_once() {
    for database in [Database::memory(), Database::from("sqlite::memory:")] {
        let client = client_of(ChatEngine::builder().database(database).build().await.unwrap());
        let id = room(&client, "general").await;
        let path = format!("/api/chat/rooms/{id}/messages?username=Alice");
        let sent = fifty(async |_| {
            let request = client.post(&path).content_type("application/json").header("Idempotency-Key", "k");
            read(request.body(r#"{"content":"x"}"#).send().await).await
        })
        .await;
        assert_eq!(sent.iter().filter(|(status, _)| *status == 201).count(), 1, "{sent:?}");
        assert_eq!(sent.iter().filter(|(status, _)| *status == 200).count(), 49, "{sent:?}");
        assert!(sent.iter().all(|(_, message)| *message == sent[0].1), "{sent:?}");
        let other = fifty(async |number| {
            let request = client.post(&path).content_type("application/json").header("Idempotency-Key", "other");
            read(request.body(format!(r#"{{"content":"{number}"}}"#)).send().await).await
        })
        .await;
        assert_eq!(other.iter().filter(|(status, _)| *status == 201).count(), 1, "{other:?}");
        assert_eq!(
            other.iter().filter(|(_, problem)| problem["code"] == "idempotency_mismatch").count(),
            49,
            "{other:?}"
        );
        assert_eq!(get(&client, &format!("/api/chat/rooms/{id}")).await.1["head"], 2);
        let made = fifty(async |_| post(&client, "/api/chat/rooms", &json!({"name": "one"})).await).await;
        assert_eq!(made.iter().filter(|(status, _)| *status == 201).count(), 1, "{made:?}");
        assert_eq!(made.iter().filter(|(_, problem)| problem["code"] == "name_taken").count(), 49, "{made:?}");
        let id = made.iter().find(|(status, _)| *status == 201).unwrap().1["id"].clone();
        let deleted = fifty(async |_| delete(&client, &format!("/api/chat/rooms/{id}")).await).await;
        assert_eq!(deleted.iter().filter(|(status, _)| *status == 204).count(), 1, "{deleted:?}");
        assert_eq!(deleted.iter().filter(|(status, _)| *status == 404).count(), 49, "{deleted:?}");
    }
}

//! How fast a user may do things, over each transport. (`budgets.rs` has the same for the library itself.)

use chat_core::{ChatEngine, Draft, Identity, Limits, NewRoom, Rate, RoomId, UserRates};
use poem::http::Method;
use serde_json::{Value, json};

use crate::common::{
    Client, client_of, engine_with, get, read,
    socket::{Server, Socket},
};

type Of = fn(&mut UserRates) -> &mut Option<Rate>;

const MESSAGES: Of = |rates| &mut rates.messages;
const CHANGES: Of = |rates| &mut rates.changes;
const TYPING: Of = |rates| &mut rates.typing;
const ATTACHES: Of = |rates| &mut rates.attaches;
const ROOMS: Of = |rates| &mut rates.rooms;
const JOINS: Of = |rates| &mut rates.joins;
const SEARCHES: Of = |rates| &mut rates.searches;
const HISTORY: Of = |rates| &mut rates.history;

/// An engine where a user may do so many of one thing, and that soon; with a room that has a message.
async fn engine_where(of: Of, burst: u32) -> (ChatEngine, RoomId) {
    let mut limits = Limits::default();
    *of(&mut limits.rates) = Some(Rate { per_second: 0.01, burst });
    let engine = engine_with(limits).await;
    let host = Identity::named("Host").unwrap().as_guest();
    let room = engine.create_room(&host, NewRoom::named("general")).await.unwrap().id;
    engine.send(&host, room, Draft::text("hello")).await.unwrap();
    (engine, room)
}

async fn call(client: &Client, method: &Method, path: &str, body: Option<Value>) -> (u16, Value, Option<String>) {
    let separator = if path.contains('?') { '&' } else { '?' };
    let request = client.request(method.clone(), format!("{path}{separator}username=Alice"));
    let request = match body {
        Some(body) => request.content_type("application/json").body(body.to_string()),
        None => request,
    };
    let response = request.send().await;
    let wait = response.0.header("retry-after").map(str::to_owned);
    let (status, body) = read(response).await;
    (status, body, wait)
}

#[tokio::test]
async fn r42_each_rate_is_met_over_rest() {
    let (post, put, patch) = (Method::POST, Method::PUT, Method::PATCH);
    let message = json!({"content": "x"});
    let calls: [(&str, Of, Method, &str, Option<Value>); 14] = [
        ("a message", MESSAGES, post.clone(), "/rooms/1/messages", Some(message.clone())),
        ("a reaction", CHANGES, put.clone(), "/rooms/1/messages/1/reactions/x", None),
        ("a pin", CHANGES, put.clone(), "/rooms/1/messages/1/pin", None),
        ("a change of a room", CHANGES, patch, "/rooms/1", Some(json!({"topic": "x"}))),
        ("a join", JOINS, post.clone(), "/rooms/1/join", None),
        ("who is in", HISTORY, Method::GET, "/rooms/1/members", None),
        ("a room", ROOMS, post, "/rooms", Some(json!({"name": "x"}))),
        ("a search", SEARCHES, Method::GET, "/search?q=hello", None),
        ("a search for rooms", SEARCHES, Method::GET, "/rooms?q=general", None),
        ("history", HISTORY, Method::GET, "/rooms/1/messages", None),
        ("a thread", HISTORY, Method::GET, "/rooms/1/messages/1/thread", None),
        ("a user's rooms", HISTORY, Method::GET, "/me/rooms", None),
        ("marks", HISTORY, Method::GET, "/rooms/1/reads", None),
        ("a mark", HISTORY, put, "/rooms/1/read", Some(json!({"seq": 1}))),
    ];
    for (what, of, method, path, body) in calls {
        let (engine, _room) = engine_where(of, 1).await;
        let client = client_of(engine);
        let path = format!("/api/chat{path}");
        let (status, answer, _) = call(&client, &method, &path, body.clone()).await;
        assert!(status < 300, "{what}: {answer}");
        let (status, refusal, wait) = call(&client, &method, &path, body.clone()).await;
        assert_eq!((status, &refusal["code"]), (429, &json!("rate_limited")), "{what}: {refusal}");
        assert!((99_000..=100_000).contains(&refusal["retry_after_ms"].as_u64().unwrap()), "{what}: {refusal}");
        assert_eq!(wait.as_deref(), Some("100"), "{what}");
        assert_eq!(get(&client, "/api/chat/rooms/1?username=Bob").await.0, 200, "{what}: others go on");
    }
}

#[tokio::test]
async fn r42_each_rate_is_met_over_a_socket() {
    let frames: [(&str, Of, Value); 8] = [
        ("a message", MESSAGES, json!({"type": "message", "room": 1, "content": "x"})),
        ("a reaction", CHANGES, json!({"type": "react", "room": 1, "target": 1, "reaction": "x", "added": true})),
        ("a pin", CHANGES, json!({"type": "pin", "room": 1, "target": 1, "pinned": true})),
        ("a deletion", CHANGES, json!({"type": "delete", "room": 1, "target": 1})),
        ("an edit", CHANGES, json!({"type": "edit", "room": 1, "target": 1, "content": "x"})),
        ("typing", TYPING, json!({"type": "typing", "room": 1, "is_typing": true})),
        ("an attach", ATTACHES, json!({"type": "attach", "room": 1})),
        ("a mark", HISTORY, json!({"type": "read", "room": 1, "seq": 1})),
    ];
    for (what, of, frame) in frames {
        let (engine, _room) = engine_where(of, 1).await;
        let server = Server::start(engine).await;
        let mut socket = server.open("/ws/chat?username=Alice").await;
        socket.say(frame.clone()).await;
        let mut again = frame;
        again["ref"] = json!("again");
        socket.say(again).await;
        let refusal = refusal_of(&mut socket, "again").await;
        assert_eq!((&refusal["code"], &refusal["room"]), (&json!("rate_limited"), &json!(1)), "{what}: {refusal}");
        assert!((99_000..=100_000).contains(&refusal["retry_after_ms"].as_u64().unwrap()), "{what}: {refusal}");
    }
}

#[tokio::test]
async fn events_over_http_are_attaches_too() {
    let (engine, room) = engine_where(ATTACHES, 1).await;
    let client = client_of(engine);
    let path = format!("/api/chat/rooms/{room}/events?username=Alice");
    let first = client.get(&path).send().await;
    first.assert_status_is_ok();
    let (status, refusal) = get(&client, &path).await;
    assert_eq!((status, &refusal["code"]), (429, &json!("rate_limited")), "{refusal}");
}

/// The error with this reference.
async fn refusal_of(socket: &mut Socket, reference: &str) -> Value {
    loop {
        let error = socket.next_of("error").await;
        if error["ref"] == reference {
            return error;
        }
    }
}

#[tokio::test]
async fn a_retry_is_not_counted() {
    let (engine, room) = engine_where(MESSAGES, 2).await;
    let alice = Identity::named("Alice").unwrap();
    let send = |key: &str| engine.send(&alice, room, Draft::text("x").key(key));
    send("one").await.unwrap();
    for _ in 0..10 {
        assert!(send("one").await.unwrap().replayed);
    }
    send("two").await.unwrap();
    assert_eq!(send("three").await.unwrap_err().code(), "rate_limited");
}

//! Server-sent events over real connections.

use crate::common::{
    client_of, engine, engine_with,
    http::{EventSource, request},
    read, room,
    socket::Server,
};
use chat_core::{Actor, Draft, Identity, Limits, RoomChange, RoomId};
use poem::http::StatusCode;
use serde_json::{Value, json};

async fn server() -> Server {
    Server::start(engine().await).await
}

fn path(room: RoomId, query: &str) -> String {
    format!("/api/chat/rooms/{room}/events?{query}")
}

async fn listen(server: &Server, room: RoomId, query: &str, headers: &str) -> EventSource {
    let (head, events) = EventSource::open(server.addr, &path(room, query), headers).await;
    assert_eq!(head.status, 200, "{head:?}");
    events
}

async fn say(server: &Server, room: RoomId, text: &str) {
    server.engine.send(&Identity::named("Bob").unwrap(), room, Draft::text(text)).await.unwrap();
}

/// The status, the code and the field of a refusal.
async fn refusal(server: &Server, path: &str, headers: &str) -> (u16, Value, Value) {
    let (head, body) = request(server.addr, "GET", path, headers, None).await;
    (head.status, body["code"].clone(), body["field"].clone())
}

#[tokio::test]
async fn a_stream_begins_with_the_rooms_state_and_goes_on_live() {
    let server = server().await;
    let room = server.room("general").await;
    say(&server, room, "before").await;
    let (head, mut alice) = EventSource::open(server.addr, &path(room, "username=Alice"), "").await;
    assert_eq!((head.status, head.header("content-type")), (200, Some("text/event-stream")));
    assert_eq!((head.header("cache-control"), head.header("x-accel-buffering")), (Some("no-store"), Some("no")));
    let attached = alice.next().await.unwrap();
    let epoch = attached.data["epoch"].as_str().unwrap().to_owned();
    assert_eq!(attached.data, json!({"type": "attached", "room": room.0, "epoch": epoch, "head": 1, "events": []}));
    assert_eq!(attached.id, Some(format!("{epoch}:1")), "a stream that breaks off now goes on from here");
    assert!((1_000..=3_000).contains(&alice.retry.unwrap()));
    let list = alice.next().await.unwrap();
    assert_eq!((&list.data["type"], &list.data["users"], list.id), (&json!("user_list"), &json!(["Alice"]), None));

    let mut bob = server.enter(room, "Bob").await;
    assert_eq!(alice.next_of("join").await.data["username"], "Bob");
    bob.say(json!({"type": "typing", "is_typing": true})).await;
    assert_eq!(alice.next_of("typing").await.data["users"], json!(["Bob"]));
    bob.say(json!({"type": "message", "content": "Hi\nthere\r\n\u{2028}"})).await;
    let (heard, framed) = (alice.next_of("message").await, bob.next_of("message").await);
    assert_eq!(heard.data, framed, "the same frame as over a socket");
    assert_eq!(heard.id, Some(format!("{epoch}:2")));
}

#[tokio::test]
async fn a_client_that_comes_back_misses_nothing() {
    let server = server().await;
    let room = server.room("general").await;
    let mut alice = listen(&server, room, "username=Alice", "").await;
    alice.next().await.unwrap();
    let mut last = alice.last_id.clone().unwrap();
    for round in 0..3_u64 {
        drop(alice);
        say(&server, room, "one").await;
        say(&server, room, "two").await;
        // The position in the URL counts only for the first request.
        let header = format!("Last-Event-ID: {last}\r\n");
        alice = listen(&server, room, "username=Alice&after=0", &header).await;
        let attached = alice.next().await.unwrap();
        assert_eq!((attached.id.as_ref(), &attached.data["events"]), (Some(&last), &json!([])));
        for seq in [round * 2 + 1, round * 2 + 2] {
            let missed = alice.next().await.unwrap();
            assert_eq!((&missed.data["type"], &missed.data["seq"]), (&json!("message"), &json!(seq)));
            assert!(missed.id.unwrap().ends_with(&format!(":{seq}")));
        }
        last = alice.last_id.clone().unwrap();
    }
}

#[tokio::test]
async fn the_first_connection_may_name_a_position() {
    let server = server().await;
    let room = server.room("general").await;
    for text in ["1", "2", "3"] {
        say(&server, room, text).await;
    }
    let mut alice = listen(&server, room, "username=Alice&after=1", "").await;
    let epoch = alice.next_of("attached").await.data["epoch"].as_str().unwrap().to_owned();
    assert_eq!(alice.next().await.unwrap().data["seq"], 2);
    for (query, header, kind, next) in [
        (format!("after=2&epoch={epoch}"), String::new(), "attached", "message"),
        ("after=3".to_owned(), String::new(), "attached", "user_list"),
        ("after=2&epoch=other".to_owned(), String::new(), "resync", "user_list"),
        ("after=99".to_owned(), String::new(), "resync", "user_list"),
        (String::new(), "Last-Event-ID: other:2\r\n".to_owned(), "resync", "user_list"),
        (String::new(), format!("Last-Event-ID: {epoch}:99\r\n"), "resync", "user_list"),
    ] {
        let mut bob = listen(&server, room, &format!("username=Bob&presence=false&{query}"), &header).await;
        let first = bob.next().await.unwrap();
        assert_eq!((&first.data["type"], &first.data["head"]), (&json!(kind), &json!(3)), "{query} {header}");
        assert_eq!(bob.next().await.unwrap().data["type"], next, "{query} {header}");
        assert_eq!(bob.last_id, Some(format!("{epoch}:3")), "{query} {header}");
    }
}

#[tokio::test]
async fn a_deleted_room_ends_its_streams_for_good() {
    let server = server().await;
    let room = server.room("general").await;
    let mut alice = listen(&server, room, "username=Alice", "").await;
    alice.next_of("user_list").await;
    let rename = RoomChange::default().name("other");
    server.engine.update_room(Actor::Anonymous, room, rename).await.unwrap();
    assert_eq!(alice.next_of("room_updated").await.data["name"], "other");
    server.engine.delete_room(Actor::Anonymous, room).await.unwrap();
    alice.next_of("room_deleted").await;
    assert_eq!(alice.next().await, None);
    let header = format!("Last-Event-ID: {}\r\n", alice.last_id.unwrap());
    let (head, body) = request(server.addr, "GET", &path(room, "username=Alice"), &header, None).await;
    assert_eq!((head.status, body), (204, Value::Null));
    let refused = refusal(&server, &path(room, "username=Alice"), "").await;
    assert_eq!(refused, (404, json!("room_not_found"), Value::Null), "without an id it is as any other path");
}

#[tokio::test]
async fn s1_what_is_wrong_is_told_before_the_stream_begins() {
    let server = server().await;
    let room = server.room("general").await;
    for bad in ["x", ":1", "e:", "e:x", "e:-1", "\u{e9}\u{ff}:x", "e:1\r\nLast-Event-ID: e:1"] {
        let refused = refusal(&server, &path(room, "username=Alice"), &format!("Last-Event-ID: {bad}\r\n")).await;
        assert_eq!(refused, (400, json!("invalid_field"), json!("Last-Event-ID")), "{bad:?}");
    }
    for (query, field) in [
        ("username=Alice&after=x", "after"),
        ("username=Alice&after=-1", "after"),
        ("username=Alice&presence=maybe", "presence"),
        ("username=%20", "username"),
    ] {
        assert_eq!(refusal(&server, &path(room, query), "").await, (400, json!("invalid_field"), json!(field)));
    }
    assert_eq!(refusal(&server, &path(room, ""), "").await.0, 401);
    assert_eq!(refusal(&server, &path(RoomId(999), "username=Alice"), "").await.1, "room_not_found");
    assert_eq!(refusal(&server, "/api/chat/rooms/0/events?username=Alice", "").await.0, 400);
    let (head, _) = request(server.addr, "POST", &path(room, "username=Alice"), "", None).await;
    assert_eq!((head.status, head.header("allow")), (405, Some("GET")));
}

#[tokio::test]
async fn s1_one_session_too_many_is_told() {
    let mut limits = Limits::default();
    limits.sessions_per_user = Some(1);
    let server = Server::start(engine_with(limits).await).await;
    let room = server.room("general").await;
    let _first = listen(&server, room, "username=Alice", "").await;
    let refused = refusal(&server, &path(room, "username=Alice"), "").await;
    assert_eq!(refused, (429, json!("too_many"), Value::Null));
}

#[tokio::test]
async fn when_all_places_for_streams_are_taken_no_session_is_made_until_one_ends() {
    let mut limits = Limits::default();
    (limits.event_streams, limits.sessions) = (Some(2), Some(3));
    let engine = engine_with(limits).await;
    let client = client_of(engine.clone());
    let room = room(&client, "general").await;
    let kinds = [format!("/api/chat/rooms/{room}/events?username=Alice"), "/api/chat/events?username=Alice".to_owned()];
    let open = async |path: &str| {
        let response = client.get(path).send().await;
        response.assert_status_is_ok();
        response
    };
    let mut streams = Vec::new();
    for path in &kinds {
        streams.push(open(path).await);
    }
    for (kind, path) in kinds.iter().enumerate() {
        for path in &kinds {
            let refused = client.get(path).send().await;
            refused.assert_status(StatusCode::SERVICE_UNAVAILABLE);
            refused.assert_header_exist("retry-after");
            assert_eq!(read(refused).await.1["code"], "overloaded", "{path}");
        }
        let (_third, mut updates) = engine.connect(Identity::named("Bob").unwrap()).split();
        assert!(updates.try_next().is_none(), "those who are refused are no sessions");
        drop(streams.remove(0));
        streams.push(open(path).await);
        client.get(&kinds[1 - kind]).send().await.assert_status(StatusCode::SERVICE_UNAVAILABLE);
    }
}

#[tokio::test]
async fn pages_of_listed_origins_may_listen() {
    let server = server().await;
    let room = server.room("general").await;
    let (head, _) =
        EventSource::open(server.addr, &path(room, "username=Alice"), "Origin: http://app.example\r\n").await;
    let read_by = head.header("access-control-allow-origin");
    assert_eq!((head.status, read_by, head.header("vary")), (200, Some("http://app.example"), Some("Origin")));
    let preflight = "Origin: http://app.example\r\nAccess-Control-Request-Method: GET\r\n";
    let (head, _) = request(server.addr, "OPTIONS", &path(room, ""), preflight, None).await;
    assert!(head.header("access-control-allow-headers").unwrap().contains("Last-Event-ID"));
}

/// An `EventSource` that has not seen an id yet may send an empty header.
#[tokio::test]
async fn an_empty_last_id_is_none() {
    let server = server().await;
    let room = server.room("general").await;
    say(&server, room, "before").await;
    let mut alice = listen(&server, room, "username=Alice&after=0", "Last-Event-ID: \r\n").await;
    assert_eq!(alice.next_of("message").await.data["content"], "before");
}

/// No image, form or script of another site makes anyone join.
#[tokio::test]
async fn pages_of_other_origins_make_nobody_join() {
    let server = server().await;
    let room = server.room("general").await;
    for headers in [
        "Origin: http://evil.example\r\n",
        "Origin: null\r\n",
        "Origin: http://LOCALHOST.evil\r\n",
        "Origin: http://localhost\r\nOrigin: http://evil.example\r\n",
        "Origin: http://localhost\r\nOrigin: http://localhost\r\n",
        "Origin: http://evil.example\r\nSec-Fetch-Site: same-origin\r\n",
        "Sec-Fetch-Site: cross-site\r\n",
        "Sec-Fetch-Site: same-site\r\n",
        "Sec-Fetch-Site: same-origin\r\nSec-Fetch-Site: cross-site\r\n",
        "Sec-Fetch-Site: else\r\n",
    ] {
        let (head, problem) = request(server.addr, "GET", &path(room, "username=Ghost"), headers, None).await;
        assert_eq!((head.status, &problem["code"]), (403, &json!("forbidden")), "{headers}");
        assert_eq!(head.header("cache-control"), Some("no-store"));
    }
    for headers in ["", "Origin: HTTP://LocalHost\r\n", "Sec-Fetch-Site: same-origin\r\n", "Sec-Fetch-Site: none\r\n"] {
        let (head, _) = EventSource::open(server.addr, &path(room, "username=Alice"), headers).await;
        assert_eq!(head.status, 200, "{headers}");
    }
    let mut host = listen(&server, room, "username=Host", "").await;
    let listed = host.next_of("user_list").await.data["users"].to_string();
    assert!(!listed.contains("Ghost"), "{listed}");
}

#[tokio::test]
async fn asking_for_the_headers_alone_opens_nothing() {
    let server = server().await;
    let room = server.room("general").await;
    let mut host = listen(&server, room, "username=Host", "").await;
    host.next_of("user_list").await;
    let (head, body) = request(server.addr, "HEAD", &path(room, "username=Ghost"), "", None).await;
    assert_eq!((head.status, head.header("allow"), body), (405, Some("GET"), Value::Null));
    say(&server, room, "the room has taken note").await;
    let next = host.next().await.unwrap().data;
    assert_eq!(next["type"], "message", "nobody has joined: {next}");
}

#[tokio::test]
async fn stopping_ends_streams_and_says_when_to_come_back() {
    let server = server().await;
    let room = server.room("general").await;
    let mut alice = listen(&server, room, "username=Alice", "").await;
    alice.next_of("user_list").await;
    alice.retry = None;
    server.stop.send(()).unwrap();
    while alice.next().await.is_some() {}
    assert!(alice.retry.is_some_and(|wait| (2_000..=8_000).contains(&wait)), "{:?}", alice.retry);
    server.ended.await.unwrap();
}

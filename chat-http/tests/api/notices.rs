//! What one hears without attaching: notices, and the activity of rooms that are watched; over sockets and event streams.

use crate::common::{
    engine, engine_with,
    http::EventSource,
    socket::{Server, Socket},
};
use chat_core::{DetachReason, Draft, Identity, Limits, MarkTo, Notice, RoomId, Seq};
use serde_json::{Value, json};

const MANY: &str = "/ws/chat?username=Alice";

async fn server() -> Server {
    Server::start(engine().await).await
}

fn user(name: &str) -> Identity {
    Identity::named(name).unwrap()
}

async fn say(server: &Server, room: RoomId, draft: Draft) -> Seq {
    server.engine.send(&user("Bob"), room, draft).await.unwrap().seq
}

fn mentioning(name: &str) -> Draft {
    let mut draft = Draft::text(format!("Hello {name}!"));
    draft.body.mentions = vec![user(name).id];
    draft
}

/// Watches a room; the answer.
async fn watch(socket: &mut Socket, room: RoomId) -> Value {
    socket.say(json!({"type": "attach", "room": room.0, "events": false, "ref": "w"})).await;
    loop {
        let frame = socket.next().await;
        if frame["ref"] == "w" {
            return frame;
        }
    }
}

#[tokio::test]
async fn a_socket_for_many_rooms_begins_with_hello_and_one_for_a_room_does_not() {
    let server = server().await;
    let room = server.room("general").await;
    let mut many = server.open("/ws/chat?username=%20Alice%20").await;
    assert_eq!(many.next().await, json!({"type": "hello", "user": "Alice", "username": "Alice"}));
    let mut one = server.open(&format!("/ws/chat/{room}?username=Alice")).await;
    assert_eq!(one.next().await["type"], "attached");
}

#[tokio::test]
async fn a_watcher_hears_activity_and_no_events_and_is_not_online() {
    let server = server().await;
    let room = server.room("general").await;
    say(&server, room, Draft::text("before")).await;
    let mut alice = server.open(MANY).await;
    let attached = watch(&mut alice, room).await;
    let epoch = attached["epoch"].as_str().unwrap();
    assert_eq!(attached, json!({"type": "attached", "ref": "w", "room": room.0, "epoch": epoch, "head": 1}));
    say(&server, room, Draft::text("é".repeat(200))).await;
    let expected = json!({"type": "activity", "room": room.0, "head": 2, "ordinal": 2,
        "last": {"seq": 2, "user": "Bob", "username": "Bob", "content": "é".repeat(120)}});
    assert_eq!(alice.next().await, expected);
    let mut everyone = Draft::text("all of you");
    everyone.body.mentions_room = true;
    say(&server, room, everyone).await;
    assert_eq!(alice.next().await["mentions_room"], true);
    assert_eq!(server.engine.presence(&user("Bob"), room).await.unwrap().count, 0);

    assert_eq!(watch(&mut alice, room).await["code"], "already_attached");
    alice.say(json!({"type": "attach", "room": room.0})).await;
    assert_eq!(alice.next_of("attached").await["events"], json!([]));
    assert_eq!(watch(&mut alice, room).await["code"], "already_attached");
    alice.say(json!({"type": "detach", "room": room.0, "ref": "d"})).await;
    alice.next_of("ok").await;
    assert_eq!(watch(&mut alice, room).await["type"], "attached");
    alice.say(json!({"type": "detach", "room": room.0, "ref": "d"})).await;
    alice.next_of("ok").await;
    say(&server, room, Draft::text("unheard")).await;
    alice.say(json!({"type": "ping"})).await;
    assert_eq!(alice.next().await["type"], "pong");
}

#[tokio::test]
async fn a_watch_that_cannot_be_says_what_is_wrong() {
    let server = server().await;
    let room = server.room("general").await;
    let mut alice = server.open(MANY).await;
    for (more, code, field) in [
        (json!({"after": {"seq": 1}}), "invalid_field", json!("after")),
        (json!({"presence": true}), "invalid_field", json!("presence")),
        (json!({"events": "no"}), "invalid_field", json!("events")),
        (json!({"room": 99}), "room_not_found", Value::Null),
    ] {
        let mut frame = json!({"type": "attach", "room": room.0, "events": false});
        frame.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        alice.say(frame).await;
        let error = alice.next_of("error").await;
        assert_eq!((error["code"].as_str().unwrap(), &error["field"]), (code, &field), "{more}");
    }
    alice.say(json!({"type": "attach", "room": room.0, "events": false, "presence": false})).await;
    alice.next_of("attached").await;
}

#[tokio::test]
async fn as_many_rooms_are_watched_as_may_be_beside_those_attached() {
    let mut limits = Limits::default();
    (limits.rooms_per_session, limits.watched_rooms_per_session) = (1, 1);
    let server = Server::start(engine_with(limits).await).await;
    let rooms = [server.room("one").await, server.room("two").await, server.room("three").await];
    let mut alice = server.open(MANY).await;
    alice.say(json!({"type": "attach", "room": rooms[0].0})).await;
    alice.next_of("attached").await;
    assert_eq!(watch(&mut alice, rooms[1]).await["type"], "attached");
    assert_eq!(watch(&mut alice, rooms[2]).await["code"], "too_many");
}

#[tokio::test]
async fn the_end_of_a_room_is_told_once_to_whoever_watches_it_or_is_attached() {
    let server = server().await;
    let (watched, attached) = (server.room("watched").await, server.room("attached").await);
    let mut alice = server.open(MANY).await;
    watch(&mut alice, watched).await;
    alice.say(json!({"type": "attach", "room": attached.0})).await;
    alice.next_of("user_list").await;
    for room in [watched, attached] {
        server.engine.delete_room(&user("Bob"), room).await.unwrap();
    }
    let detached = json!({"type": "detached", "room": watched.0, "reason": "deleted"});
    let mut told = Vec::new();
    while told.len() < 2 {
        let frame = alice.next().await;
        told.extend(["detached", "room_deleted"].contains(&frame["type"].as_str().unwrap()).then_some(frame));
    }
    assert!(told.contains(&detached), "{told:?}");
    assert!(told.iter().any(|frame| frame["type"] == "room_deleted" && frame["room"] == attached.0), "{told:?}");
    alice.say(json!({"type": "ping"})).await;
    assert_eq!(alice.next().await["type"], "pong", "nothing else follows");
}

#[tokio::test]
async fn notices_come_whichever_rooms_are_attached_and_not_on_the_socket_of_a_room() {
    let server = server().await;
    let room = server.room("general").await;
    let (mut many, mut one) = (server.open(MANY).await, server.enter(room, "Alice").await);
    many.next_of("hello").await;
    let root = say(&server, room, mentioning("Alice")).await;
    let mention = json!({"type": "mention", "room": room.0, "seq": root.0, "user": "Bob", "username": "Bob"});
    assert_eq!(many.next().await, mention);
    let in_thread = || {
        let mut draft = Draft::text("in the thread");
        draft.body.thread = Some(root);
        draft
    };
    server.engine.send(&user("Alice"), room, in_thread()).await.unwrap();
    let seq = say(&server, room, in_thread()).await;
    assert_eq!(many.next().await, json!({"type": "thread", "room": room.0, "root": root.0, "seq": seq.0}));
    server.engine.mark(&user("Alice"), room, MarkTo::seq(root)).await.unwrap();
    let read = json!({"type": "read", "room": room.0, "seq": 1, "unread": 0, "mentions": 0, "ordinal": 1});
    assert_eq!(many.next().await, read);
    for (notice, expected) in [
        (
            Notice::RoomRemoved { room, reason: DetachReason::Banned },
            json!({"type": "room_removed", "room": room.0, "reason": "banned"}),
        ),
        (Notice::Missed, json!({"type": "missed"})),
    ] {
        server.engine.notify(&user("Alice").id, &notice);
        assert_eq!(many.next().await, expected);
    }
    let added = std::sync::Arc::new(server.engine.room(&user("Alice"), room).await.unwrap());
    server.engine.notify(&user("Alice").id, &Notice::RoomAdded { room: added });
    let added = many.next().await;
    assert_eq!((&added["type"], &added["room"]["name"]), (&json!("room_added"), &json!("general")));

    one.say(json!({"type": "ping"})).await;
    loop {
        let frame = one.next().await;
        let kind = frame["type"].as_str().unwrap();
        let is_notice = ["hello", "mention", "thread", "room_added", "room_removed", "missed"].contains(&kind);
        assert!(!is_notice && frame["unread"] == Value::Null, "{frame}");
        if kind == "pong" {
            break;
        }
    }
}

async fn listen(server: &Server, headers: &str) -> EventSource {
    let (head, events) = EventSource::open(server.addr, "/api/chat/events?username=Alice", headers).await;
    assert_eq!((head.status, head.header("content-type")), (200, Some("text/event-stream")));
    events
}

#[tokio::test]
async fn an_event_stream_without_a_room_has_ones_notices_and_the_activity_of_ones_rooms() {
    let server = server().await;
    let (mine, later, other) = (server.room("mine").await, server.room("later").await, server.room("other").await);
    server.engine.send(&user("Alice"), mine, Draft::text("I was here")).await.unwrap();
    let mut alice = listen(&server, "").await;
    let hello = alice.next().await.unwrap().data;
    assert_eq!(hello, json!({"type": "hello", "user": "Alice", "username": "Alice"}));
    assert!((1_000..=3_000).contains(&alice.retry.unwrap()));

    say(&server, other, Draft::text("not hers")).await;
    say(&server, mine, Draft::text("hers")).await;
    let activity = alice.next().await.unwrap().data;
    assert_eq!(
        (&activity["type"], &activity["room"], &activity["head"]),
        (&json!("activity"), &json!(mine.0), &json!(2))
    );
    say(&server, later, mentioning("Alice")).await;
    assert_eq!(alice.next().await.unwrap().data["type"], "mention");
    // A room that she reads is hers from then on.
    server.engine.mark(&user("Alice"), later, MarkTo::seq(Seq(1))).await.unwrap();
    assert_eq!(alice.next().await.unwrap().data["type"], "read");
    say(&server, later, Draft::text("hers, too")).await;
    let activity = alice.next().await.unwrap().data;
    assert_eq!((&activity["type"], &activity["room"]), (&json!("activity"), &json!(later.0)));

    server.engine.delete_room(&user("Bob"), mine).await.unwrap();
    let detached = json!({"type": "detached", "room": mine.0, "reason": "deleted"});
    assert_eq!(alice.next_of("detached").await.data, detached, "and the stream goes on");
    say(&server, later, mentioning("Alice")).await;
    alice.next_of("mention").await;
}

#[tokio::test]
async fn who_comes_back_to_that_stream_is_told_first_that_something_may_be_missed() {
    let server = server().await;
    let mut alice = listen(&server, "").await;
    alice.next().await.unwrap();
    // What an `EventSource` sends by itself when its connection breaks.
    let header = format!("Last-Event-ID: {}\r\n", alice.last_id.clone().unwrap());
    for header in [&header, "Last-Event-ID: anything\r\n"] {
        let mut alice = listen(&server, header).await;
        assert_eq!(alice.next().await.unwrap().data, json!({"type": "missed"}));
        assert_eq!(alice.next().await.unwrap().data["type"], "hello");
    }
    let mut alice = listen(&server, "Last-Event-ID:\r\n").await;
    assert_eq!(alice.next().await.unwrap().data["type"], "hello", "it has never been here");
}

#[tokio::test]
async fn the_stream_of_nobody_and_one_too_many_are_refused() {
    let mut limits = Limits::default();
    limits.sessions_per_user = Some(1);
    let server = Server::start(engine_with(limits).await).await;
    let (head, _) = EventSource::open(server.addr, "/api/chat/events", "").await;
    assert_eq!(head.status, 401);
    let _first = listen(&server, "").await;
    let (head, _) = EventSource::open(server.addr, "/api/chat/events?username=Alice", "").await;
    assert_eq!(head.status, 429);
}

//! The WebSocket protocol over real sockets, row by row.

use crate::common::{
    engine, engine_with,
    socket::{Server, Socket},
};
use chat_core::{Draft, Identity, Limits};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_tungstenite::tungstenite::{
    Bytes, Message,
    protocol::frame::{
        Frame,
        coding::{Data, OpCode},
    },
};

async fn server() -> Server {
    Server::start(engine().await).await
}

async fn say_as(server: &Server, name: &str, room: chat_core::RoomId, text: &str) {
    let who = Identity::named(name).unwrap();
    server.engine.send(&who, room, Draft::text(text)).await.unwrap();
}

#[tokio::test]
async fn a_socket_for_one_room_begins_with_its_state() {
    let server = server().await;
    let room = server.room("general").await;
    say_as(&server, "Bob", room, "before").await;
    let mut alice = server.open(&format!("/ws/chat/{room}?username=Alice")).await;
    let attached = alice.next().await;
    assert_eq!(
        (&attached["type"], &attached["room"], &attached["head"]),
        (&json!("attached"), &json!(room.0), &json!(1))
    );
    assert_eq!(attached["events"], json!([]));
    assert!(attached["epoch"].is_string() && attached.get("ref").is_none());
    let list = alice.next().await;
    assert_eq!((&list["type"], &list["users"], &list["count"]), (&json!("user_list"), &json!(["Alice"]), &json!(1)));
    assert_eq!(list["identities"], json!([{"user": "Alice", "username": "Alice"}]));

    alice.say(json!({"type": "message", "content": "Hello!"})).await;
    let message = alice.next_of("message").await;
    assert_eq!((&message["content"], &message["seq"], &message["id"]), (&json!("Hello!"), &json!(2), &json!(2)));
    assert_eq!(
        (&message["username"], &message["user"], &message["room"]),
        (&json!("Alice"), &json!("Alice"), &json!(room.0))
    );
}

#[tokio::test]
async fn people_see_each_other_come_write_and_go() {
    let server = server().await;
    let room = server.room("general").await;
    let mut alice = server.enter(room, "Alice").await;
    let mut bob = server.enter(room, "Bob").await;
    let join = alice.next_of("join").await;
    assert_eq!(
        (&join["username"], &join["user"], &join["content"]),
        (&json!("Bob"), &json!("Bob"), &json!("Bob joined the room"))
    );
    bob.say(json!({"type": "typing", "is_typing": true, "ref": "t"})).await;
    let ok = bob.next_of("ok").await;
    assert_eq!(ok, json!({"type": "ok", "ref": "t", "room": room.0}));
    assert_eq!(alice.next_of("typing").await["users"], json!(["Bob"]));
    bob.say(json!({"type": "message", "content": "Hi", "ref": "m", "key": "k"})).await;
    let ok = bob.next_of("ok").await;
    assert_eq!(
        (&ok["ref"], &ok["room"], &ok["seq"], ok.get("replayed")),
        (&json!("m"), &json!(room.0), &json!(1), None)
    );
    assert!(ok["timestamp"].is_string());
    assert_eq!(bob.next_of("message").await["key"], "k");
    assert_eq!(alice.next_of("message").await["content"], "Hi");
    bob.say(json!({"type": "message", "content": "Hi", "ref": "again", "key": "k"})).await;
    let ok = bob.next_of("ok").await;
    assert_eq!((&ok["seq"], &ok["replayed"]), (&json!(1), &json!(true)));
    bob.0.close(None).await.unwrap();
    assert_eq!(alice.next_of("leave").await["content"], "Bob left the room");
}

#[tokio::test]
async fn many_rooms_over_one_socket() {
    let server = server().await;
    let (one, two) = (server.room("one").await, server.room("two").await);
    let mut alice = server.open("/ws/chat?username=Alice").await;
    for room in [one, two] {
        alice.say(json!({"type": "attach", "room": room.0, "ref": format!("a{room}")})).await;
        let attached = alice.next_of("attached").await;
        assert_eq!((&attached["ref"], &attached["room"]), (&json!(format!("a{room}")), &json!(room.0)));
    }
    alice.say(json!({"type": "attach", "room": one.0, "ref": "twice"})).await;
    let error = alice.next_of("error").await;
    assert_eq!(
        (&error["code"], &error["ref"], &error["room"]),
        (&json!("already_attached"), &json!("twice"), &json!(one.0))
    );
    say_as(&server, "Bob", two, "to two").await;
    assert_eq!(alice.next_of("message").await["room"], two.0);
    alice.say(json!({"type": "detach", "room": two.0, "ref": "d"})).await;
    assert_eq!(alice.next_of("ok").await["ref"], "d");
    say_as(&server, "Bob", two, "unheard").await;
    say_as(&server, "Bob", one, "heard").await;
    assert_eq!(alice.next_of("message").await["content"], "heard");
    alice.say(json!({"type": "detach", "room": two.0, "ref": "d2"})).await;
    assert_eq!(alice.next_of("ok").await["ref"], "d2", "detaching twice is no error");
    alice.say(json!({"type": "typing", "room": two.0, "is_typing": true, "ref": "t"})).await;
    assert_eq!(alice.next_of("error").await["code"], "not_attached");
    alice.say(json!({"type": "message", "room": two.0, "content": "unattached", "ref": "m"})).await;
    assert_eq!(alice.next_of("ok").await["seq"], 3, "sending needs no attachment");
    alice.say(json!({"type": "attach", "room": 999, "ref": "x"})).await;
    assert_eq!(alice.next_of("error").await["code"], "room_not_found");
}

#[tokio::test]
async fn a_gap_is_filled_or_said() {
    let server = server().await;
    let room = server.room("general").await;
    for text in ["1", "2", "3"] {
        say_as(&server, "Bob", room, text).await;
    }
    let mut alice = server.open("/ws/chat?username=Alice").await;
    alice.say(json!({"type": "attach", "room": room.0, "after": {"seq": 1}})).await;
    let attached = alice.next_of("attached").await;
    let seqs: Vec<_> = attached["events"].as_array().unwrap().iter().map(|event| event["seq"].clone()).collect();
    assert_eq!((seqs, &attached["head"]), (vec![json!(2), json!(3)], &json!(3)));
    assert_eq!(attached["events"][0]["type"], "message");
    let epoch = attached["epoch"].as_str().unwrap();
    for (query, kind, events) in [
        (format!("after=1&epoch={epoch}"), "attached", 2),
        ("after=3".to_owned(), "attached", 0),
        ("after=0&presence=false".to_owned(), "attached", 3),
        ("after=1&epoch=other".to_owned(), "resync", 0),
        ("after=99".to_owned(), "resync", 0),
    ] {
        let mut bob = server.open(&format!("/ws/chat/{room}?username=Bob&{query}")).await;
        let first = bob.next().await;
        assert_eq!((&first["type"], &first["head"]), (&json!(kind), &json!(3)), "{query}");
        assert_eq!(first["events"].as_array().map_or(0, Vec::len), events, "{query}");
    }
}

#[tokio::test]
async fn an_observer_is_not_shown() {
    let server = server().await;
    let room = server.room("general").await;
    let mut ghost = server.open(&format!("/ws/chat/{room}?username=Ghost&presence=false")).await;
    assert_eq!(ghost.next_of("user_list").await["count"], 0);
}

#[tokio::test]
async fn pings_are_answered() {
    let server = server().await;
    let mut alice = server.open("/ws/chat?username=Alice").await;
    alice.next_of("hello").await;
    alice.say(json!({"type": "ping"})).await;
    assert_eq!(alice.next().await, json!({"type": "pong"}));
    alice.say(json!({"type": "ping", "ref": "p"})).await;
    assert_eq!(alice.next().await, json!({"type": "pong", "ref": "p"}));
    alice.0.send(Message::Ping(Bytes::from_static(b"x"))).await.unwrap();
    assert_eq!(alice.0.next().await.unwrap().unwrap(), Message::Pong(Bytes::from_static(b"x")));
}

#[tokio::test]
async fn room_events_reach_everyone_and_deletion_ends_it() {
    let server = server().await;
    let room = server.room("general").await;
    let mut one = server.enter(room, "Alice").await;
    let mut many = server.open("/ws/chat?username=Bob").await;
    many.say(json!({"type": "attach", "room": room.0})).await;
    many.next_of("attached").await;
    let rename = chat_core::RoomChange::default().name("other");
    server.engine.update_room(chat_core::Actor::Anonymous, room, rename).await.unwrap();
    let updated = one.next_of("room_updated").await;
    assert_eq!((&updated["name"], &updated["topic"], &updated["seq"]), (&json!("other"), &json!(""), &json!(1)));
    assert_eq!((&updated["username"], &updated["user"]), (&json!(null), &json!(null)));
    server.engine.delete_room(&Identity::named("Bob").unwrap(), room).await.unwrap();
    let deleted = one.next_of("room_deleted").await;
    assert_eq!((&deleted["seq"], &deleted["username"]), (&json!(2), &json!("Bob")));
    assert_eq!(one.close_code().await, 4410);
    many.next_of("room_deleted").await;
    many.say(json!({"type": "ping"})).await;
    assert_eq!(many.next_of("pong").await, json!({"type": "pong"}), "a socket for many rooms lives on");
}

#[tokio::test]
async fn refused_attachments_close_with_a_reason() {
    let server = server().await;
    let room = server.room("general").await;
    for (path, code) in [
        ("/ws/chat/99?username=Alice".to_owned(), 4404),
        ("/ws/chat/abc?username=Alice".to_owned(), 4400),
        ("/ws/chat/0?username=Alice".to_owned(), 4400),
        (format!("/ws/chat/{room}?username=Alice&after=x"), 4400),
        (format!("/ws/chat/{room}?username=Alice&after=-1"), 4400),
        (format!("/ws/chat/{room}?username=Alice&presence=maybe"), 4400),
        (format!("/ws/chat/{room}"), 4401),
        (format!("/ws/chat/{room}?username=%20"), 4401),
        ("/ws/chat".to_owned(), 4401),
    ] {
        assert_eq!(server.open(&path).await.close_code().await, code, "{path}");
    }
}

async fn error_of(socket: &mut Socket, text: &str) -> (Value, Value) {
    socket.say_text(text).await;
    let error = socket.next_of("error").await;
    (error["code"].clone(), error["field"].clone())
}

#[tokio::test]
async fn w18_malformed_frames_are_told_and_the_fifth_closes() {
    let server = server().await;
    let room = server.room("general").await;
    let mut alice = server.enter(room, "Alice").await;
    assert_eq!(error_of(&mut alice, "[]").await, (json!("bad_json"), json!(null)));
    assert_eq!(error_of(&mut alice, r#"{"type":"shout"}"#).await, (json!("unknown_command"), json!(null)));
    assert_eq!(
        error_of(&mut alice, r#"{"type":"message","content":"\u200b"}"#).await.0,
        "empty_message",
        "not malformed"
    );
    assert_eq!(error_of(&mut alice, r#"{"type":"attach"}"#).await, (json!("invalid_field"), json!("type")));
    let bad_key = r#"{"type":"message","content":"x","key":"a b"}"#;
    assert_eq!(error_of(&mut alice, bad_key).await, (json!("invalid_field"), json!("key")));
    alice.say(json!({"type": "ping"})).await;
    assert_eq!(alice.next_of("pong").await["type"], "pong");
    assert_eq!(error_of(&mut alice, r#"{"type":"ping","x":1}"#).await, (json!("invalid_field"), json!("x")));
    assert_eq!(alice.close_code().await, 4400);
}

#[tokio::test]
async fn a_socket_that_is_refused_says_what_is_wrong() {
    let server = server().await;
    let room = server.room("general").await;
    for (path, code, reason) in [
        (format!("/ws/chat/{room}?username=Alice&presence=0"), 4400, "presence: must be true or false"),
        (format!("/ws/chat/{room}?username=Alice&presence="), 4400, "presence: must be true or false"),
        (format!("/ws/chat/{room}?username=Alice&presence=%ff"), 4400, "presence: must be percent-encoded UTF-8"),
        (format!("/ws/chat/{room}?username=Alice&after=x"), 4400, "after: must be an integer"),
        (format!("/ws/chat/{room}?username=Alice&after=-1"), 4400, "after: must be an integer"),
        (format!("/ws/chat/{room}?username=Alice&after=1&epoch=%zz"), 4400, "epoch: must be percent-encoded UTF-8"),
        (format!("/ws/chat/{room}?username=Alice&after=1&epoch={}", "x".repeat(101)), 4400, "epoch: must be at most"),
        ("/ws/chat/x?username=Alice".to_owned(), 4400, "room: must be an integer"),
        ("/ws/chat/%FF?username=Alice".to_owned(), 4400, "room: must be an integer"),
        ("/ws/chat/%zz?username=Alice".to_owned(), 4400, "room: must be an integer"),
        ("/ws/chat/1%2f2?username=Alice".to_owned(), 4400, "room: must be an integer"),
        (format!("/ws/chat/{room}"), 4401, "say who you are: add ?username="),
        ("/ws/chat".to_owned(), 4401, "say who you are: add ?username="),
        ("/ws/chat?username=%ff".to_owned(), 4401, "username: must be percent-encoded UTF-8"),
        ("/ws/chat?username=".to_owned(), 4401, "username: "),
    ] {
        let (told, why) = server.open(&path).await.close().await;
        assert_eq!(told, code, "{path}");
        assert!(why.starts_with(reason) && why.len() <= 123, "{path}: {why}");
    }
}

#[tokio::test]
async fn a_path_may_be_spelled_in_other_ways() {
    let server = server().await;
    let room = server.room("general").await;
    let mut alice = server.open(&format!("/%77s/ch%61t/%3{room}?username=%41lice")).await;
    assert_eq!(alice.next().await["type"], "attached");
}

fn handshake(path: &str, more: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: WEBSOCKET\r\nConnection: keep-alive, Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n"
    )
}

#[tokio::test]
async fn w1_only_own_and_listed_pages_may_open_sockets() {
    let server = server().await;
    for (more, status) in [
        ("", "101"),
        ("Origin: http://localhost\r\n", "101"),
        ("Origin: http://app.example\r\n", "101"),
        ("Sec-WebSocket-Extensions: permessage-deflate\r\nSec-WebSocket-Protocol: x\r\n", "101"),
        ("Origin: http://localhost.evil\r\n", "403"),
        ("Origin: null\r\n", "403"),
        ("Origin: http://localhost\r\nOrigin: http://localhost\r\n", "403"),
    ] {
        let mut stream = TcpStream::connect(server.addr).await.unwrap();
        stream.write_all(handshake("/ws/chat", more).as_bytes()).await.unwrap();
        // Reads up to the end of the head, and of the problem if there is one. The connection stays open.
        let end: &[u8] = if status == "101" { b"\r\n\r\n" } else { b"}" };
        let mut answer = Vec::new();
        while !answer.ends_with(end) {
            answer.push(stream.read_u8().await.unwrap());
        }
        let answer = String::from_utf8_lossy(&answer).to_lowercase();
        assert!(answer.starts_with(&format!("http/1.1 {status}")), "{more}: {answer}");
        assert!(!answer.contains("sec-websocket-extensions") && !answer.contains("sec-websocket-protocol"));
        assert!(status == "101" || answer.contains("\"code\":\"forbidden\""), "{answer}");
    }
}

#[tokio::test]
async fn stopping_closes_every_socket_with_1001() {
    let server = server().await;
    let room = server.room("general").await;
    let mut sockets = Vec::new();
    for name in ["Alice", "Bob"] {
        sockets.push(server.enter(room, name).await);
    }
    sockets.push(server.open("/ws/chat?username=Carol").await);
    // After Carol's session has answered, it exists for certain.
    sockets[2].say(json!({"type": "ping"})).await;
    sockets[2].next_of("pong").await;
    server.stop.send(()).unwrap();
    for mut socket in sockets {
        assert_eq!(socket.close_code().await, 1001);
    }
    server.ended.await.unwrap();
}

#[tokio::test]
async fn all_sockets_of_a_user_are_closed_with_4403_when_the_host_ends_their_sessions() {
    let server = server().await;
    let room = server.room("general").await;
    let mut bobs = [server.enter(room, "Bob").await, server.open("/ws/chat?username=Bob").await];
    let mut alice = server.enter(room, "Alice").await;
    // After Bob's second session has answered, it exists for certain.
    bobs[1].say(json!({"type": "ping"})).await;
    bobs[1].next_of("pong").await;
    assert_eq!(server.engine.disconnect(&Identity::named("Bob").unwrap().id), 2);
    for bob in &mut bobs {
        assert_eq!(bob.close_code().await, 4403);
    }
    assert_eq!(alice.next_of("leave").await["username"], "Bob");
    alice.say(json!({"type": "ping"})).await;
    alice.next_of("pong").await;
}

#[tokio::test]
async fn w33_one_session_too_many_is_4409() {
    let mut limits = Limits::default();
    limits.sessions_per_user = Some(1);
    let server = Server::start(engine_with(limits).await).await;
    let mut first = server.open("/ws/chat?username=Alice").await;
    first.say(json!({"type": "ping"})).await;
    first.next_of("pong").await;
    assert_eq!(server.open("/ws/chat?username=Alice").await.close_code().await, 4409);
    let room = server.room("general").await;
    assert_eq!(server.open(&format!("/ws/chat/{room}?username=Alice")).await.close_code().await, 4409);
}

#[tokio::test]
async fn a_flood_of_commands_is_answered_in_order() {
    let server = server().await;
    let room = server.room("general").await;
    let mut alice = server.enter(room, "Alice").await;
    for number in 0..500 {
        let frame = json!({"type": "message", "content": format!("{number}"), "ref": format!("{number}")});
        alice.0.feed(Message::text(frame.to_string())).await.unwrap();
    }
    alice.0.flush().await.unwrap();
    let (mut oks, mut messages) = (0, 0);
    while messages < 500 {
        let frame = alice.next().await;
        match frame["type"].as_str().unwrap() {
            "ok" => {
                assert_eq!(frame["ref"], format!("{oks}"));
                oks += 1;
            }
            "message" => {
                assert_eq!(frame["content"], format!("{messages}"));
                messages += 1;
                assert!(oks >= messages, "an ok stands before its message");
            }
            _ => {}
        }
    }
}

#[tokio::test]
async fn w14_floods_below_the_protocol_are_cut() {
    let server = server().await;
    let room = server.room("general").await;
    let ping = || Message::Ping(Bytes::new());
    let fragment = || Message::Frame(Frame::message("x", OpCode::Data(Data::Continue), false));
    let begin = Message::Frame(Frame::message("\"", OpCode::Data(Data::Text), false));
    for (begin, flood) in [(ping(), &ping as &dyn Fn() -> Message), (begin, &fragment)] {
        let mut alice = server.enter(room, "Alice").await;
        alice.0.feed(begin).await.unwrap();
        for _ in 0..200 {
            alice.0.feed(flood()).await.unwrap();
        }
        alice.0.flush().await.unwrap();
        assert_eq!(alice.close_code().await, 1008);
    }
    // A correct client is not disconnected.
    let mut bob = server.enter(room, "Bob").await;
    for _ in 0..40 {
        bob.0.feed(ping()).await.unwrap();
    }
    bob.say(json!({"type": "ping"})).await;
    assert_eq!(bob.next_of("pong").await, json!({"type": "pong"}));
}

#[tokio::test]
async fn w35_a_client_that_does_not_read_is_cut_and_others_are_not() {
    let mut limits = Limits::default();
    limits.session_queue_bytes = 64 << 10;
    let server = Server::start(engine_with(limits).await).await;
    let room = server.room("general").await;
    let mut slow = server.enter(room, "Slow").await;
    let mut quick = server.enter(room, "Quick").await;
    let text = "x".repeat(4_000);
    for number in 1..=3_000 {
        say_as(&server, "Bob", room, &text).await;
        assert_eq!(quick.next_of("message").await["seq"], number);
    }
    // What the buffers held can still be read, and then the reason.
    let code = slow.close_code().await;
    assert_eq!(code, 4560);
}

#[tokio::test]
async fn sockets_work_in_a_plain_poem_app_under_a_prefix() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let acceptor = poem::listener::TcpAcceptor::from_tokio(listener).unwrap();
    let route = poem::Route::new().nest("/apps/chat", chat_http::api(engine().await, chat_http::Guests));
    tokio::spawn(poem::Server::new_with_acceptor(acceptor).run(route));
    let url = format!("ws://{addr}/apps/chat/ws/chat?username=Alice");
    let (stream, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    let mut alice = Socket(stream);
    alice.say(json!({"type": "ping"})).await;
    assert_eq!(alice.next_of("pong").await, json!({"type": "pong"}));
}

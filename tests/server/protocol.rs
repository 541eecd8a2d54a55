//! The socket protocol, row by row of the description of the wire.

use serde_json::{Value, json};

use crate::common::{Database, Server, Socket};

/// A socket for many rooms. The first that it hears is whose it is.
async fn many_rooms(server: &Server, user: &str) -> Socket {
    let mut socket = server.socket(&format!("?username={user}")).await;
    let hello = socket.frame().await;
    assert_eq!(hello, json!({"type": "hello", "user": user, "username": user}));
    socket
}

#[tokio::test]
async fn attach() {
    let database = Database::sqlite();
    let server = Server::start(&database).await;
    let (one, two) = (server.room("one").await, server.room("two").await);
    let first = server.say(one, "Bob", "before").await;
    let mut alice = many_rooms(&server, "Alice").await;

    // From the head: no earlier events.
    alice.send(json!({"type": "attach", "room": two, "ref": "a1"})).await;
    let attached = alice.frame().await;
    let shown = json!([attached["type"], attached["ref"], attached["room"], attached["head"], attached["events"]]);
    assert_eq!(shown, json!(["attached", "a1", two, 0, []]));
    assert_eq!(alice.frame().await["type"], "user_list");
    // From a position: exactly the gap, in the shape of live frames.
    let after = json!({"epoch": attached["epoch"], "seq": 0});
    alice.send(json!({"type": "attach", "room": one, "after": after, "ref": "a2"})).await;
    let attached = alice.frame().await;
    assert_eq!(
        (&attached["type"], &attached["ref"], &attached["head"]),
        (&json!("attached"), &json!("a2"), &json!(first))
    );
    let page = server.get(&format!("/rooms/{one}/messages")).await.json(200);
    assert_eq!(attached["events"], page["messages"]);
    assert_eq!(alice.frame().await["type"], "user_list");

    let twice = alice.ask(json!({"type": "attach", "room": one})).await;
    assert_eq!(
        (&twice["type"], &twice["code"], &twice["room"]),
        (&json!("error"), &json!("already_attached"), &json!(one))
    );
    let missing = alice.ask(json!({"type": "attach", "room": 99})).await;
    assert_eq!((&missing["type"], &missing["code"]), (&json!("error"), &json!("room_not_found")));

    // Events of both rooms come, each with its own numbers.
    server.say(two, "Bob", "in two").await;
    let event = alice.event().await;
    assert_eq!((&event["room"], &event["seq"], &event["content"]), (&json!(two), &json!(1), &json!("in two")));
    server.say(one, "Bob", "in one").await;
    let event = alice.event().await;
    assert_eq!((&event["room"], &event["seq"], &event["content"]), (&json!(one), &json!(2), &json!("in one")));
}

#[tokio::test]
async fn attach_unseen() {
    let database = Database::sqlite();
    let server = Server::start(&database).await;
    let id = server.room("general").await;
    let mut alice = many_rooms(&server, "Alice").await;
    assert_eq!(alice.ask(json!({"type": "attach", "room": id, "presence": false})).await["type"], "attached");
    assert_eq!(server.get(&format!("/rooms/{id}/presence")).await.json(200)["count"], 0);
    server.say(id, "Bob", "hello").await;
    assert_eq!(alice.event().await["content"], "hello");
}

#[tokio::test]
async fn detach() {
    let database = Database::sqlite();
    let server = Server::start(&database).await;
    let id = server.room("general").await;
    let mut alice = many_rooms(&server, "Alice").await;
    let never = alice.ask(json!({"type": "detach", "room": id})).await;
    assert_eq!((&never["type"], &never["room"]), (&json!("ok"), &json!(id)));

    alice.ask(json!({"type": "attach", "room": id})).await;
    let mut bob = server.join(id, "Bob").await;
    assert_eq!(alice.ask(json!({"type": "detach", "room": id})).await["type"], "ok");
    assert_eq!(bob.expect_type("leave").await["username"], "Alice");
    bob.say("nobody hears").await;
    assert_eq!(alice.so_far().await, Vec::<Value>::new());
    // Attaches again.
    assert_eq!(alice.ask(json!({"type": "attach", "room": id})).await["type"], "attached");
}

#[tokio::test]
async fn message() {
    let database = Database::sqlite();
    let server = Server::start(&database).await;
    let id = server.room("general").await;
    // Without attaching, as over REST.
    let mut alice = many_rooms(&server, "Alice").await;
    let send = json!({"type": "message", "room": id, "content": "Hello!", "key": "k1"});
    let ok = alice.ask(send.clone()).await;
    assert_eq!((&ok["type"], &ok["room"], &ok["seq"]), (&json!("ok"), &json!(id), &json!(1)));
    assert!(ok["timestamp"].as_str().is_some());
    assert_ne!(ok["replayed"], json!(true));

    alice.ask(json!({"type": "attach", "room": id})).await;
    let again = alice.ask(send).await;
    assert_eq!((&again["seq"], &again["replayed"], &again["timestamp"]), (&json!(1), &json!(true), &ok["timestamp"]));
    let other = alice.ask(json!({"type": "message", "room": id, "content": "Else", "key": "k1"})).await;
    assert_eq!(other["code"], "idempotency_mismatch");
    alice.so_far().await;
    // The answer always stands before the message's own frame.
    for number in 2..20 {
        let frame = json!({"type": "message", "room": id, "content": "x", "ref": format!("m{number}")});
        alice.send(frame).await;
    }
    let mut answered = 1;
    let mut heard = 1;
    while heard < 19 {
        let frame = alice.frame().await;
        if frame["type"] == "ok" {
            answered += 1;
            assert_eq!((&frame["seq"], &frame["ref"]), (&json!(answered), &json!(format!("m{answered}"))));
        } else if frame["type"] == "message" {
            heard += 1;
            assert_eq!(frame["seq"], json!(heard));
            assert!(answered >= heard, "{heard} came before its answer");
        }
    }
}

#[tokio::test]
async fn typing() {
    let database = Database::sqlite();
    let server = Server::start(&database).await;
    let id = server.room("general").await;
    let mut alice = many_rooms(&server, "Alice").await;
    let refused = alice.ask(json!({"type": "typing", "room": id, "is_typing": true})).await;
    assert_eq!((&refused["type"], &refused["code"]), (&json!("error"), &json!("not_attached")));
    alice.ask(json!({"type": "attach", "room": id})).await;
    let ok = alice.ask(json!({"type": "typing", "room": id, "is_typing": true})).await;
    assert_eq!((&ok["type"], &ok["room"]), (&json!("ok"), &json!(id)));
}

#[tokio::test]
async fn ping() {
    let database = Database::sqlite();
    let server = Server::start(&database).await;
    let mut alice = many_rooms(&server, "Alice").await;
    alice.send(json!({"type": "ping"})).await;
    assert_eq!(alice.frame().await["type"], "pong");
    alice.send(json!({"type": "ping", "ref": "p1"})).await;
    let pong = alice.frame().await;
    assert_eq!((&pong["type"], &pong["ref"]), (&json!("pong"), &json!("p1")));
}

/// `/ws/chat/{room_id}` is the shorthand for one room.
#[tokio::test]
async fn one_room() {
    let database = Database::sqlite();
    let server = Server::start(&database).await;
    let (id, other) = (server.room("general").await, server.room("other").await);
    let mut alice = server.join(id, "Alice").await;
    // The room may be left out or named.
    assert_eq!(alice.say("hello").await, 1);
    let named = alice.ask(json!({"type": "message", "room": id, "content": "again"})).await;
    assert_eq!((&named["type"], &named["room"], &named["seq"]), (&json!("ok"), &json!(id), &json!(2)));
    for kind in ["attach", "detach"] {
        let refused = alice.ask(json!({"type": kind, "room": other})).await;
        assert_eq!((&refused["type"], &refused["code"]), (&json!("error"), &json!("invalid_field")), "{kind}");
    }
    // Commands without a ref are not answered.
    alice.so_far().await;
    alice.send(json!({"type": "typing", "is_typing": false})).await;
    assert!(alice.so_far().await.iter().all(|frame| frame["type"] != "ok"));
}

//! Changes and marks over sockets, and how they are heard.

use serde_json::{Value, json};

use crate::common::{
    engine,
    http::{EventSource, request},
    socket::{Server, Socket},
};

struct Pair {
    server: Server,
    alice: Socket,
    bob: Socket,
}

impl Pair {
    /// Alice on a socket for the one room, Bob on one for many; Alice has written a message.
    async fn new() -> Self {
        let server = Server::start(engine().await).await;
        let room = server.room("general").await;
        let mut alice = server.enter(room, "Alice").await;
        let mut bob = server.open("/ws/chat?username=Bob").await;
        bob.say(json!({"type": "attach", "room": 1})).await;
        bob.next_of("attached").await;
        alice.say(json!({"type": "message", "content": "Hello!"})).await;
        bob.next_of("message").await;
        Self { server, alice, bob }
    }
}

/// Asks with a reference, and returns the answer.
async fn ask(socket: &mut Socket, mut command: Value) -> Value {
    command["ref"] = json!("r");
    socket.say(command).await;
    loop {
        let frame = socket.next().await;
        if frame["ref"] == "r" {
            return frame;
        }
    }
}

#[tokio::test]
async fn changes_are_answered_and_heard_with_all_their_fields() {
    let Pair { mut alice, mut bob, .. } = Pair::new().await;
    let edit = json!({"type": "edit", "target": 1, "content": "Hi", "mentions": ["Bob"], "mentions_room": true,
        "meta": {"a": 1}, "key": "k"});
    let ok = ask(&mut alice, edit).await;
    assert_eq!(ok, json!({"type": "ok", "ref": "r", "room": 1, "seq": 2, "timestamp": ok["timestamp"]}));
    let heard = bob.next_of("message_edited").await;
    let expected = json!({"type": "message_edited", "room": 1, "seq": 2, "target": 1, "content": "Hi", "mentions": ["Bob"],
        "mentions_room": true, "meta": {"a": 1}, "user": "Alice", "username": "Alice", "key": "k",
        "timestamp": ok["timestamp"]});
    assert_eq!(heard, expected);
    ask(
        &mut alice,
        json!({"type": "edit", "target": 1, "content": "Hi", "mentions": [], "mentions_room": false, "meta": {}}),
    )
    .await;
    let heard = bob.next_of("message_edited").await;
    for cleared in ["mentions", "mentions_room", "meta", "key", "erased"] {
        assert!(heard.get(cleared).is_none(), "{heard}");
    }

    let react = |added: bool| json!({"type": "react", "room": 1, "target": 1, "reaction": "e\u{301}", "added": added});
    for (added, count, seq) in
        [(true, 1, json!(4)), (true, 1, json!(null)), (false, 0, json!(5)), (false, 0, json!(null))]
    {
        let ok = ask(&mut bob, react(added)).await;
        assert_eq!((&ok["type"], &ok["count"], &ok["seq"]), (&json!("ok"), &json!(count), &seq), "{ok}");
        assert_eq!(ok.get("timestamp").is_some(), seq != json!(null), "{ok}");
    }
    let heard = alice.next_of("reaction").await;
    let expected = json!({"type": "reaction", "room": 1, "seq": 4, "target": 1, "reaction": "é", "added": true, "count": 1,
        "user": "Bob", "username": "Bob", "timestamp": heard["timestamp"]});
    assert_eq!(heard, expected);
    let heard = alice.next_of("reaction").await;
    assert_eq!((&heard["added"], &heard["count"]), (&json!(false), &json!(0)));

    let pin = |pinned: bool| json!({"type": "pin", "room": 1, "target": 1, "pinned": pinned});
    assert_eq!(ask(&mut bob, pin(true)).await["seq"], 6);
    let unchanged = ask(&mut bob, pin(true)).await;
    assert_eq!(unchanged, json!({"type": "ok", "ref": "r", "room": 1}));
    let heard = alice.next_of("pin").await;
    let expected = json!({"type": "pin", "room": 1, "seq": 6, "target": 1, "pinned": true, "user": "Bob",
        "username": "Bob", "timestamp": heard["timestamp"]});
    assert_eq!(heard, expected);

    assert_eq!(ask(&mut alice, json!({"type": "delete", "target": 1, "reason": "spam"})).await["seq"], 7);
    let heard = bob.next_of("message_deleted").await;
    let expected = json!({"type": "message_deleted", "room": 1, "seq": 7, "target": 1, "reason": "spam", "user": "Alice",
        "username": "Alice", "timestamp": heard["timestamp"]});
    assert_eq!(heard, expected);
    assert_eq!(
        ask(&mut alice, json!({"type": "delete", "target": 1})).await,
        json!({"type": "ok", "ref": "r", "room": 1})
    );
}

#[tokio::test]
async fn a_change_is_answered_only_with_a_reference_and_a_mark_always() {
    let Pair { mut alice, mut bob, .. } = Pair::new().await;
    bob.say(json!({"type": "pin", "room": 1, "target": 1, "pinned": true})).await;
    bob.say(json!({"type": "read", "room": 1, "seq": 1})).await;
    loop {
        let frame = bob.next().await;
        if frame["type"] == "ok" {
            assert_eq!(frame, json!({"type": "ok", "room": 1, "seq": 1, "unread": 0, "mentions": 0, "ordinal": 1}));
            break;
        }
    }
    let heard = alice.next_of("read").await;
    assert_eq!(heard, json!({"type": "read", "room": 1, "marks": [{"user": "Bob", "username": "Bob", "seq": 1}]}));
    alice.say(json!({"type": "message", "content": "x"})).await;
    let back = ask(&mut bob, json!({"type": "read", "room": 1, "seq": 0, "back": true})).await;
    assert_eq!((&back["ref"], &back["seq"]), (&json!("r"), &json!(0)));
    assert!(back["unread"].as_u64() >= Some(1) && back["ordinal"].as_u64() >= Some(1), "{back}");
}

#[tokio::test]
async fn a_key_is_the_same_over_rest_and_sockets() {
    let Pair { server, mut alice, .. } = Pair::new().await;
    let edit = json!({"type": "edit", "target": 1, "content": "Hi", "key": "k"});
    let ok = ask(&mut alice, edit.clone()).await;
    assert!(ok.get("replayed").is_none(), "{ok}");
    let again = ask(&mut alice, edit).await;
    assert_eq!((&again["replayed"], &again["seq"], &again["timestamp"]), (&json!(true), &ok["seq"], &ok["timestamp"]));
    let path = "/api/chat/rooms/1/messages/1?username=Alice";
    let body = json!({"content": "Hi"});
    let (head, state) = request(server.addr, "PATCH", path, "Idempotency-Key: k\r\n", Some(&body)).await;
    assert_eq!((head.status, head.header("idempotency-replayed")), (200, Some("true")), "{state}");
    let other = ask(&mut alice, json!({"type": "delete", "target": 1, "key": "k"})).await;
    assert_eq!((&other["type"], &other["code"]), (&json!("error"), &json!("idempotency_mismatch")));
}

#[tokio::test]
async fn refusals_have_the_codes_of_rest() {
    let Pair { mut alice, mut bob, .. } = Pair::new().await;
    let edit = json!({"type": "edit", "room": 1, "target": 1, "content": "x"});
    assert_eq!(ask(&mut bob, edit.clone()).await["code"], "forbidden");
    assert_eq!(ask(&mut bob, json!({"type": "delete", "room": 1, "target": 1})).await["code"], "forbidden");
    assert_eq!(
        ask(&mut bob, json!({"type": "pin", "room": 1, "target": 9, "pinned": true})).await["code"],
        "message_not_found"
    );
    assert_eq!(ask(&mut bob, json!({"type": "read", "room": 9, "seq": 1})).await["code"], "room_not_found");
    ask(&mut alice, json!({"type": "delete", "target": 1})).await;
    let refused = ask(&mut bob, edit).await;
    assert_eq!((&refused["code"], &refused["room"]), (&json!("message_deleted"), &json!(1)));
}

#[tokio::test]
async fn a_gap_has_what_was_erased_only_as_erased() {
    let Pair { server, mut alice, .. } = Pair::new().await;
    ask(&mut alice, json!({"type": "edit", "target": 1, "content": "secret", "meta": {"a": 1}})).await;
    ask(&mut alice, json!({"type": "delete", "target": 1})).await;
    let mut carol = server.open("/ws/chat/1?username=Carol&after=0").await;
    let attached = carol.next_of("attached").await;
    let kinds: Vec<_> =
        attached["events"].as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["message", "message_edited", "message_deleted"]);
    for erased in &attached["events"].as_array().unwrap()[..2] {
        assert_eq!((&erased["content"], &erased["erased"]), (&json!(""), &json!(true)), "{erased}");
        assert!(erased.get("meta").is_none());
    }
}

#[tokio::test]
async fn line_breaks_in_meta_do_not_cut_an_event_stream() {
    let Pair { server, mut alice, .. } = Pair::new().await;
    let (_, mut events) = EventSource::open(server.addr, "/api/chat/rooms/1/events?username=Bob&after=0", "").await;
    events.next_of("message").await;
    let frame = "{\"type\":\"message\",\"content\":\"x\",\"meta\":{\"a\"\n:1,\r\n\"data\"\r: \"id: 7\"}}";
    alice.say_text(frame).await;
    let heard = events.next_of("message").await;
    assert_eq!((&heard.data["meta"], &heard.data["seq"]), (&json!({"a": 1, "data": "id: 7"}), &json!(2)));
    assert!(heard.id.is_some_and(|id| id.ends_with(":2")));
    let (_, mut again) = EventSource::open(server.addr, "/api/chat/rooms/1/events?username=Carol&after=1", "").await;
    assert_eq!(again.next_of("message").await.data["meta"]["data"], "id: 7", "also among what was missed");
}

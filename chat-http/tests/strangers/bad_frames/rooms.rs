//! Commands for rooms that cannot be carried out.

use chat_core::{Actor, Draft, Identity, Limits, NewRoom};
use serde_json::{Value, json};

use super::{ask, assert_refused, server};
use crate::common::{
    LONGEST, engine_with,
    socket::{Server, Socket},
};

const ALICE: &str = "/ws/chat?username=Alice";

fn code(frame: &Value) -> &str {
    frame["code"].as_str().unwrap_or_else(|| panic!("no refusal: {frame}"))
}

#[tokio::test]
async fn w24_rooms_that_cannot_be_attached() {
    let mut limits = Limits::default();
    limits.rooms_per_session = 2;
    let server = Server::start(engine_with(limits).await).await;
    let mut rooms = Vec::new();
    for name in ["deleted", "one", "two", "three"] {
        rooms.push(server.room(name).await.0);
    }
    server.engine.delete_room(Actor::System, chat_core::RoomId(rooms[0])).await.unwrap();
    let owner = Identity::new("owner", "Owner").unwrap();
    let secret = NewRoom::named("secret").private();
    let hidden = server.engine.create_room(&owner, secret).await.unwrap().id.0;
    let mut socket = server.open(ALICE).await;
    let attach = |room: u64| json!({"type": "attach", "room": room});
    let missing = ask(&mut socket, attach(999)).await;
    assert_eq!(code(&missing), "room_not_found");
    for room in [rooms[0], hidden] {
        let mut refused = ask(&mut socket, attach(room)).await;
        refused["room"] = json!(999);
        assert_eq!(refused, missing, "a room that was deleted, or is another's, is as one that never was");
    }
    for room in &rooms[1..3] {
        assert_eq!(ask(&mut socket, attach(*room)).await["type"], "attached");
    }
    assert_eq!(code(&ask(&mut socket, attach(rooms[1])).await), "already_attached");
    assert_eq!(code(&ask(&mut socket, attach(rooms[3])).await), "too_many");
    ask(&mut socket, json!({"type": "detach", "room": rooms[1]})).await;
    assert_eq!(ask(&mut socket, attach(rooms[3])).await["type"], "attached", "there is a place again");
    for frame in [
        json!({"type": "message", "room": 999, "content": "x"}),
        json!({"type": "read", "room": 999, "seq": 0}),
        json!({"type": "react", "room": 999, "target": 1, "reaction": "x", "added": true}),
        json!({"type": "attach", "room": 999, "events": false}),
    ] {
        assert_eq!(code(&ask(&mut socket, frame).await), "room_not_found");
    }
}

/// A server with a room in which Bob has written three messages.
async fn with_messages() -> Server {
    let server = server().await;
    let room = server.room("general").await;
    for text in ["1", "2", "3"] {
        server.engine.send(&Identity::named("Bob").unwrap(), room, Draft::text(text)).await.unwrap();
    }
    server
}

fn seqs(attached: &Value) -> Vec<u64> {
    attached["events"].as_array().unwrap().iter().map(|event| event["seq"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn w25_positions_that_cannot_be_resumed() {
    let server = with_messages().await;
    let from = |after: Value| json!({"type": "attach", "room": 1, "after": after});
    let mut socket = server.open(ALICE).await;
    for after in [
        json!({"seq": 4}),
        json!({"seq": 9_007_199_254_740_991_u64}),
        json!({"seq": 1, "epoch": "of another history"}),
        json!({"seq": 1, "epoch": ""}),
        json!({"seq": 1, "epoch": "'; DROP TABLE chat_rooms --"}),
    ] {
        let answer = ask(&mut socket, from(after.clone())).await;
        assert_eq!((&answer["type"], &answer["head"]), (&json!("resync"), &json!(3)), "{after}: {answer}");
        ask(&mut socket, json!({"type": "detach", "room": 1})).await;
    }
    let rows = [
        (json!({"seq": -1}), "after.seq"),
        (json!({"seq": "1"}), "after.seq"),
        (json!({"epoch": "e"}), "after.seq"),
        (json!({}), "after.seq"),
        (json!({"seq": 1, "epoch": 7}), "after.epoch"),
        (json!({"seq": 1, "epoch": "e".repeat(65)}), "after.epoch"),
        (json!({"seq": 1, "session": "s-1"}), "after.session"),
        (json!(1), "after"),
        (json!("e:1"), "after"),
        (json!(null), "after"),
    ];
    let rows: Vec<_> = rows.into_iter().map(|(after, field)| (from(after), "invalid_field", field)).collect();
    assert_refused(&server, ALICE, &rows).await;
}

#[tokio::test]
async fn w26_two_sockets_that_resume_at_once_both_get_all() {
    let server = with_messages().await;
    let resume = async |mut socket: Socket| {
        socket.say(json!({"type": "attach", "room": 1, "after": {"seq": 0}})).await;
        (socket.next_of("attached").await, socket)
    };
    let (one, two) = (server.open(ALICE).await, server.open(ALICE).await);
    let ((one, mut first), (two, mut second)) = tokio::join!(resume(one), resume(two));
    assert_eq!((seqs(&one), seqs(&two)), (vec![1, 2, 3], vec![1, 2, 3]));
    first.say(json!({"type": "message", "room": 1, "content": "4"})).await;
    for socket in [&mut first, &mut second] {
        assert_eq!(socket.next_of("message").await["seq"], 4);
    }
}

#[tokio::test]
async fn w27_keys_are_refused_and_replayed_as_over_rest() {
    let server = with_messages().await;
    let send = |content: &str, key: Value| json!({"type": "message", "room": 1, "content": content, "key": key});
    let keys = [
        json!(""),
        json!(" "),
        json!("a b"),
        json!("é"),
        json!("k".repeat(65)),
        json!("k".repeat(10_000)),
        json!(7),
        json!(null),
    ];
    let rows: Vec<_> = keys.into_iter().map(|key| (send("x", key), "invalid_field", "key")).collect();
    assert_refused(&server, ALICE, &rows).await;
    let mut socket = server.open(ALICE).await;
    let first = ask(&mut socket, send("x", json!("k"))).await;
    assert_eq!((&first["seq"], first.get("replayed")), (&json!(4), None));
    let again = ask(&mut socket, send("x", json!("k"))).await;
    assert_eq!((&again["seq"], &again["replayed"]), (&json!(4), &json!(true)));
    assert_eq!(code(&ask(&mut socket, send("y", json!("k"))).await), "idempotency_mismatch");
    // Without a key nothing is a retry.
    for seq in [5, 6] {
        assert_eq!(ask(&mut socket, json!({"type": "message", "room": 1, "content": "x"})).await["seq"], seq);
    }
    let mut other = server.open("/ws/chat?username=Bob").await;
    assert_eq!(ask(&mut other, send("y", json!("k"))).await["seq"], 7, "a key is its user's own");
}

#[tokio::test]
async fn r29_r30_texts_of_messages_in_frames() {
    let server = with_messages().await;
    let mut socket = server.open(ALICE).await;
    let own = ask(&mut socket, json!({"type": "message", "room": 1, "content": "mine"})).await["seq"].clone();
    for blank in ["", " ", "\u{200b}", " \n\t", "\u{2060}\u{fe0f}", "\u{3164}"] {
        for frame in [
            json!({"type": "message", "room": 1, "content": blank}),
            json!({"type": "edit", "room": 1, "target": own, "content": blank}),
        ] {
            assert_eq!(code(&ask(&mut socket, frame).await), "empty_message", "{blank:?}");
        }
    }
    for (unit, count) in LONGEST {
        let (most, more) = (unit.repeat(count), format!("{}x", unit.repeat(count)));
        for frame in [json!({"type": "message", "room": 1}), json!({"type": "edit", "room": 1, "target": own})] {
            let with = |content: &str| {
                let mut frame = frame.clone();
                frame["content"] = json!(content);
                frame
            };
            assert_eq!(ask(&mut socket, with(&most)).await["type"], "ok", "{unit}");
            assert_eq!(code(&ask(&mut socket, with(&more)).await), "too_long", "{unit}");
        }
    }
}

#[tokio::test]
async fn w30_a_mark_never_goes_back_or_ahead_by_itself() {
    let server = with_messages().await;
    let mut socket = server.open(ALICE).await;
    for (seq, back, marked) in
        [(99, false, 3), (1, false, 3), (9_007_199_254_740_991_u64, false, 3), (1, true, 1), (2, false, 2)]
    {
        let ok = ask(&mut socket, json!({"type": "read", "room": 1, "seq": seq, "back": back})).await;
        assert_eq!((&ok["type"], &ok["seq"]), (&json!("ok"), &json!(marked)), "{seq}");
    }
    let other = json!({"type": "read", "room": 1, "seq": 1, "epoch": "of another history"});
    assert!(["epoch_changed", "invalid_field"].contains(&code(&ask(&mut socket, other).await)));
}

//! A panic affects only what it happens in: everything else goes on, and affected clients come back without a loss.

use serde_json::{Value, json};

use crate::common::{Database, Frame, Server, Socket};

/// The close code that says: a defect; come back.
const DEFECT: Option<u16> = Some(1011);

#[tokio::test]
#[cfg_attr(not(failpoints), ignore = "needs a server with failpoints: cargo xtask test")]
async fn a_panic_in_a_rooms_task() {
    let database = Database::sqlite();
    let server = Server::start_armed(&database, &[("CHATD_FAIL_AT", "in_room_task:4:panic")]).await;
    let (hit, spared) = (server.room("hit").await, server.room("spared").await);
    let (mut alice, mut bob) = (server.join(hit, "Alice").await, server.join(hit, "Bob").await);
    let mut carol = server.join(spared, "Carol").await;
    assert_eq!((alice.say("one").await, alice.say("two").await, carol.say("here").await), (1, 2, 1));

    alice.send(json!({"type": "message", "content": "three", "key": "three", "ref": "three"})).await;
    assert_eq!(alice.expect_close().await, DEFECT);
    assert_eq!(bob.expect_close().await, DEFECT);
    // Clients that were not affected notice nothing: the same socket goes on.
    assert_eq!(carol.say("still here").await, 2);

    // Affected clients come back and find everything; what was not answered is sent again, and is stored once.
    let mut bob = server.socket(&format!("/{hit}?username=Bob&after=1")).await;
    let resumed = bob.frame().await;
    assert_eq!((&resumed["type"], &resumed["head"]), (&json!("attached"), &json!(2)));
    assert_eq!(contents(&resumed["events"]), ["two"]);
    let mut alice = server.join(hit, "Alice").await;
    let retried = alice.ask(json!({"type": "message", "content": "three", "key": "three"})).await;
    assert_eq!((&retried["type"], &retried["seq"]), (&json!("ok"), &json!(3)), "{retried}");
    assert_eq!(bob.event().await["content"], "three");
    let page = server.get(&format!("/rooms/{hit}/messages")).await.json(200);
    assert_eq!(contents(&page["messages"]), ["one", "two", "three"]);
    assert_eq!(server.stop().await.code(), Some(0), "and it stops as it should");
}

#[tokio::test]
#[cfg_attr(not(failpoints), ignore = "needs a server with failpoints: cargo xtask test")]
async fn a_panic_in_a_rooms_task_while_rest_waits() {
    let database = Database::sqlite();
    let server = Server::start_armed(&database, &[("CHATD_FAIL_AT", "in_room_task:1:panic")]).await;
    let room = server.room("general").await;
    let path = format!("/rooms/{room}/messages?username=Alice");
    let send = || server.call("POST", &path, &[("idempotency-key", "k")], Some(json!({"content": "one"})));
    // The room cannot know whether the commands after the panic were stored: a retry with the same key settles it.
    send().await.problem(503, "outcome_unknown");
    assert_eq!(send().await.json(201)["seq"], json!(1));
    assert_eq!(send().await.json(200)["seq"], json!(1));
}

#[tokio::test]
#[cfg_attr(not(failpoints), ignore = "needs a server with failpoints: cargo xtask test")]
async fn a_panic_in_a_requests_handler() {
    let database = Database::sqlite();
    // The first request creates the room.
    let server = Server::start_armed(&database, &[("CHATD_FAIL_AT", "in_handler:2:panic")]).await;
    let room = server.room("general").await;
    server.get("/rooms").await.problem(500, "internal");
    assert_eq!(server.get("/rooms").await.json(200)["rooms"][0]["id"], json!(room));
    assert_eq!(server.say(room, "Alice", "one").await, 1);
    assert_eq!(server.get_path("/readyz").await.status, 200);
}

#[tokio::test]
#[cfg_attr(not(failpoints), ignore = "needs a server with failpoints: cargo xtask test")]
async fn a_panic_over_a_sockets_frame() {
    let database = Database::sqlite();
    // The creation of the room, and one frame of each socket.
    let server = Server::start_armed(&database, &[("CHATD_FAIL_AT", "in_handler:4:panic")]).await;
    let room = server.room("general").await;
    let (mut alice, mut bob) = (server.join(room, "Alice").await, server.join(room, "Bob").await);
    assert_eq!((alice.say("one").await, bob.say("two").await), (1, 2));
    alice.send(json!({"type": "message", "content": "three", "key": "three"})).await;
    assert_eq!(alice.expect_close().await, DEFECT);
    // Her room and the others in it go on; she counts as online for the grace of a lost session.
    assert_eq!(bob.say("still here").await, 3);
    let seen = bob.so_far().await;
    assert!(seen.iter().all(|frame| frame["type"] != "leave"), "{seen:?}");
    let alice = back(&server, room, "Alice", 2).await;
    assert_eq!(contents(&alice["events"]), ["still here"]);
}

/// The answer to a socket that comes back.
async fn back(server: &Server, room: u64, user: &str, after: u64) -> Value {
    let mut socket: Socket = server.socket(&format!("/{room}?username={user}&after={after}")).await;
    match socket.next().await {
        Frame::Json(frame) => frame,
        Frame::Closed(code) => panic!("closed with {code:?}"),
    }
}

fn contents(events: &Value) -> Vec<&str> {
    events.as_array().unwrap().iter().map(|event| event["content"].as_str().unwrap()).collect()
}

//! Injected bugs have an effect: clients see what is wrong with some of them, and nothing wrong without them. (The
//! simulator shows those of a room's state, and `cargo xtask torture --mutation-check` shows all.)

use sea_orm::{ConnectOptions, ConnectionTrait, DatabaseConnection};
use serde_json::{Value, json};

use crate::common::{Database, Frame, Server, Socket};

/// The length of a conversation. Some bugs affect one message in 50.
const MESSAGES: u64 = 60;

#[tokio::test]
#[cfg_attr(not(failpoints), ignore = "needs a server with failpoints: cargo xtask test")]
async fn what_is_heard() {
    assert_eq!(conversation(&[]).await, None);
    for bug in [
        "drop_delivery",
        "double_delivery",
        "swap_deliveries",
        "body_changed",
        "sender_mixed_up",
        "wrong_seq_in_ok",
        "stored_yet_refused",
        "pipelined_sends_out_of_order",
        "history_hole",
    ] {
        assert_ne!(conversation(&[("CHATD_INJECTED_BUG", bug)]).await, None, "{bug} is not to be seen");
    }
}

/// What is wrong with a conversation of two users, if anything.
async fn conversation(variables: &[(&str, &str)]) -> Option<String> {
    let database = Database::sqlite();
    let server = Server::start_armed(&database, variables).await;
    let room = server.room("general").await;
    let (mut alice, mut bob) = (server.join(room, "Alice").await, server.join(room, "Bob").await);
    // All are sent while the first one cannot be stored, since some bugs affect only what waits together.
    let writer = locked(&database).await;
    for number in 1..=MESSAGES {
        alice.send(json!({"type": "message", "content": format!("text {number}"), "ref": number.to_string()})).await;
    }
    assert_eq!(alice.so_far().await.iter().find(|frame| !frame["ref"].is_null()), None, "it is stored already");
    writer.execute_unprepared("ROLLBACK").await.unwrap();
    let mut wrong = None;
    for _ in 1..=MESSAGES {
        let answer = alice.expect("answer", |frame| !frame["ref"].is_null()).await;
        let number: u64 = answer["ref"].as_str().unwrap().parse().unwrap();
        if answer["type"] != "ok" || answer["seq"] != json!(number) {
            wrong.get_or_insert(format!("an answer is {answer}"));
        }
    }
    // Everything was sent to Bob before he is answered.
    let heard = bob.so_far().await.into_iter().filter(|frame| frame["type"] == "message");
    let page = server.get(&format!("/rooms/{room}/messages?limit=100")).await.json(200);
    for (what, told) in [("heard", heard.collect()), ("read", page["messages"].as_array().unwrap().clone())] {
        wrong = wrong.or_else(|| unlike_what_was_said(what, &told));
    }
    wrong
}

/// A connection that keeps everyone else from writing.
async fn locked(database: &Database) -> DatabaseConnection {
    let one = ConnectOptions::new(database.url()).max_connections(1).to_owned();
    let connection = sea_orm::Database::connect(one).await.unwrap();
    connection.execute_unprepared("BEGIN IMMEDIATE").await.unwrap();
    connection
}

fn unlike_what_was_said(what: &str, told: &[Value]) -> Option<String> {
    let said = |number: u64| (json!(number), json!(format!("text {number}")), json!("Alice"));
    let told: Vec<_> = told.iter().map(|m| (m["seq"].clone(), m["content"].clone(), m["user"].clone())).collect();
    let expected: Vec<_> = (1..=MESSAGES).map(said).collect();
    (told != expected).then(|| format!("{what}: {told:?}"))
}

#[tokio::test]
#[cfg_attr(not(failpoints), ignore = "needs a server with failpoints: cargo xtask test")]
async fn what_comes_after_a_restart() {
    assert_eq!(restarted("").await, (3, json!(2), json!(200), vec![json!(2), json!(3)]));
    assert_eq!(restarted("reuse_seq").await.0, 2, "the last number is given again");
    assert_eq!(restarted("dedup_forgotten_at_restart").await.1, json!(4), "the retry is stored once more");
    assert_eq!(restarted("dedup_off").await.1, json!(4));
    assert_eq!(restarted("attach_off_by_one").await.3, [json!(3)]);
    assert_eq!(restarted("attach_repeats_one").await.3, [json!(1), json!(2), json!(3)]);
    assert_eq!(restarted("resume_ok_on_hole").await.3, [json!(3)]);
}

/// Sends two messages and restarts the server. Returns the number of a third message, the answer to a retry of the
/// second, and what a client that was away since the first one receives after the third.
async fn restarted(bug: &str) -> (u64, Value, Value, Vec<Value>) {
    let database = Database::sqlite();
    let variables = [("CHATD_INJECTED_BUG", bug)];
    let server = Server::start_armed(&database, &variables).await;
    let room = server.room("general").await;
    assert_eq!(server.say(room, "Alice", "one").await, 1);
    let path = format!("/rooms/{room}/messages?username=Alice");
    let second = || Some(json!({"content": "two"}));
    assert_eq!(server.call("POST", &path, &[("idempotency-key", "k")], second()).await.json(201)["seq"], json!(2));
    server.kill().await;

    let server = Server::start_armed(&database, &variables).await;
    let mut bob = server.join(room, "Bob").await;
    let third = bob.say("three").await;
    let mut carol: Socket = server.socket(&format!("/{room}?username=Carol&after=1")).await;
    let resumed = carol.frame().await;
    let missed = resumed["events"].as_array().unwrap().iter().map(|event| event["seq"].clone()).collect();
    let retried = server.call("POST", &path, &[("idempotency-key", "k")], second()).await;
    let status = json!(retried.status);
    let retried: Value = serde_json::from_slice(&retried.body).unwrap();
    (third, retried["seq"].clone(), status, missed)
}

#[tokio::test]
#[cfg_attr(not(failpoints), ignore = "needs a server with failpoints: cargo xtask test")]
async fn what_is_served() {
    assert_eq!(served("").await, (json!("renamed"), 2, 409));
    assert_eq!(served("rename_not_served").await.0, json!("general"));
    assert_eq!(served("stale_history").await.1, 1);
    assert_eq!(served("key_mismatch_accepted").await.2, 200);
}

/// The name of a room after a rename, the number of messages on a page of two, and the answer to a key that is used
/// again for another text.
async fn served(bug: &str) -> (Value, usize, u16) {
    let database = Database::sqlite();
    let server = Server::start_armed(&database, &[("CHATD_INJECTED_BUG", bug)]).await;
    let room = server.room("general").await;
    let path = format!("/rooms/{room}/messages?username=Alice");
    let send = |content: &'static str| {
        server.call("POST", &path, &[("idempotency-key", "k")], Some(json!({"content": content})))
    };
    assert_eq!(send("one").await.status, 201);
    assert_eq!(server.get(&path).await.json(200)["messages"].as_array().unwrap().len(), 1);
    assert_eq!(server.say(room, "Bob", "two").await, 2);
    let read = server.get(&path).await.json(200)["messages"].as_array().unwrap().len();
    let mismatched = send("another text").await.status;
    server.patch(&format!("/rooms/{room}"), json!({"name": "renamed"})).await;
    (server.get(&format!("/rooms/{room}")).await.json(200)["name"].clone(), read, mismatched)
}

/// How often a bug gets a chance to lose something, since timing matters.
const CHANCES: usize = 50;

#[tokio::test]
#[cfg_attr(not(failpoints), ignore = "needs a server with failpoints: cargo xtask test")]
async fn what_is_lost_with_a_kill() {
    assert_eq!(lost("", Stop::Kill, 2).await, None);
    assert_ne!(lost("ack_before_commit", Stop::Kill, CHANCES).await, None, "nothing is lost");
}

#[tokio::test]
#[cfg_attr(not(failpoints), ignore = "needs a server with failpoints: cargo xtask test")]
async fn what_is_lost_with_a_stop() {
    assert_eq!(lost("", Stop::Ask, 2).await, None);
    assert_ne!(lost("lost_on_shutdown", Stop::Ask, CHANCES).await, None, "nothing is lost");
}

/// How a server is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    Kill,
    Ask,
}

/// What was acknowledged and is lost after the server was stopped in the middle of a burst.
async fn lost(bug: &str, stop: Stop, rounds: usize) -> Option<String> {
    let database = Database::sqlite();
    for round in 0..rounds {
        let server = Server::start_armed(&database, &[("CHATD_INJECTED_BUG", bug)]).await;
        let room = server.room(&format!("room {round}")).await;
        let acknowledged = burst(server, room, stop).await;
        let server = Server::start(&database).await;
        let head = server.get(&format!("/rooms/{room}")).await.json(200)["head"].as_u64().unwrap();
        server.kill().await;
        if head < acknowledged {
            return Some(format!("{acknowledged} were acknowledged, and {head} are there"));
        }
    }
    None
}

/// How many messages of a burst were acknowledged by a server that was stopped meanwhile.
async fn burst(mut server: Server, room: u64, stop: Stop) -> u64 {
    let mut alice = server.join(room, "Alice").await;
    for number in 0..MESSAGES {
        alice.send(json!({"type": "message", "content": number.to_string(), "ref": number.to_string()})).await;
    }
    if stop == Stop::Ask {
        server.ask_to_stop().await;
    }
    let mut acknowledged = 0;
    while let Frame::Json(frame) = alice.next().await {
        acknowledged += u64::from(frame["type"] == "ok");
        if stop == Stop::Kill && acknowledged > 0 {
            server.kill().await;
            return acknowledged;
        }
    }
    assert_eq!(server.ended().await.code(), Some(0));
    acknowledged
}

#[tokio::test]
#[cfg_attr(not(failpoints), ignore = "needs a server with failpoints: cargo xtask test")]
async fn what_is_acknowledged_without_being_stored() {
    let database = Database::sqlite();
    let server = Server::start_armed(&database, &[("CHATD_INJECTED_BUG", "failed_append_acked")]).await;
    let room = server.room("general").await;
    let other = locked(&database).await;
    assert_eq!(server.say(room, "Alice", "one").await, 1);
    other.execute_unprepared("ROLLBACK").await.unwrap();
    let page = server.get(&format!("/rooms/{room}/messages")).await.json(200);
    assert_eq!((&page["head"], &page["messages"]), (&json!(0), &json!([])));
}

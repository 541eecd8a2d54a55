//! Resuming from a position, and retrying with a key.

use serde_json::{Value, json};

use crate::common::{Database, Frame, Server, Socket, on_each_database};

on_each_database!(
    resume_with_a_gap,
    resume_from_too_far_back,
    resume_from_ahead,
    resume_from_another_epoch,
    retry_with_the_same_key_on_another_connection,
);

async fn epoch(server: &Server, room: u64) -> String {
    let page = server.get(&format!("/rooms/{room}/messages?limit=1")).await.json(200);
    page["epoch"].as_str().unwrap().to_owned()
}

async fn resume(server: &Server, room: u64, after: &str) -> (Socket, Value) {
    let mut socket = server.socket(&format!("/{room}?username=Alice&{after}")).await;
    let answer = socket.frame().await;
    (socket, answer)
}

async fn resume_with_a_gap(database: Database) {
    let server = Server::start(&database).await;
    let id = server.room("general").await;
    let epoch = epoch(&server, id).await;
    let mut alice = server.join(id, "Alice").await;
    alice.say("one").await;
    drop(alice);
    for content in ["two", "three"] {
        server.say(id, "Bob", content).await;
    }
    server.patch(&format!("/rooms/{id}"), json!({"topic": "changed"})).await.json(200);

    // With the epoch or without it, from each position: exactly the missed events, then live ones.
    for (after, missed) in [(format!("after=1&epoch={epoch}"), 3), ("after=1".into(), 3), ("after=0".into(), 4)] {
        let (alice, attached) = resume(&server, id, &after).await;
        assert_eq!((&attached["type"], &attached["head"]), (&json!("attached"), &json!(4)), "{after}");
        let events = attached["events"].as_array().unwrap();
        let seqs: Vec<u64> = events.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
        assert_eq!(seqs, (5 - missed..=4).collect::<Vec<_>>(), "{after}");
        assert_eq!(events.last().unwrap()["type"], "room_updated");
        alice.close().await;
    }
    let (mut alice, attached) = resume(&server, id, "after=4").await;
    assert_eq!((&attached["type"], &attached["events"]), (&json!("attached"), &json!([])));
    server.say(id, "Bob", "live").await;
    assert_eq!(alice.event().await["seq"], 5);
}

async fn resume_from_too_far_back(database: Database) {
    let server = Server::start(&database).await;
    let id = server.room("general").await;
    let mut bob = server.join(id, "Bob").await;
    for number in 1..=2700 {
        bob.send(json!({"type": "message", "content": "x"})).await;
        if number % 60 == 0 {
            bob.expect("own message", |frame| frame["seq"] == number).await;
        }
    }
    let (mut alice, resync) = resume(&server, id, "after=1").await;
    let shown = json!([resync["type"], resync["room"], resync["head"], resync["events"]]);
    assert_eq!(shown, json!(["resync", id, 2700, null]));
    assert!(!resync["epoch"].as_str().unwrap().is_empty());
    bob.say("live").await;
    assert_eq!(alice.event().await["seq"], 2701);
    // As many events as the ring holds at least are sent in full.
    let (_alice, attached) = resume(&server, id, "after=701").await;
    assert_eq!((&attached["type"], attached["events"].as_array().map(Vec::len)), (&json!("attached"), Some(2_000)));
}

async fn resume_from_ahead(database: Database) {
    let server = Server::start(&database).await;
    let id = server.room("general").await;
    server.say(id, "Bob", "one").await;
    for after in ["after=2".to_owned(), format!("after=9000&epoch={}", epoch(&server, id).await)] {
        let (mut alice, resync) = resume(&server, id, &after).await;
        assert_eq!(resync["type"], "resync", "{after}");
        let head = resync["head"].as_u64().unwrap();
        let seq = server.say(id, "Bob", "live").await;
        assert_eq!((head + 1, alice.event().await["seq"].as_u64()), (seq, Some(seq)));
        alice.close().await;
    }
}

async fn resume_from_another_epoch(database: Database) {
    let server = Server::start(&database).await;
    let id = server.room("general").await;
    server.say(id, "Bob", "one").await;
    server.say(id, "Bob", "two").await;
    let (mut alice, resync) = resume(&server, id, "after=1&epoch=another").await;
    assert_eq!((&resync["type"], &resync["head"]), (&json!("resync"), &json!(2)));
    assert_eq!(resync["epoch"], json!(epoch(&server, id).await), "the epoch that is true");
    server.say(id, "Bob", "live").await;
    assert_eq!(alice.event().await["seq"], 3);
}

async fn retry_with_the_same_key_on_another_connection(database: Database) {
    let server = Server::start(&database).await;
    let id = server.room("general").await;
    let send = json!({"type": "message", "content": "once", "key": "k1"});
    let mut bob = server.join(id, "Bob").await;
    // A message is sent, and the connection is lost before the answer.
    let mut alice = server.join(id, "Alice").await;
    alice.send(send.clone()).await;
    assert_eq!(bob.event().await["content"], "once");
    drop(alice);

    let mut alice = server.join(id, "Alice").await;
    let ok = alice.ask(send.clone()).await;
    assert_eq!((&ok["type"], &ok["seq"], &ok["replayed"]), (&json!("ok"), &json!(1), &json!(true)));
    // The same over REST. Keys belong to a user: another user's equal key is another key.
    let path = format!("/rooms/{id}/messages?username=Alice");
    let rest = server.call("POST", &path, &[("idempotency-key", "k1")], Some(json!({"content": "once"}))).await;
    assert_eq!(rest.json(200)["seq"], 1);
    assert_eq!(bob.ask(send).await["seq"], 2);
    let messages = server.get(&format!("/rooms/{id}/messages")).await.json(200)["messages"].take();
    let authors: Vec<&str> = messages.as_array().unwrap().iter().map(|m| m["username"].as_str().unwrap()).collect();
    assert_eq!(authors, ["Alice", "Bob"]);
}

/// Nobody waits for a client that does not read. When it reads again it is told to come back, and misses nothing.
#[tokio::test]
async fn a_slow_reader_is_cut_and_comes_back() {
    let database = Database::sqlite();
    let server = Server::start(&database).await;
    let id = server.room("general").await;
    let mut slow = server.join(id, "Alice").await;
    let mut bob = server.join(id, "Bob").await;
    // More than the session's queue (1 MiB) and the kernel's buffers hold.
    let content = "x".repeat(4000);
    let mut sent = 0;
    for _ in 0..150 {
        for _ in 0..20 {
            bob.send(json!({"type": "message", "content": content})).await;
            sent += 1;
        }
        bob.expect("own message", |frame| frame["seq"] == sent).await;
    }
    let mut seen = 0;
    let code = loop {
        match slow.next().await {
            Frame::Json(frame) if frame["type"] == "message" => {
                seen += 1;
                assert_eq!(frame["seq"], seen, "no hole before the end");
            }
            Frame::Json(_) => {}
            Frame::Closed(code) => break code,
        }
    };
    assert_eq!(code, Some(4560));
    assert!(seen < sent, "it was cut before the end");
    let (mut alice, answer) = resume(&server, id, &format!("after={seen}")).await;
    match answer["type"].as_str() {
        Some("attached") => assert_eq!(answer["events"].as_array().map(Vec::len), Some((sent - seen) as usize)),
        Some("resync") => assert_eq!(answer["head"], sent),
        other => panic!("{other:?}"),
    }
    bob.say("live").await;
    assert_eq!(alice.event().await["seq"], sent + 1);
}

//! History over REST, and sending over REST.

use serde_json::{Value, json};

use crate::common::{Database, Server, on_each_database};

on_each_database!(empty_history, pages, retry_over_rest);

async fn empty_history(database: Database) {
    let server = Server::start(&database).await;
    let id = server.room("general").await;
    let page = server.get(&format!("/rooms/{id}/messages")).await.json(200);
    assert_eq!(page["messages"], json!([]));
    assert_eq!((&page["head"], &page["has_before"], &page["has_after"]), (&json!(0), &json!(false), &json!(false)));
    assert!(!page["epoch"].as_str().unwrap().is_empty());
}

#[tokio::test]
async fn history_of_a_missing_room() {
    let database = Database::sqlite();
    let server = Server::start(&database).await;
    server.get("/rooms/7/messages").await.problem(404, "room_not_found");
    server.get("/rooms/7/presence").await.problem(404, "room_not_found");
    let sent = server.post("/rooms/7/messages?username=Alice", json!({"content": "hello?"})).await;
    sent.problem(404, "room_not_found");
}

fn seqs(page: &Value) -> Vec<u64> {
    page["messages"].as_array().unwrap().iter().map(|message| message["seq"].as_u64().unwrap()).collect()
}

async fn pages(database: Database) {
    let server = Server::start(&database).await;
    let id = server.room("general").await;
    for number in 1..=4 {
        server.say(id, "Alice", &format!("number {number}")).await;
    }
    // An event that is not a message takes number 5.
    server.patch(&format!("/rooms/{id}"), json!({"topic": "new"})).await.json(200);
    for number in 6..=9 {
        server.say(id, "Alice", &format!("number {number}")).await;
    }
    let get = async |query: &str| server.get(&format!("/rooms/{id}/messages?{query}")).await.json(200);
    let edges = |page: &Value| (page["has_before"].as_bool().unwrap(), page["has_after"].as_bool().unwrap());

    let newest = get("limit=3").await;
    assert_eq!((seqs(&newest), edges(&newest)), (vec![7, 8, 9], (true, false)));
    assert_eq!(newest["head"], 9);
    let before = get("limit=3&before=7").await;
    assert_eq!((seqs(&before), edges(&before)), (vec![3, 4, 6], (true, true)));
    let first = get("limit=3&before=3").await;
    assert_eq!((seqs(&first), edges(&first)), (vec![1, 2], (false, true)));
    let after = get("limit=3&after=4").await;
    assert_eq!((seqs(&after), edges(&after)), (vec![6, 7, 8], (true, true)));
    let around = get("limit=3&around=5").await;
    assert_eq!(seqs(&around).len(), 3, "{around}");
    assert!(seqs(&around).contains(&4) && seqs(&around).contains(&6), "{around}");
    assert_eq!(seqs(&get("after=9").await), Vec::<u64>::new());
    for (query, field) in [("limit=0", "limit"), ("limit=101", "limit"), ("before=x", "before")] {
        let problem = server.get(&format!("/rooms/{id}/messages?{query}")).await.problem(400, "invalid_field");
        assert_eq!(problem["field"], field);
    }
    server.get(&format!("/rooms/{id}/messages?before=3&after=1")).await.problem(400, "invalid_field");
}

async fn retry_over_rest(database: Database) {
    let server = Server::start(&database).await;
    let id = server.room("general").await;
    let path = format!("/rooms/{id}/messages?username=Alice");
    let send = async |path: &str, key: &str, content: &str| {
        server.call("POST", path, &[("idempotency-key", key)], Some(json!({"content": content}))).await
    };
    let first = send(&path, "k1", "  Grüße 👋🏽\n").await;
    assert_eq!(first.header("idempotency-replayed"), None);
    let message = first.json(201);
    assert_eq!(message["content"], "  Grüße 👋🏽\n", "kept byte for byte");
    assert_eq!(
        (&message["type"], &message["id"], &message["seq"], &message["room"], &message["key"]),
        (&json!("message"), &json!(1), &json!(1), &json!(id), &json!("k1"))
    );
    let again = send(&path, "k1", "  Grüße 👋🏽\n").await;
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(again.json(200), message);
    send(&path, "k1", "something else").await.problem(409, "idempotency_mismatch");
    // Keys are compared byte for byte, and belong to a user.
    assert_eq!(send(&path, "K1", "another").await.json(201)["seq"], 2);
    assert_eq!(send(&format!("/rooms/{id}/messages?username=alice"), "k1", "mine").await.json(201)["seq"], 3);
    let page = server.get(&format!("/rooms/{id}/messages")).await.json(200);
    assert_eq!(seqs(&page), [1, 2, 3]);
    assert_eq!(page["messages"][0], message, "one shape everywhere");
}

#[tokio::test]
async fn what_a_message_may_not_be() {
    let database = Database::sqlite();
    let server = Server::start(&database).await;
    let id = server.room("general").await;
    let path = format!("/rooms/{id}/messages?username=Alice");
    for (body, code) in [
        (json!({"content": ""}), "empty_message"),
        (json!({"content": " \n"}), "empty_message"),
        (json!({"content": "x".repeat(4001)}), "too_long"),
        (json!({"content": "a\u{0}b"}), "invalid_field"),
        (json!({"content": 5}), "invalid_field"),
        (json!({}), "invalid_field"),
        (json!({"content": "x", "extra": 1}), "invalid_field"),
    ] {
        server.post(&path, body).await.problem(400, code);
    }
    let key = "k".repeat(65);
    let sent = server.call("POST", &path, &[("idempotency-key", &key)], Some(json!({"content": "x"}))).await;
    sent.problem(400, "invalid_field");
    // Sending needs a name.
    let anonymous = server.post(&format!("/rooms/{id}/messages"), json!({"content": "x"})).await;
    anonymous.problem(401, "unauthenticated");
    assert_eq!(server.get(&format!("/rooms/{id}")).await.json(200)["head"], 0, "refused is never stored");
    server.post(&path, json!({"content": "x".repeat(4000)})).await.json(201);
}

#[tokio::test]
async fn what_rest_refuses() {
    let database = Database::sqlite();
    let server = Server::start(&database).await;
    server.get("/nothing/here").await.problem(404, "not_found");
    server.get_path("/nothing/here").await.problem(404, "not_found");
    let put = server.call("PUT", "/rooms", &[], Some(json!({}))).await;
    put.problem(405, "method_not_allowed");
    assert!(put.header("allow").unwrap().contains("POST"), "{put:?}");
    let text = [("content-type", "text/plain")];
    server.call("POST", "/rooms", &text, Some(json!({"name": "a"}))).await.problem(415, "unsupported_media_type");
    let big = json!({"name": "x".repeat(300 << 10)});
    server.call("POST", "/rooms", &[], Some(big)).await.problem(413, "too_large");
}

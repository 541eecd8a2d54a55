//! Rooms over REST.

use serde_json::json;
use tokio::time::timeout;

use crate::common::{DEADLINE, Database, Server, on_each_database};

on_each_database!(
    create_a_room,
    duplicate_name,
    strasse_beside_strasse,
    a_name_is_found_in_any_case,
    list_rooms,
    delete_a_room,
    cascade_delete,
    a_deleted_room_leaves_nothing_in_any_table,
);

async fn create_a_room(database: Database) {
    let server = Server::start(&database).await;
    let room = server.post("/rooms", json!({"name": " general ", "topic": "Everything"})).await.json(201);
    assert_eq!(room["name"], "general");
    assert_eq!(room["topic"], "Everything");
    assert_eq!(room["head"], 0);
    assert_eq!(room["online"], 0);
    assert!(room["last_message_at"].is_null());
    assert!(room["created_at"].as_str().unwrap().ends_with('Z'));
    let id = room["id"].as_u64().unwrap();
    assert_eq!(server.get(&format!("/rooms/{id}")).await.json(200), room);
}

async fn duplicate_name(database: Database) {
    let server = Server::start(&database).await;
    let room = server.post("/rooms", json!({"name": "Café"})).await.json(201);
    // The same name in other cases, and with the accent as a combining character.
    for name in ["Café", "CAFÉ", " cafe\u{301} "] {
        let problem = server.post("/rooms", json!({"name": name})).await.problem(409, "name_taken");
        assert_eq!(problem["room"], room);
    }
    // Another letter makes another name, whatever a collation of the database says.
    server.post("/rooms", json!({"name": "Cafe"})).await.json(201);
}

async fn strasse_beside_strasse(database: Database) {
    let server = Server::start(&database).await;
    for (name, alike) in [
        ("Straße", "STRASSE"),
        ("ΣΊΣΥΦΟΣ", "σίσυφοσ"),
        ("ﬁsh", "FISH"),
        ("Kelvin", "\u{212a}elvin"),
        ("İzmir", "i\u{307}zmir"),
        ("Ｗｉｄｅ", "wide"),
    ] {
        let room = server.post("/rooms", json!({"name": name})).await.json(201);
        assert_eq!(room["name"], name, "it is shown as it was written");
        let taken = server.post("/rooms", json!({"name": alike})).await.problem(409, "name_taken");
        assert_eq!(taken["room"]["id"], room["id"]);
        let other = server.room(&format!("not {name}")).await;
        server.patch(&format!("/rooms/{other}"), json!({"name": alike})).await.problem(409, "name_taken");
        server.patch(&format!("/rooms/{}", room["id"]), json!({"name": alike})).await.json(200);
    }
}

async fn a_name_is_found_in_any_case(database: Database) {
    let server = Server::start(&database).await;
    server.room("ΣΊΣΥΦΟΣ").await;
    server.room("Straße 1").await;
    let found = async |part: &str| {
        let page = server.get(&format!("/rooms?q={part}")).await.json(200);
        page["rooms"].as_array().unwrap().iter().map(|room| room["id"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    // ΣΊΣ, σίσ, υφος, φοσ.
    for part in ["%CE%A3%CE%8A%CE%A3", "%CF%83%CE%AF%CF%83", "%CF%85%CF%86%CE%BF%CF%82", "%CF%86%CE%BF%CF%83"] {
        assert_eq!(found(part).await, [1], "{part}");
    }
    for part in ["STRASSE", "%C3%9F", "ss", "SSE%201", "1", "tra"] {
        assert_eq!(found(part).await, [2], "{part}");
    }
    assert_eq!(found("asss").await, [0; 0]);
    server.patch("/rooms/2", json!({"name": "Gasse"})).await.json(200);
    assert_eq!(found("tra").await, [0; 0]);
    assert_eq!(found("GASSE").await, [2]);
    server.delete("/rooms/2").await;
    assert_eq!(found("gasse").await, [0; 0]);
}

async fn list_rooms(database: Database) {
    let server = Server::start(&database).await;
    assert_eq!(server.get("/rooms").await.json(200), json!({"rooms": [], "next": null}));
    let mut ids = Vec::new();
    for name in ["alpha", "beta", "alphabet", "100%", "gamma"] {
        ids.push(server.room(name).await);
    }
    let mut listed = Vec::new();
    let mut path = "/rooms?limit=2".to_owned();
    loop {
        let page = server.get(&path).await.json(200);
        listed.extend(page["rooms"].as_array().unwrap().iter().map(|room| room["id"].as_u64().unwrap()));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/rooms?limit=2&after={next}");
    }
    assert_eq!(listed, ids);
    let names = |page: serde_json::Value| {
        page["rooms"]
            .as_array()
            .unwrap()
            .iter()
            .map(|room| room["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(server.get("/rooms?q=ALPHA").await.json(200)), ["alpha", "alphabet"]);
    assert_eq!(names(server.get("/rooms?q=%25").await.json(200)), ["100%"]);
    assert_eq!(server.get("/rooms?limit=0").await.problem(400, "invalid_field")["field"], "limit");
    assert_eq!(server.get("/rooms?limit=101").await.problem(400, "invalid_field")["field"], "limit");
}

async fn delete_a_room(database: Database) {
    let server = Server::start(&database).await;
    let id = server.room("general").await;
    let deleted = server.delete(&format!("/rooms/{id}")).await;
    assert_eq!((deleted.status, deleted.body.len()), (204, 0));
    server.get(&format!("/rooms/{id}")).await.problem(404, "room_not_found");
    server.delete(&format!("/rooms/{id}")).await.problem(404, "room_not_found");
    server.patch(&format!("/rooms/{id}"), json!({"name": "x"})).await.problem(404, "room_not_found");
    assert_eq!(server.get("/rooms").await.json(200)["rooms"], json!([]));
}

async fn cascade_delete(database: Database) {
    let server = Server::start(&database).await;
    let id = server.room("general").await;
    for content in ["one", "two"] {
        server.say(id, "Alice", content).await;
    }
    let mut alice = server.join(id, "Alice").await;
    let mut bob = server.socket("?username=Bob").await;
    bob.ask(json!({"type": "attach", "room": id})).await;
    server.delete(&format!("/rooms/{id}?username=Carol")).await;

    let last = alice.event().await;
    assert_eq!(last["type"], "room_deleted");
    assert_eq!((&last["seq"], &last["username"], &last["room"]), (&json!(3), &json!("Carol"), &json!(id)));
    assert_eq!(alice.expect_close().await, Some(4410));
    assert_eq!(bob.event().await["type"], "room_deleted");
    let refused = bob.ask(json!({"type": "message", "room": id, "content": "too late"})).await;
    assert_eq!(refused["code"], "room_not_found");
    assert_eq!(bob.so_far().await, Vec::<serde_json::Value>::new(), "no leaves, nothing after the last event");

    server.get(&format!("/rooms/{id}/messages")).await.problem(404, "room_not_found");
    let late = server.post(&format!("/rooms/{id}/messages?username=Alice"), json!({"content": "late"})).await;
    late.problem(404, "room_not_found");
    // The name is free again. The id is not reused, and the messages stay deleted.
    let again = server.room("general").await;
    assert_ne!(again, id);
    assert_eq!(server.get(&format!("/rooms/{again}/messages")).await.json(200)["messages"], json!([]));
}

#[tokio::test]
async fn change_a_room() {
    let database = Database::sqlite();
    let server = Server::start(&database).await;
    let id = server.room("general").await;
    let path = format!("/rooms/{id}?username=Alice");
    let mut bob = server.join(id, "Bob").await;

    let changed = server.patch(&path, json!({"name": "lobby", "topic": "New here?"})).await.json(200);
    assert_eq!(
        (&changed["name"], &changed["topic"], &changed["head"]),
        (&json!("lobby"), &json!("New here?"), &json!(1))
    );
    let event = bob.event().await;
    assert_eq!(event["type"], "room_updated");
    assert_eq!(
        (&event["seq"], &event["name"], &event["topic"], &event["username"], &event["user"]),
        (&json!(1), &json!("lobby"), &json!("New here?"), &json!("Alice"), &json!("Alice"))
    );

    let same = server.patch(&path, json!({"topic": "New here?"})).await.json(200);
    assert_eq!(same["head"], 1, "unchanged values make no event");
    server.patch(&path, json!({})).await.problem(400, "invalid_field");
    assert_eq!(server.patch(&path, json!({"topic": null})).await.problem(400, "invalid_field")["field"], "topic");
    server.room("other").await;
    server.patch(&path, json!({"name": "OTHER"})).await.problem(409, "name_taken");
    let unset = server.patch(&format!("/rooms/{id}"), json!({"topic": ""})).await.json(200);
    assert_eq!((&unset["topic"], &unset["head"]), (&json!(""), &json!(2)));
    let event = bob.event().await;
    assert!(event["username"].is_null(), "nobody was named: {event}");
}

#[tokio::test]
async fn what_a_room_may_not_be() {
    let database = Database::sqlite();
    let server = Server::start(&database).await;
    let too_long = "x".repeat(101);
    let cases = [
        (json!({}), "name"),
        (json!({"name": null}), "name"),
        (json!({"name": 5}), "name"),
        (json!({"name": "  "}), "name"),
        (json!({"name": too_long}), "name"),
        (json!({"name": "a\u{202e}b"}), "name"),
        (json!({"name": "a\u{0}b"}), "name"),
        (json!({"name": "a", "topic": "x".repeat(1025)}), "topic"),
        (json!({"name": "a", "colour": "red"}), "colour"),
    ];
    for (body, field) in cases {
        let problem = server.post("/rooms", body.clone()).await.problem(400, "invalid_field");
        assert_eq!(problem["field"], field, "{body}");
    }
    server.room(&"x".repeat(100)).await;
}

/// What the tables beside the log have of a room goes with it; what they have of others stays.
async fn a_deleted_room_leaves_nothing_in_any_table(database: Database) {
    const TABLES: [(&str, &str); 9] = [
        (
            "chat_reactions",
            "(room_id, target_seq, reaction, user_id, user_name, seq, at_us) VALUES (?, 1, 'a', 'b', 'c', 1, 1)",
        ),
        ("chat_reaction_counts", "(room_id, target_seq, reaction, amount, since_seq) VALUES (?, 1, 'a', 1, 1)"),
        ("chat_pins", "(room_id, target_seq, seq) VALUES (?, 1, 1)"),
        ("chat_threads", "(room_id, root_seq, amount, last_ordinal, last_seq) VALUES (?, 1, 1, 1, 1)"),
        ("chat_thread_users", "(room_id, root_seq, user_id) VALUES (?, 1, 'a')"),
        ("chat_mentions", "(room_id, user_id, seq) VALUES (?, 'a', 1)"),
        ("chat_tombstones", "(room_id, seq) VALUES (?, 1)"),
        ("chat_reads", "(room_id, user_id, seq, ordinal, by_back, user_name) VALUES (?, 'a', 1, 1, 0, 'b')"),
        ("chat_notify", "(room_id, user_id, notify) VALUES (?, 'a', 1)"),
    ];
    let server = Server::start(&database).await;
    let (kept, gone) = (server.room("kept").await, server.room("gone").await);
    for room in [kept, gone] {
        let rows = TABLES.map(|(table, row)| format!("INSERT INTO {table} {}", row.replace('?', &room.to_string())));
        database.execute(&rows.each_ref().map(String::as_str)).await;
    }
    server.delete(&format!("/rooms/{gone}")).await;
    let rows_of = async |room: u64| {
        let counts = TABLES.map(|(table, _)| format!("(SELECT COUNT(*) FROM {table} WHERE room_id = {room})"));
        database.number(&format!("SELECT {}", counts.join(" + "))).await
    };
    let purged = async {
        while database.number(&format!("SELECT COUNT(*) FROM chat_rooms WHERE id = {gone}")).await > 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(DEADLINE, purged).await.expect("it is not purged");
    assert_eq!((rows_of(kept).await, rows_of(gone).await), (9, 0));
}

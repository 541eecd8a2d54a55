//! Databases of earlier versions are migrated with all their contents, even if a start is killed at any moment.
//!
//! Each released schema stays here as a fixture: what its version wrote through its own API, as a dump of the database,
//! and what that version served of it.

use std::{fs, ops::RangeInclusive, os::unix::process::ExitStatusExt, time::Duration};

use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

use crate::common::{Database, Server, on_each_database};

on_each_database!(
    the_first_schema,
    starts_on_the_first_schema_are_killed,
    names_that_clash,
    starts_on_names_that_clash_are_killed,
    the_second_schema,
    starts_on_the_second_schema_are_killed,
    the_third_schema,
    starts_on_the_third_schema_are_killed,
    #[cfg_attr(not(failpoints), ignore = "needs a server with failpoints: cargo xtask test")]
    migrations_are_killed_at_each_point,
    more_rooms_than_one_step_goes_through,
    first_starts_are_killed,
);

async fn the_first_schema(database: Database) {
    load_first_schema(&database).await;
    let server = Server::start(&database).await;
    what_was_there_is_there(&server).await;
    server.stop().await;
    // Once more, as every start does it.
    let server = Server::start(&database).await;
    what_was_there_is_there(&server).await;
    keys_are_known(&server).await;
    numbers_go_on(&server).await;
}

async fn starts_on_the_first_schema_are_killed(database: Database) {
    load_first_schema(&database).await;
    for instant in instants() {
        Server::kill_after(&database, instant).await;
    }
    let server = Server::start(&database).await;
    what_was_there_is_there(&server).await;
    keys_are_known(&server).await;
    numbers_go_on(&server).await;
}

/// Names that differed before letters were compared by full case folding: the oldest room keeps the name.
async fn names_that_clash(database: Database) {
    load_clashing_names(&database).await;
    let server = Server::start(&database).await;
    the_oldest_has_the_name(&server).await;
    let said = server.stop_and_read_output().await;
    let told: Vec<_> = said.lines().filter(|line| line.contains(CLASH)).collect();
    assert_eq!(told.len(), 1, "{said}");
    assert!(told[0].contains("count=4") && told[0].contains("[2, 4, 6, 7]"), "{}", told[0]);

    let server = Server::start(&database).await;
    the_oldest_has_the_name(&server).await;
    who_has_no_name_gets_one(&server).await;
    let said = server.stop_and_read_output().await;
    assert!(!said.contains(CLASH), "it is told once: {said}");
}

async fn starts_on_names_that_clash_are_killed(database: Database) {
    load_clashing_names(&database).await;
    for instant in instants() {
        Server::kill_after(&database, instant).await;
    }
    let server = Server::start(&database).await;
    the_oldest_has_the_name(&server).await;
    who_has_no_name_gets_one(&server).await;
}

/// MySQL and MariaDB commit each definition by itself, so that any beginning of the second migration can be left behind.
#[tokio::test]
#[ignore = "needs a server: cargo xtask test"]
async fn half_a_second_migration_on_mariadb() {
    let steps = [
        "ALTER TABLE chat_rooms ADD COLUMN name_search VARBINARY(1024)",
        "CREATE TABLE chat_room_names (page BIGINT NOT NULL PRIMARY KEY, names MEDIUMBLOB NOT NULL)",
        "UPDATE chat_rooms SET name_key = NULL WHERE id < 5",
        "UPDATE chat_rooms SET name_key = NULL",
        "UPDATE chat_rooms SET name_search = 'strasse', name_key = IF(id = 1, 'strasse', NULL) WHERE id < 3",
    ];
    let database = Database::mariadb().await;
    for done in 0..=steps.len() {
        empty(&database).await;
        load_clashing_names(&database).await;
        database.execute(&steps[..done]).await;
        let server = Server::start(&database).await;
        the_oldest_has_the_name(&server).await;
        who_has_no_name_gets_one(&server).await;
        server.kill().await;
    }
}

/// Events between messages, and rooms without messages: pages and lists show the same as before.
async fn the_second_schema(database: Database) {
    load_second_schema(&database).await;
    for _ in 0..2 {
        let server = Server::start(&database).await;
        messages_between_changes_are_there(&server).await;
        server.stop().await;
    }
    let server = Server::start(&database).await;
    messages_after_it_count(&server).await;
}

async fn starts_on_the_second_schema_are_killed(database: Database) {
    load_second_schema(&database).await;
    for instant in instants() {
        Server::kill_after(&database, instant).await;
    }
    let server = Server::start(&database).await;
    messages_between_changes_are_there(&server).await;
    messages_after_it_count(&server).await;
}

/// MySQL and MariaDB commit each definition by itself, so that any beginning of the third migration can be left behind.
#[tokio::test]
#[ignore = "needs a server: cargo xtask test"]
async fn half_a_third_migration_on_mariadb() {
    let steps = [
        "ALTER TABLE chat_rooms ADD COLUMN last_message_seq BIGINT",
        "ALTER TABLE chat_rooms ADD COLUMN last_message_at BIGINT",
        "ALTER TABLE chat_events ADD COLUMN reply_to BIGINT",
        "CREATE INDEX chat_events_messages ON chat_events (room_id, kind, ordinal)",
        "UPDATE chat_rooms SET last_message_seq = 10, last_message_at = 1795704365101492 WHERE id = 1",
    ];
    let database = Database::mariadb().await;
    for done in 0..=steps.len() {
        empty(&database).await;
        load_second_schema(&database).await;
        database.execute(&steps[..done]).await;
        let server = Server::start(&database).await;
        messages_between_changes_are_there(&server).await;
        messages_after_it_count(&server).await;
        server.kill().await;
    }
}

/// Replies, keys, a room that is purged, and one that is deleted and not purged yet.
async fn the_third_schema(database: Database) {
    load_third_schema(&database).await;
    for _ in 0..2 {
        let server = Server::start(&database).await;
        replies_are_there(&server).await;
        server.stop().await;
    }
    let server = Server::start(&database).await;
    replies_go_on(&server).await;
}

async fn starts_on_the_third_schema_are_killed(database: Database) {
    load_third_schema(&database).await;
    for instant in instants() {
        Server::kill_after(&database, instant).await;
    }
    let server = Server::start(&database).await;
    replies_are_there(&server).await;
    replies_go_on(&server).await;
}

/// Before each statement and after the last one. What was before is undone, or is there and is not made again.
async fn migrations_are_killed_at_each_point(database: Database) {
    load_first_schema(&database).await;
    killed_at_points(&database, 1..=BEFORE_FOURTH).await;
    let server = Server::start(&database).await;
    what_was_there_is_there(&server).await;
    keys_are_known(&server).await;
    server.kill().await;

    empty(&database).await;
    load_second_schema(&database).await;
    killed_at_points(&database, 1..=BEFORE_FOURTH).await;
    let server = Server::start(&database).await;
    messages_between_changes_are_there(&server).await;
    messages_after_it_count(&server).await;
    server.kill().await;

    empty(&database).await;
    load_third_schema(&database).await;
    killed_in_migrations(&database, &LATER_POINTS).await;
    let server = Server::start(&database).await;
    replies_are_there(&server).await;
    replies_go_on(&server).await;
}

/// So many points are up to the beginning of the fourth migration, from the first schema or the second.
const BEFORE_FOURTH: u64 = 12;
/// So many points the fourth migration has, and each later one: one for each column, table and index, and one at its end.
const LATER_POINTS: [u64; 3] = [12 + 11 + 8 + 1, 1 + 2 + 1, 5 + 2 + 5 + 1];

/// A start counts its points from where an earlier one got to. MariaDB keeps what is finished, which the others undo: the start that
/// is killed at a migration's first point has finished the one before.
async fn killed_in_migrations(database: &Database, points_of_each: &[u64]) {
    let keeps_finished = database.url().starts_with("mysql");
    let mut before = 0;
    for points in points_of_each {
        killed_at_points(database, before + 1..=before + 1).await;
        let start = if keeps_finished { 0 } else { before };
        killed_at_points(database, start + 2..=start + points).await;
        before = start + points;
    }
}

async fn killed_at_points(database: &Database, points: RangeInclusive<u64>) {
    for pass in points {
        let at = format!("in_migration:{pass}");
        let (status, log) = Server::fail_armed(database, &[("CHATD_FAIL_AT", &at)]).await;
        assert_eq!(status.signal(), Some(ABORTED), "{at}: {log}");
    }
}

/// The signal of a process that aborts.
const ABORTED: i32 = 6;

/// MySQL and MariaDB commit each definition by itself, so that any beginning of the fourth migration can be left behind.
#[tokio::test]
#[ignore = "needs a server: cargo xtask test"]
async fn half_a_fourth_migration_on_mariadb() {
    let steps = [
        "ALTER TABLE chat_rooms ADD COLUMN first_seq BIGINT NOT NULL DEFAULT 1",
        "ALTER TABLE chat_events ADD COLUMN thread BIGINT",
        "CREATE TABLE chat_pins (room_id BIGINT NOT NULL, target_seq BIGINT NOT NULL, seq BIGINT NOT NULL, \
         PRIMARY KEY (room_id, target_seq))",
        "CREATE INDEX chat_pins_order ON chat_pins (room_id, seq)",
        "CREATE INDEX chat_events_authors ON chat_events (room_id, user_id, kind, seq)",
    ];
    let database = Database::mariadb().await;
    for done in 0..=steps.len() {
        empty(&database).await;
        load_third_schema(&database).await;
        database.execute(&steps[..done]).await;
        let server = Server::start(&database).await;
        replies_are_there(&server).await;
        replies_go_on(&server).await;
        server.kill().await;
    }
}

/// Another process migrates: until it is done, everyone is told to wait.
async fn who_asks_during_a_migration_is_told(database: Database, lock: &str, unlock: &str) {
    load_third_schema(&database).await;
    let connection = sea_orm::Database::connect(database.url()).await.unwrap();
    connection.execute_unprepared(lock).await.unwrap();
    let server = Server::start_unready(&database).await;
    assert_eq!(server.get_path("/healthz").await.status, 200);
    let problem = server.get_path("/readyz").await.problem(503, "unavailable");
    assert!(problem["detail"].as_str().unwrap().contains("starting"), "{problem}");
    let refused = server.get("/rooms").await;
    assert!(refused.header("retry-after").is_some());
    refused.problem(503, "unavailable");
    connection.execute_unprepared(unlock).await.unwrap();
    server.ready().await;
    replies_are_there(&server).await;
    server.wait_for_output("the tables are migrated", 1).await;
    assert!(server.output().contains("chat_events_authors step=3 of=3"), "{}", server.output());
}

#[tokio::test]
#[ignore = "needs a server: cargo xtask test"]
async fn who_asks_during_a_migration_is_told_on_postgres() {
    let lock = "SELECT pg_advisory_lock(1667785076, hashtext('migrate:' || coalesce(current_schema(), '')))";
    who_asks_during_a_migration_is_told(Database::postgres().await, lock, "SELECT pg_advisory_unlock_all()").await;
}

#[tokio::test]
#[ignore = "needs a server: cargo xtask test"]
async fn who_asks_during_a_migration_is_told_on_mariadb() {
    let lock = "DO GET_LOCK(CONCAT('chat.migrate.', MD5(DATABASE())), 0)";
    who_asks_during_a_migration_is_told(Database::mariadb().await, lock, "DO RELEASE_ALL_LOCKS()").await;
}

async fn more_rooms_than_one_step_goes_through(database: Database) {
    load_second_schema(&database).await;
    let rooms: Vec<String> = (10..9_000).map(|id| format!("({id}, 'room {id}', '', 1, 1, {id})")).collect();
    let events: Vec<String> = (10..9_000).map(|id| format!("({id}, 1, 1, {id}000000, 1, 1)")).collect();
    for (rooms, events) in rooms.chunks(500).zip(events.chunks(500)) {
        let rooms =
            format!("INSERT INTO chat_rooms (id, name, topic, head, ordinal, created_at) VALUES {}", rooms.join(","));
        let events = format!(
            "INSERT INTO chat_events (room_id, seq, kind, at_us, ordinal, fingerprint) VALUES {}",
            events.join(",")
        );
        database.execute(&[&rooms, &events]).await;
    }
    let server = Server::start(&database).await;
    for id in [10, 4_095, 4_106, 8_999] {
        let room = server.get(&format!("/rooms/{id}")).await.json(200);
        let at = format!("1970-01-01T{:02}:{:02}:{:02}.000Z", id / 3_600, id / 60 % 60, id % 60);
        assert_eq!(room["last_message_at"], json!(at), "room {id}");
    }
    messages_between_changes_are_there(&server).await;
}

async fn first_starts_are_killed(database: Database) {
    for instant in instants() {
        empty(&database).await;
        Server::kill_after(&database, instant).await;
        let server = Server::start(&database).await;
        let room = server.room("general").await;
        assert_eq!((room, server.say(room, "Alice", "one").await), (1, 1), "killed after {instant:?}");
        server.kill().await;
    }
}

/// MySQL and MariaDB commit each definition by itself, so that a start can leave any beginning of them behind.
#[tokio::test]
#[ignore = "needs a server: cargo xtask test"]
async fn half_a_first_start_on_mariadb() {
    // No room exists yet, so the first one has the id 1.
    let fixture = include_str!("fixtures/first_schema.mysql.sql").replace(" AUTO_INCREMENT=5", "");
    let table = |name: &str| {
        let from = fixture.find(&format!("CREATE TABLE `{name}`")).unwrap();
        &fixture[from..from + fixture[from..].find(";\n").unwrap()]
    };
    let noted = fixture.lines().find(|line| line.starts_with("INSERT INTO `chat_migrations`")).unwrap();
    let steps = [table("chat_migrations"), table("chat_meta"), table("chat_rooms"), table("chat_events"), noted];
    let database = Database::mariadb().await;
    for done in 0..=steps.len() {
        empty(&database).await;
        database.execute(&steps[..done]).await;
        let server = Server::start(&database).await;
        let room = server.room("general").await;
        assert_eq!((room, server.say(room, "Alice", "one").await), (1, 1), "after {done} steps");
        server.kill().await;
        let server = Server::start(&database).await;
        assert_eq!(server.say(room, "Alice", "two").await, 2);
        server.stop().await;
    }
}

/// Loads a fixture, in the syntax of each database.
macro_rules! load {
    ($database:expr, $name:literal) => {{
        let sql = match $database.url().split(':').next() {
            Some("sqlite") => include_str!(concat!("fixtures/", $name, ".sqlite.sql")),
            Some("postgres") => include_str!(concat!("fixtures/", $name, ".postgres.sql")),
            _ => include_str!(concat!("fixtures/", $name, ".mysql.sql")),
        };
        $database.execute(&[sql]).await;
    }};
}

async fn load_first_schema(database: &Database) {
    load!(database, "first_schema");
}

async fn load_clashing_names(database: &Database) {
    load!(database, "clashing_names");
}

async fn load_second_schema(database: &Database) {
    load!(database, "second_schema");
}

async fn load_third_schema(database: &Database) {
    load!(database, "third_schema");
}

/// The moments at which starts are killed: closer together where most of the work is done.
fn instants() -> impl Iterator<Item = Duration> {
    (0..16).map(|n| Duration::from_millis(n * n))
}

/// A page of rooms of an older version, as this one serves it: they are public, and nobody's.
fn everybodys(page: &Value) -> Value {
    let mut page = page.clone();
    for room in page["rooms"].as_array_mut().unwrap() {
        let terms = json!({"kind": "public", "owned": false, "invites": "members", "members": 0});
        room.as_object_mut().unwrap().extend(terms.as_object().unwrap().clone());
    }
    page
}

/// What the first version served, byte for byte.
async fn what_was_there_is_there(server: &Server) {
    let expected: Value = serde_json::from_str(include_str!("fixtures/first_schema.json")).unwrap();
    assert_eq!(server.get("/rooms").await.json(200), everybodys(&expected["rooms"]));
    for (room, page) in expected["pages"].as_object().unwrap() {
        assert_eq!(server.get(&format!("/rooms/{room}/messages?limit=100")).await.json(200), *page, "room {room}");
    }
    server.get("/rooms/2").await.problem(404, "room_not_found");
    let epoch = expected["pages"]["1"]["epoch"].as_str().unwrap();
    let mut socket = server.socket(&format!("/1?username=Bob&after=0&epoch={epoch}")).await;
    let attached = socket.frame().await;
    assert_eq!(attached["type"], "attached", "{attached}");
    let mut events = expected["events"].clone();
    for event in events.as_array_mut().unwrap().iter_mut().filter(|event| event["type"] == "room_updated") {
        event
            .as_object_mut()
            .unwrap()
            .extend([("kind".to_owned(), json!("public")), ("invites".to_owned(), json!("members"))]);
    }
    assert_eq!(attached["events"], events, "but for the fields that events of rooms have by now");
}

/// A retry of what was sent to the first version gets the first answer.
async fn keys_are_known(server: &Server) {
    for (room, user, content, key, seq) in [
        (1, "Alice", "one", "k-1", 1),
        (1, "alice", "one", "k-1", 5),
        (1, "%C3%85lice%20%F0%9F%91%A9%E2%80%8D%F0%9F%91%A9%E2%80%8D%F0%9F%91%A7", THIRD, "Key_~!2", 3),
        (4, "Alice", "again", "k-1", 1),
    ] {
        let reply = send(server, room, user, content, key).await;
        assert_eq!(reply.json(200)["seq"], json!(seq), "{user}'s {key}");
        assert_eq!(reply.header("idempotency-replayed"), Some("true"));
    }
    send(server, 1, "Alice", "two", "k-1").await.problem(409, "idempotency_mismatch");
}

const THIRD: &str = "третье 👋🏽 \u{202e} x";

async fn numbers_go_on(server: &Server) {
    assert_eq!(send(server, 1, "Bob", "eight", "k-1").await.json(201)["seq"], 8, "a key is its user's");
    assert_eq!(server.say(3, "Bob", "the first").await, 1);
    for name in ["GROßER SAAL", "GROSSER SAAL"] {
        let taken = server.post("/rooms", json!({"name": name})).await.problem(409, "name_taken");
        assert_eq!(taken["room"]["id"], 1);
    }
    let made = server.post("/rooms", json!({"name": "Kleiner Saal"})).await.json(201);
    assert_eq!(made["id"], 5, "no id is given twice");
    let free = server.patch("/rooms/5", json!({"name": "General"})).await.json(200);
    assert_eq!(free["head"], 1, "a name that was given up is free");
}

async fn send(server: &Server, room: u64, user: &str, content: &str, key: &str) -> crate::common::Reply {
    let path = format!("/rooms/{room}/messages?username={user}");
    server.call("POST", &path, &[("idempotency-key", key)], Some(json!({"content": content}))).await
}

/// What the second version served, byte for byte.
async fn messages_between_changes_are_there(server: &Server) {
    let expected: Value = serde_json::from_str(include_str!("fixtures/second_schema.json")).unwrap();
    let rooms = server.get("/rooms?limit=4").await.json(200);
    assert_eq!(rooms["rooms"], everybodys(&expected["rooms"])["rooms"]);
    for (room, page) in expected["pages"].as_object().unwrap() {
        assert_eq!(server.get(&format!("/rooms/{room}/messages?limit=100")).await.json(200), *page, "room {room}");
    }
    for (part, seqs) in [("before=9&limit=2", [3, 7]), ("after=4&limit=2", [7, 9]), ("around=5&limit=2", [3, 7])] {
        let page = server.get(&format!("/rooms/1/messages?{part}")).await.json(200);
        let found: Vec<_> = page["messages"].as_array().unwrap().iter().map(|message| &message["seq"]).collect();
        assert_eq!(found, seqs, "{part}");
        assert_eq!((&page["has_before"], &page["has_after"]), (&json!(true), &json!(true)), "{part}");
    }
}

/// A change of a room keeps the time of its newest message, and a message updates it.
async fn messages_after_it_count(server: &Server) {
    let before = server.get("/rooms/1").await.json(200)["last_message_at"].clone();
    server.patch("/rooms/1", json!({"topic": "another"})).await.json(200);
    assert_eq!(server.get("/rooms/1").await.json(200)["last_message_at"], before);
    let sent = send(server, 1, "Bob", "a new one", "k-9").await.json(201);
    assert_eq!(sent["seq"], 13);
    assert_eq!(server.get("/rooms/1").await.json(200)["last_message_at"], sent["timestamp"]);
    let page = server.get("/rooms/1/messages?limit=2").await.json(200);
    assert_eq!((&page["messages"][0]["seq"], &page["messages"][1]["seq"]), (&json!(10), &json!(13)));
    assert_eq!(server.say(4, "Bob", "the first").await, 2);
    assert_ne!(server.get("/rooms/4").await.json(200)["last_message_at"], Value::Null);
}

/// What the third version served, byte for byte.
async fn replies_are_there(server: &Server) {
    let expected: Value = serde_json::from_str(include_str!("fixtures/third_schema.json")).unwrap();
    assert_eq!(server.get("/rooms").await.json(200), everybodys(&expected["rooms"]));
    for (room, page) in expected["pages"].as_object().unwrap() {
        assert_eq!(server.get(&format!("/rooms/{room}/messages?limit=100")).await.json(200), *page, "room {room}");
    }
    for gone in [2, 5] {
        server.get(&format!("/rooms/{gone}")).await.problem(404, "room_not_found");
        server.get(&format!("/rooms/{gone}/messages")).await.problem(404, "room_not_found");
    }
}

/// A retry of a reply gets the first answer, what is replied to has to be there, and no id is given twice.
async fn replies_go_on(server: &Server) {
    let reply = async |key: &str, content: &str, reply_to: u64| {
        let body = json!({"content": content, "reply_to": reply_to});
        server.call("POST", "/rooms/4/messages?username=Alice", &[("idempotency-key", key)], Some(body)).await
    };
    let replayed = reply("a-1", "answer 1", 1).await;
    assert_eq!(replayed.json(200)["seq"], 3);
    assert_eq!(replayed.header("idempotency-replayed"), Some("true"));
    reply("a-1", "answer 1", 2).await.problem(409, "idempotency_mismatch");
    reply("a-3", "answer 3", 6).await.problem(404, "message_not_found");
    assert_eq!(reply("a-3", "answer 3", 5).await.json(201)["seq"], 6);
    let made = server.post("/rooms", json!({"name": "Ending"})).await.json(201);
    assert_eq!(made["id"], 6, "the name is free, and no id is given twice");
}

const CLASH: &str = "rooms have the name of an older room";

/// Every room has its old name and is found by it; a new room with such a name is refused.
async fn the_oldest_has_the_name(server: &Server) {
    let all = ["Straße", "STRASSE", "ΣΊΣΥΦΟΣ", "σίσυφοσ", "ﬁsh", "FISH", "Ｆｉｓｈ", "Other"];
    assert_eq!(names(server, "").await, all);
    for (part, expected) in [("tras", &all[..2]), ("%CE%A3%CE%8A%CE%A3", &all[2..4]), ("fISh", &all[4..7])] {
        assert_eq!(names(server, part).await, expected, "{part}");
    }
    for (name, holder) in [("strasse", 1), ("Σίσυφος", 3), ("fish", 5)] {
        let taken = server.post("/rooms", json!({"name": name})).await.problem(409, "name_taken");
        assert_eq!(taken["room"]["id"], holder);
    }
    let message = server.get("/rooms/2/messages").await.json(200);
    assert_eq!(message["messages"][0]["content"], "one");
}

/// A room whose name clashes is still shown with that name until it is renamed, and accepts messages and a new topic.
async fn who_has_no_name_gets_one(server: &Server) {
    assert_eq!(server.say(2, "Alice", "two").await, 2);
    let topic = server.patch("/rooms/2", json!({"topic": "with ss"})).await.json(200);
    assert_eq!((topic["name"].as_str(), topic["topic"].as_str()), (Some("STRASSE"), Some("with ss")));
    server.patch("/rooms/2", json!({"name": "Strasse"})).await.problem(409, "name_taken");
    server.patch("/rooms/2", json!({"name": "Gasse"})).await.json(200);
    assert_eq!(names(server, "tras").await, ["Straße"]);
    let taken = server.post("/rooms", json!({"name": "GASSE"})).await.problem(409, "name_taken");
    assert_eq!(taken["room"]["id"], 2);
}

async fn names(server: &Server, part: &str) -> Vec<String> {
    let found = server.get(&format!("/rooms?q={part}")).await.json(200);
    found["rooms"].as_array().unwrap().iter().map(|room| room["name"].as_str().unwrap().to_owned()).collect()
}

/// What the tables are called behind `chat_`.
const TABLES: [&str; 30] = [
    "migrations",
    "meta",
    "rooms",
    "events",
    "room_names",
    "reactions",
    "reaction_counts",
    "pins",
    "threads",
    "thread_users",
    "mentions",
    "tombstones",
    "reads",
    "notify",
    "terms",
    "erasures",
    "users",
    "revocations",
    "members",
    "restrictions",
    "direct",
    "invites",
    "invite_uses",
    "audit",
    "outbox",
    "tail",
    "jobs",
    "consumers",
    "held_rooms",
    "dead_letters",
];

/// Removes everything that a start may have left.
async fn empty(database: &Database) {
    let Some(folder) = database.folder_of_file() else {
        let tables: Vec<String> = TABLES.iter().map(|name| format!("chat_{name}")).collect();
        return database.execute(&[&format!("DROP TABLE IF EXISTS {}", tables.join(", "))]).await;
    };
    for entry in fs::read_dir(folder).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
}

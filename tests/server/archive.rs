//! Rooms are exported and imported: what was in one database is in another, all of it or nothing.

use std::{
    fs,
    io::{BufRead, Write},
    path::{Path, PathBuf},
    process::{Output, Stdio},
};

use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, process::Command, time::timeout};

use torture::fault::process::{Signal, signal};

use crate::common::{DEADLINE, Database, Server, on_each_database};

on_each_database!(
    a_room_reads_the_same_in_another_place,
    #[cfg_attr(not(failpoints), ignore = "needs a server with failpoints: cargo xtask test")]
    an_import_that_is_killed_leaves_nothing,
);

async fn a_room_reads_the_same_in_another_place(database: Database) {
    let server = Server::start(&database).await;
    let room = filled(&server, "general").await;
    let before = reads(&server, room).await;
    let refused = chatd(&database, &["export"], b"").await;
    assert_eq!(refused.status.code(), Some(3), "a server runs: {}", said(&refused));
    server.stop().await;

    let lines = exported(&database, &["general"]).await;
    assert_eq!(lines, exported(&database, &[&room.to_string()]).await, "by its number, too");
    let (elsewhere, _folder) = another();
    let refused = chatd(&database, &["import"], &lines).await;
    assert_eq!(refused.status.code(), Some(7));
    assert!(said(&refused).contains("line 2: name: room "), "{}", said(&refused));
    for (database, arguments) in [(&elsewhere, &["import"][..]), (&database, &["import", "--name", "Copy"])] {
        let done = chatd(database, arguments, &lines).await;
        assert_eq!(done.status.code(), Some(0), "{}", said(&done));
        let server = Server::start(database).await;
        let name = arguments.last().filter(|name| **name != "import").unwrap_or(&"general");
        let copy = server.get(&format!("/rooms?q={name}")).await.json(200)["rooms"][0]["id"].as_u64().unwrap();
        assert_eq!(reads(&server, copy).await, before, "as {name}");
        retries_are_answered(&server, copy).await;
        assert_eq!(server.say(copy, "Zoe", "it goes on").await, before[0]["head"].as_u64().unwrap() + 1);
        server.stop().await;
    }
}

/// Killed in the middle, nothing of it is there, and the next one works.
async fn an_import_that_is_killed_leaves_nothing(database: Database) {
    let server = Server::start(&database).await;
    let room = server.room("general").await;
    server.stop().await;
    let lines = made_up(1_200);
    for point in ["before_insert:2", "after_insert:3"] {
        let mut command = command(&database, &["import"]);
        let killed = run(command.env("CHATD_FAIL_AT", point), &lines).await;
        assert_eq!(killed.status.code(), None, "{point}: {}", said(&killed));
    }
    let server = Server::start(&database).await;
    let rooms = server.get("/rooms").await.json(200);
    assert_eq!(rooms["rooms"].as_array().unwrap().len(), 1, "{rooms}");
    assert_eq!(rooms["rooms"][0]["id"], json!(room));
    server.stop().await;
    let done = chatd(&database, &["import"], &lines).await;
    assert_eq!(done.status.code(), Some(0), "{}", said(&done));
    // The engine of the import has removed what was left, or the next one does.
    let server = Server::start(&database).await;
    let left = "SELECT COUNT(*) FROM chat_rooms WHERE deleted_at IS NOT NULL";
    let purged = async {
        while database.number(left).await > 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(DEADLINE, purged).await.expect("what was left is removed");
    let imported = server.get("/rooms?q=big").await.json(200)["rooms"][0].clone();
    assert_eq!(imported["head"], json!(1_200));
    assert_eq!(database.number("SELECT COUNT(*) FROM chat_events").await, 1_200);
    server.stop().await;
}

#[tokio::test]
async fn everything_is_exported_without_a_name() {
    let database = Database::sqlite();
    let server = Server::start(&database).await;
    let mut before = Vec::new();
    for name in ["one", "two", "three"] {
        let room = filled(&server, name).await;
        before.push(reads(&server, room).await);
    }
    server.stop().await;
    let file = database.folder().join("all.ndjson");
    let done = chatd(&database, &["export", "--output", file.to_str().unwrap()], b"").await;
    assert_eq!((done.status.code(), done.stdout.as_slice()), (Some(0), &b""[..]), "{}", said(&done));
    let names = fs::read_dir(database.folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(names.into_iter().all(|name| !name.ends_with(".part")), "nothing half is left");
    let (elsewhere, _folder) = another();
    let done = chatd(&elsewhere, &["import", file.to_str().unwrap()], b"").await;
    assert_eq!(done.status.code(), Some(0), "{}", said(&done));
    let server = Server::start(&elsewhere).await;
    for (room, before) in (1..).zip(before) {
        assert_eq!(reads(&server, room).await, before);
    }
    server.stop().await;
    assert_eq!(chatd(&elsewhere, &["import", "--name", "x", file.to_str().unwrap()], b"").await.status.code(), Some(2));
}

#[tokio::test]
async fn what_is_not_there_is_not_exported() {
    let (nowhere, folder) = another();
    let refused = chatd(&nowhere, &["export"], b"").await;
    assert_eq!(refused.status.code(), Some(4), "{}", said(&refused));
    assert_eq!(fs::read_dir(folder.folder()).unwrap().count(), 0, "nothing is made");
    let database = Database::sqlite();
    Server::start(&database).await.stop().await;
    let refused = chatd(&database, &["export", "nowhere"], b"").await;
    assert_eq!((refused.status.code(), refused.stdout.len()), (Some(2), 0), "{}", said(&refused));
    let lines = exported(&database, &[]).await;
    assert_eq!(lines.lines().count(), 1, "an empty database is a header");
    assert_eq!(chatd(&database, &["import"], &lines).await.status.code(), Some(0));
}

/// Each is refused with its line and a reason, says nothing of texts, and leaves nothing.
#[tokio::test]
async fn a_file_that_is_not_whole_and_right_is_refused() {
    let database = Database::sqlite();
    let server = Server::start(&database).await;
    filled(&server, "general").await;
    server.stop().await;
    let lines: Vec<String> = exported(&database, &[]).await.lines().map(Result::unwrap).collect();
    let last = lines.len();
    let with = |change: &dyn Fn(&mut Vec<String>)| {
        let mut lines = lines.clone();
        change(&mut lines);
        (lines.join("\n") + "\n").into_bytes()
    };
    let replaced = |at: usize, from: &str, to: &str| {
        assert!(lines[at - 1].contains(from), "{}", lines[at - 1]);
        with(&|lines: &mut Vec<String>| lines[at - 1] = lines[at - 1].replacen(from, to, 1))
    };
    let whole = with(&|_| {});
    let huge = "x".repeat(1 << 20);
    let mut binary = whole.clone();
    binary[3] = 0xff;
    let cases: Vec<(Vec<u8>, String)> = vec![
        (Vec::new(), "line 1 is missing".into()),
        (b"nonsense\n".to_vec(), "line 1 is not well-formed JSON".into()),
        (binary, "line 1 is not UTF-8".into()),
        (with(&|lines| drop(lines.remove(0))), "line 1: type: must be export".into()),
        (replaced(1, "\"version\":2", "\"version\":3,\"new\":1"), "line 1: version: 3 is not known".into()),
        (replaced(1, "\"rooms\":1", "\"rooms\":2"), "line 3: type: must be room".into()),
        (with(&|lines| lines.truncate(last - 1)), format!("line {last} is missing: the file was cut off")),
        (whole[..whole.len() - 20].to_vec(), format!("line {last} ends too early")),
        (with(&|lines| drop(lines.remove(4))), "line 5: seq: must be 3".into()),
        (with(&|lines| lines.insert(4, lines[3].clone())), "line 5: seq: must be 3".into()),
        (with(&|lines| lines.swap(3, 4)), "line 4: seq: must be 2".into()),
        (with(&|lines| drop(lines.remove(last - 2))), format!("line {} counts others", last - 1)),
        (with(&|lines| lines.push(lines[3].clone())), format!("line {} must not be there", last + 1)),
        (replaced(3, "\"content\":", "\"cuontent\":"), "line 3: cuontent: is not known".into()),
        (
            replaced(3, "\"content\":\"", "\"content\":\"SECRET\\u0000"),
            "line 3: content: must not contain U+0000".into(),
        ),
        (replaced(3, "\"content\":\"", "\"content\":\"SECRET\\ud800"), "line 3 is not well-formed JSON".into()),
        (replaced(3, "\"content\":\"", &format!("\"content\":\"SECRET{huge}")), "line 3 is longer than 1 MiB".into()),
        (
            replaced(3, "\"content\":\"", &format!("\"content\":\"SECRET{}", &huge[..70_000])),
            "line 3: content: must be 1".into(),
        ),
    ];
    let (elsewhere, folder) = another();
    for (lines, expected) in cases {
        let refused = chatd(&elsewhere, &["import"], &lines).await;
        let said = said(&refused);
        assert_eq!(refused.status.code(), Some(7), "{said}");
        assert!(said.contains(&expected) && said.contains("nothing was imported"), "{expected}: {said}");
        assert!(!said.contains("SECRET") && refused.stdout.is_empty(), "{said}");
    }
    assert!(folder.folder().join("chat.db").exists());
    let server = Server::start(&elsewhere).await;
    assert_eq!(server.get("/rooms").await.json(200)["rooms"], json!([]));
    server.stop().await;
    let done = chatd(&elsewhere, &["import"], &whole).await;
    assert_eq!(done.status.code(), Some(0), "{}", said(&done));
}

/// An import that waits for more of its input ends when it is told to, and leaves nothing.
#[tokio::test]
async fn an_import_that_is_told_to_stop_leaves_nothing() {
    let database = Database::sqlite();
    Server::start(&database).await.stop().await;
    let mut process = command(&database, &["import"]).spawn().unwrap();
    let mut stdin = process.stdin.take().unwrap();
    let whole = made_up(1_200);
    let (some, rest) = whole.split_at(whole.len() * 3 / 4);
    stdin.write_all(some).await.unwrap();
    let begun = async {
        while database.number("SELECT COUNT(*) FROM chat_events").await == 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(DEADLINE, begun).await.expect("it begins");
    signal(process.id().unwrap(), Signal::Terminate).await.unwrap();
    let output = timeout(DEADLINE, process.wait_with_output()).await.expect("it runs on").unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", said(&output));
    drop(stdin);
    let done = chatd(&database, &["import"], &[some, rest].concat()).await;
    assert_eq!(done.status.code(), Some(0), "{}", said(&done));
}

/// The example of the document is an export, with a line of every type.
#[tokio::test]
async fn the_example_of_the_document_is_imported() {
    let document = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/export.md")).unwrap();
    let example = document.split("```json\n").nth(1).unwrap().split("```").next().unwrap();
    for kind in [
        "export",
        "room",
        "message",
        "message_edited",
        "message_deleted",
        "reaction",
        "pin",
        "room_updated",
        "member",
        "mark",
        "notify",
        "in_room",
        "restriction",
        "end",
    ] {
        assert!(example.contains(&format!("{{\"type\":\"{kind}\"")), "{kind}");
    }
    let database = Database::sqlite();
    let done = chatd(&database, &["import"], example.as_bytes()).await;
    assert_eq!(done.status.code(), Some(0), "{}", said(&done));
    let again = String::from_utf8(exported(&database, &[]).await).unwrap();
    let rest = |lines: &str| lines.split_once('\n').unwrap().1.replace("\"room\":7", "\"room\":1");
    assert_eq!(rest(&again), rest(example), "it is written as an export writes it");
}

/// From database to database, the file stays what it was but for the epoch and the room's number.
#[tokio::test]
#[ignore = "needs a server: cargo xtask test"]
async fn the_file_is_the_same_from_every_database() {
    let first = Database::sqlite();
    let server = Server::start(&first).await;
    filled(&server, "general").await;
    server.stop().await;
    let (last, _folder) = another();
    let places = [first, Database::postgres().await, Database::mariadb().await, last];
    let mut before = exported(&places[0], &[]).await;
    for place in &places[1..] {
        let done = chatd(place, &["import"], &before).await;
        assert_eq!(done.status.code(), Some(0), "{}", said(&done));
        let after = exported(place, &[]).await;
        let rest = |lines: &[u8]| lines.lines().map(Result::unwrap).skip(1).collect::<Vec<_>>();
        assert_eq!(rest(&after), rest(&before));
        before = after;
    }
}

/// A room in which everything has happened.
async fn filled(server: &Server, name: &str) -> u64 {
    let room = server.post("/rooms", json!({"name": name, "topic": "a\n\"topic\""})).await.json(201)["id"].clone();
    let room = room.as_u64().unwrap();
    let post = async |user: &str, body: Value| {
        let path = format!("/rooms/{room}/messages?username={user}");
        server.post(&path, body).await.json(201)["seq"].as_u64().unwrap()
    };
    let change = async |method: &str, path: &str, user: &str, body: Option<Value>| {
        let reply = server.call(method, &format!("/rooms/{room}{path}?username={user}"), &[], body).await;
        assert!(reply.status < 300, "{method} {path}: {}", String::from_utf8_lossy(&reply.body));
    };
    let hostile = "a \"\\ \u{2028} 👩‍👩‍👧‍👦 </script>";
    let alice = post("Alice", json!({"content": hostile, "mentions": ["bob"], "mentions_room": true})).await;
    let keyed = json!({"content": "once"});
    let path = format!("/rooms/{room}/messages?username=Bob");
    server.call("POST", &path, &[("idempotency-key", "k1")], Some(keyed)).await.json(201);
    post("Bob", json!({"content": "reply", "reply_to": alice, "meta": {"a": [1, 2]}})).await;
    post("Bob", json!({"content": "in the thread", "thread": alice})).await;
    let gone = post("Alice", json!({"content": "to be deleted", "mentions_room": true})).await;
    change("PATCH", &format!("/messages/{gone}"), "Alice", Some(json!({"content": "edited before"}))).await;
    change("DELETE", &format!("/messages/{gone}"), "Alice", None).await;
    change("PATCH", &format!("/messages/{alice}"), "Alice", Some(json!({"content": "edited"}))).await;
    for user in ["Bob", "Carol"] {
        change("PUT", &format!("/messages/{alice}/reactions/%F0%9F%91%8D"), user, None).await;
    }
    change("DELETE", &format!("/messages/{alice}/reactions/%F0%9F%91%8D"), "Bob", None).await;
    change("PUT", &format!("/messages/{alice}/pin"), "Bob", None).await;
    change("PUT", "/read", "Carol", Some(json!({"seq": 2, "back": true}))).await;
    change("PUT", "/notify", "Carol", Some(json!({"notify": "mentions"}))).await;
    server.patch(&format!("/rooms/{room}"), json!({"topic": "another"})).await.json(200);
    post("Alice", json!({"content": "the last"})).await;
    room
}

/// A retry under a key of before, and another content under it.
async fn retries_are_answered(server: &Server, room: u64) {
    let path = format!("/rooms/{room}/messages?username=Bob");
    let retry = async |content: &str| {
        let body = json!({"content": content});
        server.call("POST", &path, &[("idempotency-key", "k1")], Some(body)).await
    };
    let replay = retry("once").await;
    assert_eq!(replay.json(200)["seq"], json!(2));
    assert_eq!(replay.header("idempotency-replayed"), Some("true"));
    retry("twice").await.problem(409, "idempotency_mismatch");
}

/// What REST shows of a room, without its number, its name and the epoch; the first has the head.
async fn reads(server: &Server, room: u64) -> Vec<Value> {
    let mut reads = Vec::new();
    let mut read = async |path: String| {
        let mut shown = server.get(&path).await.json(200);
        strip(&mut shown, room);
        reads.push(shown);
    };
    read(format!("/rooms/{room}/messages?limit=100&username=Bob")).await;
    for path in ["", "/pins?username=Carol", "/reads?username=Carol"] {
        read(format!("/rooms/{room}{path}")).await;
    }
    for path in ["", "/edits", "/reactions", "/thread"] {
        read(format!("/rooms/{room}/messages/1{path}")).await;
    }
    read(format!("/rooms/{room}/messages/5/edits")).await;
    for user in ["Alice", "Bob", "Carol"] {
        let rooms = server.get(&format!("/me/rooms?username={user}")).await.json(200);
        let mine = rooms["rooms"].as_array().unwrap().iter().find(|mine| mine["id"] == json!(room));
        let mut mine = mine.cloned().unwrap();
        strip(&mut mine, room);
        reads.push(mine);
    }
    reads
}

/// Takes out what is another in every place.
fn strip(shown: &mut Value, room: u64) {
    match shown {
        Value::Object(fields) => {
            fields.remove("epoch");
            if fields.get("room") == Some(&json!(room)) {
                fields.remove("room");
            }
            if fields.contains_key("created_at") {
                for field in ["id", "name"] {
                    fields.remove(field);
                }
            }
            fields.values_mut().for_each(|value| strip(value, room));
        }
        Value::Array(values) => values.iter_mut().for_each(|value| strip(value, room)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The lines of a room with so many messages, as version 1 has them.
fn made_up(messages: u64) -> Vec<u8> {
    let mut lines = Vec::new();
    writeln!(lines, r#"{{"type":"export","version":1,"rooms":1}}"#).unwrap();
    writeln!(lines, r#"{{"type":"room","room":1,"name":"big","created_at_us":1}}"#).unwrap();
    for seq in 1..=messages {
        let line = json!({"type": "message", "seq": seq, "at_us": seq, "user": "a", "username": "A", "content": "x"});
        writeln!(lines, "{line}").unwrap();
    }
    writeln!(lines, r#"{{"type":"end","room":1,"head":{messages},"events":{messages},"marks":0,"settings":0}}"#)
        .unwrap();
    lines
}

/// A place for another database, in a folder of its own.
fn another() -> (Database, Database) {
    let folder = Database::sqlite();
    (Database::at(folder.url().to_owned()), folder)
}

async fn exported(database: &Database, rooms: &[&str]) -> Vec<u8> {
    let done = chatd(database, &[&["export"], rooms].concat(), b"").await;
    assert_eq!(done.status.code(), Some(0), "{}", said(&done));
    done.stdout
}

/// Runs a command of chatd on a database, with this on its standard input.
async fn chatd(database: &Database, arguments: &[&str], input: &[u8]) -> Output {
    run(&mut command(database, arguments), input).await
}

fn command(database: &Database, arguments: &[&str]) -> Command {
    let mut command = Command::new(PathBuf::from(env!("CARGO_BIN_EXE_chatd")));
    command
        .args(arguments)
        .args(["--database-url", database.url()])
        .current_dir(Path::new(env!("CARGO_TARGET_TMPDIR")));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

async fn run(command: &mut Command, input: &[u8]) -> Output {
    let mut process = command.spawn().unwrap();
    let (mut stdin, input) = (process.stdin.take().unwrap(), input.to_vec());
    // It may end before it has read everything.
    let writing = tokio::spawn(async move { stdin.write_all(&input).await });
    let output = timeout(DEADLINE, process.wait_with_output()).await.expect("it runs on").unwrap();
    drop(writing.await.unwrap());
    output
}

/// Its log.
fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

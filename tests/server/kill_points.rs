//! The server dies at chosen points while it handles a message: what was acknowledged is stored, and a retry settles
//! the rest.

use std::{fs, os::unix::process::ExitStatusExt};

use serde_json::{Value, json};
use tokio::{process::Command, time::timeout};

use crate::common::{DEADLINE, Database, Frame, Server, Socket, on_each_database};

on_each_database!(
    #[cfg_attr(not(failpoints), ignore = "needs a server with failpoints: cargo xtask test")]
    kill_at_each_point,
    #[cfg_attr(not(failpoints), ignore = "needs a server with failpoints: cargo xtask test")]
    kill_in_the_first_start,
);

/// The signal of a process that aborts.
const ABORTED: i32 = 6;

/// A point, and what holds after the server has died there while it handled a message.
struct Case {
    point: &'static str,
    is_answered: bool,
    is_stored: bool,
}

const CASES: [Case; 4] = [
    Case { point: "before_insert", is_answered: false, is_stored: false },
    Case { point: "after_insert", is_answered: false, is_stored: false },
    Case { point: "after_commit", is_answered: false, is_stored: true },
    Case { point: "after_answer", is_answered: true, is_stored: true },
];

async fn kill_at_each_point(database: Database) {
    for case in CASES {
        kill_at(&database, &case).await;
    }
}

async fn kill_at(database: &Database, case: &Case) {
    let point = case.point;
    let mut server = Server::start_armed(database, &[("CHATD_FAIL_AT", &format!("{point}:2"))]).await;
    let room = server.room(point).await;
    let mut alice = server.join(room, "Alice").await;
    let mut bob = server.join(room, "Bob").await;
    alice.send(message("one")).await;
    assert_eq!(answer(&mut alice, "one").await.map(|ok| ok["seq"].clone()), Some(json!(1)), "{point}");
    assert_eq!(bob.event().await["content"], "the text of one", "{point}");

    alice.send(message("two")).await;
    let told = answer(&mut alice, "two").await;
    assert_eq!(told.map(|ok| ok["seq"].clone()), case.is_answered.then(|| json!(2)), "{point}");
    assert_eq!(events_until_the_end(&mut bob).await, Vec::<Value>::new(), "{point}: nobody hears of it");
    assert_eq!(server.ended().await.signal(), Some(ABORTED), "{point}");

    let server = Server::start(database).await;
    let before = contents(&server, room).await;
    let expected: &[&str] = if case.is_stored { &["the text of one", "the text of two"] } else { &["the text of one"] };
    assert_eq!(before, expected, "{point}");
    // Bob resumes from his position, and misses nothing.
    let mut bob = server.socket(&format!("/{room}?username=Bob&after=1")).await;
    let resumed = bob.frame().await;
    let missed: Vec<&Value> = resumed["events"].as_array().unwrap().iter().map(|event| &event["content"]).collect();
    assert_eq!(missed, &expected[1..], "{point}: {resumed}");
    // Alice sends again what may not have been answered.
    let mut alice = server.join(room, "Alice").await;
    alice.send(message("two")).await;
    let again = answer(&mut alice, "two").await.unwrap();
    assert_eq!((&again["seq"], again["replayed"] == json!(true)), (&json!(2), case.is_stored), "{point}: {again}");
    assert_eq!(contents(&server, room).await, ["the text of one", "the text of two"], "{point}");
    // The next one starts on the same database, which one server has at a time.
    server.kill().await;
}

async fn kill_in_the_first_start(database: Database) {
    // Before each statement, and after the last one: the next start undoes or repeats what was begun.
    for pass in 1..=4 {
        let at = format!("in_migration:{pass}");
        let (status, log) = Server::fail_armed(&database, &[("CHATD_FAIL_AT", &at)]).await;
        assert_eq!(status.signal(), Some(ABORTED), "{at}: {log}");
    }
    let server = Server::start(&database).await;
    let room = server.room("general").await;
    assert_eq!(server.say(room, "Alice", "one").await, 1);
}

#[tokio::test]
#[cfg_attr(not(failpoints), ignore = "needs a server with failpoints: cargo xtask test")]
async fn a_server_that_stops_goes_on_as_if_nothing_had_been() {
    let database = Database::sqlite();
    let server = Server::start_armed(&database, &[("CHATD_FAIL_AT", "after_commit:1:stop")]).await;
    let room = server.room("general").await;
    let mut alice = server.join(room, "Alice").await;
    alice.send(message("one")).await;
    let pid = server.pid();
    let stopped = async {
        while state_of(pid) != 'T' {
            tokio::task::yield_now().await;
        }
    };
    timeout(DEADLINE, stopped).await.expect("it does not stop");
    let waked = Command::new("kill").args(["-CONT", &pid.to_string()]).status().await.unwrap();
    assert!(waked.success());
    assert_eq!(answer(&mut alice, "one").await.unwrap()["seq"], json!(1));
}

#[tokio::test]
#[cfg_attr(not(failpoints), ignore = "needs a server with failpoints: cargo xtask test")]
async fn a_plan_that_makes_no_sense_is_refused() {
    let database = Database::sqlite();
    for (name, value, said) in [
        ("CHATD_FAIL_AT", "after_comit:1", "after_commit"),
        ("CHATD_FAIL_AT", "after_commit", "which pass"),
        ("CHATD_INJECTED_BUG", "a_beetle", "drop_delivery"),
    ] {
        let (status, log) = Server::fail_armed(&database, &[(name, value)]).await;
        assert_eq!(status.code(), Some(2), "{log}");
        assert!(log.contains(said), "{log}");
    }
}

/// The state of the process: `T` means stopped.
fn state_of(pid: u32) -> char {
    let status = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, rest) = status.rsplit_once(") ").unwrap();
    rest.chars().next().unwrap()
}

fn message(key: &str) -> Value {
    json!({"type": "message", "content": format!("the text of {key}"), "key": key, "ref": key})
}

/// The `ok` of this message; `None` if the connection ends without one.
async fn answer(socket: &mut Socket, reference: &str) -> Option<Value> {
    loop {
        match socket.next().await {
            Frame::Json(frame) if frame["ref"] == reference => {
                assert_eq!(frame["type"], "ok", "{frame}");
                return Some(frame);
            }
            Frame::Json(_) => {}
            Frame::Closed(_) => return None,
        }
    }
}

async fn events_until_the_end(socket: &mut Socket) -> Vec<Value> {
    let mut events = Vec::new();
    while let Frame::Json(frame) = socket.next().await {
        events.extend((!frame["seq"].is_null()).then_some(frame));
    }
    events
}

async fn contents(server: &Server, room: u64) -> Vec<String> {
    let page = server.get(&format!("/rooms/{room}/messages")).await.json(200);
    let messages = page["messages"].as_array().unwrap();
    messages.iter().map(|message| message["content"].as_str().unwrap().to_owned()).collect()
}

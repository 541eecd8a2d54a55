//! The README is true: its commands are answered as it shows, and so are its sockets.

use std::{net::SocketAddr, path::Path, process::Stdio};

use serde_json::{Value, json};
use tokio::{process::Command, time::timeout};

use crate::common::{DEADLINE, Database, Frame, Server, Socket, call};

const README: &str = include_str!("../../README.md");
/// The address in the README.
const ADDRESS: &str = "127.0.0.1:8080";

/// The README's blocks of code in a language.
fn blocks(language: &str) -> impl Iterator<Item = &'static str> {
    let pieces = README.split("\n```").collect::<Vec<_>>();
    // Every second piece is within a pair of fences.
    let within = pieces.into_iter().skip(1).step_by(2);
    within.filter_map(move |piece| piece.split_once('\n').filter(|(tag, _)| *tag == language).map(|(_, block)| block))
}

#[tokio::test]
async fn the_calls_of_the_readme_answer_as_it_shows() {
    let database = Database::sqlite();
    let server = Server::start(&database).await;
    let block = blocks("sh").find(|block| block.contains("api=")).unwrap();
    let mut script = String::from("set -u\n");
    let mut shown: Vec<Option<Value>> = Vec::new();
    for line in block.lines() {
        if let Some(answer) = line.strip_prefix("#> ") {
            *shown.last_mut().unwrap() = Some(serde_json::from_str(answer).unwrap());
        } else {
            script.push_str(&format!("{line}\nprintf '\\n@\\n'\n"));
            shown.push(None);
        }
    }
    // A second is enough on a developer's machine; a busy machine takes longer.
    let script = script.replace(ADDRESS, &server.address().to_string());
    let script = script.replace("sleep 1 ", "until grep -q user_list events.log; do sleep 0.05; done ");
    let mut bash = Command::new("bash");
    bash.arg("-c").arg(&script).current_dir(database.folder()).stdin(Stdio::null()).kill_on_drop(true);
    let output = timeout(DEADLINE, bash.output()).await.expect("it runs on").unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    let answers: Vec<&str> = told.split("\n@\n").collect();
    assert_eq!(answers.len(), shown.len() + 1, "{told}\n{}", String::from_utf8_lossy(&output.stderr));
    for (shown, answer) in shown.iter().zip(answers) {
        let Some(shown) = shown else { continue };
        let answer = serde_json::from_str(answer).unwrap_or_else(|_| panic!("no JSON: {answer:?}, for {shown}"));
        assert!(shows(shown, &answer), "the README shows\n{shown}\nand the server answers\n{answer}");
    }
    assert!(shown.iter().flatten().count() >= 7, "nothing is shown any more");
}

/// Each command line that needs no other program: the server starts, and the client chats.
#[tokio::test]
async fn the_commands_of_the_readme_run() {
    let database = Database::sqlite();
    let server = Server::start(&database).await;
    let lines = blocks("sh").flat_map(str::lines);
    let commands = lines.filter(|line| line.starts_with("cargo run --release") || line.starts_with("chatd "));
    let mut clients = 0;
    for line in commands {
        let line = line.split('#').next().unwrap().replace(ADDRESS, &server.address().to_string());
        let words = line.strip_prefix("chatd ").or(line.split_once(" -- ").map(|(_, words)| words)).unwrap_or_default();
        // Any free port.
        let words = words.replace(":9090", ":0");
        let words: Vec<&str> = words.split_whitespace().collect();
        if words.first() == Some(&"terminal") {
            let mut client = Command::new(env!("CARGO_BIN_EXE_chatd"));
            let output = client.args(&words).stdin(Stdio::null()).kill_on_drop(true).output();
            let output = timeout(DEADLINE, output).await.expect("it runs on").unwrap();
            assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
            clients += 1;
        } else {
            let database = Database::sqlite();
            drop(Server::start_with(&database, &words).await);
        }
    }
    assert_eq!(clients, 1);
    let files = README.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
    for file in files.filter(|file| !file.is_empty() && !file.contains("://")) {
        assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(file).exists(), "the README names {file}");
    }
}

#[tokio::test]
async fn the_sockets_of_the_readme_hear_what_it_shows() {
    let database = Database::sqlite();
    let server = Server::start(&database).await;
    let address = server.address();
    // What the earlier calls of the README have created.
    let room = server.room("tea room").await;
    let body = |body: Value| Some(body.to_string());
    let path = format!("/api/chat/rooms/{room}");
    call(address, "POST", &format!("{path}/messages?username=Alice"), &[], body(json!({"content": "Hello!"})))
        .await
        .json(201);
    call(address, "PATCH", &path, &[], body(json!({"topic": "News"}))).await.json(200);

    let traces: Vec<&str> = blocks("").filter(|block| block.contains('→')).collect();
    let [one, many] = traces[..] else { panic!("{} traces", traces.len()) };
    let epoch = server.get(&format!("/rooms/{room}/messages")).await.json(200)["epoch"].clone();
    let _alice = follow(address, "/ws/chat/1?username=Alice", one, &epoch).await;
    follow(address, "/ws/chat?username=Carol", many, &epoch).await;
}

/// Sends what a trace sends, and receives what it receives. Bob joins when the trace says so. Returns the open sockets.
async fn follow(address: SocketAddr, path: &str, trace: &str, epoch: &Value) -> Vec<Socket> {
    let mut others = Vec::new();
    let mut socket = Socket::connect(address, path).await;
    for line in trace.lines() {
        let frame = line.get("→ ".len()..).unwrap();
        // Text after a frame is for people.
        let mut frame: Value = serde_json::Deserializer::from_str(frame).into_iter().next().unwrap().unwrap();
        if line.starts_with('→') {
            if is_epoch(&frame["after"]["epoch"]) {
                frame["after"]["epoch"].clone_from(epoch);
            }
            socket.send(frame).await;
            continue;
        }
        if frame["type"] == "join" {
            others.push(Socket::connect(address, "/ws/chat/1?username=Bob").await);
        }
        loop {
            let Frame::Json(heard) = socket.next().await else { panic!("closed instead of {frame}") };
            if heard["type"] == frame["type"] {
                assert!(shows(&frame, &heard), "the README shows\n{frame}\nand what comes is\n{heard}");
                break;
            }
            // Presence and typing may come in between at any time.
            assert!(heard["seq"].is_null(), "{heard} instead of {frame}");
        }
    }
    others.push(socket);
    others
}

/// Whether a value has the fields that a document shows, with equal values except for times and epochs.
fn shows(shown: &Value, real: &Value) -> bool {
    match (shown, real) {
        (Value::Object(shown), Value::Object(real)) => {
            shown.iter().all(|(name, value)| real.get(name).is_some_and(|real| shows(value, real)))
        }
        (Value::Array(shown), Value::Array(real)) => {
            shown.len() == real.len() && shown.iter().zip(real).all(|(shown, real)| shows(shown, real))
        }
        _ => shown == real || is_time(shown) && is_time(real) || is_epoch(shown) && is_epoch(real),
    }
}

fn is_time(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.len() == 24 && text.ends_with('Z') && text.as_bytes()[10] == b'T')
}

fn is_epoch(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[test]
fn a_document_that_shows_something_else_is_found() {
    let real = json!({"id": 1, "at": "2026-11-26T12:08:39.444Z", "list": [{"a": 1}]});
    assert!(shows(&json!({"at": "2025-01-01T00:00:00.000Z", "list": [{"a": 1}]}), &real));
    for wrong in
        [json!({"id": 2}), json!({"more": 1}), json!({"list": []}), json!({"list": [{"b": 1}]}), json!({"at": "now"})]
    {
        assert!(!shows(&wrong, &real), "{wrong}");
    }
}

//! An operator restores an older copy of the database: no client goes on as if nothing had happened.

use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::common::{Database, Server, Socket, on_each_database};

on_each_database!(
    a_new_epoch_makes_clients_read_anew,
    a_new_epoch_is_for_a_database_that_has_logs_and_no_server,
    an_older_copy_is_put_in_place,
);

/// The metric of impossible positions.
const IMPOSSIBLE: &str = "chat_attaches_impossible_total";
/// Metrics on any free port.
const METRICS: [&str; 2] = ["--metrics-listen", "127.0.0.1:0"];

async fn a_new_epoch_makes_clients_read_anew(database: Database) {
    let server = Server::start(&database).await;
    let room = server.room("general").await;
    say(&server, room, 1..=3).await;
    let before = server.get(&format!("/rooms/{room}/messages")).await.json(200);
    server.stop().await;

    let (old, new) = new_epoch(&database).await;
    assert_eq!(before["epoch"], json!(old));
    assert_ne!(old, new);

    let server = Server::start_with(&database, &METRICS).await;
    let after = server.get(&format!("/rooms/{room}/messages")).await.json(200);
    assert_eq!((&after["messages"], &after["epoch"]), (&before["messages"], &json!(new)), "nothing else changes");
    // A client at the head gets the same answer as any other: read anew.
    let mut clients = Vec::new();
    for after in [0, 2, 3] {
        let (client, answer) = resume(&server, room, &old, after).await;
        assert_eq!(answer, resync(&new, room, 3));
        clients.push(client);
    }
    say(&server, room, 4..=4).await;
    for mut client in clients {
        assert_eq!(client.event().await["seq"], json!(4), "it is live all the same");
    }
    let (_, answer) = resume(&server, room, &new, 2).await;
    assert_eq!(seqs(&answer), [3, 4]);
    assert_eq!(impossible(&server).await, 3, "one for each who came with the old epoch");
    server.stop().await;
}

async fn a_new_epoch_is_for_a_database_that_has_logs_and_no_server(database: Database) {
    let (status, said) = Server::new_epoch(database.url()).await;
    let is_file = database.folder_of_file().is_some();
    assert_eq!(status.code(), Some(if is_file { 4 } else { 5 }), "there are no logs: {said}");
    if let Some(folder) = database.folder_of_file() {
        assert_eq!(fs::read_dir(folder).unwrap().count(), 0, "nothing is made");
    }

    let server = Server::start(&database).await;
    let room = server.room("general").await;
    say(&server, room, 1..=1).await;
    let before = server.get(&format!("/rooms/{room}/messages")).await.json(200);
    let (status, said) = Server::new_epoch(database.url()).await;
    assert_eq!(status.code(), Some(3), "it is in use: {said}");
    server.stop().await;
    let server = Server::start(&database).await;
    assert_eq!(server.get(&format!("/rooms/{room}/messages")).await.json(200), before);
}

async fn an_older_copy_is_put_in_place(database: Database) {
    let server = Server::start(&database).await;
    let room = server.room("general").await;
    say(&server, room, 1..=3).await;
    server.stop().await;
    let copy = Copy::take(&database);
    let server = Server::start(&database).await;
    say(&server, room, 4..=6).await;
    let page = server.get(&format!("/rooms/{room}/messages")).await.json(200);
    let epoch = page["epoch"].as_str().unwrap().to_owned();
    server.stop().await;

    // Without the command, a client that is ahead of the log is noticed and counted, gets a `resync`, and continues
    // from the head.
    copy.put_back(&database).await;
    let server = Server::start_with(&database, &METRICS).await;
    let (mut ahead, answer) = resume(&server, room, &epoch, 6).await;
    assert_eq!(answer, resync(&epoch, room, 3));
    let (_, answer) = resume(&server, room, &epoch, 1).await;
    assert_eq!(seqs(&answer), [2, 3], "what was not lost is resumed as ever");
    say(&server, room, 4..=4).await;
    assert_eq!(ahead.event().await["seq"], json!(4));
    assert_eq!(impossible(&server).await, 1);
    let log = server.stop_and_read_output().await;
    assert!(!log.contains("position"), "a client's word is not worth a line: {log}");

    // With the command, no client is sent only the events after numbers that now belong to other messages.
    copy.put_back(&database).await;
    let (old, new) = new_epoch(&database).await;
    assert_eq!(old, epoch);
    let server = Server::start_with(&database, &METRICS).await;
    say(&server, room, 4..=8).await;
    let (mut ahead, answer) = resume(&server, room, &epoch, 6).await;
    assert_eq!(answer, resync(&new, room, 8));
    say(&server, room, 9..=9).await;
    assert_eq!(ahead.event().await["seq"], json!(9));
    assert_eq!(impossible(&server).await, 1);
    server.stop().await;
}

/// Sends a message for each of these numbers.
async fn say(server: &Server, room: u64, seqs: std::ops::RangeInclusive<u64>) {
    for seq in seqs {
        assert_eq!(server.say(room, "Alice", &format!("number {seq}")).await, seq);
    }
}

/// Resumes a room from a position, and returns the answer.
async fn resume(server: &Server, room: u64, epoch: &str, after: u64) -> (Socket, Value) {
    let mut socket = server.socket(&format!("/{room}?username=Bob&after={after}&epoch={epoch}")).await;
    let answer = socket.frame().await;
    (socket, answer)
}

fn resync(epoch: &str, room: u64, head: u64) -> Value {
    json!({"type": "resync", "room": room, "epoch": epoch, "head": head})
}

/// The numbers of the missed events.
fn seqs(attached: &Value) -> Vec<u64> {
    assert_eq!(attached["type"], "attached", "{attached}");
    attached["events"].as_array().unwrap().iter().map(|event| event["seq"].as_u64().unwrap()).collect()
}

/// The number of impossible positions in the server's metrics.
async fn impossible(server: &Server) -> u64 {
    let metrics = String::from_utf8(server.metrics().await.body.to_vec()).unwrap();
    let line = metrics.lines().find_map(|line| line.strip_prefix(IMPOSSIBLE)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("not in {metrics}")).parse().unwrap()
}

/// Gives a database a new epoch; returns the old one and the new one from its output.
async fn new_epoch(database: &Database) -> (String, String) {
    let (status, said) = Server::new_epoch(database.url()).await;
    assert_eq!(status.code(), Some(0), "{said}");
    let word = |before: &str| {
        let line = said.lines().find_map(|line| line.strip_prefix(before));
        line.unwrap_or_else(|| panic!("{before:?} is not in {said:?}")).to_owned()
    };
    (word("the epoch was "), word("the epoch is  "))
}

/// A copy of a database, taken while no server runs.
enum Copy {
    /// The files of an SQLite database, by name.
    Files(Vec<(String, Vec<u8>)>),
    /// On a database's server the later rows are deleted, which is the same for the chat.
    Rows,
}

impl Copy {
    /// Copies a database with three messages in one room.
    fn take(database: &Database) -> Self {
        let Some(folder) = database.folder_of_file() else { return Self::Rows };
        let names = names(folder).into_iter();
        Self::Files(names.map(|name| (name.clone(), fs::read(folder.join(name)).unwrap())).collect())
    }

    async fn put_back(&self, database: &Database) {
        let (Self::Files(files), Some(folder)) = (self, database.folder_of_file()) else {
            let later = "DELETE FROM chat_events WHERE seq > 3";
            return database.execute(&[later, "UPDATE chat_rooms SET head = 3, ordinal = 3"]).await;
        };
        for name in names(folder) {
            fs::remove_file(folder.join(name)).unwrap();
        }
        for (name, bytes) in files {
            fs::write(folder.join(name), bytes).unwrap();
        }
    }
}

/// The files of a database, without its lock.
fn names(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| !name.ends_with(".lock")).collect()
}

//! `kill -9` under load: what was acknowledged is there exactly once, whatever the moment.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::{Value, json};

use crate::common::{DEADLINE, Database, Frame, Server, Socket, on_each_database};

on_each_database!(kill_under_load);

const ROUNDS: usize = 20;
const ROOMS: usize = 3;
const WRITERS: usize = 6;
/// Messages a writer has sent and not been answered.
const WINDOW: usize = 16;

/// A message that someone has sent: its key is unique, and so is its text.
#[derive(Debug, Clone)]
struct Sent {
    room: u64,
    user: String,
    key: String,
}

impl Sent {
    fn content(&self) -> String {
        format!("the text of {}", self.key)
    }

    fn frame(&self) -> Value {
        json!({"type": "message", "room": self.room, "content": self.content(), "key": self.key, "ref": self.key})
    }
}

/// What one writer knows when its server is gone.
#[derive(Default)]
struct Told {
    /// Answered with ok: the number.
    acknowledged: Vec<(Sent, u64)>,
    /// Sent, and never answered.
    open: Vec<Sent>,
}

async fn kill_under_load(database: Database) {
    let server = Server::start(&database).await;
    let mut rooms = Vec::new();
    for number in 0..ROOMS {
        rooms.push(server.room(&format!("room {number}")).await);
    }
    server.kill().await;

    let mut acknowledged: BTreeMap<(u64, u64), Sent> = BTreeMap::new();
    let mut open: Vec<Sent> = Vec::new();
    for round in 0..ROUNDS {
        let server = Server::start(&database).await;
        check(&server, &rooms, &acknowledged).await;
        // Each round ends at another moment: after so many answers to the first writer.
        let answers = 5 + (round * 37) % 90;
        for told in one_round(server, &rooms, round, answers, std::mem::take(&mut open)).await {
            open.extend(told.open);
            for (sent, seq) in told.acknowledged {
                let before = acknowledged.insert((sent.room, seq), sent.clone());
                let same = before.as_ref().is_none_or(|before| before.key == sent.key);
                assert!(same, "number {seq} was given to {before:?} and to {sent:?}");
            }
        }
    }
    let server = Server::start(&database).await;
    check(&server, &rooms, &acknowledged).await;
    assert!(acknowledged.len() > ROUNDS * WRITERS, "only {} were acknowledged", acknowledged.len());
}

/// Writers write until the server is killed; first what the round before left open, with the same keys.
async fn one_round(server: Server, rooms: &[u64], round: usize, answers: usize, open: Vec<Sent>) -> Vec<Told> {
    let mut retries: Vec<Vec<Sent>> = vec![Vec::new(); WRITERS];
    for sent in open {
        let writer: usize = sent.user.strip_prefix("writer").unwrap().parse().unwrap();
        retries[writer].push(sent);
    }
    let (reached, mut wait) = tokio::sync::mpsc::channel(1);
    let mut writers = Vec::new();
    for (number, retries) in retries.into_iter().enumerate() {
        let user = format!("writer{number}");
        let socket = server.socket(&format!("?username={user}")).await;
        let room = rooms[number % rooms.len()];
        let fresh = (0..).map(move |count| Sent { room, user: user.clone(), key: format!("{number}-{round}-{count}") });
        let work = retries.into_iter().chain(fresh);
        let reached = (number == 0).then(|| reached.clone());
        writers.push(tokio::spawn(write(socket, work, answers, reached)));
    }
    let waited = tokio::time::timeout(DEADLINE, wait.recv()).await;
    assert_eq!(waited, Ok(Some(())), "the first writer is not answered in round {round}");
    server.kill().await;
    let mut told = Vec::new();
    for writer in writers {
        told.push(writer.await.unwrap());
    }
    told
}

/// Keeps the window full until the connection ends.
async fn write(
    mut socket: Socket,
    mut work: impl Iterator<Item = Sent>,
    answers: usize,
    reached: Option<tokio::sync::mpsc::Sender<()>>,
) -> Told {
    let mut waiting: HashMap<String, Sent> = HashMap::new();
    let mut told = Told::default();
    loop {
        while waiting.len() < WINDOW {
            let Some(sent) = work.next() else { break };
            let frame = sent.frame();
            waiting.insert(sent.key.clone(), sent);
            if !socket.try_send(frame).await {
                break;
            }
        }
        let Frame::Json(answer) = socket.next().await else { break };
        if answer["type"] != "ok" {
            continue;
        }
        let sent = waiting.remove(answer["ref"].as_str().unwrap()).unwrap();
        told.acknowledged.push((sent, answer["seq"].as_u64().unwrap()));
        if told.acknowledged.len() == answers
            && let Some(reached) = &reached
        {
            reached.send(()).await.unwrap();
        }
    }
    told.open.extend(waiting.into_values());
    told
}

/// The logs are gapless, hold everything that was acknowledged where it was, and nothing twice.
async fn check(server: &Server, rooms: &[u64], acknowledged: &BTreeMap<(u64, u64), Sent>) {
    let mut found: HashMap<(u64, u64), (String, String)> = HashMap::new();
    let mut contents = HashSet::new();
    for room in rooms {
        let mut seq = 0;
        loop {
            let page = server.get(&format!("/rooms/{room}/messages?limit=100&after={seq}")).await.json(200);
            for message in page["messages"].as_array().unwrap() {
                assert_eq!(message["seq"], json!(seq + 1), "a hole in room {room}");
                seq += 1;
                let content = message["content"].as_str().unwrap().to_owned();
                assert!(contents.insert(content.clone()), "{content:?} is there twice");
                found.insert((*room, seq), (message["username"].as_str().unwrap().to_owned(), content));
            }
            if page["has_after"] == false {
                assert_eq!(page["head"], json!(seq));
                break;
            }
        }
    }
    for ((room, seq), sent) in acknowledged {
        let is = found.get(&(*room, *seq));
        assert_eq!(is, Some(&(sent.user.clone(), sent.content())), "acknowledged as {seq} in room {room}");
    }
}

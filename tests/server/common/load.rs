//! Writers that keep a server busy, and record what they were told. It has to hold whatever ends the server.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::{Value, json};
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};

use super::{DEADLINE, Frame, Server, Socket, rest};

const ROOMS: usize = 3;
const WRITERS: usize = 6;
/// How many unanswered messages a writer has.
const WINDOW: usize = 16;

/// A message that was sent: its key is unique, and so is its text.
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

/// What one writer knows after its server has ended.
#[derive(Default)]
struct Told {
    /// Acknowledged messages with their numbers.
    acknowledged: Vec<(Sent, u64)>,
    /// Messages that were never answered.
    open: Vec<Sent>,
    /// The code that its socket was closed with.
    code: Option<u16>,
}

/// What is known after some rounds of writing to servers that were started and ended.
pub(crate) struct Load {
    rooms: Vec<u64>,
    rounds: usize,
    acknowledged: BTreeMap<(u64, u64), Sent>,
    open: Vec<Sent>,
}

/// Writers at work.
pub(crate) struct Writers(Vec<JoinHandle<Told>>);

impl Load {
    /// Makes the rooms.
    pub(crate) async fn new(server: &Server) -> Self {
        let mut rooms = Vec::new();
        for number in 0..ROOMS {
            rooms.push(server.room(&format!("room {number}")).await);
        }
        Self { rooms, rounds: 0, acknowledged: BTreeMap::new(), open: Vec::new() }
    }

    /// Starts the writers, first with what was unanswered before, with the same keys; returns when the first writer has
    /// had this many answers. The last writer uses REST.
    pub(crate) async fn start(&mut self, server: &Server, answers: usize) -> Writers {
        let round = self.rounds;
        self.rounds += 1;
        let mut retries: Vec<Vec<Sent>> = vec![Vec::new(); WRITERS];
        for sent in self.open.drain(..) {
            let writer: usize = sent.user.strip_prefix("writer").unwrap().parse().unwrap();
            retries[writer].push(sent);
        }
        let (reached, mut wait) = mpsc::channel(1);
        let mut writers = Vec::new();
        for (number, retries) in retries.into_iter().enumerate() {
            let user = format!("writer{number}");
            let room = self.rooms[number % ROOMS];
            let name = user.clone();
            let fresh =
                (0..).map(move |count| Sent { room, user: name.clone(), key: format!("{number}-{round}-{count}") });
            let work = retries.into_iter().chain(fresh);
            let reached = (number == 0).then(|| reached.clone());
            writers.push(if number == WRITERS - 1 {
                tokio::spawn(post(server.address(), work))
            } else {
                let socket = server.socket(&format!("?username={user}")).await;
                tokio::spawn(write(socket, work, answers, reached))
            });
        }
        let waited = timeout(DEADLINE, wait.recv()).await;
        assert_eq!(waited, Ok(Some(())), "the first writer is not answered in round {round}");
        Writers(writers)
    }

    /// Waits for the writers of a server that has ended or is ending. Returns the close codes of their sockets.
    pub(crate) async fn finish(&mut self, writers: Writers) -> Vec<Option<u16>> {
        let mut codes = Vec::new();
        for writer in writers.0 {
            let told = writer.await.unwrap();
            self.open.extend(told.open);
            codes.push(told.code);
            for (sent, seq) in told.acknowledged {
                let before = self.acknowledged.insert((sent.room, seq), sent.clone());
                let same = before.as_ref().is_none_or(|before| before.key == sent.key);
                assert!(same, "number {seq} was given to {before:?} and to {sent:?}");
            }
        }
        // REST has no close codes.
        codes.truncate(WRITERS - 1);
        codes
    }

    /// Checks the logs: they have no gaps, contain everything that was acknowledged at its number, and nothing twice.
    pub(crate) async fn check(&self, server: &Server) {
        let mut found: HashMap<(u64, u64), (String, String)> = HashMap::new();
        let mut contents = HashSet::new();
        for room in &self.rooms {
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
        for ((room, seq), sent) in &self.acknowledged {
            let is = found.get(&(*room, *seq));
            assert_eq!(is, Some(&(sent.user.clone(), sent.content())), "acknowledged as {seq} in room {room}");
        }
        assert!(self.acknowledged.len() >= self.rounds, "only {} were acknowledged", self.acknowledged.len());
    }
}

/// Keeps the window full until the connection ends.
async fn write(
    mut socket: Socket,
    mut work: impl Iterator<Item = Sent>,
    answers: usize,
    reached: Option<mpsc::Sender<()>>,
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
        let answer = match socket.next().await {
            Frame::Json(answer) => answer,
            Frame::Closed(code) => {
                told.code = code;
                break;
            }
        };
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

/// The same over REST: one message at a time, each over a new connection, until one is not answered with a number.
async fn post(address: std::net::SocketAddr, work: impl Iterator<Item = Sent>) -> Told {
    let mut told = Told::default();
    for sent in work {
        let path = format!("/api/chat/rooms/{}/messages?username={}", sent.room, sent.user);
        let body = json!({"content": sent.content()}).to_string();
        let reply = rest::try_call(address, "POST", &path, &[("idempotency-key", &sent.key)], Some(body)).await;
        let Some(reply) = reply.ok().filter(|reply| matches!(reply.status, 200 | 201)) else {
            told.open.push(sent);
            break;
        };
        let seq = reply.json(reply.status)["seq"].as_u64().unwrap();
        told.acknowledged.push((sent, seq));
    }
    told
}

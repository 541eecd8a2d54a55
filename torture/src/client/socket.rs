//! A client of the WebSocket protocol.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures::{SinkExt, StreamExt};
use histcheck::history::{Attached, Event, Outcome, Position, Record, Sent, What};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest},
};

use super::{door::Door, frame};
use crate::recorder::{Name, Recorder};

/// What a client may ask over its socket.
#[derive(Debug, Clone)]
pub enum Ask {
    /// Sends a message.
    Send {
        /// The room.
        room: u64,
        /// The key.
        key: String,
        /// The text.
        body: String,
    },
    /// Begins to hear a room.
    Attach {
        /// The room.
        room: u64,
        /// From where; `None`: from the head.
        after: Option<Position>,
        /// Whether to be shown as online.
        presence: bool,
    },
    /// Hears a room no more.
    Detach {
        /// The room.
        room: u64,
    },
    /// Types, or has stopped.
    Type {
        /// The room.
        room: u64,
        /// Whether the user types.
        is_typing: bool,
    },
}

/// What came over a socket; it stands in the history already.
#[derive(Debug, Clone)]
pub enum Seen {
    /// A send was answered.
    Sent(u64, String, Outcome<Sent>),
    /// An attach was answered.
    Attached(u64, Outcome<Attached>),
    /// A detach was answered.
    Detached(u64, Outcome<()>),
    /// An event.
    Event(u64, Event),
    /// Something else.
    Other,
    /// The end.
    Closed(Option<u16>),
}

/// A command that is not answered yet.
#[derive(Debug)]
struct Pending {
    began: u64,
    ask: Ask,
}

/// An open socket. However it ends, the history says so.
#[derive(Debug)]
pub struct Socket {
    stream: WebSocketStream<TcpStream>,
    recorder: Arc<Recorder>,
    name: Name,
    connection: u64,
    pending: BTreeMap<u64, Pending>,
    /// Answers to attaches of which more is to come, by room.
    unfinished: BTreeMap<u64, Value>,
    asked: u64,
    /// Since when its client means to go.
    leaves_since: Option<u64>,
    is_over: bool,
}

impl Socket {
    /// Opens a socket for any rooms; `None`: there is no server, or it does not want to.
    pub async fn open(door: &Door) -> Option<Self> {
        Self::connect(door, &format!("/ws/chat?username={}", door.name.user)).await
    }

    /// Opens a socket of one room, to which it is attached by that.
    pub async fn open_room(door: &Door, room: u64, after: Option<Position>) -> Option<Self> {
        let began = door.recorder.now();
        let mut path = format!("/ws/chat/{room}?username={}", door.name.user);
        if let Some(Position { epoch, seq }) = &after {
            path += &format!("&after={seq}&epoch={epoch}");
        }
        let mut socket = Self::connect(door, &path).await?;
        // Its answer carries no name: it is called 0, and commands are counted from 1.
        socket.pending.insert(0, Pending { began, ask: Ask::Attach { room, after, presence: true } });
        Some(socket)
    }

    async fn connect(door: &Door, path: &str) -> Option<Self> {
        let connect = async {
            let stream = door.connect().await.ok()?;
            stream.set_nodelay(true).ok()?;
            let request = format!("ws://{}{path}", door.address).into_client_request().ok()?;
            Some(client_async(request, stream).await.ok()?.0)
        };
        let stream = timeout(TIMEOUT, connect).await.ok()??;
        Some(Self {
            stream,
            recorder: door.recorder.clone(),
            name: door.name.clone(),
            connection: door.recorder.connection(),
            pending: BTreeMap::new(),
            unfinished: BTreeMap::new(),
            asked: 0,
            leaves_since: None,
            is_over: false,
        })
    }

    /// Asks something; false: the socket is gone.
    pub async fn ask(&mut self, ask: Ask) -> bool {
        self.asked += 1;
        let reference = self.asked.to_string();
        let frame = match &ask {
            Ask::Send { room, key, body } => {
                json!({"type": "message", "ref": reference, "room": room, "key": key, "content": body})
            }
            Ask::Attach { room, after, presence } => {
                let mut frame = json!({"type": "attach", "ref": reference, "room": room, "presence": presence});
                if let Some(Position { epoch, seq }) = after {
                    frame["after"] = json!({"epoch": epoch, "seq": seq});
                }
                frame
            }
            Ask::Detach { room } => json!({"type": "detach", "ref": reference, "room": room}),
            Ask::Type { room, is_typing } => {
                json!({"type": "typing", "ref": reference, "room": room, "is_typing": is_typing})
            }
        };
        self.pending.insert(self.asked, Pending { began: self.recorder.now(), ask });
        self.write(frame.to_string()).await
    }

    /// Writes something that has no answer worth noting; false: the socket is gone.
    pub async fn write(&mut self, text: String) -> bool {
        matches!(timeout(TIMEOUT, self.stream.send(Message::text(text))).await, Ok(Ok(())))
    }

    /// How many commands are not answered.
    #[must_use]
    pub fn unanswered(&self) -> usize {
        self.pending.len()
    }

    /// What comes next; after the end, the end again. Nothing is lost when it is dropped while it waits.
    pub async fn next(&mut self) -> Seen {
        if self.is_over {
            return Seen::Closed(None);
        }
        match self.stream.next().await {
            Some(Ok(Message::Text(text))) => match serde_json::from_str::<Value>(&text) {
                Ok(value) => self.take(&value),
                Err(_) => Seen::Other,
            },
            Some(Ok(Message::Close(reason))) => {
                self.end(reason.map(|reason| reason.code.into()), self.leaves_since.is_some())
            }
            Some(Ok(Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Seen::Other,
            Some(Err(_)) | None => self.end(None, self.leaves_since.is_some()),
        }
    }

    /// Ends it as one who leaves does: what comes before the server's word is still seen.
    pub async fn close(mut self) {
        self.leaves_since = Some(self.recorder.now());
        if !matches!(timeout(TIMEOUT, self.stream.close(None)).await, Ok(Ok(()))) {
            return;
        }
        drop(timeout(TIMEOUT, async { while !matches!(self.next().await, Seen::Closed(_)) {} }).await);
    }

    fn take(&mut self, value: &Value) -> Seen {
        let kind = value["type"].as_str().unwrap_or_default();
        let room = value["room"].as_u64().unwrap_or_default();
        if matches!(kind, "attached" | "events") {
            return self.attached(room, value);
        }
        if matches!(kind, "ok" | "error" | "resync") {
            return self.answered(value);
        }
        if let Some(event) = frame::event(value) {
            self.saw(What::Event { room, event: event.clone() });
            return Seen::Event(room, event);
        }
        if let Some(signal) = frame::signal(value, room) {
            self.saw(signal);
        }
        Seen::Other
    }

    /// An answer may come in several frames: it is taken as a whole.
    fn attached(&mut self, room: u64, value: &Value) -> Seen {
        let mut whole = self.unfinished.remove(&room).unwrap_or_else(|| value.clone());
        if value["type"] == "events"
            && let (Some(before), Some(more)) = (whole["events"].as_array_mut(), value["events"].as_array())
        {
            before.extend(more.iter().cloned());
        }
        if value["more"] == true {
            self.unfinished.insert(room, whole);
            return Seen::Other;
        }
        self.answered(&whole)
    }

    fn answered(&mut self, value: &Value) -> Seen {
        let reference = value["ref"].as_str().map_or(Some(0), |reference| reference.parse().ok());
        let Some(Pending { began, ask }) = reference.and_then(|reference| self.pending.remove(&reference)) else {
            return Seen::Other;
        };
        let refused = value["code"].as_str();
        let (what, seen) = match ask {
            Ask::Send { room, key, body } => {
                let sent = value["seq"].as_u64().map(|seq| Sent { seq, replayed: value["replayed"] == true });
                let result = outcome(refused, sent);
                let body = frame::short(&body);
                (What::Send { room, key: key.clone(), body, result: result.clone() }, Seen::Sent(room, key, result))
            }
            Ask::Attach { room, after, presence } => {
                let result = outcome(refused, frame::attached(value));
                (What::Attach { room, after, presence, result: result.clone() }, Seen::Attached(room, result))
            }
            Ask::Detach { room } => {
                let result = outcome(refused, Some(()));
                (What::Detach { room, result: result.clone() }, Seen::Detached(room, result))
            }
            Ask::Type { room, is_typing } => {
                (What::Type { room, is_typing, result: outcome(refused, Some(())) }, Seen::Other)
            }
        };
        self.write_down(began, Some(self.recorder.now()), what);
        seen
    }

    /// Its network has vanished: from now on the server hears nothing of it, and it is not told how it ends.
    pub fn network_vanished(&self) {
        self.saw(What::HalfOpen);
    }

    fn saw(&self, what: What) {
        let now = self.recorder.now();
        self.write_down(now, Some(now), what);
    }

    fn write_down(&self, began: u64, ended: Option<u64>, what: What) {
        let Name { process, user } = self.name.clone();
        self.recorder.push(Record { process, user, connection: self.connection, began, ended, what });
    }

    /// What is not answered by now never will be.
    fn end(&mut self, code: Option<u16>, by_client: bool) -> Seen {
        if self.is_over {
            return Seen::Closed(code);
        }
        self.is_over = true;
        let mut seen = Seen::Closed(code);
        for Pending { began, ask } in std::mem::take(&mut self.pending).into_values() {
            match ask {
                Ask::Send { room, key, body } => {
                    let body = frame::short(&body);
                    self.write_down(began, None, What::Send { room, key, body, result: Outcome::Unknown });
                }
                // A socket of one room is refused by its end.
                Ask::Attach { room, after, presence } if code == Some(NO_SUCH_ROOM) => {
                    let result = Outcome::Refused("room_not_found".to_owned());
                    self.write_down(
                        began,
                        Some(self.recorder.now()),
                        What::Attach { room, after, presence, result: result.clone() },
                    );
                    seen = Seen::Attached(room, result);
                }
                Ask::Attach { room, after, presence } => {
                    self.write_down(began, None, What::Attach { room, after, presence, result: Outcome::Unknown });
                }
                Ask::Detach { room } => self.write_down(began, None, What::Detach { room, result: Outcome::Unknown }),
                Ask::Type { room, is_typing } => {
                    self.write_down(began, None, What::Type { room, is_typing, result: Outcome::Unknown });
                }
            }
        }
        let now = self.recorder.now();
        self.write_down(self.leaves_since.unwrap_or(now), Some(now), What::Closed { code, by_client });
        seen
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.end(None, true);
    }
}

fn outcome<T>(refused: Option<&str>, done: Option<T>) -> Outcome<T> {
    match (refused, done) {
        (Some(code), _) => Outcome::Refused(code.to_owned()),
        (None, Some(done)) => Outcome::Ok(done),
        (None, None) => Outcome::Refused("not_understood".to_owned()),
    }
}

const NO_SUCH_ROOM: u16 = 4404;
/// How long a client waits for a socket to open, to take what is written or to close.
const TIMEOUT: Duration = Duration::from_secs(10);

//! A client of the WebSocket protocol.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures::{SinkExt, StreamExt};
use histcheck::history::{Attached, Event, Outcome, Position, Record, What};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest},
};

use super::{
    command::{Answer, Command},
    endpoint::Endpoint,
    frame,
    token::bearer,
};
use crate::recorder::{Name, Recorder};

/// A command that a client can send over its socket.
#[derive(Debug, Clone)]
pub enum Ask {
    /// Makes an event.
    Command(Command),
    /// Sets the user's read mark.
    Mark {
        /// The room.
        room: u64,
        /// The number up to which the user has read.
        seq: u64,
        /// Whether the mark may go back.
        back: bool,
    },
    /// Attaches to a room.
    Attach {
        /// The room.
        room: u64,
        /// The position to resume from; `None`: the head.
        after: Option<Position>,
        /// Whether to be shown as online.
        presence: bool,
    },
    /// Begins to watch a room.
    Watch {
        /// The room.
        room: u64,
    },
    /// Detaches from a room.
    Detach {
        /// The room.
        room: u64,
    },
    /// Says that the user types, or has stopped.
    Type {
        /// The room.
        room: u64,
        /// Whether the user types.
        is_typing: bool,
    },
}

/// What came over a socket. It is recorded in the history already.
#[derive(Debug, Clone)]
pub enum Seen {
    /// A command with this key was answered.
    Answered(Command, Outcome<Answer>),
    /// An attach was answered.
    Attached(u64, Outcome<Attached>),
    /// A detach was answered.
    Detached(u64, Outcome<()>),
    /// A watch was answered.
    Watched(u64, Outcome<u64>),
    /// A room is neither attached nor watched any more.
    PutOut(u64),
    /// An event.
    Event(u64, Event),
    /// Anything else.
    Other,
    /// The connection has ended.
    Closed(Option<u16>),
}

/// A command that is not answered yet.
#[derive(Debug)]
struct Pending {
    began: u64,
    ask: Ask,
}

/// An open socket. However it ends, the history records it.
#[derive(Debug)]
pub struct Socket {
    stream: WebSocketStream<TcpStream>,
    recorder: Arc<Recorder>,
    name: Name,
    connection: u64,
    pending: BTreeMap<u64, Pending>,
    /// The frames of answers to attaches that are not complete yet, by room.
    unfinished: BTreeMap<u64, Value>,
    asked: u64,
    /// Since when the client means to leave.
    leaves_since: Option<u64>,
    is_over: bool,
}

impl Socket {
    /// Opens a socket for many rooms; `None`: the server is not there or refuses.
    pub async fn open(endpoint: &Endpoint) -> Option<Self> {
        Self::connect(endpoint, "/ws/chat").await
    }

    /// Opens a socket for one room, which attaches it to that room.
    pub async fn open_room(endpoint: &Endpoint, room: u64, after: Option<Position>) -> Option<Self> {
        let began = endpoint.recorder.now();
        let mut path = format!("/ws/chat/{room}");
        if let Some(Position { epoch, seq }) = &after {
            path += &format!("?after={seq}&epoch={epoch}");
        }
        let mut socket = Self::connect(endpoint, &path).await?;
        // The answer to this attach has no `ref`. It is recorded as command 0; other commands count from 1.
        socket.pending.insert(0, Pending { began, ask: Ask::Attach { room, after, presence: true } });
        Some(socket)
    }

    async fn connect(endpoint: &Endpoint, path: &str) -> Option<Self> {
        let connect = async {
            let stream = endpoint.connect().await.ok()?;
            stream.set_nodelay(true).ok()?;
            let mut request = format!("ws://{}{path}", endpoint.address).into_client_request().ok()?;
            request.headers_mut().insert("authorization", bearer(&endpoint.name.user).parse().ok()?);
            Some(client_async(request, stream).await.ok()?.0)
        };
        let stream = timeout(TIMEOUT, connect).await.ok()??;
        Some(Self {
            stream,
            recorder: endpoint.recorder.clone(),
            name: endpoint.name.clone(),
            connection: endpoint.recorder.connection(),
            pending: BTreeMap::new(),
            unfinished: BTreeMap::new(),
            asked: 0,
            leaves_since: None,
            is_over: false,
        })
    }

    /// Sends a command; `false`: the connection has ended.
    pub async fn ask(&mut self, ask: Ask) -> bool {
        self.asked += 1;
        let reference = self.asked.to_string();
        let frame = match &ask {
            Ask::Command(command) => {
                let mut frame = command.frame();
                frame["ref"] = reference.into();
                frame
            }
            Ask::Mark { room, seq, back } => {
                let mut frame = json!({"type": "read", "ref": reference, "room": room, "seq": seq});
                if *back {
                    frame["back"] = true.into();
                }
                frame
            }
            Ask::Attach { room, after, presence } => {
                let mut frame = json!({"type": "attach", "ref": reference, "room": room, "presence": presence});
                if let Some(Position { epoch, seq }) = after {
                    frame["after"] = json!({"epoch": epoch, "seq": seq});
                }
                frame
            }
            Ask::Watch { room } => json!({"type": "attach", "ref": reference, "room": room, "events": false}),
            Ask::Detach { room } => json!({"type": "detach", "ref": reference, "room": room}),
            Ask::Type { room, is_typing } => {
                json!({"type": "typing", "ref": reference, "room": room, "is_typing": is_typing})
            }
        };
        self.pending.insert(self.asked, Pending { began: self.recorder.now(), ask });
        self.write(frame.to_string()).await
    }

    /// Sends a text without recording an answer; `false`: the connection has ended.
    pub async fn write(&mut self, text: String) -> bool {
        matches!(timeout(TIMEOUT, self.stream.send(Message::text(text))).await, Ok(Ok(())))
    }

    /// How many commands are unanswered.
    #[must_use]
    pub fn unanswered(&self) -> usize {
        self.pending.len()
    }

    /// The next thing that comes; after the end, always the end. Dropping the future loses nothing.
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

    /// Closes the socket as a leaving client does. What comes before the server's close frame is still recorded.
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
            let is_end = matches!(signal, What::Detached { .. });
            self.saw(signal);
            return if is_end { Seen::PutOut(room) } else { Seen::Other };
        }
        Seen::Other
    }

    /// Handles an answer to an attach. It may come in several frames, and is recorded as a whole.
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
            Ask::Command(command) => {
                let result = outcome(refused, command.answer_of_frame(value));
                (command.record(result.clone()), Seen::Answered(command, result))
            }
            Ask::Mark { room, seq, back } => {
                (What::Mark { room, seq, back, result: outcome(refused, frame::mark(value)) }, Seen::Other)
            }
            Ask::Attach { room, after, presence } => {
                let result = outcome(refused, frame::attached(value));
                (What::Attach { room, after, presence, result: result.clone() }, Seen::Attached(room, result))
            }
            Ask::Watch { room } => {
                let result = outcome(refused, value["head"].as_u64());
                (What::Watch { room, result: result.clone() }, Seen::Watched(room, result))
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

    /// Notes that the client's network has vanished. From now on neither side learns how the connection ends.
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

    /// Ends the connection. Commands that are unanswered get no answer any more.
    fn end(&mut self, code: Option<u16>, by_client: bool) -> Seen {
        if self.is_over {
            return Seen::Closed(code);
        }
        self.is_over = true;
        let mut seen = Seen::Closed(code);
        for Pending { began, ask } in std::mem::take(&mut self.pending).into_values() {
            match ask {
                Ask::Command(command) => self.write_down(began, None, command.record(Outcome::Unknown)),
                Ask::Mark { room, seq, back } => {
                    self.write_down(began, None, What::Mark { room, seq, back, result: Outcome::Unknown });
                }
                // A socket for one room is refused by its close frame.
                Ask::Attach { room, after, presence } if matches!(code, Some(NO_SUCH_ROOM | FORBIDDEN)) => {
                    let refused = if code == Some(NO_SUCH_ROOM) { "room_not_found" } else { "forbidden" };
                    let result = Outcome::Refused(refused.to_owned());
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
                Ask::Watch { room } => self.write_down(began, None, What::Watch { room, result: Outcome::Unknown }),
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

const FORBIDDEN: u16 = 4403;
const NO_SUCH_ROOM: u16 = 4404;
/// How long a client waits for a socket to open, to accept what is written, or to close.
const TIMEOUT: Duration = Duration::from_secs(10);

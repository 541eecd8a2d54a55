//! A small chat in the terminal, over the socket:
//! `cargo run --example terminal -- http://127.0.0.1:8080 general Alice` (a server, a room's name or number, a name).
//!
//! It shows what a client has to do to lose nothing and say nothing twice: it keeps the number of the last event it has
//! seen and comes back from there, and it sends what was not acknowledged again with the same key.
#![expect(clippy::print_stdout, reason = "this is a program for the terminal")]

use std::{collections::VecDeque, env, error::Error, io, thread, time::Duration};

use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{
    net::TcpStream,
    sync::mpsc,
    time::{Instant, sleep_until, timeout},
};
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};
use uuid::Uuid;

type Result<T> = std::result::Result<T, Box<dyn Error>>;
type Socket = WebSocketStream<TcpStream>;

const HELP: &str = "/who: who is here   /typing: show that you are typing   /quit";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let args: Vec<String> = env::args().skip(1).collect();
    let [server, room, username] = args.as_slice() else {
        return Err("usage: terminal http://127.0.0.1:8080 ROOM USERNAME".into());
    };
    let server = server.trim_start_matches("http://").trim_end_matches('/').to_owned();
    let mut chat = Chat::open(server, room, username).await?;
    let mut input = input();
    let mut tries = 0;
    loop {
        let lost = match chat.connect().await {
            Ok(socket) => {
                let lost = chat.run(socket, &mut input).await;
                // Whoever was there for a while starts over with short waits.
                if chat.was_attached {
                    tries = 0;
                }
                lost
            }
            Err(error) => End::Lost(error.to_string()),
        };
        match lost {
            End::Quit => return Ok(()),
            End::Refused(why) => return Err(why.into()),
            End::Lost(why) => {
                let wait = back_off(tries);
                println!("* {why}; trying again in {:.1} s", wait.as_secs_f64());
                tries += 1;
                if chat.wait(wait, &mut input).await {
                    return Ok(());
                }
            }
        }
    }
}

/// Why a connection is over.
enum End {
    /// The person left.
    Quit,
    /// The server says to stay away.
    Refused(String),
    /// Come back.
    Lost(String),
}

struct Chat {
    server: String,
    username: String,
    room: u64,
    /// Up to where everything has been shown.
    epoch: String,
    seq: u64,
    /// Sent or to be sent, and not acknowledged: key and text, in order.
    unsent: VecDeque<(String, String)>,
    here: Vec<String>,
    typing: Vec<String>,
    /// Whether the connection got as far as being attached.
    was_attached: bool,
    /// When to send again what the server could not take.
    retry_at: Option<Instant>,
    /// The input has ended: quit when everything is sent.
    leaving: bool,
}

impl Chat {
    /// Finds the room, makes it if there is none of that name, and shows what was said last.
    async fn open(server: String, room: &str, username: &str) -> Result<Self> {
        let id = match room.parse() {
            Ok(id) => id,
            Err(_) => find_room(&server, room).await?,
        };
        let mut chat = Self {
            server,
            username: username.to_owned(),
            room: id,
            epoch: String::new(),
            seq: 0,
            unsent: VecDeque::new(),
            here: Vec::new(),
            typing: Vec::new(),
            was_attached: false,
            retry_at: None,
            leaving: false,
        };
        println!("{HELP}");
        chat.show_history().await?;
        Ok(chat)
    }

    /// The newest messages; from their head on, events tell the rest.
    async fn show_history(&mut self) -> Result<()> {
        let path = format!("/rooms/{}/messages?limit=20", self.room);
        let page = call(&self.server, "GET", &path, None).await?;
        for message in page["messages"].as_array().into_iter().flatten() {
            if message["seq"].as_u64() > Some(self.seq) {
                self.show(message);
            }
        }
        text(&page["epoch"]).clone_into(&mut self.epoch);
        self.seq = page["head"].as_u64().unwrap_or_default();
        Ok(())
    }

    async fn connect(&self) -> Result<Socket> {
        let username = encoded(&self.username);
        let Self { server, room, seq, epoch, .. } = self;
        let url = format!("ws://{server}/ws/chat/{room}?username={username}&after={seq}&epoch={epoch}");
        let connect = async {
            let stream = TcpStream::connect(server).await?;
            stream.set_nodelay(true)?;
            Ok(client_async(url, stream).await?.0)
        };
        timeout(PATIENCE, connect).await?
    }

    /// Chats until the connection is over, whoever ends it.
    async fn run(&mut self, mut socket: Socket, input: &mut mpsc::Receiver<String>) -> End {
        self.was_attached = false;
        loop {
            if self.leaving && self.unsent.is_empty() {
                // A proper goodbye; whether it arrives does not matter.
                let _ = socket.close(None).await;
                return End::Quit;
            }
            let retry_at = self.retry_at;
            let done = tokio::select! {
                // The server says something every 20 s at least.
                came = timeout(PATIENCE, socket.next()) => match came {
                    Ok(Some(Ok(Message::Text(frame)))) => self.take(&frame, &mut socket).await,
                    Ok(Some(Ok(Message::Close(frame)))) => return ended(frame.map(|frame| u16::from(frame.code))),
                    Ok(Some(Ok(_))) => Ok(()),
                    Ok(Some(Err(error))) => return End::Lost(error.to_string()),
                    Ok(None) => return ended(None),
                    Err(_) => return End::Lost("the server is silent".into()),
                },
                line = input.recv(), if !self.leaving => self.typed(line, Some(&mut socket)).await,
                () = at(retry_at), if retry_at.is_some() => self.send_all(&mut socket).await,
            };
            if let Err(error) = done {
                return End::Lost(error.to_string());
            }
        }
    }

    /// Waits without a connection; what is typed meanwhile is kept. `true`: the person left.
    async fn wait(&mut self, time: Duration, input: &mut mpsc::Receiver<String>) -> bool {
        let until = Instant::now() + time;
        loop {
            if self.leaving && self.unsent.is_empty() {
                return true;
            }
            tokio::select! {
                () = sleep_until(until) => return false,
                line = input.recv(), if !self.leaving => {
                    // Without a socket nothing can fail.
                    let _ = self.typed(line, None).await;
                }
            }
        }
    }

    /// A line of the person's.
    async fn typed(&mut self, line: Option<String>, socket: Option<&mut Socket>) -> Result<()> {
        let line = line.unwrap_or_else(|| "/quit".into());
        match line.trim() {
            "" => {}
            "/quit" => self.leaving = true,
            "/who" => println!("* here: {}", self.here.join(", ")),
            "/typing" => {
                if let Some(socket) = socket {
                    send(socket, json!({"type": "typing", "is_typing": true})).await?;
                }
            }
            _ => {
                // Keys that grow with time are the easiest for the server's index.
                let key = Uuid::now_v7().simple().to_string();
                self.unsent.push_back((key.clone(), line.clone()));
                if let Some(socket) = socket
                    && self.was_attached
                {
                    send(socket, message(&key, &line)).await?;
                }
            }
        }
        Ok(())
    }

    /// Sends everything that was not acknowledged (again).
    async fn send_all(&mut self, socket: &mut Socket) -> Result<()> {
        self.retry_at = None;
        for (key, content) in &self.unsent {
            send(socket, message(key, content)).await?;
        }
        Ok(())
    }

    /// What the server says. Types that are not known yet are no mistake.
    async fn take(&mut self, frame: &str, socket: &mut Socket) -> Result<()> {
        let frame: Value = serde_json::from_str(frame)?;
        match text(&frame["type"]) {
            "attached" => {
                for event in frame["events"].as_array().into_iter().flatten() {
                    self.event(event);
                }
                self.attached(&frame, socket).await?;
            }
            "resync" => {
                println!("* too much was missed to tell it all; the newest is:");
                self.show_history().await?;
                self.attached(&frame, socket).await?;
            }
            "ok" => self.unsent.retain(|(key, _)| frame["ref"] != *key),
            "error" => self.refused(&frame),
            "user_list" => self.here = names(&frame["users"]),
            "join" | "leave" => println!("* {}", text(&frame["content"])),
            "typing" => self.show_typing(names(&frame["users"])),
            _ if frame["seq"].is_u64() => self.event(&frame),
            _ => {}
        }
        Ok(())
    }

    async fn attached(&mut self, frame: &Value, socket: &mut Socket) -> Result<()> {
        text(&frame["epoch"]).clone_into(&mut self.epoch);
        self.seq = self.seq.max(frame["head"].as_u64().unwrap_or_default());
        if text(&frame["type"]) == "resync" {
            // Live from its head on, wherever this client thought it was.
            self.seq = frame["head"].as_u64().unwrap_or_default();
        }
        self.was_attached = true;
        self.send_all(socket).await
    }

    /// A numbered event: shown once.
    fn event(&mut self, event: &Value) {
        let seq = event["seq"].as_u64().unwrap_or_default();
        if seq > self.seq {
            self.seq = seq;
            self.show(event);
        }
        if event["user"] == *self.username {
            self.unsent.retain(|(key, _)| event["key"] != *key);
        }
    }

    fn show(&self, event: &Value) {
        let time = text(&event["timestamp"]).get(11..16).unwrap_or_default();
        let username = text(&event["username"]);
        match text(&event["type"]) {
            "message" => println!("{time} {username}: {}", text(&event["content"])),
            "room_updated" => println!("* the room is {}: {}", text(&event["name"]), text(&event["topic"])),
            "room_deleted" => println!("* the room is gone"),
            _ => {}
        }
    }

    fn show_typing(&mut self, mut typing: Vec<String>) {
        typing.retain(|name| *name != self.username);
        if typing != self.typing && !typing.is_empty() {
            println!("* typing: {}", typing.join(", "));
        }
        self.typing = typing;
    }

    /// A refusal: for now, or for good.
    fn refused(&mut self, error: &Value) {
        println!("! {}", text(&error["message"]));
        match error["retry_after_ms"].as_u64() {
            Some(ms) => self.retry_at = Some(Instant::now() + Duration::from_millis(ms)),
            None => self.unsent.retain(|(key, _)| error["ref"] != *key),
        }
    }
}

/// What a close code says: 44xx stay away, and so do the protocol's own complaints; everything else, come back.
fn ended(code: Option<u16>) -> End {
    match code {
        Some(1002 | 1003 | 1007..=1009) | Some(4400..=4499) => {
            End::Refused(format!("the server closed with {}", code.unwrap_or_default()))
        }
        Some(code) => End::Lost(format!("the server closed with {code}")),
        None => End::Lost("the connection is lost".into()),
    }
}

/// Longer from try to try up to half a minute, and never the same for all clients of a server that comes back.
fn back_off(tries: u32) -> Duration {
    let most = Duration::from_millis(500 << tries.min(6));
    let random = f64::from(u16::from_le_bytes([Uuid::new_v4().as_bytes()[0], Uuid::new_v4().as_bytes()[1]]));
    most.min(Duration::from_secs(30)).mul_f64(0.5 + random / f64::from(u16::MAX) / 2.0)
}

async fn at(time: Option<Instant>) {
    if let Some(time) = time {
        sleep_until(time).await;
    }
}

fn message(key: &str, content: &str) -> Value {
    json!({"type": "message", "content": content, "key": key, "ref": key})
}

async fn send(socket: &mut Socket, frame: Value) -> Result<()> {
    Ok(socket.send(Message::text(frame.to_string())).await?)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn names(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().map(|name| text(name).to_owned()).collect()
}

/// The lines of the terminal. A thread of its own: nothing can interrupt a read.
fn input() -> mpsc::Receiver<String> {
    let (lines, input) = mpsc::channel(1);
    thread::spawn(move || {
        for line in io::stdin().lines().map_while(io::Result::ok) {
            if lines.blocking_send(line).is_err() {
                break;
            }
        }
    });
    input
}

/// The room with this name; made if there is none.
async fn find_room(server: &str, name: &str) -> Result<u64> {
    let answer = call(server, "POST", "/rooms", Some(json!({"name": name}))).await?;
    let room = if answer["code"] == "name_taken" { &answer["room"] } else { &answer };
    room["id"].as_u64().ok_or_else(|| text(&answer["detail"]).into())
}

/// A REST call.
async fn call(server: &str, method: &str, path: &str, body: Option<Value>) -> Result<Value> {
    let call = async {
        let stream = TcpStream::connect(server).await?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let connection = tokio::spawn(connection);
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let request = Request::builder().method(method).uri(format!("/api/chat{path}")).header("host", server);
        let request = request.header("content-type", "application/json").body(Full::new(Bytes::from(body)))?;
        let answer = sender.send_request(request).await?.into_body().collect().await?.to_bytes();
        connection.abort();
        Ok(serde_json::from_slice(&answer)?)
    };
    timeout(PATIENCE, call).await?
}

/// A name as it may stand in a URL.
fn encoded(name: &str) -> String {
    name.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).into() } else { format!("%{byte:02X}") })
        .collect()
}

const PATIENCE: Duration = Duration::from_secs(45);

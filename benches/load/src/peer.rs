//! What the servers speak.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
};

use clap::ValueEnum;
use serde_json::{Value, json};

use crate::{
    Result,
    frame::{Kind, masked},
};

/// A kind of server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Peer {
    /// Ours.
    Chatd,
    /// nats-server, a subject per room.
    Nats,
    /// `benches/peers/socketio`.
    SocketIo,
    /// `benches/peers/fastapi`.
    FastApi,
}

impl Peer {
    /// Whether it is offered every load.
    pub(crate) const fn is_fast(self) -> bool {
        matches!(self, Self::Chatd | Self::Nats)
    }

    /// Makes rooms, and returns what they are called in what follows.
    pub(crate) fn make_rooms(self, address: SocketAddr, count: usize) -> Result<Vec<String>> {
        match self {
            Self::Chatd | Self::FastApi => {
                let stream = TcpStream::connect(address)?;
                stream.set_nodelay(true)?;
                let mut stream = BufReader::new(stream);
                (0..count).map(|number| make_room(&mut stream, address, number)).collect()
            }
            Self::Nats | Self::SocketIo => Ok((0..count).map(|number| format!("room{number}")).collect()),
        }
    }

    /// The request that opens a member's connection.
    pub(crate) fn request(self, address: SocketAddr, room: &str, member: usize) -> Vec<u8> {
        let path = match self {
            Self::Chatd | Self::FastApi => format!("/ws/chat/{room}?username=user{member}"),
            Self::Nats => "/".to_owned(),
            Self::SocketIo => format!("/socket.io/?EIO=4&transport=websocket&room={room}"),
        };
        format!(
            "GET {path} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        .into_bytes()
    }

    /// What a member says to be in a room, once connected.
    pub(crate) fn join(self, room: &str) -> Vec<u8> {
        match self {
            Self::Chatd | Self::FastApi => Vec::new(),
            Self::Nats => {
                let words = format!("CONNECT {{\"verbose\":false,\"pedantic\":false}}\r\nSUB {room} 1\r\nPING\r\n");
                masked(Kind::Binary, words.as_bytes())
            }
            Self::SocketIo => masked(Kind::Text, b"40"),
        }
    }

    /// What is received once in the room.
    pub(crate) const fn joined(self) -> &'static [u8] {
        match self {
            Self::Chatd => b"\"type\":\"attached\"",
            Self::FastApi => b"\"type\": \"joined\"",
            Self::Nats => b"PONG\r\n",
            Self::SocketIo => b"\"joined\"",
        }
    }

    /// What sends a message.
    pub(crate) fn message(self, room: &str, text: &str) -> Vec<u8> {
        match self {
            Self::Chatd | Self::FastApi => {
                masked(Kind::Text, json!({"type": "message", "content": text}).to_string().as_bytes())
            }
            Self::Nats => masked(Kind::Binary, format!("PUB {room} {}\r\n{text}\r\n", text.len()).as_bytes()),
            Self::SocketIo => masked(Kind::Text, format!("42{}", json!(["message", room, text])).as_bytes()),
        }
    }
}

/// Makes a room over REST, on a connection that stays open.
fn make_room(stream: &mut BufReader<TcpStream>, address: SocketAddr, number: usize) -> Result<String> {
    let body = json!({"name": format!("load {} {number}", std::process::id())}).to_string();
    let request = format!(
        "POST /api/chat/rooms HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.get_mut().write_all(request.as_bytes())?;
    let answer = read_answer(stream)?;
    let room = serde_json::from_slice::<Value>(&answer).ok();
    let id = room.and_then(|room| room.get("id")?.as_u64());
    Ok(id.ok_or_else(|| format!("no room was made: {}", String::from_utf8_lossy(&answer)))?.to_string())
}

/// The body of an answer whose length is told.
fn read_answer(stream: &mut BufReader<TcpStream>) -> Result<Vec<u8>> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        if let Some((_, value)) = line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("content-length")) {
            length = value.trim().parse()?;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok(body)
}

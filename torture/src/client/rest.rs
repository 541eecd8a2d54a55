//! A client of the REST API. Each call uses a connection of its own.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use histcheck::history::{Content, Outcome, Page, Record, Room, Sent, What, Which};
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};

use super::frame;
use crate::recorder::{Name, Recorder};

/// An answer of the server.
#[derive(Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The body, if it is JSON.
    pub body: Value,
    /// Whether the answer says that the key was used before.
    pub replayed: bool,
}

/// Makes a call without recording it; `None`: there was no answer.
pub async fn call(
    address: SocketAddr,
    method: &str,
    path: &str,
    key: Option<&str>,
    body: Option<Value>,
) -> Option<Reply> {
    let call = async {
        let stream = TcpStream::connect(address).await.ok()?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.ok()?;
        let connection = tokio::spawn(connection);
        let mut request = Request::builder().method(method).uri(path).header("host", address.to_string());
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let answer = sender.send_request(request.body(Full::new(Bytes::from(body))).ok()?).await;
        let (head, body) = answer.ok()?.into_parts();
        let body = body.collect().await.ok()?.to_bytes();
        connection.abort();
        let replayed = head.headers.get("idempotency-replayed").is_some_and(|value| value == "true");
        Some(Reply {
            status: head.status.as_u16(),
            body: serde_json::from_slice(&body).unwrap_or(Value::Null),
            replayed,
        })
    };
    timeout(TIMEOUT, call).await.ok().flatten()
}

/// A client of the REST API.
#[derive(Debug, Clone)]
pub struct Rest {
    address: SocketAddr,
    recorder: Arc<Recorder>,
    name: Name,
}

impl Rest {
    /// A client of the server at this address.
    #[must_use]
    pub const fn new(address: SocketAddr, recorder: Arc<Recorder>, name: Name) -> Self {
        Self { address, recorder, name }
    }

    /// Sends a message.
    pub async fn send(&self, room: u64, key: &str, body: &str) -> Outcome<Sent> {
        let (path, content) = (self.path(room, "/messages?"), json!({"content": body}));
        let what = |result| {
            let content = Content::text(frame::short(body));
            What::Send { room, key: key.to_owned(), content, reply_to: None, thread: None, result }
        };
        let sent = |reply: &Reply| {
            let event = frame::event(&reply.body)?;
            Some(Sent { seq: event.seq, replayed: reply.replayed, event: Some(event) })
        };
        self.record(("POST", &path), Some(key), Some(content), (sent, what)).await
    }

    /// Reads a page of history, such as `before=7`.
    pub async fn read(&self, room: u64, which: &str) -> Outcome<Page> {
        let path = self.path(room, &format!("/messages?limit=100&{which}&"));
        self.record(
            ("GET", &path),
            None,
            None,
            (|reply: &Reply| page(&reply.body), |result| What::Read { room, of: Which::History, result }),
        )
        .await
    }

    /// Gets a room.
    pub async fn look(&self, room: u64) -> Outcome<Room> {
        let path = self.path(room, "?");
        let what = |result| What::Look { room, result };
        self.record(("GET", &path), None, None, (|reply: &Reply| self::room(&reply.body), what)).await
    }

    /// Asks who is online.
    pub async fn presence(&self, room: u64) -> Outcome<Vec<String>> {
        let path = self.path(room, "/presence?");
        let ids = |reply: &Reply| reply.body["identities"].is_array().then(|| frame::ids(&reply.body["identities"]));
        self.record(("GET", &path), None, None, (ids, |result| What::Presence { room, result })).await
    }

    /// Renames a room.
    pub async fn rename(&self, room: u64, name: &str) -> Outcome<Room> {
        let path = self.path(room, "?");
        let what = |result| What::Rename { room, name: name.to_owned(), result };
        let read = |reply: &Reply| self::room(&reply.body);
        self.record(("PATCH", &path), None, Some(json!({"name": name})), (read, what)).await
    }

    /// Deletes a room.
    pub async fn delete(&self, room: u64) -> Outcome<()> {
        let path = self.path(room, "?");
        self.record(("DELETE", &path), None, None, (|_: &Reply| Some(()), |result| What::Delete { room, result })).await
    }

    /// Creates a room, or finds the room that has the name already, without recording it.
    pub async fn make_room(&self, name: &str) -> Option<u64> {
        let reply = call(self.address, "POST", "/api/chat/rooms", None, Some(json!({"name": name}))).await?;
        reply.body["id"].as_u64().or_else(|| reply.body["room"]["id"].as_u64())
    }

    fn path(&self, room: u64, rest: &str) -> String {
        format!("/api/chat/rooms/{room}{rest}username={}", self.name.user)
    }

    /// Makes a call and records it.
    async fn record<T: Clone>(
        &self,
        (method, path): (&str, &str),
        key: Option<&str>,
        body: Option<Value>,
        (read, what): (impl FnOnce(&Reply) -> Option<T>, impl FnOnce(Outcome<T>) -> What),
    ) -> Outcome<T> {
        let connection = self.recorder.connection();
        let began = self.recorder.now();
        let reply = call(self.address, method, path, key, body).await;
        let ended = reply.as_ref().map(|_| self.recorder.now());
        let result = match reply {
            Some(reply) if reply.status < 300 => read(&reply).map_or_else(not_understood, Outcome::Ok),
            Some(reply) => {
                reply.body["code"].as_str().map_or_else(not_understood, |code| Outcome::Refused(code.to_owned()))
            }
            None => Outcome::Unknown,
        };
        let Name { process, user } = self.name.clone();
        self.recorder.push(Record { process, user, connection, began, ended, what: what(result.clone()) });
        result
    }
}

/// An answer that does not fit the wire's description. It ends as an anomaly.
fn not_understood<T>() -> Outcome<T> {
    Outcome::Refused("not_understood".to_owned())
}

fn page(body: &Value) -> Option<Page> {
    Some(Page {
        epoch: frame::text(&body["epoch"]),
        head: body["head"].as_u64()?,
        messages: body["messages"].as_array()?.iter().map(frame::state).collect::<Option<_>>()?,
        has_before: body["has_before"].as_bool()?,
        has_after: body["has_after"].as_bool()?,
    })
}

fn room(body: &Value) -> Option<Room> {
    Some(Room { name: body["name"].as_str()?.to_owned(), head: body["head"].as_u64()? })
}

/// How long a client waits for an answer before it gives up.
const TIMEOUT: Duration = Duration::from_secs(20);

//! A client of the REST API. Each call uses a connection of its own.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use histcheck::history::{
    Invite, InvitedBy, Listed, Listing, Mark, Outcome, Page, Reacted, Record, Revision, Room, RoomKind, UserMark, What,
    Which,
};
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};

use super::{
    command::{Answer, Call, Command, page_of_one, path_of_room, without_nulls},
    frame,
    reply::Reply,
    stamp,
    token::{FEED, bearer},
};
use crate::recorder::{Name, Recorder};

/// The headers of a call that differ from one to the next.
#[derive(Debug, Clone, Copy, Default)]
pub struct Headers<'a> {
    /// Who calls.
    pub who: Who<'a>,
    /// The idempotency key.
    pub key: Option<&'a str>,
}

/// Who makes a call.
#[derive(Debug, Clone, Copy, Default)]
pub enum Who<'a> {
    /// Whoever the path says.
    #[default]
    Guest,
    /// A user who has a token.
    User(&'a str),
    /// An operator who follows all rooms.
    Operator,
}

/// Makes a call without recording it; `None`: there was no answer.
pub async fn call(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: Headers<'_>,
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
        if let Some(key) = headers.key {
            request = request.header("idempotency-key", key);
        }
        request = match headers.who {
            Who::Guest => request,
            Who::User(user) => request.header("authorization", bearer(user)),
            Who::Operator => request.header("authorization", format!("Bearer {FEED}")),
        };
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

    /// The user that the client acts for.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.name.user
    }

    /// Sends a message, or changes one or a member.
    pub async fn ask(&self, command: &Command) -> Outcome<Answer> {
        let Call { method, path, body } = command.call();
        let path = command.path(&path);
        let (read, what) = (|reply: &Reply| command.answer_of_reply(reply), |result| command.record(result));
        self.record((method, &path), Some(&command.key), body, (read, what)).await
    }

    /// Sets the user's read mark.
    pub async fn mark(&self, room: u64, seq: u64, back: bool) -> Outcome<Mark> {
        let path = self.path(room, "/read?");
        let body = if back { json!({"seq": seq, "back": true}) } else { json!({"seq": seq}) };
        let what = |result| What::Mark { room, seq, back, result };
        self.record(("PUT", &path), None, Some(body), (|reply: &Reply| frame::mark(&reply.body), what)).await
    }

    /// Reads a page of history, such as `before=7`.
    pub async fn read(&self, room: u64, which: &str) -> Outcome<Page> {
        let path = self.path(room, &format!("/messages?limit=100&{which}&"));
        self.page(room, Which::History, &path, page).await
    }

    /// Reads a page of a thread, such as `before=7`.
    pub async fn thread(&self, room: u64, root: u64, which: &str) -> Outcome<Page> {
        let path = self.path(room, &format!("/messages/{root}/thread?limit=100&{which}&"));
        self.page(room, Which::Thread(root), &path, page).await
    }

    /// Reads what is pinned.
    pub async fn pins(&self, room: u64) -> Outcome<Page> {
        self.page(room, Which::Pins, &self.path(room, "/pins?"), pins).await
    }

    /// Reads a message.
    pub async fn message(&self, room: u64, seq: u64) -> Outcome<Page> {
        let path = self.path(room, &format!("/messages/{seq}?"));
        self.page(room, Which::Message(seq), &path, page_of_one).await
    }

    async fn page(&self, room: u64, of: Which, path: &str, read: fn(&Value) -> Option<Page>) -> Outcome<Page> {
        let what = |result| What::Read { room, of, result };
        self.record(("GET", path), None, None, (|reply: &Reply| read(&reply.body), what)).await
    }

    /// Reads all texts that a message has had.
    pub async fn edits(&self, room: u64, target: u64) -> Outcome<Vec<Revision>> {
        let path = self.path(room, &format!("/messages/{target}/edits?"));
        let what = |result| What::Edits { room, target, result };
        let read = |reply: &Reply| frame::revisions(&reply.body["edits"]);
        self.record(("GET", &path), None, None, (read, what)).await
    }

    /// Reads who has reacted to a message. The rooms have so few users that it is one page.
    pub async fn reactions(&self, room: u64, target: u64) -> Outcome<Vec<Reacted>> {
        let path = self.path(room, &format!("/messages/{target}/reactions?limit=100&"));
        let what = |result| What::Reactions { room, target, result };
        let read = |reply: &Reply| frame::reacted(&reply.body["reactions"]).filter(|_| reply.body["next"].is_null());
        self.record(("GET", &path), None, None, (read, what)).await
    }

    /// Reads everybody's marks, or the first page of them.
    pub async fn reads(&self, room: u64) -> Outcome<Vec<UserMark>> {
        let path = self.path(room, "/reads?limit=100&");
        let what = |result| What::Reads { room, result };
        self.record(("GET", &path), None, None, (|reply: &Reply| frame::marks(&reply.body["marks"]), what)).await
    }

    /// Reads the user's rooms, or the first page of them.
    pub async fn rooms(&self) -> Outcome<Listing> {
        let what = |result| What::Rooms { result };
        self.record(("GET", "/api/chat/me/rooms?limit=200"), None, None, (|reply: &Reply| listing(&reply.body), what))
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

    /// Renames a room, and gives it other terms if some are given.
    pub async fn update(
        &self,
        room: u64,
        name: &str,
        (kind, invites): (Option<RoomKind>, Option<InvitedBy>),
    ) -> Outcome<Room> {
        let path = self.path(room, "?");
        let what = |result| What::Rename { room, name: name.to_owned(), kind, invites, result };
        let read = |reply: &Reply| self::room(&reply.body);
        let (is, by) = (kind.map(RoomKind::as_str), invites.map(InvitedBy::as_str));
        let body = without_nulls(json!({"name": name, "kind": is, "invites": by}));
        self.record(("PATCH", &path), None, Some(body), (read, what)).await
    }

    /// Makes an invite to a room, for this many seconds and users if that is given.
    pub async fn invite(&self, room: u64, seconds: Option<u64>, max_uses: Option<u64>) -> Outcome<Invite> {
        let path = self.path(room, "/invites");
        let body = without_nulls(json!({"expires_in_s": seconds, "max_uses": max_uses}));
        let what = |result| What::Invite { room, max_uses, result };
        self.record(("POST", &path), None, Some(body), (|reply: &Reply| made(&reply.body), what)).await
    }

    /// Revokes an invite.
    pub async fn revoke(&self, room: u64, code: &str) -> Outcome<()> {
        let path = self.path(room, &format!("/invites/{code}"));
        let what = |result| What::Revoke { room, code: code.to_owned(), result };
        self.record(("DELETE", &path), None, None, (|_: &Reply| Some(()), what)).await
    }

    /// Deletes a room.
    pub async fn delete(&self, room: u64) -> Outcome<()> {
        let path = self.path(room, "?");
        self.record(("DELETE", &path), None, None, (|_: &Reply| Some(()), |result| What::Delete { room, result })).await
    }

    /// Creates a room that is nobody's, or finds the room that has the name already, without recording it.
    pub async fn make_room(&self, name: &str) -> Option<u64> {
        // What a guest makes has no owner.
        let path = "/api/chat/rooms?username=host";
        let reply = call(self.address, "POST", path, Headers::default(), Some(json!({"name": name}))).await?;
        reply.body["id"].as_u64().or_else(|| reply.body["room"]["id"].as_u64())
    }

    /// Creates a room of the user's own, without recording it.
    pub async fn make_own_room(&self, name: &str, kind: RoomKind) -> Option<u64> {
        let headers = Headers { who: Who::User(&self.name.user), key: None };
        let body = json!({"name": name, "kind": kind.as_str()});
        call(self.address, "POST", "/api/chat/rooms", headers, Some(body)).await?.body["id"].as_u64()
    }

    /// The path of a room, without what stands at its end for parameters that there are none of.
    fn path(&self, room: u64, rest: &str) -> String {
        path_of_room(room, rest)
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
        let headers = Headers { who: Who::User(&self.name.user), key };
        let reply = call(self.address, method, path, headers, body).await;
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

fn pins(body: &Value) -> Option<Page> {
    let messages = body["messages"].as_array()?.iter().map(frame::state).collect::<Option<_>>()?;
    Some(Page { epoch: String::new(), head: body["head"].as_u64()?, messages, has_before: false, has_after: false })
}

fn listing(body: &Value) -> Option<Listing> {
    let listed = |room: &Value| {
        let last = &room["last_message"];
        Some(Listed {
            room: room["id"].as_u64()?,
            head: room["head"].as_u64()?,
            mark: frame::mark(room)?,
            last: if last.is_null() { None } else { Some(frame::state(last)?) },
        })
    };
    let rooms = body["rooms"].as_array()?.iter().map(listed).collect::<Option<_>>()?;
    Some(Listing { rooms, is_whole: body["next"].is_null() })
}

fn made(body: &Value) -> Option<Invite> {
    Some(Invite { code: body["code"].as_str()?.to_owned(), expires: stamp::parse(body["expires_at"].as_str()?)? })
}

fn room(body: &Value) -> Option<Room> {
    Some(Room { name: body["name"].as_str()?.to_owned(), head: body["head"].as_u64()? })
}

/// How long a client waits for an answer before it gives up.
const TIMEOUT: Duration = Duration::from_secs(20);

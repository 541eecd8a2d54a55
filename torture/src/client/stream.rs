//! A client of the event streams (server-sent events).

use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;
use histcheck::history::{Attached, Event, Outcome, Position, Record, What};
use http_body_util::{BodyExt, Empty};
use hyper::{Request, body::Incoming};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{task::JoinHandle, time::timeout};

use super::{endpoint::Endpoint, frame, socket::Seen, token::bearer};
use crate::recorder::Name;

/// An event stream of one room. However it ends, the history records it.
#[derive(Debug)]
pub struct Stream {
    endpoint: Endpoint,
    room: u64,
    connection: u64,
    body: Incoming,
    driver: JoinHandle<Result<(), hyper::Error>>,
    /// Bytes that have come and are not a whole event yet.
    rest: Vec<u8>,
    waiting: VecDeque<Value>,
    attach: Option<Attach>,
    is_over: bool,
}

/// An attach whose answer is not complete. The missed events come one by one after it.
#[derive(Debug)]
struct Attach {
    began: u64,
    after: Option<Position>,
    head: Option<Position>,
    gap: Vec<Event>,
    missing: u64,
}

/// The result of opening a stream.
#[derive(Debug)]
pub enum Opened {
    /// It is open.
    Stream(Box<Stream>),
    /// The room was deleted, or the user may not read it.
    Gone,
    /// The server does not accept it now.
    No,
}

impl Stream {
    /// Opens a stream, resuming from a position.
    pub async fn open(endpoint: &Endpoint, room: u64, after: Option<Position>) -> Opened {
        let began = endpoint.recorder.now();
        let connection = endpoint.recorder.connection();
        let asked = timeout(TIMEOUT, ask(endpoint, room, after.as_ref())).await.ok().flatten();
        let refused = |result| {
            let ended = matches!(result, Outcome::Refused(_)).then(|| endpoint.recorder.now());
            write_down(
                endpoint,
                connection,
                began,
                ended,
                What::Attach { room, after: after.clone(), presence: true, result },
            );
        };
        match asked {
            Some((200, body, driver)) => {
                let attach = Some(Attach { began, after, head: None, gap: Vec::new(), missing: 0 });
                let (endpoint, rest, waiting) = (endpoint.clone(), Vec::new(), VecDeque::new());
                let stream = Self { endpoint, room, connection, body, driver, rest, waiting, attach, is_over: false };
                Opened::Stream(Box::new(stream))
            }
            Some((status, body, driver)) => {
                let body = timeout(TIMEOUT, body.collect()).await;
                driver.abort();
                let body = body.ok().and_then(Result::ok).map(|body| body.to_bytes()).unwrap_or_default();
                let problem: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
                let is_gone = status == 204 || status == 404;
                let code = if is_gone { "room_not_found".to_owned() } else { frame::text(&problem["code"]) };
                refused(Outcome::Refused(code));
                if is_gone { Opened::Gone } else { Opened::No }
            }
            None => {
                refused(Outcome::Unknown);
                Opened::No
            }
        }
    }

    /// The next thing that comes; after the end, always the end. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Seen {
        loop {
            if let Some(value) = self.waiting.pop_front() {
                return self.take(&value);
            }
            if self.is_over {
                return Seen::Closed(None);
            }
            match self.body.frame().await {
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.rest.extend_from_slice(&data);
                        self.split();
                    }
                }
                Some(Err(_)) | None => return self.end(false),
            }
        }
    }

    /// Takes the whole events out of the bytes that have come.
    fn split(&mut self) {
        while let Some(end) = self.rest.windows(2).position(|two| two == b"\n\n") {
            let event: Vec<u8> = self.rest.drain(..end + 2).collect();
            let text = String::from_utf8_lossy(&event);
            let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
            let Some(mut value) = field("data:").and_then(|data| serde_json::from_str::<Value>(data).ok()) else {
                continue;
            };
            if let Some(id) = field("id:") {
                value["stream_id"] = id.into();
            }
            self.waiting.push_back(value);
        }
    }

    fn take(&mut self, value: &Value) -> Seen {
        if let Some(attached) = frame::attached(value) {
            return self.attached(value, attached);
        }
        if let Some(event) = frame::event(value) {
            if let Some(attach) = &mut self.attach {
                attach.gap.push(event);
                attach.missing = attach.missing.saturating_sub(1);
                return if attach.missing == 0 { self.whole() } else { Seen::Other };
            }
            self.saw(What::Event { room: self.room, event: event.clone() });
            return Seen::Event(self.room, event);
        }
        if let Some(signal) = frame::signal(value, self.room) {
            self.saw(signal);
        }
        Seen::Other
    }

    fn attached(&mut self, value: &Value, attached: Attached) -> Seen {
        let Some(attach) = &mut self.attach else { return Seen::Other };
        match attached {
            Attached::Resumed { head, .. } => {
                let stands = value["stream_id"].as_str().and_then(|id| id.rsplit_once(':')?.1.parse::<u64>().ok());
                attach.missing = head.seq.saturating_sub(stands.unwrap_or(head.seq));
                attach.head = Some(head);
                if attach.missing == 0 { self.whole() } else { Seen::Other }
            }
            Attached::Resync { head } => self.answered(Attached::Resync { head }),
        }
    }

    /// The answer is complete.
    fn whole(&mut self) -> Seen {
        let Some(Attach { head: Some(head), gap, .. }) = &mut self.attach else { return Seen::Other };
        let attached = Attached::Resumed { head: head.clone(), events: std::mem::take(gap) };
        self.answered(attached)
    }

    fn answered(&mut self, attached: Attached) -> Seen {
        let Some(Attach { began, after, .. }) = self.attach.take() else { return Seen::Other };
        let result = Outcome::Ok(attached);
        let what = What::Attach { room: self.room, after, presence: true, result: result.clone() };
        write_down(&self.endpoint, self.connection, began, Some(self.endpoint.recorder.now()), what);
        Seen::Attached(self.room, result)
    }

    /// Notes that the client's network has vanished. From now on neither side learns how the connection ends.
    pub fn network_vanished(&self) {
        self.saw(What::HalfOpen);
    }

    fn saw(&self, what: What) {
        let now = self.endpoint.recorder.now();
        write_down(&self.endpoint, self.connection, now, Some(now), what);
    }

    fn end(&mut self, by_client: bool) -> Seen {
        let mut seen = Seen::Closed(None);
        if std::mem::replace(&mut self.is_over, true) {
            return seen;
        }
        self.driver.abort();
        // An answer that is cut off is none: its head is not where the log ended. But the client goes on from what has come of it.
        if let Some(Attach { began, after, head, gap, .. }) = self.attach.take() {
            let what = What::Attach { room: self.room, after, presence: true, result: Outcome::Unknown };
            write_down(&self.endpoint, self.connection, began, None, what);
            if let (Some(Position { epoch, .. }), Some(last)) = (head, gap.last()) {
                let head = Position { epoch, seq: last.seq };
                seen = Seen::Attached(self.room, Outcome::Ok(Attached::Resumed { head, events: gap }));
            }
        }
        self.saw(What::Closed { code: None, by_client });
        seen
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.end(true);
    }
}

type Answer = (u16, Incoming, JoinHandle<Result<(), hyper::Error>>);

async fn ask(endpoint: &Endpoint, room: u64, after: Option<&Position>) -> Option<Answer> {
    let stream = endpoint.connect().await.ok()?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.ok()?;
    let driver = tokio::spawn(connection);
    let path = format!("/api/chat/rooms/{room}/events");
    let mut request = Request::builder().uri(path).header("host", endpoint.address.to_string());
    request = request.header("authorization", bearer(&endpoint.name.user));
    if let Some(Position { epoch, seq }) = after {
        request = request.header("last-event-id", format!("{epoch}:{seq}"));
    }
    let answer = sender.send_request(request.body(Empty::<Bytes>::new()).ok()?).await.ok()?;
    Some((answer.status().as_u16(), answer.into_body(), driver))
}

fn write_down(endpoint: &Endpoint, connection: u64, began: u64, ended: Option<u64>, what: What) {
    let Name { process, user } = endpoint.name.clone();
    endpoint.recorder.push(Record { process, user, connection, began, ended, what });
}

/// How long a client waits for the head of an answer.
const TIMEOUT: Duration = Duration::from_secs(20);

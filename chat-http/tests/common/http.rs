//! A client for plain HTTP/1.1 and for event streams, written by hand.

use std::{net::SocketAddr, time::Duration};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    time::timeout,
};

/// Far longer than anything takes: a test that waits this long fails.
const TOO_LONG: Duration = Duration::from_secs(20);

/// The head of an answer.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) status: u16,
    /// Names in lower case.
    headers: Vec<(String, String)>,
}

impl Head {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    async fn read(stream: &mut BufReader<TcpStream>) -> Self {
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        let status = line.split(' ').nth(1).unwrap_or_else(|| panic!("no status in {line:?}")).parse().unwrap();
        let mut headers = Vec::new();
        loop {
            line.clear();
            stream.read_line(&mut line).await.unwrap();
            let Some((name, value)) = line.trim_end().split_once(':') else { return Self { status, headers } };
            headers.push((name.to_lowercase(), value.trim().to_owned()));
        }
    }
}

/// Makes one request on a connection of its own; `headers` are lines.
pub(crate) async fn request(
    addr: SocketAddr,
    method: &str,
    path: &str,
    headers: &str,
    body: Option<&Value>,
) -> (Head, Value) {
    let asking = async {
        let stream = TcpStream::connect(addr).await.unwrap();
        let body = body.map(ToString::to_string).unwrap_or_default();
        let kind = if body.is_empty() { "" } else { "Content-Type: application/json\r\n" };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{kind}Content-Length: {}\r\n{headers}\r\n{body}",
            body.len()
        );
        let mut stream = BufReader::new(stream);
        stream.get_mut().write_all(request.as_bytes()).await.unwrap();
        let head = Head::read(&mut stream).await;
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        (head, if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() })
    };
    timeout(TOO_LONG, asking).await.expect("an answer in time")
}

/// One server-sent event.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sse {
    pub(crate) id: Option<String>,
    pub(crate) data: Value,
}

/// An event stream that does what `EventSource` does, except for reconnecting.
pub(crate) struct EventSource {
    stream: BufReader<TcpStream>,
    text: String,
    /// The last id seen.
    pub(crate) last_id: Option<String>,
    /// The last `retry` seen.
    pub(crate) retry: Option<u64>,
}

impl EventSource {
    /// Opens a stream: returns the head of the answer, and the stream.
    pub(crate) async fn open(addr: SocketAddr, path: &str, headers: &str) -> (Head, Self) {
        let mut stream = BufReader::new(TcpStream::connect(addr).await.unwrap());
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n{headers}\r\n");
        stream.get_mut().write_all(request.as_bytes()).await.unwrap();
        let head = timeout(TOO_LONG, Head::read(&mut stream)).await.expect("an answer in time");
        (head, Self { stream, text: String::new(), last_id: None, retry: None })
    }

    /// The next event; `None` at the end of the stream.
    pub(crate) async fn next(&mut self) -> Option<Sse> {
        loop {
            while let Some(end) = self.text.find("\n\n") {
                let block: String = self.text.drain(..end + 2).collect();
                if let Some(event) = self.read_block(&block) {
                    return Some(event);
                }
            }
            let piece = timeout(TOO_LONG, self.piece()).await.expect("something in time")?;
            self.text.push_str(&piece);
        }
    }

    /// The next frame of this type; others are skipped.
    pub(crate) async fn next_of(&mut self, kind: &str) -> Sse {
        loop {
            let event = self.next().await.unwrap_or_else(|| panic!("the stream ended without {kind}"));
            if event.data["type"] == kind {
                return event;
            }
        }
    }

    fn read_block(&mut self, block: &str) -> Option<Sse> {
        let (mut id, mut data) = (None, Vec::new());
        for line in block.split(['\n', '\r']).filter(|line| !line.is_empty() && !line.starts_with(':')) {
            match line.split_once(": ").unwrap() {
                ("id", value) => id = Some(value.to_owned()),
                ("data", value) => data.push(value),
                ("retry", value) => self.retry = Some(value.parse().unwrap()),
                other => panic!("{other:?}"),
            }
        }
        if id.is_some() {
            self.last_id.clone_from(&id);
        }
        let is_event = !data.is_empty();
        is_event.then(|| Sse { id, data: serde_json::from_str(&data.join("\n")).unwrap() })
    }

    /// The next chunk of the body; `None` at its end.
    async fn piece(&mut self) -> Option<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line).await.ok()?;
        let length = usize::from_str_radix(line.trim_end(), 16).ok().filter(|length| *length > 0)?;
        let mut piece = vec![0; length + 2];
        self.stream.read_exact(&mut piece).await.ok()?;
        piece.truncate(length);
        Some(String::from_utf8(piece).unwrap())
    }
}

//! The smallest client of the socket.

use std::{fmt, net::SocketAddr};

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{self, Message, client::IntoClientRequest, handshake::client::Request},
};

use super::DEADLINE;

/// A socket, and what has come over it (told when a test fails).
pub(crate) struct Socket {
    stream: WebSocketStream<TcpStream>,
    seen: Vec<Frame>,
}

/// What comes over a socket.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Frame {
    Json(Value),
    /// The end: the code of the close frame, if there was one.
    Closed(Option<u16>),
}

impl Socket {
    /// Opens a socket.
    pub(crate) async fn connect(address: SocketAddr, path: &str) -> Self {
        Self::try_connect(address, path, &[]).await.unwrap()
    }

    /// The same with headers, and it may be refused.
    pub(crate) async fn try_connect(
        address: SocketAddr,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, tungstenite::Error> {
        let mut request = format!("ws://{address}{path}").into_client_request()?;
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        Self::over(TcpStream::connect(address).await?, request).await
    }

    /// The same over a connection that there is.
    pub(crate) async fn over(stream: TcpStream, request: Request) -> Result<Self, tungstenite::Error> {
        let (stream, _) =
            timeout(DEADLINE, client_async(request, stream)).await.expect("the upgrade is not answered")?;
        Ok(Self { stream, seen: Vec::new() })
    }

    pub(crate) async fn send(&mut self, frame: Value) {
        self.send_text(frame.to_string()).await;
    }

    pub(crate) async fn send_text(&mut self, text: impl Into<String>) {
        self.stream.send(Message::text(text.into())).await.unwrap();
    }

    /// The same, from someone who does not mind when the server is gone.
    pub(crate) async fn try_send(&mut self, frame: Value) -> bool {
        self.stream.send(Message::text(frame.to_string())).await.is_ok()
    }

    /// What comes next.
    pub(crate) async fn next(&mut self) -> Frame {
        let next = timeout(DEADLINE, self.read()).await;
        let next = next.unwrap_or_else(|_| panic!("nothing comes any more; so far:\n{self}"));
        self.seen.push(next.clone());
        next
    }

    async fn read(&mut self) -> Frame {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => return Frame::Json(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(frame))) => return Frame::Closed(frame.map(|frame| frame.code.into())),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(other)) => panic!("the server sends text only: {other:?}"),
                Some(Err(_)) | None => return Frame::Closed(None),
            }
        }
    }

    /// What comes next, which is a frame.
    pub(crate) async fn frame(&mut self) -> Value {
        match self.next().await {
            Frame::Json(frame) => frame,
            Frame::Closed(code) => panic!("closed with {code:?} instead of a frame; so far:\n{self}"),
        }
    }

    /// The next frame like this; others may come before.
    pub(crate) async fn expect(&mut self, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        let find = async {
            loop {
                let frame = self.frame().await;
                if is_it(&frame) {
                    return frame;
                }
            }
        };
        match timeout(DEADLINE, find).await {
            Ok(frame) => frame,
            Err(_) => panic!("there is no {what}; so far:\n{self}"),
        }
    }

    /// The next frame of this type; others may come before.
    pub(crate) async fn expect_type(&mut self, kind: &str) -> Value {
        self.expect(kind, |frame| frame["type"] == kind).await
    }

    /// The next event (a message, an update, the end of the room); signals may come before.
    pub(crate) async fn event(&mut self) -> Value {
        self.expect("event", |frame| !frame["seq"].is_null() && frame["type"] != "ok").await
    }

    /// Reads on until the end, and returns its code.
    pub(crate) async fn expect_close(&mut self) -> Option<u16> {
        loop {
            if let Frame::Closed(code) = self.next().await {
                return code;
            }
        }
    }

    /// Sends a command, and returns its answer.
    pub(crate) async fn ask(&mut self, mut command: Value) -> Value {
        let name = format!("ref-{}", self.seen.len());
        command["ref"] = json!(name);
        self.send(command).await;
        self.expect("answer", |frame| frame["ref"] == json!(name)).await
    }

    /// Sends a message (on a socket of one room), and returns its number.
    pub(crate) async fn say(&mut self, content: &str) -> u64 {
        let answer = self.ask(json!({"type": "message", "content": content})).await;
        assert_eq!(answer["type"], "ok", "{answer}");
        answer["seq"].as_u64().unwrap()
    }

    /// Everything that comes before the answer to a ping: what the server had to say so far.
    pub(crate) async fn so_far(&mut self) -> Vec<Value> {
        let mut frames = Vec::new();
        self.send(json!({"type": "ping"})).await;
        loop {
            let frame = self.frame().await;
            if frame["type"] == "pong" {
                return frames;
            }
            frames.push(frame);
        }
    }

    /// Ends it with a close frame, as a page that is left does.
    pub(crate) async fn close(mut self) {
        self.stream.close(None).await.unwrap();
        while !matches!(self.next().await, Frame::Closed(_)) {}
    }
}

impl fmt::Display for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for frame in &self.seen {
            match frame {
                Frame::Json(frame) => writeln!(f, "  {frame}")?,
                Frame::Closed(code) => writeln!(f, "  closed with {code:?}")?,
            }
        }
        Ok(())
    }
}

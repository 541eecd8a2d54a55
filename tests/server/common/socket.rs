//! A minimal client of sockets.

use std::{fmt, net::SocketAddr};

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{self, Message, client::IntoClientRequest, handshake::client::Request},
};

use super::DEADLINE;

/// What a socket can run over.
pub(crate) trait Io: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Io for S {}

/// A socket, with everything that it received (shown if a test fails).
pub(crate) struct Socket {
    stream: WebSocketStream<Box<dyn Io>>,
    seen: Vec<Frame>,
}

/// Something received over a socket.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Frame {
    Json(Value),
    /// The end, with the code of the close frame if there was one.
    Closed(Option<u16>),
}

impl Socket {
    /// Opens a socket.
    pub(crate) async fn connect(address: SocketAddr, path: &str) -> Self {
        Self::try_connect(address, path, &[]).await.unwrap()
    }

    /// Opens a socket with headers; it may be refused.
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

    /// Opens a socket over an existing connection.
    pub(crate) async fn over(stream: impl Io + 'static, request: Request) -> Result<Self, tungstenite::Error> {
        let stream: Box<dyn Io> = Box::new(stream);
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

    /// Sends a frame to a server that may be gone.
    pub(crate) async fn try_send(&mut self, frame: Value) -> bool {
        self.stream.send(Message::text(frame.to_string())).await.is_ok()
    }

    /// The next frame, or the end.
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

    /// The next frame; the end fails the test.
    pub(crate) async fn frame(&mut self) -> Value {
        match self.next().await {
            Frame::Json(frame) => frame,
            Frame::Closed(code) => panic!("closed with {code:?} instead of a frame; so far:\n{self}"),
        }
    }

    /// The next frame that fits; others are skipped.
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

    /// The next frame of this type; others are skipped.
    pub(crate) async fn expect_type(&mut self, kind: &str) -> Value {
        self.expect(kind, |frame| frame["type"] == kind).await
    }

    /// The next event (a message, an update or the end of the room); signals are skipped.
    pub(crate) async fn event(&mut self) -> Value {
        self.expect("event", |frame| !frame["seq"].is_null() && frame["type"] != "ok").await
    }

    /// Reads until the end, and returns its code.
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

    /// Sends a message (on a socket for one room), and returns its number.
    pub(crate) async fn say(&mut self, content: &str) -> u64 {
        let answer = self.ask(json!({"type": "message", "content": content})).await;
        assert_eq!(answer["type"], "ok", "{answer}");
        answer["seq"].as_u64().unwrap()
    }

    /// Everything that comes before the answer to a ping.
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

    /// Closes it with a close frame, as a page does when one leaves it.
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

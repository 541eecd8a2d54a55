//! A client for sockets, and a server.

use std::{net::SocketAddr, time::Duration};

use chat_core::{ChatEngine, Identity, NewRoom, RoomId};
use chat_http::{Authenticator, Guests, Listener, Site, serve, site};
use futures::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
    time::timeout,
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, protocol::frame::coding::CloseCode},
};

/// A running server. It is not stopped when this is dropped, but with the test's runtime.
pub(crate) struct Server {
    pub(crate) addr: SocketAddr,
    pub(crate) engine: ChatEngine,
    pub(crate) stop: oneshot::Sender<()>,
    pub(crate) ended: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start(engine: ChatEngine) -> Self {
        Self::start_as(engine, Guests).await
    }

    /// The same with another authenticator.
    pub(crate) async fn start_as(engine: ChatEngine, authenticator: impl Authenticator) -> Self {
        Self::start_site(engine.clone(), site(engine, authenticator)).await
    }

    /// The same with a site of this engine.
    pub(crate) async fn start_site(engine: ChatEngine, site: Site) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        Self::start_on(addr, listener, engine, site)
    }

    /// The same on this listener, which has this address.
    pub(crate) fn start_on(addr: SocketAddr, listener: impl Into<Listener>, engine: ChatEngine, site: Site) -> Self {
        let listener = listener.into();
        let (stop, stopped) = oneshot::channel::<()>();
        let site = site.allow_origins(["http://app.example".parse().unwrap()]);
        let stopped = async move {
            if stopped.await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        let ended = tokio::spawn(serve(listener, site, stopped));
        Self { addr, engine, stop, ended }
    }

    pub(crate) async fn room(&self, name: &str) -> RoomId {
        let host = Identity::named("host").unwrap();
        self.engine.create_room(&host.as_guest(), NewRoom::named(name)).await.unwrap().id
    }

    /// Opens a socket: `path` as in `/ws/chat/1?username=Alice`.
    pub(crate) async fn open(&self, path: &str) -> Socket {
        let (stream, _) = connect_async(format!("ws://{}{path}", self.addr)).await.unwrap();
        Socket(stream)
    }

    /// Opens a socket for one room and waits until it is attached.
    pub(crate) async fn enter(&self, room: RoomId, name: &str) -> Socket {
        let mut socket = self.open(&format!("/ws/chat/{room}?username={name}")).await;
        assert_eq!(socket.next().await["type"], "attached");
        socket
    }
}

pub(crate) struct Socket(pub(crate) WebSocketStream<MaybeTlsStream<TcpStream>>);

/// Far longer than anything takes: a test that waits this long fails.
const TOO_LONG: Duration = Duration::from_secs(20);

impl Socket {
    pub(crate) async fn say(&mut self, frame: Value) {
        self.say_text(&frame.to_string()).await;
    }

    pub(crate) async fn say_text(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    /// The next frame.
    pub(crate) async fn next(&mut self) -> Value {
        serde_json::from_str(&self.next_text().await).unwrap()
    }

    /// The next frame as text.
    pub(crate) async fn next_text(&mut self) -> String {
        loop {
            match timeout(TOO_LONG, self.0.next()).await.expect("a frame in time").expect("a frame").unwrap() {
                Message::Text(text) => return text.as_str().to_owned(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// The next frame of this type; others are skipped.
    pub(crate) async fn next_of(&mut self, kind: &str) -> Value {
        loop {
            let frame = self.next().await;
            if frame["type"] == kind {
                return frame;
            }
        }
    }

    /// The code with which the server closes; frames before it are skipped.
    pub(crate) async fn close_code(&mut self) -> u16 {
        self.close().await.0
    }

    /// The code and the reason with which the server closes.
    pub(crate) async fn close(&mut self) -> (u16, String) {
        loop {
            match timeout(TOO_LONG, self.0.next()).await.expect("a close in time") {
                Some(Ok(Message::Close(Some(frame)))) => {
                    return (CloseCode::into(frame.code), frame.reason.as_str().to_owned());
                }
                Some(Ok(Message::Close(None))) => return (1005, String::new()),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return (1006, String::new()),
            }
        }
    }
}

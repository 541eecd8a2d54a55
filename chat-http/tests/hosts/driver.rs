//! The driver over sockets that are not ours: channels in memory, on paused time, and another library's WebSocket.

use std::{
    io,
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use chat_core::{Actor, ChatEngine, Draft, Error, Identity, NewRoom, RoomId, Since};
use chat_http::{Authenticated, Authenticator, ClientFrame, Driver, Ended, Guests, Request, ServerFrame, Via};
use futures::{
    SinkExt, StreamExt,
    channel::mpsc::{self, Receiver, Sender},
    future::ready,
};
use serde_json::{Value, json};
use tokio::{
    io::duplex,
    task::JoinHandle,
    time::{Instant, advance, timeout},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, protocol::Role},
};

use crate::common::engine;

/// A client over two channels.
struct Client {
    sends: Sender<io::Result<ClientFrame>>,
    hears: Receiver<ServerFrame>,
    driven: JoinHandle<Ended>,
}

impl Client {
    /// Its sink takes so many frames that nobody reads, and one more.
    fn over(driver: Driver, room_for: usize) -> Self {
        let (sends, incoming) = mpsc::channel(8);
        let (outgoing, hears) = mpsc::channel(room_for);
        Self { sends, hears, driven: tokio::spawn(driver.run_halves(incoming, outgoing)) }
    }

    fn of(driver: Driver) -> Self {
        Self::over(driver, 64)
    }

    async fn say(&mut self, frame: Value) {
        self.sends.send(Ok(frame.to_string().into())).await.unwrap();
    }

    async fn next(&mut self) -> ServerFrame {
        self.hears.next().await.expect("a frame")
    }

    /// The next text; pings are skipped.
    async fn json(&mut self) -> Value {
        loop {
            if let ServerFrame::Text(text) = self.next().await {
                return serde_json::from_str(&text).unwrap();
            }
        }
    }

    async fn json_of(&mut self, kind: &str) -> Value {
        loop {
            let frame = self.json().await;
            if frame["type"] == kind {
                return frame;
            }
        }
    }
}

/// How it ends, and with which code. Nothing takes as long as a test waits here.
async fn ended(driven: JoinHandle<Ended>) -> (Option<u16>, Ended) {
    let ended = timeout(Duration::from_secs(100), driven).await.expect("an end").unwrap();
    let code = if let Ended::Close { code, .. } = ended { Some(code) } else { None };
    (code, ended)
}

fn ada() -> Identity {
    Identity::named("Ada").unwrap()
}

async fn room(engine: &ChatEngine) -> RoomId {
    engine.create_room(Actor::System, NewRoom::named("general")).await.unwrap().id
}

#[tokio::test]
async fn it_speaks_as_a_socket_for_many_rooms() {
    let engine = engine().await;
    let room = room(&engine).await;
    let mut client = Client::of(Driver::new(engine.connect(ada())));
    assert_eq!(client.json().await, json!({"type": "hello", "user": "Ada", "username": "Ada"}));
    client.say(json!({"type": "attach", "room": room.0, "ref": "a"})).await;
    assert_eq!(client.json().await["type"], "attached");
    client.say(json!({"type": "message", "room": room.0, "content": "Hello!", "ref": "m"})).await;
    assert_eq!(client.json_of("ok").await["seq"], 1);
    assert_eq!(client.json().await["content"], "Hello!");
    for _ in 0..5 {
        client.say(json!({"type": "shout"})).await;
        assert_eq!(client.json().await["code"], "unknown_command");
    }
    assert_eq!(ended(client.driven).await.0, Some(4400));
}

#[tokio::test]
async fn for_one_room_it_ends_with_the_room_after_all_was_said() {
    let engine = engine().await;
    let room = room(&engine).await;
    let mut client = Client::of(Driver::new(engine.connect(ada())).attach(room, Since::Now));
    assert_eq!(client.json().await["type"], "attached");
    assert_eq!(client.json().await["users"], json!(["Ada"]));
    let mut unseen = Client::of(Driver::new(engine.connect(Identity::named("Eve").unwrap())).observe(room, Since::Now));
    assert_eq!(unseen.json_of("user_list").await["users"], json!(["Ada"]));
    engine.delete_room(Actor::System, room).await.unwrap();
    for mut client in [client, unseen] {
        assert_eq!(client.json().await["type"], "room_deleted");
        assert_eq!(ended(client.driven).await.0, Some(4410));
    }
    let stranger = Client::of(Driver::new(engine.connect(ada())).attach(RoomId(99), Since::Now));
    assert_eq!(ended(stranger.driven).await.0, Some(4404));
}

/// All who hear an event are sent the same bytes.
#[tokio::test]
async fn a_frame_is_encoded_once_for_everybody() {
    let engine = engine().await;
    let room = room(&engine).await;
    let driver = |name| Driver::new(engine.connect(Identity::named(name).unwrap())).observe(room, Since::Now);
    let mut clients = [Client::of(driver("Ada")), Client::of(driver("Bob"))];
    for client in &mut clients {
        client.json_of("user_list").await;
    }
    engine.send(&ada(), room, Draft::text("Hello!")).await.unwrap();
    let mut texts = Vec::new();
    for client in &mut clients {
        let ServerFrame::Text(text) = client.next().await else { panic!() };
        texts.push(text.into_bytes());
    }
    assert_eq!(texts[0].as_ptr(), texts[1].as_ptr());
}

#[tokio::test(start_paused = true)]
async fn a_silent_client_is_pinged_and_ended() {
    let engine = engine().await;
    let start = Instant::now();
    let mut client = Client::of(Driver::new(engine.connect(ada())));
    client.json_of("hello").await;
    assert_eq!(client.next().await, ServerFrame::Ping);
    assert_eq!(start.elapsed().as_secs(), 20);
    client.sends.send(Ok(ClientFrame::Alive)).await.unwrap();
    assert_eq!(client.next().await, ServerFrame::Ping, "a pong keeps it");
    assert_eq!(ended(client.driven).await.0, Some(4562));
    assert_eq!(start.elapsed().as_secs(), 50);
}

#[tokio::test(start_paused = true)]
async fn without_pings_silence_means_nothing() {
    let engine = engine().await;
    let mut client = Client::of(Driver::new(engine.connect(ada())).without_pings());
    client.json_of("hello").await;
    for _ in 0..100 {
        advance(Duration::from_secs(30)).await;
        tokio::task::yield_now().await;
    }
    assert!(client.hears.try_recv().is_err(), "no ping");
    client.say(json!({"type": "ping"})).await;
    assert_eq!(client.json().await["type"], "pong");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_accepts_nothing_is_given_up() {
    let engine = engine().await;
    let start = Instant::now();
    let mut client = Client::over(Driver::new(engine.connect(ada())).without_pings(), 0);
    for _ in 0..4 {
        client.say(json!({"type": "ping"})).await;
    }
    assert_eq!(ended(client.driven).await.1, Ended::Lost);
    assert_eq!(start.elapsed().as_secs(), 30);
}

#[tokio::test]
async fn what_comes_from_the_client_ends_it_as_a_socket() {
    let engine = engine().await;
    let large = format!(r#"{{"type":"message","room":1,"content":"{}"}}"#, "x".repeat(256 << 10));
    for (frame, code, end) in [
        (Ok(large.into()), Some(1009), None),
        (Ok(ClientFrame::Binary), Some(1003), None),
        (Ok(ClientFrame::Close), None, Some(Ended::ByClient)),
        (Err(io::Error::other("broken")), None, Some(Ended::Lost)),
    ] {
        let mut client = Client::of(Driver::new(engine.connect(ada())));
        let shown = format!("{frame:?}");
        client.sends.send(frame).await.unwrap();
        let (closed_with, ended) = ended(client.driven).await;
        assert_eq!(closed_with, code, "{shown}");
        assert!(end.is_none_or(|end| end == ended), "{shown}: {ended:?}");
    }
    let client = Client::of(Driver::new(engine.connect(ada())));
    drop(client.sends);
    assert_eq!(ended(client.driven).await.1, Ended::Lost, "the stream has ended");
}

/// Knows one token.
struct Tokens;

#[async_trait]
impl Authenticator for Tokens {
    async fn authenticate(&self, _request: &Request) -> Result<Authenticated, Error> {
        Ok(Authenticated::anonymous())
    }

    async fn authenticate_token(&self, token: &str) -> Result<Authenticated, Error> {
        if token == "good" { Ok(ada().into()) } else { Err(Error::Unauthenticated) }
    }
}

#[tokio::test(start_paused = true)]
async fn it_ends_with_the_credential_unless_that_is_renewed() {
    let engine = engine().await;
    let mut found = Authenticated::from(ada());
    found.expires_at = Some(SystemTime::now() + Duration::from_secs(90));
    let driver = || Driver::new(engine.connect(ada())).login(&engine, Tokens, &found).without_pings();
    let mut client = Client::of(driver());
    client.json_of("expiring").await;
    advance(Duration::from_secs(60)).await;
    assert_eq!(ended(client.driven).await.0, Some(4540));
    let mut client = Client::of(driver());
    client.json_of("expiring").await;
    client.say(json!({"type": "auth", "token": "good", "ref": "r"})).await;
    assert_eq!(client.json().await, json!({"type": "ok", "ref": "r", "user": "Ada", "username": "Ada"}));
    advance(Duration::from_secs(600)).await;
    client.say(json!({"type": "auth", "token": "bad"})).await;
    assert_eq!(ended(client.driven).await.0, Some(4401));
}

#[tokio::test]
async fn a_token_counts_only_where_something_looks_at_it() {
    let engine = engine().await;
    let mut client = Client::of(Driver::new(engine.connect(ada())));
    client.json_of("hello").await;
    client.say(json!({"type": "auth", "token": "good", "ref": "r"})).await;
    let refusal = client.json().await;
    assert_eq!((&refusal["code"], &refusal["ref"]), (&json!("unknown_command"), &json!("r")));
}

#[tokio::test]
async fn a_credential_that_was_revoked_meanwhile_is_void() {
    let engine = engine().await;
    let mut found = Authenticated::user(ada(), Via::Token);
    found.credential = Some(chat_http::Credential { issued_at: None });
    engine.revoke(&ada().id).await.unwrap();
    let client = Client::of(Driver::new(engine.connect(ada())).login(&engine, Guests, &found));
    assert_eq!(ended(client.driven).await.0, Some(4401));
}

/// As the guide has it: another library's socket, mapped in both directions, which is still there afterwards.
#[tokio::test]
async fn it_runs_over_the_socket_of_another_library() {
    let engine = engine().await;
    let (ours, theirs) = duplex(64 << 10);
    let mut socket = WebSocketStream::from_raw_socket(ours, Role::Server, None).await;
    let driver = Driver::new(engine.connect(ada()));
    let serving = tokio::spawn(async move {
        let frames = (&mut socket)
            .map(|message| {
                message.map(|message| match message {
                    Message::Text(text) => ClientFrame::from(text.as_str()),
                    Message::Binary(_) => ClientFrame::Binary,
                    Message::Close(_) => ClientFrame::Close,
                    _ => ClientFrame::Alive,
                })
            })
            .with(|frame| {
                ready(Ok::<_, tokio_tungstenite::tungstenite::Error>(match frame {
                    ServerFrame::Text(text) => Message::text(text.as_str()),
                    ServerFrame::Ping => Message::Ping(Vec::new().into()),
                }))
            });
        let ended = driver.run(frames).await;
        if let Ended::Close { code, reason } = ended {
            let frame =
                tokio_tungstenite::tungstenite::protocol::CloseFrame { code: code.into(), reason: reason.into() };
            socket.close(Some(frame)).await.unwrap();
        }
        ended
    });
    let mut client = WebSocketStream::from_raw_socket(theirs, Role::Client, None).await;
    let hello = client.next().await.unwrap().unwrap();
    assert!(hello.to_text().unwrap().contains("hello"), "{hello:?}");
    engine.shutdown().await;
    let Message::Close(Some(frame)) = client.next().await.unwrap().unwrap() else { panic!("no close") };
    assert_eq!(u16::from(frame.code), 1001);
    assert!(matches!(serving.await.unwrap(), Ended::Close { code: 1001, .. }));
}

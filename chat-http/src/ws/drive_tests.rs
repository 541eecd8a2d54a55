//! Tests of the driver with a client in memory, on paused time.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use chat_core::{
    ChatEngine, Database, Draft, Epoch, Identity, Limits, NewRoom, RoomId, Since,
    store::MemoryStore,
    testing::{FaultyStore, StoreCall},
};
use futures::{SinkExt, StreamExt};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    task::JoinHandle,
    time::{Instant, timeout},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, protocol::Role},
};

use super::{
    drive::{Entry, drive},
    login::Login,
    upgrade,
};
use crate::{
    auth::{Authenticated, Authentication, Guests},
    unfinished::Unfinished,
};

type Client = WebSocketStream<DuplexStream>;

struct Scene {
    engine: ChatEngine,
    room: RoomId,
    client: Client,
    driver: JoinHandle<()>,
}

/// Alice on a socket for one room, over a stream that holds this many bytes.
async fn scene(limits: Limits, pipe: usize) -> Scene {
    scene_on(Database::memory(), limits, pipe).await
}

async fn scene_on(database: Database, limits: Limits, pipe: usize) -> Scene {
    scene_as(database, limits, pipe, None).await
}

/// The same with a credential that ends after this.
async fn scene_as(database: Database, limits: Limits, pipe: usize, ends_after: Option<Duration>) -> Scene {
    let engine = ChatEngine::builder().database(database).limits(limits).build().await.unwrap();
    let host = Identity::named("Host").unwrap();
    let room = engine.create_room(&host, NewRoom::named("general")).await.unwrap().id;
    let (ours, theirs) = duplex(pipe);
    let session = engine.connect(Identity::named("Alice").unwrap());
    let entry = Entry { room, since: Since::Now, presence: true };
    let authentication = Authentication::new(Arc::new(Guests), engine.clone());
    let mut found: Authenticated = Identity::named("Alice").unwrap().into();
    found.expires_at = ends_after.map(|after| SystemTime::now() + after);
    let login = Login::new(&authentication, &found);
    let driver = tokio::spawn(async move {
        drive(upgrade::open(ours, Unfinished::default().share()).await, session, Some(entry), login).await
    });
    let client = WebSocketStream::from_raw_socket(theirs, Role::Client, None).await;
    Scene { engine, room, client, driver }
}

/// Whether what the client has not read yet ends with a close frame of this code.
async fn ends_with_close(client: Client, code: u16) -> bool {
    let mut unread = Vec::new();
    client.into_inner().read_to_end(&mut unread).await.unwrap();
    let mut frame = vec![0x88];
    frame.push(0);
    frame.extend(code.to_be_bytes());
    unread.windows(4).any(|bytes| bytes[0] == frame[0] && bytes[2..] == frame[2..])
}

#[tokio::test(start_paused = true)]
async fn a_silent_client_is_closed_after_30_s() {
    let Scene { client, driver, engine: _engine, .. } = scene(Limits::default(), 64 << 10).await;
    let start = Instant::now();
    // The client is not polled, so that it answers no ping.
    timeout(Duration::from_secs(35), driver).await.unwrap().unwrap();
    assert!(start.elapsed() >= Duration::from_secs(30), "{:?}", start.elapsed());
    assert!(ends_with_close(client, 4562).await);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_not_listened_to_is_not_blamed() {
    let mut limits = Limits::default();
    limits.unanswered_commands = 1;
    let store = FaultyStore::new(Arc::new(MemoryStore::new(Epoch::new("e"))));
    let Scene { mut client, driver, engine: _engine, .. } =
        scene_on(Database::store(Arc::new(store.clone())), limits, 64 << 10).await;
    store.hold(StoreCall::Append);
    client.send(Message::text(r#"{"type":"message","content":"Hi"}"#)).await.unwrap();
    store.called(StoreCall::Append, 1).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(!driver.is_finished(), "the one command it may have unanswered was");
    store.release(StoreCall::Append);
    let start = Instant::now();
    timeout(Duration::from_secs(60), driver).await.unwrap().unwrap();
    assert!(start.elapsed() >= Duration::from_secs(30), "{:?}", start.elapsed());
    assert!(ends_with_close(client, 4562).await);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_not_listened_to_has_something_to_acknowledge_every_8_s() {
    let mut limits = Limits::default();
    limits.unanswered_commands = 1;
    let store = FaultyStore::new(Arc::new(MemoryStore::new(Epoch::new("e"))));
    let Scene { mut client, engine: _engine, .. } =
        scene_on(Database::store(Arc::new(store.clone())), limits, 64 << 10).await;
    let start = Instant::now();
    store.hold(StoreCall::Append);
    client.send(Message::text(r#"{"type":"message","content":"Hi"}"#)).await.unwrap();
    let mut pings = Vec::new();
    while pings.len() < 4 {
        if let Message::Ping(_) = client.next().await.unwrap().unwrap() {
            pings.push(start.elapsed().as_secs());
        }
    }
    assert_eq!(pings, [8, 16, 24, 32]);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_answers_pings_stays() {
    let Scene { mut client, driver, engine: _engine, .. } = scene(Limits::default(), 64 << 10).await;
    let start = Instant::now();
    let mut pings = Vec::new();
    while pings.len() < 6 {
        if let Message::Ping(_) = client.next().await.unwrap().unwrap() {
            pings.push(start.elapsed().as_secs());
        }
    }
    assert_eq!(pings, [20, 40, 60, 80, 100, 120]);
    assert!(!driver.is_finished());
}

#[tokio::test(start_paused = true)]
async fn a_message_that_comes_in_pieces_is_whole_within_30_s_or_the_client_is_to_come_back() {
    let Scene { client, driver, engine: _engine, .. } = scene(Limits::default(), 64 << 10).await;
    let start = Instant::now();
    let mut raw = client.into_inner();
    // The head of a message of 100 bytes, which then come at one byte per 10 s. So the socket is not closed for
    // silence.
    raw.write_all(b"\x81\xe4\0\0\0\0").await.unwrap();
    let writing = async {
        loop {
            tokio::time::sleep(Duration::from_secs(10)).await;
            if raw.write_all(b" ").await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = writing => {}
        ended = driver => ended.unwrap(),
    }
    assert!((30..33).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
    let client = WebSocketStream::from_raw_socket(raw, Role::Client, None).await;
    assert!(ends_with_close(client, 1013).await);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_lags_is_closed_within_10_s() {
    let mut limits = Limits::default();
    limits.session_queue_bytes = 16 << 10;
    let Scene { engine, room, client, driver } = scene(limits, 1 << 10).await;
    let bob = Identity::named("Bob").unwrap();
    for _ in 0..100 {
        engine.send(&bob, room, Draft::text("x".repeat(1_000))).await.unwrap();
    }
    let start = Instant::now();
    timeout(Duration::from_secs(10), driver).await.expect("it is closed in time").unwrap();
    assert!(start.elapsed() <= Duration::from_secs(10));
    drop(client);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_nothing_is_not_waited_for_for_ever() {
    let Scene { engine, room, mut client, driver } = scene(Limits::default(), 256).await;
    let bob = Identity::named("Bob").unwrap();
    engine.send(&bob, room, Draft::text("x".repeat(1_000))).await.unwrap();
    // The client goes on sending, so the socket is not closed for silence.
    let speaking = async {
        loop {
            tokio::time::sleep(Duration::from_secs(5)).await;
            if client.send(Message::Pong(vec![].into())).await.is_err() {
                return;
            }
        }
    };
    let both = async { tokio::join!(speaking, driver) };
    timeout(Duration::from_secs(60), both).await.expect("it is cut in time").1.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_close_is_answered_and_leaves_at_once() {
    let Scene { engine, room, mut client, driver } = scene(Limits::default(), 64 << 10).await;
    while engine.presence(&Identity::named("Bob").unwrap(), room).await.unwrap().count == 0 {
        client.next().await.unwrap().unwrap();
    }
    let start = Instant::now();
    client.close(None).await.unwrap();
    while client.next().await.is_some() {}
    drop(client);
    driver.await.unwrap();
    assert_eq!(engine.presence(&Identity::named("Bob").unwrap(), room).await.unwrap().count, 0);
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_lost_client_counts_as_online_for_the_grace() {
    let Scene { engine, room, mut client, driver } = scene(Limits::default(), 64 << 10).await;
    let online = async || engine.presence(&Identity::named("Bob").unwrap(), room).await.unwrap().count;
    while online().await == 0 {
        client.next().await.unwrap().unwrap();
    }
    drop(client);
    driver.await.unwrap();
    assert_eq!(online().await, 1);
}

/// A client that says something ever again, every so often, for a minute; returns when it was closed.
async fn closed_after(limits: Limits, text: &'static str, every: Duration) -> Option<(Duration, Client)> {
    let Scene { mut client, driver, engine: _engine, .. } = scene(limits, 1 << 20).await;
    let start = Instant::now();
    let saying = async {
        while start.elapsed() < Duration::from_secs(60) {
            if client.send(Message::text(text)).await.is_err() {
                break;
            }
            tokio::time::sleep(every).await;
        }
    };
    tokio::select! {
        () = saying => return None,
        ended = driver => ended.unwrap(),
    }
    Some((start.elapsed(), client))
}

#[tokio::test(start_paused = true)]
async fn a_client_that_goes_on_above_a_rate_is_closed_after_10_s() {
    let rate = |per_second, burst| Some(chat_core::Rate { per_second, burst });
    let (mut of_messages, mut of_frames) = (Limits::default(), Limits::default());
    of_messages.rates.messages = rate(1.0, 1);
    of_frames.connection_frames = rate(1.0, 1);
    let (message, ping) = (r#"{"type":"message","content":"Hi"}"#, r#"{"type":"ping"}"#);
    for (limits, text) in [(of_messages, message), (of_frames.clone(), ping)] {
        let (after, client) = closed_after(limits, text, Duration::from_millis(100)).await.expect("it is closed");
        assert!((10..13).contains(&after.as_secs()), "{text}: {after:?}");
        assert!(ends_with_close(client, 4529).await, "{text}");
    }
    let kept = closed_after(of_frames, ping, Duration::from_millis(1_100)).await;
    assert!(kept.is_none(), "who keeps to the rate stays");
}

#[tokio::test(start_paused = true)]
async fn f40_a_token_that_ends_is_told_and_then_closes() {
    let began = Instant::now();
    let ends_after = Some(Duration::from_secs(90));
    let mut scene = scene_as(Database::memory(), Limits::default(), 1 << 20, ends_after).await;
    let warning = loop {
        let text = scene.client.next().await.unwrap().unwrap().into_text().unwrap();
        if text.contains("expiring") {
            break text;
        }
    };
    // The wall clock goes on a little while the other one is paused.
    let is_about = |seconds: u64| began.elapsed().abs_diff(Duration::from_secs(seconds)) < Duration::from_secs(2);
    assert!(is_about(30), "{:?}", began.elapsed());
    assert!(warning.starts_with(r#"{"type":"expiring","in_ms":"#), "{warning}");
    let code = loop {
        if let Message::Close(Some(frame)) = scene.client.next().await.unwrap().unwrap() {
            break u16::from(frame.code);
        }
    };
    assert_eq!(code, 4540);
    assert!(is_about(150), "{:?}", began.elapsed());
}

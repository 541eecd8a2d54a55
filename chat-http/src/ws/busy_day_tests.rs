//! A busy person's day of work, at some times the speed of a person, on paused time: which limits it meets.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use chat_core::{
    Actor, Change, ChatEngine, Clock, Database, Draft, Error, HistoryQuery, Identity, Limits, NewRoom, Now, RoomId,
    Seq, Timestamp, search::SearchQuery,
};
use futures::{SinkExt, StreamExt, stream::SplitSink};
use serde_json::{Value, json};
use tokio::{
    io::{DuplexStream, duplex},
    time::{Instant, sleep},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, protocol::Role},
};

use super::{drive::drive, login::Login, upgrade};
use crate::{
    auth::{Authenticated, Authentication, Guests},
    unfinished::Unfinished,
};

/// The time that the runtime pauses.
struct Paused(Instant);

impl Clock for Paused {
    fn now(&self) -> Now {
        let mono = self.0.elapsed();
        Now { wall: Timestamp(i64::try_from(mono.as_micros()).unwrap()), mono }
    }
}

/// What was refused, in all that a person did.
type Refused = Arc<Mutex<Vec<String>>>;

/// A page or an app that is open.
struct Client(SplitSink<WebSocketStream<DuplexStream>, Message>);

struct Person {
    engine: ChatEngine,
    identity: Identity,
    rooms: Vec<RoomId>,
    clients: Vec<Client>,
    refused: Refused,
    /// How many times as fast as a person.
    speed: f64,
}

impl Client {
    async fn say(&mut self, frame: Value) {
        // Whatever ends a socket is noted by who reads it.
        drop(self.0.send(Message::text(frame.to_string())).await);
    }
}

impl Person {
    async fn at(speed: f64) -> Self {
        let builder = ChatEngine::builder().database(Database::memory()).limits(Limits::for_strangers());
        let engine = builder.clock(Paused(Instant::now())).build().await.unwrap();
        let mut rooms = Vec::new();
        for number in 0..300 {
            let room = engine.create_room(Actor::System, NewRoom::named(format!("room {number}"))).await.unwrap();
            rooms.push(room.id);
        }
        let identity = Identity::named("Ada").unwrap();
        Self { engine, identity, rooms, clients: Vec::new(), refused: Refused::default(), speed }
    }

    /// Lets so many seconds of a person's time pass.
    async fn pause(&self, seconds: f64) {
        sleep(Duration::from_secs_f64(seconds / self.speed)).await;
    }

    fn note<T>(&self, what: &str, done: Result<T, Error>) {
        if let Err(error) = done {
            self.refused.lock().unwrap().push(format!("{what}: {}", error.code()));
        }
    }

    /// Opens a page, an app and another page, in as many rooms; all at once, as when the network is back.
    async fn come_online(&mut self) {
        self.clients.clear();
        for rooms in [128, 40, 20] {
            let mut client = self.open().await;
            for room in &self.rooms[..rooms] {
                client.say(json!({"type": "attach", "room": room.0})).await;
            }
            self.clients.push(client);
        }
    }

    async fn open(&self) -> Client {
        let (ours, theirs) = duplex(1 << 20);
        let session = self.engine.connect(self.identity.clone());
        let authentication = Authentication::new(Arc::new(Guests), self.engine.clone());
        let login = Login::new(&authentication, &Authenticated::from(self.identity.clone()));
        tokio::spawn(async move {
            drive(upgrade::open(ours, Unfinished::default().share()).await, session, None, login).await;
        });
        let (sender, mut receiver) = WebSocketStream::from_raw_socket(theirs, Role::Client, None).await.split();
        let refused = Arc::clone(&self.refused);
        tokio::spawn(async move {
            while let Some(Ok(message)) = receiver.next().await {
                let text = message.to_string();
                if matches!(message, Message::Close(Some(_))) || text.starts_with("{\"type\":\"error\"") {
                    refused.lock().unwrap().push(text);
                }
            }
        });
        Client(sender)
    }

    async fn say(&mut self, frame: Value) {
        self.clients[0].say(frame).await;
    }

    /// Opens a room, writes there, and does what people do besides: some 20 seconds.
    async fn work(&mut self, step: usize) {
        let room = self.rooms[step % 100];
        let read = self.engine.history(&self.identity, room, HistoryQuery::newest()).await;
        let head = read.as_ref().map_or(0, |page| page.head.0);
        self.note("history", read);
        self.say(json!({"type": "read", "room": room.0, "seq": head})).await;
        // Reads it.
        self.pause(11.0).await;
        for _ in 0..if step.is_multiple_of(3) { 3 } else { 1 } {
            self.say(json!({"type": "typing", "room": room.0, "is_typing": true})).await;
            self.pause(3.0).await;
            self.say(json!({"type": "message", "room": room.0, "content": "a line of the usual length, more or less"}))
                .await;
        }
        match step % 10 {
            0 | 5 => self.react(room).await,
            2 => self.search().await,
            4 => self.scroll(room).await,
            _ => self.pause(5.0).await,
        }
    }

    /// Clicks three reactions, one per second.
    async fn react(&mut self, room: RoomId) {
        for reaction in ["+1", "eyes", "heart"] {
            self.say(json!({"type": "react", "room": room.0, "target": 1, "reaction": reaction, "added": true})).await;
            self.pause(1.0).await;
            self.say(json!({"type": "react", "room": room.0, "target": 1, "reaction": reaction, "added": false})).await;
        }
    }

    /// Types a search; the client asks four times meanwhile.
    async fn search(&mut self) {
        for words in ["us", "usual", "usual le", "usual length"] {
            self.note("search", self.engine.search(&self.identity, SearchQuery::new(words).unwrap()).await);
            self.pause(1.0).await;
        }
    }

    /// Scrolls through 15 pages in 5 seconds.
    async fn scroll(&mut self, room: RoomId) {
        for _ in 0..15 {
            self.note("history", self.engine.history(&self.identity, room, HistoryQuery::newest()).await);
            self.pause(0.33).await;
        }
    }

    /// So many blocks of some ten minutes; 48 are a day.
    async fn live(mut self, blocks: usize) -> Vec<String> {
        for room in &self.rooms[..100] {
            self.engine
                .send(Actor::SystemAs(Identity::named("Host").unwrap()), *room, Draft::text("good morning"))
                .await
                .unwrap();
        }
        self.come_online().await;
        for block in 0..blocks {
            for step in 0..30 {
                self.work(block * 30 + step).await;
            }
            self.note("join", self.engine.join(&self.identity, self.rooms[200 + block]).await);
            let last = self.rooms[block];
            self.note("a reaction", self.engine.change(&self.identity, last, Change::react(Seq(1), "ok")).await);
            if block % 6 == 0 {
                let made = self.engine.create_room(&self.identity, NewRoom::named(format!("plan {block}"))).await;
                self.note("a room", made);
            }
            if block % 10 == 9 {
                self.come_online().await;
            }
        }
        // What was said last is answered.
        self.pause(60.0).await;
        self.refused.lock().unwrap().clone()
    }
}

#[tokio::test(start_paused = true)]
async fn a_busy_day_at_ten_times_human_speed_meets_no_limit() {
    assert_eq!(Person::at(10.0).await.live(48).await, [""; 0]);
}

/// It is busy enough to be noticed.
#[tokio::test(start_paused = true)]
async fn the_same_hour_at_a_hundred_times_human_speed_meets_limits() {
    let refused = Person::at(100.0).await.live(6).await;
    assert!(refused.iter().any(|text| text.contains("\"code\":\"rate_limited\"")), "{refused:?}");
}

//! What the order of all rooms costs those who send. See `benches/README.md`.
#![expect(clippy::unwrap_used, reason = "what is not there ends the measurement")]

use std::{
    env,
    time::{Duration, Instant},
};

use chat_core::{ChatEngine, Draft, Identity, NewRoom, RoomId};
use futures::future::join_all;
use tokio::{
    runtime::Runtime,
    task::JoinHandle,
    time::{MissedTickBehavior, interval},
};

#[expect(dead_code, reason = "other benches fill them")]
#[path = "engine/databases.rs"]
mod databases;

/// How many send at once, each in one of the rooms.
const SENDERS: u64 = 64;
/// How many messages each sends in a turn.
const EACH: u64 = 200;
/// How many turns both have. They take turns, so that what else the machine does meets both alike.
const TURNS: usize = 15;
/// How often the follower asks.
const ASKS: Duration = Duration::from_millis(100);

fn main() {
    if env::args().any(|arg| arg == "--bench") {
        eprintln!("| database | rooms | compared | without | with | ratio |\n|---|---|---|---|---|---|");
        for (rooms, follows) in [(1, false), (1, true), (SENDERS, false), (SENDERS, true)] {
            let case = |name: &str, urls: [&str; 2]| {
                Runtime::new().unwrap().block_on(measure(name, urls, rooms, follows));
            };
            databases::on_each_twice(case);
        }
    }
}

/// A chat, and where each sender sends.
struct Chat {
    engine: ChatEngine,
    senders: Vec<(Identity, RoomId)>,
}

async fn measure(name: &str, [url, other]: [&str; 2], rooms: u64, follows: bool) {
    let (without, with) = (Chat::new(url, rooms).await, Chat::new(other, rooms).await);
    with.engine.tail(None, 1).await.unwrap();
    let follower = if follows { Some(with.follow().await) } else { None };
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..TURNS {
        for (chat, times) in [&without, &with].into_iter().zip(&mut times) {
            times.push(chat.turn().await);
        }
    }
    if let Some(follower) = follower {
        follower.abort();
    }
    let what = if follows { "the order, and a follower" } else { "the order" };
    let [without_us, with_us] = times.map(|mut times| {
        times.sort_unstable();
        times[TURNS / 2].as_secs_f64() * 1e6 / (SENDERS * EACH) as f64
    });
    let ratio = with_us / without_us;
    eprintln!("| {name} | {rooms} | {what} | {without_us:.1} µs | {with_us:.1} µs | {ratio:.3} |");
    for chat in [without, with] {
        chat.engine.shutdown().await;
    }
}

impl Chat {
    async fn new(url: &str, rooms: u64) -> Self {
        let engine = ChatEngine::builder().database(url).build().await.unwrap();
        let mut ids = Vec::new();
        for number in 0..rooms {
            let host = Identity::named("Host").unwrap().as_guest();
            ids.push(engine.create_room(&host, NewRoom::named(format!("room {number}"))).await.unwrap().id);
        }
        let sender = |number: u64| Identity::named(&format!("u{number}")).unwrap();
        let senders = (0..SENDERS).zip(ids.into_iter().cycle()).map(|(number, room)| (sender(number), room)).collect();
        Self { engine, senders }
    }

    /// Begins the order, and reads on in it.
    async fn follow(&self) -> JoinHandle<()> {
        let engine = self.engine.clone();
        let mut after = engine.tail(None, 1_000).await.unwrap().next;
        tokio::spawn(async move {
            let mut ticks = interval(ASKS);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                let mut has_more = true;
                while has_more {
                    let page = engine.tail(after.clone(), 1_000).await.unwrap();
                    (after, has_more) = (page.next, page.has_more);
                }
            }
        })
    }

    /// All send, each the next message when the one before is stored.
    async fn turn(&self) -> Duration {
        let start = Instant::now();
        let sends = self.senders.iter().cloned().map(|(sender, room)| {
            let engine = self.engine.clone();
            tokio::spawn(async move {
                for _ in 0..EACH {
                    let key = uuid::Uuid::now_v7().simple().to_string();
                    engine.send(&sender, room, Draft::text(text()).key(key)).await.unwrap();
                }
            })
        });
        join_all(sends.collect::<Vec<_>>()).await.into_iter().for_each(|sent| sent.unwrap());
        start.elapsed()
    }
}

/// The text that everything is measured with: 128 bytes.
fn text() -> String {
    "x".repeat(128)
}

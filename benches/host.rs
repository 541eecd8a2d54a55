//! What hosts do with many messages: they import them by awaited calls, and send them with transactions of their own. See
//! `benches/README.md`.
#![expect(clippy::unwrap_used, reason = "what is not there ends the measurement")]

use std::{
    env,
    time::{Duration, Instant},
};

use chat_core::{Actor, ChatEngine, Draft, Identity, NewRoom, RoomId, Seq};
use futures::{StreamExt, stream};
use sea_orm::{ConnectOptions, DatabaseConnection, TransactionTrait};
use tokio::{runtime::Runtime, time::sleep};

#[expect(dead_code, reason = "other benches fill them")]
#[path = "engine/databases.rs"]
mod databases;

/// How many messages are imported.
const IMPORTED: usize = 100_000;
/// How many of them are under way at once.
const AT_ONCE: usize = 1_000;
/// How many messages each way of sending has in a turn.
const EACH: usize = 1_600;
/// How many turns they have. They take turns, so that what else the machine does meets all alike.
const TURNS: usize = 7;
/// How many transactions of the host's are open at once.
const TRANSACTIONS: usize = 8;

fn main() {
    if env::args().any(|arg| arg == "--bench") {
        databases::on_each(|name, url| Runtime::new().unwrap().block_on(import(name, url)));
        eprintln!(
            "| database | by `send` | a transaction each | a transaction per 100 | ratios |\n|---|---|---|---|---|"
        );
        databases::on_each(|name, url| Runtime::new().unwrap().block_on(queue(name, url)));
    }
}

/// Sends so many messages into a room by awaited calls, of which none may be refused.
async fn import(name: &str, url: &str) {
    let host = Host::new(url).await;
    let start = Instant::now();
    host.send(IMPORTED, AT_ONCE).await;
    let took = start.elapsed();
    assert_eq!(host.head().await, Seq(IMPORTED as u64));
    let per_message = micros(took, IMPORTED);
    eprintln!("{name}: {IMPORTED} messages, {AT_ONCE} at once, none refused: {took:.1?}, {per_message:.1} µs each");
    host.close().await;
}

/// Compares ways of sending.
async fn queue(name: &str, url: &str) {
    let host = Host::new(url).await;
    let mut times = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..TURNS {
        for (way, times) in times.iter_mut().enumerate() {
            let end = Seq(host.head().await.0 + EACH as u64);
            let start = Instant::now();
            match way {
                0 => host.send(EACH, 64).await,
                1 => host.send_in(EACH, 1).await,
                _ => host.send_in(EACH / 100, 100).await,
            }
            while host.head().await < end {
                sleep(Duration::from_millis(1)).await;
            }
            times.push(start.elapsed());
        }
    }
    let [plain, single, many] = times.map(|mut times| {
        times.sort_unstable();
        micros(times[TURNS / 2], EACH)
    });
    let (of_single, of_many) = (single / plain, many / plain);
    eprintln!("| {name} | {plain:.1} µs | {single:.1} µs | {many:.1} µs | {of_single:.1}, {of_many:.1} |");
    host.close().await;
}

/// An engine, and a host on the same database.
struct Host {
    engine: ChatEngine,
    database: DatabaseConnection,
    alice: Identity,
    room: RoomId,
}

impl Host {
    async fn new(url: &str) -> Self {
        let engine = ChatEngine::builder().database(url).build().await.unwrap();
        let mut options = ConnectOptions::new(url);
        options.max_connections(TRANSACTIONS as u32).sqlx_logging(false);
        let database = sea_orm::Database::connect(options).await.unwrap();
        let room = engine.create_room(Actor::System, NewRoom::named("general")).await.unwrap().id;
        Self { engine, database, alice: Identity::named("Alice").unwrap(), room }
    }

    /// Sends so many messages, so many at once.
    async fn send(&self, count: usize, at_once: usize) {
        let sends = stream::iter(0..count).map(|_| self.engine.send(&self.alice, self.room, draft()));
        sends.buffer_unordered(at_once).for_each(async |sent| drop(sent.unwrap())).await;
    }

    /// Sends messages with so many transactions, each with so many of them.
    async fn send_in(&self, transactions: usize, messages: usize) {
        let transactions = stream::iter(0..transactions).map(|_| async {
            let transaction = self.database.begin().await.unwrap();
            let mut queued = None;
            for _ in 0..messages {
                queued = Some(self.engine.send_in(&transaction, &self.alice, self.room, draft()).await.unwrap());
            }
            transaction.commit().await.unwrap();
            if let Some(queued) = queued {
                queued.committed();
            }
        });
        transactions.buffer_unordered(TRANSACTIONS).collect::<()>().await;
    }

    async fn head(&self) -> Seq {
        self.engine.room(Actor::System, self.room).await.unwrap().head
    }

    async fn close(self) {
        self.database.close().await.unwrap();
        self.engine.shutdown().await;
    }
}

fn draft() -> Draft {
    Draft::text(text()).key(uuid::Uuid::now_v7().simple().to_string())
}

fn micros(time: Duration, messages: usize) -> f64 {
    time.as_secs_f64() * 1e6 / messages as f64
}

/// The text that everything is measured with: 128 bytes.
fn text() -> String {
    "x".repeat(128)
}

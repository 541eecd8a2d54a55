//! Pages of 50 out of a room with 1,000,000 events of which 1 in 100 is a message, on SQLite, and on the servers that
//! `cargo xtask with` starts.

use std::{env, fs};

use chat_core::{ChatEngine, Database, HistoryQuery, Identity, NewRoom, RoomId, Seq};
use criterion::{BenchmarkId, Criterion, Throughput};
use sea_orm::ConnectionTrait as _;
use tokio::runtime::Runtime;

use crate::text;

const EVENTS: u64 = 1_000_000;
/// How many events a message comes with.
const EVERY: u64 = 100;
/// How many rows a statement inserts.
const ROWS: usize = 1_000;

pub(crate) fn bench(c: &mut Criterion) {
    let folder = env::temp_dir().join(format!("chat-bench-{}", uuid::Uuid::new_v4()));
    fs::create_dir(&folder).unwrap();
    measure(c, "sqlite", &format!("sqlite://{}/chat.db?mode=rwc", folder.display()));
    fs::remove_dir_all(folder).unwrap();
    for (name, variable) in [("postgres", "CHAT_TEST_POSTGRES_URL"), ("mariadb", "CHAT_TEST_MYSQL_URL")] {
        match env::var(variable) {
            Ok(server) => measure(c, name, &own_database(&server)),
            Err(_) => eprintln!("{name} is left out: `cargo xtask with cargo bench …` starts it"),
        }
    }
}

fn measure(c: &mut Criterion, name: &str, url: &str) {
    let runtime = Runtime::new().unwrap();
    let alice = Identity::named("Alice").unwrap();
    let room = runtime.block_on(fill(url, &alice));
    let engine = runtime.block_on(ChatEngine::builder().database(Database::from(url)).build()).unwrap();
    let mut group = c.benchmark_group(format!("sparse/{name}"));
    group.throughput(Throughput::Elements(1));
    let middle = Seq(EVENTS / 2);
    for (page, query) in [
        ("newest", HistoryQuery::newest()),
        ("before the middle", HistoryQuery::before(middle)),
        ("after the middle", HistoryQuery::after(middle)),
        ("around the middle", HistoryQuery::around(middle)),
    ] {
        group.bench_function(BenchmarkId::from_parameter(page), |bencher| {
            let read = || engine.history(&alice, room, query);
            bencher.iter(|| assert_eq!(runtime.block_on(read()).unwrap().messages.len(), 50));
        });
    }
    group.finish();
    runtime.block_on(engine.shutdown());
}

/// A database of its own on a server, which goes with the server.
fn own_database(server: &str) -> String {
    let name = format!("bench_{}", uuid::Uuid::new_v4().simple());
    Runtime::new().unwrap().block_on(execute(server, &[format!("CREATE DATABASE {name}")]));
    format!("{}/{name}", server.rsplit_once('/').unwrap().0)
}

/// Makes a room, and its log by statements of its own: the engine would take an hour.
async fn fill(url: &str, alice: &Identity) -> RoomId {
    let engine = ChatEngine::builder().database(Database::from(url)).build().await.unwrap();
    let room = engine.create_room(alice, NewRoom::named("general")).await.unwrap().id;
    engine.shutdown().await;
    let rows: Vec<String> = (1..=EVENTS).map(|seq| row(room, seq)).collect();
    let mut statements: Vec<String> = rows
        .chunks(ROWS)
        .map(|rows| {
            format!(
                "INSERT INTO chat_events (room_id, seq, kind, at_us, user_id, user_name, ordinal, idem_key, fingerprint, body) \
                 VALUES {}",
                rows.join(",")
            )
        })
        .collect();
    let messages = EVENTS / EVERY;
    statements.push(format!("UPDATE chat_rooms SET head = {EVENTS}, ordinal = {messages} WHERE id = {room}"));
    execute(url, &statements).await;
    room
}

fn row(room: RoomId, seq: u64) -> String {
    let (kind, body) = if seq.is_multiple_of(EVERY) { (1, text()) } else { (2, String::new()) };
    format!("({room}, {seq}, {kind}, {seq}, 'Alice', 'Alice', {}, '{seq:032}', 0, '{body}')", seq / EVERY)
}

async fn execute(url: &str, statements: &[String]) {
    let mut options = sea_orm::ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false);
    let connection = sea_orm::Database::connect(options).await.unwrap();
    for sql in statements {
        connection.execute_unprepared(sql).await.unwrap();
    }
    connection.close().await.unwrap();
}

//! What members cost a message: in a room of everybody's, in one that somebody owns, in one with 100,000 members, and in one of each
//! sender's 1,000 rooms. On SQLite, and on the servers that `cargo xtask with` starts.

use std::time::Instant;

use chat_core::{ChatEngine, Database, Draft, Identity, NewRoom, RoomId};
use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput};
use futures::future::join_all;
use tokio::runtime::Runtime;

use crate::{
    databases::{execute, on_each},
    scaled, text,
};

/// How many send at once.
const SENDERS: u64 = 64;
/// How many members a large room has.
const MEMBERS: u64 = 100_000;
/// In how many rooms each sender is.
const ROOMS: u64 = 1_000;
/// How many rows a statement inserts.
const ROWS: usize = 1_000;

pub(crate) fn bench(c: &mut Criterion) {
    on_each(|name, url| measure(c, name, url));
}

fn measure(c: &mut Criterion, database: &str, url: &str) {
    let mut group = c.benchmark_group("members");
    group.sample_size(10).sampling_mode(SamplingMode::Flat).throughput(Throughput::Elements(1));
    let runtime = Runtime::new().unwrap();
    let rooms = runtime.block_on(fill(url));
    let engine = runtime.block_on(ChatEngine::builder().database(Database::from(url)).build()).unwrap();
    let senders: Vec<Identity> = (0..SENDERS).map(sender).collect();
    for (name, room) in rooms {
        group.bench_function(BenchmarkId::new(database, name), |bencher| {
            bencher.iter_custom(|asked| {
                let each = asked.div_ceil(SENDERS);
                let start = Instant::now();
                let sends =
                    senders.iter().map(|sender| runtime.spawn(send(engine.clone(), sender.clone(), room, each)));
                runtime.block_on(join_all(sends.collect::<Vec<_>>()));
                scaled(start, each * SENDERS, asked)
            });
        });
    }
    group.finish();
    runtime.block_on(engine.shutdown());
}

async fn send(engine: ChatEngine, sender: Identity, room: RoomId, count: u64) {
    for _ in 0..count {
        let key = uuid::Uuid::now_v7().simple().to_string();
        engine.send(&sender, room, Draft::text(text()).key(key)).await.unwrap();
    }
}

fn sender(number: u64) -> Identity {
    Identity::named(&format!("u{number}")).unwrap()
}

/// Makes the rooms by the engine, and their members by statements: the engine would take an hour.
async fn fill(url: &str) -> Vec<(&'static str, RoomId)> {
    let engine = ChatEngine::builder().database(Database::from(url)).build().await.unwrap();
    let (owner, guest) = (Identity::named("owner").unwrap(), Identity::named("guest").unwrap().as_guest());
    let open = engine.create_room(&guest, NewRoom::named("open")).await.unwrap().id;
    let owned = engine.create_room(&owner, NewRoom::named("owned")).await.unwrap().id;
    let large = engine.create_room(&owner, NewRoom::named("large").private()).await.unwrap().id;
    let mut many = Vec::new();
    for number in 0..ROOMS {
        many.push(engine.create_room(&owner, NewRoom::named(format!("room {number}")).private()).await.unwrap().id);
    }
    engine.shutdown().await;
    let in_large = (0..MEMBERS).map(|number| (large, number));
    let in_many = many.iter().flat_map(|room| (0..SENDERS).map(|number| (*room, number)));
    let rows: Vec<String> = in_large.chain(in_many).map(|(room, number)| row(room, number)).collect();
    let columns = "room_id, user_id, user_name, name_key, role, since_seq, at_us";
    let insert = |rows: &[String]| format!("INSERT INTO chat_members ({columns}) VALUES {}", rows.join(","));
    let mut statements: Vec<String> = rows.chunks(ROWS).map(insert).collect();
    statements.push(format!("UPDATE chat_rooms SET members = {} WHERE id = {large}", MEMBERS + 1));
    statements.push(format!("UPDATE chat_rooms SET members = {} WHERE id > {large}", SENDERS + 1));
    execute(url, &statements).await;
    let one_of_many = many.last().copied().unwrap();
    vec![
        ("a room of everybody's", open),
        ("a room that is owned", owned),
        ("100000 members", large),
        ("one of 1000 rooms", one_of_many),
    ]
}

/// A member. (`role` of those who are no more is 2.)
fn row(room: RoomId, number: u64) -> String {
    format!("({room}, 'u{number}', 'u{number}', 'u{number}', 2, 0, 1)")
}

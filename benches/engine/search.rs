//! Searching a million short messages in 100 rooms, 1 in 8 of them Chinese, on SQLite, and on the servers that `cargo xtask with`
//! starts. Says how large the index is, and how long it took to make.

use std::{cell::LazyCell, time::Instant};

use chat_core::{
    ChatEngine, Database, Identity, NewRoom, RoomId,
    search::SearchQuery,
    store::{Store as _, sea::SeaStore},
};
use criterion::{BenchmarkId, Criterion};
use sea_orm::ConnectionTrait as _;
use tokio::runtime::Runtime;

use crate::databases::{execute, on_each};

const MESSAGES: usize = 1_000_000;
const ROOMS: usize = 100;
/// How many rows a statement inserts.
const ROWS: usize = 1_000;
/// The number of different words. How often one occurs is about 1 / its rank.
const WORDS: f64 = 200_000.0;
const CHARACTERS: f64 = 3_000.0;

pub(crate) fn bench(c: &mut Criterion) {
    on_each(|name, url| measure(c, name, url));
}

fn measure(c: &mut Criterion, name: &str, url: &str) {
    let runtime = Runtime::new().unwrap();
    let alice = Identity::named("Alice").unwrap();
    // Only if one of these is asked for: it takes minutes.
    let engine = LazyCell::new(|| runtime.block_on(indexed(name, url, &alice)));
    let mut group = c.benchmark_group(format!("search/{name}"));
    for (what, words, room) in [
        ("a rare word", "needle", None),
        ("a common word", &*word(3), None),
        ("a common word in one room", &*word(3), Some(RoomId(7))),
        ("two common words", &*format!("{} {}", word(3), word(9)), None),
        ("the beginning of a word", &word(5_000)[..3], None),
        ("two Chinese characters", &*characters(&[12, 40]), None),
        ("one Chinese character", &*characters(&[90]), None),
        ("no such word", "nosuchword", None),
    ] {
        let query = SearchQuery { room, ..SearchQuery::new(words).unwrap() };
        group.bench_function(BenchmarkId::from_parameter(what), |bencher| {
            bencher.iter(|| runtime.block_on(engine.search(&alice, query.clone())).unwrap());
        });
    }
    group.finish();
    if let Some(engine) = LazyCell::get(&engine) {
        runtime.block_on(engine.shutdown());
    }
}

/// An engine on a database with all the messages in its index. Says what the index takes.
async fn indexed(name: &str, url: &str, alice: &Identity) -> ChatEngine {
    let bytes = fill(url, alice).await;
    let began = Instant::now();
    index(url).await;
    let (took, size) = (began.elapsed().as_secs_f64(), index_size(name, url).await);
    eprintln!(
        "{name}: {bytes} bytes of texts; an index of {size} bytes, {:.2} times as many, in {took:.0} s",
        size / bytes
    );
    ChatEngine::builder().database(Database::from(url)).build().await.unwrap()
}

/// Makes the rooms, and their logs by statements of its own; returns the bytes of the texts.
async fn fill(url: &str, alice: &Identity) -> f64 {
    let engine = ChatEngine::builder().database(Database::from(url)).build().await.unwrap();
    let mut rooms = Vec::new();
    for number in 0..ROOMS {
        rooms.push(engine.create_room(alice, NewRoom::named(format!("room {number}"))).await.unwrap().id);
    }
    engine.shutdown().await;
    let mut texts = Texts(7);
    let mut bytes = 0;
    let rows: Vec<String> = (0..MESSAGES)
        .map(|number| {
            let text = texts.next(number);
            bytes += text.len();
            let (room, seq) = (rooms[number % ROOMS], number / ROOMS + 1);
            format!("({room}, {seq}, 1, {number}000000, 'Alice', 'Alice', {seq}, '{number:032}', 0, '{text}')")
        })
        .collect();
    let insert = "INSERT INTO chat_events (room_id, seq, kind, at_us, user_id, user_name, ordinal, idem_key, fingerprint, body) VALUES";
    let mut statements: Vec<String> = rows.chunks(ROWS).map(|rows| format!("{insert} {}", rows.join(","))).collect();
    let of_room = MESSAGES / ROOMS;
    statements.push(format!("UPDATE chat_rooms SET head = {of_room}, ordinal = {of_room}"));
    execute(url, &statements).await;
    f64::from(u32::try_from(bytes).unwrap())
}

/// Puts all of it into the index, without the pauses that an engine makes.
async fn index(url: &str) {
    let store = SeaStore::open(url).await.unwrap();
    for behind in store.searcher().unindexed(None, ROOMS).await.unwrap() {
        while store.searcher().index(behind.room).await.unwrap() > 0 {}
    }
    store.close().await;
}

async fn index_size(name: &str, url: &str) -> f64 {
    let sql = match name {
        "sqlite" => "SELECT SUM(pgsize) * 1.0 FROM dbstat WHERE name = 'chat_terms'",
        "postgres" => "SELECT pg_total_relation_size('chat_terms')::float8",
        _ => {
            "SELECT (data_length + index_length) * 1e0 FROM information_schema.tables \
              WHERE table_schema = DATABASE() AND table_name = 'chat_terms'"
        }
    };
    let connection = sea_orm::Database::connect(url).await.unwrap();
    if name == "mariadb" {
        connection.execute_unprepared("ANALYZE TABLE chat_terms").await.unwrap();
    }
    let statement = sea_orm::Statement::from_string(connection.get_database_backend(), sql);
    let size = connection.query_one_raw(statement).await.unwrap().unwrap().try_get_by_index(0).unwrap();
    connection.close().await.unwrap();
    size
}

/// Texts as people write them, by a seed: some 10 words each.
struct Texts(u64);

impl Texts {
    fn next(&mut self, number: usize) -> String {
        if number % 50_000 == 777 {
            return "where is the needle?".to_owned();
        }
        let length = 2 + self.below(16);
        if self.below(8) == 0 {
            let ranks: Vec<usize> = (0..length).map(|_| self.rank(CHARACTERS)).collect();
            return characters(&ranks);
        }
        let words: Vec<String> = (0..length).map(|_| word(self.rank(WORDS))).collect();
        words.join(" ")
    }

    /// A rank by the law of Zipf.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a rank")]
    fn rank(&mut self, of: f64) -> usize {
        let chance = self.below(1 << 30) as f64 / f64::from(1 << 30);
        of.powf(chance) as usize
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }
}

/// The word of a rank: the commoner, the shorter.
fn word(rank: usize) -> String {
    const SYLLABLES: [&str; 30] = [
        "ka", "to", "ri", "men", "sol", "an", "er", "st", "pre", "con", "ing", "ly", "de", "mi", "ver", "ta", "lo",
        "ch", "ble", "ous", "in", "at", "on", "es", "qu", "sh", "ter", "ma", "pi", "gra",
    ];
    let (mut word, mut rest) = (String::new(), rank);
    loop {
        word.push_str(SYLLABLES[rest % SYLLABLES.len()]);
        rest /= SYLLABLES.len();
        if rest == 0 {
            return word;
        }
    }
}

fn characters(ranks: &[usize]) -> String {
    let character = |rank: &usize| char::from_u32(0x4e00 + u32::try_from(*rank).unwrap() * 6).unwrap();
    ranks.iter().map(character).collect()
}

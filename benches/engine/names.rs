//! Parts of names among 10,000 rooms, on SQLite: the cost grows with their number.

use chat_core::{NewRoom, RoomQuery};
use criterion::{BenchmarkId, Criterion};
use futures::{StreamExt, stream};

use crate::Bench;

const ROOMS: usize = 10_000;
const WORDS: [&str; 12] = [
    "alpha", "beta", "general", "team", "project", "support", "random", "design", "release", "music", "coffee", "voice",
];

pub(crate) fn bench(c: &mut Criterion) {
    let bench = Bench::on_file();
    bench.runtime.block_on(async {
        let made = (0..ROOMS).map(|number| {
            let (one, other) = (WORDS[number % WORDS.len()], WORDS[number / WORDS.len() % WORDS.len()]);
            bench.engine.create_room(&bench.alice, NewRoom::named(format!("{one} {other} {number}")))
        });
        // Fewer than `Limits::journal_changes`.
        stream::iter(made).buffer_unordered(128).for_each(|made| async { drop(made.unwrap()) }).await;
    });
    let mut group = c.benchmark_group("names");
    for (what, part, expected) in [
        ("one common letter", "e", 50),
        ("a common word", "support", 50),
        ("one room", "9999", 1),
        ("one letter that none has", "ж", 0),
        ("common words in an order that none has", "team team team", 0),
    ] {
        group.bench_function(BenchmarkId::from_parameter(what), |bencher| {
            let query = RoomQuery::default().name_contains(part);
            let find = || bench.engine.rooms(&bench.alice, query.clone());
            bencher.iter(|| assert_eq!(bench.runtime.block_on(find()).unwrap().rooms.len(), expected));
        });
    }
    group.finish();
}

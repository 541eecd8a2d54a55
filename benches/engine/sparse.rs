//! Pages of 50 out of a room with 1,000,000 events of which 1 in 100 is a message.

use std::cell::LazyCell;

use chat_core::{ChatEngine, Database, HistoryQuery, Identity, Seq};
use criterion::{BenchmarkId, Criterion, Throughput};
use tokio::runtime::Runtime;

use crate::databases::{fill, on_each};

const EVENTS: u64 = 1_000_000;
/// How many events a message comes with.
const EVERY: u64 = 100;

pub(crate) fn bench(c: &mut Criterion) {
    on_each(|name, url| measure(c, name, url));
}

fn measure(c: &mut Criterion, name: &str, url: &str) {
    let runtime = Runtime::new().unwrap();
    let alice = Identity::named("Alice").unwrap();
    // Only if one of these is asked for.
    let large = LazyCell::new(|| {
        let room = runtime.block_on(fill(url, &alice, EVENTS, EVERY));
        let engine = runtime.block_on(ChatEngine::builder().database(Database::from(url)).build()).unwrap();
        (engine, room)
    });
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
            let (engine, room) = &*large;
            let read = || engine.history(&alice, *room, query);
            bencher.iter(|| assert_eq!(runtime.block_on(read()).unwrap().messages.len(), 50));
        });
    }
    group.finish();
    if let Some((engine, _)) = LazyCell::get(&large) {
        runtime.block_on(engine.shutdown());
    }
}

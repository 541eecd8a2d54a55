//! Pages of 50 out of a room with 10,000 messages, on SQLite.

use chat_core::{Draft, HistoryQuery, Seq};
use criterion::{BenchmarkId, Criterion, Throughput};
use futures::{StreamExt, stream};

use crate::{Bench, text};

const MESSAGES: u64 = 10_000;

pub(crate) fn bench(c: &mut Criterion) {
    let bench = Bench::on_file();
    bench.runtime.block_on(async {
        let sends = (0..MESSAGES).map(|_| bench.engine.send(&bench.alice, bench.room, Draft::text(text())));
        let sent = stream::iter(sends).buffer_unordered(512);
        sent.for_each(|sent| async { drop(sent.unwrap()) }).await;
    });
    let mut group = c.benchmark_group("history");
    group.throughput(Throughput::Elements(1));
    for (name, page) in [
        ("newest", HistoryQuery::newest()),
        ("before the middle", HistoryQuery::before(Seq(MESSAGES / 2))),
        ("after the middle", HistoryQuery::after(Seq(MESSAGES / 2))),
        ("around the middle", HistoryQuery::around(Seq(MESSAGES / 2))),
    ] {
        group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
            let read = || bench.engine.history(&bench.alice, bench.room, page);
            bencher.iter(|| assert_eq!(bench.runtime.block_on(read()).unwrap().messages.len(), 50));
        });
    }
    group.finish();
}

//! Stored messages a second with full durability, by how many send at once: on SQLite in a file, and on the servers that
//! `cargo xtask with` starts.

use std::time::Instant;

use chat_core::Draft;
use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput};
use futures::future::join_all;

use crate::{Bench, databases::on_each, scaled, text};

pub(crate) fn bench(c: &mut Criterion) {
    on_each(|name, url| measure(c, name, &Bench::on(url)));
    measure(c, "sqlite, encrypted", &Bench::on_encrypted_file());
}

fn measure(c: &mut Criterion, name: &str, bench: &Bench) {
    let mut group = c.benchmark_group("journal");
    group.sample_size(10).sampling_mode(SamplingMode::Flat).throughput(Throughput::Elements(1));
    for senders in [1, 64, 512] {
        group.bench_function(BenchmarkId::new(name, format!("{senders} senders")), |bencher| {
            bencher.iter_custom(|asked| {
                let each = asked.div_ceil(senders);
                let start = Instant::now();
                bench.runtime.block_on(join_all((0..senders).map(|_| bench.runtime.spawn(send(bench, each)))));
                scaled(start, each * senders, asked)
            });
        });
    }
    group.finish();
}

/// One sender: the next message when the one before is stored.
fn send(bench: &Bench, count: u64) -> impl Future<Output = ()> + Send + 'static {
    let (engine, alice, room) = (bench.engine.clone(), bench.alice.clone(), bench.room);
    async move {
        for _ in 0..count {
            let key = uuid::Uuid::now_v7().simple().to_string();
            engine.send(&alice, room, Draft::text(text()).key(key)).await.unwrap();
        }
    }
}

//! From one send to the moment when every session of the room has taken the message out of its stream.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use chat_core::{Draft, Identity, Item, SessionHandle, Since, Update, Updates};
use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput};
use tokio::sync::Notify;

use crate::{Bench, text};

/// How many messages were taken, by all together.
#[derive(Default)]
struct Taken {
    count: AtomicU64,
    all: Notify,
}

pub(crate) fn bench(c: &mut Criterion) {
    let mut group = c.benchmark_group("fan_out");
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    for sessions in [10, 1_000, 10_000] {
        group.throughput(Throughput::Elements(sessions));
        group.bench_function(BenchmarkId::from_parameter(format!("{sessions} sessions")), |bencher| {
            let bench = Bench::in_memory();
            let taken = Arc::new(Taken::default());
            let _handles = bench.runtime.block_on(attach(&bench, sessions, &taken));
            bencher.iter_custom(|count| bench.runtime.block_on(run(&bench, sessions, &taken, count)));
        });
    }
    group.finish();
}

/// Attaches so many sessions, each with a task that takes what comes.
async fn attach(bench: &Bench, sessions: u64, taken: &Arc<Taken>) -> Vec<SessionHandle> {
    let mut handles = Vec::new();
    for number in 0..sessions {
        let user = Identity::named(&format!("user {number}")).unwrap();
        let (handle, updates) = bench.engine.connect(user).split();
        handle.observe(bench.room, Since::Now).await.unwrap();
        bench.runtime.spawn(take(updates, sessions, Arc::clone(taken)));
        handles.push(handle);
    }
    handles
}

async fn take(mut updates: Updates, sessions: u64, taken: Arc<Taken>) {
    while let Some(update) = updates.next().await {
        let Update::Delivery(delivery) = update else { continue };
        if matches!(delivery.item(), Item::Event(_))
            && (taken.count.fetch_add(1, Ordering::AcqRel) + 1).is_multiple_of(sessions)
        {
            taken.all.notify_one();
        }
    }
}

async fn run(bench: &Bench, sessions: u64, taken: &Taken, count: u64) -> std::time::Duration {
    let start = Instant::now();
    for _ in 0..count {
        bench.engine.send(&bench.alice, bench.room, Draft::text(text())).await.unwrap();
        taken.all.notified().await;
    }
    assert_eq!(taken.count.load(Ordering::Acquire) % sessions, 0);
    start.elapsed()
}

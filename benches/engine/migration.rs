//! A start that migrates the tables of the version before with 1,000,000 messages in them.

use std::{
    cell::LazyCell,
    time::{Duration, Instant},
};

use chat_core::{ChatEngine, Database, Identity};
use criterion::Criterion;
use tokio::runtime::Runtime;

use crate::databases::{execute, fill, on_each};

const MESSAGES: u64 = 1_000_000;
/// The migration that is undone, and made again.
const MIGRATION: &str = "m0004_conversation";
/// What it makes that takes long.
const INDEXES: [&str; 3] = ["chat_events_threads", "chat_events_edits", "chat_events_authors"];

pub(crate) fn bench(c: &mut Criterion) {
    on_each(|name, url| measure(c, name, url));
}

fn measure(c: &mut Criterion, name: &str, url: &str) {
    let runtime = Runtime::new().unwrap();
    // Only if this is to be measured at all.
    let log = LazyCell::new(|| runtime.block_on(fill(url, &Identity::named("Alice").unwrap(), MESSAGES, 1)));
    let mut group = c.benchmark_group("migration");
    group.sample_size(10);
    group.bench_function(name, |bencher| {
        LazyCell::force(&log);
        bencher.iter_custom(|times| (0..times).map(|_| runtime.block_on(migrate(name, url))).sum());
    });
    group.finish();
}

/// Undoes the migration, and measures the start that makes it again.
async fn migrate(name: &str, url: &str) -> Duration {
    let table = if name == "mariadb" { " ON chat_events" } else { "" };
    let mut undo: Vec<String> = INDEXES.iter().map(|index| format!("DROP INDEX {index}{table}")).collect();
    undo.push(format!("DELETE FROM chat_migrations WHERE version = '{MIGRATION}'"));
    execute(url, &undo).await;
    let began = Instant::now();
    let engine = ChatEngine::builder().database(Database::from(url)).build().await.unwrap();
    let taken = began.elapsed();
    engine.shutdown().await;
    taken
}

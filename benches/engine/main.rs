//! What the engine costs, by itself: no sockets, one process. See `benches/README.md`.
#![expect(clippy::unwrap_used, reason = "what is not there ends the measurement")]

use std::{
    env, fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use chat_core::{ChatEngine, Database, Identity, NewRoom, RoomId, TextKeys};
use criterion::{criterion_group, criterion_main};
use tokio::runtime::Runtime;

mod conversation;
mod databases;
mod fan_out;
mod history;
mod journal;
mod members;
mod migration;
mod names;
mod room_state;
mod search;
mod sparse;

criterion_group!(
    benches,
    room_state::bench,
    journal::bench,
    members::bench,
    fan_out::bench,
    history::bench,
    sparse::bench,
    conversation::bench,
    migration::bench,
    names::bench,
    search::bench
);
criterion_main!(benches);

/// An engine with a room and someone in it, and what it runs on.
struct Bench {
    runtime: Runtime,
    engine: ChatEngine,
    alice: Identity,
    room: RoomId,
    folder: Option<PathBuf>,
}

impl Bench {
    fn in_memory() -> Self {
        Self::new(Database::memory(), None)
    }

    /// On a file, with the durability that a server has.
    fn on_file() -> Self {
        Self::on_file_with(|database| database)
    }

    /// The same, with texts encrypted.
    fn on_encrypted_file() -> Self {
        let keys = TextKeys::generate().unwrap();
        Self::on_file_with(|database| database.encrypted(keys))
    }

    fn on_file_with(with: impl FnOnce(Database) -> Database) -> Self {
        let folder = env::temp_dir().join(format!("chat-bench-{}", uuid::Uuid::new_v4()));
        fs::create_dir(&folder).unwrap();
        let url = format!("sqlite://{}/chat.db?mode=rwc", folder.display());
        Self::new(with(Database::from(url.as_str())), Some(folder))
    }

    /// On the database of this URL.
    fn on(url: &str) -> Self {
        Self::new(Database::from(url), None)
    }

    fn new(database: Database, folder: Option<PathBuf>) -> Self {
        let runtime = Runtime::new().unwrap();
        let alice = Identity::named("Alice").unwrap();
        let (engine, room) = runtime.block_on(async {
            let engine = ChatEngine::builder().database(database).build().await.unwrap();
            let room = engine.create_room(&alice, NewRoom::named("general")).await.unwrap().id;
            (engine, room)
        });
        Self { runtime, engine, alice, room, folder }
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.runtime.block_on(self.engine.shutdown());
        if let Some(folder) = &self.folder {
            databases::remove(folder);
        }
    }
}

/// The text that everything is measured with: 128 bytes.
fn text() -> String {
    "x".repeat(128)
}

/// What `done` of something took, as if it had been `asked`: work that comes in groups is not always what was asked.
fn scaled(start: Instant, done: u64, asked: u64) -> Duration {
    start.elapsed().mul_f64(asked as f64 / done as f64)
}

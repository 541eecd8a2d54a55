//! The clients that use the server while it is tortured. Each role is an independent client, with random numbers of its
//! own.

pub mod board;
pub mod compose;
pub mod deleter;
pub mod editor;
pub mod reader;
pub mod renamer;
pub mod retrier;
pub mod subscriber;
pub mod world;
pub mod writer;

use tokio::{sync::mpsc, task::JoinSet};

use self::retrier::Retry;
pub use self::world::{ClientCounts, Controls, FinalState, Mode, UnderWay, World};

/// Starts all clients.
#[must_use]
pub fn begin(world: &World, counts: ClientCounts) -> JoinSet<FinalState> {
    let mut tasks = JoinSet::new();
    let (retry, retries) = mpsc::unbounded_channel::<Retry>();
    for number in 0..counts.writers {
        tasks.spawn(writer::run(world.clone(), number, retry.clone()));
    }
    for number in 0..counts.subscribers {
        tasks.spawn(subscriber::run(world.clone(), number));
    }
    for number in 0..counts.readers {
        tasks.spawn(reader::run(world.clone(), number));
    }
    for number in 0..counts.editors {
        tasks.spawn(editor::run(world.clone(), number, retry.clone()));
    }
    tasks.spawn(retrier::run(world.clone(), retries));
    tasks.spawn(renamer::run(world.clone()));
    tasks.spawn(deleter::run(world.clone()));
    tasks
}

//! The clients that use the server while it is tortured. Each role is an independent client, with random numbers of its
//! own.

pub mod board;
pub mod compose;
pub mod deleter;
pub mod editor;
pub mod follower;
pub mod keeper;
pub mod reader;
pub mod renamer;
pub mod retrier;
pub mod subscriber;
pub mod watcher;
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
    for number in 0..counts.followers {
        tasks.spawn(follower::run(world.clone(), number));
    }
    begin_owned(world, counts, &retry, &mut tasks);
    tasks.spawn(retrier::run(world.clone(), retries));
    tasks.spawn(renamer::run(world.clone()));
    tasks.spawn(deleter::run(world.clone()));
    tasks
}

/// Starts the clients of the rooms that have owners.
fn begin_owned(
    world: &World,
    counts: ClientCounts,
    retry: &mpsc::UnboundedSender<Retry>,
    tasks: &mut JoinSet<FinalState>,
) {
    if world.owned.is_empty() {
        return;
    }
    let world = world.of_owned_rooms(FIRST_PERSON as u64);
    let numbers = |count: usize| FIRST_PERSON..FIRST_PERSON + count;
    let subscribers = counts.people * 3 / 2;
    let mut people: Vec<String> = (1..counts.keepers).map(|number| format!("keeper-{number}")).collect();
    people.extend(numbers(counts.people).map(|number| format!("writer-{number}")));
    people.extend(numbers(subscribers).map(|number| format!("subscriber-{number}")));
    for number in numbers(counts.people) {
        tasks.spawn(writer::run(world.clone(), number, retry.clone()));
    }
    for number in numbers(subscribers) {
        tasks.spawn(subscriber::run(world.clone(), number));
    }
    for number in numbers(counts.people / 4) {
        tasks.spawn(reader::run(world.clone(), number));
        tasks.spawn(watcher::run(world.clone(), number));
    }
    // Two editors act for one who sends.
    for number in 2 * FIRST_PERSON..2 * FIRST_PERSON + counts.people / 2 {
        tasks.spawn(editor::run(world.clone(), number, retry.clone()));
    }
    for number in 0..counts.keepers {
        tasks.spawn(keeper::run(world.clone(), number, retry.clone(), people.clone()));
    }
}

/// From here on the clients of the rooms with owners count.
const FIRST_PERSON: usize = 100;

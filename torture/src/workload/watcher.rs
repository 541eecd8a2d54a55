//! Watchers do not hear the events of rooms, only that something happens there. Some of them may not, and try again.

use std::collections::BTreeMap;

use histcheck::history::Outcome;
use tokio::time::{Instant, sleep_until};

use super::{FinalState, Mode, World};
use crate::{
    client::socket::{Ask, Seen, Socket},
    recorder::Name,
    rng::Rng,
};

/// Watches until the clients are to leave, as a user who sends there.
pub async fn run(world: World, number: usize) -> FinalState {
    let name = Name { process: format!("watcher-{number}"), user: format!("writer-{number}") };
    let mut rng = world.rng(&Name::own(&name.process));
    while world.mode() < Mode::Leave {
        match Socket::open(&world.endpoint(&name)).await {
            Some(socket) => watch(&world, socket, &mut rng).await,
            None => world.pause(rng.millis(50, 300)).await,
        }
    }
    FinalState { name, positions: BTreeMap::new(), complaint: None }
}

/// Watches all rooms until the connection ends.
async fn watch(world: &World, mut socket: Socket, rng: &mut Rng) {
    let mut cut = world.controls.cut.subscribe();
    cut.mark_unchanged();
    let mut due: BTreeMap<u64, Instant> = world.rooms.iter().map(|room| (*room, Instant::now())).collect();
    loop {
        let next = due.first_key_value().map(|(room, at)| (*room, *at));
        tokio::select! {
            seen = socket.next() => match seen {
                Seen::Watched(room, Outcome::Refused(_)) | Seen::PutOut(room) => {
                    due.insert(room, Instant::now() + rng.millis(100, 1_500));
                }
                Seen::Closed(_) => return,
                Seen::Watched(..)
                | Seen::Answered(..)
                | Seen::Attached(..)
                | Seen::Detached(..)
                | Seen::Event(..)
                | Seen::Other => {}
            },
            () = sleep_until(next.map_or_else(Instant::now, |(_, at)| at)), if next.is_some() => {
                let Some((room, _)) = due.pop_first() else { continue };
                if !socket.ask(Ask::Watch { room }).await {
                    return;
                }
            }
            _ = cut.changed() => return,
            () = world.wait_for(Mode::Leave) => return socket.close().await,
        }
    }
}

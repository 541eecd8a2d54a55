//! Readers read pages of history, rooms and presence over REST, also as users who write.

use std::collections::BTreeMap;

use histcheck::history::{Outcome, Page};

use super::{FinalState, Mode, World};
use crate::recorder::Name;

/// Reads until the clients are to leave.
pub async fn run(world: World, number: usize) -> FinalState {
    // One of them acts for a user who writes: that user must find what was acknowledged.
    let name = Name { process: format!("reader-{number}"), user: format!("writer-{number}") };
    let mut rng = world.rng(&Name::own(&name.process));
    let rest = world.rest(&name);
    let mut heads: BTreeMap<u64, u64> = BTreeMap::new();
    while world.mode() < Mode::Settle {
        let room = world.rooms[rng.zipf(world.rooms.len())];
        let head = heads.get(&room).copied().unwrap_or(1);
        let page = match rng.below(10) {
            0..3 => rest.read(room, "").await,
            3..5 => rest.read(room, &format!("before={}", rng.between(1, head + 1))).await,
            5..7 => rest.read(room, &format!("after={}", rng.below(head + 1))).await,
            7 => rest.read(room, &format!("around={}", rng.between(1, head + 1))).await,
            8 => {
                rest.look(room).await;
                Outcome::Unknown
            }
            _ => {
                rest.presence(room).await;
                Outcome::Unknown
            }
        };
        if let Outcome::Ok(Page { head, .. }) = page {
            heads.insert(room, head);
        }
        world.pause(rng.millis(50, 300)).await;
    }
    FinalState { name, positions: BTreeMap::new(), complaint: None }
}

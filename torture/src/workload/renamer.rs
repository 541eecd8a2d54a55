//! The renamer gives rooms new names, so that logs contain events that are not messages.

use std::collections::BTreeMap;

use super::{FinalState, Mode, World};
use crate::recorder::Name;

/// Renames rooms until nothing new may begin.
pub async fn run(world: World) -> FinalState {
    let name = Name::own("renamer");
    let mut rng = world.rng(&name);
    let _under_way = world.under_way();
    let rest = world.rest(&name);
    let mut count = 0;
    while world.mode() < Mode::Settle {
        world.pause(rng.millis(500, 2_000)).await;
        if world.mode() > Mode::Work {
            break;
        }
        count += 1;
        let room = world.rooms[rng.zipf(world.rooms.len())];
        rest.update(room, &format!("room {room} as of {count}"), (None, None)).await;
    }
    FinalState { name, positions: BTreeMap::new(), complaint: None }
}

//! The renamer: gives rooms new names, so that logs hold events that are no messages.

use std::collections::BTreeMap;

use super::{Act, Left, World};
use crate::recorder::Name;

/// Renames until nothing new is to be begun.
pub async fn run(world: World) -> Left {
    let name = Name::own("renamer");
    let mut rng = world.rng(&name);
    let _under_way = world.under_way();
    let rest = world.rest(&name);
    let mut count = 0;
    while world.act() < Act::Settle {
        world.pause(rng.millis(500, 2_000)).await;
        if world.act() > Act::Work {
            break;
        }
        count += 1;
        let room = world.rooms[rng.zipf(world.rooms.len())];
        rest.rename(room, &format!("room {room} as of {count}")).await;
    }
    Left { name, positions: BTreeMap::new(), complaint: None }
}

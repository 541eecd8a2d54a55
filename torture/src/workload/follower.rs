//! Followers are told of all rooms by the feed that operators have. Each keeps where it stands, and goes on from there.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::{sleep, timeout};

use super::{FinalState, Mode, World};
use crate::{client::feed::Feed, recorder::Name};

/// Follows until the clients are to leave, and then to the end.
pub async fn run(world: World, number: usize) -> FinalState {
    let name = Name::own(&format!("follower-{number}"));
    let mut rng = world.rng(&name);
    let mut feed = Feed::new(world.address, world.recorder.clone(), name.clone());
    while world.mode() < Mode::Leave {
        if feed.read(rng.between(1, 300)).await != Some(true) {
            world.pause(rng.millis(20, 500)).await;
        }
    }
    let to_the_end = async {
        while feed.read(LARGEST_PAGE).await != Some(false) {
            sleep(BETWEEN_TRIES).await;
        }
    };
    let is_told = timeout(TIME_LIMIT, to_the_end).await.is_ok();
    let complaint = (!is_told).then(|| format!("{} cannot read to the end", name.process));
    FinalState { name, positions: BTreeMap::new(), complaint }
}

const LARGEST_PAGE: u64 = 1_000;
const BETWEEN_TRIES: Duration = Duration::from_millis(100);
const TIME_LIMIT: Duration = Duration::from_secs(10);

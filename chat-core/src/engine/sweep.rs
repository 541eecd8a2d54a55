//! The sweep: looks for what other engines have stored in the rooms that are active here.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;

use crate::engine::room_context::RoomContext;

/// Sweeps once an interval, until the engine stops. It runs only where others may write to the store: an engine that has its
/// database alone hears of each event by storing it.
pub(super) async fn run(context: Arc<RoomContext>, interval: Duration) {
    let mut stop = context.services.lifecycle.stop();
    loop {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = async {
                sleep(interval).await;
                sweep(&context).await;
            } => {}
        }
    }
}

/// Hints each active room that is behind its log.
async fn sweep(context: &RoomContext) {
    for rooms in context.rooms.ids().chunks(ROOMS_PER_STATEMENT) {
        match context.services.store.heads(rooms).await {
            Ok(heads) => rooms.iter().zip(heads).for_each(|(room, head)| context.rooms.hint(*room, head)),
            Err(failure) => {
                // The next sweep tries again.
                let _error = context.services.read_failed(&failure);
                return;
            }
        }
    }
}

const ROOMS_PER_STATEMENT: usize = 1_000;

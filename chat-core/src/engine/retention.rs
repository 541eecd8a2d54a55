//! Pruning all rooms in the background, as the host says.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::time::sleep;

use crate::{Error, Retention, RoomQuery, engine::inner::Inner, store::Viewer};

/// Asks once an interval what is kept of each room, and prunes the rest, until the engine stops.
pub(super) async fn run(inner: Weak<Inner>, retention: Arc<dyn Retention>, interval: Duration) {
    let Some(mut stop) = inner.upgrade().map(|inner| inner.services.lifecycle.stop()) else { return };
    loop {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = async {
                if let Some(inner) = inner.upgrade()
                    && let Err(error) = prune_all(&inner, &*retention).await
                {
                    // The next round goes on with it.
                    tracing::warn!(error = error.code(), "not all rooms could be pruned yet");
                }
                sleep(interval).await;
            } => {}
        }
    }
}

/// Goes through all rooms, one at a time.
async fn prune_all(inner: &Inner, retention: &dyn Retention) -> Result<(), Error> {
    let mut query = RoomQuery { limit: ROOMS_PER_PAGE, ..RoomQuery::default() };
    loop {
        let page = inner.services.read(inner.services.store.rooms(&query, &Viewer::Host).await)?;
        for room in page.rooms.iter().filter(|room| room.head >= room.first_seq) {
            if let Some(keep) = retention.keep(room, inner.services.clock.now().wall) {
                match inner.prune(room.id, keep, inner.services.limits.place_wait).await {
                    Ok(_) | Err(Error::RoomNotFound) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        match page.next {
            Some(next) => query.after = Some(next),
            None => return Ok(()),
        }
    }
}

const ROOMS_PER_PAGE: usize = 100;

//! Loading a room's latest events: in steps, so that no more is in memory at once than is kept.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::{RoomId, Seq, append::StoredEvent, delivery::event_cost, engine::services::Services, store::StoreError};

/// Loads rooms' events, a few rooms at a time.
#[derive(Debug)]
pub(super) struct Loader {
    services: Arc<Services>,
    turns: Semaphore,
}

impl Loader {
    pub(super) fn new(services: &Arc<Services>) -> Self {
        Self { services: Arc::clone(services), turns: Semaphore::new(ROOMS_AT_ONCE) }
    }

    /// Reads the events after `after`, at most `limit`. If they are not the log's end (`is_tail`), it reads the newest of
    /// them, and no more bytes than a room may keep in memory.
    pub(super) async fn load(
        &self,
        room: RoomId,
        after: Seq,
        limit: usize,
        is_tail: bool,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        // It is never closed.
        let _turn = self.turns.acquire().await;
        let (mut steps, mut bytes, mut left) = (Vec::new(), 0, limit);
        let mut from = after;
        while left > 0 && bytes < self.services.limits.recent_bytes {
            let step = left.min(STEP);
            let start = if is_tail { from } else { Seq(after.0 + (left - step) as u64) };
            let events = self.services.store.events_after(room, start, step).await?;
            bytes += events.iter().map(|stored| event_cost(&stored.event)).sum::<usize>();
            left -= step;
            if is_tail && events.len() < step {
                left = 0;
            }
            from = Seq(start.0 + events.len() as u64);
            steps.push(events);
        }
        if !is_tail {
            steps.reverse();
        }
        Ok(steps.into_iter().flatten().collect())
    }
}

/// How many events are read at once.
const STEP: usize = 250;
/// How many rooms may load at once: what is read is in memory before it is counted.
const ROOMS_AT_ONCE: usize = 4;

//! Loading a room's latest events: in steps, so that no more is in memory at once than is kept.

use crate::{RoomId, Seq, append::StoredEvent, delivery::event_cost, engine::inner::Inner, store::StoreError};

/// Reads the events after `after`, at most `limit`. Of older ones (not the `tail` of the log) those that are newest: as many
/// as a room may keep at hand.
pub(super) async fn load(
    inner: &Inner,
    room: RoomId,
    after: Seq,
    limit: usize,
    is_tail: bool,
) -> Result<Vec<StoredEvent>, StoreError> {
    // It is never closed.
    let _turn = inner.loads.acquire().await;
    let (mut steps, mut bytes, mut left) = (Vec::new(), 0, limit);
    let mut from = after;
    while left > 0 && bytes < inner.limits.recent_bytes {
        let step = left.min(STEP);
        let start = if is_tail { from } else { Seq(after.0 + (left - step) as u64) };
        let events = inner.store.events_after(room, start, step).await?;
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

/// How many events are read at once.
const STEP: usize = 250;

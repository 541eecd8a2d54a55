//! What planted bugs do to appends; only in the torture's own build.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use sea_orm::DatabaseTransaction;

use super::{error::SqlError, rows::signed, run::Run};
use crate::{
    RoomId,
    append::StoredEvent,
    store::RoomMessages,
    torture::{self, Bug},
};

/// Forgets what the keys of a batch were used for before: all of it, or what is older than this process. The rows stay,
/// and give their keys up.
pub(super) async fn forget_keys(
    run: &Run<'_, DatabaseTransaction>,
    found: Vec<StoredEvent>,
) -> Result<Vec<StoredEvent>, SqlError> {
    let forgets = |stored: &StoredEvent| match torture::bug() {
        Some(Bug::DedupOff) => true,
        Some(Bug::DedupForgottenAtRestart) => torture::armed_at().is_some_and(|since| stored.event.at < since),
        _ => false,
    };
    let (forgotten, kept): (Vec<_>, Vec<_>) = found.into_iter().partition(forgets);
    for stored in forgotten {
        let (room, seq) = (stored.event.room, stored.event.seq);
        let key = format!(" forgotten {seq}");
        let values = vec![run.dialect.opaque(Some(&key)), signed(room.0).into(), signed(seq.0).into()];
        run.execute("UPDATE chat_events SET idem_key = ? WHERE room_id = ? AND seq = ?", values).await?;
    }
    Ok(kept)
}

/// The rooms that were appended to since the process started.
static SEEN: Mutex<BTreeSet<RoomId>> = Mutex::new(BTreeSet::new());

/// Takes a room's last message back when it is first appended to, so that its number is given again.
pub(super) async fn forget_last(run: &Run<'_, DatabaseTransaction>, batch: &[RoomMessages]) -> Result<(), SqlError> {
    if !torture::has(Bug::ReuseSeq) {
        return Ok(());
    }
    for RoomMessages { room, .. } in batch {
        if !SEEN.lock().unwrap_or_else(PoisonError::into_inner).insert(*room) {
            continue;
        }
        let id = || signed(room.0).into();
        let delete = "DELETE FROM chat_events WHERE room_id = ? AND kind = 1 AND seq = \
             (SELECT head FROM chat_rooms WHERE id = ? AND deleted_at IS NULL)";
        if run.execute(delete, vec![id(), id()]).await?.rows_affected() > 0 {
            let lower = "UPDATE chat_rooms SET head = head - 1, ordinal = ordinal - 1 WHERE id = ?";
            run.execute(lower, vec![id()]).await?;
        }
    }
    Ok(())
}

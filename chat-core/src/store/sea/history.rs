//! Reading a room's log.

use sea_orm::{ConnectionTrait, DatabaseTransaction, Value};

use super::{
    dialect::Key,
    error::SqlError,
    rooms::count,
    rows::{self, EVENT_COLUMNS, signed, unsigned},
    run::Run,
};
use crate::{
    Epoch, Event, HistoryPage, HistoryQuery, RoomId, Seq,
    append::{Lookup, Recovered, StoredEvent},
    store::paging::{self, Snapshot, Window},
};

/// The events after `after`, in order.
pub(super) async fn events_after(
    run: &Run<'_, impl ConnectionTrait>,
    room: RoomId,
    after: Seq,
    limit: usize,
) -> Result<Vec<StoredEvent>, SqlError> {
    let values = vec![signed(room.0).into(), signed(after.0).into(), count(limit)];
    events(run, "room_id = ? AND seq > ? ORDER BY seq LIMIT ?", values).await
}

/// A page of a room's messages. The head is read before the rows, and nothing after it is shown.
pub(super) async fn page(
    run: &Run<'_, impl ConnectionTrait>,
    epoch: &Epoch,
    room: RoomId,
    page: HistoryQuery,
) -> Result<Option<HistoryPage>, SqlError> {
    let sql = "SELECT head, ordinal FROM chat_rooms WHERE id = ? AND deleted_at IS NULL";
    let Some(row) = run.query_one(sql, vec![signed(room.0).into()]).await? else { return Ok(None) };
    let snapshot = Snapshot { head: Seq(unsigned(&row, 0)?), messages: unsigned(&row, 1)? };
    let window = Window::of(page, snapshot.head);
    let mut messages = before(run, room, window).await?;
    messages.extend(from(run, room, window, snapshot.head).await?);
    Ok(Some(paging::finish(page, epoch.clone(), snapshot, messages)))
}

/// With the room's row locked, so that whatever was being committed is there or never will be: where the log ends, and what
/// holds one of the keys.
pub(super) async fn recover(
    run: &Run<'_, DatabaseTransaction>,
    room: RoomId,
    keys: &[Lookup],
) -> Result<Option<Recovered>, SqlError> {
    let sql = format!("SELECT head, deleted_at FROM chat_rooms WHERE id = ?{}", run.dialect.for_update());
    let Some(row) = run.query_one(&sql, vec![signed(room.0).into()]).await? else { return Ok(None) };
    let (head, deleted_at): (_, Option<i64>) = (Seq(unsigned(&row, 0)?), row.try_get_by_index(1)?);
    let of_users = keys
        .iter()
        .filter_map(|lookup| Some(Key { room, user: lookup.user.as_ref()?.as_str(), key: lookup.key.as_str() }));
    let mut found = run.dialect.find_keys(run, &of_users.collect::<Vec<_>>()).await?;
    for lookup in keys.iter().filter(|lookup| lookup.user.is_none()) {
        let values = vec![run.dialect.opaque(Some(lookup.key.as_str())), signed(room.0).into()];
        found.extend(events(run, "idem_key = ? AND room_id = ? AND user_id IS NULL", values).await?);
    }
    found.sort_by_key(|stored| stored.event.seq);
    found.dedup_by_key(|stored| stored.event.seq);
    Ok(Some(Recovered { head, is_deleted: deleted_at.is_some(), found }))
}

/// The messages before the window's edge, oldest first.
async fn before(run: &Run<'_, impl ConnectionTrait>, room: RoomId, window: Window) -> Result<Vec<Event>, SqlError> {
    if window.before == 0 {
        return Ok(Vec::new());
    }
    let values = vec![signed(room.0).into(), signed(window.edge.0).into(), count(window.before)];
    let mut found = messages(run, "room_id = ? AND seq < ? AND kind = 1 ORDER BY seq DESC LIMIT ?", values).await?;
    found.reverse();
    Ok(found)
}

/// The messages from the window's edge up to the head.
async fn from(
    run: &Run<'_, impl ConnectionTrait>,
    room: RoomId,
    window: Window,
    head: Seq,
) -> Result<Vec<Event>, SqlError> {
    if window.after == 0 {
        return Ok(Vec::new());
    }
    let condition = "room_id = ? AND seq >= ? AND seq <= ? AND kind = 1 ORDER BY seq LIMIT ?";
    let values = vec![signed(room.0).into(), signed(window.edge.0).into(), signed(head.0).into(), count(window.after)];
    messages(run, condition, values).await
}

async fn messages(
    run: &Run<'_, impl ConnectionTrait>,
    condition: &str,
    values: Vec<Value>,
) -> Result<Vec<Event>, SqlError> {
    let stored = events(run, condition, values).await?;
    Ok(stored.into_iter().map(|stored| std::sync::Arc::unwrap_or_clone(stored.event)).collect())
}

async fn events(
    run: &Run<'_, impl ConnectionTrait>,
    condition: &str,
    values: Vec<Value>,
) -> Result<Vec<StoredEvent>, SqlError> {
    let sql = format!("SELECT {EVENT_COLUMNS} FROM chat_events WHERE {condition}");
    let found = run.query(&sql, values).await?;
    found.iter().map(|row| rows::event(run.dialect, row)).collect()
}
